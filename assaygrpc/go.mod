module github.com/assaytls/assay/assaygrpc

go 1.26.0

require (
	github.com/assaytls/assay v0.0.0
	google.golang.org/grpc v1.85.0
)

require (
	filippo.io/mldsa v1.0.0 // indirect
	golang.org/x/crypto v0.59.0 // indirect
	golang.org/x/crypto/x509roots/fallback v0.0.0-20261030153154-30a33513ff6d // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/sys v0.50.0 // indirect
	golang.org/x/text v0.44.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260817212433-ac3dfec99bb1 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)

replace github.com/assaytls/assay => ../

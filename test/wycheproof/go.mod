module github.com/assaytls/assay/test/wycheproof

go 1.26.4

require (
	github.com/assaytls/assay v0.0.0
	github.com/c2sp/wycheproof v0.0.0-20260902155932-3fa63dd0344a
)

require golang.org/x/crypto v0.59.0 // indirect

replace github.com/assaytls/assay => ../../

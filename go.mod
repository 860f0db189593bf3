module github.com/assaytls/assay

go 1.26.0

require (
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.2
	golang.org/x/crypto v0.58.0
)

require golang.org/x/text v0.43.0 // indirect

module github.com/assaytls/assay

go 1.26.0

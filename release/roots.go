package main

import (
	"bytes"
	"encoding/pem"
	"os"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// roots writes the root certificates of the container: Mozilla's, as a module of the Go project has them. A root
// that Mozilla trusts only for certificates up to some day is left out, for a file of PEM cannot say that.
func roots(out string) error {
	var b bytes.Buffer
	for r := range bundle.Roots() {
		if r.Constraint != nil {
			continue
		}
		if err := pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate}); err != nil {
			return err
		}
	}
	return os.WriteFile(out, b.Bytes(), 0o644)
}

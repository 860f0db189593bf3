package cert_test

import (
	"testing"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
)

// Of an extension that stands twice the first one counts, and it is an error.
func TestDuplicateExtension(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	for _, first := range []bool{false, true} {
		c := cert.Parse(root.Issue(forge.Cert{Extensions: []forge.Ext{forge.BasicConstraints(first, -1), forge.SAN(forge.DNS("a.test")),
			forge.BasicConstraints(!first, -1), forge.SAN(forge.DNS("b.test"))}}).Raw)
		if c.CA != first || len(c.SAN) != 1 || c.SAN[0].Value != "a.test" {
			t.Errorf("CA %v, names %v", c.CA, c.SAN)
		}
		n := 0
		for _, f := range c.Findings {
			if f.ID == finding.ExtensionDuplicate && f.Severity == finding.Error {
				n++
			}
		}
		if n != 2 {
			t.Errorf("%d findings: %v", n, c.Findings)
		}
	}
}

package certpath_test

import (
	"testing"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/internal/lab/forge"
)

// The certificates of the issuer's name are found, whoever signed; no others are.
func TestAnchorsIssuers(t *testing.T) {
	a, b, other := forge.NewRoot("Root", nil), forge.NewRoot("Root", nil), forge.NewRoot("Other", nil)
	s := certpath.NewAnchors()
	for _, ca := range []*forge.CA{a, b, other} {
		if err := s.Add(ca.Raw); err != nil {
			t.Fatal(err)
		}
	}
	leaf := cert.Parse(a.Server("a.test", nil).Raw)
	if got := s.Issuers(leaf); len(got) != 2 || got[0].SHA256 != cert.Parse(a.Raw).SHA256 || got[1].SHA256 != cert.Parse(b.Raw).SHA256 {
		t.Errorf("%d issuers", len(got))
	}
	if got := (*certpath.Anchors)(nil).Issuers(leaf); got != nil {
		t.Errorf("no set has %d", len(got))
	}
}

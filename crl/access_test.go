package crl_test

import (
	"slices"
	"testing"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/finding"
	f "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

// Where a list says that its signer's certificate can be had is told when none at
// hand signed it, and only then; what cannot be read is no address.
func TestIssuersOfLists(t *testing.T) {
	w := world()
	const at = "http://ca.test/signer"
	access := func(value []byte) f.Ext { return f.Ext{OID: "1.3.6.1.5.5.7.1.1", Value: value} }
	for name, c := range map[string]struct {
		ext  f.Ext
		want []string
	}{
		"one":             {f.AIA(nil, []string{at}), []string{at}},
		"of responders":   {f.AIA([]string{at}, nil), nil},
		"not http":        {f.AIA(nil, []string{"ldap://ca.test/", "file:///etc/passwd"}), nil},
		"twice":           {f.AIA(nil, []string{at, at}), []string{at}},
		"many":            {f.AIA(nil, []string{at + "1", at + "2", at + "3", at + "4", at + "5"}), []string{at + "1", at + "2", at + "3", at + "4"}},
		"not a sequence":  {access(f.Null()), nil},
		"not an access":   {access(f.Seq(f.Null())), nil},
		"without a place": {access(f.Seq(f.Seq(f.OID("1.3.6.1.5.5.7.48.2")))), nil},
		"none":            {f.CRLNumber(1), nil},
	} {
		l, err := crl.Parse(t.Context(), w.ca.CRL(f.CRL{Extensions: exts(c.ext)}))
		if err != nil {
			t.Fatal(err)
		}
		if got := l.CAIssuers(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	named := exts(f.AIA(nil, []string{at}))
	key := signerOf(w.ca, w.ca.Name, f.CRLSign)
	for name, c := range map[string]struct {
		list []byte
		pool []*cert.Certificate
		want report.Status
		told bool
	}{
		"the issuer's own":          {w.ca.CRL(f.CRL{Extensions: named}), nil, report.Good, false},
		"by a key that is not here": {key.CRL(f.CRL{Extensions: named}), nil, report.Unknown, true},
		"by one that is":            {key.CRL(f.CRL{Extensions: named}), []*cert.Certificate{cert.Parse(key.Raw)}, report.Good, false},
		"about others":              {w.other.CRL(f.CRL{Extensions: named}), nil, report.Unknown, false},
	} {
		r := judged(t, leaf(), func(q *crl.Query) { trust(q); q.Pool = c.pool }, c.list)
		if r.Status != c.want || (len(r.Issuers) > 0) != c.told || c.told && !has(r, finding.CRLSignatureInvalid) {
			t.Errorf("%s: %s, issuers %q, %v", name, r.Status, r.Issuers, r.Findings)
		}
	}
}

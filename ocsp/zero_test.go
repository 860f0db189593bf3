package ocsp_test

import (
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	f "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/ocsp"
	"github.com/assaytls/assay/report"
)

// Zero values are no answer: a status that nobody set is none, and a query
// without a certificate, an issuer or a time gets nothing from an authentic
// response.
func TestZeroValues(t *testing.T) {
	var s ocsp.Single
	if s.Status == ocsp.Good || s.Status == ocsp.Revoked || s.Status == ocsp.Unknown || s.Status.String() != "none" {
		t.Errorf("the zero status is %s", s.Status)
	}
	root := f.NewRoot("Root", nil)
	leaf := root.Server("a.test", nil)
	c, issuer := cert.Parse(leaf.Raw), cert.Parse(root.Raw)
	answer := f.OCSP{Singles: []f.Single{root.Good(leaf.Serial)}}.Sign(root)
	now := time.Now()
	if r := ocsp.Check(ocsp.Query{Cert: c, Issuer: issuer, Time: now}, answer); r.Status != report.Good {
		t.Fatalf("the response is not good: %v", r.Findings)
	}
	for name, q := range map[string]ocsp.Query{
		"nothing": {}, "no certificate": {Issuer: issuer, Time: now}, "no issuer": {Cert: c, Time: now}, "no time": {Cert: c, Issuer: issuer},
		"a zero certificate": {Cert: &cert.Certificate{}, Issuer: issuer, Time: now}, "a zero issuer": {Cert: c, Issuer: &cert.Certificate{}, Time: now},
		"zeros": {Cert: &cert.Certificate{}, Issuer: &cert.Certificate{}, Time: now},
	} {
		for what, b := range map[string][]byte{"the response": answer, "no bytes": nil} {
			if r := ocsp.Check(q, b); r.Status != "" || r.Fresh || len(r.Findings) == 0 {
				t.Errorf("%s, %s: %q, %v", name, what, r.Status, r.Findings)
			}
		}
	}
	if (ocsp.CertID{}).Matches(c, issuer) || (ocsp.CertID{}).Matches(&cert.Certificate{}, &cert.Certificate{}) {
		t.Error("the zero CertID names a certificate")
	}
}

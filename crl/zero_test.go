package crl_test

import (
	"context"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/crl"
	f "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

// Zero values are no answer: neither a list that was not parsed nor a query
// without a certificate, an issuer or a time says good.
func TestZeroValues(t *testing.T) {
	root := f.NewRoot("Root", nil)
	leaf := root.Server("a.test", nil)
	c, issuer := cert.Parse(leaf.Raw), cert.Parse(root.Raw)
	l, err := crl.Parse(context.Background(), root.CRL(f.CRL{}))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	list, zero := []crl.Source{{List: l}}, []crl.Source{{List: &crl.List{}}, {}}
	if r := crl.Check(context.Background(), crl.Query{Cert: c, Issuer: issuer, Time: now, Sources: list}); r.Status != report.Good {
		t.Fatalf("the list is not good: %v", r.Findings)
	}
	for name, q := range map[string]crl.Query{
		"nothing": {}, "no certificate": {Issuer: issuer, Time: now, Sources: list}, "no issuer": {Cert: c, Time: now, Sources: list},
		"no time": {Cert: c, Issuer: issuer, Sources: list}, "zero lists": {Cert: c, Issuer: issuer, Time: now, Sources: zero},
		"a zero certificate": {Cert: &cert.Certificate{}, Issuer: issuer, Time: now, Sources: list},
		"a zero issuer":      {Cert: c, Issuer: &cert.Certificate{}, Time: now, Sources: list},
		"all zero":           {Cert: &cert.Certificate{}, Issuer: &cert.Certificate{}, Sources: zero},
	} {
		if r := crl.Check(context.Background(), q); r.Status == report.Good || r.Status == report.Revoked {
			t.Errorf("%s: %s", name, r.Status)
		}
	}
	if found, err := new(crl.List).Listed(leaf.Serial); found || err == nil {
		t.Error("the zero list answers")
	}
	if err := new(crl.List).Lookup(leaf.Serial, func(crl.Entry) bool { return true }); err == nil {
		t.Error("the zero list answers")
	}
	if err := new(crl.List).VerifySignature(nil, issuer.Key); err == nil {
		t.Error("the zero list is authentic")
	}
}

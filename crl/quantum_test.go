package crl_test

import (
	"context"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/finding"
	f "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// Lists of CAs with ML-DSA keys say good and revoked like others; those that are
// not exactly pure ML-DSA by the CA's key say nothing.
func TestMLDSALists(t *testing.T) {
	root := f.NewRoot("Root", nil)
	revoked := f.CRL{Entries: []f.Entry{f.Revoke(serial, f.KeyCompromise)}}
	for kind, alg := range map[string]f.Alg{"ML-DSA-44": f.MLDSA44, "ML-DSA-65": f.MLDSA65, "ML-DSA-87": f.MLDSA87} {
		ca := root.Intermediate("CA", f.NewKey(kind))
		impostor := f.NewRoot("CA", f.NewKey(kind))
		subject := ca.Issue(f.Cert{Subject: f.CN("leaf"), Serial: serial, Extensions: []f.Ext{f.AKI(ca.Key.ID()), f.CRLDP(url)}})
		null := alg.WithID(f.Seq(append(f.Children(alg.ID), f.Null())...))
		changed, hashed, nulled := revoked, revoked, revoked
		changed.MutateSig, hashed.Alg, nulled.Alg = f.FlipMiddle, alg.WithID(f.Seq(f.OID("2.16.840.1.101.3.4.3.32"))), null
		for name, c := range map[string]struct {
			list  []byte
			level policy.SecurityLevel
			want  report.Status
			id    finding.ID
		}{
			"empty":                     {ca.CRL(f.CRL{}), 0, report.Good, ""},
			"listed":                    {ca.CRL(revoked), 0, report.Revoked, ""},
			"changed":                   {ca.CRL(changed), 0, report.Unknown, finding.CRLSignatureInvalid},
			"another key":               {impostor.CRL(f.CRL{}), 0, report.Unknown, finding.CRLSignatureInvalid},
			"HashML-DSA":                {ca.CRL(hashed), 0, report.Unknown, finding.CRLSignatureUnsupported},
			"NULL parameters":           {ca.CRL(nulled), 0, report.Unknown, finding.CRLSignatureUnsupported},
			"at level 5":                {ca.CRL(f.CRL{}), policy.Level5, map[bool]report.Status{true: report.Good, false: report.Unknown}[kind == "ML-DSA-87"], ""},
			"listed, of another's name": {impostor.CRL(revoked), 0, report.Unknown, finding.CRLSignatureInvalid},
		} {
			l, err := crl.Parse(context.Background(), c.list)
			if err != nil {
				t.Fatal(err)
			}
			r := crl.Check(context.Background(), crl.Query{Cert: cert.Parse(subject.Raw), Issuer: cert.Parse(ca.Raw), Time: time.Now(), SecurityLevel: c.level,
				Above: []*cert.Certificate{cert.Parse(root.Raw)}, Sources: []crl.Source{{List: l, URL: url}}})
			if r.Status != c.want || c.id != "" && !has(r, c.id) {
				t.Errorf("%s, %s: %s %v, want %s %s", kind, name, r.Status, r.Findings, c.want, c.id)
			}
		}
	}
}

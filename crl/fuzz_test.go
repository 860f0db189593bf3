package crl_test

import (
	"context"
	"crypto/x509"
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/corpora"
	f "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

func FuzzParse(fz *testing.F) {
	if corpora.Present(fz, "pkits") != "" && corpora.Present(fz, "boringssl-pki") != "" {
		for _, b := range corpusLists(fz) {
			fz.Add(b)
		}
	}
	for _, h := range hostileLists() {
		fz.Add(h.make(1 << 10))
	}
	for _, c := range checkTests() {
		if lists := c.lists(); len(lists) < 10 {
			for _, b := range lists {
				fz.Add(b)
			}
		}
	}
	w := world()
	fz.Add(w.ca.CRL(f.CRL{Entries: entries(listed, onHold, f.Revoke(serial, 1, f.CertificateIssuer(aName(w.other))))}))
	fz.Add(f.PEM("X509 CRL", w.ca.CRL(f.CRL{})))
	fz.Fuzz(func(t *testing.T, b []byte) {
		l := parseBothWays(t, b)
		if l == nil || b[0] != 0x30 {
			return
		}
		x, err := x509.ParseRevocationList(b)
		if err == nil {
			compareX509(t, l, x)
		}
	})
}

// compareX509 checks that the list says what crypto/x509 read.
func compareX509(t testing.TB, l *crl.List, x *x509.RevocationList) {
	if l.Len() != len(x.RevokedCertificateEntries) {
		t.Fatalf("%d entries, crypto/x509 has %d", l.Len(), len(x.RevokedCertificateEntries))
	}
	if !l.ThisUpdate.Equal(x.ThisUpdate) || !l.NextUpdate.Equal(x.NextUpdate) || string(l.Issuer.Raw) != string(x.RawIssuer) || string(l.Signature) != string(x.Signature) {
		t.Fatal("header or signature differ")
	}
	if x.Number != nil && l.Number != nil && new(big.Int).SetBytes(l.Number).Cmp(x.Number) != 0 {
		t.Fatal("number differs")
	}
	for i, e := range x.RevokedCertificateEntries {
		if i == 50 {
			break
		}
		s := e.SerialNumber
		want := f.BigInt(s)[2:]
		if len(want) > 0x7f {
			continue
		}
		match := false
		if err := l.Lookup(want, func(o crl.Entry) bool {
			match = match || o.Date.Equal(e.RevocationTime) && int(o.Reason) == e.ReasonCode
			return true
		}); err != nil {
			t.Fatal(err)
		}
		if !match {
			t.Fatalf("entry %x of %v with reason %d is missing", want, e.RevocationTime, e.ReasonCode)
		}
	}
}

// Lists that crypto/x509 reads are read the same way. Those that only it reads
// have octets left over where RFC 5280 has none, or a signature with odd bits; those that only assay reads are kept for their
// findings (other versions, two algorithms).
func TestDifferentialX509(t *testing.T) {
	both, ours, theirs := 0, 0, 0
	for _, b := range corpusLists(t) {
		l, err := crl.Parse(context.Background(), b)
		x, xerr := x509.ParseRevocationList(b)
		switch {
		case err == nil && xerr == nil:
			both++
			compareX509(t, l, x)
		case err == nil:
			ours++
			if l.Version != 1 && report.Worst(l.Findings) < finding.Inconclusive {
				t.Errorf("sound only for assay: %v", xerr)
			}
		case xerr == nil:
			theirs++
		}
	}
	if both != 215 || ours != 6 || theirs != 7 {
		t.Errorf("both %d, only ours %d, only crypto/x509 %d", both, ours, theirs)
	}
}

// FuzzCheck changes an authentic list: whatever is changed, the answer is not
// "good" where the original says "revoked" — the signature sees to that — and
// with the signature made again nothing panics.
func FuzzCheck(fz *testing.F) {
	w := world()
	q := crl.Query{Cert: cert.Parse(leaf().Raw), Issuer: cert.Parse(w.ca.Raw), Above: []*cert.Certificate{cert.Parse(w.root.Raw)}, Time: time.Now(),
		Pool: []*cert.Certificate{cert.Parse(w.lists.Raw)}, Signer: func(*cert.Certificate) (report.Status, *finding.Finding) { return report.Good, nil }}
	for _, c := range checkTests() {
		if lists := c.lists(); len(lists) < 10 {
			for _, b := range lists {
				fz.Add(b, uint16(len(b)/2), byte(1))
			}
		}
	}
	fz.Fuzz(func(t *testing.T, b []byte, at uint16, x byte) {
		l, err := crl.Parse(context.Background(), b)
		if err != nil {
			var ce *crl.Error
			if !errors.As(err, &ce) {
				t.Fatalf("%T", err)
			}
			return
		}
		q := q
		q.Sources = []crl.Source{{List: l, URL: url}}
		was := crl.Check(context.Background(), q)
		if int(at) >= len(b) || x == 0 {
			return
		}
		b[at] ^= x
		if l, err = crl.Parse(context.Background(), b); err != nil {
			return
		}
		q.Sources[0].List = l
		if now := crl.Check(context.Background(), q); now.Status == report.Good && was.Status == report.Revoked {
			t.Fatalf("changed at %d: revoked became good", at)
		}
	})
}

package crl_test

import (
	"context"
	"crypto/x509"
	"io"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/internal/lab/forge"
)

func TestParsePlain(t *testing.T) {
	ca := forge.NewRoot("Root", nil)
	raw := ca.CRL(forge.CRL{Entries: []forge.Entry{
		forge.Revoke(forge.Serial(5), -1),
		forge.Revoke(forge.Serial(-7), forge.KeyCompromise),
		forge.Revoke(forge.Serial(1<<40), forge.CertificateHold, forge.InvalidityDate(time.Now())),
	}})
	for _, b := range [][]byte{raw, forge.PEM("X509 CRL", raw), append([]byte("some text\n"), forge.PEM("X509 CRL", raw)...)} {
		l, err := crl.Parse(context.Background(), b)
		if err != nil {
			t.Fatal(err)
		}
		if len(l.Findings) > 0 || l.Len() != 3 || l.Version != 2 || string(l.Number) != "\x01" {
			t.Errorf("%+v", l)
		}
		c, err := x509.ParseCertificate(ca.Raw)
		if err != nil {
			t.Fatal(err)
		}
		key, _ := cert.ParsePublicKey(c.RawSubjectPublicKeyInfo)
		if err := l.VerifySignature(nil, key); err != nil {
			t.Error(err)
		}
	}
}

// dribble hands out a few octets at a time.
type dribble struct {
	b []byte
	n int
}

func newReader(b []byte) io.Reader { return &dribble{b: b} }

func (d *dribble) Read(b []byte) (int, error) {
	if len(d.b) == 0 {
		return 0, io.EOF
	}
	d.n = d.n%7 + 1
	n := copy(b, d.b[:min(d.n*13, len(d.b))])
	d.b = d.b[n:]
	return n, nil
}

func parseKey(t *testing.T, raw []byte) *cert.PublicKey { return cert.Parse(raw).Key }

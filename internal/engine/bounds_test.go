package engine

import (
	"testing"

	"github.com/assaytls/assay/internal/lab/forge"
)

// Of a body with many certificates only the first few are taken.
func TestIssuerCertificatesAreBounded(t *testing.T) {
	var many [][]byte
	for range 100 {
		many = append(many, forge.EmptyName())
	}
	pkcs7 := forge.Seq(forge.OID("1.2.840.113549.1.7.2"), forge.Explicit(0, forge.Seq(forge.Int(1), forge.Set(),
		forge.Seq(forge.OID("1.2.840.113549.1.7.1")), forge.Explicit(0, many...), forge.Set())))
	for _, body := range [][]byte{forge.PEM("CERTIFICATE", many...), pkcs7} {
		certs, err := issuerCertificates(body)
		if err != nil || len(certs) != maxAIACerts {
			t.Errorf("%d certificates, %v", len(certs), err)
		}
	}
}

package cert_test

import (
	"crypto/x509"
	"testing"

	"github.com/assaytls/assay/cert"
)

// The certificates of the real chains, parsed by ours and by crypto/x509.
func BenchmarkParse(b *testing.B) {
	certs := realCertificates(b)
	b.Run("assay", func(b *testing.B) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			cert.Parse(certs[i%len(certs)])
			i++
		}
	})
	b.Run("x509", func(b *testing.B) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			if _, err := x509.ParseCertificate(certs[i%len(certs)]); err != nil {
				b.Fatal(err)
			}
			i++
		}
	})
}

package roots

import (
	"bytes"
	"crypto/x509"
	"testing"

	"golang.org/x/crypto/x509roots/fallback/bundle"

	"github.com/assaytls/assay/internal/lab/forge"
)

// Every root of the bundle is public by its key, in whatever certificate; a
// part of a key, a name and a private root are not.
func TestPublic(t *testing.T) {
	n := 0
	for r := range bundle.Roots() {
		n++
		c, err := x509.ParseCertificate(r.Certificate)
		if err != nil {
			t.Fatal(err)
		}
		if !Public(bytes.Clone(c.RawSubjectPublicKeyInfo)) {
			t.Errorf("%s is not public", c.Subject)
		}
		for what, b := range map[string][]byte{"a part of the key": c.RawSubjectPublicKeyInfo[4:], "the name": c.RawSubject,
			"the certificate": c.Raw, "a longer key": append(bytes.Clone(c.RawSubjectPublicKeyInfo), 0)} {
			if Public(b) {
				t.Errorf("%s of %s is public", what, c.Subject)
			}
		}
	}
	if known := Known(); known.Len() != n {
		t.Errorf("%d of %d roots are known", known.Len(), n)
	}
	if n < 100 {
		t.Errorf("the bundle has %d roots", n)
	}
	if Public(nil) || Public([]byte{}) || Public(forge.NewRoot("Private Root", nil).Key.SPKI) {
		t.Error("a key that is in no bundle is public")
	}
}

func BenchmarkPublic(b *testing.B) {
	private := forge.P256().SPKI
	for b.Loop() {
		Public(private)
	}
}

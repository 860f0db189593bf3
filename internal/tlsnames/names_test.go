package tlsnames_test

import (
	"crypto/tls"
	"strings"
	"testing"

	"github.com/assaytls/assay/internal/tlsnames"
)

// The tables hold what crypto/tls can negotiate, under its names.
func TestAgreesWithCryptoTLS(t *testing.T) {
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		if got := tlsnames.Suite(s.ID); got != s.Name {
			t.Errorf("suite 0x%04x is %q, not %s", s.ID, got, s.Name)
		}
	}
	for v := uint16(tls.VersionTLS10); v <= tls.VersionTLS13; v++ {
		if got := tlsnames.Version(v); got != tls.VersionName(v) {
			t.Errorf("version 0x%04x is %q", v, got)
		}
	}
}

// Which suites encrypt to the server's key is said by a table of its own, in
// line with their names; each stands in one table.
func TestSuites(t *testing.T) {
	seen := map[uint16]bool{}
	for _, v := range tlsnames.Suites() {
		if seen[v] {
			t.Errorf("0x%04x stands in both tables", v)
		}
		seen[v] = true
		if name := tlsnames.Suite(v); tlsnames.RSATransport(v) != strings.HasPrefix(name, "TLS_RSA_") {
			t.Errorf("%s: %v", name, tlsnames.RSATransport(v))
		}
	}
}

func TestUnknown(t *testing.T) {
	for got, want := range map[string]string{
		tlsnames.Version(0): "", tlsnames.Version(0x0305): "version 0x0305", tlsnames.Suite(0x1234): "0x1234", tlsnames.Suite(0): "",
		tlsnames.Group(1): "group 0x0001", tlsnames.Signature(1): "scheme 0x0001", tlsnames.Alert(200): "number 200",
	} {
		if got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
	if tlsnames.RSATransport(0) || tlsnames.RSATransport(0x1301) {
		t.Error("a suite that signs encrypts to the server's key")
	}
}

func TestSignatureID(t *testing.T) {
	for name, want := range map[string]uint16{"ecdsa_secp256r1_sha256": 0x0403, "ECDSA+SHA256": 0x0403, "rsa-pss+sha384": 0x0805, "RSA+SHA1": 0x0201, "Ed25519": 0x0807,
		"": 0, "RSA": 0, "SHA256": 0, "+": 0, "RSA+MD5": 0, "RSA-PSS+SHA1": 0} {
		if got, ok := tlsnames.SignatureID(name); ok != (want != 0) || ok && got != want {
			t.Errorf("%s: %x, %t", name, got, ok)
		}
	}
	for _, name := range tlsnames.Signatures() {
		if id, ok := tlsnames.SignatureID(name); !ok || tlsnames.Signature(id) != name {
			t.Errorf("%s: %x", name, id)
		}
	}
}

package sig_test

import (
	"testing"

	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/sig"
)

// pss is an AlgorithmIdentifier for SHA-256 with that salt length.
func pss(salt int64) []byte {
	h := forge.Seq(forge.OID("2.16.840.1.101.3.4.2.1"), forge.Null())
	return forge.Seq(forge.OID("1.2.840.113549.1.1.10"), forge.Seq(forge.Explicit(0, h),
		forge.Explicit(1, forge.Seq(forge.OID("1.2.840.113549.1.1.8"), h)), forge.Explicit(2, forge.Int(salt))))
}

// A signature has the salt length that its parameters say, 0 included, which
// crypto/rsa takes for any.
func TestPSSSaltLength(t *testing.T) {
	key := forge.RSA(2048)
	s := key.Sign(forge.SHA256WithPSS, []byte("message"))
	for salt, ok := range map[int64]bool{0: false, 20: false, 31: false, 32: true, 33: false, 222: false, 1 << 30: false} {
		k, a := parse(t, key.SPKI, pss(salt))
		if err := sig.Verify(k, a, []byte("message"), s); (err == nil) != ok {
			t.Errorf("salt length %d: %v", salt, err)
		}
	}
}

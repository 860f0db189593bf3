package sig_test

import (
	"bytes"
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
	for salt, ok := range map[int64]bool{0: false, 20: false, 31: false, 32: true, 33: false, 222: false, 1 << 30: false, 1<<31 - 1: false, 1<<31 - 40: false} {
		k, a := parse(t, key.SPKI, pss(salt))
		if err := sig.Verify(k, a, []byte("message"), s); (err == nil) != ok {
			t.Errorf("salt length %d: %v", salt, err)
		}
	}
}

// What did not verify is not remembered as what did, and neither another
// signature nor another division into message and signature is taken for one.
func TestMemoOnlyWhatVerified(t *testing.T) {
	key := forge.P256()
	k, a := parse(t, key.SPKI, forge.ECDSAWithSHA256.ID)
	m := sig.NewMemo(16)
	msg := []byte("message")
	good := key.Sign(forge.ECDSAWithSHA256, msg)
	bad := forge.FlipMiddle(good)
	for range 2 {
		if m.Verify(k, a, msg, bad) == nil {
			t.Error("a bad signature verifies")
		}
		if err := m.Verify(k, a, msg, good); err != nil {
			t.Error(err)
		}
	}
	last := len(msg) - 1
	if m.Verify(k, a, msg[:last], append([]byte{msg[last]}, good...)) == nil {
		t.Error("the message's end as the signature's beginning")
	}
}

// Parameters and keys that no verifier here is for are not verified with.
func TestRefusedParameters(t *testing.T) {
	key := forge.RSA(2048)
	s := key.Sign(forge.SHA256WithPSS, []byte("m"))
	hash := func(oid string) []byte { return forge.Seq(forge.OID(oid), forge.Null()) }
	const sha1, sha256, mgf1 = "1.3.14.3.2.26", "2.16.840.1.101.3.4.2.1", "1.2.840.113549.1.1.8"
	params := func(h, mgf, mgfHash string, salt int64, more ...[]byte) []byte {
		return forge.Seq(forge.OID("1.2.840.113549.1.1.10"), forge.Seq(append([][]byte{forge.Explicit(0, hash(h)),
			forge.Explicit(1, forge.Seq(forge.OID(mgf), hash(mgfHash))), forge.Explicit(2, forge.Int(salt))}, more...)...))
	}
	for name, c := range map[string]struct {
		alg []byte
		ok  bool
	}{
		"as signed":        {params(sha256, mgf1, sha256, 32), true},
		"trailer":          {params(sha256, mgf1, sha256, 32, forge.Explicit(3, forge.Int(1))), true},
		"another trailer":  {params(sha256, mgf1, sha256, 32, forge.Explicit(3, forge.Int(2))), false},
		"more":             {params(sha256, mgf1, sha256, 32, forge.Null()), false},
		"another MGF hash": {params(sha256, mgf1, sha1, 32), false},
		"another MGF":      {params(sha256, "1.2.3", sha256, 32), false},
		"another hash":     {params(sha1, mgf1, sha1, 32), false},
		"negative salt":    {params(sha256, mgf1, sha256, -1), false},
	} {
		k, a := parse(t, key.SPKI, c.alg)
		if err := sig.Verify(k, a, []byte("m"), s); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	rsaSPKI := func(n, e []byte) []byte {
		return forge.Seq(forge.Seq(forge.OID("1.2.840.113549.1.1.1"), forge.Null()), forge.Bits(forge.Seq(forge.TLV(2, n), forge.TLV(2, e))))
	}
	n := append([]byte{0}, bytes.Repeat([]byte{0xff}, 256)...)
	even := append(bytes.Clone(n[:256]), 0xfe)
	for name, spki := range map[string][]byte{
		"even modulus": rsaSPKI(even, []byte{1, 0, 1}), "no modulus": rsaSPKI([]byte{0}, []byte{1, 0, 1}), "negative modulus": rsaSPKI(n[1:], []byte{3}),
		"exponent 1": rsaSPKI(n, []byte{1}), "exponent 0": rsaSPKI(n, []byte{0}), "exponent 4": rsaSPKI(n, []byte{4}), "negative exponent": rsaSPKI(n, []byte{0xfd}),
		"exponent 2^31+1": rsaSPKI(n, []byte{0, 0x80, 0, 0, 1}), "exponent of 48 bits": rsaSPKI(n, []byte{1, 0, 0, 0, 0, 1}),
		"too large": rsaSPKI(append([]byte{0}, bytes.Repeat([]byte{0xff}, sig.MaxRSABits/8+1)...), []byte{1, 0, 1}),
	} {
		k, err := sig.ParseKey(spki)
		if err != nil || k.Public != nil || k.Problem == "" {
			t.Errorf("%s: %v %+v", name, err, k)
		}
	}
	if k, _ := sig.ParseKey(rsaSPKI(n, []byte{3})); k.Public == nil {
		t.Error(k.Problem)
	}
}

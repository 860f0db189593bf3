package sig_test

import (
	"bytes"
	"crypto/rsa"
	"errors"
	"testing"

	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/sig"
)

func parse(t testing.TB, spki, alg []byte) (*sig.Key, sig.Algorithm) {
	t.Helper()
	k, err := sig.ParseKey(spki)
	if err != nil {
		t.Fatal(err)
	}
	a, err := sig.ParseAlgorithm(alg)
	if err != nil {
		t.Fatal(err)
	}
	return k, a
}

// Every kind of key verifies its own signatures by every algorithm it may use,
// and nothing that is changed.
func TestVerify(t *testing.T) {
	msg := []byte("message")
	for _, c := range []struct {
		key string
		alg forge.Alg
	}{
		{"P-224", forge.ECDSAWithSHA224}, {"P-256", forge.ECDSAWithSHA256}, {"P-256", forge.ECDSAWithSHA1}, {"P-384", forge.ECDSAWithSHA384},
		{"P-521", forge.ECDSAWithSHA512}, {"Ed25519", forge.PureEd25519}, {"RSA-2048", forge.SHA1WithRSA}, {"RSA-2048", forge.SHA256WithRSA},
		{"RSA-1024", forge.SHA384WithRSA}, {"RSA-2048", forge.SHA512WithRSA}, {"RSA-2048", forge.SHA256WithPSS}, {"RSA-2048", forge.SHA384WithPSS},
		{"RSA-2048", forge.SHA512WithPSS}, {"ML-DSA-44", forge.MLDSA44}, {"ML-DSA-65", forge.MLDSA65}, {"ML-DSA-87", forge.MLDSA87},
	} {
		key := forge.NewKey(c.key)
		s := key.Sign(c.alg, msg)
		k, a := parse(t, key.SPKI, c.alg.ID)
		if !a.ParamsOK || !k.ParamsOK || k.Problem != "" || k.TooSmall() {
			t.Errorf("%s %s: %+v %+v", c.key, a.Name, a, k)
		}
		if err := sig.Verify(k, a, msg, s); err != nil {
			t.Errorf("%s %s: %v", c.key, a.Name, err)
		}
		if err := sig.Verify(k, a, []byte("massage"), s); !errors.Is(err, sig.ErrBadSignature) {
			t.Errorf("%s %s, another message: %v", c.key, a.Name, err)
		}
		if err := sig.Verify(k, a, msg, forge.FlipMiddle(s)); !errors.Is(err, sig.ErrBadSignature) {
			t.Errorf("%s %s, another signature: %v", c.key, a.Name, err)
		}
		if a.Hash != 0 {
			h := a.Hash.New()
			h.Write(msg)
			if err := sig.VerifyDigest(k, a, h.Sum(nil), s); err != nil {
				t.Errorf("%s %s by digest: %v", c.key, a.Name, err)
			}
			if err := sig.VerifyDigest(k, a, []byte("short"), s); !errors.Is(err, sig.ErrUnsupported) {
				t.Errorf("%s %s by a short digest: %v", c.key, a.Name, err)
			}
		} else if err := sig.VerifyDigest(k, a, msg, s); !errors.Is(err, sig.ErrUnsupported) {
			t.Errorf("%s by digest: %v", a.Name, err)
		}
	}
}

func TestCannotVerify(t *testing.T) {
	ec, rsaKey, ed := forge.P256(), forge.RSA(2048), forge.NewKey("Ed25519")
	pss := func(spkiParams ...[]byte) []byte {
		return forge.Replace(rsaKey.SPKI, 0, forge.Seq(append([][]byte{forge.OID("1.2.840.113549.1.1.10")}, spkiParams...)...))
	}
	pssParams := forge.Children(forge.SHA256WithPSS.ID)[1]
	for _, c := range []struct {
		name string
		spki []byte
		alg  []byte
		want error
	}{
		{"MD5", rsaKey.SPKI, forge.MD5WithRSA.ID, sig.ErrUnsupported},
		{"EC key, RSA algorithm", ec.SPKI, forge.SHA256WithRSA.ID, sig.ErrKeyMismatch},
		{"RSA key, EC algorithm", rsaKey.SPKI, forge.ECDSAWithSHA256.ID, sig.ErrKeyMismatch},
		{"Ed25519 key, EC algorithm", ed.SPKI, forge.ECDSAWithSHA256.ID, sig.ErrKeyMismatch},
		{"small RSA key", forge.RSA(512).SPKI, forge.SHA256WithRSA.ID, sig.ErrKeyTooSmall},
		{"PSS key, PKCS #1 algorithm", pss(), forge.SHA256WithRSA.ID, sig.ErrKeyMismatch},
		{"PSS key for SHA-384", pss(forge.Children(forge.SHA384WithPSS.ID)[1]), forge.SHA256WithPSS.ID, sig.ErrKeyMismatch},
		{"PSS without parameters", rsaKey.SPKI, forge.Seq(forge.OID("1.2.840.113549.1.1.10")), sig.ErrUnsupported},
		{"unknown algorithm", ec.SPKI, forge.Seq(forge.OID("1.2.3")), sig.ErrUnsupported},
		{"Ed448", ec.SPKI, forge.Seq(forge.OID("1.3.101.113")), sig.ErrUnsupported},
		{"ML-DSA key, EC algorithm", forge.NewKey("ML-DSA-44").SPKI, forge.ECDSAWithSHA256.ID, sig.ErrKeyMismatch},
		{"ML-DSA key, Ed25519 algorithm", forge.NewKey("ML-DSA-44").SPKI, forge.PureEd25519.ID, sig.ErrKeyMismatch},
		{"EC key, ML-DSA algorithm", ec.SPKI, forge.MLDSA44.ID, sig.ErrKeyMismatch},
		{"ML-DSA key, algorithm of another set", forge.NewKey("ML-DSA-44").SPKI, forge.MLDSA65.ID, sig.ErrKeyMismatch},
		{"HashML-DSA", forge.NewKey("ML-DSA-44").SPKI, forge.Seq(forge.OID("2.16.840.1.101.3.4.3.32")), sig.ErrUnsupported},
		{"SHA-3 with RSA", rsaKey.SPKI, forge.Seq(forge.OID("2.16.840.1.101.3.4.3.14"), forge.Null()), sig.ErrUnsupported},
		{"unknown key", forge.Seq(forge.Seq(forge.OID("1.2.3")), forge.Bits([]byte{1})), forge.ECDSAWithSHA256.ID, sig.ErrUnsupported},
		{"key off the curve", forge.FlipMiddle(ec.SPKI), forge.ECDSAWithSHA256.ID, sig.ErrUnsupported},
	} {
		k, err := sig.ParseKey(c.spki)
		a, err2 := sig.ParseAlgorithm(c.alg)
		if err != nil || err2 != nil {
			if c.name != "key off the curve" {
				t.Errorf("%s: %v %v", c.name, err, err2)
			}
			continue
		}
		if err := sig.Verify(k, a, nil, make([]byte, 256)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	s := rsaKey.Sign(forge.SHA256WithPSS, []byte("m"))
	for _, params := range [][][]byte{nil, {pssParams}} {
		k, a := parse(t, pss(params...), forge.SHA256WithPSS.ID)
		if err := sig.Verify(k, a, []byte("m"), s); err != nil || !k.ParamsOK {
			t.Errorf("PSS key: %v", err)
		}
	}
}

func TestMemo(t *testing.T) {
	key := forge.P256()
	k, a := parse(t, key.SPKI, forge.ECDSAWithSHA256.ID)
	m := sig.NewMemo(4)
	for i := range 20 {
		msg := []byte{byte(i)}
		s := key.Sign(forge.ECDSAWithSHA256, msg)
		for range 2 {
			if err := m.Verify(k, a, msg, s); err != nil {
				t.Fatal(err)
			}
		}
		// What verified says nothing of another message, key or algorithm.
		if err := m.Verify(k, a, []byte{byte(i), 0}, s); !errors.Is(err, sig.ErrBadSignature) {
			t.Error("another message:", err)
		}
		k2, _ := parse(t, forge.P256().SPKI, forge.ECDSAWithSHA256.ID)
		if err := m.Verify(k2, a, msg, s); !errors.Is(err, sig.ErrBadSignature) {
			t.Error("another key:", err)
		}
		_, a2 := parse(t, key.SPKI, forge.ECDSAWithSHA384.ID)
		if err := m.Verify(k, a2, msg, s); !errors.Is(err, sig.ErrBadSignature) {
			t.Error("another algorithm:", err)
		}
	}
	var none *sig.Memo
	if err := none.Verify(k, a, []byte{1}, key.Sign(forge.ECDSAWithSHA256, []byte{1})); err != nil {
		t.Error("no memo:", err)
	}
}

func TestParseKey(t *testing.T) {
	k, err := sig.ParseKey(forge.RSA(2048).SPKI)
	if _, ok := k.Public.(*rsa.PublicKey); err != nil || !ok || k.Bits != 2048 || k.Exponent() != 65537 {
		t.Errorf("RSA: %v %+v", err, k)
	}
	for _, bad := range [][]byte{nil, {0x30}, forge.Seq(), forge.Seq(forge.Seq(), forge.Bits(nil)), forge.Seq(forge.Seq(forge.OID("1.2")), forge.TLV(3)),
		forge.Seq(forge.Seq(forge.OID("1.2")), forge.TLV(3, []byte{1, 2})), append(bytes.Clone(forge.RSA(2048).SPKI), 0)} {
		if k, err := sig.ParseKey(bad); !errors.Is(err, sig.ErrMalformed) || k == nil {
			t.Errorf("%x: %v", bad, err)
		}
	}
	if sig.HashByOID("2.16.840.1.101.3.4.2.1") == 0 || sig.HashByOID("1.2.3") != 0 {
		t.Error("HashByOID")
	}
}

func FuzzSig(f *testing.F) {
	for _, k := range []*forge.Key{forge.P256(), forge.RSA(1024), forge.NewKey("Ed25519"), forge.NewKey("ML-DSA-44"), forge.NewKey("ML-DSA-65"), forge.NewKey("ML-DSA-87")} {
		f.Add(k.SPKI, k.DefaultAlg().ID, k.Sign(k.DefaultAlg(), []byte("message")))
	}
	f.Add(forge.RSA(1024).SPKI, forge.SHA256WithPSS.ID, []byte{1})
	f.Fuzz(func(t *testing.T, spki, alg, signature []byte) {
		k, kerr := sig.ParseKey(spki)
		a, aerr := sig.ParseAlgorithm(alg)
		if kerr != nil && k.Public != nil {
			t.Error("a malformed key that can be used")
		}
		if k.Problem != "" && k.Public != nil {
			t.Errorf("a key with the problem %q that can be used", k.Problem)
		}
		if err := sig.Verify(k, a, []byte("another message"), signature); err == nil {
			t.Errorf("forged: %x %x %x", spki, alg, signature)
		}
		_ = aerr
	})
}

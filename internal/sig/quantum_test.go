package sig_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"testing"

	"filippo.io/mldsa"

	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/sig"
)

var mldsaSets = []struct {
	kind    string
	set     mldsa.Parameters
	alg     forge.Alg
	example string // SHA-256 of the public key in RFC 9881, appendix C.2
}{
	{"ML-DSA-44", mldsa.MLDSA44(), forge.MLDSA44, "837832708c5236d951581f1fddf2b79991b3424a0486d16da1ddad0fd69701be"},
	{"ML-DSA-65", mldsa.MLDSA65(), forge.MLDSA65, "b8b62131bfbe84433efb2273d7f5b87f7a22854a2cfd366fc2aead86d837c52d"},
	{"ML-DSA-87", mldsa.MLDSA87(), forge.MLDSA87, "07e57c4f14dbad1267f621ec3777b4e2e6c4fbc4c22fbb87510ff8e0b3c6a642"},
}

// The keys of RFC 9881's examples come out of their seed byte for byte, and verify.
func TestMLDSAExamples(t *testing.T) {
	seed := make([]byte, mldsa.PrivateKeySize)
	for i := range seed {
		seed[i] = byte(i)
	}
	for _, c := range mldsaSets {
		priv, err := mldsa.NewPrivateKey(c.set, seed)
		if err != nil {
			t.Fatal(err)
		}
		key := forge.FromSigner(c.kind, priv)
		if sum := sha256.Sum256(key.SPKI); hex.EncodeToString(sum[:]) != c.example {
			t.Errorf("%s: the key is not the RFC's: %x", c.kind, sum)
		}
		k, a := parse(t, key.SPKI, c.alg.ID)
		if k.Kind != sig.KeyMLDSA || k.Name != c.kind || a.Name != c.kind || a.Scheme != sig.MLDSA || !k.ParamsOK || !a.ParamsOK || k.Problem != "" {
			t.Errorf("%s: %+v %+v", c.kind, k, a)
		}
	}
}

// Only pure ML-DSA with an empty context verifies, and only the whole signature.
func TestMLDSAPure(t *testing.T) {
	msg := []byte("message")
	for _, c := range mldsaSets {
		key := forge.NewKey(c.kind)
		k, a := parse(t, key.SPKI, c.alg.ID)
		good := key.Sign(c.alg, msg)
		withContext, err := key.Signer.(*mldsa.PrivateKey).Sign(nil, msg, &mldsa.Options{Context: "x"})
		if err != nil {
			t.Fatal(err)
		}
		digest := sha256.Sum256(msg)
		for name, s := range map[string][]byte{"a context": withContext, "of a digest": key.Sign(c.alg, digest[:]), "short": good[:len(good)-1],
			"long": append(bytes.Clone(good), 0), "empty": {}, "zero": make([]byte, len(good))} {
			if err := sig.Verify(k, a, msg, s); !errors.Is(err, sig.ErrBadSignature) {
				t.Errorf("%s, %s: %v", c.kind, name, err)
			}
		}
		for range 2 { // of one that is remembered too
			if err := sig.NewMemo(2).Verify(k, a, msg, good); err != nil {
				t.Errorf("%s: %v", c.kind, err)
			}
		}
	}
}

// A key has exactly the size of its set, and no structure around it.
func TestMLDSAKeySizes(t *testing.T) {
	for _, c := range mldsaSets {
		size := c.set.PublicKeySize()
		for name, bits := range map[string][]byte{"empty": {}, "a byte less": make([]byte, size-1), "a byte more": make([]byte, size+1),
			"an OCTET STRING": forge.Octets(make([]byte, size)), "huge": make([]byte, 1<<16)} {
			k, err := sig.ParseKey(forge.Seq(c.alg.ID, forge.Bits(bits)))
			if err != nil || k.Public != nil || k.Problem == "" {
				t.Errorf("%s, %s: %v %+v", c.kind, name, err, k)
			}
		}
		withNull := forge.Seq(append(forge.Children(c.alg.ID), forge.Null())...)
		if k, err := sig.ParseKey(forge.Seq(withNull, forge.Bits(make([]byte, size)))); err != nil || k.ParamsOK || k.Public != nil {
			t.Errorf("%s, a key with NULL parameters: %v %+v", c.kind, err, k)
		}
		key := forge.NewKey(c.kind)
		k, a := parse(t, key.SPKI, withNull)
		if err := sig.Verify(k, a, nil, key.Sign(c.alg, nil)); a.ParamsOK || !errors.Is(err, sig.ErrUnsupported) {
			t.Errorf("%s, NULL parameters: %v %+v", c.kind, err, a)
		}
	}
}

// Algorithms that cannot be verified with have their names, each by its whole
// identifier; a neighbour without a name keeps its OID.
func TestForeignNames(t *testing.T) {
	for oid, want := range map[string]string{
		"2.16.840.1.101.3.4.3.20": "SLH-DSA-SHA2-128s", "2.16.840.1.101.3.4.3.25": "SLH-DSA-SHA2-256f", "2.16.840.1.101.3.4.3.26": "SLH-DSA-SHAKE-128s",
		"2.16.840.1.101.3.4.3.31": "SLH-DSA-SHAKE-256f", "2.16.840.1.101.3.4.3.33": "HashML-DSA-65 with SHA-512", "2.16.840.1.101.3.4.3.35": "HashSLH-DSA-SHA2-128s",
		"2.16.840.1.101.3.4.3.46": "HashSLH-DSA-SHAKE-256f", "2.16.840.1.101.3.4.3.47": "", "2.16.840.1.101.3.4.4.2": "ML-KEM-768", "2.16.840.1.101.3.4.4.4": "",
		"1.3.6.1.5.5.7.6.34": "XMSS", "1.3.6.1.5.5.7.6.36": "id-alg-unsigned", "1.3.6.1.5.5.7.6.37": "MLDSA44-RSA2048-PSS-SHA256",
		"1.3.6.1.5.5.7.6.45": "MLDSA65-ECDSA-P256-SHA512", "1.3.6.1.5.5.7.6.54": "MLDSA87-ECDSA-P521-SHA512", "1.3.6.1.5.5.7.6.55": "",
		"1.3.6.1.5.5.7.6.67": "id-alg-mtcProof", "1.3.6.1.4.1.44363.47.0": "id-alg-mtcProof", "1.3.6.1.4.1.44363.47.1": "", "1.3.6.1.4.1.44363.47": "",
		"1.3.6.1.5.5.7.6.37.1": "", "1.2.840.113549.1.9.16.3.17": "HSS/LMS",
	} {
		id := forge.Seq(forge.OID(oid))
		k, a := parse(t, forge.Seq(id, forge.Bits([]byte{1})), id)
		known := want != ""
		if !known {
			want = oid
		}
		if k.Name != want || a.Name != want || (k.About != "") != known || (a.About != "") != known {
			t.Errorf("%s: key %q (%s), algorithm %q (%s), want %q", oid, k.Name, k.About, a.Name, a.About, want)
		}
		if err := sig.Verify(k, a, nil, nil); !errors.Is(err, sig.ErrUnsupported) {
			t.Errorf("%s: %v", oid, err)
		}
	}
}

// Package sig verifies signatures: an AlgorithmIdentifier and a
// SubjectPublicKeyInfo in, yes or no out, with the facts that policies need.
// It is pure and knows nothing of certificates.
package sig

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	_ "crypto/sha1" // the hashes a signature may name
	"crypto/sha256"
	_ "crypto/sha512"
	"errors"

	"filippo.io/mldsa"

	"github.com/assaytls/assay/internal/der"
	"github.com/assaytls/assay/internal/sig/known"
)

// Errors of Verify and of the parsers.
var (
	ErrBadSignature = errors.New("the signature does not verify")
	ErrUnsupported  = errors.New("unsupported algorithm")
	ErrKeyMismatch  = errors.New("the key cannot be used with this signature algorithm")
	ErrKeyTooSmall  = errors.New("the key is too small to verify with")
	ErrMalformed    = errors.New("malformed key or algorithm")
	ErrBudget       = errors.New("the budget of signature verifications is used up")
)

// Scheme is a family of signature algorithms.
type Scheme uint8

// The schemes. Other means recognised at most by name.
const (
	Other Scheme = iota
	RSAPKCS1
	RSAPSS
	ECDSA
	Ed25519
	MLDSA // pure ML-DSA with an empty context (RFC 9881, 3)
)

// Algorithm is a parsed signature AlgorithmIdentifier.
type Algorithm struct {
	OID     string
	Name    string // "SHA-256 with RSA"; the OID when unknown
	About   string // explains an algorithm that is known by its name alone; else ""
	Scheme  Scheme
	Hash    crypto.Hash // 0 for Ed25519, ML-DSA and unknown algorithms
	MD5     bool        // the hash is MD5 or older: never verified
	SaltLen int         // PSS
	// ParamsOK is false when the parameters break the algorithm's rules
	// (RFC 4055, 5758, 8410, 9881); such an algorithm is still verified, unless it
	// is ML-DSA. ParamsNull
	// is set where a NULL stands for nothing or nothing for a NULL.
	ParamsOK   bool
	ParamsNull bool
	Raw        []byte
}

type algRow struct {
	name   string
	scheme Scheme
	hash   crypto.Hash
	md5    bool
}

var algorithms = map[string]algRow{
	"1.2.840.113549.1.1.2":    {"MD2 with RSA", RSAPKCS1, 0, true},
	"1.2.840.113549.1.1.3":    {"MD4 with RSA", RSAPKCS1, 0, true},
	"1.2.840.113549.1.1.4":    {"MD5 with RSA", RSAPKCS1, 0, true},
	"1.2.840.113549.1.1.5":    {"SHA-1 with RSA", RSAPKCS1, crypto.SHA1, false},
	"1.3.14.3.2.29":           {"SHA-1 with RSA (OIW)", RSAPKCS1, crypto.SHA1, false},
	"1.2.840.113549.1.1.14":   {"SHA-224 with RSA", RSAPKCS1, crypto.SHA224, false},
	"1.2.840.113549.1.1.11":   {"SHA-256 with RSA", RSAPKCS1, crypto.SHA256, false},
	"1.2.840.113549.1.1.12":   {"SHA-384 with RSA", RSAPKCS1, crypto.SHA384, false},
	"1.2.840.113549.1.1.13":   {"SHA-512 with RSA", RSAPKCS1, crypto.SHA512, false},
	"1.2.840.113549.1.1.10":   {"RSA-PSS", RSAPSS, 0, false},
	"1.2.840.10045.4.1":       {"ECDSA with SHA-1", ECDSA, crypto.SHA1, false},
	"1.2.840.10045.4.3.1":     {"ECDSA with SHA-224", ECDSA, crypto.SHA224, false},
	"1.2.840.10045.4.3.2":     {"ECDSA with SHA-256", ECDSA, crypto.SHA256, false},
	"1.2.840.10045.4.3.3":     {"ECDSA with SHA-384", ECDSA, crypto.SHA384, false},
	"1.2.840.10045.4.3.4":     {"ECDSA with SHA-512", ECDSA, crypto.SHA512, false},
	"1.3.101.112":             {"Ed25519", Ed25519, 0, false},
	"1.3.101.113":             {"Ed448", Other, 0, false},
	"1.2.840.10040.4.3":       {"DSA with SHA-1", Other, crypto.SHA1, false},
	"2.16.840.1.101.3.4.3.1":  {"DSA with SHA-224", Other, crypto.SHA224, false},
	"2.16.840.1.101.3.4.3.2":  {"DSA with SHA-256", Other, crypto.SHA256, false},
	"2.16.840.1.101.3.4.3.9":  {"ECDSA with SHA3-224", Other, 0, false},
	"2.16.840.1.101.3.4.3.10": {"ECDSA with SHA3-256", Other, 0, false},
	"2.16.840.1.101.3.4.3.11": {"ECDSA with SHA3-384", Other, 0, false},
	"2.16.840.1.101.3.4.3.12": {"ECDSA with SHA3-512", Other, 0, false},
	"2.16.840.1.101.3.4.3.13": {"SHA3-224 with RSA", Other, 0, false},
	"2.16.840.1.101.3.4.3.14": {"SHA3-256 with RSA", Other, 0, false},
	"2.16.840.1.101.3.4.3.15": {"SHA3-384 with RSA", Other, 0, false},
	"2.16.840.1.101.3.4.3.16": {"SHA3-512 with RSA", Other, 0, false},
	"1.2.156.10197.1.501":     {"SM2 with SM3", Other, 0, false},
	"1.2.156.10197.1.504":     {"SM3 with RSA", Other, 0, false},
	"2.16.840.1.101.3.4.3.17": {"ML-DSA-44", MLDSA, 0, false},
	"2.16.840.1.101.3.4.3.18": {"ML-DSA-65", MLDSA, 0, false},
	"2.16.840.1.101.3.4.3.19": {"ML-DSA-87", MLDSA, 0, false},
}

var hashOIDs = map[string]crypto.Hash{
	"1.3.14.3.2.26":          crypto.SHA1,
	"2.16.840.1.101.3.4.2.4": crypto.SHA224,
	"2.16.840.1.101.3.4.2.1": crypto.SHA256,
	"2.16.840.1.101.3.4.2.2": crypto.SHA384,
	"2.16.840.1.101.3.4.2.3": crypto.SHA512,
}

// HashByOID returns the hash that oid names; 0 when unknown.
func HashByOID(oid string) crypto.Hash { return hashOIDs[oid] }

// ParseAlgorithm decodes an AlgorithmIdentifier (the whole SEQUENCE). An
// unknown algorithm is no error; unreadable DER is ErrMalformed.
func ParseAlgorithm(raw []byte) (Algorithm, error) {
	a := Algorithm{Raw: raw}
	r := der.NewReader(raw, 0)
	seq, err := r.Expect(der.Sequence)
	if err != nil || !r.Empty() {
		return a, ErrMalformed
	}
	in := seq.Contents()
	oid, err := in.Expect(der.OID)
	if err != nil {
		return a, ErrMalformed
	}
	var ok bool
	if a.OID, ok = der.OIDText(oid.Body); !ok {
		return a, ErrMalformed
	}
	params := in.Rest()
	row, known := algorithms[a.OID]
	if !known {
		a.Name, a.About = foreignName(a.OID)
		a.ParamsOK = true
		return a, nil
	}
	a.Name, a.Scheme, a.Hash, a.MD5 = row.name, row.scheme, row.hash, row.md5
	switch a.Scheme {
	case RSAPKCS1: // RFC 4055, 5: issuers write NULL, readers accept nothing as well
		a.ParamsOK, a.ParamsNull = null(params), len(params) == 0
	case ECDSA, Ed25519:
		a.ParamsOK, a.ParamsNull = len(params) == 0, null(params)
	case MLDSA: // no software of old writes NULL here: nothing is forgiven
		if a.ParamsOK = len(params) == 0; !a.ParamsOK {
			a.Scheme = Other
		}
	case RSAPSS:
		a.parsePSS(params)
	default:
		a.ParamsOK = true
	}
	return a, nil
}

// null reports whether params are an ASN.1 NULL.
func null(params []byte) bool { return len(params) == 2 && params[0] == 5 && params[1] == 0 }

// parsePSS decodes RSASSA-PSS-params (RFC 4055, 3.1). Parameters that cannot be
// read or that no verifier here supports leave the scheme Other.
func (a *Algorithm) parsePSS(params []byte) {
	scheme := a.Scheme
	a.Scheme = Other
	r := der.NewReader(params, 0)
	seq, err := r.Expect(der.Sequence)
	if err != nil || !r.Empty() {
		return
	}
	in := seq.Contents()
	hash, mgf := crypto.SHA1, crypto.SHA1
	salt, trailer := 20, 1
	if e, ok, err := in.Optional(der.Explicit(0)); err != nil {
		return
	} else if ok {
		hash = algorithmHash(e.Body)
	}
	if e, ok, err := in.Optional(der.Explicit(1)); err != nil {
		return
	} else if ok {
		mgf = mgf1Hash(e.Body)
	}
	for i, value := range [...]*int{&salt, &trailer} {
		e, ok, err := in.Optional(der.Explicit(2 + i))
		if err != nil {
			return
		}
		if !ok {
			continue
		}
		n := e.Contents()
		v, err := n.Expect(der.Integer)
		if err != nil || !n.Empty() || !der.IntegerMinimal(v.Body) {
			return
		}
		if *value, ok = der.SmallInt(v.Body); !ok {
			return
		}
	}
	if hash == 0 || mgf == 0 || salt < 0 || trailer != 1 || !in.Empty() {
		return
	}
	a.ParamsOK, a.Hash, a.SaltLen = true, hash, salt
	a.Name = "RSA-PSS with " + hash.String()
	switch {
	case mgf != hash: // crypto/rsa has one hash for both
		a.Name += " and MGF1 with " + mgf.String()
	case salt == 0: // no verifier here takes that: the name says why
		a.Name += " without salt"
		a.Scheme = scheme
	default:
		a.Scheme = scheme
	}
}

// algorithmHash reads a hash AlgorithmIdentifier with NULL or absent parameters.
func algorithmHash(b []byte) crypto.Hash {
	r := der.NewReader(b, 0)
	seq, err := r.Expect(der.Sequence)
	if err != nil || !r.Empty() {
		return 0
	}
	in := seq.Contents()
	oid, err := in.Expect(der.OID)
	if err != nil {
		return 0
	}
	if p := in.Rest(); len(p) != 0 && !null(p) {
		return 0
	}
	text, _ := der.OIDText(oid.Body)
	return hashOIDs[text]
}

func mgf1Hash(b []byte) crypto.Hash {
	r := der.NewReader(b, 0)
	seq, err := r.Expect(der.Sequence)
	if err != nil || !r.Empty() {
		return 0
	}
	in := seq.Contents()
	oid, err := in.Expect(der.OID)
	if err != nil {
		return 0
	}
	if text, _ := der.OIDText(oid.Body); text != "1.2.840.113549.1.1.8" {
		return 0
	}
	return algorithmHash(in.Rest())
}

// Verify checks signature over message. The error is nil or one of this
// package's errors.
func Verify(k *Key, a Algorithm, message, signature []byte) error {
	if err := usable(k, a); err != nil {
		return err
	}
	return verifySigned(nil, k, a, signed(a, message), signature)
}

// signed is what a signature with a usable algorithm covers: the message's
// digest, or the message where the scheme hashes by itself.
func signed(a Algorithm, message []byte) []byte {
	switch a.Hash {
	case 0:
		return message
	case crypto.SHA256:
		sum := sha256.Sum256(message)
		return sum[:]
	}
	h := a.Hash.New()
	h.Write(message)
	return h.Sum(nil)
}

// verifySigned is Verify when k is usable with a; tables may be nil.
func verifySigned(tables *known.Tables, k *Key, a Algorithm, signed, signature []byte) error {
	switch pub := k.Public.(type) {
	case ed25519.PublicKey:
		if !ed25519.Verify(pub, signed, signature) {
			return ErrBadSignature
		}
		return nil
	case *mldsa.PublicKey:
		if mldsa.Verify(pub, signed, signature, nil) != nil {
			return ErrBadSignature
		}
		return nil
	}
	return verifyDigest(tables, k, a, signed, signature)
}

// VerifyDigest checks a signature over the message whose a.Hash digest is
// given. Ed25519 and ML-DSA, which sign the message itself, are ErrUnsupported.
func VerifyDigest(k *Key, a Algorithm, digest, signature []byte) error {
	if err := usable(k, a); err != nil {
		return err
	}
	return verifyDigest(nil, k, a, digest, signature)
}

// verifyDigest is VerifyDigest when k is usable with a; tables may be nil.
func verifyDigest(tables *known.Tables, k *Key, a Algorithm, digest, signature []byte) error {
	if a.Scheme.whole() || len(digest) != a.Hash.Size() {
		return ErrUnsupported
	}
	switch pub := k.Public.(type) {
	case *rsa.PublicKey:
		var err error
		switch {
		case a.Scheme == RSAPKCS1:
			err = rsa.VerifyPKCS1v15(pub, a.Hash, digest, signature)
		case a.SaltLen > pub.Size(): // there is no such signature, and crypto/rsa's sums overflow where int has 32 bits
			err = ErrBadSignature
		default:
			err = rsa.VerifyPSS(pub, a.Hash, digest, signature, &rsa.PSSOptions{SaltLength: a.SaltLen, Hash: a.Hash})
		}
		if err != nil {
			return ErrBadSignature
		}
	case *ecdsa.PublicKey:
		if !tables.Verify(pub, k.KeyBits, digest, signature) {
			return ErrBadSignature
		}
	default:
		return ErrUnsupported
	}
	return nil
}

// whole reports whether the scheme signs the message itself and no digest of it.
func (s Scheme) whole() bool { return s == Ed25519 || s == MLDSA }

// minRSABits is the least that crypto/rsa verifies with.
const minRSABits = 1024

// usable reports whether k can be used with a at all.
func usable(k *Key, a Algorithm) error {
	if a.Scheme == Other || a.MD5 || !a.Scheme.whole() && !a.Hash.Available() {
		return ErrUnsupported
	}
	if k == nil || k.Public == nil {
		return ErrUnsupported
	}
	if a.Scheme == RSAPSS && a.SaltLen == 0 { // crypto/rsa takes 0 for a salt of any length
		return ErrUnsupported
	}
	ok := false
	switch pub := k.Public.(type) {
	case *rsa.PublicKey:
		ok = a.Scheme == RSAPSS && (k.pss == nil || k.pss.Scheme == RSAPSS && k.pss.Hash == a.Hash && a.SaltLen >= k.pss.SaltLen) ||
			a.Scheme == RSAPKCS1 && k.Kind == KeyRSA
		if ok && pub.N.BitLen() < minRSABits {
			return ErrKeyTooSmall
		}
	case *ecdsa.PublicKey:
		ok = a.Scheme == ECDSA
	case ed25519.PublicKey:
		ok = a.Scheme == Ed25519
	case *mldsa.PublicKey: // one OID names the key and its signatures
		ok = a.Scheme == MLDSA && a.OID == k.OID
	}
	if !ok {
		return ErrKeyMismatch
	}
	return nil
}

package sig

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"math/big"

	"github.com/assaytls/assay/internal/der"
)

// Key is a parsed SubjectPublicKeyInfo. A key of an unknown or unsupported
// kind has Public nil.
type Key struct {
	OID    string
	Kind   KeyKind
	Name   string // "RSA", "RSA-PSS", "ECDSA", "Ed25519", "ML-DSA-65", …; the OID when unknown
	Bits   int    // of a modulus or a field; 0 for ML-DSA, which has neither
	Curve  string // "P-256", …, or the curve's OID
	Public crypto.PublicKey
	// About explains an algorithm that is known by its name alone; else "".
	About string
	// Problem says why a key of a known kind is not usable: "" when it is.
	Problem  string
	TooLarge bool // an RSA key that is too large to verify with
	// ParamsOK is false when the AlgorithmIdentifier's parameters break the
	// key type's rules.
	ParamsOK bool
	NoParams bool // there are none
	// ExplicitParams is set for elliptic curve parameters spelt out.
	ExplicitParams bool
	Raw            []byte // the whole SubjectPublicKeyInfo
	KeyBits        []byte // contents of the BIT STRING without the unused-bits octet
	pss            *Algorithm
}

// KeyKind is what may be done with a key, whatever its name. The zero KeyKind is
// a kind of which nothing but the name, at most, is known.
type KeyKind uint8

// The kinds of keys.
const (
	KeyOther KeyKind = iota
	KeyRSA
	KeyPSS // RSA, for RSASSA-PSS alone
	KeyECDSA
	KeyEd25519
	KeyEd448
	KeyX25519
	KeyX448
	KeyDSA
	KeyDH
	KeyMLDSA // pure ML-DSA (RFC 9881)
)

var keyKinds = map[string]struct {
	kind KeyKind
	name string
}{
	"1.2.840.113549.1.1.1": {KeyRSA, "RSA"}, "1.2.840.113549.1.1.10": {KeyPSS, "RSA-PSS"}, "1.2.840.10045.2.1": {KeyECDSA, "ECDSA"},
	"1.2.840.113549.1.1.7": {KeyOther, "RSAES-OAEP"},
	"1.3.101.112":          {KeyEd25519, "Ed25519"}, "1.3.101.113": {KeyEd448, "Ed448"}, "1.3.101.110": {KeyX25519, "X25519"}, "1.3.101.111": {KeyX448, "X448"},
	"1.2.840.10040.4.1": {KeyDSA, "DSA"}, "1.2.840.113549.1.3.1": {KeyDH, "DH"}, "1.2.840.10046.2.1": {KeyDH, "DH"},
	"2.16.840.1.101.3.4.3.17": {KeyMLDSA, "ML-DSA-44"}, "2.16.840.1.101.3.4.3.18": {KeyMLDSA, "ML-DSA-65"}, "2.16.840.1.101.3.4.3.19": {KeyMLDSA, "ML-DSA-87"},
	"1.2.643.7.1.1.1.1": {KeyOther, "GOST R 34.10-2012 256"}, "1.2.643.7.1.1.1.2": {KeyOther, "GOST R 34.10-2012 512"},
}

var curves = map[string]struct {
	name  string
	curve func() elliptic.Curve // nil: it is not verified with
	bits  int
}{
	"1.3.132.0.33":          {"P-224", elliptic.P224, 224},
	"1.2.840.10045.3.1.7":   {"P-256", elliptic.P256, 256},
	"1.3.132.0.34":          {"P-384", elliptic.P384, 384},
	"1.3.132.0.35":          {"P-521", elliptic.P521, 521},
	"1.2.840.10045.3.1.1":   {"P-192", nil, 192},
	"1.3.132.0.10":          {"secp256k1", nil, 256},
	"1.3.36.3.3.2.8.1.1.7":  {"brainpoolP256r1", nil, 256},
	"1.3.36.3.3.2.8.1.1.11": {"brainpoolP384r1", nil, 384},
	"1.3.36.3.3.2.8.1.1.13": {"brainpoolP512r1", nil, 512},
	"1.2.156.10197.1.301":   {"SM2", nil, 256},
}

// MaxRSABits bounds the RSA keys that are verified with: work grows with the
// cube of the size.
const MaxRSABits = 16384

// ParseKey decodes a SubjectPublicKeyInfo. Unknown kinds are no error;
// unreadable DER is ErrMalformed.
func ParseKey(raw []byte) (*Key, error) {
	k := new(Key)
	return k, k.Parse(raw)
}

// Parse is ParseKey into k, which it overwrites.
func (k *Key) Parse(raw []byte) error {
	*k = Key{Raw: raw}
	r := der.NewReader(raw, 0)
	seq, err := r.Expect(der.Sequence)
	if err != nil || !r.Empty() {
		return ErrMalformed
	}
	in := seq.Contents()
	alg, err := in.Expect(der.Sequence)
	if err != nil {
		return ErrMalformed
	}
	bits, err := in.Expect(der.BitString)
	if err != nil || !in.Empty() || len(bits.Body) == 0 || bits.Body[0] != 0 {
		return ErrMalformed
	}
	k.KeyBits = bits.Body[1:]
	algIn := alg.Contents()
	oid, err := algIn.Expect(der.OID)
	if err != nil {
		return ErrMalformed
	}
	var ok bool
	if k.OID, ok = der.OIDText(oid.Body); !ok {
		return ErrMalformed
	}
	params := algIn.Rest()
	row := keyKinds[k.OID]
	if k.Kind, k.Name = row.kind, row.name; k.Name == "" {
		k.Name, k.About = foreignName(k.OID)
	}
	k.ParamsOK, k.NoParams = true, len(params) == 0
	switch k.Kind {
	case KeyRSA:
		k.ParamsOK = null(params)
		k.parseRSA()
	case KeyPSS:
		if len(params) > 0 {
			k.pss = &Algorithm{Scheme: RSAPSS}
			k.pss.parsePSS(params)
			k.ParamsOK = k.pss.ParamsOK
		}
		k.parseRSA()
	case KeyECDSA:
		k.parseEC(params)
	case KeyEd25519:
		k.ParamsOK = len(params) == 0
		if k.Bits = 256; len(k.KeyBits) == ed25519.PublicKeySize {
			k.Public = ed25519.PublicKey(k.KeyBits)
		} else {
			k.Problem = "an Ed25519 key has 32 bytes"
		}
	case KeyX25519:
		k.Bits, k.ParamsOK = 256, len(params) == 0
		if len(k.KeyBits) != 32 {
			k.Problem = "an X25519 key has 32 bytes"
		}
	case KeyEd448:
		k.Bits, k.ParamsOK = 456, len(params) == 0
		if len(k.KeyBits) != 57 {
			k.Problem = "an Ed448 key has 57 bytes"
		}
	case KeyDSA:
		k.parseDSA(params)
	case KeyMLDSA:
		k.ParamsOK = len(params) == 0
		k.parseMLDSA()
		if !k.ParamsOK {
			k.Public = nil
		}
	}
	return nil
}

func (k *Key) parseRSA() {
	r := der.NewReader(k.KeyBits, 0)
	seq, err := r.Expect(der.Sequence)
	if err != nil || !r.Empty() || seq.Flaws != 0 {
		k.Problem = "the RSA key is not DER"
		return
	}
	in := seq.Contents()
	n, err1 := in.Expect(der.Integer)
	e, err2 := in.Expect(der.Integer)
	if err1 != nil || err2 != nil || !in.Empty() || !der.IntegerMinimal(n.Body) || !der.IntegerMinimal(e.Body) {
		k.Problem = "the RSA key is not two DER integers"
		return
	}
	if n.Body[0]&0x80 != 0 || e.Body[0]&0x80 != 0 {
		k.Problem = "the RSA modulus or exponent is negative"
		return
	}
	N := new(big.Int).SetBytes(n.Body)
	k.Bits = N.BitLen()
	var E int64 // up to five octets
	if len(e.Body) <= 5 {
		for _, c := range e.Body {
			E = E<<8 | int64(c)
		}
	}
	switch {
	case N.Sign() == 0 || N.Bit(0) == 0:
		k.Problem = "the RSA modulus is even"
	case len(e.Body) > 5 || E >= 1<<31:
		k.Problem = "the RSA exponent is too large"
	case E < 2 || E&1 == 0:
		k.Problem = "the RSA exponent is even or less than 3"
	case k.Bits > MaxRSABits:
		k.Problem, k.TooLarge = "the RSA key is too large to verify with", true
	default:
		k.Public = &rsa.PublicKey{N: N, E: int(E)}
	}
}

// Exponent returns an RSA key's public exponent, 0 for other or unusable keys.
func (k *Key) Exponent() int {
	if p, ok := k.Public.(*rsa.PublicKey); ok {
		return p.E
	}
	return 0
}

// TooSmall reports whether k is too small to verify with.
func (k *Key) TooSmall() bool {
	_, isRSA := k.Public.(*rsa.PublicKey)
	return isRSA && k.Bits < minRSABits
}

func (k *Key) parseEC(params []byte) {
	r := der.NewReader(params, 0)
	e, err := r.Next()
	if err != nil || !r.Empty() {
		k.ParamsOK, k.Problem = false, "the curve is not named"
		return
	}
	if e.Tag != der.OID {
		k.ParamsOK = false
		k.ExplicitParams = e.Tag == der.Sequence
		k.Problem = "the curve is not a named one"
		return
	}
	oid, ok := der.OIDText(e.Body)
	if !ok {
		k.ParamsOK, k.Problem = false, "the curve's OID is malformed"
		return
	}
	c, known := curves[oid]
	if !known {
		k.Curve = oid
		return
	}
	k.Curve, k.Bits = c.name, c.bits
	if c.curve == nil {
		return
	}
	if len(k.KeyBits) > 0 && (k.KeyBits[0] == 2 || k.KeyBits[0] == 3) {
		k.Problem = "the point is compressed"
		return
	}
	pub, err := ecdsa.ParseUncompressedPublicKey(c.curve(), k.KeyBits)
	if err != nil {
		k.Problem = "the point is not on the curve"
		return
	}
	k.Public = pub
}

// parseDSA reads the size of a DSA key (RFC 3279, 2.3.2). Parameters may be
// inherited from the issuer: then the size is not known.
func (k *Key) parseDSA(params []byte) {
	r := der.NewReader(k.KeyBits, 0)
	y, err := r.Expect(der.Integer)
	if err != nil || !r.Empty() || !positive(y.Body) {
		k.Problem = "the DSA key is not a positive DER integer"
		return
	}
	if len(params) == 0 {
		return
	}
	r = der.NewReader(params, 0)
	seq, err := r.Expect(der.Sequence)
	if err != nil || !r.Empty() {
		k.ParamsOK = false
		return
	}
	in := seq.Contents()
	for i := range 3 {
		e, err := in.Expect(der.Integer)
		if err != nil || !positive(e.Body) {
			k.ParamsOK = false
			return
		}
		if i == 0 {
			k.Bits = new(big.Int).SetBytes(e.Body).BitLen()
		}
	}
	k.ParamsOK = in.Empty()
}

// positive reports whether the contents of an INTEGER are DER and above zero.
func positive(body []byte) bool {
	return der.IntegerMinimal(body) && body[0]&0x80 == 0 && !(len(body) == 1 && body[0] == 0)
}

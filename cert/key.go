package cert

import (
	"crypto"

	"github.com/assaytls/assay/internal/sig"
)

// KeyKind tells keys apart by what may be done with them. The zero KeyKind is
// one of which nothing but the name, at most, is known.
type KeyKind uint8

// The kinds of keys.
const (
	KeyOther   = KeyKind(sig.KeyOther)
	KeyRSA     = KeyKind(sig.KeyRSA) // RFC 3279, 2.3.1
	KeyPSS     = KeyKind(sig.KeyPSS) // RSA, for RSASSA-PSS alone (RFC 4055, 1.2)
	KeyECDSA   = KeyKind(sig.KeyECDSA)
	KeyEd25519 = KeyKind(sig.KeyEd25519)
	KeyEd448   = KeyKind(sig.KeyEd448)
	KeyX25519  = KeyKind(sig.KeyX25519)
	KeyX448    = KeyKind(sig.KeyX448)
	KeyDSA     = KeyKind(sig.KeyDSA)
	KeyDH      = KeyKind(sig.KeyDH)
	KeyMLDSA   = KeyKind(sig.KeyMLDSA) // pure ML-DSA (RFC 9881)
)

// Modular reports whether the key's strength is that of a modulus: RSA, DSA and
// Diffie-Hellman in finite fields.
func (k KeyKind) Modular() bool {
	return k == KeyRSA || k == KeyPSS || k == KeyDSA || k == KeyDH
}

// PublicKey is a certificate's public key.
type PublicKey struct {
	Kind      KeyKind // what may be done with it
	Algorithm string  // for people: "RSA", "RSA-PSS", "ECDSA", "Ed25519", "ML-DSA-65", …; the OID when unknown
	About     string  // explains an algorithm that is known by its name alone; else ""
	Bits      int     // modulus or field size; 0 when not known, and for ML-DSA
	Curve     string  // "P-256", …
	Exponent  int     // RSA
	Problem   string  // why a key of a known kind is unusable; "" when usable
	Raw       []byte  // SubjectPublicKeyInfo, DER
	KeyBits   []byte  // contents of subjectPublicKey, as hashed for OCSP and key identifiers
	key       *sig.Key
}

// Supported reports whether signatures can be verified with the key.
func (k *PublicKey) Supported() bool { return k != nil && k.key != nil && k.key.Public != nil }

// Public returns the key in crypto's form (*rsa.PublicKey, *ecdsa.PublicKey,
// ed25519.PublicKey, or *mldsa.PublicKey of filippo.io/mldsa), nil when it is
// unsupported.
func (k *PublicKey) Public() crypto.PublicKey {
	if k == nil || k.key == nil {
		return nil
	}
	return k.key.Public
}

// Algorithm is a signature algorithm as named in a signed object.
type Algorithm struct {
	OID      string      // dotted
	Name     string      // "SHA-256 with RSA", "ML-DSA-65", …; the OID when unknown
	About    string      // explains an algorithm that is known by its name alone; else ""
	Hash     crypto.Hash // 0 where the algorithm has none of its own
	Weak     string      // "MD5", "SHA-1" … when the hash is broken; else ""
	ParamsOK bool        // the parameters follow the algorithm's rules
	SaltLen  int         // of RSA-PSS, in bytes: 20 where the parameters leave it out (RFC 4055, 3.1); else 0
	Raw      []byte      // the whole element
	alg      sig.Algorithm
}

// ParseAlgorithm decodes an AlgorithmIdentifier, the whole SEQUENCE. Unknown
// algorithms are no error.
func ParseAlgorithm(raw []byte) (Algorithm, error) {
	a, err := sig.ParseAlgorithm(raw)
	out := Algorithm{OID: a.OID, Name: a.Name, About: a.About, Hash: a.Hash, ParamsOK: a.ParamsOK, SaltLen: a.SaltLen, Raw: raw, alg: a}
	switch {
	case a.MD5:
		out.Weak = "MD5"
	case a.Hash == crypto.SHA1:
		out.Weak = "SHA-1"
	}
	return out, err
}

// ParsePublicKey decodes a SubjectPublicKeyInfo. Unknown kinds are no error.
func ParsePublicKey(raw []byte) (*PublicKey, error) {
	var k PublicKey
	err := k.parse(&sig.Key{}, raw)
	return &k, err
}

func (k *PublicKey) parse(in *sig.Key, raw []byte) error {
	err := in.Parse(raw)
	*k = PublicKey{Kind: KeyKind(in.Kind), Algorithm: in.Name, About: in.About, Bits: in.Bits, Curve: in.Curve, Exponent: in.Exponent(),
		Problem: in.Problem, Raw: raw, KeyBits: in.KeyBits, key: in}
	return err
}

// Described is the name of the key's algorithm and, where only the name is known, what it is.
func (k *PublicKey) Described() string { return described(k.Algorithm, k.About) }

// Described is the algorithm's name and, where only the name is known, what it is.
func (a *Algorithm) Described() string { return described(a.Name, a.About) }

func described(name, about string) string {
	if about == "" {
		return name
	}
	return name + " (" + about + ")"
}

// Memo remembers signatures that verified, so that none is verified twice. It
// is bounded and safe for concurrent use. A nil *Memo remembers nothing.
type Memo struct{ m *sig.Memo }

// NewMemo returns a Memo of at most max entries.
func NewMemo(max int) *Memo { return &Memo{sig.NewMemo(max)} }

// NewMemoWithTables is NewMemo with a table for each ECDSA key on P-256 or P-384 that
// is used again and again: from a key's eighth use on a signature costs a third, or a
// seventh, of what crypto/ecdsa takes for it. The tables take at most so many octets
// of memory; 0 means 32 MiB. What a table refuses and one in 1,000 that it accepts
// crypto/ecdsa is asked too. When the two disagree, no table of this process is used
// any more, and the Memo forgets what it remembers. In FIPS 140-3 mode there are no tables.
func NewMemoWithTables(max int, octets int64) *Memo {
	return &Memo{sig.NewMemoWithTables(max, octets)}
}

// KeyTables are numbers about a Memo's tables.
type KeyTables struct {
	Keys     int64 // that have a table now
	Octets   int64 // of all tables, and of what is known of other keys
	Built    int64 // tables made so far
	Accepted int64 // signatures that tables accepted so far
	Checked  int64 // those of them that crypto/ecdsa was asked about too
}

// KeyTables returns the numbers; without tables all are 0.
func (m *Memo) KeyTables() KeyTables {
	if m == nil {
		return KeyTables{}
	}
	return KeyTables(m.m.Tables())
}

// Verify checks signature over message by k. The error is nil or one of the
// Err… values of this package.
func (k *PublicKey) Verify(m *Memo, a Algorithm, message, signature []byte) error {
	if k == nil || k.key == nil {
		return ErrUnsupported
	}
	var memo *sig.Memo
	if m != nil {
		memo = m.m
	}
	return memo.Verify(k.key, a.alg, message, signature)
}

// VerifyDigest checks a signature over a message whose digest by a.Hash is
// given; for Ed25519 and ML-DSA, which have none, the error is ErrUnsupported.
func (k *PublicKey) VerifyDigest(a Algorithm, digest, signature []byte) error {
	if k == nil || k.key == nil {
		return ErrUnsupported
	}
	return sig.VerifyDigest(k.key, a.alg, digest, signature)
}

// Why a signature did not verify.
var (
	ErrBadSignature = sig.ErrBadSignature
	ErrUnsupported  = sig.ErrUnsupported
	ErrKeyMismatch  = sig.ErrKeyMismatch
	ErrKeyTooSmall  = sig.ErrKeyTooSmall
)

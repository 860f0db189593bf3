package forge

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	_ "crypto/sha256" // registers the hash
	_ "crypto/sha512" // registers the hash
	"crypto/x509"
	"math/big"
	"strconv"
	"strings"
	"sync"

	"filippo.io/mldsa"
)

// Key is a key pair. SPKI may be changed on a copy to break it.
type Key struct {
	Kind   string // as given to NewKey
	Signer crypto.Signer
	SPKI   []byte // SubjectPublicKeyInfo, DER
}

// NewKey makes a key: "P-224", "P-256", "P-384", "P-521", "Ed25519",
// "ML-DSA-44", "ML-DSA-65", "ML-DSA-87", or "RSA-n". Those that are not RSA are fresh each time. An RSA key of a size is
// the same for the life of the process; "RSA-2048#2" names another one.
func NewKey(kind string) *Key {
	var signer crypto.Signer
	var err error
	switch kind {
	case "P-224":
		signer, err = ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	case "P-256":
		signer, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "P-384":
		signer, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "P-521":
		signer, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case "Ed25519":
		_, signer, err = ed25519.GenerateKey(rand.Reader)
	case "ML-DSA-44":
		signer, err = mldsa.GenerateKey(mldsa.MLDSA44())
	case "ML-DSA-65":
		signer, err = mldsa.GenerateKey(mldsa.MLDSA65())
	case "ML-DSA-87":
		signer, err = mldsa.GenerateKey(mldsa.MLDSA87())
	default:
		return rsaKey(kind)
	}
	if err != nil {
		panic("forge: " + err.Error())
	}
	return FromSigner(kind, signer)
}

// P256 makes a fresh P-256 key.
func P256() *Key { return NewKey("P-256") }

// RSA returns the process's RSA key of that size.
func RSA(bits int) *Key { return NewKey("RSA-" + itoa(bits)) }

// FromSigner wraps an existing private key.
func FromSigner(kind string, signer crypto.Signer) *Key {
	var spki []byte
	switch k := signer.(type) {
	case *rsa.PrivateKey:
		spki = Seq(Seq(OID("1.2.840.113549.1.1.1"), Null()), Bits(Seq(BigInt(k.N), Int(int64(k.E)))))
	case *mldsa.PrivateKey:
		spki = Seq(mldsaAlg(k).ID, Bits(k.PublicKey().Bytes()))
	default:
		var err error
		if spki, err = x509.MarshalPKIXPublicKey(signer.Public()); err != nil {
			panic("forge: " + err.Error())
		}
	}
	return &Key{Kind: kind, Signer: signer, SPKI: spki}
}

// Bits returns the contents of subjectPublicKey, which OCSP hashes.
func (k *Key) Bits() []byte {
	_, bits, _ := SplitTLV(Children(k.SPKI)[1])
	return bits[1:]
}

// ID returns the SHA-1 key identifier of RFC 5280, 4.2.1.2 (1).
func (k *Key) ID() []byte {
	h := sha1.Sum(k.Bits())
	return h[:]
}

var (
	rsaMu   sync.Mutex
	rsaKeys = map[string]*Key{}
)

func rsaKey(kind string) *Key {
	rsaMu.Lock()
	defer rsaMu.Unlock()
	if k := rsaKeys[kind]; k != nil {
		return k
	}
	size, _, _ := strings.Cut(strings.TrimPrefix(kind, "RSA-"), "#")
	bits, err := strconv.Atoi(size)
	if err != nil {
		panic("forge: unknown kind of key " + kind)
	}
	var priv *rsa.PrivateKey
	if p, ok := primes[kind]; ok {
		priv = rsaFromPrimes(p[0], p[1])
	} else {
		priv = generateRSA(bits)
	}
	rsaKeys[kind] = FromSigner(kind, priv)
	return rsaKeys[kind]
}

// generateRSA makes a key of any size; crypto/rsa refuses small ones. The
// exponent is 65537.
func generateRSA(bits int) *rsa.PrivateKey {
	if bits >= 1024 && bits <= 8192 {
		if priv, err := rsa.GenerateKey(rand.Reader, bits); err == nil {
			return priv
		}
	}
	for {
		p, err1 := rand.Prime(rand.Reader, bits/2)
		q, err2 := rand.Prime(rand.Reader, bits-bits/2)
		if err1 != nil || err2 != nil {
			panic("forge: no randomness")
		}
		if n := new(big.Int).Mul(p, q); n.BitLen() == bits && p.Cmp(q) != 0 {
			if k := rsaFrom(p, q); k != nil {
				return k
			}
		}
	}
}

func rsaFromPrimes(p, q string) *rsa.PrivateKey {
	a, ok1 := new(big.Int).SetString(p, 36)
	b, ok2 := new(big.Int).SetString(q, 36)
	if !ok1 || !ok2 {
		panic("forge: bad prime")
	}
	return rsaFrom(a, b)
}

func rsaFrom(p, q *big.Int) *rsa.PrivateKey {
	one := big.NewInt(1)
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	d := new(big.Int).ModInverse(big.NewInt(65537), phi)
	if d == nil {
		return nil
	}
	k := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 65537}, D: d, Primes: []*big.Int{p, q}}
	if k.N.BitLen() >= 1024 {
		k.Precompute()
	}
	return k
}

// Alg is a signature algorithm: its AlgorithmIdentifier, and how to sign.
type Alg struct {
	ID   []byte
	Hash crypto.Hash // zero for Ed25519 and ML-DSA
	PSS  bool
}

// WithID returns a with another AlgorithmIdentifier.
func (a Alg) WithID(id []byte) Alg { a.ID = id; return a }

func algID(oid string, params ...[]byte) []byte { return Seq(append([][]byte{OID(oid)}, params...)...) }

func pssID(hash, saltLen int) []byte {
	h := algID("2.16.840.1.101.3.4.2."+itoa(hash), Null())
	return algID("1.2.840.113549.1.1.10", Seq(Explicit(0, h), Explicit(1, algID("1.2.840.113549.1.1.8", h)), Explicit(2, Int(int64(saltLen)))))
}

// The algorithms.
var (
	MD5WithRSA      = Alg{ID: algID("1.2.840.113549.1.1.4", Null()), Hash: crypto.MD5}
	SHA1WithRSA     = Alg{ID: algID("1.2.840.113549.1.1.5", Null()), Hash: crypto.SHA1}
	SHA256WithRSA   = Alg{ID: algID("1.2.840.113549.1.1.11", Null()), Hash: crypto.SHA256}
	SHA384WithRSA   = Alg{ID: algID("1.2.840.113549.1.1.12", Null()), Hash: crypto.SHA384}
	SHA512WithRSA   = Alg{ID: algID("1.2.840.113549.1.1.13", Null()), Hash: crypto.SHA512}
	SHA256WithPSS   = Alg{ID: pssID(1, 32), Hash: crypto.SHA256, PSS: true}
	SHA384WithPSS   = Alg{ID: pssID(2, 48), Hash: crypto.SHA384, PSS: true}
	SHA512WithPSS   = Alg{ID: pssID(3, 64), Hash: crypto.SHA512, PSS: true}
	ECDSAWithSHA1   = Alg{ID: algID("1.2.840.10045.4.1"), Hash: crypto.SHA1}
	ECDSAWithSHA224 = Alg{ID: algID("1.2.840.10045.4.3.1"), Hash: crypto.SHA224}
	ECDSAWithSHA256 = Alg{ID: algID("1.2.840.10045.4.3.2"), Hash: crypto.SHA256}
	ECDSAWithSHA384 = Alg{ID: algID("1.2.840.10045.4.3.3"), Hash: crypto.SHA384}
	ECDSAWithSHA512 = Alg{ID: algID("1.2.840.10045.4.3.4"), Hash: crypto.SHA512}
	PureEd25519     = Alg{ID: algID("1.3.101.112")}
	MLDSA44         = Alg{ID: algID("2.16.840.1.101.3.4.3.17")}
	MLDSA65         = Alg{ID: algID("2.16.840.1.101.3.4.3.18")}
	MLDSA87         = Alg{ID: algID("2.16.840.1.101.3.4.3.19")}
)

func mldsaAlg(k *mldsa.PrivateKey) Alg {
	switch k.PublicKey().Parameters() {
	case mldsa.MLDSA44():
		return MLDSA44
	case mldsa.MLDSA65():
		return MLDSA65
	}
	return MLDSA87
}

// DefaultAlg returns the usual algorithm for k's kind and size.
func (k *Key) DefaultAlg() Alg {
	switch s := k.Signer.(type) {
	case *rsa.PrivateKey:
		return SHA256WithRSA
	case ed25519.PrivateKey:
		return PureEd25519
	case *mldsa.PrivateKey:
		return mldsaAlg(s)
	case *ecdsa.PrivateKey:
		switch s.Curve.Params().BitSize {
		case 384:
			return ECDSAWithSHA384
		case 521:
			return ECDSAWithSHA512
		}
	}
	return ECDSAWithSHA256
}

// digestInfo are the DER prefixes of EMSA-PKCS1-v1_5 (RFC 8017, 9.2).
var digestInfo = map[crypto.Hash]string{crypto.MD5: "1.2.840.113549.2.5", crypto.SHA1: "1.3.14.3.2.26",
	crypto.SHA256: "2.16.840.1.101.3.4.2.1", crypto.SHA384: "2.16.840.1.101.3.4.2.2",
	crypto.SHA512: "2.16.840.1.101.3.4.2.3", crypto.SHA224: "2.16.840.1.101.3.4.2.4"}

// Sign signs message. Weak hashes and small keys are fine.
func (k *Key) Sign(a Alg, message []byte) []byte {
	if a.ID == nil {
		a = k.DefaultAlg()
	}
	digest := message
	opts := crypto.SignerOpts(a.Hash)
	switch a.Hash {
	case 0:
	case crypto.MD5:
		d := md5.Sum(message)
		digest = d[:]
	default:
		h := a.Hash.New()
		h.Write(message)
		digest = h.Sum(nil)
	}
	if priv, ok := k.Signer.(*rsa.PrivateKey); ok && !a.PSS {
		return pkcs1v15(priv, a.Hash, digest)
	}
	if a.PSS {
		opts = &rsa.PSSOptions{SaltLength: a.Hash.Size(), Hash: a.Hash}
	}
	s, err := k.Signer.Sign(rand.Reader, digest, opts)
	if err != nil {
		panic("forge: " + err.Error())
	}
	return s
}

func pkcs1v15(priv *rsa.PrivateKey, h crypto.Hash, digest []byte) []byte {
	t := Seq(algID(digestInfo[h], Null()), Octets(digest))
	size := (priv.N.BitLen() + 7) / 8
	em := make([]byte, size)
	if size < len(t)+11 {
		panic("forge: RSA key too small to sign with this hash")
	}
	for i := range em {
		em[i] = 0xff
	}
	em[0], em[1], em[size-len(t)-1] = 0, 1, 0
	copy(em[size-len(t):], t)
	m := new(big.Int).SetBytes(em)
	return m.Exp(m, priv.D, priv.N).FillBytes(make([]byte, size))
}

// PEM encodes the private key, PKCS #8, for programs that read files.
func (k *Key) PEM() []byte {
	if priv, ok := k.Signer.(*mldsa.PrivateKey); ok { // the seed alone (RFC 9881, 6)
		return PEM("PRIVATE KEY", Seq(Int(0), mldsaAlg(priv).ID, Octets(TLV(0x80, priv.Bytes()))))
	}
	der, err := x509.MarshalPKCS8PrivateKey(k.Signer)
	if err != nil {
		panic("forge: " + err.Error())
	}
	return PEM("PRIVATE KEY", der)
}

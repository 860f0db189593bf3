package known

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/asn1"
	"math/big"
	"testing"
)

// curve is a curve as the tests see it: math/big and textbook formulas, nothing of
// what is tested.
type curve struct {
	elliptic.Curve
	name    string
	p, n, b *big.Int
	g       refPoint
	size    int
	ecdh    ecdh.Curve
}

var curves = []*curve{newCurve(elliptic.P256(), ecdh.P256()), newCurve(elliptic.P384(), ecdh.P384())}

func newCurve(c elliptic.Curve, dh ecdh.Curve) *curve {
	params := c.Params()
	return &curve{c, params.Name, params.P, params.N, params.B, refPoint{params.Gx, params.Gy}, params.BitSize / 8, dh}
}

// refPoint is an affine point; x is nil at infinity.
type refPoint struct{ x, y *big.Int }

func (c *curve) add(a, b refPoint) refPoint {
	if a.x == nil {
		return b
	}
	if b.x == nil {
		return a
	}
	var slope *big.Int
	if a.x.Cmp(b.x) != 0 {
		slope = c.over(sub(a.y, b.y), sub(a.x, b.x), c.p)
	} else {
		if a.y.Cmp(b.y) != 0 || a.y.Sign() == 0 {
			return refPoint{}
		}
		slope = c.over(sub(mul(three, mul(a.x, a.x)), three), mul(two, a.y), c.p)
	}
	x := mod(sub(sub(mul(slope, slope), a.x), b.x), c.p)
	return refPoint{x, mod(sub(mul(slope, sub(a.x, x)), a.y), c.p)}
}

func (c *curve) times(k *big.Int, a refPoint) (sum refPoint) {
	k = mod(k, c.n)
	for i := k.BitLen() - 1; i >= 0; i-- {
		sum = c.add(sum, sum)
		if k.Bit(i) == 1 {
			sum = c.add(sum, a)
		}
	}
	return sum
}

// lift is a point with that x, if there is one.
func (c *curve) lift(x *big.Int) (refPoint, bool) {
	square := mod(new(big.Int).Add(sub(mul(x, mul(x, x)), mul(three, x)), c.b), c.p)
	y := new(big.Int).ModSqrt(square, c.p)
	return refPoint{x, y}, y != nil
}

// octets is the uncompressed form of a point.
func (c *curve) octets(a refPoint) []byte {
	out := make([]byte, 1+2*c.size)
	out[0] = 4
	a.x.FillBytes(out[1 : 1+c.size])
	a.y.FillBytes(out[1+c.size:])
	return out
}

// over is a/b modulo m.
func (c *curve) over(a, b, m *big.Int) *big.Int {
	return mod(mul(a, new(big.Int).ModInverse(mod(b, m), m)), m)
}

// xOf is the x of the base point times a scalar from 1 to n-1, modulo n. It asks
// crypto/ecdh, which is faster than times.
func (c *curve) xOf(scalar *big.Int) *big.Int {
	private, err := c.ecdh.NewPrivateKey(c.digest(scalar))
	if err != nil {
		panic(err)
	}
	return mod(new(big.Int).SetBytes(private.PublicKey().Bytes()[1:1+c.size]), c.n)
}

// digest is e as a digest of the length of the order.
func (c *curve) digest(e *big.Int) []byte { return e.FillBytes(make([]byte, c.size)) }

var one, two, three = big.NewInt(1), big.NewInt(2), big.NewInt(3)

func add(a, b *big.Int) *big.Int { return new(big.Int).Add(a, b) }
func sub(a, b *big.Int) *big.Int { return new(big.Int).Sub(a, b) }
func mul(a, b *big.Int) *big.Int { return new(big.Int).Mul(a, b) }
func mod(a, m *big.Int) *big.Int { return new(big.Int).Mod(a, m) }

// encoded is a signature in DER, negative numbers included.
func encoded(r, s *big.Int) []byte {
	b, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
	if err != nil {
		panic(err)
	}
	return b
}

// tested is a public key with its table and, where the test knows it, its private
// key.
type tested struct {
	*curve
	private *big.Int
	public  *ecdsa.PublicKey
	point   []byte
	key     key
}

// newTested has the key of a private key, or of a point if that is nil.
func (c *curve) newTested(t testing.TB, private *big.Int, at refPoint) *tested {
	t.Helper()
	if private != nil {
		key, err := ecdsa.ParseRawPrivateKey(c.Curve, private.FillBytes(make([]byte, c.size)))
		if err != nil {
			t.Fatal(err)
		}
		point, err := key.PublicKey.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		at = refPoint{new(big.Int).SetBytes(point[1 : 1+c.size]), new(big.Int).SetBytes(point[1+c.size:])}
	}
	k := &tested{curve: c, private: private, point: c.octets(at)}
	var err error
	if k.public, err = ecdsa.ParseUncompressedPublicKey(c.Curve, k.point); err != nil {
		t.Fatal(err)
	}
	if k.key = build(k.point); k.key == nil {
		t.Fatal("no table")
	}
	return k
}

// compare verifies with the table and with crypto/ecdsa. want is what the test knows
// of the signature.
func (k *tested) compare(t testing.TB, what string, digest, signature []byte, want bool) {
	t.Helper()
	ours, theirs := k.key.verify(digest, signature), ecdsa.VerifyASN1(k.public, digest, signature)
	if ours != want || theirs != want {
		t.Errorf("%s, %s: the table says %v, crypto/ecdsa %v, want %v: key %x digest %x signature %x", k.name, what, ours, theirs, want, k.point, digest, signature)
	}
}

// agree is compare where the test does not know.
func (k *tested) agree(t testing.TB, digest, signature []byte) {
	t.Helper()
	k.compare(t, "unknown", digest, signature, ecdsa.VerifyASN1(k.public, digest, signature))
}

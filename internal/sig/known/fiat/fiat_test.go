package fiat_test

import (
	"crypto/elliptic"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/assaytls/assay/internal/sig/known/fiat"
)

// field is one of the two fields, as octets.
type field struct {
	name                  string
	p                     *big.Int
	mul, sub, add, square func(x, y []byte) []byte
}

var fields = []field{
	{"P-256", elliptic.P256().Params().P, two256((*fiat.P256).Mul), two256((*fiat.P256).Sub), two256((*fiat.P256).Add),
		two256(func(z, x, _ *fiat.P256) { z.Square(x) })},
	{"P-384", elliptic.P384().Params().P, two384((*fiat.P384).Mul), two384((*fiat.P384).Sub), two384((*fiat.P384).Add),
		two384(func(z, x, _ *fiat.P384) { z.Square(x) })},
}

// two256 is f of two elements as octets. The result is put into a third element, and
// into each of the two, which must make no difference.
func two256(f func(z, x, y *fiat.P256)) func(x, y []byte) []byte {
	return func(xb, yb []byte) []byte {
		var x, y, z fiat.P256
		x.SetBytes([32]byte(xb))
		y.SetBytes([32]byte(yb))
		f(&z, &x, &y)
		inX, inY := x, y
		f(&inX, &inX, &y)
		f(&inY, &x, &inY)
		if inX != z || inY != z && x != y {
			return nil
		}
		b := z.Bytes()
		return b[:]
	}
}

func two384(f func(z, x, y *fiat.P384)) func(x, y []byte) []byte {
	return func(xb, yb []byte) []byte {
		var x, y, z fiat.P384
		x.SetBytes([48]byte(xb))
		y.SetBytes([48]byte(yb))
		f(&z, &x, &y)
		inX, inY := x, y
		f(&inX, &inX, &y)
		f(&inY, &x, &inY)
		if inX != z || inY != z && x != y {
			return nil
		}
		b := z.Bytes()
		return b[:]
	}
}

// TestFields compares both fields with math/big, at the borders of words and at random.
func TestFields(t *testing.T) {
	for _, f := range fields {
		size := f.p.BitLen() / 8
		var values []*big.Int
		for i := range f.p.BitLen() {
			if i%32 < 2 || i%32 == 31 {
				power := new(big.Int).Lsh(big.NewInt(1), uint(i))
				values = append(values, power, new(big.Int).Sub(power, big.NewInt(1)), new(big.Int).Sub(f.p, power))
			}
		}
		random := rand.New(rand.NewPCG(1, 2))
		for range 200 {
			b := make([]byte, size)
			for i := range b {
				b[i] = [...]byte{0, 0xff, byte(random.Uint32())}[random.IntN(3)] // long runs of equal bits as well
			}
			values = append(values, new(big.Int).Mod(new(big.Int).SetBytes(b), f.p))
		}
		octets := func(x *big.Int) []byte { return x.FillBytes(make([]byte, size)) }
		z := new(big.Int)
		for _, x := range values {
			for _, y := range values {
				for name, c := range map[string]struct {
					got  []byte
					want *big.Int
				}{
					"mul":    {f.mul(octets(x), octets(y)), z.Mul(x, y)},
					"square": {f.square(octets(x), octets(y)), new(big.Int).Mul(x, x)},
					"add":    {f.add(octets(x), octets(y)), new(big.Int).Add(x, y)},
					"sub":    {f.sub(octets(x), octets(y)), new(big.Int).Sub(x, y)},
				} {
					if c.want = new(big.Int).Mod(c.want, f.p); c.got == nil || new(big.Int).SetBytes(c.got).Cmp(c.want) != 0 {
						t.Fatalf("%s %s of %x and %x: %x, want %x", f.name, name, x, y, c.got, c.want)
					}
				}
			}
		}
	}
	var a fiat.P256
	var b fiat.P384
	a.SetOne()
	b.SetOne()
	if x, y := a.Bytes(), b.Bytes(); x != [32]byte{31: 1} || y != [48]byte{47: 1} {
		t.Errorf("one is %x and %x", x, y)
	}
}

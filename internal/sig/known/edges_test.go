package known

import (
	"bytes"
	"math/big"
	"slices"
	"testing"
)

// crafted is a digest and a signature by k with those factors of the base point
// and of the key: a sound one, unless the sum of both is infinity.
func (k *tested) crafted(u1, u2 *big.Int) (digest, signature []byte, sound bool) {
	r := big.NewInt(7)
	sum := mod(add(u1, mul(u2, k.private)), k.n)
	if sum.Sign() != 0 {
		r = k.xOf(sum)
	}
	s := k.over(r, u2, k.n) // u2 = r/s
	return k.digest(mod(mul(u1, s), k.n)), encoded(r, s), sum.Sign() != 0
}

// edgeScalars are private keys and factors at which additions and recodings are
// special.
func (c *curve) edgeScalars() (out []*big.Int) {
	for i := 0; i < 8*c.size; i += 43 {
		p := new(big.Int).Lsh(one, uint(i))
		out = append(out, p, sub(p, one), sub(c.n, p))
	}
	all := sub(new(big.Int).Lsh(one, uint(8*c.size-1)), one)
	half := new(big.Int).Rsh(c.n, 1)
	out = append(out, all, half, add(half, one), big.NewInt(16), big.NewInt(17), big.NewInt(31), big.NewInt(128), big.NewInt(129))
	for i, x := range out {
		if x = mod(x, c.n); x.Sign() == 0 {
			x = one
		}
		out[i] = x
	}
	return out
}

func (c *curve) edgeKeys(t testing.TB) (out []*tested) {
	for _, d := range []*big.Int{one, two, three, big.NewInt(32), big.NewInt(0x1234567), sub(c.n, one), sub(c.n, two), new(big.Int).Rsh(c.n, 1), new(big.Int).Lsh(one, 130)} {
		out = append(out, c.newTested(t, d, refPoint{}))
	}
	return out
}

// Factors of 1, n-1, powers of two and all ones, in every combination, by keys
// that are small multiples of the base point: partial sums meet there.
func TestEdgeFactors(t *testing.T) {
	for _, c := range curves {
		scalars := c.edgeScalars()
		for i, k := range c.edgeKeys(t) {
			for j, u2 := range scalars {
				for _, u1 := range []*big.Int{new(big.Int), one, sub(c.n, one), u2, sub(c.n, u2), scalars[(i*7+j*5)%len(scalars)], mod(mul(u2, k.private), c.n), mod(sub(new(big.Int), mul(u2, k.private)), c.n)} {
					digest, signature, sound := k.crafted(u1, u2)
					k.compare(t, "u1 "+u1.Text(16)+" u2 "+u2.Text(16), digest, signature, sound)
					if j%8 == 0 {
						digest[len(digest)-1] ^= 1
						k.compare(t, "other digest", digest, signature, false)
					}
				}
			}
		}
	}
}

// Every power of two as the factor of the key.
func TestEveryPowerOfTwo(t *testing.T) {
	for _, c := range curves {
		k := c.newTested(t, big.NewInt(0x0badcafe), refPoint{})
		for i := range 8*c.size - 1 {
			u2 := new(big.Int).Lsh(one, uint(i))
			digest, signature, sound := k.crafted(big.NewInt(int64(i)), u2)
			k.compare(t, "power", digest, signature, sound)
		}
	}
}

// At every addition of a multiple of the key the sum so far is that very point, or
// its negative: it has to be doubled, or is infinity, in the middle and at the end.
func TestEqualAndOppositePoints(t *testing.T) {
	for _, c := range curves {
		k := c.newTested(t, big.NewInt(0x5eed), refPoint{})
		u2 := mod(new(big.Int).SetBytes(bytes.Repeat([]byte{0x5a, 0xc3, 0x91}, 20)), c.n)
		digits := make([]int16, digitCount(8*c.size, keyWidth))
		recode(digits, u2.FillBytes(make([]byte, c.size)), keyWidth)
		last, infinities := 0, 0
		for i, d := range digits {
			if d != 0 {
				last = i
			}
		}
		partial := new(big.Int)
		for i, d := range digits {
			if d == 0 {
				continue
			}
			next := new(big.Int).Lsh(big.NewInt(int64(d)), uint(i)*keyWidth)
			for sign, point := range []*big.Int{next, new(big.Int).Neg(next)} {
				u1 := mod(mul(sub(point, partial), k.private), c.n)
				digest, signature, sound := k.crafted(u1, u2)
				if atEnd := sign == 1 && i == last; sound == atEnd {
					t.Errorf("%s, digit %d: sum at infinity: %v", c.name, i, !sound)
				}
				if !sound {
					infinities++
				}
				k.compare(t, "equal or opposite points", digest, signature, sound)
			}
			partial.Add(partial, next)
		}
		if partial.Cmp(u2) != 0 || infinities != 1 {
			t.Errorf("%s: digits sum to %x, want %x; %d sums at infinity", c.name, partial, u2, infinities)
		}
	}
}

// A sum whose x is from n up to the field's modulus has r = x - n; and r is not
// taken for such an x when it is none. The key is recovered from the signature: Q = (sR - eG)/r.
func TestXAboveOrder(t *testing.T) {
	for _, c := range curves {
		found := 0
		for i := int64(1); found < 20; i++ {
			r := big.NewInt(i)
			for _, x := range []*big.Int{r, add(r, c.n)} {
				at, ok := c.lift(x)
				if !ok {
					continue
				}
				s, e := big.NewInt(0x1337+i), big.NewInt(0xfeed*i)
				minusE := mod(new(big.Int).Neg(e), c.n)
				q := c.times(c.over(one, r, c.n), c.add(c.times(s, at), c.times(minusE, c.g)))
				k := c.newTested(t, nil, q)
				k.compare(t, "x "+x.Text(16), c.digest(e), encoded(r, s), true)
				k.compare(t, "r + n", c.digest(e), encoded(add(r, c.n), s), false)
				k.compare(t, "r + 1", c.digest(e), encoded(add(r, one), s), false)
				if x != r {
					found++
					continue
				}
				// An r of which r + n is x only modulo p.
				large := add(x, sub(c.p, c.n))
				q = c.times(c.over(one, large, c.n), c.add(c.times(s, at), c.times(minusE, c.g)))
				c.newTested(t, nil, q).compare(t, "x = r + n - p", c.digest(e), encoded(large, s), false)
			}
		}
	}
}

// borders are numbers at and beyond the borders of r and s.
func (c *curve) borders() []*big.Int {
	full := new(big.Int).Lsh(one, uint(8*c.size))
	out := []*big.Int{big.NewInt(-1), new(big.Int), one, two, sub(c.p, c.n), sub(c.p, one), c.p, add(c.p, one), sub(full, one), full, add(full, one), new(big.Int).Lsh(full, 64), new(big.Int).Neg(c.n)}
	for i := int64(-2); i <= 2; i++ {
		out = append(out, add(c.n, big.NewInt(i)), sub(sub(c.p, c.n), big.NewInt(i)))
	}
	return out
}

// r and s from 1 to n-1 are opened, no others: r = 0 too, though nobody knows a sum
// whose x is 0. The factors are e/s and r/s, whatever signature, accepted or not, of
// whichever curve, was opened with the same memory before.
func TestOpen(t *testing.T) {
	var v scalars
	for _, c := range slices.Concat(curves, curves) {
		for _, a := range c.borders() {
			for _, b := range c.borders() {
				in := func(x *big.Int) bool { return x.Sign() > 0 && x.Cmp(c.n) < 0 }
				ok := v.open(c.n, []byte{1}, encoded(a, b))
				if ok != (in(a) && in(b)) || ok && v.r.Cmp(a) != 0 {
					t.Errorf("%s: r %x, s %x: %v %x", c.name, a, b, ok, &v.r)
				}
				if ok && (mod(mul(&v.u1, b), c.n).Cmp(big.NewInt(1)) != 0 || mod(mul(&v.u2, b), c.n).Cmp(a) != 0) {
					t.Errorf("%s: r %x, s %x: factors %x %x", c.name, a, b, &v.u1, &v.u2)
				}
			}
		}
	}
}

// r and s at every border, beside each other and beside a sound one.
func TestBorders(t *testing.T) {
	for _, c := range curves {
		k := c.newTested(t, big.NewInt(0xb02de2), refPoint{})
		digest, signature, _ := k.crafted(big.NewInt(0xabc), big.NewInt(0xdef))
		r, s, ok := parsed(signature)
		if !ok {
			t.Fatal("not a signature")
		}
		values := slices.Concat(c.borders(), []*big.Int{r, s, add(r, c.n), add(s, c.n), sub(c.n, r), sub(c.n, s), new(big.Int).Neg(r), new(big.Int).Neg(s)})
		sound := 0
		for _, a := range values {
			for _, b := range values {
				want := a.Cmp(r) == 0 && (b.Cmp(s) == 0 || b.Cmp(sub(c.n, s)) == 0)
				if want {
					sound++
				}
				k.compare(t, "borders", digest, encoded(a, b), want)
			}
		}
		if sound != 2 {
			t.Errorf("%s: %d sound pairs", c.name, sound)
		}
	}
}

// Digests of 0 and n, of all lengths, and more than one digest of the same e.
func TestDigests(t *testing.T) {
	for _, c := range curves {
		k := c.newTested(t, big.NewInt(0xd16e57), refPoint{})
		zero, signature, _ := k.crafted(new(big.Int), big.NewInt(99))
		order := c.digest(c.n)
		for _, digest := range [][]byte{zero, order, {}, nil, make([]byte, 20), make([]byte, 64), append(slices.Clone(order), 0xff)} {
			k.compare(t, "e = 0", digest, signature, true)
		}
		e := big.NewInt(12345)
		s := k.over(add(e, mul(e, k.private)), two, c.n) // with nonce 2 the r is not e: unsound
		for n := range 80 {
			digest := bytes.Repeat([]byte{0xe5}, n)
			k.compare(t, "unsound", digest, encoded(e, s), false)
			nonce := big.NewInt(int64(n + 2))
			r := c.xOf(nonce)
			of := new(big.Int).SetBytes(digest[:min(n, c.size)])
			k.compare(t, "sound", digest, encoded(r, k.over(add(of, mul(r, k.private)), nonce, c.n)), true)
		}
	}
}

// Encodings: exactly what ecdsa.VerifyASN1 takes.
func TestEncodings(t *testing.T) {
	for _, c := range curves {
		k := c.newTested(t, big.NewInt(0xde2), refPoint{})
		// Of many nonces, so that r and s have leading octets of 0 and of 80 and above.
		for i := range int64(20) {
			digest, sound, _ := k.crafted(big.NewInt(i+1), big.NewInt(3*i+2))
			r, s, _ := parsed(sound)
			k.compare(t, "sound", digest, sound, true)
			for name, signature := range encodings(sound, r, s) {
				k.compare(t, name, digest, signature, false)
			}
		}
	}
}

// encodings are those of a signature that are not DER, or are more than it.
func encodings(sound []byte, r, s *big.Int) map[string][]byte {
	integer := func(b ...byte) []byte { return append([]byte{2, byte(len(b))}, b...) }
	seq := func(parts ...[]byte) []byte {
		return append([]byte{0x30, byte(len(bytes.Join(parts, nil)))}, bytes.Join(parts, nil)...)
	}
	plain := func(x *big.Int) []byte {
		b := x.Bytes()
		if b[0]&0x80 != 0 {
			b = append([]byte{0}, b...)
		}
		return b
	}
	a, b := integer(plain(r)...), integer(plain(s)...)
	body := sound[2:]
	return map[string][]byte{
		"nothing": nil, "an octet behind": append(slices.Clone(sound), 0), "an octet behind s": seq(a, b, []byte{0}), "a NULL behind s": seq(a, b, []byte{5, 0}),
		"a long length": append([]byte{0x30, 0x81, sound[1]}, body...), "a longer length": append([]byte{0x30, 0x82, 0, sound[1]}, body...),
		"an indefinite length": append(append([]byte{0x30, 0x80}, body...), 0, 0), "a SET": append([]byte{0x31, sound[1]}, body...),
		"padded r": seq(integer(append([]byte{0}, plain(r)...)...), b), "padded s": seq(a, integer(append([]byte{0}, plain(s)...)...)),
		"r with a long length": seq(append([]byte{2, 0x81, byte(len(plain(r)))}, plain(r)...), b), "negative padding": seq(integer(append([]byte{0xff}, plain(r)...)...), b),
		"no s": seq(a), "no r": seq(b), "empty r": seq(integer(), b), "empty s": seq(a, integer()), "an empty SEQUENCE": seq(), "s first": seq(b, a),
		"r as OCTET STRING": seq(append([]byte{4}, a[1:]...), b), "one octet less": sound[:len(sound)-1], "raw": append(r.Bytes(), s.Bytes()...),
		"twice": append(slices.Clone(sound), sound...), "three": seq(a, b, b),
	}
}

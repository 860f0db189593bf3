// Code generated from curve256.go by TestTwins. DO NOT EDIT.

package known

import (
	"crypto/elliptic"
	"math/big"
	"sync"

	"github.com/assaytls/assay/internal/sig/known/fiat"
)

// affine384 is a point of P-384 that is not the point at infinity.
type affine384 struct{ x, y fiat.P384 }

// sum384 is a point of P-384 in XYZZ coordinates: x = X/ZZ, y = Y/ZZZ with
// ZZ³ = ZZZ². ZZ is 0 at infinity, and nowhere else. The zero value is infinity.
//
// Formulas: Explicit-Formulas Database, short Weierstrass curves, XYZZ
// coordinates, https://hyperelliptic.org/EFD/g1p/auto-shortw-xyzz.html
type sum384 struct{ x, y, zz, zzz fiat.P384 }

var zero384 fiat.P384

// set makes p the point q.
func (p *sum384) set(q *affine384) {
	p.x, p.y = q.x, q.y
	p.zz.SetOne()
	p.zzz.SetOne()
}

// add adds q to p (EFD madd-2008-s), whatever the two points are.
func (p *sum384) add(q *affine384) {
	if p.zz == zero384 {
		p.set(q)
		return
	}
	var u2, s2, pp, ppp, qq, r fiat.P384
	u2.Mul(&q.x, &p.zz)
	s2.Mul(&q.y, &p.zzz)
	u2.Sub(&u2, &p.x) // P: 0 when the points have the same x
	r.Sub(&s2, &p.y)  // R: 0 when they have the same y
	if u2 == zero384 {
		if r == zero384 {
			p.set(q)
			p.double()
		} else { // p = -q
			*p = sum384{}
		}
		return
	}
	pp.Square(&u2)
	ppp.Mul(&u2, &pp)
	qq.Mul(&p.x, &pp)

	p.x.Square(&r)
	p.x.Sub(&p.x, &ppp)
	p.x.Sub(&p.x, &qq)
	p.x.Sub(&p.x, &qq)

	qq.Sub(&qq, &p.x)
	qq.Mul(&qq, &r)
	p.y.Mul(&p.y, &ppp)
	p.y.Sub(&qq, &p.y)

	p.zz.Mul(&p.zz, &pp)
	p.zzz.Mul(&p.zzz, &ppp)
}

// double doubles p (EFD dbl-2008-s-1 with a = -3, so that M = 3(X-ZZ)(X+ZZ)).
// Infinity stays infinity: ZZ is a factor of the new ZZ. No point of P-384 has
// y = 0, for its order is odd.
func (p *sum384) double() {
	var u, v, w, s, m, t fiat.P384
	u.Add(&p.y, &p.y)
	v.Square(&u)
	w.Mul(&u, &v)
	s.Mul(&p.x, &v)
	m.Sub(&p.x, &p.zz)
	t.Add(&p.x, &p.zz)
	t.Mul(&t, &m)
	m.Add(&t, &t)
	m.Add(&m, &t)

	p.x.Square(&m)
	p.x.Sub(&p.x, &s)
	p.x.Sub(&p.x, &s)

	s.Sub(&s, &p.x)
	s.Mul(&s, &m)
	p.y.Mul(&p.y, &w)
	p.y.Sub(&s, &p.y)

	p.zz.Mul(&p.zz, &v)
	p.zzz.Mul(&p.zzz, &w)
}

// hasX reports whether p is a point whose x is the integer x, which is below
// the field's modulus.
func (p *sum384) hasX(x *big.Int) bool {
	if p.zz == zero384 {
		return false
	}
	var want fiat.P384
	want.SetBytes([48]byte(x.FillBytes(make([]byte, 48))))
	want.Mul(&want, &p.zz)
	return want == p.x
}

// invert384 replaces each element by its inverse, with one inversion for all
// (Montgomery's trick: Montgomery, Speeding the Pollard and elliptic curve
// methods of factorization, 10.3.1). It reports false if one of them is 0; they
// are worthless then.
func invert384(elements []fiat.P384) bool {
	before := make([]fiat.P384, len(elements)) // products of all elements before this one
	var product fiat.P384
	product.SetOne()
	for i := range elements {
		before[i] = product
		product.Mul(&product, &elements[i])
	}
	octets := product.Bytes()
	n := new(big.Int).SetBytes(octets[:])
	if n.ModInverse(n, elliptic.P384().Params().P) == nil {
		return false
	}
	product.SetBytes([48]byte(n.FillBytes(octets[:])))
	for i := len(elements) - 1; i >= 0; i-- {
		before[i].Mul(&before[i], &product)
		product.Mul(&product, &elements[i])
	}
	copy(elements, before)
	return true
}

// multiples384 has the multiples of one point that a sum of its multiples by
// digits needs: at (i, j), j from 1, stands j·2^(width·i) times the point.
type multiples384 struct {
	width  uint
	points []affine384
}

// half384 is how many multiples there are for each digit.
func (m *multiples384) half() int { return 1 << (m.width - 1) }

// newMultiples384 computes the multiples of a point of the curve; ok is false if
// it is none.
func newMultiples384(p affine384, width uint) (m *multiples384, ok bool) {
	m = &multiples384{width: width}
	windows, half := digitCount(384, width), m.half()
	m.points = make([]affine384, windows*half)

	// The first of each row: 2^(width·i) times the point.
	var sum sum384
	sum.set(&p)
	firsts := make([]sum384, windows)
	inverses := make([]fiat.P384, windows)
	for i := range firsts {
		firsts[i], inverses[i] = sum, sum.zzz
		for range width {
			sum.double()
		}
	}
	if !invert384(inverses) {
		return nil, false
	}
	for i := range firsts {
		// 1/Z = ZZ/ZZZ, so x = X/ZZ = X(ZZ/ZZZ)² and y = Y/ZZZ.
		var z fiat.P384
		z.Mul(&firsts[i].zz, &inverses[i])
		z.Square(&z)
		first := &m.points[i*half]
		first.x.Mul(&firsts[i].x, &z)
		first.y.Mul(&firsts[i].y, &inverses[i])
	}

	// The second of each row is twice the first, the others are one more than the
	// one before (SEC 1, 2.2.1). The denominators of a column are inverted together.
	var one fiat.P384
	one.SetOne()
	for j := 1; j < half; j++ {
		for i := range windows {
			first, before := &m.points[i*half], &m.points[i*half+j-1]
			if j == 1 {
				inverses[i].Add(&first.y, &first.y)
			} else {
				inverses[i].Sub(&before.x, &first.x)
			}
		}
		if !invert384(inverses) {
			return nil, false
		}
		for i := range windows {
			first, before, next := &m.points[i*half], &m.points[i*half+j-1], &m.points[i*half+j]
			var slope, t fiat.P384
			if j == 1 { // 3x² + a = 3(x-1)(x+1)
				slope.Sub(&first.x, &one)
				t.Add(&first.x, &one)
				t.Mul(&t, &slope)
				slope.Add(&t, &t)
				slope.Add(&slope, &t)
			} else {
				slope.Sub(&before.y, &first.y)
			}
			slope.Mul(&slope, &inverses[i])
			next.x.Square(&slope)
			next.x.Sub(&next.x, &first.x)
			next.x.Sub(&next.x, &before.x)
			next.y.Sub(&first.x, &next.x)
			next.y.Mul(&next.y, &slope)
			next.y.Sub(&next.y, &first.y)
		}
	}
	return m, true
}

// addTo adds to sum the point times the scalar, which is below 2^384.
func (m *multiples384) addTo(sum *sum384, scalar *big.Int) {
	var octets [48]byte
	var digits [maxDigits]int16
	half := m.half()
	count := digitCount(384, m.width)
	recode(digits[:count], scalar.FillBytes(octets[:]), m.width)
	for i, d := range digits[:count] {
		switch {
		case d > 0:
			sum.add(&m.points[i*half+int(d)-1])
		case d < 0:
			negative := m.points[i*half-int(d)-1]
			negative.y.Sub(&zero384, &negative.y)
			sum.add(&negative)
		}
	}
}

// base384 has the multiples of the curve's base point, for all keys.
var base384 = sync.OnceValue(func() *multiples384 {
	params := elliptic.P384().Params()
	m, _ := newMultiples384(point384(params.Gx, params.Gy), baseWidth)
	return m
})

func point384(x, y *big.Int) (p affine384) {
	p.x.SetBytes([48]byte(x.FillBytes(make([]byte, 48))))
	p.y.SetBytes([48]byte(y.FillBytes(make([]byte, 48))))
	return p
}

// key384 verifies with one public key on P-384.
type key384 struct{ *multiples384 }

// newKey384 makes the table of a key given as the uncompressed point 04 x y of the
// curve; ok is false if it is none.
func newKey384(point []byte) (k key384, ok bool) {
	x, y := new(big.Int).SetBytes(point[1:49]), new(big.Int).SetBytes(point[49:])
	k.multiples384, ok = newMultiples384(point384(x, y), keyWidth)
	return k, ok
}

// octets is what the table takes.
func (k key384) octets() int64 { return int64(len(k.points)) * 2 * 48 }

// verify reports whether signature is one of digest by the key: whether the x of
// u1·G + u2·Q, modulo n, is r (FIPS 186-5, 6.4.2; SEC 1, 4.1.4).
func (k key384) verify(digest, signature []byte) bool {
	params := elliptic.P384().Params()
	v := spareScalars.Get().(*scalars)
	defer spareScalars.Put(v)
	if !v.open(params.N, digest, signature) {
		return false
	}
	var sum sum384
	base384().addTo(&sum, &v.u1)
	k.addTo(&sum, &v.u2)
	if sum.hasX(&v.r) {
		return true
	}
	// n is below the field's modulus p, so two x may be r modulo n: r and, where it is below p, r + n.
	x := v.r.Add(&v.r, params.N)
	return x.Cmp(params.P) < 0 && sum.hasX(x)
}

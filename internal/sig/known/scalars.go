package known

import (
	"math/big"
	"sync"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// scalars are what a signature comes down to: the r that it has, and the factors
// of the base point and of the public key; and what they are reckoned with. A
// big.Int keeps the memory that it has had, so one that is used again needs none.
type scalars struct {
	r, u1, u2         big.Int
	s, e, inverse     big.Int
	product, quotient big.Int
}

// spareScalars are those that no verification uses now. All that was in them is
// public, and open overwrites whatever it reads.
var spareScalars = sync.Pool{New: func() any { return new(scalars) }}

// open reads a signature (RFC 3279, 2.2.3: a SEQUENCE of two INTEGERs, in DER)
// and computes its scalars for a curve of order n (FIPS 186-5, 6.4.2; SEC 1,
// 4.1.4). ok is false when it is not DER, or r or s is not from 1 to n-1. The
// order is one that fills whole octets.
func (v *scalars) open(n *big.Int, digest, signature []byte) (ok bool) {
	var inner cryptobyte.String
	var first, second []byte
	input := cryptobyte.String(signature)
	if !input.ReadASN1(&inner, asn1.SEQUENCE) || !input.Empty() ||
		!inner.ReadASN1Integer(&first) || !inner.ReadASN1Integer(&second) || !inner.Empty() {
		return false
	}
	v.r.SetBytes(first)
	v.s.SetBytes(second)
	if v.r.Sign() == 0 || v.s.Sign() == 0 || v.r.Cmp(n) >= 0 || v.s.Cmp(n) >= 0 {
		return false
	}
	if v.inverse.ModInverse(&v.s, n) == nil { // n is prime: there always is one
		return false
	}
	// Of a digest longer than n the leftmost bits count.
	v.e.SetBytes(digest[:min(len(digest), n.BitLen()/8)])
	v.times(&v.u1, &v.e, n)
	v.times(&v.u2, &v.r, n)
	return true
}

// times sets u to x·inverse modulo n; none is negative.
func (v *scalars) times(u, x, n *big.Int) {
	v.product.Mul(x, &v.inverse)
	v.quotient.QuoRem(&v.product, n, u)
}

// The widths of digits in bits. A key's table has 52 KiB for P-256 and 116 KiB for
// P-384; one bit more saves a tenth of the time and takes nearly twice the octets.
// The tables of the base points, 264 and 588 KiB, are made once in a process.
const (
	keyWidth  = 5
	baseWidth = 8
)

// maxDigits is the most digits that a scalar has.
const maxDigits = (384 + keyWidth) / keyWidth

// digitCount is how many digits scalars below 2^bits have: enough for one bit more,
// so that the last digit takes the carry.
func digitCount(bits int, width uint) int { return (bits + int(width)) / int(width) }

// recode writes a big-endian scalar as signed digits d, least significant first:
// the sum of d[i]·2^(width·i), with d[i] above -2^(width-1) and at most
// 2^(width-1). The width is at most 8 and there are digitCount of them.
func recode(digits []int16, scalar []byte, width uint) {
	var bits, have uint // bits not yet used, and how many
	carry := 0
	for i := range digits {
		if have < width && len(scalar) > 0 {
			last := len(scalar) - 1
			bits |= uint(scalar[last]) << have
			have += 8
			scalar = scalar[:last]
		}
		d := int(bits&(1<<width-1)) + carry
		bits >>= width
		have -= min(have, width)
		carry = 0
		if d > 1<<(width-1) {
			d, carry = d-1<<width, 1
		}
		digits[i] = int16(d)
	}
}

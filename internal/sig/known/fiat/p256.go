package fiat

import "slices"

// P256 is an integer modulo 2^256 - 2^224 + 2^192 + 2^96 - 1. The zero value is 0.
// Arguments of all methods may be the same element.
type P256 p256MontgomeryDomainFieldElement

func (z *P256) in() *p256MontgomeryDomainFieldElement { return (*p256MontgomeryDomainFieldElement)(z) }

// Mul sets z to xy.
func (z *P256) Mul(x, y *P256) { p256Mul(z.in(), x.in(), y.in()) }

// Square sets z to x².
func (z *P256) Square(x *P256) { p256Square(z.in(), x.in()) }

// Add sets z to x + y.
func (z *P256) Add(x, y *P256) { p256Add(z.in(), x.in(), y.in()) }

// Sub sets z to x - y.
func (z *P256) Sub(x, y *P256) { p256Sub(z.in(), x.in(), y.in()) }

// SetOne sets z to 1.
func (z *P256) SetOne() { p256SetOne(z.in()) }

// SetBytes sets z to a big-endian integer, which the caller knows to be below
// the modulus.
func (z *P256) SetBytes(b [32]byte) {
	slices.Reverse(b[:])
	var plain p256NonMontgomeryDomainFieldElement
	p256FromBytes((*[4]uint64)(&plain), &b)
	p256ToMontgomery(z.in(), &plain)
}

// Bytes returns z as a big-endian integer.
func (z *P256) Bytes() (b [32]byte) {
	var plain p256NonMontgomeryDomainFieldElement
	p256FromMontgomery(&plain, z.in())
	p256ToBytes(&b, (*[4]uint64)(&plain))
	slices.Reverse(b[:])
	return b
}

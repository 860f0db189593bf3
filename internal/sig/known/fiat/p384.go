package fiat

import "slices"

// P384 is an integer modulo 2^384 - 2^128 - 2^96 + 2^32 - 1. The zero value is 0.
// Arguments of all methods may be the same element.
type P384 p384MontgomeryDomainFieldElement

func (z *P384) in() *p384MontgomeryDomainFieldElement { return (*p384MontgomeryDomainFieldElement)(z) }

// Mul sets z to xy.
func (z *P384) Mul(x, y *P384) { p384Mul(z.in(), x.in(), y.in()) }

// Square sets z to x².
func (z *P384) Square(x *P384) { p384Square(z.in(), x.in()) }

// Add sets z to x + y.
func (z *P384) Add(x, y *P384) { p384Add(z.in(), x.in(), y.in()) }

// Sub sets z to x - y.
func (z *P384) Sub(x, y *P384) { p384Sub(z.in(), x.in(), y.in()) }

// SetOne sets z to 1.
func (z *P384) SetOne() { p384SetOne(z.in()) }

// SetBytes sets z to a big-endian integer, which the caller knows to be below
// the modulus.
func (z *P384) SetBytes(b [48]byte) {
	slices.Reverse(b[:])
	var plain p384NonMontgomeryDomainFieldElement
	p384FromBytes((*[6]uint64)(&plain), &b)
	p384ToMontgomery(z.in(), &plain)
}

// Bytes returns z as a big-endian integer.
func (z *P384) Bytes() (b [48]byte) {
	var plain p384NonMontgomeryDomainFieldElement
	p384FromMontgomery(&plain, z.in())
	p384ToBytes(&b, (*[6]uint64)(&plain))
	slices.Reverse(b[:])
	return b
}

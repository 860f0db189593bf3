// Package fiat has the fields of P-256 and P-384 as fiat-crypto generates them
// from a formally verified model, in the Montgomery domain.
//
// p256_fiat64.go and p384_fiat64.go are fiat-crypto's output as it is, the very
// bytes that Go 1.26 has in crypto/internal/fips140/nistec/fiat (fiat-crypto
// v0.0.9; the command stands in each). LICENSE is fiat-crypto's. p256.go and
// p384.go give the generated functions names; they compute nothing.
//
// An element is always below the modulus, so equal elements are equal arrays.
package fiat

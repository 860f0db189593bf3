package known

import (
	"math/big"
	"testing"
)

// FuzzVerify compares a table with crypto/ecdsa: for a signature made of the private
// key and the two factors, sound unless their sum is infinity, for that with octets of
// change laid over it, and for digest and signature as they are.
func FuzzVerify(f *testing.F) {
	for i, c := range curves {
		octets := func(x *big.Int) []byte { return mod(x, c.n).Bytes() }
		d := big.NewInt(0xf022)
		inverse := new(big.Int).ModInverse(d, c.n)
		for _, u := range [][2]*big.Int{
			{new(big.Int), one}, {new(big.Int), sub(c.n, one)}, {one, one}, {sub(c.n, one), sub(c.n, one)}, // u1 = 0 and the ends
			{d, sub(c.n, one)}, {sub(c.n, d), one}, {one, sub(c.n, inverse)}, // infinity
			{d, one}, {one, inverse}, {mul(d, big.NewInt(32)), big.NewInt(32)}, // equal points
			{new(big.Int).Lsh(one, 255), new(big.Int).Lsh(one, 250)},
			{sub(new(big.Int).Lsh(one, 255), one), sub(new(big.Int).Lsh(one, 255), one)}, // all ones: every digit carries
		} {
			f.Add(i == 1, octets(d), octets(u[0]), octets(u[1]), []byte(nil), []byte(nil), []byte(nil))
		}
		for _, r := range c.borders() {
			f.Add(i == 1, []byte{1}, []byte{3}, []byte{4}, []byte{0, 0, 0, 0, 1}, c.digest(big.NewInt(7)), encoded(r, sub(c.n, one)))
			f.Add(i == 1, octets(sub(c.n, one)), []byte{3}, []byte{4}, []byte{0, 2}, []byte("digest"), encoded(one, r))
		}
		f.Add(i == 1, octets(d), []byte{9}, []byte{9}, []byte{1}, c.digest(c.n), encoded(two, three))
	}
	f.Fuzz(func(t *testing.T, large bool, private, u1, u2, change, digest, signature []byte) {
		c := curves[0]
		if large {
			c = curves[1]
		}
		number := func(b []byte) *big.Int { return mod(new(big.Int).SetBytes(b[:min(len(b), 64)]), c.n) }
		d, a, b := number(private), number(u1), number(u2)
		if d.Sign() == 0 || b.Sign() == 0 {
			return // no key; and no s gives a u2 of 0
		}
		k := c.newTested(t, d, refPoint{})
		of, made, sound := k.crafted(a, b)
		k.compare(t, "crafted", of, made, sound)
		changed := false
		for i := range min(len(change), len(made)) {
			made[i] ^= change[i]
			changed = changed || change[i] != 0
		}
		if changed {
			k.agree(t, of, made)
		}
		k.agree(t, digest, signature)
		k.agree(t, of, signature)
	})
}

package known

import (
	"crypto/ecdsa"
	"encoding/asn1"
	"encoding/binary"
	"flag"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
)

// The long run, for each curve:
//
//	go test ./internal/sig/known -run TestDifferential -timeout 0 -v -args -many 10000000 -seed 2
var (
	many  = flag.Int("many", ordinary, "cases for each curve in TestDifferential")
	share = flag.Int("share", 8, "TestDifferential asks crypto/ecdsa of one case in so many, and of all that the table accepts though the test would not")
	seed  = flag.Uint64("seed", 1, "of TestDifferential")
)

// TestDifferential compares tables with what the test knows of a signature, whose
// private key and nonce it has, and with crypto/ecdsa.
func TestDifferential(t *testing.T) {
	for _, c := range curves {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDifferential(t, c)
			for said := 1_000_000; d.cases < *many && !t.Failed(); {
				if d.one(t); d.cases >= said {
					t.Logf("%d cases", d.cases)
					said += 1_000_000
				}
			}
			t.Logf("%s: %d cases, %d accepted, %d asked of crypto/ecdsa; by kind %v", c.name, d.cases, d.accepted, d.asked, d.kinds)
			for _, kind := range slices.Sorted(slices.Values(allKinds)) {
				if d.kinds[kind] == 0 {
					t.Errorf("no case %q", kind)
				}
			}
			if d.accepted < d.cases/5 || d.accepted > d.cases*4/5 {
				t.Errorf("%d of %d accepted", d.accepted, d.cases)
			}
		})
	}
}

// nonce is a nonce of signatures.
type nonce struct{ k, inverse, r *big.Int }

type differential struct {
	*curve
	rand                   *rand.Rand
	keys                   []*tested
	nonces                 []nonce
	borderValues           []*big.Int
	cases, accepted, asked int
	kinds                  map[string]int
}

func newDifferential(t *testing.T, c *curve) *differential {
	var chacha [32]byte
	binary.BigEndian.PutUint64(chacha[:], *seed)
	d := &differential{curve: c, rand: rand.New(rand.NewChaCha8(chacha)), kinds: map[string]int{}, borderValues: c.borders()}
	d.keys = c.edgeKeys(t)
	for range 21 {
		d.keys = append(d.keys, c.newTested(t, d.below(c.n), refPoint{}))
	}
	for range 512 {
		k := d.below(c.n)
		d.nonces = append(d.nonces, nonce{k, new(big.Int).ModInverse(k, c.n), c.xOf(k)})
	}
	return d
}

func (d *differential) octets(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(d.rand.Uint32())
	}
	return b
}

// below is a number from 1 to max-1.
func (d *differential) below(max *big.Int) *big.Int {
	return add(mod(new(big.Int).SetBytes(d.octets(d.size+8)), sub(max, one)), one)
}

func pick[T any](d *differential, of []T) T { return of[d.rand.IntN(len(of))] }

// The kinds of cases.
const (
	kindSound, kindOtherS, kindOtherDigest, kindFlippedDigest, kindFlipped, kindCut, kindLonger, kindSAndN, kindRAndN, kindNegative = "sound", "n-s", "other digest", "flipped digest", "flipped", "cut", "longer", "s+n", "r+n", "negative"
	kindSwapped, kindBorder, kindOtherKey, kindLongDigest, kindZero, kindOrder, kindRandom, kindFlippedR                            = "swapped", "border", "other key", "long digest", "e=0", "e=n", "random", "flipped number"
)

var allKinds = []string{kindSound, kindOtherS, kindOtherDigest, kindFlippedDigest, kindFlipped, kindCut, kindLonger, kindSAndN, kindRAndN, kindNegative,
	kindSwapped, kindBorder, kindOtherKey, kindLongDigest, kindZero, kindOrder, kindRandom, kindFlippedR}

// one makes a signature and compares what is said of it and of changed ones.
func (d *differential) one(t *testing.T) {
	k, nonce := pick(d, d.keys), pick(d, d.nonces)
	digest := d.octets(pick(d, []int{20, 28, 32, 32, 48, 64, 20 + d.rand.IntN(45)}))
	r, s := nonce.r, d.sign(k, nonce, digest)
	signature := encoded(r, s)
	check := func(kind string, digest, signature []byte) { d.check(t, kind, k, nonce, digest, signature) }

	// Of the sound and the changed as many.
	check(kindSound, digest, signature)
	check(kindOtherS, digest, encoded(r, sub(d.n, s)))
	if len(digest) >= d.size { // what stands behind the leftmost octets does not count
		check(kindLongDigest, append(slices.Clone(digest[:d.size]), d.octets(d.rand.IntN(20))...), signature)
	}
	zero := make([]byte, 20+d.rand.IntN(45))
	check(kindZero, zero, encoded(r, d.sign(k, nonce, zero)))
	order := d.digest(d.n)
	check(kindOrder, order, encoded(r, d.sign(k, nonce, order)))

	switch d.rand.IntN(7) {
	case 0:
		check(kindOtherDigest, d.octets(len(digest)), signature)
		check(kindFlippedDigest, d.flipped(digest), signature)
	case 1:
		check(kindFlipped, digest, d.flipped(signature))
		check(kindFlipped, digest, d.flipped(signature))
		check(kindFlipped, digest, d.flipped(d.flipped(signature)))
	case 2:
		check(kindCut, digest, signature[:d.rand.IntN(len(signature))])
		check(kindLonger, digest, append(slices.Clone(signature), d.octets(1+d.rand.IntN(3))...))
		check(kindCut, digest[:d.rand.IntN(min(len(digest), d.size))], signature)
	case 3:
		check(kindSAndN, digest, encoded(r, add(s, d.n)))
		check(kindRAndN, digest, encoded(add(r, d.n), s))
		check(kindNegative, digest, encoded(r, new(big.Int).Neg(s)))
		check(kindNegative, digest, encoded(sub(r, d.n), s))
	case 4:
		check(kindSwapped, digest, encoded(s, r))
		d.check(t, kindOtherKey, pick(d, d.keys), nonce, digest, signature)
	case 5:
		check(kindBorder, digest, encoded(pick(d, d.borderValues), s))
		check(kindBorder, digest, encoded(r, pick(d, d.borderValues)))
		check(kindBorder, digest, encoded(pick(d, d.borderValues), pick(d, d.borderValues)))
	case 6:
		check(kindRandom, digest, encoded(d.below(d.n), d.below(d.n)))
		bit := new(big.Int).Lsh(one, uint(d.rand.IntN(8*d.size)))
		check(kindFlippedR, digest, encoded(new(big.Int).Xor(r, bit), s))
		check(kindFlippedR, digest, encoded(r, new(big.Int).Xor(s, bit)))
	}
}

func (d *differential) flipped(b []byte) []byte {
	b = slices.Clone(b)
	b[d.rand.IntN(len(b))] ^= 1 << d.rand.IntN(8)
	return b
}

// hash is the number of a digest.
func (c *curve) hash(digest []byte) *big.Int {
	return new(big.Int).SetBytes(digest[:min(len(digest), c.size)])
}

func (d *differential) sign(k *tested, n nonce, digest []byte) *big.Int {
	return mod(mul(n.inverse, add(d.hash(digest), mul(n.r, k.private))), d.n)
}

func (d *differential) check(t *testing.T, kind string, k *tested, n nonce, digest, signature []byte) {
	d.cases++
	d.kinds[kind]++
	want := d.holds(k, n, digest, signature)
	got := k.key.verify(digest, signature)
	if got {
		d.accepted++
	}
	if got == want && d.cases%*share != 0 {
		return
	}
	d.asked++
	if theirs := ecdsa.VerifyASN1(k.public, digest, signature); got != theirs || got != want {
		t.Errorf("%s, %s: the table says %v, crypto/ecdsa %v, the test %v: key %x digest %x signature %x", d.name, kind, got, theirs, want, k.point, digest, signature)
	}
}

// holds is what the test knows of a signature that was made with the nonce: it is
// sound if its sum is the nonce's point or the negative of that, and r the x of both. Of
// other sums it takes for granted that their x is another; crypto/ecdsa is asked where
// the table does not.
func (d *differential) holds(k *tested, made nonce, digest, signature []byte) bool {
	r, s, ok := parsed(signature)
	if !ok || r.Sign() <= 0 || s.Sign() <= 0 || s.Cmp(d.n) >= 0 || r.Cmp(made.r) != 0 {
		return false
	}
	sum := d.over(add(d.hash(digest), mul(r, k.private)), s, d.n)
	return sum.Cmp(made.k) == 0 || sum.Cmp(sub(d.n, made.k)) == 0
}

// parsed reads a signature by encoding/asn1.
func parsed(signature []byte) (r, s *big.Int, ok bool) {
	var v struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(signature, &v)
	return v.R, v.S, err == nil && len(rest) == 0
}

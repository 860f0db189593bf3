package job

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
)

// Permutation is a keyed bijection of 0 … n-1: the order in which a list is probed,
// in which neighbours of the list are far from each other. It takes no memory in
// n. A Permutation is safe for concurrent use.
type Permutation struct {
	n    uint64
	half uint // bits of each half
	mask uint64
	keys [rounds]uint64
}

// rounds of the Feistel network; more than the four that make it look random to
// somebody who may also ask backwards.
const rounds = 6

// Seed is the key of a permutation.
type Seed [16]byte

// NewPermutation returns the permutation of n numbers under a seed.
func NewPermutation(n uint64, seed Seed) *Permutation {
	p := &Permutation{n: n, half: uint(bits.Len64(max(n, 2)-1)+1) / 2}
	p.mask = 1<<p.half - 1
	for i := range p.keys {
		sum := sha256.Sum256(append([]byte{'o', 'r', 'd', 'e', 'r', byte(i)}, seed[:]...))
		p.keys[i] = binary.BigEndian.Uint64(sum[:])
	}
	return p
}

// At returns the number at place i, which is below n.
func (p *Permutation) At(i uint64) uint64 {
	// The network permutes a square of less than 4n numbers; walking its cycle
	// until one is below n permutes those (Black and Rogaway, 2002).
	for {
		if i = p.encrypt(i); i < p.n {
			return i
		}
	}
}

func (p *Permutation) encrypt(i uint64) uint64 {
	left, right := i>>p.half, i&p.mask
	for _, k := range p.keys {
		left, right = right, left^(mix(right^k)&p.mask)
	}
	return left<<p.half | right
}

// mix is the finalizer of SplitMix64.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

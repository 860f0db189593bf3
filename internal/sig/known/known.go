// Package known verifies ECDSA signatures by keys that are seen again and again:
// of issuers and of logs. From a key's eighth use on it has a table of the key's
// multiples, with which a signature costs a third of what crypto/ecdsa takes for
// it on P-256, and a seventh on P-384.
//
// Everything that goes in is public, so its time may depend on it. No answer rests on
// this package's arithmetic alone without being watched:
//
//   - a key gets a table when crypto/ecdsa has accepted seven signatures by it;
//   - what a table refuses crypto/ecdsa is asked again, and its answer counts;
//   - one in 1,000 that tables accept crypto/ecdsa is asked too, and its answer counts;
//   - when the two disagree, no table is used in this process any more ([Broken]).
//
// The field arithmetic is fiat-crypto's, generated from a verified model (package
// fiat), that of scalars math/big's. What is ours is the addition of points and the
// choice of which to add; every formula names its source.
package known

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/fips140"
	"sync"
	"sync/atomic"
)

// The bounds of tables.
const (
	// MaxOctets is what a Tables takes at most in memory, unless told
	// otherwise: 280 keys on P-384 or 620 on P-256.
	MaxOctets = 32 << 20
	// buildAt is the use of a key at which its table is made. Seven signatures that
	// crypto/ecdsa verified cost more than the table does, so whoever signs with new
	// keys all the time costs less than twice what crypto/ecdsa alone would.
	buildAt = 8
	// checkEvery is of how many acceptances by tables one is made by crypto/ecdsa too.
	checkEvery = 1000
	// minOctets holds one table of either curve.
	minOctets = 256 << 10
)

// Tables are the tables of keys, by the octets of their points. The least recently
// used are forgotten when all together take more than they may. Tables are safe for
// concurrent use. A nil *Tables has none and asks crypto/ecdsa alone.
type Tables struct {
	mu       sync.Mutex
	keys     lru
	building bool // one table is made at a time; whoever comes meanwhile asks crypto/ecdsa

	accepted, built, checked atomic.Int64
}

// New returns Tables that take at most so many octets of memory, but room
// for one of each curve; 0 means MaxOctets. It returns nil where crypto/ecdsa may not be replaced: in FIPS 140-3 mode.
func New(octets int64) *Tables {
	if fips140.Enabled() {
		return nil
	}
	if octets <= 0 {
		octets = MaxOctets
	}
	return &Tables{keys: newLRU(max(octets, minOctets))}
}

// Counts are numbers about Tables: the keys that have one now and the octets of all
// that is remembered; and those that only grow: tables made, signatures accepted by
// them, and of these the ones that crypto/ecdsa was asked about too.
type Counts struct{ Keys, Octets, Built, Accepted, Checked int64 }

// Counts returns the numbers; of a nil *Tables all are 0.
func (t *Tables) Counts() (n Counts) {
	if t == nil {
		return n
	}
	t.mu.Lock()
	n.Keys, n.Octets = int64(t.keys.tables), t.keys.octets
	t.mu.Unlock()
	n.Built, n.Accepted, n.Checked = t.built.Load(), t.accepted.Load(), t.checked.Load()
	return n
}

// On reports whether tables may answer: t is not nil, and none was wrong yet.
func (t *Tables) On() bool { return t != nil && !Broken() }

// broken is set for good when a table and crypto/ecdsa disagreed.
var broken atomic.Bool

// Broken reports whether a table and crypto/ecdsa ever disagreed in this process. No
// table is used from then on. What tables accepted before is not to be relied on.
func Broken() bool { return broken.Load() }

// Break makes the process use no tables from now on, as a disagreement does.
func Break() { broken.Store(true) }

// Verify reports whether signature, in DER, is one of digest by pub, exactly as
// ecdsa.VerifyASN1 does. point is pub in the uncompressed form (SEC 1, 2.3.3), which
// is what the table is found by.
func (t *Tables) Verify(pub *ecdsa.PublicKey, point, digest, signature []byte) bool {
	if !t.On() || curveOf(point) == nil {
		return ecdsa.VerifyASN1(pub, digest, signature)
	}
	k := t.table(point)
	if k == nil {
		ok := ecdsa.VerifyASN1(pub, digest, signature)
		if ok {
			t.used(point)
		}
		return ok
	}
	accepted := k.verify(digest, signature)
	if accepted && t.accepted.Add(1)%checkEvery != 0 {
		return true
	}
	ok := ecdsa.VerifyASN1(pub, digest, signature)
	if accepted {
		t.checked.Add(1)
	}
	if ok != accepted {
		Break()
	}
	return ok
}

// key is a public key with its table.
type key interface {
	verify(digest, signature []byte) bool
	octets() int64
}

// curveOf is the curve of a point in the uncompressed form, nil if there are no
// tables for it.
func curveOf(point []byte) elliptic.Curve {
	switch len(point) {
	case 1 + 2*32:
		return elliptic.P256()
	case 1 + 2*48:
		return elliptic.P384()
	}
	return nil
}

// table returns the key's table, nil if it has none. It makes it when this is the
// use for which it should.
func (t *Tables) table(point []byte) key {
	t.mu.Lock()
	e := t.keys.get(point)
	if e == nil || e.key != nil || e.uses < buildAt-1 || e.failed || t.building {
		var k key
		if e != nil {
			k = e.key // under the lock: it may be getting one
		}
		t.mu.Unlock()
		return k
	}
	t.building = true
	t.mu.Unlock()

	k := build(point)

	t.mu.Lock()
	defer t.mu.Unlock()
	t.building = false
	if k == nil {
		e.failed = true
		return nil
	}
	t.built.Add(1)
	t.keys.give(point, k)
	return k
}

// TableAlone reports what a table that is made for this one question says of a
// signature, without crypto/ecdsa. Nothing is to rely on it: it is for tests in other
// modules.
func TableAlone(point, digest, signature []byte) bool {
	if curveOf(point) == nil {
		return false
	}
	k := build(point)
	return k != nil && k.verify(digest, signature)
}

// used counts a signature by the key that crypto/ecdsa accepted.
func (t *Tables) used(point []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keys.use(point)
}

// build makes the table of a key; nil if it is no point of the curve, which
// crypto/ecdsa would not have verified with.
func build(point []byte) key {
	curve := curveOf(point)
	if _, err := ecdsa.ParseUncompressedPublicKey(curve, point); err != nil {
		return nil
	}
	if curve == elliptic.P256() {
		if k, ok := newKey256(point); ok {
			return k
		}
		return nil
	}
	if k, ok := newKey384(point); ok {
		return k
	}
	return nil
}

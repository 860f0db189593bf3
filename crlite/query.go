package crlite

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"sort"
)

// Answer is what one filter, or a set of them, says of a certificate. The zero
// Answer is no information.
type Answer uint8

// The answers, from the weakest to the strongest, as sets combine them.
const (
	NotCovered  Answer = iota // no SCT falls into an interval that the filter covers
	NotEnrolled               // covered, but the filter knows nothing of the issuer
	Good                      // the certificate is in the universe and not revoked
	Revoked                   // revoked when the filter was made
)

// String returns the answer's word in reports.
func (a Answer) String() string {
	switch a {
	case NotEnrolled:
		return "not-enrolled"
	case Good:
		return "good"
	case Revoked:
		return "revoked"
	}
	return "not-covered"
}

// SCT is the part of a Signed Certificate Timestamp by which a filter finds out
// whether it covers a certificate. Only SCTs that are embedded in the
// certificate count, or others whose signature has been verified: an unverified
// one would let a server choose a filter that does not know the revocation.
type SCT struct {
	Log  [32]byte // SHA-256 of the log's key
	Time uint64   // milliseconds since 1970
}

// Subject is the certificate that is asked for.
type Subject struct {
	Issuer [32]byte // SHA-256 of the issuer's SubjectPublicKeyInfo, DER
	Serial []byte   // contents of the serial number's INTEGER, leading zero included
	SCTs   []SCT    // those that count, in any order
}

// Query says what the filter knows of s. The answer holds for certificates that
// had not expired when the filter was made; later the filter says Good of
// revoked ones too, so do not ask for expired ones. Query does not allocate.
func (f *Filter) Query(s *Subject) Answer {
	if f.covering(s) < 0 {
		return NotCovered
	}
	i := sort.Search(len(f.blocks), func(i int) bool { return bytes.Compare(f.issuer(f.blocks[i]), s.Issuer[:]) >= 0 })
	if i == len(f.blocks) || !bytes.Equal(f.issuer(f.blocks[i]), s.Issuer[:]) {
		return NotEnrolled
	}
	if b := f.block(f.blocks[i]); f.lists(&b, s) != b.inverted {
		return Revoked
	}
	return Good
}

// Covering returns the position in s.SCTs of an SCT by which the filter covers
// the certificate, and -1 if there is none.
func (f *Filter) Covering(s *Subject) int { return f.covering(s) }

func (f *Filter) covering(s *Subject) int {
	for i := range s.SCTs {
		sct := &s.SCTs[i]
		k := sort.Search(len(f.logs), func(k int) bool { return bytes.Compare(f.logs[k].Log[:], sct.Log[:]) >= 0 })
		if k < len(f.logs) && f.logs[k].Log == sct.Log && f.logs[k].First <= sct.Time && sct.Time <= f.logs[k].Last {
			return i
		}
	}
	return -1
}

// lists reports whether the block's two filters have the certificate: all
// columns of the first and the second evaluate to 0, and it is no exception.
func (f *Filter) lists(b *block, s *Subject) bool {
	if b.approxM == 0 {
		return false
	}
	e := equationOf(s)
	at := b.approxAt + e.row%b.approxM
	for _, c := range f.approx[:b.approxRank] {
		if f.evaluate(c, at, &e) != 0 {
			return false
		}
	}
	if f.evaluate(f.exact, b.exactAt+e.row%max(1, b.exactM), &e) != 0 {
		return false
	}
	for at, n := b.exceptions, 0; n < b.exceptionCount; n++ {
		var serial []byte
		if serial, at = f.exception(at); bytes.Equal(serial, s.Serial) {
			return false
		}
	}
	return true
}

// equation is a certificate's row in the linear systems: 256 coefficients, of
// which the first is 1, and the number that chooses the place.
type equation struct {
	a   [4]uint64
	row uint64
}

func equationOf(s *Subject) equation {
	var key [32]byte
	if len(s.Serial) <= 64 {
		var message [32 + 64]byte
		copy(message[:], s.Issuer[:])
		copy(message[32:], s.Serial)
		key = sha256.Sum256(message[:32+len(s.Serial)])
	} else {
		key = sha256.Sum256(append(s.Issuer[:], s.Serial...))
	}
	var e equation
	for i := range e.a {
		e.a[i] = binary.LittleEndian.Uint64(key[8*i:])
	}
	e.row = e.a[3]
	e.a[0] |= 1
	return e
}

// evaluate returns the parity of the coefficients over the 256 bits of a column
// from position at. Bits beyond the column's end are zero.
func (f *Filter) evaluate(c column, at uint64, e *equation) int {
	word, shift := at/64, at%64
	if word >= uint64(c.words) {
		return 0
	}
	var sum, next uint64
	next = f.word(c, word)
	for i := range e.a {
		w := next >> shift
		next = f.word(c, word+uint64(i)+1)
		sum ^= (w | next<<(64-shift)) & e.a[i]
	}
	return bits.OnesCount64(sum) & 1
}

// word returns the i-th word of a column, 0 beyond its end.
func (f *Filter) word(c column, i uint64) uint64 {
	if i >= uint64(c.words) {
		return 0
	}
	b := f.data[c.at+8*int(i):]
	if f.little {
		return binary.LittleEndian.Uint64(b)
	}
	return binary.BigEndian.Uint64(b)
}

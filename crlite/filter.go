// Package crlite reads CRLite filters and OneCRL, Mozilla's ways to publish the
// revocations of the whole web in a few megabytes, and says what they say of
// one certificate.
//
// A filter is a clubcard (mozilla/clubcard): for each enrolled issuer a block of
// two linear filters that separate the revoked certificates of that issuer from
// all its others. It answers exactly for the certificates that it was built
// from, its universe, and at random for all others. So the universe is asked
// first: a certificate belongs to it if one of its SCTs falls into the interval
// that the filter covers of that SCT's log, and if its issuer is enrolled.
//
// The package is pure: it neither opens files nor knows the time. A Filter
// answers in place, over the bytes that it was given, which may be mapped memory
// and must not change as long as it is in use. Filters are safe for concurrent
// use.
package crlite

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// Errors of Open and of the changeset readers; errors.Is finds them.
var (
	// ErrVersion is returned for a file of another format or version: the
	// cascades that Mozilla published until 2024 among them.
	ErrVersion = errors.New("not a clubcard filter of version 3 or 4")
	// ErrMalformed is returned for a filter that breaks its format.
	ErrMalformed = errors.New("malformed")
	// ErrIncomplete is returned by Chain for a listing in which a filter is
	// missing or which does not say what follows what.
	ErrIncomplete = errors.New("incomplete chain of filters")
)

// The versions of the format that Open reads.
const (
	V3 = 3 // bincode, little-endian: what Mozilla's Remote Settings deliver
	V4 = 4 // the C2SP specification's, big-endian
)

// Filter is an opened clubcard. The zero Filter covers nothing.
type Filter struct {
	data    []byte
	version int
	little  bool // byte order of the columns' words
	logs    []Coverage
	blocks  []uint32 // offsets of the issuers' blocks, in the order of the issuers
	approx  []column
	exact   column
}

// Coverage is what a filter knows of one log: the certificates with an SCT of
// this log in the interval.
type Coverage struct {
	Log         [32]byte // SHA-256 of the log's key
	First, Last uint64   // both included, in milliseconds since 1970
}

// block is one issuer's part of the filter, read from where it lies. Positions
// are those of bits in the columns; exceptions stand at their offset in the file.
type block struct {
	approxM, approxAt uint64
	exactM, exactAt   uint64
	approxRank        uint64
	inverted          bool
	exceptions        int // offset of the first
	exceptionCount    int
}

// column is a run of 64-bit words in the file.
type column struct {
	at    int // offset of the first word
	words int
}

// Open reads a filter's directory and checks every length, offset, rank and
// count in it, so that no query can leave the file. It allocates for issuers and
// logs alone, in proportion to the file, and keeps b, which must not change.
// Errors wrap ErrVersion or ErrMalformed.
func Open(b []byte) (*Filter, error) {
	if len(b) > maxFile {
		return nil, fmt.Errorf("%w: %d bytes", ErrMalformed, len(b))
	}
	if len(b) < 2 {
		return nil, fmt.Errorf("%w: %d bytes", ErrMalformed, len(b))
	}
	f := &Filter{data: b, version: int(b[0])}
	if b[0] <= 2 && b[1] == 0 {
		return nil, fmt.Errorf("%w: a filter cascade of version %d, which is no longer published", ErrVersion, b[0])
	}
	if b[1] != 0 {
		return nil, fmt.Errorf("%w: the file begins with %02x %02x", ErrVersion, b[0], b[1])
	}
	r := &reader{data: b, at: 2}
	switch b[0] {
	case V3:
		f.little = true
		f.readV3(r)
	case V4:
		f.readV4(r)
		if r.err == nil && r.at != len(b) {
			r.fail("%d bytes after the end", len(b)-r.at)
		}
	default:
		return nil, fmt.Errorf("%w: version %d", ErrVersion, b[0])
	}
	if r.err == nil {
		f.settle(r)
	}
	if r.err != nil {
		return nil, r.err
	}
	return f, nil
}

// settle sorts what queries search and refuses what cannot be meant.
func (f *Filter) settle(r *reader) {
	byLog := func(a, b Coverage) int { return bytes.Compare(a.Log[:], b.Log[:]) }
	slices.SortFunc(f.logs, byLog)
	for i := 1; i < len(f.logs); i++ {
		if f.logs[i].Log == f.logs[i-1].Log {
			r.fail("the log %x is covered twice", f.logs[i].Log)
			return
		}
	}
	byIssuer := func(a, b uint32) int { return bytes.Compare(f.issuer(a), f.issuer(b)) }
	if !slices.IsSortedFunc(f.blocks, byIssuer) {
		if f.version == V4 {
			r.fail("the issuers are not in order")
			return
		}
		slices.SortFunc(f.blocks, byIssuer)
	}
	for i, at := range f.blocks {
		b := f.block(at)
		switch {
		case i > 0 && byIssuer(f.blocks[i-1], at) == 0:
			r.fail("the issuer %x has two blocks", f.issuer(at))
		case b.approxRank > uint64(len(f.approx)):
			r.fail("a block of rank %d in a filter of %d columns", b.approxRank, len(f.approx))
		case b.approxAt > maxBits || b.approxM > maxBits || b.exactAt > maxBits || b.exactM > maxBits:
			r.fail("a block beyond %d bits", uint64(maxBits))
		}
		if r.err != nil {
			return
		}
	}
}

// maxBits is the largest position of a bit that a block may name. The format
// says that bits beyond a column's end are zero, so positions past the end are
// no error; this bound keeps their sums from wrapping around.
const maxBits = 1 << 40

// maxFile is the size of the largest file, so that an offset has 32 bits.
const maxFile = 1<<31 - 1

// issuer returns the hash with which the block at an offset begins.
func (f *Filter) issuer(at uint32) []byte { return f.data[at : at+32] }

// block reads the block at an offset.
func (f *Filter) block(at uint32) (b block) {
	d := f.data[int(at)+32:]
	if f.little {
		n := func(i int) uint64 { return binary.LittleEndian.Uint64(d[8*i:]) }
		return block{approxM: n(0), exactM: n(1), approxRank: n(2), approxAt: n(3), exactAt: n(4), inverted: d[40] == 1,
			exceptions: int(at) + 32 + 49, exceptionCount: int(binary.LittleEndian.Uint64(d[41:]))}
	}
	n := func(i int) uint64 { return uint64(binary.BigEndian.Uint32(d[i:])) }
	return block{approxM: n(0), approxRank: uint64(d[4]), approxAt: n(5), exactM: n(9), exactAt: n(13), inverted: d[17] == 1,
		exceptions: int(at) + 32 + 20, exceptionCount: int(binary.BigEndian.Uint16(d[18:]))}
}

// Version returns V3 or V4.
func (f *Filter) Version() int { return f.version }

// Size returns the length of the file in bytes.
func (f *Filter) Size() int { return len(f.data) }

// Coverage returns what the filter covers, sorted by log.
func (f *Filter) Coverage() []Coverage { return slices.Clone(f.logs) }

// Latest returns the newest time that the filter covers of any log, in
// milliseconds since 1970, and 0 when it covers nothing. No certificate that was
// logged later is in it.
func (f *Filter) Latest() uint64 {
	var latest uint64
	for _, c := range f.logs {
		latest = max(latest, c.Last)
	}
	return latest
}

// Issuer describes the block of one enrolled issuer, for people who look into a
// filter.
type Issuer struct {
	SPKI       [32]byte // SHA-256 of the SubjectPublicKeyInfo
	Rank       int      // columns of the first filter
	ApproxBits uint64   // its length in bits; 0: the block lists nothing
	ExactBits  uint64   // that of the second
	Inverted   bool     // the block lists what is not revoked
	Exceptions [][]byte // contents of the serial numbers' INTEGERs, that the two filters get wrong
}

// Issuers calls yield for each enrolled issuer, in the order of their hashes,
// until it returns false. The exceptions are parts of the file.
func (f *Filter) Issuers(yield func(Issuer) bool) {
	for _, at := range f.blocks {
		b := f.block(at)
		i := Issuer{SPKI: [32]byte(f.issuer(at)), Rank: int(b.approxRank), ApproxBits: b.approxM, ExactBits: b.exactM, Inverted: b.inverted}
		for at, n := b.exceptions, 0; n < b.exceptionCount; n++ {
			var serial []byte
			serial, at = f.exception(at)
			i.Exceptions = append(i.Exceptions, serial)
		}
		if !yield(i) {
			return
		}
	}
}

// Enrolled returns the number of enrolled issuers.
func (f *Filter) Enrolled() int { return len(f.blocks) }

// Columns returns the lengths of the first filter's columns and of the second
// filter, in 64-bit words.
func (f *Filter) Columns() (approx []int, exact int) {
	for _, c := range f.approx {
		approx = append(approx, c.words)
	}
	return approx, f.exact.words
}

// exception returns the serial number at an offset that Open has checked, and
// the offset after it.
func (f *Filter) exception(at int) (serial []byte, after int) {
	n := int(f.data[at])
	if f.little {
		n = int(binary.LittleEndian.Uint64(f.data[at:]))
		at += 7
	}
	at++
	return f.data[at : at+n], at + n
}

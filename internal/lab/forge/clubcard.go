package forge

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// Clubcard describes a CRLite filter to be made: what it covers, and for each
// enrolled issuer the certificates that exist and those that are revoked.
type Clubcard struct {
	Version int // 3 (bincode) or 4 (C2SP's)
	Logs    []ClubcardLog
	Issuers []ClubcardIssuer
	Seed    uint64 // of the random bits that the filters are filled up with
}

// ClubcardLog is one log and the interval that the filter covers of it, in
// milliseconds since 1970.
type ClubcardLog struct {
	ID          [32]byte
	First, Last uint64
}

// ClubcardIssuer is one enrolled issuer. Serial numbers are the contents of
// their INTEGERs; Revoked are among Issued.
type ClubcardIssuer struct {
	SPKI            [32]byte // SHA-256 of the SubjectPublicKeyInfo
	Issued, Revoked [][]byte
}

// clubcardBlock is one issuer's block while the filter is made.
type clubcardBlock struct {
	spki                             [32]byte
	listed, others                   []clubcardRow // what both filters have to tell apart
	rank                             int
	approxM, approxAt, exactM, exact uint64
	inverted                         bool
	exceptions                       [][]byte
}

// clubcardRow is a certificate's equation: 256 coefficients, of which the first
// is 1, and the number that chooses its place.
type clubcardRow struct {
	a      [4]uint64
	row    uint64
	serial []byte
}

func clubcardRowOf(spki [32]byte, serial []byte) clubcardRow {
	key := sha256.Sum256(append(spki[:], serial...))
	r := clubcardRow{serial: serial}
	for i := range r.a {
		r.a[i] = binary.LittleEndian.Uint64(key[8*i:])
	}
	r.row = r.a[3]
	r.a[0] |= 1
	return r
}

// Make returns the file. Every certificate in Issued gets its true answer;
// certificates outside get a random one, as the format means it.
func (c Clubcard) Make() ([]byte, error) {
	random := rand.New(rand.NewPCG(c.Seed, 1))
	var blocks []*clubcardBlock
	for _, i := range c.Issuers {
		b, err := i.block()
		if err != nil {
			return nil, err
		}
		blocks = append(blocks, b)
	}
	// Blocks of a high rank come first, so that the last columns are short.
	slices.SortStableFunc(blocks, func(a, b *clubcardBlock) int { return b.rank - a.rank })
	columns, most := make([][]uint64, 0), 0
	var at uint64
	for _, b := range blocks {
		b.approxAt = at
		at += b.approxM
		most = max(most, b.rank)
	}
	for n := range most {
		var s ribbon
		for _, b := range blocks {
			if b.rank > n {
				for _, r := range b.listed {
					s.add(b.approxAt+r.row%b.approxM, r.a, false)
				}
			}
		}
		columns = append(columns, s.solve(random))
	}
	exact := exactColumn(blocks, columns, random)
	slices.SortFunc(blocks, func(a, b *clubcardBlock) int { return bytes.Compare(a.spki[:], b.spki[:]) })
	if c.Version == 3 {
		return c.v3(blocks, columns, exact), nil
	}
	return c.v4(blocks, columns, exact)
}

// block sorts an issuer's certificates into those that its filters list, the
// revoked ones or, if they are the most, the others.
func (i ClubcardIssuer) block() (*clubcardBlock, error) {
	b := &clubcardBlock{spki: i.SPKI, inverted: 2*len(i.Revoked) > len(i.Issued)}
	revoked := make(map[string]bool, len(i.Revoked))
	for _, s := range i.Revoked {
		revoked[string(s)] = true
	}
	for _, s := range i.Issued {
		row := clubcardRowOf(i.SPKI, s)
		if revoked[string(s)] != b.inverted {
			b.listed = append(b.listed, row)
		} else {
			b.others = append(b.others, row)
		}
		delete(revoked, string(s))
	}
	if len(revoked) > 0 {
		return nil, fmt.Errorf("forge: %d revoked certificates that were not issued", len(revoked))
	}
	if len(b.listed) > 0 {
		b.approxM = uint64(len(b.listed) + len(b.listed)/20 + 1)
		b.rank = min(bits.Len(uint(len(b.others)/len(b.listed))), 24)
	}
	return b, nil
}

// exactColumn makes the second filter: 0 for what is listed, 1 for the others
// that the first filter lets through.
func exactColumn(blocks []*clubcardBlock, columns [][]uint64, random *rand.Rand) []uint64 {
	var s ribbon
	var at uint64
	for _, b := range blocks {
		if b.approxM == 0 {
			continue
		}
		through := slices.DeleteFunc(slices.Clone(b.others), func(r clubcardRow) bool {
			for _, column := range columns[:b.rank] {
				if evaluate(column, b.approxAt+r.row%b.approxM, r.a) {
					return true
				}
			}
			return false
		})
		n := len(b.listed) + len(through)
		b.exact, b.exactM = at, uint64(n+n/20+1)
		at += b.exactM
		for _, r := range b.listed {
			s.add(b.exact+r.row%b.exactM, r.a, false)
		}
		for _, r := range through {
			if !s.add(b.exact+r.row%b.exactM, r.a, true) {
				b.exceptions = append(b.exceptions, r.serial)
			}
		}
	}
	return s.solve(random)
}

// ribbon is a linear system over GF(2) whose equations have 256 neighbouring
// coefficients, in echelon form.
type ribbon struct {
	rows []ribbonRow // by the position of their first coefficient
}

type ribbonRow struct {
	a    [4]uint64
	rhs  bool
	used bool
}

// add adds an equation that begins at a position with the coefficient 1. It
// returns false, and adds nothing, if the equation contradicts the others.
func (s *ribbon) add(at uint64, a [4]uint64, rhs bool) bool {
	for {
		for uint64(len(s.rows)) <= at {
			s.rows = append(s.rows, ribbonRow{})
		}
		row := &s.rows[at]
		if !row.used {
			*row = ribbonRow{a, rhs, true}
			return true
		}
		for i := range a {
			a[i] ^= row.a[i]
		}
		rhs = rhs != row.rhs
		if a == ([4]uint64{}) {
			return !rhs
		}
		for a[0] == 0 {
			a = [4]uint64{a[1], a[2], a[3], 0}
			at += 64
		}
		n := uint(bits.TrailingZeros64(a[0]))
		at += uint64(n)
		for i := range a {
			a[i] >>= n
			if i < 3 {
				a[i] |= a[i+1] << (64 - n)
			}
		}
	}
}

// solve returns a solution, with random bits where the equations leave a choice.
func (s *ribbon) solve(random *rand.Rand) []uint64 {
	if len(s.rows) == 0 {
		return nil
	}
	words := make([]uint64, (len(s.rows)+255+63)/64)
	for i := range words {
		words[i] = random.Uint64()
	}
	for at := len(s.rows) - 1; at >= 0; at-- {
		row := s.rows[at]
		if row.used && evaluate(words, uint64(at), row.a) != row.rhs {
			words[at/64] ^= 1 << (at % 64)
		}
	}
	return words
}

// evaluate is the parity of the coefficients over the bits from a position.
func evaluate(words []uint64, at uint64, a [4]uint64) bool {
	word := func(i uint64) uint64 {
		if i < uint64(len(words)) {
			return words[i]
		}
		return 0
	}
	var sum uint64
	for i := range uint64(4) {
		sum ^= (word(at/64+i)>>(at%64) | word(at/64+i+1)<<(64-at%64)) & a[i]
	}
	return bits.OnesCount64(sum)%2 == 1
}

func (c Clubcard) v4(blocks []*clubcardBlock, columns [][]uint64, exact []uint64) ([]byte, error) {
	e := binary.BigEndian
	b := []byte{4, 0}
	b = e.AppendUint16(b, uint16(len(c.Logs)))
	for _, l := range c.Logs {
		b = e.AppendUint64(e.AppendUint64(append(b, l.ID[:]...), l.First), l.Last)
	}
	b = e.AppendUint32(b, uint32(len(blocks)))
	for _, k := range blocks {
		if (k.approxAt|k.approxM|k.exact|k.exactM)>>32 != 0 || len(k.exceptions) > 1<<16-1 {
			return nil, fmt.Errorf("forge: a block too large for version 4")
		}
		b = append(b, k.spki[:]...)
		b = append(e.AppendUint32(b, uint32(k.approxM)), byte(k.rank))
		b = e.AppendUint32(e.AppendUint32(e.AppendUint32(b, uint32(k.approxAt)), uint32(k.exactM)), uint32(k.exact))
		b = e.AppendUint16(append(b, flag(k.inverted)), uint16(len(k.exceptions)))
		for _, s := range k.exceptions {
			b = append(append(b, byte(len(s))), s...)
		}
	}
	b = append(b, byte(len(columns)))
	for _, words := range append(slices.Clone(columns), exact) {
		b = e.AppendUint32(b, uint32(len(words)))
		for _, w := range words {
			b = e.AppendUint64(b, w)
		}
	}
	return b, nil
}

func (c Clubcard) v3(blocks []*clubcardBlock, columns [][]uint64, exact []uint64) []byte {
	e := binary.LittleEndian
	b := e.AppendUint64([]byte{3, 0}, uint64(len(c.Logs)))
	for _, l := range c.Logs {
		b = e.AppendUint64(e.AppendUint64(append(b, l.ID[:]...), l.First), l.Last)
	}
	b = e.AppendUint64(b, uint64(len(blocks)))
	for _, k := range blocks {
		b = append(e.AppendUint64(b, 32), k.spki[:]...)
		for _, n := range []uint64{k.approxM, k.exactM, uint64(k.rank), k.approxAt, k.exact} {
			b = e.AppendUint64(b, n)
		}
		b = e.AppendUint64(append(b, flag(k.inverted)), uint64(len(k.exceptions)))
		for _, s := range k.exceptions {
			b = append(e.AppendUint64(b, uint64(len(s))), s...)
		}
	}
	b = e.AppendUint64(b, uint64(len(columns)))
	for _, words := range append(slices.Clone(columns), exact) {
		b = e.AppendUint64(b, uint64(len(words)))
		for _, w := range words {
			b = e.AppendUint64(b, w)
		}
	}
	return b
}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}

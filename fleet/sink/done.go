package sink

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
)

// span is a range of batch numbers, both ends included.
type span struct{ first, last uint64 }

// spans is a set of batch numbers: ranges in order, none touching the next. Batches
// end nearly in the order of their numbers, so there are few.
type spans []span

// find returns the index of the first range that ends at n or later.
func (s spans) find(n uint64) int {
	i, _ := slices.BinarySearchFunc(s, n, func(r span, n uint64) int { return cmp.Compare(r.last, n) })
	return i
}

func (s spans) has(n uint64) bool {
	i := s.find(n)
	return i < len(s) && s[i].first <= n
}

func (s *spans) add(n uint64) {
	i := s.find(n)
	if i < len(*s) && (*s)[i].first <= n {
		return
	}
	before := i > 0 && (*s)[i-1].last == n-1
	after := i < len(*s) && n != math.MaxUint64 && (*s)[i].first == n+1
	switch {
	case before && after:
		(*s)[i-1].last = (*s)[i].last
		*s = slices.Delete(*s, i, i+1)
	case before:
		(*s)[i-1].last = n
	case after:
		(*s)[i].first = n
	default:
		*s = slices.Insert(*s, i, span{n, n})
	}
}

// String writes the set as the manifest has it: "0-99,101".
func (s spans) String() string {
	var b strings.Builder
	for i, r := range s {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatUint(r.first, 10))
		if r.last != r.first {
			b.WriteByte('-')
			b.WriteString(strconv.FormatUint(r.last, 10))
		}
	}
	return b.String()
}

// MarshalText returns the same text.
func (s spans) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what String wrote, and nothing else.
func (s *spans) UnmarshalText(text []byte) error {
	*s = nil
	if len(text) == 0 {
		return nil
	}
	for part := range strings.SplitSeq(string(text), ",") {
		from, to, ranged := strings.Cut(part, "-")
		first, err := strconv.ParseUint(from, 10, 64)
		if err != nil {
			return fmt.Errorf("%.40q is no range of numbers", part)
		}
		last := first
		if ranged {
			if last, err = strconv.ParseUint(to, 10, 64); err != nil || last <= first {
				return fmt.Errorf("%.40q is no range of numbers", part)
			}
		}
		if n := len(*s); n > 0 && (first <= (*s)[n-1].last || first-1 == (*s)[n-1].last) {
			return errors.New("ranges are not in order")
		}
		*s = append(*s, span{first, last})
	}
	return nil
}

// maxPartial bounds how many batches can be stored in part at the same time.
const maxPartial = 100_000

// progress says which rows are stored: whole batches, and of others which
// positions.
type progress struct {
	done    spans
	partial map[uint64]*pieces
}

// pieces are the positions of one batch that are stored.
type pieces struct {
	Size int    `json:"size"` // of the batch
	Bits []byte `json:"bits"` // position i is bit i%8 of octet i/8
	n    int    // bits that are set
}

func (p *pieces) has(i int) bool { return p.Bits[i/8]&(1<<(i%8)) != 0 }

func (p *pieces) add(i int) {
	if !p.has(i) {
		p.Bits[i/8] |= 1 << (i % 8)
		p.n++
	}
}

func (p *pieces) clone() *pieces {
	return &pieces{Size: p.Size, Bits: slices.Clone(p.Bits), n: p.n}
}

// valid says whether p may stand in a manifest, and counts its bits.
func (p *pieces) valid() bool {
	if p == nil || p.Size < 1 || p.Size > MaxRows || len(p.Bits) != (p.Size+7)/8 {
		return false
	}
	for i := range len(p.Bits) * 8 {
		if p.has(i) {
			if i >= p.Size {
				return false
			}
			p.n++
		}
	}
	return p.n > 0 && p.n < p.Size
}

// fresh returns the rows of b that are not stored yet. The error is a message
// that contradicts an earlier one.
func (p *progress) fresh(b *Batch) ([]Row, error) {
	if p.done.has(b.Number) {
		return nil, nil
	}
	have := p.partial[b.Number]
	if have == nil {
		if len(b.Rows) < b.Size && len(p.partial) >= maxPartial {
			return nil, malformed("more than %d batches are stored in part", maxPartial)
		}
		return b.Rows, nil
	}
	if have.Size != b.Size {
		return nil, malformed("batch %d has %d targets, and had %d before", b.Number, b.Size, have.Size)
	}
	var rows []Row
	for _, r := range b.Rows {
		if !have.has(r.Position) {
			rows = append(rows, r)
		}
	}
	return rows, nil
}

// mark notes that rows of batch number, which has size targets, are stored, and
// says whether that was the last of it.
func (p *progress) mark(number uint64, size int, rows []Row) (whole bool) {
	if len(rows) == 0 {
		return false
	}
	have := p.partial[number]
	if have == nil && len(rows) < size {
		have = &pieces{Size: size, Bits: make([]byte, (size+7)/8)}
		p.partial[number] = have
	}
	if have != nil {
		for i := range rows {
			have.add(rows[i].Position)
		}
		if have.n < size {
			return false
		}
		delete(p.partial, number)
	}
	p.done.add(number)
	return true
}

// all yields the ranges of batches that are done.
func (p *progress) all() iter.Seq2[uint64, uint64] {
	ranges := slices.Clone(p.done)
	return func(yield func(uint64, uint64) bool) {
		for _, r := range ranges {
			if !yield(r.first, r.last) {
				return
			}
		}
	}
}

package crl

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"github.com/assaytls/assay/finding"
)

// indexTable is a hash table of where the entries begin: little-endian uint32, one
// more than the position in the entries, 0 for an empty slot, with linear
// probing. Seven slots for four entries make seven octets an entry. It is kept
// as octets so that it can be used where a file of it is mapped.
type indexTable struct {
	seed  uint64
	slots []byte
}

const (
	walks    = 3   // questions answered without an index
	smallest = 64  // entries worth an index
	maxProbe = 512 // a list whose serial numbers collide more than this gets no index
)

var errChanged = &Error{finding.CRLUnreadable, 0, "the file changed while it was read"}

// indexed returns the index, building it when it has become worth its while;
// nil means that the entries must be walked.
func (l *List) indexed() *indexTable {
	if x := l.index.Load(); x != nil {
		return x
	}
	if l.count < smallest || l.certificateIssuers || l.paddedSerials || l.noIndex.Load() || l.asked.Add(1) <= walks {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if x := l.index.Load(); x != nil || l.noIndex.Load() {
		return x
	}
	x := buildIndex(l.entries, l.count, binary.LittleEndian.Uint64(l.SHA256[:]))
	if x == nil {
		l.noIndex.Store(true)
		return nil
	}
	l.index.Store(x)
	return x
}

func slotCount(entries int) int { return entries*7/4 + 1 }

// buildIndex returns nil for entries that cannot be indexed.
func buildIndex(entries []byte, count int, seed uint64) *indexTable {
	x := &indexTable{seed, make([]byte, 4*slotCount(count))}
	for pos := 0; pos < len(entries); {
		raw, serial, ok := step(entries[pos:])
		if !ok {
			return nil
		}
		i := x.slot(serial)
		for probes := 0; binary.LittleEndian.Uint32(x.slots[i:]) != 0; probes++ {
			if probes == maxProbe {
				return nil
			}
			if i += 4; i == len(x.slots) {
				i = 0
			}
		}
		binary.LittleEndian.PutUint32(x.slots[i:], uint32(pos)+1)
		pos += len(raw)
	}
	return x
}

// slot returns the offset of the slot where serial would be first. The seed
// depends on the whole list, so that nobody can choose numbers that collide.
func (x *indexTable) slot(serial []byte) int {
	const k1, k2 = 0x9e3779b97f4a7c15, 0xd6e8feb86659fd93
	h := x.seed ^ uint64(len(serial))*k1
	for len(serial) >= 8 {
		hi, lo := bits.Mul64(h^binary.LittleEndian.Uint64(serial), k1)
		h = hi ^ lo
		serial = serial[8:]
	}
	var last uint64
	for i, c := range serial {
		last |= uint64(c) << (8 * i)
	}
	hi, lo := bits.Mul64(h^last, k2)
	h = (hi ^ lo) * k1
	hi, _ = bits.Mul64(h, uint64(len(x.slots)/4))
	return int(hi) * 4
}

// find reports whether an entry has the serial number; with yield it calls it
// for each until it returns false.
func (x *indexTable) find(entries, serial []byte, yield func(raw []byte) bool) (found bool) {
	i := x.slot(serial)
	for range len(x.slots) / 4 {
		pos := binary.LittleEndian.Uint32(x.slots[i:])
		if pos == 0 {
			return found
		}
		if int64(pos) <= int64(len(entries)) {
			if raw, s, ok := step(entries[pos-1:]); ok && bytes.Equal(s, serial) {
				found = true
				if yield == nil || !yield(raw) {
					return true
				}
			}
		}
		if i += 4; i == len(x.slots) {
			i = 0
		}
	}
	return found
}

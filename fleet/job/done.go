package job

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math/bits"
)

// Done is which targets of a job have results: one bit a batch, and one a target for
// the batches of which some have. It is rebuilt from the results and never stored. A
// Done is not safe for concurrent use.
type Done struct {
	targets, batch, batches uint64

	whole []uint64            // a bit for each batch of which all is done
	parts map[uint64][]uint64 // a bit for each target of batches of which some is
	count uint64
}

// NewDone returns the bitmap of a job of which nothing is done.
func NewDone(targets uint64, batch int) *Done {
	d := &Done{targets: targets, batch: uint64(batch), batches: Batches(targets, batch), parts: map[uint64][]uint64{}}
	d.whole = make([]uint64, (d.batches+63)/64)
	return d
}

// Batches is how many batches so many targets make.
func Batches(targets uint64, batch int) uint64 {
	return (targets + uint64(batch) - 1) / uint64(batch)
}

// Size is how many targets batch k has.
func (d *Done) Size(k uint64) int {
	return int(min(d.batch, d.targets-k*d.batch))
}

// Add notes that the target at a position of batch k is done. It reports whether
// it was not before. What the job does not have is an error.
func (d *Done) Add(k uint64, position int) (fresh bool, err error) {
	if k >= d.batches || position < 0 || position >= d.Size(k) {
		return false, fmt.Errorf("results of target %d in batch %d, and the job has %d batches of %d targets", position, k, d.batches, d.batch)
	}
	if d.Has(k, position) {
		return false, nil
	}
	part := d.parts[k]
	if part == nil {
		part = make([]uint64, (d.batch+63)/64)
		d.parts[k] = part
	}
	part[position/64] |= 1 << (position % 64)
	d.count++
	if ones(part) == d.Size(k) {
		d.whole[k/64] |= 1 << (k % 64)
		delete(d.parts, k)
	}
	return true, nil
}

// Whole notes that all of batch k is done.
func (d *Done) Whole(k uint64) error {
	if k >= d.batches {
		return fmt.Errorf("results of batch %d, and the job has %d batches", k, d.batches)
	}
	if !d.has(k) {
		d.count += uint64(d.Size(k) - ones(d.parts[k]))
		d.whole[k/64] |= 1 << (k % 64)
		delete(d.parts, k)
	}
	return nil
}

// Has reports whether the target at a position of batch k is done.
func (d *Done) Has(k uint64, position int) bool {
	if d.has(k) {
		return true
	}
	part := d.parts[k]
	return part != nil && part[position/64]&(1<<(position%64)) != 0
}

func (d *Done) has(k uint64) bool { return d.whole[k/64]&(1<<(k%64)) != 0 }

func ones(part []uint64) (n int) {
	for _, w := range part {
		n += bits.OnesCount64(w)
	}
	return n
}

// Count is how many targets are done.
func (d *Done) Count() uint64 { return d.count }

// All reports whether every target is done.
func (d *Done) All() bool { return d.count == d.targets }

// Missing are the batches from the given one on of which something is to be done,
// and of each the positions that are; nil is all of them.
func (d *Done) Missing(from uint64) iter.Seq2[uint64, []int] {
	return func(yield func(uint64, []int) bool) {
		for k := from; k < d.batches; k++ {
			if d.whole[k/64] == ^uint64(0) {
				k |= 63
				continue
			}
			if !d.has(k) && !yield(k, d.left(k)) {
				return
			}
		}
	}
}

// left are the positions of a batch that are to be done, nil when all are.
func (d *Done) left(k uint64) (all []int) {
	part := d.parts[k]
	if part == nil {
		return nil
	}
	for i := range d.Size(k) {
		if part[i/64]&(1<<(i%64)) == 0 {
			all = append(all, i)
		}
	}
	return all
}

// Batch is how many targets a batch has, but for the last.
func (d *Done) Batch() int { return int(d.batch) }

// Bits is a Done in a form that can be sent.
type Bits struct {
	Whole []byte            `json:"whole"` // a bit for each batch of which all is done, the first is the lowest of the first octet
	Parts map[uint64][]byte `json:"parts,omitempty"`
}

// Bits returns d in a form that can be sent.
func (d *Done) Bits() *Bits {
	b := &Bits{Whole: octets(d.whole), Parts: make(map[uint64][]byte, len(d.parts))}
	for k, part := range d.parts {
		b.Parts[k] = octets(part)
	}
	return b
}

func octets(words []uint64) []byte {
	b := make([]byte, 0, 8*len(words))
	for _, w := range words {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	return b
}

// SetBits adds what b says is done. What the job does not have is an error.
func (d *Done) SetBits(b *Bits) error {
	if len(b.Whole) != 8*len(d.whole) {
		return fmt.Errorf("bits of another job: %d octets", len(b.Whole))
	}
	for k := range d.batches {
		if b.Whole[k/8]&(1<<(k%8)) != 0 {
			if err := d.Whole(k); err != nil {
				return err
			}
		}
	}
	for k, part := range b.Parts {
		for i := range 8 * len(part) {
			if part[i/8]&(1<<(i%8)) != 0 {
				if _, err := d.Add(k, i); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

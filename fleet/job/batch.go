package job

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Batch is a piece of work: a batch of a job's list, or some of its targets.
type Batch struct {
	Number    uint64
	Size      int      // targets of the whole batch
	Positions []int    // in the batch, of the targets that are to be done, ascending
	Lines     []string // of the list, one for each of Positions
}

// Reader finds the batches of a job. It is safe for concurrent use.
type Reader struct {
	m     *Manifest
	list  *List
	order *Permutation
}

// OpenReader opens the list in a job's folder.
func OpenReader(dir string, m *Manifest) (*Reader, error) {
	list, err := OpenList(dir, m.Counts.Targets)
	if err != nil {
		return nil, err
	}
	return &Reader{m: m, list: list, order: m.Order()}, nil
}

// Close closes the list.
func (r *Reader) Close() error { return r.list.Close() }

// Batch returns the targets of batch k at these positions; nil is all of them.
func (r *Reader) Batch(k uint64, positions []int) (Batch, error) {
	if k >= r.m.Batches() {
		return Batch{}, fmt.Errorf("the job has %d batches, and batch %d is asked for", r.m.Batches(), k)
	}
	first := k * uint64(r.m.Batch)
	b := Batch{Number: k, Size: int(min(uint64(r.m.Batch), r.m.Counts.Targets-first)), Positions: positions}
	if positions == nil {
		for i := range b.Size {
			b.Positions = append(b.Positions, i)
		}
	}
	for _, i := range b.Positions {
		line, err := r.list.Line(r.order.At(first + uint64(i)))
		if err != nil {
			return Batch{}, err
		}
		b.Lines = append(b.Lines, line)
	}
	return b, nil
}

// Only is the piece of b that has the i-th of its targets.
func (b *Batch) Only(i int) Batch {
	return Batch{Number: b.Number, Size: b.Size, Positions: b.Positions[i : i+1], Lines: b.Lines[i : i+1]}
}

// batchVersion begins the form of a batch in a message.
const batchVersion = 1

// maxLine bounds a line in a message: one of a list, and the port added to it.
const maxLine = MaxLine + 16

// Encode returns the batch as a message.
func (b *Batch) Encode() []byte {
	out := binary.AppendUvarint([]byte{batchVersion}, b.Number)
	out = binary.AppendUvarint(out, uint64(b.Size))
	out = binary.AppendUvarint(out, uint64(len(b.Lines)))
	for i, l := range b.Lines {
		out = binary.AppendUvarint(out, uint64(b.Positions[i]))
		out = append(binary.AppendUvarint(out, uint64(len(l))), l...)
	}
	return out
}

// DecodeBatch reads the form that Encode writes. The lines are not looked into.
func DecodeBatch(msg []byte) (Batch, error) {
	d := decoder{rest: msg}
	if version := d.octets(1); len(version) == 0 || version[0] != batchVersion {
		return Batch{}, errors.New("the message is not a batch, or one of another version")
	}
	b := Batch{Number: d.number(1 << 62), Size: int(d.number(MaxBatch))}
	last := -1
	for n := d.number(uint64(b.Size)); n > 0 && d.err == nil; n-- {
		position := int(d.number(MaxBatch))
		line := d.octets(d.number(maxLine))
		if position <= last || position >= b.Size {
			return Batch{}, fmt.Errorf("the message has a target at position %d of %d", position, b.Size)
		}
		last = position
		b.Positions, b.Lines = append(b.Positions, position), append(b.Lines, string(line))
	}
	switch {
	case d.err != nil:
		return Batch{}, d.err
	case len(d.rest) > 0:
		return Batch{}, errors.New("something follows the batch")
	case len(b.Lines) == 0:
		return Batch{}, errors.New("the batch has no targets")
	}
	return b, nil
}

// decoder reads a message; after an error it reads nothing more.
type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) number(most uint64) uint64 {
	n, size := binary.Uvarint(d.rest)
	if d.err == nil && (size <= 0 || n > most) {
		d.err = errors.New("the message is cut short, or a number in it is too large")
	}
	if d.err != nil {
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

func (d *decoder) octets(n uint64) []byte {
	if d.err == nil && n > uint64(len(d.rest)) {
		d.err = errors.New("the message is cut short")
	}
	if d.err != nil {
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

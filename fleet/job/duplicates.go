package job

import (
	"bufio"
	"bytes"
	"container/heap"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"os"
	"slices"
)

// duplicates finds the targets that stand more than once in a list of any length.
// Of each target half a SHA-256 and its position are kept; what does not fit into
// memory is sorted and written to files, which are merged at the end. For a
// hundred million targets that is 2.4 GB of files for a while, and in memory one run,
// a buffer for each file, and one bit a target.
type duplicates struct {
	dir  string
	n    uint64 // targets so far
	run  []record
	runs []*os.File
	room int // records of a run
}

// record is a target's key and position; records sort by key, then position.
type record [24]byte

// runLength is how many records are sorted at a time: 6 MB.
const runLength = 1 << 18

func newDuplicates(dir string) *duplicates { return &duplicates{dir: dir, room: runLength} }

func (d *duplicates) add(key string) error {
	sum := sha256.Sum256([]byte(key))
	var r record
	copy(r[:16], sum[:])
	binary.BigEndian.PutUint64(r[16:], d.n)
	d.n++
	if d.run = append(d.run, r); len(d.run) < d.room {
		return nil
	}
	return d.spill()
}

func (d *duplicates) sort() {
	slices.SortFunc(d.run, func(a, b record) int { return bytes.Compare(a[:], b[:]) })
}

// spill writes a sorted run to a file.
func (d *duplicates) spill() error {
	d.sort()
	f, err := os.CreateTemp(d.dir, "run-*.tmp")
	if err != nil {
		return err
	}
	d.runs = append(d.runs, f)
	w := bufio.NewWriterSize(f, 1<<16)
	for i := range d.run {
		w.Write(d.run[i][:])
	}
	d.run = d.run[:0]
	return w.Flush()
}

func (d *duplicates) discard() {
	for _, f := range d.runs {
		f.Close()
		os.Remove(f.Name())
	}
	d.runs, d.run = nil, nil
}

// find returns the positions of the targets that stood before.
func (d *duplicates) find() (positions, error) {
	again := make(positions, (d.n+63)/64)
	d.sort()
	var merged merge
	for _, f := range d.runs {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		if err := merged.start(&run{r: bufio.NewReaderSize(f, 1<<14)}); err != nil {
			return nil, err
		}
	}
	if err := merged.start(&run{rest: d.run}); err != nil {
		return nil, err
	}
	heap.Init(&merged)
	var last record
	for first := true; len(merged) > 0; first = false {
		next := merged[0].now
		if !first && bytes.Equal(next[:16], last[:16]) {
			again.set(binary.BigEndian.Uint64(next[16:]))
		}
		last = next
		switch err := merged[0].next(); err {
		case nil:
			heap.Fix(&merged, 0)
		case io.EOF:
			heap.Pop(&merged)
		default:
			return nil, err
		}
	}
	return again, nil
}

// run is a sorted run that is being merged.
type run struct {
	now  record
	r    io.Reader // nil: rest
	rest []record
}

// next moves to the next record; io.EOF when there is none.
func (r *run) next() error {
	if r.r != nil {
		_, err := io.ReadFull(r.r, r.now[:])
		return err
	}
	if len(r.rest) == 0 {
		return io.EOF
	}
	r.now, r.rest = r.rest[0], r.rest[1:]
	return nil
}

// merge is a heap of runs by their next record.
type merge []*run

func (m *merge) start(r *run) error {
	switch err := r.next(); err {
	case nil:
		*m = append(*m, r)
		return nil
	case io.EOF:
		return nil
	default:
		return err
	}
}

func (m merge) Len() int           { return len(m) }
func (m merge) Less(i, j int) bool { return bytes.Compare(m[i].now[:], m[j].now[:]) < 0 }
func (m merge) Swap(i, j int)      { m[i], m[j] = m[j], m[i] }
func (m *merge) Push(x any)        { *m = append(*m, x.(*run)) }
func (m *merge) Pop() any {
	last := (*m)[len(*m)-1]
	*m = (*m)[:len(*m)-1]
	return last
}

// positions is a set of positions in a list.
type positions []uint64

func (p positions) set(i uint64)      { p[i/64] |= 1 << (i % 64) }
func (p positions) has(i uint64) bool { return p[i/64]&(1<<(i%64)) != 0 }

package crlite

import (
	"encoding/binary"
	"fmt"
)

// reader goes through a file once. After its first error it reads zeros and
// moves no further.
type reader struct {
	data []byte
	at   int
	err  error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
	}
}

// take returns the next n bytes, nil after an error.
func (r *reader) take(n int, what string) []byte {
	if r.err == nil && (n < 0 || n > len(r.data)-r.at) {
		r.fail("the file ends at byte %d, inside %s", len(r.data), what)
	}
	if r.err != nil {
		return nil
	}
	b := r.data[r.at : r.at+n]
	r.at += n
	return b
}

func (r *reader) u8(what string) uint8 {
	if b := r.take(1, what); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u16(what string) uint16 {
	if b := r.take(2, what); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) u32(what string) uint32 {
	if b := r.take(4, what); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) u64(what string) uint64 {
	if b := r.take(8, what); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// le64 reads a little-endian number.
func (r *reader) le64(what string) uint64 {
	if b := r.take(8, what); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// count returns n as a number of items that need at least size bytes each, and
// fails when the rest of the file cannot hold them: nothing is allocated for a
// count that lies.
func (r *reader) count(n uint64, size int, what string) int {
	if r.err == nil && n > uint64(len(r.data)-r.at)/uint64(size) {
		r.fail("%d %s in the %d bytes that are left", n, what, len(r.data)-r.at)
	}
	if r.err != nil {
		return 0
	}
	return int(n)
}

// flag reads a byte that is 0 or 1.
func (r *reader) flag(what string) bool {
	b := r.u8(what)
	if b > 1 {
		r.fail("%s is %d", what, b)
	}
	return b == 1
}

// words reads a column of n words.
func (r *reader) words(n uint64) column {
	c := column{words: r.count(n, 8, "words of a column")}
	c.at = r.at
	r.take(8*c.words, "a column")
	return c
}

// readV4 reads the C2SP specification's form: big-endian, nothing left over.
func (f *Filter) readV4(r *reader) {
	f.logs = make([]Coverage, r.count(uint64(r.u16("the number of logs")), 48, "logs"))
	for i := range f.logs {
		c := &f.logs[i]
		copy(c.Log[:], r.take(32, "a log's ID"))
		c.First, c.Last = r.u64("a log's interval"), r.u64("a log's interval")
	}
	f.blocks = make([]uint32, r.count(uint64(r.u32("the number of issuers")), 52, "issuers"))
	for i := range f.blocks {
		f.blocks[i] = uint32(r.at)
		r.take(32+4+1+4+4+4, "a block")
		r.flag("the mark of an inverted block")
		for range r.count(uint64(r.u16("the number of exceptions")), 1, "exceptions") {
			r.take(int(r.u8("an exception")), "an exception")
		}
	}
	f.approx = make([]column, r.count(uint64(r.u8("the number of columns")), 4, "columns"))
	for i := range f.approx {
		f.approx[i] = r.words(uint64(r.u32("a column")))
	}
	f.exact = r.words(uint64(r.u32("a column")))
}

// readV3 reads the form of Rust's bincode: little-endian, all counts 64 bits
// wide, the fields of a block in another order than in V4. Bytes after the end
// are allowed, as the reference implementation allows them.
func (f *Filter) readV3(r *reader) {
	f.logs = make([]Coverage, r.count(r.le64("the number of logs"), 48, "logs"))
	for i := range f.logs {
		c := &f.logs[i]
		copy(c.Log[:], r.take(32, "a log's ID"))
		c.First, c.Last = r.le64("a log's interval"), r.le64("a log's interval")
	}
	f.blocks = make([]uint32, r.count(r.le64("the number of issuers"), 89, "issuers"))
	for i := range f.blocks {
		if n := r.le64("an issuer"); n != 32 {
			r.fail("an issuer's hash of %d bytes", n)
		}
		f.blocks[i] = uint32(r.at)
		r.take(32+5*8, "a block")
		r.flag("the mark of an inverted block")
		for range r.count(r.le64("the number of exceptions"), 8, "exceptions") {
			r.take(r.count(r.le64("an exception"), 1, "bytes of an exception"), "an exception")
		}
	}
	f.approx = make([]column, r.count(r.le64("the number of columns"), 8, "columns"))
	for i := range f.approx {
		f.approx[i] = r.words(r.le64("a column"))
	}
	f.exact = r.words(r.le64("a column"))
}

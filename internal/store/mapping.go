package store

import (
	"io"
	"os"
	"runtime"
	"strconv"
	"sync"
	"weak"
)

// mapping is a mapped file. It is unmapped some time after the last reference
// to the *mapping is gone, and never before: a slice into b does not count as
// one, so whoever has such a slice has the *mapping too, for as long as it may
// read it.
type mapping struct{ b []byte }

// fileID names a file with certain contents.
type fileID struct {
	dir, name string
	stat      stat
}

// mappings are the mapped files of a process, bounded in octets. What does not
// fit is read instead: the garbage collections that this leads to find the
// mappings that nobody uses.
type mappings struct {
	mu     sync.Mutex
	limit  int64                            // octets
	octets int64                            // mapped now
	files  map[fileID]weak.Pointer[mapping] // files with a name are mapped once
}

// mapped is shared by all stores, since the address space is. Its bound is what
// a cache may take on disk, less where addresses are few.
var mapped = &mappings{limit: maxMapped()}

func maxMapped() int64 {
	if strconv.IntSize == 32 {
		return MaxBytes / 8
	}
	return MaxBytes
}

// find returns the mapping of id if there is one; t.mu is held.
func (t *mappings) find(id fileID) *mapping { return t.files[id].Value() }

// file maps size octets of f, which is the file id.
func (t *mappings) file(f *os.File, size int64, id fileID) *mapping {
	t.mu.Lock()
	defer t.mu.Unlock()
	if m := t.find(id); m != nil {
		return m
	}
	m := t.add(f, size, func() {
		if t.find(id) == nil { // it may have been mapped anew meanwhile
			delete(t.files, id)
		}
	})
	if m != nil {
		if t.files == nil {
			t.files = map[fileID]weak.Pointer[mapping]{}
		}
		t.files[id] = weak.Make(m)
	}
	return m
}

// nameless maps a file that nobody else can find; ended is called when it has
// been unmapped.
func (t *mappings) nameless(f *os.File, size int64, ended func()) *mapping {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.add(f, size, ended)
}

// add makes a mapping, nil if it does not fit or cannot be made; t.mu is held,
// and will be when ended is called. ended must not refer to the mapping.
func (t *mappings) add(f *os.File, size int64, ended func()) *mapping {
	if size <= 0 || size > t.limit-t.octets {
		return nil
	}
	b, err := mmap(f, size)
	if err != nil {
		return nil
	}
	m := &mapping{b}
	t.octets += size
	runtime.AddCleanup(m, func(b []byte) {
		t.mu.Lock()
		defer t.mu.Unlock()
		if munmap(b) == nil {
			t.octets -= int64(len(b))
		}
		ended()
	}, b)
	return m
}

// Map returns the contents of f, which is size octets long: mapped if there is
// room, else read. They are valid as long as something refers
// to owner, which is nil for what was read; f may be closed. Reading faults when
// somebody cuts the file, as with [Entry.Body].
func Map(f *os.File, size int64) (b []byte, owner any, err error) {
	mapped.mu.Lock()
	m := mapped.add(f, size, func() {})
	mapped.mu.Unlock()
	if m != nil {
		return m.b, m, nil
	}
	b = make([]byte, size)
	_, err = io.ReadFull(f, b)
	return b, nil, err
}

package store

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"os"
)

// maxSpooled bounds what the spools of a store, and what is left of them in
// mappings, may take on disk at any one time.
const maxSpooled = 1 << 30

// Spool takes a download of unknown size: what is Large goes to a temporary
// file without a name, which Body maps, so that memory stays flat. When the
// disk does not serve, all of it stays in memory.
type Spool struct {
	s    *Store
	buf  bytes.Buffer
	file *os.File
	size int64
	// taken are the octets of the disk that the spool has been counted for.
	taken int64
	none  bool // no file: the disk is full, read-only, or has given enough
}

// Spool returns an empty one. Its Write never fails; it is not safe for
// concurrent use.
func (s *Store) Spool() *Spool { return &Spool{s: s} }

// Write appends b.
func (p *Spool) Write(b []byte) (int, error) {
	if p.file == nil && !p.none && int64(p.buf.Len()+len(b)) >= p.s.large {
		p.begin()
	}
	if p.file != nil && p.take(int64(len(b))) {
		n, err := p.file.Write(b)
		p.size += int64(n)
		if err == nil {
			return n, nil
		}
		p.retreat()
		p.buf.Write(b[n:])
		return len(b), nil
	}
	if p.file != nil {
		p.retreat()
	}
	return p.buf.Write(b)
}

// take counts n more octets of the disk, unless there are too many.
func (p *Spool) take(n int64) bool {
	if p.s.spooled.Add(n) > maxSpooled {
		p.s.spooled.Add(-n)
		return false
	}
	p.taken += n
	return true
}

// release closes the file, whose octets the disk has again when it is not
// mapped.
func (p *Spool) release() {
	if p.file != nil {
		p.file.Close()
		p.file = nil
	}
	p.s.spooled.Add(-p.taken)
	p.taken = 0
}

// begin moves what there is to a file that is gone when the process is.
func (p *Spool) begin() {
	var random [8]byte
	rand.Read(random[:])
	name := bodiesDir + "/" + tmpPrefix + hex.EncodeToString(random[:])
	f, err := p.s.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = p.s.root.Remove(name)
	}
	if err == nil && !p.take(int64(p.buf.Len())) {
		err = errors.New("the disk has given enough")
	}
	if err == nil {
		_, err = f.Write(p.buf.Bytes())
	}
	if err != nil {
		p.none = true
		p.file = f
		p.release()
		p.s.root.Remove(name) // where an open file cannot be removed
		return
	}
	p.file, p.size = f, int64(p.buf.Len())
	p.buf = bytes.Buffer{}
}

// retreat reads the file back into memory.
func (p *Spool) retreat() {
	p.none = true
	if _, err := io.Copy(&p.buf, io.NewSectionReader(p.file, 0, p.size)); err != nil {
		p.buf.Reset() // what is missing shows: nothing that is signed is empty
	}
	p.release()
}

// Body returns what was written, to which nothing may be added, and its owner,
// nil when it is in memory: who keeps b, or parts of it, keeps the owner as
// described at [Entry].
func (p *Spool) Body() (b []byte, owner any) {
	if p.file != nil {
		s, taken := p.s, p.taken
		if m := s.mapped.nameless(p.file, p.size, func() { s.spooled.Add(-taken) }); m != nil {
			p.taken = 0 // the mapping has them now
			p.release()
			return m.b, m
		}
		p.retreat()
	}
	return p.buf.Bytes(), nil
}

// Close gives up what is not needed any more; what Body returned stays.
func (p *Spool) Close() { p.release() }

package store

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"io"
	"os"
)

// maxSpooled bounds what the spools of a process may take on disk: their
// mappings stay for as long as it lives.
const maxSpooled = 1 << 30

// Spool takes a download of unknown size: what is Large goes to a temporary
// file without a name, which Body maps, so that memory stays flat. When the
// disk does not serve, all of it stays in memory.
type Spool struct {
	s    *Store
	buf  bytes.Buffer
	file *os.File
	size int64
	none bool // no file: the disk is full, read-only, or has given enough
}

// Spool returns an empty one. Its Write never fails; it is not safe for
// concurrent use.
func (s *Store) Spool() *Spool { return &Spool{s: s} }

// Write appends b.
func (p *Spool) Write(b []byte) (int, error) {
	if p.file == nil && !p.none && p.buf.Len()+len(b) >= Large {
		p.begin()
	}
	if p.file != nil && p.s.spooled.Add(int64(len(b))) <= maxSpooled {
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

// begin moves what there is to a file that is gone when the process is.
func (p *Spool) begin() {
	var random [8]byte
	rand.Read(random[:])
	name := bodiesDir + "/" + tmpPrefix + hex.EncodeToString(random[:])
	f, err := p.s.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = p.s.root.Remove(name)
	}
	if err == nil {
		_, err = f.Write(p.buf.Bytes())
	}
	if err != nil {
		if f != nil {
			f.Close()
		}
		p.none = true
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
	p.file.Close()
	p.file = nil
}

// Body returns what was written; nothing may be written after it.
func (p *Spool) Body() []byte {
	if p.file != nil {
		if b, err := mmap(p.file, p.size); err == nil {
			p.file.Close()
			p.file = nil
			return b
		}
		p.retreat()
	}
	return p.buf.Bytes()
}

// Close gives up what is not needed any more; what Body returned stays.
func (p *Spool) Close() {
	if p.file != nil {
		p.file.Close()
	}
}

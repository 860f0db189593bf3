package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

// maxBody bounds what is read into memory.
const maxBody = 1 << 32

// content is what a file holds. m is nil when it was read into memory;
// otherwise b is m's, and is read only while m is kept.
type content struct {
	b []byte
	m *mapping
}

// body returns the contents of an entry's body and the stat under which they
// are known to be right.
func (s *Store) body(r record) (c content, now stat, ok bool) {
	if len(r.Body) != 64 {
		return content{}, stat{}, false
	}
	c, now, err := s.contents(bodiesDir+"/"+r.Body, s.large)
	if err != nil {
		return content{}, stat{}, false
	}
	if now.Size >= s.large && now == r.Stat && now.Inode != 0 {
		return c, now, true
	}
	sum, err := digest(c.b)
	runtime.KeepAlive(c.m)
	if err != nil || hex.EncodeToString(sum[:]) != r.Body {
		return content{}, stat{}, false
	}
	return c, now, true
}

// contents maps a file of at least mapFrom octets and reads a smaller one.
func (s *Store) contents(name string, mapFrom int64) (content, stat, error) {
	f, info, err := s.open(name)
	if err != nil {
		return content{}, stat{}, err
	}
	defer f.Close()
	now := statOf(info)
	if now.Size >= mapFrom {
		if m := s.mapped.file(f, now.Size, fileID{s.dir, name, now}); m != nil {
			return content{m.b, m}, now, nil
		}
	}
	if now.Size > maxBody {
		return content{}, now, errors.New("the file is too large")
	}
	b := make([]byte, now.Size)
	_, err = io.ReadFull(f, b) // io.ErrUnexpectedEOF: it was cut meanwhile
	return content{b: b}, now, err
}

// digest hashes what may be a mapped file that somebody cuts meanwhile.
func digest(b []byte) (sum [32]byte, err error) {
	err = errors.New("the file was cut while it was read")
	guarded(func() { sum, err = sha256.Sum256(b), nil })
	return sum, err
}

// writeBody makes sure that the body is on disk and returns its stat. One that
// is there already is only trusted after hashing it.
func (s *Store) writeBody(sum string, body []byte) (stat, error) {
	name := bodiesDir + "/" + sum
	if _, now, ok := s.body(record{Body: sum}); ok {
		return now, nil
	}
	if err := s.write(name, bytes.NewReader(body), len(body) >= Large); err != nil {
		return stat{}, err
	}
	info, err := s.root.Lstat(name)
	if err != nil {
		return stat{}, err
	}
	return statOf(info), nil
}

// An index's file: a magic, the body's SHA-256 and stat, the payload's length
// and the first octets' hash; padded so that the payload is aligned.
const (
	indexMagic  = "assay index 1\n\x00\x00"
	indexHeader = 128
	indexProbe  = 4096 // octets of the payload that are always checked
)

func indexHead(r record, payload []byte) []byte {
	h := make([]byte, 0, indexHeader)
	h = append(h, indexMagic...)
	h, _ = hex.AppendDecode(h, []byte(r.Body))
	for _, v := range []uint64{uint64(r.Stat.Size), r.Stat.Inode, uint64(r.Stat.Mtime), uint64(r.Stat.Ctime), uint64(len(payload))} {
		h = binary.LittleEndian.AppendUint64(h, v)
	}
	sum := sha256.Sum256(payload[:min(len(payload), indexProbe)])
	h = append(h, sum[:]...)
	return h[:indexHeader]
}

// ErrNoBody says that the body of an index is not, or no longer, in the cache.
var ErrNoBody = errors.New("the cache has no such body")

// PutIndex stores what was computed from the body that Get or Put last had for
// k, whose SHA-256 is sum. It is found again only beside the very same file.
func (s *Store) PutIndex(k Key, sum [32]byte, index []byte) error {
	r, ok := s.readRecord(k.record().name(false))
	if !ok || r.Body != hex.EncodeToString(sum[:]) || r.Stat.Inode == 0 {
		return ErrNoBody
	}
	err := s.write(indexesDir+"/"+r.Body, io.MultiReader(bytes.NewReader(indexHead(r, index)), bytes.NewReader(index)), true)
	if err != nil {
		return fmt.Errorf("the cache in %s: %w", s.dir, err)
	}
	s.written.Add(int64(len(index)))
	return nil
}

// index returns the stored index of a body, nil if there is none for this file.
func (s *Store) index(r record) content {
	c, _, err := s.contents(indexesDir+"/"+r.Body, indexHeader+indexProbe)
	if err != nil || len(c.b) < indexHeader {
		return content{}
	}
	var match bool
	payload := c.b[indexHeader:]
	guarded(func() { match = bytes.Equal(c.b[:indexHeader], indexHead(r, payload)) })
	runtime.KeepAlive(c.m)
	if !match {
		return content{}
	}
	return content{payload, c.m}
}

// guarded runs f, which reads mapped files; a fault ends it early.
func guarded(f func()) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(runtime.Error); !ok {
				panic(r)
			}
		}
	}()
	f()
}

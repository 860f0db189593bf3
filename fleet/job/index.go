package job

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
)

// stride is how many lines share an entry of the index: with 16, an index of a
// hundred million lines has 50 MB, and a line is found within one read of a few
// hundred octets.
const stride = 16

// indexMagic begins an IndexFile; the offsets follow, 8 octets each.
var indexMagic = []byte("assay list index 1\n")

// listWriter writes TargetsFile and IndexFile.
type listWriter struct {
	dir           string
	list, index   *os.File
	listW, indexW *bufio.Writer
	hash          hash.Hash
	n, offset     uint64
}

func newListWriter(dir string) (w *listWriter, err error) {
	w = &listWriter{dir: dir, hash: sha256.New()}
	if w.list, err = os.CreateTemp(dir, "targets-*.tmp"); err != nil {
		return nil, err
	}
	if w.index, err = os.CreateTemp(dir, "index-*.tmp"); err != nil {
		w.discard()
		return nil, err
	}
	w.listW, w.indexW = bufio.NewWriterSize(w.list, 1<<16), bufio.NewWriter(w.index)
	_, err = w.indexW.Write(indexMagic)
	return w, err
}

// add writes a line, which ends with a line feed.
func (w *listWriter) add(line []byte) error {
	if w.n%stride == 0 {
		if _, err := w.indexW.Write(binary.BigEndian.AppendUint64(nil, w.offset)); err != nil {
			return err
		}
	}
	w.n++
	w.offset += uint64(len(line))
	w.hash.Write(line)
	_, err := w.listW.Write(line)
	return err
}

// close gives the files their names and returns the list's hash.
func (w *listWriter) close() (string, error) {
	for _, f := range []struct {
		out  *bufio.Writer
		file *os.File
		name string
	}{{w.indexW, w.index, IndexFile}, {w.listW, w.list, TargetsFile}} {
		if err := errors.Join(f.out.Flush(), f.file.Sync()); err != nil {
			return "", err
		}
		if err := os.Rename(f.file.Name(), filepath.Join(w.dir, f.name)); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(w.hash.Sum(nil)), nil
}

func (w *listWriter) discard() {
	for _, f := range []*os.File{w.list, w.index} {
		if f != nil {
			f.Close()
			os.Remove(f.Name()) // fails when it has its final name
		}
	}
}

// List is the list of a job, read line by line from its file. It is safe for
// concurrent use.
type List struct {
	list, index *os.File
	n           uint64
}

// OpenList opens the list in a job's folder. n is how many lines it has.
func OpenList(dir string, n uint64) (*List, error) {
	l := &List{n: n}
	var err error
	if l.list, err = os.Open(filepath.Join(dir, TargetsFile)); err != nil {
		return nil, err
	}
	if l.index, err = os.Open(filepath.Join(dir, IndexFile)); err != nil {
		l.Close()
		return nil, err
	}
	magic := make([]byte, len(indexMagic))
	st, err := l.index.Stat()
	if err == nil {
		_, err = l.index.ReadAt(magic, 0)
	}
	if want := int64(len(indexMagic)) + 8*int64((n+stride-1)/stride); err != nil || !bytes.Equal(magic, indexMagic) || st.Size() != want {
		l.Close()
		return nil, fmt.Errorf("%s is not the index of a list of %d targets", filepath.Join(dir, IndexFile), n)
	}
	return l, nil
}

// Close closes the files.
func (l *List) Close() error {
	var errs []error
	for _, f := range []*os.File{l.list, l.index} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// Len is how many lines there are.
func (l *List) Len() uint64 { return l.n }

// Line returns line i, from 0.
func (l *List) Line(i uint64) (string, error) {
	if i >= l.n {
		return "", fmt.Errorf("the list has %d lines, and line %d is asked for", l.n, i)
	}
	var entry [8]byte
	if _, err := l.index.ReadAt(entry[:], int64(len(indexMagic))+8*int64(i/stride)); err != nil {
		return "", err
	}
	offset := binary.BigEndian.Uint64(entry[:])
	if offset > 1<<62 {
		return "", errors.New("the index is damaged")
	}
	skip := int(i % stride)
	var window []byte
	for room := 64 * (skip + 1); ; room *= 4 {
		window = make([]byte, min(room, (MaxLine+1)*(skip+1)))
		n, err := l.list.ReadAt(window, int64(offset))
		if err != nil && err != io.EOF {
			return "", err
		}
		if line, ok := nth(window[:n], skip); ok {
			return string(line), nil
		}
		if err == io.EOF || room > (MaxLine+1)*(skip+1) {
			return "", fmt.Errorf("line %d is not where the index says", i)
		}
	}
}

// nth is the n-th whole line of b.
func nth(b []byte, n int) ([]byte, bool) {
	for ; ; n-- {
		line, rest, ok := bytes.Cut(b, []byte("\n"))
		if !ok || n == 0 {
			return line, ok
		}
		b = rest
	}
}

// Hash reads the list through and returns its SHA-256 in hex.
func (l *List) Hash() (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(l.list, 0, 1<<62)); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

package store

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func spool(t *testing.T, s *Store, parts ...[]byte) []byte {
	t.Helper()
	p := s.Spool()
	defer p.Close()
	for _, b := range parts {
		if n, err := p.Write(b); n != len(b) || err != nil {
			t.Fatal(n, err)
		}
	}
	b, owner := p.Body()
	runtime.KeepAlive(owner)
	return bytes.Clone(b)
}

// What a spool had of the disk is counted for as long as somebody has its body.
func TestSpoolIsCounted(t *testing.T) {
	s := open(t, t.TempDir())
	b := body(4, 2*Large)
	write := func() ([]byte, any) {
		p := s.Spool()
		defer p.Close()
		p.Write(b)
		return p.Body()
	}
	got, owner := write()
	if owner == nil {
		t.Skip("files are not mapped here")
	}
	runtime.GC()
	runtime.GC()
	if n := s.spooled.Load(); n != int64(len(b)) || !bytes.Equal(got, b) {
		t.Error(n)
	}
	runtime.KeepAlive(owner)
	eventually(t, "the disk is given back", func() bool { return s.spooled.Load() == 0 })
	p := s.Spool() // one that nobody asks for its body
	p.Write(b)
	if n := s.spooled.Load(); n != int64(len(b)) {
		t.Error(n)
	}
	if p.Close(); s.spooled.Load() != 0 {
		t.Error("not given back")
	}
}

func TestSpool(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	small, large := body(1, 1000), body(2, Large)
	if !bytes.Equal(spool(t, s, small), small) || len(spool(t, s)) != 0 || s.spooled.Load() != 0 {
		t.Error("small")
	}
	if !bytes.Equal(spool(t, s, small, large, small), bytes.Join([][]byte{small, large, small}, nil)) {
		t.Error("large")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, bodiesDir, "*")); len(left) > 0 {
		t.Error("files are left", left)
	}
	// Enough was given: the rest stays in memory, what was on disk comes back.
	eventually(t, "the disk is given back", func() bool { return s.spooled.Load() == 0 })
	s.spooled.Store(maxSpooled - Large - 5000)
	if !bytes.Equal(spool(t, s, small, large, large), bytes.Join([][]byte{small, large, large}, nil)) {
		t.Error("past the bound")
	}
	if n := s.spooled.Load(); n != maxSpooled-Large-5000 {
		t.Error(n, "octets are counted of a spool that is in memory")
	}
	s.spooled.Store(maxSpooled - 5000)
	if !bytes.Equal(spool(t, s, small, large), append(bytes.Clone(small), large...)) || s.spooled.Load() != maxSpooled-5000 {
		t.Error("at the bound")
	}
	s.spooled.Store(0)
	if err := os.RemoveAll(filepath.Join(dir, "v1")); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(spool(t, s, large, small), append(bytes.Clone(large), small...)) {
		t.Error("without a directory")
	}
}

// A disk that fills up in the middle loses nothing.
func TestSpoolFullDisk(t *testing.T) {
	f, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	p := open(t, t.TempDir()).Spool()
	p.file = f
	b := body(3, Large)
	if n, err := p.Write(b); n != len(b) || err != nil {
		t.Error(n, err)
	}
	if got, owner := p.Body(); !bytes.Equal(got, b) || owner != nil {
		t.Error("lost")
	}
}

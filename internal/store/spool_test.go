package store

import (
	"bytes"
	"os"
	"path/filepath"
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
	return p.Body()
}

func TestSpool(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	small, large := body(1, 1000), body(2, Large)
	if !bytes.Equal(spool(t, s, small), small) || len(spool(t, s)) != 0 || s.spooled.Load() != 0 {
		t.Error("small")
	}
	if !bytes.Equal(spool(t, s, small, large, small), bytes.Join([][]byte{small, large, small}, nil)) || s.spooled.Load() == 0 {
		t.Error("large")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, bodiesDir, "*")); len(left) > 0 {
		t.Error("files are left", left)
	}
	// Enough was given: the rest stays in memory, what was on disk comes back.
	s.spooled.Store(maxSpooled - Large - 5000)
	if !bytes.Equal(spool(t, s, small, large, large), bytes.Join([][]byte{small, large, large}, nil)) {
		t.Error("past the bound")
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
	if n, err := p.Write(b); n != len(b) || err != nil || !bytes.Equal(p.Body(), b) {
		t.Error(n, err)
	}
}

package store

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// size is what all files of a store take.
func size(t *testing.T, s *Store) (total int64) {
	t.Helper()
	for _, dir := range []string{entriesDir, bodiesDir, indexesDir} {
		files, err := s.files(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			total += f.size
		}
	}
	return total
}

// Whoever chooses URLs and tags cannot fill the disk with entries that share
// one small body, nor with failures.
func TestBoundOfEntries(t *testing.T) {
	long := strings.Repeat("x", 2000)
	for name, write := range map[string]func(*Store, Key) error{
		"bodies":   func(s *Store, k Key) error { return s.Put(k, Entry{Body: []byte("body"), ETag: long}) },
		"failures": func(s *Store, k Key) error { return s.Fail(k, "fetch-failed", long) },
	} {
		s := open(t, t.TempDir())
		s.Limit(100_000)
		for i := range 200 {
			if err := write(s, Key{Kind: "aia", URL: fmt.Sprint("http://a.test/", i)}); err != nil {
				t.Fatal(err)
			}
		}
		if n := size(t, s); n > 130_000 {
			t.Errorf("%s: %d octets", name, n)
		}
	}
}

// Processes that write little each evict too, now and then.
func TestBoundOfProcesses(t *testing.T) {
	dir, most := t.TempDir(), int64(0)
	for i := range 400 {
		s := open(t, dir)
		s.Limit(200_000)
		if err := s.Put(key(i), Entry{Body: body(i, 9000)}); err != nil {
			t.Fatal(err)
		}
		most = max(most, size(t, s))
	}
	if most > 600_000 {
		t.Errorf("%d octets", most)
	}
}

// Files of somebody else are not read, nor what is no file.
func TestOthersFiles(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	for _, dir := range []string{entriesDir, bodiesDir} {
		s := open(t, t.TempDir())
		if err := s.Put(key(1), Entry{Body: body(1, 100)}); err != nil {
			t.Fatal(err)
		}
		files, err := s.files(dir)
		if err != nil || len(files) != 1 {
			t.Fatal(files, err)
		}
		name := filepath.Join(s.dir, dir, files[0].name)
		if err := os.Chown(name, 1, 1); err != nil {
			t.Fatal(err)
		}
		if _, ok := s.Get(key(1)); ok {
			t.Errorf("%s: a file of another user is read", dir)
		}
	}
}

// Keys that read alike when written one part after the other are apart.
func TestKeysThatReadAlike(t *testing.T) {
	s := open(t, t.TempDir())
	keys := []Key{{Kind: "a", URL: "bc"}, {Kind: "ab", URL: "c"}, {URL: "abc"}}
	for i, k := range keys {
		if err := s.Put(k, Entry{Body: body(i, 10)}); err != nil {
			t.Fatal(err)
		}
	}
	for i, k := range keys {
		if e, ok := s.Get(k); !ok || !bytes.Equal(e.Body, body(i, 10)) {
			t.Errorf("%+v: %v", k, ok)
		}
	}
}

// A failure is respected for its own key, and for as long as any may be.
func TestFailuresOfOthers(t *testing.T) {
	s := open(t, t.TempDir())
	if err := s.Fail(key(1), "fetch-failed", "no"); err != nil {
		t.Fatal(err)
	}
	one, other := key(1).record(), key(2).record()
	if err := s.root.Rename(one.name(true), other.name(true)); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Failed(key(2)); ok {
		t.Error("another key's failure")
	}
	for left, want := range map[time.Duration]bool{-time.Second: false, 5 * time.Minute: true, time.Hour: false} {
		one.Failure, one.Until = "fetch-failed", time.Now().Add(left)
		if err := s.writeRecord(one.name(true), one); err != nil {
			t.Fatal(err)
		}
		if _, ok := s.Failed(key(1)); ok != want {
			t.Errorf("until %s from now: %v", left, ok)
		}
	}
}

// Directories of somebody else are not used.
func TestOthersDirectories(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give directories away")
	}
	for _, dir := range []string{".", "v1", bodiesDir} {
		s := open(t, t.TempDir())
		if err := os.Chown(filepath.Join(s.dir, dir), 1, 1); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(s.dir); err == nil {
			t.Errorf("%s of another user is used", dir)
		}
	}
}

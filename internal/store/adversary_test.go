package store

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
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

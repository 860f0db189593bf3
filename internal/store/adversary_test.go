package store

import (
	"fmt"
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

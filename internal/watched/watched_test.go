//go:build unix

package watched

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func write(t *testing.T, path, body string, at time.Time) {
	t.Helper()
	if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

// want compares what a look brings: path base names and bodies, "!" for errors.
func want(t *testing.T, what string, got []Change, want ...string) {
	t.Helper()
	var all []string
	for _, c := range got {
		s := filepath.Base(c.Path) + "=" + string(c.Body)
		if c.Err != nil {
			s = filepath.Base(c.Path) + "!"
		}
		all = append(all, s)
	}
	if len(all) != len(want) {
		t.Fatalf("%s: %q, want %q", what, all, want)
	}
	for i := range all {
		if all[i] != want[i] {
			t.Fatalf("%s: %q, want %q", what, all, want)
		}
	}
}

// A file is read when it is new, written, replaced or back again, and told once when
// it is gone.
func TestLook(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	now := time.Now()
	old := now.Add(-time.Hour)
	f := &Files{Paths: []string{path}, Bytes: 100, Count: 10}
	want(t, "missing", f.Look(now), "a!")
	want(t, "still missing", f.Look(now))
	write(t, path, "one", old)
	want(t, "there", f.Look(now), "a=one")
	want(t, "unchanged", f.Look(now))
	write(t, path, "two!", old)
	want(t, "of another size", f.Look(now), "a=two!")
	write(t, path, "six!", old.Add(time.Second))
	want(t, "of another time", f.Look(now), "a=six!")
	write(t, filepath.Join(dir, "b"), "ten!", old.Add(time.Second))
	if err := os.Rename(filepath.Join(dir, "b"), path); err != nil {
		t.Fatal(err)
	}
	want(t, "another file", f.Look(now), "a=ten!")
	os.Remove(path)
	want(t, "gone", f.Look(now), "a!")
	write(t, path, "ten!", old)
	want(t, "back", f.Look(now), "a=ten!")
}

// A change within the step of a file system's clock is seen: the contents of a file
// that was just written are compared.
func TestLookYoung(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	now := time.Now()
	f := &Files{Paths: []string{path}, Bytes: 100, Count: 10}
	write(t, path, "one", now)
	want(t, "new", f.Look(now), "a=one")
	write(t, path, "two", now)
	want(t, "of the same size and time", f.Look(now), "a=two")
	want(t, "the same", f.Look(now))
}

// What is too large, no regular file, or one too many is an error and not read.
func TestLookBounds(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	large := filepath.Join(dir, "large")
	write(t, large, string(bytes.Repeat([]byte{'x'}, 101)), now.Add(-time.Hour))
	f := &Files{Paths: []string{large, dir, filepath.Join(dir, "pipe")}, Bytes: 100, Count: 10}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, "files", f.Look(now), "large!", filepath.Base(dir)+"!", "pipe!")
	many := t.TempDir()
	for _, name := range []string{"a", "b", "c", ".hidden"} {
		write(t, filepath.Join(many, name), name, now.Add(-time.Hour))
	}
	os.Symlink("a", filepath.Join(many, "d"))
	os.Mkdir(filepath.Join(many, "e"), 0o700)
	g := &Files{Dirs: []string{many}, Bytes: 100, Count: 2}
	want(t, "too many", g.Look(now), filepath.Base(many)+"!", "a=a", "b=b")
	g = &Files{Dirs: []string{many}, Bytes: 100, Count: 3}
	want(t, "a directory", g.Look(now), "a=a", "b=b", "c=c")
	os.Remove(filepath.Join(many, "b"))
	got := g.Look(now)
	want(t, "one gone", got, "b!")
	if !errors.Is(got[0].Err, fs.ErrNotExist) {
		t.Errorf("error %v", got[0].Err)
	}
	os.Chmod(many, 0)
	defer os.Chmod(many, 0o700)
	if os.Getuid() != 0 {
		want(t, "unreadable", g.Look(now), filepath.Base(many)+"!")
	}
	gone := filepath.Join(t.TempDir(), "dir")
	os.Mkdir(gone, 0o700)
	write(t, filepath.Join(gone, "a"), "a", now.Add(-time.Hour))
	h := &Files{Dirs: []string{gone}, Bytes: 100, Count: 3}
	want(t, "there", h.Look(now), "a=a")
	os.RemoveAll(gone)
	want(t, "a directory that is gone", h.Look(now), "dir!")
	want(t, "told once", h.Look(now))
}

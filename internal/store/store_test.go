package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func key(n int) Key {
	return Key{Kind: "crl", URL: fmt.Sprintf("http://crl.test/%d.crl", n), Issuer: [32]byte{1, byte(n)}}
}

func body(n, size int) []byte {
	return bytes.Repeat([]byte(fmt.Sprintf("body %d\n", n)), size/7+1)[:size]
}

// only returns the one file in a directory of the store.
func only(t *testing.T, s *Store, dir string) string {
	t.Helper()
	m, _ := filepath.Glob(filepath.Join(s.dir, dir, "*"))
	if len(m) != 1 {
		t.Fatalf("%d files in %s", len(m), dir)
	}
	return m[0]
}

func TestRoundTrip(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "cache")
	for _, size := range []int{0, 1, 1000, Large - 1, Large, 3 * Large} {
		s := open(t, dir)
		now := time.Now().UTC().Round(0)
		in := Entry{Body: body(size, size), Fetched: now, Expires: now.Add(time.Hour), ETag: `"x"`, LastModified: "yesterday"}
		if err := s.Put(key(size), in); err != nil {
			t.Fatal(err)
		}
		got, ok := open(t, dir).Get(key(size)) // another process's view
		if !ok || !bytes.Equal(got.Body, in.Body) || !got.Fetched.Equal(now) || !got.Expires.Equal(in.Expires) || got.ETag != in.ETag ||
			got.LastModified != in.LastModified || got.SHA256 != sha256.Sum256(in.Body) || got.Index != nil {
			t.Fatalf("size %d: %v %+v", size, ok, got)
		}
	}
	for _, d := range []string{".", "v1", entriesDir, bodiesDir, indexesDir} {
		if info, err := os.Stat(filepath.Join(dir, d)); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v %v", d, info.Mode(), err)
		}
	}
}

// What was put for one key is never found under another.
func TestKeysAreApart(t *testing.T) {
	s := open(t, t.TempDir())
	k := Key{Kind: "ocsp", URL: "http://a.test/", Issuer: [32]byte{1}, Request: []byte("r")}
	if err := s.Put(k, Entry{Body: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	for _, o := range []Key{
		{"crl", k.URL, k.Issuer, k.Request}, {k.Kind, "http://a.test", k.Issuer, k.Request},
		{k.Kind, k.URL, [32]byte{2}, k.Request}, {k.Kind, k.URL, [32]byte{}, k.Request}, {k.Kind, k.URL, k.Issuer, []byte("s")}, {k.Kind, k.URL, k.Issuer, nil},
	} {
		if _, ok := s.Get(o); ok {
			t.Errorf("found under %+v", o)
		}
		// Nor when its file is put in the other's place.
		from, to := filepath.Join(s.dir, k.record().name(false)), filepath.Join(s.dir, o.record().name(false))
		b, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, ok := s.Get(o); ok {
			t.Errorf("a moved file was believed for %+v", o)
		}
		os.Remove(to)
	}
	if _, ok := s.Get(k); !ok {
		t.Error("lost")
	}
}

// Damage is a miss, and putting the body again repairs it.
func TestDamage(t *testing.T) {
	flip := func(b []byte) []byte { b = bytes.Clone(b); b[len(b)/2] ^= 1; return b }
	cut := func(b []byte) []byte { return b[:len(b)/2] }
	empty := func(b []byte) []byte { return nil }
	longer := func(b []byte) []byte { return append(bytes.Clone(b), 'x') }
	for _, size := range []int{1000, 2 * Large} {
		for _, dir := range []string{entriesDir, bodiesDir} {
			for name, change := range map[string]func([]byte) []byte{"flip": flip, "cut": cut, "empty": empty, "longer": longer} {
				s := open(t, t.TempDir())
				if err := s.Put(key(1), Entry{Body: body(1, size)}); err != nil {
					t.Fatal(err)
				}
				file := only(t, s, dir)
				b, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file+".new", change(b), 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.Rename(file+".new", file); err != nil {
					t.Fatal(err)
				}
				if e, ok := s.Get(key(1)); ok {
					t.Errorf("%d %s %s: found %d octets", size, dir, name, len(e.Body))
				}
				if err := s.Put(key(1), Entry{Body: body(1, size)}); err != nil {
					t.Fatal(err)
				}
				if e, ok := s.Get(key(1)); !ok || !bytes.Equal(e.Body, body(1, size)) {
					t.Errorf("%d %s %s: not repaired", size, dir, name)
				}
			}
		}
	}
}

// A large body that was changed in place, even with its times set back, is
// found out by the change of ctime.
func TestChangedInPlace(t *testing.T) {
	s := open(t, t.TempDir())
	if err := s.Put(key(1), Entry{Body: body(1, Large)}); err != nil {
		t.Fatal(err)
	}
	file := only(t, s, bodiesDir)
	info, _ := os.Stat(file)
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteAt([]byte("X"), 100)
	f.Close()
	os.Chtimes(file, info.ModTime(), info.ModTime())
	if _, ok := open(t, s.dir).Get(key(1)); ok {
		t.Error("a changed body was believed")
	}
}

// A body that is cut while it is mapped is a miss for the next reader, and
// hashing it is no crash.
func TestCutWhileMapped(t *testing.T) {
	s := open(t, t.TempDir())
	if err := s.Put(key(1), Entry{Body: body(1, 4*Large)}); err != nil {
		t.Fatal(err)
	}
	e, ok := s.Get(key(1))
	if !ok {
		t.Fatal("miss")
	}
	if err := os.Truncate(only(t, s, bodiesDir), 10); err != nil {
		t.Fatal(err)
	}
	if _, err := digest(e.Body); err == nil {
		t.Error("hashed what is not there")
	}
	if _, ok := s.Get(key(1)); ok {
		t.Error("found")
	}
}

func TestIndex(t *testing.T) {
	s := open(t, t.TempDir())
	b := body(1, 2*Large)
	sum := sha256.Sum256(b)
	if err := s.PutIndex(key(1), sum, []byte("early")); err == nil {
		t.Error("an index without its body")
	}
	if err := s.Put(key(1), Entry{Body: b}); err != nil {
		t.Fatal(err)
	}
	if err := s.PutIndex(key(1), [32]byte{}, []byte("other")); err == nil {
		t.Error("an index of another body")
	}
	index := body(7, 3*Large)
	if err := s.PutIndex(key(1), sum, index); err != nil {
		t.Fatal(err)
	}
	e, ok := open(t, s.dir).Get(key(1))
	if !ok || !bytes.Equal(e.Index, index) {
		t.Fatal("index not found")
	}
	// The same contents in another file: the index is not trusted beside it.
	file := only(t, s, bodiesDir)
	os.WriteFile(file+".new", b, 0o600)
	os.Rename(file+".new", file)
	if e, ok := s.Get(key(1)); !ok || e.Index != nil {
		t.Errorf("%v, index of %d octets", ok, len(e.Index))
	}
	// Cut or changed at its head: not an index.
	if err := s.PutIndex(key(1), sum, index); err != nil {
		t.Fatal(err)
	}
	idx := only(t, s, indexesDir)
	for _, damage := range []func([]byte) []byte{
		func(b []byte) []byte { return b[:len(b)-1] }, func(b []byte) []byte { return b[:50] },
		func(b []byte) []byte { b = bytes.Clone(b); b[indexHeader+5] ^= 1; return b }, func(b []byte) []byte { b = bytes.Clone(b); b[40] ^= 1; return b },
	} {
		old, _ := os.ReadFile(idx)
		os.WriteFile(idx+".new", damage(old), 0o600)
		os.Rename(idx+".new", idx)
		if e, ok := s.Get(key(1)); !ok || e.Index != nil {
			t.Errorf("%v, index of %d octets", ok, len(e.Index))
		}
		os.WriteFile(idx, old, 0o600)
	}
}

func TestFailures(t *testing.T) {
	s := open(t, t.TempDir())
	if _, ok := s.Failed(key(1)); ok {
		t.Error("a failure from nowhere")
	}
	for i, want := range []time.Duration{1, 2, 4, 8, 10, 10} {
		if err := s.Fail(key(1), "fetch-timeout", "no answer"); err != nil {
			t.Fatal(err)
		}
		f, ok := s.Failed(key(1))
		left := time.Until(f.Until)
		if !ok || f.ID != "fetch-timeout" || f.Detail != "no answer" || left > want*time.Minute || left < want*time.Minute-5*time.Second {
			t.Errorf("%d: %v %+v, %v left", i, ok, f, left)
		}
	}
	if _, ok := s.Failed(key(2)); ok {
		t.Error("another key's failure")
	}
	if _, ok := s.Get(key(1)); ok {
		t.Error("a failure is no body")
	}
	if err := s.Put(key(1), Entry{Body: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Failed(key(1)); ok {
		t.Error("success does not end the failure")
	}
}

func TestPruneListVerify(t *testing.T) {
	s := open(t, t.TempDir())
	long := time.Now().Add(-48 * time.Hour)
	for i := range 10 {
		if err := s.Put(key(i), Entry{Body: body(i, 10000)}); err != nil {
			t.Fatal(err)
		}
		used := long.Add(time.Duration(i) * time.Hour)
		os.Chtimes(filepath.Join(s.dir, key(i).record().name(false)), used, used)
	}
	os.WriteFile(filepath.Join(s.dir, bodiesDir, tmpPrefix+"x"), []byte("left behind"), 0o600)
	os.Chtimes(filepath.Join(s.dir, bodiesDir, tmpPrefix+"x"), long, long)
	items, err := s.List()
	if err != nil || len(items) != 10 || items[0].URL != key(9).URL || items[0].Size != 10000 || items[0].Issuer != hex.EncodeToString(func() []byte { k := key(9).Issuer; return k[:] }()) {
		t.Fatalf("%v %+v", err, items)
	}
	s.Get(key(0)) // now the most recently used
	p, err := s.Prune(35000, 0)
	if err != nil || p.Entries != 7 || p.Left != 30000 || p.Bytes < 70000 {
		t.Errorf("%+v %v", p, err)
	}
	for i := range 10 {
		if _, ok := s.Get(key(i)); ok != (i == 0 || i > 7) {
			t.Errorf("%d: %v", i, ok)
		}
	}
	if m, _ := filepath.Glob(filepath.Join(s.dir, bodiesDir, tmpPrefix+"*")); len(m) != 0 {
		t.Error("left behind")
	}
	if sound, problems, err := s.Verify(); sound != 3 || len(problems) != 0 || err != nil {
		t.Errorf("%d %v %v", sound, problems, err)
	}
	b := sha256.Sum256(body(9, 10000))
	os.WriteFile(filepath.Join(s.dir, bodiesDir, hex.EncodeToString(b[:])), []byte("tampered"), 0o600)
	os.WriteFile(filepath.Join(s.dir, key(8).record().name(false)), []byte("nonsense"), 0o600)
	sound, problems, err := s.Verify()
	if sound != 1 || len(problems) != 3 || err != nil || !problems[0].Removed {
		t.Errorf("%d %v %v", sound, problems, err)
	}
	if _, err := s.Prune(0, 0); err != nil {
		t.Error(err)
	}
	if items, _ := s.List(); len(items) != 0 {
		t.Errorf("%d left", len(items))
	}
}

// The store stays within its bound by itself.
func TestBound(t *testing.T) {
	s := open(t, t.TempDir())
	s.Limit(100_000)
	for i := range 100 {
		if err := s.Put(key(i), Entry{Body: body(i, 9000)}); err != nil {
			t.Fatal(err)
		}
	}
	var total int64
	files, _ := s.files(bodiesDir)
	for _, f := range files {
		total += f.size
	}
	if total > 130_000 {
		t.Errorf("%d octets", total)
	}
	if _, ok := s.Get(key(99)); !ok {
		t.Error("the newest was evicted")
	}
}

func TestOpenRefuses(t *testing.T) {
	base := t.TempDir()
	file := filepath.Join(base, "file")
	os.WriteFile(file, nil, 0o600)
	link := filepath.Join(base, "link")
	real := filepath.Join(base, "real")
	os.Mkdir(real, 0o700)
	os.Symlink(real, link)
	shared := filepath.Join(base, "shared")
	os.Mkdir(shared, 0o700)
	os.Chmod(shared, 0o777)
	inside := filepath.Join(base, "inside")
	os.MkdirAll(filepath.Join(inside, "v1"), 0o700)
	os.Symlink(real, filepath.Join(inside, "v1", "bodies"))
	for _, dir := range []string{file, link, shared, inside} {
		if s, err := Open(dir); err == nil {
			t.Errorf("%s was opened: %v", dir, s)
		} else if !strings.Contains(err.Error(), "cache directory") {
			t.Error(err)
		}
	}
	readable := filepath.Join(base, "readable")
	os.Mkdir(readable, 0o755)
	open(t, readable)
	if info, _ := os.Stat(readable); info.Mode().Perm() != 0o700 {
		t.Errorf("left at %v", info.Mode())
	}
}

// A directory that others may write to is refused, one that they may read is
// closed to them; where modes tell nothing, none is refused for its mode.
func TestDirectoryModes(t *testing.T) {
	for mode, want := range map[os.FileMode]string{0o700: "ours", 0o500: "ours", 0o755: "tighten", 0o701: "tighten", 0o740: "tighten",
		0o720: "refused", 0o702: "refused", 0o777: "refused", 0o722: "refused"} {
		tighten, err := checkMode(mode, true)
		got := "ours"
		if err != nil {
			got = "refused"
		} else if tighten {
			got = "tighten"
		}
		if got != want {
			t.Errorf("%#o: %s, want %s", mode, got, want)
		}
		if tighten, err := checkMode(mode, false); tighten || err != nil {
			t.Errorf("%#o where modes tell nothing: %v %v", mode, tighten, err)
		}
	}
}

// A symbolic link in place of a file is not followed out of the cache.
func TestLinks(t *testing.T) {
	s := open(t, t.TempDir())
	s.Put(key(1), Entry{Body: body(1, 100)})
	file := only(t, s, bodiesDir)
	outside := filepath.Join(t.TempDir(), "outside")
	os.Rename(file, outside)
	os.Symlink(outside, file)
	if _, ok := s.Get(key(1)); ok {
		t.Error("followed a link out of the cache")
	}
}

package store

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// eventually waits for what garbage collections bring about.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if runtime.GC(); time.Now().After(end) {
			t.Fatal("not within ten seconds: " + what)
		}
	}
}

// own gives a store its own account of mappings.
func own(t *testing.T, s *Store, limit int64) *mappings {
	t.Helper()
	s.mapped = &mappings{limit: limit}
	if err := s.Put(key(0), Entry{Body: body(0, Large)}); err != nil {
		t.Fatal(err)
	}
	e, ok := s.Get(key(0))
	if !ok {
		t.Fatal("miss")
	}
	if e.Owner == nil {
		t.Skip("files are not mapped here")
	}
	eventually(t, "a clean start", func() bool { return s.mapped.now() == 0 })
	return s.mapped
}

func (t *mappings) now() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.octets
}

// seen counts the octets of a store's files in this process's address space,
// as the kernel tells, -1 where it does not.
func seen(s *Store) (n int64) {
	b, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return -1
	}
	for line := range strings.Lines(string(b)) {
		if strings.Contains(line, s.dir) {
			var from, to int64
			if _, err := fmt.Sscanf(line, "%x-%x", &from, &to); err == nil {
				n += to - from
			}
		}
	}
	return n
}

// A mapping is there for as long as its owner, and no longer.
func TestMappingsAreReleased(t *testing.T) {
	s := open(t, t.TempDir())
	m := own(t, s, MaxBytes)
	b, index := body(1, 3*Large), body(2, 2*Large)
	if err := s.Put(key(1), Entry{Body: b}); err != nil {
		t.Fatal(err)
	}
	e, _ := s.Get(key(1))
	if err := s.PutIndex(key(1), e.SHA256, index); err != nil {
		t.Fatal(err)
	}
	first, _ := s.Get(key(1))
	second, _ := s.Get(key(1))
	want := int64(len(b) + indexHeader + len(index))
	if &first.Body[0] != &second.Body[0] || &first.Index[0] != &second.Index[0] || &e.Body[0] != &first.Body[0] || m.now() != want {
		t.Errorf("%d octets are mapped, want %d once", m.now(), want)
	}
	runtime.KeepAlive(e.Owner)
	runtime.KeepAlive(first.Owner)
	for range 3 {
		runtime.GC()
		time.Sleep(5 * time.Millisecond)
	}
	if m.now() != want || seen(s) != -1 && seen(s) < want || !bytes.Equal(second.Body, b) || !bytes.Equal(second.Index, index) {
		t.Errorf("%d octets are mapped, want %d, while one owner is left", m.now(), want)
	}
	runtime.KeepAlive(second.Owner)
	eventually(t, "nothing is mapped", func() bool { return m.now() == 0 && seen(s) <= 0 })
	if len(m.files) != 0 {
		t.Errorf("%d files are remembered", len(m.files))
	}
	if e, ok := s.Get(key(1)); !ok || !bytes.Equal(e.Body, b) || !bytes.Equal(e.Index, index) {
		t.Error("not found after it had been unmapped")
	}
}

// What goes beyond the bound is read into memory, and mapped again when there
// is room.
func TestBoundOfMappings(t *testing.T) {
	s := open(t, t.TempDir())
	m := own(t, s, 3*Large+Large/2)
	var held []Entry
	for i := range 6 {
		if err := s.Put(key(i), Entry{Body: body(i, Large)}); err != nil {
			t.Fatal(err)
		}
		e, ok := s.Get(key(i))
		if !ok || !bytes.Equal(e.Body, body(i, Large)) || (e.Owner != nil) != (i < 3) {
			t.Errorf("%d: %v, mapped %v", i, ok, e.Owner != nil)
		}
		held = append(held, e)
	}
	if n := m.now(); n != 3*Large {
		t.Errorf("%d octets are mapped", n)
	}
	p := s.Spool()
	p.Write(body(7, Large))
	if b, owner := p.Body(); owner != nil || !bytes.Equal(b, body(7, Large)) || s.spooled.Load() != 0 {
		t.Error("a spool goes beyond the bound")
	}
	runtime.KeepAlive(held)
	held = nil
	eventually(t, "there is room again", func() bool {
		e, ok := s.Get(key(5))
		return ok && e.Owner != nil
	})
}

// However many editions of a list come and go, memory stays flat: on the heap
// and in mappings, without anybody asking for garbage collections.
func TestManyEditions(t *testing.T) {
	const editions, size, kept = 2000, 64 << 10, 8
	s := open(t, t.TempDir())
	m := own(t, s, 64*size)
	s.large = size
	var held [kept]Entry
	var most, mostSeen int64
	var heap uint64
	inMemory := 0
	for i := range editions {
		if err := s.Put(key(1), Entry{Body: body(i, size)}); err != nil {
			t.Fatal(err)
		}
		e, ok := s.Get(key(1))
		if !ok || !bytes.Equal(e.Body, body(i, size)) {
			t.Fatalf("edition %d: %v", i, ok)
		}
		if e.Owner == nil {
			inMemory++
		}
		held[i%kept] = e
		most = max(most, m.now())
		if i%50 == 49 {
			var stats runtime.MemStats
			runtime.ReadMemStats(&stats)
			heap, mostSeen = max(heap, stats.HeapAlloc), max(mostSeen, seen(s))
		}
	}
	for i, e := range held {
		if !bytes.Equal(e.Body, body(editions-kept+i, size)) {
			t.Errorf("edition %d has changed", editions-kept+i)
		}
	}
	runtime.KeepAlive(held)
	t.Logf("of %d MB: at most %d kB mapped (%d kB in /proc/self/maps), %d kB of heap; %d editions were read into memory",
		editions*size>>20, most>>10, mostSeen>>10, heap>>10, inMemory)
	if most > 64*size || mostSeen > 66*size || heap > 32<<20 || inMemory > editions/2 {
		t.Error("not flat")
	}
}

// Owners that come and go on many goroutines never take a body from one that
// still has it.
func TestOwnersSideBySide(t *testing.T) {
	s := open(t, t.TempDir())
	own(t, s, MaxBytes)
	s.large = 4096
	for i := range 4 {
		if err := s.Put(key(i), Entry{Body: body(i, 10000)}); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan bool)
	for g := range 4 {
		go func() {
			defer func() { done <- true }()
			for i := range 300 {
				n := (g + i) % 4
				e, ok := s.Get(key(n))
				if i%10 == 0 {
					runtime.GC()
				}
				if !ok || !bytes.Equal(e.Body, body(n, 10000)) {
					t.Errorf("body %d: %v", n, ok)
				}
				runtime.KeepAlive(e.Owner)
			}
		}()
	}
	for range 4 {
		<-done
	}
}

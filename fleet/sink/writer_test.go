package sink

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func open(t *testing.T, dir string) *Writer {
	t.Helper()
	w, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func add(t *testing.T, w *Writer, batches ...Batch) {
	t.Helper()
	for _, b := range batches {
		if err := w.Add(b); err != nil {
			t.Fatal(err)
		}
	}
}

func done(w *Writer) (s spans) {
	for first, last := range w.Done() {
		s = append(s, span{first, last})
	}
	return s
}

// What was added is there after a process that closed nothing.
func TestReopen(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir)
	add(t, w, batch(0, 10), batch(1, 10), batch(3, 10), batch(1, 10))
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrLocked) {
		t.Errorf("a second writer: %v", err)
	}
	w.lock.Close() // as the kernel does of a killed process
	again := open(t, dir)
	if got := done(again).String(); got != "0-1,3" || !again.Has(3) || again.Has(2) {
		t.Errorf("done: %s", got)
	}
}

// A torn record is cut off, wherever it is torn; the records before it stay.
func TestTorn(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir)
	add(t, w, batch(0, 10))
	before := w.journal.size
	add(t, w, batch(1, 10))
	w.Close()
	name := filepath.Join(dir, stateDir, "journal-00001")
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	flipped := append([]byte(nil), whole...)
	flipped[len(flipped)-1] ^= 1
	torn := map[string][]byte{"flipped": flipped, "length": append(whole[:before:before], 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4), "zeros": append(whole[:before:before], make([]byte, 999)...)}
	for n := before + 1; n < int64(len(whole)); n += 7 {
		torn["cut"] = whole[:n]
		for what, b := range torn {
			if err := os.WriteFile(name, b, 0o600); err != nil {
				t.Fatal(err)
			}
			w := open(t, dir)
			if got := done(w).String(); got != "0" || w.journal.size != before {
				t.Errorf("%s, %d octets: done %s, journal of %d octets", what, len(b), got, w.journal.size)
			}
			add(t, w, batch(1, 10))
			if got := done(w).String(); got != "0-1" {
				t.Errorf("%s: done %s", what, got)
			}
			w.Close()
		}
		clear(torn)
	}
}

// A batch may come in pieces, and each of its rows twice.
func TestPieces(t *testing.T) {
	w := open(t, t.TempDir())
	whole := batch(5, 10)
	piece := func(from, to int) Batch { return Batch{Number: 5, Size: 10, Rows: whole.Rows[from:to]} }
	add(t, w, piece(0, 4), piece(2, 6))
	if w.Has(5) {
		t.Error("a batch of which four rows are missing is done")
	}
	if err := w.Add(Batch{Number: 5, Size: 11, Rows: whole.Rows[9:]}); !errors.Is(err, ErrMessage) {
		t.Errorf("a batch of another size: %v", err)
	}
	add(t, w, piece(6, 10))
	if !w.Has(5) {
		t.Error("a batch that came in pieces is not done")
	}
}

func TestSpans(t *testing.T) {
	var s spans
	for _, n := range []uint64{5, 3, 4, 9, 0, 4, 1<<64 - 1, 8, 1<<64 - 2} {
		s.add(n)
	}
	const want = "0,3-5,8-9,18446744073709551614-18446744073709551615"
	if s.String() != want || !s.has(4) || s.has(6) || s.has(1) || !s.has(1<<64-1) {
		t.Errorf("%s", s)
	}
	var back spans
	if err := back.UnmarshalText([]byte(want)); err != nil || back.String() != want {
		t.Errorf("%s: %v", back, err)
	}
	for _, bad := range []string{"x", "1,", "-1", "2-1", "1-1", "1,2", "3,1", "1-2-3", "1-5,5"} {
		if err := back.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

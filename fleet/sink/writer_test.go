package sink

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func open(t *testing.T, dir string) *Writer {
	t.Helper()
	w, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.release)
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

// once fails unless the folder has exactly the rows of these whole batches,
// each once, however it is read.
func once(t *testing.T, dir string, want ...Batch) {
	t.Helper()
	expected := map[string]Row{}
	for _, b := range want {
		for _, r := range b.Rows {
			expected[r.Target] = asStored(r)
		}
	}
	compare := func(what string, seen map[string]int) {
		t.Helper()
		for target := range expected {
			if seen[target] != 1 {
				t.Fatalf("%s: %s is there %d times", what, target, seen[target])
			}
		}
		if len(seen) != len(expected) {
			t.Fatalf("%s: %d targets, want %d", what, len(seen), len(expected))
		}
	}
	results, err := OpenResults(dir)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	if err := results.Rows(func(r *Row) error {
		seen[r.Target]++
		if got := asStored(*r); !reflect.DeepEqual(got, expected[r.Target]) {
			return fmt.Errorf("%+v\nwant\n%+v", got, expected[r.Target])
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	compare("rows", seen)

	// The files alone, as programs of others read them.
	m, err := readManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(journalName(dir, m.next())); err == nil {
		return // it goes on
	}
	parquets, linesOf := map[string]int{}, map[string]int{}
	for _, name := range glob(t, dir, "results/*") {
		if err := readTable(name, func(recs []record) error {
			for i := range recs {
				parquets[recs[i].Target]++
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range glob(t, dir, "lines/*") {
		if err := readLines(name, func(line []byte) error {
			var l Line
			if err := json.Unmarshal(line, &l); err != nil {
				return err
			}
			if got := asStored(l.row()); !reflect.DeepEqual(got, expected[got.Target]) {
				return fmt.Errorf("%s\n%+v\nwant\n%+v", line, got, expected[got.Target])
			}
			linesOf[l.Target]++
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	if len(parquets) > 0 {
		compare("Parquet", parquets)
	}
	if len(linesOf) > 0 {
		compare("lines", linesOf)
	}
}

func glob(t *testing.T, dir, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(pattern)))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// What was added is there after a process that closed nothing.
func TestReopen(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir)
	add(t, w, batch(0, 10), batch(1, 10), batch(3, 10), batch(1, 10))
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrLocked) {
		t.Errorf("a second writer: %v", err)
	}
	once(t, dir, batch(0, 10), batch(1, 10), batch(3, 10))
	w.release()
	again := open(t, dir)
	if got := done(again).String(); got != "0-1,3" || !again.Has(3) || again.Has(2) {
		t.Errorf("done: %s", got)
	}
	add(t, again, batch(2, 10))
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	once(t, dir, batch(0, 10), batch(1, 10), batch(2, 10), batch(3, 10))
	third := open(t, dir)
	add(t, third, batch(3, 10), batch(4, 10))
	if err := third.Finish(); err != nil {
		t.Fatal(err)
	}
	once(t, dir, batch(0, 10), batch(1, 10), batch(2, 10), batch(3, 10), batch(4, 10))
}

// A torn record is cut off, wherever it is torn; the records before it stay.
func TestTorn(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir)
	add(t, w, batch(0, 10))
	before := w.journal.size
	add(t, w, batch(1, 10))
	w.release()
	name := journalName(dir, 1)
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	flipped := append([]byte(nil), whole...)
	flipped[len(flipped)-1] ^= 1
	torn := map[string][]byte{"flipped": flipped, "length": append(whole[:before:before], 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4), "zeros": append(whole[:before:before], make([]byte, 999)...)}
	for n := before + 1; n < int64(len(whole)); n += 131 {
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
			w.release()
			once(t, dir, batch(0, 10), batch(1, 10))
		}
		clear(torn)
	}
}

// A batch may come in pieces, and each of its rows twice.
func TestPieces(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir)
	whole := batch(5, 10)
	piece := func(from, to int) Batch { return Batch{Number: 5, Size: 10, Rows: whole.Rows[from:to]} }
	add(t, w, piece(0, 4), piece(2, 6))
	if w.Has(5) {
		t.Error("a batch of which four rows are missing is done")
	}
	for n, positions := range w.Partial() {
		if n != 5 || !reflect.DeepEqual(positions, []int{0, 1, 2, 3, 4, 5}) {
			t.Errorf("batch %d has %v", n, positions)
		}
	}
	if err := w.Add(Batch{Number: 5, Size: 11, Rows: whole.Rows[9:]}); !errors.Is(err, ErrMessage) {
		t.Errorf("a batch of another size: %v", err)
	}
	if err := w.Close(); err != nil { // the rest comes into another part
		t.Fatal(err)
	}
	w = open(t, dir)
	add(t, w, piece(5, 10))
	if !w.Has(5) {
		t.Error("a batch that came in pieces is not done")
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	once(t, dir, whole)
}

// The end of the process between any two steps loses nothing and doubles
// nothing.
func TestEveryStep(t *testing.T) {
	var steps []string
	all := []Batch{batch(0, 40), batch(1, 40), batch(2, 40), batch(3, 40), batch(4, 40)}
	run := func(dir, end string) (acked []Batch) {
		w := open(t, dir)
		w.partRows = 80
		ended := errors.New("ended")
		w.step = func(s string) error {
			if end == "" {
				steps = append(steps, s)
			}
			if s == end {
				return ended
			}
			return nil
		}
		for _, b := range all {
			err := w.Add(b)
			if errors.Is(err, ended) {
				w.release()
				return acked
			}
			if err != nil {
				t.Fatal(err)
			}
			acked = append(acked, b)
		}
		if err := w.Finish(); err != nil && !errors.Is(err, ended) {
			t.Fatal(err)
		}
		return acked
	}
	dir := t.TempDir()
	run(dir, "")
	once(t, dir, all...)
	if len(steps) < 20 {
		t.Fatalf("only the steps %q", steps)
	}
	for _, s := range steps {
		dir := t.TempDir()
		acked := run(dir, s)
		w := open(t, dir)
		for _, b := range acked {
			if !w.Has(b.Number) {
				t.Errorf("ended at %q: batch %d was acknowledged and is lost", s, b.Number)
			}
		}
		w.release()
		run(dir, "")
		once(t, dir, all...)
		certs := 0
		for _, name := range glob(t, dir, "certificates/*") {
			last := ""
			if err := readTable(name, func(recs []certRecord) error {
				for i := range recs {
					if h := string(recs[i].SHA256[:]); h <= last {
						return errors.New("certificates are doubled or not in order")
					} else {
						last = h
					}
					certs++
				}
				return nil
			}); err != nil {
				t.Errorf("ended at %q: %v", s, err)
			}
		}
		want := 0
		for _, b := range all {
			want += len(b.Certificates)
		}
		if certs != want || len(glob(t, dir, "*/*.tmp")) != 0 || len(glob(t, dir, "sink/journal-*")) != 0 {
			t.Errorf("ended at %q: %d certificates, want %d; left: %s", s, certs, want, strings.Join(glob(t, dir, "*/*"), " "))
		}
	}
}

// A file that does not read back as it was written does not count; what it is
// made of is still in the journal.
func TestReadBack(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir)
	add(t, w, batch(0, 10))
	w.part.sum ^= 1
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), "read back") {
		t.Errorf("a part that was written wrongly: %v", err)
	}
	w = open(t, dir)
	if err := w.Close(); err != nil || !w.Has(0) {
		t.Errorf("the next writer: %v", err)
	}
	once(t, dir, batch(0, 10))
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

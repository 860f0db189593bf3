package engine_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/store"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// mappedBelow counts the octets of files below dir, deleted ones included, in
// this process's address space.
func mappedBelow(t *testing.T, dir string) (n int64) {
	b, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Skip(err)
	}
	for line := range strings.Lines(string(b)) {
		var from, to int64
		if strings.Contains(line, dir) {
			fmt.Sscanf(line, "%x-%x", &from, &to)
			n += to - from
		}
	}
	return n
}

// Of an engine that has seen one edition of a large list after the other,
// nothing stays mapped.
func TestEditionsAreUnmapped(t *testing.T) {
	w := newWeather(t, func(w *weather) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Cache-Control", "max-age=0")
			serves(w)(rw, r)
		}
	})
	w.dir = filepath.Join(t.TempDir(), "cache")
	w.list.RawEntries = make([]byte, 0, store.Large+store.Large/8)
	for i := 0; len(w.list.RawEntries) < store.Large; i++ {
		w.list.RawEntries = append(w.list.RawEntries, forge.Revoke(forge.Serial(1<<40+int64(i)), -1).DER()...)
	}
	leaf := w.leaf()
	const editions = 40
	var most int64
	func() {
		e := w.engine(t)
		for i := range editions {
			w.list.Extensions = []forge.Ext{forge.CRLNumber(int64(i + 1))}
			if r := resolve(e, leaf, policy.Policy{}); r.Verdict != report.Accept {
				t.Fatalf("edition %d: %s %v", i, r.Verdict, findings(r))
			}
			most = max(most, mappedBelow(t, w.dir))
		}
	}()
	if n := w.hits.Load(); n != editions || most == 0 {
		t.Errorf("%d editions, %d octets mapped", n, most)
	}
	t.Logf("of %d editions of %d octets at most %d octets were mapped", editions, len(w.list.RawEntries), most)
	for end := time.Now().Add(10 * time.Second); mappedBelow(t, w.dir) > 0; time.Sleep(time.Millisecond) {
		if runtime.GC(); time.Now().After(end) {
			t.Fatal("files are mapped of an engine that is gone")
		}
	}
}

package download

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/store"
)

// Many judgements wait for one download. The first of them writes it to the disk, and
// the others, who would only wait for each other's lock, do not; but that it shows a
// revocation is written down whoever sees that.
func TestJudgedOnce(t *testing.T) {
	dir := t.TempDir()
	disk, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	c := New(Options{Store: disk})
	now := time.Now()
	n := Need{Kind: CRL, URL: "http://crl.test/"}
	a := newArtefact(forge.NewRoot("Root", nil).CRL(forge.CRL{}), nil, nil)
	a.Fetched, a.Came, a.stored = now, now, new(atomic.Int32)
	g := Got{Artefact: a, Outcome: Fetched}
	judged := func(v Verdict) (written bool) {
		t.Helper()
		also, err := c.Judged(n, Terms{Now: now}, g, v)
		if err != nil || len(also) > 0 {
			t.Fatal(also, err)
		}
		_, written = disk.Get(storeKey(n, 0))
		// What was written is taken away, so that the next one is seen to write.
		err = filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			return os.Remove(name)
		})
		if err != nil {
			t.Fatal(err)
		}
		return written
	}
	if !judged(Verdict{Answered: true}) {
		t.Error("the first judgement does not write")
	}
	if judged(Verdict{Answered: true}) {
		t.Error("the second judgement of one download writes it again")
	}
	judged(Verdict{Answered: true, Revoking: true})
	if !c.Shows(n, now) {
		t.Error("a revocation that a later judgement saw is forgotten")
	}
	if judged(Verdict{Answered: true}); !c.Shows(n, now) {
		t.Error("a revocation is forgotten when another judgement sees none")
	}
	// The same body, downloaded anew, is confirmed by its judgement.
	later := *a
	later.Fetched, later.stored = now.Add(time.Minute), new(atomic.Int32)
	g.Artefact, now = &later, later.Fetched
	judged(Verdict{Answered: true})
	if l := c.known(n.Key()); len(l) != 1 || !l[0].Fetched.Equal(later.Fetched) || !l[0].Revoking {
		t.Errorf("%+v", l)
	}
}

package download

import (
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/assaytls/assay/internal/store"
)

// A person's run has a copy from before it confirmed after ten minutes, and asks
// once for what HTTP wants to be asked for each time.
func TestFreshInRun(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name       string
		run        Run
		age        time.Duration
		again      bool // HTTP wants it to be asked for again
		life       time.Duration
		want, past bool // past: with PastCaches
	}{
		{name: "nobody's, 59 minutes", age: 59 * time.Minute, want: true},
		{name: "before it, 9 minutes", run: Run{Began: now}, age: 9 * time.Minute, want: true},
		{name: "before it, 10 minutes", run: Run{Began: now}, age: 10 * time.Minute},
		{name: "before it, a minute, no-cache", run: Run{Began: now}, age: time.Minute, again: true},
		{name: "in it, 59 minutes, no-cache", run: Run{Began: now.Add(-time.Hour)}, age: 59 * time.Minute, again: true, want: true, past: true},
		{name: "in it, an hour", run: Run{Began: now.Add(-time.Hour)}, age: time.Hour},
		{name: "in it, and it has ended", run: Run{Began: now.Add(-time.Hour)}, age: 2 * time.Second, life: time.Second},
		{name: "in it, for a judgement that began later", run: Run{Began: now.Add(-time.Hour)}, age: -time.Second, want: true, past: true},
		{name: "from the future", run: Run{Began: now.Add(-time.Hour)}, age: -time.Minute},
	} {
		c := &Artefact{Fetched: now.Add(-tt.age)}
		if tt.again {
			c.Again = c.Fetched
		}
		if tt.life > 0 {
			c.Expires = c.Fetched.Add(tt.life)
		}
		if got := c.fresh(Terms{Now: now, Run: tt.run}); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
		tt.run.PastCaches = true
		if got := c.fresh(Terms{Now: now, Run: tt.run}); got != tt.past {
			t.Errorf("%s, past the caches: %v", tt.name, got)
		}
	}
}

// A failure answers in the run in which it came, for a minute, however long a
// program would wait, and in no other.
func TestFailureInRun(t *testing.T) {
	w := newWorld(t, CRL)
	c := New(Options{})
	w.serve = http.NotFound
	began := w.now
	hits := 0
	for _, tt := range []struct {
		name  string
		run   Run
		after time.Duration // since the last
		asks  bool
	}{
		{name: "a program", asks: true},
		{name: "a program, again", after: 30 * time.Second},
		{name: "a run", run: Run{Began: began.Add(31 * time.Second)}, after: time.Second, asks: true},
		{name: "that run, its next target", run: Run{Began: began.Add(31 * time.Second)}, after: 59 * time.Second},
		{name: "a minute later", run: Run{Began: began.Add(31 * time.Second)}, after: time.Second, asks: true},
		{name: "a program, after three failures", after: 3 * time.Minute},
		{name: "another run", run: Run{Began: began.Add(5 * time.Minute)}, after: time.Hour, asks: true},
	} {
		w.now = w.now.Add(tt.after)
		terms := w.terms()
		terms.Run = tt.run
		if g := c.Get(t.Context(), w.need, terms); g.Failure == "" {
			t.Errorf("%s: %+v", tt.name, g)
		}
		if tt.asks {
			hits++
		}
		if w.hits != hits {
			t.Fatalf("%s: %d requests, want %d", tt.name, w.hits, hits)
		}
	}
}

// A copy that is confirmed while another judgement reads the same from disk stays
// confirmed, and so does one that came meanwhile with the same dates.
func TestConfirmedWhileReadFromDisk(t *testing.T) {
	w := newWorld(t, CRL)
	s, err := store.Open(filepath.Join(t.TempDir(), "cache"))
	if err != nil {
		t.Fatal(err)
	}
	w.body(w.list(1))
	w.get(New(Options{Store: s}), Verdict{Answered: true})
	c, k := New(Options{Store: s}), w.need.Key()
	c.adopt(w.need, w.now)
	first := *c.known(k)[0]
	c.adopt(w.need, w.now)
	first.Fetched = w.now.Add(time.Hour)
	c.confirm(k, &first, false)
	if l := c.known(k); len(l) != 1 || !l[0].Fetched.Equal(first.Fetched) {
		t.Errorf("%d copies, the first of %s", len(l), l[0].Fetched)
	}

	w.body(w.list(1))
	w.now = w.now.Add(2 * time.Hour)
	g, _ := w.get(New(Options{}), Verdict{Answered: true})
	c = New(Options{Store: s})
	c.displace(w.need, g.Artefact, w.now)
	c.adopt(w.need, w.now)
	if l := c.known(k); len(l) != 1 || l[0] != g.Artefact {
		t.Errorf("%d copies, the first of %s", len(l), l[0].Fetched)
	}
}

// Who waits for a turn looks once more, when it comes, at what another has brought
// meanwhile.
func TestAskedMeanwhile(t *testing.T) {
	w := newWorld(t, CRL)
	w.body(w.list(1))
	c := New(Options{})
	for range maxFlights {
		c.slots <- struct{}{}
	}
	got := make(chan Got)
	go func() { got <- c.Get(t.Context(), w.need, w.terms()) }()
	for under := 0; under == 0; time.Sleep(time.Millisecond) {
		c.mu.Lock()
		under = len(c.flights)
		c.mu.Unlock()
	}
	came := newArtefact(w.list(1), nil, nil)
	came.Fetched = w.now
	c.mu.Lock()
	c.unproved.Put(w.need.Key(), came, came.size())
	c.mu.Unlock()
	<-c.slots
	if g := <-got; g.Artefact != came || w.hits != 0 {
		t.Errorf("%s after %d requests", g.Outcome, w.hits)
	}
}

package download

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/store"
)

// world is an address and a clock.
type world struct {
	t     *testing.T
	now   time.Time
	need  Need
	root  *forge.CA
	serve http.HandlerFunc
	hits  int
}

func newWorld(t *testing.T, k Kind) *world {
	w := &world{t: t, now: time.Now().Truncate(time.Second), root: forge.NewRoot("Root", nil)}
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.hits++; w.serve(rw, r) }))
	t.Cleanup(s.Close)
	w.need = Need{Kind: k, URL: s.URL}
	return w
}

func (w *world) terms() Terms { return Terms{Now: w.now, Scope: fetch.Scope{Loopback: true}} }

func (w *world) body(b []byte) {
	w.serve = func(rw http.ResponseWriter, _ *http.Request) { rw.Write(b) }
}

// get gets the need and tells the cache what was made of it.
func (w *world) get(c *Cache, v Verdict) (Got, []*Artefact) {
	w.t.Helper()
	g := c.Get(w.t.Context(), w.need, w.terms())
	also, err := c.Judged(w.need, w.terms(), g, v)
	if err != nil {
		w.t.Fatal(err)
	}
	return g, also
}

// list is an edition, so many hours old.
func (w *world) list(hours int, exts ...forge.Ext) []byte {
	return w.root.CRL(forge.CRL{ThisUpdate: w.now.Add(-time.Duration(hours) * time.Hour), NextUpdate: w.now.Add(30 * 24 * time.Hour), Extensions: exts})
}

// Whoever serves an authentic body once, with the tags that the server gives to
// its successor, is found out within a day.
func TestTagsOfTheNextEdition(t *testing.T) {
	w := newWorld(t, CRL)
	c := New(Options{})
	w.serve = func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Etag", `"next"`)
		rw.Write(w.list(2))
	}
	answered := Verdict{Answered: true, Until: w.now.Add(30 * 24 * time.Hour)}
	w.get(c, answered)
	next := w.list(1)
	w.serve = func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") == `"next"` {
			rw.WriteHeader(http.StatusNotModified)
			return
		}
		rw.Header().Set("Etag", `"next"`)
		rw.Write(next)
	}
	for range 23 {
		w.now = w.now.Add(time.Hour)
		if g, _ := w.get(c, answered); g.Outcome != Revalidated {
			t.Fatalf("%+v", g)
		}
	}
	w.now = w.now.Add(time.Hour)
	if g, _ := w.get(c, answered); g.Outcome != Fetched || string(g.Body) != string(next) {
		t.Errorf("after a day: %+v", g)
	}
}

// The tags of what proves nothing are never sent, nor those of what has ended.
func TestTagsOfWhatWasNotProved(t *testing.T) {
	w := newWorld(t, CRL)
	c := New(Options{})
	var tags []string
	w.serve = func(rw http.ResponseWriter, r *http.Request) {
		tags = append(tags, r.Header.Get("If-None-Match"))
		rw.Header().Set("Etag", fmt.Sprintf(`"%d"`, w.hits))
		rw.Write(w.list(2))
	}
	w.get(c, Verdict{})
	w.now = w.now.Add(time.Hour)
	w.get(c, Verdict{Answered: true, Until: w.now.Add(90 * time.Minute)})
	w.now = w.now.Add(time.Hour)
	w.get(c, Verdict{Answered: true, Until: w.now.Add(time.Minute)})
	w.now = w.now.Add(2 * time.Hour)
	w.get(c, Verdict{})
	if want := []string{"", "", `"2"`, ""}; fmt.Sprint(tags) != fmt.Sprint(want) {
		t.Errorf("%q, want %q", tags, want)
	}
}

// What showed a revocation is pushed out by nothing that did not.
func TestRevokingGoesLast(t *testing.T) {
	w := newWorld(t, CRL)
	c := New(Options{})
	w.body(w.list(2))
	w.get(c, Verdict{Answered: true, Revoking: true})
	for i := range 950 {
		n := Need{Kind: CRL, URL: fmt.Sprint("http://x.test/", i)}
		a := newArtefact(make([]byte, 1<<20), nil, nil)
		if _, err := c.Judged(n, w.terms(), Got{Artefact: a}, Verdict{Answered: true}); err != nil {
			t.Fatal(err)
		}
	}
	w.serve = http.NotFound
	w.now = w.now.Add(2 * time.Hour)
	if g, _ := w.get(c, Verdict{Answered: true}); g.Artefact == nil || !g.Revoking {
		t.Errorf("%+v", g)
	}
}

// Lists that are no editions of one another stand side by side, in memory and on
// disk, and all are handed out; beyond a bound those go that showed nothing.
func TestLines(t *testing.T) {
	w := newWorld(t, CRL)
	s, err := store.Open(t.TempDir() + "/cache")
	if err != nil {
		t.Fatal(err)
	}
	c := New(Options{Store: s})
	until := w.now.Add(30 * 24 * time.Hour)
	for i := range 2 * maxLines {
		w.body(w.list(2, forge.AKI([]byte{byte(i)})))
		w.now = w.now.Add(time.Hour)
		g, also := w.get(c, Verdict{Answered: true, Revoking: i == 0, Until: until})
		if g.Outcome != Fetched || len(also) != min(i, maxLines) {
			t.Fatalf("%d: %s, beside %d", i, g.Outcome, len(also))
		}
		if i > 0 && i < maxLines-1 {
			continue
		}
		known := c.known(w.need.Key())
		if len(known) != min(i+1, maxLines) || !known.revoking() || string(known[0].Body) != string(g.Body) {
			t.Fatalf("%d: %d lines", i, len(known))
		}
	}
	_, also := w.get(New(Options{Store: s}), Verdict{Answered: true, Until: until})
	if len(also) != maxLines {
		t.Errorf("beside %d from the disk", len(also))
	}
	revoking := false
	for _, a := range also {
		l, err := a.List(t.Context())
		revoking = revoking || err == nil && l.AuthorityKeyID[0] == 0
	}
	if !revoking {
		t.Error("the one that showed a revocation is not on disk")
	}
	// What has ended counts no more, and gives its place.
	w.now = until.Add(time.Hour)
	w.root = forge.NewRoot("Root", nil)
	w.body(w.list(1))
	if g, also := w.get(c, Verdict{Answered: true, Until: w.now.Add(time.Hour)}); len(also)+len(g.Others) != 0 || len(c.known(w.need.Key())) != 1 {
		t.Errorf("after their end: beside %d, %d known", len(also)+len(g.Others), len(c.known(w.need.Key())))
	}
}

// How editions compare.
func TestCompare(t *testing.T) {
	w := newWorld(t, CRL)
	number := func(n int64) forge.Ext { return forge.CRLNumber(n) }
	part := forge.IDP{OnlyUser: true}.Ext()
	other := forge.NewRoot("Other", nil)
	for _, tt := range []struct {
		name      string
		old, came []byte
		want      order
	}{
		{"later", w.list(2), w.list(1), newer},
		{"earlier", w.list(1), w.list(2), older},
		{"of the same time", w.list(1), w.list(1), newer},
		{"earlier with a greater number", w.list(1, number(1)), w.list(2, number(2)), newer},
		{"of the same time with a smaller number", w.list(1, number(2)), w.list(1, number(1)), older},
		{"of the same time, the number is gone", w.list(1, number(2)), w.list(1), older},
		{"later with a smaller number", w.list(2, number(2)), w.list(1, number(1)), newer},
		{"another part, earlier, with a greater number", w.list(1, number(1)), w.list(2, number(2), part), beside},
		{"another key", w.list(2, forge.AKI([]byte{1})), w.list(1, forge.AKI([]byte{2})), beside},
		{"a delta", w.list(2, number(1)), w.list(1, number(2), forge.DeltaIndicator(1)), beside},
		{"of another issuer", w.list(2), other.CRL(forge.CRL{}), beside},
		{"garbage", w.list(2), []byte("x"), newer},
	} {
		if o, _, _ := compare(CRL, newArtefact(tt.old, nil, nil), newArtefact(tt.came, nil, nil)); o != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, o, tt.want)
		}
	}
}

// Of two downloads that were under way at the same time the older one, judged
// last, does not take the place of the newer one, here or in another process.
func TestJudgedInTheOtherOrder(t *testing.T) {
	for _, shared := range []bool{false, true} {
		w := newWorld(t, CRL)
		dir := t.TempDir() + "/cache"
		open := func() *Cache {
			if !shared {
				return New(Options{})
			}
			s, err := store.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			return New(Options{Store: s})
		}
		first := open()
		second := first
		if shared {
			second = open()
		}
		w.body(w.list(2))
		old := first.Get(t.Context(), w.need, w.terms())
		w.body(w.list(1))
		terms := w.terms()
		terms.Refresh = true
		late := second.Get(t.Context(), w.need, terms)
		answered := Verdict{Answered: true, Until: w.now.Add(time.Hour)}
		if also, err := second.Judged(w.need, terms, late, answered); also != nil || err != nil {
			t.Fatal(also, err)
		}
		also, err := first.Judged(w.need, w.terms(), old, answered)
		if err != nil || len(also) != 1 || !also[0].equal(late.Artefact) {
			t.Errorf("shared %v: beside %d, %v", shared, len(also), err)
		}
		all := map[string]*Cache{"first": first, "second": second}
		if shared {
			all["third"] = open()
		}
		for name, c := range all {
			if g := c.Get(t.Context(), w.need, w.terms()); g.Artefact == nil || !g.equal(late.Artefact) || len(g.Others) != 0 {
				t.Errorf("shared %v: the %s has another", shared, name)
			}
		}
	}
}

// That a copy which stands in says more than before does not make the address
// worth asking again.
func TestStandingInIsNoSuccess(t *testing.T) {
	w := newWorld(t, CRL)
	c := New(Options{})
	w.body(w.list(2))
	answered := Verdict{Answered: true}
	w.get(c, answered)
	w.serve = http.NotFound
	w.now = w.now.Add(2 * time.Hour)
	w.get(c, answered)
	answered.Revoking = true
	for range 3 {
		if g, _ := w.get(c, answered); g.Outcome != Cached || w.hits != 2 {
			t.Errorf("%s after %d requests", g.Outcome, w.hits)
		}
	}
}

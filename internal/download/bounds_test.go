package download

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/internal/lab/forge"
)

// However many addresses a peer makes up and however much it sends, what is
// remembered of it is bounded.
func TestMemoryIsBounded(t *testing.T) {
	c := New(Options{})
	now := time.Now()
	large := make([]byte, maxBytes/4) // one allocation, counted each time
	for i := range 3 * maxEntries {
		body := make([]byte, 10)
		if i%100 == 0 {
			body = large
		}
		n := Need{Kind: AIA, URL: fmt.Sprint(i)}
		a := newArtefact(body, nil, nil)
		c.mu.Lock()
		c.unproved.Put(n.Key(), a, a.size())
		c.mu.Unlock()
		c.failed(n, asked{Key: n.Key()}, finding.FetchFailed, "x", now)
		for _, revoking := range []bool{false, true} {
			n.URL += "r"
			if _, err := c.Judged(n, Terms{Now: now}, Got{Artefact: newArtefact(body, nil, nil)}, Verdict{Answered: true, Revoking: revoking}); err != nil {
				t.Fatal(err)
			}
		}
		if c.unproved.Len() > maxUnproved || c.unproved.Octets() > maxUnprovedBytes || c.proved.Len() > maxEntries || c.proved.Octets() > maxBytes ||
			c.revoking.Len() > maxEntries || c.revoking.Octets() > maxBytes || c.failures.Len() > maxEntries {
			t.Fatalf("%d unproved, %d proved, %d revoking, %d failures", c.unproved.Octets(), c.proved.Octets(), c.revoking.Octets(), c.failures.Len())
		}
	}
	if c.proved.Len() < maxEntries/4 || c.revoking.Len() < maxEntries/4 || c.unproved.Len() < maxUnproved/4 {
		t.Errorf("%d unproved, %d proved, %d revoking", c.unproved.Len(), c.proved.Len(), c.revoking.Len())
	}
	list := forge.NewRoot("Root", nil).CRL(forge.CRL{})
	for range 3 * maxForeign {
		if _, err := c.List(t.Context(), bytes.Clone(list), nil); err != nil {
			t.Fatal(err)
		}
	}
	if c.foreign.Len() > maxForeign {
		t.Errorf("%d lists of others", c.foreign.Len())
	}
}

// Nothing keeps a body that was displaced: no list made of it, no index.
func TestDisplacedIsGone(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	c := New(Options{})
	n := Need{Kind: CRL, URL: "u"}
	var alive atomic.Int64
	const editions = 20
	for i := range editions {
		owner := new([16]byte)
		alive.Add(1)
		runtime.AddCleanup(owner, func(int) { alive.Add(-1) }, 0)
		a := newArtefact(root.CRL(forge.CRL{ThisUpdate: time.Now().Add(time.Duration(i-editions) * time.Minute)}), owner, nil)
		if _, err := a.List(t.Context()); err != nil {
			t.Fatal(err)
		}
		if also, err := c.Judged(n, Terms{Now: time.Now()}, Got{Artefact: a}, Verdict{Answered: true}); also != nil || err != nil {
			t.Fatal(also, err)
		}
	}
	for end := time.Now().Add(10 * time.Second); alive.Load() > 1; time.Sleep(time.Millisecond) {
		if runtime.GC(); time.Now().After(end) {
			t.Fatalf("%d of %d editions are alive", alive.Load(), editions)
		}
	}
	runtime.KeepAlive(c)
}

// No more downloads run at once than there are slots, and whoever gives up
// waiting for one leaves nothing behind.
func TestFlightsAreBounded(t *testing.T) {
	c := New(Options{})
	question := func(s any) asked { return asked{Key: Need{URL: fmt.Sprint(s)}.Key()} }
	release := make(chan struct{})
	started := make(chan struct{}, 2*maxFlights)
	for i := range maxFlights {
		go c.single(context.Background(), question(i), func(context.Context) Got {
			started <- struct{}{}
			<-release
			return Got{Outcome: Fetched}
		})
	}
	for range maxFlights {
		<-started
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if got := c.single(ctx, question("one more"), func(context.Context) Got { t.Error("it ran"); return Got{} }); got.Failure != finding.FetchTimeout {
		t.Errorf("%+v", got)
	}
	if len(c.flights) != maxFlights {
		t.Errorf("%d flights", len(c.flights))
	}
	close(release)
	c.Wait()
	if len(c.flights) != 0 {
		t.Errorf("%d flights left", len(c.flights))
	}
	if got := c.single(context.Background(), question("panics"), func(context.Context) Got { panic("x") }); got.Failure != finding.InternalError || got.Artefact != nil {
		t.Errorf("a panic: %+v", got)
	}
}

// Whoever asked first and gives up takes nothing away from those who joined,
// whether the download has begun or waits for its turn.
func TestFirstAskerLeaves(t *testing.T) {
	for _, busy := range []bool{false, true} {
		c := New(Options{})
		q := asked{Key: Need{URL: "x"}.Key()}
		if busy {
			for range maxFlights {
				c.slots <- struct{}{}
			}
		}
		release := make(chan struct{})
		run := func(ctx context.Context) Got {
			select {
			case <-release:
				return Got{Outcome: Fetched}
			case <-ctx.Done():
				return Got{Outcome: Failed, Failure: finding.FetchTimeout}
			}
		}
		ctx, cancel := context.WithCancel(context.Background())
		first, second := make(chan Got), make(chan Got)
		go func() { first <- c.single(ctx, q, run) }()
		waiting := func(want int) {
			for {
				c.mu.Lock()
				fl := c.flights[q]
				n := 0
				if fl != nil {
					n = fl.waiting
				}
				c.mu.Unlock()
				if n == want {
					return
				}
				time.Sleep(time.Millisecond)
			}
		}
		waiting(1)
		go func() { second <- c.single(context.Background(), q, run) }()
		waiting(2)
		cancel()
		if g := <-first; g.Failure != finding.FetchTimeout {
			t.Errorf("the first: %+v", g)
		}
		if busy {
			<-c.slots
		}
		close(release)
		if g := <-second; g.Outcome != Fetched {
			t.Errorf("busy %v: the second: %+v", busy, g)
		}
		c.Wait()
	}
}

// A refusal of an address for one target is none for another.
func TestFailuresByScope(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("body")) }))
	defer s.Close()
	c := New(Options{})
	n := Need{Kind: CRL, URL: s.URL}
	if g := c.Get(t.Context(), n, Terms{Now: time.Now()}); g.Failure != finding.FetchRefusedAddress || g.Outcome != Refused {
		t.Errorf("%+v", g)
	}
	if g := c.Get(t.Context(), n, Terms{Now: time.Now(), Scope: fetch.Scope{Loopback: true}}); string(g.Body) != "body" {
		t.Errorf("%+v", g)
	}
}

// A panic on the way to a body is a failure that refuses.
func TestPanicRefuses(t *testing.T) {
	var c *Cache
	if g := c.Get(t.Context(), Need{Kind: CRL}, Terms{}); g.Failure != finding.InternalError || strings.TrimSpace(g.Detail) == "" {
		t.Errorf("%+v", g)
	}
}

// A host that never answers takes a part of the slots, and what waits for it takes
// none: the others' downloads run.
func TestHostsAreFair(t *testing.T) {
	c := New(Options{})
	release := make(chan struct{})
	var started atomic.Int64
	done := make(chan struct{}, 2*maxFlights)
	for i := range 2 * maxFlights {
		go func() {
			c.single(context.Background(), asked{Key: Need{URL: fmt.Sprintf("http://Stalled.test/%d", i)}.Key()}, func(context.Context) Got {
				started.Add(1)
				<-release
				return Got{}
			})
			done <- struct{}{}
		}()
	}
	for end := time.Now().Add(time.Minute); started.Load() < maxOfHost && time.Now().Before(end); time.Sleep(time.Millisecond) {
	}
	for i := range maxFlights {
		if got := c.single(t.Context(), asked{Key: Need{URL: fmt.Sprintf("http://well.test/%d", i)}.Key()}, func(context.Context) Got { return Got{Outcome: Fetched} }); got.Outcome != Fetched {
			t.Fatalf("another host's: %+v", got)
		}
	}
	if n := started.Load(); n != maxOfHost {
		t.Errorf("%d downloads from one host at once", n)
	}
	close(release)
	for range 2 * maxFlights {
		<-done
	}
	c.Wait()
	if len(c.hosts) != 0 {
		t.Errorf("%d hosts are remembered", len(c.hosts))
	}
}

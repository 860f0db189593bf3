package worker

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/fleet/job"
	"github.com/assaytls/assay/fleet/sink"
	"github.com/assaytls/assay/internal/target"
	"github.com/assaytls/assay/internal/tlsclient"
	"github.com/assaytls/assay/report"
)

// timedWorker is a worker without a queue, in a bubble in which time passes only when
// everybody waits. probe says how long a host takes and how it fails; it has the
// target's number.
func timedWorker(ctx context.Context, limits Limits, probe func(n int) (time.Duration, finding.ID)) *worker {
	w := &worker{held: map[*held]bool{}}
	w.o = Options{Limits: limits.filled(), Private: true,
		Config: func(t target.Target) (tlsclient.Config, error) {
			return tlsclient.Config{Host: t.Host, Port: "443"}, nil
		},
		Probe: func(ctx context.Context, c *tlsclient.Config, row *report.Row) (*report.Report, *evidence.Evidence) {
			a := netip.MustParseAddr(c.Host).As4()
			takes, failure := probe(int(a[1])<<16 + int(a[2])<<8 + int(a[3]))
			time.Sleep(takes)
			return answer(c, row, failure)
		}}
	w.pool = newPool(ctx, w, func() int { return 1 })
	go w.pool.clock(ctx)
	return w
}

// scan has the worker probe n targets, and returns how long that took. Its rows are
// counted and thrown away: nothing is handed to a queue.
func (w *worker) scan(n int) time.Duration {
	rows, all := make(chan struct{}, n), job.Batch{Size: n}
	w.o.Saw = func(*sink.Row) { rows <- struct{}{} }
	for i := range n {
		all.Lines = append(all.Lines, fmt.Sprintf("127.%d.%d.%d", i>>16, i>>8&255, i&255))
		all.Positions = append(all.Positions, i)
	}
	began := time.Now()
	h := &held{w: w, b: all, open: n + 1, first: n + 1} // one is never done, so nothing is handed over
	h.begin()
	for range n {
		<-rows
	}
	return time.Since(began)
}

// A tenth of the hosts is dead: no name, no service, no answer. Then a scan takes at
// most 1.3 times as long as it must: as all probes, spread over the places without a gap,
// or as the first ones so spread and the second attempt of the last, where that is
// longer, since nobody knows before which hosts are dead. Time is counted and not
// measured: every run has the same.
func TestDeadHosts(t *testing.T) {
	const live = 700 * time.Millisecond
	for _, c := range []struct {
		targets, places int
		timeout         time.Duration
	}{{20_000, 1000, 10 * time.Second}, {20_000, 100, 10 * time.Second}, {2000, 1000, 10 * time.Second}, {5000, 100, 2 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var busy, first time.Duration
			cost := func(n int) (time.Duration, finding.ID, int) {
				switch n % 30 {
				case 7:
					return 0, finding.DNSNotFound, 1
				case 17:
					return 0, finding.ConnectionRefused, 1
				case 27:
					return c.timeout, finding.ConnectionTimeout, 2
				}
				return live, "", 1
			}
			for n := range c.targets {
				takes, _, times := cost(n)
				first += takes
				busy += takes * time.Duration(times)
			}
			limits := Limits{InFlight: c.places}
			w := timedWorker(ctx, limits, func(n int) (time.Duration, finding.ID) { takes, why, _ := cost(n); return takes, why })
			must := max(busy/time.Duration(c.places), first/time.Duration(c.places)+w.o.Limits.RetryAfter+c.timeout)
			took := w.scan(c.targets)
			t.Logf("%d targets, %d in flight: %v, and %v is what it must take: %.2f", c.targets, c.places, took, must, took.Seconds()/must.Seconds())
			if took > must*13/10 {
				t.Errorf("%v is more than 1.3 times %v", took, must)
			}
		})
	}
}

// No deadline of a worker follows the clock on the wall, which may be set: each has
// a reading of the clock that only goes forward, also after it was reckoned with.
func TestClockIsSet(t *testing.T) {
	steady := func(what string, at time.Time) {
		t.Helper()
		if !strings.Contains(at.String(), " m=") {
			t.Errorf("%s is at %v: it moves when the clock is set", what, at)
		}
	}
	w := &worker{o: Options{Limits: Limits{}.filled()}}
	w.pool = newPool(t.Context(), w, func() int { return 2 })
	a := &task{places: places(netip.MustParseAddr("192.0.2.1"), "a.example"), addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, attempts: 2}
	a.target.Host = "a.example"
	w.retry(a)
	steady("another attempt", a.at)
	b := &task{places: a.places}
	b.at = w.pool.polite.reserve(b.places, time.Now())
	steady("what waits behind it", b.at)
	if d := b.at.Sub(a.at); d != time.Second {
		t.Errorf("%v apart", d)
	}
	for at, bucket := range w.pool.polite.buckets {
		steady(fmt.Sprint(at), bucket.next)
	}
	steady("the last sweep", w.pool.polite.swept)
	// What has no such reading, as from a file, is not taken for the future for ever.
	p := newPolite(Limits{}.filled(), func() int { return 1 })
	if at := p.reserve(a.places, time.Now()); time.Until(at) > 0 {
		t.Errorf("the first one waits until %v", at)
	}
}

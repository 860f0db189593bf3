package worker

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/fleet/job"
	"github.com/assaytls/assay/fleet/queue"
	"github.com/assaytls/assay/fleet/sink"
	"github.com/assaytls/assay/internal/target"
	"github.com/assaytls/assay/internal/tlsclient"
	"github.com/assaytls/assay/report"
)

// bench is a queue, and a worker whose probes are the test's.
type bench struct {
	t       *testing.T
	e       *queue.Engine
	j       *queue.Job
	o       Options
	targets atomic.Int64
}

const ackWait = 3 * time.Second

func newBench(t *testing.T) *bench {
	t.Helper()
	e, err := queue.Open(t.Context(), queue.Options{Dir: t.TempDir(), AckWait: ackWait})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	b := &bench{t: t, e: e}
	id, _ := job.NewID()
	b.j = e.Job(id)
	if err := b.j.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	var direct target.Connection
	direct.Proxy = target.NoProxy
	b.o = Options{Name: "w", Config: direct.Config, Private: true, Policy: report.Hash{1}, Limits: Limits{RetryAfter: 50 * time.Millisecond},
		Probe: func(ctx context.Context, c *tlsclient.Config, row *report.Row) (*report.Report, *evidence.Evidence) {
			b.targets.Add(1)
			return answer(c, row, "")
		}}
	return b
}

// answer is what a probe makes of a target that fails in this way, or not.
func answer(c *tlsclient.Config, row *report.Row, failure finding.ID) (*report.Report, *evidence.Evidence) {
	ev := &evidence.Evidence{}
	ev.Connection.Addr = netip.AddrPortFrom(c.Resolve["*:"+c.Port][0], 443).String()
	r := &report.Report{Target: report.Target{Host: c.Host, Port: c.Port}, Time: time.Now(), Chosen: -1}
	if failure != "" {
		ev.Failure = &evidence.Failure{ID: failure, Stage: "connect", Detail: "detail"}
		r.Findings = []finding.Finding{finding.New(failure)}
	}
	report.Decide(r)
	*row = r.Row()
	return r, ev
}

func (b *bench) publish(number uint64, lines ...string) {
	b.t.Helper()
	batch := job.Batch{Number: number, Size: len(lines), Lines: lines}
	for i := range lines {
		batch.Positions = append(batch.Positions, i)
	}
	if err := b.j.Publish(b.t.Context(), &batch, "0"); err != nil {
		b.t.Fatal(err)
	}
}

// run has the worker work until n rows have come, and returns them by input. A
// row that comes twice is an error.
func (b *bench) run(n int) map[string]sink.Row {
	b.t.Helper()
	ctx, stop := context.WithCancel(b.t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := Run(ctx, b.j, ackWait, b.o); err != nil {
			b.t.Error(err)
		}
	})
	rows := b.collect(n)
	stop()
	wg.Wait()
	return rows
}

func (b *bench) collect(n int) map[string]sink.Row {
	b.t.Helper()
	rows := map[string]sink.Row{}
	results := b.j.Results()
	for end := time.Now().Add(30 * time.Second); len(rows) < n; {
		msgs, err := results.Next(b.t.Context(), 10, 200*time.Millisecond)
		if err != nil || time.Now().After(end) {
			b.t.Fatalf("%d of %d rows came: %v", len(rows), n, err)
		}
		for _, m := range msgs {
			piece, err := sink.Decode(m.Data)
			if err != nil {
				b.t.Fatal(err)
			}
			for _, r := range piece.Rows {
				key := r.Input
				if key == "" {
					key = r.Target
				}
				if _, twice := rows[key]; twice {
					b.t.Errorf("%s came twice", key)
				}
				rows[key] = r
			}
			m.Done()
		}
	}
	return rows
}

func TestRun(t *testing.T) {
	b := newBench(t)
	exclude, err := job.ParseExclusions([]byte("127.9.0.0/16\nleft.alone.test\n"))
	if err != nil {
		t.Fatal(err)
	}
	b.o.Exclude = exclude
	b.o.Probe = func(ctx context.Context, c *tlsclient.Config, row *report.Row) (*report.Report, *evidence.Evidence) {
		b.targets.Add(1)
		if ctx.Err() != nil {
			t.Errorf("%+v", c)
		}
		if c.Host == "panics.test" {
			panic("\x1b[31mout of luck")
		}
		return answer(c, row, "")
	}
	b.publish(0, "127.0.0.1:8443", "127.0.0.2,name.test,tag", "127.9.1.1:443", "127.0.0.3,www.left.alone.test", "127.0.0.4,panics.test", "169.254.169.254", "mx:none.test")
	rows := b.run(7)
	for input, want := range map[string]string{
		"127.0.0.1:8443": "127.0.0.1:8443 inconclusive  1 127.0.0.1:443", "127.0.0.2,name.test,tag": "name.test:443 inconclusive  1 127.0.0.2:443",
		"127.9.1.1:443": "127.9.1.1:443 inconclusive excluded 0 ", "127.0.0.3,www.left.alone.test": "www.left.alone.test:443 inconclusive excluded 0 ",
		"127.0.0.4,panics.test": "panics.test:443 reject  1 ", "169.254.169.254": "169.254.169.254:443 inconclusive special-purpose 0 ", "mx:none.test": "mx:none.test inconclusive broken 0 ",
	} {
		r, ok := rows[input]
		if got := fmt.Sprintf("%s %s %s %d %s", r.Target, r.Verdict, r.Skipped, r.Attempts, r.Address); !ok || got != want || r.Policy == (report.Hash{}) {
			t.Errorf("%s:\n%s\nwant\n%s", input, got, want)
		}
	}
	if r := rows["127.0.0.4,panics.test"]; r.Headline != finding.InternalError || strings.Contains(r.Title, "\x1b") {
		t.Errorf("%+v", r)
	}
}

// What fails for a reason that may pass is tried once more, later, and at another
// address first; the rows of the others do not wait for it.
func TestRetry(t *testing.T) {
	b := newBench(t)
	b.o.Limits.RetryAfter = 300 * time.Millisecond
	var mu sync.Mutex
	tried := map[string][]string{}
	times := map[string][]time.Time{}
	b.o.Config = func(t target.Target) (tlsclient.Config, error) {
		c := tlsclient.Config{Host: t.Host, Port: "443"}
		c.Resolve = map[string][]netip.Addr{"two.test:443": {netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")}}
		return c, nil
	}
	b.o.Probe = func(_ context.Context, c *tlsclient.Config, row *report.Row) (*report.Report, *evidence.Evidence) {
		mu.Lock()
		defer mu.Unlock()
		addr := c.Resolve["*:443"][0].String()
		tried[c.Host], times[c.Host] = append(tried[c.Host], addr), append(times[c.Host], time.Now())
		switch {
		case c.Host == "two.test" && addr == "127.0.0.1", c.Host == "127.0.0.3":
			return answer(c, row, finding.ConnectionTimeout)
		case c.Host == "127.0.0.4":
			return answer(c, row, finding.ConnectionRefused)
		}
		return answer(c, row, "")
	}
	b.publish(0, "two.test", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6")
	rows := b.run(5)
	for host, want := range map[string]int{"two.test": 2, "127.0.0.3": 2, "127.0.0.4": 1, "127.0.0.5": 1} {
		if r := rows[host+":443"]; len(tried[host]) != want || rows[host].Attempts != want && r.Attempts != want {
			t.Errorf("%s: %v, %+v", host, tried[host], r)
		}
	}
	if got := strings.Join(tried["two.test"], " "); got != "127.0.0.1 127.0.0.2" && got != "127.0.0.2 127.0.0.1" {
		t.Errorf("two addresses: %s", got)
	}
	if at := times["127.0.0.3"]; len(at) != 2 || at[1].Sub(at[0]) < 300*time.Millisecond {
		t.Errorf("tried at %v", at)
	}
}

// A batch whose worker falls each time is taken apart, and the one target that it is
// about is set aside, with the reason; all others have results.
func TestPoison(t *testing.T) {
	b := newBench(t)
	var lines []string
	for i := range 20 {
		lines = append(lines, fmt.Sprintf("127.0.0.%d:443", i+1))
	}
	b.publish(0, lines...)
	// The worker falls: its work comes again when AckWait has passed. Here it is
	// given back, which counts the same.
	fall := func(s *queue.Source) {
		t.Helper()
		for range splitAfter - 1 {
			msgs, err := s.Next(t.Context(), 1, 5*time.Second)
			if err != nil || len(msgs) != 1 {
				t.Fatalf("%d, %v", len(msgs), err)
			}
			msgs[0].Later(0)
		}
	}
	fall(b.j.Work())
	b.o.Probe = func(ctx context.Context, c *tlsclient.Config, row *report.Row) (*report.Report, *evidence.Evidence) {
		b.targets.Add(1)
		return answer(c, row, "")
	}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	begin := func() { wg.Go(func() { Run(ctx, b.j, ackWait, b.o) }) }
	// Taking apart happens without probing.
	b.o.Limits.InFlight = 4
	begin()
	rows := b.collect(20)
	stop()
	wg.Wait()
	for _, l := range lines {
		if r := rows[l]; r.Skipped != "" || r.Attempts != 1 {
			t.Errorf("%s: %+v", l, r)
		}
	}
	batch := job.Batch{Number: 1, Size: 2, Positions: []int{0, 1}, Lines: []string{"127.0.0.7:443", "127.0.0.8:443"}}
	one := batch.Only(0)
	if err := b.j.Part(t.Context(), &one); err != nil {
		t.Fatal(err)
	}
	split := b.j.Split()
	for range splitAfter - 1 {
		msgs, err := split.Next(t.Context(), 1, 5*time.Second)
		if err != nil || len(msgs) != 1 {
			t.Fatal(err)
		}
		if one, _ := job.DecodeBatch(msgs[0].Data); one.Lines[0] != "127.0.0.7:443" {
			t.Fatalf("%+v", one)
		}
		msgs[0].Later(0)
	}
	one = batch.Only(1)
	if err := b.j.Part(t.Context(), &one); err != nil {
		t.Fatal(err)
	}
	rows = b.run(2)
	if r := rows["127.0.0.7:443"]; r.Skipped != sink.SkipBroken || r.Failure == "" || r.Verdict != report.Inconclusive {
		t.Errorf("the poisonous target: %+v", r)
	}
	if r := rows["127.0.0.8:443"]; r.Skipped != "" {
		t.Errorf("its neighbour: %+v", r)
	}
}

// Work that a worker has is not given to another one while it is worked on, and comes
// again when the worker ends.
func TestHeld(t *testing.T) {
	b := newBench(t)
	release := make(chan struct{})
	b.o.Probe = func(ctx context.Context, c *tlsclient.Config, row *report.Row) (*report.Report, *evidence.Evidence) {
		if c.Host == "127.0.0.2" {
			b.targets.Add(1)
			select {
			case <-release:
			case <-ctx.Done():
			}
		}
		return answer(c, row, "")
	}
	b.publish(0, "127.0.0.1:443", "127.0.0.2:443")
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { Run(ctx, b.j, ackWait, b.o) })
	time.Sleep(ackWait + 2*time.Second)
	if n := b.targets.Load(); n != 1 {
		t.Errorf("probed %d times", n)
	}
	stop()
	began := time.Now()
	wg.Wait()
	if took := time.Since(began); took > grace+4*time.Second {
		t.Errorf("the end took %v", took)
	}
	rows := b.collect(1) // what was done before the end is not lost
	if _, ok := rows["127.0.0.1:443"]; !ok {
		t.Errorf("%v", rows)
	}
	close(release)
	b.o.Probe = func(_ context.Context, c *tlsclient.Config, row *report.Row) (*report.Report, *evidence.Evidence) {
		return answer(c, row, "")
	}
	if rows := b.run(2); rows["127.0.0.2:443"].Attempts != 1 {
		t.Errorf("%+v", rows)
	}
}

func TestPolite(t *testing.T) {
	four := netip.MustParseAddr("192.0.2.1")
	for _, c := range []struct{ addr, host, want string }{
		{"192.0.2.1", "www.example.co.uk", "192.0.2.0/24 example.co.uk"}, {"2001:db8:1:2::3", "a.b.example", "2001:db8:1::/48 b.example"},
		{"192.0.2.1", "192.0.2.1", "192.0.2.0/24"}, {"127.0.0.1", "a.example", ""}, {"::1", "a.example", ""}, {"::ffff:192.0.2.1", "::ffff:192.0.2.1", "192.0.2.0/24"},
	} {
		var got []string
		for _, p := range places(netip.MustParseAddr(c.addr), c.host) {
			if p.name != "" {
				got = append(got, p.name)
			} else {
				got = append(got, p.net.String())
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s %s: %v, want %s", c.addr, c.host, got, c.want)
		}
	}
	workers := 1
	p := newPolite(Limits{}.filled(), func() int { return workers })
	now := time.Now()
	at := places(four, "a.example")
	for i, want := range []time.Duration{0, 500, 1000} {
		if got := p.reserve(at, now).Sub(now); got != want*time.Millisecond {
			t.Errorf("connection %d begins after %v", i, got)
		}
	}
	// Another name in the network waits for the network, another network of the
	// name for the name.
	if got := p.reserve(places(netip.MustParseAddr("192.0.2.9"), "b.example"), now).Sub(now); got != 1500*time.Millisecond {
		t.Errorf("its neighbour begins after %v", got)
	}
	if got := p.reserve(places(netip.MustParseAddr("198.51.100.1"), "x.a.example"), now).Sub(now); got != 1500*time.Millisecond {
		t.Errorf("the same name elsewhere begins after %v", got)
	}
	workers = 4 // that share the rate
	other := places(netip.MustParseAddr("203.0.113.1"), "c.example")
	p.reserve(other, now)
	if got := p.reserve(other, now).Sub(now); got != 2*time.Second {
		t.Errorf("of four workers, each begins one after %v", got)
	}
	// One connection at a time; who waits gets the place.
	a, b := &task{places: at}, &task{places: at}
	if !p.enter(a) || p.enter(b) {
		t.Error("two connections to one network at a time")
	}
	if next := p.leave(a); next != b {
		t.Errorf("%v gets the place", next)
	}
	if next := p.leave(b); next != nil {
		t.Errorf("%v gets the place", next)
	}
	// What is past is forgotten, what is to come is not.
	p.swept = time.Time{}
	p.sweep(now.Add(10 * time.Second))
	if len(p.buckets) != 0 {
		t.Errorf("%d places are remembered", len(p.buckets))
	}
	later := p.reserve(at, now.Add(time.Minute))
	p.swept = time.Time{}
	if got := p.reserve(at, now); !got.Equal(later.Add(2 * time.Second)) {
		t.Errorf("what is reserved was forgotten: %v", got)
	}
}

// Loopback has no bound, and no more run than may.
func TestInFlight(t *testing.T) {
	b := newBench(t)
	b.o.Limits.InFlight = 7
	var now, most atomic.Int64
	b.o.Probe = func(_ context.Context, c *tlsclient.Config, row *report.Row) (*report.Report, *evidence.Evidence) {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer now.Add(-1)
		time.Sleep(time.Millisecond)
		return answer(c, row, "")
	}
	for k := range 20 {
		var lines []string
		for i := range 50 {
			lines = append(lines, fmt.Sprintf("127.0.%d.%d:443", k, i))
		}
		b.publish(uint64(k), lines...)
	}
	b.run(1000)
	if most.Load() != 7 {
		t.Errorf("%d at a time", most.Load())
	}
}

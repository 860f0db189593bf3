package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assaytls/assay/fleet/watch"
)

// crowd is a service that checks the lab's servers, and what its many clients got.
type crowd struct {
	demo    *watch.Demo
	judges  *watch.Judges
	url     string
	body    string // of the answer that was neither of those that are documented
	mu      sync.Mutex
	status  map[string]int // answers by kind of request and status
	per     map[string]int // checks that were made, by a stranger's target
	greedy  int            // checks of strangers' targets that the greedy client was answered
	checks  atomic.Int64   // that were made
	now     atomic.Int64   // that are being made
	most    atomic.Int64   // that were being made at a time
	refused atomic.Int64   // answers without what they have to have
}

// ask makes real checks: the configuration's of the lab's servers, strangers' of the
// same at their addresses.
func (c *crowd) ask(ctx context.Context, q watch.Question) (watch.Outcome, error) {
	now := c.now.Add(1)
	defer c.now.Add(-1)
	for most := c.most.Load(); now > most && !c.most.CompareAndSwap(most, now); most = c.most.Load() {
	}
	c.checks.Add(1)
	if q.Spec.Origin == watch.FromConfig {
		return c.demo.Judge(ctx, q.Spec), nil
	}
	c.mu.Lock()
	c.per[q.Spec.Target]++
	c.mu.Unlock()
	return c.judges.Ask(ctx, q)
}

// client sends its requests, one after the other. All greedy ones share an address.
func (c *crowd) client(ctx context.Context, i int, greedy bool) error {
	from := net.IPv4(127, 1, byte(i>>8), byte(i))
	if greedy {
		from = net.IPv4(127, 0, 0, 9)
	}
	transport := &http.Transport{DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: from}}).DialContext}
	defer transport.CloseIdleConnections()
	h := &http.Client{Transport: transport}
	specs := c.demo.Specs()
	known, other := specs[i%len(specs)], specs[(7*i+3)%len(specs)]
	_, port, _ := net.SplitHostPort(known.Target)
	_, port2, _ := net.SplitHostPort(other.Target)
	for _, one := range []struct{ kind, path, body, has string }{
		{"probe", "/probe?target=" + known.Name, "", "assay_verdict"},
		{"check", "/api/v1/check", `{"target":"` + other.Name + `"}`, `"verdict"`},
		{"stranger", "/api/v1/check", `{"target":"127.0.0.1:` + port + `"}`, `"verdict"`},
		{"targets", "/api/v1/targets?limit=20", "", `"targets"`},
		{"stranger", "/probe?target=127.0.0.1:" + port2, "", "assay_verdict"},
	} {
		method := "GET"
		if one.body != "" {
			method = "POST"
		}
		r, err := http.NewRequestWithContext(ctx, method, c.url+one.path, strings.NewReader(one.body))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", "application/json")
		if i%4 == 0 { // a Prometheus that does not wait for long
			r.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", "2")
		}
		resp, err := h.Do(r)
		if err != nil {
			return err
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			return err
		}
		if resp.StatusCode == 200 && !strings.Contains(string(b), one.has) || resp.StatusCode == 429 && resp.Header.Get("Retry-After") == "" {
			c.refused.Add(1)
		}
		c.mu.Lock()
		c.status[fmt.Sprint(one.kind, " ", resp.StatusCode)]++
		if resp.StatusCode != 200 && resp.StatusCode != 429 && resp.StatusCode != 503 {
			c.body = fmt.Sprintf("%s: %d %.300s", one.path, resp.StatusCode, b)
		}
		if greedy && one.kind == "stranger" && resp.StatusCode == 200 {
			c.greedy++
		}
		c.mu.Unlock()
	}
	return nil
}

// A thousand clients ask at a time, and the checks that they ask for are real. Each
// answer is a result or one of the documented refusals; the limits hold for a client
// and a target, no more checks are made at a time than may be, memory stays bounded,
// and nothing goes on afterwards.
func TestCrowdOfChecks(t *testing.T) {
	if os.Getenv("ASSAY_FULL") == "" {
		t.Skip("ASSAY_FULL is not set")
	}
	const clients, greedy = 1000, 300
	c := &crowd{judges: &watch.Judges{CacheDir: t.TempDir()}, status: map[string]int{}, per: map[string]int{}}
	config, err := watch.Arguments(nil)
	if err = errors.Join(err, c.judges.Use(t.Context(), config), c.judges.Reach(t.Context(), []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")})); err != nil {
		t.Fatal(err)
	}
	s, err := start(t, Settings{}, loopback, c.ask)
	if err != nil {
		t.Fatal(err)
	}
	before := runtime.NumGoroutine()
	c.demo, err = watch.StartDemo(t.Context(), []string{"good*", "expired*", "not-yet-valid", "wrong-host", "wildcard*", "self-signed", "untrusted-root", "revoked*", "must-staple*", "ocsp-*", "crl-*",
		"weak-key", "sha1", "name-*", "issuer-*"})
	if err != nil {
		t.Fatal(err)
	}
	s.Configure(config, c.demo.Specs())
	if _, _, err := s.Store.Sync(t.Context(), c.demo.Specs(), nil, time.Now()); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	c.url = server.URL

	var peak, goroutines uint64
	stop, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak, goroutines = max(peak, m.HeapInuse+m.StackInuse), max(goroutines, uint64(runtime.NumGoroutine()))
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
	began := time.Now()
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			if err := c.client(t.Context(), i, i < greedy); err != nil {
				t.Errorf("client %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	took := time.Since(began)
	close(stop)
	<-watched
	server.Close()
	c.demo.Close()

	t.Logf("%d clients, %d servers, %.1f s: %v; %d checks made, %d at a time; greedy client: %d checks; %d MB, %d goroutines at most", clients, len(c.demo.Specs()), took.Seconds(), c.status,
		c.checks.Load(), c.most.Load(), c.greedy, peak>>20, goroutines)
	answers, refusals := 0, 0
	for what, n := range c.status {
		if answers += n; strings.HasSuffix(what, " 429") {
			refusals += n
		}
	}
	if c.body != "" || c.refused.Load() > 0 || answers != 5*clients || refusals == 0 {
		t.Errorf("%d answers, %d refusals, %d of them without what they have to have; %s", answers, refusals, c.refused.Load(), c.body)
	}
	if most := c.most.Load(); most > checksAtATime || most < 2 {
		t.Errorf("%d checks were made at a time", most)
	}
	if most := DefaultChecks + int(took.Minutes()*DefaultChecks) + 1; c.greedy > most {
		t.Errorf("one client was answered %d checks, more than %d", c.greedy, most)
	}
	for target, n := range c.per {
		if most := perTarget + int(took.Minutes()*perTarget) + 1; n > most {
			t.Errorf("%s was checked %d times, more than %d", target, n, most)
		}
	}
	if peak > 512<<20 {
		t.Errorf("%d MB were in use", peak>>20)
	}
	for end := time.Now().Add(time.Minute); runtime.NumGoroutine() > before; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines before, %d after\n%s", before, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
		}
	}
}

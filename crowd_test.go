package assay_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
)

// raceDetector tells whether this test was built with -race.
func raceDetector() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// crowdSize is how many handshakes are under way at the same time.
func crowdSize() int {
	if raceDetector() {
		return 2000 // the race detector's own limit is some 8000 goroutines
	}
	return 10000
}

// crowd is many connections in memory, both ends of each in a goroutine.
type crowd struct {
	errs []error
	done chan struct{}
}

// start begins n handshakes; client and server give the configs of the i-th.
func startCrowd(n int, client, server func(i int) *tls.Config) *crowd {
	c := &crowd{errs: make([]error, n), done: make(chan struct{})}
	var wg sync.WaitGroup
	for i := range n {
		a, b := net.Pipe()
		wg.Go(func() {
			defer b.Close()
			if s := tls.Server(b, server(i)); s.Handshake() == nil {
				s.Write([]byte{'!'})
			}
		})
		wg.Go(func() {
			defer a.Close()
			s := tls.Client(a, client(i))
			if c.errs[i] = s.Handshake(); c.errs[i] == nil {
				var one [1]byte
				_, c.errs[i] = s.Read(one[:])
			}
		})
	}
	go func() { wg.Wait(); close(c.done) }()
	return c
}

// wait waits for all and reports what each should not have said.
func (c *crowd) wait(t *testing.T, ok func(error) bool) {
	t.Helper()
	<-c.done
	bad := 0
	for i, err := range c.errs {
		if !ok(err) {
			if bad++; bad < 4 {
				t.Errorf("handshake %d: error %v", i, err)
			}
		}
	}
	if bad > 3 {
		t.Errorf("%d of %d handshakes went wrong", bad, len(c.errs))
	}
}

// gate holds whoever comes until it is opened, and counts them.
type gate struct {
	came atomic.Int64
	open chan struct{}
}

func newGate() *gate { return &gate{open: make(chan struct{})} }

func (g *gate) pass() { g.came.Add(1); <-g.open }

// until waits for something that must happen, however busy the machine is.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Minute); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// held is the memory that cannot be freed now: the live heap, and stacks.
func held() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// goroutinesIn counts the goroutines in whose stacks a function stands.
func goroutinesIn(function string) (n int) {
	var b bytes.Buffer
	pprof.Lookup("goroutine").WriteTo(&b, 1)
	for _, block := range strings.Split(b.String(), "\n\n") {
		if !strings.Contains(block, function) {
			continue
		}
		for line := range strings.Lines(block) {
			if count, _, ok := strings.Cut(line, " @ "); ok {
				k, _ := strconv.Atoi(count)
				n += k
			}
		}
	}
	return n
}

// crowdBound is the memory that one handshake may hold more than crypto/tls
// alone, measured beside it, while its judgement waits for a download. It is
// made of 16 KiB for the deeper stack of the goroutine that judges (stacks
// double), 8 KiB for the goroutine that waits and 16 KiB for what is known of
// the connection so far, 40 in all, and half as much again for other versions
// of Go. What is the same for all, such as parsed certificates, is shared.
const crowdBound = 60 << 10

// sharedBound is what a Verifier may hold besides: caches, memos, pools.
const sharedBound = 16 << 20

// Ten thousand handshakes under way at the same time wait for one download, hold
// a bounded amount of memory each, pass, and leave nothing behind.
func TestCrowd(t *testing.T) {
	n := crowdSize()
	w := newWorld(t)
	server := &tls.Config{Certificates: []tls.Certificate{w.server().TLS()}, CurvePreferences: []tls.CurveID{tls.X25519}}
	serverOf := func(int) *tls.Config { return server }
	passes := func(err error) bool { return err == nil }

	// What a handshake of crypto/tls holds at the same place, at a tenth of the size.
	goroutines, before := runtime.NumGoroutine(), held()
	gate := newGate()
	conf := &tls.Config{RootCAs: w.pool(t), ServerName: "localhost", VerifyConnection: func(tls.ConnectionState) error { gate.pass(); return nil }}
	c := startCrowd(n/10, func(int) *tls.Config { return conf }, serverOf)
	until(t, "all are under way", func() bool { return gate.came.Load() == int64(n/10) })
	plain := (held() - before) / int64(n/10)
	close(gate.open)
	c.wait(t, passes)

	stall := make(chan struct{})
	w.set(func() { w.stall = stall })
	before = held()
	v, err := assay.NewPatient(w.config(assay.Config{Network: assay.Inline, Unknown: assay.UnknownDeny, FetchBudget: time.Hour}), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	conf, err = v.ClientConfig(&tls.Config{ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	c = startCrowd(n, func(int) *tls.Config { return conf }, serverOf)
	until(t, "all wait for the list", func() bool { return runtime.NumGoroutine() >= 3*n && goroutinesIn("download.(*Cache).single+") >= n })
	mine := held() - before
	t.Logf("%d handshakes: %d bytes each with crypto/tls alone, %d with assay", n, plain, mine/int64(n))
	if limit := int64(n)*(plain+crowdBound) + sharedBound; mine > limit {
		t.Errorf("%d handshakes hold %d bytes, more than %d", n, mine, limit)
	}
	close(stall)
	c.wait(t, passes)
	if hits := w.hits.Load(); hits != 1 {
		t.Errorf("the list was downloaded %d times", hits)
	}
	if left := held() - before; left > sharedBound {
		t.Errorf("%d bytes are left while the Verifier is open", left)
	}
	v.Close()
	w.crl.Client().CloseIdleConnections()
	until(t, "all goroutines have ended", func() bool { return runtime.NumGoroutine() <= goroutines })
}

// A responder that takes requests and never answers: handshakes do not wait for
// it, and however many certificates point to it, the downloads beside them are
// bounded and end with the Verifier.
func TestCrowdAndStalledResponder(t *testing.T) {
	w := newWorld(t)
	stall := make(chan struct{})
	defer close(stall)
	w.set(func() { w.stall = stall })
	n, leaves := crowdSize()/4, 8*assay.MaxRefreshes
	key := forge.P256()
	servers := make([]*tls.Config, leaves)
	for i := range servers {
		leaf := w.root.Issue(forge.Cert{Key: key, Extensions: append(w.root.ServerExts(key, forge.DNS("localhost")), forge.CRLDP(fmt.Sprintf("%s/%d.crl", w.crl.URL, i)))})
		servers[i] = &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}, CurvePreferences: []tls.CurveID{tls.X25519}}
	}
	goroutines, before := runtime.NumGoroutine(), held()
	conf := w.config(assay.Config{Network: assay.Background, CloseGrace: time.Millisecond})
	v, err := assay.NewPatient(conf, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	client, err := v.ClientConfig(&tls.Config{ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	c := startCrowd(n, func(int) *tls.Config { return client }, func(i int) *tls.Config { return servers[i%leaves] })
	c.wait(t, func(err error) bool { return err == nil })
	until(t, "the responder is asked as often as may be", func() bool { return w.hits.Load() >= assay.MaxRefreshesOfHost })
	if hits, beside := w.hits.Load(), v.Refreshes(); hits > assay.MaxRefreshesOfHost || beside > assay.MaxRefreshesOfHost {
		t.Errorf("%d requests and %d refreshes are under way, more than %d", hits, beside, assay.MaxRefreshesOfHost)
	}
	// A refresh, its download and the connection with its two ends: ten each.
	if more := runtime.NumGoroutine() - goroutines; more > 10*assay.MaxRefreshesOfHost {
		t.Errorf("%d goroutines run for %d downloads", more, assay.MaxRefreshesOfHost)
	}
	if left := held() - before; left > sharedBound {
		t.Errorf("%d bytes are held", left)
	}
	v.Close()
	if v.Refreshes() != 0 {
		t.Errorf("%d refreshes outlive Close", v.Refreshes())
	}
	until(t, "all goroutines have ended", func() bool { return runtime.NumGoroutine() <= goroutines })
}

// A responder that never answers holds a handshake for the budget and 50 ms at
// most, the third handshake as the first; in Background mode not at all. The
// clock is synctest's: it stands still while anybody works, so that only waiting
// counts and a busy machine does not matter.
func TestStalledResponderHoldsNobodyLonger(t *testing.T) {
	net.DefaultResolver.LookupHost(t.Context(), "warm.test") // the resolver's own state must not belong to the bubble
	for _, c := range []struct {
		name    string
		network assay.Network
		unknown assay.Unknown
		budget  time.Duration // 0: the default
		held    time.Duration
	}{
		{"default budget", assay.Inline, assay.UnknownWarn, 0, 3 * time.Second},
		{"own budget", assay.Inline, assay.UnknownWarn, 700 * time.Millisecond, 700 * time.Millisecond},
		{"denied", assay.Inline, assay.UnknownDeny, 200 * time.Millisecond, 200 * time.Millisecond},
		{"first contact", assay.FirstContact, assay.UnknownWarn, 0, 3 * time.Second},
		{"first contact, denied", assay.FirstContact, assay.UnknownDeny, 700 * time.Millisecond, 700 * time.Millisecond},
		{"beside", assay.Background, assay.UnknownWarn, 0, 0},
		{"offline", assay.Offline, assay.UnknownWarn, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				root := forge.NewRoot("Stalled Root", nil)
				key := forge.P256()
				leaf := root.Issue(forge.Cert{Key: key, Extensions: append(root.ServerExts(key, forge.DNS("localhost")),
					forge.CRLDP("http://one.stalled.test/crl", "http://two.stalled.test/crl"), forge.AIA([]string{"http://ocsp.stalled.test/"}, nil))})
				v, err := assay.NewStalled(assay.Config{Roots: [][]byte{root.Raw}, Network: c.network, Unknown: c.unknown, FetchBudget: c.budget, CloseGrace: time.Millisecond})
				if err != nil {
					t.Fatal(err)
				}
				defer v.Close()
				conf, err := v.ClientConfig(&tls.Config{ServerName: "localhost"})
				if err != nil {
					t.Fatal(err)
				}
				for i := range 3 {
					a, b := net.Pipe()
					go func() {
						defer b.Close()
						tls.Server(b, &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}, SessionTicketsDisabled: true}).Handshake()
					}()
					begin := time.Now()
					err := tls.Client(a, conf).Handshake()
					took := time.Since(begin)
					a.Close()
					if (err == nil) != (c.unknown == assay.UnknownWarn) || err != nil && !errors.Is(err, finding.ClassRevocationUnavailable) {
						t.Errorf("handshake %d: error %v", i, err)
					}
					if took > c.held+50*time.Millisecond || i == 0 && took < c.held {
						t.Errorf("handshake %d was held for %v, want %v", i, took, c.held)
					}
				}
			})
		})
	}
}

package assay_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
)

// A program that makes one connection and ends, run three times, sends nothing to
// a revoked server, under the zero Config and every profile.
func TestOneShotRunsRefuse(t *testing.T) {
	l := startLab(t, "revoked", "revoked-by-crl", "revoked-by-ocsp", "revoked-intermediate")
	for _, s := range l.Scenarios {
		for run := range 3 {
			client, _ := labClient(t, l, s.Name, assay.Config{})
			if err := get(client, s); !errors.Is(err, finding.CertRevoked) {
				t.Errorf("%s, run %d: %v", s.Name, run, err)
			}
		}
	}
}

// Runs that share a directory take no old copy of another run for a contact of
// their own, nor its failures.
func TestOneShotRunsWithCacheDir(t *testing.T) {
	w := newWorld(t)
	w.cacheControl = "no-cache" // a copy is old at once
	leaf, dir := w.server(), t.TempDir()
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}})
	run := func() error {
		v := newVerifier(t, w.config(assay.Config{CacheDir: dir}))
		defer v.Close()
		c, err := v.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err
	}
	if err := run(); err != nil {
		t.Fatal(err)
	}
	w.revoke(leaf)
	if err := run(); !errors.Is(err, finding.CertRevoked) {
		t.Errorf("the second run: %v", err)
	}

	// The first run of another program finds the address dead, the next does not.
	other := newWorld(t)
	leaf, dir = other.server(), t.TempDir()
	other.revoke(leaf)
	addr = serve(t, &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}})
	other.set(func() { other.broken = true })
	w = other
	if err := run(); err != nil {
		t.Fatalf("nobody answered: %v", err)
	}
	other.set(func() { other.broken = false })
	if err := run(); !errors.Is(err, finding.CertRevoked) {
		t.Errorf("a failure of another process was taken for a contact: %v", err)
	}
}

// From the second contact on nobody waits: what was had answers, and is asked for
// again beside the handshake.
func TestLaterContactsWaitForNobody(t *testing.T) {
	w := newWorld(t)
	w.cacheControl = "no-cache"
	v, err := assay.NewPatient(w.config(assay.Config{FetchBudget: time.Minute, CloseGrace: time.Millisecond}), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	dial := func(leaf *forge.CA) time.Duration {
		t.Helper()
		begin := time.Now()
		c, err := v.Dial("tcp", serve(t, &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}}))
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		return time.Since(begin)
	}
	dial(w.server())
	if n := w.hits.Load(); n != 1 {
		t.Fatalf("%d downloads at first contact", n)
	}
	stall := make(chan struct{})
	defer close(stall)
	w.set(func() { w.stall = stall })
	if took := dial(w.server()); took > 30*time.Second { // another certificate, so nothing is remembered of it; the same list
		t.Errorf("a later contact took %v", took)
	}
	until(t, "the list is asked for beside", func() bool { return w.hits.Load() == 2 })
}

// A list that has ended is waited for: what it said then is no answer now.
func TestEndedListIsWaitedFor(t *testing.T) {
	w := newWorld(t)
	w.set(func() { w.life = time.Second })
	leaf := w.server()
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}})
	v := newVerifier(t, w.config(assay.Config{}))
	c, err := v.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	w.revoke(leaf)
	time.Sleep(1100 * time.Millisecond)
	if _, err := v.Dial("tcp", addr); !errors.Is(err, finding.CertRevoked) {
		t.Errorf("after the list's end: %v", err)
	}
}

// A list that comes after the budget is judged when it comes, though no handshake
// follows.
func TestLateListIsLearnt(t *testing.T) {
	w := newWorld(t)
	leaf := w.server()
	w.revoke(leaf)
	stall := make(chan struct{})
	w.set(func() { w.stall = stall })
	v := newVerifier(t, w.config(assay.Config{FetchBudget: 50 * time.Millisecond}))
	c, err := v.Dial("tcp", serve(t, &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}}))
	if err != nil {
		t.Fatalf("nobody could say yet: %v", err)
	}
	c.Close()
	close(stall)
	until(t, "the revocation is learnt", func() bool { return len(v.Learnt()) == 1 })
	if n := w.hits.Load(); n != 1 {
		t.Errorf("%d downloads", n)
	}
}

// A first contact that obtained nothing is not a contact: the next handshake that
// the memory of failures allows asks again, and waits again.
func TestFailedContactIsAskedAgain(t *testing.T) {
	net.DefaultResolver.LookupHost(t.Context(), "warm.test") // the resolver's own state must not belong to the bubble
	synctest.Test(t, func(t *testing.T) {
		root, key := forge.NewRoot("Lost Root", nil), forge.P256()
		leaf := root.Issue(forge.Cert{Key: key, Extensions: append(root.ServerExts(key, forge.DNS("localhost")), forge.CRLDP("http://lost.test/crl"))})
		var lookups atomic.Int64
		v, err := assay.NewLost(assay.Config{Roots: [][]byte{root.Raw}}, func(context.Context) { lookups.Add(1); time.Sleep(time.Second) })
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		conf, err := v.ClientConfig(&tls.Config{ServerName: "localhost"})
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range []struct {
			after time.Duration
			asks  bool
		}{{0, true}, {30 * time.Second, false}, {30 * time.Second, true}, {61 * time.Second, false}, {time.Minute, true}, {24 * time.Hour, true}} {
			time.Sleep(c.after)
			before, begin := lookups.Load(), time.Now()
			a, b := net.Pipe()
			go func() {
				defer b.Close()
				tls.Server(b, &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}, SessionTicketsDisabled: true}).Handshake()
			}()
			if err := tls.Client(a, conf).Handshake(); err != nil {
				t.Errorf("handshake %d: %v", i, err)
			}
			a.Close()
			waited := time.Since(begin) >= time.Second
			if asked := lookups.Load() > before; asked != c.asks || waited != c.asks {
				t.Errorf("handshake %d: asked %v, waited %v, want %v", i, asked, waited, c.asks)
			}
		}
	})
}

// Preload fills the caches: the first handshake downloads nothing and refuses what
// is revoked. What could not be had is an error, what is revoked is none.
func TestPreload(t *testing.T) {
	l := startLab(t, "good", "revoked-by-crl", "crl-unreachable")
	resolver, err := l.Resolver()
	if err != nil {
		t.Fatal(err)
	}
	old := net.DefaultResolver
	net.DefaultResolver = resolver
	defer func() { net.DefaultResolver = old }()
	target := func(name string) string {
		s, ok := l.Scenario(name)
		if !ok {
			t.Fatal(name)
		}
		return s.Target()
	}
	v := newVerifier(t, assay.Config{Roots: l.Roots, Network: assay.Background})
	if err := v.Preload(t.Context(), target("good"), target("revoked-by-crl")); err != nil {
		t.Fatal(err)
	}
	if c, err := v.Dial("tcp", target("good")); err != nil {
		t.Error(err)
	} else {
		c.Close()
	}
	if _, err := v.Dial("tcp", target("revoked-by-crl")); !errors.Is(err, finding.CertRevoked) {
		t.Errorf("the first handshake after Preload: %v", err)
	}
	err = v.Preload(t.Context(), target("good"), target("crl-unreachable"), "127.0.0.1:1", "[::1]:1\x1b[2J")
	if err == nil {
		t.Fatal("nothing was lacking")
	}
	if lines := strings.Split(err.Error(), "\n"); len(lines) != 3 || strings.ContainsRune(err.Error(), '\x1b') || !strings.Contains(lines[0], "crl-unreachable") {
		t.Errorf("%q", err.Error())
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := v.Preload(ended, target("good")); err == nil {
		t.Error("a context that has ended")
	}
	if err := newVerifier(t, assay.Config{Roots: l.Roots, Network: assay.Offline}).Preload(t.Context(), target("good")); err == nil {
		t.Error("Offline")
	}
	var zero assay.Verifier
	if err := zero.Preload(t.Context(), target("good")); !errors.Is(err, assay.ErrClosed) {
		t.Errorf("the zero Verifier: %v", err)
	}
}

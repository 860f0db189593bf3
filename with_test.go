package assay_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// A second policy over the same caches: one Verifier accepts what the other
// refuses, neither remembers for the other, nothing is fetched twice, a revocation
// that one learns is known to both, and Close closes both.
func TestWith(t *testing.T) {
	w := newWorld(t)
	leaf := w.server()
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}})
	v := newVerifier(t, w.config(assay.Config{Network: assay.Inline}))
	p := v.Policy()
	p.MinRSA, p.RequireDNS = 4096, []string{"elsewhere.test"}
	strict, err := v.With(p)
	if err != nil {
		t.Fatal(err)
	}
	p.RequireDNS[0] = "localhost" // a copy was taken
	for range 2 {
		c, err := v.DialContext(t.Context(), "tcp", addr, &tls.Config{ServerName: "localhost"})
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		if _, err := strict.DialContext(t.Context(), "tcp", addr, &tls.Config{ServerName: "localhost"}); !errors.Is(err, finding.NameMismatch) {
			t.Fatalf("the second policy: %v", err)
		}
	}
	if n := w.hits.Load(); n != 1 {
		t.Errorf("the list was fetched %d times", n)
	}
	off, err := v.With(policy.Policy{Schemes: policy.Off})
	if err != nil {
		t.Fatal(err)
	}
	other := w.server()
	w.revoke(other)
	if c, err := off.DialContext(t.Context(), "tcp", serve(t, &tls.Config{Certificates: []tls.Certificate{other.TLS()}}), &tls.Config{ServerName: "localhost"}); err != nil {
		t.Errorf("without revocation: %v", err)
	} else {
		c.Close()
	}
	strict.Close()
	if _, err := v.DialContext(t.Context(), "tcp", addr, &tls.Config{ServerName: "localhost"}); !errors.Is(err, assay.ErrClosed) {
		t.Errorf("closed with the other: %v", err)
	}
}

// A policy refuses in handshakes what expires too soon for it; what expires soon
// by default is a warning that changes no verdict.
func TestWithExpiresWithin(t *testing.T) {
	w := newWorld(t)
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{w.server().TLS()}}) // for 30 days
	v := newVerifier(t, w.config(assay.Config{Network: assay.Inline}))
	for margin, refused := range map[policy.Margin]bool{{}: false, {Left: 24 * time.Hour}: false, {Left: 40 * 24 * time.Hour}: true, {Percent: 20}: false} {
		p := v.Policy()
		p.ExpiresWithin = margin
		own, err := v.With(p)
		if err != nil {
			t.Fatal(err)
		}
		c, err := own.DialContext(t.Context(), "tcp", addr, &tls.Config{ServerName: "localhost"})
		if refused != errors.Is(err, finding.CertExpiresSoon) || refused != (err != nil) {
			t.Errorf("%v: %v", margin, err)
		}
		if err == nil {
			c.Close()
		}
	}
}

// What a policy for connections cannot mean is an error, not passed over.
func TestWithRefuses(t *testing.T) {
	v := newVerifier(t, newWorld(t).config(assay.Config{}))
	for what, p := range map[string]policy.Policy{
		"a time":         {Time: time.Now()},
		"a name":         {Names: []string{"a.test"}},
		"no name":        {NoName: true},
		"CT, no list":    {CT: policy.CTRequire},
		"a nonce":        {RequireNonce: true},
		"no such choice": {Unknown: 9},
		"no finding":     {Allow: []finding.ID{"x-mine"}},
		"no host":        {RequireDNS: []string{"a b"}},
	} {
		if _, err := v.With(p); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
}

// The zero Verifier has no rules to change.
func TestWithZero(t *testing.T) {
	var v assay.Verifier
	if w, err := v.With(v.Policy()); !errors.Is(err, assay.ErrClosed) {
		t.Errorf("%v, %v", w, err)
	}
}

// Every judgement is observed, with a copy of its own, and an accepted
// connection has its report.
func TestObserve(t *testing.T) {
	w := newWorld(t)
	leaf := w.server()
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}})
	var mu sync.Mutex
	var seen []*report.Report
	v := newVerifier(t, w.config(assay.Config{Network: assay.Inline, Observe: func(ctx context.Context, r *report.Report) {
		mu.Lock()
		defer mu.Unlock()
		if ctx == nil {
			t.Error("no context")
		}
		seen = append(seen, r)
		r.Verdict = report.Reject // a copy
	}}))
	dial := func(v *assay.Verifier) (*tls.Conn, error) {
		return v.DialContext(t.Context(), "tcp", addr, &tls.Config{ServerName: "localhost"})
	}
	for range 2 { // the second one is remembered
		c, err := dial(v)
		if err != nil {
			t.Fatal(err)
		}
		r := assay.ReportOf(c)
		if r == nil || r.Verdict != report.Accept || r.Connection == nil || r.Connection.Addr != addr || r.PolicyHash == "" {
			t.Errorf("the connection's report is %+v", r)
		}
		r.Verdict = report.Reject
		if again := assay.ReportOf(c); again.Verdict != report.Accept {
			t.Error("the report is not a copy")
		}
		c.Close()
	}
	w.revoke(leaf)
	deny := newVerifier(t, w.config(assay.Config{Network: assay.Inline, Observe: func(_ context.Context, r *report.Report) { panic("observed " + r.Verdict) }}))
	if _, err := dial(deny); !errors.Is(err, finding.InternalError) || !errors.Is(err, finding.CertRevoked) {
		t.Errorf("an observer that panics: %v", err)
	}
	host, port, _ := net.SplitHostPort(addr)
	r, err := v.Check(t.Context(), assay.Target{Host: host, Port: port})
	if err != nil || len(seen) != 3 || seen[2].PolicyHash != r.PolicyHash {
		t.Errorf("%d judgements were observed, %v", len(seen), err)
	}
	quiet := newVerifier(t, w.config(assay.Config{Schemes: policy.Off}))
	c, err := dial(quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if r := assay.ReportOf(c); r == nil || r.Verdict != report.Accept {
		t.Errorf("without an observer the connection's report is %+v", r)
	}
	conf, err := quiet.ClientConfig(&tls.Config{ServerName: "localhost", RootCAs: nil})
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := tls.Dial("tcp", addr, conf)
	if err != nil {
		t.Fatal(err)
	}
	defer foreign.Close()
	if r := assay.ReportOf(foreign); r != nil {
		t.Errorf("somebody else's connection has the report %+v", r)
	}
}

// Reports name the rules alone: they are the same whatever may be downloaded,
// for how long and from where.
func TestPolicyHashNamesTheRules(t *testing.T) {
	w := newWorld(t)
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{w.server().TLS()}})
	host, port, _ := net.SplitHostPort(addr)
	var hashes []string
	for _, c := range []assay.Config{{}, {Network: assay.Offline}, {Network: assay.Inline, FetchBudget: time.Minute}} {
		r, err := newVerifier(t, w.config(c)).Check(t.Context(), assay.Target{Host: host, Port: port})
		if err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, r.PolicyHash)
	}
	if other, err := newVerifier(t, w.config(assay.Config{Strict: true})).Check(t.Context(), assay.Target{Host: host, Port: port}); err != nil || slices.Contains(hashes, other.PolicyHash) {
		t.Errorf("another policy hashes as %s, %v", other.PolicyHash, err)
	}
	if slices.Sort(hashes); hashes[0] == "" || hashes[0] != hashes[2] {
		t.Errorf("policy hashes %q", hashes)
	}
}

// The functions that return a Config ask for the rules of the profiles of their
// names.
func TestProfilesAreThePolicys(t *testing.T) {
	root := newWorld(t).root.Raw
	for profile, c := range map[policy.Profile]assay.Config{policy.Web: assay.Web(), policy.Internal: assay.Internal([][]byte{root}), policy.HardFail: assay.HardFail()} {
		c.Roots = [][]byte{root}
		if got := newVerifier(t, c).Policy(); !reflect.DeepEqual(got, profile.Policy()) {
			t.Errorf("%s: %+v, want %+v", profile, got, profile.Policy())
		}
	}
}

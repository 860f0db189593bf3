package engine_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/store"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// engineFor trusts the roots; dir, when not "", is the cache on disk.
func engineFor(t *testing.T, dir string, roots ...*forge.CA) under {
	t.Helper()
	a := certpath.NewAnchors()
	for _, r := range roots {
		if err := a.Add(r.Raw); err != nil {
			t.Fatal(err)
		}
	}
	o := engine.Options{Fetch: &fetch.Client{Timeout: 20 * time.Second}}
	if dir != "" {
		var err error
		if o.Store, err = store.Open(dir); err != nil {
			t.Fatal(err)
		}
	}
	e := under{engine.New(o), &engine.Trust{Anchors: a}}
	return e
}

// resolveChain judges a chain with its staples, by position.
func resolveChain(t *testing.T, e under, p policy.Policy, staples [][]byte, chain ...*forge.CA) *report.Report {
	return resolveWith(t, e, p, here(), staples, chain...)
}

func resolveWith(t *testing.T, e under, p policy.Policy, a download.Access, staples [][]byte, chain ...*forge.CA) *report.Report {
	p.Names = []string{"a.test"}
	ev := &evidence.Evidence{Version: evidence.Version, Time: time.Now()}
	for i, c := range chain {
		entry := evidence.Entry{Cert: c.Raw}
		if i < len(staples) {
			entry.Staple = staples[i]
		}
		ev.Chain = append(ev.Chain, entry)
	}
	r, _ := e.Resolve(t.Context(), ev, p, a)
	return r
}

// The sources of all certificates are asked at the same time: none answers
// before all have been asked.
func TestAskedConcurrently(t *testing.T) {
	const sources = 4 // list and responder, of leaf and intermediate
	var all sync.WaitGroup
	all.Add(sources)
	var answers sync.Map
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		all.Done()
		met := make(chan struct{})
		go func() { all.Wait(); close(met) }()
		select {
		case <-met:
		case <-r.Context().Done():
			return
		}
		b, _ := answers.Load(r.URL.Path[:5])
		rw.Write(b.([]byte))
	}))
	t.Cleanup(s.Close)
	root := forge.NewRoot("Root", nil)
	ca := root.Intermediate("CA", nil, forge.CRLDP(s.URL+"/crl0"), forge.AIA([]string{s.URL + "/ocs0"}, nil))
	leaf := ca.Server("a.test", nil, forge.CRLDP(s.URL+"/crl1"), forge.AIA([]string{s.URL + "/ocs1"}, nil))
	answers.Store("/crl0", root.CRL(forge.CRL{}))
	answers.Store("/crl1", ca.CRL(forge.CRL{}))
	answers.Store("/ocs0", forge.OCSP{Singles: []forge.Single{root.Good(ca.Serial)}}.Sign(root))
	answers.Store("/ocs1", forge.OCSP{Singles: []forge.Single{ca.Good(leaf.Serial)}}.Sign(ca))
	r := resolveChain(t, engineFor(t, "", root), policy.Policy{}, nil, leaf, ca)
	if r.Verdict != report.Accept || len(r.Fetches) != sources {
		t.Errorf("%s, %d downloads: %v", r.Verdict, len(r.Fetches), findings(r))
	}
	for _, c := range r.Paths[0].Certs[:2] {
		if c.Revocation.Status != report.Good || len(c.Revocation.Sources) != 2 {
			t.Errorf("%s: %+v", c.Role, c.Revocation)
		}
	}
}

// A staple that TLS 1.3 carries for an intermediate counts as the leaf's does.
func TestIntermediateStaples(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	ca := root.Intermediate("CA", nil, forge.AIA([]string{"http://127.0.0.1:1/"}, nil))
	leaf := ca.Server("a.test", nil)
	leafStaple := forge.OCSP{Singles: []forge.Single{ca.Good(leaf.Serial)}}.Sign(ca)
	stapled := func(s forge.Single, signer *forge.CA) *report.Report {
		return resolveWith(t, engineFor(t, "", root), policy.Policy{}, here(download.Access{Offline: true}),
			[][]byte{leafStaple, forge.OCSP{Singles: []forge.Single{s}}.Sign(signer)}, leaf, ca)
	}
	for name, tt := range map[string]struct {
		r      *report.Report
		want   report.Verdict
		status report.Status
	}{
		"good":    {stapled(root.Good(ca.Serial), root), report.Accept, report.Good},
		"revoked": {stapled(root.RevokedSingle(ca.Serial, forge.CACompromise), root), report.Reject, report.Revoked},
		"forged":  {stapled(root.Good(ca.Serial), forge.NewRoot("Root", nil)), report.Inconclusive, report.Unknown},
		"none":    {resolveWith(t, engineFor(t, "", root), policy.Policy{}, here(download.Access{Offline: true}), [][]byte{leafStaple}, leaf, ca), report.Inconclusive, report.Unknown},
	} {
		if rev := tt.r.Paths[0].Certs[1].Revocation; tt.r.Verdict != tt.want || rev.Status != tt.status || tt.status == report.Good && rev.Scheme != policy.Staple {
			t.Errorf("%s: %s %+v %v", name, tt.r.Verdict, rev, findings(tt.r))
		}
	}
}

// The issuer of an indirect list is believed below the anchor of the path, not
// below another one, and need not have the server's name.
func TestListIssuerAnchor(t *testing.T) {
	first, second := forge.NewRoot("First Root", nil), forge.NewRoot("Second Root", nil)
	ca := first.Intermediate("CA", nil)
	var body atomic.Value
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.Write(body.Load().([]byte)) }))
	t.Cleanup(s.Close)
	url := forge.URI(s.URL + "/list.crl")
	for _, tt := range []struct {
		below *forge.CA
		want  report.Verdict
		id    finding.ID
	}{{first, report.Accept, ""}, {second, report.Inconclusive, finding.CRLIssuerUntrusted}} {
		lists := tt.below.Intermediate("List Issuer", nil)
		leaf := ca.Server("a.test", nil, forge.CRLDPs(forge.DP{FullName: [][]byte{url}, CRLIssuer: [][]byte{forge.DirName(lists.Name)}}))
		body.Store(lists.CRL(forge.CRL{Extensions: []forge.Ext{forge.IDP{FullName: [][]byte{url}, Indirect: true}.Ext()}}))
		r := resolveChain(t, engineFor(t, "", first, second), policy.Policy{Depth: policy.DepthLeaf}, nil, leaf, ca, lists)
		if r.Verdict != tt.want || tt.id != "" && !explained(r, tt.id, s.URL+"/list.crl") {
			t.Errorf("below %s: %s %v", tt.below.Name, r.Verdict, findings(r))
		}
	}
}

// Each question with a nonce goes to the network: its answer is for nobody
// else, neither in memory nor on disk.
func TestNonceAnswersNotKept(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	var leaf *forge.CA
	var asked []string
	var mu sync.Mutex
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		mu.Lock()
		asked = append(asked, r.Method+string(b))
		mu.Unlock()
		o := forge.OCSP{Singles: []forge.Single{root.Good(leaf.Serial)}}
		if i := bytes.Index(b, []byte{4, 32}); i >= 0 { // the nonce stands last
			o.Nonce = b[len(b)-32:]
		}
		rw.Write(o.Sign(root))
	}))
	t.Cleanup(s.Close)
	leaf = root.Server("a.test", nil, forge.AIA([]string{s.URL + "/"}, nil))
	dir := filepath.Join(t.TempDir(), "cache")
	e := engineFor(t, dir, root)
	for range 3 {
		if r := resolveWith(t, e, policy.Policy{}, here(download.Access{Nonce: true}), nil, leaf); r.Verdict != report.Accept {
			t.Fatal(r.Verdict, findings(r))
		}
	}
	if len(asked) != 3 || asked[0] == asked[1] || asked[1] == asked[2] || !strings.HasPrefix(asked[0], "POST") {
		t.Errorf("%d questions: %q", len(asked), asked)
	}
	if kept, _ := filepath.Glob(filepath.Join(dir, "v1/*/*")); len(kept) > 0 {
		t.Errorf("kept on disk: %v", kept)
	}
	if r := resolveWith(t, engineFor(t, dir, root), policy.Policy{}, here(download.Access{Offline: true}), nil, leaf); r.Verdict != report.Inconclusive {
		t.Errorf("offline: %s %v", r.Verdict, findings(r))
	}
}

// When asking again fails, what the cache has counts while it is good by its
// own word, and the report shows where it is from and how old it is.
func TestRevalidationFails(t *testing.T) {
	down := false
	w := newWeather(t, func(w *weather) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) {
			if down {
				http.Error(rw, "no", http.StatusServiceUnavailable)
				return
			}
			rw.Header().Set("Cache-Control", "no-cache")
			serves(w)(rw, r)
		}
	})
	w.dir = filepath.Join(t.TempDir(), "cache")
	w.list.ThisUpdate = time.Now().Add(-3 * time.Hour)
	leaf, revoked := w.leaf(), w.leaf()
	w.list.Entries = []forge.Entry{forge.Revoke(revoked.Serial, forge.KeyCompromise)}
	if r := resolve(w.engine(t), leaf, policy.Policy{}); r.Verdict != report.Accept {
		t.Fatal(r.Verdict, findings(r))
	}
	down = true
	for range 2 { // the second time the failure is remembered
		r := resolve(w.engine(t), leaf, policy.Policy{})
		a := r.Paths[0].Certs[0].Revocation.Sources[0]
		if r.Verdict != report.Accept || !a.Cached || a.AgeSeconds < 3*3600 || a.URL != w.url {
			t.Errorf("%s %+v %v", r.Verdict, a, findings(r))
		}
		if f := r.Fetches[0]; f.Outcome != "cached" || !strings.Contains(f.Detail, "503") || f.URL != w.url {
			t.Errorf("%+v", f)
		}
		if r := resolve(w.engine(t), revoked, policy.Policy{}); r.Verdict != report.Reject {
			t.Errorf("%s %v", r.Verdict, findings(r))
		}
	}
	if n := w.hits.Load(); n != 2 {
		t.Errorf("%d requests, want 2", n)
	}
}

// What the cache has and the judges cannot use, since it is stale at the time
// judged for, is asked for again; offline it stays what it is.
func TestUselessCopyIsReplaced(t *testing.T) {
	w := newWeather(t, serves)
	leaf := w.leaf()
	e := w.engine(t)
	if r := resolve(e, leaf, policy.Policy{}); r.Verdict != report.Accept {
		t.Fatal(r.Verdict, findings(r))
	}
	later := time.Now().AddDate(0, 0, 20)
	if r := resolve(e, leaf, policy.Policy{Time: later}, download.Access{Offline: true}); r.Verdict != report.Inconclusive || !explained(r, finding.CRLStale, w.url) {
		t.Errorf("offline: %s %v", r.Verdict, findings(r))
	}
	w.list.NextUpdate = later.AddDate(0, 0, 1)
	if r := resolve(e, leaf, policy.Policy{Time: later}); r.Verdict != report.Accept || w.hits.Load() != 2 {
		t.Errorf("%s after %d requests: %v", r.Verdict, w.hits.Load(), findings(r))
	}
}

// In one run of a person's, what cannot be used is asked for once, and in the next
// one again.
func TestUselessCopyInRun(t *testing.T) {
	w := newWeather(t, serves)
	w.list.NextUpdate = time.Now().Add(-time.Hour)
	w.list.ThisUpdate = w.list.NextUpdate.Add(-time.Hour)
	leaf := w.leaf()
	e := w.engine(t)
	for want := int64(1); want <= 2; want++ {
		run := download.Run{Began: time.Now()}
		for range 3 {
			if r := resolve(e, leaf, policy.Policy{}, download.Access{Run: run}); r.Verdict != report.Inconclusive || !explained(r, finding.CRLStale, w.url) {
				t.Errorf("%s %v", r.Verdict, findings(r))
			}
		}
		if w.hits.Load() != want {
			t.Fatalf("%d requests, want %d", w.hits.Load(), want)
		}
	}
}

// A list or an answer that was good an hour ago and is replayed does not take
// back the revocation that the cache knows of, in this process or another.
func TestOlderEditionReplayed(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	for _, kind := range []string{"crl", "ocsp"} {
		for name, numbers := range map[string][2]int64{"numbered": {7, 6}, "not numbered": {0, 0}, "the later number wins": {7, 8}} {
			if kind == "ocsp" && name != "numbered" {
				continue
			}
			t.Run(kind+" "+name, func(t *testing.T) {
				var body atomic.Value
				s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
					rw.Header().Set("Cache-Control", "no-cache")
					rw.Write(body.Load().([]byte))
				}))
				t.Cleanup(s.Close)
				pointer := map[string]forge.Ext{"crl": forge.CRLDP(s.URL + "/list.crl"), "ocsp": forge.AIA([]string{s.URL + "/list.crl"}, nil)}
				leaf := root.Server("a.test", nil, pointer[kind])
				edition := func(ago time.Duration, number int64, revoked bool) []byte {
					this := time.Now().Add(-ago)
					if kind == "ocsp" {
						single := root.Good(leaf.Serial)
						if revoked {
							single = root.RevokedSingle(leaf.Serial, forge.KeyCompromise)
						}
						single.ThisUpdate = this
						return forge.OCSP{Singles: []forge.Single{single}}.Sign(root)
					}
					l := forge.CRL{ThisUpdate: this}
					if number > 0 {
						l.Extensions = []forge.Ext{forge.CRLNumber(number)}
					}
					if revoked {
						l.Entries = []forge.Entry{forge.Revoke(leaf.Serial, forge.KeyCompromise)}
					}
					return root.CRL(l)
				}
				dir := filepath.Join(t.TempDir(), "cache")
				e := engineFor(t, dir, root)
				body.Store(edition(time.Hour, numbers[0], true))
				if r := resolveChain(t, e, policy.Policy{}, nil, leaf); r.Verdict != report.Reject {
					t.Fatal(r.Verdict, findings(r))
				}
				body.Store(edition(2*time.Hour, numbers[1], false))
				want := report.Reject
				if numbers[1] > numbers[0] {
					want = report.Inconclusive
				}
				for _, e := range []under{e, engineFor(t, dir, root)} {
					r := resolveChain(t, e, policy.Policy{}, nil, leaf)
					if r.Verdict != want || want == report.Reject && !strings.Contains(r.Fetches[0].Detail, "older edition") {
						t.Errorf("%s %v %+v", r.Verdict, findings(r), r.Fetches)
					}
				}
				body.Store(edition(time.Minute, 9, false)) // a later one takes its place, and leaves it open
				if r := resolveChain(t, engineFor(t, dir, root), policy.Policy{}, nil, leaf); r.Verdict != report.Inconclusive || !explained(r, finding.RevocationWithdrawn, s.URL+"/list.crl") {
					t.Errorf("a later edition: %s %v", r.Verdict, findings(r))
				}
			})
		}
	}
}

// Offline the intermediates that were fetched once complete the path.
func TestAIAFromTheDisk(t *testing.T) {
	l, root := newLibrary(t), forge.NewRoot("AIA Root", nil)
	leaf := l.chain(root, 3)
	dir := filepath.Join(t.TempDir(), "cache")
	p := policy.Policy{Schemes: policy.Off}
	if r := resolveChain(t, engineFor(t, dir, root), p, nil, leaf); r.Verdict != report.Accept || len(l.asked) != 3 {
		t.Fatal(r.Verdict, l.asked, findings(r))
	}
	if r := resolveWith(t, engineFor(t, dir, root), p, here(download.Access{Offline: true}), nil, leaf); r.Verdict != report.Accept || len(l.asked) != 3 {
		t.Errorf("%s, asked for %v: %v", r.Verdict, l.asked, findings(r))
	}
}

// What a responder or what stands in its place can deliver: each time a
// finding with its address and a reason, and never a wrong verdict.
func TestBadWeatherOCSP(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	good := func(leaf *forge.CA) []byte {
		return forge.OCSP{Singles: []forge.Single{root.Good(leaf.Serial)}}.Sign(root)
	}
	static := func(b []byte) func(*forge.CA) http.HandlerFunc {
		return func(*forge.CA) http.HandlerFunc { return func(rw http.ResponseWriter, _ *http.Request) { rw.Write(b) } }
	}
	for _, tt := range []struct {
		name  string
		serve func(leaf *forge.CA) http.HandlerFunc
		want  finding.ID // "" = accepted
		soft  bool
	}{
		{"sound", func(leaf *forge.CA) http.HandlerFunc { return static(good(leaf))(leaf) }, "", false},
		{"wrong content type", func(leaf *forge.CA) http.HandlerFunc {
			return func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set("Content-Type", "text/html")
				rw.Write(good(leaf))
			}
		}, "", false},
		{"slow", func(*forge.CA) http.HandlerFunc {
			return func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body); <-r.Context().Done() }
		}, finding.FetchTimeout, true},
		{"endless", func(*forge.CA) http.HandlerFunc {
			return func(rw http.ResponseWriter, _ *http.Request) {
				for b := make([]byte, 1<<16); ; {
					if _, err := rw.Write(b); err != nil {
						return
					}
				}
			}
		}, finding.FetchTooLarge, false},
		{"truncated", func(leaf *forge.CA) http.HandlerFunc { b := good(leaf); return static(b[:len(b)-9])(leaf) }, finding.OCSPMalformed, false},
		{"the connection breaks", func(leaf *forge.CA) http.HandlerFunc {
			return func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set("Content-Length", "4096")
				rw.Write(good(leaf))
			}
		}, finding.FetchFailed, true},
		{"gzip bomb, declared", func(*forge.CA) http.HandlerFunc {
			return func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set("Content-Encoding", "gzip")
				rw.Write(bomb())
			}
		}, finding.FetchContentEncoding, true},
		{"gzip bomb, undeclared", static(bomb()), finding.OCSPMalformed, false},
		{"HTML with 200", static([]byte("<!DOCTYPE html><title>Log in</title>")), finding.OCSPMalformed, false},
		{"empty", static(nil), finding.OCSPMalformed, false},
		{"500", func(*forge.CA) http.HandlerFunc {
			return func(rw http.ResponseWriter, _ *http.Request) { http.Error(rw, "no", 500) }
		}, finding.FetchHTTPStatus, true},
		{"redirect loop", func(*forge.CA) http.HandlerFunc {
			return func(rw http.ResponseWriter, r *http.Request) {
				http.Redirect(rw, r, r.URL.Path, http.StatusTemporaryRedirect)
			}
		}, finding.FetchRedirectLimit, false},
		{"redirect to metadata", func(*forge.CA) http.HandlerFunc { return redirectTo("http://169.254.169.254/") }, finding.FetchRefusedAddress, false},
		{"try later", static(forge.OCSP{Status: forge.TryLater}.Sign(root)), finding.OCSPTryLater, true},
		{"internal error", static(forge.OCSP{Status: forge.InternalError}.Sign(root)), finding.OCSPTryLater, true},
		{"unauthorized", static(forge.OCSP{Status: forge.Unauthorized}.Sign(root)), finding.OCSPErrorStatus, false},
		{"malformed request", static(forge.OCSP{Status: forge.MalformedRequest}.Sign(root)), finding.OCSPErrorStatus, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var handle http.HandlerFunc
			s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { handle(rw, r) }))
			t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
			leaf := root.Server("a.test", nil, forge.AIA([]string{s.URL + "/ocsp"}, nil))
			handle = tt.serve(leaf)
			w := &weather{root: root}
			w.Timeout, w.MaxBytes = time.Second, 1<<20
			if tt.want != finding.FetchTimeout {
				w.Timeout = 20 * time.Second
			}
			r := resolve(w.engine(t), leaf, policy.Policy{})
			if tt.want == "" {
				if r.Verdict != report.Accept {
					t.Errorf("%s: %v", r.Verdict, findings(r))
				}
				return
			}
			if r.Verdict != report.Inconclusive || !explained(r, tt.want, s.URL+"/ocsp") {
				t.Errorf("%s %v", r.Verdict, findings(r))
			}
			if a := r.Paths[0].Certs[0].Revocation.Sources[0]; a.URL != s.URL+"/ocsp" || a.Detail == "" || a.Status == report.Good {
				t.Errorf("%+v", a)
			}
			r = resolve(w.engine(t), leaf, policy.Policy{Unknown: policy.UnknownWarn})
			if accepted := r.Verdict == report.Accept; accepted != tt.soft {
				t.Errorf("with unknown=warn: %s %v", r.Verdict, findings(r))
			}
		})
	}
}

// More sources than one judgement asks: it says so and refuses.
func TestTooManySources(t *testing.T) {
	w := newWeather(t, serves)
	chain := []*forge.CA{w.root}
	var below []*forge.CA
	for i := range 9 {
		var points []forge.DP
		for k := range 8 {
			points = append(points, forge.DP{FullName: [][]byte{forge.URI(fmt.Sprintf("%s/%d/%d", w.url, i, k))}})
		}
		ca := chain[len(chain)-1].Intermediate(fmt.Sprintf("CA %d", i), nil, forge.CRLDPs(points...))
		chain, below = append(chain, ca), append([]*forge.CA{ca}, below...)
	}
	leaf := below[0].Server("a.test", nil, forge.CRLDP(w.url))
	r := resolveChain(t, w.engine(t), policy.Policy{Unknown: policy.UnknownAllow}, nil, append([]*forge.CA{leaf}, below...)...)
	said := false
	for _, f := range r.Findings {
		said = said || f.ID == finding.BudgetNeeds
	}
	if r.Verdict != report.Reject || !said || w.hits.Load() > 64 {
		t.Errorf("%s after %d requests: %v", r.Verdict, w.hits.Load(), findings(r))
	}
}

// A hold that the current delta list lifts is no revocation: check asks for the
// delta, and so does a handshake that waits; one that does not wait refuses,
// and says that it is worth asking.
func TestDeltaLiftsAHold(t *testing.T) {
	var leaf *forge.CA
	lifts := true
	w := newWeather(t, func(w *weather) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) {
			delta := strings.HasSuffix(r.URL.Path, "delta")
			switch {
			case !delta:
				rw.Write(w.root.CRL(forge.CRL{ThisUpdate: time.Now().Add(-30 * time.Hour), Extensions: []forge.Ext{forge.CRLNumber(5), forge.FreshestCRL(forge.DP{FullName: [][]byte{forge.URI(w.url + "delta")}})},
					Entries: []forge.Entry{forge.Revoke(leaf.Serial, forge.CertificateHold)}}))
			case lifts:
				rw.Write(w.root.CRL(forge.CRL{Extensions: []forge.Ext{forge.CRLNumber(7), forge.DeltaIndicator(5)}, Entries: []forge.Entry{forge.Revoke(leaf.Serial, forge.RemoveFromCRL)}}))
			default:
				http.NotFound(rw, r)
			}
		}
	})
	leaf = w.leaf()
	ev := func() *evidence.Evidence {
		return &evidence.Evidence{Version: evidence.Version, Time: time.Now(), Target: evidence.Target{Host: "a.test"},
			Connection: evidence.Connection{Addr: "127.0.0.1:443", Version: 0x0304}, Chain: []evidence.Entry{{Cert: leaf.Raw}}}
	}
	chains := [][][]byte{{leaf.Raw, w.root.Raw}}
	for _, stop := range []policy.Stop{policy.StopNever, policy.StopFirst} {
		for _, lifts = range []bool{true, false} {
			want := map[bool]report.Verdict{true: report.Accept, false: report.Reject}[lifts]
			e, p := w.engine(t), policy.Policy{Stop: stop}
			if r := judgeChain(e, p, leaf); r.Verdict != want {
				t.Errorf("%v, lifts %v: check: %s %v", stop, lifts, r.Verdict, findings(r))
			}
			e = w.engine(t)
			if r, _, _ := e.Handshake(t.Context(), ev(), chains, p, here(), assemble.Full); r.Verdict != want {
				t.Errorf("%v, lifts %v: handshake: %s %v", stop, lifts, r.Verdict, findings(r))
			}
		}
	}
}

package engine_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/store"
	"github.com/assaytls/assay/ocsp"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// stage is an address of revocation data that an attacker owns: plain HTTP. What
// it serves there is authentic or not, honest or not, as the test says.
type stage struct {
	kind       string // "list", "delta", "ocsp"
	root, fake *forge.CA
	leaf       *forge.CA
	base       []byte // of a delta: the complete list, at an address of its own

	mu     sync.Mutex
	now    time.Time
	answer http.HandlerFunc
	hits   int
}

func newStage(t *testing.T, kind string) *stage {
	s := &stage{kind: kind, root: forge.NewRoot("Root", nil), fake: forge.NewRoot("Root", nil), now: time.Now().Truncate(time.Second)}
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Cache-Control", "no-cache")
		if strings.HasSuffix(r.URL.Path, "/base.crl") {
			rw.Write(s.base)
			return
		}
		s.mu.Lock()
		answer := s.answer
		s.hits++
		s.mu.Unlock()
		answer(rw, r)
	}))
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	at, base := srv.URL+"/x", srv.URL+"/base.crl"
	server := func(exts ...forge.Ext) *forge.CA {
		key := forge.P256()
		return s.root.Issue(forge.Cert{Key: key, NotBefore: s.now.Add(-48 * time.Hour), Extensions: append(s.root.ServerExts(key, forge.DNS("a.test")), exts...)})
	}
	switch kind {
	case "list":
		s.leaf = server(forge.CRLDP(at))
	case "delta":
		s.leaf = server(forge.CRLDP(base), forge.FreshestCRL(forge.DP{FullName: [][]byte{forge.URI(at)}}))
		s.base = s.root.CRL(forge.CRL{ThisUpdate: s.now.Add(-24 * time.Hour), Extensions: []forge.Ext{forge.CRLNumber(1)}})
	case "ocsp":
		s.leaf = server(forge.AIA([]string{at}, nil))
	}
	return s
}

// edition is what the authority said so long ago, signed by ca. The number grows
// with time.
func (s *stage) edition(ca *forge.CA, ago time.Duration, revoked bool) []byte {
	this := s.now.Add(-ago)
	if s.kind == "ocsp" {
		single := s.root.Good(s.leaf.Serial)
		if revoked {
			single = s.root.RevokedSingle(s.leaf.Serial, forge.KeyCompromise)
		}
		single.ThisUpdate = this
		return forge.OCSP{Singles: []forge.Single{single}, ProducedAt: this}.Sign(ca)
	}
	l := forge.CRL{ThisUpdate: this, Extensions: []forge.Ext{forge.CRLNumber(1_000_000 - int64(ago/time.Second))}}
	if s.kind == "delta" {
		l.Extensions = append(l.Extensions, forge.DeltaIndicator(1))
	}
	if revoked {
		l.Entries = []forge.Entry{forge.Revoke(s.leaf.Serial, forge.KeyCompromise)}
	}
	return ca.CRL(l)
}

func (s *stage) serve(h http.HandlerFunc) {
	s.mu.Lock()
	s.answer = h
	s.mu.Unlock()
}

func (s *stage) serveBody(b []byte) {
	s.serve(func(rw http.ResponseWriter, _ *http.Request) { rw.Write(b) })
}

// hostile are the things that may stand in the place of what revokes.
func (s *stage) hostile() map[string]http.HandlerFunc {
	body := func(b []byte) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) { rw.Write(b) }
	}
	honest := s.edition(s.root, 2*time.Hour, true)
	out := map[string]http.HandlerFunc{
		"empty":            body(nil),
		"HTML":             body([]byte("<!DOCTYPE html><title>Log in</title>")),
		"five octets":      body([]byte{0x30, 3, 0x0a, 1, 1}),
		"cut":              body(honest[:len(honest)-40]),
		"forged":           body(s.edition(s.fake, time.Minute, false)),
		"an older edition": body(s.edition(s.root, 3*time.Hour, false)),
		"of the same day":  body(s.edition(s.root, 2*time.Hour+time.Second, false)),
		"503":              func(rw http.ResponseWriter, _ *http.Request) { http.Error(rw, "no", http.StatusServiceUnavailable) },
		"304 unasked":      func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusNotModified) },
		"silence":          func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"kept by nobody": func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Cache-Control", "no-store")
			rw.Write(s.edition(s.root, 3*time.Hour, false))
		},
		"garbage, no-store": func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Cache-Control", "no-store")
			rw.Write([]byte("x"))
		},
	}
	switch s.kind {
	case "ocsp":
		other := s.root.Server("b.test", nil)
		older := func(singles ...forge.Single) http.HandlerFunc {
			for i := range singles {
				singles[i].ThisUpdate = s.now.Add(-3 * time.Hour)
			}
			return body(forge.OCSP{Singles: singles, ProducedAt: s.now.Add(-3 * time.Hour)}.Sign(s.root))
		}
		out["tryLater"] = body(forge.OCSP{Status: int(ocsp.TryLater)}.Sign(s.root))
		out["older, of two certificates"] = older(s.root.Good(other.Serial), s.root.Good(s.leaf.Serial))
		out["older, by another hash"] = older(forge.Single{ID: forge.CertID(5, s.root.Name, s.root.Key, s.leaf.Serial)})
		out["older, a padded serial"] = older(forge.Single{ID: s.root.CertID(append([]byte{0}, s.leaf.Serial...))})
		out["of another certificate"] = body(forge.OCSP{Singles: []forge.Single{s.root.Good(other.Serial)}}.Sign(s.root))
		same := s.root.Good(s.leaf.Serial)
		same.ThisUpdate = s.now.Add(-2 * time.Hour)
		out["of the same time, produced before"] = body(forge.OCSP{Singles: []forge.Single{same}, ProducedAt: s.now.Add(-3 * time.Hour)}.Sign(s.root))
	case "list":
		part := forge.IDP{OnlyUser: true}.Ext()
		out["older, another part"] = body(s.root.CRL(forge.CRL{ThisUpdate: s.now.Add(-3 * time.Hour), Extensions: []forge.Ext{part}}))
		out["newer, another part"] = body(s.root.CRL(forge.CRL{ThisUpdate: s.now.Add(-time.Hour), Extensions: []forge.Ext{part}}))
		out["a delta"] = body(s.root.CRL(forge.CRL{ThisUpdate: s.now.Add(-time.Hour), Extensions: []forge.Ext{forge.CRLNumber(2_000_000), forge.DeltaIndicator(1)}}))
	case "delta":
		out["the base in its place"] = body(s.base)
		out["a complete list"] = body(s.root.CRL(forge.CRL{ThisUpdate: s.now.Add(-3 * time.Hour), Extensions: []forge.Ext{forge.CRLNumber(2)}}))
		out["of another base"] = body(s.root.CRL(forge.CRL{ThisUpdate: s.now.Add(-3 * time.Hour), Extensions: []forge.Ext{forge.CRLNumber(3_000_000), forge.DeltaIndicator(2_000_000)}}))
	}
	return out
}

// judged judges the leaf, with little patience.
func (s *stage) judged(t *testing.T, e under, p policy.Policy) *report.Report {
	return resolveWith(t, e, p, download.Access{Budget: 2 * time.Second, Scope: download.ScopePrivate}, nil, s.leaf)
}

// Nothing that an attacker puts in its place takes back a revocation that the
// cache knows: not in memory, not on disk, not for the process that comes next.
func TestRevocationIsNotDisplaced(t *testing.T) {
	for _, kind := range []string{"list", "delta", "ocsp"} {
		for name, h := range newStage(t, kind).hostile() {
			_ = h
			for _, disk := range []bool{false, true} {
				t.Run(fmt.Sprint(kind, " ", name, " disk ", disk), func(t *testing.T) {
					t.Parallel()
					s := newStage(t, kind)
					dir := ""
					if disk {
						dir = filepath.Join(t.TempDir(), "cache")
					}
					e := engineFor(t, dir, s.root)
					s.serveBody(s.edition(s.root, 2*time.Hour, true))
					if r := s.judged(t, e, policy.Policy{}); r.Verdict != report.Reject {
						t.Fatal(r.Verdict, findings(r))
					}
					s.serve(s.hostile()[name])
					for i := range 3 {
						if disk && i > 0 {
							e = engineFor(t, dir, s.root)
						}
						if r := s.judged(t, e, policy.Policy{Unknown: policy.UnknownWarn}); r.Verdict != report.Reject || !revokedIn(r) {
							t.Errorf("%d: %s %v %+v", i, r.Verdict, findings(r), r.Fetches)
						}
					}
				})
			}
		}
	}
}

func revokedIn(r *report.Report) bool {
	rev := r.Paths[0].Certs[0].Revocation
	return rev != nil && rev.Status == report.Revoked
}

// What proves nothing and stands in the place of what was proved, and what is
// older, is not downloaded at every request.
func TestRejectedIsNotAskedForAtOnce(t *testing.T) {
	for _, kind := range []string{"list", "delta", "ocsp"} {
		for _, name := range []string{"HTML", "forged", "an older edition", "503"} {
			s := newStage(t, kind)
			e := engineFor(t, "", s.root)
			s.serveBody(s.edition(s.root, 2*time.Hour, true))
			s.judged(t, e, policy.Policy{})
			s.serve(s.hostile()[name])
			s.judged(t, e, policy.Policy{})
			s.hits = 0
			for range 5 {
				if r := s.judged(t, e, policy.Policy{}); r.Verdict != report.Reject {
					t.Errorf("%s %s: %s %v", kind, name, r.Verdict, findings(r))
				}
			}
			if s.hits != 0 {
				t.Errorf("%s %s: asked %d times", kind, name, s.hits)
			}
		}
	}
}

// A good answer that was proved is not displaced either: what stands in its place
// and proves nothing is a download that failed.
func TestGoodIsNotDisplaced(t *testing.T) {
	for _, kind := range []string{"list", "ocsp"} {
		for name := range newStage(t, kind).hostile() {
			t.Run(kind+" "+name, func(t *testing.T) {
				t.Parallel()
				s := newStage(t, kind)
				e := engineFor(t, "", s.root)
				s.serveBody(s.edition(s.root, 2*time.Hour, false))
				if r := s.judged(t, e, policy.Policy{}); r.Verdict != report.Accept {
					t.Fatal(r.Verdict, findings(r))
				}
				s.serve(s.hostile()[name])
				for range 2 {
					if r := s.judged(t, e, policy.Policy{}); r.Verdict != report.Accept {
						t.Errorf("%s %v %+v", r.Verdict, findings(r), r.Fetches)
					}
				}
			})
		}
	}
}

// Of two processes, one has an older edition in memory that the attacker replays
// to it. The newer one that the other has put on disk stays there, and speaks.
func TestTwoProcessesTwoEditions(t *testing.T) {
	for _, kind := range []string{"list", "delta", "ocsp"} {
		t.Run(kind, func(t *testing.T) {
			s := newStage(t, kind)
			dir := filepath.Join(t.TempDir(), "cache")
			first, second := engineFor(t, dir, s.root), engineFor(t, dir, s.root)
			old := s.edition(s.root, 3*time.Hour, false)
			s.serveBody(old)
			if r := s.judged(t, first, policy.Policy{}); r.Verdict != report.Accept {
				t.Fatal(r.Verdict, findings(r))
			}
			s.serveBody(s.edition(s.root, 2*time.Hour, true))
			if r := s.judged(t, second, policy.Policy{}); r.Verdict != report.Reject {
				t.Fatal(r.Verdict, findings(r))
			}
			s.serveBody(old)
			for i, e := range []under{first, first, engineFor(t, dir, s.root), second} {
				if r := s.judged(t, e, policy.Policy{Unknown: policy.UnknownWarn}); r.Verdict != report.Reject {
					t.Errorf("%d: %s %v", i, r.Verdict, findings(r))
				}
			}
		})
	}
}

// Whatever the order of honest and hostile answers, in two processes that share
// a directory and in a third that starts now and then: once one of them has seen
// the revocation, no one accepts.
func TestInterleavings(t *testing.T) {
	runs := 20
	if testing.Short() {
		runs = 5
	}
	for _, kind := range []string{"list", "delta", "ocsp"} {
		for run := range runs {
			t.Run(fmt.Sprint(kind, run), func(t *testing.T) {
				t.Parallel()
				interleave(t, kind, 12, rand.New(rand.NewPCG(uint64(run), 12)).IntN)
			})
		}
	}
}

// FuzzInterleavings is TestInterleavings with moves that the fuzzer chooses.
func FuzzInterleavings(f *testing.F) {
	for kind := range byte(3) {
		f.Add([]byte{kind, 0, 0, 2, 1, 0, 1, 4, 0, 5, 1})
		f.Add([]byte{kind, 4, 0, 2, 0, 7, 1, 0, 2})
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) == 0 {
			return
		}
		kind := []string{"list", "delta", "ocsp"}[script[0]%3]
		script = script[1:]
		next := func(n int) (v int) {
			if len(script) > 0 {
				v, script = int(script[0])%n, script[1:]
			}
			return v
		}
		interleave(t, kind, min(len(script)/2, 20), next)
	})
}

func interleave(t *testing.T, kind string, moments int, next func(n int) int) {
	s := newStage(t, kind)
	dir := filepath.Join(t.TempDir(), "cache")
	procs := []under{engineFor(t, dir, s.root), engineFor(t, dir, s.root)}
	moves := s.hostile()
	delete(moves, "silence") // it takes its time
	names := append([]string{"old", "old", "revoked", "newer"}, slices.Sorted(maps.Keys(moves))...)
	moves["old"] = func(rw http.ResponseWriter, _ *http.Request) { rw.Write(s.edition(s.root, 4*time.Hour, false)) }
	moves["revoked"] = func(rw http.ResponseWriter, _ *http.Request) { rw.Write(s.edition(s.root, 2*time.Hour, true)) }
	moves["newer"] = func(rw http.ResponseWriter, _ *http.Request) { rw.Write(s.edition(s.root, time.Hour, true)) }
	seen := false
	var log []string
	for range moments {
		name, who := names[next(len(names))], next(len(procs)+1)
		if who == len(procs) {
			who = next(len(procs))
			procs[who] = engineFor(t, dir, s.root)
		}
		s.serve(moves[name])
		rep := s.judged(t, procs[who], policy.Policy{Unknown: policy.UnknownWarn})
		log = append(log, fmt.Sprint(who, ":", name, "=", rep.Verdict))
		seen = seen || rep.Verdict == report.Reject && revokedIn(rep)
		if seen && rep.Verdict == report.Accept {
			t.Fatalf("accepted: %v\n%+v", log, rep.Fetches)
		}
	}
}

// Bodies that prove nothing push out nothing that does, however large they are.
func TestZerosPushNothingOut(t *testing.T) {
	s := newStage(t, "list")
	e := engineFor(t, "", s.root)
	s.serveBody(s.edition(s.root, 2*time.Hour, true))
	if r := s.judged(t, e, policy.Policy{}); r.Verdict != report.Reject {
		t.Fatal(r.Verdict, findings(r))
	}
	zeros := make([]byte, 60<<20)
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { rw.Write(zeros) }))
	defer srv.Close()
	for i := range 6 {
		leaf := s.root.Server("a.test", nil, forge.CRLDP(fmt.Sprint(srv.URL, "/", i)))
		if r := resolveChain(t, e, policy.Policy{}, nil, leaf); r.Verdict != report.Inconclusive {
			t.Error(r.Verdict, findings(r))
		}
	}
	s.serve(s.hostile()["503"])
	if r := s.judged(t, e, policy.Policy{Unknown: policy.UnknownWarn}); r.Verdict != report.Reject {
		t.Error(r.Verdict, findings(r), r.Fetches)
	}
}

// On disk, too, nothing takes the place of a list but later editions of it: the
// list of another part stands beside it, and what proves nothing leaves no trace.
func TestDiskKeepsTheNewest(t *testing.T) {
	s := newStage(t, "list")
	dir := filepath.Join(t.TempDir(), "cache")
	s.serveBody(s.edition(s.root, 2*time.Hour, true))
	s.judged(t, engineFor(t, dir, s.root), policy.Policy{})
	entries := func() (sums []string) {
		t.Helper()
		st, err := store.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		items, err := st.List()
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range items {
			if it.Failure == "" {
				sums = append(sums, it.SHA256)
			}
		}
		return sums
	}
	want := entries()
	if len(want) != 1 {
		t.Fatal(len(want))
	}
	for name, h := range s.hostile() {
		if name == "silence" {
			continue
		}
		s.serve(h)
		s.judged(t, engineFor(t, dir, s.root), policy.Policy{})
		if got := entries(); len(got) > 2 || !slices.Contains(got, want[0]) {
			t.Errorf("%s: %d entries", name, len(got))
		}
	}
	s.serveBody(s.edition(s.root, time.Hour, true))
	e := engineFor(t, dir, s.root)
	for range 2 {
		if r := s.judged(t, e, policy.Policy{}); r.Verdict != report.Reject {
			t.Error(r.Verdict, findings(r))
		}
	}
}

// The report says that a copy stands in, and why.
func TestStandingInIsSaid(t *testing.T) {
	s := newStage(t, "list")
	e := engineFor(t, "", s.root)
	s.serveBody(s.edition(s.root, 2*time.Hour, true))
	s.judged(t, e, policy.Policy{})
	s.serve(s.hostile()["HTML"])
	r := s.judged(t, e, policy.Policy{})
	if len(r.Fetches) != 2 || r.Fetches[1].Outcome != report.Cached || r.Fetches[1].Detail == "" {
		t.Errorf("%+v", r.Fetches)
	}
	i := 0
	for _, f := range r.Paths[0].Certs[0].Findings {
		if f.ID == finding.CRLNotAList {
			i++
		}
	}
	if i != 1 {
		t.Errorf("what came is told %d times: %v", i, findings(r))
	}
	r = s.judged(t, e, policy.Policy{})
	if len(r.Fetches) != 1 || !strings.Contains(r.Fetches[0].Detail, "proves nothing") {
		t.Errorf("%+v", r.Fetches)
	}
}

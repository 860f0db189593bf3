package engine_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/bench/crlgen"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/store"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// weather is a root whose only revocation source is a CRL at a handler.
type weather struct {
	root *forge.CA
	url  string
	hits atomic.Int64
	list forge.CRL
	fetch.Client
	dir string // of the cache on disk, "" = none
}

func newWeather(t *testing.T, h func(w *weather) http.HandlerFunc) *weather {
	w := &weather{root: forge.NewRoot("Weather Root", nil)}
	w.Timeout = 10 * time.Second
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.hits.Add(1)
		h(w)(rw, r)
	}))
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	w.url = s.URL + "/list.crl"
	return w
}

// serves is the well-behaved handler.
func serves(w *weather) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) { rw.Write(w.root.CRL(w.list)) }
}

func (w *weather) leaf(exts ...forge.Ext) *forge.CA {
	return w.root.Server("a.test", nil, append(exts, forge.CRLDP(w.url))...)
}

func (w *weather) engine(t *testing.T) under {
	t.Helper()
	a := certpath.NewAnchors()
	if err := a.Add(w.root.Raw); err != nil {
		t.Fatal(err)
	}
	o := engine.Options{Fetch: &w.Client}
	if w.dir != "" {
		var err error
		if o.Store, err = store.Open(w.dir); err != nil {
			t.Fatal(err)
		}
	}
	e := under{engine.New(o), &engine.Trust{Anchors: a}}
	return e
}

// resolve judges the leaf alone; downloads may come from this machine.
func resolve(e under, leaf *forge.CA, p policy.Policy, access ...download.Access) *report.Report {
	p.Names = []string{"a.test"}
	ev := &evidence.Evidence{Version: evidence.Version, Time: time.Now(), Chain: []evidence.Entry{{Cert: leaf.Raw}}}
	r, _ := e.Resolve(context.Background(), ev, p, here(access...))
	return r
}

// here is the access given, none by default, to servers on this machine.
func here(access ...download.Access) download.Access {
	a := append(access, download.Access{})[0]
	a.Scope = download.ScopePrivate
	return a
}

// explained reports whether a finding of the leaf has the ID, names the URL and
// has a reason that its title shows.
func explained(r *report.Report, id finding.ID, url string) bool {
	for _, f := range r.Paths[0].Certs[0].Findings {
		if f.ID == id && f.Param("url") == url && f.Title() != "" {
			return true
		}
	}
	return false
}

func TestBadWeather(t *testing.T) {
	quick := func(w *weather) { w.Timeout = 300 * time.Millisecond }
	tests := []struct {
		name   string
		serve  func(w *weather) http.HandlerFunc
		setup  func(w *weather)
		want   finding.ID // "" = accepted
		soft   bool       // of the class that Unknown: warn forgives
		sooner time.Duration
	}{
		{name: "slow", want: finding.FetchTimeout, soft: true, setup: quick, sooner: 5 * time.Second, serve: func(*weather) http.HandlerFunc {
			return func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
		}},
		{name: "endless", want: finding.FetchTooLarge, setup: func(w *weather) { w.MaxBytes = 1 << 20 }, serve: func(*weather) http.HandlerFunc {
			return func(rw http.ResponseWriter, _ *http.Request) {
				for b := make([]byte, 1<<16); ; {
					if _, err := rw.Write(b); err != nil {
						return
					}
				}
			}
		}},
		{name: "dripping", want: finding.FetchTimeout, soft: true, setup: quick, sooner: 5 * time.Second, serve: func(w *weather) http.HandlerFunc {
			return func(rw http.ResponseWriter, r *http.Request) {
				for _, b := range w.root.CRL(w.list) {
					rw.Write([]byte{b})
					rw.(http.Flusher).Flush()
					select {
					case <-r.Context().Done():
						return
					case <-time.After(20 * time.Millisecond):
					}
				}
			}
		}},
		{name: "the connection breaks", want: finding.FetchFailed, soft: true, serve: func(w *weather) http.HandlerFunc {
			return func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set("Content-Length", "4096")
				rw.Write(w.root.CRL(w.list))
			}
		}},
		{name: "truncated", want: finding.CRLTruncated, serve: func(w *weather) http.HandlerFunc {
			return func(rw http.ResponseWriter, _ *http.Request) {
				b := w.root.CRL(w.list)
				rw.Write(b[:len(b)-40])
			}
		}},
		{name: "gzip bomb, declared", setup: armed, want: finding.FetchContentEncoding, soft: true, serve: func(*weather) http.HandlerFunc {
			return func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set("Content-Encoding", "gzip")
				rw.Write(bomb())
			}
		}},
		{name: "gzip bomb, undeclared", setup: armed, want: finding.CRLNotAList, serve: func(*weather) http.HandlerFunc {
			return func(rw http.ResponseWriter, _ *http.Request) { rw.Write(bomb()) }
		}},
		{name: "wrong content type", serve: func(w *weather) http.HandlerFunc {
			return func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set("Content-Type", "text/html; charset=utf-8")
				rw.Write(w.root.CRL(w.list))
			}
		}},
		{name: "HTML with 200", want: finding.CRLNotAList, serve: func(*weather) http.HandlerFunc {
			return func(rw http.ResponseWriter, _ *http.Request) {
				io.WriteString(rw, "<!DOCTYPE html><title>Log in</title>")
			}
		}},
		{name: "empty", want: finding.CRLNotAList, serve: func(*weather) http.HandlerFunc { return func(http.ResponseWriter, *http.Request) {} }},
		{name: "500", want: finding.FetchHTTPStatus, soft: true, serve: func(*weather) http.HandlerFunc {
			return func(rw http.ResponseWriter, _ *http.Request) { http.Error(rw, "no", 500) }
		}},
		{name: "redirect loop", want: finding.FetchRedirectLimit, serve: func(w *weather) http.HandlerFunc { return redirectTo(w.url) }},
		{name: "redirect to another name that does not exist", want: finding.FetchFailed, soft: true, setup: noDNS,
			serve: func(*weather) http.HandlerFunc { return redirectTo("http://no-such.test/") }},
		{name: "redirect to a link-local address", want: finding.FetchRefusedAddress,
			serve: func(*weather) http.HandlerFunc { return redirectTo("http://169.254.169.254/") }},
		{name: "redirect to one in IPv6 clothes", want: finding.FetchRefusedAddress,
			serve: func(*weather) http.HandlerFunc { return redirectTo("http://[::ffff:169.254.169.254]/") }},
		{name: "redirect to a file", want: finding.FetchSchemeRefused,
			serve: func(*weather) http.HandlerFunc { return redirectTo("file:///etc/passwd") }},
		{name: "DNS failure", want: finding.FetchFailed, soft: true, serve: serves, setup: func(w *weather) {
			noDNS(w)
			w.url = "http://no-such.test/list.crl"
		}},
		{name: "our clock is a little behind", serve: serves, setup: func(w *weather) { w.list.ThisUpdate = time.Now().Add(2 * time.Minute) }},
		{name: "our clock is far behind", want: finding.CRLNotYetValid, serve: serves, setup: func(w *weather) { w.list.ThisUpdate = time.Now().Add(2 * time.Hour) }},
		{name: "our clock is a little ahead", serve: serves, setup: func(w *weather) {
			w.list.ThisUpdate, w.list.NextUpdate = time.Now().Add(-24*time.Hour), time.Now().Add(-2*time.Minute)
		}},
		{name: "our clock is far ahead", want: finding.CRLStale, serve: serves, setup: func(w *weather) {
			w.list.ThisUpdate, w.list.NextUpdate = time.Now().Add(-24*time.Hour), time.Now().Add(-2*time.Hour)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWeather(t, tt.serve)
			if tt.setup != nil {
				tt.setup(w)
			}
			start := time.Now()
			r := resolve(w.engine(t), w.leaf(), policy.Policy{})
			if d := time.Since(start); tt.sooner > 0 && d > tt.sooner {
				t.Errorf("it took %v", d)
			}
			if tt.want == "" {
				if r.Verdict != report.Accept {
					t.Errorf("%s: %v", r.Verdict, findings(r))
				}
				return
			}
			if r.Verdict != report.Inconclusive || !explained(r, tt.want, w.url) {
				t.Errorf("%s, %v\n%+v", r.Verdict, findings(r), r.Paths[0].Certs[0].Findings)
			}
			r = resolve(w.engine(t), w.leaf(), policy.Policy{Unknown: policy.UnknownWarn})
			if accepted := r.Verdict == report.Accept; accepted != tt.soft {
				t.Errorf("with unknown=warn: %s %v", r.Verdict, findings(r))
			}
		})
	}
}

func redirectTo(url string) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) { http.Redirect(rw, r, url, http.StatusFound) }
}

// noDNS makes every name fail.
func noDNS(w *weather) {
	w.Resolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("no name server")
	}}
}

// armed makes the bomb before anybody waits for it: that takes long under load.
func armed(*weather) { bomb() }

// bomb is 64 MiB of zeros in 64 KiB of gzip.
var bomb = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	for range 64 {
		z.Write(make([]byte, 1<<20))
	}
	z.Close()
	return b.Bytes()
})

// A list of 100 MB is too much unless the limit says otherwise; then it says
// good and revoked as any other, and from the disk again.
func TestHundredMegabytes(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes seconds")
	}
	set, err := crlgen.New()
	if err != nil {
		t.Fatal(err)
	}
	const n = 2_400_000
	file := filepath.Join(t.TempDir(), "list.crl")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := set.Write(f, n, time.Now()); err != nil {
		t.Fatal(err)
	}
	f.Close()
	w := newWeather(t, func(*weather) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) { http.ServeFile(rw, r, file) }
	})
	w.root = forge.NewRoot("Bench CA", forge.FromSigner("P-256", set.Key))
	if !bytes.Equal(w.root.Name, set.Name) {
		t.Fatal("the generator's issuer has another name")
	}
	w.Timeout = time.Minute
	revoked := w.root.Issue(forge.Cert{Serial: crlgen.Serial(n / 2), Key: w.root.Key,
		Extensions: append(w.root.ServerExts(w.root.Key, forge.DNS("a.test")), forge.CRLDP(w.url))})
	if r := resolve(w.engine(t), revoked, policy.Policy{}); r.Verdict != report.Inconclusive || !explained(r, finding.FetchTooLarge, w.url) {
		t.Errorf("over the limit: %s %v", r.Verdict, findings(r))
	}
	w.MaxBytes, w.dir = 200<<20, filepath.Join(t.TempDir(), "cache")
	good := w.leaf()
	for range 2 { // the second time from the disk, with the saved index
		e := w.engine(t)
		if r := resolve(e, revoked, policy.Policy{}); r.Verdict != report.Reject {
			t.Errorf("revoked: %s %v", r.Verdict, findings(r))
		}
		if r := resolve(e, good, policy.Policy{}); r.Verdict != report.Accept {
			t.Errorf("good: %s %v", r.Verdict, findings(r))
		}
	}
	if n := w.hits.Load(); n != 2 {
		t.Errorf("%d requests, want 2", n)
	}
	indexes, _ := filepath.Glob(filepath.Join(w.dir, "v1/indexes/*"))
	if len(indexes) != 1 {
		t.Errorf("%d indexes on disk", len(indexes))
	}
	// Somebody cuts the file while the engine has it mapped.
	e := w.engine(t)
	resolve(e, good, policy.Policy{}, download.Access{Offline: true})
	bodies, _ := filepath.Glob(filepath.Join(w.dir, "v1/bodies/*"))
	if len(bodies) != 1 || os.Truncate(bodies[0], 4096) != nil {
		t.Fatal("nothing to cut", bodies)
	}
	if r := resolve(e, revoked, policy.Policy{}, download.Access{Offline: true}); r.Verdict == report.Accept {
		t.Error("a revoked certificate is accepted from a file that was cut")
	}
	if r := resolve(w.engine(t), revoked, policy.Policy{}); r.Verdict != report.Reject || w.hits.Load() != 3 {
		t.Errorf("after the cut: %s %v, %d requests", r.Verdict, findings(r), w.hits.Load())
	}
}

// Files of the cache that somebody changed are downloaded again.
func TestCacheTampered(t *testing.T) {
	for _, dir := range []string{"entries", "bodies"} {
		for name, change := range map[string]func([]byte) []byte{
			"cut":     func(b []byte) []byte { return b[:len(b)/2] },
			"empty":   func(b []byte) []byte { return nil },
			"flipped": forge.FlipMiddle,
			"longer":  func(b []byte) []byte { return append(b, 0) },
		} {
			t.Run(dir+" "+name, func(t *testing.T) {
				w := newWeather(t, serves)
				w.dir = filepath.Join(t.TempDir(), "cache")
				leaf := w.leaf()
				w.list.Entries = []forge.Entry{forge.Revoke(leaf.Serial, forge.KeyCompromise)}
				resolve(w.engine(t), leaf, policy.Policy{})
				if err := os.RemoveAll(filepath.Join(w.dir, "v1/learnt")); err != nil { // else that alone refuses
					t.Fatal(err)
				}
				files, _ := filepath.Glob(filepath.Join(w.dir, "v1", dir, "*"))
				if len(files) != 1 {
					t.Fatal(files)
				}
				b, err := os.ReadFile(files[0])
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(files[0], change(b), 0o600); err != nil {
					t.Fatal(err)
				}
				if r := resolve(w.engine(t), leaf, policy.Policy{}, download.Access{Offline: true}); r.Verdict != report.Inconclusive {
					t.Errorf("offline: %s %v", r.Verdict, findings(r))
				}
				if r := resolve(w.engine(t), leaf, policy.Policy{}); r.Verdict != report.Reject || w.hits.Load() != 2 {
					t.Errorf("%s after %d requests: %v", r.Verdict, w.hits.Load(), findings(r))
				}
			})
		}
	}
}

// What cannot be written is told, and changes no verdict.
func TestCacheUnwritable(t *testing.T) {
	w := newWeather(t, serves)
	w.dir = filepath.Join(t.TempDir(), "cache")
	a := certpath.NewAnchors()
	a.Add(w.root.Raw)
	s, err := store.Open(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	var warned []error
	e := under{engine.New(engine.Options{Store: s, Fetch: &w.Client, Warn: func(err error) { warned = append(warned, err) }}), &engine.Trust{Anchors: a}}
	if err := os.RemoveAll(filepath.Join(w.dir, "v1")); err != nil { // as good as read-only, for root too
		t.Fatal(err)
	}
	if r := resolve(e, w.leaf(), policy.Policy{}); r.Verdict != report.Accept {
		t.Errorf("%s %v", r.Verdict, findings(r))
	}
	if len(warned) != 1 || !strings.Contains(warned[0].Error(), w.dir) {
		t.Errorf("warned: %v", warned)
	}
}

// Two engines with a store each on one directory, as two processes would.
func TestCacheRace(t *testing.T) {
	w := newWeather(t, serves)
	w.dir = filepath.Join(t.TempDir(), "cache")
	good, revoked := w.leaf(), w.leaf()
	w.list.Entries = []forge.Entry{forge.Revoke(revoked.Serial, forge.KeyCompromise)}
	var wg sync.WaitGroup
	for range 6 {
		e := w.engine(t)
		wg.Go(func() {
			if r := resolve(e, good, policy.Policy{}); r.Verdict != report.Accept {
				t.Errorf("good: %s %v", r.Verdict, findings(r))
			}
			if r := resolve(e, revoked, policy.Policy{}); r.Verdict != report.Reject {
				t.Errorf("revoked: %s %v", r.Verdict, findings(r))
			}
		})
	}
	wg.Wait()
	s, err := store.Open(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	if sound, problems, err := s.Verify(); sound != 1 || len(problems) > 0 || err != nil {
		t.Error(sound, problems, err)
	}
}

// One request however many ask at once.
func TestSingleFlight(t *testing.T) {
	var all sync.WaitGroup
	all.Add(1)
	w := newWeather(t, func(w *weather) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) { all.Wait(); serves(w)(rw, r) }
	})
	e, leaf := w.engine(t), w.leaf()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if r := resolve(e, leaf, policy.Policy{}); r.Verdict != report.Accept {
				t.Errorf("%s %v", r.Verdict, findings(r))
			}
		})
	}
	time.AfterFunc(100*time.Millisecond, all.Done)
	wg.Wait()
	if n := w.hits.Load(); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// A list that was good for one issuer's key says nothing about the
// certificates of another issuer, though name and URL are the same.
func TestCacheOtherIssuer(t *testing.T) {
	w := newWeather(t, serves)
	w.dir = filepath.Join(t.TempDir(), "cache")
	first, leaf := w.root, w.leaf()
	if r := resolve(w.engine(t), leaf, policy.Policy{}); r.Verdict != report.Accept {
		t.Fatal(r.Verdict, findings(r))
	}
	w.root = forge.NewRoot("Weather Root", nil)
	other := w.leaf()
	if r := resolve(w.engine(t), other, policy.Policy{}, download.Access{Offline: true}); r.Verdict != report.Inconclusive || len(r.Fetches) != 0 {
		t.Errorf("another key of that name: %s %v", r.Verdict, r.Fetches)
	}
	w.root = first
	if r := resolve(w.engine(t), leaf, policy.Policy{}, download.Access{Offline: true}); r.Verdict != report.Accept {
		t.Errorf("the first one: %s %v", r.Verdict, findings(r))
	}
}

// HTTP's ETag, Last-Modified and max-age are kept and honoured, by another
// process too.
func TestHTTPCaching(t *testing.T) {
	for _, header := range []string{"Etag", "Last-Modified", ""} {
		for _, control := range []string{"max-age=0", "no-cache", "max-age=3000", "no-store", ""} {
			t.Run(fmt.Sprint(header, " ", control), func(t *testing.T) {
				value := `"1"`
				if header == "Last-Modified" {
					value = time.Now().UTC().Format(http.TimeFormat)
				}
				var conditional atomic.Int64
				w := newWeather(t, func(w *weather) http.HandlerFunc {
					return func(rw http.ResponseWriter, r *http.Request) {
						if control != "" {
							rw.Header().Set("Cache-Control", control)
						}
						if header != "" {
							rw.Header().Set(header, value)
							if r.Header.Get("If-None-Match") == value || r.Header.Get("If-Modified-Since") == value {
								conditional.Add(1)
								rw.WriteHeader(http.StatusNotModified)
								return
							}
						}
						serves(w)(rw, r)
					}
				})
				w.dir = filepath.Join(t.TempDir(), "cache")
				leaf := w.leaf()
				for range 3 {
					if r := resolve(w.engine(t), leaf, policy.Policy{}); r.Verdict != report.Accept {
						t.Fatal(r.Verdict, findings(r))
					}
				}
				again := control != "max-age=3000" && control != ""
				wantHits, want304 := int64(1), int64(0)
				if again {
					wantHits = 3
					if header != "" && control != "no-store" {
						want304 = 2
					}
				}
				if w.hits.Load() != wantHits || conditional.Load() != want304 {
					t.Errorf("%d requests, %d not modified; want %d, %d", w.hits.Load(), conditional.Load(), wantHits, want304)
				}
			})
		}
	}
}

// A failure is remembered, by another process too, and a body from before it
// still counts.
func TestFailureRemembered(t *testing.T) {
	w := newWeather(t, func(*weather) http.HandlerFunc { return http.NotFound })
	w.dir = filepath.Join(t.TempDir(), "cache")
	leaf := w.leaf()
	e := w.engine(t)
	for _, e := range []under{e, e, w.engine(t)} {
		if r := resolve(e, leaf, policy.Policy{}); r.Verdict != report.Inconclusive || !explained(r, finding.FetchHTTPStatus, w.url) {
			t.Errorf("%s %v", r.Verdict, findings(r))
		}
	}
	if n := w.hits.Load(); n != 1 {
		t.Errorf("%d requests", n)
	}
}

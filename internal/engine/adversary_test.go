package engine_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/store"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// Who answers once in the server's place, with garbage and the server's own
// ETag, does not make the server confirm the garbage from then on.
func TestGarbageConfirmed(t *testing.T) {
	for _, control := range []string{"", "no-cache"} {
		t.Run(control, func(t *testing.T) {
			var honest atomic.Bool
			w := newWeather(t, func(w *weather) http.HandlerFunc {
				return func(rw http.ResponseWriter, r *http.Request) {
					rw.Header().Set("Etag", `"1"`)
					rw.Header().Set("Cache-Control", control)
					switch {
					case !honest.Load():
						fmt.Fprint(rw, "garbage")
					case r.Header.Get("If-None-Match") == `"1"`:
						rw.WriteHeader(http.StatusNotModified)
					default:
						rw.Write(w.root.CRL(w.list))
					}
				}
			})
			w.dir = filepath.Join(t.TempDir(), "cache")
			e, leaf := w.engine(t), w.leaf()
			if r := resolve(e, leaf, policy.Policy{}); r.Verdict != report.Inconclusive {
				t.Fatal(r.Verdict, findings(r))
			}
			honest.Store(true)
			for range 3 {
				if r := resolve(e, leaf, policy.Policy{}); r.Verdict != report.Accept {
					t.Error(r.Verdict, findings(r))
				}
			}
			before := w.hits.Load()
			if r := resolve(w.engine(t), leaf, policy.Policy{}); r.Verdict != report.Accept || control == "" && w.hits.Load() != before {
				t.Error("from the disk:", r.Verdict, findings(r))
			}
		})
	}
}

// A fetched certificate that led to no anchor is not kept on disk: it need not
// be the one that belongs there.
func TestUselessIssuerNotKept(t *testing.T) {
	l, root := newLibrary(t), forge.NewRoot("AIA Root", nil)
	leaf := l.chain(root, 1)
	issuer := l.files["/0.cer"]
	l.files["/0.cer"] = forge.NewRoot("Missing CA 0", nil).Raw
	w := &weather{root: root, dir: filepath.Join(t.TempDir(), "cache")}
	p := policy.Policy{Schemes: policy.Off}
	if r := resolve(w.engine(t), leaf, p); r.Verdict == report.Accept {
		t.Fatal(findings(r))
	}
	l.files["/0.cer"] = issuer
	for range 2 { // the second time from the disk
		if r := resolve(w.engine(t), leaf, p); r.Paths[0].End != report.EndAnchor || len(l.asked) != 2 {
			t.Errorf("the path ends %s, asked for %v", r.Paths[0].End, l.asked)
		}
	}
}

// Somebody cuts the file of a mapped list after it was judged and before it is
// kept again.
func TestCutBeforeKept(t *testing.T) {
	var cut atomic.Pointer[string]
	w := newWeather(t, func(w *weather) http.HandlerFunc {
		body := w.root.CRL(w.list)
		return func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Etag", `"1"`)
			rw.Header().Set("Cache-Control", "no-cache")
			if name := cut.Load(); name != nil {
				os.Truncate(*name, 1<<19)
			}
			if r.Header.Get("If-None-Match") != "" {
				rw.WriteHeader(http.StatusNotModified)
				return
			}
			rw.Write(body)
		}
	})
	for i := range 60_000 {
		w.list.Entries = append(w.list.Entries, forge.Revoke(binary.BigEndian.AppendUint64([]byte{1}, uint64(i)), -1))
	}
	w.dir = filepath.Join(t.TempDir(), "cache")
	leaf := w.leaf()
	resolve(w.engine(t), leaf, policy.Policy{})
	e := w.engine(t)
	if r := resolve(e, leaf, policy.Policy{}); r.Verdict != report.Accept {
		t.Fatal(r.Verdict, findings(r))
	}
	bodies, _ := filepath.Glob(filepath.Join(w.dir, "v1/bodies/*"))
	if len(bodies) != 1 {
		t.Fatal(bodies)
	}
	cut.Store(&bodies[0])
	resolve(e, leaf, policy.Policy{}) // it returns
	if r := resolve(w.engine(t), leaf, policy.Policy{}, download.Access{Offline: true}); r.Verdict == report.Accept {
		t.Error("from the cut file:", findings(r))
	}
}

// Responses and issuers are small: whoever sends much more is cut off long
// before the limit of lists.
func TestLargeSmallBodies(t *testing.T) {
	var sent atomic.Int64
	w := newWeather(t, func(*weather) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) {
			b := make([]byte, 1<<16)
			for sent.Load() < 60<<20 {
				if n, err := rw.Write(b); err != nil || sent.Add(int64(n)) < 0 {
					return
				}
			}
		}
	})
	for name, leaf := range map[string]*forge.CA{
		"ocsp": w.root.Server("a.test", nil, forge.AIA([]string{w.url}, nil)),
		"aia":  w.root.Intermediate("Missing", nil).Server("a.test", nil, forge.AIA(nil, []string{w.url})),
	} {
		for _, limit := range []int64{0, 1 << 10, 1 << 30} {
			sent.Store(0)
			w.MaxBytes = limit
			r := resolve(w.engine(t), leaf, policy.Policy{})
			want := fmt.Sprint("more than ", int64(store.Large-1), " bytes")
			if limit == 1<<10 {
				want = "more than 1024 bytes"
			}
			if len(r.Fetches) != 1 || r.Fetches[0].Detail != want || r.Verdict == report.Accept {
				t.Errorf("%s, limit %d: %s %+v", name, limit, r.Verdict, r.Fetches)
			}
		}
	}
}

// A server that fails costs no run its time while that is remembered, also
// where the cache has an old list that is of no use.
func TestFailureRememberedBesideStaleCopy(t *testing.T) {
	var dead atomic.Bool
	w := newWeather(t, func(w *weather) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) {
			if dead.Load() {
				http.Error(rw, "no", http.StatusServiceUnavailable)
				return
			}
			serves(w)(rw, r)
		}
	})
	w.list.ThisUpdate, w.list.NextUpdate = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
	w.dir = filepath.Join(t.TempDir(), "cache")
	leaf := w.leaf()
	e := w.engine(t)
	if r := resolve(e, leaf, policy.Policy{Stale: policy.StaleAllow}); r.Verdict != report.Accept {
		t.Fatal(r.Verdict, findings(r))
	}
	dead.Store(true)
	before := w.hits.Load()
	for range 3 {
		for _, e := range []under{e, w.engine(t)} {
			if r := resolve(e, leaf, policy.Policy{}); r.Verdict != report.Inconclusive {
				t.Error(r.Verdict, findings(r))
			}
		}
	}
	if n := w.hits.Load() - before; n != 1 {
		t.Errorf("%d requests to a server that fails", n)
	}
}

// Who answers once in the server's place, with an authentic list and tags of
// his own, does not keep its successors away once it has ended.
func TestTagsOfAnother(t *testing.T) {
	for name, header := range map[string][2]string{
		"a date in the future": {"Last-Modified", "Fri, 31 Dec 2100 23:59:59 GMT"},
		"an ETag too long":     {"Etag", `"` + strings.Repeat("x", 30_000) + `"`},
		"a date of today":      {"Last-Modified", time.Now().UTC().Format(http.TimeFormat)},
		"an ETag":              {"Etag", `"1"`},
	} {
		t.Run(name, func(t *testing.T) {
			var honest atomic.Bool
			w := newWeather(t, func(w *weather) http.HandlerFunc {
				return func(rw http.ResponseWriter, r *http.Request) {
					if !honest.Load() {
						rw.Header().Set(header[0], header[1])
						rw.Header().Set("Cache-Control", "no-cache")
						rw.Write(w.root.CRL(w.list))
						return
					}
					if r.Header.Get("If-Modified-Since") != "" || r.Header.Get("If-None-Match") != "" {
						rw.WriteHeader(http.StatusNotModified)
						return
					}
					rw.Write(w.root.CRL(forge.CRL{}))
				}
			})
			w.dir = filepath.Join(t.TempDir(), "cache")
			w.list.ThisUpdate, w.list.NextUpdate = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
			leaf, e := w.leaf(), w.engine(t)
			if r := resolve(e, leaf, policy.Policy{Stale: policy.StaleAllow}); r.Verdict != report.Accept {
				t.Fatal(r.Verdict, findings(r))
			}
			honest.Store(true)
			for _, e := range []under{w.engine(t), e} { // from the disk, from memory
				if r := resolve(e, leaf, policy.Policy{}); r.Verdict != report.Accept {
					t.Error(r.Verdict, findings(r))
				}
			}
		})
	}
}

// A refusal that is due to where the target is says nothing for another target,
// in this engine or another.
func TestRefusalIsOfTheScope(t *testing.T) {
	for name, another := range map[string]bool{"this engine": false, "another": true} {
		w := newWeather(t, serves)
		w.dir = filepath.Join(t.TempDir(), "cache")
		leaf, e := w.leaf(), w.engine(t)
		ev := &evidence.Evidence{Version: evidence.Version, Time: time.Now(), Chain: []evidence.Entry{{Cert: leaf.Raw}}}
		r, _ := e.Resolve(context.Background(), ev, policy.Policy{Names: []string{"a.test"}}, download.Access{})
		if r.Verdict != report.Inconclusive || !explained(r, finding.FetchRefusedAddress, w.url) {
			t.Fatal(r.Verdict, findings(r))
		}
		if another {
			e = w.engine(t)
		}
		if r := resolve(e, leaf, policy.Policy{}); r.Verdict != report.Accept {
			t.Errorf("%s: %s %v", name, r.Verdict, findings(r))
		}
	}
}

// What has just come and is of no use is not asked for again at once.
func TestUselessIsAskedOnce(t *testing.T) {
	w := newWeather(t, func(*weather) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "garbage") }
	})
	if r := resolve(w.engine(t), w.leaf(), policy.Policy{}); r.Verdict != report.Inconclusive || w.hits.Load() != 1 {
		t.Errorf("%s after %d requests", r.Verdict, w.hits.Load())
	}
}

// Beside a download, a copy past its end is none; offline it is a stale one.
func TestEndedCopyBeside(t *testing.T) {
	w := newWeather(t, serves)
	w.list.ThisUpdate, w.list.NextUpdate = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
	leaf, e := w.leaf(), w.engine(t)
	resolve(e, leaf, policy.Policy{Stale: policy.StaleAllow})
	for beside, want := range map[bool]finding.ID{true: finding.RevocationNotFetched, false: finding.CRLStale} {
		if r := resolve(e, leaf, policy.Policy{}, download.Access{Offline: true, Background: beside}); !explained(r, want, w.url) {
			t.Errorf("beside %v: %s %v", beside, r.Verdict, findings(r))
		}
	}
}

// In one engine, too, what was had for one issuer's key is nothing for another's.
func TestMemoryOtherIssuer(t *testing.T) {
	w := newWeather(t, serves)
	other := forge.NewRoot("Weather Root", nil)
	a := certpath.NewAnchors()
	for _, r := range []*forge.CA{w.root, other} {
		if err := a.Add(r.Raw); err != nil {
			t.Fatal(err)
		}
	}
	e := under{engine.New(engine.Options{Fetch: &w.Client}), &engine.Trust{Anchors: a}}
	if r := resolve(e, w.leaf(), policy.Policy{}); r.Verdict != report.Accept {
		t.Fatal(r.Verdict, findings(r))
	}
	leaf := other.Server("a.test", nil, forge.CRLDP(w.url))
	if r := resolve(e, leaf, policy.Policy{}, download.Access{Offline: true}); !explained(r, finding.RevocationNotFetched, w.url) {
		t.Errorf("%s %v", r.Verdict, findings(r))
	}
}

// No more than 64 downloads are made for one judgement, and more is said.
func TestNeedsAreBounded(t *testing.T) {
	w := newWeather(t, func(*weather) http.HandlerFunc { return http.NotFound })
	var chain []evidence.Entry
	ca := w.root
	for i := range 6 {
		var ocsp, lists []string
		for k := range 8 {
			lists = append(lists, fmt.Sprint(w.url, i, k))
			if k < 4 {
				ocsp = append(ocsp, fmt.Sprint(w.url, "/ocsp", i, k))
			}
		}
		exts := []forge.Ext{forge.CRLDP(lists...), forge.AIA(ocsp, nil)}
		if i == 5 {
			ca = ca.Server("a.test", nil, exts...)
		} else {
			ca = ca.Intermediate(fmt.Sprint("CA ", i), nil, exts...)
		}
		chain = append([]evidence.Entry{{Cert: ca.Raw}}, chain...)
	}
	ev := &evidence.Evidence{Version: evidence.Version, Time: time.Now(), Chain: chain}
	r, _ := w.engine(t).Resolve(context.Background(), ev, policy.Policy{Names: []string{"a.test"}, Unknown: policy.UnknownAllow}, here())
	if len(r.Fetches) != 64 || r.Verdict != report.Reject {
		t.Errorf("%d downloads, %s", len(r.Fetches), r.Verdict)
	}
	for _, f := range r.Findings {
		if f.ID == finding.BudgetNeeds {
			return
		}
	}
	t.Error("nothing is said", findings(r))
}

// A target on this machine may point to this machine; one behind a proxy on
// this machine may not.
func TestScopeBehindProxy(t *testing.T) {
	w := newWeather(t, serves)
	for proxy, want := range map[string]report.Verdict{"": report.Accept, "socks5://127.0.0.1:1080": report.Inconclusive} {
		ev := &evidence.Evidence{Version: evidence.Version, Time: time.Now(), Chain: []evidence.Entry{{Cert: w.leaf().Raw}},
			Target: evidence.Target{Host: "a.test", Proxy: proxy}, Connection: evidence.Connection{Addr: "127.0.0.1:443"}}
		r, _ := w.engine(t).Resolve(context.Background(), ev, policy.Policy{}, download.Access{})
		if r.Verdict != want || proxy != "" && !explained(r, finding.FetchRefusedAddress, w.url) {
			t.Errorf("proxy %q: %s %v", proxy, r.Verdict, findings(r))
		}
	}
}

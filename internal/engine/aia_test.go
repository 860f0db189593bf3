package engine_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// library serves CA certificates and notes what was asked for.
type library struct {
	url string

	mu    sync.Mutex
	files map[string][]byte
	asked []string
}

func newLibrary(t *testing.T) *library {
	l := &library{files: map[string][]byte{}}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.asked = append(l.asked, r.URL.Path)
		body, ok := l.files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Write(body)
	}))
	t.Cleanup(s.Close)
	l.url = s.URL
	return l
}

// chain issues n CAs below root, each a file that the next one's AIA names, in
// the three forms in turn, and a leaf; all have a CRL pointer to /crl.
func (l *library) chain(root *forge.CA, n int) *forge.CA {
	ca, exts := root, []forge.Ext{forge.CRLDP(l.url + "/crl")}
	for i := range n {
		ca = ca.Intermediate(fmt.Sprintf("Missing CA %d", i), nil, exts...)
		file := fmt.Sprintf("/%d.cer", i)
		l.files[file] = [][]byte{ca.Raw, forge.PEM("CERTIFICATE", ca.Raw), certsOnly(ca.Raw)}[i%3]
		exts = []forge.Ext{forge.CRLDP(l.url + "/crl"), forge.AIA(nil, []string{l.url + file})}
	}
	return ca.Server("a.test", nil, exts...)
}

// certsOnly is a PKCS #7 that holds one certificate.
func certsOnly(raw []byte) []byte {
	return forge.Seq(forge.OID("1.2.840.113549.1.7.2"), forge.Explicit(0, forge.Seq(forge.Int(1), forge.Set(),
		forge.Seq(forge.OID("1.2.840.113549.1.7.1")), forge.Explicit(0, raw), forge.Set())))
}

// judge resolves the leaf alone and returns how its best path ends and what
// was asked for.
func (l *library) judge(t *testing.T, leaf *forge.CA, anchor *forge.CA, p policy.Policy, access ...download.Access) (*report.Report, []string) {
	t.Helper()
	a := certpath.NewAnchors()
	if err := a.Add(anchor.Raw); err != nil {
		t.Fatal(err)
	}
	e := under{engine.New(engine.Options{Fetch: &fetch.Client{Timeout: 10 * time.Second}}), &engine.Trust{Anchors: a}}
	r := resolve(e, leaf, p, access...)
	l.mu.Lock()
	defer l.mu.Unlock()
	slices.Sort(l.asked)
	return r, l.asked
}

// Missing issuers are fetched, three deep and not deeper, with a warning.
func TestAIADepth(t *testing.T) {
	for missing, want := range map[int]report.PathEnd{1: report.EndAnchor, 3: report.EndAnchor, 4: report.EndNoIssuer} {
		l, root := newLibrary(t), forge.NewRoot("AIA Root", nil)
		r, asked := l.judge(t, l.chain(root, missing), root, policy.Policy{Schemes: policy.Off})
		cers := slices.DeleteFunc(slices.Clone(asked), func(s string) bool { return !strings.HasSuffix(s, ".cer") })
		if got := r.Paths[0].End; got != want || len(cers) != min(missing, 3) {
			t.Errorf("%d missing: the path ends %s, want %s; asked for %v", missing, got, want, asked)
		}
		warned := 0
		for _, f := range r.Paths[0].Findings {
			if f.ID == finding.AIAMissing && f.Severity == finding.Warning {
				warned++
			}
		}
		if warned != min(missing, 3) {
			t.Errorf("%d missing: %d warnings", missing, warned)
		}
	}
}

// No more than four addresses are asked.
func TestAIAFetches(t *testing.T) {
	l, root := newLibrary(t), forge.NewRoot("AIA Root", nil)
	var urls []string
	for i := range 7 {
		urls = append(urls, fmt.Sprintf("%s/no-%d.cer", l.url, i))
	}
	leaf := root.Intermediate("Hidden CA", nil).Server("a.test", nil, forge.AIA(nil, urls))
	r, asked := l.judge(t, leaf, root, policy.Policy{})
	if len(asked) != 4 || r.Verdict != report.Reject {
		t.Errorf("verdict %s, asked for %v", r.Verdict, asked)
	}
}

// On behalf of a chain that reaches no anchor nothing but issuers is fetched:
// no list, no OCSP, neither for the leaf nor for what was fetched.
func TestAIAUnanchored(t *testing.T) {
	l := newLibrary(t)
	leaf := l.chain(forge.NewRoot("Unknown Root", nil), 2)
	r, asked := l.judge(t, leaf, forge.NewRoot("Another Root", nil), policy.Policy{})
	if !slices.Equal(asked, []string{"/0.cer", "/1.cer"}) || r.Verdict != report.Reject {
		t.Errorf("verdict %s, asked for %v", r.Verdict, asked)
	}
}

func TestAIAOff(t *testing.T) {
	for _, a := range []download.Access{{NoAIA: true}, {Offline: true}} {
		l, root := newLibrary(t), forge.NewRoot("AIA Root", nil)
		if r, asked := l.judge(t, l.chain(root, 1), root, policy.Policy{}, a); len(asked) > 0 || r.Verdict != report.Reject {
			t.Errorf("%+v: verdict %s, asked for %v", a, r.Verdict, asked)
		}
	}
}

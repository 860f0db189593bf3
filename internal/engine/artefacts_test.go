package engine_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/ocsp"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// oneResponder answers for a leaf and its intermediate at one address.
type oneResponder struct {
	root, ca, leaf *forge.CA
	url            string

	mu        sync.Mutex
	leafSays  []byte
	asked     map[string]int // by serial number
	caAnswers []byte
}

func newOneResponder(t *testing.T) *oneResponder {
	o := &oneResponder{root: forge.NewRoot("Root", nil), asked: map[string]int{}}
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method == http.MethodGet {
			http.Error(rw, "POST only", http.StatusMethodNotAllowed)
			return
		}
		serial := ocsp.ParseRequest(body).IDs[0].Serial
		o.mu.Lock()
		defer o.mu.Unlock()
		o.asked[string(serial)]++
		if slices.Equal(serial, o.leaf.Serial) {
			rw.Write(o.leafSays)
			return
		}
		rw.Write(o.caAnswers)
	}))
	t.Cleanup(s.Close)
	o.url = s.URL + "/"
	aia := forge.AIA([]string{o.url}, nil)
	o.ca = o.root.Intermediate("CA", nil, aia)
	o.leaf = o.ca.Server("a.test", nil, aia)
	long := o.root.Good(o.ca.Serial)
	long.NextUpdate = time.Now().Add(300 * 24 * time.Hour)
	o.caAnswers = forge.OCSP{Singles: []forge.Single{long}}.Sign(o.root)
	return o
}

// A leaf and its intermediate have one responder, as at many small authorities.
// The leaf's answer ends when it says so, not when the intermediate's does: a
// handshake after its end finds none, and none is not a stale one.
func TestOneResponderTwoAnswers(t *testing.T) {
	for _, from := range []string{"memory", "disk"} {
		t.Run(from, func(t *testing.T) {
			o := newOneResponder(t)
			short := o.ca.Good(o.leaf.Serial)
			short.NextUpdate = time.Now().Add(-time.Minute) // within the skew of five
			o.leafSays = forge.OCSP{Singles: []forge.Single{short}}.Sign(o.ca)
			dir := filepath.Join(t.TempDir(), "cache")
			e := engineFor(t, dir, o.root)
			if r := resolveChain(t, e, policy.Policy{}, nil, o.leaf, o.ca); r.Verdict != report.Accept {
				t.Fatal(r.Verdict, findings(r))
			}
			if from == "disk" {
				e = engineFor(t, dir, o.root)
			}
			r := resolveWith(t, e, policy.Policy{Unknown: policy.UnknownWarn, Skew: time.Nanosecond}, here(download.Access{Offline: true, Background: true}), nil, o.leaf, o.ca)
			if r.Verdict != report.Accept || !explained(r, finding.RevocationNotFetched, o.url) {
				t.Errorf("%s %v", r.Verdict, findings(r))
			}
			if rev := r.Paths[0].Certs[1].Revocation; rev.Status != report.Good {
				t.Errorf("the intermediate: %+v", rev)
			}
		})
	}
}

// One answer that cannot be used keeps the other from nothing.
func TestOneResponderOneUseless(t *testing.T) {
	o := newOneResponder(t)
	o.leafSays = []byte("garbage")
	dir := filepath.Join(t.TempDir(), "cache")
	for range 3 { // the second and the third time from the disk
		if r := resolveChain(t, engineFor(t, dir, o.root), policy.Policy{}, nil, o.leaf, o.ca); r.Verdict != report.Inconclusive {
			t.Fatal(r.Verdict, findings(r))
		}
	}
	if of := o.asked[string(o.ca.Serial)]; of != 1 {
		t.Errorf("the intermediate was asked about %d times", of)
	}
	o.mu.Lock()
	o.leafSays = forge.OCSP{Singles: []forge.Single{o.ca.Good(o.leaf.Serial)}}.Sign(o.ca)
	o.mu.Unlock()
	e := engineFor(t, dir, o.root)
	for range 2 {
		if r := resolveChain(t, e, policy.Policy{}, nil, o.leaf, o.ca); r.Verdict != report.Accept {
			t.Fatal(r.Verdict, findings(r))
		}
	}
	if of := o.asked[string(o.ca.Serial)]; of != 1 || o.asked[string(o.leaf.Serial)] != 4 {
		t.Errorf("asked %d times about the intermediate, %d about the leaf", of, o.asked[string(o.leaf.Serial)])
	}
}

// Two issuers name one address for their lists. What came from there for one of
// them is not kept for the other, whose list it is not.
func TestOneAddressTwoIssuers(t *testing.T) {
	w := newWeather(t, serves)
	ca := w.root.Intermediate("CA", nil, forge.CRLDP(w.url))
	leaf := ca.Server("a.test", nil, forge.CRLDP(w.url))
	w.dir = filepath.Join(t.TempDir(), "cache")
	if r := resolveChain(t, w.engine(t), policy.Policy{}, nil, leaf, ca); r.Verdict == report.Accept || w.hits.Load() != 2 {
		t.Fatal(r.Verdict, findings(r), w.hits.Load())
	}
	kept, _ := filepath.Glob(filepath.Join(w.dir, "v1/entries/*"))
	if len(kept) != 1 {
		t.Errorf("%d entries on disk", len(kept))
	}
	r := resolveWith(t, w.engine(t), policy.Policy{}, here(download.Access{Offline: true}), nil, leaf, ca)
	if rev := r.Paths[0].Certs[1].Revocation; rev.Status != report.Good || !explained(r, finding.RevocationNotFetched, w.url) {
		t.Errorf("offline: %+v %v", rev, findings(r))
	}
}

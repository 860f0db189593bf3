package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/store"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// fickle is an authority whose list and responder say what a test wants them to.
type fickle struct {
	root, stranger, ca, leaf *forge.CA
	url                      string

	mu         sync.Mutex
	list, ocsp func() (status int, body []byte)
	hits       int
}

func newFickle(t testing.TB) *fickle {
	f := &fickle{root: forge.NewRoot("Fickle Root", nil), stranger: forge.NewRoot("Stranger", nil)}
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		answer := f.list
		if !strings.HasSuffix(r.URL.Path, "/list.crl") {
			answer = f.ocsp
		}
		f.hits++
		f.mu.Unlock()
		rw.Header().Set("Cache-Control", "no-cache") // or it would not be asked again
		if answer == nil {
			rw.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		status, body := answer()
		rw.WriteHeader(status)
		rw.Write(body)
	}))
	t.Cleanup(s.Close)
	f.url = s.URL
	f.ca = f.root.Intermediate("Fickle CA", nil)
	f.leaf = f.ca.Server("a.test", nil, forge.CRLDP(s.URL+"/list.crl"), forge.AIA([]string{s.URL + "/ocsp"}, nil))
	return f
}

// say sets what list and responder say; nil: nothing.
func (f *fickle) say(list, ocsp []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list, f.ocsp = nil, nil
	if list != nil {
		f.list = func() (int, []byte) { return http.StatusOK, list }
	}
	if ocsp != nil {
		f.ocsp = func() (int, []byte) { return http.StatusOK, ocsp }
	}
}

// edition is a list so old and with that number.
func (f *fickle) edition(age time.Duration, number int64, es ...forge.Entry) []byte {
	return f.ca.CRL(forge.CRL{ThisUpdate: time.Now().Add(-age), Entries: es, Extensions: []forge.Ext{forge.CRLNumber(number)}})
}

func (f *fickle) revokes() forge.Entry { return forge.Revoke(f.leaf.Serial, forge.KeyCompromise) }

func (f *fickle) response(by *forge.CA, age time.Duration, s forge.Single) []byte {
	s.ThisUpdate = time.Now().Add(-age)
	return forge.OCSP{Singles: []forge.Single{s}}.Sign(by)
}

func (f *fickle) judge(e under, p policy.Policy, a download.Access, staple []byte) *report.Report {
	r, _ := e.Resolve(context.Background(), f.evidence(staple), p, here(a))
	return r
}

func (f *fickle) evidence(staple []byte) *evidence.Evidence {
	return &evidence.Evidence{Version: evidence.Version, Source: evidence.SourceDial, Time: time.Now(), Target: evidence.Target{Host: "a.test"},
		Chain: []evidence.Entry{{Cert: f.leaf.Raw, Staple: staple}, {Cert: f.ca.Raw}}}
}

// ids are the findings of the leaf.
func ids(r *report.Report) (out []finding.ID) {
	for _, f := range r.Paths[r.Chosen].Certs[0].Findings {
		out = append(out, f.ID)
	}
	return out
}

var soft = policy.Policy{Unknown: policy.UnknownWarn}

// No order of honest and hostile answers, in whatever process they come, ends in
// an acceptance once a revocation was seen: in the memory of one engine, or on a
// disk that engines share, across restarts and evictions.
func TestNoOrderTakesARevocationBack(t *testing.T) {
	f := newFickle(t)
	short := 24
	if testing.Short() {
		short = 6
	}
	lists := map[string][]byte{
		"nothing": nil, "empty": {}, "garbage": []byte("<html>log in</html>"), "octets": {0x30, 0x03, 0x02, 0x01, 0x05},
		"good": f.edition(3*time.Hour, 5), "revoking": f.edition(2*time.Hour, 7, f.revokes()), "older": f.edition(9*time.Hour, 3),
		"newest": f.edition(time.Minute, 9), "revoking again": f.edition(time.Second, 11, f.revokes()),
		"unsigned": f.stranger.CRL(forge.CRL{Issuer: f.ca.Name}), "foreign": f.root.CRL(forge.CRL{}),
		"stale":          f.ca.CRL(forge.CRL{ThisUpdate: time.Now().AddDate(0, 0, -20), NextUpdate: time.Now().AddDate(0, 0, -10)}),
		"stale revoking": f.ca.CRL(forge.CRL{ThisUpdate: time.Now().AddDate(0, 0, -20), NextUpdate: time.Now().AddDate(0, 0, -10), Entries: []forge.Entry{f.revokes()}}),
		"delta":          f.ca.CRL(forge.CRL{Extensions: []forge.Ext{forge.CRLNumber(12), forge.DeltaIndicator(5)}}),
		"delta revoking": f.ca.CRL(forge.CRL{Entries: []forge.Entry{f.revokes()}, Extensions: []forge.Ext{forge.CRLNumber(12), forge.DeltaIndicator(5)}}),
		"delta removing": f.ca.CRL(forge.CRL{Entries: []forge.Entry{forge.Revoke(f.leaf.Serial, forge.RemoveFromCRL)}, Extensions: []forge.Ext{forge.CRLNumber(13), forge.DeltaIndicator(5)}}),
	}
	good, revoked := f.ca.Good(f.leaf.Serial), f.ca.RevokedSingle(f.leaf.Serial, forge.KeyCompromise)
	answers := map[string][]byte{
		"nothing": nil, "garbage": []byte("<html>log in</html>"), "tryLater": forge.OCSP{Status: forge.TryLater}.Sign(f.ca),
		"good": f.response(f.ca, 3*time.Hour, good), "revoked": f.response(f.ca, 2*time.Hour, revoked), "good again": f.response(f.ca, time.Minute, good),
		"unknown": f.response(f.ca, time.Hour, f.ca.UnknownSingle(f.leaf.Serial)), "foreign": f.response(f.ca, time.Hour, f.ca.Good([]byte{7})),
		"unsigned": f.response(f.stranger, time.Minute, good), "stale": f.response(f.ca, 20*24*time.Hour, good), "stale revoked": f.response(f.ca, 20*24*time.Hour, revoked),
	}
	names := func(m map[string][]byte) (out []string) {
		for n := range m {
			out = append(out, n)
		}
		slices.Sort(out)
		return out
	}
	listNames, answerNames := names(lists), names(answers)
	for seed := range uint64(short) {
		rng := rand.New(rand.NewPCG(seed, 1))
		dir := filepath.Join(t.TempDir(), "cache")
		engines := []under{engineFor(t, "", f.root), engineFor(t, dir, f.root), engineFor(t, dir, f.root)}
		var seen [2]bool // by the engine without a disk, and by those that share one
		var trace []string
		for range 30 {
			l, o, s := listNames[rng.IntN(len(listNames))], answerNames[rng.IntN(len(answerNames))], answerNames[rng.IntN(len(answerNames))]
			if rng.IntN(3) > 0 {
				s = "nothing"
			}
			f.say(lists[l], answers[o])
			n := rng.IntN(len(engines))
			domain := min(n, 1)
			how := rng.IntN(6)
			p, a := soft, download.Access{}
			var staple []byte
			if s != "nothing" {
				staple = answers[s]
			}
			switch how {
			case 0: // the process ends; what it had in memory is gone
				if n > 0 {
					engines[n] = engineFor(t, dir, f.root)
				}
			case 1: // the cache is emptied, and failures are forgotten with it
				if st, err := store.Open(dir); err == nil {
					st.Prune(0, 0)
				}
			case 2:
				a = download.Access{Offline: true, Background: true}
			case 3:
				a.Nonce = true
			case 4:
				p.Stop = policy.StopFirst
			}
			if failures, _ := filepath.Glob(filepath.Join(dir, "v1/entries/*.failure")); rng.IntN(2) > 0 { // a minute passes
				for _, file := range failures {
					os.Remove(file)
				}
				if n > 0 {
					engines[n] = engineFor(t, dir, f.root)
				}
			}
			var r *report.Report
			if rng.IntN(2) > 0 {
				r, _, _ = engines[n].Handshake(t.Context(), f.evidence(staple), [][][]byte{{f.leaf.Raw, f.ca.Raw, f.root.Raw}}, p, here(a), []assemble.Detail{assemble.Full, assemble.Brief}[rng.IntN(2)])
			} else {
				r = f.judge(engines[n], p, a, staple)
			}
			trace = append(trace, fmt.Sprintf("engine %d, %d: list %s, responder %s, staple %s: %s %v", n, how, l, o, s, r.Verdict, ids(r)))
			if r.Verdict == report.Accept && seen[domain] {
				t.Fatalf("seed %d: accepted\n%s", seed, strings.Join(trace, "\n"))
			}
			for _, c := range r.Paths[r.Chosen].Certs {
				seen[domain] = seen[domain] || c.Revocation != nil && c.Revocation.Status == report.Revoked ||
					slices.ContainsFunc(c.Findings, func(f finding.Finding) bool {
						return f.ID == finding.CRLStaleListed || f.ID == finding.OCSPStaleRevoked
					})
			}
		}
		if !seen[0] && !seen[1] {
			t.Errorf("seed %d shows nothing", seed)
		}
	}
}

// At nextUpdate, with the list's address blocked, the certificate stays revoked;
// another one of the list, which is not revoked, is not had any more.
func TestRevokedBeyondNextUpdate(t *testing.T) {
	f := newFickle(t)
	dir := filepath.Join(t.TempDir(), "cache")
	e := engineFor(t, dir, f.root)
	p := policy.Policy{Unknown: policy.UnknownWarn, Skew: time.Millisecond}
	next := time.Now().Add(2 * time.Second)
	body := f.ca.CRL(forge.CRL{NextUpdate: next, Entries: []forge.Entry{f.revokes()}})
	f.say(body, nil)
	if r := f.judge(e, p, download.Access{}, nil); r.Verdict != report.Reject {
		t.Fatal(r.Verdict, ids(r))
	}
	other := f.ca.Server("a.test", nil, forge.CRLDP(f.url+"/list.crl"))
	background := download.Access{Offline: true, Background: true}
	if r := resolveWith(t, e, p, here(background), nil, other, f.ca); r.Verdict != report.Accept {
		t.Fatal(r.Verdict, ids(r))
	}
	f.say(nil, nil)
	time.Sleep(time.Until(next.Add(1100 * time.Millisecond)))
	for name, e := range map[string]under{"this process": e, "the next": engineFor(t, dir, f.root)} {
		for what, a := range map[string]download.Access{"background": background, "online": {}} {
			if r := f.judge(e, p, a, nil); r.Verdict != report.Reject || !slices.Contains(ids(r), finding.CertRevoked) {
				t.Errorf("%s, %s: %s %v", name, what, r.Verdict, ids(r))
			}
		}
		r := resolveWith(t, e, p, here(background), nil, other, f.ca)
		if r.Verdict != report.Accept || !slices.Contains(ids(r), finding.RevocationNotFetched) {
			t.Errorf("%s, another certificate: %s %v", name, r.Verdict, ids(r))
		}
		if r := resolveWith(t, e, policy.Policy{Unknown: policy.UnknownDeny, Skew: time.Millisecond}, here(background), nil, other, f.ca); r.Verdict != report.Reject {
			t.Errorf("%s, another certificate, denied: %s %v", name, r.Verdict, ids(r))
		}
	}
}

// Visits to other hosts, however many, take nothing back.
func TestOtherHostsEvictNothing(t *testing.T) {
	f := newFickle(t)
	e := engineFor(t, "", f.root)
	f.say(f.edition(time.Hour, 5, f.revokes()), nil)
	if r := f.judge(e, soft, download.Access{}, nil); r.Verdict != report.Reject {
		t.Fatal(r.Verdict)
	}
	f.say(f.edition(time.Hour, 5), nil)
	for n := range 950 {
		other := f.ca.Server("a.test", f.leaf.Key, forge.CRLDP(fmt.Sprintf("%s/%d/list.crl", f.url, n)))
		if r := resolveChain(t, e, soft, nil, other, f.ca); r.Verdict != report.Accept {
			t.Fatal(n, r.Verdict, ids(r))
		}
	}
	f.say(nil, nil)
	if r := f.judge(e, soft, download.Access{}, nil); r.Verdict != report.Reject {
		t.Errorf("%s %v", r.Verdict, ids(r))
	}
}

// One tenant's roots decide nothing for another that shares the engine.
func TestTenantsRoots(t *testing.T) {
	f := newFickle(t)
	e := engineFor(t, filepath.Join(t.TempDir(), "cache"), f.root)
	hostile := forge.NewRoot("Hostile Root", nil)
	cross, twin := hostile.Intermediate("Fickle CA", f.ca.Key), hostile.Intermediate("Fickle CA", nil)
	f.say(twin.CRL(forge.CRL{Entries: []forge.Entry{f.revokes()}}), nil) // another key of the name may revoke
	tenant := under{e.Engine, engineFor(t, "", hostile).trust}
	if r := resolveChain(t, tenant, soft, nil, f.leaf, cross, twin); r.Verdict != report.Reject || !slices.Contains(ids(r), finding.CertRevoked) {
		t.Fatalf("the tenant itself: %s %v", r.Verdict, ids(r))
	}
	f.say(f.edition(time.Hour, 5), nil)
	if r := f.judge(e, soft, download.Access{}, nil); r.Verdict != report.Accept {
		t.Errorf("another tenant: %s %v", r.Verdict, ids(r))
	}
	if r := resolveChain(t, tenant, soft, nil, f.leaf, cross); r.Verdict != report.Reject {
		t.Errorf("the tenant later: %s %v", r.Verdict, ids(r))
	}
	both := under{e.Engine, engineFor(t, "", f.root, hostile).trust}
	if r := resolveChain(t, both, soft, nil, f.leaf, f.ca); r.Verdict != report.Reject {
		t.Errorf("who trusts both: %s %v", r.Verdict, ids(r))
	}
}

// What was consulted is evidence: judged again, from the file too, it says the
// same, and nothing else is consulted then.
func TestLearntIsEvidence(t *testing.T) {
	f := newFickle(t)
	e := engineFor(t, "", f.root)
	staple := f.response(f.ca, time.Hour, f.ca.RevokedSingle(f.leaf.Serial, forge.KeyCompromise))
	f.judge(e, soft, download.Access{}, staple)
	r, ev := e.Resolve(t.Context(), f.evidence(nil), soft, here())
	if r.Verdict != report.Reject || len(ev.Learnt) != 1 {
		t.Fatal(r.Verdict, ids(r), ev.Learnt)
	}
	b, err := evidence.Encode(ev)
	if err != nil {
		t.Fatal(err)
	}
	saved, err := evidence.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	ignorant := engineFor(t, "", f.root)
	for name, e := range map[string]under{"who learnt it": e, "another": ignorant} {
		if again := e.Judge(t.Context(), saved, soft, download.Access{Offline: true}); again.Verdict != report.Reject || !slices.Equal(ids(again), ids(r)) {
			t.Errorf("%s: %s %v, want %v", name, again.Verdict, ids(again), ids(r))
		}
		without := *saved
		without.Learnt, without.Signers = nil, nil
		if again := e.Judge(t.Context(), &without, soft, download.Access{Offline: true}); again.Verdict != report.Accept {
			t.Errorf("%s, without the entry: %s %v", name, again.Verdict, ids(again))
		}
		early := soft
		early.Time = time.Now().Add(-24 * time.Hour)
		if again := e.Judge(t.Context(), saved, early, download.Access{Offline: true}); slices.Contains(ids(again), finding.CertRevoked) {
			t.Errorf("%s: it speaks before its date: %v", name, ids(again))
		}
		off := soft
		off.Schemes = policy.Only(policy.CRL)
		if again := e.Judge(t.Context(), saved, off, download.Access{Offline: true}); slices.Contains(ids(again), finding.CertRevoked) {
			t.Errorf("%s: it speaks for a scheme that is off: %v", name, ids(again))
		}
	}
	if n := len(ignorant.Learnt()); n != 0 {
		t.Errorf("evidence of others was learnt: %d entries", n)
	}
	// Nor is what was gathered long ago.
	single := f.ca.RevokedSingle(f.leaf.Serial, forge.KeyCompromise)
	single.ThisUpdate = time.Now().Add(-50 * time.Minute)
	old := f.evidence(forge.OCSP{ProducedAt: time.Now().Add(-40 * time.Minute), Singles: []forge.Single{single}}.Sign(f.ca))
	for ago, want := range map[time.Duration]int{30 * time.Minute: 0, 0: 1} {
		e := engineFor(t, "", f.root)
		old.Time = time.Now().Add(-ago)
		if r := e.Judge(t.Context(), old, soft, download.Access{}); r.Verdict != report.Reject || len(e.Learnt()) != want {
			t.Errorf("evidence of %v ago: %s, %d entries", ago, r.Verdict, len(e.Learnt()))
		}
	}
	// What is judged for another time is consulted, and teaches nothing.
	past := engineFor(t, "", f.root)
	early := soft
	early.Time = time.Now().Add(-10 * time.Second)
	if r := f.judge(past, early, download.Access{}, staple); r.Verdict != report.Reject || len(past.Learnt()) != 0 {
		t.Errorf("%s, %d entries", r.Verdict, len(past.Learnt()))
	}
}

// A path on which somebody issued who may not teaches nothing: anybody with a
// certificate could fill the memory.
func TestUnfitIssuersTeachNothing(t *testing.T) {
	f := newFickle(t)
	e := engineFor(t, "", f.root)
	fake := f.leaf.Intermediate("Fake CA", nil)
	victim := fake.Server("a.test", nil)
	staple := forge.OCSP{Singles: []forge.Single{fake.RevokedSingle(victim.Serial, forge.KeyCompromise)}}.Sign(fake)
	if r := resolveChain(t, e, soft, [][]byte{staple}, victim, fake, f.leaf, f.ca); r.Verdict != report.Reject {
		t.Fatal(r.Verdict)
	}
	for _, l := range e.Learnt() {
		if bytes.Equal(l.Serial, victim.Serial) {
			t.Errorf("learnt %+v", l)
		}
	}
}

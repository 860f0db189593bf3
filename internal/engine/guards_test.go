package engine

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/learnt"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// guarded is an engine that judges under one trust set.
type guarded struct {
	*Engine
	trust *Trust
}

func (g guarded) newJudgement(ev *evidence.Evidence, p policy.Policy, a download.Access) *judgement {
	return g.Engine.newJudgement(ev, g.trust, p, a, assemble.Full)
}

func guardEngine(t *testing.T, anchors ...[]byte) guarded {
	set := certpath.NewAnchors()
	for _, a := range anchors {
		if err := set.Add(a); err != nil {
			t.Fatal(err)
		}
	}
	return guarded{New(Options{}), &Trust{Anchors: set}}
}

// Pointers are followed only when the signatures reach an anchor: else they
// are anybody's text.
func TestUnprovenPointers(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	for _, forged := range []bool{false, true} {
		c := forge.Cert{Key: forge.P256()}
		c.Extensions = append(root.ServerExts(c.Key, forge.DNS("a.test")), forge.CRLDP("http://crl.test/"))
		if forged {
			c.MutateSig = forge.Flip
		}
		ev := &evidence.Evidence{Time: time.Now(), Target: evidence.Target{Host: "a.test"}, Chain: []evidence.Entry{{Cert: root.Issue(c).Raw}}}
		j := guardEngine(t, root.Raw).newJudgement(ev, policy.Policy{}, download.Access{})
		last := j.judge(t.Context())
		r := j.report(last)
		if (len(last.wants) == 0) != forged || r.Verdict == report.Accept {
			t.Errorf("forged %v: %s, needs %+v", forged, r.Verdict, last.wants)
		}
		i := slices.IndexFunc(r.Checks, func(c report.Check) bool { return c.Name == "revocation" })
		if c := r.Checks[i]; forged && (c.State != report.NotDone || !c.Required) {
			t.Errorf("the check of revocation: %+v", c)
		}
	}
}

// No judgement asks for more than maxNeeds downloads.
func TestNeedsAreBounded(t *testing.T) {
	j := guardEngine(t).newJudgement(&evidence.Evidence{}, policy.Policy{}, download.Access{Offline: true})
	var needs []download.Need
	for i := range 3 * maxNeeds {
		needs = append(needs, download.Need{Kind: download.CRL, URL: fmt.Sprint("http://crl.test/", i)})
	}
	j.fetchAll(t.Context(), needs)
	if len(j.asked) != maxNeeds || !slices.ContainsFunc(j.setup, func(f finding.Finding) bool { return f.ID == finding.BudgetNeeds }) {
		t.Errorf("%d asked, findings %v", len(j.asked), j.setup)
	}
}

// A proxy's address earns the target nothing.
func TestScope(t *testing.T) {
	for addr, want := range map[string]fetch.Scope{"127.0.0.1:443": {Loopback: true}, "10.0.0.1:443": {Private: true}, "8.8.8.8:443": {}, "": {}, "[::ffff:10.0.0.1]:443": {Private: true}} {
		for _, proxy := range []string{"", "http://127.0.0.1:8080"} {
			ev := &evidence.Evidence{Target: evidence.Target{Proxy: proxy}, Connection: evidence.Connection{Addr: addr}}
			got := guardEngine(t).newJudgement(ev, policy.Policy{}, download.Access{}).scope()
			if proxy != "" {
				want = fetch.Scope{}
			}
			if got != want {
				t.Errorf("%s, proxy %q: %+v", addr, proxy, got)
			}
		}
	}
}

// Only kinds of the table that may be waived are, whoever asks.
func TestAllowGuards(t *testing.T) {
	for id, ok := range map[finding.ID]bool{finding.MustStapleMissing: true, finding.CertRevoked: false, finding.NameMismatch: false,
		finding.SignatureInvalid: false, finding.BudgetPaths: false, finding.InternalError: false, "x-mine": false} {
		if err := (policy.Policy{Allow: []finding.ID{id}}).Validate(); (err == nil) != ok {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// What crypto/tls refused is refused, sound as it may look here.
func TestRefusedNeverAccepts(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	leaf := root.Server("a.test", nil)
	ev := &evidence.Evidence{Time: time.Now(), Target: evidence.Target{Host: "a.test"}, Chain: []evidence.Entry{{Cert: leaf.Raw}}}
	e := guardEngine(t, root.Raw)
	r := e.Refused(ev, e.trust, policy.Policy{Schemes: policy.Off}, "because")
	if r.Verdict != report.Reject || r.Headline == nil || r.Headline.Finding.ID != finding.X509Refused {
		t.Errorf("%s, %+v", r.Verdict, r.Headline)
	}
}

// An acceptance that a revocation has overtaken, learnt by another judgement after
// the last round began, is judged again.
func TestOvertaken(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	leaf := root.Server("a.test", nil)
	e := guardEngine(t, root.Raw)
	p := policy.Policy{Names: []string{"a.test"}, Unknown: policy.UnknownWarn}
	ev := func(staple []byte) *evidence.Evidence {
		return &evidence.Evidence{Version: evidence.Version, Time: time.Now(), Chain: []evidence.Entry{{Cert: leaf.Raw, Staple: staple}}}
	}
	j := e.newJudgement(ev(nil), p, download.Access{Offline: true})
	last := j.resolve(t.Context())
	if r := j.report(last); r.Verdict != report.Accept {
		t.Fatal(r.Verdict)
	}
	path := last.path()
	if len(path.Certs) != 1 || !e.Stands(path, e.trust, p, func() {}) {
		t.Fatal("it does not stand before anything was learnt", path)
	}
	staple := forge.OCSP{Singles: []forge.Single{root.RevokedSingle(leaf.Serial, forge.KeyCompromise)}}.Sign(root)
	if r, _ := e.Resolve(t.Context(), ev(staple), e.trust, p, download.Access{Offline: true}, assemble.Full); r.Verdict != report.Reject {
		t.Fatal(r.Verdict)
	}
	if e.Stands(path, e.trust, p, func() { t.Error("an acceptance was stored") }) {
		t.Error("it stands")
	}
	off := p
	off.Schemes = policy.Only(policy.CRL)
	if !e.Stands(path, e.trust, off, func() {}) {
		t.Error("it does not stand for whom the scheme is off")
	}
	if _, r := j.standing(last, func() *round { return j.judge(t.Context()) }); r.Verdict != report.Reject {
		t.Errorf("%s: what was overtaken is accepted", r.Verdict)
	}
	b := path.Append(path.Append(nil))
	one, rest, ok := learnt.ParsePath(b)
	two, rest, ok2 := learnt.ParsePath(rest)
	if !ok || !ok2 || len(rest) != 0 || !one.Equal(path) || !two.Equal(path) {
		t.Errorf("%v, %v, %d octets left", one, two, len(rest))
	}
	for n := range len(b) / 2 {
		if _, _, ok := learnt.ParsePath(b[:n]); ok {
			t.Errorf("%d octets are a path", n)
		}
	}
}

package revocation_test

import (
	"context"
	"crypto"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	. "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/revocation"
	"github.com/assaytls/assay/ocsp"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

const (
	ocspURL = "http://ocsp.example/"
	crlURL  = "http://crl.example/ca.crl"
	rootURL = "http://crl.example/root.crl"
	day     = 24 * time.Hour
)

// world is a PKI in which every certificate but the root has pointers.
type world struct {
	root, ca, leaf, other *CA
	now                   time.Time
}

func newWorld(leafExts ...Ext) *world {
	w := &world{now: time.Now().Truncate(time.Second)}
	w.root = NewRoot("Test Root", nil)
	w.ca = w.root.Intermediate("Test CA", nil, CRLDP(rootURL))
	w.leaf = w.ca.Server("good.example", nil, Merge([]Ext{AIA([]string{ocspURL}, nil), CRLDP(crlURL)}, leafExts...)...)
	w.other = w.ca.Server("other.example", nil)
	return w
}

func parse(cas ...*CA) (out []*cert.Certificate) {
	for _, c := range cas {
		out = append(out, cert.Parse(c.Raw))
	}
	return out
}

// input is a path whose intermediate is known to be good.
func (w *world) input() revocation.Input {
	return revocation.Input{Path: parse(w.leaf, w.ca, w.root), Time: w.now,
		Artefacts: []revocation.Artefact{{Kind: revocation.KindCRL, URL: rootURL, Body: w.root.CRL(CRL{}), Fetched: w.now}}}
}

// State is what a source delivers.
type state string

const (
	absent       state = "absent"
	good         state = "good"
	isRevoked    state = "revoked"
	unknown      state = "unknown"
	stale        state = "stale"
	staleRevoked state = "stale-revoked"
	badSignature state = "bad-signature"
	foreign      state = "foreign"
	unavailable  state = "unavailable"
	tryLater     state = "try-later"
	garbage      state = "garbage"
	tooLarge     state = "too-large"
	refused      state = "refused-address"
)

func (w *world) response(s state) []byte {
	single := w.ca.Good(w.leaf.Serial)
	o := OCSP{}
	switch s {
	case isRevoked:
		single = w.ca.RevokedSingle(w.leaf.Serial, KeyCompromise)
	case unknown:
		single = w.ca.UnknownSingle(w.leaf.Serial)
	case stale:
		single.ThisUpdate, single.NextUpdate = w.now.Add(-20*day), w.now.Add(-10*day)
		o.ProducedAt = w.now.Add(-time.Minute)
	case staleRevoked:
		single = w.ca.RevokedSingle(w.leaf.Serial, KeyCompromise)
		single.ThisUpdate, single.NextUpdate = w.now.Add(-20*day), w.now.Add(-10*day)
	case badSignature:
		o.MutateSig = FlipMiddle
	case foreign:
		single = w.ca.Good(w.other.Serial)
	case tryLater:
		o.Status = TryLater
	case garbage:
		return []byte("<html>welcome</html>")
	}
	o.Singles = []Single{single}
	return o.Sign(w.ca)
}

func (w *world) list(s state) []byte {
	c := CRL{Entries: []Entry{Revoke(w.other.Serial, Superseded)}}
	switch s {
	case isRevoked:
		c.Entries = append(c.Entries, Revoke(w.leaf.Serial, KeyCompromise))
	case stale:
		c.ThisUpdate, c.NextUpdate = w.now.Add(-20*day), w.now.Add(-10*day)
	case staleRevoked:
		c.Entries = append(c.Entries, Revoke(w.leaf.Serial, KeyCompromise))
		c.ThisUpdate, c.NextUpdate = w.now.Add(-20*day), w.now.Add(-10*day)
	case badSignature:
		c.MutateSig = FlipMiddle
	case foreign:
		return w.root.CRL(c)
	case garbage:
		return []byte("<html>welcome</html>")
	}
	return w.ca.CRL(c)
}

func (w *world) artefact(kind, url string, s state, body func(state) []byte) []revocation.Artefact {
	a := revocation.Artefact{Kind: kind, URL: url, Fetched: w.now}
	if kind == revocation.KindOCSP {
		a.Request = OCSPRequest(nil, w.ca.CertID(w.leaf.Serial))
	}
	switch s {
	case absent:
		return nil
	case unavailable:
		a.Failure, a.Detail = finding.FetchTimeout, "10s"
	case tooLarge:
		a.Failure, a.Detail = finding.FetchTooLarge, "64 MiB"
	case refused:
		a.Failure, a.Detail = finding.FetchRefusedAddress, "169.254.169.254"
	default:
		a.Body = body(s)
	}
	return []revocation.Artefact{a}
}

func verdictOf(fs []finding.Finding) report.Verdict {
	switch report.Worst(fs) {
	case finding.Error:
		return report.Reject
	case finding.Inconclusive:
		return report.Inconclusive
	}
	return report.Accept
}

// expect is the rules of a verdict (ARCHITECTURE.md) written down once more, as
// plainly as possible, to be compared with revocation.Judge over every combination.
func expect(p policy.Policy, must bool, staple, resp, list state) (report.Status, report.Verdict) {
	sources := []state{staple, resp, list}
	if p.Stop == policy.StopFirst {
		for i, s := range sources {
			if s == good || s == isRevoked || s == stale && p.Stale == policy.StaleAllow {
				sources = sources[:i+1]
				break
			}
		}
	}
	has := func(want ...state) bool {
		return slices.ContainsFunc(sources, func(s state) bool { return slices.Contains(want, s) })
	}
	if has(isRevoked) || p.Stale == policy.StaleAllow && has(staleRevoked) {
		return report.Revoked, report.Reject
	}
	// An error status is soft when fetched; a staple that says it is invalid.
	soft := true
	for i, s := range sources {
		soft = soft && (s == absent || s == unavailable || s == tryLater && i > 0)
	}
	anyGood := has(good) || p.Stale == policy.StaleAllow && has(stale)
	v := report.Accept
	status := report.Good
	switch {
	case has(unknown):
		status, v = report.Unknown, report.Inconclusive
	case !anyGood:
		status = report.Unknown
		if v = report.Inconclusive; soft && (p.Unknown == policy.UnknownWarn || p.Unknown == policy.UnknownAllow) {
			v = report.Accept
		}
	case has(staleRevoked, tooLarge):
		v = report.Inconclusive
	}
	if status == report.Unknown && p.Unknown == policy.UnknownDeny && (slices.Contains([]state{absent, unavailable, tryLater}, resp) || list == absent || list == unavailable) {
		v = report.Reject
	}
	if must && staple != good {
		v = report.Reject
	}
	return status, v
}

// byTable is the order in which expect looks at the sources.
var byTable = policy.Only(policy.Staple, policy.OCSP, policy.CRL)

// TestEveryCombination judges every combination of what the three sources can
// deliver under several policies, and compares with expect. It proves that
// revoked always wins and that nothing but an authentic, fresh "good" (or a
// policy that says so) ever accepts.
func TestEveryCombination(t *testing.T) {
	staples := []state{absent, good, isRevoked, unknown, stale, staleRevoked, badSignature, foreign, tryLater, garbage}
	responses := append(slices.Clone(staples), unavailable, tooLarge, refused)
	lists := []state{absent, good, isRevoked, stale, staleRevoked, badSignature, foreign, garbage, unavailable, tooLarge, refused}
	policies := []policy.Policy{{}, {Stop: policy.StopFirst}, {Unknown: policy.UnknownWarn}, {Unknown: policy.UnknownAllow}, {Unknown: policy.UnknownDeny}, {Stale: policy.StaleAllow}, {Stop: policy.StopFirst, Stale: policy.StaleAllow, Unknown: policy.UnknownWarn}}
	n := 0
	for _, must := range []bool{false, true} {
		w := newWorld()
		if must {
			w = newWorld(MustStaple())
		}
		memo := cert.NewMemo(1 << 12)
		base := w.input()
		base.Memo = memo
		bodies := map[state][]byte{}
		for _, s := range responses {
			bodies[s] = w.response(s)
		}
		crls := map[state][]byte{}
		for _, s := range lists {
			crls[s] = w.list(s)
		}
		for _, p := range policies {
			for _, st := range staples {
				for _, re := range responses {
					for _, li := range lists {
						in := base
						in.Policy = p
						in.Policy.Schemes = byTable
						if st != absent {
							in.Staples = [][]byte{bodies[st]}
						}
						in.Artefacts = slices.Concat(base.Artefacts,
							w.artefact(revocation.KindOCSP, ocspURL, re, func(s state) []byte { return bodies[s] }),
							w.artefact(revocation.KindCRL, crlURL, li, func(s state) []byte { return crls[s] }))
						res := revocation.Judge(context.Background(), in)
						status, verdict := expect(p, must, st, re, li)
						got := res.Certs[0]
						if got.Revocation.Status != status || verdictOf(got.Findings) != verdict {
							t.Errorf("must-staple %v, policy %+v, staple %s, ocsp %s, crl %s: %s, %s; want %s, %s\n%v", must, p, st, re, li,
								got.Revocation.Status, verdictOf(got.Findings), status, verdict, got.Findings)
						}
						check(t, in, res)
						if n++; t.Failed() && n > 2000 {
							t.FailNow()
						}
					}
				}
			}
		}
	}
	t.Logf("%d combinations", n)
}

// check holds what must be true of any judgement.
func check(t *testing.T, in revocation.Input, res revocation.Result) {
	t.Helper()
	if c := res.Certs[1]; c.Revocation.Status != report.Good || verdictOf(c.Findings) != report.Accept {
		t.Fatalf("the intermediate is %+v", c)
	}
	c := res.Certs[0]
	accepted := verdictOf(c.Findings) == report.Accept
	authenticGood := false
	for _, a := range c.Revocation.Sources {
		authenticGood = authenticGood || a.Status == report.Good
		if a.Status == report.Revoked && accepted {
			t.Errorf("accepted although %s says revoked", a.Scheme)
		}
		if a.Status == "" && a.Detail == "" {
			t.Errorf("source %+v says nothing and not why", a)
		}
	}
	if accepted && !authenticGood && in.Policy.Unknown != policy.UnknownWarn && in.Policy.Unknown != policy.UnknownAllow {
		t.Errorf("accepted with no good answer: %+v", c)
	}
	if accepted && len(c.Findings) == 0 && !authenticGood {
		t.Errorf("silently accepted: %+v", c)
	}
	for _, f := range c.Findings {
		if _, ok := finding.Lookup(f.ID); !ok {
			t.Errorf("unknown finding %s", f.ID)
		}
	}
	// Asking again for what is there already would never end.
	for _, n := range res.Needs {
		for _, a := range in.Artefacts {
			if a.Kind == n.Kind && a.URL == n.URL {
				t.Errorf("need %s %s although it is there", n.Kind, n.URL)
			}
		}
	}
}

// The needs are those of the path's certificates, all at once, each once.
func TestNeeds(t *testing.T) {
	w := newWorld()
	in := w.input()
	in.Policy.Schemes = byTable
	in.Artefacts = nil
	res := revocation.Judge(context.Background(), in)
	var got []string
	for _, n := range res.Needs {
		got = append(got, fmt.Sprint(n.Kind, " ", n.URL, " ", n.Cert))
		if n.IssuerKey == [32]byte{} {
			t.Errorf("need %s has no issuer key", n.URL)
		}
		if n.Kind == revocation.KindOCSP {
			req := ocsp.ParseRequest(n.Request)
			if len(req.IDs) != 1 || !req.IDs[0].Matches(in.Path[0], in.Path[1]) || req.IDs[0].Hash != crypto.SHA1 || req.Nonce != nil {
				t.Errorf("request %+v", req)
			}
		}
	}
	if want := []string{"ocsp " + ocspURL + " 0", "crl " + crlURL + " 0", "crl " + rootURL + " 1"}; !slices.Equal(got, want) {
		t.Errorf("needs %q, want %q", got, want)
	}
	in.Policy.Stop = policy.StopFirst
	if res = revocation.Judge(context.Background(), in); len(res.Needs) != 2 || res.Needs[0].Kind != revocation.KindOCSP || res.Needs[1].URL != rootURL {
		t.Errorf("stop first needs %+v", res.Needs)
	}
	in.Artefacts = w.artefact(revocation.KindOCSP, ocspURL, unavailable, nil)
	if res = revocation.Judge(context.Background(), in); len(res.Needs) != 2 || res.Needs[0].URL != crlURL {
		t.Errorf("then it needs %+v", res.Needs)
	}
	in.Artefacts = nil
	in.Staples = [][]byte{w.response(good)}
	if res = revocation.Judge(context.Background(), in); len(res.Needs) != 1 || res.Needs[0].URL != rootURL {
		t.Errorf("with a good staple it needs %+v", res.Needs)
	}
	in.Policy = policy.Policy{Depth: policy.DepthLeaf}
	if res = revocation.Judge(context.Background(), in); len(res.Needs) != 2 || res.Certs[1].Revocation.Why != "not-asked" {
		t.Errorf("leaf only needs %+v", res.Needs)
	}
	in.Policy = policy.Policy{Schemes: policy.Off}
	if res = revocation.Judge(context.Background(), in); len(res.Needs) != 0 || res.Certs[0].Revocation.Status != report.NotApplicable {
		t.Errorf("off needs %+v", res.Needs)
	}
}

package engine_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

func anchorsOf(t *testing.T, roots ...*forge.CA) *certpath.Anchors {
	t.Helper()
	a := certpath.NewAnchors()
	for _, r := range roots {
		if err := a.Add(r.Raw); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// trustCase is evidence and what it comes to under one of several trust sets.
type trustCase struct {
	name    string
	trust   *engine.Trust
	certs   []*forge.CA // sent
	policy  policy.Policy
	want    report.Verdict
	id      finding.ID // a finding that there must be
	fetches int        // downloads and cache hits that there may be at most
}

// One engine judges under many trust sets, in any order and at once, and what
// was accepted under one helps nobody under another, though the bodies,
// signatures and certificates are remembered.
func TestTrustSetsApart(t *testing.T) {
	l := newLibrary(t)
	root, stranger, namesake := forge.NewRoot("Trusted Root", nil), forge.NewRoot("Stranger Root", nil), forge.NewRoot("Trusted Root", nil)
	missing := l.chain(root, 1) // its issuer is to be fetched
	l.files["/crl"] = nil

	// A CA below two roots, and an issuer of its lists below one of them.
	key := forge.NewKey("P-256")
	below, besides := root.Intermediate("Shared CA", key), stranger.Intermediate("Shared CA", key)
	lists := root.Issue(forge.Cert{Subject: forge.CN("List Issuer"), Key: forge.NewKey("P-256"),
		Extensions: []forge.Ext{forge.BasicConstraints(false, -1), forge.KeyUsage(forge.CRLSign)}})
	indirect := below.Server("a.test", nil, forge.CRLDPs(forge.DP{FullName: [][]byte{forge.URI(l.url + "/indirect")}, CRLIssuer: [][]byte{forge.DirName(lists.Name)}}))
	l.files["/indirect"] = lists.CRL(forge.CRL{Extensions: []forge.Ext{forge.IDP{FullName: [][]byte{forge.URI(l.url + "/indirect")}, Indirect: true}.Ext()}})

	// A log that one list knows.
	logKey, otherKey := forge.P256(), forge.P256()
	logged := root.Server("a.test", nil)
	logs := func(k *forge.Key) *ct.LogList {
		list, err := ct.ParseLogList(forge.LogList(time.Now(), forge.Log{Key: k, Description: "Log", Operator: "op", URL: "https://log.test/"}))
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	scts := forge.SCTList(forge.SCT{}.SignX509(logKey, logged.Raw))
	yes, no := func([]byte) bool { return true }, func([]byte) bool { return false }

	a, b, c := anchorsOf(t, root), anchorsOf(t, stranger), anchorsOf(t, namesake)
	off := policy.Policy{Schemes: policy.Off}
	leafOnly := policy.Policy{Depth: policy.DepthLeaf}
	strict := policy.Policy{Schemes: policy.Off, CT: policy.CTRequire}
	chrome := policy.Policy{Schemes: policy.Off, CT: policy.CTChrome}
	ta, tb := &engine.Trust{Anchors: a}, &engine.Trust{Anchors: b}
	cases := []trustCase{
		{"the issuer leads to the anchor", ta, []*forge.CA{missing}, off, report.Accept, finding.AIAMissing, 9},
		{"it leads nowhere", tb, []*forge.CA{missing}, off, report.Reject, "", 9},
		{"the anchor's name and another key", &engine.Trust{Anchors: c}, []*forge.CA{missing}, off, report.Reject, "", 9},
		{"no anchors", &engine.Trust{}, []*forge.CA{missing}, off, report.Reject, finding.AnchorsEmpty, 9},
		{"no trust at all", nil, []*forge.CA{missing}, off, report.Reject, finding.AnchorsEmpty, 9},

		{"the issuer of lists is below the anchor", ta, []*forge.CA{indirect, below, besides, lists}, leafOnly, report.Accept, "", 9},
		{"it is below another", tb, []*forge.CA{indirect, below, besides, lists}, leafOnly, report.Inconclusive, finding.CRLIssuerUntrusted, 9},

		{"the log is known", &engine.Trust{Anchors: a, LogList: logs(logKey)}, []*forge.CA{logged}, strict, report.Accept, "", 0},
		{"another log is known", &engine.Trust{Anchors: a, LogList: logs(otherKey)}, []*forge.CA{logged}, strict, report.Reject, finding.CTSCTUnknownLog, 0},
		{"no log list", ta, []*forge.CA{logged}, strict, report.Inconclusive, finding.CTNoLogList, 0},
		{"a public anchor", &engine.Trust{Anchors: a, LogList: logs(logKey), Public: yes}, []*forge.CA{logged}, chrome, report.Reject, finding.CTPolicyUnmet, 0},
		{"the same anchor, a private one", &engine.Trust{Anchors: a, LogList: logs(logKey), Public: no}, []*forge.CA{logged}, chrome, report.Accept, finding.CTPrivateAnchor, 0},
	}
	e := engine.New(engine.Options{Fetch: &fetch.Client{Timeout: 10 * time.Second}})
	judge := func(c trustCase) {
		ev := &evidence.Evidence{Version: evidence.Version, Source: evidence.SourceDial, Time: time.Now()}
		for _, one := range c.certs {
			ev.Chain = append(ev.Chain, evidence.Entry{Cert: one.Raw})
		}
		if c.certs[0] == logged {
			ev.TLSSCTs = scts
		}
		c.policy.Names = []string{"a.test"}
		r, gathered := e.Resolve(context.Background(), ev, c.trust, c.policy, here(), assemble.Full)
		has := slices.ContainsFunc(findings(r), func(f string) bool { return strings.HasSuffix(f, " "+string(c.id)) })
		if r.Verdict != c.want || c.id != "" && !has || len(r.Fetches) > c.fetches {
			t.Errorf("%s: %s %v, fetches %v", c.name, r.Verdict, findings(r), r.Fetches)
		}
		if r.AnchorsHash != gathered.AnchorsHash || ev.AnchorsHash != "" || len(ev.Artefacts) > 0 {
			t.Errorf("%s: the evidence was written to, or what was gathered does not name its anchors", c.name)
		}
	}
	for range 2 { // in this order, then in the other
		for _, c := range cases {
			judge(c)
		}
		slices.Reverse(cases)
	}
	var wg sync.WaitGroup
	for _, c := range slices.Repeat(cases, 3) {
		wg.Go(func() { judge(c) })
	}
	wg.Wait()
}

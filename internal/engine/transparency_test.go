package engine_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// SCTs that the server staples count whatever is asked about revocation; those of
// a response that is fetched or comes as a file never do. A staple that says
// revoked gives no SCTs, and with revocation off no status either.
func TestOCSPSCTs(t *testing.T) {
	root := forge.NewRoot("OCSP Root", nil)
	leaf := root.Server("ocsp.test", nil)
	key := forge.P256()
	list, err := ct.ParseLogList(forge.LogList(time.Now(), forge.Log{Key: key, Description: "OCSP Log", Operator: "op", URL: "https://log.test/"}))
	if err != nil {
		t.Fatal(err)
	}
	anchors := certpath.NewAnchors()
	if err := anchors.Add(root.Raw); err != nil {
		t.Fatal(err)
	}
	e := under{engine.New(engine.Options{}), &engine.Trust{Anchors: anchors, LogList: list}}
	response := func(single forge.Single) []byte {
		single.Extensions = []forge.Ext{forge.OCSPSCTs(forge.SCTList(forge.SCT{}.SignX509(key, leaf.Raw)))}
		return forge.OCSP{Singles: []forge.Single{single}}.Sign(root)
	}
	good, revoked := response(root.Good(leaf.Serial)), response(root.RevokedSingle(leaf.Serial, 1))
	file := []evidence.Artefact{{Kind: "ocsp-file", URL: "response.der", Body: good}}
	for _, c := range []struct {
		what      string
		staple    []byte
		artefacts []evidence.Artefact
		schemes   policy.Schemes
		met       bool
		status    report.Status
	}{
		{"staple", good, nil, 0, true, report.Good},
		{"staple, revocation off", good, nil, policy.Off, true, ""},
		{"staple, only lists", good, nil, policy.Only(policy.CRL), true, report.NotApplicable},
		{"not the staple", nil, file, 0, false, report.Good},
		{"both", good, file, 0, true, report.Good},
		{"revoked staple, revocation off", revoked, nil, policy.Off, false, ""},
		{"revoked staple", revoked, nil, 0, false, report.Revoked},
	} {
		ev := &evidence.Evidence{Version: evidence.Version, Time: time.Now(), Target: evidence.Target{Host: "ocsp.test"},
			Chain: []evidence.Entry{{Cert: leaf.Raw, Staple: c.staple}}, Artefacts: c.artefacts}
		r := e.Judge(context.Background(), ev, policy.Policy{CT: policy.CTRequire, Schemes: c.schemes}, download.Access{})
		if r.CT == nil || r.CT.Met == nil || *r.CT.Met != c.met {
			t.Errorf("%s: %s, %+v %v", c.what, r.Verdict, r.CT, findings(r))
			continue
		}
		var status report.Status
		if rev := r.Paths[r.Chosen].Certs[0].Revocation; rev != nil {
			status = rev.Status
		}
		if status != c.status {
			t.Errorf("%s: status %q, want %q", c.what, status, c.status)
		}
	}
}

// Of two trusted anchors one is publicly trusted. Browsers' rules apply in whatever
// order the server sends the certificates that lead to them, and to none when the
// public one is not reached by a valid path.
func TestPublicInAnyOrder(t *testing.T) {
	public, private := forge.NewRoot("Public Root", nil), forge.NewRoot("Private Root", nil)
	key := forge.P256()
	ca := private.Intermediate("Shared CA", key)
	cross, expired := public.Intermediate("Shared CA", key), public.Issue(forge.Cert{Subject: ca.Name, Key: key, NotBefore: time.Now().AddDate(-2, 0, 0), NotAfter: time.Now().AddDate(-1, 0, 0),
		Extensions: []forge.Ext{forge.BasicConstraints(true, -1), forge.KeyUsage(forge.KeyCertSign, forge.CRLSign), forge.SKI(key.ID()), forge.AKI(public.Key.ID())}})
	leaf := ca.Server("order.test", nil)
	list, err := ct.ParseLogList(forge.LogList(time.Now(), forge.Log{Key: forge.P256(), Description: "Log", Operator: "op", URL: "https://log.test/"}))
	if err != nil {
		t.Fatal(err)
	}
	anchors := certpath.NewAnchors()
	for _, root := range []*forge.CA{private, public} {
		if err := anchors.Add(root.Raw); err != nil {
			t.Fatal(err)
		}
	}
	e := under{engine.New(engine.Options{}), &engine.Trust{Anchors: anchors, LogList: list, Public: func(spki []byte) bool { return bytes.Equal(spki, public.Key.SPKI) }}}
	for _, c := range []struct {
		what  string
		sent  []*forge.CA
		apply bool
	}{
		{"private first", []*forge.CA{ca, cross}, true}, {"public first", []*forge.CA{cross, ca}, true}, {"private alone", []*forge.CA{ca}, false},
		{"private first, public expired", []*forge.CA{ca, expired}, false}, {"public expired, then private", []*forge.CA{expired, ca}, false},
	} {
		ev := &evidence.Evidence{Version: evidence.Version, Time: time.Now(), Target: evidence.Target{Host: "order.test"}, Chain: []evidence.Entry{{Cert: leaf.Raw}}}
		for _, s := range c.sent {
			ev.Chain = append(ev.Chain, evidence.Entry{Cert: s.Raw})
		}
		r := e.Judge(context.Background(), ev, policy.Policy{CT: policy.CTChrome, Schemes: policy.Off}, download.Access{})
		if r.CT == nil || (r.CT.Met != nil) != c.apply || (r.Verdict == report.Reject) != c.apply {
			t.Errorf("%s: %s, %+v %v", c.what, r.Verdict, r.CT, findings(r))
		}
	}

	// In a handshake the chains that crypto/tls verified decide, in whatever order,
	// and whether or not their anchors are those of this engine.
	chain := func(certs ...*forge.CA) (ders [][]byte) {
		for _, c := range certs {
			ders = append(ders, c.Raw)
		}
		return ders
	}
	toPrivate, toPublic := chain(leaf, ca, private), chain(leaf, cross, public)
	foreign := under{engine.New(engine.Options{}), &engine.Trust{Anchors: certpath.NewAnchors(), LogList: list, Public: e.trust.Public}}
	for _, c := range []struct {
		what   string
		chains [][][]byte
		apply  bool
	}{
		{"private first", [][][]byte{toPrivate, toPublic}, true}, {"public first", [][][]byte{toPublic, toPrivate}, true}, {"private alone", [][][]byte{toPrivate}, false},
	} {
		for _, e := range []under{e, foreign} {
			ev := &evidence.Evidence{Version: evidence.Version, Time: time.Now(), Source: evidence.SourceHandshake, Target: evidence.Target{Host: "order.test", SNI: "order.test"},
				Chain: []evidence.Entry{{Cert: leaf.Raw}, {Cert: ca.Raw}, {Cert: cross.Raw}}}
			r, _, _ := e.Handshake(context.Background(), ev, c.chains, policy.Policy{CT: policy.CTChrome, Schemes: policy.Off}, download.Access{}, assemble.Brief)
			if (r.Verdict == report.Reject) != c.apply || c.apply && (r.CT == nil || r.CT.Met == nil) {
				t.Errorf("a handshake, %s: %s, %+v %v", c.what, r.Verdict, r.CT, findings(r))
			}
		}
	}
}

// TLS 1.3 sends SCTs beside each certificate. They belong to that certificate
// wherever it stands on the path, and what is wrong with them is said there.
func TestEntrySCTs(t *testing.T) {
	root := forge.NewRoot("Entry Root", nil)
	inter := root.Intermediate("Entry CA", nil)
	stray := root.Intermediate("Entry Stray CA", nil)
	leaf := inter.Server("entry.test", nil)
	key := forge.P256()
	list, err := ct.ParseLogList(forge.LogList(time.Now(), forge.Log{Key: key, Description: "Entry Log", Operator: "op", URL: "https://log.test/"}))
	if err != nil {
		t.Fatal(err)
	}
	anchors := certpath.NewAnchors()
	if err := anchors.Add(root.Raw); err != nil {
		t.Fatal(err)
	}
	e := under{engine.New(engine.Options{}), &engine.Trust{Anchors: anchors, LogList: list}}
	scts := func(s forge.SCT, der []byte) []byte { return forge.SCTList(s.SignX509(key, der)) }
	bad := forge.SCT{MutateSig: forge.FlipMiddle}
	for _, c := range []struct {
		what        string
		leaf, inter []byte
		depth       policy.CTDepth
		met         bool
		at          int // the certificate with CTNoValidSCT, -1 for none
	}{
		{"both", scts(forge.SCT{}, leaf.Raw), scts(forge.SCT{}, inter.Raw), policy.CTChain, true, -1},
		{"leaf only", scts(forge.SCT{}, leaf.Raw), nil, policy.CTChain, false, 1},
		{"leaf only, leaf asked", scts(forge.SCT{}, leaf.Raw), nil, policy.CTLeaf, true, -1},
		{"intermediate only", nil, scts(forge.SCT{}, inter.Raw), policy.CTChain, false, 0},
		{"the leaf's beside the intermediate", scts(forge.SCT{}, leaf.Raw), scts(forge.SCT{}, leaf.Raw), policy.CTChain, false, 1},
		{"a wrong signature", scts(forge.SCT{}, leaf.Raw), scts(bad, inter.Raw), policy.CTChain, false, 1},
	} {
		ev := &evidence.Evidence{Version: evidence.Version, Time: time.Now(), Target: evidence.Target{Host: "entry.test"}, TLSSCTs: c.leaf,
			Chain: []evidence.Entry{{Cert: leaf.Raw, SCTs: c.leaf}, {Cert: stray.Raw}, {Cert: inter.Raw, SCTs: c.inter}}}
		r := e.Judge(context.Background(), ev, policy.Policy{CT: policy.CTRequire, CTDepth: c.depth, Schemes: policy.Off}, download.Access{})
		if r.CT == nil || r.CT.Met == nil || *r.CT.Met != c.met || (r.Verdict == report.Accept) != c.met {
			t.Errorf("%s: %s, %+v %v", c.what, r.Verdict, r.CT, findings(r))
			continue
		}
		at := -1
		for i, pc := range r.Paths[r.Chosen].Certs {
			for _, f := range pc.Findings {
				if f.ID == finding.CTNoValidSCT {
					at = i
				}
			}
		}
		if at != c.at {
			t.Errorf("%s: the finding is on certificate %d, want %d", c.what, at, c.at)
		}
	}
}

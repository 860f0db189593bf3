package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

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
		r := e.Judge(context.Background(), ev, policy.Policy{CT: policy.CTStrict, CTDepth: c.depth, Schemes: policy.Off}, engine.Access{})
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

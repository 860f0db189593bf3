package revocation_test

import (
	"slices"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
	. "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/revocation"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// When what is unknown is denied, or the user gave files, a certificate about
// which nobody says anything is unknown, though it names nobody to ask.
func TestAnswersDemanded(t *testing.T) {
	silent := newWorld().with(Cert{})
	short := newWorld().with(Cert{NotBefore: silent.now.Add(-time.Hour), NotAfter: silent.now.Add(6*day - time.Hour)})
	noRevAvail := newWorld().with(Cert{}, NoRevAvail())
	deny := policy.Policy{Unknown: policy.UnknownDeny}
	other := lists(t, NewRoot("Stranger", nil).CRL(CRL{}))
	type change = func(*revocation.Input)
	withLists := func(in *revocation.Input) { in.Offered = other }
	withResponse := func(in *revocation.Input) { in.OfferedOCSP = [][]byte{silent.response(foreign)} }
	public := func(in *revocation.Input) { in.Public = true }
	for name, c := range map[string]struct {
		w       *world
		policy  policy.Policy
		change  change
		want    report.Status
		verdict report.Verdict
	}{
		"by default":                              {silent, policy.Policy{}, nil, report.NotApplicable, report.Accept},
		"unknown is warned of":                    {silent, policy.Policy{Unknown: policy.UnknownWarn}, nil, report.NotApplicable, report.Accept},
		"unknown is denied":                       {silent, deny, nil, report.Unknown, report.Reject},
		"another's list from a file":              {silent, policy.Policy{}, withLists, report.Unknown, report.Inconclusive},
		"another's list, unknown is warned of":    {silent, policy.Policy{Unknown: policy.UnknownWarn}, withLists, report.Unknown, report.Accept},
		"another's list, and lists are not asked": {silent, policy.Policy{Schemes: policy.Only(policy.OCSP)}, withLists, report.NotApplicable, report.Accept},
		"another's response from a file":          {silent, policy.Policy{}, withResponse, report.Unknown, report.Inconclusive},
		"noRevAvail":                              {noRevAvail, deny, withLists, report.NotApplicable, report.Accept},
		"short-lived":                             {short, policy.Policy{}, nil, report.NotApplicable, report.Accept},
		"short-lived, denied":                     {short, deny, nil, report.Unknown, report.Reject},
		"short-lived, with a file":                {short, policy.Policy{}, withLists, report.Unknown, report.Inconclusive},
		"short-lived, denied, a public anchor":    {short, deny, public, report.NotApplicable, report.Accept},
	} {
		in := c.w.input()
		in.Policy = c.policy
		if c.change != nil {
			c.change(&in)
		}
		got := judge(in).Certs[0]
		if got.Revocation.Status != c.want || verdictOf(got.Findings) != c.verdict {
			t.Errorf("%s: %s, %s, want %s, %s: %v", name, got.Revocation.Status, verdictOf(got.Findings), c.want, c.verdict, got.Findings)
		}
	}
	// Within the depth that was asked for, and of every certificate there.
	in := silent.input()
	in.Path, in.Policy = parse(silent.leaf, silent.root.Intermediate("Test CA", silent.ca.Key), silent.root), deny
	in.Offered = lists(t, silent.ca.CRL(CRL{}))
	for depth, want := range map[policy.Depth]report.Status{policy.DepthChain: report.Unknown, policy.DepthLeaf: report.NotApplicable} {
		in.Policy.Depth, in.Artefacts = depth, nil
		res := judge(in)
		if res.Certs[0].Revocation.Status != report.Good || res.Certs[1].Revocation.Status != want {
			t.Errorf("depth %v: %+v", depth, res.Certs)
		}
	}
}

// Every file that gave no answer is named with the reason.
func TestUnusedFiles(t *testing.T) {
	w := newWorld().with(Cert{}, CRLDP(crlURL))
	d := w.ca.Responder("Responder", nil)
	stranger := NewRoot("Stranger", nil)
	old := CRL{ThisUpdate: w.now.Add(-20 * day), NextUpdate: w.now.Add(-10 * day)}
	in := w.input()
	in.Offered = lists(t, w.ca.CRL(CRL{}), stranger.CRL(CRL{}), w.ca.CRL(old), w.ca.CRL(CRL{Extensions: []Ext{IDP{OnlyCA: true}.Ext()}}))
	in.OfferedOCSP = [][]byte{w.response(good), w.response(foreign), w.response(stale), OCSP{Singles: []Single{w.root.Good(w.ca.Serial)}}.Sign(w.root)}
	res := judge(in)
	check := func(whys []string, used ...bool) {
		t.Helper()
		for n, why := range whys {
			if (why == "") != used[n] {
				t.Errorf("file %d, used %v: %q", n, used[n], why)
			}
		}
	}
	check(res.Unused, true, false, false, false)
	check(res.UnusedOCSP, true, false, false, true)
	in.Policy.Schemes = policy.Only(policy.CRL)
	check(judge(in).UnusedOCSP, false, false, false, false)
	// A list that speaks about a signer is used too.
	in = w.input()
	in.Policy.Schemes = policy.Only(policy.Staple)
	in.Staples = [][]byte{OCSP{Singles: []Single{w.ca.Good(w.leaf.Serial)}, Certs: [][]byte{d.Raw}}.Sign(d)}
	in.Offered = lists(t, w.ca.CRL(CRL{}))
	check(judge(in).Unused, true)
	if !slices.Contains(ids(judge(w.input()).Certs[0]), finding.RevocationNotFetched) {
		t.Error("a file was found where none was given")
	}
}

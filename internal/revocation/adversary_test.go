package revocation_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
	. "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/revocation"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// What claims to be exempt and is not.
func TestNotExempt(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	w := newWorld().with(Cert{NotBefore: now.Add(time.Hour), NotAfter: now.Add(-time.Hour)}, CRLDP(crlURL))
	wantStatus(t, judge(w.input()).Certs[0], report.Unknown, "", report.Inconclusive)
	w = newWorld().with(Cert{}, NoRevAvail(), FreshestCRL(DP{FullName: [][]byte{URI(crlURL)}}))
	if c := judge(w.input()).Certs[0]; c.Revocation.Why != "no-pointer" || !slices.Contains(ids(c), finding.NoRevAvailConflict) {
		t.Errorf("noRevAvail beside a freshest CRL: %+v", c)
	}
}

// What was had of one address, as one kind, is no answer of another.
func TestArtefactsApart(t *testing.T) {
	w := newWorld().with(Cert{}, CRLDP(crlURL))
	in := w.input()
	in.Artefacts = append(in.Artefacts, w.artefact("delta-crl", crlURL, good, w.list)...)
	if res := judge(in); len(res.Needs) != 1 || res.Certs[0].Revocation.Status != report.Unknown {
		t.Errorf("a delta list's address: %+v", res)
	}
	w = newWorld().with(Cert{}, AIA([]string{ocspURL, ocspURL + "2"}, nil))
	in = w.input()
	in.Artefacts = append(in.Artefacts, w.artefact("ocsp", ocspURL, good, w.response)...)
	if res := judge(in); len(res.Needs) != 1 || res.Needs[0].URL != ocspURL+"2" {
		t.Errorf("a second responder: %+v", res.Needs)
	}
	// SCTs that come with an intermediate's response are none of the leaf's.
	single := w.root.Good(w.ca.Serial)
	single.Extensions = []Ext{OCSPSCTs([]byte{0, 0})}
	in.Staples = [][]byte{nil, OCSP{Singles: []Single{single}}.Sign(w.root)}
	if res := judge(in); res.SCTList != nil || res.Certs[1].Revocation.Status != report.Good {
		t.Errorf("SCTs %x of an intermediate", res.SCTList)
	}
}

// Addresses of one point, deltas and responses from files are bounded too.
func TestMoreBudgets(t *testing.T) {
	var alternatives, deltas [][]byte
	for i := range 20 {
		alternatives = append(alternatives, URI(fmt.Sprint("http://crl.example/alternative", i)))
		deltas = append(deltas, URI(fmt.Sprint("http://crl.example/delta", i)))
	}
	w := newWorld().with(Cert{}, CRLDPs(DP{FullName: alternatives}))
	in := w.input()
	for n := 1; ; n++ {
		res := judge(in)
		if len(res.Needs) == 0 {
			if n != 5 {
				t.Errorf("%d rounds of alternatives", n)
			}
			break
		}
		in.Artefacts = append(in.Artefacts, w.artefact("crl", res.Needs[0].URL, unavailable, nil)...)
	}
	w = newWorld().with(Cert{}, CRLDP(crlURL), FreshestCRL(DP{FullName: deltas}))
	in = w.input()
	in.Artefacts = append(in.Artefacts, w.artefact("crl", crlURL, good, w.list)...)
	if res := judge(in); len(res.Needs) != 8 {
		t.Errorf("%d deltas", len(res.Needs))
	}
	in = newWorld().with(Cert{}).input()
	for range 100 {
		in.OfferedOCSP = append(in.OfferedOCSP, w.response(foreign))
	}
	if n := len(judge(in).Certs[0].Revocation.Sources); n != 64 {
		t.Errorf("%d responses from files", n)
	}
}

// The policy's bound on age reaches every judge, and who vouches for separate
// issuers of lists is asked.
func TestPolicyReachesJudges(t *testing.T) {
	w := newWorld()
	for _, scheme := range policy.AllScheme() {
		for _, c := range []struct {
			age  time.Duration
			want report.Status
		}{{0, report.Good}, {2 * time.Hour, report.Good}, {30 * time.Minute, report.Unknown}} {
			in := w.input()
			in.Policy.Schemes, in.Policy.MaxAge, in.Policy.Depth = policy.Only(scheme), c.age, policy.DepthLeaf
			in.Staples = [][]byte{w.response(good)}
			in.Filters, in.SCTs = w.filters(t, time.Hour, nil, nil)
			in.Artefacts = append(in.Artefacts, w.artefact("crl", crlURL, good, w.list)...)
			in.Artefacts = append(in.Artefacts, w.artefact("ocsp", ocspURL, good, w.response)...)
			if got := judge(in).Certs[0]; got.Revocation.Status != c.want {
				t.Errorf("%s, at most %s old: %s %v", scheme, c.age, got.Revocation.Status, got.Findings)
			}
		}
	}
	second := w.ca.Issue(Cert{Subject: w.ca.Name, Extensions: []Ext{BasicConstraints(false, -1), KeyUsage(CRLSign)}})
	in := w.input()
	in.Policy.Schemes, in.Policy.Depth, in.Pool = policy.Only(policy.CRL), policy.DepthLeaf, parse(second)
	in.Artefacts = append(in.Artefacts, revocation.Artefact{Kind: "crl", URL: crlURL, Body: second.CRL(CRL{})})
	for _, vouched := range []bool{false, true} {
		if in.Signers = below(); vouched {
			in.Signers = below(w.ca, w.root)
		}
		if got := judge(in).Certs[0].Revocation.Status; (got == report.Good) != vouched {
			t.Errorf("vouched for: %v, %s", vouched, got)
		}
	}
	if in.Signers = nil; judge(in).Certs[0].Revocation.Status != report.Unknown {
		t.Error("nobody to ask, and good")
	}
}

// The list of a second authority of the issuer's name clears only by leave of
// the policy, and then with a warning.
func TestOtherKeyByPolicy(t *testing.T) {
	w := newWorld()
	second := w.root.Intermediate("Test CA", nil)
	in := w.input()
	in.Policy.Schemes, in.Policy.Depth, in.Pool = policy.Only(policy.CRL), policy.DepthLeaf, parse(second)
	in.Signers = below(w.root)
	in.Artefacts = append(in.Artefacts, revocation.Artefact{Kind: "crl", URL: crlURL, Body: second.CRL(CRL{})})
	for allowed, want := range map[bool]report.Status{false: report.Unknown, true: report.Good} {
		if in.Policy.Allow = nil; allowed {
			in.Policy.Allow = []finding.ID{finding.CRLOtherKey}
		}
		c := judge(in).Certs[0]
		i := slices.IndexFunc(c.Findings, func(f finding.Finding) bool { return f.ID == finding.CRLOtherKey })
		if c.Revocation.Status != want || i < 0 || (c.Findings[i].Severity == finding.Warning) != allowed {
			t.Errorf("allowed %v: %s, %v", allowed, c.Revocation.Status, c.Findings)
		}
	}
}

// One address that certificates of different issuers name is asked for each.
func TestNeedsOfEachIssuer(t *testing.T) {
	w := newWorld()
	w.ca = w.root.Intermediate("Test CA", nil, CRLDP(crlURL))
	w = w.with(Cert{}, CRLDP(crlURL))
	in := w.input()
	in.Artefacts = nil
	if res := judge(in); len(res.Needs) != 2 || res.Needs[0].IssuerKey == res.Needs[1].IssuerKey {
		t.Errorf("%+v", res.Needs)
	}
}

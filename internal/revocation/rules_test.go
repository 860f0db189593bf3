package revocation_test

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/finding"
	. "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/revocation"
	"github.com/assaytls/assay/ocsp"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

func judge(in revocation.Input) revocation.Result { return revocation.Judge(context.Background(), in) }

func ids(c revocation.CertResult) (out []finding.ID) {
	for _, f := range c.Findings {
		out = append(out, f.ID)
	}
	return out
}

func wantIDs(t *testing.T, c revocation.CertResult, want ...finding.ID) {
	t.Helper()
	if got := ids(c); !slices.Equal(got, want) {
		t.Errorf("findings %v, want %v", got, want)
	}
}

func wantStatus(t *testing.T, c revocation.CertResult, st report.Status, why report.Why, v report.Verdict) {
	t.Helper()
	if c.Revocation.Status != st || c.Revocation.Why != why || verdictOf(c.Findings) != v {
		t.Errorf("%s (%s), %s; want %s (%s), %s; %v", c.Revocation.Status, c.Revocation.Why, verdictOf(c.Findings), st, why, v, c.Findings)
	}
}

// exts makes a leaf with just these extensions besides the usual ones.
func (w *world) with(c Cert, exts ...Ext) *world {
	n := *w
	c.Key = P256()
	c.Subject = CN("good.example")
	c.Extensions = Merge(w.ca.ServerExts(c.Key, DNS("good.example")), exts...)
	n.leaf = w.ca.Issue(c)
	return &n
}

func TestNoPointer(t *testing.T) {
	w := newWorld().with(Cert{})
	c := judge(w.input()).Certs[0]
	wantStatus(t, c, report.NotApplicable, "no-pointer", report.Accept)
	wantIDs(t, c, finding.RevocationNoPointer)

	in := w.input()
	in.Staples = [][]byte{w.response(foreign)} // an invalid staple with nothing else is never accepted
	c = judge(in).Certs[0]
	wantStatus(t, c, report.Unknown, "", report.Inconclusive)
	in.Staples = [][]byte{w.response(good)}
	wantStatus(t, judge(in).Certs[0], report.Good, "", report.Accept)
	in.Staples = [][]byte{w.response(isRevoked)}
	c = judge(in).Certs[0]
	wantStatus(t, c, report.Revoked, "", report.Reject)
	wantIDs(t, c, finding.CertRevoked)
	if f := c.Findings[0]; f.Param("source") != "staple" || f.Param("reason") != "keyCompromise" {
		t.Errorf("%v", f.Params)
	}
}

func TestNoRevAvail(t *testing.T) {
	w := newWorld().with(Cert{}, NoRevAvail())
	c := judge(w.input()).Certs[0]
	wantStatus(t, c, report.NotApplicable, "no-rev-avail", report.Accept)
	wantIDs(t, c)

	in := w.input() // what is offered all the same is looked at
	in.Staples = [][]byte{w.response(isRevoked)}
	wantStatus(t, judge(in).Certs[0], report.Revoked, "", report.Reject)
	in.Staples = [][]byte{w.response(badSignature)}
	c = judge(in).Certs[0]
	wantStatus(t, c, report.NotApplicable, "no-rev-avail", report.Accept)
	wantIDs(t, c, finding.OCSPSignatureInvalid)

	w = newWorld().with(Cert{}, NoRevAvail(), CRLDP(crlURL))
	in = w.input()
	c = judge(in).Certs[0]
	wantStatus(t, c, report.Unknown, "", report.Inconclusive)
	if !slices.Contains(ids(c), finding.NoRevAvailConflict) {
		t.Error("no conflict reported")
	}
	in.Artefacts = append(in.Artefacts, w.artefact("crl", crlURL, good, w.list)...)
	wantStatus(t, judge(in).Certs[0], report.Good, "", report.Accept)

	// Any other pointer contradicts it, too.
	for what, x := range map[string]Ext{"responder": AIA([]string{ocspURL}, nil), "freshest list": FreshestCRL(DP{FullName: [][]byte{URI(crlURL)}})} {
		w = newWorld().with(Cert{}, NoRevAvail(), x)
		if c = judge(w.input()).Certs[0]; !slices.Contains(ids(c), finding.NoRevAvailConflict) || c.Revocation.Why == "no-rev-avail" {
			t.Errorf("%s: %+v %v", what, c.Revocation, c.Findings)
		}
	}

	// In an authority's certificate it is void.
	w = newWorld()
	ca := w.root.Intermediate("Void CA", w.ca.Key, NoRevAvail())
	in = w.input()
	in.Path = parse(ca.Server("good.example", nil), ca, w.root)
	c = judge(in).Certs[1]
	wantStatus(t, c, report.NotApplicable, "no-pointer", report.Accept)
	wantIDs(t, c, finding.NoRevAvailConflict, finding.RevocationNoPointer)
}

func TestShortLived(t *testing.T) {
	at := func(s string) time.Time { v, _ := time.Parse("2006-01-02", s); return v }
	for _, c := range []struct {
		from string
		life time.Duration
		ca   bool
		want report.Why
	}{
		{"2024-03-14", 5 * day, false, "no-pointer"}, // before there was such a thing
		{"2024-03-15", 10*day - time.Second, false, "short-lived"},
		{"2024-03-15", 10 * day, false, "no-pointer"}, // both ends count: ten days and a second
		{"2026-03-14", 10*day - time.Second, false, "short-lived"},
		{"2026-03-15", 10*day - time.Second, false, "no-pointer"},
		{"2026-03-15", 7*day - time.Second, false, "short-lived"},
		{"2026-03-15", 7 * day, false, "no-pointer"},
		{"2027-01-01", 7*day - time.Second, true, "no-pointer"}, // authorities are never short-lived
	} {
		exts := []Ext{}
		if c.ca {
			exts = append(exts, BasicConstraints(true, -1))
		}
		w := newWorld().with(Cert{NotBefore: at(c.from), NotAfter: at(c.from).Add(c.life)}, exts...)
		in := w.input()
		in.Policy.Depth = policy.DepthLeaf
		in.Time = at(c.from).Add(time.Hour)
		if got := judge(in).Certs[0]; got.Revocation.Why != c.want || got.Revocation.Status != report.NotApplicable {
			t.Errorf("%+v: %s %s", c, got.Revocation.Status, got.Revocation.Why)
		}
	}
	// With pointers it is asked about, but the lack of an answer is nothing.
	now := time.Now().Truncate(time.Second)
	w := newWorld().with(Cert{NotBefore: now.Add(-time.Hour), NotAfter: now.Add(3 * day)}, CRLDP(crlURL), AIA([]string{ocspURL}, nil))
	in := w.input()
	c := judge(in).Certs[0]
	wantStatus(t, c, report.NotApplicable, "short-lived", report.Accept)
	in.Artefacts = append(in.Artefacts, w.artefact("crl", crlURL, unavailable, nil)...)
	wantStatus(t, judge(in).Certs[0], report.NotApplicable, "short-lived", report.Accept)
	in = w.input()
	in.Artefacts = append(in.Artefacts, w.artefact("crl", crlURL, isRevoked, w.list)...)
	wantStatus(t, judge(in).Certs[0], report.Revoked, "", report.Reject)
	in = w.input()
	in.Policy.Stop = policy.StopFirst
	if res := judge(in); len(res.Needs) != 0 {
		t.Errorf("it needs %v", res.Needs)
	}
}

func TestMustStaple(t *testing.T) {
	w := newWorld(MustStaple())
	in := w.input()
	in.Artefacts = append(in.Artefacts, w.artefact("crl", crlURL, good, w.list)...)
	in.Artefacts = append(in.Artefacts, w.artefact("ocsp", ocspURL, good, w.response)...)
	c := judge(in).Certs[0]
	wantStatus(t, c, report.Good, "", report.Reject)
	wantIDs(t, c, finding.MustStapleMissing)

	in.Staples = [][]byte{w.response(stale)}
	c = judge(in).Certs[0]
	wantStatus(t, c, report.Good, "", report.Reject)
	wantIDs(t, c, finding.OCSPStale, finding.MustStapleInvalid)

	in.Policy.Stale = policy.StaleAllow // a policy that lives with old answers does not make a staple fresh
	c = judge(in).Certs[0]
	wantStatus(t, c, report.Good, "", report.Reject)
	in.Policy.Stale = policy.StaleDeny

	in.Staples = [][]byte{w.response(good)}
	c = judge(in).Certs[0]
	wantStatus(t, c, report.Good, "", report.Accept)
	wantIDs(t, c)

	in.Staples = [][]byte{w.response(isRevoked)}
	wantIDs(t, judge(in).Certs[0], finding.CertRevoked, finding.RevocationDisagree)
	in.Staples = nil
	revoked := in
	revoked.Artefacts = append(in.Artefacts[:1:1], w.artefact("crl", crlURL, isRevoked, w.list)...)
	revoked.Artefacts = append(revoked.Artefacts, w.artefact("ocsp", ocspURL, isRevoked, w.response)...)
	wantIDs(t, judge(revoked).Certs[0], finding.CertRevoked, finding.MustStapleMissing)

	in.Staples, in.NoHandshake = nil, true
	wantStatus(t, judge(in).Certs[0], report.Good, "", report.Accept)
	in.NoHandshake = false
	in.Policy.Schemes = policy.Only(policy.CRL, policy.OCSP) // staples were not asked for
	wantStatus(t, judge(in).Certs[0], report.Good, "", report.Accept)

	// The feature in an authority's certificate binds those below it.
	w = newWorld()
	ca := w.root.Intermediate("Test CA", w.ca.Key, CRLDP(rootURL), TLSFeature(5, 17))
	in = w.input()
	in.Path = parse(w.leaf, ca, w.root)
	in.Artefacts = append(in.Artefacts, w.artefact("crl", crlURL, good, w.list)...)
	c = judge(in).Certs[0]
	if !slices.Contains(ids(c), finding.MustStapleMissing) {
		t.Errorf("no must-staple-missing: %v", c.Findings)
	}
	leaf := ca.Server("good.example", nil, TLSFeature(17, 5, 1), CRLDP(crlURL))
	in.Path = parse(leaf, ca, w.root)
	w.leaf = leaf
	in.Staples = [][]byte{w.response(good)}
	c = judge(in).Certs[0]
	wantStatus(t, c, report.Good, "", report.Accept)
	// An anchor is a name and a key.
	root := NewRoot("Test Root", w.root.Key, TLSFeature(5))
	in = w.input()
	in.Path = parse(newWorld().with(Cert{}).leaf, root)
	if got := ids(judge(in).Certs[0]); slices.Contains(got, finding.MustStapleMissing) {
		t.Errorf("the anchor's extension was applied: %v", got)
	}
}

func TestIntermediate(t *testing.T) {
	w := newWorld()
	in := w.input()
	in.Staples = [][]byte{w.response(good)}
	in.Artefacts = []revocation.Artefact{{Kind: "crl", URL: rootURL, Body: w.root.CRL(CRL{Entries: []Entry{Revoke(w.ca.Serial, CACompromise)}})}}
	res := judge(in)
	wantStatus(t, res.Certs[1], report.Revoked, "", report.Reject)
	in.Artefacts = nil
	wantStatus(t, judge(in).Certs[1], report.Unknown, "", report.Inconclusive)
	// TLS 1.3 can staple for intermediates too.
	in.Staples = append(in.Staples, OCSP{Singles: []Single{w.root.Good(w.ca.Serial)}}.Sign(w.root))
	wantStatus(t, judge(in).Certs[1], report.Good, "", report.Accept)
	in.Staples[1] = OCSP{Singles: []Single{w.root.RevokedSingle(w.ca.Serial, 2)}}.Sign(w.root)
	wantStatus(t, judge(in).Certs[1], report.Revoked, "", report.Reject)
}

func TestSchemesThatDoNotApply(t *testing.T) {
	w := newWorld().with(Cert{}, CRLDP(crlURL))
	in := w.input()
	in.Policy.Schemes = policy.Only(policy.Staple, policy.OCSP)
	c := judge(in).Certs[0]
	wantStatus(t, c, report.Unknown, "", report.Inconclusive)
	wantIDs(t, c, finding.RevocationUnavailable)
	in.Policy.Unknown = policy.UnknownWarn
	wantStatus(t, judge(in).Certs[0], report.Unknown, "", report.Accept)
}

func TestPointerSchemes(t *testing.T) {
	w := newWorld().with(Cert{}, CRLDPs(DP{FullName: [][]byte{URI("ldap://ldap.example/cn=CA"), URI(crlURL)}}))
	in := w.input()
	in.Artefacts = append(in.Artefacts, w.artefact("crl", crlURL, good, w.list)...)
	c := judge(in).Certs[0]
	wantStatus(t, c, report.Good, "", report.Accept)
	wantIDs(t, c, finding.RevocationPointerScheme)
	if c.Findings[0].Severity != finding.Info {
		t.Errorf("severity %s", c.Findings[0].Severity)
	}
	w = newWorld().with(Cert{}, CRLDP("ldap://ldap.example/cn=CA", "file:///etc/passwd"))
	res := judge(w.input())
	wantStatus(t, res.Certs[0], report.Unknown, "", report.Inconclusive)
	if len(res.Needs) != 0 {
		t.Errorf("needs %v", res.Needs)
	}
}

// Addresses of one distribution point are alternatives: the next is asked when
// the first fails.
func TestAlternatives(t *testing.T) {
	second := "http://backup.example/ca.crl"
	w := newWorld().with(Cert{}, CRLDPs(DP{FullName: [][]byte{URI(crlURL), URI(second)}}))
	in := w.input()
	need := func(want ...string) {
		t.Helper()
		var got []string
		for _, n := range judge(in).Needs {
			got = append(got, n.URL)
		}
		if !slices.Equal(got, want) {
			t.Errorf("needs %v, want %v", got, want)
		}
	}
	need(crlURL)
	in.Artefacts = append(in.Artefacts, w.artefact("crl", crlURL, garbage, w.list)...)
	need(second)
	in.Artefacts = append(in.Artefacts, w.artefact("crl", second, good, w.list)...)
	need()
	wantStatus(t, judge(in).Certs[0], report.Good, "", report.Accept)
}

func TestBudgets(t *testing.T) {
	var urls []string
	for i := range 12 {
		urls = append(urls, ocspURL+string(rune('a'+i)))
	}
	w := newWorld().with(Cert{}, AIA(urls, nil), CRLDP(urls...))
	res := judge(w.input())
	if n := len(res.Needs); n != 12 {
		t.Errorf("%d needs", n)
	}
	in := w.input()
	in.Staples = [][]byte{w.response(good)}
	c := judge(in).Certs[0]
	wantStatus(t, c, report.Good, "", report.Inconclusive) // a budget that was hit always refuses
	w = newWorld().with(Cert{}, CRLDP(urls...))
	in = w.input()
	in.Staples = [][]byte{w.response(good)}
	wantStatus(t, judge(in).Certs[0], report.Good, "", report.Inconclusive)
	w = newWorld().with(Cert{}, CRLDP(crlURL, crlURL))
	if res := judge(w.input()); len(res.Needs) != 1 {
		t.Errorf("the same list twice: needs %v", res.Needs)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	wantStatus(t, revocation.Judge(ctx, in).Certs[0], report.Unknown, "", report.Inconclusive)
	in.Policy.Unknown = policy.UnknownAllow
	wantStatus(t, revocation.Judge(ctx, in).Certs[0], report.Unknown, "", report.Inconclusive)
	if res := judge(revocation.Input{}); len(res.Certs) != 0 {
		t.Error("an empty path has certificates")
	}
	if res := judge(revocation.Input{Path: parse(w.root), Time: w.now}); res.Certs[0].Revocation.Status != "" {
		t.Error("an anchor alone has a status")
	}
}

// A responder whose own certificate names a list is looked up there, and
// nowhere else.
func TestDelegate(t *testing.T) {
	const delegateURL = "http://crl.example/responders.crl"
	w := newWorld()
	d := w.ca.Issue(Cert{Subject: CN("Responder"), Extensions: []Ext{EKU(OCSPSigning), KeyUsage(DigitalSignature), CRLDP(delegateURL), AIA([]string{"http://never.example/"}, nil)}})
	in := w.input()
	in.Policy.Schemes = policy.Only(policy.Staple, policy.OCSP)
	in.Policy.Depth = policy.DepthLeaf
	sign := func(s Single) []byte { return OCSP{Singles: []Single{s}, Certs: [][]byte{d.Raw}}.Sign(d) }
	in.Staples = [][]byte{sign(w.ca.Good(w.leaf.Serial))}
	in.Artefacts = w.artefact("ocsp", ocspURL, unavailable, nil)
	res := judge(in)
	wantStatus(t, res.Certs[0], report.Unknown, "", report.Inconclusive)
	if len(res.Needs) != 1 || res.Needs[0].URL != delegateURL || res.Needs[0].Kind != "crl" {
		t.Errorf("needs %+v", res.Needs)
	}
	base := in.Artefacts
	list := func(entries ...Entry) []revocation.Artefact {
		return append(base[:1:1], revocation.Artefact{Kind: "crl", URL: delegateURL, Body: w.ca.CRL(CRL{Entries: entries})})
	}
	in.Artefacts = list()
	res = judge(in)
	wantStatus(t, res.Certs[0], report.Good, "", report.Accept)
	if len(res.Needs) != 0 {
		t.Errorf("needs %+v", res.Needs)
	}
	in.Artefacts = list(Revoke(d.Serial, KeyCompromise))
	c := judge(in).Certs[0]
	wantStatus(t, c, report.Unknown, "", report.Inconclusive)
	if !slices.Contains(ids(c), finding.OCSPResponderRevoked) {
		t.Errorf("%v", c.Findings)
	}
	// A revoked responder's "revoked" is worth nothing either; one whose status
	// is not known counts.
	in.Staples = [][]byte{sign(w.ca.RevokedSingle(w.leaf.Serial, 1))}
	wantStatus(t, judge(in).Certs[0], report.Unknown, "", report.Inconclusive)
	in.Artefacts = base
	wantStatus(t, judge(in).Certs[0], report.Revoked, "", report.Reject)
	in.Artefacts = append(base[:1:1], revocation.Artefact{Kind: "crl", URL: delegateURL, Failure: finding.FetchTimeout, Detail: "10s"})
	in.Staples = [][]byte{sign(w.ca.Good(w.leaf.Serial))}
	wantStatus(t, judge(in).Certs[0], report.Unknown, "", report.Inconclusive)
	in.Policy.Unknown = policy.UnknownWarn
	wantStatus(t, judge(in).Certs[0], report.Unknown, "", report.Accept)
}

func TestNonce(t *testing.T) {
	w := newWorld().with(Cert{}, AIA([]string{ocspURL}, nil))
	in := w.input()
	sent := bytes.Repeat([]byte{7}, 32)
	in.NonceFor = func(int) []byte { return sent }
	res := judge(in)
	if len(res.Needs) != 1 || !bytes.Equal(ocsp.ParseRequest(res.Needs[0].Request).Nonce, sent) {
		t.Fatalf("needs %+v", res.Needs)
	}
	answer := func(nonce []byte, single Single) revocation.CertResult {
		in := in
		in.Artefacts = append(in.Artefacts[:1:1], revocation.Artefact{Kind: "ocsp", URL: ocspURL, Request: res.Needs[0].Request,
			Body: OCSP{Singles: []Single{single}, Nonce: nonce}.Sign(w.ca)})
		return judge(in).Certs[0]
	}
	ok := w.ca.Good(w.leaf.Serial)
	wantStatus(t, answer(sent, ok), report.Good, "", report.Accept)
	wantStatus(t, answer(nil, ok), report.Good, "", report.Accept)
	wantStatus(t, answer([]byte("another"), ok), report.Unknown, "", report.Inconclusive)
	wantStatus(t, answer([]byte("another"), w.ca.RevokedSingle(w.leaf.Serial, 1)), report.Unknown, "", report.Inconclusive)
}

// An answer is used only for the certificate its request was about.
func TestArtefactOfAnother(t *testing.T) {
	w := newWorld().with(Cert{}, AIA([]string{ocspURL}, nil))
	in := w.input()
	in.Artefacts = append(in.Artefacts, revocation.Artefact{Kind: "ocsp", URL: ocspURL, Request: OCSPRequest(nil, w.ca.CertID(w.other.Serial)), Body: w.response(good)})
	if res := judge(in); len(res.Needs) != 1 {
		t.Errorf("needs %+v", res.Needs)
	}
}

func TestOffered(t *testing.T) {
	w := newWorld().with(Cert{})
	list := func(body []byte) *crl.List {
		l, err := crl.Parse(context.Background(), body)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	in := w.input()
	in.NoHandshake = true
	in.Artefacts = nil
	in.Offered = []*crl.List{list(w.root.CRL(CRL{})), list(w.list(isRevoked)), list(NewRoot("Stranger", nil).CRL(CRL{}))}
	res := judge(in)
	wantStatus(t, res.Certs[0], report.Revoked, "", report.Reject)
	wantStatus(t, res.Certs[1], report.Good, "", report.Accept)
	in.Offered = in.Offered[:1]
	in.OfferedOCSP = [][]byte{w.response(good)}
	res = judge(in)
	wantStatus(t, res.Certs[0], report.Good, "", report.Accept)
	in.OfferedOCSP = [][]byte{w.response(foreign)}
	c := judge(in).Certs[0]
	wantStatus(t, c, report.Unknown, "", report.Inconclusive)
	in.OfferedOCSP = [][]byte{OCSP{Singles: []Single{w.root.RevokedSingle(w.ca.Serial, 2)}}.Sign(w.root)}
	wantStatus(t, judge(in).Certs[1], report.Revoked, "", report.Reject)
}

func TestDisagreement(t *testing.T) {
	w := newWorld()
	in := w.input()
	in.Staples = [][]byte{w.response(good)}
	in.Artefacts = append(in.Artefacts, w.artefact("crl", crlURL, isRevoked, w.list)...)
	in.Artefacts = append(in.Artefacts, w.artefact("ocsp", ocspURL, unavailable, nil)...)
	c := judge(in).Certs[0]
	wantStatus(t, c, report.Revoked, "", report.Reject)
	wantIDs(t, c, finding.CertRevoked, finding.RevocationDisagree, finding.FetchTimeout)
	if c.Revocation.Scheme != policy.CRL || len(c.Revocation.Sources) != 3 {
		t.Errorf("%+v", c.Revocation)
	}
	if d := c.Findings[1].Param("detail"); d != "staple: good; crl "+crlURL+": revoked" {
		t.Errorf("detail %q", d)
	}
}

func TestSCTList(t *testing.T) {
	w := newWorld()
	s := w.ca.Good(w.leaf.Serial)
	s.ThisUpdate, s.NextUpdate = w.now.Add(-time.Hour), w.now.Add(2*time.Hour)
	s.Extensions = []Ext{OCSPSCTs([]byte{0, 2, 9, 9})}
	in := w.input()
	in.Policy.Stop = policy.StopFirst
	in.Staples = [][]byte{OCSP{Singles: []Single{s}}.Sign(w.ca)}
	res := judge(in)
	if !bytes.Equal(res.SCTList, []byte{0, 2, 9, 9}) {
		t.Errorf("SCT list %x", res.SCTList)
	}
	in.Staples = [][]byte{OCSP{Singles: []Single{s}, MutateSig: FlipMiddle}.Sign(w.ca)}
	if res := judge(in); res.SCTList != nil {
		t.Error("SCTs of a response that does not count")
	}
}

// Only the staple delivers SCTs, and it does so whatever is asked about
// revocation, as long as it is authentic and says good.
func TestSCTsOfStaplesOnly(t *testing.T) {
	list := []byte{0, 2, 9, 9}
	w := newWorld().with(Cert{}, AIA([]string{ocspURL}, nil), CRLDP(crlURL))
	s := w.ca.Good(w.leaf.Serial)
	s.ThisUpdate, s.NextUpdate = w.now.Add(-time.Hour), w.now.Add(2*time.Hour)
	s.Extensions = []Ext{OCSPSCTs(list)}
	response := OCSP{Singles: []Single{s}}.Sign(w.ca)
	revoked := s
	revoked.Status = StatusRevoked
	other := w.ca.Good(w.other.Serial)
	other.Extensions = s.Extensions

	in := w.input()
	in.OfferedOCSP = [][]byte{response}
	if res := judge(in); res.SCTList != nil || !bytes.Equal(res.FetchedSCTs, list) {
		t.Errorf("from a file: delivered %x, fetched %x", res.SCTList, res.FetchedSCTs)
	}
	in.OfferedOCSP = nil
	in.Artefacts = append(in.Artefacts, revocation.Artefact{Kind: revocation.KindOCSP, URL: ocspURL, Request: OCSPRequest(nil, w.ca.CertID(w.leaf.Serial)), Body: response})
	if res := judge(in); res.SCTList != nil || !bytes.Equal(res.FetchedSCTs, list) {
		t.Errorf("from the responder: delivered %x, fetched %x", res.SCTList, res.FetchedSCTs)
	}
	in = w.input()
	in.Artefacts = append(in.Artefacts, w.artefact("crl", crlURL, good, w.list)...)
	for _, c := range []struct {
		what   string
		staple []byte
		want   []byte
	}{
		{"good", response, list}, {"revoked", OCSP{Singles: []Single{revoked}}.Sign(w.ca), nil},
		{"badly signed", OCSP{Singles: []Single{s}, MutateSig: FlipMiddle}.Sign(w.ca), nil},
		{"of another certificate", OCSP{Singles: []Single{other}}.Sign(w.ca), nil}, {"none", nil, nil},
	} {
		in.Staples = [][]byte{c.staple}
		for _, schemes := range []policy.Schemes{0, policy.Only(policy.CRL), policy.Only(policy.OCSP), policy.Only(policy.CRL, policy.Staple)} {
			for _, stop := range []policy.Stop{policy.StopNever, policy.StopFirst} {
				in.Policy.Schemes, in.Policy.Stop = schemes, stop
				if res := judge(in); !bytes.Equal(res.SCTList, c.want) || res.FetchedSCTs != nil {
					t.Errorf("%s, %s, %s: delivered %x, fetched %x", c.what, schemes, stop, res.SCTList, res.FetchedSCTs)
				}
			}
		}
		in.Policy.Schemes = policy.Off
		if got := revocation.StapledSCTs(t.Context(), in); !bytes.Equal(got, c.want) {
			t.Errorf("%s, off: %x", c.what, got)
		}
	}
}

// Deltas are needed and used.
func TestDelta(t *testing.T) {
	const deltaURL = "http://crl.example/delta.crl"
	w := newWorld().with(Cert{}, CRLDP(crlURL), FreshestCRL(DP{FullName: [][]byte{URI(deltaURL)}}))
	in := w.input()
	in.Artefacts = append(in.Artefacts, w.artefact("crl", crlURL, good, w.list)...)
	res := judge(in)
	if len(res.Needs) != 1 || res.Needs[0].Kind != "delta-crl" || res.Needs[0].URL != deltaURL {
		t.Fatalf("needs %+v", res.Needs)
	}
	in.Artefacts = append(in.Artefacts, revocation.Artefact{Kind: "delta-crl", URL: deltaURL,
		Body: w.ca.CRL(CRL{Entries: []Entry{Revoke(w.leaf.Serial, 1)}, Extensions: []Ext{CRLNumber(2), DeltaIndicator(1)}})})
	wantStatus(t, judge(in).Certs[0], report.Revoked, "", report.Reject)
}

func TestUnreadableCertificates(t *testing.T) {
	w := newWorld()
	in := w.input()
	in.Path[0] = cert.Parse([]byte{0x30, 0x00})
	c := judge(in).Certs[0]
	if verdictOf(c.Findings) == report.Accept && c.Revocation.Status == report.Good {
		t.Error("an unreadable certificate is good")
	}
}

// FuzzJudge signs nothing: whatever the sources deliver, nothing becomes good
// or revoked, and nothing is accepted.
func FuzzJudge(f *testing.F) {
	w := newWorld()
	impostor := newWorld()
	for _, s := range []state{badSignature, foreign, garbage} {
		f.Add(w.response(s), w.response(s), w.list(s))
	}
	f.Add(w.response(tryLater), w.response(tryLater), w.list(foreign))
	f.Add(impostor.response(good), impostor.response(isRevoked), impostor.list(good))
	base := w.input()
	f.Fuzz(func(t *testing.T, staple, response, list []byte) {
		in := base
		in.Staples = [][]byte{staple}
		in.Artefacts = append(base.Artefacts[:1:1],
			revocation.Artefact{Kind: "ocsp", URL: ocspURL, Request: OCSPRequest(nil, w.ca.CertID(w.leaf.Serial)), Body: response},
			revocation.Artefact{Kind: "crl", URL: crlURL, Body: list})
		res := judge(in)
		if c := res.Certs[0]; c.Revocation.Status != report.Unknown || verdictOf(c.Findings) == report.Accept || res.SCTList != nil {
			t.Errorf("%+v", c)
		}
		if len(res.Needs) > 0 {
			t.Errorf("needs %+v", res.Needs)
		}
	})
}

package revocation_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/finding"
	. "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/revocation"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// below has every signer off the path be issued by the first of cas, and that
// by the next; none: no signer has a path.
func below(cas ...*CA) func(*cert.Certificate) [][]*cert.Certificate {
	return func(c *cert.Certificate) [][]*cert.Certificate {
		if cas == nil {
			return nil
		}
		return [][]*cert.Certificate{append([]*cert.Certificate{c}, parse(cas...)...)}
	}
}

const (
	signersURL = "http://crl.example/signers.crl"
	signerOCSP = "http://signers.example/"
)

func crlAt(url string, body []byte) revocation.Artefact {
	return revocation.Artefact{Kind: revocation.KindCRL, URL: url, Body: body}
}

func lists(t *testing.T, bodies ...[]byte) (out []*crl.List) {
	t.Helper()
	for _, b := range bodies {
		l, err := crl.Parse(context.Background(), b)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, l)
	}
	return out
}

// indirectWorld is a leaf whose only list is signed by a CRL issuer with these
// extensions, which an authority below the root certified.
type indirectWorld struct {
	*world
	sub, lists *CA
}

func newIndirect(exts ...Ext) *indirectWorld {
	w := &indirectWorld{world: newWorld()}
	w.sub = w.root.Intermediate("Sub CA", nil, CRLDP(rootURL))
	w.lists = w.sub.Issue(Cert{Subject: CN("List Issuer"), Extensions: append([]Ext{BasicConstraints(false, -1), KeyUsage(CRLSign)}, exts...)})
	w.leaf = w.ca.Server("good.example", nil, CRLDPs(DP{FullName: [][]byte{URI(crlURL)}, CRLIssuer: [][]byte{DirName(w.lists.Name)}}))
	return w
}

func (w *indirectWorld) signed(es ...Entry) revocation.Artefact {
	return crlAt(crlURL, w.lists.CRL(CRL{Entries: es, Extensions: []Ext{IDP{FullName: [][]byte{URI(crlURL)}, Indirect: true}.Ext()}}))
}

// input has the leaf's list and what else is at hand.
func (w *indirectWorld) input(more ...revocation.Artefact) revocation.Input {
	in := w.world.input()
	in.Pool, in.Signers = parse(w.lists, w.sub), below(w.sub, w.root)
	in.Artefacts = append(append(in.Artefacts, w.signed()), more...)
	return in
}

// Every certificate on the path of a list's signer is judged by the sources at
// hand: revoked, the list is worthless; unknown, it may revoke and not clear.
func TestSignerOfAList(t *testing.T) {
	revokes := func(by *CA, cs ...*CA) []byte {
		var es []Entry
		for _, c := range cs {
			es = append(es, Revoke(c.Serial, KeyCompromise))
		}
		return by.CRL(CRL{Entries: es})
	}
	points := CRLDP(signersURL)
	for name, c := range map[string]struct {
		exts    []Ext
		at      func(w *indirectWorld) []revocation.Artefact
		offered func(w *indirectWorld) *CA // who is revoked by a list from a file of its issuer
		policy  policy.Policy
		want    report.Status
		verdict report.Verdict
		id      finding.ID
		needs   []string
		revokes bool // an entry in the list counts
	}{
		"its list has been had": {exts: []Ext{points}, at: func(w *indirectWorld) []revocation.Artefact {
			return []revocation.Artefact{crlAt(signersURL, revokes(w.sub))}
		}, want: report.Good, verdict: report.Accept, revokes: true},
		"its list has not been asked for":      {exts: []Ext{points}, want: report.Unknown, verdict: report.Inconclusive, id: finding.CRLIssuerUnchecked, needs: []string{signersURL}, revokes: true},
		"not asked for, and unknown is warned": {exts: []Ext{points}, policy: policy.Policy{Unknown: policy.UnknownWarn}, want: report.Unknown, verdict: report.Accept, id: finding.CRLIssuerUnchecked, needs: []string{signersURL}, revokes: true},
		"not asked for, and unknown is denied": {exts: []Ext{points}, policy: policy.Policy{Unknown: policy.UnknownDeny}, want: report.Unknown, verdict: report.Reject, id: finding.CRLIssuerUnchecked, needs: []string{signersURL}, revokes: true},
		"its list cannot be had": {exts: []Ext{points}, at: func(w *indirectWorld) []revocation.Artefact {
			return []revocation.Artefact{{Kind: "crl", URL: signersURL, Failure: finding.FetchTimeout}}
		}, want: report.Unknown, verdict: report.Inconclusive, id: finding.CRLIssuerUnchecked, revokes: true},
		"its list is stale, and unknown allowed": {exts: []Ext{points}, policy: policy.Policy{Unknown: policy.UnknownAllow}, at: func(w *indirectWorld) []revocation.Artefact {
			return []revocation.Artefact{crlAt(signersURL, w.sub.CRL(CRL{ThisUpdate: w.now.Add(-20 * day), NextUpdate: w.now.Add(-day)}))}
		}, want: report.Unknown, verdict: report.Inconclusive, id: finding.CRLIssuerUndetermined, revokes: true},
		"its list is garbage, and allowed": {exts: []Ext{points}, policy: policy.Policy{Unknown: policy.UnknownAllow}, at: func(w *indirectWorld) []revocation.Artefact {
			return []revocation.Artefact{crlAt(signersURL, []byte("<html>"))}
		}, want: report.Unknown, verdict: report.Inconclusive, id: finding.CRLIssuerUndetermined, revokes: true},
		"it is revoked": {exts: []Ext{points}, at: func(w *indirectWorld) []revocation.Artefact {
			return []revocation.Artefact{crlAt(signersURL, revokes(w.sub, w.lists))}
		}, want: report.Unknown, verdict: report.Inconclusive, id: finding.CRLIssuerRevoked},
		"its authority is revoked": {exts: []Ext{points}, at: func(w *indirectWorld) []revocation.Artefact {
			return []revocation.Artefact{crlAt(signersURL, revokes(w.sub)), crlAt(rootURL, revokes(w.root, w.sub))}
		}, want: report.Unknown, verdict: report.Inconclusive, id: finding.CRLIssuerRevoked},
		"its authority is revoked by a file": {offered: func(w *indirectWorld) *CA { return w.sub }, want: report.Unknown, verdict: report.Inconclusive, id: finding.CRLIssuerRevoked},
		"it is revoked by a file":            {offered: func(w *indirectWorld) *CA { return w.lists }, want: report.Unknown, verdict: report.Inconclusive, id: finding.CRLIssuerRevoked},
		"a list that it does not name revokes": {exts: []Ext{NoRevAvail()}, at: func(w *indirectWorld) []revocation.Artefact {
			return []revocation.Artefact{crlAt("http://crl.example/other.crl", revokes(w.sub, w.lists))}
		}, want: report.Unknown, verdict: report.Inconclusive, id: finding.CRLIssuerRevoked},
		"it names nobody to ask":               {want: report.Good, verdict: report.Accept, id: finding.CRLIssuerUnchecked, revokes: true},
		"nobody to ask, and unknown is denied": {policy: policy.Policy{Unknown: policy.UnknownDeny}, want: report.Unknown, verdict: report.Reject, id: finding.CRLIssuerUnchecked, revokes: true},
		"noRevAvail":                           {exts: []Ext{NoRevAvail()}, policy: policy.Policy{Unknown: policy.UnknownDeny}, want: report.Good, verdict: report.Accept, revokes: true},
		"ocsp-nocheck":                         {exts: []Ext{OCSPNoCheck()}, policy: policy.Policy{Unknown: policy.UnknownDeny}, want: report.Good, verdict: report.Accept, revokes: true},
		"a responder to ask":                   {exts: []Ext{AIA([]string{signerOCSP}, nil)}, want: report.Unknown, verdict: report.Inconclusive, id: finding.CRLIssuerUnchecked, needs: []string{signerOCSP}, revokes: true},
		"a pointer that is not followed":       {exts: []Ext{CRLDP("ldap://crl.example/")}, want: report.Unknown, verdict: report.Inconclusive, id: finding.CRLIssuerUnchecked, revokes: true},
	} {
		w := newIndirect(c.exts...)
		var more []revocation.Artefact
		if c.at != nil {
			more = c.at(w)
		}
		in := w.input(more...)
		if slices.ContainsFunc(more, func(a revocation.Artefact) bool { return a.URL == rootURL }) {
			in.Artefacts = in.Artefacts[1:] // the root's other list says nothing
		}
		in.Policy = c.policy
		if c.offered != nil {
			by := map[*CA]*CA{w.sub: w.root, w.lists: w.sub}[c.offered(w)]
			in.Offered = lists(t, revokes(by, c.offered(w)))
		}
		res := judge(in)
		got := res.Certs[0]
		if got.Revocation.Status != c.want || verdictOf(got.Findings) != c.verdict || c.id != "" && !slices.Contains(ids(got), c.id) {
			t.Errorf("%s: %s, %s, want %s, %s, %s\n%v", name, got.Revocation.Status, verdictOf(got.Findings), c.want, c.verdict, c.id, got.Findings)
		}
		var needs []string
		for _, n := range res.Needs {
			needs = append(needs, n.URL)
		}
		if !slices.Equal(needs, c.needs) {
			t.Errorf("%s: needs %q, want %q", name, needs, c.needs)
		}
		in.Artefacts[slices.IndexFunc(in.Artefacts, func(a revocation.Artefact) bool { return a.URL == crlURL })] =
			w.signed(Revoke(w.leaf.Serial, KeyCompromise, CertificateIssuer(DirName(w.ca.Name))))
		if st := judge(in).Certs[0].Revocation.Status; (st == report.Revoked) != c.revokes {
			t.Errorf("%s, listed: %s", name, st)
		}
	}
}

// A signer that is short-lived, and a path of its own that is clean where
// another is not.
func TestSignerExempt(t *testing.T) {
	w := newIndirect()
	w.lists = w.sub.Issue(Cert{Subject: w.lists.Name, NotBefore: w.now.Add(-time.Hour), NotAfter: w.now.Add(5 * day), Extensions: []Ext{BasicConstraints(false, -1), KeyUsage(CRLSign), CRLDP(signersURL)}})
	if c := judge(w.input()).Certs[0]; c.Revocation.Status != report.Good {
		t.Errorf("short-lived: %s %v", c.Revocation.Status, c.Findings)
	}
	w = newIndirect(NoRevAvail())
	again := w.root.Intermediate("Sub CA", w.sub.Key, CRLDP(rootURL))
	in := w.input()
	in.Artefacts[0].Body = w.root.CRL(CRL{Entries: []Entry{Revoke(w.sub.Serial, 1)}})
	for _, order := range [][]*CA{{w.sub, again}, {again, w.sub}} {
		in.Signers = func(c *cert.Certificate) [][]*cert.Certificate {
			return [][]*cert.Certificate{parse(w.lists, order[0], w.root), parse(w.lists, order[1], w.root)}
		}
		if c := judge(in).Certs[0]; c.Revocation.Status != report.Good {
			t.Errorf("one path is revoked: %s %v", c.Revocation.Status, c.Findings)
		}
	}
}

// Signers do not vouch for themselves, nor in long rows.
func TestSignersOfSigners(t *testing.T) {
	w := newWorld()
	names := []string{"Lists 1", "Lists 2", "Lists 3"}
	point := func(url string, by int) Ext {
		return CRLDPs(DP{FullName: [][]byte{URI(url)}, CRLIssuer: [][]byte{DirName(CN(names[by]))}})
	}
	urls := []string{signersURL + "1", signersURL + "2", signersURL + "3"}
	make := func(i int, exts ...Ext) *CA {
		return w.root.Issue(Cert{Subject: CN(names[i]), Extensions: append([]Ext{BasicConstraints(false, -1), KeyUsage(CRLSign)}, exts...)})
	}
	for name, c := range map[string]struct {
		of   []Ext // what each of the three signers names
		want report.Status
	}{
		"two, and the second is exempt":   {[]Ext{point(urls[1], 1), NoRevAvail(), NoRevAvail()}, report.Good},
		"three, and the third is exempt":  {[]Ext{point(urls[1], 1), point(urls[2], 2), NoRevAvail()}, report.Unknown},
		"one for itself, as it names":     {[]Ext{point(urls[0], 0), NoRevAvail(), NoRevAvail()}, report.Good},
		"two for each other":              {[]Ext{point(urls[1], 1), point(urls[0], 0), NoRevAvail()}, report.Unknown},
		"three in a circle":               {[]Ext{point(urls[1], 1), point(urls[2], 2), point(urls[0], 0)}, report.Unknown},
		"two, and the second is unlisted": {[]Ext{point(urls[1], 1), SKI([]byte{1}), NoRevAvail()}, report.Good},
	} {
		w.leaf = w.ca.Server("good.example", nil, point(urls[0], 0))
		in := w.input()
		in.Artefacts, in.Policy.Depth = nil, policy.DepthLeaf // the root's list would say something about all of them
		var signers []*CA
		for i, e := range c.of {
			signers = append(signers, make(i, e))
			in.Artefacts = append(in.Artefacts, crlAt(urls[i], signers[i].CRL(CRL{Extensions: []Ext{IDP{FullName: [][]byte{URI(urls[i])}, Indirect: true}.Ext()}})))
		}
		in.Pool, in.Signers = parse(signers...), below(w.root)
		got := judge(in).Certs[0]
		if got.Revocation.Status != c.want || (c.want == report.Unknown) != slices.Contains(ids(got), finding.CRLIssuerUndetermined) {
			t.Errorf("%s: %s %v", name, got.Revocation.Status, got.Findings)
		}
		if name != "one for itself, as it names" {
			continue
		}
		if !slices.Contains(ids(got), finding.CRLIssuerUnchecked) {
			t.Errorf("%s: %v", name, got.Findings)
		}
		in.Policy.Unknown = policy.UnknownDeny
		if got = judge(in).Certs[0]; got.Revocation.Status != report.Unknown || verdictOf(got.Findings) != report.Reject {
			t.Errorf("%s, denied: %s %v", name, got.Revocation.Status, got.Findings)
		}
	}
}

// A key that the issuer certified for its lists cannot answer for its own
// certificate: the issuer's own key can.
func TestKeyForListsAboutItself(t *testing.T) {
	w := newWorld()
	key := w.ca.Issue(Cert{Subject: w.ca.Name, Extensions: []Ext{BasicConstraints(false, -1), KeyUsage(CRLSign), CRLDP(signersURL)}})
	in := w.input()
	in.Policy.Schemes, in.Pool, in.Signers = policy.Only(policy.CRL), parse(key), below(w.ca, w.root)
	for _, c := range []struct {
		leafs, its *CA
		want       report.Status
	}{{key, w.ca, report.Good}, {key, key, report.Unknown}, {w.ca, key, report.Good}} {
		in.Artefacts = append(w.input().Artefacts, crlAt(crlURL, c.leafs.CRL(CRL{Extensions: []Ext{IDP{OnlyUser: true, FullName: [][]byte{URI(crlURL)}}.Ext()}})), crlAt(signersURL, c.its.CRL(CRL{})))
		if got := judge(in).Certs[0]; got.Revocation.Status != c.want {
			t.Errorf("%s %v", got.Revocation.Status, got.Findings)
		}
	}
}

// A responder's own certificate is looked up in every list that is at hand and
// about it, from files too, whatever it says of itself.
func TestDelegateRevokedAtHand(t *testing.T) {
	w := newWorld()
	for name, exts := range map[string][]Ext{"silent": nil, "nocheck": {OCSPNoCheck()}, "another pointer": {CRLDP(signersURL)}} {
		d := w.ca.Issue(Cert{Subject: CN("Responder"), Extensions: append([]Ext{EKU(OCSPSigning), KeyUsage(DigitalSignature)}, exts...)})
		list := w.ca.CRL(CRL{Entries: []Entry{Revoke(d.Serial, KeyCompromise)}})
		staple := OCSP{Singles: []Single{w.ca.Good(w.leaf.Serial)}, Certs: [][]byte{d.Raw}}.Sign(d)
		for from, set := range map[string]func(*revocation.Input){
			"the leaf's list": func(in *revocation.Input) { in.Artefacts = append(in.Artefacts, crlAt(crlURL, list)) },
			"another's list": func(in *revocation.Input) {
				in.Artefacts = append(in.Artefacts, crlAt("http://crl.example/other", list))
			},
			"a file": func(in *revocation.Input) { in.Offered = lists(t, list) },
		} {
			in := w.input()
			in.Staples, in.Policy.Schemes = [][]byte{staple}, policy.Only(policy.Staple)
			set(&in)
			if c := judge(in).Certs[0]; c.Revocation.Status != report.Unknown || !slices.Contains(ids(c), finding.OCSPResponderRevoked) {
				t.Errorf("%s, by %s: %s %v", name, from, c.Revocation.Status, c.Findings)
			}
		}
	}
}

// Must-staple is met at first contact, when nobody has asked about the
// responder yet: what an unknown status means is for the policy. It is not met
// by a responder about which something was said that is no answer.
func TestMustStapleAtFirstContact(t *testing.T) {
	w := newWorld(MustStaple())
	d := w.ca.Issue(Cert{Subject: CN("Responder"), Extensions: []Ext{EKU(OCSPSigning), KeyUsage(DigitalSignature), CRLDP(signersURL)}})
	in := w.input()
	in.Staples = [][]byte{OCSP{Singles: []Single{w.ca.Good(w.leaf.Serial)}, Certs: [][]byte{d.Raw}}.Sign(d)}
	in.Policy.Schemes = policy.Only(policy.Staple)
	base := in.Artefacts
	for _, c := range []struct {
		unknown policy.Unknown
		list    []byte
		want    report.Verdict
		must    bool // must-staple is broken
	}{
		{policy.UnknownWarn, nil, report.Accept, false},
		{policy.UnknownInconclusive, nil, report.Inconclusive, false},
		{policy.UnknownDeny, nil, report.Reject, false},
		{policy.UnknownWarn, w.ca.CRL(CRL{}), report.Accept, false},
		{policy.UnknownWarn, []byte("garbage"), report.Reject, true},
		{policy.UnknownWarn, w.ca.CRL(CRL{Entries: []Entry{Revoke(d.Serial, 1)}}), report.Reject, true},
	} {
		in.Policy.Unknown, in.Artefacts = c.unknown, base
		if c.list != nil {
			in.Artefacts = append(base[:1:1], crlAt(signersURL, c.list))
		}
		got := judge(in).Certs[0]
		if verdictOf(got.Findings) != c.want || slices.Contains(ids(got), finding.MustStapleInvalid) != c.must {
			t.Errorf("unknown %v, %d octets: %s %v", c.unknown, len(c.list), verdictOf(got.Findings), got.Findings)
		}
	}
}

// A responder whose certificate names only itself to ask vouches for itself.
func TestDelegateOfItself(t *testing.T) {
	w := newWorld()
	d := w.ca.Issue(Cert{Subject: CN("Responder"), Extensions: []Ext{EKU(OCSPSigning), KeyUsage(DigitalSignature), AIA([]string{signerOCSP}, nil)}})
	in := w.input()
	in.Policy.Schemes = policy.Only(policy.Staple)
	in.Staples = [][]byte{OCSP{Singles: []Single{w.ca.Good(w.leaf.Serial)}, Certs: [][]byte{d.Raw}}.Sign(d)}
	res := judge(in)
	if len(res.Needs) != 1 || res.Needs[0].URL != signerOCSP {
		t.Fatalf("needs %+v", res.Needs)
	}
	for _, c := range []struct {
		signer *CA
		single Single
		want   report.Status
		id     finding.ID
	}{
		{w.ca, w.ca.Good(d.Serial), report.Good, ""},
		{d, w.ca.Good(d.Serial), report.Unknown, finding.OCSPResponderUndetermined},
		{w.ca, w.ca.UnknownSingle(d.Serial), report.Unknown, finding.OCSPResponderUndetermined},
		{w.ca, w.ca.RevokedSingle(d.Serial, 1), report.Unknown, finding.OCSPResponderRevoked},
	} {
		body := OCSP{Singles: []Single{c.single}, Certs: [][]byte{d.Raw}}.Sign(c.signer)
		for name, set := range map[string]func(*revocation.Input){
			"asked": func(in *revocation.Input) {
				in.Artefacts = append(in.Artefacts[:1:1], revocation.Artefact{Kind: revocation.KindOCSP, URL: signerOCSP, Request: res.Needs[0].Request, Body: body})
			},
			"from a file": func(in *revocation.Input) {
				in.Artefacts = append(in.Artefacts[:1:1], revocation.Artefact{Kind: revocation.KindOCSP, URL: signerOCSP, Request: res.Needs[0].Request, Failure: finding.FetchTimeout})
				in.OfferedOCSP = [][]byte{body}
			},
		} {
			in := in
			set(&in)
			if got := judge(in).Certs[0]; got.Revocation.Status != c.want || c.id != "" && !slices.Contains(ids(got), c.id) {
				t.Errorf("%s, %d: %s %v", name, c.single.Status, got.Revocation.Status, got.Findings)
			}
		}
	}
}

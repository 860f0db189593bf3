package engine_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// trusting returns an engine with these anchors.
func trusting(t *testing.T, c *fetch.Client, roots ...*forge.CA) under {
	t.Helper()
	a := certpath.NewAnchors()
	for _, r := range roots {
		if err := a.Add(r.Raw); err != nil {
			t.Fatal(err)
		}
	}
	e := under{engine.New(engine.Options{Fetch: c}), &engine.Trust{Anchors: a}}
	return e
}

// judgeChain resolves a chain for a.test.
func judgeChain(e under, p policy.Policy, certs ...*forge.CA) *report.Report {
	ev := &evidence.Evidence{Version: evidence.Version, Time: time.Now()}
	for _, c := range certs {
		ev.Chain = append(ev.Chain, evidence.Entry{Cert: c.Raw})
	}
	p.Names = []string{"a.test"}
	r, _ := e.Resolve(context.Background(), ev, p, here())
	return r
}

// A separate issuer of lists counts when its own path is valid and ends at the
// anchor of the path that is judged (RFC 5280, 6.3.3 (f)), and only then.
func TestSeparateListIssuer(t *testing.T) {
	var list []byte
	w := newWeather(t, func(*weather) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) { rw.Write(list) }
	})
	other := forge.NewRoot("Other Root", nil)
	exts := []forge.Ext{forge.BasicConstraints(false, -1), forge.KeyUsage(forge.CRLSign)}
	for name, c := range map[string]struct {
		by   *forge.CA
		cert forge.Cert
		want report.Verdict
	}{
		"valid":             {w.root, forge.Cert{}, report.Accept},
		"expired":           {w.root, forge.Cert{NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-time.Hour)}, report.Inconclusive},
		"of another anchor": {other, forge.Cert{}, report.Inconclusive},
		"of nobody":         {forge.NewRoot("Stranger", nil), forge.Cert{}, report.Inconclusive},
		"badly signed":      {w.root, forge.Cert{MutateSig: forge.FlipMiddle}, report.Inconclusive},
	} {
		c.cert.Subject, c.cert.Extensions = w.root.Name, exts
		signer := c.by.Issue(c.cert)
		list = signer.CRL(forge.CRL{})
		r := judgeChain(trusting(t, &w.Client, w.root, other), policy.Policy{}, w.leaf(), signer)
		if r.Verdict != c.want || c.want != report.Accept && !explained(r, finding.CRLIssuerUntrusted, w.url) {
			t.Errorf("%s: %s %v", name, r.Verdict, findings(r))
		}
	}
}

// In a handshake under roots that only crypto/tls was given, the issuer of an
// indirect list is looked for under the anchor of the verified chain: what it
// revokes is refused, and a stranger to that anchor revokes and clears nothing.
func TestSeparateListIssuerUnderForeignRoots(t *testing.T) {
	var list []byte
	w := newWeather(t, func(*weather) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) { rw.Write(list) }
	})
	name, point := forge.CN("List Issuer"), forge.URI(w.url)
	leaf := w.root.Server("a.test", nil, forge.CRLDPs(forge.DP{FullName: [][]byte{point}, CRLIssuer: [][]byte{forge.DirName(name)}}))
	other := forge.NewRoot("Other Root", nil)
	for what, c := range map[string]struct {
		by      *forge.CA
		revoked bool
		want    report.Verdict
		id      finding.ID
	}{
		"good":                         {w.root, false, report.Accept, ""},
		"revoked":                      {w.root, true, report.Reject, finding.CertRevoked},
		"good, by another anchor's":    {other, false, report.Inconclusive, finding.CRLIssuerUntrusted},
		"revoked, by another anchor's": {other, true, report.Inconclusive, finding.CRLIssuerUntrusted},
	} {
		signer := c.by.Issue(forge.Cert{Subject: name, Extensions: []forge.Ext{forge.BasicConstraints(false, -1), forge.KeyUsage(forge.CRLSign)}})
		crl := forge.CRL{Extensions: []forge.Ext{forge.IDP{FullName: [][]byte{point}, Indirect: true}.Ext()}}
		if c.revoked {
			entry := forge.Revoke(leaf.Serial, forge.KeyCompromise)
			entry.Extensions = append(entry.Extensions, forge.CertificateIssuer(forge.DirName(w.root.Name)))
			crl.Entries = []forge.Entry{entry}
		}
		list = signer.CRL(crl)
		ev := &evidence.Evidence{Version: evidence.Version, Source: evidence.SourceHandshake, Time: time.Now(), Chain: []evidence.Entry{{Cert: leaf.Raw}, {Cert: signer.Raw}}}
		e := trusting(t, &w.Client, other) // not the root of the chain
		r, _, _ := e.Handshake(context.Background(), ev, [][][]byte{{leaf.Raw, w.root.Raw}}, policy.Policy{}, here(), assemble.Full)
		if r.Verdict != c.want || c.id != "" && !strings.Contains(strings.Join(findings(r), " "), string(c.id)) {
			t.Errorf("%s: %s %v", what, r.Verdict, findings(r))
		}
	}
}

// An authority that is limited to another purpose, or revoked, certifies no
// signer of lists: not even under the name that the certificate gives.
func TestSignersAuthority(t *testing.T) {
	var list, rootList []byte
	w := newWeather(t, func(*weather) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/list.crl" {
				rw.Write(list)
			} else {
				rw.Write(rootList)
			}
		}
	})
	name, point := forge.CN("List Issuer"), forge.URI(w.url)
	leaf := w.root.Server("a.test", nil, forge.CRLDPs(forge.DP{FullName: [][]byte{point}, CRLIssuer: [][]byte{forge.DirName(name)}}))
	for what, c := range map[string]struct {
		ca      []forge.Ext // the authority's
		signer  []forge.Ext
		revoked bool // the authority is
		unknown policy.Unknown
		want    report.Verdict
		id      finding.ID
	}{
		"for every purpose":             {want: report.Accept},
		"for servers":                   {ca: []forge.Ext{forge.EKU(forge.ServerAuth)}, want: report.Accept},
		"for e-mail":                    {ca: []forge.Ext{forge.EKU(forge.EmailProtection)}, want: report.Inconclusive, id: finding.CRLIssuerUntrusted},
		"a signer for e-mail":           {signer: []forge.Ext{forge.EKU(forge.EmailProtection)}, want: report.Accept},
		"a signer that is a CA, e-mail": {signer: []forge.Ext{forge.BasicConstraints(true, -1), forge.EKU(forge.EmailProtection)}, want: report.Inconclusive, id: finding.CRLIssuerUntrusted},
		"revoked":                       {revoked: true, unknown: policy.UnknownAllow, want: report.Inconclusive, id: finding.CRLIssuerRevoked},
		"revoked, nobody asked":         {ca: []forge.Ext{forge.CRLDP("http://127.0.0.1:1/")}, want: report.Inconclusive, id: finding.CRLIssuerUnchecked},
		"nobody asked, allowed":         {ca: []forge.Ext{forge.CRLDP("http://127.0.0.1:1/")}, unknown: policy.UnknownAllow, want: report.Accept, id: finding.CRLIssuerUnchecked},
	} {
		ca := w.root.Intermediate("Somebody", nil, forge.Merge([]forge.Ext{forge.CRLDP(w.url + "root")}, c.ca...)...)
		signer := ca.Issue(forge.Cert{Subject: name, Extensions: forge.Merge([]forge.Ext{forge.BasicConstraints(false, -1), forge.KeyUsage(forge.CRLSign)}, c.signer...)})
		list = signer.CRL(forge.CRL{Extensions: []forge.Ext{forge.IDP{FullName: [][]byte{point}, Indirect: true}.Ext()}})
		var entries []forge.Entry
		if c.revoked {
			entries = append(entries, forge.Revoke(ca.Serial, 1))
		}
		rootList = w.root.CRL(forge.CRL{Entries: entries})
		r := judgeChain(trusting(t, &w.Client, w.root), policy.Policy{Unknown: c.unknown}, leaf, signer, ca)
		if r.Verdict != c.want || c.id != "" && !explained(r, c.id, w.url) {
			t.Errorf("%s: %s, want %s %s: %v", what, r.Verdict, c.want, c.id, findings(r))
		}
	}
}

// An authority with two keys has two lists. Whoever holds the stolen key of a
// certificate sends both of the authority's certificates and delivers the list
// of the key that did not issue it.
func TestListOfTheOtherKey(t *testing.T) {
	var list []byte
	w := newWeather(t, func(*weather) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) { rw.Write(list) }
	})
	old := w.root.Intermediate("Two Keys CA", nil)
	renewed := w.root.Intermediate("Two Keys CA", nil)
	rolled := old.Issue(forge.Cert{Subject: old.Name, Key: renewed.Key, Extensions: []forge.Ext{forge.BasicConstraints(true, -1), forge.KeyUsage(forge.CRLSign, forge.KeyCertSign), forge.SKI(renewed.Key.ID()), forge.AKI(old.Key.ID())}})
	leaf := renewed.Server("a.test", nil, forge.CRLDP(w.url))
	for name, sent := range map[string][]*forge.CA{
		"beside the path": {leaf, renewed, old},
		"on the path":     {leaf, rolled, old},
	} {
		for _, c := range []struct {
			list   []byte
			policy policy.Policy
			want   report.Verdict
			id     finding.ID // "" for none
		}{
			{renewed.CRL(forge.CRL{}), policy.Policy{}, report.Accept, ""},
			{renewed.CRL(forge.CRL{Entries: []forge.Entry{forge.Revoke(leaf.Serial, 1)}}), policy.Policy{}, report.Reject, finding.CertRevoked},
			{old.CRL(forge.CRL{}), policy.Policy{}, report.Inconclusive, finding.CRLOtherKey},
			{old.CRL(forge.CRL{}), policy.Policy{Unknown: policy.UnknownAllow}, report.Inconclusive, finding.CRLOtherKey},
			{old.CRL(forge.CRL{}), policy.Policy{Allow: []finding.ID{finding.CRLOtherKey}}, report.Accept, finding.CRLOtherKey},
			{old.CRL(forge.CRL{Entries: []forge.Entry{forge.Revoke(leaf.Serial, 1)}}), policy.Policy{}, report.Reject, finding.CertRevoked},
		} {
			list = c.list
			c.policy.Depth = policy.DepthLeaf
			if err := c.policy.Validate(); err != nil {
				t.Fatal(err)
			}
			r := judgeChain(trusting(t, &w.Client, w.root), c.policy, sent...)
			if r.Verdict != c.want || c.id != "" && !explained(r, c.id, w.url) {
				t.Errorf("%s: %s, want %s %s: %v", name, r.Verdict, c.want, c.id, findings(r))
			}
		}
	}
}

// The pointers of a leaf that an anchor did not sign are anybody's text.
func TestUnprovenPointers(t *testing.T) {
	w := newWeather(t, serves)
	forged := forge.NewRoot("Weather Root", nil)
	leaf := forged.Server("a.test", nil, forge.CRLDP(w.url), forge.AIA([]string{w.url + "/ocsp"}, []string{w.url + "/ca"}))
	if r := judgeChain(w.engine(t), policy.Policy{}, leaf); r.Verdict != report.Reject || w.hits.Load() != 0 {
		t.Errorf("%s after %d requests: %v", r.Verdict, w.hits.Load(), findings(r))
	}
}

// When an intermediate is revoked, another path counts only if nothing is
// wrong with it and the leaf is not revoked itself.
func TestOtherPaths(t *testing.T) {
	one, two := forge.NewRoot("Root 1", nil), forge.NewRoot("Root 2", nil)
	var ca *forge.CA
	var revoked map[string][]forge.Entry
	w := newWeather(t, func(*weather) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) {
			by := map[string]*forge.CA{"/list.crl1": one, "/list.crl2": two, "/list.crl3": ca}[r.URL.Path]
			rw.Write(by.CRL(forge.CRL{Entries: revoked[r.URL.Path]}))
		}
	})
	for name, c := range map[string]struct {
		second forge.Cert
		also   string // whose list names whom else
		want   report.Verdict
	}{
		"sound":        {forge.Cert{}, "", report.Accept},
		"expired":      {forge.Cert{NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-time.Hour)}, "", report.Reject},
		"revoked too":  {forge.Cert{}, "/list.crl2", report.Reject},
		"revoked leaf": {forge.Cert{}, "/list.crl3", report.Reject},
	} {
		ca = one.Intermediate("CA", nil, forge.CRLDP(w.url+"1"))
		c.second.Subject, c.second.Key = ca.Name, ca.Key
		c.second.Extensions = []forge.Ext{forge.BasicConstraints(true, -1), forge.KeyUsage(forge.KeyCertSign, forge.CRLSign), forge.SKI(ca.Key.ID()), forge.CRLDP(w.url + "2")}
		again := two.Issue(c.second)
		leaf := ca.Server("a.test", nil, forge.CRLDP(w.url+"3"))
		revoked = map[string][]forge.Entry{"/list.crl1": {forge.Revoke(ca.Serial, 1)}}
		switch c.also {
		case "/list.crl2":
			revoked[c.also] = []forge.Entry{forge.Revoke(again.Serial, 1)}
		case "/list.crl3":
			revoked[c.also] = []forge.Entry{forge.Revoke(leaf.Serial, 1)}
		}
		for _, order := range [][]*forge.CA{{leaf, ca, again}, {leaf, again, ca}} {
			if r := judgeChain(trusting(t, &w.Client, one, two), policy.Policy{}, order...); r.Verdict != c.want {
				t.Errorf("%s: %s %v", name, r.Verdict, findings(r))
			}
		}
	}
}

// A revocation is never waived, whatever a policy that was not validated says;
// and one that names it is not valid.
func TestRevocationNotWaived(t *testing.T) {
	w := newWeather(t, serves)
	leaf := w.leaf()
	w.list.Entries = []forge.Entry{forge.Revoke(leaf.Serial, 1)}
	p := policy.Policy{Allow: []finding.ID{finding.CertRevoked}}
	if r := judgeChain(w.engine(t), p, leaf); r.Verdict != report.Reject {
		t.Error(r.Verdict, findings(r))
	}
	if p.Validate() == nil {
		t.Error("the policy is valid")
	}
}

// A revocation check that was asked for and came to nothing is not done.
func TestRevocationCheckState(t *testing.T) {
	w := newWeather(t, func(*weather) http.HandlerFunc { return http.NotFound })
	for unknown, required := range map[policy.Unknown]bool{policy.UnknownInconclusive: true, policy.UnknownDeny: true, policy.UnknownWarn: false, policy.UnknownAllow: false} {
		r := judgeChain(w.engine(t), policy.Policy{Unknown: unknown}, w.leaf())
		for _, c := range r.Checks {
			if c.Name == "revocation" && (c.State != report.NotDone || c.Required != required) {
				t.Errorf("unknown=%s: %+v", unknown, c)
			}
		}
	}
	stranger := forge.NewRoot("Stranger", nil)
	r := judgeChain(w.engine(t), policy.Policy{}, stranger.Server("a.test", nil))
	for _, c := range r.Checks {
		if c.Name == "revocation" && c.State != report.NotDone {
			t.Errorf("without an anchor: %+v", c)
		}
	}
}

// A chain that crypto/tls refused is never accepted, nor is anything fetched on
// its behalf; and a handshake that is not to wait asks nobody.
func TestHandshakesAskNobody(t *testing.T) {
	w := newWeather(t, serves)
	leaf, e := w.leaf(), w.engine(t)
	ev := func() *evidence.Evidence {
		return &evidence.Evidence{Version: evidence.Version, Time: time.Now(), Target: evidence.Target{Host: "a.test"},
			Connection: evidence.Connection{Addr: "127.0.0.1:443", Version: 0x0304}, Chain: []evidence.Entry{{Cert: leaf.Raw}}}
	}
	p := policy.Policy{Schemes: policy.Off}
	if r := e.Refused(ev(), p, "a reason"); r.Verdict != report.Reject {
		t.Error(r.Verdict, findings(r))
	}
	p.Schemes = 0
	if r := e.Refused(ev(), p, "a reason"); r.Verdict != report.Reject || w.hits.Load() != 0 {
		t.Errorf("%s after %d requests: %v", r.Verdict, w.hits.Load(), findings(r))
	}
	chains := [][][]byte{{leaf.Raw, w.root.Raw}}
	if r, _, due := e.Handshake(context.Background(), ev(), chains, p, here(download.Access{Offline: true}), assemble.Full); r.Verdict != report.Inconclusive || !due || w.hits.Load() != 0 {
		t.Errorf("%s, due %v, after %d requests: %v", r.Verdict, due, w.hits.Load(), findings(r))
	}
	if r, _, due := e.Handshake(context.Background(), ev(), chains, p, here(), assemble.Full); r.Verdict != report.Accept || due || w.hits.Load() != 1 {
		t.Errorf("%s, due %v, after %d requests: %v", r.Verdict, due, w.hits.Load(), findings(r))
	}
}

// What the policy asks of keys is asked of those that sign lists and responses:
// less lets an authority's list count, for its revocations too, more refuses it.
func TestStrengthOfLists(t *testing.T) {
	var list []byte
	w := newWeather(t, func(*weather) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) { rw.Write(list) }
	})
	small, usual := forge.NewRoot("Small Root", forge.RSA(1024)), forge.NewRoot("Usual Root", forge.RSA(2048))
	for name, c := range map[string]struct {
		root    *forge.CA
		policy  policy.Policy
		revoked bool
		want    report.Verdict
		id      finding.ID
	}{
		"small, allowed":              {small, policy.Policy{MinRSA: 1024}, false, report.Accept, ""},
		"small, allowed, and revoked": {small, policy.Policy{MinRSA: 1024}, true, report.Reject, finding.CertRevoked},
		"small, level 1, and revoked": {small, policy.Policy{SecurityLevel: policy.Level1}, true, report.Reject, finding.CertRevoked},
		"usual":                       {usual, policy.Policy{}, false, report.Accept, ""},
		"usual, more is asked":        {usual, policy.Policy{MinRSA: 3072}, false, report.Reject, finding.CRLKeyWeak},
	} {
		leaf := c.root.Server("a.test", nil, forge.CRLDP(w.url))
		l := forge.CRL{}
		if c.revoked {
			l.Entries = []forge.Entry{forge.Revoke(leaf.Serial, 1)}
		}
		list = c.root.CRL(l)
		r := judgeChain(trusting(t, &w.Client, c.root), c.policy, leaf)
		if r.Verdict != c.want || c.id != "" && !explained(r, c.id, w.url) {
			t.Errorf("%s: %s, want %s %s: %v", name, r.Verdict, c.want, c.id, findings(r))
		}
	}
}

// A list says where its signer's certificate can be had (RFC 5280, 5.2.7). What
// is found there is a candidate and no more; handshakes do not look for it.
func TestSignerFromItsList(t *testing.T) {
	var list, at []byte
	w := newWeather(t, func(*weather) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/list.crl" {
				rw.Write(list)
			} else {
				rw.Write(at)
			}
		}
	})
	leaf := w.leaf()
	byRoot := w.root.Issue(forge.Cert{Subject: w.root.Name, Extensions: []forge.Ext{forge.BasicConstraints(false, -1), forge.KeyUsage(forge.CRLSign)}})
	stranger := forge.NewRoot("Weather Root", nil)
	for name, c := range map[string]struct {
		signer *forge.CA
		at     []byte
		policy policy.Policy
		shake  bool // a handshake
		want   report.Verdict
		hits   int64
	}{
		"there":             {byRoot, byRoot.Raw, policy.Policy{}, false, report.Accept, 2},
		"in a handshake":    {byRoot, byRoot.Raw, policy.Policy{}, true, report.Inconclusive, 1},
		"something else":    {byRoot, []byte("<html>"), policy.Policy{}, false, report.Inconclusive, 2},
		"a stranger's":      {stranger, stranger.Raw, policy.Policy{}, false, report.Inconclusive, 2},
		"lists are not had": {byRoot, byRoot.Raw, policy.Policy{Schemes: policy.Only(policy.OCSP)}, false, report.Inconclusive, 0},
	} {
		list, at = c.signer.CRL(forge.CRL{Extensions: []forge.Ext{forge.AIA(nil, []string{w.url + "/signer", "ldap://x/"})}}), c.at
		w.hits.Store(0)
		r := judgeChain(trusting(t, &w.Client, w.root), c.policy, leaf)
		if c.shake {
			ev := &evidence.Evidence{Version: evidence.Version, Time: time.Now(), Target: evidence.Target{Host: "a.test"},
				Connection: evidence.Connection{Addr: "127.0.0.1:443", Version: 0x0304}, Chain: []evidence.Entry{{Cert: leaf.Raw}}}
			w.hits.Store(0)
			r, _, _ = trusting(t, &w.Client, w.root).Handshake(t.Context(), ev, [][][]byte{{leaf.Raw, w.root.Raw}}, policy.Policy{}, here(), assemble.Full)
		}
		if r.Verdict != c.want || w.hits.Load() != c.hits {
			t.Errorf("%s: %s, want %s, %d requests: %v", name, r.Verdict, c.want, w.hits.Load(), findings(r))
		}
	}
}

// What a CA's TLS features ask of those below it is a rule of the path: it holds
// with revocation off.
func TestFeaturesWithoutRevocation(t *testing.T) {
	w := newWeather(t, serves)
	for _, features := range [][]forge.Ext{nil, {forge.MustStaple()}} {
		ca := w.root.Intermediate("Staples CA", nil, forge.MustStaple())
		r := judgeChain(w.engine(t), policy.Policy{Schemes: policy.Off}, ca.Server("a.test", nil, features...), ca)
		want := report.Accept
		if features == nil {
			want = report.Reject
		}
		if lost := strings.Contains(strings.Join(findings(r), " "), string(finding.TLSFeatureNotInherited)); r.Verdict != want || lost != (features == nil) {
			t.Errorf("%d features: %s, %v", len(features), r.Verdict, findings(r))
		}
	}
}

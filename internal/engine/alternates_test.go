package engine_test

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

func judgeFiles(t *testing.T, anchors, chain, crls [][]byte, p policy.Policy) *report.Report {
	t.Helper()
	set := certpath.NewAnchors()
	for _, a := range anchors {
		if err := set.Add(a); err != nil {
			t.Fatal(err)
		}
	}
	e := under{engine.New(engine.Options{}), &engine.Trust{Anchors: set}}
	ev := &evidence.Evidence{Version: evidence.Version, Time: time.Now()}
	for _, c := range chain {
		ev.Chain = append(ev.Chain, evidence.Entry{Cert: c})
	}
	for _, c := range crls {
		ev.Artefacts = append(ev.Artefacts, evidence.Artefact{Kind: "crl-file", URL: "file", Body: c})
	}
	p.Names = []string{"a.test"}
	return e.Judge(t.Context(), ev, p, download.Access{})
}

// When an intermediate is revoked, the next paths without errors are judged, at
// most three in all, and one that is revoked too is no way out.
func TestAlternatePaths(t *testing.T) {
	const roots = 6
	caKey, leafKey := forge.P256(), forge.P256()
	for _, c := range []struct {
		name        string
		revokedCAs  int // of the six certificates of the CA
		leafRevoked bool
		want        report.Verdict
	}{
		{"one", 1, false, report.Accept}, {"two", 2, false, report.Accept},
		{"three", 3, false, report.Reject}, {"all", roots, false, report.Reject}, {"one, and the leaf", 1, true, report.Reject},
	} {
		var anchors, crls, cas [][]byte
		ca := &forge.CA{Name: forge.CN("The CA"), Key: caKey}
		leaf := ca.Server("a.test", leafKey, forge.CRLDP("http://crl.test/ca"))
		for i := range roots {
			root := forge.NewRoot(fmt.Sprint("Root ", i), nil)
			own := root.Intermediate("The CA", caKey, forge.CRLDP(fmt.Sprint("http://crl.test/", i)))
			anchors, cas = append(anchors, root.Raw), append(cas, own.Raw)
			list := forge.CRL{}
			if i < c.revokedCAs {
				list.Entries = []forge.Entry{forge.Revoke(own.Serial, forge.KeyCompromise)}
			}
			crls = append(crls, root.CRL(list))
		}
		list := forge.CRL{}
		if c.leafRevoked {
			list.Entries = []forge.Entry{forge.Revoke(leaf.Serial, forge.KeyCompromise)}
		}
		crls = append(crls, ca.CRL(list))
		r := judgeFiles(t, anchors, append([][]byte{leaf.Raw}, cas...), crls, policy.Policy{})
		judged := 0
		for _, p := range r.Paths {
			if len(p.Certs) > 1 && p.Certs[1].Revocation != nil {
				judged++
			}
		}
		if r.Verdict != c.want || judged > 3 || len(r.Paths) < roots {
			t.Errorf("%s: %s, %d of %d paths judged, headline %+v", c.name, r.Verdict, judged, len(r.Paths), r.Headline)
		}
		if c.want == report.Accept && !slices.ContainsFunc(r.Paths[r.Chosen].Findings, func(f finding.Finding) bool { return f.ID == finding.AlternatePathRevoked }) {
			t.Errorf("%s: nothing said of the revoked path", c.name)
		}
	}
}

// A list signed by another than the certificate's issuer counts only when its
// signer has a sound path to the same anchor (RFC 5280, 6.3.3 (f)).
func TestSeparateCRLIssuer(t *testing.T) {
	root, other := forge.NewRoot("Root", nil), forge.NewRoot("Other", nil)
	name := forge.CN("CRL Issuer")
	dp := forge.CRLDPs(forge.DP{FullName: [][]byte{forge.URI("http://crl.test/x")}, CRLIssuer: [][]byte{forge.DirName(name)}})
	leaf := root.Server("a.test", nil, dp)
	signer := func(by *forge.CA, ends time.Time) *forge.CA {
		key := forge.P256()
		return by.Issue(forge.Cert{Subject: name, Key: key, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: ends,
			Extensions: []forge.Ext{forge.BasicConstraints(false, -1), forge.KeyUsage(forge.CRLSign), forge.SKI(key.ID()), forge.AKI(by.Key.ID())}})
	}
	next := time.Now().AddDate(0, 1, 0)
	for what, c := range map[string]struct {
		signer *forge.CA
		counts bool
	}{
		"sound":          {signer(root, next), true},
		"expired":        {signer(root, time.Now().Add(-time.Hour)), false},
		"another anchor": {signer(other, next), false},
	} {
		for _, revoked := range []bool{false, true} {
			list := forge.CRL{Extensions: []forge.Ext{forge.CRLNumber(1), forge.AKI(c.signer.Key.ID()),
				forge.IDP{FullName: [][]byte{forge.URI("http://crl.test/x")}, Indirect: true}.Ext()}}
			if revoked {
				list.Entries = []forge.Entry{forge.Revoke(leaf.Serial, forge.KeyCompromise, forge.CertificateIssuer(forge.DirName(root.Name)))}
			}
			r := judgeFiles(t, [][]byte{root.Raw, other.Raw}, [][]byte{leaf.Raw, c.signer.Raw}, [][]byte{c.signer.CRL(list)}, policy.Policy{})
			want := report.Inconclusive
			switch {
			case c.counts && revoked:
				want = report.Reject
			case c.counts:
				want = report.Accept
			}
			if got := r.Verdict; got != want && !(want == report.Inconclusive && got == report.Reject) {
				t.Errorf("%s, revoked %v: %s, headline %+v", what, revoked, got, r.Headline)
			}
		}
	}
}

// A list that was given and is about nobody on the path leaves a certificate
// that names no source unknown, and is named with its issuer and the reason.
func TestForgottenList(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	ca := root.Intermediate("CA", nil)
	leaf := ca.Server("a.test", nil)
	stranger := forge.NewRoot("Stranger", nil)
	lists := map[string][]byte{"ca": ca.CRL(forge.CRL{}), "root": root.CRL(forge.CRL{}), "stranger": stranger.CRL(forge.CRL{}),
		"revokes": ca.CRL(forge.CRL{Entries: []forge.Entry{forge.Revoke(leaf.Serial, 1)}})}
	for _, c := range []struct {
		given  []string
		policy policy.Policy
		want   report.Verdict
		unused int
	}{
		{nil, policy.Policy{}, report.Accept, 0},
		{nil, policy.Policy{Unknown: policy.UnknownDeny}, report.Reject, 0},
		{[]string{"ca", "root"}, policy.Policy{}, report.Accept, 0},
		{[]string{"ca", "root", "stranger"}, policy.Policy{}, report.Accept, 1},
		{[]string{"ca"}, policy.Policy{}, report.Inconclusive, 0},
		{[]string{"ca"}, policy.Policy{Depth: policy.DepthLeaf}, report.Accept, 0},
		{[]string{"root"}, policy.Policy{}, report.Inconclusive, 0},
		{[]string{"stranger"}, policy.Policy{}, report.Inconclusive, 1},
		{[]string{"revokes"}, policy.Policy{}, report.Reject, 0},
	} {
		var crls [][]byte
		for _, name := range c.given {
			crls = append(crls, lists[name])
		}
		r := judgeFiles(t, [][]byte{root.Raw}, [][]byte{leaf.Raw, ca.Raw}, crls, c.policy)
		unused := 0
		for _, f := range r.Paths[r.Chosen].Findings {
			if f.ID == finding.RevocationFileUnused {
				if unused++; f.Param("file") == "" || f.Param("issuer") != "CN=Stranger" || f.Param("detail") == "" {
					t.Errorf("%v: %s", c.given, f)
				}
			}
		}
		if r.Verdict != c.want || unused != c.unused {
			t.Errorf("%v: %s, %d unused, want %s, %d: %v", c.given, r.Verdict, unused, c.want, c.unused, findings(r))
		}
	}
}

// Which of two certificates of a CA comes first does not decide: when the best
// path is not clean after revocation, the next are judged, whether the evidence
// is complete, downloads run, or handshakes use what the cache has.
func TestAlternateOfUnknown(t *testing.T) {
	var lists map[string][]byte
	w := newWeather(t, func(*weather) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) {
			if body := lists[strings.TrimPrefix(r.URL.Path, "/list.crl")]; body != nil {
				rw.Write(body)
			} else {
				http.NotFound(rw, r)
			}
		}
	})
	one, two, three := forge.NewRoot("Root 1", nil), forge.NewRoot("Root 2", nil), forge.NewRoot("Root 3", nil)
	ca := one.Intermediate("CA", nil, forge.CRLDP(w.url+"1"))
	again := two.Intermediate("CA", ca.Key, forge.CRLDP(w.url+"2"))
	third := three.Intermediate("CA", ca.Key, forge.CRLDP(w.url+"3"))
	leaf := ca.Server("a.test", nil, forge.CRLDP(w.url+"0"))
	stale := forge.CRL{ThisUpdate: time.Now().Add(-20 * 24 * time.Hour), NextUpdate: time.Now().Add(-10 * 24 * time.Hour)}
	fresh, missing := forge.CRL{}, []byte(nil)
	revokes := func(by, c *forge.CA) []byte {
		return by.CRL(forge.CRL{Entries: []forge.Entry{forge.Revoke(c.Serial, 1)}})
	}
	others := map[string]bool{} // cases in which another path than the best was chosen
	clean := map[string][]byte{"0": ca.CRL(fresh), "1": one.CRL(fresh), "2": two.CRL(fresh), "3": three.CRL(fresh)}
	for name, c := range map[string]struct {
		change map[string][]byte
		want   report.Verdict
	}{
		"all clean":                             {nil, report.Accept},
		"stale on the first":                    {map[string][]byte{"1": one.CRL(stale)}, report.Accept},
		"missing on the first":                  {map[string][]byte{"1": missing}, report.Accept},
		"garbage on two":                        {map[string][]byte{"1": []byte("<html>"), "2": []byte("<html>")}, report.Accept},
		"missing on one, stale on another":      {map[string][]byte{"1": missing, "2": two.CRL(stale)}, report.Accept},
		"missing on one, revoked on another":    {map[string][]byte{"1": missing, "2": revokes(two, again)}, report.Accept},
		"missing on all":                        {map[string][]byte{"1": missing, "2": missing, "3": missing}, report.Inconclusive},
		"missing on one, and the leaf revoked":  {map[string][]byte{"1": missing, "0": revokes(ca, leaf)}, report.Reject},
		"revoked on one, missing on the others": {map[string][]byte{"1": revokes(one, ca), "2": missing, "3": missing}, report.Inconclusive},
		"revoked on one, missing on another":    {map[string][]byte{"1": revokes(one, ca), "2": missing}, report.Accept},
		"revoked on all":                        {map[string][]byte{"1": revokes(one, ca), "2": revokes(two, again), "3": revokes(three, third)}, report.Reject},
	} {
		lists = maps.Clone(clean)
		maps.Copy(lists, c.change)
		for _, order := range [][]*forge.CA{{leaf, ca, again, third}, {leaf, third, again, ca}} {
			e := trusting(t, &w.Client, one, two, three)
			r := judgeChain(e, policy.Policy{}, order...)
			told := slices.ContainsFunc(r.Paths[r.Chosen].Findings, func(f finding.Finding) bool {
				return f.ID == finding.AlternatePathUnknown || f.ID == finding.AlternatePathRevoked
			})
			if r.Verdict != c.want || told != (r.Chosen > 0) {
				t.Errorf("%s: %s, want %s: %v", name, r.Verdict, c.want, findings(r))
			}
			others[name] = others[name] || r.Chosen > 0
			chains := [][][]byte{{leaf.Raw, order[1].Raw, rootOf(order[1], one, two, three)}, {leaf.Raw, order[2].Raw, rootOf(order[2], one, two, three)}, {leaf.Raw, order[3].Raw, rootOf(order[3], one, two, three)}}
			ev := &evidence.Evidence{Version: evidence.Version, Time: time.Now(), Target: evidence.Target{Host: "a.test"},
				Connection: evidence.Connection{Addr: "127.0.0.1:443", Version: 0x0304}, Chain: []evidence.Entry{{Cert: leaf.Raw}}}
			if h, _, _ := e.Handshake(t.Context(), ev, chains, policy.Policy{}, here(), assemble.Brief); h.Verdict != c.want {
				t.Errorf("%s, a handshake: %s, want %s: %v", name, h.Verdict, c.want, findings(h))
			}
		}
	}
	for name, other := range others {
		if want := !slices.Contains([]string{"all clean", "missing on all", "missing on one, and the leaf revoked", "revoked on all"}, name); other != want {
			t.Errorf("%s: another path %v", name, other)
		}
	}
}

func rootOf(c *forge.CA, roots ...*forge.CA) []byte {
	for _, r := range roots {
		if bytes.Equal(cert.Parse(c.Raw).RawIssuer, r.Name) {
			return r.Raw
		}
	}
	return nil
}

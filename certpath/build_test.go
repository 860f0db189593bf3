package certpath_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

// options are the default policy for host at the present: certificates of the
// forge live around it.
func options(host string) certpath.Options {
	o := certpath.Options{Time: time.Now()}
	if host != "" {
		id, err := certpath.ParseIdentifier(host)
		if err != nil {
			panic(err)
		}
		o.Names = []certpath.Identifier{id}
	}
	return o
}

func anchors(t testing.TB, ders ...[]byte) *certpath.Anchors {
	t.Helper()
	s := certpath.NewAnchors()
	for _, d := range ders {
		if err := s.Add(d); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func parse(ders ...[]byte) []*cert.Certificate {
	var out []*cert.Certificate
	for _, d := range ders {
		out = append(out, cert.Parse(d))
	}
	return out
}

// ids are the kinds on a path of at least a severity.
func ids(p *certpath.Path, least finding.Severity) map[finding.ID]bool {
	m := make(map[finding.ID]bool)
	for _, fs := range append(p.CertFindings, p.Findings) {
		for _, f := range fs {
			if f.Severity >= least {
				m[f.ID] = true
			}
		}
	}
	return m
}

func TestBuildGood(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	ca := root.Intermediate("CA", nil)
	leaf := ca.Server("www.example.com", nil)
	r := certpath.Build(context.Background(), cert.Parse(leaf.Raw), parse(leaf.Raw, ca.Raw, root.Raw), anchors(t, root.Raw), options("www.example.com"))
	if len(r.Findings) != 0 || len(r.Paths) != 1 {
		t.Fatalf("%d paths, %v", len(r.Paths), r.Findings)
	}
	p := r.Paths[0]
	if !p.Clean() || len(p.Certs) != 3 || p.End != report.EndAnchor || len(ids(&p, finding.Info)) != 0 {
		t.Fatalf("%v %v %v", p.End, p.CertFindings, p.Findings)
	}
}

// build is Build for tests with a background context.
func build(leaf []byte, pool [][]byte, set *certpath.Anchors, o certpath.Options) certpath.Result {
	return certpath.Build(context.Background(), cert.Parse(leaf), parse(pool...), set, o)
}

func TestBuildCrossSigned(t *testing.T) {
	oldRoot, newRoot := forge.NewRoot("Old", nil), forge.NewRoot("New", nil)
	crossed := oldRoot.Intermediate("New", newRoot.Key)
	ca := newRoot.Intermediate("CA", nil)
	twin := newRoot.Intermediate("CA", nil) // same name, another key
	leaf := ca.Server("www.example.com", nil)
	pool := [][]byte{oldRoot.Raw, twin.Raw, crossed.Raw, newRoot.Raw, ca.Raw, forge.NewRoot("Stray", nil).Raw}
	for name, c := range map[string]struct {
		anchors [][]byte
		lengths []int // of the paths, best first
		clean   bool
	}{
		"old root": {[][]byte{oldRoot.Raw}, []int{4, 3}, true},
		"new root": {[][]byte{newRoot.Raw}, []int{3, 4}, true},
		"both":     {[][]byte{oldRoot.Raw, newRoot.Raw}, []int{3, 4}, true},
		"CA":       {[][]byte{ca.Raw}, []int{2}, true},
		"leaf":     {[][]byte{leaf.Raw}, []int{1}, true},
		"none":     {nil, []int{3, 4}, false},
	} {
		r := build(leaf.Raw, pool, anchors(t, c.anchors...), options("www.example.com"))
		var lengths []int
		for _, p := range r.Paths {
			lengths = append(lengths, len(p.Certs))
		}
		if !slices.Equal(lengths, c.lengths) || r.Paths[0].Clean() != c.clean {
			t.Errorf("%s: paths of %v, want %v: %s", name, lengths, c.lengths, describe(r))
		}
	}
}

func TestBuildPrefersClean(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	key := forge.P256()
	expired := root.Issue(forge.Cert{Subject: forge.CN("CA"), Key: key, NotBefore: past, NotAfter: past.Add(time.Hour),
		Extensions: []forge.Ext{forge.BasicConstraints(true, -1), forge.SKI(key.ID())}})
	ca := root.Intermediate("CA", key)
	leaf := ca.Server("www.example.com", nil)
	r := build(leaf.Raw, [][]byte{expired.Raw, ca.Raw}, anchors(t, root.Raw), options("www.example.com"))
	if len(r.Paths) != 2 || !r.Paths[0].Clean() || r.Paths[1].Worst() != finding.Error {
		t.Error(describe(r))
	}
	r = build(leaf.Raw, [][]byte{expired.Raw}, anchors(t, root.Raw), options("www.example.com"))
	if len(r.Paths) != 1 || !ids(&r.Paths[0], finding.Error)[finding.CertExpired] {
		t.Error(describe(r))
	}
}

// TestBuildNames wants names compared by RFC 5280, 7.1, the anchor's too.
func TestBuildNames(t *testing.T) {
	key := forge.P256()
	utf8 := func(s string) []byte { return forge.DN(forge.Attr{OID: "2.5.4.3", Value: s, Tag: 12}) }
	root := &forge.CA{Name: utf8("The  Root"), Key: key}
	root.Raw = forge.Cert{Issuer: root.Name, Subject: forge.CN("the root"), Key: key, Serial: []byte{1}, NotAfter: future,
		Extensions: []forge.Ext{forge.BasicConstraints(true, -1), forge.SKI(key.ID())}}.Sign(key)
	ca := root.Intermediate("CA", nil)
	ca.Name = utf8(" ca ")
	leaf := ca.Server("www.example.com", nil)
	decoy := forge.NewRoot("Decoy", nil)
	decoy.Raw = forge.Cert{Issuer: root.Name, Subject: root.Name, Key: decoy.Key, Serial: []byte{1}, NotAfter: future,
		Extensions: []forge.Ext{forge.BasicConstraints(true, -1)}}.Sign(decoy.Key)
	for _, set := range [][][]byte{{root.Raw}, {decoy.Raw, root.Raw}} { // the decoy's name is encoded exactly as the CA's issuer
		r := build(leaf.Raw, [][]byte{ca.Raw}, anchors(t, set...), options("www.example.com"))
		if !r.Paths[0].Clean() {
			t.Errorf("%d anchors: %s", len(set), describe(r))
		}
	}
}

func TestBuildSelfSigned(t *testing.T) {
	root := forge.NewRoot("www.example.com", nil, forge.SAN(forge.DNS("www.example.com")), forge.KeyUsage(forge.DigitalSignature, forge.KeyCertSign))
	r := build(root.Raw, nil, anchors(t), options("www.example.com"))
	if p := r.Paths[0]; p.End != report.EndUntrusted || !ids(&p, finding.Error)[finding.LeafSelfSigned] {
		t.Error(describe(r))
	}
	// Self-issued but signed by somebody else: no issuer, not self-signed.
	other := forge.NewRoot("www.example.com", nil)
	fake := other.Issue(forge.Cert{Subject: other.Name, Extensions: []forge.Ext{forge.SAN(forge.DNS("www.example.com"))}})
	if r := build(fake.Raw, nil, anchors(t), options("")); r.Paths[0].End != report.EndNoIssuer {
		t.Error(describe(r))
	}
	if r := build(root.Raw, nil, anchors(t, root.Raw), options("www.example.com")); !r.Paths[0].Clean() {
		t.Error(describe(r))
	}
}

// TestBuildPathLen counts CAs that are not self-issued only.
func TestBuildPathLen(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	ca := root.Intermediate("CA", nil, forge.BasicConstraints(true, 0))
	renewed := ca.Intermediate("CA", nil)
	leaf := renewed.Server("www.example.com", nil)
	if r := build(leaf.Raw, [][]byte{ca.Raw, renewed.Raw}, anchors(t, root.Raw), options("www.example.com")); !r.Paths[0].Clean() {
		t.Error(describe(r))
	}
	sub := ca.Intermediate("Sub", nil)
	leaf = sub.Server("www.example.com", nil)
	r := build(leaf.Raw, [][]byte{ca.Raw, sub.Raw}, anchors(t, root.Raw), options("www.example.com"))
	if fs := r.Paths[0].CertFindings[1]; len(fs) != 1 || fs[0].ID != finding.PathLenExceeded {
		t.Error(describe(r))
	}
}

func TestValidate(t *testing.T) {
	ctx, o := context.Background(), options("www.example.com")
	root := forge.NewRoot("Root", nil)
	ca := root.Intermediate("CA", nil)
	leaf := ca.Server("www.example.com", nil)
	chain := parse(leaf.Raw, ca.Raw, root.Raw)
	if p := certpath.Validate(ctx, chain, o); !p.Clean() {
		t.Error(p.CertFindings, p.Findings)
	}
	if p := certpath.Validate(ctx, chain[:2], o); !p.Clean() {
		t.Error("the intermediate is the anchor by the caller's word:", p.CertFindings, p.Findings)
	}
	if p := certpath.Validate(ctx, nil, o); p.Clean() || !ids(&p, finding.Error)[finding.PathEmpty] {
		t.Error("an empty path passes")
	}
	if p := certpath.Validate(ctx, append(parse(leaf.Raw, ca.Raw), chain[1:]...), o); !ids(&p, finding.Error)[finding.PathLoop] {
		t.Error("no loop seen:", p.CertFindings)
	}
	stray := forge.NewRoot("Stray", ca.Key)
	if p := certpath.Validate(ctx, parse(leaf.Raw, stray.Raw), o); !ids(&p, finding.Error)[finding.IssuerNameMismatch] {
		t.Error("no mismatch of names seen:", p.CertFindings)
	}
	o.MaxDepth = -1
	if p := certpath.Validate(ctx, chain, o); !ids(&p, finding.Error)[finding.PathTooLong] {
		t.Error("depth not seen:", p.CertFindings)
	}
	done, cancel := context.WithCancel(ctx)
	cancel()
	if p := certpath.Validate(done, chain, options("")); p.Clean() {
		t.Error("a context that has ended passes")
	}
	if r := certpath.Build(done, chain[0], chain, anchors(t, root.Raw), options("")); len(r.Findings) == 0 || len(r.Paths) == 0 {
		t.Error("a context that has ended passes")
	}
}

func TestAnchors(t *testing.T) {
	root, other := forge.NewRoot("Root", nil), forge.NewRoot("Other", nil)
	s := anchors(t, root.Raw, other.Raw, root.Raw)
	if s.Len() != 2 || !s.Contains(cert.Parse(root.Raw)) || s.Contains(cert.Parse(forge.NewRoot("Root", nil).Raw)) {
		t.Error("wrong contents")
	}
	if s.Hash() != anchors(t, other.Raw, root.Raw).Hash() || s.Hash() == anchors(t, root.Raw).Hash() || s.Hash() == certpath.NewAnchors().Hash() {
		t.Error("the hash does not identify the set")
	}
	limited := certpath.NewAnchors()
	limited.Add(root.Raw)
	limited.AddConstrained(other.Raw, certpath.AnchorConstraints{DistrustAfter: past})
	if limited.Hash() == s.Hash() {
		t.Error("the hash does not tell limits")
	}
	for _, b := range [][]byte{nil, {0x30}, []byte("-----BEGIN"), root.Raw[:40]} {
		if err := s.Add(b); err != certpath.ErrNotCertificate {
			t.Errorf("%x: %v", b, err)
		}
	}
	var none *certpath.Anchors
	if r := certpath.Build(context.Background(), cert.Parse(root.Raw), nil, none, options("")); none.Len() != 0 || r.Paths[0].Clean() {
		t.Error("a nil set trusts")
	}
}

// Nothing to judge is a finding, and holes in the pool are passed over.
func TestBuildNil(t *testing.T) {
	r := certpath.Build(context.Background(), nil, nil, certpath.NewAnchors(), certpath.Options{})
	if len(r.Paths) != 1 || len(r.Paths[0].Findings) != 1 || r.Paths[0].Findings[0].ID != finding.PathEmpty {
		t.Errorf("no leaf: %+v", r)
	}
	root := forge.NewRoot("Root", nil)
	ca := root.Intermediate("CA", nil)
	leaf, set := parse(ca.Server(host, nil).Raw)[0], certpath.NewAnchors()
	if err := set.Add(root.Raw); err != nil {
		t.Fatal(err)
	}
	o := certpath.Options{Time: time.Now()}
	for _, pool := range [][]*cert.Certificate{{nil}, {nil, parse(ca.Raw)[0], nil}} {
		if r := certpath.Build(context.Background(), leaf, pool, set, o); r.Paths[0].Clean() != (len(pool) > 1) {
			t.Error(describe(r))
		}
	}
}

// An end that is no date is told as that, and not as an expiry in the year 1; it refuses, on an anchor too.
func TestImpossibleEnd(t *testing.T) {
	ctx, o := context.Background(), options("www.example.com")
	for name, end := range map[string][]byte{"30 February": []byte("270230000000Z"), "month 13": []byte("261301000000Z")} {
		validity := func(c *forge.Cert) {
			c.Validity = forge.Seq(forge.Time(o.Time.AddDate(0, 0, -1)), forge.TLV(0x17, end))
		}
		root := forge.NewRoot("Root", nil)
		key := forge.P256()
		c := forge.Cert{Subject: forge.CN("www.example.com"), Key: key, Extensions: root.ServerExts(key, forge.DNS("www.example.com"))}
		validity(&c)
		leaf := root.Issue(c)
		anchor := forge.Cert{Subject: root.Name, Key: root.Key, Extensions: []forge.Ext{forge.BasicConstraints(true, -1), forge.KeyUsage(forge.KeyCertSign)}}
		validity(&anchor)
		badRoot := root.Issue(anchor)
		for place, chain := range map[string][]*cert.Certificate{
			"leaf": parse(leaf.Raw, root.Raw), "anchor": parse(root.Server("www.example.com", nil).Raw, badRoot.Raw), "leaf that is the anchor": parse(leaf.Raw),
		} {
			p := certpath.Validate(ctx, chain, o)
			got := ids(&p, finding.Error)
			if p.Clean() || !got[finding.NotAfterBad] || got[finding.CertExpired] {
				t.Errorf("%s of the %s: %v", name, place, got)
			}
		}
	}
}

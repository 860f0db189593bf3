package certpath_test

import (
	"context"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
)

func everyAnchor(*cert.Certificate) bool { return true }

// The rules for public certificates hold on the paths to public anchors alone,
// each path by its own anchor, and one search finds that out: the order of the
// paths is the one that they have without these rules.
func TestPublicByPath(t *testing.T) {
	public, private := forge.NewRoot("Public Root", nil), forge.NewRoot("Private Root", nil)
	key := forge.NewKey("P-256")
	leafKey := forge.NewKey("P-256")
	of := func(root *forge.CA) *forge.CA { return root.Intermediate("Shared CA", key) }
	a, b := of(public), of(private)
	from := time.Now().Add(-time.Hour)
	leaf := a.Issue(forge.Cert{Key: leafKey, NotBefore: from, NotAfter: from.AddDate(2, 0, 0), Extensions: a.ServerExts(leafKey, forge.DNS("a.test"))})
	anchors := certpath.NewAnchors()
	for _, r := range []*forge.CA{public, private} {
		if err := anchors.Add(r.Raw); err != nil {
			t.Fatal(err)
		}
	}
	o := certpath.Options{Time: time.Now()}
	order := func() (names []string, warned map[string]bool, searches int) {
		r := certpath.Build(context.Background(), cert.Parse(leaf.Raw), []*cert.Certificate{cert.Parse(a.Raw), cert.Parse(b.Raw)}, anchors, o)
		warned = map[string]bool{}
		for _, p := range r.Paths {
			name := p.Certs[len(p.Certs)-1].Subject.String()
			names = append(names, name)
			warned[name] = ids(&p, finding.Warning)[finding.ValidityTooLong]
		}
		return names, warned, len(r.Paths)
	}
	before, warned, n := order()
	if n != 2 || warned[before[0]] || warned[before[1]] {
		t.Fatalf("%v %v", before, warned)
	}
	for _, anchor := range before { // whichever comes first
		o.Public = func(c *cert.Certificate) bool { return c.Subject.String() == anchor }
		after, warned, _ := order()
		for i, name := range after {
			if name != before[i] || warned[name] != (name == anchor) {
				t.Errorf("with public %s: %v, warned %v", anchor, after, warned)
			}
		}
	}
}

package certpath_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
)

// hostile are bundles made to keep a client busy. Each has a leaf, 100
// certificates and an anchor.
func hostile() map[string]struct {
	leaf []byte
	pool [][]byte
	root []byte
} {
	type bundle = struct {
		leaf []byte
		pool [][]byte
		root []byte
	}
	out := make(map[string]bundle)
	root := forge.NewRoot("Root", nil)
	ca := forge.Merge([]forge.Ext{forge.BasicConstraints(true, -1), forge.KeyUsage(forge.KeyCertSign)})

	// One name and one key, told apart by their alternative names only: 100! orders.
	mesh := bundle{root: root.Raw}
	key := forge.P256()
	self := &forge.CA{Name: forge.CN("Mesh"), Key: key}
	for i := range 100 {
		mesh.pool = append(mesh.pool, self.Issue(forge.Cert{Subject: self.Name, Key: key, NotAfter: future,
			Extensions: append(ca, forge.SAN(forge.DNS(fmt.Sprintf("n%d.example", i))))}).Raw)
	}
	mesh.leaf = self.Server("www.example.com", nil).Raw
	out["mesh of one key"] = mesh

	// One name, 100 keys, each signed by the next.
	ring := bundle{root: root.Raw}
	keys := make([]*forge.Key, 101)
	for i := range keys {
		keys[i] = forge.P256()
	}
	for i := range 100 {
		above := &forge.CA{Name: forge.CN("Ring"), Key: keys[i+1]}
		ring.pool = append(ring.pool, above.Issue(forge.Cert{Subject: above.Name, Key: keys[i], NotAfter: future, Extensions: ca}).Raw)
	}
	ring.leaf = (&forge.CA{Name: forge.CN("Ring"), Key: keys[0]}).Server("www.example.com", nil).Raw
	out["ring of keys"] = ring

	// One name, 100 keys, none of which made the signature; large ones.
	wrong := bundle{root: root.Raw}
	for i := range 100 {
		k := forge.NewKey([]string{"P-521", "P-384", "P-256"}[i%3])
		wrong.pool = append(wrong.pool, self.Issue(forge.Cert{Subject: self.Name, Key: k, NotAfter: future, Extensions: ca}).Raw)
	}
	wrong.leaf = self.Server("www.example.com", nil).Raw
	out["wrong keys"] = wrong

	// A line of 100 CAs, each with 100 constraints; a leaf with 1000 names.
	line := bundle{root: root.Raw}
	above := root
	for i := range 100 {
		var bases, names [][]byte
		for n := range 100 {
			bases = append(bases, forge.DNS(fmt.Sprintf("x%d-%d.example.org", i, n)))
			names = append(names, forge.DNS(fmt.Sprintf("a%d.b%d.c.d.e.f.example.com", i, n)))
		}
		above = above.Intermediate(fmt.Sprint("CA ", i), nil, forge.NameConstraints(nil, bases), forge.SAN(names...))
		line.pool = append(line.pool, above.Raw)
	}
	var names [][]byte
	for n := range 1000 {
		names = append(names, forge.DNS(fmt.Sprintf("a%d.b.c.d.e.f.g.h.i.example.com", n)))
	}
	line.leaf = above.Server("www.example.com", nil, forge.SAN(names...)).Raw
	out["line with constraints"] = line

	// Quadratic in names and constraints: 1,250 of each of four kinds.
	quad := bundle{root: root.Raw}
	var bases [][]byte
	names = nil
	for n := range 1250 {
		bases = append(bases, forge.DNS(fmt.Sprintf("x%d.example.org", n)), forge.IPRaw([]byte{10, byte(n >> 8), byte(n), 0, 255, 255, 255, 0}),
			forge.DirName(forge.CN(fmt.Sprint("x", n))), forge.Email(fmt.Sprintf("x%d.example.org", n)))
		names = append(names, forge.DNS(fmt.Sprintf("a%d.example.com", n)), forge.IPRaw([]byte{192, byte(n >> 8), byte(n), 1}),
			forge.DirName(forge.CN(fmt.Sprint("y", n))), forge.Email(fmt.Sprintf("a@a%d.example.com", n)))
	}
	wide := root.Intermediate("Wide", nil, forge.NameConstraints(nil, bases))
	quad.pool = [][]byte{wide.Raw}
	quad.leaf = wide.Server("www.example.com", nil, forge.SAN(names...)).Raw
	out["quadratic constraints"] = quad

	// Policies: a line of CAs, each mapping 25 policies onto 25 others.
	pol := bundle{root: root.Raw}
	above = root
	for i := range 18 {
		var list, pairs []string
		for n := range 25 {
			list = append(list, fmt.Sprintf("1.2.%d.%d", i, n))
			for m := range 25 {
				pairs = append(pairs, fmt.Sprintf("1.2.%d.%d", i, n), fmt.Sprintf("1.2.%d.%d", i+1, m))
			}
		}
		above = above.Intermediate(fmt.Sprint("CA ", i), nil, forge.Policies(list...), forge.PolicyMappings(pairs...))
		pol.pool = append(pol.pool, above.Raw)
	}
	pol.leaf = above.Server("www.example.com", nil, forge.Policies("1.2.18.0")).Raw
	out["policies"] = pol
	return out
}

// TestHostile bounds the work on hostile bundles: the parse and the build take
// under 50 ms on the machine of docs' figures, and without their budgets minutes or
// more. The bound lies between, far from what a slow and busy machine adds.
func TestHostile(t *testing.T) {
	for name, b := range hostile() {
		set := anchors(t, b.root)
		start := time.Now()
		r := certpath.Build(context.Background(), cert.Parse(b.leaf), parse(b.pool...), set, options(""))
		took := time.Since(start)
		t.Logf("%-24s %6.1f ms, %3d paths, best ends %s, %v", name, took.Seconds()*1000, len(r.Paths), r.Paths[0].End, r.Findings)
		if took > 20*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
}

// Of a thousand unknown critical extensions some are told.
func TestUnknownExtensionsAreFew(t *testing.T) {
	var exts []forge.Ext
	for i := range 1000 {
		exts = append(exts, forge.Ext{OID: fmt.Sprintf("1.2.3.%d", i), Critical: true})
	}
	p := pki{leafExts: exts, o: certpath.Options{Time: time.Now()}}
	r := p.build()
	n := 0
	for _, f := range r.Paths[0].CertFindings[0] {
		if f.ID == finding.CriticalUnknown {
			n++
		}
	}
	if n == 0 || n > 16 {
		t.Errorf("%d findings", n)
	}
}

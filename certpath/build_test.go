package certpath_test

import (
	"context"
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
	o := certpath.Options{Time: time.Now(), SecurityLevel: -1}
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

package secondopinion_test

import (
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/secondopinion"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// What only the user asked for is no disagreement between the two verifiers.
func TestUsersDemands(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	leaf := root.Server("a.test", nil)
	for what, c := range map[string]struct {
		p    policy.Policy
		f    finding.Finding
		want bool
	}{
		"address":  {policy.Policy{RequireIP: []string{"192.0.2.1"}}, finding.New(finding.IPMismatch, "name", "192.0.2.1", "names", "a.test"), false},
		"name":     {policy.Policy{RequireDNS: []string{"b.test"}}, finding.New(finding.NameMismatch, "name", "b.test", "names", "a.test"), false},
		"mailbox":  {policy.Policy{RequireEmail: []string{"a@b.test"}}, finding.New(finding.EmailMismatch, "name", "a@b.test", "names", "a.test"), false},
		"its own":  {policy.Policy{}, finding.New(finding.NameMismatch, "name", "a.test", "names", "b.test"), true},
		"too much": {policy.Policy{RequireDNS: []string{"a.test"}}, finding.New(finding.NameMismatch, "name", "a.test", "names", "b.test"), true},
	} {
		path := certpath.Path{Certs: []*cert.Certificate{cert.Parse(leaf.Raw), cert.Parse(root.Raw)}, CertFindings: [][]finding.Finding{{c.f}, nil}, End: report.EndAnchor}
		chosen := assemble.NewPath(path)
		said, fs := secondopinion.Ask(secondopinion.Chain{Leaf: path.Certs[0], Paths: []certpath.Path{path}, Chosen: &chosen, Names: []string{"a.test"}, Policy: c.p, Time: time.Now()})
		if (len(fs) > 0) != c.want || (said == report.OpinionDiffers) != c.want {
			t.Errorf("%s: %v", what, fs)
		}
	}
}

// crypto/x509 calls an issuer with an ML-DSA key unknown: the cause is told, and not
// for a chain that it can verify.
func TestMLDSA(t *testing.T) {
	for kind, want := range map[string]string{"ML-DSA-65": "it refuses this chain because it has no ML-DSA-65 before Go 1.27: ", "P-256": ""} {
		root := forge.NewRoot("Root", forge.NewKey(kind))
		leaf := root.Server("a.test", nil)
		path := certpath.Path{Certs: []*cert.Certificate{cert.Parse(leaf.Raw), cert.Parse(root.Raw)}, CertFindings: [][]finding.Finding{nil, nil}, End: report.EndAnchor}
		chosen := assemble.NewPath(path)
		said, fs := secondopinion.Ask(secondopinion.Chain{Leaf: path.Certs[0], Paths: []certpath.Path{path}, Chosen: &chosen, Names: []string{"a.test"}, Time: time.Now()})
		if (len(fs) > 0) != (want != "") || (said == report.OpinionAgrees) != (want == "") || len(fs) > 0 && !strings.HasPrefix(fs[0].Param("detail"), want) {
			t.Errorf("%s: %v", kind, fs)
		}
	}
}

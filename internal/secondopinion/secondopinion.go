// Package secondopinion asks crypto/x509 about a chain that assay has judged:
// programs in Go will see its verdict.
package secondopinion

import (
	"crypto/x509"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// Chain is what was judged.
type Chain struct {
	Leaf   *cert.Certificate
	Pool   []*cert.Certificate // what may complete a path
	Paths  []certpath.Path     // all that were found
	Chosen *assemble.Path      // the one that counts, with its findings
	Names  []string            // reference identifiers; nil: none is compared
	Policy policy.Policy
	Time   time.Time // the moment judged for
}

// Ask runs crypto/x509's verifier on the chain and says what came of it, in an info
// finding where its verdict on path and name differs. It changes no verdict. Nothing
// is compared when the policy asks for more than crypto/x509 can, or when no path
// reaches an anchor. It may be used concurrently.
func Ask(c Chain) (report.SecondOpinion, []finding.Finding) {
	p := c.Policy
	usage, comparable := usageOf(p.Purpose)
	if !comparable || p.Strict || p.SecurityLevel != policy.LevelDefault || p.NoWildcards || p.MinRSA != 0 || p.MaxDepth != 0 ||
		len(p.Policies) > 0 || p.ExplicitPolicy || p.InhibitAnyPolicy || p.InhibitMapping {
		return report.OpinionNotComparable, nil
	}
	var anchors []*cert.Certificate
	for _, p := range c.Paths {
		if last := p.Certs[len(p.Certs)-1]; p.End == report.EndAnchor && !slices.Contains(anchors, last) {
			anchors = append(anchors, last)
		}
	}
	roots, n := poolOf(anchors)
	if n == 0 {
		return report.OpinionNotComparable, nil // no anchor to hand over: it could only say the same
	}
	theirs := c.verify(roots, usage)
	ours := c.pathVerdict()
	switch {
	case theirs == nil && ours >= finding.Error:
		return report.OpinionDiffers, []finding.Finding{finding.New(finding.X509Disagrees, "detail", "it accepts this chain")}
	case theirs != nil && ours < finding.Inconclusive:
		return report.OpinionDiffers, []finding.Finding{finding.New(finding.X509Disagrees, "detail", "it refuses this chain"+c.lacking()+": "+theirs.Error())}
	}
	return report.OpinionAgrees, nil
}

// lacking says what crypto/x509 cannot verify of the path that counts; its error
// names another reason.
func (c Chain) lacking() string {
	path := c.Chosen.Certs
	for i := range path[:max(len(path)-1, 0)] { // the anchor's own signature is nobody's business
		if k := path[i+1].Key; k != nil && k.Kind == cert.KeyMLDSA {
			return " because it has no " + k.Algorithm + " before Go 1.27"
		}
	}
	return ""
}

// pathVerdict is the worst severity that path and name validation alone found.
// E-mail addresses are left out: crypto/x509 does not match them.
func (c Chain) pathVerdict() finding.Severity {
	p, worst := c.Chosen, finding.Info
	look := func(fs []finding.Finding) {
		for _, f := range fs {
			if f.ID == finding.EmailMismatch || strings.Contains(f.Param("name"), "@") && f.Kind().Class == finding.ClassName {
				continue
			}
			switch f.Kind().Class {
			case finding.ClassEncoding, finding.ClassCertificate, finding.ClassPath, finding.ClassName, finding.ClassBudget:
				worst = max(worst, f.Severity)
			}
		}
	}
	look(p.Findings)
	for i := range p.Certs {
		look(p.Certs[i].Findings)
	}
	return worst
}

// poolOf holds the n of certs that crypto/x509 can read.
func poolOf(certs []*cert.Certificate) (pool *x509.CertPool, n int) {
	pool = x509.NewCertPool()
	for _, c := range certs {
		if x, err := x509.ParseCertificate(c.Raw); err == nil {
			pool.AddCert(x)
			n++
		}
	}
	return pool, n
}

func usageOf(purpose policy.Purpose) (x509.ExtKeyUsage, bool) {
	switch purpose {
	case policy.PurposeServer:
		return x509.ExtKeyUsageServerAuth, true
	case policy.PurposeClient:
		return x509.ExtKeyUsageClientAuth, true
	case policy.PurposeAny:
		return x509.ExtKeyUsageAny, true
	}
	return 0, false
}

func (c Chain) verify(roots *x509.CertPool, usage x509.ExtKeyUsage) error {
	l, err := x509.ParseCertificate(c.Leaf.Raw)
	if err != nil {
		return err
	}
	inter, _ := poolOf(c.Pool)
	opts := x509.VerifyOptions{Roots: roots, Intermediates: inter, CurrentTime: c.Time, KeyUsages: []x509.ExtKeyUsage{usage}}
	if _, err := l.Verify(opts); err != nil {
		return err
	}
	// What --require-dns and --require-ip ask for is asked of both.
	for _, n := range slices.Concat(c.Names, c.Policy.RequireDNS, c.Policy.RequireIP) {
		if strings.Contains(n, "@") || strings.Contains(n, "://") {
			continue // crypto/x509 matches neither e-mail addresses nor URIs
		}
		if a, err := netip.ParseAddr(n); err == nil {
			n = a.WithZone("").String()
		}
		if err := l.VerifyHostname(n); err != nil {
			return err
		}
	}
	return nil
}

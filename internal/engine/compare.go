package engine

import (
	"crypto/x509"
	"net/netip"
	"strings"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// compare runs crypto/x509's verifier on the chosen path's certificates and
// says, in an info finding, where its verdict on them differs: Go programs
// will see the other one. It changes no verdict, and it is left out when the
// policy asks for more than crypto/x509 can.
func (j *judgement) compare(r *report.Report) {
	usage, comparable := x509Usage(j.p.Purpose)
	if !comparable || j.p.Strict || j.p.SecurityLevel != policy.LevelDefault || j.p.NoWildcards || j.p.MinRSA != 0 || j.p.MaxDepth != 0 ||
		len(j.p.Policies) > 0 || j.p.ExplicitPolicy || j.p.InhibitAnyPolicy || j.p.InhibitMapping || r.Chosen < 0 {
		return
	}
	roots := x509.NewCertPool()
	anchored := false
	for _, p := range j.built.Paths {
		if p.End != report.EndAnchor {
			continue
		}
		if c, err := x509.ParseCertificate(p.Certs[len(p.Certs)-1].Raw); err == nil {
			roots.AddCert(c)
			anchored = true
		}
	}
	if !anchored {
		return // no anchor to hand over: it could only say the same
	}
	theirs := x509Verify(j.sent[0], j.pool, roots, usage, j)
	ours := pathVerdict(r.Paths[r.Chosen])
	switch {
	case theirs == nil && ours >= finding.Error:
		r.Findings = append(r.Findings, finding.New(finding.X509Disagrees, "detail", "it accepts this chain"))
	case theirs != nil && ours < finding.Inconclusive:
		r.Findings = append(r.Findings, finding.New(finding.X509Disagrees, "detail", "it refuses this chain: "+theirs.Error()))
	}
}

// pathVerdict is the worst severity that path and name validation alone found.
func pathVerdict(p report.Path) finding.Severity {
	worst := finding.Info
	look := func(fs []finding.Finding) {
		for _, f := range fs {
			switch f.Kind().Class {
			case finding.ClassEncoding, finding.ClassCertificate, finding.ClassPath, finding.ClassName, finding.ClassBudget:
				worst = max(worst, f.Severity)
			}
		}
	}
	look(p.Findings)
	for _, c := range p.Certs {
		look(c.Findings)
	}
	return worst
}

func x509Usage(purpose policy.Purpose) (x509.ExtKeyUsage, bool) {
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

func x509Verify(leaf *cert.Certificate, pool []*cert.Certificate, roots *x509.CertPool, usage x509.ExtKeyUsage, j *judgement) error {
	l, err := x509.ParseCertificate(leaf.Raw)
	if err != nil {
		return err
	}
	inter := x509.NewCertPool()
	for _, c := range pool {
		if x, err := x509.ParseCertificate(c.Raw); err == nil {
			inter.AddCert(x)
		}
	}
	opts := x509.VerifyOptions{Roots: roots, Intermediates: inter, CurrentTime: j.now, KeyUsages: []x509.ExtKeyUsage{usage}}
	if _, err := l.Verify(opts); err != nil {
		return err
	}
	for _, n := range j.names() {
		if strings.Contains(n, "@") {
			continue // crypto/x509 does not match e-mail addresses
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

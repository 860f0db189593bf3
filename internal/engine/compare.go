package engine

import (
	"crypto/x509"
	"net/netip"
	"slices"
	"strings"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// compare runs crypto/x509's verifier on the chosen path's certificates and
// says, in an info finding, where its verdict on them differs: Go programs
// will see the other one. It changes no verdict, and it is left out when the
// policy asks for more than crypto/x509 can.
func (r *round) compare() []finding.Finding {
	usage, comparable := x509Usage(r.p.Purpose)
	if !comparable || r.p.Strict || r.p.SecurityLevel != policy.LevelDefault || r.p.NoWildcards || r.p.MinRSA != 0 || r.p.MaxDepth != 0 ||
		len(r.p.Policies) > 0 || r.p.ExplicitPolicy || r.p.InhibitAnyPolicy || r.p.InhibitMapping || r.chains != nil || len(r.paths) == 0 {
		return nil
	}
	var anchors []*cert.Certificate
	for _, p := range r.built.Paths {
		if c := p.Certs[len(p.Certs)-1]; p.End == report.EndAnchor && !slices.Contains(anchors, c) {
			anchors = append(anchors, c)
		}
	}
	roots, n := x509Pool(anchors)
	if n == 0 {
		return nil // no anchor to hand over: it could only say the same
	}
	theirs := r.x509Verify(roots, usage)
	ours := pathVerdict(&r.paths[r.chosen])
	switch {
	case theirs == nil && ours >= finding.Error:
		return []finding.Finding{finding.New(finding.X509Disagrees, "detail", "it accepts this chain")}
	case theirs != nil && ours < finding.Inconclusive:
		return []finding.Finding{finding.New(finding.X509Disagrees, "detail", "it refuses this chain: "+theirs.Error())}
	}
	return nil
}

// pathVerdict is the worst severity that path and name validation alone found.
func pathVerdict(p *assemble.Path) finding.Severity {
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
	for i := range p.Certs {
		look(p.Certs[i].Findings)
	}
	return worst
}

// x509Pool holds the n of certs that crypto/x509 can read.
func x509Pool(certs []*cert.Certificate) (pool *x509.CertPool, n int) {
	pool = x509.NewCertPool()
	for _, c := range certs {
		if x, err := x509.ParseCertificate(c.Raw); err == nil {
			pool.AddCert(x)
			n++
		}
	}
	return pool, n
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

func (j *judgement) x509Verify(roots *x509.CertPool, usage x509.ExtKeyUsage) error {
	l, err := x509.ParseCertificate(j.sent[0].Raw)
	if err != nil {
		return err
	}
	inter, _ := x509Pool(j.pool)
	opts := x509.VerifyOptions{Roots: roots, Intermediates: inter, CurrentTime: j.now, KeyUsages: []x509.ExtKeyUsage{usage}}
	if _, err := l.Verify(opts); err != nil {
		return err
	}
	for _, n := range assemble.Names(j.p, j.ev.Target.Host) {
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

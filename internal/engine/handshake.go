package engine

import (
	"context"
	"slices"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/learnt"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// Handshake judges the chains that crypto/tls has verified: they, as DER and
// leaf first, are the only candidate paths, and their last certificates the
// anchors. Names were crypto/tls's business, but for p.NoWildcards: then the
// name in the evidence's SNI must match without one. With a.Offline or a.Since, due
// tells that asking the network beside would be good: for what is missing or did not
// come in time, or because what the caches had is no longer young, so that it does
// not end in use. A brief report that does not accept is made in full. gathered is the evidence with what
// was fetched; ev is not changed. path is for [Engine.Stands], to be asked whenever
// an acceptance is remembered or relied on again.
func (e *Engine) Handshake(ctx context.Context, ev *evidence.Evidence, chains [][][]byte, t *Trust, p policy.Policy, a download.Access, d assemble.Detail) (r *report.Report, gathered *evidence.Evidence, due bool, path learnt.Path) {
	p.NoName, a.NoAIA = true, true
	j := e.newJudgement(ev, t, p, a, d)
	j.chains = chains
	last, r := j.standing(j.resolve(ctx), func() *round { return j.judge(ctx) })
	if d == assemble.Brief && r.Verdict != report.Accept { // a refusal is told in full
		j.detail = assemble.Full
		if full := j.report(j.judge(ctx)); full.Verdict != report.Accept {
			r = full
		}
	}
	r.Target.Source = report.FromHandshake
	// What is refused may be refused no more by what is still wanted: the delta list that ends a hold.
	wanted := r.Verdict != report.Accept && len(last.wants) > 0
	due = a.Offline && (j.aged || wanted || Unavailable(r)) || !a.Since.IsZero() && (j.aged || j.cut)
	return r, j.gathered(), due, last.path()
}

// validateChains judges each chain as it is, best first.
func (j *judgement) validateChains(ctx context.Context, opt certpath.Options) *certpath.Result {
	opt.Signed = true // crypto/tls has verified them; opt is a copy of our own
	if host := j.ev.Target.SNI; opt.NoWildcards && j.p.Purpose == policy.PurposeServer && host != "" {
		// crypto/tls compared this name and accepts wildcards. An address, which
		// is no SNI, matches none. A name that cannot be read matches nothing.
		id, _ := certpath.ParseIdentifier(host)
		opt.Names = append(slices.Clip(opt.Names), id) // beside those that are required
	}
	res := &certpath.Result{}
	for _, chain := range j.chains {
		certs := make([]*cert.Certificate, 0, len(chain))
		for _, raw := range chain {
			certs = append(certs, j.parsed(raw))
		}
		if len(certs) > 0 {
			res.Paths = append(res.Paths, certpath.Validate(ctx, certs, opt))
		}
	}
	slices.SortStableFunc(res.Paths, func(a, b certpath.Path) int { return int(a.Worst()) - int(b.Worst()) })
	return res
}

// Unavailable reports whether r lacks a revocation answer that the network
// might still bring.
func Unavailable(r *report.Report) bool {
	for _, p := range r.Paths {
		for _, c := range p.Certs {
			if c.Revocation != nil && c.Revocation.Status == report.Unknown {
				return true
			}
		}
	}
	return false
}

// Refused judges a chain that crypto/tls refused with the given reason,
// fetching nothing. The report never accepts.
func (e *Engine) Refused(ev *evidence.Evidence, t *Trust, p policy.Policy, reason string) *report.Report {
	j := e.newJudgement(ev, t, p, download.Access{Offline: true, NoAIA: true}, assemble.Full)
	r := j.report(j.resolve(context.Background()))
	r.Target.Source = report.FromHandshake
	if r.Verdict != report.Reject {
		r.Findings = append(r.Findings, finding.New(finding.X509Refused, "detail", reason))
		report.Decide(r)
	}
	return r
}

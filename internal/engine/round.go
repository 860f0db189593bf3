package engine

import (
	"context"
	"slices"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/revocation"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// round is what the judges make of what is known at one time. Only the last
// one is reported.
type round struct {
	*judgement
	opt certpath.Options // of this judgement's paths

	paths    []assemble.Path // best first
	chosen   int
	putOff   bool // other paths are judged when what this one asks for has been asked for
	ct       *report.CT
	audited  *ct.Audit         // of the chosen path's leaf; nil: not asked for
	findings []finding.Finding // about the report as a whole
	used     []revocation.Use  // parallel to the artefacts: what they were used for
	wants    []download.Need   // what would tell more
	failure  *finding.Finding  // a panic that ended it; nothing else counts then
}

// run builds the paths and judges revocation and CT on the best of them.
func (r *round) run(ctx context.Context) {
	var err error
	if r.opt, err = r.pathOptions(); err != nil {
		r.findings = append(r.findings, finding.New(finding.InternalError, "what", "the policy", "detail", err.Error()))
		return
	}
	built := r.build(ctx, r.opt)
	if r.t.Anchors.Len() == 0 && !r.t.Excerpt && r.chains == nil && r.p.Trust == policy.ProgramSystem {
		r.findings = append(r.findings, finding.New(finding.AnchorsEmpty))
	}
	r.findings = append(r.findings, built.Findings...)
	for _, p := range built.Paths {
		r.paths = append(r.paths, r.candidate(p))
	}
	if len(r.paths) == 0 {
		r.findings = append(r.findings, finding.New(finding.InternalError, "what", "the chain", "detail", "no path was built"))
		return
	}
	r.choose(ctx)
	r.missingIssuers()
}

// build finds the paths; the result is valid while the pool does not grow.
func (j *judgement) build(ctx context.Context, opt certpath.Options) *certpath.Result {
	switch {
	case j.built != nil:
	case j.chains != nil:
		j.built = j.validateChains(ctx, opt)
		j.underProgram(ctx, j.built)
	default:
		res := j.buildFor(ctx, j.p.Trust, opt)
		j.underProgram(ctx, &res)
		j.built = &res
	}
	return j.built
}

// candidate is a path before revocation is judged. It tells which of its
// certificates had to be fetched.
func (r *round) candidate(p certpath.Path) assemble.Path {
	out := assemble.NewPath(p)
	for i, c := range p.Certs {
		anchor := i > 0 && i == len(p.Certs)-1 && p.End == report.EndAnchor
		if from := r.fromAIA[c.SHA256]; from != nil && !anchor {
			out.Certs[i].Fetched = r.ev.Artefacts[from[0]].URL
			out.Findings = append(out.Findings, finding.New(finding.AIAMissing, "subject", assemble.Name(c), "url", out.Certs[i].Fetched))
		}
	}
	return out
}

// choose judges revocation on the best path and, when that leaves it not clean,
// on the next ones; then SCTs on the one that counts. The order of certificates
// that cross-certify each other must not decide. A revoked leaf refuses whatever
// the path.
func (r *round) choose(ctx context.Context) {
	r.used = make([]revocation.Use, len(r.ev.Artefacts))
	first := r.revocation(ctx, 0)
	scts := first.scts
	switch {
	case first.leafRevoked || r.clean(0):
	case first.pending && !first.caRevoked:
		r.putOff = true // what is asked for may settle it
	default:
		scts = r.alternative(ctx, first)
	}
	r.transparency(scts)
}

// alternative looks for a path that is clean where the first is not, among the
// next ones without errors, and chooses it. When the first has a revoked
// intermediate, one that is only not clean is chosen if need be. It returns the
// SCTs of the chosen path.
func (r *round) alternative(ctx context.Context, first outcome) pathSCTs {
	scts, settled := first.scts, false
	choose := func(i int, o outcome) {
		f := finding.New(finding.AlternatePathUnknown, "subject", first.unclear)
		if first.caRevoked {
			f = finding.New(finding.AlternatePathRevoked, "subject", first.ca)
		}
		r.paths[i].Findings = append(r.paths[i].Findings, f)
		r.chosen, scts, settled = i, o.scts, true
	}
	tried := 1
	for i := 1; i < len(r.paths) && tried < maxPaths; i++ {
		p := &r.paths[i]
		if p.End != report.EndAnchor || p.Worst() >= finding.Error {
			continue
		}
		tried++
		o := r.revocation(ctx, i)
		switch {
		case o.leafRevoked:
			r.chosen = i
			return o.scts
		case o.caRevoked || p.Worst() >= finding.Error:
		case r.clean(i):
			if settled { // an earlier one, not as good
				old := &r.paths[r.chosen]
				old.Findings = old.Findings[:len(old.Findings)-1]
			}
			choose(i, o)
			return scts
		case first.caRevoked && !settled:
			choose(i, o)
		}
		if o.pending && !o.caRevoked {
			r.putOff = true
			return scts
		}
	}
	return scts
}

// clean reports whether path i keeps nobody from accepting: what the policy
// allows does not count.
func (r *round) clean(i int) bool {
	p := &r.paths[i]
	refuses := func(f finding.Finding) bool {
		return f.Severity >= finding.Inconclusive && !(slices.Contains(r.p.Allow, f.ID) && f.Kind().Allowable)
	}
	for _, c := range p.Certs {
		if slices.ContainsFunc(c.Findings, refuses) {
			return false
		}
	}
	return p.End == report.EndAnchor && !slices.ContainsFunc(p.Findings, refuses)
}

// outcome says what revocation found on a path.
type outcome struct {
	leafRevoked, caRevoked bool
	pending                bool     // something that would tell more has not been asked for yet
	ca                     string   // the name of an intermediate that is revoked
	unclear                string   // the name of the first certificate about which there was no answer
	scts                   pathSCTs // that of the leaf's valid OCSP response among them
}

// revocation judges every certificate of path n but the anchor. Pointers are
// followed only when the path's signatures reach an anchor.
func (r *round) revocation(ctx context.Context, n int) (o outcome) {
	path, p := r.built.Paths[n], &r.paths[n]
	o.scts = r.sctsOf(n) // read before revocation is judged: when a certificate was logged says which lists know it
	if path.End != report.EndAnchor || !proven(path) {
		return o
	}
	in := revocation.Input{
		Path: path.Certs, Staples: r.staples(path), Pool: r.pool, Time: r.now, Memo: r.e.memo,
		Policy: r.p, Signers: r.signers(ctx, path), NoHandshake: r.ev.Source == evidence.SourceFiles, Public: r.public(path),
		Past: r.past(), Background: r.a.Background, Filters: r.filters,
	}
	in.SCTs = r.stamps(path, o.scts)
	if r.p.Schemes == policy.Off {
		if r.p.CT != policy.CTOff {
			o.scts.add(report.SCTOCSP, revocation.StapledSCTs(ctx, in))
		}
		return o
	}
	if r.sendsNonce() {
		in.NonceFor = r.nonce
	}
	from, handed := r.artefacts(ctx, &in), 0
	if r.handIn(revocation.Foreseen(in)) {
		from, handed = r.artefacts(ctx, &in), 1
	}
	res := revocation.Judge(ctx, in)
	for n := handed; n < maxRounds && r.handIn(res.Needs); n++ {
		in.Artefacts, in.Offered, in.OfferedOCSP = nil, nil, nil
		from = r.artefacts(ctx, &in)
		res = revocation.Judge(ctx, in)
	}
	r.used = append(r.used, make([]revocation.Use, len(r.ev.Artefacts)-len(r.used))...)
	r.learn(path, res.Lessons)
	for k, u := range res.Used {
		r.used[from.artefacts[k]].Add(u)
	}
	p.Findings = append(p.Findings, r.unused(&in, from, res)...)
	for i := range len(res.Certs) - 1 { // the last one is the anchor
		c, at := &res.Certs[i], &p.Certs[i]
		at.Revocation, at.Findings = &c.Revocation, append(at.Findings, c.Findings...)
		if o.unclear == "" && report.Worst(c.Findings) >= finding.Inconclusive {
			o.unclear = assemble.Name(path.Certs[i])
		}
		if c.Revocation.Status != report.Revoked {
			continue
		}
		name := assemble.Name(at.Certificate)
		if report.Worst(at.Findings) < finding.Error { // revoked always wins, whatever a judge forgot to say
			at.Findings = append(at.Findings, finding.New(finding.InternalError, "what", name, "detail", "revoked without a finding"))
		}
		if i == 0 {
			o.leafRevoked = true
		} else {
			o.caRevoked, o.ca = true, name
		}
	}
	for _, want := range res.Needs {
		n := needOf(want)
		r.wants = append(r.wants, n)
		o.pending = o.pending || !r.final && !r.asked[n.Key()]
	}
	for _, url := range res.Issuers {
		o.pending = r.wantIssuer(url) && !r.final || o.pending
	}
	o.scts.add(report.SCTOCSP, res.SCTList)
	o.scts.add(report.SCTFetched, res.FetchedSCTs)
	return o
}

// transparency judges SCTs on the chosen path.
func (r *round) transparency(scts pathSCTs) {
	if r.p.CT == policy.CTOff {
		return
	}
	built, p := r.built.Paths[r.chosen], &r.paths[r.chosen]
	res := ct.CheckSCTs(ct.Input{Path: built.Certs, Embedded: scts.embedded, Delivered: scts.delivered, List: r.t.LogList, Policy: r.p.CT, Depth: r.p.CTDepth, Time: r.now,
		Private: !r.anyPublic(), Memo: r.e.memo, Brief: r.detail >= assemble.Rows && !r.a.Audit})
	for i, fs := range res.Certs {
		p.Certs[i].Findings = append(p.Certs[i].Findings, fs...)
	}
	if r.a.Audit {
		p.Certs[0].Findings = append(p.Certs[0].Findings, r.audit(&res)...)
	}
	r.ct = &res.CT
}

// audit takes the audit of the valid SCTs as far as the answers at hand go.
func (r *round) audit(res *ct.Result) []finding.Finding {
	a := ct.NewAudit(*res, r.ev.Time)
	for _, x := range r.ev.Artefacts {
		switch {
		case x.Kind != kindCT:
		case x.Failure != "":
			a.Failed(x.URL, x.Status, x.Detail)
		default:
			a.Provide(x.URL, x.Status, x.Body)
		}
	}
	for _, n := range a.Needs() {
		r.wants = append(r.wants, download.Need{Kind: download.CT, URL: n.URL, MaxBytes: n.MaxBytes})
	}
	a.Fill(&res.CT)
	r.audited = a
	return a.Findings()
}

// public reports whether a path ends in a publicly trusted anchor.
func (j *judgement) public(p certpath.Path) bool {
	return p.End == report.EndAnchor && j.publicAnchor(p.Certs[len(p.Certs)-1])
}

// anyPublic reports whether browsers' rules apply: a path to a publicly trusted
// anchor is valid, chosen or not, for which of several is chosen may depend on the
// order in which the server sent its certificates.
func (j *judgement) anyPublic() bool {
	return slices.ContainsFunc(j.built.Paths, func(p certpath.Path) bool { return j.public(p) && proven(p) && p.Worst() < finding.Error })
}

// unprovenKinds are what a path carries when a signature on it was not verified.
var unprovenKinds = []finding.ID{finding.SignatureInvalid, finding.SignatureUnsupported, finding.SignatureKeyMismatch,
	finding.IssuerKeyUnusable, finding.IssuerKeyTooSmall}

// proven reports whether every signature on a path to an anchor verified; if
// not, its pointers are anybody's text.
func proven(p certpath.Path) bool {
	for _, fs := range p.CertFindings {
		if slices.ContainsFunc(fs, func(f finding.Finding) bool { return slices.Contains(unprovenKinds, f.ID) }) {
			return false
		}
	}
	return true
}

// signers finds the valid paths of a certificate that signed a list to the
// anchor of path p (RFC 5280, 6.3.3 (f)), without names. Authorities that may
// not issue for the policy's purpose sign no lists for it either.
func (r *round) signers(ctx context.Context, p certpath.Path) func(*cert.Certificate) [][]*cert.Certificate {
	opt := r.opt
	opt.Names, opt.UsedKeyUsage, opt.ListSigner = nil, 0, true
	anchor, anchors := p.Certs[len(p.Certs)-1], r.anchors()
	if r.chains != nil && !anchors.Contains(anchor) { // of roots that only crypto/tls was given
		anchors = certpath.NewAnchors()
		anchors.Add(anchor.Raw) // what cannot be added signs for nobody
	}
	var known map[[32]byte][][]*cert.Certificate // many lists may name one issuer
	return func(signer *cert.Certificate) [][]*cert.Certificate {
		paths, done := known[signer.SHA256]
		if done {
			return paths
		}
		res := certpath.Build(ctx, signer, slices.Concat(r.pool, p.Certs), anchors, opt)
		for _, q := range res.Paths {
			if q.Clean() && q.Certs[len(q.Certs)-1].SHA256 == anchor.SHA256 {
				paths = append(paths, q.Certs)
			}
		}
		if known == nil {
			known = map[[32]byte][][]*cert.Certificate{}
		}
		known[signer.SHA256] = paths
		return paths
	}
}

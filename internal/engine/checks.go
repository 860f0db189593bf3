package engine

import (
	"slices"
	"strings"

	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/revocation"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// checks lists what had to be checked on the chosen path and what became of it.
func (j *judgement) checks(r *report.Report) {
	p := r.Paths[r.Chosen]
	path := report.Check{Name: report.PathCheck, Cert: -1, Required: true, State: report.Done}
	if p.End == report.EndBudget {
		path.State, path.Detail = report.NotDone, "the search for a path stopped at a limit"
	}
	r.Checks = append(slices.Grow(r.Checks, len(p.Certs)+3), path)

	name := report.Check{Name: report.NameCheck, Cert: -1, Required: true, State: report.Done, Detail: strings.Join(r.Target.Names, ", ")}
	switch {
	case j.p.NoName:
		name.Required, name.State, name.Detail = false, report.NotAsked, ""
	case len(r.Target.Names) == 0 && len(j.p.RequireDNS)+len(j.p.RequireIP)+len(j.p.RequireEmail) == 0:
		name.State, name.Detail = report.NotDone, "no name was given to compare with"
	}
	r.Checks = append(r.Checks, name)
	for i := range p.Certs {
		if p.Certs[i].Role != report.Anchor {
			r.Checks = append(r.Checks, j.revocationCheck(p, i))
		}
	}
}

// revocationCheck says what became of the revocation check of certificate i.
// How much an unknown status weighs is decided by the findings; the check is
// not done only when nothing was asked though it should have been.
func (j *judgement) revocationCheck(p report.Path, i int) report.Check {
	c := report.Check{Name: report.RevocationCheck, Cert: i, Required: true}
	rev := p.Certs[i].Revocation
	switch {
	case j.p.Schemes == policy.Off:
		c.Required, c.State = false, report.NotAsked
	case j.p.Depth == policy.DepthLeaf && i > 0:
		c.Required, c.State, c.Detail = false, report.NotAsked, "only the leaf is asked for"
	case rev == nil && p.End == report.EndAnchor && len(p.Certs) == 1:
		c.State, c.Detail = report.CheckNotApplicable, "the certificate is a trust anchor itself"
	case rev == nil:
		c.State, c.Detail = report.NotDone, "the path does not reach a trust anchor"
	case rev.Status == report.NotApplicable:
		c.State, c.Detail = report.CheckNotApplicable, string(rev.Why)
	case rev.Status == report.Unknown || rev.Status == "":
		c.State, c.Detail = report.NotDone, "no source gave an authentic and fresh answer"
		c.Required = !j.p.Unknown.Soft() && !noPointers(rev)
	default:
		c.State, c.Detail = report.Done, rev.Scheme.String()
	}
	return c
}

// noPointers reports whether there was nobody to ask.
func noPointers(rev *report.Revocation) bool { return rev.Why == report.WhyNoPointer }

// transparency judges SCTs on the chosen path; ocspSCTs is the list that came
// in a valid OCSP response about its leaf.
func (j *judgement) transparency(r *report.Report, ocspSCTs []byte) (needs []need) {
	enforced := j.p.CT.Enforced()
	check := report.Check{Name: report.CTCheck, Cert: 0, Required: enforced, State: report.NotAsked}
	if j.p.CT == policy.CTOff {
		r.Checks = append(r.Checks, check)
		return nil
	}
	path := j.built.Paths[r.Chosen]
	scts := j.scts(r.Chosen)
	if ocspSCTs != nil {
		scts.delivered = append(slices.Clip(scts.delivered), ct.ReadSCTList(0, report.SCTOCSP, ocspSCTs))
	}
	res := ct.CheckSCTs(ct.Input{Path: path.Certs, Embedded: scts.embedded, Delivered: scts.delivered, List: j.e.opt.LogList,
		Policy: j.p.CT, Depth: j.p.CTDepth, Time: j.now, Public: j.public(path), Memo: j.e.memo, Brief: j.brief})
	certs := r.Paths[r.Chosen].Certs
	for i, fs := range res.Certs {
		certs[i].Findings = append(certs[i].Findings, fs...)
	}
	if j.a.Audit {
		var found []finding.Finding
		found, needs = j.audit(&res)
		certs[0].Findings = append(certs[0].Findings, found...)
	}
	r.CT = &res.CT
	switch {
	case res.CT.Met != nil || j.e.opt.LogList != nil:
		check.State = report.Done
	case enforced:
		check.State, check.Detail = report.NotDone, "there is no log list to verify SCTs with"
	default:
		check.Detail = "there is no log list to verify SCTs with"
	}
	r.Checks = append(r.Checks, check)
	return needs
}

// audit takes the audit of the valid SCTs as far as the answers at hand go.
func (j *judgement) audit(res *ct.Result) (findings []finding.Finding, needs []need) {
	a := ct.NewAudit(*res, j.ev.Time)
	for _, x := range j.ev.Artefacts {
		if x.Kind == kindCT {
			a.Provide(x.URL, x.Status, x.Body)
		}
	}
	for _, n := range a.Needs() {
		needs = append(needs, need{revocation.Need{Kind: kindCT, URL: n.URL}, n.MaxBytes})
	}
	a.Fill(&res.CT)
	return a.Findings(), needs
}

// pathSCTs are the SCT lists of one path's certificates, read.
type pathSCTs struct{ embedded, delivered []ct.SCTList }

// scts reads the SCT lists of path n, once: those in its certificates, and what
// the handshake or files brought for them. The one that stands in an OCSP
// response is added when the response has proved valid.
func (j *judgement) scts(n int) pathSCTs {
	if s, read := j.sctLists[n]; read {
		return s
	}
	path := j.built.Paths[n].Certs
	s := pathSCTs{embedded: ct.ReadEmbedded(path)}
	if j.ev.TLSSCTs != nil {
		s.delivered = append(s.delivered, ct.ReadSCTList(0, report.SCTTLS, j.ev.TLSSCTs))
	}
	for _, a := range j.ev.Artefacts {
		if a.Kind == kindSCTFile {
			s.delivered = append(s.delivered, ct.ReadSCTList(0, report.SCTTLS, a.Body))
		}
	}
	for k, sent := range j.sent {
		for i, c := range path {
			if i > 0 && j.ev.Chain[k].SCTs != nil && sent.SHA256 == c.SHA256 {
				s.delivered = append(s.delivered, ct.ReadSCTList(i, report.SCTTLS, j.ev.Chain[k].SCTs))
			}
		}
	}
	if j.sctLists == nil {
		j.sctLists = map[int]pathSCTs{}
	}
	j.sctLists[n] = s
	return s
}

// sortPairs orders alternating names and values by name.
func sortPairs(kv []string) []string {
	type pair struct{ k, v string }
	var ps []pair
	for i := 0; i+1 < len(kv); i += 2 {
		ps = append(ps, pair{kv[i], kv[i+1]})
	}
	slices.SortFunc(ps, func(a, b pair) int { return strings.Compare(a.k, b.k) })
	out := kv[:0]
	for _, p := range ps {
		out = append(out, p.k, p.v)
	}
	return out
}

package assemble

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// checks lists what had to be checked on the chosen path and what became of it.
func checks(j *Judged, r *report.Report) {
	p := &j.Paths[j.Chosen]
	path := report.Check{Name: report.PathCheck, Cert: -1, Required: true, State: report.Done}
	if p.End == report.EndBudget {
		path.State, path.Detail = report.NotDone, "the search for a path stopped at a limit"
	}
	r.Checks = append(slices.Grow(r.Checks, len(p.Certs)+3), path)

	required := slices.Concat(j.Policy.RequireDNS, j.Policy.RequireIP, j.Policy.RequireEmail)
	names := r.Target.Names
	if len(names) == 0 {
		names = required
	}
	name := report.Check{Name: report.NameCheck, Cert: -1, Required: true, State: report.Done, Detail: strings.Join(names, ", ")}
	switch {
	case j.Policy.NoName && len(required) == 0:
		name.Required, name.State, name.Detail = false, report.NotAsked, ""
	case len(names) == 0:
		name.State, name.Detail = report.NotDone, "no name was given to compare with"
	}
	r.Checks = append(r.Checks, name)
	for i := range p.Certs {
		if i == 0 || i < len(p.Certs)-1 || !p.anchored() {
			r.Checks = append(r.Checks, revocationCheck(j, p, i))
		}
	}
	r.Checks = append(r.Checks, transparencyCheck(j))
	if j.Audit {
		r.Checks = append(r.Checks, auditCheck(j))
	}
}

// revocationCheck says what became of the revocation check of certificate i.
// How much an unknown status weighs is decided by the findings; the check is
// not done only when nothing was asked though it should have been.
func revocationCheck(j *Judged, p *Path, i int) report.Check {
	c := report.Check{Name: report.RevocationCheck, Cert: i, Required: true}
	rev := p.Certs[i].Revocation
	switch {
	case j.Policy.Schemes == policy.Off:
		c.Required, c.State = false, report.NotAsked
	case j.Policy.Depth == policy.DepthLeaf && i > 0:
		c.Required, c.State, c.Detail = false, report.NotAsked, "only the leaf is asked for"
	case rev == nil && p.anchored() && len(p.Certs) == 1:
		c.State, c.Detail = report.CheckNotApplicable, "the certificate is a trust anchor itself"
	case rev == nil:
		c.State, c.Detail = report.NotDone, "the path does not reach a trust anchor"
	case rev.Status == report.NotApplicable:
		c.State, c.Detail = report.CheckNotApplicable, string(rev.Why)
	case rev.Status == report.Unknown || rev.Status == "":
		c.State, c.Detail = report.NotDone, "no source gave an authentic and fresh answer"
		c.Required = !j.Policy.Unknown.Soft() && rev.Why != report.WhyNoPointer // there was nobody to ask
	default:
		by := make([]string, 0, 3)
		for _, s := range rev.Agreeing() {
			by = append(by, s.String())
		}
		c.State, c.Detail = report.Done, strings.Join(by, " and ")
	}
	return c
}

// transparencyCheck says what became of the SCTs.
func transparencyCheck(j *Judged) report.Check {
	c := report.Check{Name: report.CTCheck, Cert: 0, Required: j.Policy.CT.Enforced(), State: report.NotAsked}
	switch {
	case j.CT == nil:
	case c.Required && j.CT.Met == nil && j.LogListHash != "": // browsers do not enforce then either
		c.Required, c.State, c.Detail = false, report.NotDone, "the log list is too old to apply "+j.Policy.CT.String()+"'s policy"
		if slices.ContainsFunc(j.Paths[j.Chosen].Certs[0].Findings, func(f finding.Finding) bool { return f.ID == finding.CTPrivateAnchor }) {
			c.State, c.Detail = report.CheckNotApplicable, j.Policy.CT.String()+"'s policy is about public CAs"
		}
	case j.CT.Met != nil || j.LogListHash != "":
		c.State = report.Done
	default:
		c.Detail = "there is no log list to verify SCTs with"
		if c.Required {
			c.State = report.NotDone
		}
	}
	return c
}

// auditCheck says of how many promises of logs it is known whether they are kept.
func auditCheck(j *Judged) report.Check {
	c := report.Check{Name: report.AuditCheck, Cert: 0, Required: true, State: report.NotDone}
	if j.Audited == nil || j.LogListHash == "" {
		c.Detail = "there is no log list, or SCTs were not looked at"
		return c
	}
	valid, answered := j.Audited.Tally()
	c.Detail = fmt.Sprintf("%d of %d valid SCTs", answered, valid)
	switch {
	case valid == 0:
		c.State, c.Required, c.Detail = report.CheckNotApplicable, false, "the certificate has no valid SCT"
	case answered == valid:
		c.State = report.Done
	}
	return c
}

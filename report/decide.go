package report

import "github.com/assaytls/assay/finding"

// Decide fills in Verdict and Headline from the findings and checks, and
// returns the verdict. It is the only place where a verdict is made:
//
//   - reject when the report or the chosen path carries an error;
//   - else inconclusive when either carries an inconclusive finding, when a
//     required check is not done, or when no check at all was required;
//   - else accept.
//
// [Report.Counted] says which findings count.
func Decide(r *Report) Verdict {
	worst := finding.Info
	r.Headline = nil
	for at, f := range r.Counted() {
		worst = max(worst, f.Severity)
		if f.Severity >= finding.Warning && (r.Headline == nil || outranks(f, r.Headline.Finding)) {
			r.Headline = &Headline{Finding: f, Path: at.Path, Cert: at.Cert}
		}
	}
	complete, required := true, 0
	for _, c := range r.Checks {
		if !c.Required {
			continue
		}
		required++
		if c.State != Done && c.State != CheckNotApplicable {
			complete = false
		}
	}
	switch {
	case worst >= finding.Error:
		r.Verdict = Reject
	case worst == finding.Inconclusive || !complete || required == 0:
		r.Verdict = Inconclusive
	default:
		r.Verdict = Accept
	}
	return r.Verdict
}

// outranks reports whether a is a better headline than b: severity first, then
// specificity. Equal ones keep their order, so the first found stays.
func outranks(a, b finding.Finding) bool {
	if a.Severity != b.Severity {
		return a.Severity > b.Severity
	}
	return a.Kind().Rank > b.Kind().Rank
}

// Worst returns the highest severity among fs; Info for none.
func Worst(fs []finding.Finding) finding.Severity {
	worst := finding.Info
	for _, f := range fs {
		worst = max(worst, clamp(f.Severity))
	}
	return worst
}

// Worst returns the highest severity on the path, its certificates included.
func (p Path) Worst() finding.Severity {
	worst := Worst(p.Findings)
	for _, c := range p.Certs {
		worst = max(worst, Worst(c.Findings))
	}
	return worst
}

// sumsUp reports whether a finding of this kind is about all revocation sources
// of a certificate together: the cause is in the findings on each of them.
func sumsUp(id finding.ID) bool {
	return id == finding.RevocationUnavailable || id == finding.RevocationUndetermined
}

package report

import (
	"slices"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
)

// Decide fills in Verdict and Headline from the findings and checks, and
// returns the verdict. It is the only place where a verdict is made:
//
//   - reject when the report or the chosen path carries an error;
//   - else inconclusive when either carries an inconclusive finding, when a
//     required check is not done, or when no check at all was required;
//   - else accept.
//
// AlsoServes is decided too, and its verdict weighs like a finding of its own.
// [Report.Counted] says which findings count.
func Decide(r *Report) Verdict {
	worst := finding.Info
	r.Headline = nil
	for at, f := range r.Counted() {
		worst = max(worst, f.Severity)
		if f.Severity >= finding.Warning && (r.Headline == nil || outranks(f, r.Headline.Finding)) {
			r.Headline = &Headline{Finding: f, Path: at.Path, Cert: at.Cert, Also: at.Also}
		}
	}
	r.lead()
	also := Accept
	if r.AlsoServes != nil {
		also = Decide(r.AlsoServes)
		if h := r.AlsoServes.Headline; h != nil && r.Headline != nil && r.Headline.Also {
			r.Headline.Finding = h.Finding
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
	case worst >= finding.Error || also == Reject:
		r.Verdict = Reject
	case worst == finding.Inconclusive || !complete || required == 0 || also != Accept:
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

// silent counts the sources that gave no status.
func (v *Revocation) silent() (n int) {
	if v == nil {
		return 0
	}
	for _, a := range v.Sources {
		if a.Status == "" {
			n++
		}
	}
	return n
}

// Agreeing returns the schemes whose sources said what counts, each once, in the
// order in which they were asked.
func (v *Revocation) Agreeing() (schemes []policy.Scheme) {
	for _, a := range v.Sources {
		if a.Status != "" && a.Status == v.Status && !slices.Contains(schemes, a.Scheme) {
			schemes = append(schemes, a.Scheme)
		}
	}
	if len(schemes) == 0 && v.Scheme != 0 {
		schemes = append(schemes, v.Scheme)
	}
	return schemes
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

// causes are, for a kind that can be the consequence of others, those others: one
// of them on the same certificate and of the same weight is the root cause.
var causes = map[finding.ID][]finding.ID{
	// A server that has no site of the name asked for sends its default
	// certificate, which is usually self-signed.
	finding.LeafSelfSigned: {finding.NameMismatch, finding.IPMismatch, finding.NamesMissing},
	// The certificate does not ask for a staple; its CA does.
	finding.MustStapleMissing: {finding.TLSFeatureNotInherited},
	finding.MustStapleInvalid: {finding.TLSFeatureNotInherited},
}

// lead puts the cause in the place of a headline that is its consequence, or that
// is about all revocation sources of a certificate where there is only one.
func (r *Report) lead() {
	h := r.Headline
	if h == nil {
		return
	}
	pc := r.at(*h)
	if pc == nil {
		return
	}
	cause := h.Finding
	for _, f := range pc.Findings {
		if f.Severity = clamp(f.Severity); f.Severity != h.Finding.Severity {
			continue
		}
		switch {
		case slices.Contains(causes[h.Finding.ID], f.ID):
		case sumsUp(h.Finding.ID) && pc.Revocation.silent() == 1 && ofSource(f):
		default:
			continue
		}
		if cause.ID == h.Finding.ID || outranks(f, cause) {
			cause = f
		}
	}
	h.Finding = cause
}

// ofSource reports whether f is about one revocation source.
func ofSource(f finding.Finding) bool {
	switch f.Kind().Class {
	case finding.ClassRevocation, finding.ClassRevocationUnavailable:
		return !sumsUp(f.ID)
	}
	return f.Param("url") != ""
}

// sumsUp reports whether a finding of this kind is about all revocation sources
// of a certificate together: the cause is in the findings on each of them.
func sumsUp(id finding.ID) bool {
	return id == finding.RevocationUnavailable || id == finding.RevocationUndetermined
}

package report

import (
	"iter"

	"github.com/assaytls/assay/finding"
)

// Place says where in a report a finding hangs. The zero Place is the first
// certificate of the first path.
type Place struct {
	Path int // index in Report.Paths; -1: the finding hangs on the report as a whole
	Cert int // position on that path, 0 for the leaf; -1: the finding hangs on the path or on the report
	// Also is set when the finding hangs on Report.AlsoServes or below; Path and
	// Cert are -1 then.
	Also bool
}

// Counted returns the findings that count for the verdict, each with its
// place, in order: those of the report as a whole, then those of the chosen
// path, then those of its certificates, the leaf first, then those that count
// for AlsoServes. Findings of other paths are shown and never counted.
//
// A severity outside the table is yielded as Error. The findings are copies;
// their parameters are shared with the report.
func (r *Report) Counted() iter.Seq2[Place, finding.Finding] {
	return func(yield func(Place, finding.Finding) bool) {
		each := func(at Place, fs []finding.Finding) bool {
			for _, f := range fs {
				f.Severity = clamp(f.Severity)
				if !yield(at, f) {
					return false
				}
			}
			return true
		}
		if !each(Place{Path: -1, Cert: -1}, r.Findings) {
			return
		}
		if r.Chosen >= 0 && r.Chosen < len(r.Paths) {
			p := r.Paths[r.Chosen]
			if !each(Place{Path: r.Chosen, Cert: -1}, p.Findings) {
				return
			}
			for i, c := range p.Certs {
				if !each(Place{Path: r.Chosen, Cert: i}, c.Findings) {
					return
				}
			}
		}
		if r.AlsoServes == nil {
			return
		}
		for _, f := range r.AlsoServes.Counted() {
			if !yield(Place{Path: -1, Cert: -1, Also: true}, f) {
				return
			}
		}
	}
}

// clamp makes a severity outside the table the worst one.
func clamp(s finding.Severity) finding.Severity {
	if s < finding.Info || s > finding.Error {
		return finding.Error
	}
	return s
}

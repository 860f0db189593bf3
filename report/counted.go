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
}

// Counted returns the findings that count for the verdict, each with its
// place, in order: those of the report as a whole, then those of the chosen
// path, then those of its certificates, the leaf first. Findings of other
// paths are shown and never counted.
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
		if !each(Place{-1, -1}, r.Findings) || r.Chosen < 0 || r.Chosen >= len(r.Paths) {
			return
		}
		p := r.Paths[r.Chosen]
		if !each(Place{r.Chosen, -1}, p.Findings) {
			return
		}
		for i, c := range p.Certs {
			if !each(Place{r.Chosen, i}, c.Findings) {
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

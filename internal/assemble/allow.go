package assemble

import (
	"slices"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// allow takes the waived findings down to warnings.
func allow(r *report.Report, ids []finding.ID) {
	if len(ids) == 0 {
		return
	}
	waive := func(fs []finding.Finding) {
		for i, f := range fs {
			if slices.Contains(ids, f.ID) && f.Severity > finding.Warning && f.Kind().Allowable {
				fs[i] = f.Graded(finding.Warning, policy.Allowed)
			}
		}
	}
	waive(r.Findings)
	for i := range r.Paths {
		waive(r.Paths[i].Findings)
		for k := range r.Paths[i].Certs {
			waive(r.Paths[i].Certs[k].Findings)
		}
	}
}

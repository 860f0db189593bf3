package assemble

import (
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// otherTrust says that saved evidence is judged with other trust anchors or
// another log list, other CRLite filters or other tables of root programs than when it was gathered. Evidence that names no anchors was
// not judged yet.
func otherTrust(j *Judged, r *report.Report) {
	ev := j.Evidence
	if ev.AnchorsHash == "" {
		return
	}
	now := j.ProgramsHash
	if ev.ProgramsHash == "" || now == "" { // another policy, which asks for them or does not
		now = ev.ProgramsHash
	}
	for _, x := range []struct{ what, saved, now string }{
		{"trust anchors", ev.AnchorsHash, j.AnchorsHash}, {"CT logs", ev.LogListHash, j.LogListHash}, {"CRLite filters", ev.FiltersHash, j.FiltersHash},
		{"tables of root programs", ev.ProgramsHash, now},
	} {
		if x.saved != x.now {
			r.Findings = append(r.Findings, finding.New(finding.EvidenceOtherTrust, "what", x.what, "saved", named(x.saved), "now", named(x.now)))
		}
	}
}

func named(hash string) string {
	if hash == "" {
		return "none"
	}
	return "SHA-256 " + hash
}

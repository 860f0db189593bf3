package assemble

import (
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// otherTrust says that saved evidence is judged with other trust anchors or
// another log list or other CRLite filters than when it was gathered. Evidence that names no anchors was
// not judged yet.
func otherTrust(j *Judged, r *report.Report) {
	ev := j.Evidence
	if ev.AnchorsHash == "" {
		return
	}
	for _, x := range []struct{ what, saved, now string }{
		{"trust anchors", ev.AnchorsHash, j.AnchorsHash}, {"CT logs", ev.LogListHash, j.LogListHash}, {"CRLite filters", ev.FiltersHash, j.FiltersHash},
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

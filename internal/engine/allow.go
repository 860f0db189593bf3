package engine

import (
	"fmt"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// allowPolicy is what a waived finding names as the reason of its severity.
const allowPolicy = "allow"

// validateAllow wants kinds that may be waived: those which assay adds to what
// crypto/tls verifies, and which are neither revocations nor budgets.
func validateAllow(ids []finding.ID) error {
	for _, id := range ids {
		k, known := finding.Lookup(id)
		switch {
		case !known:
			return fmt.Errorf("allow: there is no finding %q", string(id))
		case k.Severity < finding.Inconclusive:
			return fmt.Errorf("allow: %s refuses nothing: there is nothing to waive", id)
		case !k.Allowable:
			return fmt.Errorf("allow: %s cannot be waived: %s", id, whyNot(k))
		}
	}
	return nil
}

func whyNot(k finding.Kind) string {
	switch k.Class {
	case finding.ClassPath, finding.ClassName:
		return "without a valid chain and name nobody knows who the peer is"
	case finding.ClassEncoding:
		return "what cannot be read by the rules cannot be judged"
	case finding.ClassRevocation:
		return "revocations and the defects of revocation data always count"
	case finding.ClassRevocationUnavailable:
		return "what an unknown status means is said by a policy of its own (unknown: allow, warn, deny)"
	case finding.ClassBudget:
		return "limits protect against hostile peers"
	case finding.ClassConnection:
		return "there is no connection that could be used"
	}
	return "the connection could not be relied on"
}

// allow takes the waived findings down to warnings.
func (j *judgement) allow(r *report.Report) {
	if len(j.p.Allow) == 0 {
		return
	}
	waive := func(fs []finding.Finding) {
		for i, f := range fs {
			for _, id := range j.p.Allow {
				if f.ID == id && f.Severity > finding.Warning && f.Kind().Allowable {
					fs[i] = f.Graded(finding.Warning, allowPolicy)
				}
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

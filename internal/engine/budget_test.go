package engine

import (
	"testing"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// Of a chain, and of what else may complete a path, no more than maxSent
// certificates are parsed; that there were more refuses.
func TestTooManyCertificates(t *testing.T) {
	e := New(Options{})
	for _, n := range []int{maxSent, maxSent + 1, 2000} {
		many, extra := &evidence.Evidence{}, &evidence.Evidence{Chain: []evidence.Entry{{Cert: []byte{0x30, 0}}}}
		for i := range n {
			c := []byte{0x30, 2, byte(i), byte(i >> 8)}
			many.Chain, extra.Extra = append(many.Chain, evidence.Entry{Cert: c}), append(extra.Extra, c)
		}
		for what, ev := range map[string]*evidence.Evidence{"chain": many, "extra": extra} {
			j := e.newJudgement(ev, nil, policy.Policy{}, download.Access{}, assemble.Full)
			r := j.report(j.judge(t.Context()))
			told := false
			for _, f := range r.Findings {
				told = told || f.ID == finding.BudgetCertificates && f.Severity == finding.Error
			}
			if told != (n > maxSent) || len(j.sent) > maxSent || len(j.pool) > 2*maxSent || r.Verdict != report.Reject {
				t.Errorf("%s of %d: told %v, %d parsed, %d in the pool, %s", what, n, told, len(j.sent), len(j.pool), r.Verdict)
			}
		}
	}
}

package engine

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/sig/known"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// A judgement during which tables and crypto/ecdsa disagreed refuses, and says why;
// later ones, and those of engines without tables, do not. Being for good, it is tried
// in a process of its own.
func TestTablesFailed(t *testing.T) {
	if os.Getenv("ASSAY_TEST_BREAK") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), "ASSAY_TEST_BREAK=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	with, without := New(Options{KnownKeyTables: true}), New(Options{})
	judged := func(e *Engine, during func()) bool {
		j := e.newJudgement(&evidence.Evidence{}, nil, policy.Policy{}, download.Access{}, assemble.Full)
		last := j.resolve(t.Context())
		during()
		r := j.report(last)
		for _, f := range r.Findings {
			if f.ID == finding.InternalError {
				if r.Verdict != report.Reject || !strings.Contains(fmt.Sprint(f.Params), "crypto/ecdsa") {
					t.Errorf("verdict %s, %v", r.Verdict, f)
				}
				return true
			}
		}
		return false
	}
	nothing := func() {}
	if judged(with, nothing) || judged(without, nothing) || with.TablesFailed() {
		t.Error("refused before they disagreed")
	}
	if !judged(with, known.Break) || !with.TablesFailed() {
		t.Error("a disagreement does not refuse")
	}
	if judged(with, nothing) || judged(without, known.Break) || without.TablesFailed() {
		t.Error("refused for another's disagreement")
	}
}

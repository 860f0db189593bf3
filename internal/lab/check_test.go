package lab_test

import (
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/scenarios"
)

// Every scenario ends with the verdict and the findings that it promises.
func TestEngineJudgesEveryScenario(t *testing.T) {
	l := start(t)
	begin := time.Now()
	for _, o := range l.Check(t.Context(), nil) {
		if !o.OK {
			t.Errorf("%s: %s\n\tfindings: %v", o.Scenario.Name, o.Why, o.Findings)
		}
	}
	t.Logf("%d scenarios judged in %v", len(l.Scenarios), time.Since(begin))
}

// The plain case has no finding that is worse than a remark.
func TestGoodIsClean(t *testing.T) {
	l := start(t, "good*")
	for _, o := range l.Check(t.Context(), nil) {
		for _, id := range o.Findings {
			if k, _ := finding.Lookup(id); k.Severity > finding.Info {
				t.Errorf("%s: %s", o.Scenario.Name, id)
			}
		}
	}
}

func TestPromisedFindingsExist(t *testing.T) {
	for id, names := range scenarios.Covered() {
		if _, ok := finding.Lookup(id); !ok {
			t.Errorf("%v promise %s, which is not in the table", names, id)
		}
	}
}

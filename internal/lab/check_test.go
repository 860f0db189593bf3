package lab_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab"
	"github.com/assaytls/assay/internal/lab/scenarios"
	"github.com/assaytls/assay/report"
)

// Every scenario ends with the verdict and the findings that it promises.
func TestEngineJudgesEveryScenario(t *testing.T) {
	l := start(t)
	begin, longest, octets := time.Now(), 0, 0
	for _, o := range l.Check(t.Context(), nil) {
		if !o.OK {
			t.Errorf("%s: %s\n\tfindings: %v", o.Scenario.Name, o.Why, o.Findings)
		}
		for _, odd := range lab.OddTimes(o.Report) {
			t.Errorf("%s: a time in another form: %s", o.Scenario.Name, odd)
		}
		n := checkRow(t, o)
		longest, octets = max(longest, n), octets+n
	}
	t.Logf("%d scenarios judged in %v; a row has %d octets on average, %d at most", len(l.Scenarios), time.Since(begin), octets/len(l.Scenarios), longest)
}

// checkRow wants what a table of many targets needs in the row of a report,
// and returns the octets of its JSON form.
func checkRow(t *testing.T, o lab.Outcome) int {
	t.Helper()
	r, row := o.Report, o.Report.Row()
	b, err := json.Marshal(row)
	if err != nil || len(b) > report.MaxRow {
		t.Errorf("%s: %v, %d octets: %s", o.Scenario.Name, err, len(b), b)
	}
	var ids []finding.ID
	for _, list := range [][]finding.ID{row.Errors, row.Inconclusive, row.Warnings, row.Infos} {
		ids = append(ids, list...)
	}
	slices.Sort(ids)
	if row.More != 0 || !slices.Equal(slices.Compact(ids), o.Findings) {
		t.Errorf("%s: the row has %v and %d more, want %v", o.Scenario.Name, ids, row.More, o.Findings)
	}
	if row.Verdict != r.Verdict || row.Target == "" || row.Time.IsZero() || row.Policy == (report.Hash{}) ||
		(row.Headline == "") != (r.Headline == nil) || (row.Title == "") != (r.Headline == nil) {
		t.Errorf("%s: %+v", o.Scenario.Name, row)
	}
	if len(r.Certs) > 0 && (row.Leaf == report.Hash{} || row.SPKI == report.Hash{} || (row.Days == nil) != row.NotAfter.IsZero() || row.Protocol == "") {
		t.Errorf("%s: of the leaf: %+v", o.Scenario.Name, row)
	}
	if r.Chosen >= 0 {
		p := r.Paths[r.Chosen]
		if (row.Issuer == report.Hash{}) != (len(p.Certs) < 2) {
			t.Errorf("%s: of the issuer: %+v", o.Scenario.Name, row)
		}
		for i, s := range row.Revocation {
			if rev := p.Certs[i].Revocation; rev != nil && rev.Status != s || rev == nil && s != report.Unknown {
				t.Errorf("%s: certificate %d: %s, want %+v", o.Scenario.Name, i, s, rev)
			}
		}
	}
	return len(b)
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

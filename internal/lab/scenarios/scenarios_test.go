package scenarios

import (
	"slices"
	"strings"
	"testing"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// The catalogue tells everything about a scenario, once, without a server.
func TestCatalogue(t *testing.T) {
	var names []string
	for _, s := range All() {
		if s.Group == "" || !strings.HasSuffix(s.Story, ".") || !slices.Contains([]report.Verdict{report.Accept, report.Inconclusive, report.Reject}, s.Want) {
			t.Errorf("%s is incomplete: %+v", s.Name, s)
		}
		if slices.Contains(names, s.Name) {
			t.Errorf("two scenarios are called %s", s.Name)
		}
		names = append(names, s.Name)
		for _, id := range slices.Concat(s.Findings, s.Absent) {
			if _, ok := finding.Lookup(id); !ok {
				t.Errorf("%s promises %s, which is not in the table", s.Name, id)
			}
			if slices.Contains(s.Findings, id) && slices.Contains(s.Absent, id) {
				t.Errorf("%s both wants and excludes %s", s.Name, id)
			}
		}
	}
	if len(names) < 50 {
		t.Errorf("%d scenarios", len(names))
	}
}

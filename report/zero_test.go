package report_test

import (
	"testing"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// Nothing that is left out makes a report accept.
func TestZeroValues(t *testing.T) {
	done := report.Check{Name: "path", Required: true, State: report.Done}
	for name, r := range map[string]*report.Report{
		"the zero report":          {},
		"a check without a state":  {Checks: []report.Check{done, {Required: true}}},
		"checks that nobody wants": {Checks: []report.Check{{State: report.Done}}},
	} {
		if v := report.Decide(r); v != report.Inconclusive {
			t.Errorf("%s: %s", name, v)
		}
	}
	if v := new(report.Report).Verdict; v.String() != string(report.Inconclusive) {
		t.Errorf("the zero verdict is %q", v)
	}
	bad := &report.Report{Checks: []report.Check{done}, Findings: []finding.Finding{{ID: "x-mine"}}}
	if v := report.Decide(bad); v != report.Reject {
		t.Errorf("a finding without a severity: %s", v)
	}
	// The zero Chosen is the first path, which counts.
	first := &report.Report{Checks: []report.Check{done}, Paths: []report.Path{{Certs: []report.PathCert{{Findings: []finding.Finding{finding.New(finding.CertExpired)}}}}}}
	if v := report.Decide(first); v != report.Reject {
		t.Errorf("an error on the first path: %s", v)
	}
	if s := new(report.Revocation).Status; s == report.Good || s == report.NotApplicable {
		t.Errorf("the zero revocation is %q", s)
	}
	if s := new(report.Answer).Status; s == report.Good {
		t.Errorf("the zero answer is %q", s)
	}
	if new(report.CT).Met != nil && *new(report.CT).Met {
		t.Error("the zero CT meets a policy")
	}
	new(report.Report).Row()
	new(report.Report).View()
}

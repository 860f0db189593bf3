package report_test

import (
	"testing"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// Decide on reports that no judge should make: whatever is missing, unknown or
// out of range never accepts.
func TestDecideOdd(t *testing.T) {
	done := []report.Check{{Name: "path", Required: true, State: report.Done}}
	f := func(s finding.Severity) []finding.Finding {
		return []finding.Finding{{ID: finding.CertExpired, Severity: s}}
	}
	path := func(own, cert []finding.Finding) report.Path {
		return report.Path{Findings: own, Certs: []report.PathCert{{Cert: 99}, {Cert: -1, Findings: cert}}}
	}
	for name, c := range map[string]struct {
		r    report.Report
		want report.Verdict
	}{
		"zero":                              {report.Report{}, report.Inconclusive},
		"a verdict claimed":                 {report.Report{Verdict: report.Accept}, report.Inconclusive},
		"accept":                            {report.Report{Checks: done}, report.Accept},
		"nothing required":                  {report.Report{Checks: []report.Check{{Name: "path", State: report.Done}}}, report.Inconclusive},
		"required, not done":                {report.Report{Checks: append(done, report.Check{Required: true, State: report.NotDone})}, report.Inconclusive},
		"required, not asked":               {report.Report{Checks: append(done, report.Check{Required: true, State: report.NotAsked})}, report.Inconclusive},
		"required, no state":                {report.Report{Checks: append(done, report.Check{Required: true})}, report.Inconclusive},
		"required, an unknown state":        {report.Report{Checks: append(done, report.Check{Required: true, State: "sure"})}, report.Inconclusive},
		"required, not applicable":          {report.Report{Checks: append(done, report.Check{Required: true, State: report.CheckNotApplicable})}, report.Accept},
		"not required, not done":            {report.Report{Checks: append(done, report.Check{State: report.NotDone})}, report.Accept},
		"warning":                           {report.Report{Checks: done, Findings: f(finding.Warning)}, report.Accept},
		"inconclusive":                      {report.Report{Checks: done, Findings: f(finding.Inconclusive)}, report.Inconclusive},
		"error":                             {report.Report{Checks: done, Findings: f(finding.Error)}, report.Reject},
		"severity above all":                {report.Report{Checks: done, Findings: f(finding.Error + 1)}, report.Reject},
		"severity below all":                {report.Report{Checks: done, Findings: f(finding.Info - 1)}, report.Reject},
		"error on the chosen path":          {report.Report{Checks: done, Paths: []report.Path{path(f(finding.Error), nil)}}, report.Reject},
		"error on a certificate of it":      {report.Report{Checks: done, Paths: []report.Path{path(nil, f(finding.Error))}}, report.Reject},
		"inconclusive on a certificate":     {report.Report{Checks: done, Paths: []report.Path{path(nil, f(finding.Inconclusive))}}, report.Inconclusive},
		"error on another path":             {report.Report{Checks: done, Paths: []report.Path{{}, path(f(finding.Error), nil)}}, report.Accept},
		"chosen beyond the paths":           {report.Report{Checks: done, Chosen: 7, Paths: []report.Path{{}}, Findings: f(finding.Error)}, report.Reject},
		"chosen below the paths, with none": {report.Report{Chosen: -9}, report.Inconclusive},
	} {
		r := c.r
		if got := report.Decide(&r); got != c.want || r.Verdict != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// The headline is the worst finding that counts; among equals the most
// specific, then the first.
func TestHeadline(t *testing.T) {
	find := func(id finding.ID) finding.Finding { return finding.New(id) }
	r := report.Report{Findings: []finding.Finding{find(finding.CertExpired).Graded(finding.Warning, "x"), {ID: "x-mine", Severity: finding.Warning}},
		Paths: []report.Path{{Certs: []report.PathCert{{Findings: []finding.Finding{find(finding.CertRevoked)}}}}, {Findings: []finding.Finding{find(finding.CertRevoked)}}}}
	report.Decide(&r)
	if h := r.Headline; h == nil || h.Finding.ID != finding.CertRevoked || h.Path != 0 || h.Cert != 0 {
		t.Errorf("%+v", r.Headline)
	}
	r = report.Report{Headline: r.Headline, Findings: []finding.Finding{{ID: finding.CertExpired, Severity: finding.Info}}}
	if report.Decide(&r); r.Headline != nil {
		t.Errorf("a headline that is information: %+v", r.Headline)
	}
	for _, odd := range []finding.Severity{-9, 9} {
		r = report.Report{Findings: []finding.Finding{find(finding.CertExpired).Graded(finding.Warning, "x"), {ID: "x-odd", Severity: odd}}}
		if report.Decide(&r); r.Headline == nil || r.Headline.Finding.ID != "x-odd" {
			t.Errorf("severity %d: %+v", odd, r.Headline)
		}
	}
}

package report_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// alsoServes is an accepted report whose server has another certificate with
// the findings.
func alsoServes(fs ...finding.Finding) *report.Report {
	checks := []report.Check{{Name: report.PathCheck, Required: true, State: report.Done}}
	one := func(fs []finding.Finding, key string) *report.Report {
		return &report.Report{Checks: checks, Certs: []report.Cert{{Subject: "CN=a.test", Key: key}},
			Paths: []report.Path{{End: report.EndAnchor, Certs: []report.PathCert{{Role: report.Leaf, Findings: fs}}}}}
	}
	r := one(nil, "RSA 2048")
	r.AlsoServes = one(fs, "ECDSA P-256")
	return r
}

// What refuses one of a server's certificates refuses the server.
func TestAlsoServesDecides(t *testing.T) {
	for _, c := range []struct {
		fs   []finding.Finding
		want report.Verdict
	}{
		{nil, report.Accept},
		{[]finding.Finding{finding.New(finding.CTSCTMissing)}, report.Accept},
		{[]finding.Finding{finding.New(finding.RevocationUnavailable)}, report.Inconclusive},
		{[]finding.Finding{finding.New(finding.CertExpired)}, report.Reject},
	} {
		r := alsoServes(c.fs...)
		if got := report.Decide(r); got != c.want || r.AlsoServes.Verdict != c.want {
			t.Errorf("%v: %s, the other %s, want %s", c.fs, got, r.AlsoServes.Verdict, c.want)
		}
	}
	// A check that is not done for the other one is not done.
	r := alsoServes()
	r.AlsoServes.Checks = nil
	if report.Decide(r) != report.Inconclusive {
		t.Error("nothing was checked about the other certificate, and the verdict is", r.Verdict)
	}
	// A verdict that the other one claims is not believed.
	r = alsoServes(finding.New(finding.CertExpired))
	r.AlsoServes.Verdict = report.Accept
	if report.Decide(r) != report.Reject {
		t.Error(r.Verdict)
	}
}

// The worst finding of both is the headline, with its place; the report's own comes
// first among equals. Reports that lack parts are shown too.
func TestAlsoServesHeadline(t *testing.T) {
	r := alsoServes(finding.New(finding.CertExpired))
	report.Decide(r)
	if h := r.Headline; h == nil || !h.Also || h.Path != -1 || h.Cert != -1 || h.Finding.ID != finding.CertExpired {
		t.Fatalf("%+v", r.Headline)
	}
	if e := r.View().Headline.Elsewhere; e != "the server's other certificate (ECDSA P-256)" {
		t.Errorf("elsewhere: %q", e)
	}
	if w := r.View().Headline.Where; !strings.Contains(w, "other certificate (ECDSA P-256)") || !strings.Contains(w, "CN=a.test") {
		t.Errorf("where: %q", w)
	}
	if !slices.ContainsFunc(r.View().Sections, func(s report.ViewSection) bool { return s.Title == "Also serves" }) {
		t.Error("the other certificate is not shown")
	}
	if row := r.Row(); row.Headline != finding.CertExpired || !slices.Contains(row.Errors, finding.CertExpired) || row.HeadlineRole != "" {
		t.Errorf("row: %+v", row)
	}
	r.Paths[0].Certs[0].Findings = []finding.Finding{finding.New(finding.CertExpired)}
	if report.Decide(r); r.Headline.Also || r.Headline.Path != 0 {
		t.Errorf("%+v", r.Headline)
	}
	for _, bare := range []*report.Report{{}, {Chosen: -1}, {Chosen: 9}, {Paths: []report.Path{{}}}, {Findings: []finding.Finding{{ID: "x-mine"}}}} {
		r = &report.Report{AlsoServes: bare}
		report.Decide(r)
		r.View()
		r.Row()
	}
}

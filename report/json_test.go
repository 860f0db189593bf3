package report_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// Nothing in a report's JSON form is null: a list of nothing is an empty list.
func TestJSONNoNull(t *testing.T) {
	for name, r := range map[string]*report.Report{
		"zero":  {},
		"empty": {Certs: []report.Cert{{}}, Paths: []report.Path{{}, {Certs: []report.PathCert{{Revocation: &report.Revocation{}}}}}, CT: &report.CT{}, Connection: &report.Connection{}},
	} {
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), "null") {
			t.Errorf("%s: %s", name, b)
		}
		for _, key := range []string{"findings", "all_findings", "certs", "sent", "paths", "checks", "fetches"} {
			if !strings.Contains(string(b), `"`+key+`":[`) {
				t.Errorf("%s: no list %s: %s", name, key, b)
			}
		}
		if r.Findings != nil || len(r.Paths) > 0 && r.Paths[0].Certs != nil || len(r.Paths) > 1 && r.Paths[1].Certs[0].Revocation.Sources != nil {
			t.Errorf("%s: writing changed the report", name)
		}
	}
}

// All findings stand in one list, with their places, and the headline has its
// advice.
func TestJSONFlat(t *testing.T) {
	one := func(id finding.ID) []finding.Finding { return []finding.Finding{finding.New(id)} }
	r := &report.Report{
		Certs:    []report.Cert{{Subject: "CN=leaf", SHA256: "aa"}, {Subject: "CN=\u202eca", SHA256: "bb"}},
		Findings: one(finding.X509Disagrees), Chosen: 1,
		Paths: []report.Path{
			{Certs: []report.PathCert{{Cert: 0, Findings: one(finding.LeafIsCA)}, {Cert: 9, Findings: one(finding.IssuerNotCA)}}},
			{Findings: one(finding.PolicyMissing), Certs: []report.PathCert{{Cert: 0}, {Cert: 1, Findings: one(finding.CertExpired)}}},
		},
	}
	report.Decide(r)
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Headline struct {
			Finding finding.Finding
			Cert    int
			Advice  report.Advice
		}
		All []report.Placed `json:"all_findings"`
	}
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	want := []report.Placed{
		{Path: -1, Cert: -1, Counts: true, Finding: r.Findings[0]},
		{Path: 0, Cert: 0, Certificate: "CN=leaf", SHA256: "aa", Finding: r.Paths[0].Certs[0].Findings[0]},
		{Path: 0, Cert: 1, Finding: r.Paths[0].Certs[1].Findings[0]},
		{Path: 1, Cert: -1, Counts: true, Finding: r.Paths[1].Findings[0]},
		{Path: 1, Cert: 1, Certificate: `CN=\u{202e}ca`, SHA256: "bb", Counts: true, Finding: r.Paths[1].Certs[1].Findings[0]},
	}
	if len(got.All) != len(want) {
		t.Fatalf("%d findings, want %d: %s", len(got.All), len(want), b)
	}
	for i, w := range want {
		g := got.All[i]
		if g.Path != w.Path || g.Cert != w.Cert || g.Certificate != w.Certificate || g.SHA256 != w.SHA256 || g.Counts != w.Counts || g.Finding.ID != w.Finding.ID {
			t.Errorf("%d: %+v, want %+v", i, g, w)
		}
	}
	a := got.Headline.Advice
	if got.Headline.Finding.ID != finding.CertExpired || got.Headline.Cert != 1 || a.Meaning == "" || a.Risk == "" || len(a.Fix) == 0 {
		t.Errorf("the headline: %s", b)
	}
	for _, s := range a.Fix {
		if strings.HasPrefix(s, "If it is your server's certificate") {
			t.Errorf("advice about a leaf for a CA: %q", a.Fix)
		}
	}
	var back report.Report
	if err := json.Unmarshal(b, &back); err != nil || back.Headline == nil || back.Headline.Finding.ID != finding.CertExpired || len(back.Paths) != 2 {
		t.Errorf("read back: %v, %+v", err, back)
	}
}

// What is left of a certificate's life, in days and as a share.
func TestCertAge(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c := report.Cert{NotBefore: begin, NotAfter: begin.AddDate(0, 0, 100)}
	for at, want := range map[time.Time][2]int{
		begin:                                  {100, 100},
		begin.AddDate(0, 0, -5):                {105, 100},
		begin.AddDate(0, 0, 75):                {25, 25},
		begin.AddDate(0, 0, 75).Add(time.Hour): {24, 24},
		begin.AddDate(0, 0, 101):               {-1, 0},
		begin.AddDate(0, 0, 100).Add(1e9):      {-1, 0},
	} {
		c.Age(at)
		if c.DaysLeft == nil || c.LifeLeft == nil || *c.DaysLeft != want[0] || *c.LifeLeft != want[1] {
			t.Errorf("%v: %d days, %d%%, want %v", at, *c.DaysLeft, *c.LifeLeft, want)
		}
	}
	for _, c := range []report.Cert{{}, {NotAfter: begin}, {NotBefore: begin, NotAfter: begin}} {
		if c.Age(begin); c.LifeLeft != nil {
			t.Errorf("%+v: %d%%", c, *c.LifeLeft)
		}
	}
}

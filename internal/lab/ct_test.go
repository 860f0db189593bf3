package lab_test

import (
	"testing"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// What the audit of each SCT comes to.
func TestAudits(t *testing.T) {
	want := map[string][]report.Inclusion{
		"sct-included":           {report.Included, report.Included},
		"sct-included-tiled":     {report.Included},
		"sct-included-by-tls":    {report.Included},
		"sct-not-included":       {report.Unavailable},
		"sct-log-ahead":          {report.Unavailable},
		"sct-log-verbose":        {report.Unavailable},
		"sct-not-included-tiled": {report.Absent},
		"sct-merge-pending":      {report.Pending},
		"sct-log-behind":         {report.Included},
		"sct-log-away":           {report.Unavailable},
		"sct-log-forged":         {report.Unavailable},
		"sct-log-lies":           {report.Unavailable},
		"sct-embedded":           {"", ""}, // not asked
	}
	var only []string
	for name := range want {
		only = append(only, name)
	}
	l := start(t, only...)
	for _, o := range l.Check(t.Context(), nil) {
		name := o.Scenario.Name
		if !o.OK || o.Report.CT == nil || len(o.Report.CT.SCTs) != len(want[name]) {
			t.Errorf("%s: %s %v %+v", name, o.Why, o.Findings, o.Report.CT)
			continue
		}
		for i, s := range o.Report.CT.SCTs {
			if s.Inclusion != want[name][i] || s.Status != report.SCTValid {
				t.Errorf("%s: SCT %d is %s, %q: %s", name, i, s.Status, s.Inclusion, s.Detail)
			}
		}
		asked := 0
		for _, f := range o.Report.Fetches {
			if f.Kind == "ct" {
				asked++
			}
		}
		if (asked > 0) != o.Scenario.Access.Audit {
			t.Errorf("%s: %d requests to logs", name, asked)
		}
	}
}

// Every good scenario's SCTs are in the lab's logs.
func TestGoodIsLogged(t *testing.T) {
	l := start(t, "good", "sct-embedded")
	for _, s := range l.Scenarios {
		s.Access.Audit = true
		o := l.Judge(t.Context(), s)
		for _, sct := range o.Report.CT.SCTs {
			if sct.Inclusion != report.Included {
				t.Errorf("%s: %q %s", s.Name, sct.Inclusion, sct.Detail)
			}
		}
	}
}

// With --ct-depth chain the finding stands on the certificate that it is about.
func TestDepthChain(t *testing.T) {
	l := start(t, "sct-chain", "sct-chain-missing", "sct-chain-invalid")
	for _, o := range l.Check(t.Context(), nil) {
		if !o.OK {
			t.Errorf("%s: %s %v", o.Scenario.Name, o.Why, o.Findings)
			continue
		}
		r := o.Report
		for i, c := range r.Paths[r.Chosen].Certs {
			for _, f := range c.Findings {
				if f.ID == finding.CTNoValidSCT && i != 1 {
					t.Errorf("%s: certificate %d has %s", o.Scenario.Name, i, f)
				}
			}
		}
		leaf, ca := 0, 0
		for _, s := range r.CT.SCTs {
			if s.Cert == 0 {
				leaf++
			} else if s.Cert == 1 {
				ca++
			}
		}
		if wantCA := map[bool]int{true: 0, false: 1}[o.Scenario.Name == "sct-chain-missing"]; leaf != 2 || ca != wantCA {
			t.Errorf("%s: %d SCTs of the leaf, %d of the CA", o.Scenario.Name, leaf, ca)
		}
	}
}

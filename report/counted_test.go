package report_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// What counts is the report's own and the chosen path's, in this order, and
// nothing of other paths. A severity outside the table counts as an error.
func TestCounted(t *testing.T) {
	one := func(id finding.ID, s finding.Severity) []finding.Finding {
		return []finding.Finding{{ID: id, Severity: s}}
	}
	other := report.Path{Findings: one("x-other", finding.Error), Certs: []report.PathCert{{Findings: one("x-other", finding.Error)}}}
	r := report.Report{Findings: one("x-report", finding.Info), Chosen: 1, Paths: []report.Path{other,
		{Findings: one("x-path", finding.Warning), Certs: []report.PathCert{{Findings: one("x-leaf", -9)}, {}, {Findings: one("x-anchor", 99)}}}, other}}
	var got []string
	for at, f := range r.Counted() {
		got = append(got, fmt.Sprint(at.Path, at.Cert, f.Severity, " ", f.ID))
	}
	want := []string{"-1 -1 info x-report", "1 -1 warning x-path", "1 0 error x-leaf", "1 2 error x-anchor"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if r.Paths[1].Certs[0].Findings[0].Severity != -9 {
		t.Error("the walk changes the report")
	}
	for _, chosen := range []int{-9, -1, 3, 99} {
		r.Chosen = chosen
		n := 0
		for at := range r.Counted() {
			if n++; at != (report.Place{Path: -1, Cert: -1}) {
				t.Errorf("chosen %d: counted at %+v", chosen, at)
			}
		}
		if n != 1 {
			t.Errorf("chosen %d: %d findings", chosen, n)
		}
	}
	for range (&report.Report{}).Counted() {
		t.Error("the zero report has a finding")
	}
}

// A walk that is left early ends there.
func TestCountedLeftEarly(t *testing.T) {
	two := []finding.Finding{{ID: "x-a"}, {ID: "x-b"}}
	r := report.Report{Findings: two, Paths: []report.Path{{Findings: two, Certs: []report.PathCert{{Findings: two}, {Findings: two}}}}}
	for stop := 1; stop <= 8; stop++ {
		n := 0
		for range r.Counted() {
			if n++; n == stop {
				break
			}
		}
		if n != stop {
			t.Errorf("%d steps, want %d", n, stop)
		}
	}
}

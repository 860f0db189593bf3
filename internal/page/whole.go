package page

import (
	"slices"

	"github.com/assaytls/assay/report"
)

// whole is what the template of a page that stands alone takes.
type whole struct {
	Title  string
	Index  []Verdict // the worst first; empty for one target
	Counts []Line    // how many of each verdict
	Sheets []*Sheet
	Style  any
}

// newWhole puts the worst first; equal ones stay in their order.
func newWhole(sheets []*Sheet) *whole {
	w := &whole{Title: "assay report", Sheets: slices.Clone(sheets), Style: Alone()}
	slices.SortStableFunc(w.Sheets, func(a, b *Sheet) int { return rank(a.Verdict.Class) - rank(b.Verdict.Class) })
	if len(sheets) == 1 {
		w.Title = sheets[0].Verdict.Word + " " + sheets[0].Verdict.Target
		return w
	}
	for _, v := range []report.Verdict{report.Reject, report.Inconclusive, report.Accept} {
		n := 0
		for _, s := range w.Sheets {
			if s.Verdict.Class == v.String() {
				n++
			}
		}
		w.Counts = append(w.Counts, Line{Label: v.String(), Text: plural(n, "target"), Class: v.String()})
	}
	return w
}

// rank orders verdicts: the worst first.
func rank(class string) int {
	return slices.Index([]string{string(report.Reject), string(report.Inconclusive), string(report.Accept)}, class)
}

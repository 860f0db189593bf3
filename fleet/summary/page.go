package summary

import (
	"bufio"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/page"
)

//go:embed page.html
var pageText string

// reportPage is the template of report.html, beside the pieces that all pages share: one file
// without scripts and without anything from elsewhere. html/template escapes every name in it.
var reportPage = sync.OnceValue(func() *template.Template {
	funcs := template.FuncMap{"number": number, "share": share, "why": skipWord, "quote": quote}
	return template.Must(page.Templates().New("page").Funcs(funcs).Parse(pageText))
})

// quote makes names and findings of a row fit to be shown.
func quote(s any) string { return finding.Quote(fmt.Sprint(s)) }

// pageRows is how many lines a list of the page has.
const pageRows = 30

// chart is a list of bars.
type chart struct {
	Title, Text string
	Of          int64
	Bars        []bar
	Height      int
}

// bar is one line of a chart: its words, and below them the bar and its number. Its
// width is a share of the page's, in percent, so that it fits on a telephone too.
type bar struct {
	Label       string
	Targets, Of int64
	Y, Width    int
	Class       string
}

// BarY is where the bar begins.
func (b bar) BarY() int { return b.Y + 6 }

// CountY is where the number stands.
func (b bar) CountY() int { return b.Y + 16 }

const (
	barHeight = 40
	barWidth  = 68 // percent; the number stands behind it
	maxLabel  = 44
)

func newChart(title, text string, of int64) *chart { return &chart{Title: title, Text: text, Of: of} }

func (c *chart) add(label, class string, n int64) {
	if len(c.Bars) == pageRows {
		return
	}
	label = finding.Quote(label)
	if r := []rune(label); len(r) > maxLabel {
		label = string(r[:maxLabel-1]) + "…"
	}
	b := bar{Label: label, Targets: n, Of: c.Of, Y: len(c.Bars)*barHeight + 14, Class: class}
	if c.Of > 0 && n > 0 {
		b.Width = max(1, int(n*barWidth/c.Of))
	}
	c.Bars = append(c.Bars, b)
	c.Height = len(c.Bars) * barHeight
}

// HTML writes the summary as a page. Its size does not grow with the job.
func (s *Summary) HTML(w io.Writer, title string) error {
	probed := s.Accept + s.Reject + s.Inconclusive
	verdicts := newChart("Verdicts", "What assay concluded about each target.", s.Done)
	for _, v := range s.verdicts() {
		verdicts.add(v.Name, v.Name, v.Targets)
	}
	causes := newChart("Root causes", "The finding that most likely explains a verdict. A target has one at most.", probed)
	for _, f := range s.Causes {
		causes.add(string(f.ID)+" ("+f.Severity+")", f.Severity, f.Targets)
	}
	findings := newChart("Findings", "All kinds of findings, by severity and by the number of targets.", probed)
	for _, f := range s.Findings {
		findings.add(string(f.ID)+" ("+f.Severity+")", f.Severity, f.Targets)
	}
	issuers := newChart("Issuers", "The CA certificates that signed the servers' certificates.", probed)
	for _, i := range s.Issuers {
		issuers.add(i.label(), "", i.Targets)
	}
	if n := s.moreIssuers(len(s.Issuers)); n > 0 {
		issuers.add("others", "", n)
	}
	expiry := newChart("Expiry", "Days left of the servers' certificates when assay checked them.", probed)
	for _, b := range s.Expiry {
		expiry.add(b.Name, "", b.Targets)
	}
	charts := []*chart{verdicts, causes, findings, issuers, expiry}
	for _, c := range []struct {
		title, text string
		counts      []Count
	}{
		{"Revocation", "The revocation status of the servers' certificates.", s.Statuses},
		{"Revocation sources", "Where that status comes from.", s.Revocation},
		{"Certificate Transparency", "Whether the policy for SCTs is met.", s.CT},
		{"Root programs", "What each root program that was asked makes of the servers' certificates.", s.programs()},
		{"TLS versions", "The version that the server chose.", s.Protocols},
	} {
		chart := newChart(c.title, c.text, probed)
		for _, n := range c.counts {
			chart.add(n.Name, "", n.Targets)
		}
		charts = append(charts, chart)
	}
	var counts []page.Line
	for _, v := range s.verdicts() {
		counts = append(counts, page.Line{Label: v.Name, Class: v.Name, Text: number(v.Targets)})
	}
	return reportPage().Execute(w, struct {
		*Summary
		Title, Period string
		Style         template.HTML
		Counts        []page.Line
		Charts        []*chart
	}{s, title, period(s.First, s.Last), page.Alone(), counts, charts})
}

// PageName is the file of the page in a job's folder.
const PageName = "report.html"

// Write counts the results in a job's folder and writes report.html into it.
func Write(dir string) (*Summary, error) {
	s, err := Read(dir)
	if err == nil {
		_, err = s.WritePage(dir)
	}
	return s, err
}

// WritePage writes report.html into the job's folder dir and returns its name.
func (s *Summary) WritePage(dir string) (name string, err error) {
	f, err := os.CreateTemp(dir, PageName+".*.tmp")
	if err != nil {
		return "", err
	}
	defer os.Remove(f.Name()) // is gone under this name when all went well
	out := bufio.NewWriter(f)
	if err := errors.Join(s.HTML(out, Title(dir)), out.Flush(), f.Close()); err != nil {
		return "", err
	}
	name = filepath.Join(dir, PageName)
	return name, os.Rename(f.Name(), name)
}

// Title is what the page about a job's folder is called.
func Title(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return "Results of " + finding.Quote(filepath.Base(dir))
}

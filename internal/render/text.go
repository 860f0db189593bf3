package render

import (
	"fmt"
	"io"
	"strings"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// Options choose how much text is written and how it looks.
type Options struct {
	Color   bool
	Quiet   bool // one line: verdict, target, headline
	Verbose bool // every path in full, downloads, timing, hashes
	Certs   bool // every certificate in full, extensions and PEM included
	Width   int  // columns; 0 means 80
}

// level is how much of a View o asks for.
func (o Options) level() report.Level {
	switch {
	case o.Quiet:
		return report.LevelQuiet
	case o.Verbose:
		return report.LevelVerbose
	}
	return report.LevelDefault
}

// Text writes r for people. It fails only when w does.
func Text(w io.Writer, r *report.Report, o Options) error {
	return printView(w, r.View(), o)
}

// printView writes what o asks for of v.
func printView(w io.Writer, v *report.View, o Options) error {
	t := text{page{color: o.Color, width: o.Width}}
	if t.width <= 0 {
		t.width = 80
	}
	v = v.At(o.level(), o.Certs)
	if o.Quiet {
		t.oneLine(v)
		return t.flush(w)
	}
	t.verdict(v, o.Verbose)
	for i := range v.Sections {
		t.section(&v.Sections[i])
	}
	return t.flush(w)
}

// text writes a View in columns.
type text struct{ page }

// codes are the SGR codes of each emphasis.
var codes = map[report.Emphasis]string{report.Faint: dim, report.Fine: green, report.Caution: yellow, report.Bad: red}

func severityCodes(s finding.Severity) string {
	switch s {
	case finding.Info:
		return dim
	case finding.Warning, finding.Inconclusive:
		return yellow
	}
	return red
}

func verdictCodes(v report.Verdict) string { return bold + ";" + codes[v.Emphasis()] }

// oneLine writes "VERDICT TARGET [ID: TITLE] [59 days left (96%)] [(cached 14 min ago)]".
func (t *text) oneLine(v *report.View) {
	word := v.Verdict.String()
	s := t.paint(verdictCodes(v.Verdict), word) + strings.Repeat(" ", len(report.Inconclusive)-len(word)) + " " + v.Target
	if h := v.Headline; h != nil {
		s += "  " + h.ID + ": " + h.Line()
	}
	if v.Left != "" && v.Verdict == report.Accept {
		s += "  " + v.Left
	}
	if v.Age != "" {
		s += "  (" + v.Age + ")"
	}
	t.line(s)
}

// verdict writes the verdict and, as the root cause, the headline.
func (t *text) verdict(v *report.View, verbose bool) {
	t.line(t.paint(verdictCodes(v.Verdict), strings.ToUpper(v.Verdict.String())) + "  " + t.paint(bold, v.Target))
	for _, i := range v.Items {
		t.item(report.SectionAbout, 2, i)
	}
	t.blank()
	if v.Headline == nil {
		t.hang("  ", "", v.Summary, "")
		return
	}
	t.title(2, causeLabel(v), v.Headline)
	t.headline(v.Headline, verbose)
}

// headline writes of the root cause where it is, who says so, and what to do.
func (t *text) headline(f *report.ViewFinding, verbose bool) {
	where := f.Where
	if !verbose {
		where = f.Elsewhere
	}
	if f.Note != "" {
		t.field(2, "", f.Note)
	}
	if where != "" {
		t.field(2, "where", where)
	}
	if f.URL != "" && len(f.Sources) == 0 {
		t.field(2, "source", f.URL)
	}
	for _, s := range f.Sources {
		t.field(2, "source", s)
	}
	t.advice(2, f, verbose)
}

// section writes a section: its heading, its items, its parts.
func (t *text) section(s *report.ViewSection) {
	indent := 2
	switch s.Kind {
	case report.SectionAbout:
		t.blank()
		indent = 0
	case report.SectionBrief:
		t.blank()
	case report.SectionPathCert:
		indent = 5
		if s.Number > 0 {
			t.blank()
		}
		t.hang(fmt.Sprintf("  %d  %s  ", s.Number, s.Role), "", s.Title, bold)
	case report.SectionObject:
		t.line(t.paint(bold, s.Title))
	default:
		t.heading(strings.ToUpper(s.Title) + s.Detail)
	}
	for _, i := range s.Items {
		t.item(s.Kind, indent, i)
	}
	for i := range s.Sections {
		t.section(&s.Sections[i])
	}
	for _, l := range s.PEM {
		t.line(l)
	}
}

// stateWidth is the column of states in sections whose items have no label.
var stateWidth = map[report.SectionKind]int{report.SectionCT: labelWidth + 5, report.SectionChecks: labelWidth, report.SectionDownloads: labelWidth + 2}

// item writes one line of a section of the given kind.
func (t *text) item(kind report.SectionKind, indent int, i report.ViewItem) {
	indent += 2 * i.Depth
	value := i.Text
	if i.List != nil {
		value = strings.Join(i.List, ", ")
	}
	lead := strings.Repeat(" ", indent)
	switch {
	case i.Finding != nil && kind == report.SectionBrief:
		f := *i.Finding
		f.Title = f.Severity.String() + ": " + f.Title
		t.title(indent, "also", &f)
	case i.Finding != nil:
		t.finding(indent, i.Finding)
	case i.Label == "" && kind == report.SectionAbout:
		t.hang(lead, "", value, "")
	case kind == report.SectionBrief:
		t.hang(lead+pad(i.Label, labelWidth), "", value, codes[i.Class])
	case i.Label != "" && i.State != "":
		t.line(lead + pad(i.Label, labelWidth) + t.paint(codes[i.Class], i.State) + value)
	case i.State != "":
		t.hang(lead+pad(i.State, stateWidth[kind]), codes[i.Class], value, "")
	case i.Label == "" && kind == report.SectionCT:
		t.hang(lead+"- ", "", value, "")
	case kind == report.SectionPathCert: // values of all depths stand in one column
		t.hang(lead+pad(i.Label, labelWidth-2*i.Depth), "", value, "")
	default:
		t.field(indent, i.Label, value)
	}
}

// finding writes one finding, with what it means and what to do.
func (t *text) finding(indent int, f *report.ViewFinding) {
	t.title(indent, f.Severity.String(), f)
	t.advice(indent+2, f, true)
}

// title writes the one line of a finding.
func (t *text) title(indent int, label string, f *report.ViewFinding) {
	lead := strings.Repeat(" ", indent) + pad(label, labelWidth-1) + " "
	t.hang(lead, severityCodes(f.Severity), f.Title+" ["+f.ID+"]", "")
}

// advice writes what a finding means, when meant, and what to do.
func (t *text) advice(indent int, f *report.ViewFinding, meant bool) {
	if f.Policy != "" {
		t.field(indent, "because", f.Policy)
	}
	a := f.Advice
	if a == nil {
		return
	}
	if meant {
		t.field(indent, "meaning", a.Meaning)
	}
	if a.Risk != "" {
		t.field(indent, "risk", a.Risk)
	}
	label := "what to do"
	for _, s := range a.Fix {
		t.field(indent, label, s)
		label = ""
	}
	for _, l := range []struct{ label, text string }{{"see", a.Spec}, {"OpenSSL", a.OpenSSL}} {
		if l.text != "" {
			t.field(indent, l.label, l.text)
		}
	}
}

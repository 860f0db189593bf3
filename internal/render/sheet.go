package render

import (
	"io"
	"strings"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// Sheet is one decoded object: what it is, its fields, what is wrong with it.
// Texts are raw; writing quotes them.
type Sheet struct {
	Title    string
	Cert     *report.Cert // written before the rows
	Rows     []Row
	Findings []finding.Finding
}

// Row is a field and its value. A row without a label continues the one above.
type Row struct {
	Label string `json:"label,omitempty"`
	Value string `json:"value"`
}

// Sheets writes decoded objects for people.
func Sheets(w io.Writer, sheets []Sheet, o Options) error {
	var v report.View
	for i := range sheets {
		v.Sections = append(v.Sections, sheets[i].view())
	}
	t := text{page{color: o.Color, width: o.Width}}
	if t.width <= 0 {
		t.width = 80
	}
	for i, s := range v.At(max(o.level(), report.LevelDefault), o.Certs).Sections {
		if i > 0 {
			t.blank()
		}
		t.section(&s)
	}
	return t.flush(w)
}

// view is the sheet as a section.
func (s *Sheet) view() report.ViewSection {
	out := report.ViewSection{Kind: report.SectionObject, Title: finding.Quote(s.Title)}
	if s.Cert != nil {
		c := s.Cert.View(time.Time{})
		out.Items, out.PEM = c.Items, c.PEM
	}
	for _, r := range s.Rows {
		out.Items = append(out.Items, report.ViewItem{Label: r.Label, Text: quoteAll(r.Value)})
	}
	for _, f := range report.WorstFirst(s.Findings) {
		out.Items = append(out.Items, report.ViewItem{Finding: report.ViewOf(f)})
		if at := offset(f); at != "" {
			out.Items = append(out.Items, report.ViewItem{Depth: 1, Label: "at", Text: at})
		}
	}
	return out
}

// offset says where in the object a finding was made.
func offset(f finding.Finding) string {
	off, field := f.Param("offset"), f.Param("field")
	if off == "" {
		return ""
	}
	s := "offset " + finding.Quote(off)
	if field != "" {
		s += ", field " + finding.Quote(field)
	}
	return s
}

// quoteAll quotes each word of a long value, so that nothing is cut off.
func quoteAll(s string) string {
	words := strings.Fields(s)
	for i, w := range words {
		words[i] = finding.Quote(w)
	}
	return strings.Join(words, " ")
}

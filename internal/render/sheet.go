package render

import (
	"fmt"
	"io"
	"strings"

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
	t := text{page: page{color: o.Color, width: o.Width}, Options: o, r: &report.Report{}, explained: map[finding.ID]bool{}}
	if t.width <= 0 {
		t.width = 80
	}
	for i, s := range sheets {
		if i > 0 {
			t.blank()
		}
		t.line(t.paint(bold, finding.Quote(s.Title)))
		if s.Cert != nil {
			t.certificate(2, *s.Cert)
		}
		for _, r := range s.Rows {
			t.field(2, r.Label, quoteAll(r.Value))
		}
		for sev := finding.Error; sev >= finding.Info; sev-- {
			for _, f := range s.Findings {
				if clampSeverity(f.Severity) != sev {
					continue
				}
				t.finding(2, f, true)
				t.offset(f)
			}
		}
		if s.Cert != nil && o.Certs {
			t.pem(*s.Cert)
		}
	}
	return t.flush(w)
}

// offset says where in the object a finding was made, unless its title does.
func (t *text) offset(f finding.Finding) {
	off, field := f.Param("offset"), f.Param("field")
	if off == "" {
		return
	}
	s := "offset " + finding.Quote(off)
	if field != "" {
		s += fmt.Sprintf(", field %s", finding.Quote(field))
	}
	t.field(4, "at", s)
}

// quoteAll quotes each word of a long value, so that nothing is cut off.
func quoteAll(s string) string {
	words := strings.Fields(s)
	for i, w := range words {
		words[i] = finding.Quote(w)
	}
	return strings.Join(words, " ")
}

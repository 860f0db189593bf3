package render

import (
	"io"
	"strings"
	"unicode/utf8"
)

// page collects lines of text and remembers how to colour and wrap them.
type page struct {
	b     strings.Builder
	color bool
	width int
}

// The SGR codes in use.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
)

// paint returns s in the style of the SGR codes, or plainly without colour.
func (p *page) paint(codes, s string) string {
	if !p.color || codes == "" || s == "" {
		return s
	}
	return "\x1b[" + codes + "m" + s + "\x1b[0m"
}

func (p *page) line(s string) {
	p.b.WriteString(strings.TrimRight(s, " "))
	p.b.WriteByte('\n')
}

func (p *page) blank() { p.b.WriteByte('\n') }

// heading starts a section.
func (p *page) heading(s string) {
	p.blank()
	p.line(p.paint(bold, s))
}

// labelWidth is the column of labels; values stand after it.
const labelWidth = 11

// field writes a label and its value, wrapped with a hanging indent.
func (p *page) field(indent int, label, value string) {
	p.hang(strings.Repeat(" ", indent)+pad(label, labelWidth), "", value, "")
}

// hang writes lead and then text, wrapped so that continuation lines begin
// below text. leadCodes and textCodes colour the two parts.
func (p *page) hang(lead, leadCodes, text, textCodes string) {
	col := utf8.RuneCountInString(lead)
	for i, l := range wrap(text, p.width-col) {
		if i == 0 {
			p.line(p.paint(leadCodes, lead) + p.paint(textCodes, l))
			continue
		}
		p.line(strings.Repeat(" ", col) + p.paint(textCodes, l))
	}
}

// flush writes the page to w.
func (p *page) flush(w io.Writer) error {
	_, err := io.WriteString(w, p.b.String())
	return err
}

func pad(s string, n int) string {
	if k := utf8.RuneCountInString(s); k < n {
		return s + strings.Repeat(" ", n-k)
	}
	return s + " "
}

// Wrap breaks s at spaces into lines of at most width characters, but for
// words that are longer.
func Wrap(s string, width int) []string { return wrap(s, width) }

// wrap breaks s at spaces into lines of at most width characters. A word that
// is longer stays whole: URLs and hashes must be fit to be copied.
func wrap(s string, width int) []string {
	width = max(width, 20)
	var lines []string
	line, n := "", 0
	for _, w := range strings.Fields(s) {
		k := utf8.RuneCountInString(w)
		if n > 0 && n+1+k > width {
			lines = append(lines, line)
			line, n = "", 0
		}
		if n > 0 {
			line, n = line+" ", n+1
		}
		line, n = line+w, n+k
	}
	return append(lines, line)
}

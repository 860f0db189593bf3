package render

import (
	"io"
	"strconv"
	"strings"

	"github.com/assaytls/assay/finding"
)

// Kind writes what a kind of finding means, for people, and the command that shows
// it, if there is one.
func Kind(w io.Writer, k finding.Kind, shows string, o Options) error {
	p := page{color: o.Color, width: o.Width}
	if p.width <= 0 {
		p.width = 80
	}
	p.line(p.paint(bold, string(k.ID)))
	p.hang("  ", "", k.Title, "")
	p.blank()
	p.field(2, "meaning", k.Explain)
	p.field(2, "risk", k.Risk)
	p.field(2, "what to do", k.Fix)
	p.blank()
	sev := k.Severity.String() + ", class " + string(k.Class)
	p.field(2, "severity", sev)
	if k.Spec != "" {
		p.field(2, "see", k.Spec)
	}
	if k.OpenSSL != "" {
		p.field(2, "OpenSSL", k.OpenSSL+" ("+strconv.Itoa(k.OpenSSLCode)+")")
	}
	if k.Allowable {
		p.field(2, "waivable", "by name, with --allow "+string(k.ID))
	}
	p.field(2, "since", "assay "+k.Since)
	if shows != "" {
		p.field(2, "see it", shows)
	}
	return p.flush(w)
}

// Note writes a paragraph, wrapped.
func Note(w io.Writer, s string, width int) error {
	if width <= 0 {
		width = 80
	}
	_, err := io.WriteString(w, strings.Join(wrap(s, width), "\n")+"\n")
	return err
}

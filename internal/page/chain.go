package page

import (
	"strings"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// Chain is the path that counts as a picture: a box for each certificate, the leaf
// at the top, and below it who signed it. Numbers are units of its SVG.
type Chain struct {
	ID            string // begins the IDs of its title and description
	Title, Desc   string // for readers who do not see it
	Width, Height int
	Boxes         []Box
	End           string // where it ends: "reaches a trusted root"
	EndClass      string // "fine" or "bad"
	EndY          int
}

// Box is one certificate of the picture.
type Box struct {
	Y, Height int
	Class     string // the worst severity in it; "" for none
	Full      string // its subject in full
	Lines     []BoxLine
	Arrow     bool // the next box signed this one
}

// BoxLine is one line of text in a box, from the top of the box on.
type BoxLine struct {
	Y     int
	Class string // "name", "role", or a severity
	Text  string
}

// ArrowY is where the arrow to the next box begins.
func (b Box) ArrowY() int { return b.Y + b.Height + 3 }

// LabelY is where the word beside the arrow stands.
func (b Box) LabelY() int { return b.Y + b.Height + 18 }

// The measures of the picture. The text column holds about 40 characters of the
// fonts that systems have; what is wider is cut by the picture's own edges.
const (
	chainWidth = 340
	boxPad     = 10
	lineHeight = 19
	arrowSpace = 26
	nameChars  = 37
	textChars  = 43
	boxFaults  = 3 // problems named in one box
)

// chain draws the path that counts.
func (m *maker) chain() *Chain {
	p := m.path()
	if p == nil || len(p.Sections) == 0 {
		return nil
	}
	c := &Chain{ID: m.o.ID + "-chain", Title: "Chain of certificates of " + m.v.Target, Width: chainWidth, EndClass: string(report.Bad)}
	end := m.r.Paths[m.r.Chosen].End
	c.End = strings.TrimPrefix(p.Detail[strings.LastIndex(p.Detail, ": ")+1:], " ")
	if end == report.EndAnchor {
		c.EndClass = string(report.Fine)
	}
	var desc []string
	y := 1
	for i := range p.Sections {
		if i == mostBoxes-1 && len(p.Sections) > mostBoxes {
			b := Box{Y: y, Lines: []BoxLine{{Class: "name", Text: plural(len(p.Sections)-i, "more certificate")}}}
			b.lay()
			c.Boxes, y = append(c.Boxes, b), y+b.Height
			desc = append(desc, b.Lines[0].Text)
			break
		}
		b, words := box(&p.Sections[i])
		b.Y = y
		b.lay()
		y += b.Height
		if b.Arrow = i < len(p.Sections)-1; b.Arrow {
			y += arrowSpace
		}
		c.Boxes, desc = append(c.Boxes, b), append(desc, words)
	}
	c.EndY = y + lineHeight
	c.Height = c.EndY + 7
	c.Desc = strings.Join(desc, "; ") + ". The chain " + endSentence(c.End, end) + "."
	return c
}

// endSentence goes on after "The chain".
func endSentence(words string, end report.PathEnd) string {
	if end == report.EndNoIssuer || end == report.EndBudget {
		return "is not complete: " + strings.TrimPrefix(words, "incomplete: ")
	}
	return words
}

// box says what is in the box of one certificate, and the same in a sentence.
func box(s *report.ViewSection) (b Box, words string) {
	b.Full = s.Title
	b.Lines = append(b.Lines, BoxLine{Class: "name", Text: cut(short(s.Title), nameChars)})
	role := roleWords(s.Role)
	if left := leftOf(s); left != "" {
		role += ", " + left
	}
	b.Lines = append(b.Lines, BoxLine{Class: "role", Text: cut(role, textChars)})
	words = role + ": " + s.Title
	worst, n, more := finding.Severity(0), 0, 0
	for _, it := range s.Items {
		f := it.Finding
		if f == nil || f.Severity < finding.Warning {
			continue
		}
		worst = max(worst, f.Severity)
		text := f.Severity.String() + ": " + f.Title
		words += ", " + text
		if n++; n > boxFaults {
			more++
			continue
		}
		for _, l := range fold(text, textChars, 3) {
			b.Lines = append(b.Lines, BoxLine{Class: f.Severity.String(), Text: l})
		}
	}
	if more > 0 {
		b.Lines = append(b.Lines, BoxLine{Class: "role", Text: "and " + plural(more, "more problem")})
	}
	if n > 0 {
		b.Class = worst.String()
	}
	return b, words
}

// lay gives the lines of a box their places.
func (b *Box) lay() {
	for i := range b.Lines {
		b.Lines[i].Y = boxPad + lineHeight*i + 14
	}
	b.Height = 2*boxPad + lineHeight*len(b.Lines)
}

// roleWords is what people call a certificate in its place.
func roleWords(role string) string {
	switch role {
	case string(report.Anchor):
		return "trusted root"
	case string(report.Root):
		return "root, not trusted"
	}
	return role
}

// leftOf is what the line about the validity says after the dates: "59 days left".
func leftOf(s *report.ViewSection) string {
	for _, it := range s.Items {
		if it.Label == "validity" && it.Depth == 0 {
			if _, left, ok := strings.Cut(it.Text, ", "); ok {
				return left
			}
		}
	}
	return ""
}

// short is the common name in a subject, or the whole of it.
func short(subject string) string {
	from := 0
	if !strings.HasPrefix(subject, "CN=") {
		if from = strings.Index(subject, ",CN="); from < 0 {
			return subject
		}
		from++
	}
	cn := subject[from+len("CN="):]
	for i := 0; i < len(cn); i++ {
		switch cn[i] {
		case '\\':
			i++
		case ',', '+':
			cn = cn[:i]
		}
	}
	if strings.TrimSpace(cn) == "" {
		return subject
	}
	return cn
}

// width is how many columns a character takes: scripts of East Asia and pictures
// take two.
func width(r rune) int {
	if r >= 0x1100 && r <= 0x115f || r >= 0x2e80 {
		return 2
	}
	return 1
}

// cut shortens s to most columns.
func cut(s string, most int) string {
	n := 0
	for _, r := range s {
		if n += width(r); n > most {
			return strings.TrimRight(trimTo(s, most-1), " .") + "…"
		}
	}
	return s
}

// trimTo returns the beginning of s that takes no more than most columns.
func trimTo(s string, most int) string {
	n := 0
	for i, r := range s {
		if n += width(r); n > most {
			return s[:i]
		}
	}
	return s
}

// fold breaks s into at most lines lines of most columns. A word that is longer is
// broken.
func fold(s string, most, lines int) (out []string) {
	for s = strings.TrimSpace(s); s != ""; {
		if len(out) == lines-1 {
			return append(out, cut(s, most))
		}
		l := trimTo(s, most)
		if l == "" {
			return out
		}
		if l != s {
			if i := strings.LastIndexByte(l, ' '); i > most/2 && s[len(l)] != ' ' {
				l = l[:i]
			}
		}
		out = append(out, strings.TrimSpace(l))
		s = strings.TrimSpace(s[len(l):])
	}
	return out
}

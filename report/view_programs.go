package report

import (
	"slices"
	"strconv"
	"strings"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
)

// answer is the program's answer in words and why: "refused since 2025-07-31 23:59:59
// UTC: ...".
func (p *Program) answer() string {
	text := p.word()
	if p.Detail != "" {
		text += ": " + finding.ReadableTimes(finding.Quote(p.Detail))
	}
	return text
}

// word is the program's answer alone.
func (p *Program) word() (text string) {
	switch p.Status.known() {
	case ProgramAccepted:
		text = "accepted"
	case ProgramAcceptedUntil:
		text = "accepted"
		if !p.Until.IsZero() {
			text += " until " + when(p.Until)
		}
	case ProgramDependsOnSCTs:
		text = "depends on SCTs that were not verified"
	case ProgramRefused:
		text = "refused"
		if !p.Since.IsZero() {
			text += " since " + when(p.Since)
		}
	default:
		text = "cannot tell"
	}
	return text
}

// browser names the browser whose wishes stand beside the program.
func (p *Program) browser() string {
	if p.Program == policy.ProgramMozilla {
		return "Firefox"
	}
	return p.Program.Name()
}

// browserWords are what browsers ask for, as a reader knows it.
var browserWords = map[BrowserRule]string{
	BrowserCT: "Certificate Transparency", BrowserLifetime: "lifetime", BrowserCRLite: "CRLite", BrowserOneCRL: "OneCRL",
}

// text is what came of one thing that a browser asks for: "CRLite: the certificate
// is revoked".
func (b *BrowserCheck) text() string {
	what := browserWords[b.Rule]
	if what == "" {
		what = finding.Quote(string(b.Rule))
	}
	state := "cannot tell"
	switch b.State {
	case BrowserMet:
		state = "met"
	case BrowserUnmet:
		state = "not met"
	}
	what += ": " + state
	if b.Detail != "" {
		what += ", " + finding.Quote(b.Detail)
	}
	return what
}

// briefPrograms has one line for each root program, and what its browser refuses.
func (r *Report) briefPrograms() (items []ViewItem) {
	label := "programs"
	for i := range r.Programs {
		p := &r.Programs[i]
		item := ViewItem{Label: label, Text: p.Program.Name() + ": " + p.answer()}
		if r.toldOf(p) {
			item.Text = p.Program.Name() + ": " + p.word()
		}
		if root := r.otherRoot(p); root != "" {
			item.Text += " (root " + root + ")"
		}
		for _, b := range p.Browser {
			if b.State == BrowserUnmet {
				item.Text += "; " + p.browser() + " refuses it by its rule on " + b.text()
			}
		}
		if p.Status.known() != ProgramAccepted {
			item.Class = p.Status.Emphasis()
		}
		items, label = append(items, item), ""
	}
	return items
}

// toldOf reports whether the headline says why a program answers as it does.
func (r *Report) toldOf(p *Program) bool {
	h := r.Headline
	return h != nil && h.Finding.Kind().Class == finding.ClassProgram && h.Finding.ID != finding.RootProgramOld && h.Finding.Param("program") == p.Program.Name()
}

// otherRoot names the last certificate of the path by which a program accepts,
// unless the path that counts ends there too.
func (r *Report) otherRoot(p *Program) string {
	if s := p.Status.known(); s != ProgramAccepted && s != ProgramAcceptedUntil || len(p.Certs) == 0 {
		return ""
	}
	last := p.Certs[len(p.Certs)-1]
	if c := r.chosen(); c != nil && slices.ContainsFunc(c.Certs, func(pc PathCert) bool { return pc.Cert == last }) {
		return ""
	}
	return r.subject(last)
}

// viewPrograms shows the answer of each root program, by which path, what its browser
// adds, and how old what is known of it is.
func (r *Report) viewPrograms() (s ViewSection, ok bool) {
	if len(r.Programs) == 0 {
		return s, false
	}
	s = ViewSection{Kind: SectionPrograms, Title: "Root programs"}
	under := func(label, text string) {
		s.Items = append(s.Items, ViewItem{Depth: 1, Label: label, Text: text})
	}
	for i := range r.Programs {
		p := &r.Programs[i]
		s.Items = append(s.Items, ViewItem{Label: p.Program.Name(), Text: p.answer()})
		if len(p.Certs) > 0 {
			var names []string
			for _, c := range p.Certs[min(1, len(p.Certs)-1):] {
				names = append(names, r.subject(c))
			}
			under("path", strings.Join(names, ", "))
		}
		if len(p.Missing) > 0 {
			i := list("lacking", few(p.Missing))
			i.Depth = 1
			s.Items = append(s.Items, i)
		}
		if !p.LastIssue.IsZero() && p.Status.known() != ProgramRefused {
			under("renewal", "certificates issued after "+when(p.LastIssue)+" below this root are refused")
		}
		for k := range p.Browser {
			under(p.browser(), p.Browser[k].text())
		}
		if t := p.Table; t != nil {
			under("known from", t.text())
		}
	}
	return s, true
}

// text says where what is known is from: "certdata.txt of NSS 2.86, made
// 2026-04-09 00:00:00 UTC, 234 days old".
func (t *ProgramTable) text() string {
	s := finding.Quote(t.Source)
	if t.Version != "" {
		s += " " + finding.Quote(t.Version)
	}
	if !t.AsOf.IsZero() {
		s += ", made " + when(t.AsOf)
	}
	return s + ", " + strconv.Itoa(t.AgeDays) + " days old"
}

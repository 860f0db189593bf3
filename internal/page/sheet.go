package page

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// Options say what a report does not know of the page that it becomes part of.
type Options struct {
	// ID begins the names of the elements that refer to each other. Two sheets of one
	// page need different ones. Letters, digits and hyphens; "" is "r".
	ID string
	// Explain is what the address of a finding's explanation begins with; its ID
	// follows. "" makes no links, and names the command.
	Explain string
	// EvidenceSHA256 is the SHA-256 of the saved evidence, hex; "" when there is none.
	EvidenceSHA256 string
	// Certs adds every certificate in full.
	Certs bool
}

// Sheet is a report as the blocks take it. Every text in it has gone through
// finding.Quote.
type Sheet struct {
	ID         string       // begins the names of its elements
	Verdict    Verdict      // block "verdict"
	Problems   []Problem    // block "problems"; the headline first, then the worst first
	Chain      *Chain       // block "chain"; nil without a path
	Facts      []Section    // block "facts": what was checked, the certificate, the handshake
	Revocation []CertStatus // block "revocation"; one for each certificate that has a status
	CT         []Line       // block "ct"; empty when nobody looked
	Programs   []Line       // block "programs"; empty when none was asked
	More       []Section    // block "sections": other paths, checks, downloads
	Evidence   Evidence     // block "evidence"
}

// Verdict is what came of a check and why, in the words of the terminal.
type Verdict struct {
	Word   string // "REJECT"
	Class  string // "accept", "reject" or "inconclusive"
	Target string // "example.com:443"
	About  []Line // where it was reached, how, when
	Label  string // "cause", or the severity of what an accepted server has; "" for a Summary
	Cause  string // the title of the headline, or a sentence in its place
	ID     string // of the headline; "" for none
	Link   string // where the headline is explained; "" for nowhere
	Facts  []Line // where, who says so, by which rule
	Risk   string
	Steps  []Step
	Left   string // "59 days left (96%)"
	Age    string // "cached 14 min ago"
}

// Step is one next step, and for whom.
type Step struct {
	Party string // "If it is your server"; "" for everybody
	Text  string
}

// Line is a label and its value.
type Line struct {
	Depth int      // 1: about the line of depth 0 before it
	Label string   // "" when the text stands alone
	State string   // a word of its own before the text
	Text  string   //
	List  []string // several values in place of Text
	Class string   // of the state, or of the text without one: "", "faint", "fine", "caution", "bad"
	ID    string   // of a finding; the label is its severity then
}

// Section is a heading with lines below it.
type Section struct {
	Title string
	Lines []Line
	Parts []Section
	PEM   string
}

// Problem is a finding of severity warning or above that counts. That of the headline
// has what the verdict does not say of it.
type Problem struct {
	ID       string
	Severity string // "error", "inconclusive", "warning"
	Title    string
	Where    string // "leaf CN=a.test"; "" for the report as a whole
	Lines    []Line // by which rule, who says so
	Meaning  string // "" when it was given at the same kind before
	Risk     string
	Steps    []Step
	Spec     string
	OpenSSL  string
	Link     string // where it is explained; "" for nowhere
}

// CertStatus is the revocation status of one certificate, by source.
type CertStatus struct {
	Role    string
	Name    string // for people, short
	Subject string // in full
	Status  string
	Class   string
	Text    string // by whom, or why none applies
	Sources []Source
}

// Source is what one source of revocation data said. Times are as the terminal
// shows them, "" when there is none.
type Source struct {
	Name, Status, Class   string
	Since, Reason         string // of a revocation
	Made, Until           string
	Where, Signer, Detail string
}

// Evidence names what a report rests on by its hashes.
type Evidence struct {
	SHA256 string // of the saved evidence, hex; "" when there is none
	Lines  []Line // fingerprints of the certificates, hashes of the rules
}

// The bounds of a sheet. A report has its own; these keep a page readable.
const (
	mostProblems = 60
	mostBoxes    = 12
	mostSources  = 40 // of one certificate
)

// Of returns r as the blocks take it.
func Of(r *report.Report, o Options) *Sheet {
	if o.ID == "" {
		o.ID = "r"
	}
	m := maker{r: r, o: o, v: r.View()}
	m.all = m.v.At(report.LevelVerbose, o.Certs)
	s := &Sheet{ID: o.ID, Verdict: m.verdict(), Facts: m.facts(), Revocation: m.revocation()}
	s.Problems = m.problems(&s.Verdict)
	s.Chain = m.chain()
	for _, sec := range m.all.Sections {
		switch sec.Kind {
		case report.SectionCT:
			s.CT = m.lines(sec.Items)
		case report.SectionPrograms:
			s.Programs = m.lines(sec.Items)
		}
	}
	s.More = m.more()
	s.Evidence = m.evidence()
	return s
}

// maker makes a sheet.
type maker struct {
	r   *report.Report
	o   Options
	v   *report.View // complete
	all *report.View // at the verbose level
}

// verdict is what the terminal shows by default, without the lines of the checks.
func (m *maker) verdict() Verdict {
	v := m.v.At(report.LevelDefault, false)
	out := Verdict{Word: upper(v.Verdict.String()), Class: v.Verdict.String(), Target: v.Target, Left: v.Left, Age: v.Age, Cause: v.Summary, About: m.lines(v.Items)}
	h := v.Headline
	if h == nil {
		return out
	}
	out.Label, out.Cause, out.ID, out.Link = "cause", h.Title, h.ID, m.link(h.ID)
	if v.Verdict == report.Accept {
		out.Label = h.Severity.String()
	}
	out.Facts = m.about(h, h.Elsewhere)
	if h.Advice != nil {
		out.Risk, out.Steps = h.Advice.Risk, steps(h.Advice.Fix)
	}
	return out
}

// about says what a finding looks like, where it is, who says so, by which rule.
func (m *maker) about(f *report.ViewFinding, where string) (lines []Line) {
	add := func(label, text string) {
		if text != "" {
			lines = append(lines, Line{Label: label, Text: text})
		}
	}
	add("", f.Note)
	add("where", where)
	if len(f.Sources) == 0 {
		add("source", f.URL)
	}
	for _, s := range f.Sources {
		add("source", s)
	}
	add("because", f.Policy)
	return lines
}

// link is where a finding is explained.
func (m *maker) link(id string) string {
	if m.o.Explain == "" || id == "" {
		return ""
	}
	return m.o.Explain + url.PathEscape(id)
}

// steps takes an advice apart: for whom, and what to do.
func steps(fix []string) (out []Step) {
	for _, s := range fix {
		if party, text, ok := strings.Cut(s, ": "); ok && strings.HasPrefix(party, "If ") && !strings.ContainsAny(party, ".,;") {
			out = append(out, Step{Party: party, Text: text})
			continue
		}
		out = append(out, Step{Text: s})
	}
	return out
}

// problems are the findings that count, with what they mean.
func (m *maker) problems(told *Verdict) (out []Problem) {
	explained, seen := map[string]bool{}, map[[3]string]bool{}
	more := 0
	add := func(f *report.ViewFinding, where string) {
		key := [3]string{f.ID, f.Title, where}
		if f.Severity < finding.Warning || seen[key] {
			return
		}
		seen[key] = true
		if len(out) == mostProblems {
			more++
			return
		}
		p := Problem{ID: f.ID, Severity: f.Severity.String(), Title: f.Title, Where: where, Link: m.link(f.ID), Lines: m.about(f, "")}
		if a := f.Advice; a != nil && !explained[f.ID] {
			p.Meaning, p.Risk, p.Steps, p.Spec, p.OpenSSL = a.Meaning, a.Risk, steps(a.Fix), a.Spec, a.OpenSSL
		}
		explained[f.ID] = true
		out = append(out, p)
	}
	if h := m.v.Headline; h != nil {
		where := ""
		if p := m.r.Headline; p.Path == m.r.Chosen && p.Cert >= 0 {
			where = m.placeOf(p.Cert)
		} else if p.Also {
			m.each(func(f *report.ViewFinding, at string) {
				if where == "" && f.ID == h.ID && f.Title == h.Title {
					where = at
				}
			})
		}
		if add(h, where); len(out) > 0 { // an accepted server's headline may be a note
			out[0].without(told)
		}
	}
	for s := finding.Error; s >= finding.Warning; s-- {
		m.each(func(f *report.ViewFinding, where string) {
			if f.Severity == s {
				add(f, where)
			}
		})
	}
	if more > 0 {
		out = append(out, Problem{Severity: "warning", Title: plural(more, "more finding")})
	}
	return out
}

// without takes out what the verdict above says of the same finding.
func (p *Problem) without(v *Verdict) {
	if p.ID != v.ID {
		return
	}
	p.Lines = nil
	if p.Risk == v.Risk {
		p.Risk = ""
	}
	p.Steps = slices.DeleteFunc(p.Steps, func(s Step) bool { return slices.Contains(v.Steps, s) })
}

// each calls f for every finding of the report and of the path that counts, and of
// the server's other certificate, with its place.
func (m *maker) each(f func(*report.ViewFinding, string)) {
	path := -1
	for i := range m.v.Sections {
		s := &m.v.Sections[i]
		switch s.Kind {
		case report.SectionFindings, report.SectionConnection, report.SectionDANE:
		case report.SectionPath:
			if path++; path != m.r.Chosen && s.Title != alsoServes {
				continue
			}
		default:
			continue
		}
		where := ""
		if s.Title == alsoServes {
			where = "the server's other certificate"
		}
		for _, it := range s.Items {
			if it.Finding != nil {
				f(it.Finding, where)
			}
		}
		for k := range s.Sections {
			c := &s.Sections[k]
			for _, it := range c.Items {
				if it.Finding != nil {
					at := c.Role + " " + c.Title
					if where != "" {
						at = where + ", " + at
					}
					f(it.Finding, at)
				}
			}
		}
	}
}

// alsoServes is the title of the sections of a View about the server's other
// certificate.
const alsoServes = "Also serves"

// path returns the section of the path that counts, nil when there is none.
func (m *maker) path() *report.ViewSection {
	n := -1
	for i := range m.v.Sections {
		if s := &m.v.Sections[i]; s.Kind == report.SectionPath && s.Title != alsoServes {
			if n++; n == m.r.Chosen {
				return s
			}
		}
	}
	return nil
}

// placeOf names certificate i of the path that counts.
func (m *maker) placeOf(i int) string {
	if p := m.path(); p != nil && i < len(p.Sections) {
		return p.Sections[i].Role + " " + p.Sections[i].Title
	}
	return ""
}

// facts are the lines of the checks, the leaf, and the handshake.
func (m *maker) facts() (out []Section) {
	add := func(title string, lines []Line) {
		if len(lines) > 0 {
			out = append(out, Section{Title: title, Lines: lines})
		}
	}
	for _, s := range m.v.Sections {
		if s.Kind != report.SectionBrief {
			continue
		}
		var lines []Line
		for _, it := range s.Items {
			if it.Finding == nil && it.Label != "more" && it.Label != "also" && it.Label != "OpenSSL" {
				lines = append(lines, m.line(it))
			}
		}
		add("In short", lines)
	}
	if p := m.path(); p != nil && len(p.Sections) > 0 {
		lines := []Line{{Label: "subject", Text: p.Sections[0].Title}}
		for _, it := range p.Sections[0].Items {
			if it.Finding == nil && it.Label != "revocation" && it.Depth == 0 && it.Label != "SHA-256" {
				lines = append(lines, m.line(it))
			}
		}
		add("Certificate", lines)
	}
	for _, s := range m.all.Sections {
		if s.Kind == report.SectionConnection {
			add("Handshake", m.lines(s.Items))
		}
	}
	return out
}

// revocation is the status of each certificate of the path that counts.
func (m *maker) revocation() (out []CertStatus) {
	p := m.path()
	if p == nil {
		return nil
	}
	for i, pc := range m.r.Paths[m.r.Chosen].Certs {
		rev := pc.Revocation
		if rev == nil || i >= len(p.Sections) {
			continue
		}
		sec := p.Sections[i]
		cs := CertStatus{Role: sec.Role, Name: short(sec.Title), Subject: sec.Title}
		for _, it := range sec.Items {
			if it.Label == "revocation" && it.Depth == 0 {
				cs.Status, cs.Class, cs.Text = it.State, class(it.Class), strings.TrimPrefix(it.Text, ", ")
				break
			}
		}
		if cs.Class == "" {
			cs.Class = statusClass(rev.Status)
		}
		for k := range rev.Sources {
			if k == mostSources {
				cs.Sources = append(cs.Sources, Source{Name: plural(len(rev.Sources)-k, "more source")})
				break
			}
			cs.Sources = append(cs.Sources, sourceOf(&rev.Sources[k]))
		}
		out = append(out, cs)
	}
	return out
}

func sourceOf(a *report.Answer) Source {
	s := Source{Name: a.Scheme.String(), Status: finding.Quote(string(a.Status)), Class: statusClass(a.Status),
		Since: when(a.RevokedAt), Reason: finding.Quote(a.Reason), Made: when(a.ThisUpdate), Until: when(a.NextUpdate),
		Where: finding.Quote(a.URL), Signer: finding.Quote(a.Signer), Detail: finding.Quote(a.Detail)}
	if a.Filter != "" {
		s.Where = finding.Quote(a.Filter)
	}
	if s.Status == "" {
		s.Status, s.Class = "no status", string(report.Caution)
	}
	return s
}

func statusClass(s report.Status) string {
	switch s {
	case report.Good:
		return string(report.Fine)
	case report.Revoked:
		return string(report.Bad)
	case report.NotApplicable:
		return string(report.Faint)
	}
	return string(report.Caution)
}

// more are the sections that no other block has.
func (m *maker) more() (out []Section) {
	path := -1
	for i := range m.all.Sections {
		s := &m.all.Sections[i]
		switch s.Kind {
		case report.SectionPath:
			if path++; path == m.r.Chosen && s.Title != alsoServes {
				continue
			}
		case report.SectionChecks, report.SectionDownloads, report.SectionDANE, report.SectionCertificate:
		case report.SectionFindings:
			if s.Title != alsoServes {
				notes := Section{Title: "Notes"}
				for _, it := range s.Items {
					if it.Finding == nil || it.Finding.Severity < finding.Warning {
						notes.Lines = append(notes.Lines, m.line(it))
					}
				}
				if len(notes.Lines) > 0 {
					out = append(out, notes)
				}
				continue
			}
		default:
			continue
		}
		out = append(out, m.section(s))
	}
	return out
}

// section is a section of the View as it is.
func (m *maker) section(s *report.ViewSection) Section {
	out := Section{Title: s.Title + s.Detail, Lines: m.lines(s.Items), PEM: strings.Join(s.PEM, "\n")}
	if s.Kind == report.SectionPathCert {
		out.Title = strconv.Itoa(s.Number) + " " + s.Role + ": " + s.Title
	}
	for i := range s.Sections {
		out.Parts = append(out.Parts, m.section(&s.Sections[i]))
	}
	return out
}

// evidence are the hashes that a report rests on.
func (m *maker) evidence() Evidence {
	e := Evidence{SHA256: finding.Quote(m.o.EvidenceSHA256)}
	if p := m.path(); p != nil {
		for i, c := range p.Sections {
			pc := m.r.Paths[m.r.Chosen].Certs[i]
			if pc.Cert < 0 || pc.Cert >= len(m.r.Certs) {
				continue
			}
			facts := &m.r.Certs[pc.Cert]
			e.Lines = append(e.Lines, Line{Label: c.Role, Text: c.Title})
			for _, l := range []Line{{Label: "SHA-256", Text: facts.SHA256}, {Label: "SPKI hash", Text: facts.SPKISHA256}} {
				if l.Depth, l.Text = 1, finding.Quote(l.Text); l.Text != "" {
					e.Lines = append(e.Lines, l)
				}
			}
		}
	}
	for _, s := range m.all.Sections {
		if s.Kind == report.SectionAbout {
			e.Lines = append(e.Lines, m.lines(s.Items)...)
		}
	}
	return e
}

func (m *maker) lines(items []report.ViewItem) (out []Line) {
	for _, it := range items {
		out = append(out, m.line(it))
	}
	return out
}

func (m *maker) line(it report.ViewItem) Line {
	if f := it.Finding; f != nil {
		return Line{Depth: it.Depth, Label: f.Severity.String(), Text: f.Line(), Class: f.Severity.String(), ID: f.ID}
	}
	l := Line{Depth: it.Depth, Label: it.Label, State: it.State, Text: it.Text, List: it.List, Class: class(it.Class)}
	if l.State != "" && l.Text != "" && !strings.HasPrefix(l.Text, ",") && !strings.HasPrefix(l.Text, " ") {
		l.Text = ": " + l.Text
	}
	return l
}

// class is the class of an emphasis. Nothing else becomes one.
func class(e report.Emphasis) string {
	switch e {
	case report.Faint, report.Fine, report.Caution, report.Bad:
		return string(e)
	}
	return ""
}

// when shows a time as the terminal does.
func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

func upper(s string) string { return strings.ToUpper(s) }

// plural is a number with its noun.
func plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return strconv.Itoa(n) + " " + noun
}

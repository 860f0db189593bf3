package render

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"

	"github.com/assaytls/assay/report"
)

// part is a section of a View for printers of markup: what stands in it, in order,
// and nothing about how it looks.
type part struct {
	title   string
	entries []entry
	parts   []part
	pem     []string
}

// entry is one line of a part.
type entry struct {
	depth int    // 1: about the entry of depth 0 before it
	label string // "validity"; "" when the text stands alone
	text  string
	id    string // of a finding, for `assay explain`; "" for everything else
}

// causeLabel is what the headline of v is called.
func causeLabel(v *report.View) string {
	if v.Verdict == report.Accept {
		return v.Headline.Severity.String()
	}
	return "cause"
}

// partsOf returns the headline and the sections of v, which has been taken At a
// level.
func partsOf(v *report.View, verbose bool) (parts []part) {
	top := part{}
	for _, i := range v.Items {
		top.entries = append(top.entries, itemEntries(i)...)
	}
	if v.Headline == nil {
		top.entries = append(top.entries, entry{text: v.Summary})
	} else {
		top.entries = append(top.entries, headlineEntries(v, verbose)...)
	}
	parts = append(parts, top)
	for i := range v.Sections {
		parts = append(parts, partOf(&v.Sections[i]))
	}
	return parts
}

// headlineEntries are the root cause, where it is, who says so, and what to do.
func headlineEntries(v *report.View, verbose bool) []entry {
	f := v.Headline
	all := []entry{{label: causeLabel(v), text: f.Title, id: f.ID}}
	where := f.Elsewhere
	if verbose {
		where = f.Where
	}
	for _, e := range []entry{{text: f.Note}, {label: "where", text: where}} {
		if e.text != "" {
			all = append(all, e)
		}
	}
	if f.URL != "" && len(f.Sources) == 0 {
		all = append(all, entry{label: "source", text: f.URL})
	}
	for _, s := range f.Sources {
		all = append(all, entry{label: "source", text: s})
	}
	return append(all, adviceEntries(f, 0, verbose)...)
}

// adviceEntries say what moved a finding's severity, what it means and what to do.
func adviceEntries(f *report.ViewFinding, depth int, verbose bool) (all []entry) {
	add := func(label, text string) {
		if text != "" {
			all = append(all, entry{depth: depth, label: label, text: text})
		}
	}
	add("because", f.Policy)
	a := f.Advice
	if a == nil {
		return all
	}
	if verbose {
		add("meaning", a.Meaning)
	}
	add("risk", a.Risk)
	for _, s := range a.Fix {
		add("what to do", s)
	}
	add("see", a.Spec)
	add("OpenSSL", a.OpenSSL)
	return all
}

func partOf(s *report.ViewSection) part {
	p := part{title: s.Title + s.Detail, pem: s.PEM}
	if s.Kind == report.SectionPathCert {
		p.title = fmt.Sprintf("%d %s: %s", s.Number, s.Role, s.Title)
	}
	for _, i := range s.Items {
		if s.Kind == report.SectionBrief && i.Finding != nil {
			f := i.Finding
			p.entries = append(p.entries, entry{label: "also", text: f.Severity.String() + ": " + f.Line(), id: f.ID})
			continue
		}
		p.entries = append(p.entries, itemEntries(i)...)
	}
	for i := range s.Sections {
		p.parts = append(p.parts, partOf(&s.Sections[i]))
	}
	return p
}

func itemEntries(i report.ViewItem) []entry {
	if f := i.Finding; f != nil {
		return append([]entry{{depth: i.Depth, label: f.Severity.String(), text: f.Title, id: f.ID}}, adviceEntries(f, i.Depth+1, true)...)
	}
	text := i.Text
	if i.List != nil {
		text = strings.Join(i.List, ", ")
	}
	switch {
	case i.State != "" && i.Label == "":
		text = i.State + ": " + text
	case i.State != "" && (text == "" || strings.HasPrefix(text, ",") || strings.HasPrefix(text, " ")): // it goes on where the state ends
		text = i.State + text
	case i.State != "":
		text = i.State + " " + text
	}
	return []entry{{depth: i.Depth, label: i.Label, text: text}}
}

// Markdown writes r for tickets, in CommonMark: what [Text] writes under the same
// options, as headings and lists. Text of a peer is inert in it: it cannot end the
// line, open markup or become a link or a mention. Colour and width are of no
// account.
func Markdown(w io.Writer, r *report.Report, o Options) error {
	v := r.View().At(o.level(), o.Certs)
	var b strings.Builder
	fmt.Fprintf(&b, "## %s %s\n\n", strings.ToUpper(v.Verdict.String()), markdown(v.Target))
	for i, p := range partsOf(v, o.Verbose) {
		if i > 0 && p.title != "" {
			fmt.Fprintf(&b, "\n### %s\n\n", markdown(p.title))
		}
		markdownPart(&b, &p, 0)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func markdownPart(b *strings.Builder, p *part, depth int) {
	for _, e := range p.entries {
		b.WriteString(strings.Repeat("  ", depth+min(e.depth, 2)) + "- ")
		if e.label != "" {
			b.WriteString("**" + markdown(e.label) + "** ")
		}
		b.WriteString(markdown(e.text))
		if e.id != "" {
			b.WriteString(" (" + codeSpan(e.id) + ")")
		}
		b.WriteByte('\n')
	}
	for i := range p.parts {
		b.WriteString(strings.Repeat("  ", depth) + "- " + markdown(p.parts[i].title) + "\n")
		markdownPart(b, &p.parts[i], depth+1)
	}
	if len(p.pem) > 0 {
		b.WriteString("\n```\n")
		for _, l := range p.pem {
			b.WriteString(strings.ReplaceAll(l, "`", "'") + "\n") // there is none in a PEM block
		}
		b.WriteString("```\n")
	}
}

// markdown writes a text of a View as Markdown that shows it as it is. What a
// forge would make a link, a mention or a reference of becomes a code span, where
// nothing has a meaning; of the rest every character with a meaning is escaped.
func markdown(s string) string {
	if opens().MatchString(s) || strings.ContainsAny(s, "@#`\\") || strings.Contains(s, ":") && strings.Contains(s, "//") || strings.Contains(strings.ToLower(s), "www.") {
		return codeSpan(s)
	}
	return markdownEscapes.Replace(s)
}

// opens is what begins a list, a rule or a block of code at the start of a line.
var opens = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:[0-9]+[.)](?:\s|$)|[-+=]|\s)`)
})

var markdownEscapes = strings.NewReplacer("*", `\*`, "_", `\_`, "{", `\{`, "}", `\}`, "[", `\[`, "]", `\]`, "<", `\<`, ">", `\>`,
	"&", `\&`, "|", `\|`, "~", `\~`, "$", `\$`, "!", `\!`)

// codeSpan puts s between more backticks than it has in a row.
func codeSpan(s string) string {
	longest, run := 0, 0
	for _, c := range s {
		if c != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	fence := strings.Repeat("`", longest+1)
	if strings.TrimSpace(s) == "" || strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " "
	}
	return fence + s + fence
}

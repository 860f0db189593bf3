package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assaytls/assay/finding"
)

// View is a report as people read it: what is said, in which order, under
// which label, how much of it at which level. It says nothing about columns,
// colours or markup, so that text, Markdown and HTML are printed from the same
// View and say the same.
//
// Every text in it has gone through [finding.Quote]: it has no control
// characters and no line breaks. A printer of markup still has to escape it.
// A View is plain data; it shares nothing with the report. The zero View is
// inconclusive.
type View struct {
	Verdict  Verdict       // what came of it
	Target   string        // who was judged: "example.com:443"
	Headline *ViewFinding  // the root cause; nil when there is nothing to say
	Summary  string        // one sentence in place of the headline; "" when there is one
	Age      string        // "cached 14 min ago", when revocation was judged by what is that old; else ""
	Left     string        // "59 days left (96%)", of the certificate that was judged; "" when that is not known, or the headline says it
	Items    []ViewItem    // more about the target: where it was reached, how, when
	Sections []ViewSection // in the order of reading, SectionBrief first
}

// Level says how much of a View is shown. The zero Level is the default.
type Level int8

// The levels, in rising order.
const (
	LevelQuiet   Level = iota - 1 // verdict, target and headline, in one line
	LevelDefault                  // the cause, what to do about it, and one line for each thing that was checked
	LevelVerbose                  // everything but the certificates themselves
)

// Emphasis says how much a word matters. The zero Emphasis is plain text.
type Emphasis string

// The emphases.
const (
	Plain   Emphasis = ""
	Faint   Emphasis = "faint"   // of little interest
	Fine    Emphasis = "fine"    // as it should be
	Caution Emphasis = "caution" // not certain, or not done
	Bad     Emphasis = "bad"     // refuses
)

// Emphasis returns how a verdict is set: Fine, Bad, or Caution for what is
// inconclusive.
func (v Verdict) Emphasis() Emphasis {
	switch v {
	case Accept:
		return Fine
	case Reject:
		return Bad
	}
	return Caution
}

// SectionKind names what a section is about.
type SectionKind string

// The kinds of sections, in the order of reading.
const (
	SectionBrief       SectionKind = "brief"       // one line for each thing that was checked; shown at LevelDefault alone; has no title
	SectionFindings    SectionKind = "findings"    // about the report as a whole
	SectionConnection  SectionKind = "connection"  // what was seen on the wire
	SectionPath        SectionKind = "path"        // a candidate path; its Sections are the certificates
	SectionPathCert    SectionKind = "path-cert"   // one certificate in its place on a path
	SectionCT          SectionKind = "ct"          // Certificate Transparency
	SectionDANE        SectionKind = "dane"        // TLSA records
	SectionPrograms    SectionKind = "programs"    // what each root program that was asked answers
	SectionChecks      SectionKind = "checks"      // what was checked and what was not
	SectionDownloads   SectionKind = "downloads"   // what was fetched, or was not to be had
	SectionAbout       SectionKind = "about"       // for which moment and by which policy; has no title
	SectionCertificate SectionKind = "certificate" // a certificate in full, shown on request only
	SectionObject      SectionKind = "object"      // a decoded object, not part of a report
)

// ViewSection is one section, or one certificate of a path.
type ViewSection struct {
	Kind   SectionKind // what it is about
	Title  string      // its heading, "Path"; "" for none. Of a SectionPathCert the subject
	Detail string      // follows the title directly: ": reaches a trust anchor"

	Number   int           // of a SectionPathCert: the position on the path, 0 for the leaf
	Role     string        // of a SectionPathCert: the role, or "certificate" when it has none
	Items    []ViewItem    // in the order of reading
	Sections []ViewSection // parts of it, after the items
	PEM      []string      // the certificate itself, line by line
}

// ViewItem is one line of a section: a label and a value, a state and what is
// in it, or a finding.
type ViewItem struct {
	Depth   int          // 1: about the item of depth 0 before it
	Label   string       // "validity"; "" for a state, a finding, or text that stands alone
	State   string       // a word of its own before the text: "done", "REVOKED"
	Class   Emphasis     // of the state
	Text    string       // the value
	List    []string     // several values, in place of Text
	Finding *ViewFinding // nil for everything else; nothing else is set then
}

// ViewFinding is a finding with its texts filled in.
type ViewFinding struct {
	ID        string           // for `assay explain`
	Severity  finding.Severity // none outside the table
	Title     string           // one line
	Policy    string           // the rule that moved the severity; "" for none
	Where     string           // of a headline: the certificate it hangs on
	Elsewhere string           // the same when that is not the server's own certificate: "intermediate CN=Example CA"
	URL       string           // of a headline: where the artefact came from, when the title does not say so
	Sources   []string         // of a headline about revocation: what each source said that it rests on, when, and whether it was asked now
	Note      string           // of a headline: what it looks like; "" for nothing
	Advice    *ViewAdvice      // nil when there is none, or when it was given above
}

// ViewAdvice is what a finding means and what to do.
type ViewAdvice struct {
	Meaning string   // what it means
	Risk    string   // the security perspective; "" for information
	Fix     []string // the next steps; those that depend on whose server it is stand apart, each with its condition
	Spec    string   // the clause; shown when verbose
	OpenSSL string   // OpenSSL's name and number; shown when verbose, and in the brief section
}

// listShown is how many values of a list are shown below LevelVerbose.
const listShown = 10

// At returns what of v is shown at level: by default the headline and the brief
// section, when verbose all the others. A list is cut by default, and a kind of
// finding is explained once, where it occurs first. certs adds every certificate
// in full, and then no list is cut. v stays as it is.
func (v *View) At(level Level, certs bool) *View {
	f := folder{level: level, certs: certs, explained: map[string]bool{}}
	out := &View{Verdict: v.Verdict, Target: v.Target, Summary: v.Summary, Age: v.Age, Left: v.Left}
	out.Headline = f.finding(v.Headline)
	if level <= LevelQuiet {
		return out
	}
	out.Items = f.items(v.Items)
	out.Sections = f.sections(v.Sections)
	return out
}

// folder leaves out what is not shown at a level.
type folder struct {
	level     Level
	certs     bool
	explained map[string]bool // kinds whose meaning has been given
}

// shows reports whether a section of kind k is shown.
func (f *folder) shows(k SectionKind) bool {
	switch k {
	case SectionCertificate:
		return f.certs
	case SectionObject:
		return true
	case SectionBrief:
		return f.level < LevelVerbose
	}
	return f.level >= LevelVerbose
}

func (f *folder) sections(in []ViewSection) (out []ViewSection) {
	for _, s := range in {
		if !f.shows(s.Kind) {
			continue
		}
		s.Items, s.Sections = f.items(s.Items), f.sections(s.Sections)
		if !f.certs {
			s.PEM = nil
		}
		out = append(out, s)
	}
	return out
}

func (f *folder) items(in []ViewItem) (out []ViewItem) {
	for _, i := range in {
		if n := len(i.List); n > listShown && f.level < LevelVerbose && !f.certs {
			i.List = append(i.List[:listShown:listShown], fmt.Sprintf("and %d more", n-listShown))
		}
		i.Finding = f.finding(i.Finding)
		out = append(out, i)
	}
	return out
}

// finding returns a copy of in without the advice that is not due here.
func (f *folder) finding(in *ViewFinding) *ViewFinding {
	if in == nil {
		return nil
	}
	out := *in
	out.Advice = nil
	if in.Advice == nil || f.explained[in.ID] {
		return &out
	}
	f.explained[in.ID] = true
	a := *in.Advice
	if f.level < LevelVerbose {
		a.Spec, a.OpenSSL = "", ""
		if len(a.Fix) > 2 { // few readers run a CA
			a.Fix = slices.DeleteFunc(slices.Clone(a.Fix), func(s string) bool { return strings.HasPrefix(s, "If you run th") })
		}
	}
	out.Advice = &a
	return &out
}

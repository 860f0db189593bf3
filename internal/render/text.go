package render

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

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

// Text writes r for people. It fails only when w does.
func Text(w io.Writer, r *report.Report, o Options) error {
	t := text{page: page{color: o.Color, width: o.Width}, Options: o, r: r, explained: map[finding.ID]bool{}}
	if t.width <= 0 {
		t.width = 80
	}
	if o.Quiet {
		t.oneLine()
		return t.flush(w)
	}
	t.verdict()
	t.reportFindings()
	t.connection()
	t.paths()
	t.transparency()
	t.checks()
	t.fetches()
	t.footer()
	if o.Certs {
		t.certificates()
	}
	return t.flush(w)
}

// text is the state of writing one report.
type text struct {
	page
	Options
	r         *report.Report
	explained map[finding.ID]bool // kinds whose meaning has been printed already
}

// targetName names what was judged: the target's address, or what the user wrote.
func targetName(t report.Target) string {
	if t.Addr != "" {
		addr := t.Addr
		t.Addr = ""
		return targetName(t) + " at " + finding.Quote(addr)
	}
	switch {
	case t.Host != "" && t.Port != "":
		if strings.Contains(t.Host, ":") {
			return finding.Quote("[" + t.Host + "]:" + t.Port)
		}
		return finding.Quote(t.Host + ":" + t.Port)
	case t.Host != "":
		return finding.Quote(t.Host)
	case t.Input == "-":
		return "standard input"
	case t.Input != "":
		return finding.Quote(t.Input)
	}
	return "certificates"
}

func verdictCodes(v report.Verdict) string {
	switch v {
	case report.Accept:
		return bold + ";" + green
	case report.Reject:
		return bold + ";" + red
	}
	return bold + ";" + yellow
}

func severityCodes(s finding.Severity) string {
	switch s {
	case finding.Info:
		return dim
	case finding.Warning, finding.Inconclusive:
		return yellow
	}
	return red
}

// verdictWord is the verdict as printed; a report without one is inconclusive.
func verdictWord(v report.Verdict) string {
	switch v {
	case report.Accept, report.Reject:
		return string(v)
	}
	return string(report.Inconclusive)
}

// oneLine writes "VERDICT TARGET [ID: TITLE]".
func (t *text) oneLine() {
	v := verdictWord(t.r.Verdict)
	s := t.paint(verdictCodes(t.r.Verdict), v) + strings.Repeat(" ", len(report.Inconclusive)-len(v)) + " " + targetName(t.r.Target)
	if h := t.r.Headline; h != nil {
		s += "  " + finding.Quote(string(h.Finding.ID)) + ": " + h.Finding.Title()
	}
	t.line(s)
}

// verdict writes the verdict and, as the root cause, the headline.
func (t *text) verdict() {
	t.line(t.paint(verdictCodes(t.r.Verdict), strings.ToUpper(verdictWord(t.r.Verdict))) + "  " + t.paint(bold, targetName(t.r.Target)))
	if names := t.otherNames(); names != "" {
		t.field(2, "name", names)
	}
	h := t.r.Headline
	if h == nil {
		t.blank()
		switch t.r.Verdict {
		case report.Accept:
			t.hang("  ", "", "Everything that was asked for was checked, and nothing is wrong.", "")
		default:
			t.hang("  ", "", "Nothing wrong was found, but not everything that is required could be checked: see below.", "")
		}
		return
	}
	t.blank()
	t.finding(2, h.Finding, true)
	if place := t.place(*h); place != "" {
		t.field(4, "where", place)
	}
}

// otherNames lists the reference identifiers unless they are just the host.
func (t *text) otherNames() string {
	ns := t.r.Target.Names
	if len(ns) == 0 || len(ns) == 1 && ns[0] == t.r.Target.Host {
		return ""
	}
	return t.list(ns)
}

// place says where the headline stands.
func (t *text) place(h report.Headline) string {
	if h.Path < 0 || h.Path >= len(t.r.Paths) {
		return ""
	}
	p := t.r.Paths[h.Path]
	if h.Cert < 0 || h.Cert >= len(p.Certs) {
		return ""
	}
	pc := p.Certs[h.Cert]
	return fmt.Sprintf("%s certificate, %s", role(pc), t.subject(pc.Cert))
}

// finding writes one finding; in full with what it means and what to do, once
// for each kind.
func (t *text) finding(indent int, f finding.Finding, full bool) {
	lead := strings.Repeat(" ", indent) + pad(f.Severity.String(), len("warning ")) + " "
	title := f.Title() + " [" + finding.Quote(string(f.ID)) + "]"
	t.hang(lead, severityCodes(f.Severity), title, "")
	if f.Policy != "" {
		t.field(indent+2, "graded by", finding.Quote(f.Policy))
	}
	k := f.Kind()
	if !full || t.explained[f.ID] || k.Explain == "" {
		return
	}
	t.explained[f.ID] = true
	t.field(indent+2, "meaning", f.Expand(k.Explain))
	if f.Severity >= finding.Warning && k.Risk != "" {
		t.field(indent+2, "risk", f.Expand(k.Risk))
	}
	if k.Fix != "" {
		t.field(indent+2, "what to do", f.Expand(k.Fix))
	}
	if t.Verbose && k.Spec != "" {
		t.field(indent+2, "see", k.Spec)
	}
	if t.Verbose && k.OpenSSL != "" {
		t.field(indent+2, "OpenSSL", k.OpenSSL+" ("+strconv.Itoa(k.OpenSSLCode)+")")
	}
}

// findings writes fs, the worst first. What has been explained once, the
// headline above all, is not explained again.
func (t *text) findings(indent int, fs []finding.Finding, full bool) {
	for sev := finding.Error; sev >= finding.Info; sev-- {
		for _, f := range fs {
			if clampSeverity(f.Severity) == sev {
				t.finding(indent, f, full && (sev > finding.Info || t.Verbose))
			}
		}
	}
}

// clampSeverity makes a severity outside the table an error, as Decide does.
func clampSeverity(s finding.Severity) finding.Severity {
	if s < finding.Info || s > finding.Error {
		return finding.Error
	}
	return s
}

// reportFindings writes what hangs on the report itself.
func (t *text) reportFindings() {
	var rest []finding.Finding
	skipped := t.r.Headline == nil || t.r.Headline.Path >= 0
	for _, f := range t.r.Findings {
		if !skipped && f.ID == t.r.Headline.Finding.ID && f.Title() == t.r.Headline.Finding.Title() {
			skipped = true // it is the headline, a few lines above
			continue
		}
		rest = append(rest, f)
	}
	if len(rest) == 0 {
		return
	}
	t.heading("FINDINGS")
	t.findings(2, rest, true)
}

// transparency writes the SCTs and what the policy makes of them.
func (t *text) transparency() {
	ct := t.r.CT
	if ct == nil || ct.Policy == "off" && len(ct.SCTs) == 0 {
		return
	}
	t.heading("CERTIFICATE TRANSPARENCY")
	t.field(2, "policy", finding.Quote(ct.Policy)+metWord(ct.Met))
	if ct.List != "" {
		t.field(2, "log list", finding.Quote(ct.List))
	} else if len(ct.SCTs) > 0 {
		t.field(2, "log list", "none given, so signatures were not verified (--log-list FILE)")
	}
	if len(ct.SCTs) == 0 {
		t.field(2, "SCTs", "none")
	}
	for _, s := range ct.SCTs {
		t.sct(s)
	}
	for _, e := range ct.Explain {
		t.hang("  - ", "", finding.Quote(e), "")
	}
}

func metWord(met *bool) string {
	switch {
	case met == nil:
		return ""
	case *met:
		return ": met"
	}
	return ": not met"
}

func (t *text) sct(s report.SCT) {
	log := s.Log
	if log == "" {
		log = "log " + s.LogID
	}
	parts := []string{finding.Quote(log)}
	for _, v := range []string{s.Operator, s.State, string(s.Source)} {
		if v != "" {
			parts = append(parts, finding.Quote(v))
		}
	}
	if !s.Time.IsZero() {
		parts = append(parts, when(s.Time))
	}
	if s.LeafIndex != nil {
		parts = append(parts, "leaf index "+strconv.FormatUint(*s.LeafIndex, 10))
	}
	if s.Cert > 0 {
		parts = append(parts, "certificate "+strconv.Itoa(s.Cert))
	}
	if s.Inclusion != "" {
		parts = append(parts, "inclusion "+finding.Quote(string(s.Inclusion)))
	}
	if s.Detail != "" {
		parts = append(parts, finding.Quote(s.Detail))
	}
	codes := yellow
	switch s.Status {
	case report.SCTValid:
		codes = green
	case report.SCTInvalid:
		codes = red
	}
	t.hang("  "+pad(finding.Quote(string(s.Status)), labelWidth+5), codes, strings.Join(parts, ", "), "")
}

// checks writes what was checked and what was not.
func (t *text) checks() {
	if len(t.r.Checks) == 0 {
		return
	}
	t.heading("CHECKED")
	for _, c := range t.r.Checks {
		name := finding.Quote(string(c.Name))
		if c.Cert >= 0 {
			name += " of " + t.position(c.Cert)
		}
		word, codes := "not done", yellow
		switch c.State {
		case report.Done:
			word, codes = "done", green
		case report.CheckNotApplicable:
			word, codes = "not needed", dim
		case report.NotAsked:
			word, codes = "not asked", dim
		}
		if c.Required && c.State != report.Done && c.State != report.CheckNotApplicable {
			name += " (required)"
		}
		if c.Detail != "" {
			name += ": " + finding.Quote(c.Detail)
		}
		t.hang("  "+pad(word, labelWidth), codes, name, "")
	}
}

// position names the i-th certificate of the chosen path.
func (t *text) position(i int) string {
	if c := t.r.Chosen; c >= 0 && c < len(t.r.Paths) && i < len(t.r.Paths[c].Certs) {
		if r := t.r.Paths[c].Certs[i].Role; r == report.Leaf || r == report.Anchor {
			return "the " + string(r)
		} else if r != "" {
			return finding.Quote(string(r)) + " " + strconv.Itoa(i)
		}
	}
	return "certificate " + strconv.Itoa(i)
}

// fetches writes the downloads: those that failed always, all when verbose.
func (t *text) fetches() {
	var shown []report.Fetch
	for _, f := range t.r.Fetches {
		if t.Verbose || f.Outcome == report.Failed || f.Outcome == report.Refused {
			shown = append(shown, f)
		}
	}
	if len(shown) == 0 {
		return
	}
	if t.Verbose {
		t.heading("DOWNLOADS")
	} else {
		t.heading("DOWNLOADS THAT FAILED")
	}
	for _, f := range shown {
		s := finding.Quote(string(f.Kind)) + " " + finding.Quote(f.URL)
		if f.Bytes > 0 {
			s += ", " + strconv.FormatInt(f.Bytes, 10) + " bytes"
		}
		if f.MS > 0 {
			s += ", " + millis(f.MS)
		}
		if f.Detail != "" {
			s += ": " + finding.Quote(f.Detail)
		}
		t.hang("  "+pad(finding.Quote(string(f.Outcome)), labelWidth+2), "", s, "")
	}
}

// footer says for which moment was judged, and more when verbose.
func (t *text) footer() {
	t.blank()
	if !t.r.Time.IsZero() {
		t.field(0, "judged for", when(t.r.Time))
	}
	if !t.Verbose {
		return
	}
	if m := t.r.Timing; m != nil {
		t.field(0, "timing", fmt.Sprintf("DNS %s, connect %s, TLS %s, judging %s, total %s",
			millis(m.DNS), millis(m.Connect), millis(m.TLS), millis(m.Judge), millis(m.Total)))
	}
	for _, h := range []struct{ label, value string }{
		{"policy", t.r.PolicyHash}, {"anchors", t.r.AnchorsHash}, {"log list", t.r.LogListHash},
	} {
		if h.value != "" {
			t.field(0, h.label, "SHA-256 "+finding.Quote(h.value))
		}
	}
}

// list joins quoted texts, the first ten of them unless verbose.
func (t *text) list(vs []string) string {
	const most = 10
	var out []string
	for i, v := range vs {
		if i == most && !t.Verbose && !t.Certs {
			out = append(out, fmt.Sprintf("and %d more", len(vs)-most))
			break
		}
		out = append(out, finding.Quote(v))
	}
	return strings.Join(out, ", ")
}

// when formats a time, always in UTC.
func when(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// span says how far to is from from, in the unit that fits. A time.Duration
// holds no more than 292 years.
func span(from, to time.Time) string {
	n, unit := to.Unix()-from.Unix(), "second"
	switch {
	case n >= 48*3600:
		n, unit = n/(24*3600), "day"
	case n >= 2*3600:
		n, unit = n/3600, "hour"
	case n >= 2*60:
		n, unit = n/60, "minute"
	}
	if n != 1 {
		unit += "s"
	}
	return strconv.FormatInt(n, 10) + " " + unit
}

func millis(ms float64) string {
	if ms > 0 && ms < 10 {
		return strconv.FormatFloat(ms, 'f', 1, 64) + " ms"
	}
	return strconv.FormatFloat(ms, 'f', 0, 64) + " ms"
}

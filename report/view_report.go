package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
)

// View returns r as people read it, complete: [View.At] takes out what a level
// does not show.
func (r *Report) View() *View {
	v := &View{Verdict: r.Verdict.known(), Target: targetName(r.Target), Items: r.targetItems()}
	if age := r.cachedSeconds(); age >= 60 {
		v.Age = cachedAgo(age)
	}
	v.Left = r.leftShort()
	switch h := r.Headline; {
	case h != nil:
		v.Headline = r.viewHeadline(*h)
	case v.Verdict == Accept:
		v.Summary = "Everything that was asked for was checked, and nothing is wrong."
	default:
		v.Summary = "Nothing wrong was found, but not everything that is required could be checked: see below."
	}
	add := func(s ViewSection, ok bool) {
		if ok {
			v.Sections = append(v.Sections, s)
		}
	}
	add(r.viewBrief(), true)
	add(r.viewFindings())
	add(r.viewConnection())
	for i := range r.Paths {
		v.Sections = append(v.Sections, r.viewPath(i))
	}
	v.Sections = append(v.Sections, r.viewAlso()...)
	add(r.viewCT())
	add(r.viewDANE())
	add(r.viewPrograms())
	add(r.viewChecks())
	add(r.viewDownloads())
	add(r.viewAbout(), true)
	for i, c := range r.Certs {
		s := c.View(r.Time)
		s.Title, s.Detail = "Certificate", fmt.Sprintf(" %d of %d", i+1, len(r.Certs))
		v.Sections = append(v.Sections, s)
	}
	return v
}

// viewAlso shows what the server's other certificate came to: its findings and
// the path that counts.
func (r *Report) viewAlso() (out []ViewSection) {
	also := r.AlsoServes
	if also == nil {
		return nil
	}
	show := func(s ViewSection) {
		s.Title = "Also serves"
		out = append(out, s)
	}
	if s, ok := also.viewFindings(); ok {
		show(s)
	}
	if also.Chosen >= 0 && also.Chosen < len(also.Paths) {
		s := also.viewPath(also.Chosen)
		s.Detail = ": " + endWords(also.Paths[also.Chosen].End)
		show(s)
	}
	return out
}

// cachedSeconds is the age of the oldest copy that a status on the chosen path
// rests on; 0 when each one rests on an answer that is not from a cache too.
func (r *Report) cachedSeconds() (oldest int64) {
	if r.Chosen < 0 || r.Chosen >= len(r.Paths) {
		return 0
	}
	for _, c := range r.Paths[r.Chosen].Certs {
		if c.Revocation == nil || c.Revocation.Status != Good && c.Revocation.Status != Revoked {
			continue
		}
		var ages []int64
		for _, a := range c.Revocation.Sources {
			if a.Status == c.Revocation.Status {
				ages = append(ages, a.CachedSeconds)
			}
		}
		if len(ages) > 0 {
			oldest = max(oldest, slices.Min(ages))
		}
	}
	return oldest
}

// cachedAgo says how long ago a cached copy came or was last confirmed.
func cachedAgo(seconds int64) string {
	switch {
	case seconds <= 0:
		return "from the cache"
	case seconds < 2*60:
		return fmt.Sprintf("cached %d s ago", seconds)
	case seconds < 2*3600:
		return fmt.Sprintf("cached %d min ago", seconds/60)
	case seconds < 48*3600:
		return fmt.Sprintf("cached %d h ago", seconds/3600)
	}
	return fmt.Sprintf("cached %d days ago", seconds/(24*3600))
}

// targetName names what was judged: the target's address, or what the user wrote.
func targetName(t Target) string {
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

// viewFindings shows what hangs on the report itself, without the headline.
func (r *Report) viewFindings() (s ViewSection, ok bool) {
	var rest []finding.Finding
	skipped := r.Headline == nil || r.Headline.Path >= 0 || r.Headline.Also
	for _, f := range r.Findings {
		if !skipped && f.ID == r.Headline.Finding.ID && f.Title() == r.Headline.Finding.Title() {
			skipped = true // it is the headline, a few lines above
			continue
		}
		rest = append(rest, f)
	}
	return ViewSection{Kind: SectionFindings, Title: "Findings", Items: r.findingItems(rest, true)}, len(rest) > 0
}

// findingItems shows findings, the worst first.
func (r *Report) findingItems(fs []finding.Finding, leaf bool) (items []ViewItem) {
	for _, f := range WorstFirst(fs) {
		items = append(items, ViewItem{Finding: r.viewOf(f, leaf)})
	}
	return items
}

// WorstFirst returns a copy of fs in falling order of severity, equal ones in
// the order of fs. A severity outside the table is returned as Error.
func WorstFirst(fs []finding.Finding) (sorted []finding.Finding) {
	for s := finding.Error; s >= finding.Info; s-- {
		for _, f := range fs {
			if clamp(f.Severity) == s {
				f.Severity = s
				sorted = append(sorted, f)
			}
		}
	}
	return sorted
}

// ViewOf returns f with its texts filled in.
func ViewOf(f finding.Finding) *ViewFinding {
	v := &ViewFinding{ID: finding.Quote(string(f.ID)), Severity: clamp(f.Severity), Title: f.Title(), Policy: finding.Quote(f.Policy)}
	k := f.Kind()
	if k.Explain == "" {
		return v
	}
	v.Advice = &ViewAdvice{Meaning: f.Expand(k.Explain), Fix: cases(f.Expand(k.Fix)), Spec: k.Spec}
	if v.Severity >= finding.Warning {
		v.Advice.Risk = f.Expand(k.Risk)
	}
	if k.OpenSSL != "" {
		v.Advice.OpenSSL = k.OpenSSL + " (" + strconv.Itoa(k.OpenSSLCode) + ")"
	}
	return v
}

// onlyIf are the cases of an advice that are for some reports only. The others
// are for every reader.
var onlyIf = []struct {
	begin string
	fits  func(s TargetSource, leaf bool) bool
}{
	{"If you use assay check", func(s TargetSource, _ bool) bool { return !s.offline() }},
	{"If you use assay verify", func(s TargetSource, _ bool) bool { return s.offline() }},
	{"If it is your server's certificate", func(_ TargetSource, leaf bool) bool { return leaf }},
	{"If it is an intermediate", func(_ TargetSource, leaf bool) bool { return !leaf }},
	{"If an intermediate is revoked", func(_ TargetSource, leaf bool) bool { return !leaf }},
}

// offline reports whether nobody is asked for such a report.
func (s TargetSource) offline() bool { return s == FromVerify || s == FromEvidence }

// viewOf is ViewOf with the advice for this report's reader, and for the
// certificate that the finding is about.
func (r *Report) viewOf(f finding.Finding, leaf bool) *ViewFinding {
	v := ViewOf(f)
	if v.Advice != nil && len(v.Advice.Fix) > 1 {
		v.Advice.Fix = slices.DeleteFunc(v.Advice.Fix, func(s string) bool {
			for _, o := range onlyIf {
				if strings.HasPrefix(s, o.begin) {
					return !o.fits(r.Target.Source, leaf)
				}
			}
			return false
		})
	}
	return v
}

// The length of a condition, between "If " and its colon.
const (
	leastCondition = 2
	mostCondition  = 80
)

// condition returns where in fix the next case of an advice begins, from the given
// place on: "If it is your server: ", at the start of fix or of a sentence. -1: nowhere.
func condition(fix string, from int) int {
	for i := from; i < len(fix); i++ {
		at := strings.Index(fix[i:], "If ")
		if at < 0 {
			return -1
		}
		i += at
		if i > 0 && !strings.HasSuffix(fix[:i], ". ") {
			continue
		}
		rest := fix[i+len("If "):]
		end := strings.IndexAny(rest, ".:")
		if end < 0 || !strings.HasPrefix(rest[end:], ": ") {
			continue
		}
		if n := utf8.RuneCountInString(rest[:end]); n >= leastCondition && n <= mostCondition {
			return i
		}
	}
	return -1
}

// cases takes an advice apart: what holds for everybody, then each "If ...: ...".
func cases(fix string) (out []string) {
	from := 0
	for start := condition(fix, 0); start >= 0; start = condition(fix, start+1) {
		if s := strings.TrimSpace(fix[from:start]); s != "" {
			out = append(out, s)
		}
		from = start
	}
	if s := strings.TrimSpace(fix[from:]); s != "" {
		out = append(out, s)
	}
	return out
}

// viewConnection shows what was seen on the wire.
func (r *Report) viewConnection() (s ViewSection, ok bool) {
	c := r.Connection
	if c == nil || c.Addr == "" && c.Version == "" && len(c.Attempts) == 0 {
		return s, false
	}
	s = ViewSection{Kind: SectionConnection, Title: "Connection"}
	if c.Proxy != "" {
		s.add("proxy", c.Proxy)
	} else {
		s.add("address", c.Addr)
	}
	var proto []string
	for _, v := range []string{c.Version, c.Suite, c.Group, c.Signature} {
		if v != "" {
			proto = append(proto, finding.Quote(v))
		}
	}
	if c.ALPN != "" {
		proto = append(proto, "ALPN "+finding.Quote(c.ALPN))
	} else if len(c.ALPNOffered) > 0 && c.Version != "" {
		proto = append(proto, "ALPN none")
	}
	if c.Resumed {
		proto = append(proto, "resumed")
	}
	if len(proto) > 0 {
		s.Items = append(s.Items, ViewItem{Label: "protocol", Text: strings.Join(proto, ", ")})
	}
	if c.ServerName != r.Target.Host {
		s.add("SNI", c.ServerName)
	}
	if c.Version != "" {
		s.Items = append(s.Items, ViewItem{Label: "sent", Text: sentWords(c, len(r.Sent))})
	}
	if c.ClientCert != "" {
		s.Items = append(s.Items, ViewItem{Label: "client", Text: "certificate " + finding.Quote(c.ClientCert)})
	}
	for _, l := range []struct {
		label string
		vs    []string
	}{{"issuers", c.ClientCAs}, {"schemes", c.ClientSchemes}} {
		if len(l.vs) > 0 {
			i := list(l.label, l.vs)
			i.Depth = 1
			s.Items = append(s.Items, i)
		}
	}
	s.add("alert", c.Alert)
	s.add("probe", c.Probe)
	if c.BytesIn+c.BytesOut > 0 {
		s.Items = append(s.Items, ViewItem{Label: "bytes", Text: fmt.Sprintf("%d in, %d out", c.BytesIn, c.BytesOut)})
	}
	s.Items = append(s.Items, c.tried()...)
	return s, true
}

// tried has one line for each address that was tried.
func (c *Connection) tried() (items []ViewItem) {
	for _, a := range c.Attempts {
		text := finding.Quote(a.Addr) + " " + finding.Quote(a.Outcome) + ", " + millis(a.MS)
		if a.Detail != "" {
			text += ": " + finding.Quote(a.Detail)
		}
		items = append(items, ViewItem{Label: "tried", Text: text})
	}
	return items
}

// add appends a label and its value, raw, unless that is empty.
func (s *ViewSection) add(label, value string) {
	if value != "" {
		s.Items = append(s.Items, ViewItem{Label: label, Text: finding.Quote(value)})
	}
}

// list is an item of several values, raw.
func list(label string, vs []string) ViewItem {
	i := ViewItem{Label: label}
	for _, v := range vs {
		i.List = append(i.List, finding.Quote(v))
	}
	return i
}

// sentWords says what the server sent beside the handshake.
func sentWords(c *Connection, certs int) string {
	s := strconv.Itoa(certs) + " certificates"
	if certs == 1 {
		s = "1 certificate"
	}
	if c.Stapled {
		s += ", a stapled OCSP response"
	} else {
		s += ", no stapled OCSP response"
	}
	switch c.TLSSCTs {
	case 0:
	case 1:
		s += ", 1 SCT"
	default:
		s += ", " + strconv.Itoa(c.TLSSCTs) + " SCTs"
	}
	return s
}

// viewCT shows the SCTs and what the policy makes of them.
func (r *Report) viewCT() (s ViewSection, ok bool) {
	ct := r.CT
	if ct == nil || ct.Policy == policy.CTOff && len(ct.SCTs) == 0 {
		return s, false
	}
	s = ViewSection{Kind: SectionCT, Title: "Certificate Transparency"}
	asked := ct.Policy.String()
	if ct.Met != nil && *ct.Met {
		asked += ": met"
	} else if ct.Met != nil {
		asked += ": not met"
	}
	s.Items = append(s.Items, ViewItem{Label: "policy", Text: asked})
	if ct.List != "" {
		s.add("log list", ct.List)
	} else if len(ct.SCTs) > 0 {
		s.add("log list", "none given, so signatures were not verified (--log-list FILE)")
	}
	if len(ct.SCTs) == 0 {
		s.add("SCTs", "none")
	}
	for _, x := range ct.SCTs {
		s.Items = append(s.Items, viewSCT(x))
	}
	for _, e := range ct.Explain {
		s.Items = append(s.Items, ViewItem{Text: finding.Quote(e)})
	}
	return s, true
}

func viewSCT(s SCT) ViewItem {
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
	class := Caution
	switch s.Status {
	case SCTValid:
		class = Fine
	case SCTInvalid:
		class = Bad
	}
	return ViewItem{State: finding.Quote(string(s.Status)), Class: class, Text: strings.Join(parts, ", ")}
}

// viewChecks shows what was checked and what was not.
func (r *Report) viewChecks() (s ViewSection, ok bool) {
	s = ViewSection{Kind: SectionChecks, Title: "Checked"}
	for _, c := range r.Checks {
		text := finding.Quote(string(c.Name))
		if c.Cert >= 0 {
			text += " of " + r.position(c.Cert)
		}
		i := ViewItem{State: "not done", Class: Caution}
		switch c.State {
		case Done:
			i.State, i.Class = "done", Fine
		case CheckNotApplicable:
			i.State, i.Class = "not needed", Faint
		case NotAsked:
			i.State, i.Class = "not asked", Faint
		}
		if c.Required && c.State != Done && c.State != CheckNotApplicable {
			text += " (required)"
		}
		if c.Detail != "" {
			text += ": " + finding.Quote(c.Detail)
		}
		i.Text = text
		s.Items = append(s.Items, i)
	}
	return s, len(s.Items) > 0
}

// position names the i-th certificate of the chosen path.
func (r *Report) position(i int) string {
	if c := r.Chosen; c >= 0 && c < len(r.Paths) && i < len(r.Paths[c].Certs) {
		if role := r.Paths[c].Certs[i].Role; role == Leaf || role == Anchor {
			return "the " + string(role)
		} else if role != "" {
			return finding.Quote(string(role)) + " " + strconv.Itoa(i)
		}
	}
	return "certificate " + strconv.Itoa(i)
}

// viewDownloads shows the downloads.
func (r *Report) viewDownloads() (s ViewSection, ok bool) {
	s = ViewSection{Kind: SectionDownloads, Title: "Downloads"}
	for _, f := range r.Fetches {
		i := ViewItem{State: finding.Quote(string(f.Outcome)), Text: finding.Quote(string(f.Kind)) + " " + finding.Quote(f.URL)}
		if f.Bytes > 0 {
			i.Text += ", " + strconv.FormatInt(f.Bytes, 10) + " bytes"
		}
		if f.MS > 0 {
			i.Text += ", " + millis(f.MS)
		}
		if f.CachedSeconds > 0 {
			i.Text += ", " + cachedAgo(f.CachedSeconds)
		}
		if f.Detail != "" {
			i.Text += ": " + finding.Quote(f.Detail)
		}
		s.Items = append(s.Items, i)
	}
	return s, len(s.Items) > 0
}

// viewAbout says for which moment, how fast and by which policy was judged.
func (r *Report) viewAbout() ViewSection {
	s := ViewSection{Kind: SectionAbout}
	if !r.Time.IsZero() {
		s.add("check time", when(r.Time))
	}
	if m := r.Timing; m != nil {
		s.Items = append(s.Items, ViewItem{Label: "timing", Text: fmt.Sprintf("DNS %s, connect %s, TLS %s, judging %s, total %s",
			millis(m.DNS), millis(m.Connect), millis(m.TLS), millis(m.Judge), millis(m.Total))})
	}
	for _, h := range []struct{ label, value string }{
		{"policy", r.PolicyHash}, {"anchors", r.AnchorsHash}, {"log list", r.LogListHash},
	} {
		if h.value != "" {
			s.Items = append(s.Items, ViewItem{Label: h.label, Text: "SHA-256 " + finding.Quote(h.value)})
		}
	}
	return s
}

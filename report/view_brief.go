package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
)

// viewBrief has one line for each thing that was checked, and the findings
// beside the headline.
func (r *Report) viewBrief() ViewSection {
	s := ViewSection{Kind: SectionBrief}
	s.Items = append(s.Items, r.briefConnection()...)
	s.Items = append(s.Items, r.briefFindings()...)
	s.Items = append(s.Items, r.briefUndone()...)
	s.Items = append(s.Items, r.briefChain()...)
	s.Items = append(s.Items, r.briefName()...)
	s.Items = append(s.Items, r.briefValidity()...)
	s.Items = append(s.Items, r.briefRevocation()...)
	s.Items = append(s.Items, r.briefCT()...)
	more := "-v shows everything"
	if h := r.Headline; h != nil {
		if k := h.Finding.Kind(); k.OpenSSL != "" {
			s.add("OpenSSL", k.OpenSSL+" ("+strconv.Itoa(k.OpenSSLCode)+")")
		}
		if h.Finding.Kind().Explain != "" {
			more = "assay explain " + string(h.Finding.ID) + "; -v shows everything"
		}
	}
	s.add("more", more)
	return s
}

// targetItems say which names were asked for, and where, how and when.
func (r *Report) targetItems() (items []ViewItem) {
	var parts []string
	if c := r.Connection; c != nil {
		if c.Proxy != "" {
			parts = append(parts, "through the proxy "+finding.Quote(c.Proxy))
		} else if c.Addr != "" && c.Addr != r.Target.Addr {
			parts = append(parts, finding.Quote(c.Addr))
		}
		if c.Version != "" {
			parts = append(parts, finding.Quote(c.Version))
		}
		if c.ALPN != "" {
			parts = append(parts, "ALPN "+finding.Quote(c.ALPN))
		}
	}
	switch r.Target.Source {
	case FromVerify:
		parts = append(parts, "offline: assay asked nobody")
	case FromEvidence:
		parts = append(parts, "saved evidence: assay asked nobody")
	}
	if !r.Time.IsZero() {
		parts = append(parts, when(r.Time))
	}
	if len(parts) > 0 {
		items = append(items, ViewItem{Text: strings.Join(parts, ", ")})
	}
	if ns := r.Target.Names; len(ns) > 1 || len(ns) == 1 && ns[0] != r.Target.Host {
		items = append(items, list("name", ns))
	}
	return items
}

// viewHeadline is the root cause with its place and with what the sources said
// that it rests on.
func (r *Report) viewHeadline(h Headline) *ViewFinding {
	v := ViewOf(h.Finding)
	if url := finding.Quote(h.Finding.Param("url")); url != "" && !strings.Contains(v.Title, url) {
		v.URL = url
	}
	pc := r.at(h)
	if pc == nil {
		return v
	}
	v.Where = roleName(pc.Role) + " certificate, " + r.subject(pc.Cert)
	if h.Cert > 0 {
		v.Elsewhere = r.place(Place{h.Path, h.Cert})
	}
	if pc.Revocation == nil {
		return v
	}
	for _, a := range pc.Revocation.Sources {
		if r.inHeadline(&a) {
			v.Sources = append(v.Sources, r.said(&a))
		}
	}
	v.Sources = few(v.Sources)
	return v
}

// inHeadline reports whether the headline, which is about the revocation of one
// certificate, rests on a.
func (r *Report) inHeadline(a *Answer) bool {
	f := r.Headline.Finding
	if c := f.Kind().Class; c != finding.ClassRevocation && c != finding.ClassRevocationUnavailable {
		return false
	}
	if url := f.Param("url"); url != "" && url != a.URL {
		return false
	}
	if f.ID == finding.CertRevoked {
		return a.Status == Revoked
	}
	return a.Status == ""
}

// at returns the certificate that a headline hangs on, nil when on none.
func (r *Report) at(h Headline) *PathCert {
	if h.Path < 0 || h.Path >= len(r.Paths) || h.Cert < 0 || h.Cert >= len(r.Paths[h.Path].Certs) {
		return nil
	}
	return &r.Paths[h.Path].Certs[h.Cert]
}

// place names the certificate at p: "intermediate CN=Example CA"; "" when there
// is none.
func (r *Report) place(p Place) string {
	pc := r.at(Headline{Path: p.Path, Cert: p.Cert})
	if pc == nil {
		return ""
	}
	return roleName(pc.Role) + " " + r.subject(pc.Cert)
}

// briefConnection says, where there was no handshake, what was tried, and what
// of the connection bears on the certificate that a client needs.
func (r *Report) briefConnection() (items []ViewItem) {
	c := r.Connection
	if c == nil || c.Version != "" && c.ClientCert == "" {
		return nil
	}
	s := ViewSection{}
	if c.Version == "" {
		s.Items = c.tried()
		if n := len(s.Items); n > briefMost {
			s.Items = append(s.Items[:briefMost:briefMost], ViewItem{Label: "tried", Text: plural(n-briefMost, "more address")})
		}
		s.add("alert", c.Alert)
	}
	if c.ClientCert != "" {
		s.add("client", "the server asks for a client certificate: "+c.ClientCert)
	}
	return s.Items
}

// briefMost is how many of a kind are shown by default: findings beside the
// headline, sources, addresses.
const briefMost = 4

// briefFindings are the findings that count beside the headline, the worst
// first, each title once.
func (r *Report) briefFindings() (items []ViewItem) {
	type placed struct {
		at Place
		f  finding.Finding
	}
	var all []placed
	seen := map[string]bool{}
	if h := r.Headline; h != nil {
		seen[h.Finding.Title()] = true
	}
	for at, f := range r.Counted() {
		if f.Severity >= finding.Warning && !seen[f.Title()] && !r.told(at, f) {
			seen[f.Title()] = true
			all = append(all, placed{at, f})
		}
	}
	slices.SortStableFunc(all, func(a, b placed) int { return int(b.f.Severity) - int(a.f.Severity) })
	for i, p := range all {
		if i == briefMost {
			return append(items, ViewItem{Label: "also", Text: fmt.Sprintf("%d more findings", len(all)-i)})
		}
		v := ViewOf(p.f)
		v.Advice = nil
		if p.at.Cert > 0 {
			v.Elsewhere = r.place(p.at)
		}
		items = append(items, ViewItem{Finding: v})
	}
	return items
}

// told reports whether the headline says what f says: it is about all sources,
// each of which has its line there.
func (r *Report) told(at Place, f finding.Finding) bool {
	h := r.Headline
	if h == nil || h.Path != at.Path || h.Cert != at.Cert || !sumsUp(h.Finding.ID) {
		return false
	}
	c := f.Kind().Class
	return c == finding.ClassRevocation || c == finding.ClassRevocationUnavailable
}

// briefUndone are the required checks that were not done, where no headline says
// why.
func (r *Report) briefUndone() (items []ViewItem) {
	if r.Headline != nil {
		return nil
	}
	for _, c := range r.Checks {
		if !c.Required || c.State == Done || c.State == CheckNotApplicable {
			continue
		}
		text := finding.Quote(string(c.Name))
		if c.Cert >= 0 {
			text += " of " + r.position(c.Cert)
		}
		if c.Detail != "" {
			text += ": " + finding.Quote(c.Detail)
		}
		items = append(items, ViewItem{Label: "not done", Text: text})
	}
	return items
}

// chosen returns the path that counts, nil when there is none.
func (r *Report) chosen() *Path {
	if r.Chosen < 0 || r.Chosen >= len(r.Paths) {
		return nil
	}
	return &r.Paths[r.Chosen]
}

// cert returns the facts of a certificate in its place, nil when there are none.
func (r *Report) cert(pc PathCert) *Cert {
	if pc.Cert < 0 || pc.Cert >= len(r.Certs) {
		return nil
	}
	return &r.Certs[pc.Cert]
}

// briefChain says how the path goes and where it ends.
func (r *Report) briefChain() (items []ViewItem) {
	p := r.chosen()
	if p == nil || len(p.Certs) == 0 {
		return nil
	}
	var parts []string
	for i, pc := range p.Certs {
		name := r.subject(pc.Cert)
		c := r.cert(pc)
		switch {
		case i == 0 && pc.Role != Anchor:
			name = "the certificate"
		case pc.Role == Anchor:
			name = "trusted root " + name
			if c != nil && c.Store != "" {
				name += " (" + finding.Quote(c.Store) + ")"
			}
		case c != nil && c.Source == CertAIA:
			name += " (downloaded)"
		}
		parts = append(parts, name)
	}
	text := strings.Join(parts, " < ")
	if p.End != EndAnchor {
		text += "; " + endWords(p.End)
	}
	if c := r.Connection; c != nil && c.Version != "" {
		text = "sent " + strconv.Itoa(len(r.Sent)) + ": " + text
	}
	return []ViewItem{{Label: "chain", Text: text}}
}

// briefName says whether the name is in the certificate.
func (r *Report) briefName() (items []ViewItem) {
	for _, c := range r.Checks {
		if c.Name != NameCheck {
			continue
		}
		text := finding.Quote(c.Detail)
		switch c.State {
		case Done:
			if text == "" {
				text = "the name"
			}
			if r.nameFails() {
				return []ViewItem{{Label: "name", Text: text + " is not in the certificate", Class: Bad}}
			}
			return []ViewItem{{Label: "name", Text: text + " is in the certificate"}}
		case NotAsked, CheckNotApplicable:
			return []ViewItem{{Label: "name", Text: "not compared: no name matters here"}}
		}
		return []ViewItem{{Label: "name", Text: "not compared: " + text}}
	}
	return nil
}

// nameFails reports whether the leaf does not have the name asked for.
func (r *Report) nameFails() bool {
	p := r.chosen()
	return p != nil && len(p.Certs) > 0 && slices.ContainsFunc(p.Certs[0].Findings, func(f finding.Finding) bool {
		switch f.ID {
		case finding.NameMismatch, finding.IPMismatch, finding.EmailMismatch, finding.NamesMissing, finding.WildcardRefused:
			return true
		}
		return false
	})
}

// briefValidity says how long the leaf holds, and of the others what does not
// hold or ends before the leaf.
func (r *Report) briefValidity() (items []ViewItem) {
	p := r.chosen()
	if p == nil || r.Time.IsZero() {
		return nil
	}
	var leaf *Cert
	label := "validity"
	for i, pc := range p.Certs {
		c := r.cert(pc)
		if c == nil || c.NotBefore.IsZero() && c.NotAfter.IsZero() && c.Subject == "" {
			continue
		}
		text, holds := c.left(r.Time)
		switch {
		case i == 0:
			leaf = c
		case holds && (leaf == nil || !c.NotAfter.Before(leaf.NotAfter)):
			continue
		default:
			text = r.place(Place{r.Chosen, i}) + ": " + text
		}
		item := ViewItem{Label: label, Text: text}
		if !holds {
			item.Class = Bad
		}
		items, label = append(items, item), ""
	}
	return items
}

// left says how much of the certificate's life is left at now, and whether it
// is valid then.
func (c *Cert) left(now time.Time) (text string, holds bool) {
	switch {
	case c.NotBefore.IsZero() || c.NotAfter.IsZero():
		return "the dates cannot be read", false
	case now.Before(c.NotBefore):
		return "begins in " + span(now, c.NotBefore) + ", on " + when(c.NotBefore), false
	case now.After(c.NotAfter):
		return "expired " + span(c.NotAfter, now) + " ago, on " + when(c.NotAfter), false
	}
	text = span(now, c.NotAfter) + " left"
	if share, ok := c.share(now); ok {
		text += " (" + strconv.Itoa(share) + "% of " + span(c.NotBefore, c.NotAfter) + ")"
	}
	return text + ", until " + when(c.NotAfter), true
}

// share is how much of the certificate's life is left at now, in percent,
// rounded down.
func (c *Cert) share(now time.Time) (percent int, ok bool) {
	life, left := c.NotAfter.Unix()-c.NotBefore.Unix(), c.NotAfter.Unix()-now.Unix()
	if life <= 0 || left < 0 || left > life {
		return 0, false
	}
	return int(float64(left) / float64(life) * 100), true
}

// briefRevocation has one line for each certificate, with every source.
func (r *Report) briefRevocation() (items []ViewItem) {
	p := r.chosen()
	if p == nil {
		return nil
	}
	label := "revocation"
	for i, pc := range p.Certs {
		rev := pc.Revocation
		if pc.Role == Anchor || rev == nil {
			continue
		}
		item := ViewItem{Label: label, Text: "the certificate: "}
		if i > 0 {
			item.Text = r.subject(pc.Cert) + ": "
		}
		switch rev.Status {
		case "":
			item.Text += string(Unknown)
		case Revoked:
			item.Text += "REVOKED"
			item.Class = Bad
		case NotApplicable:
			item.Text += whyWords(rev.Why)
		default:
			item.Text += finding.Quote(string(rev.Status))
		}
		item.Text += r.briefSources(*rev, r.Headline != nil && r.at(*r.Headline) == &p.Certs[i])
		items, label = append(items, item), ""
	}
	return items
}

// briefSources says what each source said: those that agree with the status by
// their kind and age, the others in full, but for those that the headline of the
// same certificate has.
func (r *Report) briefSources(rev Revocation, headline bool) string {
	var agree, other []string
	for _, a := range rev.Sources {
		switch {
		case a.Status == rev.Status && a.Status != "":
			s := sourceName(a.Scheme)
			if age := r.age(&a); age != "" {
				s += " (" + age + ")"
			}
			agree = append(agree, s)
		case headline && r.inHeadline(&a):
		default:
			other = append(other, r.said(&a))
		}
	}
	s := ""
	if agree = few(agree); len(agree) > 0 {
		s = " by " + strings.Join(agree, " and ")
	}
	for _, o := range few(other) {
		s += "; " + o
	}
	return s
}

// few cuts a list of parts of a line.
func few(parts []string) []string {
	if len(parts) <= briefMost {
		return parts
	}
	return append(parts[:briefMost:briefMost], fmt.Sprintf("%d more", len(parts)-briefMost))
}

// whyWords say why no status is expected.
func whyWords(w Why) string {
	switch w {
	case WhyNoPointer:
		return "not checked, for the certificate names no CRL and no OCSP responder"
	case WhyShortLived:
		return "not needed, for the certificate is short-lived"
	case WhyNoRevAvail:
		return "not needed, for its CA offers none (noRevAvail)"
	case WhyNotAsked:
		return "not asked for"
	}
	return finding.Quote(string(w))
}

// sourceName is what people call a source of revocation data.
func sourceName(s policy.Scheme) string {
	switch s {
	case policy.Staple:
		return "stapled OCSP response"
	case policy.OCSP:
		return "OCSP"
	case policy.CRL:
		return "CRL"
	case policy.CRLite:
		return "CRLite"
	}
	return s.String()
}

// said is what a source said, how old that is, and whether it was asked now.
func (r *Report) said(a *Answer) string {
	s := sourceName(a.Scheme)
	if a.URL != "" {
		s += " " + finding.Quote(a.URL)
	}
	status := "no status"
	if a.Status != "" {
		status = finding.Quote(string(a.Status))
	}
	if !a.RevokedAt.IsZero() {
		status += " since " + when(a.RevokedAt)
	}
	s += ": " + status
	if a.Detail != "" {
		s += ", " + finding.Quote(a.Detail)
	}
	if age := r.age(a); age != "" {
		s += ", " + age
	}
	return s
}

// age says when what a source said was made, and whether it was asked now.
func (r *Report) age(a *Answer) string {
	var parts []string
	if !a.ThisUpdate.IsZero() && !r.Time.IsZero() && !r.Time.Before(a.ThisUpdate) {
		parts = append(parts, "made "+span(a.ThisUpdate, r.Time)+" ago")
	}
	switch {
	case !a.Learnt.IsZero():
		parts = append(parts, "seen on "+when(a.Learnt))
	case a.Cached:
		parts = append(parts, cachedAgo(a.CachedSeconds))
	case r.asked(a):
		parts = append(parts, "asked now")
	}
	return strings.Join(parts, ", ")
}

// asked reports whether a is of a source that was asked for this report.
func (r *Report) asked(a *Answer) bool {
	return a.URL != "" && slices.ContainsFunc(r.Fetches, func(f Fetch) bool {
		return f.URL == a.URL && f.Outcome != Cached && f.Outcome != Refused
	})
}

// briefCT says what became of Certificate Transparency.
func (r *Report) briefCT() (items []ViewItem) {
	ct := r.CT
	if ct == nil || ct.Policy == policy.CTOff && len(ct.SCTs) == 0 {
		return nil
	}
	valid := 0
	for _, s := range ct.SCTs {
		if s.Status == SCTValid {
			valid++
		}
	}
	text := fmt.Sprintf("%d of %d SCTs are valid", valid, len(ct.SCTs))
	switch {
	case len(ct.SCTs) == 0:
		text = "no SCT"
	case ct.List == "":
		text = plural(len(ct.SCTs), "SCT") + ", not verified (no log list)"
	}
	item := ViewItem{Label: "CT"}
	switch {
	case ct.Met != nil && *ct.Met:
		text += "; the policy " + ct.Policy.String() + " is met"
	case ct.Met != nil:
		text += "; the policy " + ct.Policy.String() + " is not met"
		item.Class = Bad
	}
	item.Text = text
	return []ViewItem{item}
}

// plural is a number with its noun: "1 SCT", "2 SCTs".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if strings.HasSuffix(noun, "s") {
		noun += "e"
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

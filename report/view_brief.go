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
	s.Items = append(s.Items, r.briefAlso()...)
	s.Items = append(s.Items, r.briefRevocation()...)
	s.Items = append(s.Items, r.briefCT()...)
	s.Items = append(s.Items, r.briefDANE()...)
	s.Items = append(s.Items, r.briefPrograms()...)
	more := "-v shows everything"
	if h := r.Headline; h != nil {
		s.add("OpenSSL", r.openSSL(*h))
		if h.Finding.Kind().Explain != "" {
			more = "assay explain " + string(h.Finding.ID) + "; -v shows everything"
		}
	}
	s.add("more", more)
	return s
}

// openSSL is OpenSSL's name and number for the headline, or for the finding about
// all sources in whose place one source's own leads; "" where there is none.
func (r *Report) openSSL(h Headline) string {
	k := h.Finding.Kind()
	if pc := r.at(h); pc != nil && k.OpenSSL == "" && ofSource(h.Finding) {
		for _, f := range pc.Findings {
			if sumsUp(f.ID) && f.Severity == h.Finding.Severity {
				k = f.Kind()
			}
		}
	}
	if k.OpenSSL == "" {
		return ""
	}
	return k.OpenSSL + " (" + strconv.Itoa(k.OpenSSLCode) + ")"
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
		} else if len(c.ALPNOffered) > 0 && c.Version != "" {
			parts = append(parts, "ALPN none")
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
	if also := r.AlsoServes; h.Also && also != nil && also.Headline != nil {
		v := also.viewHeadline(*also.Headline)
		other := also.otherCertificate()
		if v.Where != "" {
			v.Where = other + ": " + v.Where
		}
		if v.Elsewhere != "" {
			other += ", " + v.Elsewhere
		}
		v.Elsewhere = other
		return v
	}
	v := r.viewOf(h.Finding, h.Cert <= 0)
	v.Advice = r.advice(h)
	url := h.Finding.Param("url")
	defer func() {
		if q := finding.Quote(url); !strings.Contains(v.Title, q) {
			v.URL = q
		}
	}()
	pc := r.at(h)
	if pc == nil {
		return v
	}
	v.Where = roleName(pc.Role) + " certificate, " + r.subject(pc.Cert)
	if h.Cert > 0 {
		v.Elsewhere = r.place(Place{Path: h.Path, Cert: h.Cert})
	}
	if h.Finding.Kind().Class == finding.ClassName && h.Cert == 0 && has(pc.Findings, finding.LeafSelfSigned) {
		v.Note = "looks like the server's default certificate: the server has no site of this name"
	}
	if pc.Revocation == nil {
		return v
	}
	var from []string
	for _, a := range pc.Revocation.Sources {
		if r.inHeadline(&a) {
			v.Sources = append(v.Sources, r.saidBeside(&a, v.Title))
			if a.URL != "" && !slices.Contains(from, a.URL) {
				from = append(from, a.URL)
			}
		}
	}
	if len(v.Sources) == 1 || sumsUp(h.Finding.ID) {
		url = strings.Join(few(from), ", ")
	}
	v.Sources = few(v.Sources)
	return v
}

// advice is what the headline means and what to do. Where all sources of a
// certificate failed in one way it is the advice about that.
func (r *Report) advice(h Headline) *ViewAdvice {
	f := h.Finding
	if pc := r.at(h); pc != nil && sumsUp(f.ID) {
		var kinds []finding.Finding
		for _, of := range pc.Findings {
			if ofSource(of) && of.Severity == f.Severity && !has(kinds, of.ID) {
				kinds = append(kinds, of)
			}
		}
		if len(kinds) == 1 {
			f = kinds[0]
		}
	}
	return r.viewOf(f, h.Cert <= 0).Advice
}

// otherCertificate names the report's leaf as the other one of a server's two.
func (r *Report) otherCertificate() string {
	if leaf := r.certAt(0); leaf != nil && leaf.Key != "" {
		return "the server's other certificate (" + finding.Quote(leaf.Key) + ")"
	}
	return "the server's other certificate"
}

// briefAlso says that the server has another certificate, and what came of it.
func (r *Report) briefAlso() (items []ViewItem) {
	also := r.AlsoServes
	if also == nil {
		return nil
	}
	text := "another certificate"
	if leaf := also.certAt(0); leaf != nil {
		left, _ := leaf.left(r.Time)
		text = finding.Quote(leaf.Key) + " certificate, " + left
	}
	return []ViewItem{{Label: "also serves", Text: text, State: also.Verdict.String(), Class: also.Verdict.Emphasis()}}
}

// has reports whether one of fs is of the given kind.
func has(fs []finding.Finding, id finding.ID) bool {
	return slices.ContainsFunc(fs, func(f finding.Finding) bool { return f.ID == id })
}

// Cause returns the headline in one line, without its ID: its title, the address
// that it is about, and the certificate unless it is the leaf. It is "" without
// a headline. Peer text in it is quoted.
func (r *Report) Cause() string {
	if r.Headline == nil {
		return ""
	}
	return r.viewHeadline(*r.Headline).Line()
}

// Line returns a finding in one line, without its ID.
func (f *ViewFinding) Line() string {
	s := f.Title
	for _, extra := range []string{f.Note, f.URL, f.Elsewhere} {
		if extra != "" {
			s += " (" + extra + ")"
		}
	}
	return s
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
const briefMost = 3

// briefFindings are the findings that count beside the headline, the worst
// first, each title once.
func (r *Report) briefFindings() (items []ViewItem) {
	type placed struct {
		at   Place
		f    finding.Finding
		more int // of the same kind
	}
	var all []placed
	seen, kinds := map[string]bool{}, map[finding.ID]int{}
	if h := r.Headline; h != nil {
		seen[h.Finding.Title()] = true
	}
	for at, f := range r.Counted() {
		if f.Severity < finding.Warning || seen[f.Title()] || r.told(at, f) {
			continue
		}
		seen[f.Title()] = true
		if i, ok := kinds[f.ID]; ok && all[i].f.Severity >= f.Severity {
			all[i].more++
			continue
		}
		kinds[f.ID] = len(all)
		all = append(all, placed{at, f, 0})
	}
	most := briefMost
	if r.Verdict.known() != Accept {
		most-- // the cause is what matters
	}
	slices.SortStableFunc(all, func(a, b placed) int { return int(b.f.Severity) - int(a.f.Severity) })
	for i, p := range all {
		if i == most {
			return append(items, ViewItem{Label: "also", Text: plural(len(all)-i, "more finding")})
		}
		v := ViewOf(p.f)
		v.Advice = nil
		if p.more > 0 {
			v.Title += fmt.Sprintf(" (and %d more of this kind)", p.more)
		}
		if p.at.Cert > 0 {
			v.Elsewhere = r.place(p.at)
		}
		if p.at.Also {
			v.Elsewhere = r.AlsoServes.otherCertificate()
		}
		items = append(items, ViewItem{Finding: v})
	}
	return items
}

// told reports whether the headline says what f says: one of them is about all
// sources together, the other about one of them, which has its line there.
func (r *Report) told(at Place, f finding.Finding) bool {
	h := r.Headline
	if !at.Also && (sumsUp(f.ID) || f.ID == finding.RevocationNotFetched) {
		return true // the line about the certificate's revocation says so
	}
	if h == nil || h.Path != at.Path || h.Cert != at.Cert || h.Also != at.Also {
		return false
	}
	return sumsUp(h.Finding.ID) && ofSource(f) || ofSource(h.Finding) && f.ID == finding.RevocationDisagree
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
			continue
		case pc.Role == Anchor:
			name = "trusted root " + name
			if c != nil && c.Store != "" && r.Verdict.known() == Accept {
				name += " (" + finding.Quote(c.Store) + ")"
			}
		case c != nil && c.Source == CertAIA:
			name += " (downloaded)"
		}
		parts = append(parts, name)
	}
	if n := len(parts); n > briefMost {
		parts = []string{parts[0], plural(n-2, "more certificate"), parts[n-1]}
	}
	item := ViewItem{Label: "chain"}
	if p.End != EndAnchor {
		parts, item.Class = append(parts, endWords(p.End)), Bad
		if p.End == EndUntrusted && len(p.Certs) == 1 {
			parts = []string{"self-signed and not trusted"}
		}
	}
	item.Text = strings.Join(parts, ", ")
	if c := r.Connection; c != nil && c.Version != "" {
		item.Text = plural(len(r.Sent), "certificate") + " sent; " + item.Text
	}
	return []ViewItem{item}
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
		case finding.NameMismatch, finding.IPMismatch, finding.EmailMismatch, finding.URIMismatch, finding.NamesMissing, finding.WildcardRefused:
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
	label, refused := "validity", r.Verdict.known() != Accept
	for i, pc := range p.Certs {
		c := r.cert(pc)
		if c == nil || c.NotBefore.IsZero() && c.NotAfter.IsZero() && c.Subject == "" {
			continue
		}
		text, holds := c.left(r.Time)
		switch {
		case i == 0:
			leaf = c
		case holds && (refused || leaf == nil || !c.NotAfter.Before(leaf.NotAfter)):
			continue
		default:
			text = r.place(Place{Path: r.Chosen, Cert: i}) + ": " + text
		}
		item := ViewItem{Label: label, Text: text}
		if !holds {
			item.Class = Bad
		}
		items, label = append(items, item), ""
	}
	return fewItems(items)
}

// fewItems cuts the lines about the certificates of one path.
func fewItems(items []ViewItem) []ViewItem {
	if n := len(items) - briefMost; n > 0 {
		return append(items[:briefMost:briefMost], ViewItem{Text: plural(n, "more certificate")})
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
		return "starts in " + span(now, c.NotBefore) + ", on " + when(c.NotBefore), false
	case now.After(c.NotAfter):
		return "expired " + span(c.NotAfter, now) + " ago, on " + when(c.NotAfter), false
	}
	text = span(now, c.NotAfter) + " left"
	if share, ok := c.share(now); ok {
		text += " (" + strconv.Itoa(share) + "% of " + span(c.NotBefore, c.NotAfter) + ")"
	}
	return text + ", until " + when(c.NotAfter), true
}

// leftShort says how much of the leaf's life is left; "" when that is not known or
// the headline is about it.
func (r *Report) leftShort() string {
	c := r.certAt(0)
	if h := r.Headline; c == nil || h != nil && h.Cert <= 0 && (h.Finding.ID == finding.CertExpiresSoon || h.Finding.ID == finding.CertExpired) {
		return ""
	}
	days := daysBetween(r.Time, c.NotAfter)
	if days == nil || *days < 0 {
		return ""
	}
	text := plural(*days, "day") + " left"
	if share, ok := c.share(r.Time); ok {
		text += " (" + strconv.Itoa(share) + "%)"
	}
	return text
}

// share is how much of the certificate's life is left at now, in percent,
// rounded down.
func (c *Cert) share(now time.Time) (percent int, ok bool) {
	life, left := c.NotAfter.Unix()-c.NotBefore.Unix(), c.NotAfter.Unix()-now.Unix()
	if life <= 0 || c.NotBefore.IsZero() || c.NotAfter.IsZero() || now.IsZero() {
		return 0, false
	}
	return int(float64(min(max(left, 0), life)) / float64(life) * 100), true
}

// briefCT says what became of Certificate Transparency.
func (r *Report) briefCT() (items []ViewItem) {
	ct := r.CT
	if ct == nil || ct.Policy == policy.CTOff && len(ct.SCTs) == 0 {
		return nil
	}
	if r.Verdict.known() != Accept && (ct.Met == nil || *ct.Met) {
		return nil // it is not why, and the screen is full
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

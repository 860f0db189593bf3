package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/assaytls/assay/finding"
)

// endWords say how a path ends.
func endWords(e PathEnd) string {
	switch e {
	case EndAnchor:
		return "reaches a trusted root"
	case EndUntrusted:
		return "ends in a root that is not trusted"
	case EndNoIssuer:
		return "incomplete: an issuer was not found"
	case EndBudget:
		return "the search stopped at a limit"
	}
	return finding.Quote(string(e))
}

// viewPath shows candidate path i.
func (r *Report) viewPath(i int) ViewSection {
	p, chosen := r.Paths[i], i == r.Chosen
	s := ViewSection{Kind: SectionPath, Title: "Path", Items: r.findingItems(p.Findings, true)}
	if len(r.Paths) > 1 {
		s.Detail = fmt.Sprintf(" %d of %d", i+1, len(r.Paths))
		if chosen {
			s.Detail += ", chosen"
		}
	}
	s.Detail += ": " + endWords(p.End)
	for j, pc := range p.Certs {
		s.Sections = append(s.Sections, r.viewPathCert(j, pc))
	}
	return s
}

// viewPathCert shows one certificate in its place: what it is, its revocation
// status, its findings.
func (r *Report) viewPathCert(pos int, pc PathCert) ViewSection {
	s := ViewSection{Kind: SectionPathCert, Number: pos, Role: roleName(pc.Role), Title: r.subject(pc.Cert)}
	if pc.Cert >= 0 && pc.Cert < len(r.Certs) {
		s.Items = r.Certs[pc.Cert].items(r.Time)
		s.Items = append(s.Items, ViewItem{Label: "SHA-256", Text: finding.Quote(r.Certs[pc.Cert].SHA256)})
	}
	if pc.Revocation != nil {
		s.Items = append(s.Items, revocationItems(*pc.Revocation)...)
	}
	s.Items = append(s.Items, r.findingItems(pc.Findings, pos == 0)...)
	return s
}

func roleName(r Role) string {
	if r == "" {
		return "certificate"
	}
	return finding.Quote(string(r))
}

// subject returns the quoted subject of certificate i of the report.
func (r *Report) subject(i int) string {
	if i < 0 || i >= len(r.Certs) {
		return "?"
	}
	c := r.Certs[i]
	switch {
	case c.Subject != "":
		return finding.Quote(c.Subject)
	case len(c.Names) > 0:
		return "(empty subject, " + finding.Quote(c.Names[0]) + ")"
	}
	return "(empty subject)"
}

// items are the lines that every reader wants of a certificate, judged for the
// time now.
func (c *Cert) items(now time.Time) []ViewItem {
	s := ViewSection{Items: []ViewItem{{Label: "issuer", Text: finding.Quote(c.Issuer)}}}
	if len(c.Names) > 0 {
		s.Items = append(s.Items, list("names", c.Names))
	}
	s.add("validity", c.validity(now))
	key := finding.Quote(c.Key)
	if c.Signature != "" {
		key += ", signed with " + finding.Quote(c.Signature)
	}
	s.Items = append(s.Items, ViewItem{Label: "key", Text: key}, ViewItem{Label: "serial", Text: finding.Quote(c.Serial)})
	if c.Source != "" && c.Source != CertSent {
		from := sourceWords(c.Source)
		if c.Store != "" {
			from += " (" + c.Store + ")"
		}
		s.add("from", from)
	}
	if c.MustStaple {
		s.add("requires", "a stapled OCSP response (must-staple)")
	}
	return s.Items
}

func sourceWords(s CertSource) string {
	switch s {
	case CertAnchor:
		return "the trusted roots"
	case CertAIA:
		return "a download (AIA caIssuers)"
	case CertFile:
		return "a file"
	}
	return string(s)
}

// validity says from when until when, and how that lies to the time now. A
// zero time leaves out the latter.
func (c *Cert) validity(now time.Time) string {
	if c.NotBefore.IsZero() && c.NotAfter.IsZero() {
		return "unreadable"
	}
	s := strings.TrimSuffix(when(c.NotBefore), " UTC") + " to " + when(c.NotAfter)
	switch {
	case now.IsZero():
	case now.Before(c.NotBefore):
		s += ", starts in " + span(now, c.NotBefore)
	case now.After(c.NotAfter):
		s += ", expired " + span(c.NotAfter, now) + " ago"
	default:
		s += ", " + span(now, c.NotAfter) + " left"
	}
	return s
}

// revocationItems are the status and every source's own answer.
func revocationItems(v Revocation) []ViewItem {
	head := ViewItem{Label: "revocation", State: finding.Quote(string(v.Status))}
	switch v.Status {
	case "":
		head.State = string(Unknown)
	case Revoked:
		head.State, head.Class = "REVOKED", Bad
	}
	if by := v.Agreeing(); len(by) > 0 {
		words := make([]string, len(by))
		for i, s := range by {
			words[i] = s.String()
		}
		head.Text += ", by " + strings.Join(words, " and ")
	}
	if v.Why != "" {
		head.Text += " (" + finding.Quote(string(v.Why)) + ")"
	}
	items := []ViewItem{head}
	for _, a := range v.Sources {
		items = append(items, ViewItem{Depth: 1, Label: a.Scheme.String(), Text: a.words()})
	}
	return items
}

// words describe what one source said.
func (a *Answer) words() string {
	status := string(a.Status)
	if status == "" {
		status = "no status"
	}
	parts := []string{finding.Quote(status)}
	if !a.RevokedAt.IsZero() {
		parts[0] += " since " + when(a.RevokedAt)
	}
	if a.Reason != "" {
		parts[0] += " (" + finding.Quote(a.Reason) + ")"
	}
	if a.Detail != "" {
		parts[0] += ": " + finding.Quote(a.Detail)
	}
	if a.URL != "" {
		parts = append(parts, finding.Quote(a.URL))
	}
	if a.Filter != "" {
		filter := "filter " + finding.Quote(a.Filter)
		if a.Filter == OneCRL {
			filter = OneCRL
		}
		if a.FilterSHA256 != "" {
			filter += ", SHA-256 " + finding.Quote(a.FilterSHA256)
		}
		parts = append(parts, filter)
	}
	if a.CoveredLog != "" {
		parts = append(parts, "covered by the SCT of log "+finding.Quote(a.CoveredLog)+", made "+when(a.CoveredAt))
	}
	if a.Signer != "" {
		parts = append(parts, "signed by "+finding.Quote(a.Signer))
	}
	if !a.ThisUpdate.IsZero() {
		parts = append(parts, "made "+when(a.ThisUpdate))
	}
	if !a.NextUpdate.IsZero() {
		parts = append(parts, "valid until "+when(a.NextUpdate))
	}
	if a.Cached {
		parts = append(parts, cachedAgo(a.CachedSeconds))
	}
	return strings.Join(parts, "; ")
}

// View returns all there is to say of one certificate, apart from any path.
// now is the moment for which the time left is told; a zero now tells none.
func (c *Cert) View(now time.Time) ViewSection {
	s := ViewSection{Kind: SectionCertificate}
	subject := c.Subject
	if subject == "" {
		subject = "(empty)"
	}
	s.add("subject", subject)
	s.Items = append(s.Items, c.items(now)...)
	s.add("version", strconv.Itoa(c.Version))
	ca := "no"
	if c.CA {
		ca = "yes"
		if c.PathLen != nil {
			ca += ", path length " + strconv.Itoa(*c.PathLen)
		}
	}
	s.add("CA", ca)
	for _, l := range []struct {
		label string
		vs    []string
	}{
		{"key usage", c.KeyUsage}, {"purposes", c.ExtKeyUsage}, {"policies", c.Policies},
		{"OCSP", c.OCSP}, {"issuers", c.CAIssuers}, {"CRL", c.CRL},
	} {
		if len(l.vs) > 0 {
			s.Items = append(s.Items, list(l.label, l.vs))
		}
	}
	s.add("subject ID", c.SubjectKeyID)
	s.add("issuer ID", c.AuthorityKey)
	s.add("SHA-256", c.SHA256)
	s.add("SPKI hash", c.SPKISHA256)
	for _, e := range c.Extensions {
		text := finding.Quote(e.Name)
		if text == "" {
			text = finding.Quote(e.OID)
		}
		if e.Critical {
			text += " (critical)"
		}
		if e.Value != "" {
			text += ": " + shorten(finding.Quote(e.Value))
		}
		s.Items = append(s.Items, ViewItem{Label: "extension", Text: text})
	}
	if c.PEM != "" {
		for l := range strings.SplitSeq(strings.TrimSpace(c.PEM), "\n") {
			s.PEM = append(s.PEM, finding.Quote(l))
		}
	}
	return s
}

// shorten cuts a long hex value; the whole of it is in the PEM.
func shorten(s string) string {
	const most = 64
	if len(s) <= most || strings.Contains(s, " ") {
		return s
	}
	return s[:most] + "..."
}

// when formats a time, always in UTC.
func when(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// span says how far to is from from, in the unit that fits. A time.Duration
// holds no more than 292 years.
func span(from, to time.Time) string {
	n, unit := to.Unix()-from.Unix(), "second"
	switch {
	case n >= 20*366*24*3600:
		n, unit = n/(365*24*3600+6*3600), "year" // of 365.25 days
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

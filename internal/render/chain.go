package render

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// connection writes what was seen on the wire.
func (t *text) connection() {
	c := t.r.Connection
	if c == nil || c.Addr == "" && c.Version == "" && len(c.Attempts) == 0 {
		return
	}
	t.heading("CONNECTION")
	switch {
	case c.Proxy != "":
		t.field(2, "proxy", finding.Quote(c.Proxy))
	case c.Addr != "":
		t.field(2, "address", finding.Quote(c.Addr))
	}
	var proto []string
	for _, v := range []string{c.Version, c.Suite, c.Group, c.Signature} {
		if v != "" {
			proto = append(proto, finding.Quote(v))
		}
	}
	if c.ALPN != "" {
		proto = append(proto, "ALPN "+finding.Quote(c.ALPN))
	}
	if c.Resumed {
		proto = append(proto, "resumed")
	}
	if len(proto) > 0 {
		t.field(2, "protocol", strings.Join(proto, ", "))
	}
	if c.ServerName != "" && c.ServerName != t.r.Target.Host {
		t.field(2, "SNI", finding.Quote(c.ServerName))
	}
	if c.Version != "" {
		t.field(2, "sent", sentWords(c, len(t.r.Sent)))
	}
	if c.ClientCert != "" {
		t.field(2, "client", "certificate "+finding.Quote(c.ClientCert))
	}
	if len(c.ClientCAs) > 0 {
		t.field(4, "issuers", t.list(c.ClientCAs))
	}
	if len(c.ClientSchemes) > 0 {
		t.field(4, "schemes", t.list(c.ClientSchemes))
	}
	if c.Alert != "" {
		t.field(2, "alert", finding.Quote(c.Alert))
	}
	if c.Probe != "" {
		t.field(2, "probe", finding.Quote(c.Probe))
	}
	if t.Verbose && c.BytesIn+c.BytesOut > 0 {
		t.field(2, "bytes", fmt.Sprintf("%d in, %d out", c.BytesIn, c.BytesOut))
	}
	if len(c.Attempts) > 1 || t.Verbose || c.Version == "" {
		for _, a := range c.Attempts {
			s := finding.Quote(a.Addr) + " " + finding.Quote(a.Outcome) + ", " + millis(a.MS)
			if a.Detail != "" {
				s += ": " + finding.Quote(a.Detail)
			}
			t.field(2, "tried", s)
		}
	}
}

// sentWords says what the server sent beside the handshake.
func sentWords(c *report.Connection, certs int) string {
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

// endWords say how a path ends.
func endWords(e report.PathEnd) string {
	switch e {
	case report.EndAnchor:
		return "reaches a trust anchor"
	case report.EndUntrusted:
		return "ends in a root that is not trusted"
	case report.EndNoIssuer:
		return "ends where no issuer was found"
	case report.EndBudget:
		return "the search stopped at a limit"
	}
	return finding.Quote(string(e))
}

// paths writes every candidate path; those that do not count only in short.
func (t *text) paths() {
	for i, p := range t.r.Paths {
		chosen := i == t.r.Chosen
		h := "PATH"
		if len(t.r.Paths) > 1 {
			h = fmt.Sprintf("PATH %d of %d", i+1, len(t.r.Paths))
			if chosen {
				h += ", chosen"
			}
		}
		t.heading(h + ": " + endWords(p.End))
		full := chosen || t.Verbose
		t.findings(2, p.Findings, full)
		for j, pc := range p.Certs {
			if full {
				t.pathCert(j, pc)
				continue
			}
			t.line(fmt.Sprintf("  %d  %s  %s", j, pad(role(pc), 12), t.subject(pc.Cert)))
			t.findings(5, pc.Findings, false)
		}
	}
}

func role(pc report.PathCert) string {
	if pc.Role == "" {
		return "certificate"
	}
	return finding.Quote(string(pc.Role))
}

// subject returns the quoted subject of certificate i of the report.
func (t *text) subject(i int) string {
	if i < 0 || i >= len(t.r.Certs) {
		return "?"
	}
	c := t.r.Certs[i]
	switch {
	case c.Subject != "":
		return finding.Quote(c.Subject)
	case len(c.Names) > 0:
		return "(empty subject, " + finding.Quote(c.Names[0]) + ")"
	}
	return "(empty subject)"
}

// pathCert writes one certificate in its place: what it is, its revocation
// status, its findings.
func (t *text) pathCert(pos int, pc report.PathCert) {
	if pos > 0 {
		t.blank()
	}
	t.hang(fmt.Sprintf("  %d  %s  ", pos, role(pc)), "", t.subject(pc.Cert), bold)
	if pc.Cert >= 0 && pc.Cert < len(t.r.Certs) {
		t.facts(5, t.r.Certs[pc.Cert])
	}
	if pc.Revocation != nil {
		t.revocation(5, *pc.Revocation)
	}
	t.findings(5, pc.Findings, true)
}

// facts writes the lines that every reader wants of a certificate.
func (t *text) facts(indent int, c report.Cert) {
	t.field(indent, "issuer", finding.Quote(c.Issuer))
	if len(c.Names) > 0 {
		t.field(indent, "names", t.list(c.Names))
	}
	t.field(indent, "validity", t.validity(c))
	key := finding.Quote(c.Key)
	if c.Signature != "" {
		key += ", signed with " + finding.Quote(c.Signature)
	}
	t.field(indent, "key", key)
	t.field(indent, "serial", finding.Quote(c.Serial))
	if c.Source != "" && c.Source != report.CertSent {
		t.field(indent, "from", sourceWords(c.Source))
	}
	if c.MustStaple {
		t.field(indent, "demands", "a stapled OCSP response (must-staple)")
	}
	if t.Verbose {
		t.field(indent, "SHA-256", finding.Quote(c.SHA256))
	}
}

func sourceWords(s report.CertSource) string {
	switch s {
	case report.CertAnchor:
		return "the trust anchors"
	case report.CertAIA:
		return "a download (AIA caIssuers)"
	case report.CertFile:
		return "a file"
	}
	return finding.Quote(string(s))
}

func (t *text) validity(c report.Cert) string {
	if c.NotBefore.IsZero() && c.NotAfter.IsZero() {
		return "unreadable"
	}
	s := strings.TrimSuffix(when(c.NotBefore), " UTC") + " to " + when(c.NotAfter)
	switch now := t.r.Time; {
	case now.IsZero():
	case now.Before(c.NotBefore):
		s += ", begins in " + span(now, c.NotBefore)
	case now.After(c.NotAfter):
		s += ", over for " + span(c.NotAfter, now)
	default:
		s += ", " + span(now, c.NotAfter) + " left"
	}
	return s
}

// revocation writes the status and every source's own answer.
func (t *text) revocation(indent int, v report.Revocation) {
	s := finding.Quote(string(v.Status))
	if v.Status == "" {
		s = string(report.Unknown)
	}
	if v.Status == report.Revoked {
		s = t.paint(red, "REVOKED")
	}
	if v.Scheme != "" {
		s += ", by " + finding.Quote(v.Scheme)
	}
	if v.Why != "" {
		s += " (" + finding.Quote(string(v.Why)) + ")"
	}
	t.line(strings.Repeat(" ", indent) + pad("revocation", labelWidth) + s)
	for _, a := range v.Sources {
		t.hang(strings.Repeat(" ", indent+2)+pad(finding.Quote(a.Scheme), labelWidth-2), "", t.answer(a), "")
	}
}

// answer describes what one source said.
func (t *text) answer(a report.Answer) string {
	status := string(a.Status)
	if status == "" {
		status = "no information"
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
	if a.Signer != "" {
		parts = append(parts, "signed by "+finding.Quote(a.Signer))
	}
	if !a.ThisUpdate.IsZero() {
		parts = append(parts, "of "+when(a.ThisUpdate))
	}
	if !a.NextUpdate.IsZero() {
		parts = append(parts, "next "+when(a.NextUpdate))
	}
	if a.Cached {
		parts = append(parts, "from the cache")
	}
	return strings.Join(parts, "; ")
}

// certificates writes every certificate of the report in full.
func (t *text) certificates() {
	for i, c := range t.r.Certs {
		t.heading(fmt.Sprintf("CERTIFICATE %d of %d", i+1, len(t.r.Certs)))
		t.certificate(2, c)
		t.pem(c)
	}
}

// certificate writes all there is to say of one certificate.
func (t *text) certificate(indent int, c report.Cert) {
	subject := finding.Quote(c.Subject)
	if subject == "" {
		subject = "(empty)"
	}
	t.field(indent, "subject", subject)
	quiet := t.Verbose
	t.Verbose = false // the fingerprint comes below, with the others
	t.facts(indent, c)
	t.Verbose = quiet
	t.field(indent, "version", strconv.Itoa(c.Version))
	ca := "no"
	if c.CA {
		ca = "yes"
		if c.PathLen != nil {
			ca += ", path length " + strconv.Itoa(*c.PathLen)
		}
	}
	t.field(indent, "CA", ca)
	for _, l := range []struct {
		label string
		vs    []string
	}{
		{"key usage", c.KeyUsage}, {"purposes", c.ExtKeyUsage}, {"policies", c.Policies},
		{"OCSP", c.OCSP}, {"issuers", c.CAIssuers}, {"CRL", c.CRL},
	} {
		if len(l.vs) > 0 {
			t.field(indent, l.label, t.list(l.vs))
		}
	}
	for _, l := range []struct{ label, v string }{
		{"subject ID", c.SubjectKeyID}, {"issuer ID", c.AuthorityKey},
		{"SHA-256", c.SHA256}, {"SPKI hash", c.SPKISHA256},
	} {
		if l.v != "" {
			t.field(indent, l.label, finding.Quote(l.v))
		}
	}
	for _, e := range c.Extensions {
		name := finding.Quote(e.Name)
		if name == "" {
			name = finding.Quote(e.OID)
		}
		if e.Critical {
			name += " (critical)"
		}
		if e.Value != "" {
			name += ": " + shorten(finding.Quote(e.Value))
		}
		t.field(indent, "extension", name)
	}
}

// pem writes the certificate itself.
func (t *text) pem(c report.Cert) {
	if c.PEM == "" {
		return
	}
	for _, l := range strings.Split(strings.TrimSpace(c.PEM), "\n") {
		t.line(finding.Quote(l))
	}
}

// shorten cuts a long hex value; the whole of it is in the PEM.
func shorten(s string) string {
	const most = 64
	if len(s) <= most || strings.Contains(s, " ") {
		return s
	}
	return s[:most] + "..."
}

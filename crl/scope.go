package crl

import (
	"strings"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
)

// scope is what a list covers of one certificate.
type scope struct {
	reasons cert.Reasons     // the reasons it answers for; 0 when it is not about the certificate
	why     *finding.Finding // why it is not
}

// Covers reports whether the list is about c, as far as names and scope tell
// (RFC 5280, 6.3.3 (b)). Its signature and dates are not looked at.
func (l *List) Covers(c *cert.Certificate) bool { return scopeOf(l, c).why == nil }

// scopeOf applies RFC 5280, 6.3.3 (b) and (d): the list is about c when one of
// c's distribution points matches it, or the point that every certificate has
// by implication, its issuer.
func scopeOf(l *List, c *cert.Certificate) scope {
	idp := l.IDP
	if idp != nil {
		if kind := otherKind(idp, c); kind != "" {
			f := finding.New(finding.CRLOtherKind, "kind", kind)
			return scope{why: &f}
		}
	}
	names := idpNames(l)
	var s scope
	issuerMatches := false
	add := func(byIssuer bool, candidates []cert.GeneralName, reasons cert.Reasons) {
		if !byIssuer {
			return
		}
		issuerMatches = true
		if names != nil && !anyIn(names, candidates) {
			return
		}
		if idp != nil && idp.HasReasons {
			reasons &= idp.OnlySomeReasons
		}
		s.reasons |= reasons & cert.AllReasons
	}
	for _, p := range c.CRLPoints {
		reasons := cert.AllReasons
		if p.HasReasons {
			reasons = p.Reasons
		}
		byIssuer := sameName(l.Issuer, c.Issuer)
		if len(p.CRLIssuer) > 0 {
			byIssuer = idp != nil && idp.Indirect && names0(p.CRLIssuer, l.Issuer)
		}
		add(byIssuer, pointNames(p, c), reasons)
	}
	implied := append([]cert.GeneralName{{Type: cert.DirectoryName, Dir: c.Issuer}}, c.IssuerAltNames...)
	add(sameName(l.Issuer, c.Issuer), implied, cert.AllReasons)
	if s.reasons != 0 {
		return s
	}
	f := finding.New(finding.CRLOtherIssuer, "issuer", l.Issuer.String())
	if issuerMatches {
		f = finding.New(finding.CRLOtherPartition, "detail", describe(idp))
	}
	s.why = &f
	return s
}

// otherKind names what an issuing distribution point limits its list to, if c
// is not of that kind. Version 1 certificates do not say which kind they are.
func otherKind(idp *IDP, c *cert.Certificate) string {
	switch known := c.Version >= 3; {
	case idp.OnlyAttribute:
		return "attribute certificates"
	case idp.OnlyUser && (c.CA || !known):
		return "end-entity certificates"
	case idp.OnlyCA && (!c.CA || !known):
		return "CA certificates"
	}
	return ""
}

func sameName(a, b cert.Name) bool { return !a.Empty() && a.Canon == b.Canon }

// names0 reports whether names has the directory name n.
func names0(names []cert.GeneralName, n cert.Name) bool {
	for _, g := range names {
		if g.Type == cert.DirectoryName && sameName(g.Dir, n) {
			return true
		}
	}
	return false
}

// idpNames returns the keys of the names in a list's issuing distribution
// point; nil when it has none.
func idpNames(l *List) map[string]bool {
	if l.IDP == nil || !l.IDP.HasName {
		return nil
	}
	keys := make(map[string]bool)
	for _, g := range l.IDP.FullName {
		keys[nameKey(g)] = true
	}
	if len(l.IDP.Relative) > 0 {
		keys[nameKey(cert.GeneralName{Type: cert.DirectoryName, Dir: l.Issuer.Child(l.IDP.Relative)})] = true
	}
	return keys
}

// pointNames returns the names that a distribution point of c goes by.
func pointNames(p cert.DistributionPoint, c *cert.Certificate) []cert.GeneralName {
	switch {
	case len(p.Relative) > 0:
		base := c.Issuer
		if len(p.CRLIssuer) > 0 {
			if len(p.CRLIssuer) != 1 { // RFC 5280, 4.2.1.13: then it is ambiguous
				return nil
			}
			base = p.CRLIssuer[0].Dir
		}
		return []cert.GeneralName{{Type: cert.DirectoryName, Dir: base.Child(p.Relative)}}
	case p.HasName:
		return p.FullName
	}
	return p.CRLIssuer
}

func anyIn(keys map[string]bool, names []cert.GeneralName) bool {
	for _, g := range names {
		if keys[nameKey(g)] {
			return true
		}
	}
	return false
}

// nameKey is equal for equal names. URIs are the same when their schemes and
// hosts are, in any case, and the rest is octet by octet (RFC 5280, 7.4).
func nameKey(g cert.GeneralName) string {
	kind := string(rune('0' + int(g.Type)))
	switch g.Type {
	case cert.DirectoryName:
		return kind + g.Dir.Canon
	case cert.DNSName:
		return kind + strings.ToLower(g.Value)
	case cert.URIName:
		return kind + foldHost(string(g.Bytes))
	case cert.OtherName:
		return kind + g.Value + "\x00" + string(g.Bytes)
	}
	return kind + string(g.Bytes)
}

// foldHost brings the scheme and the host of a URI into lower case; who is asked
// there, before an @, is left as it is.
func foldHost(uri string) string {
	scheme, rest, ok := strings.Cut(uri, "://")
	if !ok {
		return uri
	}
	end := len(rest)
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		end = i
	}
	host := strings.LastIndexByte(rest[:end], '@') + 1
	return strings.ToLower(scheme) + "://" + rest[:host] + strings.ToLower(rest[host:end]) + rest[end:]
}

// describe says which part an issuing distribution point is for.
func describe(idp *IDP) string {
	if idp == nil {
		return "it has no name for its part"
	}
	for _, g := range idp.FullName {
		switch g.Type {
		case cert.URIName, cert.DNSName:
			return "it is for " + g.Value
		case cert.DirectoryName:
			return "it is for " + g.Dir.String()
		}
	}
	if idp.HasReasons {
		return "it shares no reason with the certificate's distribution points"
	}
	return "it is for a distribution point of another name"
}

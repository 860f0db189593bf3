package cert

import (
	"bytes"
	"net/netip"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/assaytls/assay/internal/der"
)

// offsetIn returns where part lies in whole; parts decoded from whole are
// found where they stand or at an equal place before.
func offsetIn(whole, part []byte) int { return max(bytes.Index(whole, part), 0) }

// attributeRule is what RFC 5280, appendix A.1 says of one kind of attribute.
type attributeRule struct {
	only der.Tag // the only string type allowed, 0 for DirectoryString
	max  int     // upper bound in characters, 0 for none
}

var attributeRules = map[string]attributeRule{
	"2.5.4.3": {0, 64}, "2.5.4.4": {0, 32768}, "2.5.4.5": {der.PrintableString, 64}, "2.5.4.6": {der.PrintableString, 2},
	"2.5.4.7": {0, 128}, "2.5.4.8": {0, 128}, "2.5.4.9": {0, 128}, "2.5.4.10": {0, 64}, "2.5.4.11": {0, 64}, "2.5.4.12": {0, 64},
	"2.5.4.17": {0, 40}, "2.5.4.41": {0, 32768}, "2.5.4.42": {0, 32768}, "2.5.4.43": {0, 32768}, "2.5.4.44": {0, 32768},
	"2.5.4.46": {der.PrintableString, 0}, "2.5.4.65": {0, 128},
	"1.2.840.113549.1.9.1": {der.IA5String, 255}, "0.9.2342.19200300.100.1.25": {der.IA5String, 0},
}

// eachAttribute calls f for the attributes of both names that have a rule.
func (r *strictRun) eachAttribute(f func(r *strictRun, a *Attribute, rule attributeRule, field string)) {
	for i, n := range [...]*Name{&r.c.Issuer, &r.c.Subject} {
		field := [...]string{"issuer", "subject"}[i]
		for _, rdn := range n.RDNs {
			for k := range rdn {
				if plainAttribute(&rdn[k]) {
					continue
				}
				if rule, ok := attributeRules[rdn[k].OID]; ok && !r.full() {
					f(r, &rdn[k], rule, field)
				}
			}
		}
	}
}

// plainAttribute reports whether a follows every rule at first sight, as
// nearly all attributes do.
func plainAttribute(a *Attribute) bool {
	t, n := der.Tag(a.Tag), len(a.Value)
	if n == 0 || n > 40 || t != der.PrintableString && t != der.UTF8String {
		return false
	}
	switch a.OID {
	case "2.5.4.6":
		return t == der.PrintableString && n == 2
	case "2.5.4.5", "2.5.4.46":
		return t == der.PrintableString
	case "1.2.840.113549.1.9.1", "0.9.2342.19200300.100.1.25":
		return false
	}
	return true
}

func nameStringTypes(r *strictRun) {
	r.eachAttribute(func(r *strictRun, a *Attribute, rule attributeRule, field string) {
		t := der.Tag(a.Tag)
		if rule.only != 0 && t != rule.only || rule.only == 0 && t != der.PrintableString && t != der.UTF8String {
			r.flag(offsetIn(r.c.Raw, a.Raw), field, OIDName(a.OID)+" is a "+stringType(t))
		}
	})
}

func stringType(t der.Tag) string {
	switch t {
	case der.PrintableString:
		return "PrintableString"
	case der.UTF8String:
		return "UTF8String"
	case der.IA5String:
		return "IA5String"
	case der.NumericString:
		return "NumericString"
	case der.T61String:
		return "TeletexString"
	case der.BMPString:
		return "BMPString"
	case der.UniversalString:
		return "UniversalString"
	case der.VisibleString:
		return "VisibleString"
	}
	return "value of another type"
}

func nameLengths(r *strictRun) {
	r.eachAttribute(func(r *strictRun, a *Attribute, rule attributeRule, field string) {
		switch n := utf8.RuneCountInString(a.Value); {
		case n == 0:
			r.flag(offsetIn(r.c.Raw, a.Raw), field, OIDName(a.OID)+" is empty")
		case rule.max > 0 && n > rule.max:
			r.flag(offsetIn(r.c.Raw, a.Raw), field, OIDName(a.OID)+" is too long")
		case a.OID == "2.5.4.6" && n != 2:
			r.flag(offsetIn(r.c.Raw, a.Raw), field, "C is not two letters")
		}
	})
}

func emailNotInSAN(r *strictRun) {
	var known map[string]bool
	for _, rdn := range r.c.Subject.RDNs {
		for i := range rdn {
			a := &rdn[i]
			if a.OID != "1.2.840.113549.1.9.1" || r.full() {
				continue
			}
			if known == nil {
				known = r.c.emails()
			}
			if !known[strings.ToLower(a.Value)] {
				r.flag(offsetIn(r.c.Raw, a.Raw), "subject", a.Value)
			}
		}
	}
}

// emails returns the e-mail addresses of the subjectAltName in lower case.
func (c *Certificate) emails() map[string]bool {
	m := map[string]bool{}
	for i := range c.SAN {
		switch g := &c.SAN[i]; {
		case g.Type == EmailName:
			m[strings.ToLower(g.Value)] = true
		case g.Type == OtherName && g.Value == OIDSmtpUTF8Mailbox:
			m[strings.ToLower(otherText(g.Bytes))] = true
		}
	}
	return m
}

// generalNameSyntax applies the finer rules of RFC 5280, 4.2.1.6 and 4.2.1.7.
func generalNameSyntax(r *strictRun) {
	for i, names := range [...][]GeneralName{r.c.SAN, r.c.IssuerAltNames} {
		field, oid := sanField, oidSAN
		if i == 1 {
			field, oid = "extensions.issuerAltName", oidIAN
		}
		for k := range names {
			g := &names[k]
			detail := ""
			switch g.Type {
			case DNSName:
				detail = dnsSyntax(g.Value)
			case EmailName:
				if domain := g.Value[strings.LastIndexByte(g.Value, '@')+1:]; g.Value != "" && ascii(g.Value) &&
					(!mailbox(g.Value) || dnsSyntax(domain) != "") {
					detail = "is not a mailbox"
				}
			case URIName:
				detail = uriSyntax(g.Value)
			case OtherName:
				if g.Value == OIDSmtpUTF8Mailbox && ascii(otherText(g.Bytes)) {
					detail = "is an SmtpUTF8Mailbox but only ASCII"
				}
			}
			if detail != "" && !r.full() {
				r.flag(r.c.at(oid), field, g.String()+" "+detail)
			}
		}
	}
}

// dnsSyntax says how s breaks the preferred name syntax (RFC 1034, 3.5; RFC
// 1123, 2.1), a leading "*." left aside.
func dnsSyntax(s string) string {
	s = strings.TrimPrefix(s, "*.")
	if s == "" {
		return "" // said by the parser
	}
	if len(s) > 253 {
		return "is too long"
	}
	for label := range strings.SplitSeq(s, ".") {
		switch {
		case label == "":
			return "has an empty label"
		case len(label) > 63:
			return "has a label that is too long"
		case label[0] == '-' || label[len(label)-1] == '-':
			return "has a label that begins or ends with a hyphen"
		}
		for i := 0; i < len(label); i++ {
			if !alphanumeric(label[i]) && label[i] != '-' {
				return "has the character " + charName(label[i])
			}
		}
	}
	return ""
}

// uriSyntax says how s breaks RFC 5280's rules for URIs as names.
func uriSyntax(s string) string {
	u, err := url.Parse(s)
	switch {
	case s == "" || err != nil:
		return "" // said by the parser
	case u.Scheme == "":
		return "is relative"
	case u.Host == "" && u.Opaque == "" && u.Path == "":
		return "has nothing after its scheme"
	case u.Host != "":
		host := u.Hostname()
		if _, err := netip.ParseAddr(host); err != nil && (dnsSyntax(host) != "" || !strings.Contains(host, ".")) {
			return "has a host that is neither a full domain name nor an address"
		}
	}
	return ""
}

// policyQualifiers applies the rules on qualifiers of RFC 5280, 4.2.1.4.
func policyQualifiers(r *strictRun) {
	x := r.c.ext(oidPolicies)
	if x == nil {
		return
	}
	list, err := der.NewReader(x.Value, x.Offset).Expect(der.Sequence)
	if err != nil {
		return
	}
	in := list.Contents()
	for !in.Empty() {
		info, err := in.Expect(der.Sequence)
		if err != nil {
			return
		}
		pi := info.Contents()
		id, err := pi.Expect(der.OID)
		if err != nil {
			return
		}
		if pi.Empty() {
			continue
		}
		policy, _ := der.OIDText(id.Body)
		quals, err := pi.Expect(der.Sequence)
		if err != nil {
			continue
		}
		r.qualifiers(policy, quals.Contents())
	}
}

func (r *strictRun) qualifiers(policy string, in *der.Reader) {
	const field = "extensions.certificatePolicies"
	for !in.Empty() {
		q, err := in.Expect(der.Sequence)
		if err != nil {
			return
		}
		qi := q.Contents()
		id, err := qi.Expect(der.OID)
		if err != nil {
			return
		}
		oid, _ := der.OIDText(id.Body)
		if policy == oidAnyPolicy && oid != oidCPS && oid != oidUserNotice {
			r.flag(q.Offset, field, "anyPolicy with the qualifier "+oid)
		}
		if oid != oidUserNotice {
			continue
		}
		notice, err := qi.Expect(der.Sequence)
		if err != nil {
			continue
		}
		n := notice.Contents()
		if n.PeekTag() == der.Sequence { // noticeRef
			if _, err := n.Next(); err != nil {
				continue
			}
		}
		text, err := n.Next()
		if err != nil {
			continue
		}
		if detail := explicitText(text); detail != "" {
			r.flag(text.Offset, field, detail)
		}
	}
}

// explicitText says how a user notice's text breaks the rules.
func explicitText(e der.Element) string {
	n := 0
	switch e.Tag {
	case der.IA5String:
		return "explicitText is an IA5String"
	case der.UTF8String:
		n = utf8.RuneCount(e.Body)
	case der.BMPString:
		n = len(e.Body) / 2
	case der.VisibleString:
		n = len(e.Body)
	default:
		return "explicitText is not a DisplayText"
	}
	if n > 200 {
		return "explicitText has more than 200 characters"
	}
	return ""
}

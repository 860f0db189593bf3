package certpath

import (
	"strconv"
	"strings"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/der"
)

// MatchNames compares the leaf with every reference identifier by RFC 9525:
// only the subject alternative name counts, DNS names against DNS names, IP
// addresses against IP addresses, e-mail addresses against e-mail addresses.
// All of ids must match; each that does not is a finding of severity error. A
// wildcard stands for one whole left-most label, with at least two labels
// after it; noWildcards refuses it altogether.
func MatchNames(leaf *cert.Certificate, ids []Identifier, noWildcards bool) []finding.Finding {
	var out []finding.Finding
	for _, id := range ids {
		if f, ok := matchName(leaf, id, noWildcards); !ok {
			out = append(out, f)
		}
	}
	return out
}

func matchName(leaf *cert.Certificate, id Identifier, noWildcards bool) (finding.Finding, bool) {
	if id.Type == cert.URIName {
		return matchURI(leaf, id)
	}
	wildcard := ""
	for i := range leaf.SAN {
		san := &leaf.SAN[i]
		switch id.Type {
		case cert.DNSName:
			if san.Type != cert.DNSName {
				continue
			}
			switch matchDNS(san.Value, id.Value) {
			case exactMatch:
				return finding.Finding{}, true
			case wildcardMatch:
				if !noWildcards {
					return finding.Finding{}, true
				}
				wildcard = san.Value
			}
		case cert.IPName:
			if san.Type == cert.IPName && san.IP.IsValid() && san.IP == id.IP {
				return finding.Finding{}, true
			}
		case cert.EmailName:
			if mailbox, ok := sanMailbox(san); ok && mailbox == id.Value {
				return finding.Finding{}, true
			}
		}
	}
	if wildcard != "" {
		return finding.New(finding.WildcardRefused, "name", id.Value, "presented", wildcard), false
	}
	names := listNames(leaf, id)
	if other := otherNames(leaf); names == "" && other != "" && (id.Type == cert.DNSName || id.Type == cert.IPName) {
		return finding.New(finding.NamesOtherKinds, "name", id.Value, "names", other), false
	}
	if names == "" {
		return finding.New(finding.NamesMissing, "name", id.Value, "form", formWords(id.Type)), false
	}
	kind := finding.NameMismatch
	switch id.Type {
	case cert.IPName:
		kind = finding.IPMismatch
	case cert.EmailName:
		kind = finding.EmailMismatch
	}
	return finding.New(kind, "name", id.Value, "names", names), false
}

// formWords names the kinds of names that are compared.
func formWords(t cert.NameType) string {
	switch t {
	case cert.IPName:
		return "IP address"
	case cert.EmailName:
		return "e-mail address"
	}
	return "DNS name"
}

type nameMatch int

const (
	noMatch nameMatch = iota
	exactMatch
	wildcardMatch
)

// matchDNS compares a presented DNS name with a reference identifier in
// lower-case A-labels (RFC 9525, 6.3). A presented name that is not well-formed
// matches nothing.
func matchDNS(presented, reference string) nameMatch {
	if !isASCII(presented) || reference == "" {
		return noMatch
	}
	if strings.HasPrefix(presented, "*.") {
		base := presented[2:]
		dot := strings.IndexByte(reference, '.')
		if dot <= 0 || !strings.Contains(base, ".") || !validHost(base) {
			return noMatch
		}
		if equalFold(base, reference[dot+1:]) {
			return wildcardMatch
		}
		return noMatch
	}
	if equalFold(presented, reference) && validHost(presented) {
		return exactMatch
	}
	return noMatch
}

// equalFold compares ASCII case-insensitively; reference is lower case.
func equalFold(s, reference string) bool {
	if len(s) != len(reference) {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != reference[i] {
			return false
		}
	}
	return true
}

// sanMailbox returns a presented e-mail address with its host in lower case:
// an rfc822Name, or a SmtpUTF8Mailbox (RFC 9598).
func sanMailbox(n *cert.GeneralName) (string, bool) {
	text := n.Value
	switch {
	case n.Type == cert.EmailName && isASCII(text):
	case n.Type == cert.OtherName && n.Value == cert.OIDSmtpUTF8Mailbox:
		var ok bool
		if text, ok = utf8Mailbox(n); !ok {
			return "", false
		}
	default:
		return "", false
	}
	at := strings.LastIndexByte(text, '@')
	if at <= 0 || !validHost(text[at+1:]) {
		return "", false
	}
	return text[:at+1] + lower(text[at+1:]), true
}

// utf8Mailbox reads the text of a SmtpUTF8Mailbox. Its host should be in
// A-labels (RFC 9598, 3); U-labels, as RFC 8398 had them, are turned into those.
func utf8Mailbox(n *cert.GeneralName) (string, bool) {
	r := der.NewReader(n.Bytes, 0)
	e, err := r.Expect(der.UTF8String)
	if err != nil || !r.Empty() {
		return "", false
	}
	text := string(e.Body)
	at := strings.LastIndexByte(text, '@')
	if at <= 0 {
		return "", false
	}
	host, err := asciiHost(text[at+1:])
	return text[:at+1] + host, err == nil
}

// listNames returns the names a certificate presents, for people: at most
// five, then how many more. For an address each is told with its kind, since an
// address that is listed as a DNS name looks like the address. Those come first
// that look like id and are not, with a note that says why.
func listNames(c *cert.Certificate, id Identifier) string {
	var near, names []string
	for i := range c.SAN {
		var text string
		switch n := &c.SAN[i]; n.Type {
		case cert.DNSName, cert.EmailName:
			text = n.Value
		case cert.IPName:
			if !n.IP.IsValid() {
				continue
			}
			text = n.IP.String()
		default:
			continue
		}
		if id.Type == cert.IPName {
			text = "the " + formWords(c.SAN[i].Type) + " " + text
		}
		if why := almost(&c.SAN[i], id); why != "" {
			near = append(near, text+" ("+why+")")
		} else {
			names = append(names, text)
		}
	}
	return atMostFive(append(near, names...))
}

func atMostFive(names []string) string {
	if more := len(names) - 5; more > 0 {
		names = append(names[:5:5], strconv.Itoa(more)+" more")
	}
	return strings.Join(names, ", ")
}

// otherNames returns the names of kinds that are never compared with a host name,
// an address or a mailbox, for people; "" when there are none.
func otherNames(c *cert.Certificate) string {
	var names []string
	for i := range c.SAN {
		switch n := &c.SAN[i]; {
		case n.Type == cert.URIName:
			names = append(names, "the URI "+n.Value)
		case n.Type == cert.OtherName && n.Value == oidUPN:
			names = append(names, "a user principal name (UPN)")
		case n.Type != cert.DNSName && n.Type != cert.EmailName && n.Type != cert.IPName:
			names = append(names, n.String())
		}
	}
	return atMostFive(names)
}

// oidUPN is the kind of Microsoft's names of users.
const oidUPN = "1.3.6.1.4.1.311.20.2.3"

// almost says why a presented DNS name that looks like the identifier is not it;
// "" when it does not look like it. It decides nothing.
func almost(n *cert.GeneralName, id Identifier) string {
	if n.Type != cert.DNSName {
		return ""
	}
	name := lower(n.Value)
	if id.Type == cert.IPName {
		if name == id.IP.String() || strings.TrimSuffix(name, ".") == id.Value {
			return "which does not count for an address"
		}
		return ""
	}
	if id.Type != cert.DNSName || id.Value == "" {
		return ""
	}
	host, hasScheme := name, false
	if _, after, ok := strings.Cut(name, "://"); ok {
		host, _, _ = strings.Cut(after, "/")
		hasScheme = true
	}
	bare, port, hasPort := strings.Cut(host, ":")
	above, wild := strings.CutPrefix(name, "*.")
	_, parent, _ := strings.Cut(id.Value, ".")
	switch {
	case name == id.Value+".":
		return "with a final dot, which a certificate must not have"
	case hasScheme && bare == id.Value:
		return "a URL, where only the host name counts"
	case hasPort && bare == id.Value && strings.Trim(port, "0123456789") == "":
		return "with a port, which does not belong to a name"
	case strings.Join(strings.Fields(name), "") == id.Value:
		return "with a space, which a name cannot have"
	case wild && above == id.Value:
		return "a wildcard does not stand for the name above it"
	case wild && above == parent && !strings.Contains(above, "."):
		return "a wildcard needs two labels after it"
	case wild && strings.HasSuffix(id.Value, "."+above) && above != parent:
		return "a wildcard stands for one label"
	case !wild && strings.Contains(name, "*") && parent != "" && strings.HasSuffix(name, "."+parent):
		return "a wildcard must be the whole first label"
	}
	if !isASCII(n.Value) {
		if ascii, err := asciiHost(n.Value); err == nil && ascii == id.Value {
			return "not in the form of ASCII (A-labels) that certificates use"
		}
	}
	return ""
}

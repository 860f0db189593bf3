package cert

import (
	"net/netip"
	"net/url"
	"strings"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/der"
)

// nameText checks the text of an e-mail address, DNS name or URI as far as
// every reader must agree on it: RFC 5280's finer rules are strict mode's.
func (d *decoder) nameText(g *GeneralName, e der.Element, field string) {
	id, detail := finding.GeneralNameMalformed, ""
	switch s := g.Value; {
	case s == "":
		detail = "is empty"
	case !ascii(s):
		detail = "is not ASCII"
	case strings.IndexByte(s, 0) >= 0:
		detail = "contains a NUL"
	case hasControl(s):
		detail = "contains a control character"
	case g.Type == DNSName && strings.Trim(s, " ") == "":
		detail = "is a space"
	case g.Type == DNSName && strings.IndexByte(s, ' ') >= 0:
		id, detail = finding.GeneralNameOdd, "contains a space"
	case g.Type == URIName && !uriReadable(s):
		detail = "is not a URI"
		if field != sanField { // a pointer that nobody can follow harms only itself
			id = finding.GeneralNameOdd
		}
	}
	if detail != "" {
		d.flag(id, e.Offset, field, "a "+g.Type.String()+" "+detail)
	}
}

func hasControl(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] == 0x7f {
			return true
		}
	}
	return false
}

// uriReadable reports whether s is a URI whose host, if any, can be read.
func uriReadable(s string) bool {
	if plainHTTP(s) {
		return true
	}
	u, err := url.Parse(s)
	return err == nil && (u.Host == "" || labels(u.Host))
}

// plainHTTP reports whether s is an http address so plain that it needs no
// parsing: what nearly all pointers in certificates are.
func plainHTTP(s string) bool {
	rest, ok := strings.CutPrefix(s, "http://")
	host, path, _ := strings.Cut(rest, "/")
	if !ok || !labels(host) {
		return false
	}
	for i := 0; i < len(host); i++ {
		if c := host[i]; !alphanumeric(c) && c != '.' && c != '-' {
			return false
		}
	}
	for i := 0; i < len(path); i++ {
		if c := path[i]; !alphanumeric(c) && c != '.' && c != '-' && c != '/' && c != '_' {
			return false
		}
	}
	return true
}

// labels reports whether s is non-empty labels of visible ASCII with single
// dots between them.
func labels(s string) bool {
	empty := true
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c <= ' ' || c >= 0x7f:
			return false
		case c != '.':
			empty = false
		case empty:
			return false
		default:
			empty = true
		}
	}
	return !empty
}

// mailbox reports whether s is a Mailbox of RFC 5321, 4.1.2, without the
// obsolete forms and without address literals.
func mailbox(s string) bool {
	at := strings.LastIndexByte(s, '@')
	if at <= 0 || !labels(s[at+1:]) {
		return false
	}
	local := s[:at]
	if local[0] == '"' {
		return quotedString(local)
	}
	for atom := range strings.SplitSeq(local, ".") {
		if atom == "" {
			return false
		}
		for i := 0; i < len(atom); i++ {
			if !alphanumeric(atom[i]) && strings.IndexByte("!#$%&'*+-/=?^_`{|}~", atom[i]) < 0 {
				return false
			}
		}
	}
	return true
}

func quotedString(s string) bool {
	if len(s) < 2 || s[len(s)-1] != '"' {
		return false
	}
	for i := 1; i < len(s)-1; i++ {
		switch c := s[i]; {
		case c == '"' || c < ' ' || c >= 0x7f:
			return false
		case c == '\\':
			if i++; i == len(s)-1 || s[i] < ' ' || s[i] >= 0x7f {
				return false
			}
		}
	}
	return true
}

func alphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// constraintText checks the base of a subtree of e-mail addresses, DNS names
// or URIs (RFC 5280, 4.2.1.10) and returns what is wrong with it.
func constraintText(g GeneralName) string {
	s := g.Value
	kind := "a " + g.Type.String() + " constraint "
	switch {
	case s == "" || !ascii(s): // the latter is said of the name already
		return ""
	case g.Type == EmailName && strings.IndexByte(s, '@') >= 0:
		if !mailbox(s) {
			return kind + "is not a mailbox"
		}
		return ""
	case g.Type == URIName && isAddress(s):
		return kind + "is an address"
	case !labels(strings.TrimPrefix(s, ".")) || strings.ContainsAny(s, ":/?#@*"):
		return kind + "is not a domain"
	}
	return ""
}

func isAddress(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

package cli

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// target is a server to check, as written on the command line.
type target struct {
	input      string
	host, port string // port is "" when none was written
	scheme     string // "" when none was written
	hint       string // what of the input was passed over
}

// services are the schemes of targets: the usual port, and the protocol in
// which TLS is asked for where it does not begin at once.
var services = map[string]struct{ port, starttls string }{
	"https": {"443", ""}, "smtps": {"465", ""}, "imaps": {"993", ""}, "pop3s": {"995", ""}, "ftps": {"990", ""},
	"ldaps": {"636", ""}, "xmpps": {"5223", ""},
	"smtp": {"25", "smtp"}, "imap": {"143", "imap"}, "pop3": {"110", "pop3"}, "ftp": {"21", "ftp"}, "ldap": {"389", "ldap"},
	"postgres": {"5432", "postgres"}, "postgresql": {"5432", "postgres"}, "mysql": {"3306", "mysql"}, "xmpp": {"5222", "xmpp"}, "xmpp-server": {"5269", "xmpp-server"},
}

// parseTarget reads host, host:port, an IP address, [v6]:port or a URL with
// one of the known schemes.
func parseTarget(s string) (target, error) {
	t := target{input: s}
	rest := s
	if scheme, after, ok := strings.Cut(s, "://"); ok {
		t.scheme = strings.ToLower(scheme)
		if _, known := services[t.scheme]; !known {
			u := usagef("%q: the scheme %q is not known", s, scheme)
			if t.scheme == "http" {
				return t, u.hint("without TLS there is nothing to judge; with it: https://%s", after)
			}
			return t, u.hint("give HOST, HOST:PORT or https://HOST")
		}
		rest = after
		if i := strings.IndexAny(rest, "/?#"); i >= 0 && strings.Contains(rest[:i], "@") || i < 0 && strings.Contains(rest, "@") {
			return t, usagef("%q: a user name in the address is not supported", s)
		}
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		if strings.Trim(rest[i:], "/") != "" {
			t.hint = fmt.Sprintf("%s: a server has one certificate for all its pages; %q is ignored", s, rest[i:])
		}
		rest = rest[:i]
	}
	if rest == "" {
		return t, usagef("%q names no host", s)
	}
	switch {
	case strings.HasPrefix(rest, "["):
		inner, after, ok := strings.Cut(rest[1:], "]")
		if !ok {
			return t, usagef("%q: the bracket is not closed", s)
		}
		addr, err := netip.ParseAddr(inner)
		if err != nil || !addr.Is6() {
			return t, usagef("%q: %q is not an IPv6 address", s, inner)
		}
		t.host = inner
		if after != "" {
			port, ok := strings.CutPrefix(after, ":")
			if !ok {
				return t, usagef("%q: only :PORT may follow the bracket", s)
			}
			if port == "" {
				return t, usagef("%q: the port after the colon is missing", s)
			}
			t.port = port
		}
	case strings.Count(rest, ":") >= 2:
		if _, err := netip.ParseAddr(rest); err != nil {
			return t, usagef("%q is not an IPv6 address", s).hint("with a port: [2001:db8::1]:443")
		}
		t.host = rest
	default:
		host, port, hasPort := strings.Cut(rest, ":")
		t.host, t.port = host, port
		if hasPort && port == "" {
			return t, usagef("%q: the port after the colon is missing", s)
		}
	}
	if err := checkHost(t.host); err != nil {
		return t, usagef("%q: %v", s, err)
	}
	if t.port != "" {
		if err := checkPort(t.port); err != nil {
			return t, usagef("%q: %v", s, err)
		}
		t.port = strings.TrimLeft(t.port, "0")
	}
	return t, nil
}

// checkPort wants a decimal port number.
func checkPort(s string) error {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 || strings.HasPrefix(s, "+") {
		return fmt.Errorf("%q is not a port: a number from 1 to 65535", s)
	}
	return nil
}

// checkHost wants an IP address or a host name, in A-labels or U-labels.
func checkHost(s string) error {
	if s == "" {
		return errors.New("the host is missing")
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return nil
	}
	if strings.ContainsAny(s, " \t\r\n/\\@?#%:[]") {
		return fmt.Errorf("%q is not a host name", s)
	}
	name := strings.TrimSuffix(s, ".")
	for i := range len(name) {
		if name[i] >= 0x80 {
			a, err := idna.Lookup.ToASCII(name)
			if err != nil {
				return fmt.Errorf("%q is not a host name: %v", s, err)
			}
			name = a
			break
		}
	}
	if len(name) > 253 {
		return fmt.Errorf("the host name has %d characters; 253 is the limit", len(name))
	}
	labels := strings.Split(name, ".")
	for _, l := range labels {
		if l == "" {
			return fmt.Errorf("%q is not a host name: it has an empty label", s)
		}
		if len(l) > 63 {
			return fmt.Errorf("%q is not a host name: a label is longer than 63 characters", s)
		}
		if strings.HasPrefix(l, "-") || strings.HasSuffix(l, "-") {
			return fmt.Errorf("%q is not a host name: a label begins or ends with a hyphen", s)
		}
		for i := range len(l) {
			c := l[i]
			if !(c == '-' || c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z') {
				return fmt.Errorf("%q is not a host name", s)
			}
		}
	}
	if _, err := strconv.ParseUint(labels[len(labels)-1], 10, 64); err == nil {
		return fmt.Errorf("%q is neither a host name nor an IP address", s)
	}
	return nil
}

// checkIP wants an IP address.
func checkIP(s string) error {
	if _, err := netip.ParseAddr(s); err != nil {
		return fmt.Errorf("%q is not an IP address", s)
	}
	return nil
}

// checkEmail wants an e-mail address.
func checkEmail(s string) error {
	if local, host, ok := strings.Cut(s, "@"); !ok || local == "" || checkHost(host) != nil {
		return fmt.Errorf("%q is not an e-mail address", s)
	}
	return nil
}

// checkURL wants an http or https URL.
func checkURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("%q is not an http or https address", s)
	}
	return nil
}

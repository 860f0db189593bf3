// Package target reads what people name as a target and how it is to be reached,
// whichever program they name it to.
package target

import (
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/assaytls/assay/policy"
)

// Target is a server, as somebody wrote it.
type Target struct {
	Input      string
	Host, Port string // Port is "" when none was written
	Scheme     string // "" when none was written
	Hint       string // what of the input was passed over
	Service    string // "MX" or "SRV": Host is a domain or a service, whose servers the DNS names
	Direct     bool   // TLS begins at once although the scheme's protocol asks for it (PostgreSQL's sslnegotiation=direct)
}

// services are the schemes of targets: the usual port, and the protocol in
// which TLS is asked for where it does not begin at once.
var services = map[string]struct{ port, starttls string }{
	"https": {"443", ""}, "wss": {"443", ""},
	"smtps": {"465", ""}, "submissions": {"465", ""}, "imaps": {"993", ""}, "pop3s": {"995", ""}, "nntps": {"563", ""}, "ftps": {"990", ""},
	"ldaps": {"636", ""}, "xmpps": {"5223", ""}, "ircs": {"6697", ""}, "sips": {"5061", ""},
	"mqtts": {"8883", ""}, "amqps": {"5671", ""}, "rediss": {"6379", ""},
	"smtp": {"25", "smtp"}, "submission": {"587", "smtp"}, "lmtp": {"24", "lmtp"}, "imap": {"143", "imap"}, "pop3": {"110", "pop3"}, "sieve": {"4190", "sieve"},
	"ftp": {"21", "ftp"}, "nntp": {"119", "nntp"}, "irc": {"6667", "irc"}, "ldap": {"389", "ldap"}, "rdp": {"3389", "rdp"},
	"postgres": {"5432", "postgres"}, "postgresql": {"5432", "postgres"}, "mysql": {"3306", "mysql"}, "mssql": {"1433", "mssql"},
	"xmpp": {"5222", "xmpp"}, "xmpp-server": {"5269", "xmpp-server"},
}

// Schemes lists the known schemes, sorted.
func Schemes() []string { return slices.Sorted(maps.Keys(services)) }

// Parse reads host, host:port, an IP address, [v6]:port, a URL with one of the
// known schemes, mx:DOMAIN or srv:_SERVICE._tcp.DOMAIN. The error is a *Usage.
func Parse(s string) (Target, error) {
	if t, ok, err := parseService(s); ok {
		return t, err
	}
	t := Target{Input: s}
	rest := s
	if scheme, after, ok := strings.Cut(s, "://"); ok {
		t.Scheme = strings.ToLower(scheme)
		if _, known := services[t.Scheme]; !known {
			u := Usagef("%q: the scheme %q is not known", s, scheme)
			if t.Scheme == "http" {
				return t, u.Hint("without TLS there is nothing to judge; with it: https://%s", after)
			}
			return t, u.Hint("assay knows %s", strings.Join(Schemes(), ", ")).Hint("for any other service that begins with TLS: HOST:PORT")
		}
		rest = after
		if i := strings.IndexAny(rest, "/?#"); i >= 0 && strings.Contains(rest[:i], "@") || i < 0 && strings.Contains(rest, "@") {
			return t, Usagef("%q: a user name in the address is not supported", s)
		}
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		if services[t.Scheme].starttls == "postgres" && postgresDirect(rest[i:]) {
			t.Direct = true
		} else if strings.Trim(rest[i:], "/") != "" {
			t.Hint = fmt.Sprintf("%s: a server has one certificate for all its pages; %q is ignored", s, rest[i:])
		}
		rest = rest[:i]
	}
	if rest == "" {
		return t, Usagef("%q names no host", s)
	}
	switch {
	case strings.HasPrefix(rest, "["):
		inner, after, ok := strings.Cut(rest[1:], "]")
		if !ok {
			return t, Usagef("%q: the bracket is not closed", s)
		}
		addr, err := netip.ParseAddr(inner)
		if err != nil || !addr.Is6() {
			return t, Usagef("%q: %q is not an IPv6 address", s, inner)
		}
		t.Host = inner
		if after != "" {
			port, ok := strings.CutPrefix(after, ":")
			if !ok {
				return t, Usagef("%q: only :PORT may follow the bracket", s)
			}
			if port == "" {
				return t, Usagef("%q: the port after the colon is missing", s)
			}
			t.Port = port
		}
	case strings.Count(rest, ":") >= 2:
		if _, err := netip.ParseAddr(rest); err != nil {
			return t, Usagef("%q is not an IPv6 address", s).Hint("with a port: [2001:db8::1]:443")
		}
		t.Host = rest
	default:
		host, port, hasPort := strings.Cut(rest, ":")
		t.Host, t.Port = host, port
		if hasPort && port == "" {
			return t, Usagef("%q: the port after the colon is missing", s)
		}
	}
	if err := policy.CheckHost(t.Host); err != nil {
		return t, Usagef("%q: %v", s, err)
	}
	if t.Port != "" {
		if err := CheckPort(t.Port); err != nil {
			return t, Usagef("%q: %v", s, err)
		}
		t.Port = strings.TrimLeft(t.Port, "0")
	}
	return t, nil
}

// postgresDirect reports whether the end of a URL says, as libpq reads it, that
// TLS begins at once.
func postgresDirect(rest string) bool {
	_, query, _ := strings.Cut(rest, "?")
	values, err := url.ParseQuery(query)
	return err == nil && values.Get("sslnegotiation") == "direct"
}

// CheckPort wants a decimal port number.
func CheckPort(s string) error {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 || strings.HasPrefix(s, "+") {
		return fmt.Errorf("%q is not a port: a number from 1 to 65535", s)
	}
	return nil
}

package certpath

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"golang.org/x/net/idna"
)

// Identifier is a reference identifier: the name that a certificate must be
// for (RFC 9525, 2).
type Identifier struct {
	Type  cert.NameType // DNSName, IPName, EmailName or URIName
	Value string        // lower-case A-labels without a final dot; the mailbox; the address's text; the URI
	IP    netip.Addr    // for IPName
}

// String returns the identifier's text.
func (id Identifier) String() string { return id.Value }

// lookup maps a host name with other characters than ASCII to A-labels as a
// resolver would (UTS #46, non-transitional; RFC 5891, 5).
var lookup = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.StrictDomainName(false))

// ParseIdentifier reads what a user wrote: a URI (it has "://"), an IP address
// (IPv6 in brackets or not), an e-mail address (it has an "@"), or a host name,
// which may have U-labels and one final dot. The error says what is wrong with the text.
func ParseIdentifier(s string) (Identifier, error) {
	if s == "" {
		return Identifier{}, errors.New("the name is empty")
	}
	if strings.Contains(s, "://") {
		return parseURI(s)
	}
	if strings.Contains(s, "@") {
		return parseMailbox(s)
	}
	if ip, err := netip.ParseAddr(unbracket(s)); err == nil {
		if ip.Zone() != "" {
			return Identifier{}, fmt.Errorf("%q: an address with a zone cannot be in a certificate", finding.Quote(s))
		}
		return Identifier{Type: cert.IPName, Value: ip.String(), IP: ip}, nil
	}
	host, err := asciiHost(s)
	if err != nil {
		return Identifier{}, err
	}
	return Identifier{Type: cert.DNSName, Value: host}, nil
}

func unbracket(s string) string {
	if len(s) > 2 && s[0] == '[' && s[len(s)-1] == ']' && strings.Contains(s, ":") {
		return s[1 : len(s)-1]
	}
	return s
}

func parseMailbox(s string) (Identifier, error) {
	at := strings.LastIndexByte(s, '@')
	local := s[:at]
	if local == "" || strings.ContainsAny(local, " \t\r\n\x00") || strings.Contains(local, "@") && local[0] != '"' {
		return Identifier{}, fmt.Errorf("%q is not an e-mail address", finding.Quote(s))
	}
	host, err := asciiHost(s[at+1:])
	if err != nil {
		return Identifier{}, err
	}
	return Identifier{Type: cert.EmailName, Value: local + "@" + host}, nil
}

// asciiHost returns the host name in lower-case A-labels.
func asciiHost(s string) (string, error) {
	host := s
	if !isASCII(s) {
		var err error
		if host, err = lookup.ToASCII(s); err != nil {
			return "", fmt.Errorf("%q is not a host name: %s", finding.Quote(s), finding.Quote(err.Error()))
		}
	}
	host = lower(strings.TrimSuffix(host, "."))
	if !validHost(host) {
		return "", fmt.Errorf("%q is not a host name", finding.Quote(s))
	}
	return host, nil
}

// validHost reports whether s can be looked up: labels of letters, digits,
// hyphens and underscores, no longer than 63, 253 in all, and the last one not
// a number, which would be a mistyped address. Hyphens at the ends of labels
// break RFC 1123 but are in use.
func validHost(s string) bool {
	if len(s) == 0 || len(s) > 253 {
		return false
	}
	last := 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) && s[i] != '.' {
			c := s[i]
			if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
				return false
			}
			continue
		}
		label := s[last:i]
		if len(label) == 0 || len(label) > 63 {
			return false
		}
		if i == len(s) && strings.Trim(label, "0123456789") == "" {
			return false
		}
		last = i + 1
	}
	return true
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// lower folds ASCII letters only: other case folding could make different
// host names equal.
func lower(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] >= 'A' && s[i] <= 'Z' {
			b := []byte(s)
			for j := i; j < len(b); j++ {
				if b[j] >= 'A' && b[j] <= 'Z' {
					b[j] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

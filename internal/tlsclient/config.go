// Package tlsclient makes one recorded TLS connection to a server and gathers
// everything it can about it: every address tried, the certificates exactly as
// sent, staples, SCTs, parameters, alerts, and why it failed if it did. It
// decides nothing; crypto/tls runs without verification here and nowhere else.
package tlsclient

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/idna"

	"github.com/assaytls/assay/evidence"
)

// The default time limits.
const (
	DefaultDNSTimeout       = 5 * time.Second
	DefaultConnectTimeout   = 10 * time.Second
	DefaultHandshakeTimeout = 10 * time.Second
)

// Config says whom to dial and how. Only Host is needed; the zero value of
// every other field is the default.
type Config struct {
	Host  string // a host name (A-labels or U-labels) or an IP address, without brackets
	Port  string // "" = 443, with StartTLS its usual port
	Input string // the target as the user wrote it, for the evidence only

	SNI   string // the server name to send; "" = Host unless it is an IP address
	NoSNI bool   // send none

	// Resolve holds addresses to use instead of asking the DNS, by "host:port"
	// in lower case, or "*:port" for every host (curl's --resolve).
	Resolve map[string][]netip.Addr
	Network string        // "" = both families, "4" or "6" = only that one
	DNS     *net.Resolver // nil = the system's

	ALPN                   []string // nil = h2 and http/1.1, nothing with StartTLS; empty = none
	MinVersion, MaxVersion uint16   // 0 = TLS 1.2 and TLS 1.3
	Suites                 []uint16 // TLS 1.0-1.2 suites to offer; nil = those of a safe client
	Groups                 []uint16 // key-exchange groups to offer; nil = those of a safe client

	// Each limit bounds its own step; 0 = the defaults above. ConnectTimeout
	// covers all addresses together. A context bounds everything.
	DNSTimeout, ConnectTimeout, HandshakeTimeout time.Duration

	// Proxy is the proxy to go through, in the form ParseProxy reads; "" = none.
	Proxy string
	// ProxyRoots are trusted for the certificate of an https proxy; nil = the system's.
	ProxyRoots *x509.CertPool
	// ProxyHeader is the version of the PROXY protocol by which the server is told
	// whom it serves, before anything else; 0 = it is not.
	ProxyHeader int
	// StartTLS is the protocol in which TLS is asked for, one of
	// StartTLSProtocols; "" = TLS from the start.
	StartTLS string
	// EHLO is the name by which the client greets in SMTP and LMTP; "" =
	// assay.invalid.
	EHLO string

	// Allow, when set, is asked about each address of the target before it is
	// connected to; an error keeps from it and is told. A proxy's address is not asked
	// about: behind it nobody here knows where a connection leads.
	Allow func(netip.Addr) error

	KeyLog io.Writer // receives the secrets in the format of SSLKEYLOGFILE

	// Certificate is shown to a server that asks for one; nil = none is.
	Certificate *tls.Certificate

	// Sessions, when set, lets a later dial with the same Sessions resume this
	// connection's session.
	Sessions tls.ClientSessionCache

	NoProbe bool // make no second, permissive dial

	// Lean makes a handshake that learns what a verdict needs and little more: it is
	// not recorded, nothing is listened to after it, only classic groups are offered
	// unless Groups says otherwise, and a single address is dialled without a race.
	// What such a handshake does not complete or explain is dialled again, recorded:
	// one connection more. Only Dial and DialAll heed it, and not with Schemes, Path,
	// Sessions or one type of key. The evidence's source says which of the two it is.
	Lean bool

	// Schemes are signature schemes to offer, in this order, in a ClientHello of our
	// own that is read as far as the certificates: crypto/tls chooses its own. nil =
	// an ordinary handshake. Only Dial and DialAll heed it.
	Schemes []uint16

	// Path, when set, is requested by HTTP after the handshake, and one renegotiation
	// is followed meanwhile. It must pass CheckPath. The request goes to a server
	// that is not judged yet. Only Dial and DialAll heed it.
	Path string

	Legacy bool // also dial once with TLS 1.0 and 1.1 alone

	// KeyTypes says which of the server's certificates are looked at, when it has
	// one for each type of key. Only Dial and DialAll heed it.
	KeyTypes KeyTypes

	// What is known before the dial goes into the evidence: the reference
	// identifiers where Host is none, what a resolver said, and, when not nil, why
	// there is nothing to dial.
	Names   []string
	Known   *evidence.DNS
	Failure *evidence.Failure

	proxy     *url.URL // Proxy, parsed
	page      string   // the status with which the proxy began to answer CONNECT with a page
	path      string   // Path, for the one handshake that it is requested after
	alpnAsked bool     // ALPN was given, and not empty
	aside     *aside   // of DialAhead: where the look at the other certificate goes on
}

// filled returns c as fill makes it.
func (c Config) filled() Config {
	c.fill()
	return c
}

// fill puts the defaults in place and normalizes the names.
func (c *Config) fill() {
	if c.Port == "" {
		c.Port = StartTLSPort(c.StartTLS)
	}
	if c.Port == "" {
		c.Port = "443"
	}
	c.DNSTimeout = orDefault(c.DNSTimeout, DefaultDNSTimeout)
	c.ConnectTimeout = orDefault(c.ConnectTimeout, DefaultConnectTimeout)
	c.HandshakeTimeout = orDefault(c.HandshakeTimeout, DefaultHandshakeTimeout)
	c.alpnAsked = len(c.ALPN) > 0
	if c.ALPN == nil && c.Path != "" {
		c.ALPN = []string{"http/1.1"} // HTTP/2 forbids renegotiation (RFC 9113, 9.2.1)
	}
	if c.ALPN == nil && c.StartTLS == "" {
		c.ALPN = []string{"h2", "http/1.1"}
	}
	if c.MinVersion == 0 {
		c.MinVersion = tls.VersionTLS12
	}
	if c.DNS == nil {
		c.DNS = net.DefaultResolver
	}
	c.Host = asciiName(c.Host)
	if c.NoSNI {
		c.SNI = ""
	} else {
		if c.SNI == "" {
			c.SNI = c.Host
		}
		c.SNI = sniName(c.SNI)
	}
}

func orDefault(d, def time.Duration) time.Duration {
	if d <= 0 {
		return def
	}
	return d
}

// asciiName turns a U-label name into A-labels. A name that IDNA has no form
// for stays as it is: the DNS will not know it.
func asciiName(host string) string {
	if _, err := netip.ParseAddr(host); err == nil {
		return host
	}
	if isASCII(host) {
		return strings.ToLower(host)
	}
	if a, err := idna.Lookup.ToASCII(host); err == nil {
		return a
	}
	return host
}

// ASCIIName is the form of a host name that is sent and verified: A-labels.
func ASCIIName(host string) string { return asciiName(host) }

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// sniName returns what RFC 6066, 3, lets a client send for name: an ASCII host
// name without a trailing dot, never an IP address.
func sniName(name string) string {
	name = strings.TrimSuffix(asciiName(name), ".")
	if _, err := netip.ParseAddr(name); err == nil || !isASCII(name) {
		return ""
	}
	return name
}

package target

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/assaytls/assay/internal/roots"
	"github.com/assaytls/assay/internal/tlsclient"
	"github.com/assaytls/assay/policy"
)

// Connection says how targets are reached. The zero Connection is what a safe
// client does.
type Connection struct {
	Port           string // of targets that name none; "" means the scheme's
	Resolve        Resolutions
	ConnectTimeout time.Duration // all addresses together; 0 means the client's default
	// HandshakeTimeout bounds the handshake, and the dialog before it by itself; 0
	// means the client's default.
	HandshakeTimeout time.Duration
	IPv4, IPv6       bool     // only these addresses
	ServerName       string   // sent instead of the host
	NoServerName     bool     // none is sent
	StartTLS         string   // the protocol in which TLS is asked for first
	EHLO             string   // the name to greet with in SMTP and LMTP; "" means the client's default
	Proxy            string   // "" means the environment's, "none" goes without
	ProxyRoots       []string // files of the anchors for an https proxy's certificate; none means the system's
	ProxyHeader      string   // one of ProxyHeaders; "" means none
	ALPN             []string // nil means the service's usual offer, empty none
	TLSMin, TLSMax   string   // one of Versions; "" means the first and the last
	Groups           []string // offered instead of crypto/tls's, a set
	Ciphers          []string // suites of TLS 1.2 offered, a set
}

// Versions are the versions of TLS that may be asked for.
var Versions = []string{"1.2", "1.3"}

// version is the number of one of Versions.
func version(s string, otherwise uint16) uint16 {
	switch s {
	case "1.2":
		return tls.VersionTLS12
	case "1.3":
		return tls.VersionTLS13
	}
	return otherwise
}

// Config returns the connection to t. The error is a *Usage.
func (f *Connection) Config(t Target) (tlsclient.Config, error) {
	c := tlsclient.Config{Input: t.Input, Host: t.Host, Port: t.Port, SNI: f.ServerName, NoSNI: f.NoServerName,
		Resolve: f.Resolve.m, ConnectTimeout: f.ConnectTimeout, HandshakeTimeout: f.HandshakeTimeout, EHLO: f.EHLO}
	switch {
	case f.IPv4 && f.IPv6:
		return c, Usagef("-4 and -6 cannot be used together")
	case f.IPv4:
		c.Network = "4"
	case f.IPv6:
		c.Network = "6"
	}
	if f.EHLO != "" {
		if err := checkEHLO(f.EHLO); err != nil {
			return c, Usagef("--ehlo: %v", err)
		}
	}
	if f.Port != "" {
		if err := CheckPort(f.Port); err != nil {
			return c, Usagef("--port: %v", err)
		}
		if t.Port != "" {
			return c, Usagef("--port %s and the port in %q exclude each other", f.Port, t.Input)
		}
		c.Port = f.Port
	}
	if c.StartTLS = services[t.Scheme].starttls; t.Direct {
		c.StartTLS = ""
	}
	if f.StartTLS != "" {
		if t.Scheme != "" && c.StartTLS != f.StartTLS {
			return c, Usagef("--starttls %s and the scheme in %q exclude each other", f.StartTLS, t.Input)
		}
		c.StartTLS = f.StartTLS
	}
	for _, name := range []string{t.Scheme, c.StartTLS, "https"} {
		if c.Port == "" {
			c.Port = services[name].port
		}
	}
	if err := f.throughProxy(&c); err != nil {
		return c, err
	}
	c.ProxyHeader = slices.Index(ProxyHeaders, f.ProxyHeader) + 1
	if f.ServerName != "" {
		if f.NoServerName {
			return c, Usagef("--servername and --no-servername exclude each other")
		}
		if err := policy.CheckHost(f.ServerName); err != nil {
			return c, Usagef("--servername: %v", err)
		}
	}
	if c.ALPN = f.ALPN; c.ALPN == nil && !web(t, c.Port) {
		c.ALPN = []string{} // mail servers refuse a web client's offer
		switch {
		case t.Scheme == "wss":
			c.ALPN = []string{"http/1.1"} // RFC 6455 begins with a request of this version
		case c.StartTLS == "" && (t.Direct || t.Scheme == "" && c.Port == services["postgres"].port):
			c.ALPN = []string{"postgresql"} // without it PostgreSQL hangs up
		}
	}
	c.MinVersion, c.MaxVersion = version(f.TLSMin, tls.VersionTLS12), version(f.TLSMax, tls.VersionTLS13)
	if c.MinVersion > c.MaxVersion {
		return c, Usagef("--tls-min %s is above --tls-max %s", f.TLSMin, f.TLSMax)
	}
	err := f.parameters(&c)
	return c, err
}

// ProxyHeaders are the versions of the PROXY protocol.
var ProxyHeaders = []string{"v1", "v2"}

// ProxyAnchors returns the anchors for an https proxy's certificate, nil for the
// system's. The error is a *Usage.
func (f *Connection) ProxyAnchors() (*x509.CertPool, error) {
	return Pool("--proxy-roots", f.ProxyRoots)
}

// Pool reads the anchors in the files of a flag, for crypto/tls; none is nil, the
// system's. The error is a *Usage.
func Pool(flag string, files []string) (*x509.CertPool, error) {
	if len(files) == 0 {
		return nil, nil
	}
	anchors, err := roots.Load(roots.Options{Files: files})
	if err != nil {
		return nil, Usagef("%s: %v", flag, err)
	}
	pool := x509.NewCertPool()
	for _, raw := range anchors.Certificates() {
		cert, err := x509.ParseCertificate(raw)
		if err != nil {
			return nil, Usagef("%s: a certificate that crypto/x509 cannot read: %v", flag, err)
		}
		pool.AddCert(cert)
	}
	return pool, nil
}

// throughProxy sets the proxy: the one named, or the environment's.
func (f *Connection) throughProxy(c *tlsclient.Config) (err error) {
	switch {
	case f.Proxy == NoProxy:
	case f.Proxy != "":
		if _, err := tlsclient.ParseProxy(f.Proxy); err != nil {
			return Usagef("--proxy: %v", err)
		}
		c.Proxy = f.Proxy
	default:
		if c.Proxy, err = tlsclient.ProxyFromEnvironment(c.Host, c.Port); err == nil && c.Proxy != "" {
			_, err = tlsclient.ParseProxy(c.Proxy)
		}
		if err != nil {
			return Usagef("the proxy in the environment (HTTPS_PROXY, ALL_PROXY): %v", err).Hint("--proxy none goes without")
		}
	}
	c.ProxyRoots, err = f.ProxyAnchors()
	return err
}

// NoProxy is the Proxy that ignores the environment's.
const NoProxy = "none"

// web reports whether the target may be a web server: the scheme and the port
// are not another service's.
func web(t Target, port string) bool {
	if t.Scheme != "" {
		return t.Scheme == "https"
	}
	for scheme, s := range services {
		if s.port == port && s.port != services["https"].port && scheme != "https" {
			return false
		}
	}
	return true
}

// checkEHLO wants a host name or an address literal, [192.0.2.1] or
// [IPv6:2001:db8::1] (RFC 5321, 4.1.3).
func checkEHLO(s string) error {
	inner, ok := strings.CutPrefix(s, "[")
	if inner, closed := strings.CutSuffix(inner, "]"); ok && closed {
		_, err := netip.ParseAddr(strings.TrimPrefix(inner, "IPv6:"))
		return err
	}
	if err := policy.CheckHost(s); err != nil {
		return err
	}
	if tlsclient.ASCIIName(s) != strings.ToLower(s) {
		return fmt.Errorf("%q is not in ASCII", s)
	}
	return nil
}

// CheckALPN wants an application protocol's name (RFC 7301, 3.1).
func CheckALPN(s string) error {
	if len(s) > 255 {
		return errors.New("the name of a protocol has at most 255 bytes")
	}
	return nil
}

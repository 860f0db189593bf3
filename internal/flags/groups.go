package flags

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/internal/roots"
	"github.com/assaytls/assay/internal/target"
	"github.com/assaytls/assay/internal/tlsclient"
	"github.com/assaytls/assay/policy"
)

// Policy adds the flags of the rules that profile's commands have. p gets the
// profile's defaults and what the flags say.
func Policy(c *cobra.Command, p *policy.Policy, profile policy.Profile) {
	*p = profile.Policy()
	for _, f := range policy.Fields() {
		if f.Offered(profile) {
			Under(c, f.Group).Var(&rule{f, p}, f.Name, "", f.Help)
			if f.Implied != "" {
				c.Flags().Lookup(f.Name).NoOptDefVal = f.Implied
			}
		}
	}
}

// Rule returns a row of policy's table, which must have it.
func Rule(name string) policy.Field {
	f, ok := policy.Lookup(name)
	if !ok {
		panic("flags: policy has no rule " + name)
	}
	return f
}

// Connection adds the flags that say how targets are reached.
func Connection(c *cobra.Command, f *target.Connection) {
	g := Under(c, "Connection")
	f.TLSMin, f.TLSMax = target.Versions[0], target.Versions[len(target.Versions)-1]
	f.ConnectTimeout, f.HandshakeTimeout = tlsclient.DefaultConnectTimeout, tlsclient.DefaultHandshakeTimeout
	g.Text(&f.Port, "port", "`PORT` of targets that name none (default 443, or the scheme's)")
	g.Var(&f.Resolve, "resolve", "", "use these addresses for HOST:PORT instead of asking the DNS; * is every host")
	g.Switch(&f.IPv4, "ipv4", "4", "use IPv4 only")
	g.Switch(&f.IPv6, "ipv6", "6", "use IPv6 only")
	g.Text(&f.ServerName, "servername", "`NAME` to send (SNI) instead of the host")
	g.Switch(&f.NoServerName, "no-servername", "", "send no server name")
	g.Word(&f.StartTLS, "starttls", "ask for TLS in this protocol first", tlsclient.StartTLSProtocols()...)
	g.Text(&f.EHLO, "ehlo", "`NAME` to greet with in SMTP and LMTP (default assay.invalid)")
	g.Text(&f.Proxy, "proxy", "go through the proxy at `URL` (http://, https://, socks5://), downloads too; none ignores the environment's")
	g.List(&f.ProxyRoots, "proxy-roots", "trust the certificates in FILE for an https:// proxy instead of the system's; repeatable", Kind{Type: "FILE"})
	g.Word(&f.ProxyHeader, "haproxy-protocol", "begin with the header of the PROXY protocol, for a port that is behind a load balancer", target.ProxyHeaders...)
	g.List(&f.Groups, "groups", "key-exchange groups to offer, a set: "+strings.Join(target.GroupNames(), ", "),
		Kind{Type: "GROUP[,GROUP]", Commas: true, Check: target.CheckGroup, Words: target.GroupNames()})
	g.List(&f.Ciphers, "ciphers", "cipher suites to offer; TLS 1.2 only, needs --tls-max 1.2",
		Kind{Type: "SUITE[,SUITE]", Commas: true, Check: target.CheckCipher, Words: target.CipherNames()})
	g.List(&f.ALPN, "alpn", "application protocols to offer, '' is none (default h2,http/1.1 but for mail and other services)",
		Kind{Type: "PROTO[,PROTO]", Commas: true, Empty: true, Check: target.CheckALPN})
	g.Word(&f.TLSMin, "tls-min", "lowest version of TLS to offer", target.Versions...)
	g.Word(&f.TLSMax, "tls-max", "highest version of TLS to offer", target.Versions...)
	g.Duration(&f.ConnectTimeout, "connect-timeout", "limit for connecting, all addresses together")
	g.Duration(&f.HandshakeTimeout, "handshake-timeout", "limit for the TLS handshake, and for the dialog before it (greeting, STARTTLS)")
}

// Trust says whom to trust. The zero Trust is the system's anchors.
type Trust struct {
	Files, Dirs []string
	// Open opens key stores among Files (see roots.Options); nil: they are refused.
	Open func(name string, b []byte) ([][]byte, error)
}

// TrustFlags adds the flags of f.
func TrustFlags(c *cobra.Command, f *Trust) {
	g := Under(c, "Trust")
	g.List(&f.Files, "roots", "trust the certificates in FILE (PEM or DER) instead of the system's; repeatable", Kind{Type: "FILE"})
	g.List(&f.Dirs, "roots-dir", "trust the certificates in the files of DIR; repeatable", Kind{Type: "DIR"})
}

// Given reports whether others than the system's anchors are named.
func (f *Trust) Given() bool { return len(f.Files)+len(f.Dirs) > 0 }

// Anchors reads the trust anchors. The error is a *target.Usage.
func (f *Trust) Anchors() (*certpath.Anchors, error) {
	as, err := roots.Load(roots.Options{Files: f.Files, Dirs: f.Dirs, Open: f.Open})
	if err != nil {
		return nil, target.Usagef("%v", err)
	}
	return as, nil
}

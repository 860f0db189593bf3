package cli

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/internal/render"
	"github.com/assaytls/assay/internal/roots"
	"github.com/assaytls/assay/internal/tlsclient"
	"github.com/assaytls/assay/policy"
)

// connFlags say how a server is reached.
type connFlags struct {
	port                    string
	resolve                 resolutions
	connectTimeout, timeout duration
	v4, v6                  bool
	servername              string
	noServername            bool
	alpn                    words
	starttls                enum
	cert, key               string
	proxy                   string
	tlsMin, tlsMax          enum
	passFile                string
	groups, ciphers         words
}

// defaultTimeout is the limit for a whole run of up to `concurrent` targets.
const defaultTimeout = time.Minute

func (f *connFlags) add(c *cobra.Command) {
	f.alpn = words{typ: "PROTO[,PROTO]", splitter: ",", none: true, check: checkALPN}
	f.tlsMin = enum{value: "1.2", allowed: []string{"1.2", "1.3"}}
	f.tlsMax = enum{value: "1.3", allowed: []string{"1.2", "1.3"}}
	f.starttls = enum{allowed: tlsclient.StartTLSProtocols()}
	f.connectTimeout.d = tlsclient.DefaultConnectTimeout
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	fs.StringVar(&f.port, "port", "", "`PORT` of targets that name none (default 443, or the scheme's)")
	fs.Var(&f.resolve, "resolve", "use these addresses for HOST:PORT instead of asking the DNS; * is every host")
	fs.BoolVarP(&f.v4, "ipv4", "4", false, "use IPv4 only")
	fs.BoolVarP(&f.v6, "ipv6", "6", false, "use IPv6 only")
	fs.StringVar(&f.servername, "servername", "", "`NAME` to send (SNI) instead of the host")
	fs.BoolVar(&f.noServername, "no-servername", false, "send no server name")
	fs.Var(&f.starttls, "starttls", "ask for TLS in this protocol first")
	fs.StringVar(&f.proxy, "proxy", "", "go through the proxy at `URL` (http://, socks5://), downloads too; none ignores the environment's")
	fs.StringVar(&f.cert, "cert", "", "show the client certificate in `FILE` (PEM or PKCS#12, with its chain) to a server that asks")
	fs.StringVar(&f.key, "key", "", "`FILE` with its private key (default: the same)")
	fs.StringVar(&f.passFile, "pass-file", "", "`FILE` whose first line is the password of an encrypted key (default: ask)")
	f.groups = words{typ: "GROUP[,GROUP]", splitter: ",", check: checkGroup}
	f.ciphers = words{typ: "SUITE[,SUITE]", splitter: ",", check: checkCipher}
	fs.Var(&f.groups, "groups", "key-exchange groups to offer, a set: "+strings.Join(groupNames(), ", "))
	fs.Var(&f.ciphers, "ciphers", "suites of TLS 1.2 to offer, a set; needs --tls-max 1.2")
	fs.Var(&f.alpn, "alpn", "application protocols to offer, '' is none (default h2,http/1.1 but for mail and other services)")
	fs.Var(&f.tlsMin, "tls-min", "lowest version of TLS to offer")
	fs.Var(&f.tlsMax, "tls-max", "highest version of TLS to offer")
	fs.Var(&f.connectTimeout, "connect-timeout", "limit for connecting, all addresses together")
	fs.Var(&f.timeout, "timeout", "limit for the whole run (default 1m, more for many targets)")
	group(c, "Connection", fs)
}

// config returns the connection to t that the flags ask for.
func (f *connFlags) config(t target) (tlsclient.Config, error) {
	c := tlsclient.Config{Input: t.input, Host: t.host, Port: t.port, SNI: f.servername, NoSNI: f.noServername,
		Resolve: f.resolve.m, ConnectTimeout: f.connectTimeout.d}
	switch {
	case f.v4 && f.v6:
		return c, usagef("-4 and -6 exclude each other")
	case f.v4:
		c.Network = "4"
	case f.v6:
		c.Network = "6"
	}
	if f.port != "" {
		if err := checkPort(f.port); err != nil {
			return c, usagef("--port: %v", err)
		}
		if t.port != "" {
			return c, usagef("--port %s and the port in %q exclude each other", f.port, t.input)
		}
		c.Port = f.port
	}
	if c.StartTLS = services[t.scheme].starttls; f.starttls.value != "" {
		if t.scheme != "" && c.StartTLS != f.starttls.value {
			return c, usagef("--starttls %s and the scheme in %q exclude each other", f.starttls.value, t.input)
		}
		c.StartTLS = f.starttls.value
	}
	for _, name := range []string{t.scheme, c.StartTLS, "https"} {
		if c.Port == "" {
			c.Port = services[name].port
		}
	}
	if err := f.throughProxy(&c); err != nil {
		return c, err
	}
	if err := f.checkCert(); err != nil {
		return c, err
	}
	if f.servername != "" {
		if f.noServername {
			return c, usagef("--servername and --no-servername exclude each other")
		}
		if err := checkHost(f.servername); err != nil {
			return c, usagef("--servername: %v", err)
		}
	}
	if c.ALPN = f.alpn.vs; c.ALPN == nil && !f.web(t, c.Port) {
		c.ALPN = []string{} // mail servers refuse a web client's offer
	}
	versions := map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}
	c.MinVersion, c.MaxVersion = versions[f.tlsMin.value], versions[f.tlsMax.value]
	if c.MinVersion > c.MaxVersion {
		return c, usagef("--tls-min %s is above --tls-max %s", f.tlsMin.value, f.tlsMax.value)
	}
	if err := f.parameters(&c); err != nil {
		return c, err
	}
	return c, nil
}

// throughProxy sets the proxy: the one named, or the environment's.
func (f *connFlags) throughProxy(c *tlsclient.Config) (err error) {
	switch {
	case f.proxy == "none":
	case f.proxy != "":
		if _, err := tlsclient.ParseProxy(f.proxy); err != nil {
			return usagef("--proxy: %v", err)
		}
		c.Proxy = f.proxy
	default:
		if c.Proxy, err = tlsclient.ProxyFromEnvironment(c.Host, c.Port); err == nil && c.Proxy != "" {
			_, err = tlsclient.ParseProxy(c.Proxy)
		}
		if err != nil {
			return usagef("the proxy in the environment (HTTPS_PROXY, ALL_PROXY): %v", err).hint("--proxy none goes without")
		}
	}
	return nil
}

// web reports whether the target may be a web server: the scheme and the port
// are not another service's.
func (f *connFlags) web(t target, port string) bool {
	if t.scheme != "" {
		return t.scheme == "https"
	}
	for scheme, s := range services {
		if s.port == port && scheme != "https" {
			return false
		}
	}
	return true
}

// trustFlags say whom to trust.
type trustFlags struct{ files, dirs words }

func (f *trustFlags) add(c *cobra.Command) {
	f.files, f.dirs = words{typ: "FILE"}, words{typ: "DIR"}
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	fs.Var(&f.files, "roots", "trust the certificates in FILE (PEM or DER) instead of the system's; repeatable")
	fs.Var(&f.dirs, "roots-dir", "trust the certificates in the files of DIR; repeatable")
	group(c, "Trust", fs)
}

// anchors reads the trust anchors.
func (f *trustFlags) anchors() (*certpath.Anchors, error) {
	as, err := roots.Load(roots.Options{Files: f.files.vs, Dirs: f.dirs.vs})
	if err != nil {
		return nil, usagef("%v", err)
	}
	return as, nil
}

// judgeFlags are the relying party's rules for paths and names.
type judgeFlags struct {
	names, dns, ips, emails, policies          words
	noName, noWildcards, strict                bool
	explicitPolicy, inhibitMapping, inhibitAny bool
	level, minRSA, maxDepth                    number
	purpose                                    enum
	time                                       moment
}

func (f *judgeFlags) add(c *cobra.Command) {
	f.names, f.dns, f.ips, f.emails = words{typ: "NAME"}, words{typ: "HOST", check: checkHost}, words{typ: "ADDR", check: checkIP}, words{typ: "ADDR", check: checkEmail}
	f.policies = words{typ: "OID", check: checkOID}
	f.level, f.minRSA, f.maxDepth = number{high: 5}, number{low: 512, high: 16384}, number{low: 0, high: 100}
	f.purpose = enum{value: "server", allowed: []string{"server", "client", "email", "code", "ocsp", "timestamp", "any"}}
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	fs.Var(&f.names, "name", "name that the certificate must be for: host, IP address or e-mail; repeatable, all must match (default the host)")
	fs.Var(&f.dns, "require-dns", "host name that must match as well; repeatable")
	fs.Var(&f.ips, "require-ip", "IP address that must match as well; repeatable")
	fs.Var(&f.emails, "require-email", "e-mail address that must match as well; repeatable")
	fs.BoolVar(&f.noName, "no-name", false, "compare no name")
	fs.BoolVar(&f.noWildcards, "no-wildcards", false, "accept no wildcard names")
	fs.Var(&f.purpose, "purpose", "what the certificate is used for")
	fs.Var(&f.time, "time", "judge for this moment (RFC 3339) instead of now")
	fs.BoolVar(&f.strict, "strict", false, "enforce every rule of RFC 5280's profile")
	fs.Var(&f.level, "security-level", "0 to 5, with OpenSSL's meanings (default: none)")
	fs.Var(&f.minRSA, "min-rsa", "smallest RSA key in bits (default 2048)")
	fs.Var(&f.maxDepth, "max-depth", "most certificates between leaf and anchor; 0 means none (default 20)")
	fs.Var(&f.policies, "policy", "certificate policy that must be asserted, one of them if repeated; implies --explicit-policy")
	fs.BoolVar(&f.explicitPolicy, "explicit-policy", false, "require a certificate policy, any if none is named (initial-explicit-policy)")
	fs.BoolVar(&f.inhibitMapping, "inhibit-map", false, "allow no policy mapping (initial-policy-mapping-inhibit)")
	fs.BoolVar(&f.inhibitAny, "inhibit-any", false, "do not let anyPolicy match (initial-any-policy-inhibit)")
	group(c, "Judgement", fs)
}

func (f *judgeFlags) apply(p *policy.Policy) error {
	p.Names, p.RequireDNS, p.RequireIP, p.RequireEmail = f.names.vs, f.dns.vs, f.ips.vs, f.emails.vs
	p.NoName, p.NoWildcards, p.Strict = f.noName, f.noWildcards, f.strict
	p.Purpose, _ = policy.ParsePurpose(f.purpose.value) // flags take no other words than the types have
	p.MinRSA, p.MaxDepth, p.Policies = f.minRSA.n, f.maxDepth.n, f.policies.vs
	if f.maxDepth.hasDefault && f.maxDepth.n == 0 {
		p.MaxDepth = -1
	}
	// Who names a policy wants it asserted, though RFC 5280 has two inputs.
	p.ExplicitPolicy = f.explicitPolicy || len(f.policies.vs) > 0
	p.InhibitMapping, p.InhibitAnyPolicy = f.inhibitMapping, f.inhibitAny
	p.Time = f.time.t
	if f.level.hasDefault {
		p.SecurityLevel, _ = policy.ParseSecurityLevel(f.level.String())
	}
	named := len(f.names.vs) + len(f.dns.vs) + len(f.ips.vs) + len(f.emails.vs)
	if f.noName && named > 0 {
		return usagef("--no-name and a required name exclude each other")
	}
	return nil
}

// revocationFlags are the relying party's rules for revocation.
type revocationFlags struct {
	schemes        schemes
	stop, depth    enum
	unknown, stale enum
	maxAge, skew   duration
}

func (f *revocationFlags) add(c *cobra.Command) {
	f.stop = enum{value: "all", allowed: []string{"first", "all"}}
	f.depth = enum{value: "chain", allowed: []string{"leaf", "chain"}}
	f.unknown = enum{allowed: []string{"allow", "warn", "deny"}}
	f.stale = enum{value: "deny", allowed: []string{"allow", "warn", "deny"}}
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	fs.Var(&f.schemes, "revocation", "sources to ask, of staple,crl,ocsp (default all)")
	fs.Var(&f.stop, "revocation-stop", "stop at the first source that answers, or ask all")
	fs.Var(&f.depth, "revocation-depth", "check the leaf only, or the whole chain")
	fs.Var(&f.unknown, "unknown", "when no source can be had (default: inconclusive)")
	fs.Var(&f.stale, "stale", "when an answer is past its nextUpdate")
	fs.Var(&f.maxAge, "max-age", "oldest answer that counts")
	f.skew.d = policy.DefaultSkew
	fs.Var(&f.skew, "skew", "how far clocks may differ around an answer's times")
	group(c, "Revocation", fs)
}

func (f *revocationFlags) apply(p *policy.Policy) {
	p.MaxAge, p.Skew = f.maxAge.d, f.skew.d
	p.Stop, _ = policy.ParseStop(f.stop.value)
	p.Depth, _ = policy.ParseDepth(f.depth.value)
	p.Unknown, _ = policy.ParseUnknown(f.unknown.value)
	p.Stale, _ = policy.ParseStale(f.stale.value)
	if f.schemes.vs != nil {
		p.Schemes, _ = policy.ParseSchemes(f.schemes.String())
	}
}

// networkFlags say what may be downloaded.
type networkFlags struct {
	aia         enum
	maxDownload size
	offline     bool
	nonce       bool
	cacheDir    string
	proxy       string // --proxy: it holds for downloads too
}

func (f *networkFlags) add(c *cobra.Command) {
	f.aia = enum{value: "on", allowed: []string{"on", "off"}}
	f.maxDownload.n = fetch.DefaultMaxBytes
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	fs.BoolVar(&f.nonce, "nonce", false, "send a nonce in OCSP requests")
	fs.Var(&f.aia, "aia", "fetch intermediates that the server did not send")
	fs.Var(&f.maxDownload, "max-download", "largest body to download")
	fs.BoolVar(&f.offline, "offline", false, "download nothing; use the cache")
	group(c, "Revocation", fs)
	addCacheDir(c, &f.cacheDir)
}

func (f *networkFlags) noAIA() bool { return f.aia.value == "off" }

// client returns the downloader that the flags ask for.
func (f *networkFlags) client() *fetch.Client {
	c := &fetch.Client{MaxBytes: f.maxDownload.n, Proxy: http.ProxyFromEnvironment, UserAgent: "assay/" + version}
	switch u, err := tlsclient.ParseProxy(f.proxy); {
	case f.proxy == "none":
		c.Proxy = nil
	case f.proxy != "" && err == nil:
		c.Proxy = http.ProxyURL(u)
	}
	return c
}

// addCacheDir adds --cache-dir.
func addCacheDir(c *cobra.Command, dir *string) {
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	fs.StringVar(dir, "cache-dir", "", "`DIR` of the cache (default $XDG_CACHE_HOME/assay)")
	group(c, "Revocation", fs)
}

// outputFlags say how the answer looks.
type outputFlags struct {
	format         enum
	quiet, verbose bool
	certs          bool
	evidence       string
}

func (f *outputFlags) add(c *cobra.Command) {
	f.format = enum{value: "text", allowed: []string{"text", "json"}}
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	fs.Var(&f.format, "format", "form of the report; of several targets JSON has one line each")
	fs.BoolVarP(&f.quiet, "quiet", "q", false, "one line for each target")
	fs.BoolVarP(&f.verbose, "verbose", "v", false, "everything: all paths in full, downloads, timing")
	fs.BoolVarP(&f.certs, "print-cert-chain-info", "i", false, "every certificate in full")
	group(c, "Output", fs)
}

func (f *outputFlags) addEvidence(c *cobra.Command) {
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	fs.StringVar(&f.evidence, "save-evidence", "", "write all that was gathered to `FILE`, for assay verify --evidence")
	group(c, "Output", fs)
}

// check wants flags that go together.
func (f *outputFlags) check() error {
	switch {
	case f.quiet && (f.verbose || f.certs):
		return usagef("-q excludes -v and -i")
	case f.format.value == "json" && (f.quiet || f.verbose || f.certs):
		return usagef("-q, -v and -i are about text; JSON always holds everything")
	}
	return nil
}

// options are the text renderer's.
func (f *outputFlags) options(a *app) render.Options {
	return render.Options{Color: a.color(), Width: a.width(), Quiet: f.quiet, Verbose: f.verbose, Certs: f.certs}
}

// keyLog opens the file that SSLKEYLOGFILE names, with a warning; nil without.
func (a *app) keyLog() (*os.File, error) {
	name := os.Getenv("SSLKEYLOGFILE")
	if name == "" {
		return nil, nil
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, usagef("SSLKEYLOGFILE: %v", err)
	}
	fmt.Fprintf(a.stderr, "assay: warning: SSLKEYLOGFILE is set: the secrets of this connection are written to %s\n", quoteLines(name))
	return f, nil
}

package cli

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/render"
	"github.com/assaytls/assay/internal/target"
	"github.com/assaytls/assay/internal/tlsclient"
)

// connFlags say how a server is reached, and as whom.
type connFlags struct {
	target.Connection
	timeout             time.Duration
	cert, key, passFile string
}

// defaultTimeout is the limit for a whole run of up to `concurrent` targets.
const defaultTimeout = time.Minute

func (f *connFlags) add(c *cobra.Command) {
	flags.Connection(c, &f.Connection)
	g := flags.Under(c, "Connection")
	g.Text(&f.cert, "cert", "show the client certificate in `FILE` (PEM or PKCS#12, with its chain) to a server that asks")
	g.Text(&f.key, "key", "`FILE` with its private key (default: the same)")
	g.Text(&f.passFile, "pass-file", "`FILE` whose first line is the password of an encrypted key, PKCS #12 files and Java key stores (default: ask)")
	g.Duration(&f.timeout, "timeout", "limit for the whole run (default 1m, more for many targets)")
}

// config returns the connection to t that the flags ask for.
func (f *connFlags) config(t target.Target) (tlsclient.Config, error) {
	c, err := f.Config(t)
	if err == nil {
		err = f.checkCert()
	}
	return c, err
}

// networkFlags say what may be downloaded.
type networkFlags struct {
	aia         bool
	maxDownload int64
	offline     bool
	refresh     bool
	nonce       string // "", nonceSend or nonceRequire
	cacheDir    string
	proxy       string // --proxy: it holds for downloads too
	proxyRoots  *x509.CertPool
}

// The words of --nonce.
const (
	nonceSend    = "send"
	nonceRequire = "require" // policy's require-nonce
)

func (f *networkFlags) add(c *cobra.Command) {
	f.aia, f.maxDownload = true, fetch.DefaultMaxBytes
	g := flags.Under(c, "Revocation")
	g.OptionalWord(&f.nonce, "nonce", "send a nonce in OCSP requests, or require one in the responses too (alone it means send)", nonceSend, nonceRequire)
	g.OnOff(&f.aia, "aia", "fetch intermediates that the server did not send")
	g.Size(&f.maxDownload, "max-download", "largest body to download")
	f.addCache(c)
	g.Switch(&f.refresh, "refresh", "", "download everything anew, past every cache")
}

// check wants flags that go together.
func (f *networkFlags) check() error {
	if f.refresh && f.offline {
		return usagef("--refresh and --offline exclude each other")
	}
	return nil
}

// addCache adds the flags about the cache.
func (f *networkFlags) addCache(c *cobra.Command) {
	flags.Under(c, "Revocation").Switch(&f.offline, "offline", "", "download nothing; use the cache")
	addCacheDir(c, &f.cacheDir)
}

// access is what may be downloaded by a run that begins now, as the flags say it.
func (f *networkFlags) access() download.Access {
	return download.Access{NoAIA: !f.aia, Offline: f.offline, Nonce: f.nonce != "",
		Run: download.Run{Began: time.Now(), PastCaches: f.refresh}}
}

// client returns the downloader that the flags ask for.
func (f *networkFlags) client() *fetch.Client {
	c := &fetch.Client{MaxBytes: f.maxDownload, Proxy: http.ProxyFromEnvironment, UserAgent: "assay/" + version, ProxyRootCAs: f.proxyRoots}
	switch u, err := tlsclient.ParseProxy(f.proxy); {
	case f.proxy == target.NoProxy:
		c.Proxy = nil
	case f.proxy != "" && err == nil:
		c.Proxy = http.ProxyURL(u)
	}
	return c
}

// through has downloads go the way of the connection: its proxy, and whom to
// trust for it.
func (f *networkFlags) through(c *target.Connection) (err error) {
	f.proxy = c.Proxy
	f.proxyRoots, err = c.ProxyAnchors()
	return err
}

// addCacheDir adds --cache-dir.
func addCacheDir(c *cobra.Command, dir *string) {
	flags.Under(c, "Revocation").Text(dir, "cache-dir", "`DIR` of the cache (default $XDG_CACHE_HOME/assay)")
}

// outputFlags say how the answer looks.
type outputFlags struct {
	format         string
	quiet, verbose bool
	certs          bool
	evidence       string
}

// The forms of answers.
const (
	formatText     = "text"
	formatJSON     = "json"
	formatMarkdown = "markdown"
	formatNagios   = "nagios"
)

func (f *outputFlags) add(c *cobra.Command) {
	f.format = formatText
	g := flags.Under(c, "Output")
	g.Word(&f.format, "format", "report format; JSON prints one line per target; nagios has the exit statuses of monitoring plugins", formatText, formatJSON, formatMarkdown, formatNagios)
	g.Switch(&f.quiet, "quiet", "q", "one line for each target")
	g.Switch(&f.verbose, "verbose", "v", "everything: connection, paths, every check, downloads, timing")
	g.Switch(&f.certs, "print-cert-chain-info", "i", "every certificate in full")
}

// addShow adds the flags of a command that shows objects and no report.
func (f *outputFlags) addShow(c *cobra.Command) {
	f.format = formatText
	g := flags.Under(c, "Output")
	g.Word(&f.format, "format", "text for people, or JSON", formatText, formatJSON)
	g.Switch(&f.quiet, "quiet", "q", "one line for each object")
	g.Switch(&f.verbose, "verbose", "v", "also the bytes of every extension, in hexadecimal")
	g.Switch(&f.certs, "print-cert-chain-info", "i", "also each certificate in PEM")
}

func (f *outputFlags) addEvidence(c *cobra.Command) {
	flags.Under(c, "Output").Text(&f.evidence, "save-evidence", "write all that was gathered to `FILE`, for assay verify --evidence")
}

// check wants flags that go together.
func (f *outputFlags) check() error {
	switch {
	case f.quiet && (f.verbose || f.certs):
		return usagef("-q excludes -v and -i")
	case f.format == formatJSON && (f.quiet || f.verbose || f.certs):
		return usagef("-q, -v and -i are about text; JSON always holds everything")
	case f.format == formatMarkdown && f.quiet:
		return usagef("-q is about text")
	case f.format == formatNagios && (f.quiet || f.verbose || f.certs):
		return usagef("-q, -v and -i are about text; nagios has one line")
	}
	return nil
}

// detail is how much of a report is read in this form.
func (f *outputFlags) detail() assemble.Detail {
	if f.format == formatJSON || f.verbose || f.certs {
		return assemble.Full
	}
	return assemble.Short
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

// checkURL wants an http or https URL.
func checkURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("%q is not an http or https address", s)
	}
	return nil
}

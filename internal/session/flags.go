package session

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/target"
	"github.com/assaytls/assay/internal/tlsclient"
)

// Connection says how a server is reached, and as whom.
type Connection struct {
	target.Connection
	Timeout             time.Duration
	Cert, Key, PassFile string
}

// DefaultTimeout is the limit for a whole run of up to `concurrent` targets.
const DefaultTimeout = time.Minute

// Add adds the flags.
func (f *Connection) Add(c *cobra.Command) {
	flags.Connection(c, &f.Connection)
	g := flags.Under(c, "Connection")
	g.Text(&f.Cert, "cert", "show the client certificate in `FILE` (PEM or PKCS#12, with its chain) to a server that asks")
	g.Text(&f.Key, "key", "`FILE` with its private key (default: the same)")
	g.Text(&f.PassFile, "pass-file", "`FILE` whose first line is the password of an encrypted key, PKCS #12 files and Java key stores (default: ask)")
	g.Duration(&f.Timeout, "timeout", "limit for the whole run (default 1m, more for many targets)")
}

// Config returns the connection to t that the flags ask for.
func (f *Connection) Config(t target.Target) (tlsclient.Config, error) {
	c, err := f.Connection.Config(t)
	if err == nil {
		err = f.checkCert()
	}
	return c, err
}

// Network says what may be downloaded.
type Network struct {
	AIA         bool
	MaxDownload int64
	Offline     bool
	Refresh     bool
	Nonce       string // "", NonceSend or NonceRequire
	CacheDir    string
	// UserAgent is sent with downloads; "" is assay's.
	UserAgent  string
	proxy      string // --proxy: it holds for downloads too
	proxyRoots *x509.CertPool
}

// The words of --nonce.
const (
	NonceSend    = "send"
	NonceRequire = "require" // policy's require-nonce
)

// Add adds the flags.
func (f *Network) Add(c *cobra.Command) {
	f.AIA, f.MaxDownload = true, fetch.DefaultMaxBytes
	g := flags.Under(c, "Revocation")
	g.OptionalWord(&f.Nonce, "nonce", "send a nonce in OCSP requests, or require one in the responses too (alone it means send)", NonceSend, NonceRequire)
	g.OnOff(&f.AIA, "aia", "fetch intermediates that the server did not send")
	g.Size(&f.MaxDownload, "max-download", "largest body to download")
	f.AddCache(c)
	g.Switch(&f.Refresh, "refresh", "", "download everything anew, past every cache")
}

// Check wants flags that go together.
func (f *Network) Check() error {
	if f.Refresh && f.Offline {
		return usagef("--refresh and --offline exclude each other")
	}
	return nil
}

// AddCache adds the flags about the cache.
func (f *Network) AddCache(c *cobra.Command) {
	flags.Under(c, "Revocation").Switch(&f.Offline, "offline", "", "download nothing; use the cache")
	AddCacheDir(c, &f.CacheDir)
}

// Access is what may be downloaded by a run that begins now, as the flags say it.
func (f *Network) Access() download.Access {
	return download.Access{NoAIA: !f.AIA, Offline: f.Offline, Nonce: f.Nonce != "",
		Run: download.Run{Began: time.Now(), PastCaches: f.Refresh}}
}

// Client returns the downloader that the flags ask for.
func (f *Network) Client() *fetch.Client {
	c := &fetch.Client{MaxBytes: f.MaxDownload, Proxy: http.ProxyFromEnvironment, UserAgent: cmp.Or(f.UserAgent, "assay/"+command.Version()), ProxyRootCAs: f.proxyRoots}
	switch u, err := tlsclient.ParseProxy(f.proxy); {
	case f.proxy == target.NoProxy:
		c.Proxy = nil
	case f.proxy != "" && err == nil:
		c.Proxy = http.ProxyURL(u)
	}
	return c
}

// Through has downloads go the way of the connection: its proxy, and whom to
// trust for it.
func (f *Network) Through(c *target.Connection) (err error) {
	f.proxy = c.Proxy
	f.proxyRoots, err = c.ProxyAnchors()
	return err
}

// AddCacheDir adds --cache-dir.
func AddCacheDir(c *cobra.Command, dir *string) {
	flags.Under(c, "Revocation").Text(dir, "cache-dir", "`DIR` of the cache (default $XDG_CACHE_HOME/assay)")
}

// CheckURL wants an http or https URL.
func CheckURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("%q is not an http or https address", s)
	}
	return nil
}

// Package fetch downloads what certificates point to - lists, responses,
// issuers - from whoever they name, so everything about it is bounded: time,
// size, redirects, and which addresses may be connected to. Only http and
// https are spoken, without compression, cookies or credentials.
//
// A failure names a kind of finding by its ID.
package fetch

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/assaytls/assay/finding"
)

// The defaults of a zero Client.
const (
	DefaultTimeout   = 10 * time.Second
	DefaultMaxBytes  = 64 << 20
	DefaultRedirects = 5
)

// Client holds the limits. The zero Client is ready to use and reaches public
// addresses only. A Client is safe for concurrent use and must not be changed
// once it has been used.
type Client struct {
	Timeout      time.Duration // for one download, redirects included; 0 = DefaultTimeout
	MaxBytes     int64         // of one body; 0 = DefaultMaxBytes
	MaxRedirects int           // 0 = DefaultRedirects, negative = none

	// Proxy chooses the proxy for a URL, as http.Transport's field of that
	// name; nil means none. Behind a proxy only public targets are asked for,
	// as far as can be told from here: literal addresses are, and names that
	// the Resolver knows. A name that only the proxy can resolve, or resolves
	// otherwise, leads where it leads: that is the proxy's own to forbid. For a
	// proxy whose scheme is socks5h, which means that names are resolved there
	// and nowhere else, no name is looked up.
	Proxy func(*http.Request) (*url.URL, error)

	// RootCAs are the anchors for https; nil means the system's. https is
	// verified by crypto/tls alone, so that no download causes another.
	RootCAs *x509.CertPool
	// ProxyRootCAs are the anchors for the certificate of a proxy whose scheme is
	// https, and for nothing else; nil means the system's.
	ProxyRootCAs *x509.CertPool

	// Networks are reached besides what the scope of a request allows; refused
	// addresses never are. nil means none.
	Networks []netip.Prefix

	Resolver  *net.Resolver // nil = the system's
	UserAgent string        // "" = "assay"

	// Pace, when not nil, is called before each request with the host that it goes to,
	// and returns when the request may be sent; an error ends the download. What it
	// takes before the first request is not counted by Timeout, what it takes before
	// those that follow redirects is. It must be safe for concurrent use.
	Pace func(ctx context.Context, host string) error

	underWay *account // nil = the process's; others in tests
}

// Request is one download.
type Request struct {
	Method      string // "" = GET
	URL         string
	Body        []byte // of a POST
	ContentType string
	Accept      string

	// ETag and LastModified, from an earlier Response, make it conditional.
	ETag, LastModified string

	// PastCaches asks caches on the way to ask the server (RFC 9111, 5.2.1.4).
	PastCaches bool

	Scope    Scope     // what may be connected to besides public addresses
	MaxBytes int64     // 0 = the client's
	Into     io.Writer // where the body goes; nil = Response.Body
}

// Response is a complete body, or the news that it has not changed.
type Response struct {
	NotModified  bool
	Body         []byte // nil when the request had Into
	Bytes        int64  // of the body
	Status       int
	URL          string // after redirects
	Redirects    int
	Proxied      bool
	Addr         string // the address connected to last
	ContentType  string
	ETag         string
	LastModified string
	MaxAge       time.Duration // Cache-Control max-age, 0 when absent
	NoStore      bool
	NoCache      bool      // to be asked for again each time
	Expires      time.Time // zero when absent or unreadable
	Date         time.Time // the server's
	Duration     time.Duration
}

// Failure says why there is no Response.
type Failure struct {
	ID     finding.ID // one of the kinds that begin with "fetch-"
	Detail string     // for people; may hold text from the peer
	Status int        // the HTTP status, for finding.FetchHTTPStatus
}

// Error returns the ID and the detail.
func (f *Failure) Error() string { return string(f.ID) + ": " + f.Detail }

// errAddress is how the dialer's Control reports a refused address.
type errAddress struct {
	addr  string
	class Class
}

func (e *errAddress) Error() string { return e.addr + " is " + e.what() }

// what says what kind of address it is.
func (e *errAddress) what() string {
	if e.class != Refused {
		return fmt.Sprintf("a %s address, and the checked server is not at such an address", e.class)
	}
	addr, err := netip.ParseAddr(e.addr)
	if err != nil {
		p, _ := netip.ParseAddrPort(e.addr) // the zero Addr is reserved
		addr = p.Addr()
	}
	switch addr = addr.Unmap().WithZone(""); {
	case slices.Contains(metadata, addr):
		return "a cloud metadata address"
	case addr.IsLinkLocalUnicast():
		return "a link-local address"
	case addr.IsMulticast():
		return "a multicast address"
	}
	return "a reserved address"
}

// Do performs r. Exactly one of the results is nil. It returns at the latest
// when the client's Timeout has passed, after Pace has let it begin, or ctx is
// done.
func (c *Client) Do(ctx context.Context, r Request) (*Response, *Failure) {
	start := time.Now()
	timeout := c.Timeout
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	if f := c.pace(ctx, r.URL); f != nil {
		return nil, f
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	resp := &Response{}
	direct := c.transport(r.Scope, nil, resp)
	defer direct.CloseIdleConnections()

	target := r.URL
	for hop := 0; ; hop++ {
		u, f := checkURL(target)
		if f != nil {
			return nil, f
		}
		if hop > 0 {
			if f := c.pace(ctx, target); f != nil {
				return nil, f
			}
		}
		req, f := c.request(ctx, r, u)
		if f != nil {
			return nil, f
		}
		tr := direct
		if c.Proxy != nil {
			p, err := c.Proxy(req)
			if err != nil {
				return nil, &Failure{ID: finding.FetchFailed, Detail: "proxy: " + err.Error()}
			}
			if p != nil {
				if f := c.checkProxied(ctx, u, p, r.Scope); f != nil {
					return nil, f
				}
				tr = c.transport(Scope{}, p, resp)
				defer tr.CloseIdleConnections()
				resp.Proxied = true
			}
		}
		hr, err := tr.RoundTrip(req)
		if err != nil {
			return nil, failure(ctx, err, timeout)
		}
		next, f := c.answer(ctx, r, hr, resp, timeout)
		hr.Body.Close()
		if f != nil {
			return nil, f
		}
		if next == "" {
			resp.URL, resp.Redirects, resp.Duration = u.String(), hop, time.Since(start)
			return resp, nil
		}
		if hop >= c.redirects() {
			return nil, &Failure{ID: finding.FetchRedirectLimit, Detail: fmt.Sprintf("more than %d redirects", c.redirects())}
		}
		ref, err := u.Parse(next)
		if err != nil {
			return nil, &Failure{ID: finding.FetchFailed, Detail: "redirected to something that is not a URL"}
		}
		target = ref.String()
	}
}

// pace waits until a request to the host of target may be sent. What is no URL is
// refused by checkURL.
func (c *Client) pace(ctx context.Context, target string) *Failure {
	if c.Pace == nil {
		return nil
	}
	u, f := checkURL(target)
	if f != nil {
		return f
	}
	if err := c.Pace(ctx, u.Hostname()); err != nil {
		return &Failure{ID: finding.FetchTimeout, Detail: "its turn did not come: " + err.Error()}
	}
	return nil
}

// malformedRequest is the OCSP response of that status: some responders give it
// to a method that they do not know.
var malformedRequest = []byte{0x30, 3, 0x0a, 1, 1}

// OCSP asks a responder: with GET at getURL first when short is set, else with
// POST to responder; when the first is answered with an HTTP error or with
// malformedRequest, with the other once. getURL may be "".
func (c *Client) OCSP(ctx context.Context, responder, getURL string, short bool, r Request) (*Response, *Failure) {
	post, get := r, r
	post.Method, post.URL, post.ContentType = http.MethodPost, responder, "application/ocsp-request"
	get.Method, get.URL, get.Body = http.MethodGet, getURL, nil
	post.Accept, get.Accept = "application/ocsp-response", "application/ocsp-response"
	first, second := post, get
	if short && getURL != "" {
		first, second = get, post
	}
	resp, f := c.Do(ctx, first)
	refused := f != nil && f.ID == finding.FetchHTTPStatus || f == nil && bytes.Equal(resp.Body, malformedRequest)
	if !refused || second.URL == "" {
		return resp, f
	}
	if other, f2 := c.Do(ctx, second); f2 == nil {
		return other, nil
	}
	return resp, f
}

func (c *Client) account() *account {
	if c.underWay != nil {
		return c.underWay
	}
	return process
}

func (c *Client) redirects() int {
	switch {
	case c.MaxRedirects < 0:
		return 0
	case c.MaxRedirects == 0:
		return DefaultRedirects
	}
	return c.MaxRedirects
}

func checkURL(s string) (*url.URL, *Failure) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, &Failure{ID: finding.FetchFailed, Detail: "not a URL"}
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, &Failure{ID: finding.FetchSchemeRefused, Detail: "scheme " + strconv.Quote(u.Scheme) + " (only http and https are followed)"}
	}
	if u.Hostname() == "" {
		return nil, &Failure{ID: finding.FetchFailed, Detail: "the URL has no host"}
	}
	if f := mapHost(u); f != nil {
		return nil, f
	}
	if u.User != nil {
		u.User = nil // credentials in a pointer are nobody's to send
	}
	u.Fragment = ""
	return u, nil
}

func (c *Client) request(ctx context.Context, r Request, u *url.URL) (*http.Request, *Failure) {
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	var body io.Reader
	if r.Body != nil {
		body = bytes.NewReader(r.Body)
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, &Failure{ID: finding.FetchFailed, Detail: err.Error()}
	}
	agent := c.UserAgent
	if agent == "" {
		agent = "assay"
	}
	req.Header.Set("User-Agent", agent)
	set := func(k, v string) {
		if v != "" {
			req.Header.Set(k, v)
		}
	}
	set("Accept", r.Accept)
	set("Content-Type", r.ContentType)
	set("If-None-Match", r.ETag)
	if r.PastCaches {
		set("Cache-Control", "no-cache")
	}
	set("If-Modified-Since", r.LastModified)
	return req, nil
}

// transport returns a one-download transport. Connections to a proxy are not
// address-checked: the user named it.
func (c *Client) transport(scope Scope, proxy *url.URL, resp *Response) *http.Transport {
	d := &net.Dialer{Resolver: c.Resolver, Control: func(_, address string, _ syscall.RawConn) error {
		if proxy == nil {
			ap, err := netip.ParseAddrPort(address)
			if err != nil {
				return &errAddress{address, Refused}
			}
			if cl := Classify(ap.Addr()); !scope.Allows(cl) && !Within(c.Networks, ap.Addr()) {
				return &errAddress{address, cl}
			}
		}
		return nil
	}}
	tr := &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := d.DialContext(ctx, network, addr)
			if err == nil {
				resp.Addr = conn.RemoteAddr().String()
			}
			return conn, err
		},
		TLSClientConfig:        &tls.Config{RootCAs: c.RootCAs, MinVersion: tls.VersionTLS12},
		DisableCompression:     true,
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: 64 << 10,
	}
	if proxy != nil {
		tr.Proxy = http.ProxyURL(proxy)
	}
	if proxy != nil && proxy.Scheme == "https" {
		// The transport asks for the connection to the proxy alone: what is inside
		// it has the configuration above.
		dial := &tls.Dialer{NetDialer: d, Config: &tls.Config{RootCAs: c.ProxyRootCAs, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, ServerName: proxy.Hostname()}}
		tr.DialTLSContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dial.DialContext(ctx, network, addr)
			if err == nil {
				resp.Addr = conn.RemoteAddr().String()
			}
			return conn, err
		}
	}
	return tr
}

// Within reports whether a is in one of the networks. Refused addresses are in none,
// and what carries an IPv4 address is in no network of IPv4 unless it is v4-mapped,
// which is the same address.
func Within(networks []netip.Prefix, a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return Classify(a) != Refused && slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(a) })
}

// answer reads one HTTP response: the body into resp, or where to go next.
func (c *Client) answer(ctx context.Context, r Request, hr *http.Response, resp *Response, timeout time.Duration) (next string, f *Failure) {
	h := hr.Header
	switch hr.StatusCode {
	case http.StatusOK:
	case http.StatusNotModified:
		if r.ETag == "" && r.LastModified == "" {
			return "", &Failure{ID: finding.FetchHTTPStatus, Status: hr.StatusCode, Detail: "304 to an unconditional request"}
		}
		resp.NotModified = true
	case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		if loc := h.Get("Location"); loc != "" {
			return loc, nil
		}
		return "", &Failure{ID: finding.FetchFailed, Detail: "redirected to nowhere"}
	case http.StatusSeeOther:
		if loc := h.Get("Location"); loc != "" && r.Method != http.MethodPost {
			return loc, nil
		}
		fallthrough
	default:
		return "", &Failure{ID: finding.FetchHTTPStatus, Status: hr.StatusCode, Detail: "HTTP status " + strconv.Itoa(hr.StatusCode)}
	}
	resp.Status = hr.StatusCode
	resp.ContentType, resp.ETag, resp.LastModified = h.Get("Content-Type"), etag(h.Get("Etag")), lastModified(h.Get("Last-Modified"))
	resp.Expires, _ = http.ParseTime(h.Get("Expires"))
	resp.Date, _ = http.ParseTime(h.Get("Date"))
	resp.MaxAge, resp.NoStore, resp.NoCache = cacheControl(h.Values("Cache-Control"))
	if resp.NotModified {
		return "", nil
	}
	if enc := h.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return "", &Failure{ID: finding.FetchContentEncoding, Detail: "the body is encoded as " + enc + " although none was offered"}
	}
	limit := r.MaxBytes
	if limit <= 0 {
		limit = c.MaxBytes
	}
	if limit <= 0 {
		limit = DefaultMaxBytes
	}
	limit = min(limit, math.MaxInt/2) // what one slice of a 32-bit machine could hold
	if hr.ContentLength > limit {
		return "", tooLarge(limit)
	}
	w := &body{ctx: ctx, share: share{of: c.account()}, into: r.Into, most: limit + 1}
	defer w.end()
	if length := hr.ContentLength; w.into == nil && length > 0 && length <= freely {
		w.share.take(ctx, length)
		w.buf = make([]byte, 0, length)
	}
	n, err := io.Copy(w, io.LimitReader(hr.Body, limit+1))
	resp.Bytes = n
	switch {
	case errors.Is(err, errBusy):
		return "", &Failure{ID: finding.FetchTimeout, Detail: err.Error()}
	case n > limit:
		return "", tooLarge(limit)
	case err != nil:
		return "", failure(ctx, err, timeout)
	}
	resp.Body = w.buf
	return "", nil
}

// maxETag bounds the tags that are sent back: servers refuse long headers.
const maxETag = 256

func etag(s string) string {
	if len(s) > maxETag {
		return ""
	}
	return s
}

// lastModified leaves out what is no date or lies ahead: some servers confirm
// anything that is later than what they have.
func lastModified(s string) string {
	if t, err := http.ParseTime(s); err != nil || t.After(time.Now()) {
		return ""
	}
	return s
}

func tooLarge(limit int64) *Failure {
	return &Failure{ID: finding.FetchTooLarge, Detail: fmt.Sprintf("more than %d bytes", limit)}
}

// FreshFor returns for how long the body may be used without asking again, by
// max-age or else by Expires and Date; false when the server did not say.
func (r *Response) FreshFor() (time.Duration, bool) {
	switch {
	case r.NoCache:
		return 0, true
	case r.MaxAge > 0:
		return r.MaxAge, true
	case r.Expires.IsZero() || r.Date.IsZero():
		return 0, false
	}
	return max(0, r.Expires.Sub(r.Date)), true
}

// cacheControl reads the directives that matter to a private cache of signed
// objects (RFC 9111, 5.2.2).
func cacheControl(values []string) (maxAge time.Duration, noStore, noCache bool) {
	for _, v := range values {
		for d := range strings.SplitSeq(v, ",") {
			name, arg, _ := strings.Cut(strings.TrimSpace(d), "=")
			switch strings.ToLower(name) {
			case "no-store":
				noStore = true
			case "no-cache":
				noCache = true
			case "max-age":
				if n, err := strconv.ParseUint(strings.Trim(arg, `"`), 10, 31); err == nil {
					maxAge = time.Duration(n) * time.Second
					noCache = noCache || n == 0
				}
			}
		}
	}
	return maxAge, noStore, noCache
}

// failure turns a transport's error into a Failure.
func failure(ctx context.Context, err error, timeout time.Duration) *Failure {
	var ea *errAddress
	var ne net.Error
	switch {
	case errors.As(err, &ea):
		return &Failure{ID: finding.FetchRefusedAddress, Detail: ea.Error()}
	case errors.Is(err, context.DeadlineExceeded), ctx.Err() == context.DeadlineExceeded:
		return &Failure{ID: finding.FetchTimeout, Detail: "no complete reply within " + finding.Duration(timeout)}
	case errors.As(err, &ne) && ne.Timeout():
		return &Failure{ID: finding.FetchTimeout, Detail: ne.Error()}
	}
	return &Failure{ID: finding.FetchFailed, Detail: plain(err)}
}

// plain says what went wrong with a connection without the names of Go's and the
// system's calls.
func plain(err error) string {
	var sys *os.SyscallError
	switch {
	case errors.As(err, &sys):
		return sys.Err.Error()
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "the connection ended before the reply was complete"
	}
	return err.Error()
}

package assay

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/assaytls/assay/internal/tlsclient"
)

// Transport is an http.RoundTripper whose TLS connections assay judges. Its
// embedded http.Transport may be tuned before first use, but not its
// TLSClientConfig and DialTLSContext. With a DialContext of your own, which may
// lead to a proxy, downloads go to public addresses unless Config.PrivateFetch
// is set.
type Transport struct {
	*http.Transport
	v *Verifier
}

// Transport returns a transport with http.DefaultTransport's settings, proxies
// from the environment and HTTP/2 included. Its TLS connections, direct or
// through a proxy, pass only when the standard library and assay both accept
// the server; refusals are *Error.
func (v *Verifier) Transport() *Transport {
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          100,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
	base := &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(0)}
	conf, err := v.ClientConfig(base)
	if err != nil {
		// Nothing in base can be refused; fail closed all the same.
		conf = &tls.Config{MinVersion: tls.VersionTLS12, VerifyConnection: func(tls.ConnectionState) error { return err }}
	}
	// A proxy bypasses DialTLSContext, so both are set.
	t.TLSClientConfig = conf
	t.DialTLSContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		dial, foreign := t.DialContext, true
		if dial == nil {
			dial, foreign = dialer.DialContext, false
		}
		conf := base
		if t.TLSClientConfig != nil { // where net/http has put the protocols that the transport speaks
			conf = base.Clone()
			conf.NextProtos = t.TLSClientConfig.NextProtos
		}
		c, err := v.dial(ctx, dial, foreign, t.TLSHandshakeTimeout, network, addr, conf)
		if err != nil {
			return nil, err // not c: a nil *tls.Conn in the interface would look like one
		}
		return c, nil
	}
	return &Transport{t, v}
}

// RoundTrip is http.Transport's; certificate refusals are *Error.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.Transport.RoundTrip(r)
	if err != nil {
		return nil, t.v.wrap(err, r.URL.Hostname())
	}
	return resp, nil
}

// dialer has the bounds of http.DefaultTransport's.
var dialer = &net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}

// Dial is DialContext without a context and with an empty base.
func (v *Verifier) Dial(network, addr string) (*tls.Conn, error) {
	return v.DialContext(context.Background(), network, addr, nil)
}

// DialContext connects to addr, "host:port", and completes a judged TLS
// handshake. base may be nil; its ServerName stands in for the host. The
// context bounds connection, handshake and judgement; it does not matter
// afterwards. The connection is a bare *tls.Conn. Certificate refusals, the
// standard library's too, are *Error.
func (v *Verifier) DialContext(ctx context.Context, network, addr string, base *tls.Config) (*tls.Conn, error) {
	return v.dial(ctx, dialer.DialContext, false, 0, network, addr, base)
}

// dial is DialContext by dial, which is foreign when it is not this package's.
func (v *Verifier) dial(ctx context.Context, dial func(ctx context.Context, network, addr string) (net.Conn, error), foreign bool, timeout time.Duration, network, addr string, base *tls.Config) (*tls.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	raw, err := dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	if timeout > 0 { // http.Transport applies its own to its own handshakes only
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	c, err := v.client(raw, dialled{ctx: ctx, peer: raw.RemoteAddr(), host: host, port: port, foreign: foreign}, base)
	if err != nil {
		raw.Close()
		return nil, err
	}
	return c, nil
}

// Client completes a judged TLS handshake over a connection that exists
// already, as after STARTTLS. base must have a ServerName. The context bounds
// handshake and judgement. On error the caller closes raw. How raw came about
// is not known, so downloads go to public addresses only, unless
// Config.PrivateFetch is set.
func (v *Verifier) Client(ctx context.Context, raw net.Conn, base *tls.Config) (*tls.Conn, error) {
	if base == nil || base.ServerName == "" {
		return nil, errors.New("assay: Client needs a tls.Config with a ServerName")
	}
	d := dialled{ctx: ctx, peer: raw.RemoteAddr(), host: base.ServerName, foreign: true}
	if t, ok := raw.(*tlsclient.Transport); ok { // the command line's
		d.foreign = t.Proxied()
	}
	return v.client(raw, d, base)
}

func (v *Verifier) client(raw net.Conn, d dialled, base *tls.Config) (*tls.Conn, error) {
	d.conn = &noted{Conn: raw}
	conf, err := v.clientConfig(d, base)
	if err != nil {
		return nil, err
	}
	if conf.ServerName == "" {
		conf.ServerName = d.host
	}
	c := tls.Client(d.conn, conf)
	if err := c.HandshakeContext(d.ctx); err != nil {
		if rejected := (*tls.ECHRejectionError)(nil); errors.As(err, &rejected) {
			return nil, v.rejectedECH(d, c, err)
		}
		return nil, v.wrap(err, conf.ServerName)
	}
	return c, nil
}

// rejectedECH judges the server that rejected Encrypted Client Hello, under its
// public name, before its retry configurations are handed out with err.
func (v *Verifier) rejectedECH(d dialled, c *tls.Conn, err error) error {
	cs := c.ConnectionState()
	d.host, d.port = "", "" // of the hidden name
	if _, _, refused := v.handshake(d, &cs, &v.policy); refused != nil {
		return refused
	}
	return err
}

package assay

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	"github.com/assaytls/assay/internal/tlsclient"
)

// dialer has the bounds of http.DefaultTransport's.
var dialer = &net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}

// handshakeTimeout is how long a peer may take for its part of a handshake, as
// long as with http.DefaultTransport.
const handshakeTimeout = 10 * time.Second

// ErrHandshakeTimeout is how Dial, DialContext, Handshake and Transport end when the
// peer takes longer than 10 s for its part of the handshake. It is a net.Error
// whose Timeout is true, like net/http's.
var ErrHandshakeTimeout net.Error = timeoutError{}

type timeoutError struct{}

func (timeoutError) Error() string   { return "assay: the TLS handshake timed out" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }

// Dial is DialContext without a context and with an empty base.
func (v *Verifier) Dial(network, addr string) (*tls.Conn, error) {
	return v.DialContext(context.Background(), network, addr, nil)
}

// DialContext connects to addr, "host:port", and completes a judged TLS
// handshake. base may be nil; its ServerName stands in for the host. The
// context bounds connection, handshake and judgement; it does not matter
// afterwards. Whatever the context, connecting is bounded by 30 s, the peer's
// part of the handshake by 10 s (ErrHandshakeTimeout), the judgement by
// FetchBudget, and all of them by Close (ErrClosed). The connection is a bare
// *tls.Conn. Certificate refusals, the standard library's too, are *Error.
func (v *Verifier) DialContext(ctx context.Context, network, addr string, base *tls.Config) (*tls.Conn, error) {
	return v.dial(ctx, dialing{dial: dialer.DialContext, timeout: handshakeTimeout}, network, addr, base)
}

// dialing says how a connection is made.
type dialing struct {
	dial    func(ctx context.Context, network, addr string) (net.Conn, error)
	foreign bool          // dial is not this package's
	timeout time.Duration // of the peer's part of the handshake
	trace   *handshakeTrace
}

// dial is DialContext in the way that how says.
func (v *Verifier) dial(ctx context.Context, how dialing, network, addr string, base *tls.Config) (*tls.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if !v.begin() {
		return nil, ErrClosed
	}
	defer v.running.Done()
	connecting, done := v.until(ctx)
	defer done()
	raw, err := how.dial(connecting, network, addr)
	if err != nil {
		return nil, endedBy(err, ctx, connecting)
	}
	d := dialled{ctx: ctx, peer: raw.RemoteAddr(), host: host, port: port, foreign: how.foreign, timeout: how.timeout}
	how.trace.start()
	c, err := v.client(raw, d, base)
	how.trace.done(c, err)
	if err != nil {
		raw.Close()
		return nil, err
	}
	return c, nil
}

// Handshake completes a judged TLS handshake over a connection that exists
// already, as after STARTTLS. base must have a ServerName. The context bounds
// handshake and judgement, and beside it what DialContext says. On error the
// caller closes raw. How raw came about is not known, so downloads go to public
// addresses only, unless Config.PrivateFetch is set.
func (v *Verifier) Handshake(ctx context.Context, raw net.Conn, base *tls.Config) (*tls.Conn, error) {
	if base == nil || base.ServerName == "" {
		return nil, errors.New("assay: Handshake needs a tls.Config with a ServerName")
	}
	d := dialled{ctx: ctx, peer: raw.RemoteAddr(), host: base.ServerName, foreign: true, timeout: handshakeTimeout}
	if t, ok := raw.(*tlsclient.Transport); ok { // the command line's
		d.foreign = t.Proxied()
	}
	return v.client(raw, d, base)
}

func (v *Verifier) client(raw net.Conn, d dialled, base *tls.Config) (*tls.Conn, error) {
	if !v.begin() {
		return nil, ErrClosed
	}
	defer v.running.Done()
	outer := d.ctx
	ctx, done := v.until(outer)
	defer done()
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	timer := time.AfterFunc(d.timeout, func() { end(ErrHandshakeTimeout) })
	defer timer.Stop()
	d.ctx, d.conn = ctx, &noted{Conn: raw}
	// The judgement has a bound of its own; the peer's time does not run meanwhile.
	d.judging = func() { timer.Reset(d.timeout + v.fetchBudget()) }
	conf, err := v.clientConfig(d, base)
	if err != nil {
		return nil, err
	}
	if conf.ServerName == "" {
		conf.ServerName = d.host
	}
	c := tls.Client(d.conn, conf)
	if err := c.HandshakeContext(ctx); err != nil {
		if rejected := (*tls.ECHRejectionError)(nil); errors.As(err, &rejected) {
			return nil, v.rejectedECH(d, c, err)
		}
		return nil, v.wrap(endedBy(err, outer, ctx), conf.ServerName, conf.RootCAs)
	}
	return c, nil
}

// until returns a context that ends with ctx, and with ErrClosed when Close gives
// up waiting.
func (v *Verifier) until(ctx context.Context) (context.Context, context.CancelFunc) {
	both, end := context.WithCancelCause(ctx)
	stop := context.AfterFunc(v.ctx, func() { end(ErrClosed) })
	return both, func() { stop(); end(nil) }
}

// endedBy returns why bounded ended when that is what failed with err, unless the
// caller's own context ended too.
func endedBy(err error, callers, bounded context.Context) error {
	if bounded.Err() == nil || callers.Err() != nil {
		return err
	}
	return context.Cause(bounded)
}

// rejectedECH judges the server that rejected Encrypted Client Hello, under its
// public name, before its retry configurations are handed out with err.
func (v *Verifier) rejectedECH(d dialled, c *tls.Conn, err error) error {
	cs := c.ConnectionState()
	d.host, d.port = "", "" // of the hidden name
	d.judging()
	if _, _, refused := v.handshake(d, &cs, &v.policy); refused != nil {
		return refused
	}
	return err
}

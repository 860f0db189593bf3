package assay

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// Transport is an http.RoundTripper whose TLS connections assay judges, direct or
// through a proxy, those of requests that upgrade (WebSocket) too. Nothing of it
// can be set: [Verifier.TransportFrom] takes settings, and
// [Verifier.ConfigureTransport] adds assay to an http.Transport of yours.
// The zero Transport sends nothing.
type Transport struct {
	v *Verifier
	// Requests that ask for another protocol (RFC 9110, 7.8) can only be sent in
	// HTTP/1.1: their connections offer nothing else, and have a pool of their own.
	usual, upgrading *http.Transport

	name  string         // of servers, when the base has one for all
	roots *x509.CertPool // of the base
}

// Transport returns a transport with http.DefaultTransport's settings, proxies
// from the environment and HTTP/2 included. Its TLS connections pass only when
// the standard library and assay both accept the server; refusals are *Error.
func (v *Verifier) Transport() *Transport {
	t, err := v.NewTransport(nil)
	if err != nil {
		return &Transport{} // of the zero Verifier, which accepts nothing
	}
	return t
}

// NewTransport is Transport with a base config for its connections, which may
// have client certificates, and roots when Config has none. The error is
// ClientConfig's.
func (v *Verifier) NewTransport(base *tls.Config) (*Transport, error) {
	if base == nil {
		base = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if base.ClientSessionCache == nil {
		base = base.Clone()
		base.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	return v.TransportFrom(&http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		TLSClientConfig:       base,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          100,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   handshakeTimeout,
		ExpectContinueTimeout: time.Second,
	})
}

// TransportFrom returns a Transport with a copy of t's settings: its
// TLSClientConfig is the base config, its DialContext makes all connections.
// What is changed in t afterwards has no effect. A TLSHandshakeTimeout of zero
// means 10 s; it bounds the peer's part of the handshake, FetchBudget the
// judgement. The limits on connections hold for ordinary and for upgrading
// requests separately.
//
// With a DialContext, which may lead to a proxy, downloads go to public
// addresses unless Config.PrivateFetch is set; so they do for connections through
// a proxy. It is an error when t has DialTLS or DialTLSContext, or when its
// TLSClientConfig cannot be a base (see [Verifier.ClientConfig]).
func (v *Verifier) TransportFrom(t *http.Transport) (*Transport, error) {
	if err := noTLSDialer(t); err != nil {
		return nil, err
	}
	speaksHTTP2 := wantsHTTP2(t)
	own := t.Clone()
	own.ForceAttemptHTTP2 = speaksHTTP2
	base := own.TLSClientConfig
	if base == nil {
		base = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	out := &Transport{v: v, usual: own, name: base.ServerName, roots: base.RootCAs}
	timeout := own.TLSHandshakeTimeout
	if timeout == 0 {
		timeout = handshakeTimeout
	}
	own.TLSHandshakeTimeout = timeout + v.fetchBudget() // net/http's bound of handshakes through a proxy
	dial := own.DialContext
	if connect := oldDial(own); dial == nil && connect != nil {
		dial = func(_ context.Context, network, addr string) (net.Conn, error) { return connect(network, addr) }
	}
	how := dialing{dial: dial, foreign: dial != nil, timeout: timeout}
	if dial == nil {
		how.dial = dialer.DialContext
	}
	own.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) { // to proxies
		return v.carry(how.dial(ctx, network, addr))
	}
	// Connections to the server itself are made by DialTLSContext, which knows
	// their context and address; net/http makes the handshakes behind a proxy, with
	// TLSClientConfig.
	judged := func(t *http.Transport) (err error) {
		if t.TLSClientConfig, err = v.ClientConfig(t.TLSClientConfig); err != nil {
			return err
		}
		t.DialTLSContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conf := base.Clone()
			conf.NextProtos = t.TLSClientConfig.NextProtos // where net/http has put the protocols that it speaks
			how := how
			how.trace, _ = ctx.Value(traceKey{}).(*handshakeTrace)
			c, err := v.dial(ctx, how, network, addr, conf)
			if err != nil {
				return nil, err // not c: a nil *tls.Conn in the interface would look like one
			}
			return c, nil
		}
		return nil
	}
	out.upgrading = own.Clone()
	out.upgrading.ForceAttemptHTTP2, out.upgrading.Protocols, out.upgrading.HTTP2 = false, nil, nil
	out.upgrading.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	out.upgrading.TLSClientConfig = base.Clone()
	out.upgrading.TLSClientConfig.NextProtos = []string{"http/1.1"}
	if err := judged(own); err != nil {
		return nil, err
	}
	if err := judged(out.upgrading); err != nil {
		return nil, err
	}
	return out, nil
}

// noTLSDialer refuses a transport whose connections would not be judged.
func noTLSDialer(t *http.Transport) error {
	if t == nil {
		return errors.New("assay: the http.Transport is nil")
	}
	if hasTLSDialer(t) {
		return errors.New("assay: the http.Transport has DialTLSContext or DialTLS, whose connections would not be judged: set DialContext instead")
	}
	return nil
}

// wantsHTTP2 reports whether t would offer HTTP/2, before assay sets anything
// that makes net/http offer it only when it is told to.
func wantsHTTP2(t *http.Transport) bool {
	return t.ForceAttemptHTTP2 || t.Protocols == nil && t.TLSNextProto == nil && t.TLSClientConfig == nil && t.DialContext == nil && oldDial(t) == nil ||
		t.TLSClientConfig != nil && slices.Contains(t.TLSClientConfig.NextProtos, "h2") // it was used, or cloned
}

// RoundTrip is http.Transport's; certificate refusals are *Error.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.usual == nil {
		if r != nil && r.Body != nil {
			r.Body.Close()
		}
		return nil, ErrClosed
	}
	via := t.usual
	if r.Header.Get("Upgrade") != "" {
		via = t.upgrading
	}
	sent := traced(r)
	resp, err := via.RoundTrip(sent)
	if err != nil {
		return nil, t.refused(err, r)
	}
	if resp.Request == sent {
		resp.Request = r
	}
	return resp, nil
}

// refused makes an *Error of a refusal, with the name of the server: net/http
// handshakes through proxies, where a callback is not told addresses.
func (t *Transport) refused(err error, r *http.Request) error {
	if r.URL == nil {
		return err
	}
	name := t.name
	if name == "" {
		name = r.URL.Hostname()
	}
	// What was refused by, or on the way to, the proxy is wrapped, and names it.
	if own, ok := err.(*Error); ok && own.Report != nil && own.Report.Target.Host == "" {
		named := *own.Report
		named.Target.Host = name
		return &Error{Report: &named, cause: own.cause}
	}
	return t.v.wrap(err, name, t.roots)
}

// CloseIdleConnections closes the connections that no request uses.
func (t *Transport) CloseIdleConnections() {
	if t.usual != nil {
		t.usual.CloseIdleConnections()
		t.upgrading.CloseIdleConnections()
	}
}

// ConfigureTransport makes t's TLS connections judged, direct and through
// proxies, those of WebSocket requests too. t.TLSClientConfig, which may be nil,
// becomes the base config and is replaced by that of [Verifier.ClientConfig];
// t.DialContext and all else stays as it is, and HTTP/2 is offered when t would
// have offered it. Call it once, when t has its other settings, before its first
// use. It is an error when t has DialTLS or DialTLSContext, or a TLSClientConfig that cannot be
// a base; t is unchanged then.
//
// As with ClientConfig the judgement is bounded by FetchBudget, by Close and by
// t.TLSHandshakeTimeout, downloads go to public addresses unless
// Config.PrivateFetch is set, and refusals by the standard library itself are
// not *Error: see [Verifier.Explain].
//
// What is changed in t or in a Clone of it afterwards: as long as its DialContext
// is that which ConfigureTransport left, a connection that assay was not asked
// about carries nothing of yours, and requests fail with ErrReplaced: with another
// TLSClientConfig or VerifyConnection. In t, not in a Clone, t.Proxy looks as
// well, and sees DialTLS and DialTLSContext too. Both may be replaced (a proxy, a
// guard against forged requests, Tor): the connections are judged all the same. Not
// seen, and then not judged: a TLSClientConfig that is replaced together with
// both of them, or in a Clone together with DialContext, and DialTLSContext in a Clone.
func (v *Verifier) ConfigureTransport(t *http.Transport) error {
	if err := noTLSDialer(t); err != nil {
		return err
	}
	conf, err := v.ClientConfig(t.TLSClientConfig)
	if err != nil {
		return err
	}
	t.ForceAttemptHTTP2 = wantsHTTP2(t)
	t.TLSClientConfig = conf
	hook := hookOf(conf)
	unchanged := func() error {
		if t.TLSClientConfig != conf || hookOf(conf) != hook || noTLSDialer(t) != nil {
			return ErrReplaced
		}
		return nil
	}
	proxy, dial, connect := t.Proxy, t.DialContext, oldDial(t)
	t.Proxy = func(r *http.Request) (*url.URL, error) {
		if err := unchanged(); err != nil || proxy == nil {
			return nil, err
		}
		return proxy(r)
	}
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		err := unchanged()
		switch {
		case err != nil:
			return nil, err
		case dial != nil:
			return v.carry(dial(ctx, network, addr))
		case connect != nil:
			return v.carry(connect(network, addr))
		}
		return v.carry((&net.Dialer{}).DialContext(ctx, network, addr))
	}
	t.CloseIdleConnections() // if it was used: they were not judged
	return nil
}

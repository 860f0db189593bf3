package tlsclient

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
)

// The lean dial is for many targets: most servers complete a handshake of
// crypto/tls, and what it tells suffices for a verdict. The few others are dialled
// again and recorded, so that what is told of a failure is the same.

// lean makes the lean handshake on conn and closes it. It returns nil when the
// evidence is complete, and otherwise a new connection to the same server, on
// which a recorded handshake has to say more.
func (c *Config) lean(ctx context.Context, ev *evidence.Evidence, conn net.Conn) net.Conn {
	first, enough := c.shakeLean(ctx, conn)
	conn.Close()
	first.into(ev)
	ev.Source = evidence.SourceLean
	if enough {
		c.alsoServes(ctx, ev)
		c.legacy(ctx, ev)
		return nil
	}
	again, failure := c.reopen(ctx, ev)
	if failure != nil {
		if ev.Failure == nil { // complete, but not explained
			ev.Failure = failure
		}
		return nil
	}
	ev.Source = evidence.SourceDial
	return again
}

// shakeLean runs one handshake on conn without recording more than what comes in
// plain text. It reports what learnt does. The stack of a connection that waits is
// what is here and above: it is kept small.
func (c *Config) shakeLean(ctx context.Context, conn net.Conn) (s *session, enough bool) {
	w := &wire{Conn: conn, lean: true}
	request := &clientCert{}
	conf := c.gathering(request)
	conf.KeyLogWriter = c.KeyLog
	if c.Groups == nil {
		conf.CurvePreferences = leanGroups
	}
	tc := tls.Client(w, conf)
	start := time.Now()
	conn.SetDeadline(start.Add(c.HandshakeTimeout))
	err := tc.HandshakeContext(ctx)
	took := time.Since(start)
	unframed(conn)
	return c.learnt(ctx, tc, w, request, took, err)
}

// learnt is what came of a lean handshake that took so long and ended with err. It
// reports whether the outcome needs no recording to be understood:
// the handshake was completed, or the server did not answer in time. A server that
// asks for a client certificate in TLS 1.3 says only afterwards whether it can do
// without one, to those who listen.
func (c *Config) learnt(ctx context.Context, tc *tls.Conn, w *wire, request *clientCert, took time.Duration, err error) (s *session, enough bool) {
	t := w.hello
	if t == nil {
		t = readTranscript(w.received(), nil)
	}
	s = newSession(t, w, took, request.shown)
	s.offered(c)
	if err != nil {
		if code, ok := remoteAlert(err); ok {
			s.alert = int(code)
			s.noteAlert(code, "handshake")
		}
		s.failure = c.classify(ctx, err, s, t, w)
		return s, s.failure.ID == finding.HandshakeTimeout || ctx.Err() != nil
	}
	cs := tc.ConnectionState()
	if cs.Version == tls.VersionTLS13 {
		s.state(cs)
		enough = request.asked == nil
	} else {
		s.complete(cs, t)
		enough = s.failure == nil
	}
	tc.Close() // it says close_notify; what the server says to that is not heard
	return s, enough
}

// leanGroups are the groups of the lean handshake: a key share of the first is
// sent, which costs a fifth of a hybrid one. A server that takes none of them is
// dialled again and offered all.
var leanGroups = curveIDs(classicGroups)

// state takes over what crypto/tls says about a complete handshake of TLS 1.3.
// The certificates' octets are crypto/tls's, which shares them: nobody changes them.
func (s *session) state(cs tls.ConnectionState) {
	s.conn.Version, s.conn.Suite, s.conn.Group = cs.Version, cs.CipherSuite, uint16(cs.CurveID)
	s.conn.ALPN, s.conn.HelloRetry = clean(cs.NegotiatedProtocol), cs.HelloRetryRequest
	s.chain = make([]evidence.Entry, len(cs.PeerCertificates))
	for i, cert := range cs.PeerCertificates {
		s.chain[i].Cert = cert.Raw
	}
	if len(s.chain) > 0 {
		s.chain[0].Staple = cs.OCSPResponse
	}
	s.scts = sctList(cs.SignedCertificateTimestamps)
}

// single returns the address of a host that is known without asking anybody to
// have no other.
func (c *Config) single(host, port string) (netip.Addr, bool) {
	addrs, ok := c.known(host, port)
	if !ok || len(addrs) != 1 {
		return netip.Addr{}, false
	}
	if addrs = c.wanted(addrs); len(addrs) != 1 {
		return netip.Addr{}, false
	}
	return addrs[0], true
}

// direct connects to the only address of a host, as race does to one of several.
func (c *Config) direct(ctx context.Context, host, port string, to netip.AddrPort, ev *evidence.Evidence) (net.Conn, *evidence.Failure) {
	limit, cancel := context.WithTimeout(ctx, c.ConnectTimeout)
	defer cancel()
	a := evidence.Attempt{Addr: to.String()}
	start := time.Now()
	d := c.guarded(net.Dialer{KeepAlive: -1}) // it lives for one handshake
	conn, err := d.DialContext(limit, "tcp", a.Addr)
	a.Duration = time.Since(start)
	ev.Connection.Connect = a.Duration
	a.Outcome = outcome(err)
	if err != nil && a.Outcome != "timeout" {
		a.Detail = plainError(err)
	}
	ev.Attempts = []evidence.Attempt{a}
	switch {
	case err == nil:
		return conn, nil
	case errors.Is(ctx.Err(), context.Canceled):
		return nil, cancelled(ctx, "connect")
	}
	return nil, connectFailure(host, port, waited(c.ConnectTimeout, a.Duration), ev.Attempts)
}

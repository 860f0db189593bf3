package tlsclient

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/tlsnames"
)

// Dial connects to c.Host, completes a handshake if it can, and closes the
// connection. What it learnt, the reason of a failure included, is in the
// evidence, which is never nil. Dial is safe for concurrent use.
func Dial(ctx context.Context, c Config) *evidence.Evidence {
	return c.dial(ctx)
}

// DialAhead is Dial for whoever has something to do with the first certificate
// before the look at the server's other one has ended: that goes on beside. look
// waits for it and tells ev, the evidence or a copy of it, what it saw. It must be
// called, once, before ctx ends.
func DialAhead(ctx context.Context, c Config) (ev *evidence.Evidence, look func(ev *evidence.Evidence)) {
	c.aside = &aside{}
	ev = c.dial(ctx)
	return ev, c.aside.wait
}

func (c *Config) dial(ctx context.Context) *evidence.Evidence {
	c.fill()
	ev := c.newEvidence()
	if c.Failure != nil {
		ev.Failure = c.Failure
		return ev
	}
	conn, failure := c.open(ctx, ev)
	if failure != nil {
		ev.Failure = failure
		return ev
	}
	if len(c.Schemes) > 0 {
		conn.Close()
		c.withSchemes(ctx, ev)
		return ev
	}
	if c.KeyTypes == KeysECDSA || c.KeyTypes == KeysRSA {
		conn.Close()
		c.one(ctx, ev)
		return ev
	}
	if c.Lean && c.Path == "" && c.Sessions == nil {
		if conn = c.lean(ctx, ev, conn); conn == nil {
			return ev
		}
	}
	c.recorded(ctx, ev, conn)
	return ev
}

// recorded makes the recorded handshake on conn, and what connections more it takes
// to understand it.
func (c *Config) recorded(ctx context.Context, ev *evidence.Evidence, conn net.Conn) {
	visiting := *c
	visiting.path = c.Path
	first := visiting.shake(ctx, conn)
	conn.Close()
	first.into(ev)
	if c.aside != nil && !c.Legacy { // one connection after the other where there are more
		c.aside.start(ctx, *c, *ev)
	} else {
		c.alsoServes(ctx, ev)
	}
	c.legacy(ctx, ev)
	if c.smaller(ctx, ev, first) {
		return
	}
	if why := first.probeReason(); why != "" && !c.NoProbe && ctx.Err() == nil {
		c.probe(ctx, ev, why)
	}
}

func (c *Config) newEvidence() *evidence.Evidence {
	return &evidence.Evidence{
		Version: evidence.Version,
		Source:  evidence.SourceDial,
		Target:  evidence.Target{Input: clean(c.Input), Host: clean(c.Host), Port: c.Port, SNI: c.SNI, Names: c.Names},
		Time:    time.Now().UTC().Round(0),
		DNS:     c.Known,
	}
}

// open brings the transport to the point where TLS can begin: to the target or
// the proxy, through the proxy, through the dialog before TLS.
func (c *Config) open(ctx context.Context, ev *evidence.Evidence) (net.Conn, *evidence.Failure) {
	host, port := c.Host, c.Port
	if c.Proxy != "" {
		u, err := ParseProxy(c.Proxy)
		if err != nil {
			return nil, &evidence.Failure{ID: finding.ProxyFailure, Stage: "proxy", Detail: clean(err.Error()),
				Params: map[string]string{"proxy": "given", "host": clean(c.Host), "port": c.Port, "detail": clean(err.Error())}}
		}
		c.proxy = u
		ev.Target.Proxy = clean(u.Redacted())
		host, port = u.Hostname(), u.Port()
	}
	conn, failure := c.connect(ctx, host, port, ev)
	if failure != nil {
		if c.proxy != nil && failure.ID != finding.DialCancelled {
			failure = c.proxyUnreached(failure)
		}
		return nil, failure
	}
	ev.Connection.Addr, ev.Connection.StartTLS = conn.RemoteAddr().String(), c.StartTLS
	return c.prepared(ctx, conn)
}

// prepared does what has to be done on a fresh connection before TLS.
func (c *Config) prepared(ctx context.Context, conn net.Conn) (net.Conn, *evidence.Failure) {
	ready := conn
	var failure *evidence.Failure
	if c.proxy != nil {
		ready, failure = c.tunnel(ctx, ready)
	}
	if failure == nil && c.ProxyHeader != 0 {
		failure = c.sendProxyHeader(ctx, ready)
	}
	if failure == nil && c.StartTLS != "" {
		ready, failure = c.startTLS(ctx, ready)
	}
	if failure != nil {
		conn.Close()
		return nil, failure
	}
	return ready, nil
}

// reopen makes the transport of a second dial to the same address.
func (c *Config) reopen(ctx context.Context, ev *evidence.Evidence) (net.Conn, *evidence.Failure) {
	limit, cancel := context.WithTimeout(ctx, c.ConnectTimeout)
	defer cancel()
	d := c.guarded(net.Dialer{})
	conn, err := d.DialContext(limit, "tcp", ev.Connection.Addr)
	if err != nil {
		return nil, &evidence.Failure{ID: finding.ConnectionFailed, Stage: "connect", Detail: clean(err.Error()),
			Params: map[string]string{"host": clean(c.Host), "port": c.Port, "detail": plainError(err)}}
	}
	return c.prepared(ctx, conn)
}

// probe dials the address again and offers everything this program can speak,
// to name what the first dial could not agree on with the server. Whatever it
// finds, the first dial's failure stays a failure.
func (c *Config) probe(ctx context.Context, ev *evidence.Evidence, reason string) {
	ev.Probe = &evidence.Probe{Reason: reason}
	conn, failure := c.reopen(ctx, ev)
	if failure != nil {
		ev.Probe.Failure = failure
		return
	}
	defer conn.Close()
	wide := *c
	wide.MinVersion, wide.MaxVersion = tls.VersionTLS10, tls.VersionTLS13
	wide.Suites, wide.Sessions, wide.Groups = everySuite(), nil, nil
	second := wide.shake(ctx, conn)
	ev.Probe.Connection, ev.Probe.Failure = second.conn, second.failure
	ev.Probe.Connection.Addr = ev.Connection.Addr
	if len(ev.Chain) == 0 {
		ev.Chain, ev.TLSSCTs = second.chain, second.scts
	}
	switch {
	case second.failure == nil:
		if why := unsafeWhy(second.conn.Version, second.conn.Suite); why != "" {
			c.noSafeTLS(ev, why)
		} else {
			ev.Failure.Params["detail"] = "but it takes " + c.leftOut(&second.conn)
		}
	case len(ev.Chain) == 0 && second.probeReason() != "" && ctx.Err() == nil:
		c.widest(ctx, ev)
	}
}

// leftOut names what a wider offer got, and which flag had kept it from being
// offered at first.
func (c *Config) leftOut(got *evidence.Connection) string {
	version, suite, group := tlsnames.Version(got.Version), tlsnames.Suite(got.Suite), tlsnames.Group(got.Group)
	switch {
	case got.Version < c.MinVersion:
		return version + ", which --tls-min " + strings.TrimPrefix(tlsnames.Version(c.MinVersion), "TLS ") + " leaves out"
	case c.MaxVersion != 0 && got.Version > c.MaxVersion:
		return version + ", which --tls-max " + strings.TrimPrefix(tlsnames.Version(c.MaxVersion), "TLS ") + " leaves out"
	case c.Groups != nil && got.Group != 0 && !slices.Contains(c.Groups, got.Group):
		return "the group " + group + ", which --groups leaves out"
	case c.Suites != nil && got.Version < tls.VersionTLS13 && !slices.Contains(c.Suites, got.Suite):
		return "the cipher suite " + suite + ", which --ciphers leaves out"
	}
	return version + " with " + suite
}

// everySuite lists all suites that crypto/tls knows.
func everySuite() []uint16 {
	var ids []uint16
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		ids = append(ids, s.ID)
	}
	return ids
}

// plainError is an error's text without the addresses that net repeats in it.
func plainError(err error) string {
	text := clean(err.Error())
	if i := strings.LastIndex(text, ": "); i >= 0 {
		text = text[i+2:]
	}
	return text
}

// textMax bounds every text that goes into the evidence.
const textMax = 1024

// clean makes text fit for the evidence's JSON form: UTF-8, other octets as
// \xNN, and not too long.
func clean(s string) string {
	if len(s) <= textMax && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 && b.Len() < textMax {
		r, size := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, `\x%02x`, s[0])
		} else {
			b.WriteString(s[:size])
		}
		s = s[size:]
	}
	return b.String()
}

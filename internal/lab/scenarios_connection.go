package lab

import (
	"crypto/tls"
	"io"
	"net"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// connectionScenarios end before, or just after, a handshake.
var connectionScenarios = []entry{
	{name: "refused", story: "Nothing listens on the port.",
		want: report.Inconclusive, findings: ids(finding.ConnectionRefused), make: func(b *build) { b.unreachable() }},
	{name: "silent", story: "The server accepts the connection and never says a word.",
		want: report.Inconclusive, findings: ids(finding.HandshakeTimeout), make: func(b *build) {
			b.s.Timeout, b.s.Flags = 300*time.Millisecond, []string{"--timeout", "300ms"}
			b.raw(func(c *net.TCPConn) { io.Copy(io.Discard, c) })
		}},
	{name: "closes", story: "The server closes the connection when it has seen the ClientHello.",
		want: report.Inconclusive, findings: ids(finding.HandshakeEOF), make: func(b *build) {
			b.raw(func(c *net.TCPConn) { readRecord(c) })
		}},
	{name: "resets", story: "The server resets the connection when it has seen the ClientHello.",
		want: report.Inconclusive, findings: ids(finding.ConnectionReset), make: func(b *build) {
			b.raw(func(c *net.TCPConn) { readRecord(c); c.SetLinger(0) })
		}},
	{name: "plain-http", story: "A web server without TLS is on the port and answers 400.",
		want: report.Inconclusive, findings: ids(finding.PlaintextHTTP), make: func(b *build) {
			b.raw(func(c *net.TCPConn) {
				readRecord(c)
				io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nThis is not TLS.\n")
			})
		}},
	{name: "ssh-banner", story: "An SSH server is on the port.",
		want: report.Inconclusive, findings: ids(finding.PlaintextSSH), make: func(b *build) {
			b.raw(func(c *net.TCPConn) {
				io.WriteString(c, "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n")
				readRecord(c)
			})
		}},
	{name: "garbage", story: "The server answers with bytes that are no protocol at all.",
		want: report.Inconclusive, findings: ids(finding.NotTLS), make: func(b *build) {
			b.raw(func(c *net.TCPConn) { readRecord(c); c.Write([]byte{0xde, 0xad, 0xbe, 0xef, 0, 1, 2, 3, 4, 5}) })
		}},
	{name: "tls10", story: "The server speaks TLS 1.0 and 1.1 only, which no client should accept any more.",
		want: report.Inconclusive, findings: ids(finding.NoSafeTLS), make: func(b *build) {
			b.good(func(s *site) {
				s.tls.MinVersion, s.tls.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
			})
		}},
	{name: "protocol-version-alert", story: "The server refuses every version with the alert protocol_version.",
		want: report.Inconclusive, findings: ids(finding.TLSVersionUnsupported), make: func(b *build) { b.alert(70) }},
	{name: "handshake-failure-alert", story: "The server refuses with the alert handshake_failure.",
		want: report.Inconclusive, findings: ids(finding.NoCommonParameters), make: func(b *build) { b.alert(40) }},
	{name: "unrecognized-name-alert", story: "The server does not know the name and says so (unrecognized_name).",
		want: report.Inconclusive, findings: ids(finding.UnrecognizedName), make: func(b *build) { b.alert(112) }},
	{name: "internal-error-alert", story: "The server breaks off with the alert internal_error.",
		want: report.Inconclusive, findings: ids(finding.TLSAlert), make: func(b *build) { b.alert(80) }},
	{name: "client-certificate-required", story: "TLS 1.3: the server demands a client certificate and says so only after the handshake. Its own certificate was judged; the connection is of no use.",
		want: report.Inconclusive, findings: ids(finding.ClientCertRequired), make: func(b *build) {
			b.good(func(s *site) {
				s.tls.MinVersion, s.tls.ClientAuth = tls.VersionTLS13, tls.RequireAnyClientCert
			})
		}},
	{name: "client-certificate-required-tls12", story: "TLS 1.2: the server demands a client certificate and ends the handshake without one.",
		want: report.Inconclusive, findings: ids(finding.ClientCertRequired), make: func(b *build) {
			b.good(func(s *site) {
				s.tls.MaxVersion, s.tls.ClientAuth = tls.VersionTLS12, tls.RequireAnyClientCert
			})
		}},
}

// alert answers every ClientHello with a fatal alert.
func (b *build) alert(description byte) {
	b.raw(func(c *net.TCPConn) {
		readRecord(c)
		c.Write([]byte{21, 3, 3, 0, 2, 2, description})
		c.CloseWrite()
		c.SetReadDeadline(time.Now().Add(time.Second))
		io.Copy(io.Discard, c)
	})
}

// unreachable gives the scenario a port that refuses connections.
func (b *build) unreachable() {
	b.s.Addr = b.l.deadPort(b)
	_, b.s.Port, _ = net.SplitHostPort(b.s.Addr)
}

// deadPort returns an address that refuses connections: the local end of an
// open connection, on which nobody else can listen meanwhile.
func (l *Lab) deadPort(b *build) string {
	if l.dead == "" {
		ln, err := net.Listen("tcp4", "127.0.0.1:0")
		b.must(err)
		c, err := net.Dial("tcp4", ln.Addr().String())
		b.must(err)
		l.closers = append(l.closers, func() { c.Close(); ln.Close() })
		l.dead = c.LocalAddr().String()
	}
	return l.dead
}

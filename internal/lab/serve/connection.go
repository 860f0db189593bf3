package serve

import (
	"crypto/tls"
	"io"
	"net"
	"time"

	"github.com/assaytls/assay/internal/lab/forge"
)

// connectionServers make the servers of the scenarios of the same group.
var connectionServers = map[string]func(*build){
	"refused": func(b *build) { b.unreachable() },
	"two-certificates-expired": func(b *build) {
		b.two(func(also *site) {
			also.cert.NotBefore, also.cert.NotAfter = time.Now().AddDate(0, -2, 0), time.Now().Add(-24*time.Hour)
		})
	},
	"silent": func(b *build) {
		b.raw(func(c *net.TCPConn) { io.Copy(io.Discard, c) })
	},
	"closes": func(b *build) {
		b.raw(func(c *net.TCPConn) { readRecord(c) })
	},
	"resets": func(b *build) {
		b.raw(func(c *net.TCPConn) { readRecord(c); c.SetLinger(0) })
	},
	"plain-http": func(b *build) {
		b.raw(func(c *net.TCPConn) {
			readRecord(c)
			io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nThis is not TLS.\n")
		})
	},
	"ssh-banner": func(b *build) {
		b.raw(func(c *net.TCPConn) {
			io.WriteString(c, "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n")
			readRecord(c)
		})
	},
	"garbage": func(b *build) {
		b.raw(func(c *net.TCPConn) { readRecord(c); c.Write([]byte{0xde, 0xad, 0xbe, 0xef, 0, 1, 2, 3, 4, 5}) })
	},
	"tls10": func(b *build) {
		b.good(func(s *site) {
			s.tls.MinVersion, s.tls.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
		})
	},
	"protocol-version-alert":  func(b *build) { b.alert(70) },
	"handshake-failure-alert": func(b *build) { b.alert(40) },
	"unrecognized-name-alert": func(b *build) { b.alert(112) },
	"server-name-missing": func(b *build) {
		b.alert(112)
		b.s.Host = "127.0.0.1"
	},
	"ml-dsa-leaf": func(b *build) {
		ca := b.l.pki.intermediate(b.l.pki.root, "Assay Lab ML-DSA-44 CA", forge.NewKey("ML-DSA-44"))
		b.mldsaLeaf(b.siteOf(ca).key(forge.NewKey("ML-DSA-65")))
	},
	"internal-error-alert": func(b *build) { b.alert(80) },
	"client-certificate-required": func(b *build) {
		b.good(func(s *site) {
			s.tls.MinVersion, s.tls.ClientAuth = tls.VersionTLS13, tls.RequireAnyClientCert
		})
	},
	"client-certificate-required-tls12": func(b *build) {
		b.good(func(s *site) {
			s.tls.MaxVersion, s.tls.ClientAuth = tls.VersionTLS12, tls.RequireAnyClientCert
		})
	},
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

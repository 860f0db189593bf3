package lab

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

// wireScenarios are failures around the handshake: the DNS, proxies, STARTTLS,
// and servers that break TLS itself.
var wireScenarios = []entry{
	{name: "dns-not-found", story: "The DNS says that the name does not exist.",
		want: report.Inconclusive, findings: ids(finding.DNSNotFound), make: func(b *build) { b.dns(dnsmessage.RCodeNameError) }},
	{name: "dns-no-address", story: "The DNS knows the name and no IPv4 address of it.",
		want: report.Inconclusive, findings: ids(finding.DNSNoAddress), make: func(b *build) {
			b.s.Client.Network = "4"
			b.dns(dnsmessage.RCodeSuccess)
		}},
	{name: "dns-failure", story: "The DNS server fails (SERVFAIL).",
		want: report.Inconclusive, findings: ids(finding.DNSFailure), make: func(b *build) { b.dns(dnsmessage.RCodeServerFailure) }},
	{name: "dns-silent", story: "The DNS server never answers.",
		want: report.Inconclusive, findings: ids(finding.DNSTimeout), make: func(b *build) {
			b.s.Client.DNSTimeout = 300 * time.Millisecond
			b.dns(0xffff)
		}},
	{name: "connect-timeout", story: "The client allows one nanosecond for the connection.",
		want: report.Inconclusive, findings: ids(finding.ConnectionTimeout), make: func(b *build) {
			b.s.Client.ConnectTimeout = 1
			b.s.Flags = []string{"--connect-timeout", "1ns"}
			b.good(nil)
		}},
	{name: "unreachable", story: "The name leads to an address that nothing can connect to.",
		want: report.Inconclusive, findings: ids(finding.ConnectionUnreachable), make: func(b *build) {
			b.unreachable()
			b.s.Client.Resolve = map[string][]netip.Addr{b.s.Target(): {netip.MustParseAddr("224.0.0.1")}}
		}},
	{name: "proxy", story: "The way leads through an HTTP proxy, which does its work. Revocation is not asked for.",
		want: report.Accept, make: func(b *build) {
			b.good(nil)
			b.proxy(200, "Connection established")
			b.s.Policy.Schemes = []string{}
			b.s.Flags = append(b.s.Flags, "--revocation", "off")
		}},
	{name: "proxy-private-pointers", story: "Behind a proxy nobody can tell who is at a private address, so the certificate's pointers to this machine are not followed.",
		want: report.Inconclusive, findings: ids(finding.FetchRefusedAddress), make: func(b *build) {
			b.good(func(s *site) {
				b.file("list.crl", s.issuer.CRL(forge.CRL{}))
				s.onlyCRL(b.url("list.crl")) // its own: no cache has it
			})
			b.proxy(200, "Connection established")
		}},
	{name: "proxy-login", story: "The proxy wants a user name and a password.",
		want: report.Inconclusive, findings: ids(finding.ProxyAuthRequired), make: func(b *build) {
			b.good(nil)
			b.proxy(407, "Proxy Authentication Required")
		}},
	{name: "proxy-refuses", story: "The proxy does not connect to that port.",
		want: report.Inconclusive, findings: ids(finding.ProxyRefused), make: func(b *build) {
			b.good(nil)
			b.proxy(403, "Forbidden")
		}},
	{name: "proxy-broken", story: "What should be an HTTP proxy speaks something else.",
		want: report.Inconclusive, findings: ids(finding.ProxyFailure), make: func(b *build) {
			b.raw(func(c *net.TCPConn) { io.WriteString(c, "220 mail."+Domain+" ESMTP\r\n\r\n"); readRecord(c) })
			b.s.Client.Proxy = "http://" + b.s.Addr
			b.s.Flags = []string{"--proxy", b.s.Client.Proxy}
			b.unreachable()
		}},
	{name: "proxy-down", story: "Nothing listens where the proxy should be.",
		want: report.Inconclusive, findings: ids(finding.ProxyFailure), make: func(b *build) {
			b.good(nil)
			b.s.Client.Proxy = "http://" + b.l.deadPort(b)
			b.s.Flags = []string{"--proxy", b.s.Client.Proxy}
		}},
	{name: "smtp", story: "A mail server that changes to TLS with STARTTLS.",
		want: report.Accept, make: func(b *build) { b.smtp("250-STARTTLS\r\n", "220 go ahead\r\n") }},
	{name: "smtp-no-starttls", story: "A mail server that does not offer STARTTLS, or somebody on the way who took the offer out.",
		want: report.Inconclusive, findings: ids(finding.StartTLSNotOffered), make: func(b *build) { b.smtp("", "502 what?\r\n") }},
	{name: "smtp-starttls-refused", story: "A mail server that offers STARTTLS and then refuses it.",
		want: report.Inconclusive, findings: ids(finding.StartTLSRefused), make: func(b *build) {
			b.smtp("250-STARTTLS\r\n", "454 TLS not available due to temporary reason\r\n")
		}},
	{name: "smtp-starttls-broken", story: "A mail server that closes the connection in answer to STARTTLS.",
		want: report.Inconclusive, findings: ids(finding.StartTLSFailure), make: func(b *build) { b.smtp("250-STARTTLS\r\n", "") }},
	{name: "smtp-starttls-injection", story: "More text follows the answer to STARTTLS in plain text; a careless client would take it for the server's words under TLS.",
		want: report.Reject, findings: ids(finding.StartTLSInjection), make: func(b *build) {
			b.smtp("250-STARTTLS\r\n", "220 go ahead\r\n250 you are logged in\r\n")
		}},
	{name: "plain-smtp", story: "A mail server that begins in plain text is asked for TLS at once.",
		want: report.Inconclusive, findings: ids(finding.PlaintextStartTLS), make: func(b *build) { b.banner("220 mail." + Domain + " ESMTP Postfix\r\n") }},
	{name: "plain-vnc", story: "The port speaks VNC.",
		want: report.Inconclusive, findings: ids(finding.PlaintextOther), make: func(b *build) { b.banner("RFB 003.008\n") }},
	{name: "alpn", story: "The server knows none of the application protocols that the client offers.",
		want: report.Inconclusive, findings: ids(finding.ALPNNoCommon), make: func(b *build) { b.alert(120) }},
	{name: "client-certificate-refused", story: "The server demands a client certificate and does not like the one it gets.",
		want: report.Inconclusive, findings: ids(finding.ClientCertRefused), make: func(b *build) {
			ca := b.l.pki.rogue.Server("client."+Domain, nil, forge.EKU(forge.ClientAuth))
			own := ca.TLS()
			b.s.Client.Certificate = &own
			file, err := b.l.write("client.pem", append(forge.PEM("CERTIFICATE", ca.Raw), ca.Key.PEM()...))
			b.must(err)
			b.s.Flags = []string{"--cert", file}
			b.good(func(s *site) {
				s.tls.ClientAuth = tls.RequireAnyClientCert
				s.tls.VerifyConnection = func(tls.ConnectionState) error { return fmt.Errorf("the lab takes no certificate") }
			})
		}},
	{name: "wrong-key", story: "The server's key is not the one in its certificate: the handshake's signature does not verify. That is what a thief of the certificate alone would look like.",
		want: report.Reject, findings: ids(finding.HandshakeSignatureInvalid), make: func(b *build) {
			b.good(func(s *site) { s.signWith = forge.P256() })
		}},
	{name: "malformed-hello", story: "The server answers with a ServerHello that makes no sense.",
		want: report.Inconclusive, findings: ids(finding.HandshakeMalformed), make: func(b *build) {
			b.raw(func(c *net.TCPConn) {
				readRecord(c)
				c.Write([]byte{22, 3, 3, 0, 6, 2, 0, 0, 2, 9, 9})
				io.Copy(io.Discard, c)
			})
		}},
	{name: "flood", story: "The server sends a certificate message of 2 MiB.",
		want: report.Inconclusive, findings: ids(finding.HandshakeTooLarge), make: func(b *build) {
			b.good(func(s *site) { s.chain = append(s.chain, make([]byte, 2<<20)) })
		}},
	{name: "downgrade", story: "Somebody on the way hides TLS 1.3 from the server, which notices nothing; its random number tells the client (RFC 8446, 4.1.3).",
		want: report.Reject, findings: ids(finding.HandshakeDowngrade), make: func(b *build) {
			b.good(nil)
			server := b.s.Addr
			b.raw(func(c *net.TCPConn) {
				up, err := net.Dial("tcp4", server)
				if err != nil {
					return
				}
				defer up.Close()
				hello, err := wholeRecord(c)
				if err != nil {
					return
				}
				up.Write(hideTLS13(hello))
				go func() { io.Copy(up, c); up.Close() }()
				io.Copy(c, up)
			})
		}},
}

// banner says a line to whoever connects.
func (b *build) banner(line string) {
	b.raw(func(c *net.TCPConn) {
		io.WriteString(c, line)
		readRecord(c)
	})
}

// dns makes the scenario's name be looked up at a DNS server of its own, which
// answers everything with one code; 0xffff means not at all.
func (b *build) dns(code dnsmessage.RCode) {
	b.unreachable()
	pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
	b.must(err)
	b.l.closers = append(b.l.closers, func() { pc.Close() })
	b.l.wg.Go(func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			if answer := dnsAnswer(buf[:n], code); answer != nil {
				pc.WriteTo(answer, from)
			}
		}
	})
	b.s.Client.Resolve = map[string][]netip.Addr{}
	b.s.Client.DNS = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp4", pc.LocalAddr().String())
	}}
	b.s.Local = true
}

func dnsAnswer(query []byte, code dnsmessage.RCode) []byte {
	var m dnsmessage.Message
	if code == 0xffff || m.Unpack(query) != nil {
		return nil
	}
	m.Response, m.RecursionAvailable, m.RCode, m.Additionals = true, true, code, nil
	b, err := m.Pack()
	if err != nil {
		return nil
	}
	return b
}

// proxy puts an HTTP proxy before the scenario's server. It answers CONNECT
// with the code, and connects when that is 200.
func (b *build) proxy(code int, text string) {
	server, port := b.s.Addr, b.s.Port
	b.raw(func(c *net.TCPConn) {
		var head []byte
		for one := make([]byte, 1); !bytes.HasSuffix(head, []byte("\r\n\r\n")); head = append(head, one[0]) {
			if _, err := io.ReadFull(c, one); err != nil || len(head) > 1<<14 {
				return
			}
		}
		fmt.Fprintf(c, "HTTP/1.1 %d %s\r\n\r\n", code, text)
		if code != 200 {
			return
		}
		up, err := net.Dial("tcp4", server)
		if err != nil {
			return
		}
		defer up.Close()
		go func() { io.Copy(up, c); up.Close() }()
		io.Copy(c, up)
	})
	b.s.Client.Proxy = "http://" + b.s.Addr
	b.s.Flags = []string{"--proxy", b.s.Client.Proxy}
	b.s.Addr, b.s.Port = server, port
}

// smtp puts a mail server before a good TLS server: offer stands in the answer
// to EHLO, answer replies to STARTTLS, and TLS follows when it begins with 220.
func (b *build) smtp(offer, answer string) {
	b.s.Client.StartTLS, b.s.Flags = "smtp", []string{"--starttls", "smtp"}
	b.good(nil)
	server := b.s.Addr
	b.raw(func(c *net.TCPConn) {
		io.WriteString(c, "220 "+b.s.Host+" ESMTP\r\n")
		for {
			switch line, err := readLine(c); {
			case err != nil:
				return
			case strings.HasPrefix(line, "EHLO"):
				io.WriteString(c, "250-"+b.s.Host+"\r\n"+offer+"250 HELP\r\n")
			case strings.HasPrefix(line, "STARTTLS"):
				io.WriteString(c, answer)
				if !strings.HasPrefix(answer, "220") {
					return
				}
				up, err := net.Dial("tcp4", server)
				if err != nil {
					return
				}
				defer up.Close()
				go func() { io.Copy(up, c); up.Close() }()
				io.Copy(c, up)
				return
			default:
				io.WriteString(c, "250 OK\r\n")
			}
		}
	})
}

// readLine reads up to a line feed, one octet at a time: what follows may be TLS.
func readLine(c net.Conn) (string, error) {
	var line []byte
	for one := make([]byte, 1); len(line) < 1000; {
		if _, err := io.ReadFull(c, one); err != nil {
			return "", err
		}
		if one[0] == '\n' {
			break
		}
		line = append(line, one[0])
	}
	return strings.ToUpper(string(line)), nil
}

// wholeRecord reads one TLS record, header included.
func wholeRecord(c net.Conn) ([]byte, error) {
	head := make([]byte, 5)
	if _, err := io.ReadFull(c, head); err != nil {
		return nil, err
	}
	record := append(head, make([]byte, int(head[3])<<8|int(head[4]))...)
	_, err := io.ReadFull(c, record[5:])
	return record, err
}

// hideTLS13 renames the supported_versions extension (43) of a ClientHello
// (RFC 8446, 4.1.2) to a number that nobody knows.
func hideTLS13(record []byte) []byte {
	p := 5 + 4 + 2 + 32                    // record and message headers, version, random
	for _, width := range []int{1, 2, 1} { // session ID, cipher suites, compression
		if p+width > len(record) {
			return record
		}
		n := int(record[p])
		if width == 2 {
			n = n<<8 | int(record[p+1])
		}
		p += width + n
	}
	for p += 2; p+4 <= len(record); p += 4 + int(record[p+2])<<8 + int(record[p+3]) {
		if record[p] == 0 && record[p+1] == 43 {
			record[p], record[p+1] = 0x7a, 0x7b
			break
		}
	}
	return record
}

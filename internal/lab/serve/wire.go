package serve

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/scenarios"
	"github.com/assaytls/assay/internal/tlsclient"
)

// wireServers make the servers of the scenarios of the same group.
var wireServers = map[string]func(*build){
	"dns-not-found": func(b *build) { b.dns(dnsmessage.RCodeNameError) },
	"dns-no-address": func(b *build) {
		b.s.Client.Network = "4"
		b.dns(dnsmessage.RCodeSuccess)
	},
	"dns-failure": func(b *build) { b.dns(dnsmessage.RCodeServerFailure) },
	"dns-silent": func(b *build) {
		b.s.Client.DNSTimeout = 300 * time.Millisecond
		b.dns(0xffff)
	},
	"connect-timeout": func(b *build) {
		b.s.Client.ConnectTimeout = 1
		b.good(nil)
	},
	"unreachable": func(b *build) {
		b.unreachable()
		b.s.Client.Resolve = map[string][]netip.Addr{b.s.Target(): {netip.MustParseAddr("224.0.0.1")}}
	},
	"proxy": func(b *build) {
		b.good(nil)
		b.proxy(200, "Connection established")
	},
	"proxy-private-pointers": func(b *build) {
		b.good(func(s *site) {
			b.file("list.crl", s.issuer.CRL(forge.CRL{}))
			s.onlyCRL(b.url("list.crl")) // its own: no cache has it
		})
		b.proxy(200, "Connection established")
	},
	"proxy-login": func(b *build) {
		b.good(nil)
		b.proxy(407, "Proxy Authentication Required")
	},
	"proxy-refuses": func(b *build) {
		b.good(nil)
		b.proxy(403, "Forbidden")
	},
	"proxy-login-negotiate": func(b *build) {
		b.good(nil)
		b.proxy(407, "Proxy Authentication Required\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\nContent-Length: 0")
	},
	"proxy-page": func(b *build) {
		b.good(nil)
		b.proxy(200, "OK\r\nContent-Type: text/html\r\nContent-Length: 34\r\n\r\n<html>Please sign in first.</html>\r\n")
	},
	"proxy-tls":           func(b *build) { b.good(nil); b.proxyTLS(true) },
	"proxy-tls-untrusted": func(b *build) { b.good(nil); b.proxyTLS(false) },
	"proxy-protocol": func(b *build) {
		b.s.Client.ProxyHeader = tlsclient.ProxyHeader2
		b.good(nil)
		b.wantsProxyHeader()
	},
	"proxy-protocol-missing": func(b *build) {
		b.good(nil)
		b.wantsProxyHeader()
	},
	"proxy-broken": func(b *build) {
		b.raw(func(c *net.TCPConn) { io.WriteString(c, "220 mail."+scenarios.Domain+" ESMTP\r\n\r\n"); readRecord(c) })
		b.s.Client.Proxy = "http://" + b.s.Addr
		b.s.Flags = append(b.s.Flags, "--proxy", b.s.Client.Proxy)
		b.unreachable()
	},
	"proxy-down": func(b *build) {
		b.good(nil)
		b.s.Client.Proxy = "http://" + b.l.deadPort(b)
		b.s.Flags = append(b.s.Flags, "--proxy", b.s.Client.Proxy)
	},
	"smtp":             func(b *build) { b.smtp("250-STARTTLS\r\n", "220 go ahead\r\n") },
	"smtp-no-starttls": func(b *build) { b.smtp("", "502 what?\r\n") },
	"smtp-starttls-refused": func(b *build) {
		b.smtp("250-STARTTLS\r\n", "454 TLS not available due to temporary reason\r\n")
	},
	"smtp-starttls-broken": func(b *build) { b.smtp("250-STARTTLS\r\n", "") },
	"smtp-starttls-injection": func(b *build) {
		b.smtp("250-STARTTLS\r\n", "220 go ahead\r\n250 you are logged in\r\n")
	},
	"smtp-greeting-refused": func(b *build) {
		b.startTLS("smtp")
		b.raw(func(c *net.TCPConn) {
			io.WriteString(c, "220 mail."+scenarios.Domain+" ESMTP\r\n")
			readLine(c)
			io.WriteString(c, "504 5.5.2 <assay.invalid>: Helo command rejected: need fully-qualified hostname\r\n")
			readLine(c)
		})
	},
	"smtp-half-greeting": func(b *build) {
		b.startTLS("smtp")
		b.raw(func(c *net.TCPConn) {
			io.WriteString(c, "220 mail."+scenarios.Domain)
			io.Copy(io.Discard, c)
		})
	},
	"plain-smtp": func(b *build) { b.banner("220 mail." + scenarios.Domain + " ESMTP Postfix\r\n") },
	"plain-vnc":  func(b *build) { b.banner("RFB 003.008\n") },
	"alpn":       func(b *build) { b.alert(120) },
	"client-certificate-refused": func(b *build) {
		ca := b.l.pki.rogue.Server("client."+scenarios.Domain, nil, forge.EKU(forge.ClientAuth))
		own := ca.TLS()
		b.s.Client.Certificate = &own
		file, err := b.l.write("client.pem", append(forge.PEM("CERTIFICATE", ca.Raw), ca.Key.PEM()...))
		b.must(err)
		b.s.Flags = append(b.s.Flags, "--cert", file)
		b.good(func(s *site) {
			s.tls.ClientAuth = tls.RequireAnyClientCert
			s.tls.VerifyConnection = func(tls.ConnectionState) error { return fmt.Errorf("the lab takes no certificate") }
		})
	},
	"wrong-key": func(b *build) {
		b.good(func(s *site) { s.signWith = forge.P256() })
	},
	"malformed-hello": func(b *build) {
		b.raw(func(c *net.TCPConn) {
			readRecord(c)
			c.Write([]byte{22, 3, 3, 0, 6, 2, 0, 0, 2, 9, 9})
			io.Copy(io.Discard, c)
		})
	},
	"flood": func(b *build) {
		b.good(func(s *site) { s.chain = append(s.chain, make([]byte, 2<<20)) })
	},
	"downgrade": func(b *build) {
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
	},
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
// with the code, and connects when that is 200 and no page follows.
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
		if code != 200 || strings.Contains(text, "\r\n\r\n") {
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
	b.s.Flags = append(b.s.Flags, "--proxy", b.s.Client.Proxy)
	b.s.Addr, b.s.Port = server, port
}

// proxyTLS puts an HTTP proxy under TLS before the scenario's server. Its
// certificate is of a CA that clients are told to trust, or are not.
func (b *build) proxyTLS(trusted bool) {
	server, port := b.s.Addr, b.s.Port
	b.proxy(200, "Connection established")
	_, plain, _ := strings.Cut(b.s.Client.Proxy, "://")
	ca := b.l.pki.rogue
	key := forge.P256()
	own := ca.Issue(forge.Cert{Key: key, Extensions: ca.ServerExts(key, forge.IP("127.0.0.1"))})
	conf := &tls.Config{Certificates: []tls.Certificate{own.TLS()}}
	b.raw(func(c *net.TCPConn) {
		tc := tls.Server(c, conf)
		defer tc.Close()
		if tc.Handshake() != nil {
			return
		}
		up, err := net.Dial("tcp4", plain)
		if err != nil {
			return
		}
		defer up.Close()
		go func() { io.Copy(up, tc); up.Close() }()
		io.Copy(tc, up)
	})
	b.s.Client.Proxy = "https://" + b.s.Addr
	b.s.Flags[len(b.s.Flags)-1] = b.s.Client.Proxy
	if trusted {
		file, err := b.l.write("proxy-roots.pem", forge.PEM("CERTIFICATE", ca.Raw))
		b.must(err)
		b.s.Flags = append(b.s.Flags, "--proxy-roots", file)
		b.s.Client.ProxyRoots = x509.NewCertPool()
		b.s.Client.ProxyRoots.AppendCertsFromPEM(forge.PEM("CERTIFICATE", ca.Raw))
	}
	b.s.Addr, b.s.Port = server, port
}

// wantsProxyHeader puts a door before the scenario's server that takes only
// connections which begin with the PROXY protocol, version 2.
func (b *build) wantsProxyHeader() {
	server := b.s.Addr
	b.raw(func(c *net.TCPConn) {
		head := make([]byte, 16)
		if _, err := io.ReadFull(c, head); err != nil || !bytes.HasPrefix(head, []byte("\r\n\r\n\x00\r\nQUIT\n")) {
			io.CopyN(io.Discard, c, int64(head[3])<<8+int64(head[4])+5-int64(len(head))) // the rest of the record
			return
		}
		if _, err := io.ReadFull(c, make([]byte, int(head[14])<<8|int(head[15]))); err != nil {
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
}

// startTLS has the clients ask for TLS in the protocol.
func (b *build) startTLS(protocol string) {
	b.s.Client.StartTLS, b.s.Flags = protocol, append(b.s.Flags, "--starttls", protocol)
}

// smtp puts a mail server before a good TLS server: offer stands in the answer
// to EHLO, answer replies to STARTTLS, and TLS follows when it begins with 220.
func (b *build) smtp(offer, answer string) {
	b.startTLS("smtp")
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

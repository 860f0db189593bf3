package tlsclient

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/peers"
)

// What a proxy says of its refusal is told: the schemes in which it wants a login,
// its headers, and the page that it sent instead of a connection.
func TestProxyRefusals(t *testing.T) {
	for _, c := range []struct {
		answer, user string
		want         finding.ID
		detail       string
	}{
		{"407 Login\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\n\r\n", "", finding.ProxyAuthRequired, "407 Login; it wants Negotiate or NTLM, and assay knows Basic"},
		{"407 Login\r\nProxy-Authenticate: Digest realm=\"a, b\", nonce=\"x\", NTLM\r\n\r\n", "u:p@", finding.ProxyAuthRequired, "407 Login; it wants Digest or NTLM, and assay knows Basic"},
		{"407 Login\r\nProxy-Authenticate: Negotiate, basic realm=\"x\"\r\n\r\n", "", finding.ProxyAuthRequired, "407 Login"},
		{"407 Login\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n", "u:p@", finding.ProxyAuthRequired, "407 Login; the login was not accepted"},
		{"403 Forbidden\r\nX-Squid-Error: ERR_ACCESS_DENIED 0\r\nContent-Type: text/html\r\n\r\n<html>", "", finding.ProxyRefused, "403 Forbidden (X-Squid-Error: ERR_ACCESS_DENIED 0)"},
		{"302 Found\r\nLocation: http://portal.test/login\r\n\r\n", "", finding.ProxyRefused, "302 Found (Location: http://portal.test/login)"},
		{"200 OK\r\nContent-Type: text/html\r\n\r\n<html>sign in</html>\r\n", "", finding.ProxyRefused, "it answered 200 OK and sent a page instead of a connection: <html>sign in</html>"},
		{"200 OK\r\nContent-Length: 9\r\n\r\n\r\n<!DOCTYPE html>", "", finding.ProxyRefused, "it answered 200 OK and sent a page instead of a connection: <!DOCTYPE html>"},
		// A web server behind a proxy that announced nothing is itself to be told of.
		{"200 OK\r\n\r\n<html>x</html>", "", finding.PlaintextHTTP, ""},
		{"200 OK\r\nContent-Length: 9\r\n\r\nHTTP/1.1 400 Bad Request\r\n\r\n", "", finding.PlaintextHTTP, ""},
	} {
		port := listen(t, func(conn net.Conn) {
			if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				io.WriteString(conn, "HTTP/1.1 "+c.answer)
				conn.(*net.TCPConn).CloseWrite()
				io.Copy(io.Discard, conn)
			}
		})
		ev := dial(t, Config{Host: "dial.test", Proxy: "http://" + c.user + "127.0.0.1:" + port})
		wantFailure(t, ev, c.want)
		if c.detail != "" && ev.Failure.Params["detail"] != c.detail {
			t.Errorf("%q: %q, want %q", c.answer, ev.Failure.Params["detail"], c.detail)
		}
	}
	page := listen(t, func(conn net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>\r\n"+strings.Repeat("x", 999))
			io.Copy(io.Discard, conn)
		}
	})
	wantFailure(t, dial(t, Config{Host: "dial.test", StartTLS: "smtp", Proxy: "http://127.0.0.1:" + page}), finding.ProxyRefused)
}

// The way through an https proxy is open when its certificate is trusted; if not,
// the proxy learns nothing.
func TestTLSProxy(t *testing.T) {
	cert := chainFor(t)
	own := selfSigned(t, "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
	pair, err := tls.LoadX509KeyPair(own.cert, own.key)
	check(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(pair.Leaf)
	targets := make(chan string, 10)
	server := serve(t, &tls.Config{Certificates: []tls.Certificate{cert}})
	plain := httpProxy(t, server, targets)
	port := listen(t, func(conn net.Conn) {
		s := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{pair}})
		if s.Handshake() != nil {
			return
		}
		up, err := net.Dial("tcp", "127.0.0.1:"+plain)
		if err == nil {
			relay(s, up)
		}
	})
	to := map[string][]netip.Addr{"dial.test:" + port: {netip.MustParseAddr("127.0.0.1")}}
	through := func(host string, roots *x509.CertPool) Config {
		return Config{Host: "inside.test", Port: "443", Proxy: "https://user:pass@" + host + ":" + port, ProxyRoots: roots, Resolve: to}
	}
	ev := dial(t, through("dial.test", pool))
	if ev.Failure != nil || len(ev.Chain) != 2 || <-targets != "inside.test:443" {
		t.Errorf("%+v", ev.Failure)
	}
	for _, c := range []Config{through("dial.test", nil), through("127.0.0.1", pool)} {
		ev := dial(t, c)
		wantFailure(t, ev, finding.ProxyFailure)
		if d := ev.Failure.Params["detail"]; !strings.HasPrefix(d, "its own certificate is not trusted: x509: ") {
			t.Errorf("%s", d)
		}
	}
	wantFailure(t, dial(t, Config{Host: "inside.test", Proxy: "https://user:pass@127.0.0.1:" + plain}), finding.ProxyFailure)
	if len(targets) > 0 {
		t.Errorf("the proxy was asked for %s", <-targets)
	}
}

// HAProxy with accept-proxy takes both versions of the header, and nobody
// without one.
func TestHAProxyProtocol(t *testing.T) {
	k := ecKey(t)
	b, err := os.ReadFile(k.cert)
	check(t, err)
	key, err := os.ReadFile(k.key)
	check(t, err)
	dir, port := t.TempDir(), peers.FreePort(t)
	check(t, os.WriteFile(filepath.Join(dir, "all.pem"), slices.Concat(b, key), 0o600))
	conf := filepath.Join(dir, "haproxy.cfg")
	check(t, os.WriteFile(conf, fmt.Appendf(nil, "defaults\n mode http\n timeout connect 5s\n timeout client 5s\n timeout server 5s\nfrontend f\n bind 127.0.0.1:%s accept-proxy ssl crt %s\n http-request return status 200\n", port, filepath.Join(dir, "all.pem")), 0o600))
	peers.Start(t, port, "haproxy", "-f", conf)
	for version, ok := range map[int]bool{0: false, ProxyHeader1: true, ProxyHeader2: true} {
		ev := dial(t, Config{Port: port, SNI: "dial.test", ProxyHeader: version})
		if (ev.Failure == nil) != ok {
			t.Errorf("version %d: %+v", version, ev.Failure)
		}
		if ok {
			wantChain(t, ev, k)
		}
	}
}

func TestProxyHeaders(t *testing.T) {
	a := netip.MustParseAddrPort
	for _, c := range []struct {
		version  int
		from, to netip.AddrPort
		want     string
	}{
		{1, a("192.0.2.1:1024"), a("192.0.2.2:443"), "PROXY TCP4 192.0.2.1 192.0.2.2 1024 443\r\n"},
		{1, a("[2001:db8::1]:1"), a("[2001:db8::2]:65535"), "PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n"},
		{1, netip.AddrPort{}, netip.AddrPort{}, "PROXY UNKNOWN\r\n"},
		{2, a("192.0.2.1:1024"), a("192.0.2.2:443"), "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x01\xc0\x00\x02\x02\x04\x00\x01\xbb"},
		{2, a("192.0.2.1:1024"), a("[2001:db8::2]:443"), "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"},
	} {
		if got := proxyHeader(c.version, c.from, c.to); string(got) != c.want {
			t.Errorf("version %d: %q, want %q", c.version, got, c.want)
		}
	}
	if got := proxyHeader(2, a("[2001:db8::1]:1"), a("[2001:db8::2]:2")); len(got) != 16+36 || got[13] != 0x21 || !bytes.HasSuffix(got, []byte{0, 1, 0, 2}) {
		t.Errorf("%q", got)
	}
}

// PostgreSQL's sslnegotiation=direct: TLS at once, with ALPN, without which the
// server hangs up after the handshake.
func TestPostgresDirect(t *testing.T) {
	cert := chainFor(t)
	port := serve(t, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"postgresql"}})
	ev := dial(t, Config{Port: port, SNI: "dial.test", ALPN: []string{"postgresql"}})
	if ev.Failure != nil || ev.Connection.ALPN != "postgresql" {
		t.Errorf("%+v, %+v", ev.Failure, ev.Connection)
	}
}

// The greetings that name their protocol.
func TestGreetings(t *testing.T) {
	for text, want := range map[string]string{
		":irc.test NOTICE * :*** Looking up your hostname...\r\n": "irc", "NOTICE AUTH :*** Checking ident\r\n": "irc", "ERROR :Closing Link\r\n": "irc",
		"\"IMPLEMENTATION\" \"Dovecot Pigeonhole\"\r\n": "sieve", "BYE \"Input buffer full, aborting\"\r\n": "sieve", "220 mx.test LMTP ready\r\n": "lmtp", "200 news.test InterNetNews NNRP server ready\r\n": "nntp",
		"220 mx.test ESMTP\r\n": "smtp", "ERROR\r\n": "", "\x03\x00\x00\x09\x02\xf0\x80\x21\x80": "rdp",
	} {
		if _, got := speaks([]byte(text), "1"); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func FuzzChallenges(f *testing.F) {
	f.Add("Basic realm=\"a, b\", Negotiate, NTLM")
	f.Add("Digest realm=\"\\\", x\"")
	f.Fuzz(func(t *testing.T, header string) {
		got := challenges([]string{header})
		if len(got) > 8 || slices.ContainsFunc(got, func(s string) bool { return s == "" || len(s) > 32 }) {
			t.Fatalf("%q", got)
		}
	})
}

package tlsclient

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/peers"
)

// relay copies both ways between a and b until either ends.
func relay(a, b net.Conn) {
	done := make(chan bool, 2)
	go func() { io.Copy(a, b); done <- true }()
	go func() { io.Copy(b, a); done <- true }()
	<-done
	a.Close()
	b.Close()
}

// httpProxy is a CONNECT proxy that asks for user:pass, notes the targets and
// sends everything to 127.0.0.1:port.
func httpProxy(t *testing.T, to string, targets chan<- string) (port string) {
	return listen(t, func(c net.Conn) {
		r := bufio.NewReader(c)
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		targets <- req.Host
		if req.Header.Get("Proxy-Authorization") != "Basic dXNlcjpwYXNz" {
			io.WriteString(c, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
			return
		}
		if strings.HasPrefix(req.Host, "forbidden.test") {
			io.WriteString(c, "HTTP/1.1 403 Forbidden by rule\r\nContent-Length: 3\r\n\r\nno\n")
			return
		}
		s, err := net.Dial("tcp", "127.0.0.1:"+to)
		if err != nil {
			return
		}
		io.WriteString(c, "HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n")
		relay(readerConn{c, r}, s)
	})
}

// socksProxy is a SOCKS5 server with the same habits.
func socksProxy(t *testing.T, to string, targets chan<- string) (port string) {
	return listen(t, func(c net.Conn) {
		b := make([]byte, 512)
		read := func(n int) []byte { io.ReadFull(c, b[:n]); return b[:n] }
		methods := bytes.Clone(read(int(read(2)[1])))
		if !bytes.Contains(methods, []byte{2}) {
			c.Write([]byte{5, 0xff})
			return
		}
		c.Write([]byte{5, 2})
		name := string(read(int(read(2)[1])))
		password := string(read(int(read(1)[0])))
		if name != "user" || password != "pass" {
			c.Write([]byte{1, 1})
			return
		}
		c.Write([]byte{1, 0})
		var host string
		switch read(4)[3] {
		case 1:
			host = netip.AddrFrom4([4]byte(read(4))).String()
		case 3:
			host = string(read(int(read(1)[0])))
		case 4:
			host = netip.AddrFrom16([16]byte(read(16))).String()
		}
		p := read(2)
		targets <- net.JoinHostPort(host, fmt.Sprint(int(p[0])<<8|int(p[1])))
		if host == "forbidden.test" {
			c.Write([]byte{5, 2, 0, 1, 0, 0, 0, 0, 0, 0})
			return
		}
		s, err := net.Dial("tcp", "127.0.0.1:"+to)
		if err != nil {
			return
		}
		c.Write([]byte("\x05\x00\x00\x03\x0aproxy.test\x00\x50"))
		relay(c, s)
	})
}

func TestProxies(t *testing.T) {
	cert := chainFor(t)
	targets := make(chan string, 10)
	server := serve(t, &tls.Config{Certificates: []tls.Certificate{cert}})
	mail := script(t, cert, ">220 ready\r\n", "*", ">250 STARTTLS\r\n", "*", ">220 go\r\n")
	for scheme, start := range map[string]func(*testing.T, string, chan<- string) string{"http": httpProxy, "socks5": socksProxy, "socks5h": socksProxy} {
		proxy := start(t, server, targets)
		url := scheme + "://user:pass@127.0.0.1:" + proxy
		for host, want := range map[string]string{
			"dial.test": "dial.test:443", "2001:db8::1": "[2001:db8::1]:443", "192.0.2.1": "192.0.2.1:443", "bücher.test": "xn--bcher-kva.test:443",
		} {
			ev := dial(t, Config{Host: host, Proxy: url})
			if got := <-targets; got != want || ev.Failure != nil || len(ev.Chain) != 2 {
				t.Errorf("%s %s: the proxy was asked for %s; failure %+v", scheme, host, got, ev.Failure)
			}
			if strings.Contains(ev.Target.Proxy, "pass") || ev.Connection.Addr != "127.0.0.1:"+proxy {
				t.Errorf("%s: proxy %s, address %s", scheme, ev.Target.Proxy, ev.Connection.Addr)
			}
			roundTrips(t, ev)
		}
		ev := dial(t, Config{Host: "dial.test", Proxy: url, Resolve: map[string][]netip.Addr{"dial.test:443": {netip.MustParseAddr("192.0.2.7")}}})
		if got := <-targets; got != "192.0.2.7:443" || ev.Failure != nil || ev.Target.SNI != "dial.test" {
			t.Errorf("%s with --resolve: asked for %s; %+v", scheme, got, ev.Failure)
		}
		ev = dial(t, Config{Host: "dial.test", Port: "25", StartTLS: "smtp", Proxy: scheme + "://user:pass@127.0.0.1:" + start(t, mail, targets)})
		if <-targets; ev.Failure != nil || len(ev.Chain) != 2 {
			t.Errorf("%s and STARTTLS: %+v", scheme, ev.Failure)
		}
		wantFailure(t, dial(t, Config{Host: "forbidden.test", Proxy: url}), finding.ProxyRefused)
		wantFailure(t, dial(t, Config{Host: "dial.test", Proxy: scheme + "://127.0.0.1:" + proxy}), finding.ProxyAuthRequired)
		wantFailure(t, dial(t, Config{Host: "dial.test", Proxy: scheme + "://user:wrong@127.0.0.1:" + proxy}), finding.ProxyAuthRequired)
		for len(targets) > 0 {
			<-targets
		}
	}
}

func TestProxyFaults(t *testing.T) {
	for _, c := range []struct {
		scheme string
		server func(net.Conn)
		want   finding.ID
	}{
		{"http", func(c net.Conn) { io.Copy(io.Discard, c) }, finding.ProxyFailure},
		{"http", func(c net.Conn) { hello(c) }, finding.ProxyFailure},
		{"http", func(c net.Conn) { hello(c); io.WriteString(c, "SSH-2.0-x\r\n\r\n") }, finding.ProxyFailure},
		{"http", func(c net.Conn) { hello(c); io.WriteString(c, "HTTP/1.1 200 OK\r\n"+strings.Repeat("X: y\r\n", 9999)) }, finding.ProxyFailure},
		{"socks5", func(c net.Conn) { hello(c); io.WriteString(c, "HTTP/1.1 400\r\n") }, finding.ProxyFailure},
		{"socks5", func(c net.Conn) {
			hello(c)
			io.WriteString(c, "\x05\x00")
			hello(c)
			io.WriteString(c, "\x05\x05\x00\x01\x00\x00")
		}, finding.ProxyRefused},
		{"socks5", func(c net.Conn) {
			hello(c)
			io.WriteString(c, "\x05\x00")
			hello(c)
			io.WriteString(c, "\x05\x00\x00\x09\x00")
		}, finding.ProxyFailure},
		{"socks5", func(c net.Conn) { io.Copy(io.Discard, c) }, finding.ProxyFailure},
	} {
		ev := dial(t, Config{Host: "dial.test", Proxy: c.scheme + "://127.0.0.1:" + listen(t, c.server), ConnectTimeout: 300 * time.Millisecond})
		wantFailure(t, ev, c.want)
		if ev.Failure.Stage != "proxy" {
			t.Errorf("stage %s", ev.Failure.Stage)
		}
	}
	ev := dial(t, Config{Host: "dial.test", Proxy: "http://127.0.0.1:" + peers.FreePort(t)})
	wantFailure(t, ev, finding.ProxyFailure)
	if ev.Failure.Stage != "proxy" || ev.Failure.Params["host"] != "dial.test" || ev.Failure.Params["detail"] != "it refused the connection" || len(ev.Attempts) != 1 {
		t.Errorf("%+v, %+v", ev.Failure, ev.Attempts)
	}
	ev = dial(t, Config{Host: "dial.test", Proxy: "http://user:secret@proxy.test:1", Network: "6",
		Resolve: map[string][]netip.Addr{"proxy.test:1": {netip.MustParseAddr("127.0.0.1")}}})
	wantFailure(t, ev, finding.ProxyFailure)
	if text := fmt.Sprint(ev.Failure, ev.Target); strings.Contains(text, "secret") || !strings.Contains(text, "proxy.test") {
		t.Errorf("%s", text)
	}
	wantFailure(t, dial(t, Config{Host: "dial.test", Proxy: "gopher://x"}), finding.ProxyFailure)
}

func TestParseProxy(t *testing.T) {
	for in, want := range map[string]string{
		"127.0.0.1": "http://127.0.0.1:8080", "http://p.test:3128/": "http://p.test:3128/", "socks5h://u:p@[::1]": "socks5h://u:p@[::1]:1080",
		"https://p.test": "https://p.test:443", "": "", "ftp://p.test": "", "http://": "", "http://p.test/path": "", "http://u:se\x7fcret@p.test": "",
	} {
		u, err := ParseProxy(in)
		if (err != nil) != (want == "") || err == nil && u.String() != want {
			t.Errorf("%q: %v, %v", in, u, err)
		}
		if err != nil && strings.Contains(err.Error(), "cret") {
			t.Errorf("the error repeats the password: %v", err)
		}
	}
}

func TestProxyFromEnvironment(t *testing.T) {
	for _, n := range []string{"HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy", "HTTP_PROXY", "http_proxy", "REQUEST_METHOD"} {
		t.Setenv(n, "")
	}
	want := func(host, want string) {
		t.Helper()
		if got, err := ProxyFromEnvironment(host, "443"); got != want || err != nil {
			t.Errorf("%s: %q, %v; want %q", host, got, err, want)
		}
	}
	want("a.test", "")
	t.Setenv("ALL_PROXY", "socks5h://s.test:1")
	want("a.test", "socks5h://s.test:1")
	t.Setenv("https_proxy", "http://h.test:2")
	want("a.test", "http://h.test:2")
	want("2001:db8::1", "http://h.test:2")
	t.Setenv("NO_PROXY", "a.test,192.0.2.0/24,.b.test")
	want("a.test", "")
	want("x.b.test", "")
	want("192.0.2.9", "")
	want("c.test", "http://h.test:2")
	want("127.0.0.1", "")
	want("localhost", "")
}

// TestRealProxies goes through tinyproxy and dante.
func TestRealProxies(t *testing.T) {
	cert := chainFor(t)
	server := serve(t, &tls.Config{Certificates: []tls.Certificate{cert}})
	t.Run("tinyproxy", func(t *testing.T) {
		port := peers.Tinyproxy(t, server)
		if ev := dial(t, Config{Host: "localhost", Port: server, Proxy: "http://user:pass@127.0.0.1:" + port}); ev.Failure != nil || len(ev.Chain) != 2 {
			t.Errorf("%+v", ev.Failure)
		}
		wantFailure(t, dial(t, Config{Host: "localhost", Port: "1", Proxy: "http://user:pass@127.0.0.1:" + port}), finding.ProxyRefused)
		wantFailure(t, dial(t, Config{Host: "localhost", Port: server, Proxy: "http://127.0.0.1:" + port}), finding.ProxyAuthRequired)
	})
	t.Run("dante", func(t *testing.T) {
		port := peers.Dante(t, server)
		if ev := dial(t, Config{Host: "localhost", Port: server, Proxy: "socks5h://127.0.0.1:" + port}); ev.Failure != nil || len(ev.Chain) != 2 {
			t.Errorf("%+v", ev.Failure)
		}
		wantFailure(t, dial(t, Config{Host: "localhost", Port: "1", Proxy: "socks5://127.0.0.1:" + port}), finding.ProxyRefused)
	})
}

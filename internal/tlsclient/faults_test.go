package tlsclient

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
)

// hello reads the client's first flight.
func hello(c net.Conn) { c.Read(make([]byte, 4096)) }

// reset makes the close of c send RST.
func reset(c net.Conn) { c.(*net.TCPConn).SetLinger(0) }

func TestFaults(t *testing.T) {
	alert := func(code byte) func(net.Conn) {
		return func(c net.Conn) {
			hello(c)
			c.Write([]byte{21, 3, 3, 0, 2, 2, code})
			io.Copy(io.Discard, c)
		}
	}
	says := func(text string) func(net.Conn) {
		return func(c net.Conn) { io.WriteString(c, text); io.Copy(io.Discard, c) }
	}
	answers := func(text string) func(net.Conn) {
		return func(c net.Conn) { hello(c); io.WriteString(c, text) }
	}
	cases := []struct {
		name   string
		server func(net.Conn)
		want   finding.ID
		params map[string]string
	}{
		{"never answers", func(c net.Conn) { io.Copy(io.Discard, c) }, finding.HandshakeTimeout, map[string]string{"bytes": "0"}},
		{"one byte at a time", func(c net.Conn) {
			hello(c)
			for _, b := range []byte("\x16\x03\x03\x40\x00" + strings.Repeat("\x00", 100)) {
				if _, err := c.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(60 * time.Millisecond)
			}
		}, finding.HandshakeTimeout, nil},
		{"hangs up at once", func(c net.Conn) { hello(c) }, finding.HandshakeEOF, map[string]string{"bytes": "0"}},
		{"hangs up in a record", func(c net.Conn) { hello(c); c.Write([]byte{22, 3, 3, 0, 80, 2, 0, 0}) }, finding.HandshakeEOF, map[string]string{"bytes": "8"}},
		{"resets in a record", func(c net.Conn) {
			hello(c)
			c.Write([]byte{22, 3, 3, 0, 80, 2, 0, 0})
			time.Sleep(20 * time.Millisecond)
			reset(c)
		}, finding.ConnectionReset, map[string]string{"stage": "during the TLS handshake"}},
		{"alert handshake_failure", alert(40), finding.NoCommonParameters, map[string]string{"alert": "handshake_failure"}},
		{"alert internal_error", alert(80), finding.TLSAlert, map[string]string{"alert": "internal_error", "code": "80"}},
		{"alert protocol_version", alert(70), finding.TLSVersionUnsupported, nil},
		{"alert unrecognized_name", alert(112), finding.UnrecognizedName, map[string]string{"sni": "dial.test"}},
		{"alert no_application_protocol", alert(120), finding.ALPNNoCommon, map[string]string{"offered": "h2, http/1.1"}},
		{"alert certificate_required", alert(116), finding.ClientCertRequired, nil},
		{"alert unassigned", alert(199), finding.TLSAlert, map[string]string{"alert": "number 199"}},
		{"HTTP", answers("HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n"), finding.PlaintextHTTP, map[string]string{"banner": "HTTP/1.1 400 Bad Request"}},
		{"HTML only", answers("<html><body>no</body></html>"), finding.PlaintextHTTP, nil},
		{"HTTP/2", answers("\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64"), finding.PlaintextHTTP, nil},
		{"SSH", says("SSH-2.0-OpenSSH_9.2p1 Debian\r\n"), finding.PlaintextSSH, map[string]string{"banner": "SSH-2.0-OpenSSH_9.2p1 Debian"}},
		{"SMTP", says("220 mx.test ESMTP Exim\r\n"), finding.PlaintextStartTLS, map[string]string{"starttls": "smtp"}},
		{"FTP", says("220 (vsFTPd 3.0.3)\r\n"), finding.PlaintextStartTLS, map[string]string{"starttls": "ftp"}},
		{"IMAP", says("* OK [CAPABILITY IMAP4rev1] ready\r\n"), finding.PlaintextStartTLS, map[string]string{"starttls": "imap"}},
		{"POP3", says("+OK ready\r\n"), finding.PlaintextStartTLS, map[string]string{"starttls": "pop3"}},
		{"MariaDB", says("\x5d\x00\x00\x00\x0a5.5.5-10.11.6-MariaDB\x00\x01\x00\x00\x00"), finding.PlaintextStartTLS, map[string]string{"starttls": "mysql"}},
		{"PostgreSQL", answers("E\x00\x00\x00\x20SFATAL\x00C08P01\x00Mno\x00\x00"), finding.PlaintextStartTLS, map[string]string{"starttls": "postgres"}},
		{"LDAP", answers("\x30\x24\x02\x01\x00\x78\x1f\x0a\x01\x02\x04\x00\x04\x00\x8a\x161.3.6.1.4.1.1466.20036"), finding.PlaintextStartTLS, map[string]string{"starttls": "ldap"}},
		{"XMPP", answers("<?xml version='1.0'?><stream:stream xmlns='jabber:client'>"), finding.PlaintextStartTLS, map[string]string{"starttls": "xmpp"}},
		{"VNC", says("RFB 003.008\n"), finding.PlaintextOther, map[string]string{"protocol": "VNC"}},
		{"garbage", says("\x01\x02\x1b[31m\xff\xfe"), finding.NotTLS, nil},
		{"a handshake of nonsense", answers("\x16\x03\x03\x00\x08\x02\x00\x00\x04\x03\x03\x00\x00"), finding.HandshakeMalformed, nil},
		{"the mark of a downgrade", answers("\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x03" + strings.Repeat("r", 24) + "DOWNGRD\x01\x00\xc0\x2b\x00"), finding.HandshakeDowngrade, nil},
		{"a record too long", answers("\x16\x03\x03\xff\xff"), finding.HandshakeMalformed, nil},
		{"a message too long", answers("\x16\x03\x03\x00\x04\x02\xff\xff\xff"), finding.HandshakeTooLarge, nil},
	}
	for _, c := range cases {
		for _, lean := range []bool{false, true} { // the lean dial explains as well
			t.Run(fmt.Sprint(c.name, lean), func(t *testing.T) {
				t.Parallel()
				port := listen(t, c.server)
				ev := dial(t, Config{Port: port, SNI: "dial.test", HandshakeTimeout: 400 * time.Millisecond, Lean: lean})
				wantFailure(t, ev, c.want)
				for k, v := range c.params {
					if got := ev.Failure.Params[k]; got != v {
						t.Errorf("%s = %q, want %q", k, got, v)
					}
				}
				roundTrips(t, ev)
				if wantProbe := c.want == finding.NoCommonParameters || c.want == finding.TLSVersionUnsupported; (ev.Probe != nil) != wantProbe {
					t.Errorf("probe: %+v", ev.Probe)
				}
			})
		}
	}
}

func TestConnectFailures(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	closed := l.Addr().(*net.TCPAddr).AddrPort()
	l.Close()
	port := fmt.Sprint(closed.Port())

	ev := dial(t, Config{Port: port})
	wantFailure(t, ev, finding.ConnectionRefused)
	if len(ev.Attempts) != 1 || ev.Attempts[0].Outcome != "refused" || ev.Attempts[0].Addr != closed.String() {
		t.Errorf("attempts %+v", ev.Attempts)
	}

	ev = dial(t, Config{Host: "a.test", Port: port, Network: "6", Resolve: map[string][]netip.Addr{"a.test:" + port: {closed.Addr()}}})
	wantFailure(t, ev, finding.DNSNoAddress)

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	wantFailure(t, Dial(ctx, Config{Host: "127.0.0.1", Port: port}), finding.DialCancelled)
	wantFailure(t, dial(t, Config{Port: "http"}), finding.ConnectionFailed)
}

// TestRace has one listener behind many addresses that are dead in different
// ways: all of 127/8 is this machine, and one backlog is full.
func TestRace(t *testing.T) {
	cert := chainFor(t)
	port := serve(t, &tls.Config{Certificates: []tls.Certificate{cert}})
	full := fullBacklog(t, port)
	var addrs []netip.Addr
	for i := range 5 {
		addrs = append(addrs, netip.AddrFrom4([4]byte{127, 0, 1, byte(i + 1)})) // refuse
	}
	addrs = append(addrs, full, netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.2.9"), netip.MustParseAddr("::1"))
	begin := time.Now()
	ev := dial(t, Config{Host: "many.test", Port: port, Resolve: map[string][]netip.Addr{"many.test:" + port: addrs}, ALPN: []string{}})
	if ev.Failure != nil {
		t.Fatalf("%+v", ev.Failure)
	}
	if took := time.Since(begin); took < stagger || took > 4*stagger {
		t.Errorf("took %v: one stagger is needed for the silent address", took)
	}
	got := map[string]string{}
	for _, a := range ev.Attempts {
		host, _, _ := net.SplitHostPort(a.Addr)
		got[host] = a.Outcome
	}
	want := map[string]string{"::1": "refused", "127.0.1.1": "refused", "127.0.1.5": "refused", full.String(): "lost-race", "127.0.0.1": "connected", "127.0.2.9": "not-tried"}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s: %q, want %q", k, got[k], v)
		}
	}
	if !strings.HasPrefix(ev.Attempts[0].Addr, "[::1]") || ev.Connection.Addr != "127.0.0.1:"+port || ev.Target.SNI != "many.test" {
		t.Errorf("order or addresses: %+v", ev)
	}

	ev = dial(t, Config{Host: "dead.test", Port: port, Resolve: map[string][]netip.Addr{"*:" + port: {full, full.Next()}}, ConnectTimeout: 400 * time.Millisecond})
	wantFailure(t, ev, finding.ConnectionRefused) // the second one refuses, and that says more
	ev = dial(t, Config{Host: "dead.test", Port: port, Resolve: map[string][]netip.Addr{"*:" + port: {full}}, ConnectTimeout: 300 * time.Millisecond})
	wantFailure(t, ev, finding.ConnectionTimeout)
	if ev.Attempts[0].Outcome != "timeout" || len(ev.Chain) != 0 {
		t.Errorf("%+v", ev.Attempts)
	}
}

// fullBacklog returns an address on which port accepts nothing any more: the
// kernel drops the SYNs.
func fullBacklog(t *testing.T, port string) netip.Addr {
	t.Helper()
	addr := netip.MustParseAddr("127.0.3.1")
	l := listenBacklog(t, addr, port)
	_ = l
	for range 8 {
		c, err := net.DialTimeout("tcp", net.JoinHostPort(addr.String(), port), 100*time.Millisecond)
		if err != nil {
			return addr
		}
		t.Cleanup(func() { c.Close() })
	}
	t.Skip("this system takes connections beyond a backlog of zero")
	return addr
}

// TestRunsOut has a limit for the whole run that is nearer than any step's.
func TestRunsOut(t *testing.T) {
	silent := listen(t, func(c net.Conn) { io.Copy(io.Discard, c) })
	for _, c := range []struct {
		conf Config
		want finding.ID
	}{
		{Config{}, finding.HandshakeTimeout},
		{Config{StartTLS: "smtp"}, finding.StartTLSFailure},
		{Config{Proxy: "http://127.0.0.1:" + silent}, finding.ProxyFailure},
	} {
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		defer cancel()
		c.conf.Host, c.conf.Port = "127.0.0.1", silent
		begin := time.Now()
		ev := Dial(ctx, c.conf)
		wantFailure(t, ev, c.want)
		if took := time.Since(begin); took > 2*time.Second {
			t.Errorf("%s: took %v", c.want, took)
		}
		if text := fmt.Sprint(ev.Failure.Params); strings.Contains(text, "10s") {
			t.Errorf("%s speaks of a limit that was not reached: %s", c.want, text)
		}
	}
}

// TestOutcomes has the errors that loopback cannot produce.
func TestOutcomes(t *testing.T) {
	for err, want := range map[error]string{
		syscall.ECONNREFUSED: "refused", syscall.ECONNRESET: "reset", syscall.ENETUNREACH: "unreachable", syscall.EHOSTUNREACH: "unreachable",
		syscall.ETIMEDOUT: "timeout", os.ErrDeadlineExceeded: "timeout", syscall.EMFILE: "failed",
	} {
		if got := outcome(&net.OpError{Op: "dial", Err: err}); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
	attempts := []evidence.Attempt{{Addr: "[2001:db8::1]:443", Outcome: "unreachable", Detail: "network is unreachable"}}
	f := connectFailure("a.test", "443", "10s", attempts)
	wantFailure(t, &evidence.Evidence{Failure: f}, finding.ConnectionUnreachable)
	f = connectFailure("a.test", "443", "10s", append(attempts, evidence.Attempt{Addr: "192.0.2.1:443", Outcome: "timeout"}))
	wantFailure(t, &evidence.Evidence{Failure: f}, finding.ConnectionTimeout)
}

func TestInterleave(t *testing.T) {
	p := netip.MustParseAddr
	got := interleave([]netip.Addr{p("::1"), p("::2"), p("::3"), p("10.0.0.1"), p("10.0.0.2")})
	if s := fmt.Sprint(got); s != "[::1 10.0.0.1 ::2 10.0.0.2 ::3]" {
		t.Error(s)
	}
}

func TestServerName(t *testing.T) {
	for _, c := range []struct {
		c    Config
		want string
	}{
		{Config{Host: "A.Test"}, "a.test"},
		{Config{Host: "a.test."}, "a.test"},
		{Config{Host: "192.0.2.1"}, ""},
		{Config{Host: "::1"}, ""},
		{Config{Host: "fe80::1%lo"}, ""},
		{Config{Host: "bücher.test"}, "xn--bcher-kva.test"},
		{Config{Host: "_x.a.test"}, "_x.a.test"},
		{Config{Host: "192.0.2.1", SNI: "b.test"}, "b.test"},
		{Config{Host: "a.test", SNI: "192.0.2.1"}, ""},
		{Config{Host: "a.test", NoSNI: true, SNI: "b.test"}, ""},
	} {
		if got := c.c.filled().SNI; got != c.want {
			t.Errorf("%+v: SNI %q, want %q", c.c, got, c.want)
		}
	}
	// On the wire.
	seen := make(chan string, 4)
	cert := chainFor(t)
	port := serve(t, &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		seen <- h.ServerName + "|" + strings.Join(h.SupportedProtos, ",")
		return &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: h.SupportedProtos}, nil
	}})
	resolve := map[string][]netip.Addr{"dial.test:" + port: {netip.MustParseAddr("127.0.0.1")}}
	dial(t, Config{Host: "dial.test", Port: port, Resolve: resolve})
	dial(t, Config{Host: "dial.test", Port: port, Resolve: resolve, NoSNI: true, ALPN: []string{}})
	dial(t, Config{Port: port, ALPN: []string{"smtp"}})
	for _, want := range []string{"dial.test|h2,http/1.1", "|", "|smtp"} {
		if got := <-seen; got != want {
			t.Errorf("server saw %q, want %q", got, want)
		}
	}
}

// A server that needs a name says so to a client that sends none.
func TestServerNameMissing(t *testing.T) {
	port := listen(t, func(c net.Conn) {
		hello(c)
		c.Write([]byte{recordAlert, 3, 3, 0, 2, 2, 112})
	})
	wantFailure(t, dial(t, Config{Port: port, NoSNI: true}), finding.ServerNameMissing)
	wantFailure(t, dial(t, Config{Port: port, SNI: "dial.test"}), finding.UnrecognizedName)
}

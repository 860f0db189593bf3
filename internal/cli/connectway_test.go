package cli

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/lab/peers"
)

// These tests have a way to the server that is more than a TCP connection: a
// proxy, or a dialog in plain text (STARTTLS).

// tunnels runs an HTTP and a SOCKS5 proxy that connect to the target named
// behind.test:443, which is at addr, and refuse all others. The first wants
// the login user:pass.
func tunnels(t testing.TB, addr string) (httpPort, socksPort string) {
	t.Helper()
	pipe := func(c net.Conn, r io.Reader, accepted string) {
		to, err := net.Dial("tcp", addr)
		if err != nil {
			return
		}
		defer to.Close()
		io.WriteString(c, accepted)
		go func() { io.Copy(to, r); to.(*net.TCPConn).CloseWrite() }()
		io.Copy(c, to)
	}
	httpPort = listenPlain(t, func(c net.Conn) {
		r := bufio.NewReader(c)
		req, err := http.ReadRequest(r)
		switch {
		case err != nil:
		case req.Header.Get("Proxy-Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte("user:pass")):
			io.WriteString(c, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
		case req.Method != http.MethodConnect || req.Host != "behind.test:443":
			io.WriteString(c, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
		default:
			pipe(c, r, "HTTP/1.1 200 OK\r\n\r\n")
		}
	})
	socksPort = listenPlain(t, func(c net.Conn) {
		r := bufio.NewReader(c)
		want := "\x05\x01\x00" // no login
		read := func() bool {
			b := make([]byte, len(want))
			_, err := io.ReadFull(r, b)
			return err == nil && string(b) == want
		}
		if !read() {
			return
		}
		io.WriteString(c, "\x05\x00")
		want = "\x05\x01\x00\x03\x0bbehind.test\x01\xbb"
		if !read() {
			io.WriteString(c, "\x05\x02\x00\x01\x00\x00\x00\x00\x00\x00")
			return
		}
		pipe(c, r, "\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
	})
	return httpPort, socksPort
}

// listenPlain hands each connection to f until the test ends.
func listenPlain(t testing.TB, f func(net.Conn)) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); f(c) }()
		}
	}()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

// echo serves what the client sends back to it, and counts it.
func (s *site) echo(t testing.TB) (port string, got *atomic.Int64) {
	got = &atomic.Int64{}
	return s.serve(t, 0, func(c *tls.Conn) {
		io.Copy(io.MultiWriter(c, counter{got}), c)
		c.Close()
	}), got
}

type counter struct{ n *atomic.Int64 }

func (c counter) Write(b []byte) (int, error) { c.n.Add(int64(len(b))); return len(b), nil }

// wantProxied goes through a proxy to target, a server with s's certificate for
// localhost: data both ways for whom it is trusted, none before the verdict,
// and a refusal for another port.
func wantProxied(t *testing.T, s *site, proxy, target, other string, got *atomic.Int64) {
	t.Helper()
	args := func(target string, flags ...string) []string {
		return append([]string{"connect", target, "--proxy", proxy, "--name", "localhost", "--offline", "--cache-dir", t.TempDir(), "--timeout", "60s"}, flags...)
	}
	data := strings.Repeat("all of this comes back\n", 20000)
	if status, out, errs := run(data, args(target, "--roots", s.root)...); status != 0 || out != data || errs != "" {
		t.Errorf("status %d, %d of %d bytes\n%s", status, len(out), len(data), errs)
	}
	before := got.Load()
	if before != int64(len(data)) {
		t.Errorf("the server got %d bytes", before)
	}
	status, out, errs := run("secret", args(target, "-v", "--roots", newSite(t).root)...)
	if shown := strings.Replace(proxy, ":pass@", ":xxxxx@", 1); !strings.Contains(errs, "  proxy      "+shown+"\n") || strings.Contains(errs, "  address ") {
		t.Errorf("the proxy %s is not shown:\n%s", shown, errs)
	}
	if status != command.Reject || out != "" || !strings.Contains(errs, "REJECT  "+target) || got.Load() != before {
		t.Errorf("not trusted: status %d, output %q, the server got %d bytes\n%s", status, out, got.Load()-before, errs)
	}
	if status, out, errs = run("secret", args(target, "--roots", s.root, "--name", "other.test")...); status != command.Reject || out != "" || !strings.Contains(errs, "[name-mismatch]") || got.Load() != before {
		t.Errorf("wrong name: status %d, output %q\n%s", status, out, errs)
	}
	status, out, errs = run("secret", args(other, "--roots", s.root)...)
	said := strings.Join(strings.Fields(errs), " ") // as it was before it was wrapped
	if status != command.Inconclusive || out != "" || !strings.Contains(said, "[proxy-refused]") && !strings.Contains(said, "it closed the connection [proxy-failure]") {
		t.Errorf("refused by the proxy: status %d, output %q\n%s", status, out, errs)
	}
}

func TestConnectThroughProxies(t *testing.T) {
	s := newSite(t)
	port, got := s.echo(t)
	web, socks := tunnels(t, "127.0.0.1:"+port)
	for _, proxy := range []string{"http://user:pass@127.0.0.1:" + web, "socks5://127.0.0.1:" + socks, "socks5h://127.0.0.1:" + socks} {
		t.Run(proxy[:strings.Index(proxy, ":")], func(t *testing.T) {
			got.Store(0)
			wantProxied(t, s, proxy, "behind.test:443", "others.test:443", got)
		})
	}
	for _, proxy := range []string{"http://127.0.0.1:" + web, "http://user:wrong@127.0.0.1:" + web} {
		status, out, errs := run("secret", "connect", "behind.test", "--proxy", proxy, "--name", "localhost", "--roots", s.root, "--offline", "--cache-dir", t.TempDir())
		if status != command.Inconclusive || out != "" || !strings.Contains(errs, "[proxy-auth-required]") || strings.Contains(errs, "wrong") {
			t.Errorf("%s: status %d\n%s", proxy, status, errs)
		}
	}
	// By the environment.
	for _, c := range []struct {
		env    []string
		flags  []string
		status int
		says   string
	}{
		{[]string{"HTTPS_PROXY=http://user:pass@127.0.0.1:" + web}, nil, 0, ""},
		{[]string{"https_proxy=http://user:pass@127.0.0.1:" + web}, nil, 0, ""},
		{[]string{"ALL_PROXY=socks5h://127.0.0.1:" + socks}, nil, 0, ""},
		{[]string{"ALL_PROXY=socks5h://127.0.0.1:1", "HTTPS_PROXY=http://user:pass@127.0.0.1:" + web}, nil, 0, ""},
		{[]string{"HTTPS_PROXY=http://127.0.0.1:1"}, []string{"--proxy", "socks5://127.0.0.1:" + socks}, 0, ""},
		{[]string{"HTTPS_PROXY=http://user:secret@127.0.0.1:1"}, nil, command.Inconclusive, "[proxy-failure]"},
		{[]string{"HTTPS_PROXY=http://127.0.0.1:1", "NO_PROXY=.test"}, []string{"--resolve", "behind.test:443:127.0.0.1"}, command.Inconclusive, "[connection-refused]"},
		{[]string{"HTTPS_PROXY=http://127.0.0.1:1"}, []string{"--proxy", "none", "--resolve", "behind.test:443:127.0.0.1"}, command.Inconclusive, "[connection-refused]"},
		{[]string{"HTTPS_PROXY=https://user:secret@127.0.0.1:1"}, nil, command.Inconclusive, "[proxy-failure]"},
		{[]string{"ALL_PROXY=socks4://127.0.0.1:1"}, nil, command.UsageError, "ALL_PROXY"},
	} {
		p := assayProcess(t, append([]string{"connect", "behind.test", "--name", "localhost", "--roots", s.root, "--offline", "--timeout", "60s"}, c.flags...)...)
		p.cmd.Env = append(append(p.cmd.Env, "NO_PROXY="), c.env...)
		p.cmd.Stdin = strings.NewReader("hello")
		p.start(t)
		status := p.status(t)
		if status != c.status || status == 0 && p.out.String() != "hello" || status != 0 && p.out.String() != "" || !strings.Contains(p.errs.String(), c.says) || strings.Contains(p.errs.String(), "secret") {
			t.Errorf("%v %v: status %d, output %q\n%s", c.env, c.flags, status, p.out, p.errs)
		}
	}
	if status, out, _ := run("", "check", "behind.test", "--all-addresses", "--proxy", "socks5://127.0.0.1:"+socks); status != command.UsageError || out != "" {
		t.Errorf("all addresses through a proxy: status %d", status)
	}
}

// Real proxies: tinyproxy, dante and ssh -D.
func TestConnectThroughRealProxies(t *testing.T) {
	s := newSite(t)
	port, got := s.echo(t)
	target, other := "localhost:"+port, "localhost:1"
	t.Run("tinyproxy", func(t *testing.T) {
		got.Store(0)
		wantProxied(t, s, "http://user:pass@127.0.0.1:"+peers.Tinyproxy(t, port), target, other, got)
	})
	t.Run("dante", func(t *testing.T) {
		got.Store(0)
		wantProxied(t, s, "socks5://127.0.0.1:"+peers.Dante(t, port), target, other, got)
	})
	t.Run("ssh -D", func(t *testing.T) {
		got.Store(0)
		wantProxied(t, s, "socks5h://127.0.0.1:"+sshTunnel(t, port), target, other, got)
	})
}

// sshTunnel runs an SSH server and a client of it that is a SOCKS5 proxy, which
// may connect to the target's port only.
func sshTunnel(t *testing.T, target string) (port string) {
	t.Helper()
	sshd := peers.Path(t, "sshd") // wants its full path
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	for _, key := range []string{"host", "me"} {
		if out, err := exec.Command(peers.Path(t, "ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", file(key)).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	os.MkdirAll("/run/sshd", 0o755)
	server := peers.FreePort(t)
	conf := fmt.Sprintf("Port %s\nListenAddress 127.0.0.1\nHostKey %s\nAuthorizedKeysFile %s\nStrictModes no\nUsePAM no\nPermitRootLogin prohibit-password\nPidFile none\nPermitOpen localhost:%s 127.0.0.1:%[4]s\n",
		server, file("host"), file("me.pub"), target)
	if err := os.WriteFile(file("conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	peers.Start(t, server, sshd, "-D", "-e", "-f", file("conf"))
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	port = peers.FreePort(t)
	peers.Start(t, port, "ssh", "-F", "none", "-N", "-D", "127.0.0.1:"+port, "-p", server, "-i", file("me"), "-o", "BatchMode=yes",
		"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", me.Username+"@127.0.0.1")
	return port
}

// wantSTARTTLS asks a server for TLS by flag and by scheme; then what is sent
// arrives, and the answer comes. Whom it is not trusted gets nothing.
func wantSTARTTLS(t *testing.T, s *site, protocol, port, sends, answer string) {
	t.Helper()
	at := "localhost:" + port
	args := func(flags ...string) []string {
		return append([]string{"connect", "--resolve", at + ":127.0.0.1", "--offline", "--cache-dir", t.TempDir(), "--on-eof", "wait", "--timeout", "60s", "--ignore-truncation"}, flags...)
	}
	for _, way := range [][]string{{at, "--starttls", protocol}, {protocol + "://" + at}} {
		// The servers need not end the connection: that the answer came is enough.
		p := assayProcess(t, append(args(way...), "--roots", s.root)...)
		p.cmd.Stdin = strings.NewReader(sends)
		p.start(t)
		p.says(t, answer)
		p.cmd.Process.Signal(os.Interrupt)
		if p.status(t); p.errs.String() != "" {
			t.Errorf("%s: %s", protocol, p.errs)
		}
		if status, out, errs := run(sends, append(args(way...), "--roots", newSite(t).root)...); status != command.Reject || out != "" || !strings.Contains(errs, "REJECT  "+at) {
			t.Errorf("%s not trusted: status %d, output %q\n%s", protocol, status, out, errs)
		}
	}
	// The same server, asked for TLS at once.
	if status, out, errs := run(sends, append(args(at), "--roots", s.root)...); status != command.Inconclusive || out != "" || !strings.Contains(errs, "--starttls") {
		t.Logf("%s without STARTTLS: status %d, output %q\n%s", protocol, status, out, errs)
	}
}

func TestConnectStartTLS(t *testing.T) {
	s := newSite(t)
	smtp, imap, pop3, plain := peers.NginxMail(t, s.pem, s.key)
	wantSTARTTLS(t, s, "smtp", smtp, "EHLO me\r\n", "250 ")
	wantSTARTTLS(t, s, "imap", imap, "a CAPABILITY\r\n", "a OK")
	wantSTARTTLS(t, s, "pop3", pop3, "CAPA\r\n", ".\r\n")
	if status, out, errs := s.connect(t, "a LOGIN me secret\r\n", plain, "--starttls", "imap"); status != command.Inconclusive || out != "" || !strings.Contains(errs, "[starttls-not-offered]") {
		t.Errorf("not offered: status %d, output %q\n%s", status, out, errs)
	}
	// A whole session, and its end.
	if status, out, errs := s.connect(t, "a CAPABILITY\nb LOGOUT\n", imap, "--starttls", "imap", "--crlf", "--on-eof", "wait"); status != 0 || !strings.Contains(out, "b OK") || errs != "" {
		t.Errorf("status %d, output %q\n%s", status, out, errs)
	}
	// Through a proxy as well.
	_, socks := tunnels(t, "127.0.0.1:"+imap)
	status, out, errs := run("b LOGOUT\r\n", "connect", "imap://behind.test:443", "--proxy", "socks5://127.0.0.1:"+socks, "--name", "localhost",
		"--roots", s.root, "--offline", "--cache-dir", t.TempDir(), "--on-eof", "wait")
	if status != 0 || !strings.Contains(out, "b OK") || errs != "" {
		t.Errorf("through a proxy: status %d, output %q\n%s", status, out, errs)
	}
}

// What stands in the buffer when TLS begins is an error, and nothing is sent.
func TestConnectInjection(t *testing.T) {
	l := startLab(t)
	s, _ := l.Scenario("smtp-starttls-injection")
	args := append(l.Assay(s), "--cache-dir", t.TempDir())
	args[0] = "connect"
	if status, out, errs := run("secret", args...); status != command.Reject || out != "" || !strings.Contains(errs, "[starttls-injection]") {
		t.Errorf("status %d, output %q\n%s", status, out, errs)
	}
}

// The servers of the other protocols.
func TestConnectStartTLSServers(t *testing.T) {
	s := newSite(t)
	t.Run("exim", func(t *testing.T) {
		smtp, smtps := peers.Exim(t, s.pem, s.key)
		wantSTARTTLS(t, s, "smtp", smtp, "EHLO me\r\n", "250 HELP")
		// Exim refuses a web client's ALPN: the scheme offers none.
		at := "localhost:" + smtps
		status, out, errs := run("QUIT\r\n", "connect", "smtps://"+at, "--resolve", at+":127.0.0.1", "--roots", s.root, "--offline", "--cache-dir", t.TempDir(), "--on-eof", "wait")
		if status != 0 || !strings.Contains(out, "221 ") || errs != "" {
			t.Errorf("smtps: status %d, output %q\n%s", status, out, errs)
		}
		for target, want := range map[string]int{"smtps://" + at: 0, at: command.Inconclusive} {
			if status, out, errs := run("", "check", target, "--resolve", at+":127.0.0.1", "--roots", s.root, "--offline", "--cache-dir", t.TempDir()); status != want {
				t.Errorf("check %s: status %d\n%s%s", target, status, out, errs)
			}
		}
		if status, out, errs := run("", "check", at, "--alpn", "", "--resolve", at+":127.0.0.1", "--roots", s.root, "--offline", "--cache-dir", t.TempDir()); status != 0 {
			t.Errorf("check --alpn '': status %d\n%s%s", status, out, errs)
		}
	})
	t.Run("dovecot", func(t *testing.T) {
		imap, pop3, _, _ := peers.Dovecot(t, s.pem, s.key)
		wantSTARTTLS(t, s, "imap", imap, "a CAPABILITY\r\n", "a OK")
		wantSTARTTLS(t, s, "pop3", pop3, "CAPA\r\n", ".\r\n")
	})
	t.Run("slapd", func(t *testing.T) {
		bind := "\x30\x0c\x02\x01\x07\x60\x07\x02\x01\x03\x04\x00\x80\x00"
		wantSTARTTLS(t, s, "ldap", peers.Slapd(t, s.pem, s.key), bind, "\x30\x0c\x02\x01\x07\x61\x07\x0a\x01\x00\x04\x00\x04\x00")
	})
	t.Run("prosody", func(t *testing.T) {
		open := "<?xml version='1.0'?><stream:stream to='localhost' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
		wantSTARTTLS(t, s, "xmpp", peers.Prosody(t, s.pem, s.key, "localhost"), open, "<stream:features>")
	})
	t.Run("postgres", func(t *testing.T) {
		startup := "\x00\x00\x00\x17\x00\x03\x00\x00user\x00postgres\x00\x00"
		wantSTARTTLS(t, s, "postgres", peers.Postgres(t, s.pem, s.key, true), startup, "R\x00\x00\x00\x08\x00\x00\x00\x00")
	})
	rsa := newSiteWith(t, "RSA-2048")
	t.Run("vsftpd", func(t *testing.T) {
		wantSTARTTLS(t, rsa, "ftp", peers.Vsftpd(t, rsa.pem, rsa.key), "FEAT\r\n", "211 End")
	})
	t.Run("mariadb", func(t *testing.T) {
		login := "\x01\x00\x00\x02\x00" // no login, but the server says so under TLS
		wantSTARTTLS(t, rsa, "mysql", peers.MariaDB(t, rsa.pem, rsa.key), login, "handshake")
	})
}

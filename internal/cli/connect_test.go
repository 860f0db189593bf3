package cli

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/peers"
)

// site is a server certificate for localhost, without revocation pointers
// unless some are given, and its root, as files.
type site struct {
	ca   *forge.CA
	leaf *forge.CA // its certificate
	cert tls.Certificate
	root string // file names
	pem  string
	key  string
}

func newSite(t testing.TB, extra ...forge.Ext) *site { return newSiteWith(t, "P-256", extra...) }

// newSiteWith makes the site; its certificate needs no revocation information,
// unless extra says otherwise: connect refuses what nobody can answer for.
func newSiteWith(t testing.TB, kind string, extra ...forge.Ext) *site {
	if len(extra) == 0 {
		extra = []forge.Ext{forge.NoRevAvail()}
	}
	root := forge.NewRoot("Connect Root", nil)
	key := forge.NewKey(kind)
	leaf := root.Issue(forge.Cert{Key: key, Extensions: append(root.ServerExts(key, forge.DNS("localhost")), extra...)})
	dir := t.TempDir()
	s := &site{root, leaf, leaf.TLS(), filepath.Join(dir, "root.pem"), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
	for name, b := range map[string][]byte{s.root: forge.PEM("CERTIFICATE", root.Raw), s.pem: forge.PEM("CERTIFICATE", leaf.Raw), s.key: key.PEM()} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// connect runs assay connect to localhost at port.
func (s *site) connect(t testing.TB, stdin, port string, flags ...string) (status int, out, errs string) {
	t.Helper()
	return run(stdin, append(append(s.connectArgs(t, port), "--timeout", "20s"), flags...)...)
}

// connectArgs are the arguments of a connect to localhost at port.
func (s *site) connectArgs(t testing.TB, port string) []string {
	return []string{"connect", "localhost:" + port, "--resolve", "localhost:" + port + ":127.0.0.1",
		"--roots", s.root, "--offline", "--cache-dir", t.TempDir()}
}

// serve handles each connection to a TLS server until the test ends.
func (s *site) serve(t testing.TB, version uint16, handle func(*tls.Conn)) (port string) {
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
			go func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(30 * time.Second))
				tc := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{s.cert}, MaxVersion: version})
				if tc.Handshake() == nil {
					handle(tc)
				}
			}()
		}
	}()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

var tlsVersions = map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

// A server that is refused gets nothing, and the report says why.
func TestConnectRefuses(t *testing.T) {
	l := startLab(t)
	for name, want := range map[string]string{
		"revoked": "cert-revoked", "revoked-by-crl": "cert-revoked", "revoked-intermediate": "cert-revoked",
		"expired": "cert-expired", "wrong-host": "name-mismatch", "must-staple-missing": "must-staple-missing",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := l.Scenario(name)
			args := l.Assay(s)
			args[0] = "connect"
			status, out, errs := run("secret", append(args, "--cache-dir", t.TempDir())...)
			if status != command.Reject || out != "" || !strings.Contains(errs, "["+want+"]") || !strings.Contains(errs, "REJECT") || !strings.Contains(errs, s.Host+":"+s.Port) {
				t.Errorf("status %d, %d bytes of output\n%s", status, len(out), errs)
			}
		})
	}
	s, _ := l.Scenario("must-staple-missing")
	args := append(l.Assay(s), "--cache-dir", t.TempDir(), "--on-eof", "close")
	args[0] = "connect"
	if status, _, errs := run("", append(args, "--allow", "must-staple-missing")...); status != 0 || !strings.Contains(errs, "allowed: ") {
		t.Errorf("allowed: status %d\n%s", status, errs)
	}
	for _, id := range []string{"cert-revoked", "root-untrusted", "name-mismatch", "certificate-signature-invalid", "nonsense", "ct-not-verified", "crl-stale"} {
		status, _, errs := run("", append(args, "--allow", id)...)
		if status != command.UsageError || !strings.Contains(errs, "allow: ") {
			t.Errorf("--allow %s: status %d\n%s", id, status, errs)
		}
	}
}

func TestConnectNotReached(t *testing.T) {
	s := newSite(t)
	if status, _, errs := s.connect(t, "", peers.FreePort(t)); status != command.Inconclusive || !strings.Contains(errs, "[connection-refused]") {
		t.Errorf("status %d\n%s", status, errs)
	}
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	_, port, _ := net.SplitHostPort(plain.Listener.Addr().String())
	if status, _, errs := s.connect(t, "", port); status != command.Inconclusive || !strings.Contains(errs, "[plaintext-http]") {
		t.Errorf("status %d\n%s", status, errs)
	}
	for _, c := range [][]string{
		{"connect"}, {"connect", "a.test", "b.test"}, {"connect", "a.test", "--servername", "b.test"},
		{"connect", "a.test", "--request", "/no/such/file"}, {"connect", "a.test", "--ct", "require"}, {"connect", "a.test", "--roots", "/no/such/file"},
	} {
		if status, _, errs := run("", append(c, "--cache-dir", t.TempDir())...); status != command.UsageError {
			t.Errorf("%v: status %d\n%s", c, status, errs)
		}
	}
}

// Everything arrives, both ways, whatever the octets, and both ends see the end.
func TestConnectEcho(t *testing.T) {
	s := newSite(t)
	data := make([]byte, 3<<20+7)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range data {
		data[i] = byte(rng.Uint32())
	}
	for name, version := range tlsVersions {
		t.Run("TLS "+name, func(t *testing.T) {
			closed := make(chan error, 1)
			port := s.serve(t, version, func(c *tls.Conn) {
				if version == tls.VersionTLS13 {
					_, err := io.Copy(c, c)
					closed <- err
				} else { // close_notify ends both directions: answer before it
					_, err := io.CopyN(c, c, int64(len(data)))
					closed <- err
					c.Read(make([]byte, 1))
				}
				c.Close()
			})
			status, out, errs := s.connect(t, string(data), port)
			if status != 0 || errs != "" || sha256.Sum256([]byte(out)) != sha256.Sum256(data) {
				t.Errorf("status %d, %d of %d bytes\n%s", status, len(out), len(data), errs)
			}
			if err := <-closed; err != nil {
				t.Errorf("the server saw %v", err)
			}
		})
	}
}

// A connection that is cut off is told from one that ended.
func TestConnectTruncated(t *testing.T) {
	s := newSite(t)
	for name, version := range tlsVersions {
		for _, abort := range []bool{false, true} {
			port := s.serve(t, version, func(c *tls.Conn) {
				io.WriteString(c, "half of it")
				io.Copy(io.Discard, io.LimitReader(c, 1))
				if abort {
					c.NetConn().(*net.TCPConn).SetLinger(0)
				}
				c.NetConn().Close()
			})
			status, out, errs := s.connect(t, "x", port, "--on-eof", "wait")
			want := "[truncated]"
			if abort {
				want = "[connection-reset]"
			}
			if status != command.Inconclusive || out != "half of it" || !strings.Contains(errs, want) {
				t.Errorf("TLS %s: status %d, output %q\n%s", name, status, out, errs)
			}
			status, _, errs = s.connect(t, "x", port, "--on-eof", "wait", "--ignore-truncation")
			if ok := status == 0 && errs == ""; ok == abort {
				t.Errorf("TLS %s, ignored: status %d\n%s", name, status, errs)
			}
		}
	}
}

func TestConnectLines(t *testing.T) {
	s := newSite(t)
	port := s.serve(t, 0, func(c *tls.Conn) {
		b, _ := io.ReadAll(c)
		fmt.Fprintf(c, "%q", b)
		c.Close()
	})
	if status, out, errs := s.connect(t, "a\nb\r\n\n\rc\n", port, "--crlf"); status != 0 || out != `"a\r\nb\r\n\r\n\rc\r\n"` {
		t.Errorf("status %d, %s\n%s", status, out, errs)
	}
	w := crlfWriter{on: true}
	var got []byte
	for _, part := range []string{"x\r", "\ny", "\n", "\n\r", "\r", "\n"} {
		got = append(got, w.convert([]byte(part))...)
	}
	if string(got) != "x\r\ny\r\n\r\n\r\r\n" {
		t.Errorf("%q", got)
	}
}

// A server that asks for a client certificate in TLS 1.3 refuses only when it
// is read from.
func TestConnectClientCertificate(t *testing.T) {
	s := newSite(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{s.cert}, ClientAuth: tls.RequireAnyClientCert})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); io.WriteString(c, "welcome") }()
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	if status, _, errs := s.connect(t, "", port, "--on-eof", "wait"); status != command.Inconclusive || !strings.Contains(errs, "[client-certificate-required]") || !strings.Contains(errs, "hint: assay check localhost:"+port) {
		t.Errorf("status %d\n%s", status, errs)
	}
	if status, out, errs := s.connect(t, "", port, "--on-eof", "wait", "--cert", s.pem, "--key", s.key); status != 0 || out != "welcome" {
		t.Errorf("status %d, %q\n%s", status, out, errs)
	}
}

// Go's ReverseProxy takes a half-close for a client that has gone; with
// --on-eof wait, or --request, the answer comes.
func TestConnectReverseProxy(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(300 * time.Millisecond):
			io.WriteString(w, "slow answer")
		case <-r.Context().Done():
		}
	}))
	defer backend.Close()
	to, _ := url.Parse(backend.URL)
	s := newSite(t)
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	front := httptest.NewUnstartedServer(proxy)
	front.TLS = &tls.Config{Certificates: []tls.Certificate{s.cert}}
	front.Config.ErrorLog = proxy.ErrorLog
	front.StartTLS()
	defer front.Close()
	_, port, _ := net.SplitHostPort(front.Listener.Addr().String())
	request := "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
	file := filepath.Join(t.TempDir(), "request")
	os.WriteFile(file, []byte(request), 0o600)
	for name := range tlsVersions {
		if _, out, _ := s.connect(t, request, port, "--tls-max", name); strings.Contains(out, "slow answer") {
			t.Error("this proxy used to answer 502 to a half-close: the help says so")
		}
		if status, out, errs := s.connect(t, request, port, "--tls-max", name, "--on-eof", "wait"); status != 0 || !strings.HasSuffix(out, "slow answer") {
			t.Errorf("TLS %s: status %d\n%s\n%s", name, status, out, errs)
		}
		if status, out, errs := s.connect(t, "", port, "--tls-max", name, "--request", file); status != 0 || !strings.HasSuffix(out, "slow answer") {
			t.Errorf("TLS %s: status %d\n%s\n%s", name, status, out, errs)
		}
	}
}

// Real servers, TLS 1.2 and 1.3: the answer is whole and the end is clean.
func TestConnectPeers(t *testing.T) {
	s := newSite(t)
	page := strings.Repeat("0123456789abcdef", 1<<14)
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, "page"), []byte(page), 0o644)
	os.Chmod(dir, 0o755)
	get := "GET /page HTTP/1.0\r\n\r\n"
	for name := range tlsVersions {
		t.Run("openssl TLS "+name, func(t *testing.T) {
			port := peers.FreePort(t)
			peers.Start(t, port, "openssl", "s_server", "-accept", "127.0.0.1:"+port, "-quiet", "-rev", "-cert", s.pem, "-key", s.key)
			if status, out, errs := s.connect(t, "olleh\nCLOSE\n", port, "--tls-max", name, "--on-eof", "wait"); status != 0 || out != "hello\n" {
				t.Errorf("status %d, %q\n%s", status, out, errs)
			}
		})
		t.Run("gnutls-serv TLS "+name, func(t *testing.T) {
			port := peers.FreePort(t)
			peers.Start(t, port, "gnutls-serv", "--echo", "--quiet", "--port", port, "--x509certfile", s.pem, "--x509keyfile", s.key)
			if status, out, errs := s.connect(t, "hello\n", port, "--tls-max", name); status != 0 || out != "hello\n" {
				t.Errorf("status %d, %q\n%s", status, out, errs)
			}
		})
		t.Run("nginx TLS "+name, func(t *testing.T) {
			port := peers.FreePort(t)
			conf := filepath.Join(t.TempDir(), "nginx.conf")
			os.WriteFile(conf, fmt.Appendf(nil, `daemon off; master_process off; pid %s/pid; error_log stderr;
events {}
http { access_log off; client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
server { listen 127.0.0.1:%[2]s ssl; ssl_certificate %[3]s; ssl_certificate_key %[4]s; root %[5]s; } }`, t.TempDir(), port, s.pem, s.key, dir), 0o600)
			peers.Start(t, port, "nginx", "-e", "stderr", "-c", conf)
			if status, out, errs := s.connect(t, get, port, "--tls-max", name, "--on-eof", "wait"); status != 0 || !strings.HasSuffix(out, "\r\n\r\n"+page) {
				t.Errorf("status %d, %d bytes\n%s", status, len(out), errs)
			}
			// Told that the client has ended, nginx may reset the connection, or
			// omit its close_notify: the help says so. It never looks whole.
			if status, out, errs := s.connect(t, get, port, "--tls-max", name); status != command.Inconclusive && (status != 0 || !strings.HasSuffix(out, page)) {
				t.Errorf("half-close: status %d, %d bytes\n%s", status, len(out), errs)
			}
		})
	}
}

// --on-eof close ends the connection with the input, properly, and waits for
// no answer.
func TestConnectOnEOFClose(t *testing.T) {
	s := newSite(t)
	for name, version := range tlsVersions {
		ended := make(chan error, 1)
		port := s.serve(t, version, func(c *tls.Conn) {
			b, err := io.ReadAll(c)
			if err == nil && string(b) != "goodbye" {
				err = fmt.Errorf("got %q", b)
			}
			ended <- err
		})
		if status, out, errs := s.connect(t, "goodbye", port, "--on-eof", "close"); status != 0 || out != "" || errs != "" {
			t.Errorf("TLS %s: status %d, output %q\n%s", name, status, out, errs)
		}
		if err := <-ended; err != nil {
			t.Errorf("TLS %s: the server saw %v", name, err)
		}
	}
}

// What a reader of standard output leaves unread ends the program in silence.
func TestConnectBrokenPipe(t *testing.T) {
	s := newSite(t)
	told := make(chan error, 1)
	port := s.serve(t, 0, func(c *tls.Conn) {
		go func() { _, err := c.Read(make([]byte, 1)); told <- err }()
		for {
			if _, err := c.Write(make([]byte, 1<<14)); err != nil {
				return
			}
		}
	})
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	var errs bytes.Buffer
	status := Main(s.connectArgs(t, port), neverEnding{}, w, &errs)
	if status != exitPipe || errs.Len() > 0 {
		t.Errorf("status %d\n%s", status, errs.String())
	}
	if err := <-told; err != io.EOF {
		t.Errorf("the server saw %v", err)
	}
}

// neverEnding is an input on which nothing comes.
type neverEnding struct{}

func (neverEnding) Read([]byte) (int, error) { select {} }

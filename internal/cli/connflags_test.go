package cli

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/lab/forge"
)

// mailServer speaks SMTP on loopback, offers STARTTLS and demands a client
// certificate of root.
func mailServer(t *testing.T, root *forge.CA) (addr string) {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(forge.PEM("CERTIFICATE", root.Raw))
	cfg := &tls.Config{Certificates: []tls.Certificate{root.Server("mx.test", nil).TLS()}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
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
				c.SetDeadline(time.Now().Add(5 * time.Second))
				r := bufio.NewReader(c)
				for _, s := range []string{"220 mx.test ESMTP\r\n", "250-mx.test\r\n250 STARTTLS\r\n", "220 go\r\n"} {
					io.WriteString(c, s)
					if s != "220 go\r\n" {
						r.ReadString('\n')
					}
				}
				tc := tls.Server(c, cfg)
				if tc.Handshake() == nil {
					tc.Read(make([]byte, 1))
					tc.Close()
				}
			}()
		}
	}()
	return l.Addr().String()
}

// connectProxy is an HTTP proxy that sends every CONNECT to addr.
func connectProxy(t *testing.T, addr string) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to, err := net.Dial("tcp", addr)
		if err != nil || r.Method != http.MethodConnect || r.Host != "mx.test:25" {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { io.Copy(to, c); to.Close() }()
		io.Copy(c, to)
		c.Close()
	}))
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

func TestMailThroughProxyWithClientCertificate(t *testing.T) {
	root := forge.NewRoot("Mail Root", nil)
	client := root.Server("client.test", nil, forge.EKU(forge.ClientAuth))
	key, err := x509.MarshalPKCS8PrivateKey(client.Key.Signer)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	roots, cert := filepath.Join(dir, "roots.pem"), filepath.Join(dir, "client.pem")
	for name, b := range map[string][]byte{roots: forge.PEM("CERTIFICATE", root.Raw),
		cert: append(forge.PEM("CERTIFICATE", client.Raw), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	proxy := "http://127.0.0.1:" + connectProxy(t, mailServer(t, root))
	base := []string{"check", "--roots", roots, "--cache-dir", filepath.Join(dir, "cache"), "--offline", "--starttls", "smtp"}
	for _, c := range []struct {
		args   []string
		status int
		text   string
	}{
		{[]string{"--proxy", proxy, "--cert", cert, "mx.test"}, command.Accept, "mx.test"},
		{[]string{"--proxy", proxy, "mx.test"}, command.Inconclusive, "requires a client certificate"},
		{[]string{"--proxy", proxy, "--cert", cert, "other.test"}, command.Inconclusive, "did not connect"},
		{[]string{"--proxy", "gopher://x", "mx.test"}, command.UsageError, "proxy scheme"},
		{[]string{"--key", cert, "mx.test"}, command.UsageError, "--key needs --cert"},
		{[]string{"--cert", roots, "mx.test"}, command.UsageError, "--cert"},
		{[]string{"--starttls", "gopher", "mx.test"}, command.UsageError, "must be one of"},
	} {
		status, out, errs := run("", append(base, c.args...)...)
		if status != c.status || !strings.Contains(out+errs, c.text) {
			t.Errorf("%q: status %d, want %d with %q\n%s%s", c.args, status, c.status, c.text, out, errs)
		}
	}
	t.Setenv("HTTPS_PROXY", proxy)
	if status, out, errs := run("", append(base, "--cert", cert, "mx.test")...); status != command.Accept {
		t.Errorf("with HTTPS_PROXY: status %d\n%s%s", status, out, errs)
	}
}

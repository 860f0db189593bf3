package tlsclient

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/peers"
)

// visit dials for a path.
func visit(t *testing.T, port, path string, edit func(*Config)) *evidence.Evidence {
	t.Helper()
	c := Config{Port: port, SNI: "dial.test", Path: path}
	if edit != nil {
		edit(&c)
	}
	ev := dial(t, c)
	if _, err := evidence.Encode(ev); err != nil {
		t.Error(err)
	}
	return ev
}

// Apache asks for a client certificate for one path: by renegotiation in TLS 1.2,
// after the handshake in TLS 1.3.
func TestApachePath(t *testing.T) {
	peers.Path(t, "apache2")
	k, port := ecKey(t), peers.FreePort(t)
	ca := forge.NewRoot("Clients", nil)
	own := ca.Server("client.test", nil, forge.EKU(forge.ClientAuth)).TLS()
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "ca.pem"), forge.PEM("CERTIFICATE", ca.Raw), 0o644))
	check(t, os.MkdirAll(filepath.Join(dir, "www", "admin"), 0o755))
	for _, page := range []string{"www/index.html", "www/admin/index.html"} {
		check(t, os.WriteFile(filepath.Join(dir, page), []byte("hello"), 0o644))
	}
	for d := dir; len(d) > len(os.TempDir()); d = filepath.Dir(d) {
		os.Chmod(d, 0o777)
	}
	conf := ""
	for _, m := range []string{"mpm_event", "authz_core", "dir", "ssl"} {
		conf += "LoadModule " + m + "_module /usr/lib/apache2/modules/mod_" + m + ".so\n"
	}
	conf += fmt.Sprintf(`ServerRoot %[1]s
ServerName dial.test
PidFile apache.pid
ErrorLog /dev/stderr
User nobody
Group nogroup
Mutex sem
Listen 127.0.0.1:%[2]s
DocumentRoot %[1]s/www
SSLEngine on
SSLCertificateFile %[3]s
SSLCertificateKeyFile %[4]s
SSLCACertificateFile %[1]s/ca.pem
<Location /admin>
SSLVerifyClient require
</Location>
`, dir, port, k.cert, k.key)
	file := filepath.Join(dir, "apache.conf")
	check(t, os.WriteFile(file, []byte(conf), 0o644))
	peers.Start(t, port, "apache2", "-X", "-f", file)
	old := func(c *Config) { c.MaxVersion = tls.VersionTLS12 }

	ev := visit(t, port, "/", old)
	wantChain(t, ev, k)
	if v := ev.Visit; ev.Failure != nil || v == nil || v.Status != "200 OK" || v.Renegotiated || ev.Connection.ClientCert != "" {
		t.Errorf("/: %+v %+v", v, ev.Failure)
	}

	ev = visit(t, port, "/admin/", old)
	wantFailure(t, ev, finding.ClientCertRequired)
	wantChain(t, ev, k)
	if v := ev.Visit; !v.Renegotiated || v.Status != "" || ev.Connection.ClientCert != "requested" || len(ev.Connection.ClientCAs) != 1 {
		t.Errorf("/admin: %+v, asked %q of %d", v, ev.Connection.ClientCert, len(ev.Connection.ClientCAs))
	}

	ev = visit(t, port, "/admin/", func(c *Config) { old(c); c.Certificate = &own })
	wantChain(t, ev, k)
	if v := ev.Visit; ev.Failure != nil || !v.Renegotiated || v.Status != "200 OK" || ev.Connection.ClientCert != "sent" {
		t.Errorf("/admin with a certificate: %+v %+v", v, ev.Failure)
	}

	ev = visit(t, port, "/admin/", nil)
	wantFailure(t, ev, finding.PostHandshakeAuth)
	wantChain(t, ev, k)
	if ev.Connection.Version != tls.VersionTLS13 || !strings.HasPrefix(ev.Visit.Status, "403 ") {
		t.Errorf("TLS 1.3: %+v %x", ev.Visit, ev.Connection.Version)
	}

	// Without a path nothing is requested and nothing renegotiated.
	if ev = visit(t, port, "", old); ev.Visit != nil || ev.Failure != nil {
		t.Errorf("no path: %+v %+v", ev.Visit, ev.Failure)
	}
}

// nginx completes every handshake and refuses the request.
func TestNginxPath(t *testing.T) {
	k, dir, port := ecKey(t), t.TempDir(), peers.FreePort(t)
	conf := filepath.Join(dir, "nginx.conf")
	check(t, os.WriteFile(conf, fmt.Appendf(nil, `
daemon off; master_process off; pid %[1]s/pid; error_log stderr;
events {}
http { access_log off; client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
 server { listen 127.0.0.1:%[2]s ssl; ssl_certificate %[3]s; ssl_certificate_key %[4]s; ssl_client_certificate %[3]s; ssl_verify_client on;
  location / { return 200 "ok"; } } }`, dir, port, k.cert, k.key), 0o600))
	peers.Start(t, port, "nginx", "-c", conf, "-p", dir)
	ev := visit(t, port, "/", nil)
	if v := ev.Visit; ev.Failure != nil || v == nil || v.Status != "400 Bad Request: No required SSL certificate was sent" || ev.Connection.ClientCert != "requested" {
		t.Errorf("%+v %+v", v, ev.Failure)
	}
}

// answering completes a handshake, reads the request and says what is given.
func answering(t *testing.T, requests chan<- string, reply string, end func(net.Conn)) string {
	cert := chainFor(t)
	return listen(t, func(c net.Conn) {
		s := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS10})
		if s.Handshake() != nil {
			return
		}
		b := make([]byte, 4096)
		n, _ := s.Read(b)
		select {
		case requests <- string(b[:n]):
		default:
		}
		s.Write([]byte(reply))
		if end != nil {
			end(c)
			return
		}
		s.Close()
	})
}

func TestPathReplies(t *testing.T) {
	for what, c := range map[string]struct {
		reply, status, detail string
		end                   func(net.Conn)
	}{
		"good":           {reply: "HTTP/1.1 204 No Content\r\n\r\n", status: "204 No Content"},
		"early hints":    {reply: "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 301 Moved\r\n\r\n", status: "301 Moved"},
		"closes":         {detail: "it closed the connection"},
		"resets":         {detail: "it reset the connection", end: reset},
		"no HTTP":        {reply: "220 mail.test ESMTP\r\n", detail: "what it sent is not HTTP: malformed HTTP status code \"mail.test\""},
		"silent":         {detail: "it did not answer within 1 s", end: func(net.Conn) { time.Sleep(1500 * time.Millisecond) }},
		"endless hints":  {reply: strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 9), detail: "what it sent is not HTTP: it sent provisional replies only"},
		"endless header": {reply: "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 2*replyMax), detail: "it closed the connection"},
	} {
		t.Run(what, func(t *testing.T) {
			requests := make(chan string, 1)
			port := answering(t, requests, c.reply, c.end)
			ev := visit(t, port, "/a?b=c", func(c *Config) { c.HandshakeTimeout = time.Second })
			request := <-requests
			if want := "GET /a?b=c HTTP/1.1\r\nHost: dial.test:" + port + "\r\n"; !strings.HasPrefix(request, want) {
				t.Errorf("%q", request)
			}
			if len(ev.Chain) == 0 || ev.Visit == nil || ev.Visit.Status != c.status {
				t.Fatalf("%+v %+v", ev.Visit, ev.Failure)
			}
			if c.status == "" {
				wantFailure(t, ev, finding.PathUnanswered)
				if got := ev.Failure.Params["detail"]; got != c.detail {
					t.Errorf("the detail is %q, want %q", got, c.detail)
				}
			} else if ev.Failure != nil {
				t.Errorf("%+v", ev.Failure)
			}
		})
	}
}

// A reply that the server gave before it required the certificate of the
// handshake's own request: the alert is what is told.
func TestPathWithCertificateRequired(t *testing.T) {
	cert := chainFor(t)
	port := serve(t, &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAnyClientCert, ClientCAs: x509.NewCertPool()})
	ev := visit(t, port, "/", nil)
	wantFailure(t, ev, finding.ClientCertRequired)
}

// The other connections of a dial request nothing.
func TestPathOnce(t *testing.T) {
	requests := make(chan string, 4)
	port := answering(t, requests, "HTTP/1.1 200 OK\r\n\r\n", nil)
	ev := visit(t, port, "/", func(c *Config) { c.KeyTypes, c.Legacy = KeysAll, true })
	if ev.Failure != nil || ev.Legacy == nil || ev.Legacy.Version == 0 {
		t.Fatalf("%+v", ev.Failure)
	}
	close(requests)
	var got []string
	for r := range requests {
		if r != "" {
			got = append(got, r)
		}
	}
	if len(got) != 1 {
		t.Errorf("%d requests: %q", len(got), got)
	}
	if !slices.Equal(ev.Connection.ALPNOffered, []string{"http/1.1"}) {
		t.Errorf("offered %v", ev.Connection.ALPNOffered)
	}
}

func TestCheckPath(t *testing.T) {
	for path, good := range map[string]bool{"/": true, "/admin?x=%20": true, "": false, "admin": false, "/a b": false, "/a\r\nX: y": false,
		"/ä": false, "/a#b": false, "http://x/": false, "/" + strings.Repeat("x", 1000): false} {
		if err := CheckPath(path); (err == nil) != good {
			t.Errorf("%q: %v", path, err)
		}
	}
}

// Nothing is requested of a server that would renegotiate unsafely.
func TestPathWithoutSecureRenegotiation(t *testing.T) {
	k, port := ecKey(t), peers.FreePort(t)
	peers.Start(t, port, "gnutls-serv", "--quiet", "--http", "-p", port, "--x509certfile", k.cert, "--x509keyfile", k.key,
		"--priority", "NORMAL:-VERS-TLS1.3:%DISABLE_SAFE_RENEGOTIATION")
	ev := visit(t, port, "/", nil)
	wantFailure(t, ev, finding.PathUnanswered)
	wantChain(t, ev, k)
	if ev.Failure.Params["detail"] != errUnsafeVisit.Error() || !ev.Connection.NoRenegotiationInfo {
		t.Errorf("%+v %+v", ev.Failure, ev.Connection)
	}
}

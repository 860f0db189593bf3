// Package dropin_test proves that other people's clients take assay's
// tls.Config or transport as it is: net/http to nginx, net/smtp to Exim, pgx to
// PostgreSQL, WebSockets, each to a good server and to one whose certificate is
// revoked.
package dropin_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/peers"
)

// world is a root, its CRL, and a good and a revoked server certificate, as
// files that every user may read.
type world struct {
	t    *testing.T
	dir  string
	root *forge.CA
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, dir: t.TempDir(), root: forge.NewRoot("Drop-in Root", nil)}
	for d := w.dir; len(d) > len(os.TempDir()); d = filepath.Dir(d) {
		os.Chmod(d, 0o777) // some servers give up root's rights before they read
	}
	var revoked []byte
	crl := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Write(w.root.CRL(forge.CRL{Entries: []forge.Entry{forge.Revoke(revoked, forge.KeyCompromise)}}))
	}))
	t.Cleanup(crl.Close)
	for _, name := range []string{"good", "revoked"} {
		key := forge.P256()
		leaf := w.root.Issue(forge.Cert{Key: key, Extensions: append(w.root.ServerExts(key, forge.DNS("localhost"), forge.IPRaw(net.IPv4(127, 0, 0, 1).To4())), forge.CRLDP(crl.URL+"/crl"))})
		revoked = leaf.Serial
		w.write(name+".pem", forge.PEM("CERTIFICATE", leaf.Raw))
		w.write(name+".key", key.PEM())
	}
	return w
}

func (w *world) write(name string, b []byte) string {
	w.t.Helper()
	p := filepath.Join(w.dir, name)
	if err := os.WriteFile(p, b, 0o644); err != nil {
		w.t.Fatal(err)
	}
	return p
}

func (w *world) verifier() *assay.Verifier {
	v, err := assay.New(assay.Internal([][]byte{w.root.Raw}))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { v.Close() })
	return v
}

// want compares the outcome for a server, "good" or "revoked".
func want(t *testing.T, server string, err error) {
	t.Helper()
	if server == "good" {
		if err != nil {
			t.Error(err)
		}
		return
	}
	var refused *assay.Error
	if !errors.Is(err, finding.CertRevoked) || !errors.Is(err, finding.ClassRevocation) || errors.Is(err, finding.ClassName) || !errors.As(err, &refused) || refused.Report == nil {
		t.Errorf("error %v, want the certificate revoked, with a report", err)
	}
}

func TestHTTPToNginx(t *testing.T) {
	peers.Path(t, "nginx")
	w := newWorld(t)
	for _, server := range []string{"good", "revoked"} {
		port := peers.FreePort(t)
		conf := w.write(server+".conf", []byte(`daemon off; master_process off; pid `+server+`.pid; error_log stderr warn;
events {}
http { access_log off; client_body_temp_path t; proxy_temp_path t; fastcgi_temp_path t; uwsgi_temp_path t; scgi_temp_path t;
  server { listen 127.0.0.1:`+port+` ssl http2; ssl_certificate `+server+`.pem; ssl_certificate_key `+server+`.key;
    location / { return 200 "hello"; } } }
`))
		peers.Start(w.t, port, "nginx", "-p", w.dir, "-c", conf, "-e", "stderr")
		v := w.verifier()
		conf2, err := v.ClientConfig(nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, rt := range map[string]http.RoundTripper{
			"assay's Transport": v.Transport(),
			"http.Transport":    &http.Transport{TLSClientConfig: conf2, ForceAttemptHTTP2: true},
		} {
			t.Run(server+" "+name, func(t *testing.T) {
				client := &http.Client{Transport: rt, Timeout: 10 * time.Second}
				defer client.CloseIdleConnections()
				resp, err := client.Get("https://localhost:" + port + "/")
				want(t, server, err)
				if err == nil {
					defer resp.Body.Close()
					if b, _ := io.ReadAll(resp.Body); string(b) != "hello" || resp.ProtoMajor != 2 {
						t.Errorf("%s %q", resp.Proto, b)
					}
				}
			})
		}
	}
}

func TestSMTPToExim(t *testing.T) {
	peers.Path(t, "exim4")
	w := newWorld(t)
	for _, server := range []string{"good", "revoked"} {
		t.Run(server, func(t *testing.T) {
			port := peers.FreePort(t)
			conf := w.write(server+".conf", []byte(strings.NewReplacer("$DIR", w.dir, "$PORT", port, "$SERVER", server).Replace(`spool_directory = $DIR
log_file_path = $DIR/log-%s
primary_hostname = mx.test
tls_advertise_hosts = *
tls_certificate = $DIR/$SERVER.pem
tls_privatekey = $DIR/$SERVER.key
local_interfaces = 127.0.0.1
daemon_smtp_ports = $PORT
exim_user = root
exim_group = root
never_users =
pid_file_path = $DIR/$SERVER.pid
`)))
			peers.Start(w.t, port, "exim4", "-C", conf, "-bdf", "-q1h")
			tlsConf, err := w.verifier().ClientConfig(&tls.Config{ServerName: "localhost"})
			if err != nil {
				t.Fatal(err)
			}
			c, err := smtp.Dial("127.0.0.1:" + port)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			err = c.StartTLS(tlsConf)
			want(t, server, err)
			if err == nil {
				if err := c.Noop(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestPGXToPostgreSQL(t *testing.T) {
	postgres := peers.Path(t, "postgres")
	who, err := user.Lookup("postgres")
	if err != nil || os.Getuid() != 0 {
		t.Skip("needs root and a user postgres")
	}
	w := newWorld(t)
	as := func(args ...string) []string {
		return append([]string{"--reuid", who.Uid, "--regid", who.Gid, "--clear-groups"}, args...)
	}
	data := filepath.Join(w.dir, "data")
	if out, err := exec.Command("setpriv", as(filepath.Join(filepath.Dir(postgres), "initdb"), "-D", data, "-A", "trust", "--no-sync")...).CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	for _, server := range []string{"good", "revoked"} {
		key := filepath.Join(data, server+".key")
		if err := exec.Command("install", "-o", who.Uid, "-g", who.Gid, "-m", "600", filepath.Join(w.dir, server+".key"), key).Run(); err != nil {
			t.Fatal(err)
		}
		t.Run(server, func(t *testing.T) {
			w := &world{t, w.dir, w.root} // servers end with the subtest: they share the data
			port := peers.FreePort(t)
			peers.Start(w.t, port, "setpriv", as(postgres, "-D", data, "-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off",
				"-c", "ssl=on", "-c", "ssl_cert_file="+filepath.Join(w.dir, server+".pem"), "-c", "ssl_key_file="+key)...)
			conf, err := pgx.ParseConfig("host=127.0.0.1 port=" + port + " user=postgres dbname=postgres sslmode=require")
			if err != nil {
				t.Fatal(err)
			}
			if conf.TLSConfig, err = w.verifier().ClientConfig(&tls.Config{ServerName: "127.0.0.1"}); err != nil {
				t.Fatal(err)
			}
			conf.Fallbacks = nil
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			// The server may listen before it is ready: it says so in plain text.
			var c *pgx.Conn
			for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
				if c, err = pgx.ConnectConfig(ctx, conf); err == nil || !strings.Contains(err.Error(), "starting up") || time.Now().After(end) {
					break
				}
			}
			want(t, server, err)
			if server == "good" { // a name that is not the server's: the standard library's own type comes through
				other := conf.Copy()
				if other.TLSConfig, err = w.verifier().ClientConfig(&tls.Config{ServerName: "elsewhere.test"}); err != nil {
					t.Fatal(err)
				}
				_, wrong := pgx.ConnectConfig(ctx, other)
				var host x509.HostnameError
				if !errors.As(wrong, &host) {
					t.Errorf("error %v, want crypto/x509's HostnameError", wrong)
				}
			}
			if server == "revoked" {
				fallback(t, ctx, w, port)
			}
			if c != nil {
				defer c.Close(ctx)
				var used bool
				if err := c.QueryRow(ctx, "select ssl from pg_stat_ssl where pid = pg_backend_pid()").Scan(&used); err != nil || !used {
					t.Errorf("TLS used: %v, error %v", used, err)
				}
			}
		})
	}
}

// fallback connects with sslmode=prefer, which is the default: as long as
// Fallbacks is not cleared pgx tries again in plain text after the refusal, as
// the guide says. If that ends, the guide should say so.
func fallback(t *testing.T, ctx context.Context, w *world, port string) {
	for _, mode := range []string{"", " sslmode=prefer", " sslmode=allow"} {
		conf, err := pgx.ParseConfig("host=127.0.0.1 port=" + port + " user=postgres dbname=postgres" + mode)
		if err != nil {
			t.Fatal(err)
		}
		if conf.TLSConfig, err = w.verifier().ClientConfig(&tls.Config{ServerName: "127.0.0.1"}); err != nil {
			t.Fatal(err)
		}
		if c, err := pgx.ConnectConfig(ctx, conf); err != nil {
			t.Errorf("mode %q with its fallbacks: %v", mode, err)
		} else {
			c.Close(ctx)
		}
		conf.Fallbacks = nil
		c, err := pgx.ConnectConfig(ctx, conf)
		want(t, "revoked", err)
		if c != nil {
			c.Close(ctx)
		}
	}
}

package cli

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/lab/peers"
	"github.com/assaytls/assay/report"
)

// Whatever is wrong with a connection, connect says the same as check, sends
// nothing, and prints nothing on standard output.
func TestConnectLabFaults(t *testing.T) {
	l := startLab(t)
	// What check learns after the handshake connect learns when it reads.
	instead := map[string]finding.ID{"client-certificate-required": "", "client-certificate-refused": ""}
	for _, s := range l.Scenarios {
		if s.Group != "connection" && s.Group != "wire" || s.DownloadTimeout > 0 || s.Local || s.Want == report.Accept || s.Name == "two-certificates-expired" {
			continue // connect is shown one certificate of two, and judges that
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			_, out, errs := run("", append(l.Assay(s), "--format", "json", "--cache-dir", t.TempDir())...)
			var want report.Report
			if err := json.Unmarshal([]byte(out), &want); err != nil {
				t.Fatalf("%v\n%s", err, errs)
			}
			id := want.Headline.Finding.ID
			if other, ok := instead[s.Name]; ok {
				id = other
			}
			args := append(l.Assay(s), "--cache-dir", t.TempDir())
			args[0] = "connect"
			status, out, errs := run("", args...)
			if id == "" { // TLS 1.3: the refusal comes when the server is read from
				id = want.Headline.Finding.ID
				if strings.Contains(errs, "REJECT") || strings.Contains(errs, "INCONCLUSIVE") {
					t.Errorf("refused before anything was read:\n%s", errs)
				}
			}
			statuses := map[report.Verdict]int{report.Reject: command.Reject, report.Inconclusive: command.Inconclusive}
			if status != statuses[want.Verdict] && s.Name != "proxy-private-pointers" || out != "" || !strings.Contains(errs, "["+string(id)+"]") {
				t.Errorf("status %d, output %q, want %s and %s\n%s", status, out, want.Verdict, id, errs)
			}
		})
	}
}

// On every server of the lab connect is as strict as check, or stricter: where
// check does not accept, nothing passes, and the exit status is the report's.
func TestConnectNoLaxer(t *testing.T) {
	l := startLab(t)
	stricter := []string{"missing-intermediate", "equivalent-names", "critical-directory-names", "critical-must-staple", "ml-dsa-ca",
		"crl-signer-fetched",              // handshakes fetch no certificates
		"good-short-lived", "no-pointers"} // connect denies what nobody can answer for
	for _, s := range l.Scenarios {
		if s.Group == "connection" || s.Group == "wire" || s.DownloadTimeout > 0 || s.Timeout > 0 || s.Local || s.Name == "two-certificates-revoked" {
			continue // as above
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			args := append(l.Assay(s), "--cache-dir", t.TempDir(), "--on-eof", "close")
			args[0] = "connect"
			status, out, errs := run("", args...)
			switch {
			case status == command.UsageError && (strings.Contains(errs, "unknown flag") || strings.Contains(errs, "are for assay check")):
				return // a flag that connect does not have
			case status == command.UsageError && s.Group == "programs" && strings.Contains(errs, "no certificate of a root of"):
				return // handshakes are begun with roots that are at hand, and none is
			case out != "":
				t.Errorf("output %q", out)
			case status == command.Accept:
				if s.Want != report.Accept || strings.Contains(errs, "REJECT") || strings.Contains(errs, "INCONCLUSIVE") {
					t.Errorf("connected, and check says %s\n%s", s.Want, errs)
				}
			case status == command.Reject && strings.HasPrefix(errs, "REJECT  "), status == command.Inconclusive && strings.HasPrefix(errs, "INCONCLUSIVE  "):
				if s.Want == report.Accept && !slices.Contains(stricter, s.Name) {
					t.Errorf("refused, and check accepts\n%s", errs)
				}
				if s.Want == report.Reject && status != command.Reject {
					t.Errorf("status %d, and check rejects\n%s", status, errs)
				}
			default:
				t.Errorf("status %d\n%s", status, errs)
			}
		})
	}
}

// A server that says nothing, or an octet now and then, is given up within the
// handshake's limit, whatever the limit of the run.
func TestConnectSilence(t *testing.T) {
	if os.Getenv("ASSAY_FULL") != "1" {
		t.Skip("it takes the ten seconds of the limit; ASSAY_FULL=1 runs it")
	}
	for name, server := range map[string]func(net.Conn){
		"never answers": func(c net.Conn) { io.Copy(io.Discard, c) },
		"one byte a second": func(c net.Conn) {
			for _, b := range []byte("\x16\x03\x03\x40\x00" + strings.Repeat("\x00", 100)) {
				if _, err := c.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			status, out, errs := s.connect(t, "secret", listenPlain(t, server), "--timeout", "5m")
			if status != command.Inconclusive || out != "" || !strings.Contains(errs, "[handshake-timeout]") || !strings.Contains(errs, "10 s") {
				t.Errorf("status %d, output %q\n%s", status, out, errs)
			}
		})
	}
}

// Names with many dead addresses: the one that lives is found.
func TestConnectDeadAddresses(t *testing.T) {
	s := newSite(t)
	port, _ := s.echo(t)
	var addrs []string
	for i := range 40 {
		addrs = append(addrs, fmt.Sprintf("127.0.9.%d", i+1))
	}
	flags := []string{"--roots", s.root, "--offline", "--cache-dir", t.TempDir(), "--timeout", "60s"}
	args := append([]string{"connect", "localhost:" + port, "--resolve", "localhost:" + port + ":" + strings.Join(append(addrs, "127.0.0.1"), ",")}, flags...)
	if status, out, errs := run("hello", args...); status != 0 || out != "hello" || errs != "" {
		t.Errorf("status %d, output %q\n%s", status, out, errs)
	}
	args[3] = "localhost:" + port + ":" + strings.Join(addrs, ",")
	if status, out, errs := run("hello", append(args, "-v")...); status != command.Inconclusive || out != "" || !strings.Contains(errs, "[connection-refused]") || strings.Count(errs, " tried ") < 40 {
		t.Errorf("all dead: status %d, output %q\n%s", status, out, errs)
	}
}

// A server that takes no more before all of the input was sent: exit status 3,
// whatever it said before.
func TestConnectInputRefused(t *testing.T) {
	s := newSite(t)
	input := strings.Repeat("0123456789abcdef", 1<<20) // more than any buffer between
	for name, version := range tlsVersions {
		for _, ends := range []string{"says close_notify", "hangs up too"} {
			t.Run("TLS "+name+" "+ends, func(t *testing.T) {
				release := make(chan struct{})
				port := s.serve(t, version, func(c *tls.Conn) {
					io.ReadFull(c, make([]byte, 1<<16))
					io.WriteString(c, "enough")
					c.CloseWrite()
					if ends == "hangs up too" {
						c.NetConn().Close()
					} else if version == tls.VersionTLS12 {
						<-release
					} else {
						time.AfterFunc(100*time.Millisecond, func() { c.NetConn().Close() })
						<-release
					}
				})
				status, out, errs := s.connect(t, input, port, "--timeout", "60s")
				close(release)
				// The server's end may be overtaken by the reset.
				if status != command.Inconclusive || out != "enough" && out != "" || !strings.Contains(errs, "while sending data") || strings.Contains(errs, "--no-servername") {
					t.Errorf("status %d, output %q\n%s", status, out, errs)
				}
			})
		}
	}
	// TLS 1.3: a server with nothing more to say may go on listening.
	got := make(chan int64, 1)
	port := s.serve(t, tls.VersionTLS13, func(c *tls.Conn) {
		io.ReadFull(c, make([]byte, 1<<10)) // the input is under way
		io.WriteString(c, "go on")
		c.CloseWrite()
		c.NetConn().(*net.TCPConn).CloseWrite()
		time.Sleep(200 * time.Millisecond)
		n, err := io.Copy(io.Discard, c)
		if err != nil {
			t.Errorf("the server saw %v", err)
		}
		got <- n
	})
	if status, out, errs := s.connect(t, input, port, "--timeout", "60s"); status != 0 || out != "go on" || errs != "" {
		t.Errorf("half-closed: status %d, output %q\n%s", status, out, errs)
	}
	if n := <-got; n != int64(len(input)-1<<10) {
		t.Errorf("half-closed: %d of %d bytes arrived", n, len(input))
	}
}

// A record whose rest never comes, for the connection is reset in its middle.
func TestConnectResetInRecord(t *testing.T) {
	s := newSite(t)
	for name, version := range tlsVersions {
		port := s.serve(t, version, func(c *tls.Conn) {
			io.WriteString(c, "so far")
			c.NetConn().Write([]byte{23, 3, 3, 0x10, 0, 1, 2, 3})
			io.ReadFull(c, make([]byte, 1)) // the client has read
			c.NetConn().(*net.TCPConn).SetLinger(0)
			c.NetConn().Close()
		})
		r, w := io.Pipe()
		out, status, errs := "", 0, &peers.Output{}
		go func() {
			status = Main(s.connectArgs(t, port), r, writeTo(func(b []byte) {
				if out += string(b); out == "so far" {
					w.Write([]byte("x"))
				}
			}), errs)
			r.Close()
			w.CloseWithError(io.ErrClosedPipe)
		}()
		for {
			if _, err := w.Write(nil); err != nil {
				break
			}
		}
		if status != command.Inconclusive || out != "so far" || !strings.Contains(errs.String(), "[connection-reset]") {
			t.Errorf("TLS %s: status %d, output %q\n%s", name, status, out, errs)
		}
	}
}

// A record that does not decrypt: what came before it is passed on, and no more.
func TestConnectDamaged(t *testing.T) {
	s := newSite(t)
	for name, version := range tlsVersions {
		port := s.serve(t, version, func(c *tls.Conn) {
			io.WriteString(c, "so far")
			c.NetConn().Write(append([]byte{23, 3, 3, 0, 64}, make([]byte, 64)...))
			io.Copy(io.Discard, c.NetConn())
		})
		if status, out, errs := s.connect(t, "", port, "--on-eof", "wait"); status != command.Inconclusive || out != "so far" || !strings.Contains(errs, "[data-damaged]") {
			t.Errorf("TLS %s: status %d, output %q\n%s", name, status, out, errs)
		}
	}
}

type writeTo func([]byte)

func (f writeTo) Write(b []byte) (int, error) { f(b); return len(b), nil }

// A fatal alert after the handshake has a name and a meaning in the report.
func TestConnectAlert(t *testing.T) {
	s := newSite(t)
	// Whom TLS 1.3 refuses learns it on reading: the certificate is not wanted.
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{s.cert}, ClientAuth: tls.RequireAnyClientCert,
		VerifyConnection: func(tls.ConnectionState) error { return fmt.Errorf("no") }})
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
			go func() { defer c.Close(); c.(*tls.Conn).Handshake() }()
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	status, out, errs := s.connect(t, "", port, "--on-eof", "wait", "--cert", s.pem, "--key", s.key)
	if status != command.Inconclusive || out != "" || !strings.Contains(errs, "[client-certificate-refused]") || !strings.Contains(errs, "bad_certificate") {
		t.Errorf("status %d, output %q\n%s", status, out, errs)
	}
}

// openssl s_server asks for another handshake in the middle of TLS 1.2.
func TestConnectRenegotiation(t *testing.T) {
	s := newSite(t)
	port := peers.FreePort(t)
	cmd := exec.Command(peers.Path(t, "openssl"), "s_server", "-accept", "127.0.0.1:"+port, "-tls1_2", "-cert", s.pem, "-key", s.key)
	peers.Tie(cmd)
	keys, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	said, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	lines := bufio.NewScanner(said)
	for lines.Scan() && lines.Text() != "ACCEPT" {
	}
	p := assayProcess(t, s.connectArgs(t, port)...)
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	p.start(t)
	io.WriteString(stdin, "hello\n")
	for lines.Scan() && lines.Text() != "hello" {
	}
	go io.Copy(io.Discard, said)
	io.WriteString(keys, "r\n")
	if status := p.status(t); status != command.Inconclusive || !strings.Contains(p.errs.String(), "[renegotiation-demanded]") {
		t.Errorf("status %d, output %q\n%s", status, p.out, p.errs)
	}
}

// Real servers that are killed in the middle of an answer: what came may be
// cut short, and connect says so.
func TestConnectKilledPeers(t *testing.T) {
	s := newSite(t)
	dir := t.TempDir()
	os.Chmod(dir, 0o755)
	os.WriteFile(filepath.Join(dir, "page"), make([]byte, 64<<20), 0o644) // more than is read before the end
	conf := filepath.Join(dir, "nginx.conf")
	for name := range tlsVersions {
		for program, args := range map[string]string{
			"openssl":     "s_server -accept 127.0.0.1:PORT -quiet -cert CERT -key KEY",
			"gnutls-serv": "--echo --quiet --port PORT --x509certfile CERT --x509keyfile KEY",
			"nginx":       "-e stderr -c CONF",
		} {
			t.Run(program+" TLS "+name, func(t *testing.T) {
				port := peers.FreePort(t)
				os.WriteFile(conf, fmt.Appendf(nil, `daemon off; master_process off; pid %s/pid; error_log stderr; events {}
http { access_log off; client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
server { listen 127.0.0.1:%[2]s ssl; ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate %[3]s; ssl_certificate_key %[4]s; root %[5]s; limit_rate 64k; } }`,
					t.TempDir(), port, s.pem, s.key, dir), 0o600)
				line := strings.NewReplacer("PORT", port, "CERT", s.pem, "KEY", s.key, "CONF", conf).Replace(args)
				server := peers.Start(t, port, program, strings.Fields(line)...)
				p := assayProcess(t, append(s.connectArgs(t, port), "--tls-max", name)...)
				stdin, err := p.cmd.StdinPipe()
				if err != nil {
					t.Fatal(err)
				}
				defer stdin.Close()
				p.start(t)
				switch program {
				case "nginx":
					io.WriteString(stdin, "GET /page HTTP/1.0\r\n\r\n")
					p.says(t, "\r\n\r\n")
				case "gnutls-serv":
					io.WriteString(stdin, "hello\n")
					p.says(t, "hello\n")
				default: // it has taken what it does not show
					io.WriteString(stdin, "hello\n")
					server.Shows(t, "hello\n")
				}
				server.Kill()
				if status := p.status(t); status != command.Inconclusive || !strings.Contains(p.errs.String(), "[truncated]") {
					t.Errorf("status %d\n%s", status, p.errs)
				}
			})
		}
	}
}

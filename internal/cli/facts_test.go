package cli

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

// The wire facts and times of a connection are in the report, as text too.
func TestWireFacts(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", 500) }))
	defer web.Close()
	s := newSite(t, forge.CRLDP(web.URL+"/list.crl"))
	port := listenAt(t, "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{s.cert}, ClientAuth: tls.RequestClientCert,
		NextProtos: []string{"h2"}})
	at := []string{"--resolve", "localhost:" + port + ":127.0.0.1", "--offline=false", "--unknown", "warn"}
	status, rs := s.checkJSON(t, port, at...)
	if status != 0 {
		t.Fatalf("status %d", status)
	}
	r := rs[0]
	c := r.Connection
	if c.Addr != "127.0.0.1:"+port || c.Version != "TLS 1.3" || c.Group != "X25519MLKEM768" || c.Suite == "" || c.Signature != "ecdsa_secp256r1_sha256" ||
		c.ALPN != "h2" || c.ServerName != "localhost" || c.BytesIn == 0 || c.BytesOut == 0 || c.ClientCert != "requested" || len(c.ClientSchemes) == 0 ||
		len(c.Attempts) != 1 || c.Attempts[0].MS <= 0 {
		t.Errorf("connection %+v", c)
	}
	if m := r.Timing; m == nil || m.Connect <= 0 || m.TLS <= 0 || m.Judge <= 0 || m.Total < m.Connect+m.TLS {
		t.Errorf("timing %+v", m)
	}
	if len(r.Fetches) != 1 || r.Fetches[0].MS <= 0 || r.Fetches[0].Outcome != "failed" || r.Fetches[0].Kind != "crl" {
		t.Errorf("fetches %+v", r.Fetches)
	}
	wants := []string{"X25519MLKEM768", `bytes +\d+ in, \d+ out`, `tried +127\.0\.0\.1:\d+ connected, [\d.]+ ms`, `timing +DNS [\d.]+ ms, connect [\d.]+ ms, TLS [\d.]+ ms, judging [\d.]+ ms, total [\d.]+ ms`,
		`failed +crl http://.*, [\d.]+ ms`, `client +certificate requested`, `schemes +`}
	args := append([]string{"localhost:" + port, "--roots", s.root, "--cache-dir", t.TempDir(), "-v"}, at...)
	_, out, _ := run("", append([]string{"check"}, args...)...)
	status, _, errs := run("", append([]string{"connect", "--on-eof", "close", "--alpn", "h2"}, args...)...)
	if status != 0 {
		t.Errorf("connect: status %d\n%s", status, errs)
	}
	wants = append(wants, `done +name: localhost`)
	for _, want := range wants {
		for command, text := range map[string]string{"check": out, "connect": errs} {
			// Lines are wrapped: what belongs together is looked for in one.
			if !regexp.MustCompile(want).MatchString(strings.Join(strings.Fields(text), " ")) {
				t.Errorf("%s: no match for %s in\n%s", command, want, text)
			}
		}
	}
}

// An alert has its name and what it means in the report.
func TestAlertMeaning(t *testing.T) {
	l := startLab(t)
	for name, wants := range map[string][]string{
		"internal-error-alert": {"internal_error", "the server failed, often because it has no certificate for the name", "alert internal_error"},
		"alpn":                 {"alert no_application_protocol", "--alpn ''"},
	} {
		s, _ := l.Scenario(name)
		_, out, _ := run("", append(l.Assay(s), "--cache-dir", t.TempDir())...)
		for _, want := range wants {
			if !strings.Contains(strings.Join(strings.Fields(out), " "), want) {
				t.Errorf("%s: %q is missing in\n%s", name, want, out)
			}
		}
	}
}

// The secrets of check's and connect's handshakes go where SSLKEYLOGFILE says,
// with a warning, into a file for its owner only.
func TestKeyLogFile(t *testing.T) {
	s := newSite(t)
	for _, version := range []string{"1.2", "1.3"} {
		port, _ := s.echo(t)
		file := filepath.Join(t.TempDir(), "keys")
		t.Setenv("SSLKEYLOGFILE", file)
		label := map[string]string{"1.2": "CLIENT_RANDOM ", "1.3": "CLIENT_TRAFFIC_SECRET_0 "}[version]
		for i, command := range []string{"check", "connect"} {
			args := s.connectArgs(t, port)
			args[0] = command
			status, _, errs := run("", append(args, "--tls-max", version)...)
			if status != 0 || strings.Count(errs, "SSLKEYLOGFILE") != 1 || !strings.Contains(errs, file) {
				t.Errorf("%s: status %d\n%s", command, status, errs)
			}
			b, _ := os.ReadFile(file)
			if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 || strings.Count(string(b), label) != i+1 {
				t.Errorf("%s TLS %s: %v, %v\n%s", command, version, st, err, b)
			}
		}
	}
	t.Setenv("SSLKEYLOGFILE", t.TempDir()+"/no/such/place")
	if status, out, errs := s.connect(t, "secret", "1"); status != command.UsageError || out != "" || !strings.Contains(errs, "SSLKEYLOGFILE") {
		t.Errorf("status %d\n%s", status, errs)
	}
}

// Of many addresses sixteen are checked, not more than four at a time; a list
// is fetched once for all that present the same chain; the rest is named.
func TestAllAddressesBounds(t *testing.T) {
	var lists atomic.Int32
	var list []byte
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { lists.Add(1); w.Write(list) }))
	defer web.Close()
	s := newSite(t, forge.CRLDP(web.URL+"/list.crl"))
	list = s.ca.CRL(forge.CRL{})

	var mu sync.Mutex
	var now, most, all int
	serve := func(addr string) (port string) {
		l, err := net.Listen("tcp", addr)
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
				mu.Lock()
				now, all = now+1, all+1
				most = max(most, now)
				mu.Unlock()
				go func() {
					defer c.Close()
					c.SetDeadline(time.Now().Add(patience))
					time.Sleep(50 * time.Millisecond) // long enough for more to come if more may
					tc := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{s.cert}})
					tc.Handshake()
					mu.Lock()
					now--
					mu.Unlock()
					tc.Read(make([]byte, 1))
					tc.Close()
				}()
			}
		}()
		_, port, _ = net.SplitHostPort(l.Addr().String())
		return port
	}
	port := serve("127.0.0.1:0")
	addrs := []string{"127.0.0.1"}
	for i := range 19 {
		addr := fmt.Sprintf("127.0.8.%d", i+1)
		serve(addr + ":" + port)
		addrs = append(addrs, addr)
	}
	resolve := "localhost:" + port + ":" + strings.Join(addrs, ",")
	status, rs := s.checkJSON(t, port, "--all-addresses", "--resolve", resolve, "--offline=false")
	mu.Lock()
	connections, atATime := all, most
	mu.Unlock()
	// Each address is also asked for a certificate with a key of the other type, and
	// the server may see that connection before it sees the end of the first.
	if status != 0 || len(rs) != 16 || connections != 32 || atATime > 8 || atATime < 2 {
		t.Errorf("status %d, %d reports of %d connections, %d at a time", status, len(rs), connections, atATime)
	}
	if n := lists.Load(); n != 1 {
		t.Errorf("the list was fetched %d times", n)
	}
	for _, r := range rs {
		if r.Verdict != report.Accept || r.Target.Host != "localhost" || r.Connection.ServerName != "localhost" {
			t.Errorf("%s: %s, %+v", r.Target.Addr, r.Verdict, r.Connection)
		}
	}
	notTried := 0
	for _, a := range rs[15].Connection.Attempts {
		if a.Outcome == "not-tried" {
			notTried++
		}
	}
	if notTried != 4 {
		t.Errorf("attempts of the last: %+v", rs[15].Connection.Attempts)
	}
	_, out, _ := run("", "check", "--all-addresses", "-v", "localhost:"+port, "--resolve", resolve, "--roots", s.root, "--offline", "--cache-dir", t.TempDir(), "--unknown", "allow")
	if strings.Count(out, "not-tried") != 4 {
		t.Errorf("the addresses left out are not named:\n%s", out)
	}
	// One family, and one of which there is nothing.
	status, rs = s.checkJSON(t, port, "--all-addresses", "--resolve", "localhost:"+port+":127.0.0.1,::1", "-4", "--offline=false")
	if status != 0 || len(rs) != 1 {
		t.Errorf("-4: status %d, %d reports", status, len(rs))
	}
	status, rs = s.checkJSON(t, port, "--all-addresses", "--resolve", "localhost:"+port+":127.0.0.1", "-6")
	if status != command.Inconclusive || len(rs) != 1 || rs[0].Headline.Finding.ID != "dns-no-address" {
		t.Errorf("-6: status %d, %+v", status, rs)
	}
}

// Waived findings are shown, with the flag that waived them, and nothing else
// is waived.
func TestConnectAllowShown(t *testing.T) {
	l := startLab(t)
	s, _ := l.Scenario("must-staple-missing")
	args := append(l.Assay(s), "--cache-dir", t.TempDir(), "--on-eof", "close", "--allow", "must-staple-missing")
	args[0] = "connect"
	status, out, errs := run("", args...)
	if status != 0 || out != "" || strings.Count(errs, "assay: warning: allowed: ") != 1 || !strings.Contains(errs, "[must-staple-missing]") {
		t.Errorf("status %d\n%s", status, errs)
	}
	if _, _, errs = run("", append(args, "-v")...); !strings.Contains(errs, "because    allow") || !strings.Contains(errs, "warning  ") {
		t.Errorf("-v: %s", errs)
	}
	for id, says := range map[string]string{
		"cert-revoked": "revocations and the defects of revocation data always count", "root-untrusted": "nobody knows who the peer is", "name-mismatch": "nobody knows who the peer is",
		"signature-invalid": "nobody knows who the peer is", "budget-needs": "limits protect against hostile peers", "session-resumed": "refuses nothing",
		"nonsense": "there is no finding", "connection-reset": "no connection",
	} {
		status, _, errs := run("", append(args, "--allow", id)...)
		if status != command.UsageError || !strings.Contains(errs, "assay: error: --allow: ") || !strings.Contains(errs, says) || !strings.Contains(errs, "assay: hint: assay explain") {
			t.Errorf("%s: status %d\n%s", id, status, errs)
		}
	}
	// What crypto/tls refuses no flag can waive: the report is check's.
	for name, id := range map[string]string{"expired": "cert-expired", "untrusted-root": "root-untrusted", "wrong-host": "name-mismatch"} {
		s, ok := l.Scenario(name)
		if !ok {
			continue
		}
		args := append(l.Assay(s), "-v", "--cache-dir", t.TempDir(), "--allow", "must-staple-missing")
		args[0] = "connect"
		status, out, errs := run("secret", args...)
		for _, part := range []string{"REJECT  ", "[" + id + "]", "meaning", "risk", "what to do", "CONNECTION", "PATH", "CHECKED"} {
			if !strings.Contains(errs, part) {
				t.Errorf("%s: %q is missing", name, part)
			}
		}
		if status != command.Reject || out != "" {
			t.Errorf("%s: status %d\n%s", name, status, errs)
		}
	}
}

// The help names what answers 502 to a half-close, and what the words do.
func TestConnectHelp(t *testing.T) {
	_, out, _ := run("", "connect", "--help")
	text := strings.Join(strings.Fields(out), " ")
	for _, want := range []string{"httputil.ReverseProxy", "nginx", "502", "half-close, wait or close (default half-close)", "implies --on-eof wait", "close_notify", "Exit status"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in the help", want)
		}
	}
	if strings.Contains(text, "h2,http/1.1") {
		t.Error("connect offers no ALPN, and the help says that it does")
	}
}

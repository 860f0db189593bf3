package cli

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/peers"
	"github.com/assaytls/assay/report"
)

// checkJSON runs assay check against localhost and decodes its reports.
func (s *site) checkJSON(t *testing.T, port string, flags ...string) (status int, rs []report.Report) {
	t.Helper()
	args := append([]string{"check", "localhost:" + port, "--roots", s.root, "--offline", "--cache-dir", t.TempDir(), "--format", "json"}, flags...)
	status, out, errs := run("", args...)
	if status == command.UsageError {
		t.Fatalf("%s", errs)
	}
	d := json.NewDecoder(strings.NewReader(out))
	for {
		var r report.Report
		if err := d.Decode(&r); errors.Is(err, io.EOF) {
			return status, rs
		} else if err != nil {
			t.Fatalf("%v in %s", err, out)
		}
		rs = append(rs, r)
	}
}

// listenAt serves TLS on addr until the test ends.
func listenAt(t *testing.T, addr string, conf *tls.Config) (port string) {
	t.Helper()
	l, err := tls.Listen("tcp", addr, conf)
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
			go func() { defer c.Close(); io.Copy(io.Discard, c) }()
		}
	}()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

// Each address is judged for the same name, and another certificate is told.
func TestAllAddresses(t *testing.T) {
	s := newSite(t)
	port := listenAt(t, "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{s.cert}})
	listenAt(t, "127.0.0.2:"+port, &tls.Config{Certificates: []tls.Certificate{s.cert}})
	other := newSite(t) // another root: not trusted
	listenAt(t, "127.0.0.3:"+port, &tls.Config{Certificates: []tls.Certificate{other.cert}})
	resolve := "localhost:" + port + ":127.0.0.1,127.0.0.2,127.0.0.3,127.0.0.4"
	status, rs := s.checkJSON(t, port, "--all-addresses", "--resolve", resolve)
	if status != command.Reject || len(rs) != 4 {
		t.Fatalf("status %d, %d reports", status, len(rs))
	}
	for i, want := range []report.Verdict{report.Accept, report.Accept, report.Reject, report.Inconclusive} {
		if rs[i].Verdict != want || rs[i].Target.Addr != "127.0.0."+string(rune('1'+i))+":"+port {
			t.Errorf("%s: %s, want %s", rs[i].Target.Addr, rs[i].Verdict, want)
		}
	}
	found := allFindings(&rs[2])
	if !strings.Contains(strings.Join(ids(found), " "), "addresses-differ") || strings.Contains(strings.Join(ids(allFindings(&rs[1])), " "), "addresses-differ") {
		t.Errorf("findings %v", found)
	}
	_, out, _ := run("", "check", "-q", "--all-addresses", "localhost:"+port, "--resolve", resolve, "--roots", s.root, "--offline", "--cache-dir", t.TempDir())
	if strings.Count(out, "\n") != 4 || !strings.Contains(out, "at 127.0.0.3:"+port) {
		t.Errorf("%s", out)
	}
}

func ids[T ~string](fs []T) (out []string) {
	for _, f := range fs {
		out = append(out, string(f))
	}
	return out
}

// A revocation list is fetched once for all addresses with the same chain.
func TestAllAddressesFetchOnce(t *testing.T) {
	l := startLab(t)
	s, _ := l.Scenario("good")
	args := append(l.Assay(s), "--all-addresses", "--format", "json", "--cache-dir", t.TempDir())
	for i, a := range args {
		if a == "--resolve" {
			args[i+1] += ",127.0.0.1" // the same address is asked once
		}
	}
	status, out, errs := run("", args...)
	if status != 0 || strings.Count(out, `"verdict": "accept"`) != 1 {
		t.Errorf("status %d\n%s%s", status, out, errs)
	}
}

func TestResume(t *testing.T) {
	s := newSite(t)
	for name, c := range map[string]struct {
		conf *tls.Config
		want string
	}{
		"resumes 1.2": {&tls.Config{MaxVersion: tls.VersionTLS12}, "session-resumed"},
		"resumes 1.3": {&tls.Config{}, "session-resumed"},
		"does not":    {&tls.Config{SessionTicketsDisabled: true}, "session-not-resumed"},
	} {
		c.conf.Certificates = []tls.Certificate{s.cert}
		port := listenAt(t, "127.0.0.1:0", c.conf)
		status, rs := s.checkJSON(t, port, "--resume", "--resolve", "localhost:"+port+":127.0.0.1")
		if status != 0 || len(rs) != 1 || !strings.Contains(strings.Join(ids(allFindings(&rs[0])), " "), c.want) {
			t.Errorf("%s: status %d, %v", name, status, allFindings(&rs[0]))
		}
	}
}

// Groups and suites are sets, and what would mislead is refused.
func TestParameters(t *testing.T) {
	s := newSite(t)
	port := listenAt(t, "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{s.cert}})
	at := []string{"--resolve", "localhost:" + port + ":127.0.0.1"}
	if _, rs := s.checkJSON(t, port, append(at, "--groups", "secp384r1")...); rs[0].Connection.Group != "P-384" {
		t.Errorf("group %s", rs[0].Connection.Group)
	}
	suite := "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"
	if _, rs := s.checkJSON(t, port, append(at, "--tls-max", "1.2", "--ciphers", suite)...); rs[0].Connection.Suite != suite {
		t.Errorf("suite %s", rs[0].Connection.Suite)
	}
	for _, args := range [][]string{
		{"--groups", "P-224"}, {"--groups", "X25519MLKEM768", "--tls-max", "1.2"}, {"--ciphers", suite}, {"--ciphers", "TLS_AES_128_GCM_SHA256", "--tls-max", "1.2"}, {"--ciphers", "ECDHE", "--tls-max", "1.2"},
		{"--ciphers", "TLS_RSA_WITH_RC4_128_SHA", "--tls-max", "1.2"}, {"--all-addresses", "--resume"}, {"--all-addresses", "--save-evidence", "x"},
		{"--key", "x"}, {"--pass-file", "x"},
	} {
		if status, _, errs := run("", append([]string{"check", "localhost:" + port}, args...)...); status != command.UsageError {
			t.Errorf("%v: status %d\n%s", args, status, errs)
		}
	}
}

// Client certificates in every form that openssl writes them, and what a
// server that asks for one accepts.
func TestClientCertificates(t *testing.T) {
	s := newSite(t)
	dir := newClientFiles(t)
	pool := x509.NewCertPool()
	if ca, err := os.ReadFile(filepath.Join(dir, "ca")); err != nil || !pool.AppendCertsFromPEM(ca) {
		t.Fatal("no root for clients", err)
	}
	var shown atomic.Int32
	port := listenAt(t, "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{s.cert}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool,
		VerifyConnection: func(cs tls.ConnectionState) error { shown.Add(int32(len(cs.PeerCertificates))); return nil }})
	at := []string{"--resolve", "localhost:" + port + ":127.0.0.1"}
	for _, args := range []string{
		"--cert cert --key key", "--cert both", "--cert cert --key pkcs8 --pass-file pass", "--cert cert --key pkcs8b --pass-file pass",
		"--cert p12 --pass-file pass", "--cert p12empty",
	} {
		shown.Store(0)
		status, rs := s.checkJSON(t, port, append(at, inDir(dir, args)...)...)
		if status != 0 || shown.Load() == 0 || rs[0].Connection.ClientCert != "sent" {
			t.Errorf("%s: status %d, %v", args, status, allFindings(&rs[0]))
		}
	}
	for args, says := range map[string]string{
		"--cert cert --key pkcs8 --pass-file wrong": "pkcs8: the password is wrong", "--cert p12 --pass-file wrong": "p12: the password is wrong",
		"--cert cert --key old --pass-file pass": "openssl pkcs8 -topk8", "--cert p12 --key key": "leave out --key",
		"--cert cert": "cert: it holds no private key", "--cert cert --key cert": "cert: it holds no private key", "--cert key --key cert": "no certificate",
		"--cert key": "no certificate", "--cert ca --key key": "is not that of the first certificate in the file", "--cert pass": "neither PEM nor PKCS#12",
		"--cert absent": "--cert: ", "--cert cert --key absent": "--key: ", "--cert cert --key pkcs8 --pass-file absent": "--pass-file: ", "--cert cert --key both --pass-file absent": "",
	} {
		status, _, errs := run("", append([]string{"check", "--roots", s.root, "--offline", "localhost:" + port}, inDir(dir, args)...)...)
		if (status == command.UsageError) != (says != "") || strings.Contains(errs, "sesame") || !strings.Contains(errs, says) {
			t.Errorf("%s: status %d\n%s", args, status, errs)
		}
	}
	// The issuer first and the certificate after it is a common slip.
	var turned []byte
	for _, name := range []string{"ca", "cert"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		turned = append(turned, b...)
	}
	if err := os.WriteFile(filepath.Join(dir, "turned"), turned, 0o600); err != nil {
		t.Fatal(err)
	}
	if status, _, errs := run("", append([]string{"check", "localhost:" + port}, inDir(dir, "--cert turned --key key")...)...); status != command.UsageError ||
		!strings.Contains(errs, "first certificate in the file (CN=Clients") || !strings.Contains(errs, "certificate 2 in the file belongs to the key") {
		t.Errorf("status %d\n%s", status, errs)
	}
	_, out, _ := run("", append([]string{"check", "-v", "localhost:" + port, "--roots", s.root, "--offline", "--cache-dir", t.TempDir()}, at...)...)
	if !strings.Contains(out, `issuers    CN=Clients \u{1b} Root`) && !strings.Contains(out, `Clients `) || !strings.Contains(out, "schemes") || strings.Contains(out, "\x1b") {
		t.Errorf("what the server accepts is not shown:\n%s", out)
	}
}

// inDir splits args and puts names of files below dir.
func inDir(dir, args string) []string {
	out := strings.Fields(args)
	for i, a := range out {
		if !strings.HasPrefix(a, "--") {
			out[i] = filepath.Join(dir, a)
		}
	}
	return out
}

// newClientFiles makes a client's certificate and key in the forms that openssl
// writes them; the password is sesame.
func newClientFiles(t testing.TB) (dir string) {
	t.Helper()
	root := forge.NewRoot("Clients \x1b Root", nil)
	key := forge.P256()
	leaf := root.Issue(forge.Cert{Key: key, Subject: forge.CN("me"), Extensions: []forge.Ext{forge.BasicConstraints(false, -1), forge.EKU(forge.ClientAuth)}})
	dir = t.TempDir()
	for name, b := range map[string][]byte{
		"ca": forge.PEM("CERTIFICATE", root.Raw), "cert": forge.PEM("CERTIFICATE", leaf.Raw), "key": key.PEM(),
		"both": append(forge.PEM("CERTIFICATE", leaf.Raw), key.PEM()...), "pass": []byte("sesame\nrest"), "wrong": []byte("simsalabim\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range []string{
		"pkcs8 -topk8 -in key -out pkcs8 -passout pass:sesame",
		"pkcs8 -topk8 -v2 aes-128-cbc -v2prf hmacWithSHA512 -in key -out pkcs8b -passout pass:sesame",
		"ec -in key -aes128 -out old -passout pass:sesame",
		"pkcs12 -export -in cert -inkey key -out p12 -passout pass:sesame",
		"pkcs12 -export -in cert -inkey key -out p12empty -passout pass:",
	} {
		cmd := exec.Command(peers.Path(t, "openssl"), strings.Fields(args)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("openssl %s: %v\n%s", args, err, out)
		}
	}
	return dir
}

package tlsclient

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/peers"
	"github.com/assaytls/assay/internal/tlsnames"
)

// sServer starts openssl s_server and returns its port.
func sServer(t testing.TB, args ...string) string {
	t.Helper()
	port := peers.FreePort(t)
	peers.Start(t, port, "openssl", append([]string{"s_server", "-accept", "127.0.0.1:" + port, "-quiet", "-naccept", "1000"}, args...)...)
	return port
}

func openssl(t testing.TB, args ...string) {
	t.Helper()
	if out, err := exec.Command(peers.Path(t, "openssl"), args...).CombinedOutput(); err != nil {
		t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// keyPair is a certificate and its key as files.
type keyPair struct{ cert, key string }

func (k keyPair) args() []string { return []string{"-cert", k.cert, "-key", k.key} }

// der returns the first certificate of the file.
func (k keyPair) der(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile(k.cert)
	check(t, err)
	p, _ := pem.Decode(b)
	return p.Bytes
}

// selfSigned makes a key with openssl genpkey's arguments and a certificate.
func selfSigned(t testing.TB, genpkey ...string) keyPair {
	t.Helper()
	dir := t.TempDir()
	k := keyPair{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
	openssl(t, append([]string{"genpkey", "-out", k.key}, genpkey...)...)
	openssl(t, "req", "-x509", "-new", "-key", k.key, "-subj", "/CN=dial.test", "-days", "2", "-out", k.cert, "-addext", "subjectAltName=DNS:dial.test")
	return k
}

func ecKey(t testing.TB) keyPair {
	return selfSigned(t, "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
}

func wantChain(t testing.TB, ev *evidence.Evidence, k keyPair) {
	t.Helper()
	if len(ev.Chain) == 0 || !bytes.Equal(ev.Chain[0].Cert, k.der(t)) {
		t.Errorf("the chain is not what was sent (%d certificates; failure %+v)", len(ev.Chain), ev.Failure)
	}
	roundTrips(t, ev)
}

// TestOpenSSLSuites goes through every version, suite and group that Go
// offers, and the chain is read from the recording each time.
func TestOpenSSLSuites(t *testing.T) {
	ec, rsa := ecKey(t), selfSigned(t, "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
	staple := filepath.Join(t.TempDir(), "staple.der")
	check(t, os.WriteFile(staple, []byte{0x30, 0x03, 0x0a, 0x01, 0x03}, 0o600)) // tryLater
	suites12 := map[string]keyPair{
		"ECDHE-ECDSA-AES128-GCM-SHA256": ec, "ECDHE-ECDSA-AES256-GCM-SHA384": ec, "ECDHE-ECDSA-CHACHA20-POLY1305": ec,
		"ECDHE-RSA-AES128-GCM-SHA256": rsa, "ECDHE-RSA-AES256-GCM-SHA384": rsa, "ECDHE-RSA-CHACHA20-POLY1305": rsa,
		"ECDHE-ECDSA-AES128-SHA": ec, "ECDHE-RSA-AES256-SHA": rsa,
	}
	for suite, k := range suites12 {
		ev := dial(t, Config{Port: sServer(t, append(k.args(), "-tls1_2", "-cipher", suite, "-status_file", staple)...), SNI: "dial.test"})
		wantChain(t, ev, k)
		if ev.Failure != nil || ev.Connection.Version != tls.VersionTLS12 || ev.Connection.Group == 0 || ev.Connection.Signature == 0 || len(ev.Chain[0].Staple) != 5 {
			t.Errorf("%s: %+v %+v", suite, ev.Failure, ev.Connection)
		}
	}
	for _, suite := range []string{"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"} {
		for _, group := range []string{"X25519", "P-256", "P-384", "P-521"} {
			ev := dial(t, Config{Port: sServer(t, append(rsa.args(), "-tls1_3", "-ciphersuites", suite, "-groups", group, "-status_file", staple)...), SNI: "dial.test"})
			wantChain(t, ev, rsa)
			c := ev.Connection
			if ev.Failure != nil || tlsnames.Suite(c.Suite) != suite || tlsnames.Group(c.Group) != group || tlsnames.Signature(c.Signature) != "rsa_pss_rsae_sha256" ||
				len(ev.Chain[0].Staple) != 5 || c.Tickets == 0 {
				t.Errorf("%s %s: %+v %+v", suite, group, ev.Failure, c)
			}
			if c.HelloRetry != (group != "X25519") {
				t.Errorf("%s: HelloRetryRequest %v", group, c.HelloRetry)
			}
		}
	}
}

// TestCertificatesThatAbort has leaves that crypto/tls cannot work with. The
// recorded chain must be there all the same.
func TestCertificatesThatAbort(t *testing.T) {
	dsaDir := t.TempDir()
	dsa := keyPair{filepath.Join(dsaDir, "cert.pem"), filepath.Join(dsaDir, "key.pem")}
	params := filepath.Join(dsaDir, "params.pem")
	openssl(t, "genpkey", "-genparam", "-algorithm", "DSA", "-pkeyopt", "dsa_paramgen_bits:1024", "-out", params)
	openssl(t, "genpkey", "-paramfile", params, "-out", dsa.key)
	openssl(t, "req", "-x509", "-new", "-key", dsa.key, "-subj", "/CN=dial.test", "-days", "2", "-out", dsa.cert)

	big := keyPair{filepath.Join(dsaDir, "big.pem"), "testdata/rsa16384.pem"}
	openssl(t, "req", "-x509", "-new", "-key", big.key, "-subj", "/CN=dial.test", "-days", "2", "-out", big.cert)

	for _, c := range []struct {
		name string
		pair keyPair
		args []string
		want finding.ID
	}{
		{"P-224, TLS 1.2", selfSigned(t, "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-224"), []string{"-tls1_2", "-cipher", "ALL:@SECLEVEL=0"}, finding.NoCommonParameters},
		{"secp256k1, TLS 1.2", selfSigned(t, "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"), []string{"-tls1_2", "-cipher", "ALL:@SECLEVEL=0"}, finding.NoCommonParameters},
		{"Ed448, TLS 1.2", selfSigned(t, "-algorithm", "ED448"), []string{"-tls1_2"}, finding.NoCommonParameters},
		{"Ed448, TLS 1.3", selfSigned(t, "-algorithm", "ED448"), []string{"-tls1_3"}, finding.NoCommonParameters},
		{"DSA, TLS 1.2", dsa, []string{"-tls1_2", "-cipher", "ALL:@SECLEVEL=0"}, finding.NoSafeTLS},
		{"RSA 512, TLS 1.2", selfSigned(t, "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:512"), []string{"-tls1_2", "-cipher", "ALL:@SECLEVEL=0"}, finding.HandshakeCertUnusable},
		{"RSA 1024, TLS 1.3", selfSigned(t, "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"), []string{"-tls1_3", "-cipher", "ALL:@SECLEVEL=0"}, ""},
		{"RSA 16384, TLS 1.2", big, []string{"-tls1_2"}, finding.HandshakeCertUnusable},
		{"RSA 16384, TLS 1.3", big, []string{"-tls1_3"}, finding.HandshakeCertUnusable},
	} {
		t.Run(c.name, func(t *testing.T) {
			ev := dial(t, Config{Port: sServer(t, append(c.pair.args(), c.args...)...), SNI: "dial.test"})
			t.Logf("%+v probe %+v", ev.Failure, ev.Probe)
			wantChain(t, ev, c.pair)
			if c.want == "" {
				if ev.Failure != nil {
					t.Errorf("failure %+v", ev.Failure)
				}
				return
			}
			wantFailure(t, ev, c.want)
		})
	}
}

// TestOldVersions has servers that a safe client cannot talk to.
func TestOldVersions(t *testing.T) {
	k := selfSigned(t, "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
	for _, c := range []struct {
		args    []string
		want    finding.ID
		version uint16
	}{
		{[]string{"-tls1", "-cipher", "ALL:@SECLEVEL=0"}, finding.NoSafeTLS, tls.VersionTLS10},
		{[]string{"-tls1_1", "-cipher", "ALL:@SECLEVEL=0"}, finding.NoSafeTLS, tls.VersionTLS11},
		{[]string{"-tls1_2", "-cipher", "AES128-SHA"}, finding.NoSafeTLS, tls.VersionTLS12},
		{[]string{"-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256"}, finding.NoCommonParameters, tls.VersionTLS12},
		{[]string{"-tls1_2", "-cipher", "PSK"}, finding.NoCommonParameters, 0},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			port := sServer(t, append(k.args(), c.args...)...)
			ev := dial(t, Config{Port: port, SNI: "dial.test"})
			wantFailure(t, ev, c.want)
			if ev.Probe == nil {
				t.Fatal("no probe")
			}
			if c.version != 0 {
				wantChain(t, ev, k)
				if ev.Probe.Connection.Version != c.version || (ev.Probe.Failure != nil) != (c.want == finding.NoCommonParameters) {
					t.Errorf("probe %+v", ev.Probe)
				}
			}
			if ev := dial(t, Config{Port: port, NoProbe: true}); ev.Probe != nil || ev.Failure == nil {
				t.Error("NoProbe was not heeded")
			}
		})
	}
}

func TestBigChain(t *testing.T) {
	k := ecKey(t)
	// 200 KiB of certificates of 8 KiB.
	var chain bytes.Buffer
	filler := selfSignedWith(t, strings.Repeat("DNS:a-rather-long-host-name-to-fill-space.example.test,", 140)+"DNS:x.test")
	for chain.Len() < 210<<10*4/3 {
		chain.Write(filler)
	}
	file := filepath.Join(t.TempDir(), "chain.pem")
	check(t, os.WriteFile(file, chain.Bytes(), 0o600))
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		ev := dial(t, Config{Port: sServer(t, append(k.args(), version, "-cert_chain", file, "-max_send_frag", "512")...), SNI: "dial.test"})
		wantChain(t, ev, k)
		if ev.Failure != nil || ev.Connection.BytesIn < 200<<10 || len(ev.Chain) < 20 {
			t.Errorf("%s: %+v, %d bytes, %d certificates", version, ev.Failure, ev.Connection.BytesIn, len(ev.Chain))
		}
	}
	for chain.Len() < 400<<10 { // 300 KiB as DER
		chain.Write(filler)
	}
	check(t, os.WriteFile(file, chain.Bytes(), 0o600))
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		ev := dial(t, Config{Port: sServer(t, append(k.args(), version, "-cert_chain", file)...), SNI: "dial.test"})
		wantFailure(t, ev, finding.HandshakeTooLarge)
		wantChain(t, ev, k)
	}
}

func selfSignedWith(t testing.TB, san string) []byte {
	t.Helper()
	dir := t.TempDir()
	cert := filepath.Join(dir, "c.pem")
	openssl(t, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", filepath.Join(dir, "k.pem"), "-subj", "/CN=filler", "-days", "2", "-out", cert, "-addext", "subjectAltName="+san)
	b, err := os.ReadFile(cert)
	check(t, err)
	return b
}

func TestClientCertificates(t *testing.T) {
	server, client := ecKey(t), ecKey(t)
	for _, c := range []struct {
		args  []string
		cert  bool
		want  finding.ID
		state string
	}{
		{[]string{"-tls1_2", "-Verify", "1", "-verify_return_error"}, false, finding.ClientCertRequired, "requested"},
		{[]string{"-tls1_3", "-Verify", "1", "-verify_return_error"}, false, finding.ClientCertRequired, "requested"},
		{[]string{"-tls1_2", "-verify", "1"}, false, "", "requested"},
		{[]string{"-tls1_3", "-verify", "1"}, false, "", "requested"},
		{[]string{"-tls1_2", "-Verify", "1", "-verify_return_error", "-CAfile", client.cert}, true, "", "sent"},
		{[]string{"-tls1_3", "-Verify", "1", "-verify_return_error", "-CAfile", client.cert}, true, "", "sent"},
		{[]string{"-tls1_2", "-Verify", "1", "-verify_return_error"}, true, finding.ClientCertRefused, "sent"},
		{[]string{"-tls1_3", "-Verify", "1", "-verify_return_error"}, true, finding.ClientCertRefused, "sent"},
	} {
		t.Run(fmt.Sprint(c.args[:2], c.cert, c.want), func(t *testing.T) {
			conf := Config{Port: sServer(t, append(server.args(), c.args...)...), SNI: "dial.test"}
			if c.cert {
				pair, err := tls.LoadX509KeyPair(client.cert, client.key)
				check(t, err)
				conf.Certificate = &pair
			}
			ev := dial(t, conf)
			wantChain(t, ev, server)
			if ev.Connection.ClientCert != c.state || len(ev.Connection.ClientSchemes) == 0 {
				t.Errorf("client certificate %+v", ev.Connection)
			}
			if strings.Contains(strings.Join(c.args, " "), "CAfile") && len(ev.Connection.ClientCAs) == 0 {
				t.Error("no acceptable issuers")
			}
			if c.want != "" {
				wantFailure(t, ev, c.want)
			} else if ev.Failure != nil {
				t.Errorf("failure %+v", ev.Failure)
			}
			if ev.Probe != nil {
				t.Errorf("probe %+v", ev.Probe)
			}
		})
	}
}

func TestGnuTLS(t *testing.T) {
	k := ecKey(t)
	for _, prio := range []string{"NORMAL:-VERS-ALL:+VERS-TLS1.3", "NORMAL:-VERS-ALL:+VERS-TLS1.2"} {
		port := peers.FreePort(t)
		peers.Start(t, port, "gnutls-serv", "--quiet", "--echo", "-p", port, "--x509certfile", k.cert, "--x509keyfile", k.key, "--priority", prio, "--require-client-cert")
		ev := dial(t, Config{Port: port, SNI: "dial.test"})
		wantChain(t, ev, k)
		wantFailure(t, ev, finding.ClientCertRequired)
	}
	port := peers.FreePort(t)
	peers.Start(t, port, "gnutls-serv", "--quiet", "--echo", "-p", port, "--x509certfile", k.cert, "--x509keyfile", k.key,
		"--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.0", "--disable-client-cert")
	ev := dial(t, Config{Port: port, SNI: "dial.test"})
	wantFailure(t, ev, finding.NoSafeTLS)
	wantChain(t, ev, k)
}

func TestNginx(t *testing.T) {
	k := ecKey(t)
	dir := t.TempDir()
	port, plain := peers.FreePort(t), peers.FreePort(t)
	conf := filepath.Join(dir, "nginx.conf")
	check(t, os.WriteFile(conf, fmt.Appendf(nil, `
daemon off; master_process off; pid %[1]s/pid; error_log stderr;
events {}
http { ssl_protocols TLSv1.2 TLSv1.3; access_log off; client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
 server { listen 127.0.0.1:%[2]s ssl http2; server_name dial.test; ssl_certificate %[4]s; ssl_certificate_key %[5]s; }
 server { listen 127.0.0.1:%[2]s ssl default_server; server_name _; ssl_reject_handshake on; }
 server { listen 127.0.0.1:%[3]s; } }`, dir, port, plain, k.cert, k.key), 0o600))
	peers.Start(t, port, "nginx", "-c", conf, "-p", dir)
	ev := dial(t, Config{Port: port, SNI: "dial.test"})
	wantChain(t, ev, k)
	if ev.Failure != nil || ev.Connection.ALPN != "h2" || ev.Connection.Version != tls.VersionTLS13 {
		t.Errorf("%+v %+v", ev.Failure, ev.Connection)
	}
	wantFailure(t, dial(t, Config{Port: port, SNI: "other.test"}), finding.UnrecognizedName)
	wantFailure(t, dial(t, Config{Port: plain, SNI: "dial.test"}), finding.PlaintextHTTP)
}

// TestRenegotiation presses the r key of s_server while a handshake with it
// ends. Too early or too late a press goes unheeded, so it takes a few tries.
func TestRenegotiation(t *testing.T) {
	k := ecKey(t)
	port := peers.FreePort(t)
	cmd := exec.Command(peers.Path(t, "openssl"), append([]string{"s_server", "-accept", "127.0.0.1:" + port, "-tls1_2"}, k.args()...)...)
	peers.Tie(cmd)
	stdin, err := cmd.StdinPipe()
	check(t, err)
	stdout, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for r := bufio.NewScanner(stdout); r.Scan() && r.Text() != "ACCEPT"; {
	}
	go io.Copy(io.Discard, stdout)
	for i := range 100 {
		press := writerFunc(func(b []byte) (int, error) {
			time.AfterFunc(time.Duration(i%20)*100*time.Microsecond, func() { io.WriteString(stdin, "r\n") })
			return len(b), nil
		})
		ev := dial(t, Config{Port: port, SNI: "dial.test", KeyLog: press})
		if ev.Failure != nil && ev.Failure.ID == finding.RenegotiationDemanded {
			wantChain(t, ev, k)
			wantFailure(t, ev, finding.RenegotiationDemanded)
			t.Logf("try %d", i+1)
			return
		}
	}
	t.Error("no renegotiation was seen")
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

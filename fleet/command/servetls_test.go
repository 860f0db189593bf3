package command

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/assaytls/assay/internal/lab/forge"
)

// HTTPS is answered with the certificate that is in the files now: after SIGHUP, and a
// moment after they changed. Files that do not fit together change nothing.
func TestServeTLS(t *testing.T) {
	dir := t.TempDir()
	root := forge.NewRoot("Root", nil)
	pool := x509.NewCertPool()
	ca, err := x509.ParseCertificate(root.Raw)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(ca)
	certFile, keyFile, config := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "watch.yaml")
	put := func(name string, b []byte) {
		t.Helper()
		if err := os.WriteFile(name+".new", b, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(name+".new", name); err != nil {
			t.Fatal(err)
		}
	}
	issue := func() (leaf []byte, key *forge.Key) {
		key = forge.P256()
		return root.Issue(forge.Cert{Subject: forge.CN("serve"), Key: key, Extensions: root.ServerExts(key, forge.IP("127.0.0.1"))}).Raw, key
	}
	first, key := issue()
	put(certFile, forge.PEM("CERTIFICATE", first))
	put(keyFile, key.PEM())
	put(config, []byte("web: {tls-cert: cert.pem, tls-key: key.pem}\n"))
	p := startProgram(t, filepath.Join(dir, "state"), "serve", "--config", config, "--listen", "127.0.0.1:0")
	address := p.address()
	if !strings.HasPrefix(address, "https://") {
		t.Fatalf("it listens at %s", address)
	}
	shown := func() string {
		t.Helper()
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
		resp, err := client.Get(address + "healthz")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return fmt.Sprintf("%x", resp.TLS.PeerCertificates[0].Raw)
	}
	if shown() != fmt.Sprintf("%x", first) {
		t.Error("it shows another certificate")
	}
	second, key := issue()
	put(keyFile, key.PEM()) // alone it does not fit
	p.says("the certificate that was in use stays")
	if shown() != fmt.Sprintf("%x", first) {
		t.Error("half of a renewal counts")
	}
	put(certFile, forge.PEM("CERTIFICATE", second))
	p.says("the certificate of HTTPS was read again")
	if shown() != fmt.Sprintf("%x", second) {
		t.Error("the files were changed, and it shows the one before")
	}
	third, key := issue()
	put(keyFile, key.PEM())
	put(certFile, forge.PEM("CERTIFICATE", third))
	p.c.Process.Signal(syscall.SIGHUP)
	p.says("the configuration was read again")
	if shown() != fmt.Sprintf("%x", third) {
		t.Error("SIGHUP, and it shows the one before")
	}
}

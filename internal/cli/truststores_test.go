package cli

import (
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/lab"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/peers"
)

// TestTrustStores: --roots opens key stores and Secrets, and refuses those with a
// private key of somebody's own.
func TestTrustStores(t *testing.T) {
	l, err := lab.Start(t.Context(), lab.Options{Only: []string{"good"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	s, _ := l.Scenario("good")
	dir := t.TempDir()
	file := func(name string, b []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	chain := file("chain.pem", forge.PEM("CERTIFICATE", append([][]byte{s.Leaf}, s.Chain...)...))
	root, pass := file("root.pem", forge.PEM("CERTIFICATE", l.Roots...)), file("pass", []byte("secret\n"))
	indented := strings.ReplaceAll(strings.TrimSpace(string(forge.PEM("CERTIFICATE", l.Roots[0]))), "\n", "\n    ")
	secret := file("ca.yaml", []byte("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ca\ndata:\n  ca.crt: |\n    "+indented+"\n"))
	verify := func(roots string, more ...string) (int, string) {
		status, out, errs := run("", append([]string{"verify", "-q", chain, "--roots", roots, "--name", s.Host, "--revocation", "off"}, more...)...)
		return status, out + errs
	}
	if status, out := verify(root); status != command.Accept {
		t.Fatalf("PEM: status %d, %s", status, out)
	}
	if status, out := verify(secret); status != command.Accept {
		t.Errorf("a ConfigMap: status %d, %s", status, out)
	}
	trusted, err := x509.ParseCertificate(l.Roots[0])
	if err != nil {
		t.Fatal(err)
	}
	p12, err := pkcs12.Modern.EncodeTrustStore([]*x509.Certificate{trusted}, "secret")
	if err != nil {
		t.Fatal(err)
	}
	if status, out := verify(file("trust.p12", p12), "--pass-file", pass); status != command.Accept {
		t.Errorf("a trust store: status %d, %s", status, out)
	}
	key := forge.P256()
	own := forge.NewRoot("own", key)
	keyFile, certFile := file("own.key", key.PEM()), file("own.pem", forge.PEM("CERTIFICATE", own.Raw))
	store := filepath.Join(dir, "own.p12")
	if out, err := exec.Command(peers.Path(t, "openssl"), "pkcs12", "-export", "-inkey", keyFile, "-in", certFile, "-out", store, "-passout", "pass:secret").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if status, out := verify(store, "--pass-file", pass); status != command.UsageError || !strings.Contains(out, "holds a private key") {
		t.Errorf("a key store: status %d, %s", status, out)
	}
	if status, out := verify(store, "--pass-file", root); status != command.UsageError {
		t.Errorf("a wrong password: status %d, %s", status, out)
	}
}

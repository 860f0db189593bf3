package containers_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assaytls/assay/cert/bundle"
	"github.com/assaytls/assay/internal/containers"
	f "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/peers"
)

func word(s string) containers.Password {
	return containers.Password{Get: func() (string, error) { return s, nil }, Given: true}
}

var none = containers.Password{Get: func() (string, error) { return "", errors.New("nobody to ask") }}

// kinds lists what is in b, and where.
func kinds(t *testing.T, b []byte, p containers.Password) (string, error) {
	t.Helper()
	objects, err := containers.Open(bundle.Read(b, 0), p)
	var out []string
	for _, o := range objects {
		text := o.Kind.String()
		if o.Place != "" {
			text = o.Place + ": " + text
		}
		if o.Kind == bundle.PrivateKey && o.Bytes != nil {
			t.Error("the bytes of a key are handed on")
		}
		out = append(out, text)
	}
	return strings.Join(out, ", "), err
}

// Secrets and ConfigMaps give what they hold, in YAML and JSON, and nothing of what is not known in them.
func TestKubernetes(t *testing.T) {
	root := f.NewRoot("R", f.P256())
	crt, key := f.PEM("CERTIFICATE", root.Raw), f.PEM("PRIVATE KEY", []byte{0x30, 0})
	b64 := base64.StdEncoding.EncodeToString
	secret := "apiVersion: v1\nkind: Secret\ndata:\n  tls.crt: " + b64(crt) + "\n  tls.key: " + b64(key) + "\n  password: " + b64([]byte("hunter2-hunter2")) + "\n"
	folded := "apiVersion: v1\nkind: Secret\nstringData:\n  ca.crt: |\n    " + strings.ReplaceAll(strings.TrimSpace(string(crt)), "\n", "\n    ") + "\n"
	json := `{"apiVersion":"v1","kind":"List","items":[{"kind":"ConfigMap","data":{"ca.crt":"` + strings.ReplaceAll(string(crt), "\n", `\n`) + `"}},{"kind":"Pod"}]}`
	for _, c := range []struct{ name, in, want, err string }{
		{"Secret", secret, "tls.crt: certificate, tls.key: private key, password: unknown object", ""},
		{"stringData", folded, "ca.crt: certificate", ""},
		{"two documents", secret + "---\n" + folded, "tls.crt: certificate, tls.key: private key, password: unknown object, ca.crt: certificate", ""},
		{"a list in JSON", json, "ca.crt: certificate", ""},
		{"bad base64", "apiVersion: v1\nkind: Secret\ndata:\n  tls.crt: '*'\n", "tls.crt: unknown object", ""},
		{"another object", "apiVersion: v1\nkind: Pod\n", "", "neither a Secret nor a ConfigMap"},
		{"damaged", "apiVersion: v1\nkind: Secret\ndata: {hunter2", "", "it is not valid YAML"},
	} {
		got, err := kinds(t, []byte(c.in), none)
		if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error repeats a secret: %v", c.name, err)
		}
	}
	objects, _ := containers.Open(bundle.Read([]byte(secret), 0), none)
	for _, o := range objects {
		if bytes.Contains(o.Bytes, []byte("hunter2")) {
			t.Error("a password is handed on")
		}
	}
}

// Key stores that keytool and OpenSSL made are opened; a wrong password is told.
func TestStores(t *testing.T) {
	peers.Path(t, "openssl")
	peers.Path(t, "keytool")
	dir := t.TempDir()
	cmd := exec.Command("bash", "-ec", `exec 2>&1
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -subj /CN=a -days 9
openssl pkcs12 -export -in cert.pem -inkey key.pem -passout pass:secret -out key.p12
keytool -importcert -noprompt -alias trusted -file cert.pem -keystore trust.jks -storetype JKS -storepass secret
keytool -importcert -noprompt -alias trusted -file cert.pem -keystore trust.p12 -storetype PKCS12 -storepass secret
keytool -genkeypair -alias mine -dname CN=b -keyalg EC -keystore key.jks -storetype JKS -storepass secret -keypass secret`)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, c := range []struct{ name, want string }{
		{"key.p12", "certificate, private key"}, {"trust.p12", "certificate"},
		{"trust.jks", "trusted: certificate"}, {"key.jks", "mine: private key, mine: certificate"},
	} {
		b, err := os.ReadFile(filepath.Join(dir, c.name))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := kinds(t, b, word("secret")); err != nil || got != c.want {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
		if got, err := kinds(t, b, word("wrong")); err == nil || !strings.Contains(err.Error(), "password is wrong") {
			t.Errorf("%s with a wrong password: %q, %v", c.name, got, err)
		}
		jks := strings.HasSuffix(c.name, ".jks")
		if got, err := kinds(t, b, none); (err == nil) != jks || jks && got != c.want {
			t.Errorf("%s without a password: %q, %v", c.name, got, err)
		}
		for cut := 0; cut < len(b); cut += 13 {
			_, _ = kinds(t, b[:cut], none) // no panic
		}
	}
}

// A file that asks for days of work is refused before any is done.
func TestIterations(t *testing.T) {
	algorithm := func(n int64) []byte {
		return f.Seq(f.OID("1.2.840.113549.1.12.1.3"), f.Seq(f.Octets([]byte("salt")), f.Int(n)))
	}
	file := func(inner, mac int64) []byte {
		safe := f.Seq(f.Seq(f.OID("1.2.840.113549.1.7.6"), f.Explicit(0, f.Seq(f.Int(0), f.Seq(f.OID("1.2.840.113549.1.7.1"), algorithm(inner))))))
		return f.Seq(f.Int(3), f.Seq(f.OID("1.2.840.113549.1.7.1"), f.Explicit(0, f.Octets(safe))),
			f.Seq(f.Seq(f.Seq(f.OID("1.3.14.3.2.26")), f.Octets(make([]byte, 20))), f.Octets([]byte("salt")), f.Int(mac)))
	}
	if err := containers.CheckWork(file(2048, 2048)); err != nil {
		t.Error(err)
	}
	for _, b := range [][]byte{file(containers.MaxIterations+1, 1), file(1, containers.MaxIterations+1), file(1<<40, 1)} {
		if got, err := kinds(t, b, word("x")); err == nil || !strings.Contains(err.Error(), "iterations") {
			t.Errorf("%q, %v", got, err)
		}
	}
}

func FuzzOpen(fz *testing.F) {
	fz.Add([]byte("apiVersion: v1\nkind: Secret\ndata:\n  a: AAAA\n"))
	fz.Add([]byte("\xfe\xed\xfe\xed\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x01\x00\x01a" + strings.Repeat("\x00", 60)))
	fz.Add(f.Seq(f.Int(3), f.Seq(f.OID("1.2.840.113549.1.7.1"), f.Explicit(0, f.Octets(f.Seq())))))
	fz.Fuzz(func(t *testing.T, b []byte) {
		objects, err := containers.Open(bundle.Read(b, 50), none)
		if err == nil && len(objects) == 0 {
			t.Fatal("neither objects nor an error")
		}
		for _, o := range objects {
			if o.Kind == bundle.PrivateKey && o.Bytes != nil {
				t.Fatal("a private key is handed on")
			}
		}
	})
}

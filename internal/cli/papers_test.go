package cli

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/lab/forge"
)

// ran runs a command on files and returns its status and all that it printed.
func ran(args ...string) (int, string) {
	var out, errs bytes.Buffer
	status := Main(args, strings.NewReader(""), &out, &errs)
	return status, out.String() + errs.String()
}

// No command prints a private key, whatever form it has and wherever it is given.
func TestKeysAreNotPrinted(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dir := t.TempDir()
	root := forge.NewRoot("Root", nil)
	leaf := root.Server("a.test", nil)
	key, err := x509.MarshalPKCS8PrivateKey(leaf.Key.Signer)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, b []byte) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	rootFile := write("root.pem", forge.PEM("CERTIFICATE", root.Raw))
	chain := forge.PEM("CERTIFICATE", leaf.Raw)
	spaced := func(b []byte, n int) string { // as hexadecimal or base64 text would show it
		return base64.StdEncoding.EncodeToString(b[n-n%3:])
	}
	for _, c := range []struct {
		name   string
		b      []byte
		status int // of verify
	}{
		{"key.der", key, command.UsageError},
		{"key.pem", forge.PEM("PRIVATE KEY", key), command.UsageError},
		{"labelled.pem", forge.PEM("CERTIFICATE", key), command.UsageError},
		{"bare.txt", []byte(base64.StdEncoding.EncodeToString(key)), command.UsageError},
		{"cut.der", key[:len(key)-3], command.UsageError},
		{"haproxy.pem", append(bytes.Clone(chain), forge.PEM("PRIVATE KEY", key)...), command.Accept},
		{"row.der", append(bytes.Clone(leaf.Raw), key...), command.Accept},
		{"apart.der", append(append(bytes.Clone(leaf.Raw), '\n'), key...), command.Reject},
		{"unknown.der", forge.Seq(forge.Octets(key)), command.UsageError},
	} {
		file := write(c.name, c.b)
		for _, args := range [][]string{
			{"verify", "-i", file, "--roots", rootFile, "--name", "a.test", "--unknown", "allow"},
			{"verify", "--format", "json", file, "--roots", rootFile, "--name", "a.test", "--unknown", "allow"},
			{"show", "-i", file}, {"show", "--format", "json", file}, {"show", "--type", "cert", "-i", file}, {"show", "--type", "crl", file},
			{"verify", rootFile, "--roots", file, "--no-name"}, {"verify", rootFile, "--roots", rootFile, "--no-name", "--crl", file},
			{"verify", rootFile, "--roots", rootFile, "--no-name", "--ocsp", file}, {"verify", rootFile, "--roots", rootFile, "--no-name", "--sct", file},
			{"verify", rootFile, "--roots", rootFile, "--no-name", "--untrusted", file}, {"verify", rootFile, "--roots", rootFile, "--no-name", "--public-root", file},
			{"verify", rootFile, "--roots", rootFile, "--no-name", "--log-list", file}, {"verify", "--evidence", file},
		} {
			status, text := ran(args...)
			flat := strings.Join(strings.Fields(text), "")
			for skip := range 3 {
				if secret := spaced(key, len(key)-60+skip); strings.Contains(flat, secret[:24]) {
					t.Errorf("assay %v prints the key of %s", args, c.name)
				}
			}
			if args[0] == "verify" && args[1] != rootFile && args[1] != "--evidence" && status != c.status {
				t.Errorf("assay %v: status %d, want %d\n%s", args, status, c.status, text)
			}
			if status == command.UsageError && strings.Contains(text, "panic") {
				t.Errorf("assay %v: %s", args, text)
			}
		}
	}
	if _, text := ran("verify", filepath.Join(dir, "haproxy.pem"), "--roots", rootFile, "--name", "a.test", "-q"); !strings.Contains(text, "also holds a private key (PKCS #8), which is not used here") {
		t.Errorf("nothing is said of a key that is passed over: %s", text)
	}
}

// The wrong kind of file is named with what takes it, and has one exit status in PEM and DER.
func TestWrongKinds(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dir := t.TempDir()
	root := forge.NewRoot("Root", nil)
	rootFile := filepath.Join(dir, "root.pem")
	if err := os.WriteFile(rootFile, forge.PEM("CERTIFICATE", root.Raw), 0o600); err != nil {
		t.Fatal(err)
	}
	things := map[string][]byte{"certificate": root.Raw, "CRL": root.CRL(forge.CRL{}),
		"OCSP response": forge.OCSP{Singles: []forge.Single{root.Good(root.Serial)}}.Sign(root),
		"OCSP request":  forge.OCSPRequest(nil, root.CertID(root.Serial)), "public key": root.Key.SPKI}
	takes := map[string]string{"": "certificate", "--untrusted": "certificate", "--roots": "certificate", "--crl": "CRL", "--ocsp": "OCSP response", "--sct": "SCT list"}
	for flag, want := range takes {
		for kind, b := range things {
			if kind == want {
				continue
			}
			for name, form := range map[string][]byte{"der": b, "pem": forge.PEM("WHATEVER", b)} {
				file := filepath.Join(dir, "file."+name)
				if err := os.WriteFile(file, form, 0o600); err != nil {
					t.Fatal(err)
				}
				args := []string{"verify", rootFile, "--no-name", flag, file}
				if flag == "" {
					args = []string{"verify", file, "--no-name"}
				}
				status, text := ran(args...)
				hinted := flag == "--roots" || strings.Contains(text, "assay: hint: ")
				if status != command.UsageError || !strings.Contains(text, kind) || !hinted {
					t.Errorf("%s given to %q in %s: status %d, %s", kind, flag, name, status, text)
				}
			}
		}
	}
	if status, text := ran("show", "nosuch.pem"); status != command.UsageError || !strings.Contains(text, "nosuch.pem: no such file") {
		t.Errorf("a file that is not there: status %d, %s", status, text)
	}
}

// One bad block does not hide the good ones.
func TestShowAroundDamage(t *testing.T) {
	good := string(forge.PEM("CERTIFICATE", forge.NewRoot("Good Root", nil).Raw))
	file := filepath.Join(t.TempDir(), "f.pem")
	if err := os.WriteFile(file, []byte(good+strings.Replace(good, "\nMI", "\n*!", 1)+good), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, text := ran("show", file); status != command.Reject || strings.Count(text, "Good Root") < 2 || !strings.Contains(strings.Join(strings.Fields(text), " "), "is not base64") {
		t.Errorf("status %d\n%s", status, text)
	}
}

// A file that is no list of logs ends the run, with what it is.
func TestWrongLogLists(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dir := t.TempDir()
	rootFile := filepath.Join(dir, "root.pem")
	if err := os.WriteFile(rootFile, forge.PEM("CERTIFICATE", forge.NewRoot("Root", nil).Raw), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ text, want string }{
		"version 1":  {`{"logs":[{"key":"AA=="}],"operators":[{"name":"x","id":0}]}`, "version 1"},
		"no log":     {`{"operators":[{"name":"x","logs":[]}]}`, "names no log"},
		"no log BOM": {"\ufeff" + `{"operators":[]}`, "names no log"},
		"HTML":       {"<!DOCTYPE html><html>", "an HTML page, not a list of CT logs"},
		"zip":        {"PK\x03\x04abc", "a zip archive: unpack it"},
		"UTF-16":     {"\xff\xfe{\x00", "UTF-16"},
		"evidence":   {`{"version":1,"target":{}}`, "saved evidence, not a list of CT logs"},
	} {
		file := filepath.Join(dir, "list.json")
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if status, text := ran("verify", rootFile, "--no-name", "--log-list", file); status != command.UsageError || !strings.Contains(text, c.want) {
			t.Errorf("%s: status %d, %s", name, status, text)
		}
	}
}

// A request is shown with its names, and one that its own key did not sign has an error.
func TestShowRequest(t *testing.T) {
	key := forge.P256()
	b, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "a.test"}, DNSNames: []string{"b.test"}}, key.Signer)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "a.csr")
	for want, status := range map[string]int{"verified with the key in the request": command.Accept, "not verified": command.Reject} {
		if status == command.Reject {
			b[len(b)-1] ^= 1
		}
		if err := os.WriteFile(file, forge.PEM("CERTIFICATE REQUEST", b), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, text := ran("show", file); got != status || !strings.Contains(text, want) || !strings.Contains(text, "dns:b.test") {
			t.Errorf("status %d\n%s", got, text)
		}
		if status == command.Reject {
			b[len(b)-1] ^= 1
		}
	}
}

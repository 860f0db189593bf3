package cli

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/lab/forge"
)

// bundle finds issuers in files and at the addresses in certificates, and writes them in order without the root.
func TestBundle(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	root := forge.NewRoot("Root", nil)
	upper := root.Intermediate("Upper", nil)
	var body []byte
	asked := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked++; w.Write(body) }))
	defer srv.Close()
	lower := upper.Intermediate("Lower", nil, forge.AIA(nil, []string{srv.URL + "/upper.der"}))
	impostor := forge.NewRoot("Other", nil).Intermediate("Upper", nil) // the name, and another key
	leaf := lower.Server("a.test", nil)
	want := forge.PEM("CERTIFICATE", leaf.Raw, lower.Raw, upper.Raw)
	roots := write("root.pem", forge.PEM("CERTIFICATE", root.Raw))
	leafFile := write("leaf.pem", forge.PEM("CERTIFICATE", leaf.Raw))
	disorder := write("disorder.pem", forge.PEM("CERTIFICATE", leaf.Raw, root.Raw, impostor.Raw, upper.Raw, lower.Raw))
	lowerFile := write("lower.pem", forge.PEM("CERTIFICATE", lower.Raw))
	for _, c := range []struct {
		name   string
		body   []byte
		args   []string
		status int
		asked  int
		says   string
	}{
		{"all in one file", nil, []string{disorder, "--roots", roots}, command.Accept, 0, "complete: the root is CN=Root"},
		{"offline", upper.Raw, []string{leafFile, "--untrusted", lowerFile, "--roots", roots, "--offline"}, command.Reject, 0, "its issuer is CN=Upper"},
		{"public addresses only", upper.Raw, []string{leafFile, "--untrusted", lowerFile, "--roots", roots}, command.Reject, 0, "cannot be fetched"},
		{"by AIA", upper.Raw, []string{leafFile, "--untrusted", lowerFile, "--roots", roots, "--private"}, command.Accept, 1, "added CN=Upper, from http://"},
		{"by AIA in PEM", forge.PEM("CERTIFICATE", upper.Raw), []string{leafFile, "--untrusted", lowerFile, "--roots", roots, "--private"}, command.Accept, 1, "added CN=Upper"},
		{"an impostor", impostor.Raw, []string{leafFile, "--untrusted", lowerFile, "--roots", roots, "--private"}, command.Reject, 1, "nothing issued CN=Lower"},
		{"no certificate", []byte("<html>"), []string{leafFile, "--untrusted", lowerFile, "--roots", roots, "--private"}, command.Reject, 1, "holds no certificate"},
		{"untrusted root", nil, []string{disorder}, command.Accept, 0, "which this computer does not trust"},
	} {
		body, asked = c.body, 0
		out := filepath.Join(dir, "out.pem")
		os.Remove(out)
		status, text := ran(append([]string{"bundle", "--out", out}, c.args...)...)
		got, err := os.ReadFile(out)
		if status != c.status || asked != c.asked || !strings.Contains(text, c.says) {
			t.Errorf("%s: status %d, asked %d times\n%s", c.name, status, asked, text)
		}
		if status == command.Accept && !bytes.Equal(got, want) || status != command.Accept && err == nil {
			t.Errorf("%s: written: %v\n%s", c.name, err, got)
		}
	}
	kept := write("kept.pem", []byte("kept"))
	if status, text := ran("bundle", disorder, "--roots", roots, "--out", kept); status != command.UsageError || !strings.Contains(text, "--force overwrites it") {
		t.Errorf("status %d %s", status, text)
	}
	if b, _ := os.ReadFile(kept); string(b) != "kept" {
		t.Errorf("a file was overwritten: %s", b)
	}
	if status, _ := ran("bundle", disorder, "--roots", roots, "--out", kept, "--force"); status != command.Accept {
		t.Errorf("--force: status %d", status)
	}
	if b, _ := os.ReadFile(kept); !bytes.Equal(b, want) {
		t.Errorf("--force wrote %s", b)
	}
	if status, out, _ := run("", "bundle", disorder, "--roots", roots); status != command.Accept || out != string(want) {
		t.Errorf("standard output: status %d\n%s", status, out)
	}
}

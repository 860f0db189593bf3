package cli

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/assaytls/assay/internal/lab/clients"
	"github.com/assaytls/assay/internal/lab/peers"
)

// sat is what a client of a known version answers.
type sat struct {
	program string
	version []string // parts of its version
	fooled  string
	lenient string
	refused string // good servers
}

// ledger is what clients answered when it was written: in the kinds path, name and wire the same as in the
// measurement of these versions that the exam comes from, which asked one encoding more. Of another version only
// what no client may get wrong is held.
var ledger = map[string]sat{
	"curl":                              {"curl", []string{"curl 7.88.1", "OpenSSL/3.0"}, "leaf-key-usage explicit-policy common-name-only", "long-length negative-serial", ""},
	"git":                               {"git", []string{"2.39.5"}, "weak-key client-eku issuer-eku common-name-only", "long-length negative-serial", "cross-signed"},
	"go net/http":                       {"", nil, "weak-key leaf-key-usage ip-range-excluded", "", ""},
	"assay check":                       {"", nil, "", "", ""},
	"openssl s_client -verify_hostname": {"openssl", []string{"OpenSSL 3.0"}, "leaf-key-usage explicit-policy common-name-only", "long-length negative-serial", ""},
}

// more clients are examined where they are here, or the tier wants them.
var quickClients = []string{"gnutls-cli", "wget", "python urllib", "perl HTTP::Tiny verify_SSL"}

var fullClients = []string{"java HttpsURLConnection", "node https", "php curl", "ruby net/http", "chromium", "firefox-esr", "nginx proxy_ssl_verify",
	"haproxy verify required", "apache SSLProxyVerify require"}

// The exam sits its clients in a namespace where the machine lets it, gives the answers of the ledger, and
// leaves the HOME of the user as it was.
func TestExam(t *testing.T) {
	names := slices.Clone(quickClients)
	for name, s := range ledger {
		if s.program != "" {
			peers.Path(t, s.program)
		}
		names = append(names, name)
	}
	if os.Getenv("ASSAY_FULL") == "1" {
		names = append(names, fullClients...)
	}
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, ".curlrc"), []byte("insecure\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := tree(t, home)
	cmd := exec.CommandContext(t.Context(), os.Args[0], append([]string{"lab", "clients", "--format", "json"}, names...)...)
	cmd.Args[0] = "assay"
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CACHE_HOME=", "XDG_CONFIG_HOME=")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out, stderr.String())
	}
	if after := tree(t, home); after != before {
		t.Errorf("HOME has changed: %s, %s", before, after)
	}
	isolation := clients.None
	if clients.CanEnter() == nil {
		isolation = clients.Namespace
	}
	seen := map[string]bool{}
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var r clients.Row
		if err := dec.Decode(&r); err != nil {
			t.Fatal(err)
		}
		seen[r.Name] = true
		if r.Isolation != isolation {
			t.Errorf("%s: isolation %s, want %s", r.Name, r.Isolation, isolation)
		}
		if r.State != clients.Examined {
			t.Errorf("%s: %s, %s", r.Name, r.State, r.Why)
			continue
		}
		for _, a := range r.Questions {
			if slices.Contains([]string{"expired", "self-signed", "untrusted-root", "bad-signature", "really-wrong-host", "wrong-key"}, a.Scenario) && a.Wrong {
				t.Errorf("%s: %s is accepted: %s", r.Name, a.Scenario, a.Reason)
			}
		}
		want, known := ledger[r.Name]
		if !known || isolation != clients.Namespace || slices.ContainsFunc(want.version, func(v string) bool { return !strings.Contains(r.Version, v) }) {
			t.Logf("%s (%s): fooled by %v", r.Name, r.Version, r.Fooled)
			continue
		}
		if fooled, lenient := strings.Join(r.Fooled, " "), strings.Join(r.Lenient, " "); fooled != want.fooled || lenient != want.lenient || strings.Join(r.RefusedGood, " ") != want.refused {
			t.Errorf("%s (%s): fooled %q, lenient %q, refused %v; the ledger says %q, %q, %q", r.Name, r.Version, fooled, lenient, r.RefusedGood, want.fooled, want.lenient, want.refused)
		}
	}
	for _, name := range names {
		if !seen[name] && (ledger[name].fooled != "" || os.Getenv("ASSAY_FULL") == "1") {
			t.Errorf("%s was not examined", name)
		}
	}
}

// tree lists what a directory has, with sizes and times.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		b.WriteString(name + " " + info.ModTime().String() + "\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

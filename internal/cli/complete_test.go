package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/report"
)

// complete is what a shell is told about args, the last of which is begun, and
// the directive.
func complete(t *testing.T, args ...string) (words []string, directive string) {
	t.Helper()
	var out, errs bytes.Buffer
	if status := Main(append([]string{"__complete"}, args...), strings.NewReader(""), &out, &errs); status != 0 {
		t.Fatalf("%q: status %d: %s", args, status, errs.String())
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	return lines[:len(lines)-1], lines[len(lines)-1]
}

// Completions know the words of every flag that takes some, and offer files only
// where a file is wanted.
func TestCompletionsKnowTheValues(t *testing.T) {
	a := &app{Run: command.NewRun("assay", nil, os.Stdout, os.Stderr)}
	known := 0
	for _, c := range a.root(nil).Commands() {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			looks, _ := pflag.UnquoteUsage(f)
			if f.Value.Type() == "bool" {
				return
			}
			asked := []string{c.Name(), "--" + f.Name, ""}
			if f.NoOptDefVal != "" { // its word may be left out, so it comes after a sign
				asked = []string{c.Name(), "--" + f.Name + "="}
			}
			words, directive := complete(t, asked...)
			if want := flags.WordsOf(f); !slices.Equal(words, want) {
				t.Errorf("%s --%s completes to %q, want %q", c.Name(), f.Name, words, want)
			}
			want := ":4" // no files
			switch {
			case strings.Contains(looks, "FILE"):
				want = ":0"
			case looks == "DIR":
				want = ":16"
			}
			if directive != want {
				t.Errorf("%s --%s: directive %s, want %s", c.Name(), f.Name, directive, want)
			}
			known += len(words)
		})
	}
	if known < 100 {
		t.Errorf("only %d words are known", known)
	}
	for _, c := range []struct{ command, flag, begun, want string }{
		{"check", "--unknown", "", "inconclusive allow warn deny"},
		{"connect", "--unknown", "d", "deny"},
		{"verify", "--ct", "", "report off require chrome apple"},
		{"check", "--purpose", "", "server client email code ocsp timestamp any"},
		{"check", "--revocation", "", "off staple crlite crl ocsp"},
		{"check", "--revocation", "crl,", "crl,staple crl,crlite crl,ocsp"},
		{"connect", "--on-eof", "", "half-close wait close"},
		{"check", "--aia", "", "on off"},
		{"check", "--format", "", "text json markdown nagios html"},
	} {
		if words, _ := complete(t, c.command, c.flag, c.begun); strings.Join(words, " ") != c.want {
			t.Errorf("%s %s %q completes to %q, want %q", c.command, c.flag, c.begun, words, c.want)
		}
	}
	if words, _ := complete(t, "connect", "--allow", "must-staple-"); !slices.Contains(words, "must-staple-missing") || slices.Contains(words, "cert-revoked") {
		t.Errorf("--allow completes to %q", words)
	}
}

// Saved evidence that is judged by the same rules is judged by the same policy,
// whatever check was allowed to download.
func TestPolicyHashOfEvidence(t *testing.T) {
	file := filepath.Join(t.TempDir(), "e.json")
	hash := func(want int, args ...string) string {
		var out, errs bytes.Buffer
		if status := Main(append(args, "--format", "json"), strings.NewReader(""), &out, &errs); status != want {
			t.Fatalf("%q: status %d: %s", args, status, errs.String())
		}
		var r report.Report
		if err := json.Unmarshal(out.Bytes(), &r); err != nil || r.PolicyHash == "" {
			t.Fatalf("%q: %v, policy hash %q", args, err, r.PolicyHash)
		}
		return r.PolicyHash
	}
	logs := filepath.Join(t.TempDir(), "logs.json")
	if err := os.WriteFile(logs, []byte(`{"operators":[{"name":"op","logs":[{"description":"a","key":"AAAA"}]}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	audit := "--ct-audit --log-list " + logs
	seen := map[string]string{}
	for _, rules := range []string{"", "--strict", "--unknown warn", "--revocation off --ct off", "--require-dns a.test --skew 1m"} {
		for _, access := range []string{"", "--offline", "--aia off --nonce", audit, "--max-download 1MiB --timeout 20s --connect-timeout 1s"} {
			if access == audit && strings.Contains(rules, "--ct off") {
				continue // they exclude each other
			}
			check := append([]string{"check", "127.0.0.1:1", "--save-evidence", file}, strings.Fields(rules+" "+access)...)
			h := hash(command.Inconclusive, check...)
			if v := hash(command.Inconclusive, append([]string{"verify", "--evidence", file}, strings.Fields(rules)...)...); v != h {
				t.Errorf("check %s %s: policy hash %s, and verify --evidence says %s", rules, access, h, v)
			}
			if old, ok := seen[h]; ok && old != rules {
				t.Errorf("%q and %q have one hash", rules, old)
			}
			seen[h] = rules
		}
	}
	if len(seen) != 5 {
		t.Errorf("%d hashes of 5 policies", len(seen))
	}
}

// A command that is named is made alone, and is the one of the whole tree.
func TestOneCommand(t *testing.T) {
	a := &app{Run: command.NewRun("assay", nil, os.Stdout, os.Stderr)}
	whole := a.root(nil).Commands()
	for _, c := range whole {
		if one := a.root([]string{c.Name(), "x"}).Commands(); len(one) != 1 || one[0].Name() != c.Name() || one[0].LocalFlags().FlagUsages() != c.LocalFlags().FlagUsages() {
			t.Errorf("%s: %v", c.Name(), one)
		}
	}
	for _, first := range []string{"", "help", "--help", "-v", "__complete", "chekc"} {
		if all := a.root([]string{first, "check"}).Commands(); len(all) != len(whole) {
			t.Errorf("%q: %d commands of %d", first, len(all), len(whole))
		}
	}
}

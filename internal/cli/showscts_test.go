package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/lab/forge"
)

// show prints each SCT with log, operator, state, time, verification and
// index, verified as far as issuer, certificate and list are at hand.
func TestShowSCTs(t *testing.T) {
	l := startLab(t)
	dir := t.TempDir()
	file := func(name string, b []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	pair := func(scenario string) (leaf, chain string) {
		s, ok := l.Scenario(scenario)
		if !ok {
			t.Fatal(scenario)
		}
		return file(scenario+"-leaf.pem", forge.PEM("CERTIFICATE", s.Leaf)), file(scenario+"-chain.pem", forge.PEM("CERTIFICATE", s.Chain...))
	}
	t.Setenv("XDG_CACHE_HOME", dir)
	tiled, ca := pair("sct-included-tiled")
	invalid, _ := pair("sct-bad-signature")
	unknown, _ := pair("sct-unknown-log")
	retired, _ := pair("sct-before-retirement")
	plain, _ := pair("sct-by-tls")
	s, _ := l.Scenario("sct-by-tls")
	evidence := filepath.Join(dir, "e.json")
	if status, _, errs := run("", append(l.Assay(s), "--save-evidence", evidence, "--revocation", "off")...); status == command.UsageError {
		t.Fatal(errs)
	}
	var saved struct {
		SCTs []byte `json:"tls_scts"`
	}
	b, err := os.ReadFile(evidence)
	if err != nil || json.Unmarshal(b, &saved) != nil || len(saved.SCTs) == 0 {
		t.Fatalf("no SCTs in %s (%v)", b, err)
	}
	list := file("scts.bin", saved.SCTs)
	damaged := file("damaged.bin", append(saved.SCTs[:len(saved.SCTs)-1:len(saved.SCTs)-1], saved.SCTs[len(saved.SCTs)-1]^1))
	version := file("version.bin", forge.SCTList([]byte{7, 1, 2, 3}))

	logs := []string{"--log-list", l.LogListFile}
	for _, c := range []struct {
		what string
		args []string
		want []string // of the rows, in order
	}{
		{"issuer at hand", append(logs, tiled, ca), []string{"Lab Tiled, Zeta, usable, 20* UTC, valid, leaf index 3*"}},
		{"issuer first", append(logs, ca, tiled), []string{"Lab Tiled, Zeta, usable, 20* UTC, valid, leaf index 3*"}},
		{"no issuer", append(logs, tiled), []string{"Lab Tiled, Zeta, usable, 20* UTC, not verified: * leaf index 3*"}},
		{"no list", []string{tiled, ca}, []string{"log *=, 20* UTC, not verified: no log list, leaf index 3*"}},
		{"wrong signature", append(logs, invalid, ca), []string{"Lab Alpha, Alpha Operations, usable, 20* UTC, invalid: *"}},
		{"unknown log", append(logs, unknown, ca), []string{"log *=, 20* UTC, not verified: the log is not in the list"}},
		{"retired log", append(logs, retired, ca), []string{"Lab Alpha, * valid", "Lab Retired, Delta, retired, 20* UTC, valid"}},
		{"list alone", append(logs, list), []string{"Lab Alpha, * not verified: no certificate at hand*", "Lab Beta, * not verified: no certificate at hand*"}},
		{"list alone, no logs", []string{list}, []string{"log *=, 20* UTC, not verified: no log list", "log *=, 20* UTC, not verified: no log list"}},
		{"list with its certificate", append(logs, tiled, plain, list), []string{"Lab Tiled, * leaf index 3*", "Lab Alpha, * valid", "Lab Beta, * valid"}},
		{"list with another certificate", append(logs, invalid, list), []string{"Lab Alpha, * not verified: *", "Lab Alpha, * not verified: no certificate*", "Lab Beta, * not verified: no certificate*"}},
		{"one bit flipped", append(logs, plain, damaged), []string{"Lab Alpha, * valid", "Lab Beta, * invalid: *"}},
		{"saved evidence", append(logs, evidence), []string{"Lab Alpha, * valid", "Lab Beta, * valid"}},
		{"unknown version", append(logs, "--type", "scts", version), []string{"of the unknown version 7"}},
	} {
		_, out, errs := run("", append([]string{"show", "--format", "json"}, c.args...)...)
		var objects []object
		if err := json.Unmarshal([]byte(out), &objects); err != nil {
			t.Fatalf("%s: %v %s", c.what, err, errs)
		}
		var got []string
		for _, o := range objects {
			for _, r := range o.Rows {
				if r.Label == "SCT" {
					got = append(got, r.Value)
				}
			}
		}
		ok := len(got) == len(c.want)
		for i := range min(len(got), len(c.want)) {
			ok = ok && glob(c.want[i], got[i])
		}
		if !ok {
			t.Errorf("%s:\n\t%s\nwant\n\t%s", c.what, strings.Join(got, "\n\t"), strings.Join(c.want, "\n\t"))
		}
	}
}

// glob matches text against a pattern in which * is any text.
func glob(pattern, text string) bool {
	first, rest, star := strings.Cut(pattern, "*")
	text, ok := strings.CutPrefix(text, first)
	if !star || !ok {
		return ok && text == ""
	}
	for i := range len(text) + 1 {
		if glob(rest, text[i:]) {
			return true
		}
	}
	return false
}

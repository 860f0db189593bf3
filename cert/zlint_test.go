package cert_test

import (
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/corpora"
)

// zlintLedger has the assertions of zlint's tests from which ours differ, by
// lint and file.
var zlintLedger = map[string]string{
	"e_key_usage_incorrect_length incorrect_ku_length.pem":                    "the superfluous bits are zero: encoding-named-bits",
	"e_key_usage_and_extended_key_usage_inconsistent kuEkuInconsistent.pem":   "one of the usages fits the purpose; zlint wants all of them to",
	"e_key_usage_and_extended_key_usage_inconsistent kuEkuInconsistentMp.pem": "one of the usages fits the purposes; zlint wants all of them to",
	"e_name_constraint_not_fqdn noAuthorityConstraintNotFQDN.pem":             "a single label; RFC 5280 wants a full domain name but no reader needs it",
	"e_name_constraint_not_fqdn exc1Perm1UriConstraints.pem":                  "a single label; RFC 5280 wants a full domain name but no reader needs it",
	"e_name_constraint_not_fqdn multExcMultPermUriConstraints.pem":            "a single label; RFC 5280 wants a full domain name but no reader needs it",
	"e_name_constraint_not_fqdn exc1UriConstraint.pem":                        "a single label; RFC 5280 wants a full domain name but no reader needs it",
	"e_name_constraint_not_fqdn multExc1PermUriConstraints.pem":               "a single label; RFC 5280 wants a full domain name but no reader needs it",
	"e_name_constraint_not_fqdn multPermUriConstraints.pem":                   "a single label; RFC 5280 wants a full domain name but no reader needs it",
}

// coverage reads testdata/zlint.txt: for each lint the kinds, "kind@field",
// that cover it; nil for a lint that is not covered, with a reason.
func coverage(t *testing.T) map[string][]string {
	b, err := os.ReadFile("testdata/zlint.txt")
	if err != nil {
		t.Fatal(err)
	}
	lints := map[string][]string{}
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if lint, reason, ok := strings.Cut(line, " - "); ok && reason != "" {
			lints[lint] = nil
			continue
		}
		lint, kinds, ok := strings.Cut(line, ": ")
		if !ok {
			t.Fatalf("testdata/zlint.txt: %q", line)
		}
		lints[lint] = strings.Fields(kinds)
		for _, k := range lints[lint] {
			id, _, _ := strings.Cut(k, "@")
			if _, ok := finding.Lookup(finding.ID(id)); !ok {
				t.Errorf("testdata/zlint.txt: no kind %s", id)
			}
		}
	}
	return lints
}

// Each lint of zlint that comes from an RFC is covered or left out for a
// reason, and where zlint's own tests find a defect, ours names it.
func TestZLint(t *testing.T) {
	dir := corpora.Dir(t, "zlint")
	var lints map[string]struct{ Source string }
	readJSON(t, filepath.Join(dir, "lints.json"), &lints)
	covered := coverage(t)
	n, total := 0, 0
	for name, l := range lints {
		other := strings.HasPrefix(name, "e_crl_") || strings.HasPrefix(name, "e_this_update")
		if !strings.HasPrefix(l.Source, "RFC") && l.Source != "Community" || other {
			if _, listed := covered[name]; listed {
				t.Errorf("%s is listed but not an RFC's lint on certificates", name)
			}
			continue
		}
		total++
		if kinds, listed := covered[name]; !listed {
			t.Errorf("%s: neither covered nor left out with a reason", name)
		} else if kinds != nil {
			n++
		}
	}
	var file struct {
		Tests []struct{ Kind, Lint, File, Status string }
	}
	readJSON(t, filepath.Join(dir, "unit_tests.json"), &file)
	passed, rows := 0, 0
	for _, c := range file.Tests {
		kinds := covered[c.Lint]
		bad := c.Status == "error" || c.Status == "warn" || c.Status == "info" || c.Status == "notice"
		if c.Kind != "cert" || kinds == nil || !bad && c.Status != "pass" {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, c.File))
		if err != nil {
			continue // not staged
		}
		raw := b
		if p, _ := pem.Decode(b); p != nil {
			raw = p.Bytes
		}
		found := covers(cert.Parse(raw), kinds)
		if found && !bad {
			continue // another rule of the same kind may be broken
		}
		rows++
		complaint := ""
		if bad && !found {
			complaint = "zlint finds a defect, ours none of " + strings.Join(kinds, " ")
		}
		if verdict(t, c.Lint+" "+filepath.Base(c.File), complaint, zlintLedger) {
			passed++
		}
	}
	t.Logf("zlint: %d of %d lints covered; %d of %d assertions on them as zlint says, the others in the ledger", n, total, passed, rows)
}

func covers(c *cert.Certificate, kinds []string) bool {
	for _, f := range c.StrictFindings() {
		for _, k := range kinds {
			id, field, _ := strings.Cut(k, "@")
			if string(f.ID) == id && strings.HasPrefix(f.Param("field"), field) {
				return true
			}
		}
	}
	return false
}

func readJSON(t *testing.T, path string, into any) {
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab"
	"github.com/assaytls/assay/internal/lab/scenarios"
	"github.com/assaytls/assay/report"
)

const fixtures = "../../finding/testdata"

// TestFixtures runs the command line of every finding/testdata/<id>.txtar and
// wants the finding <id> in the report. internal/lab/fixtures makes the files.
func TestFixtures(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(fixtures, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, file := range files {
		id := finding.ID(strings.TrimSuffix(filepath.Base(file), ".txtar"))
		t.Run(string(id), func(t *testing.T) {
			t.Parallel()
			if _, ok := finding.Lookup(id); !ok {
				t.Fatal("the table has no such finding")
			}
			args := unpack(t, file)
			status, out, errs := run("", args...)
			var r report.Report
			if err := json.Unmarshal([]byte(out), &r); err != nil {
				t.Fatalf("status %d, %v\n%s%s", status, err, out, errs)
			}
			if ids := allFindings(&r); !slices.Contains(ids, id) {
				t.Errorf("verdict %s, findings %v", r.Verdict, ids)
			}
			for _, odd := range lab.OddTimes(&r) {
				t.Errorf("a time in another form: %s", odd)
			}
		})
	}
}

// unpack writes a fixture's files to a directory and returns its command line
// with their names made absolute.
func unpack(t *testing.T, file string) []string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var args []string
	names := map[string]bool{}
	for _, f := range txtar.Parse(b).Files {
		if f.Name == "args" {
			args = strings.Fields(string(f.Data))
			continue
		}
		names[f.Name] = true
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i, a := range args {
		if names[a] {
			args[i] = filepath.Join(dir, a)
		}
	}
	return args
}

// unshown are the kinds that nothing shows yet, each with the reason.
var unshown = map[finding.ID]string{
	finding.AnchorsEmpty:    "flags cannot empty the set of anchors, and tests do not empty the system's",
	finding.EvidenceInvalid: "the command line refuses bad evidence before it is judged",
	finding.X509Refused:     "made by the library alone",
}

// Every kind of finding has a fixture, a scenario of the lab, another
// package's test that names it, or a reason.
func TestEveryFindingHappens(t *testing.T) {
	covered := scenarios.Covered()
	tests := testSources(t)
	constants := findingConstants(t)
	fixture, scenario, elsewhere := 0, 0, 0
	for _, k := range finding.Kinds() {
		_, err := os.Stat(filepath.Join(fixtures, string(k.ID)+".txtar"))
		switch {
		case err == nil:
			fixture++
		case len(covered[k.ID]) > 0:
			scenario++
		case strings.Contains(tests, "finding."+constants[k.ID]+"\x00") || strings.Contains(tests, `"`+string(k.ID)+`"`):
			elsewhere++
		case unshown[k.ID] == "":
			t.Errorf("%s has no fixture, no scenario and no test", k.ID)
		}
	}
	t.Logf("%d kinds: %d by fixture, %d by scenario, %d by a test elsewhere", len(finding.Kinds()), fixture, scenario, elsewhere)
}

// Findings about Certificate Transparency are all shown by files or servers.
func TestEveryCTFindingIsShown(t *testing.T) {
	covered := scenarios.Covered()
	for _, k := range finding.Kinds() {
		if k.Class != finding.ClassCT {
			continue
		}
		if _, err := os.Stat(filepath.Join(fixtures, string(k.ID)+".txtar")); err != nil && len(covered[k.ID]) == 0 {
			t.Errorf("%s has no fixture and no scenario", k.ID)
		}
	}
}

var identifier = regexp.MustCompile(`finding\.[A-Z][A-Za-z0-9]*|"[a-z0-9-]+"`)

// testSources returns the constants of findings and quoted words that tests of
// the packages that make findings use, each ended by a NUL.
func testSources(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, dir := range []string{"cert", "certpath", "crl", "ocsp", "ct", "test/ctlog", "internal/tlsclient", "internal/engine", "internal/assemble", "internal/revocation", "internal/dane", "internal/fetch", "."} {
		files, err := filepath.Glob(filepath.Join("../..", dir, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			src, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range identifier.FindAll(src, -1) {
				b.Write(m)
				b.WriteByte(0)
			}
		}
	}
	return b.String()
}

var constant = regexp.MustCompile(`(?m)^\t([A-Z][A-Za-z0-9]*) +ID = "([a-z0-9-]+)"`)

// findingConstants maps the IDs to the names of their constants.
func findingConstants(t *testing.T) map[finding.ID]string {
	t.Helper()
	files, err := filepath.Glob("../../finding/kinds_*.go")
	if err != nil || len(files) == 0 {
		t.Fatal("no tables", err)
	}
	m := map[finding.ID]string{}
	for _, f := range files {
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range constant.FindAllSubmatch(src, -1) {
			m[finding.ID(x[2])] = string(x[1])
		}
	}
	return m
}

// allFindings lists the IDs in r, wherever they hang, sorted, each once.
func allFindings(r *report.Report) []finding.ID {
	var ids []finding.ID
	add := func(fs []finding.Finding) {
		for _, f := range fs {
			ids = append(ids, f.ID)
		}
	}
	add(r.Findings)
	for _, p := range r.Paths {
		add(p.Findings)
		for _, c := range p.Certs {
			add(c.Findings)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

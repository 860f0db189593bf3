package house

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
)

// promises are the records of what stays, and the tests that hold them.
var promises = map[string]string{
	"docs/stability/report.txt":              "internal/house TestPromises",
	"docs/stability/scan-summary.txt":        "internal/house TestPromises",
	"docs/stability/exam.txt":                "internal/house TestPromises",
	"docs/stability/watch-yaml.txt":          "internal/house TestPromises",
	"docs/stability/findings.txt":            "internal/house TestPromises",
	"docs/stability/policy.txt":              "internal/house TestPromises",
	"docs/stability/columns.txt":             "internal/house TestPromises",
	"docs/stability/exit-statuses.txt":       "internal/cli TestPromises",
	"docs/stability/flags.txt":               "internal/cli TestPromises",
	"docs/stability/lab.txt":                 "internal/cli TestPromises",
	"docs/stability/fleet-flags.txt":         "fleet/command TestPromises",
	"docs/stability/scan-metrics.txt":        "fleet/command TestPromises",
	"docs/stability/api.txt":                 "fleet/web TestPromises",
	"docs/stability/serve-metrics.txt":       "fleet/web TestPromises",
	"docs/stability/probe-metrics.txt":       "fleet/web TestPromises",
	"docs/stability/migrations.txt":          "fleet/watch TestPromises",
	"docs/stability/alerts-yaml.txt":         "fleet/alert TestPromises",
	"report/schema.json":                     "report TestSchemaIDs",
	"fleet/summary/schema.json":              "fleet/summary TestLineSchema",
	"fleet/watch/schema.json":                "fleet/watch TestSchema",
	"fleet/sink/testdata/columns.txt":        "fleet/sink TestColumns",
	"internal/lab/clients/schema.json":       "internal/lab/clients TestSchema",
	"internal/house/testdata/api/assay.txt":  "internal/house TestAPI",
	"internal/house/testdata/api/policy.txt": "internal/house TestAPI",
	"internal/house/testdata/api/report.txt": "internal/house TestAPI",
}

// What this module's files promise stays.
func TestPromises(t *testing.T) {
	keep := func(name string, now []string) {
		t.Helper()
		Keep(t, filepath.Join("docs", "stability", name), now, *update)
	}
	schema := func(path string) (v any) {
		t.Helper()
		if err := json.Unmarshal(source(t, path), &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	keep("report.txt", SchemaLines(schema("report/schema.json"), false))
	keep("scan-summary.txt", SchemaLines(schema("fleet/summary/schema.json"), false))
	keep("exam.txt", SchemaLines(schema("internal/lab/clients/schema.json"), false))
	keep("watch-yaml.txt", SchemaLines(schema("fleet/watch/schema.json"), true))

	var lines []string
	for _, k := range finding.Kinds() {
		lines = append(lines, string(k.ID)+" since "+k.Since)
	}
	keep("findings.txt", lines)

	lines = nil
	for _, f := range policy.Fields() {
		lines = append(lines, f.Name)
		if len(f.Words) > manyWords/2 {
			continue // IDs of findings
		}
		for _, word := range f.Words {
			lines = append(lines, f.Name+" may be "+word)
		}
	}
	keep("policy.txt", lines)

	lines = nil
	var at []string // the groups around a column
	for line := range strings.Lines(string(source(t, "fleet/sink/testdata/columns.txt"))) {
		line = strings.TrimSpace(line)
		words := strings.Fields(line)
		switch {
		case len(words) > 1 && words[1] == "message":
			at = []string{words[0]}
		case strings.HasSuffix(line, "{"):
			at = append(at, words[2])
		case line == "}":
			at = at[:len(at)-1]
		case line != "":
			lines = append(lines, strings.Join(at, " ")+" "+strings.TrimSuffix(line, ";"))
		}
	}
	keep("columns.txt", lines)
}

// The page of promises names every record and every record is there, held by a test
// that is there.
func TestStabilityPage(t *testing.T) {
	page := string(source(t, "docs/stability.md"))
	for file, by := range promises {
		if !exists(file) {
			t.Errorf("%s is not there", file)
		}
		if name := strings.TrimPrefix(file, "docs/"); !strings.Contains(page, "("+name+")") && !strings.Contains(page, "(../"+file+")") {
			t.Errorf("docs/stability.md does not link %s", file)
		}
		dir, name, _ := strings.Cut(by, " ")
		if !hasTest(t, dir, name) {
			t.Errorf("%s is held by %s, which is not there", file, by)
		}
	}
	files, err := filepath.Glob("docs/stability/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if promises[filepath.ToSlash(file)] == "" {
			t.Errorf("no test holds %s", file)
		}
	}
}

// hasTest reports whether the package in dir has a test of that name.
func hasTest(t *testing.T, dir, name string) bool {
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(file string) bool {
		return strings.Contains(string(source(t, file)), "\nfunc "+name+"(t *testing.T)")
	})
}

// complaints is a testing.TB that only counts what it is told.
type complaints struct {
	testing.TB
	n int
}

func (c *complaints) Errorf(string, ...any) { c.n++ }
func (c *complaints) Helper()               {}

// Keep notices what is gone, with update too, and what is new without it.
func TestKeep(t *testing.T) {
	file := filepath.Join(t.TempDir(), "record.txt")
	for _, step := range []struct {
		now    []string
		update bool
		want   int
		record string
	}{
		{[]string{"a", "b"}, true, 0, "a\nb\n"},
		{[]string{"a", "b"}, false, 0, "a\nb\n"},
		{[]string{"a", "b", "c"}, false, 1, "a\nb\n"},
		{[]string{"a", "c"}, true, 1, "a\nb\nc\n"},
		{[]string{"a"}, false, 2, "a\nb\nc\n"},
	} {
		c := &complaints{TB: t}
		Keep(c, file, step.now, step.update)
		if b, _ := os.ReadFile(file); c.n != step.want || string(b) != step.record {
			t.Errorf("%v: %d complaints, want %d; the record is %q", step.now, c.n, step.want, b)
		}
	}
}

// Each promise of a schema has a line, and what a reader may leave out is one of what
// is read alone.
func TestSchemaLines(t *testing.T) {
	var schema any
	text := `{"type":"object","required":["a"],"properties":{"a":{"enum":["x"]},"b":{"type":"array","items":{"$ref":"#/$defs/c"}}},"$defs":{"c":{"type":"string"}}}`
	if err := json.Unmarshal([]byte(text), &schema); err != nil {
		t.Fatal(err)
	}
	for input, want := range map[bool]string{
		false: "#c is string, a, a is always there, a may be x, b, b is array, b[] is #/$defs/c, is object",
		true:  "#c is string, a, a may be x, b, b is array, b may be absent, b[] is #/$defs/c, is object",
	} {
		if got := strings.Join(SchemaLines(schema, input), ", "); got != want {
			t.Errorf("input %v: %s\nwant %s", input, got, want)
		}
	}
}

package lab_test

import (
	"bytes"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/assaytls/assay/internal/lab"
	"github.com/assaytls/assay/internal/render"
)

var update = flag.Bool("update", false, "rewrite the golden file of the first lines")

const goldenLines = "testdata/firstlines.txt"

// moving are the parts of a report that differ from run to run, and what stands
// for them.
var moving = []struct {
	part *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(?: UTC|Z)`), "TIME"},
	{regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}`), "DATE"},
	{regexp.MustCompile(`((?:[a-z0-9-]+\.test|127\.0\.0\.1|224\.0\.0\.1):)[0-9]{4,5}`), "${1}PORT"},
	{regexp.MustCompile(`\bport [0-9]{4,5}\b`), "port PORT"},
	{regexp.MustCompile(`\b[0-9]+(?:\.[0-9]+)? (?:seconds?|minutes?|hours?|days?|h|min|s)\b`), "SPAN"},
	{regexp.MustCompile(`\b[0-9]+(?:\.[0-9]+)? ?ms\b`), "SPAN"},
	{regexp.MustCompile(`:PORT (?:timeout|not-tried), SPAN`), ":PORT timeout, SPAN"}, // which of the two is a race
	{regexp.MustCompile(`\b[0-9]+% of\b`), "N% of"},
	{regexp.MustCompile(`\bserial number [0-9a-f]{8,}`), "serial number SERIAL"},
	{regexp.MustCompile(`[0-9A-Za-z+/]{43}=`), "HASH"},
	{regexp.MustCompile(`\b([0-3] [01] [0-2]) [0-9a-f]{16}…`), "${1} HASH…"},
	{regexp.MustCompile(`\b(offset|from offset) [0-9]+`), "$1 N"},
	{regexp.MustCompile(`\b(element of) [0-9]+|\b(which has) [0-9]+`), "$1$2 N"},
}

// firstLines is what a reader sees first of a scenario's report, told so that two
// runs say the same: long lines are joined before they are compared, since where
// they break depends on the ports.
func firstLines(o lab.Outcome) (string, error) {
	var b bytes.Buffer
	if err := render.Text(&b, o.Report, render.Options{Width: 10000}); err != nil {
		return "", err
	}
	s := b.String()
	for _, m := range moving {
		s = m.part.ReplaceAllString(s, m.with)
	}
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	return strings.Join(lines[:min(len(lines), 10)], "\n") + "\n", nil
}

// The first ten lines of every scenario's report are as they were read and found
// good. They are read again before the golden file is rewritten (-update).
func TestFirstLines(t *testing.T) {
	l := start(t)
	var got strings.Builder
	for _, o := range l.Check(t.Context(), nil) {
		s, err := firstLines(o)
		if err != nil {
			t.Fatal(err)
		}
		got.WriteString("=== " + o.Scenario.Name + "\n" + s)
	}
	if *update {
		if err := os.WriteFile(goldenLines, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(goldenLines)
	if err != nil {
		t.Fatal(err)
	}
	want := reports(string(b))
	for name, text := range reports(got.String()) {
		if want[name] != text {
			t.Errorf("%s differs (go test ./internal/lab -run TestFirstLines -update rewrites it)\ngot:\n%s\nwant:\n%s", name, text, want[name])
		}
		delete(want, name)
	}
	for name := range want {
		t.Errorf("%s is no scenario any more", name)
	}
}

// reports takes the golden file apart.
func reports(s string) map[string]string {
	all := map[string]string{}
	for _, part := range strings.Split(s, "=== ")[1:] {
		name, text, _ := strings.Cut(part, "\n")
		all[name] = text
	}
	return all
}

// A report fits on a screen of 24 lines, but for some servers that send hostile
// names or break many rules at once; their reports are bounded too.
func TestOnOneScreen(t *testing.T) {
	l := start(t)
	long := 0
	outcomes := l.Check(t.Context(), nil)
	for _, o := range outcomes {
		var b bytes.Buffer
		if err := render.Text(&b, o.Report, render.Options{}); err != nil {
			t.Fatal(err)
		}
		n := strings.Count(b.String(), "\n")
		if n > 30 {
			t.Errorf("%s: %d lines\n%s", o.Scenario.Name, n, b.String())
		}
		if n > 24 {
			long++
		}
	}
	if long*10 > len(outcomes) {
		t.Errorf("%d of %d reports do not fit on a screen", long, len(outcomes))
	}
}

package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func load(t *testing.T, name string) *report.Report {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var r report.Report
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	return &r
}

func TestGolden(t *testing.T) {
	for _, c := range []struct {
		report, golden string
		o              Options
	}{
		{"accept", "accept.txt", Options{}},
		{"accept", "accept-v.txt", Options{Verbose: true}},
		{"accept", "accept-certs.txt", Options{Certs: true}},
		{"accept", "accept-q.txt", Options{Quiet: true}},
		{"reject", "reject.txt", Options{}},
		{"reject", "reject-color.txt", Options{Color: true}},
		{"reject", "reject-q.txt", Options{Quiet: true}},
		{"unreachable", "unreachable.txt", Options{}},
	} {
		t.Run(c.golden, func(t *testing.T) {
			var got bytes.Buffer
			if err := Text(&got, load(t, c.report), c.o); err != nil {
				t.Fatal(err)
			}
			golden(t, c.golden, got.Bytes())
			if !c.o.Quiet {
				checkWidth(t, got.String())
			}
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (go test -update rewrites it); got:\n%s", name, got)
	}
}

var sgr = regexp.MustCompile("\x1b\\[[0-9;]*m")

// checkWidth wants every line to fit 80 columns unless one word alone is longer.
func checkWidth(t *testing.T, s string) {
	t.Helper()
	for _, l := range strings.Split(sgr.ReplaceAllString(s, ""), "\n") {
		if utf8.RuneCountInString(l) <= 80 {
			continue
		}
		if longest := longestWord(l); longest < 60 {
			t.Errorf("line of %d columns: %s", utf8.RuneCountInString(l), l)
		}
	}
}

func longestWord(l string) (n int) {
	for _, w := range strings.Fields(l) {
		n = max(n, utf8.RuneCountInString(w))
	}
	return n
}

// The zero report and reports with indices that point nowhere are written too.
func TestOddReports(t *testing.T) {
	for _, r := range []*report.Report{
		{},
		{Chosen: 7, Paths: []report.Path{{Certs: []report.PathCert{{Cert: 9}, {Cert: -1}}}}},
		{Headline: &report.Headline{Path: 3, Cert: 3}},
		{Headline: &report.Headline{Path: 0, Cert: 3}, Paths: []report.Path{{}}},
		{Verdict: "nonsense", CT: &report.CT{}, Findings: []finding.Finding{{ID: "x-y", Severity: 99}}},
	} {
		var b bytes.Buffer
		if err := Text(&b, r, Options{Verbose: true, Certs: true}); err != nil {
			t.Error(err)
		}
		if !strings.HasPrefix(b.String(), "INCONCLUSIVE") {
			t.Errorf("a report without a verdict must be inconclusive:\n%s", b.String())
		}
	}
	var b bytes.Buffer
	if err := Text(&b, &report.Report{Findings: []finding.Finding{{ID: "x-y", Severity: 99}}}, Options{}); err != nil || !strings.Contains(b.String(), "[x-y]") {
		t.Errorf("a finding of unknown severity must be shown: %v\n%s", err, b.String())
	}
}

const hostile = "a\x1b]0;pwned\x07\r\nb\u202ec\u200bd\x9be\u009b31m<script>alert(1)</script>\xff"

// fill puts hostile text into every string of v that is not one of assay's own words.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		fill(v.Elem())
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)))
			return
		}
		for i := range v.NumField() {
			if v.Field(i).Type() != reflect.TypeFor[*report.Report]() { // a report in a report has none
				fill(v.Field(i))
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.String:
		v.SetString(hostile)
	case reflect.Bool:
		v.SetBool(true)
	}
}

// TestHostile puts terminal controls, line breaks, text reversal and markup
// into every string field of a report and looks for any that gets out.
func TestHostile(t *testing.T) {
	var r report.Report
	fill(reflect.ValueOf(&r).Elem())
	r.Findings = append(r.Findings, finding.New(finding.X509Disagrees, "detail", hostile))
	for _, o := range []Options{{}, {Verbose: true, Certs: true}, {Quiet: true}} {
		var b bytes.Buffer
		if err := Text(&b, &r, o); err != nil {
			t.Fatal(err)
		}
		for i, l := range strings.Split(b.String(), "\n") {
			checkClean(t, i, l)
		}
		if !strings.Contains(b.String(), `\u{1b}]0;pwned\u{7}\u{d}\u{a}b\u{202e}c\u{200b}d\u{9b}e\u{9b}31m`) {
			t.Errorf("the hostile text is nowhere:\n%s", b.String())
		}
	}
	var b bytes.Buffer
	if err := JSON(&b, &r, true); err != nil {
		t.Fatal(err)
	}
	for i, l := range strings.Split(b.String(), "\n") {
		checkClean(t, i, l)
	}
	if strings.Contains(b.String(), "<script>") {
		t.Error("markup in JSON must be escaped")
	}
	var back report.Report
	if err := json.Unmarshal(b.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if want := strings.ToValidUTF8(hostile, "\ufffd"); back.Certs[0].Subject != want {
		t.Errorf("JSON changed the text: %q, want %q", back.Certs[0].Subject, want)
	}
}

func checkClean(t *testing.T, i int, l string) {
	t.Helper()
	for _, c := range l {
		if c < 0x20 || c >= 0x7f && c <= 0x9f || c == '\u202e' || c == '\u200b' || c == utf8.RuneError && !strings.Contains(l, "\ufffd") {
			t.Errorf("line %d has %q: %q", i, c, l)
			return
		}
	}
}

func TestEscapeUnsafe(t *testing.T) {
	for in, want := range map[string]string{
		`"plain"`:        `"plain"`,
		"\"ü\"":          "\"ü\"",
		"\"\u202e\"":     `"\u202e"`,
		"\"\u0085\"":     `"\u0085"`,
		"\"\U000e0041\"": `"\udb40\udc41"`,
		"\"\x7f\"":       `"\u007f"`,
	} {
		if got := string(escapeUnsafe([]byte(in))); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestOneLineJSON(t *testing.T) {
	var b bytes.Buffer
	if err := JSON(&b, load(t, "accept"), false); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "\n"); n != 1 {
		t.Errorf("%d lines", n)
	}
}

type failing struct{}

var errFull = errors.New("disk full")

func (failing) Write([]byte) (int, error) { return 0, errFull }

func TestWriteError(t *testing.T) {
	r := load(t, "accept")
	if err := Text(failing{}, r, Options{}); !errors.Is(err, errFull) {
		t.Error(err)
	}
	if err := JSON(failing{}, r, false); !errors.Is(err, errFull) {
		t.Error(err)
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		in    string
		width int
		want  []string
	}{
		{"", 30, []string{""}},
		{"one two", 30, []string{"one two"}},
		{"aaaaaaaaaa bbbbbbbbbb ccccc", 21, []string{"aaaaaaaaaa bbbbbbbbbb", "ccccc"}},
		{"x http://a.test/a-very-long-address-indeed y", 20, []string{"x", "http://a.test/a-very-long-address-indeed", "y"}},
	} {
		if got := wrap(c.in, c.width); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q: %q", c.in, got)
		}
	}
}

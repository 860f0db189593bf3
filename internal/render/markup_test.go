package render

import (
	"bytes"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

func TestMarkupGolden(t *testing.T) {
	for _, c := range []struct {
		report, golden string
		o              Options
	}{
		{"accept", "accept.md", Options{}},
		{"accept", "accept-v.md", Options{Verbose: true, Certs: true}},
		{"reject", "reject.md", Options{}},
	} {
		t.Run(c.golden, func(t *testing.T) {
			var got bytes.Buffer
			if err := Markdown(&got, load(t, c.report), c.o); err != nil {
				t.Fatal(err)
			}
			golden(t, c.golden, got.Bytes())
		})
	}
}

// evil is text of a peer with everything that has a meaning somewhere.
const evil = hostile + " `` ` ```x``` |a|b| [x](javascript:alert(1)) ![i](http://evil.test/i.png) <http://evil.test> http://evil.test www.evil.test @everyone #1 *b* _i_ ~~s~~ &lt; \" ' onclick=x <!-- --> $x$ \\*"

// evils are texts that begin in a way that means something.
var evils = []string{evil, "# h", "- l", "1. l", "> q", "```", "    code", "---", "===", "| a | b |", "<script>alert(1)</script>", "`", "\\", "[r]: http://evil.test"}

// hostileReport has the text in every field.
func hostileReport(s string) *report.Report {
	var r report.Report
	fill(reflect.ValueOf(&r).Elem())
	each(reflect.ValueOf(&r).Elem(), s)
	r.Findings = append(r.Findings, finding.New(finding.X509Disagrees, "detail", s), finding.New(finding.FetchFailed, "url", s, "detail", s))
	r.Headline = &report.Headline{Finding: finding.New(finding.NameMismatch, "name", s, "names", s), Path: 0, Cert: 1}
	return &r
}

// each puts s into every string below v.
func each(v reflect.Value, s string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			each(v.Elem(), s)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				each(v.Field(i), s)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			each(v.Index(i), s)
		}
	case reflect.String:
		v.SetString(s)
	}
}

var (
	ownBold = regexp.MustCompile(`\*\*[A-Za-z0-9 -]+\*\* `)
	escaped = regexp.MustCompile(`\\[*_{}\[\]<>&|~$!]`)
)

// withoutCode takes the code spans out of a line of Markdown, as CommonMark finds
// them: a run of backticks is closed by the next run of the same length.
func withoutCode(l string) string {
	runs := regexp.MustCompile("`+").FindAllStringIndex(l, -1)
	var b strings.Builder
	from := 0
	for i := 0; i < len(runs); i++ {
		for k := i + 1; k < len(runs); k++ {
			if runs[k][1]-runs[k][0] == runs[i][1]-runs[i][0] {
				b.WriteString(l[from:runs[i][0]])
				from, i = runs[k][1], k
				break
			}
		}
	}
	b.WriteString(l[from:])
	return b.String()
}

// No text of a peer has a meaning in Markdown: what is outside of code has none of
// the characters that mean something, but those that this package wrote.
func TestMarkdownHostile(t *testing.T) {
	for _, s := range evils {
		for _, o := range []Options{{}, {Verbose: true, Certs: true}} {
			var b bytes.Buffer
			if err := Markdown(&b, hostileReport(s), o); err != nil {
				t.Fatal(err)
			}
			code := false
			for i, l := range strings.Split(b.String(), "\n") {
				checkClean(t, i, l)
				if l == "```" {
					code = !code
					continue
				}
				if code {
					continue
				}
				rest := escaped.ReplaceAllString(ownBold.ReplaceAllString(withoutCode(l), ""), "")
				rest = strings.TrimLeft(strings.TrimPrefix(strings.TrimPrefix(rest, "### "), "## "), " ")
				if strings.ContainsAny(rest, "`*_[]<>&|~$!@#\\") || strings.Contains(rest, "://") || strings.Contains(rest, "www.") {
					t.Errorf("%q: line %d: %q leaves %q", s, i, l, rest)
				}
			}
			if code {
				t.Errorf("%q: a block of code is not closed", s)
			}
		}
	}
}

func TestCodeSpan(t *testing.T) {
	for in, want := range map[string]string{"a": "`a`", "a`b": "``a`b``", "`a": "`` `a ``", "a``b`c": "```a``b`c```", "": "`  `"} {
		if got := codeSpan(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

func TestMarkupWriteError(t *testing.T) {
	if err := Markdown(failing{}, load(t, "accept"), Options{}); err == nil {
		t.Error("Markdown")
	}
}

func TestStateBeforeText(t *testing.T) {
	for want, i := range map[string]report.ViewItem{
		"reject ECDSA certificate": {Label: "also serves", State: "reject", Text: "ECDSA certificate"},
		"REVOKED, by CRL":          {Label: "revocation", State: "REVOKED", Text: ", by CRL"},
		"good":                     {Label: "revocation", State: "good"},
		"done: path":               {State: "done", Text: "path"},
	} {
		if got := itemEntries(i)[0].text; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

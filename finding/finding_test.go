package finding

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestQuote(t *testing.T) {
	long := strings.Repeat("ä", quoteMax)
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"plain text, 'quotes' \"too\" <b>", "plain text, 'quotes' \"too\" <b>"},
		{"grüße 世界", "grüße 世界"},
		{"a\tb\r\nc\x00", `a\u{9}b\u{d}\u{a}c\u{0}`},
		{"\x1b]0;x\x07", `\u{1b}]0;x\u{7}`},
		{"\x7f\u0080\u009f", `\u{7f}\u{80}\u{9f}`},
		{"\u202eabc\u202c\u2066\u2069", `\u{202e}abc\u{202c}\u{2066}\u{2069}`},
		{"\u200b\u200d\u2060\ufeff\u00ad\ufe0f", `\u{200b}\u{200d}\u{2060}\u{feff}\u{ad}\u{fe0f}`},
		{"\u2028\u2029", `\u{2028}\u{2029}`},
		{"\U000e0041", `\u{e0041}`},
		{"\xff\xc3", `\u{ff}\u{c3}`},
		{"\xed\xa0\x80", `\u{ed}\u{a0}\u{80}`}, // a surrogate is no UTF-8
		{"\ufffd", "\ufffd"},                   // the replacement character itself is harmless
		{long, long},
		{long + "x", long + "…"},
		{strings.Repeat("\x1b", 300), strings.Repeat(`\u{1b}`, quoteMax) + "…"},
	} {
		if got := Quote(c.in); got != c.want {
			t.Errorf("Quote(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

// Every code point that a terminal shows as nothing, or that moves other text,
// is escaped, and nothing else is: the whole of Unicode is asked.
func TestQuoteAllOfUnicode(t *testing.T) {
	hidden := map[string]*unicode.RangeTable{
		"Cf":                                 unicode.Cf,
		"Cc":                                 unicode.Cc,
		"Zl":                                 unicode.Zl,
		"Zp":                                 unicode.Zp,
		"Other_Default_Ignorable_Code_Point": unicode.Other_Default_Ignorable_Code_Point,
		"Variation_Selector":                 unicode.Variation_Selector,
		"Bidi_Control":                       unicode.Bidi_Control,
		"Join_Control":                       unicode.Join_Control,
		"Hangul fillers": {R16: []unicode.Range16{
			{Lo: 0x115f, Hi: 0x1160, Stride: 1}, {Lo: 0x3164, Hi: 0x3164, Stride: 1}, {Lo: 0xffa0, Hi: 0xffa0, Stride: 1}}},
	}
	escaped := 0
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue // a surrogate is no UTF-8
		}
		s, in := string(r), ""
		for name, table := range hidden {
			if unicode.Is(table, r) {
				in = name
			}
		}
		got := Quote(s)
		if got != s {
			escaped++
		}
		switch want := fmt.Sprintf(`\u{%x}`, r); {
		case in != "" && got != want:
			t.Errorf("U+%04X of %s: Quote returned %q, want %q", r, in, got, want)
		case in == "" && got != s && unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Zs):
			t.Errorf("U+%04X is to be seen and was escaped: %q", r, got)
		}
	}
	if escaped < 4000 || escaped > 5000 {
		t.Errorf("%d code points are escaped", escaped)
	}
}

func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", "abc", "\x1b[31m", "\u202e", "\xff", strings.Repeat("é", 300)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q := Quote(s)
		if !utf8.ValidString(q) {
			t.Fatalf("%q: not UTF-8: %q", s, q)
		}
		for _, r := range q {
			if unsafeRune(r) {
				t.Fatalf("%q: %q got out", s, r)
			}
		}
		if !strings.HasSuffix(q, "…") && utf8.RuneCountInString(q) <= quoteMax && Quote(q) != q {
			t.Fatalf("%q: not idempotent", s)
		}
	})
}

var (
	kebab = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	param = regexp.MustCompile(`\{[^{}]*\}`)
	name  = regexp.MustCompile(`^\{[a-z0-9]+(-[a-z0-9]+)*\}$`)
)

// Every entry of the table is complete and follows the rules of the house.
func TestTable(t *testing.T) {
	classes := map[Class]bool{
		ClassConnection: true, ClassEncoding: true, ClassCertificate: true, ClassPath: true, ClassName: true, ClassRevocation: true,
		ClassRevocationUnavailable: true, ClassCT: true, ClassBudget: true, ClassPolicy: true, ClassProgram: true, ClassInternal: true,
	}
	seen := map[ID]bool{}
	for _, k := range Kinds() {
		bad := func(format string, args ...any) { t.Helper(); t.Errorf("%s: "+format, append([]any{k.ID}, args...)...) }
		if seen[k.ID] {
			bad("twice in the table")
		}
		seen[k.ID] = true
		if !kebab.MatchString(string(k.ID)) || strings.HasPrefix(string(k.ID), "x-") {
			bad("not a proper ID")
		}
		for _, w := range strings.Split(string(k.ID), "-") {
			if w == "warning" || w == "info" || w == "inconclusive" {
				bad("a severity in the name")
			}
		}
		if !classes[k.Class] {
			bad("unknown class %q", k.Class)
		}
		if k.Severity < Info || k.Severity > Error {
			bad("severity %d", k.Severity)
		}
		if k.Rank < 0 || k.Rank > 100 {
			bad("rank %d", k.Rank)
		}
		for what, text := range map[string]string{"Title": k.Title, "Explain": k.Explain, "Risk": k.Risk, "Fix": k.Fix, "Since": k.Since} {
			if strings.TrimSpace(text) == "" {
				bad("no %s", what)
			}
			if text != strings.TrimSpace(text) || strings.ContainsAny(text, "\n\t") || strings.Contains(text, "  ") {
				bad("%s is not one line of plain text", what)
			}
			if Quote(text) != text && utf8.RuneCountInString(text) <= quoteMax {
				bad("%s has a character that Quote escapes", what)
			}
		}
		for what, text := range map[string]string{"Explain": k.Explain, "Risk": k.Risk, "Fix": k.Fix} {
			if !strings.HasSuffix(text, ".") && !strings.HasSuffix(text, ".)") {
				bad("%s is not a sentence: %q", what, text)
			}
		}
		if strings.HasSuffix(k.Title, ".") || strings.Count(k.Title, "{") != strings.Count(k.Title, "}") {
			bad("title %q", k.Title)
		}
		for _, p := range param.FindAllString(k.Title, -1) {
			if !name.MatchString(p) {
				bad("parameter %s", p)
			}
		}
		if (k.OpenSSL == "") != (k.OpenSSLCode == 0) {
			bad("OpenSSL name %q without its number %d, or the other way round", k.OpenSSL, k.OpenSSLCode)
		}
		if k.OpenSSL != "" && !strings.HasPrefix(k.OpenSSL, "X509_V_ERR_") {
			bad("OpenSSL name %q", k.OpenSSL)
		}
		switch k.Class {
		case ClassPath, ClassName, ClassBudget, ClassProgram, ClassInternal, ClassEncoding:
			if k.Allowable {
				bad("kinds of class %s must not be allowable", k.Class)
			}
		}
	}
}

func TestTitle(t *testing.T) {
	f := New(AIAMissing, "subject", "CN=\x1b[31mx", "url", "http://a.test/")
	if want := `the server did not send the intermediate CN=\u{1b}[31mx; assay downloaded it from http://a.test/`; f.Title() != want {
		t.Errorf("%s", f.Title())
	}
	if got := New(BudgetNeeds, "count", "9").Title(); got != "the certificates require 9 downloads; the limit is ?" {
		t.Errorf("a missing parameter: %s", got)
	}
	if got := New(BudgetNeeds, "count", "{limit}", "limit", "3").Title(); !strings.Contains(got, "require {limit} downloads") {
		t.Errorf("a parameter must not be expanded again: %s", got)
	}
	if got := (Finding{ID: "\x1bx"}).Title(); got != `\u{1b}x` {
		t.Errorf("an unknown ID: %q", got)
	}
}

func TestUnknownIDRefuses(t *testing.T) {
	if f := New("no-such-kind"); f.Severity != Error {
		t.Error(f.Severity)
	}
	if s := Severity(9).String(); s != "error" {
		t.Error(s)
	}
	if s := Severity(-9).String(); s != "error" {
		t.Error(s)
	}
}

func TestWith(t *testing.T) {
	f := New(BudgetNeeds, "count", "1")
	g, h := f.With("a", "1"), f.With("b", "2")
	if g.Param("b") != "" || h.Param("a") != "" || len(f.Params) != 1 {
		t.Error("With must copy")
	}
	if g.Param("count") != "1" || g.Param("a") != "1" {
		t.Error("With must keep")
	}
}

func TestGraded(t *testing.T) {
	f := New(BudgetNeeds)
	if g := f.Graded(Error, "p"); g.Policy != "" {
		t.Error("the same severity is no grading")
	}
	if g := f.Graded(Warning, "p"); g.Policy != "p" || g.Severity != Warning || f.Severity != Error {
		t.Error("not graded")
	}
}

func TestJSON(t *testing.T) {
	f := New(AnchorsEmpty, "b", "\x1b", "a", "1").Graded(Warning, "test")
	b, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	if m["id"] != "anchors-empty" || m["severity"] != "warning" || m["class"] != "path" || m["policy"] != "test" {
		t.Errorf("%s", b)
	}
	if o := m["openssl"].(map[string]any); o["code"] != 20.0 || o["name"] != "X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY" {
		t.Errorf("%s", b)
	}
	var back Finding
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if back.ID != f.ID || back.Severity != f.Severity || back.Policy != "test" || back.Param("a") != "1" || back.Param("b") != `\u{1b}` {
		t.Errorf("%+v", back)
	}
	again, err := json.Marshal(back)
	if err != nil || string(again) != string(b) {
		t.Errorf("not stable: %v\n%s\n%s", err, b, again)
	}
	for _, bad := range []string{`{"severity":"dreadful"}`, `{"severity":7}`, `[]`} {
		if json.Unmarshal([]byte(bad), &back) == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"id":"cert-expired","severity":"error","params":{"a":"b"}}`))
	f.Add([]byte(`{"id":"{title}","severity":"info"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var x Finding
		if json.Unmarshal(b, &x) != nil {
			return
		}
		_ = x.String()
		if _, err := json.Marshal(x); err != nil {
			t.Fatal(err)
		}
	})
}

// IDs and classes are errors, so that errors.Is can look for them.
func TestErrors(t *testing.T) {
	err := fmt.Errorf("wrapped: %w", AnchorsEmpty)
	if !errors.Is(err, AnchorsEmpty) || errors.Is(err, NoCertificates) {
		t.Error("errors.Is does not work for IDs")
	}
	if !errors.Is(fmt.Errorf("wrapped: %w", ClassCT), ClassCT) {
		t.Error("errors.Is does not work for classes")
	}
}

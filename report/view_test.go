package report_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

const hostile = "a\x1b]0;pwned\x07\r\nb\u202ec\u200bd\x9be\u009b31m<script>alert(1)</script>\xff"

// fill puts hostile text into every string below v.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
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
		v.Set(reflect.MakeSlice(v.Type(), 12, 12))
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.String:
		v.SetString(hostile)
	case reflect.Bool:
		v.SetBool(true)
	}
}

// texts calls f with every string below v.
func texts(v reflect.Value, f func(string)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			texts(v.Elem(), f)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			texts(v.Field(i), f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			texts(v.Index(i), f)
		}
	case reflect.String:
		f(v.String())
	}
}

// No control character, line break or reversal of the peer's reaches a View.
func TestViewHostile(t *testing.T) {
	var r report.Report
	fill(reflect.ValueOf(&r).Elem())
	r.Findings = append(r.Findings, finding.New(finding.X509Disagrees, "detail", hostile))
	v := r.View()
	n := 0
	for _, v := range []*report.View{v, v.At(report.LevelQuiet, true), v.At(report.LevelDefault, false), v.At(report.LevelVerbose, true)} {
		texts(reflect.ValueOf(v), func(s string) {
			n++
			if strings.ContainsFunc(s, func(c rune) bool {
				return c < 0x20 || c >= 0x7f && c <= 0x9f || c == '\u202e' || c == '\u200b' || c == '\ufffd'
			}) {
				t.Errorf("%q", s)
			}
		})
	}
	if n < 1000 {
		t.Errorf("only %d texts", n)
	}
	if v.Verdict != report.Inconclusive {
		t.Errorf("verdict %q", v.Verdict)
	}
}

// Whatever is not a verdict is inconclusive: in views, in words and in JSON.
func TestZeroIsInconclusive(t *testing.T) {
	var r report.Report
	var v report.View
	for name, got := range map[string]string{
		"zero report":    r.Verdict.String(),
		"its view":       string(r.View().Verdict),
		"zero view":      v.Verdict.String(),
		"of the level":   v.At(report.LevelVerbose, true).Verdict.String(),
		"an odd verdict": report.Verdict("Accept").String(),
	} {
		if got != string(report.Inconclusive) {
			t.Errorf("%s: %q", name, got)
		}
	}
	if s := r.View().Summary; !strings.Contains(s, "not everything that is required could be checked") {
		t.Errorf("the zero report's summary: %s", s)
	}
	if v.Verdict.Emphasis() != report.Caution {
		t.Errorf("the zero verdict's emphasis: %q", v.Verdict.Emphasis())
	}
	b, err := json.Marshal(&r)
	if err != nil || !strings.Contains(string(b), `"verdict":"inconclusive"`) {
		t.Errorf("%v: %s", err, b)
	}
}

func stored(t testing.TB) map[string]*report.Report {
	t.Helper()
	files, err := filepath.Glob("../internal/render/testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stored reports: %v", err)
	}
	all := map[string]*report.Report{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		r := new(report.Report)
		if err := json.Unmarshal(b, r); err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(f)] = r
	}
	return all
}

// lines are the items of a view's sections, shown as label, state and text.
func lines(v *report.View) (out []string) {
	var walk func([]report.ViewSection)
	walk = func(ss []report.ViewSection) {
		for _, s := range ss {
			for _, i := range s.Items {
				text := i.Text
				if i.Finding != nil {
					text = i.Finding.ID
				}
				if i.List == nil {
					out = append(out, string(s.Kind)+" "+i.Label+" "+i.State+" "+text)
				}
			}
			walk(s.Sections)
		}
	}
	walk(v.Sections)
	return out
}

// The default is one line for each thing, verbose is the rest, and taking a level
// leaves the view as it is.
func TestViewLevels(t *testing.T) {
	for name, r := range stored(t) {
		v := r.View()
		before, _ := json.Marshal(v)
		quiet, normal, verbose := v.At(report.LevelQuiet, true), v.At(report.LevelDefault, false), v.At(report.LevelVerbose, true)
		if after, _ := json.Marshal(v); string(after) != string(before) {
			t.Errorf("%s: At changed the view", name)
		}
		if len(quiet.Sections)+len(quiet.Items) != 0 || quiet.Verdict != r.Verdict || (quiet.Headline == nil) != (r.Headline == nil) {
			t.Errorf("%s: quiet: %+v", name, quiet)
		}
		if len(normal.Sections) != 1 || normal.Sections[0].Kind != report.SectionBrief {
			t.Errorf("%s: by default: %+v", name, normal.Sections)
		}
		if n := len(lines(normal)); n == 0 || n > 20 {
			t.Errorf("%s: %d lines by default", name, n)
		}
		if got, want := len(lines(v)), len(lines(normal))+len(lines(verbose)); got != want {
			t.Errorf("%s: the view has %d lines, its levels %d", name, got, want)
		}
		if certs := v.At(report.LevelDefault, true); len(certs.Sections) != 1+len(r.Certs) {
			t.Errorf("%s: with certificates there are %d sections", name, len(certs.Sections))
		}
	}
}

// A kind is explained where it occurs first and not again; a list is cut by
// default.
func TestViewFolds(t *testing.T) {
	expired := []finding.Finding{finding.New(finding.CertExpired)}
	other := []finding.Finding{finding.New(finding.IssuerNotCA)}
	r := report.Report{Target: report.Target{Names: make([]string, 30)}, Findings: expired,
		Paths: []report.Path{{Findings: expired}, {Findings: other, Certs: []report.PathCert{{}}}}}
	report.Decide(&r)
	v := r.View()
	if n := len(v.Items[0].List); n != 30 {
		t.Errorf("%d names, want 30", n)
	}
	normal, verbose := v.At(report.LevelDefault, false), v.At(report.LevelVerbose, false)
	if l := normal.Items[0].List; len(l) != 11 || l[10] != "and 20 more" {
		t.Errorf("the list by default: %q", l)
	}
	if n := len(verbose.Items[0].List); n != 30 {
		t.Errorf("%d names when verbose", n)
	}
	if normal.Headline.Advice == nil || normal.Headline.Advice.Spec != "" || verbose.Headline.Advice.Spec == "" {
		t.Errorf("the headline's advice: %+v, %+v", normal.Headline.Advice, verbose.Headline.Advice)
	}
	p := slices.DeleteFunc(slices.Clone(verbose.Sections), func(s report.ViewSection) bool { return s.Kind != report.SectionPath })
	if len(p) != 2 || p[0].Items[0].Finding.Advice != nil || p[1].Items[0].Finding.Advice == nil {
		t.Errorf("when verbose: %+v", p)
	}
}

// A title stands once by default, however often it was found.
func TestViewTitleOnce(t *testing.T) {
	expired := []finding.Finding{finding.New(finding.CertExpired)}
	weak := []finding.Finding{finding.New(finding.LeafKeyWeak)}
	r := report.Report{Findings: expired, Paths: []report.Path{{Findings: weak, Certs: []report.PathCert{{Findings: append(expired, weak...)}, {Findings: weak}}}}}
	report.Decide(&r)
	var got []string
	v := r.View().At(report.LevelDefault, false)
	for _, i := range v.Sections[0].Items {
		if i.Finding != nil {
			got = append(got, i.Finding.ID)
		}
	}
	if v.Headline.ID != "cert-expired" || !slices.Equal(got, []string{"leaf-key-weak"}) {
		t.Errorf("%s, then %q", v.Headline.ID, got)
	}
}

// An advice that depends on whose server it is stands in parts.
func TestViewCases(t *testing.T) {
	k, _ := finding.Lookup(finding.CertExpired)
	if f := report.ViewOf(finding.New(finding.CertExpired)); strings.Join(f.Advice.Fix, " ") != k.Fix {
		t.Errorf("%q, want %q", f.Advice.Fix, k.Fix)
	}
}

// A severity outside the table is shown as an error, and first.
func TestWorstFirst(t *testing.T) {
	in := []finding.Finding{{ID: "x-info", Severity: finding.Info}, {ID: "x-odd", Severity: 99}, {ID: "x-warning", Severity: finding.Warning}, {ID: "x-error", Severity: finding.Error}, {ID: "x-low", Severity: -9}}
	var got []string
	for _, f := range report.WorstFirst(in) {
		got = append(got, string(f.ID)+" "+f.Severity.String())
	}
	if want := []string{"x-odd error", "x-error error", "x-low error", "x-warning warning", "x-info info"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if in[1].Severity != 99 {
		t.Error("the findings given were changed")
	}
	if v := report.ViewOf(in[1]); v.Severity != finding.Error {
		t.Errorf("%+v", v)
	}
}

// The age of what was judged by is told where nothing younger says the same, the
// oldest of all certificates.
func TestViewAge(t *testing.T) {
	cached := func(s report.Status, seconds int64) report.Answer {
		return report.Answer{Status: s, Cached: true, CachedSeconds: seconds}
	}
	now, none := report.Answer{Status: report.Good}, report.Answer{CachedSeconds: 9000}
	for want, certs := range map[string][][]report.Answer{
		"":                   {{now, cached(report.Good, 840)}, {none, cached(report.Good, 59)}, nil},
		"cached 119 s ago":   {{cached(report.Good, 119)}},
		"cached 2 min ago":   {{cached(report.Good, 120), cached(report.Good, 300), none}},
		"cached 14 min ago":  {{now}, {cached(report.Good, 899)}, {cached(report.Good, 300)}},
		"cached 119 min ago": {{cached(report.Good, 7199)}},
		"cached 47 h ago":    {{cached(report.Good, 48*3600-1)}},
		"cached 2 days ago":  {{cached(report.Good, 48*3600), cached(report.Revoked, 10)}},
	} {
		r := report.Report{Paths: []report.Path{{}, {}}, Chosen: 1}
		for _, sources := range certs {
			rev := &report.Revocation{Status: report.Good, Sources: sources}
			r.Paths[1].Certs = append(r.Paths[1].Certs, report.PathCert{Revocation: rev})
			r.Paths[0].Certs = append(r.Paths[0].Certs, report.PathCert{Revocation: &report.Revocation{Status: report.Good, Sources: []report.Answer{cached(report.Good, 1e6)}}})
		}
		if got := r.View().At(report.LevelQuiet, false).Age; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

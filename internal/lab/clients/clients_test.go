package clients

import (
	"slices"
	"strings"
	"testing"

	"github.com/assaytls/assay/internal/lab/scenarios"
	"github.com/assaytls/assay/report"
)

// The built-in definitions can be read, and every question is a scenario of the lab whose
// expected verdict agrees.
func TestData(t *testing.T) {
	if n := len(BuiltIn()); n < 40 {
		t.Errorf("%d clients", n)
	}
	verdicts := map[string]report.Verdict{}
	for _, s := range scenarios.All() {
		verdicts[s.Name] = s.Want
	}
	var everything []string
	for _, exam := range Exams {
		asked, cases := map[string]bool{}, map[string]bool{}
		for _, q := range Questions(exam) {
			v, ok := verdicts[q.Scenario]
			switch {
			case !ok:
				t.Errorf("%s is no scenario", q.Scenario)
			case asked[q.Scenario]:
				t.Errorf("%s: %s is asked twice", exam, q.Scenario)
			case q.Accept() && v != report.Accept, q.Scored() && !q.Accept() && v == report.Accept:
				t.Errorf("%s is %s, and assay says %s", q.Scenario, q.Kind, v)
			case q.Kind == Revocation && v != report.Reject: // what is unknown is no client's fault
				t.Errorf("%s is scored, and assay says %s", q.Scenario, v)
			case q.Rule == "" || q.Story() == "":
				t.Errorf("%s has no story or rule", q.Scenario)
			case exam == X509ErrorsExam && (q.Case == "" || cases[q.Case]):
				t.Errorf("%s is the case %q of the collection", q.Scenario, q.Case)
			}
			asked[q.Scenario], cases[q.Case] = true, true
			everything = append(everything, q.Scenario)
		}
		for _, name := range append(append([]string{}, controls...), refusals...) {
			if !asked[name] {
				t.Errorf("%s: the control %s is no question", exam, name)
			}
		}
	}
	files, err := programs.ReadDir("programs")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files { // Python finds its modules beside the program first
		if strings.HasSuffix(f.Name(), ".py") && !strings.HasPrefix(f.Name(), "with_") {
			t.Errorf("%s may hide a module of that name", f.Name())
		}
	}
	if n := len(Questions(X509ErrorsExam)); n < 60 {
		t.Errorf("%d questions of the collection", n)
	}
	if Questions("other") != nil {
		t.Error("there is another exam")
	}
	for _, d := range BuiltIn() {
		for name := range d.Advice {
			if !slices.Contains(everything, name) {
				t.Errorf("%s: advice for %s, which is not asked", d.Name, name)
			}
		}
	}
}

// Chosen questions come with the controls, and a pattern that matches none is an error.
func TestChoose(t *testing.T) {
	for patterns, want := range map[string]string{
		"wrong-key":        "good good-rsa good-tls12 untrusted-root really-wrong-host wrong-key",
		"crl-* md5":        "good good-rsa good-tls12 untrusted-root md5 really-wrong-host crl-indirect crl-delta",
		"untrusted-root":   "good good-rsa good-tls12 untrusted-root really-wrong-host",
		"wrong-key nobody": `the exam lab has no question "nobody"`,
		"a[":               "bad pattern",
	} {
		qs, err := Choose(LabExam, strings.Fields(patterns))
		var got []string
		for _, q := range qs {
			got = append(got, q.Scenario)
		}
		if err != nil {
			got = []string{err.Error()}
		}
		if s := strings.Join(got, " "); s != want && (err == nil || !strings.HasPrefix(s, want)) {
			t.Errorf("%s: %s, want %s", patterns, s, want)
		}
	}
	if all, err := Choose(X509ErrorsExam, nil); err != nil || len(all) != len(Questions(X509ErrorsExam)) {
		t.Errorf("%d questions, %v", len(all), err)
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		`[{"name":"a","detect":["a"],"version":[],"run":["a","{url}"]}]`:                                                        "",
		`[{"name":"a","detect":["a"],"version":[],"run":["a"]}]`:                                                                "where to go",
		`[{"name":"a","detect":["a"],"version":[],"run":["a","{url}","{what}"]}]`:                                               "{what} is unknown",
		`[{"name":"","detect":["a"],"version":[],"run":["a","{url}"]}]`:                                                         "1 to 80 characters",
		`[{"name":"a","detect":["a"],"version":[]}]`:                                                                            `one of "run"`,
		`[{"name":"a","detect":["a"],"version":[],"driver":"lynx"}]`:                                                            "unknown",
		`[{"name":"a","detect":["a"],"version":[],"run":["a","{url}"],"stdin":"much"}]`:                                         "stdin",
		`[{"name":"a","detect":[],"version":[],"run":["a","{url}"]},{"name":"a","detect":[],"version":[],"run":["a","{url}"]}]`: "twice",
		`[{"name":"a","shell":"rm"}]`:                                                                                           "unknown field",
		`[] x`:                                                                                                                  "",
		`{}`:                                                                                                                    "no list",
	} {
		_, err := Parse(strings.NewReader(text))
		if want == "" && text != "[] x" {
			if err != nil {
				t.Errorf("%s: %v", text, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestSplit(t *testing.T) {
	for line, want := range map[string]string{
		`a  'b c' "d e" f\ g`: "a|b c|d e|f g", `a '' b`: "a||b", `a "x\"y"`: `a|x"y`, ``: "", `  `: "",
	} {
		words, err := split(line)
		if err != nil || strings.Join(words, "|") != want {
			t.Errorf("%s: %q, %v", line, words, err)
		}
	}
	for _, line := range []string{`a 'b`, `a "b`, `a\`} {
		if _, err := split(line); err == nil {
			t.Errorf("%s: no error", line)
		}
	}
}

// A client's words are cut and safe to print.
func TestReason(t *testing.T) {
	if got := reason("one\n\x1b]0;title\x07 wrong\r\n \n"); got != `\u{1b}]0;title\u{7} wrong` {
		t.Errorf("%q", got)
	}
	if got := reason(strings.Repeat("x", 1000)); len([]rune(got)) > maxReason+1 {
		t.Errorf("%d characters", len(got))
	}
}

func FuzzParse(f *testing.F) {
	f.Add(string(builtIn))
	f.Add(`[{"name":"a","run":["{url}"]}]`)
	f.Fuzz(func(t *testing.T, text string) {
		all, err := Parse(strings.NewReader(text))
		for _, d := range all {
			if err == nil && d.check() != nil {
				t.Errorf("%+v", d)
			}
		}
		if words, err := split(text); err == nil && strings.ContainsAny(text, "\x00") && len(words) == 0 {
			t.Error("words are lost")
		}
	})
}

// No address is given twice: one that was closed at once could come again.
func TestFreeAddresses(t *testing.T) {
	addrs, err := freeAddresses(200)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(addrs)
	if n := len(slices.Compact(addrs)); n != 200 {
		t.Errorf("%d of 200 differ", n)
	}
}

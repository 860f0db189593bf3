package page

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/render"
	"github.com/assaytls/assay/report"
)

// load reads a stored report of internal/render.
func load(t *testing.T, name string) *report.Report {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "render", "testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var r report.Report
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	return &r
}

func write(t *testing.T, sheets ...*Sheet) string {
	t.Helper()
	var b bytes.Buffer
	if err := Report(&b, sheets...); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var (
	anyTag = regexp.MustCompile(`<[^>]*>`)
	spaces = regexp.MustCompile(`\s+`)
	styles = regexp.MustCompile(`(?s)<style>(.*?)</style>`)
)

// words is the text of a page or of a terminal, with single spaces.
func words(s string) string {
	s = styles.ReplaceAllString(s, "")
	return strings.TrimSpace(spaces.ReplaceAllString(html.UnescapeString(anyTag.ReplaceAllString(s, " ")), " "))
}

// The policy of a page that stands alone allows its own stylesheet, byte for byte,
// and nothing else.
func TestPolicyNamesTheStylesheet(t *testing.T) {
	page := write(t, Of(load(t, "reject"), Options{}))
	m := styles.FindAllStringSubmatch(page, -1)
	if len(m) != 1 {
		t.Fatalf("%d stylesheets", len(m))
	}
	sum := sha256.Sum256([]byte(m[0][1]))
	if want := "style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(page, want) {
		t.Errorf("the page has no %s", want)
	}
	for _, bad := range []string{"<script", "@import", "url(", " style=", "src=\"", "<link"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
}

// The page begins with what the terminal says: verdict, target and cause, and it has
// the risk and each next step in the same words.
func TestSameWordsAsTheTerminal(t *testing.T) {
	for _, name := range []string{"accept", "reject", "unreachable"} {
		r := load(t, name)
		var text bytes.Buffer
		if err := render.Text(&text, r, render.Options{Width: 1 << 20}); err != nil {
			t.Fatal(err)
		}
		page := words(write(t, Of(r, Options{})))
		first, rest, _ := strings.Cut(text.String(), "\n")
		if !strings.Contains(page, words(first)) {
			t.Errorf("%s: %q is not on the page", name, words(first))
		}
		for l := range strings.SplitSeq(rest, "\n") {
			for _, label := range []string{"cause", "risk", "what to do"} {
				if l, ok := strings.CutPrefix(strings.TrimSpace(l), label+" "); ok {
					l, _, _ = strings.Cut(l, " [")
					if label == "cause" { // in the verdict, not only among the problems
						l = "cause " + l
					}
					if !strings.Contains(page, words(l)) {
						t.Errorf("%s: %q is not on the page: %s", name, words(l), page)
					}
				}
			}
		}
	}
}

// evils are texts of a peer that mean something somewhere.
var evils = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onload='alert(1)`, "javascript:alert(1)", "\u202egnp.exe", "\u2066a\u2069",
	strings.Repeat("x", 2000), strings.Repeat("漢", 2000), "</title></style></svg><script>", "{{.}}", "a\x00b\x1b[31m\r\nc", "\xff\xfe", "<!--", "]]>", "url(http://evil.test)",
	"CN=" + strings.Repeat(`\,`, 300), "CN=", "CN=\\",
}

// hostile has the text in every field.
func hostile(s string) *report.Report {
	var r report.Report
	fill(reflect.ValueOf(&r).Elem(), 0)
	each(reflect.ValueOf(&r).Elem(), s)
	for i := range r.Paths {
		for k := range r.Paths[i].Certs {
			c := &r.Paths[i].Certs[k]
			c.Revocation.Sources[1].Filter = "" // its address is shown then
			c.Cert, c.Findings = 0, append(c.Findings, finding.New(finding.NameMismatch, "name", s, "names", s), finding.New(finding.FetchFailed, "url", s, "detail", s))
		}
	}
	r.Chosen = 0
	r.Findings = append(r.Findings, finding.New(finding.X509Disagrees, "detail", s))
	r.Headline = &report.Headline{Finding: finding.New(finding.NameMismatch, "name", s, "names", s), Path: 0, Cert: 0}
	return &r
}

// fill gives every pointer a value and every slice two.
func fill(v reflect.Value, depth int) {
	if depth > 12 || !v.CanSet() {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.Type() == reflect.TypeFor[*report.Report]() && depth > 1 {
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth+1)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), depth+1)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), depth+1)
		}
	}
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

// ownTag are the tags that the templates write.
var ownTag = regexp.MustCompile(`^<(?:!DOCTYPE html|/?(?:html|head|body|main|footer|section|article|p|h[1-4]|b|code|dl|dd|dt|ul|li|table|thead|tbody|tr|th|td|details|summary|span|a|svg|g|title|desc|rect|text|path|meta|pre|style))(?: (?:class|id|title|href|lang|charset|name|content|http-equiv|scope|data-label|viewBox|role|aria-labelledby|x|y|width|height|rx|d)="[^"<>]*")*>$`)

// No text of a peer is markup: the only tags and attributes are those of the
// templates, and what would steer or hide text is escaped.
func TestHostile(t *testing.T) {
	for _, s := range evils {
		page := write(t, Of(hostile(s), Options{Explain: "/explain/", Certs: true}), Of(hostile(s), Options{ID: "r2", EvidenceSHA256: s}))
		page = styles.ReplaceAllString(page, "")
		for _, m := range anyTag.FindAllString(page, -1) {
			if !ownTag.MatchString(m) {
				t.Errorf("%.40q: the tag %.200s", s, m)
			}
		}
		if text := anyTag.ReplaceAllString(page, ""); strings.ContainsAny(text, "<>") {
			t.Errorf("%.40q: not escaped", s)
		}
		for l := range strings.SplitSeq(page, "\n") {
			for _, r := range l {
				if q := string(r); q != "…" && finding.Quote(q) != q {
					t.Fatalf("%.40q: the character %U in %.200s", s, r, l)
				}
			}
		}
		if strings.Contains(page, `href="javascript`) {
			t.Errorf("%.40q: a link to a script", s)
		}
		if len(page) > 2_000_000 {
			t.Errorf("%.40q: %d bytes", s, len(page))
		}
	}
}

func TestZeroReport(t *testing.T) {
	if page := write(t, Of(&report.Report{}, Options{})); !strings.Contains(page, "INCONCLUSIVE") {
		t.Error(page)
	}
}

// However a subject or a title reads, the lines of a box stay within their columns
// and lose no more than what does not fit.
func FuzzBox(f *testing.F) {
	for _, s := range evils {
		f.Add(s)
	}
	f.Add("CN=a\\,b,O=c")
	f.Add("O=c,CN=a+OU=b")
	f.Fuzz(func(t *testing.T, s string) {
		s = finding.Quote(s)
		columns := func(s string) (n int) {
			for _, r := range s {
				n += width(r)
			}
			return n
		}
		if n := columns(cut(short(s), nameChars)); n > nameChars {
			t.Errorf("a name of %d columns", n)
		}
		lines := fold(s, textChars, 3)
		if len(lines) > 3 {
			t.Errorf("%d lines", len(lines))
		}
		for _, l := range lines {
			if n := columns(l); n > textChars {
				t.Errorf("a line of %d columns", n)
			}
		}
		if bare := func(s string) string { return strings.Join(strings.Fields(s), "") }; columns(s) <= textChars && bare(strings.Join(lines, "")) != bare(s) {
			t.Errorf("%q is shown as %q", s, lines)
		}
	})
}

func TestShort(t *testing.T) {
	for in, want := range map[string]string{"CN=a.test": "a.test", "CN=a,O=b": "a", "O=b,CN=a+OU=c": "a", `CN=a\,b,O=c`: `a\,b`, "O=b": "O=b", "CN=,O=b": "CN=,O=b", "": "", `CN=\`: `\`} {
		if got := short(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// The index and the sheets have the worst first; what is equal stays in its order.
func TestWorstFirst(t *testing.T) {
	of := func(v report.Verdict, host string) *Sheet {
		return Of(&report.Report{Verdict: v, Chosen: -1, Target: report.Target{Host: host}}, Options{ID: host})
	}
	page := write(t, of(report.Accept, "a1"), of("", "i1"), of(report.Reject, "r1"), of(report.Accept, "a2"), of(report.Reject, "r2"))
	var index, sheets []string
	for _, m := range regexp.MustCompile(`<a href="#(\w+)">|<article class="sheet" id="(\w+)">`).FindAllStringSubmatch(page, -1) {
		if m[1] != "" {
			index = append(index, m[1])
		} else {
			sheets = append(sheets, m[2])
		}
	}
	if want := "r1 r2 i1 a1 a2"; strings.Join(index, " ") != want || strings.Join(sheets, " ") != want {
		t.Errorf("index %s, sheets %s, want %s", index, sheets, want)
	}
	for _, want := range []string{"reject 2 targets", "inconclusive 1 target", "accept 2 targets"} {
		if !strings.Contains(words(page), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// longReport has a path of n certificates.
func longReport(n int) *report.Report {
	r := &report.Report{Verdict: report.Reject, Target: report.Target{Host: "a.test"}, Paths: []report.Path{{End: report.EndNoIssuer}}}
	for i := range n {
		r.Certs = append(r.Certs, report.Cert{Subject: "CN=" + strings.Repeat("long name ", 9) + string(rune('A'+i%26))})
		r.Paths[0].Certs = append(r.Paths[0].Certs, report.PathCert{Cert: i, Role: report.Intermediate, Findings: []finding.Finding{finding.New(finding.CertExpired)}})
	}
	return r
}

// The picture of a chain has a name and a description in words for those who do not
// see it, full names behind cut ones, and an end, however long the chain is.
func TestChain(t *testing.T) {
	for _, n := range []int{1, 2, mostBoxes, mostBoxes + 1, 500} {
		s := Of(longReport(n), Options{ID: "x"})
		if s.Chain == nil || len(s.Chain.Boxes) != min(n, mostBoxes) {
			t.Fatalf("%d certificates: %+v", n, s.Chain)
		}
		y := 0
		for i, b := range s.Chain.Boxes {
			if b.Y < y {
				t.Errorf("%d certificates: box %d lies on the one before", n, i)
			}
			if y = b.Y + b.Height; y > s.Chain.Height {
				t.Errorf("%d certificates: box %d is outside", n, i)
			}
			for _, l := range b.Lines {
				if l.Y > b.Height {
					t.Errorf("%d certificates: a line of box %d is outside", n, i)
				}
			}
		}
		page := write(t, s, Of(longReport(n), Options{ID: "y"}))
		ids := map[string]int{}
		for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(page, -1) {
			if ids[m[1]]++; ids[m[1]] > 1 {
				t.Errorf("two elements are %s", m[1])
			}
		}
		for _, m := range regexp.MustCompile(`aria-labelledby="(\S+) (\S+)"`).FindAllStringSubmatch(page, -1) {
			if ids[m[1]] != 1 || ids[m[2]] != 1 {
				t.Errorf("nothing is %s or %s", m[1], m[2])
			}
		}
		full := "<title>" + s.Chain.Boxes[0].Full + "</title>"
		for _, want := range []string{full, "error: the certificate expired", "The chain is not complete: an issuer was not found."} {
			if !strings.Contains(page, want) {
				t.Errorf("%d certificates: the page does not have %q", n, want)
			}
		}
	}
}

// A link to an explanation stays on the page's own site, whatever a finding's ID is.
func TestLinks(t *testing.T) {
	r := &report.Report{Chosen: -1, Headline: &report.Headline{Finding: finding.Finding{ID: `x-"><a href="javascript:alert(1)//../..`, Severity: finding.Error}, Path: -1, Cert: -1}}
	page := write(t, Of(r, Options{Explain: "/explain/"}))
	for _, m := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(m[1], "/explain/x-") || strings.Contains(m[1][len("/explain/"):], "/") {
			t.Errorf("a link to %s", m[1])
		}
	}
}

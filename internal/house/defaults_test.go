package house

import (
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/ocsp"
	"github.com/assaytls/assay/policy"
)

// The table in the package comment says what the code does: every field of
// Config whose zero means something has a row, and every number is the real one.
func TestDefaultsTable(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "assay.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	rows, last := map[string]string{}, ""
	for line := range strings.Lines(f.Doc.Text()) {
		if m := regexp.MustCompile(`^\t([A-Z]\w+) {2,}(.*)`).FindStringSubmatch(line); m != nil {
			last = m[1]
			rows[last] = m[2]
		} else if strings.HasPrefix(line, "\t ") && last != "" {
			rows[last] += " " + strings.TrimSpace(line)
		}
	}
	const where = "internal/engine/"
	for row, facts := range map[string][]string{
		"Roots":        {"system"},
		"Revocation":   {"staple, CRL and OCSP", "every certificate but the anchor"},
		"Unknown":      {goName(assay.Unknown(0))},
		"Stale":        {"refused"},
		"MaxAge":       {days(ocsp.DefaultMaxAge)},
		"Skew":         {minutes(policy.DefaultSkew)},
		"Handshake":    {number(t, "dial.go", `handshakeTimeout = (\d+) \* time.Second`) + " s", number(t, "dial.go", `Dialer{Timeout: (\d+) \* time.Second`) + " s"},
		"Network":      {"FirstContact", number(t, "refresh.go", `maxRefreshes += (\d+)`) + " refreshes", number(t, "refresh.go", `backgroundBudget += (\d+) \* time.Second`) + " s"},
		"FetchBudget":  {number(t, "tls.go", `(?s)\) fetchBudget\(\) time\.Duration \{.*?\n\treturn (\d+) \* time.Second`) + " s", seconds(fetch.DefaultTimeout), fmt.Sprint(fetch.DefaultMaxBytes>>20, " MiB"), fmt.Sprint(fetch.DefaultRedirects, " redirects"), number(t, where+"engine.go", `maxNeeds\s*= (\d+)`) + " downloads"},
		"PrivateFetch": {"off"},
		"Failures":     {"1 min", "10 min"},
		"Memory":       {"1 h", number(t, "memo.go", `memoMax\s*= (\d+)`)},
		"CloseGrace":   {"2 s"},
		"Keys":         {"2048 bits"},
		"CT":           {`"report"`},
		"Strict":       {"off"},
		"Filters":      {"none"},
		"CacheDir":     {"none"},
		"FirstContact": {"3 s"},
		"Background":   {"first"},
		"Inline":       {"3 s", "an hour"},
		"Offline":      {"no download"},
	} {
		for _, fact := range facts {
			if !strings.Contains(rows[row], fact) {
				t.Errorf("row %s does not say %q: %s", row, fact, rows[row])
			}
		}
		delete(rows, row)
	}
	for row := range rows {
		t.Errorf("row %s is not tested", row)
	}
	networkTable(t, f.Doc.Text())
	if waits := string(source(t, "internal/download/flight.go")); !strings.Contains(waits, "min(max(time.Minute, 2*f.wait), 10*time.Minute)") {
		t.Error("failures are remembered differently now: bring the table up to date")
	}
	if !regexp.MustCompile(`memoFor\s*= time\.Hour\n`).Match(source(t, "memo.go")) {
		t.Error("judgements are remembered differently now: bring the table up to date")
	}
}

// networkTable wants the table of first and later connections to be the same in the
// package comment and the guide.
func networkTable(t *testing.T, comment string) {
	t.Helper()
	words := strings.Join(strings.Fields(comment), " ")
	table := regexp.MustCompile(`(?m)^\| .Config\.Network. \|.*\n\|-.*\n(?:\|.*\n)+`)
	guide := string(table.Find(source(t, "docs/guides/secure-client.md")))
	if guide == "" {
		t.Error("the guide has no table")
	}
	for n := assay.Network(0); n.String() != fmt.Sprintf("Network(%d)", n); n++ {
		name := strings.ReplaceAll(n.String(), "first-contact", "FirstContact")
		name = strings.ToUpper(name[:1]) + name[1:]
		m := regexp.MustCompile("(?m)^\\| `" + name + "` \\| (.*) \\| (.*) \\| (.*) \\|$").FindStringSubmatch(guide)
		if m == nil {
			t.Errorf("the table has no row %s", name)
			continue
		}
		if row := name + " first: " + m[1] + " later: " + m[2] + " costs: " + m[3]; !strings.Contains(words, row) {
			t.Errorf("the package comment does not say: %s", row)
		}
	}
}

func goName(u assay.Unknown) string {
	return "Unknown" + strings.ToUpper(u.String()[:1]) + u.String()[1:]
}

func seconds(d time.Duration) string { return fmt.Sprint(int(d/time.Second), " s") }
func minutes(d time.Duration) string { return fmt.Sprint(int(d/time.Minute), " min") }
func days(d time.Duration) string    { return fmt.Sprint(int(d/(24*time.Hour)), " days") }

func source(t *testing.T, path string) []byte {
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// number reads a number from a source, the one that the pattern's group matches.
func number(t *testing.T, path, pattern string) string {
	m := regexp.MustCompile(pattern).FindSubmatch(source(t, path))
	if m == nil {
		t.Fatalf("%s has no %s", path, pattern)
	}
	return string(m[1])
}

// Every field of Config is documented, and says what its zero means.
func TestConfigZeros(t *testing.T) {
	text := string(source(t, "config.go"))
	typ := reflect.TypeFor[assay.Config]()
	for i := range typ.NumField() {
		f := typ.Field(i)
		if !f.IsExported() {
			continue
		}
		doc := regexp.MustCompile(`((?:\t//[^\n]*\n)+)\t` + f.Name + ` `).FindStringSubmatch(text)
		if doc == nil {
			t.Errorf("Config.%s has no comment", f.Name)
		} else if !regexp.MustCompile(`Zero:|nil means|nil:|0 means|"" (means|keeps)`).MatchString(doc[1]) {
			t.Errorf("Config.%s does not say what its zero means: %s", f.Name, doc[1])
		}
	}
}

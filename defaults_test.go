package assay

import (
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/revocation"
	"github.com/assaytls/assay/ocsp"
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
	v, err := New(Config{Roots: [][]byte{forge.NewRoot("Defaults", nil).Raw}})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	const where = "internal/engine/"
	for row, facts := range map[string][]string{
		"Roots":        {"system"},
		"Revocation":   {"staple, CRL and OCSP", "every certificate but the anchor"},
		"Unknown":      {Unknown(0).goName()},
		"Stale":        {"refused"},
		"MaxAge":       {days(ocsp.DefaultMaxAge)},
		"Skew":         {minutes(revocation.DefaultSkew)},
		"Network":      {"Background", fmt.Sprint(maxBeside, " refreshes"), seconds(backgroundBudget)},
		"FetchBudget":  {seconds(v.fetchBudget()), seconds(fetch.DefaultTimeout), fmt.Sprint(fetch.DefaultMaxBytes>>20, " MiB"), fmt.Sprint(fetch.DefaultRedirects, " redirects"), constant(t, where+"engine.go", "maxNeeds") + " downloads"},
		"PrivateFetch": {"off"},
		"Failures":     {"1 min", "10 min"},
		"Memory":       {hours(memoFor), fmt.Sprint(memoMax)},
		"CloseGrace":   {"2 s"},
		"Keys":         {"2048 bits"},
		"CT":           {`"report"`},
		"Strict":       {"off"},
		"CacheDir":     {"none"},
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
	if v.policy.Strict || v.policy.LeafOnly || v.policy.Schemes != nil || v.policy.Unknown != "warn" || !v.policy.Beside || v.policy.PrivateFetch || v.policy.MaxAge != 0 || v.policy.CT != "" {
		t.Errorf("the zero Config's policy is %+v", v.policy)
	}
	if waits := string(source(t, where+"cache.go")); !strings.Contains(waits, "min(max(time.Minute, 2*c.failed[key].wait), 10*time.Minute)") {
		t.Error("failures are remembered differently now: bring the table up to date")
	}
}

func (u Unknown) goName() string { return "Unknown" + strings.ToUpper(u.String()[:1]) + u.String()[1:] }

func seconds(d time.Duration) string { return fmt.Sprint(int(d/time.Second), " s") }
func minutes(d time.Duration) string { return fmt.Sprint(int(d/time.Minute), " min") }
func hours(d time.Duration) string   { return fmt.Sprint(int(d/time.Hour), " h") }
func days(d time.Duration) string    { return fmt.Sprint(int(d/(24*time.Hour)), " days") }

func source(t *testing.T, path string) []byte {
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// constant reads a number from another package's source.
func constant(t *testing.T, path, name string) string {
	m := regexp.MustCompile(name + `\s*=\s*(\d+)`).FindSubmatch(source(t, path))
	if m == nil {
		t.Fatalf("%s has no %s", path, name)
	}
	return string(m[1])
}

// Profiles differ from the zero Config in what they say, and in nothing else.
func TestProfiles(t *testing.T) {
	roots := [][]byte{{1}}
	for _, c := range []struct{ got, want Config }{
		{Web(), Config{}},
		{Internal(roots), Config{Roots: roots, Unknown: UnknownDeny, Network: Inline, PrivateFetch: true}},
		{Strict(), Config{Strict: true, Unknown: UnknownDeny, Network: Inline}},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("%+v, want %+v", c.got, c.want)
		}
	}
}

// Every field of Config is documented, and says what its zero means.
func TestConfigZeros(t *testing.T) {
	text := string(source(t, "config.go"))
	typ := reflect.TypeFor[Config]()
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

// Without CacheDir no file is written.
func TestNoFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "TMPDIR"} {
		t.Setenv(name, dir)
	}
	v, err := New(Config{Roots: [][]byte{forge.NewRoot("No Files", nil).Raw}, Network: Inline, PrivateFetch: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Check(t.Context(), Target{Host: "127.0.0.1", Port: "1"}); err != nil {
		t.Fatal(err)
	}
	v.Close()
	filepath.WalkDir(dir, func(p string, _ os.DirEntry, err error) error {
		if p != dir {
			t.Errorf("%s was written, error %v", p, err)
		}
		return nil
	})
}

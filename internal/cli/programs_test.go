package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/rootstores"
	"github.com/assaytls/assay/report"
)

// What is said of each program, in text, Markdown and JSON, as it is typed.
func TestProgramsTold(t *testing.T) {
	l := startLab(t)
	said := func(name string, args ...string) (int, string) {
		s, ok := l.Scenario(name)
		if !ok {
			t.Fatal(name)
		}
		status, out, errs := run("", append(append(l.Assay(s), "--cache-dir", t.TempDir()), args...)...)
		return status, flat(out + errs)
	}
	for _, c := range []struct {
		name   string
		args   []string
		status int
		want   []string
	}{
		{"program-accepted", nil, command.Accept, []string{"programs the system: accepted Mozilla: accepted Chrome: accepted Apple: accepted Microsoft: accepted Android: accepted"}},
		{"program-accepted", []string{"-v"}, command.Accept, []string{"ROOT PROGRAMS the system accepted", "Chrome Certificate Transparency: met Chrome lifetime: met known from the lab's list 1, made ", "Firefox CRLite: cannot tell, no filters are stored"}},
		{"program-accepted", []string{"--format", "markdown", "-v"}, command.Accept, []string{"Root programs", "Chrome"}},
		{"program-other-refuses", nil, command.Accept, []string{"Chrome: refused since 20", "Apple: refused: CN=Assay Lab Root is not a root of the program", "[root-distrusted]"}},
		{"program-disallowed-soon", nil, command.Accept, []string{"Microsoft: accepted until 20", "[root-distrust-soon]"}},
		{"program-issued-before", []string{"-v"}, command.Accept, []string{"renewal certificates issued after 20", "are refused"}},
		{"program-disallowed", nil, command.Reject, []string{"cause the root program of Microsoft does not trust this certificate since 20"}},
		{"program-not-included", nil, command.Reject, []string{"[root-not-in-program]"}},
		{"program-root-absent", nil, command.Inconclusive, []string{"Android: cannot tell", "is not at hand: Assay Lab Own Root for program-root-absent"}},
		{"program-root-sent", []string{"-v"}, command.Accept, []string{"Android accepted"}},
		{"program-table-old", nil, command.Accept, []string{"the table of root certificates of Apple is 100 days old"}},
		{"program-table-too-old", nil, command.Inconclusive, []string{"more than 400 days ago"}},
	} {
		status, out := said(c.name, c.args...)
		for _, want := range c.want {
			if status != c.status || !strings.Contains(out, want) {
				t.Errorf("%s %q: status %d, want %d and %q\n%s", c.name, c.args, status, c.status, want, out)
			}
		}
	}
	_, out := said("program-other-refuses", "--format", "json")
	var r report.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	got, row := map[string]report.ProgramStatus{}, r.Row()
	for _, p := range r.Programs {
		got[p.Program.String()] = p.Status
	}
	if len(got) != 4 || got["mozilla"] != report.ProgramAccepted || got["chrome"] != report.ProgramRefused || got["apple"] != report.ProgramRefused || row.Programs.Chrome != report.RowRefused ||
		row.Programs.System != report.RowAccepted || row.Programs.Android != "" || len(r.ProgramsHash) != 64 {
		t.Errorf("%v, %+v", got, row.Programs)
	}
}

// The SCTs that Chrome's dates need cannot be verified without a log list: that is
// told, and accepts nothing.
func TestProgramsWithoutLogs(t *testing.T) {
	l := startLab(t)
	s, _ := l.Scenario("program-sct-old")
	args := l.Assay(s)
	for i, a := range args {
		if a == "--log-list" {
			args = append(args[:i:i], args[i+2:]...)
			break
		}
	}
	status, out, _ := run("", append(args, "--cache-dir", t.TempDir())...)
	if status != command.Inconclusive || !strings.Contains(flat(out), "Chrome: depends on SCTs that were not verified") && !strings.Contains(flat(out), "(no log list)") {
		t.Errorf("status %d\n%s", status, out)
	}
}

// What the flags say that makes no sense is a usage error, and a list may stand behind
// a blank.
func TestProgramFlags(t *testing.T) {
	root := forge.NewRoot("Own Root", nil)
	leaf := root.Server("a.test", nil)
	dir := t.TempDir()
	chain, tables, cache := filepath.Join(dir, "chain.pem"), filepath.Join(dir, "tables.json"), filepath.Join(dir, "cache")
	for name, b := range map[string][]byte{chain: forge.PEM("CERTIFICATE", leaf.Raw), tables: []byte(`{"assay_root_programs":1}`), filepath.Join(dir, "root.pem"): forge.PEM("CERTIFICATE", root.Raw)} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	verify := func(args ...string) (int, string) {
		status, out, errs := run("", append([]string{"verify", chain, "--roots", filepath.Join(dir, "root.pem"), "--name", "a.test", "--revocation", "off"}, args...)...)
		return status, flat(out + errs)
	}
	for _, c := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"--programs"}, command.Accept, "the system: accepted Mozilla: refused: CN=Own Root is not a root of the program Chrome: refused"},
		{[]string{"--programs", "mozilla,apple"}, command.Accept, "programs Mozilla: refused"},
		{[]string{"--programs=system"}, command.Accept, "programs the system: accepted"},
		{[]string{"--trust", "mozilla"}, command.Reject, "[root-not-in-program]"},
		{[]string{"--trust", "system"}, command.Accept, "ACCEPT"},
		{[]string{"--programs=nss"}, command.UsageError, "no root program"},
		{[]string{"--programs=mozilla,mozilla"}, command.UsageError, "named twice"},
		{[]string{"--trust", "all"}, command.UsageError, "must be one of"},
		{[]string{"--trust", "apple", "--purpose", "email"}, command.UsageError, "root programs are asked about TLS servers"},
		{[]string{"--program-tables", tables}, command.UsageError, "has no effect without"},
		{[]string{"--programs", "--program-tables", filepath.Join(dir, "none")}, command.UsageError, "no such file"},
		{[]string{"--programs", "--program-tables", chain}, command.UsageError, "not a table of root programs"},
		{[]string{"--programs=apple", "--program-tables", tables}, command.Accept, "Apple: cannot tell: there is no table"},
	} {
		if status, out := verify(c.args...); status != c.status || !strings.Contains(out, c.want) {
			t.Errorf("%q: status %d, want %d and %q\n%s", c.args, status, c.status, c.want, out)
		}
	}
	if status, _, errs := run("", "check", "http://127.0.0.1:1/", "--issuer", chain, "--trust", "mozilla"); status != command.UsageError || !strings.Contains(errs, "leave out --trust") {
		t.Errorf("status %d, %s", status, errs)
	}
	// Stored tables that are damaged are told, and the built-in ones count.
	if err := os.MkdirAll(filepath.Dir(rootstores.Path(cache)), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(rootstores.Path(cache), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_CACHE_HOME", filepath.Dir(cache))
	if err := os.Rename(cache, filepath.Join(dir, "assay")); err != nil {
		t.Fatal(err)
	}
	if status, out := verify("--programs=mozilla"); status != command.Accept || !strings.Contains(out, "the stored tables of root programs are not used") || !regexp.MustCompile(`Mozilla: refused`).MatchString(out) {
		t.Errorf("status %d\n%s", status, out)
	}
}

package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assaytls/assay/internal/command"
)

// Every command has a manual page that says what --help says, safe for roff.
func TestManual(t *testing.T) {
	dir := t.TempDir()
	if status, out, errs := run("", "help", "--man", dir); status != 0 || out+errs != "" {
		t.Fatalf("status %d, %s%s", status, out, errs)
	}
	pages, _ := filepath.Glob(filepath.Join(dir, "*.1"))
	if len(pages) < 20 {
		t.Errorf("%d pages", len(pages))
	}
	groff, _ := exec.LookPath("groff")
	for _, page := range pages {
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			if macro, _, _ := strings.Cut(strings.TrimSpace(line), " "); strings.HasPrefix(macro, ".") && !strings.Contains(".TH .SH .B .TP .PP .nf .fi", macro) || strings.HasPrefix(line, "'") {
				t.Errorf("%s: %q is a request", filepath.Base(page), line)
			}
			if strings.ContainsFunc(line, func(c rune) bool { return c > '~' }) {
				t.Errorf("%s: %q is not ASCII", filepath.Base(page), line)
			}
		}
		if groff == "" {
			continue
		}
		if out, err := exec.Command(groff, "-man", "-Tutf8", "-ww", "-z", page).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v, %s", filepath.Base(page), err, out)
		}
	}
	b, _ := os.ReadFile(filepath.Join(dir, "assay-check.1"))
	for _, want := range []string{`\-\-expires\-within 14d|30%`, ".SH EXAMPLES", `assay check example.com`, `.SH "OPTIONS: REVOCATION"`, "assay(1)"} {
		if !strings.Contains(string(b), want) {
			t.Errorf("assay-check.1 does not say %s", want)
		}
	}
	for _, args := range [][]string{{"help", "--man", filepath.Join(dir, "none")}, {"help", "--man", dir, "check"}} {
		if status, _, errs := run("", args...); status != command.UsageError || errs == "" {
			t.Errorf("%v: status %d, %s", args, status, errs)
		}
	}
}

// The version names the commit and its date where the build knows them.
func TestVersion(t *testing.T) {
	for _, args := range [][]string{{"version"}, {"--version"}} {
		if status, out, errs := run("", args...); status != 0 || !strings.HasPrefix(out, "assay "+command.Version()) || errs != "" || strings.Count(out, "\n") != 1 {
			t.Errorf("%v: status %d, %q, %q", args, status, out, errs)
		}
	}
}

package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/lab"
)

// together is the command line that checks scenarios at once.
func together(t *testing.T, l *lab.Lab, names ...string) (args, targets []string) {
	t.Helper()
	args = []string{"check", "--cache-dir", t.TempDir(), "--roots", l.RootFile, "--log-list", l.LogListFile}
	for _, name := range names {
		s, ok := l.Scenario(name)
		if !ok {
			t.Fatalf("no scenario %s", name)
		}
		args = append(args, "--resolve", s.Target()+":127.0.0.1")
		targets = append(targets, s.Target())
	}
	return args, targets
}

// A monitoring plugin has one line that matters, performance data, and exit
// statuses of its own: a warning counts when it says that a certificate expires.
func TestNagios(t *testing.T) {
	l := startLab(t)
	for _, c := range []struct {
		scenarios []string
		flags     []string
		status    int
		line      string
		lines     int
	}{
		{[]string{"good"}, nil, 0, `^ASSAY OK: good\.lab\.assay\.test:\d+: accepted, (59|60) days left \(96%\) \| 'days_left'=(59|60) 'life_left'=96% 'time'=0\.\d{3}s$`, 1},
		{[]string{"no-pointers"}, nil, 0, `^ASSAY OK: .*\[revocation-no-pointer\], (59|60) days left`, 1}, // a warning of another kind
		{[]string{"expires-soon"}, nil, 1, `^ASSAY WARNING: expires-soon.*in 10 days 1 hour \(11% of its lifetime left\) \[cert-expires-soon\] \| 'days_left'=10 `, 1},
		{[]string{"expires-soon-intermediate"}, nil, 1, `^ASSAY WARNING: .*\(intermediate CN=Assay Lab CA of Five More Days\)`, 1},
		{[]string{"expires-soon"}, []string{"--expires-within", "14d"}, 2, `^ASSAY CRITICAL: .*rejected by your --expires-within 14d`, 1},
		{[]string{"revoked"}, nil, 2, `^ASSAY CRITICAL: .*\[cert-revoked\]`, 1},
		{[]string{"crl-stale"}, nil, 3, `^ASSAY UNKNOWN: crl-stale`, 1},
		{[]string{"good", "crl-stale"}, nil, 3, `^ASSAY UNKNOWN: 1 of 2 targets: crl-stale.*'crl-stale\.lab\.assay\.test:\d+ days_left'=(59|60) .*'good\.lab\.assay\.test:\d+ days_left'=(59|60) `, 3},
		{[]string{"good", "crl-stale", "expires-soon"}, nil, 1, `^ASSAY WARNING: 1 of 3 targets: expires-soon`, 4},
		{[]string{"good", "expires-soon", "revoked", "crl-stale"}, nil, 2, `^ASSAY CRITICAL: 1 of 4 targets: revoked`, 5},
	} {
		args, targets := together(t, l, c.scenarios...)
		status, out, _ := run("", slices.Concat(args, c.flags, []string{"--format", "nagios"}, targets)...)
		if status != c.status || !regexp.MustCompile(c.line).MatchString(strings.TrimSuffix(strings.SplitAfter(out, "\n")[0], "\n")) || strings.Count(out, "\n") != c.lines {
			t.Errorf("%v: status %d, want %d\n%s\nwant %s", c.scenarios, status, c.status, out, c.line)
		}
		if first, _, _ := strings.Cut(out, "\n"); strings.Count(first, "|") != 1 {
			t.Errorf("%v: more than one |: %s", c.scenarios, out)
		}
	}
	for _, args := range [][]string{
		{"check", "--format", "nagios"}, {"check", "--format=nagios", "--no-such-flag", "a.test"}, {"check", "--format", "nagios", "-q", "a.test"},
		{"check", "--format", "nagios", "@missing.txt"}, {"verify", "--format", "nagios", "missing.pem"},
	} {
		if status, out, errs := run("", args...); status != 3 || !strings.HasPrefix(out, "ASSAY UNKNOWN: error: ") || errs == "" {
			t.Errorf("%v: status %d, %q, %q", args, status, out, errs)
		}
	}
	if status, out, _ := run("", "check", "--format", "nagios", "--help"); status != 0 || !strings.Contains(out, "Usage:") {
		t.Errorf("--help: %d, %s", status, out)
	}
	if status, _, _ := run("", "check", "--no-such-flag", "--", "--format", "nagios"); status != command.UsageError {
		t.Errorf("what follows -- is no flag: %d", status)
	}
}

// Targets come from files and standard input too, in their places; what is wrong
// with one is told with its line, and nothing is dialled then.
func TestTargetLists(t *testing.T) {
	l := startLab(t)
	args, targets := together(t, l, "good", "good-rsa", "revoked")
	file := filepath.Join(t.TempDir(), "hosts.txt")
	list := fmt.Sprintf("\ufeff# the web\r\n%s # the first\r\n\r\n   \n\t%s", targets[0], targets[2])
	if err := os.WriteFile(file, []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		stdin string
		args  []string
		want  []string
	}{
		{"", []string{"@" + file}, []string{targets[0], targets[2]}},
		{targets[1] + "\n", []string{"-"}, targets[1:2]},
		{targets[1], []string{"@" + file, "-", targets[0]}, []string{targets[0], targets[2], targets[1], targets[0]}},
	} {
		status, out, errs := run(c.stdin, slices.Concat(args, []string{"-q"}, c.args)...)
		var got []string
		for line := range strings.Lines(out) {
			got = append(got, strings.Fields(line)[1])
		}
		if !slices.Equal(got, c.want) || status != map[bool]int{true: 1}[slices.Contains(c.want, targets[2])] {
			t.Errorf("%v: status %d, %v, want %v\n%s%s", c.args, status, got, c.want, out, errs)
		}
	}
	// One report a line, for a list of one target too.
	if _, out, _ := run(targets[1], slices.Concat(args, []string{"--format", "json", "-"})...); strings.Count(out, "\n") != 1 {
		t.Errorf("%d lines of JSON", strings.Count(out, "\n"))
	}
	for stdin, want := range map[string]string{
		"":                                    "standard input is empty",
		"# nobody\n\n":                        "standard input names no target",
		"a.test\n\nexa..mple\n":               "standard input, line 3: ",
		"a.test b.test":                       "standard input, line 1: there is more than one target",
		"a.test\n--no-name":                   "standard input, line 2: a list of targets has no flags",
		"-":                                   "standard input, line 1: a list of targets cannot name another list",
		"@" + file:                            "standard input, line 1: a list of targets cannot name another list",
		"http://a.test":                       `standard input, line 1: "http://a.test": the scheme "http" is not known`,
		strings.Repeat("a.test\n", 10_001):    "standard input, line 10001: there are more than 10000 targets",
		strings.Repeat("#", maxTargetList+10): "standard input is larger than 1 MiB",
		"smtp://a.test:25\x1b[2J":             "line 1",
	} {
		if status, out, errs := run(stdin, "check", "-"); status != command.UsageError || out != "" || !strings.Contains(errs, want) || strings.Contains(errs, "\x1b") {
			t.Errorf("%.30q: status %d, %s, want %q", stdin, status, errs, want)
		}
	}
	for want, args := range map[string][]string{
		"standard input can be read only once": {"-", "-"}, "@ needs the name": {"@"}, "nowhere: no such file": {"@nowhere"},
	} {
		if status, _, errs := run("a.test", append([]string{"check"}, args...)...); status != command.UsageError || !strings.Contains(errs, want) {
			t.Errorf("%v: %d, %s", args, status, errs)
		}
	}
}

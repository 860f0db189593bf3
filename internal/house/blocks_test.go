package house

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every block of code in the documentation is run by a test, or the table says why it
// is not. A rule that fits no block is out of date.
func TestBlocks(t *testing.T) {
	used := make([]bool, len(Rules))
	for path, p := range pages(t) {
		for _, b := range p.Blocks {
			i := RuleFor(path, b)
			if i < 0 {
				first, _, _ := strings.Cut(b.Text, "\n")
				t.Errorf("%s:%d: no test runs this block: %s\nName the test that runs it in Rules (internal/house/blocks.go); internal/cli TestDocCommands and fleet/command "+
					"TestDocCommands run commands. If nothing can run it, a rule says why.", path, b.Line, first)
				continue
			}
			used[i] = true
			if slices.Contains(runners, Rules[i].By) {
				for _, line := range Commands(b.Text) {
					if err := Runnable(line); err != nil {
						t.Errorf("%s:%d: %v. A rule before (internal/house/blocks.go) names another test, or says why none runs it.", path, b.Line, err)
					}
				}
			}
		}
	}
	for i, r := range Rules {
		if !used[i] {
			t.Errorf("no block fits the rule %+v", r)
		}
		if (r.By == "") == (r.Why == "") {
			t.Errorf("%+v names a test or a reason, and not both", r)
		}
		if dir, name, ok := strings.Cut(r.By, " "); ok && !hasTest(t, dir, name) {
			t.Errorf("%+v: there is no such test", r)
		}
	}
}

// What would change the computer is not given to a shell.
func TestRunnable(t *testing.T) {
	for _, line := range []string{
		"apt-get install x", "sudo assay check a", "assay check a; rm -rf x", "assay check a && apt-get install x", "assay check a | sh", "assay check $(rm x)", "assay check `rm x`",
		"assay lab >/etc/hosts", "assay lab > ../x", "assay lab >~/x", "mkdir x && rm x", "(rm x)", "assay check a & rm x", "assay check \"$(rm x)\"", "go install ./cmd/other", "FOO=1 rm x", "rm x # assay", "",
		"assay check a || rm x", "systemctl stop x", "assay lab < /etc/passwd", "assay check a &", "assay check ${HOME}",
	} {
		if Runnable(line) == nil {
			t.Errorf("%q would be run", line)
		}
	}
	for _, line := range []string{
		"assay check example.com   # the verdict; everything", "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | assay connect x", "assay connect --roots ca.pem x:8443 <in >out", "mkdir man1 && assay help --man man1",
		"go install -C fleet ./cmd/assay-fleet   # for assay scan and assay serve", "curl 'http://127.0.0.1:8843/probe?target=expired'    # assay_headline_info{finding=\"x\"} 1",
		"assay lab clients --format json > today.json", "assay lab 'program-*'",
	} {
		if err := Runnable(line); err != nil {
			t.Error(err)
		}
	}
}

// What CONTRIBUTING.md wants to be run, .ci/run runs.
func TestContinuousIntegration(t *testing.T) {
	ci := string(source(t, ".ci/run"))
	blocks, err := BlocksFor(".", "CONTRIBUTING.md", "internal/house TestContinuousIntegration")
	if err != nil || len(blocks) == 0 {
		t.Fatalf("%d blocks, %v", len(blocks), err)
	}
	for _, b := range blocks {
		for line := range strings.Lines(b.Text) {
			words := strings.Fields(line)
			if len(words) > 0 && !regexp.MustCompile(strings.Join(words[:2], " ")+` (-[a-z]+ (\w+ )?)*`+regexp.QuoteMeta(strings.Join(words[2:], " "))).MatchString(ci) {
				t.Errorf(".ci/run does not run: %s", line)
			}
		}
	}
}

var (
	goCommand = regexp.MustCompile(`go (run|test) (?:-[a-z]+ \S+ )*(\./\S+)`)
	benchName = regexp.MustCompile(`-bench (\w+)`)
)

// The commands by which the figures of docs/performance.md are measured take minutes
// on an idle machine. What they name is there: the program, the package, the benchmark.
func TestMeasurements(t *testing.T) {
	blocks, err := BlocksFor(".", "docs/performance.md", "internal/house TestMeasurements")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, b := range blocks {
		for line := range strings.Lines(b.Text) {
			for _, m := range goCommand.FindAllStringSubmatch(line, -1) {
				n++
				files, err := filepath.Glob(filepath.Join(m[2], "*.go"))
				if err != nil || len(files) == 0 {
					t.Errorf("%s: %s has no program (%v)", strings.TrimSpace(line), m[2], err)
					continue
				}
				var all strings.Builder
				for _, f := range files {
					all.Write(source(t, f))
				}
				code := all.String()
				if m[1] == "run" && !strings.Contains(code, "\nfunc main() {") {
					t.Errorf("%s is no program", m[2])
				}
				if bench := benchName.FindStringSubmatch(line); bench != nil && !strings.Contains(code, "\nfunc Benchmark"+bench[1]) {
					t.Errorf("%s has no benchmark %s", m[2], bench[1])
				}
				for _, f := range regexp.MustCompile(` -([a-z0-9]+) \d+`).FindAllStringSubmatch(line, -1) {
					if m[1] == "run" && !strings.Contains(code, `"`+f[1]+`"`) {
						t.Errorf("%s has no flag -%s", m[2], f[1])
					}
				}
			}
		}
	}
	if n < 4 {
		t.Errorf("only %d commands", n)
	}
}

var unitLine = regexp.MustCompile(`^(#.*|\[(Unit|Service|Timer|Install)\]|[A-Z][A-Za-z]+=\S.*|)$`)

// The units and the line of the crontab run a command of assay that TestGuideCommands
// runs too. Where systemd is, it reads the units.
func TestGuideUnits(t *testing.T) {
	const page = "docs/guides/crlite.md"
	blocks, err := BlocksFor(".", page, "internal/house TestGuideUnits")
	if err != nil || len(blocks) != 2 {
		t.Fatalf("%d blocks, %v", len(blocks), err)
	}
	commands := 0
	text := string(source(t, page))
	for _, b := range blocks {
		for line := range strings.Lines(b.Text) {
			if _, command, ok := strings.Cut(line, "/usr/local/bin/"); ok {
				commands++
				command, _, _ = strings.Cut(strings.TrimSpace(command), " >")
				if !strings.Contains(text, "\n    "+command+"\n") {
					t.Errorf("%s: %q is not run elsewhere on the page", page, command)
				}
			}
		}
	}
	if commands != 2 {
		t.Errorf("%d commands", commands)
	}
	for line := range strings.Lines(blocks[0].Text) {
		if !unitLine.MatchString(strings.TrimSuffix(line, "\n")) {
			t.Errorf("%s: no line of a unit: %q", page, line)
		}
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Log("systemd-analyze is not installed")
		return
	}
	dir := t.TempDir()
	for part := range strings.SplitSeq(blocks[0].Text, "# ") {
		name, unit, ok := strings.Cut(part, "\n")
		if !ok {
			continue
		}
		writeFile(t, filepath.Join(dir, name), strings.ReplaceAll(unit, "/usr/local/bin/assay", "/bin/true"))
		defer func() {
			if out, err := exec.Command(analyze, "verify", "--user", filepath.Join(dir, name)).CombinedOutput(); strings.Contains(string(out), filepath.Join(dir, name)+":") {
				t.Errorf("%s: %v: %s", name, err, out)
			}
		}()
	}
}

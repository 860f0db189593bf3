package house

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/internal/lab"
)

// Each guide begins with a complete main.go. It compiles in a module of its own that
// uses this one, and run against the lab as the guide says it prints what the guide
// says.
func TestGuidePrograms(t *testing.T) {
	guides := guideTexts(t)
	all := maps.Clone(guides)
	all["README.md"] = string(source(t, "README.md"))
	dir := programsModule(t, all)
	build := exec.Command("go", "build", "-mod=mod", "-o", dir+string(filepath.Separator), "./...")
	build.Dir = dir
	build.Env = append(os.Environ(), "GOWORK=off", "GOPROXY=off", "GOSUMDB=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("the programs do not compile: %v\n%s", err, out)
	}
	var names []string
	for _, text := range guides {
		names = append(names, labNames(text)...)
	}
	l, err := lab.Start(t.Context(), lab.Options{Dir: t.TempDir(), Only: names})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	t.Run("README", func(t *testing.T) { runReadmeProgram(t, l, filepath.Join(dir, "README"+exeSuffix())) })
	for path, text := range guides {
		name := programName(path)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runs := programRun.FindAllStringSubmatch(text, -1)
			if len(runs) < 2 {
				t.Fatalf("%s is run %d times in its guide", name, len(runs))
			}
			for _, m := range runs {
				runProgram(t, l, filepath.Join(dir, name+exeSuffix()), m[1], labNames(text), m[2])
			}
		})
	}
}

// runReadmeProgram runs the client of the README on a server that is good and on one
// that is revoked.
func runReadmeProgram(t *testing.T, l *lab.Lab, program string) {
	for name, want := range map[string]string{"good": "", "revoked-by-staple": "never connect to this server: "} {
		s, ok := l.Scenario(name)
		if !ok {
			t.Fatalf("the lab has no %s", name)
		}
		run := exec.CommandContext(t.Context(), program, "https://127.0.0.1:"+s.Port+"/")
		run.Env = append(os.Environ(), "SSL_CERT_FILE="+l.RootFile, "https_proxy=", "HTTPS_PROXY=")
		out, err := run.CombinedOutput()
		if (err == nil) != (want == "") || !strings.Contains(string(out), want) || len(out) == 0 {
			t.Errorf("%s: %v, and it prints %q, want %q", name, err, out, want)
		}
	}
}

var (
	// programRun is a run of a guide's program on a server of the lab, and what it prints.
	programRun = regexp.MustCompile(`(?m)^    \$ go run \. (-.*)\n((?:    [^$\n].*\n)*)`)
	labCommand = regexp.MustCompile(`(?m)^    assay lab --dir lab (.*)$`)
	labHost    = regexp.MustCompile(`([a-z0-9-]+)\.lab\.assay\.test`)
	labPort    = regexp.MustCompile(`(127\.0\.0\.1|localhost):\d+`)
	aMoment    = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC`)
)

// labNames are the servers that the guide starts.
func labNames(text string) (names []string) {
	for _, m := range labCommand.FindAllStringSubmatch(text, -1) {
		names = append(names, strings.Fields(m[1])...)
	}
	return names
}

// runProgram runs a guide's command line on the lab that runs here. Ports and times
// are not compared.
func runProgram(t *testing.T, l *lab.Lab, program, line string, started []string, want string) {
	t.Helper()
	var s lab.Scenario
	for _, name := range started { // a server that is named by its address has no host name in the line
		if found, ok := l.Scenario(name); ok && (labHost.FindString(line) == found.Host || labHost.FindString(line) == "" && found.Resolve() == nil) {
			s = found
		}
	}
	if s.Name == "" {
		t.Fatalf("%s: the guide starts no such server: %s", line, started)
	}
	line = labPort.ReplaceAllString(line, "${1}:"+s.Port)
	line = strings.ReplaceAll(line, " lab/", " "+filepath.ToSlash(l.Dir)+"/")
	run := exec.CommandContext(t.Context(), program, strings.Fields(line)...)
	run.Dir = t.TempDir()
	out, err := run.CombinedOutput()
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		out = fmt.Appendf(out, "exit status %d\n", failed.ExitCode()) // as go run says it
	} else if err != nil {
		t.Fatal(err)
	}
	alike := func(s string) string {
		return labPort.ReplaceAllString(aMoment.ReplaceAllString(s, time.DateTime), "$1")
	}
	if got, want := alike(string(out)), alike(strings.ReplaceAll("\n"+want, "\n    ", "\n")[1:]); got != want {
		t.Errorf("go run . %s prints\n%s\nand the guide says\n%s", line, got, want)
	}
}

func programName(path string) string { return strings.TrimSuffix(filepath.Base(path), ".md") }

func exeSuffix() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

// programsModule writes a module with the guides' programs, each in a directory of
// its own.
func programsModule(t *testing.T, guides map[string]string) (dir string) {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	_, needs, ok := bytes.Cut(mod, []byte("\ngo "))
	if !ok {
		t.Fatal("go.mod has no line with go")
	}
	files := map[string][]byte{"go.mod": fmt.Appendf(nil, "module client\n\nrequire github.com/assaytls/assay v0.0.0\n\nreplace github.com/assaytls/assay => %s\n\ngo %s", root, needs)}
	if files["go.sum"], err = os.ReadFile("go.sum"); err != nil {
		t.Fatal(err)
	}
	for path, text := range guides {
		block := goBlock.FindStringSubmatch(text)
		if block == nil || block[1] != "" || !strings.Contains(block[3], "\npackage main\n") {
			t.Fatalf("%s does not begin with a program", path)
		}
		files[filepath.Join("cmd", programName(path), "main.go")] = []byte(block[3])
	}
	files[filepath.Join("cmd", "snippets", "main.go")] = snippets(t)
	for name, b := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// snippets is a program of the lines of Go that stand in the pages without a program
// around them. It is compiled and not run: the examples show what the lines do.
func snippets(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("package main\n\nimport (\n\t\"github.com/assaytls/assay\"\n\t\"github.com/assaytls/assay/policy\"\n)\n\nvar _ policy.Program\n\nfunc main() {}\n")
	for page, around := range map[string][2]string{
		"docs/root-programs.md": {"func trust() {\n", "_, _ = v, err\n}\n"},
		"docs/guides/crlite.md": {"func filters(dir string) {\nvar conf assay.Config\n", "_ = conf\n}\n"},
	} {
		blocks, err := BlocksFor(".", page, "internal/house TestGuidePrograms")
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range blocks {
			if block.Lang == "" && !strings.HasPrefix(block.Text, "assay ") && !strings.HasPrefix(block.Text, "$ ") {
				b.WriteString("\n" + around[0] + block.Text + around[1])
			}
		}
	}
	return b.Bytes()
}

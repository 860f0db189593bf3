package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/lab"
	"github.com/assaytls/assay/internal/lab/scenarios"
	"github.com/assaytls/assay/report"
)

// sharedLab is one lab for all tests of the package.
var sharedLab = sync.OnceValues(func() (*lab.Lab, error) { return lab.Start(context.Background(), lab.Options{}) })

func startLab(t testing.TB) *lab.Lab {
	t.Helper()
	l, err := sharedLab()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// run runs the command line in this process.
func run(stdin string, args ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	status = Main(args, strings.NewReader(stdin), &out, &errs)
	return status, out.String(), errs.String()
}

// The flags of a scenario and its policy are two ways to say one thing: the
// command line comes to the same verdict and findings as `assay lab check`,
// which compares them with what the scenario wants.
func TestCheckLab(t *testing.T) {
	l := startLab(t)
	cache := t.TempDir()
	statuses := map[report.Verdict]int{report.Accept: command.Accept, report.Reject: command.Reject, report.Inconclusive: command.Inconclusive}
	for _, s := range l.Scenarios {
		if s.DownloadTimeout > 0 || s.Timeout > 0 || s.Local {
			continue // their limits have no flag, and waiting for the defaults would take long
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			status, out, errs := run("", append(l.Assay(s), "--format", "json", "--cache-dir", cache)...)
			if status == command.UsageError {
				t.Fatalf("%s", errs)
			}
			var r report.Report
			if err := json.Unmarshal([]byte(out), &r); err != nil {
				t.Fatalf("%v in %s", err, out)
			}
			eng, trust, err := l.Engine(s)
			if err != nil {
				t.Fatal(err)
			}
			want, _ := eng.Check(t.Context(), l.Config(s), trust, s.Policy, s.Access, assemble.Full)
			if r.Verdict != want.Verdict || status != statuses[want.Verdict] {
				t.Errorf("verdict %s, status %d, want %s", r.Verdict, status, want.Verdict)
			}
			if got, want := lab.Found(&r), lab.Found(want); !slices.Equal(got, want) {
				t.Errorf("findings %v, want %v", got, want)
			}
			for _, c := range out {
				if c < 0x20 && c != '\n' || c >= 0x7f && c <= 0x9f || c == '\u202e' {
					t.Errorf("%q reached standard output", c)
				}
			}
		})
	}
}

// Text of every scenario holds no control character and fits its lines.
func TestCheckLabText(t *testing.T) {
	l := startLab(t)
	for _, s := range l.Scenarios {
		if s.Group != "hostile" && s.Group != "connection" || s.DownloadTimeout > 0 || s.Timeout > 0 || s.Local {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			_, out, errs := run("", append(l.Assay(s), "-v", "-i", "--cache-dir", t.TempDir())...)
			if !strings.Contains(out, s.Host) {
				t.Errorf("the target is not named:\n%s%s", out, errs)
			}
			for _, c := range out + errs {
				if c < 0x20 && c != '\n' || c >= 0x7f && c <= 0x9f || c == '\u202e' {
					t.Errorf("%q reached the terminal", c)
				}
			}
		})
	}
}

// Several targets are printed in the order of the arguments, whichever is
// done first, and the worst verdict counts.
func TestOrder(t *testing.T) {
	l := startLab(t)
	args := []string{"check", "--roots", l.RootFile, "--cache-dir", t.TempDir(), "-q"}
	var targets []string
	for _, name := range []string{"refused", "good", "revoked", "good-rsa", "expired", "good-p384", "closes", "good-tls12", "good-tls13", "good-staple"} {
		s, ok := l.Scenario(name)
		if !ok {
			t.Fatal(name)
		}
		args = append(args, "--resolve", s.Target()+":127.0.0.1")
		targets = append(targets, s.Target())
	}
	status, out, errs := run("", append(args, targets...)...)
	if status != command.Reject || errs != "" {
		t.Errorf("status %d, %s", status, errs)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != len(targets) {
		t.Fatalf("%d lines for %d targets:\n%s", len(lines), len(targets), out)
	}
	for i, line := range lines {
		if !strings.Contains(line, targets[i]) {
			t.Errorf("line %d is not about %s: %s", i, targets[i], line)
		}
	}
	status, out, _ = run("", append(append(args[:len(args):len(args)], "--format", "json"), targets[1], targets[3])...)
	if status != command.UsageError {
		t.Errorf("-q with JSON: status %d, %s", status, out)
	}
}

// The running lab tells programs all of its servers, which answer where it says.
func TestLabJSON(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "lab", "--format", "json", "good", "revoked", "smtp")
	cmd.Args[0] = "assay"
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	var servers []labServer
	if err := json.NewDecoder(out).Decode(&servers); err != nil {
		t.Fatal(err)
	}
	if len(servers) != 3 {
		t.Fatalf("%+v", servers)
	}
	told := scenarios.All()
	for _, s := range servers {
		i := slices.IndexFunc(told, func(t scenarios.Scenario) bool { return t.Name == s.Name })
		if i < 0 {
			t.Fatalf("no scenario %s", s.Name)
		}
		if want := told[i]; s.Group != want.Group || s.Want != want.Want || s.Story != want.Story || !slices.Equal(s.Findings, want.Findings) {
			t.Errorf("%+v, told %+v", s, want)
		}
		if s.Host != s.Name+"."+scenarios.Domain || s.Address != "127.0.0.1:"+s.Port || (s.StartTLS == "smtp") != (s.Name == "smtp") || s.Local {
			t.Errorf("%+v", s)
		}
		if b, err := os.ReadFile(s.Root); err != nil || !bytes.Contains(b, []byte("BEGIN CERTIFICATE")) {
			t.Errorf("%s: %v", s.Root, err)
		}
		c, err := net.Dial("tcp", s.Address)
		if err != nil {
			t.Error(err)
			continue
		}
		c.Close()
	}
	if runtime.GOOS == "windows" {
		return // nobody interrupts a process there
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 130 { // 128 and the signal, as a shell says it
		t.Errorf("interrupted: %v", err)
	}
}

package command

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/assaytls/assay/internal/lab/peers"
)

// serveEnv makes of a test process the program itself; its arguments are in it, one
// a line.
const serveEnv = "ASSAY_FLEET_TEST_ARGS"

// TestServeProgram is the program in a process of its own; by itself it tests nothing.
func TestServeProgram(t *testing.T) {
	if args, ok := os.LookupEnv(serveEnv); ok {
		os.Exit(Main(strings.Split(args, "\n"), os.Stdin, os.Stdout, os.Stderr))
	}
}

// program is a running assay-fleet.
type runningProgram struct {
	t      *testing.T
	c      *exec.Cmd
	out    *bufio.Reader
	mu     sync.Mutex
	stderr bytes.Buffer
}

func (p *runningProgram) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stderr.Write(b)
}

// says waits until text stands on standard error.
func (p *runningProgram) says(text string) {
	p.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		p.mu.Lock()
		got := p.stderr.String()
		p.mu.Unlock()
		if strings.Contains(got, text) {
			return
		}
		if time.Now().After(end) {
			p.t.Fatalf("it does not say %q: %s", text, got)
		}
	}
}

// startProgram starts assay-fleet with its data below state.
func startProgram(t *testing.T, state string, args ...string) *runningProgram {
	t.Helper()
	p := &runningProgram{t: t, c: exec.Command(os.Args[0], "-test.run=^TestServeProgram$")}
	peers.Tie(p.c)
	p.c.Env = append(os.Environ(), serveEnv+"="+strings.Join(args, "\n"), "XDG_STATE_HOME="+state, "XDG_CACHE_HOME="+state+"-cache")
	p.c.Stderr = p
	out, err := p.c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	if err := p.c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.c.Process.Kill(); p.c.Wait() })
	return p
}

// address reads where the program listens.
func (p *runningProgram) address() string {
	p.t.Helper()
	return p.line("address   ")
}

// line is what stands after label in the next line of the greeting that has it.
func (p *runningProgram) line(label string) string {
	p.t.Helper()
	for {
		line, err := p.out.ReadString('\n')
		if err != nil {
			p.t.Fatalf("it does not say where it is: %v: %s", err, p.stderr.String())
		}
		if _, rest, found := strings.Cut(line, label); found {
			return strings.TrimSpace(rest)
		}
	}
}

// names asks the program for its targets.
func (p *runningProgram) names(address string) (names []string) {
	p.t.Helper()
	resp, err := http.Get(address + "api/v1/targets")
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	var page struct {
		Targets []struct{ Name string }
	}
	if err := json.Unmarshal(b, &page); err != nil {
		p.t.Fatalf("%v: %s", err, b)
	}
	for _, x := range page.Targets {
		names = append(names, x.Name)
	}
	return names
}

// TestServeReload: SIGHUP has the configuration read again; a bad one changes
// nothing and its faults are told with their lines. The data is its user's alone.
func TestServeReload(t *testing.T) {
	dir := t.TempDir()
	config, state := filepath.Join(dir, "watch.yaml"), filepath.Join(dir, "state")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("groups:\n  - {name: web, targets: ['127.0.0.1:1']}\n")
	p := startProgram(t, state, "serve", "--config", config, "--listen", "127.0.0.1:0")
	address := p.address()
	if got := strings.Join(p.names(address), " "); got != "127.0.0.1:1" {
		t.Errorf("targets %q", got)
	}
	for name, want := range map[string]os.FileMode{"assay": 0o700 | os.ModeDir, "assay/watch.db": 0o600, "assay/watch.db-wal": 0o600} {
		if st, err := os.Stat(filepath.Join(state, name)); err != nil || st.Mode() != want {
			t.Errorf("%s: %v, %v", name, st, err)
		}
	}
	write("groups:\n  - {name: web, targets: ['127.0.0.1:1', '127.0.0.1:2']}\n")
	p.c.Process.Signal(syscall.SIGHUP)
	p.says("the configuration was read again: 2 targets")
	if got := strings.Join(p.names(address), " "); got != "127.0.0.1:1 127.0.0.1:2" {
		t.Errorf("targets %q", got)
	}
	write("groups:\n  - {name: web, targets: ['127.0.0.1:3'], interval: 1s}\n")
	p.c.Process.Signal(syscall.SIGHUP)
	p.says("the configuration that was in use stays")
	p.says("watch.yaml:2:53: groups[0].interval: it must be from 10s to 720h")
	write("groups:\n  - {name: web, targets: ['127.0.0.1:3'], check: {roots: nowhere.pem}}\n")
	p.c.Process.Signal(syscall.SIGHUP)
	p.says("nowhere.pem")
	if got := strings.Join(p.names(address), " "); got != "127.0.0.1:1 127.0.0.1:2" {
		t.Errorf("targets %q", got)
	}
	p.c.Process.Signal(syscall.SIGTERM)
	if err := p.c.Wait(); p.c.ProcessState.ExitCode() != 130 {
		t.Errorf("it ended with %v: %s", err, p.stderr.String())
	}
}

// TestServeErrors: what cannot be meant is a usage error before anything begins.
func TestServeErrors(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "watch.yaml")
	if err := os.WriteFile(config, []byte("groups:\n  - name: web\n    intervall: 1h\n    targets: ['a b']\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	public := filepath.Join(dir, "public.db")
	if err := os.WriteFile(public, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	targets := filepath.Join(dir, "targets.yaml")
	if err := os.WriteFile(targets, []byte("groups:\n  - {name: web, targets: ['127.0.0.1:1']}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_STATE_HOME", filepath.Join(dir, "state"))
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"check-config", config}, []string{"watch.yaml:3:5: groups[0]: there is no", `did you mean "interval"?`, "watch.yaml:4:15: groups[0].targets[0]"}},
		{[]string{"check-config"}, []string{"one configuration is needed"}},
		{[]string{"--config", config}, []string{"watch.yaml:3:5"}},
		{[]string{"--config", filepath.Join(dir, "nowhere")}, []string{"nowhere"}},
		{[]string{"--demo", "a.test"}, []string{"--demo watches the lab alone"}},
		{[]string{"--demo", "--config", targets}, []string{"--demo watches the lab alone", "groups"}},
		{[]string{"--scenario", "good"}, []string{"--scenario needs --demo"}},
		{[]string{"--demo", "--scenario", "no-such"}, []string{"no-such"}},
		{[]string{"--database", "postgres://u:secret@127.0.0.1/x"}, []string{"PGPASSFILE"}},
		{[]string{"--database", "postgres://u@127.0.0.1:1/x"}, []string{"PostgreSQL at 127.0.0.1 cannot be used"}},
		{[]string{"--database", public}, []string{"can be read by others", "chmod 600"}},
		{[]string{"a b"}, []string{"a b"}},
		{[]string{"--listen", "nonsense"}, []string{"--listen nonsense"}},
	} {
		var out, stderr bytes.Buffer
		if status := Main(append([]string{"serve"}, c.args...), nil, &out, &stderr); status != 2 {
			t.Errorf("%q: exit status %d", c.args, status)
		}
		for _, w := range c.want {
			if !strings.Contains(stderr.String(), w) {
				t.Errorf("%q: %s\nlacks %q", c.args, stderr.String(), w)
			}
		}
		if strings.Contains(stderr.String(), "secret") || out.Len() > 0 {
			t.Errorf("%q: %s %s", c.args, stderr.String(), out.String())
		}
	}
}

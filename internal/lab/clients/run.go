package clients

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/assaytls/assay/finding"
)

// The bounds of one run of a client.
const (
	maxOutput = 64 << 10 // octets of each stream that are kept
	maxReason = 160      // characters of the reason that is shown
)

// passed are the variables of the environment that a client gets; all others, the proxies' above
// all, are dropped.
var passed = []string{"PATH", "LANG", "LC_ALL", "TERM", "SystemRoot", "JAVA_HOME"}

// process is one run of a program.
type process struct {
	argv  []string
	env   map[string]string
	stdin Stdin
	goal  goal
	limit time.Duration
	home  string
	mark  string // stands in its environment and in that of its children
}

// ended is what came of it.
type ended struct {
	output  string
	timeout bool
	failed  bool  // it did not end with 0, which counts for what is no client
	err     error // it could not be started
}

// run runs the process to its end or to the limit, and leaves none of its children behind. done, when
// it is closed, says that nothing more is to be learnt.
func (p process) run(ctx context.Context, done <-chan struct{}) (e ended) {
	ctx, cancel := context.WithTimeout(ctx, p.limit)
	defer cancel()
	cmd := exec.Command(p.argv[0], p.argv[1:]...)
	cmd.Dir = p.home
	cmd.Env = environment(p.home, p.mark, p.env)
	alone(cmd)
	out := &capped{limit: maxOutput}
	cmd.Stdout, cmd.Stderr = out, out
	// The pipes of grandchildren that outlive the program must not keep us.
	cmd.WaitDelay = 100 * time.Millisecond
	var hold io.WriteCloser
	if p.stdin == Request {
		var err error
		if hold, err = cmd.StdinPipe(); err != nil {
			return ended{err: err}
		}
	}
	if err := cmd.Start(); err != nil {
		return ended{err: err}
	}
	if hold != nil {
		_, _ = io.WriteString(hold, p.goal.request()) // a client that has gone already reads nothing
		defer hold.Close()
	}
	waited := make(chan struct{})
	var failed bool
	go func() {
		failed = cmd.Wait() != nil // of a client it says nothing: the server does
		close(waited)
	}()
	select {
	case <-waited:
	case <-done:
		select { // the request has arrived: a moment to end by itself
		case <-waited:
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
		}
	case <-ctx.Done():
		e.timeout = errors.Is(ctx.Err(), context.DeadlineExceeded)
	}
	endAll(cmd, p.mark)
	<-waited
	e.output, e.failed = out.String(), failed
	return e
}

// environment is what a client sees: an empty HOME of its own, what is allowed of ours, and what its
// definition adds.
func environment(home, mark string, more map[string]string) []string {
	env := []string{"HOME=" + home, "TMPDIR=" + home, "XDG_CONFIG_HOME=" + home, "XDG_CACHE_HOME=" + home, "XDG_DATA_HOME=" + home, "XDG_STATE_HOME=" + home, marker + "=" + mark}
	for _, name := range passed {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	names := make([]string, 0, len(more))
	for name := range more {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		env = append(env, name+"="+more[name])
	}
	return env
}

// marker is the variable that every process of an exam has.
const marker = "ASSAY_EXAM"

// capped keeps the first octets and drops the rest.
type capped struct {
	mu    sync.Mutex
	b     bytes.Buffer
	limit int
}

func (c *capped) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if room := c.limit - c.b.Len(); room > 0 {
		c.b.Write(b[:min(room, len(b))])
	}
	return len(b), nil
}

func (c *capped) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.b.String()
}

// reason is the last line of a client's output that says something, safe to print: the lab's servers put
// escape sequences into certificates.
func reason(output string) string {
	lines := strings.Split(strings.ReplaceAll(output, "\r", "\n"), "\n")
	for _, l := range slices.Backward(lines) {
		l = strings.TrimSpace(l)
		if len(l) < 4 {
			continue
		}
		q := finding.Quote(l)
		if r := []rune(q); len(r) > maxReason {
			q = string(r[:maxReason]) + "…"
		}
		return q
	}
	return ""
}

// lastLines are the last lines of what a program said that did not start, safe to print.
func lastLines(output string) string {
	var said []string
	for l := range strings.Lines(output) {
		if q := reason(l); q != "" {
			said = append(said, q)
		}
	}
	return strings.Join(said[max(0, len(said)-3):], "; ")
}

// freshHome makes the empty HOME of one run.
func (p *place) freshHome(name string) (string, error) {
	dir := filepath.Join(p.dir, "home-"+name)
	return dir, os.Mkdir(dir, 0o700)
}

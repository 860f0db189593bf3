package clients

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// The browsers that can be driven.
const (
	Chromium = "chromium"
	Firefox  = "firefox"
)

// browserStart is the most that a browser may take until it takes orders.
const browserStart = 60 * time.Second

// browser starts a browser, once for all questions: a fresh profile that trusts the lab's roots.
func (e *examination) browser(ctx context.Context, d Definition) (asker, func(), error) {
	if e.place.nssdb == "" {
		return nil, nil, errors.New("a browser is told whom to trust with certutil, which is not on this machine (libnss3-tools)")
	}
	home, err := e.place.freshHome(token())
	if err != nil {
		return nil, nil, err
	}
	start := e.chromium
	if d.Driver == Firefox {
		start = e.firefox
	}
	ask, stop, err := start(ctx, d, home)
	if err != nil {
		os.RemoveAll(home)
		return nil, nil, fmt.Errorf("%s: %w", d.Driver, err)
	}
	return ask, func() { stop(); os.RemoveAll(home) }, nil
}

// program is a browser or a server that runs for a whole exam.
type program struct {
	cmd  *exec.Cmd
	mark string
	out  *capped
	gone chan struct{} // closed when it has ended
}

// startProgram starts argv with home as its HOME. files are its descriptors 3 and up; this process's
// copies are closed.
func startProgram(argv []string, home string, env map[string]string, files ...*os.File) (*program, error) {
	p := &program{cmd: exec.Command(argv[0], argv[1:]...), mark: token(), out: &capped{limit: maxOutput}, gone: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env, p.cmd.ExtraFiles = home, environment(home, p.mark, env), files
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.WaitDelay = p.out, p.out, 100*time.Millisecond
	alone(p.cmd)
	err := p.cmd.Start()
	for _, f := range files {
		f.Close()
	}
	if err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait() // its status says nothing: the lab's servers do
		close(p.gone)
	}()
	return p, nil
}

// stop ends the program and its children.
func (p *program) stop() {
	endAll(p.cmd, p.mark)
	<-p.gone
}

// copyNSS copies the trust store into a directory that is made.
func (p *place) copyNSS(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(p.nssdb, "*"))
	if err != nil {
		return err
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(f)), b, 0o600); err != nil {
			return err
		}
	}
	return nil
}

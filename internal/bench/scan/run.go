package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// loaded is a load that another process serves.
type loaded struct {
	place
	self string
	stop func()
}

// start serves a load in a process of its own, on the second processor if there is
// taskset to say so.
func start(self, dir string, s size) (*loaded, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	b, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	cmd := pinned(1, self, "serve", dir, string(b))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop := func() { in.Close(); cmd.Wait() }
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		stop()
		return nil, fmt.Errorf("the server did not start: %q %w", line, err)
	}
	p, err := readPlace(dir)
	if err != nil {
		stop()
		return nil, err
	}
	return &loaded{p, self, stop}, nil
}

// pinned is a command on one processor, where taskset is there to say so; programs
// of Go are told to use one.
func pinned(processor int, args ...string) *exec.Cmd {
	if taskset, err := exec.LookPath("taskset"); err == nil {
		args = append([]string{taskset, "-c", strconv.Itoa(processor)}, args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	return cmd
}

// ask runs a child and returns what it tells.
func (l *loaded) ask(what map[string]any) (*told, error) {
	what["Dir"] = l.Dir
	b, err := json.Marshal(what)
	if err != nil {
		return nil, err
	}
	cmd := pinned(0, l.self, "child", string(b))
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%v: %w %s", what, err, errs.Bytes())
	}
	t := &told{}
	return t, json.Unmarshal(errs.Bytes(), t)
}

// program is a whole process that looks at all hosts.
type program struct {
	name string
	args []string
	told told

	cpu   []float64 // seconds for ten thousand hosts
	rss   float64   // MB, the largest
	bytes float64   // of output, for each host
}

// programs are ours, the naive one and the floor, each in a process of its own, and
// the peers in dir or on PATH.
func (l *loaded) programs(n, flight int, peers string) ([]*program, error) {
	var all []*program
	for _, name := range []string{nameFloor, nameNaive, nameOurs} {
		b, err := json.Marshal(map[string]any{"How": "scan", "Dir": l.Dir, "Name": name, "N": n, "Flight": flight})
		if err != nil {
			return nil, err
		}
		all = append(all, &program{name: name, args: []string{l.self, "child", string(b)}})
	}
	empty := filepath.Join(l.Dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		return nil, err
	}
	targets, err := os.ReadFile(l.targets())
	if err != nil {
		return nil, err
	}
	some := filepath.Join(l.Dir, "some.txt")
	lines := strings.SplitAfter(string(targets), "\n")
	if err := os.WriteFile(some, []byte(strings.Join(lines[:n], "")), 0o600); err != nil {
		return nil, err
	}
	for _, p := range []*program{
		{name: nameTLSX, args: []string{"tlsx", "-sm", "ctls", "-c", "100", "-json", "-silent", "-duc", "-p", l.Port, "-l", some}},
		{name: nameZGrab, args: []string{"zgrab2", "tls", "-s", "100", "-b", empty, "-p", l.Port, "-f", some}},
	} {
		if p.args[0] = peer(peers, p.args[0]); p.args[0] != "" {
			all = append(all, p)
		}
	}
	return all, nil
}

// The names of the peers.
const (
	nameTLSX  = "tlsx -sm ctls -c 100 -json (verifies no chain)"
	nameZGrab = "zgrab2 tls -s 100"
)

// peer finds a program, "" when it is not there.
func peer(dir, name string) string {
	if dir != "" {
		if file := filepath.Join(dir, name); exists(file) {
			return file
		}
	}
	file, err := exec.LookPath(name)
	if err != nil {
		return ""
	}
	return file
}

func exists(file string) bool { _, err := os.Stat(file); return err == nil }

// run runs the program once over n hosts.
func (p *program) run(dir string, n int) error {
	out, err := os.CreateTemp(dir, "out-")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	defer out.Close()
	cmd := pinned(0, p.args...)
	var errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = out, &errs
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w %.2000s", p.name, err, errs.Bytes())
	}
	json.Unmarshal(errs.Bytes(), &p.told) // peers tell other things
	size, err := out.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if err := p.complete(out, n); err != nil {
		return err
	}
	s := cmd.ProcessState
	p.cpu = append(p.cpu, (s.UserTime()+s.SystemTime()).Seconds()*1e4/float64(n))
	p.rss, p.bytes = max(p.rss, maxRSS(s)), float64(size)/float64(n)
	return nil
}

// complete wants a line for each host of those who write any.
func (p *program) complete(out *os.File, n int) error {
	if p.name == nameFloor {
		return nil
	}
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		return err
	}
	lines, r := 0, bufio.NewScanner(out)
	r.Buffer(nil, 1<<20)
	for r.Scan() {
		lines++
	}
	if lines < n*99/100 {
		return fmt.Errorf("%s wrote %d lines about %d hosts", p.name, lines, n)
	}
	return r.Err()
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return x[len(x)/2]
}

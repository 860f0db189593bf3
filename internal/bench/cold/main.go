// Command cold measures whole processes against servers of the lab on
// loopback, interleaved in one run: assay check, a Go client that verifies
// nothing (the floor), one that verifies as crypto/tls does, openssl s_client
// and curl. All but the floor trust the system's roots and the lab's.
//
//	go run ./internal/bench/cold [-rounds N]
//
// It prints medians of the time by the clock and of processor time (user and
// system), each with its ratio to the floor's. On a busy machine processor time is
// the one to read. Nothing passes or fails by time.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/assaytls/assay/internal/lab"
)

// subject is one program that is measured.
type subject struct {
	name  string
	args  []string
	env   []string
	exit  int // the exit status it must end with
	times []time.Duration
	cpu   []time.Duration // user and system
}

func main() {
	rounds := flag.Int("rounds", 41, "how often each program runs")
	flag.Parse()
	if err := run(*rounds); err != nil {
		fmt.Fprintln(os.Stderr, "cold:", err)
		os.Exit(1)
	}
}

func run(rounds int) error {
	dir, err := os.MkdirTemp("", "assay-cold-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, cmd := range []string{"./cmd/assay", "./internal/bench/floor"} {
		build := exec.Command("go", "build", "-trimpath", "-o", dir+"/", cmd)
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("building %s (run this from the module's root): %w", cmd, err)
		}
	}
	l, err := lab.Start(context.Background(), lab.Options{Only: []string{"good", "no-pointers"}, Dir: dir})
	if err != nil {
		return err
	}
	defer l.Close()
	bundle, err := roots(dir, l)
	if err != nil {
		return err
	}
	subjects, err := subjects(dir, bundle, l)
	if err != nil {
		return err
	}
	for round := range rounds + 3 { // the first three only warm up
		for _, s := range subjects {
			took, worked, err := s.run()
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			if round >= 3 {
				s.times, s.cpu = append(s.times, took), append(s.cpu, worked)
			}
		}
	}
	print(subjects)
	return nil
}

// roots writes the system's bundle and the lab's roots into one file.
func roots(dir string, l *lab.Lab) (string, error) {
	own, err := os.ReadFile(l.RootFile)
	if err != nil {
		return "", err
	}
	system, err := os.ReadFile("/etc/ssl/certs/ca-certificates.crt")
	if err != nil {
		return "", fmt.Errorf("the system's roots (package ca-certificates): %w", err)
	}
	name := filepath.Join(dir, "bundle.pem")
	return name, os.WriteFile(name, append(system, own...), 0o600)
}

func subjects(dir, bundle string, l *lab.Lab) ([]*subject, error) {
	plain, _ := l.Scenario("no-pointers")
	good, _ := l.Scenario("good")
	env := []string{"HOME=" + dir, "XDG_CACHE_HOME=" + filepath.Join(dir, "cache"), "PATH=" + os.Getenv("PATH"), "SSL_CERT_FILE=" + bundle, "SSL_CERT_DIR=" + filepath.Join(dir, "none")}
	ours := slices.DeleteFunc(slices.Clone(env), func(s string) bool { return s[:min(len(s), 13)] == "SSL_CERT_DIR=" })
	assay := filepath.Join(dir, "assay")
	check := func(s lab.Scenario) []string {
		return []string{assay, "check", "--resolve", s.Target() + ":127.0.0.1", s.Target()}
	}
	list := []*subject{
		{name: "floor: Go, verifies nothing", args: []string{filepath.Join(dir, "floor"), plain.Addr, plain.Host}, env: env},
		{name: "Go, verifies the chain", args: []string{filepath.Join(dir, "floor"), plain.Addr, plain.Host, "verify"}, env: env},
		{name: "assay check, no pointers", args: check(plain), env: ours},
		{name: "assay check, everything, warm cache", args: check(good), env: ours},
		{name: "assay version", args: []string{assay, "version"}, env: ours},
	}
	if p, err := exec.LookPath("openssl"); err == nil {
		list = append(list, &subject{name: "openssl s_client -CAfile", env: env, args: []string{p, "s_client", "-connect", plain.Addr, "-CAfile", bundle,
			"-servername", plain.Host, "-verify_hostname", plain.Host, "-verify_return_error"}})
	}
	if p, err := exec.LookPath("curl"); err == nil {
		list = append(list, &subject{name: "curl --cacert", env: env, args: []string{p, "-s", "-o", "/dev/null", "--noproxy", "*", "--cacert", bundle,
			"--resolve", plain.Target() + ":127.0.0.1", "https://" + plain.Target() + "/"}})
	}
	return list, nil
}

// run starts the program once and returns how long it took, and how long processors
// worked for it.
func (s *subject) run() (took, cpu time.Duration, err error) {
	cmd := exec.Command(s.args[0], s.args[1:]...)
	cmd.Env = s.env
	start := time.Now()
	err = cmd.Run()
	took = time.Since(start)
	if code := cmd.ProcessState.ExitCode(); code != s.exit {
		return 0, 0, fmt.Errorf("exit status %d: %v", code, err)
	}
	return took, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

func print(subjects []*subject) {
	median := func(d []time.Duration) time.Duration {
		slices.Sort(d)
		return d[len(d)/2]
	}
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	floor, floorCPU := median(subjects[0].times), median(subjects[0].cpu)
	fmt.Printf("%-38s %10s %8s %10s %8s\n", "", "by clock", "x floor", "processor", "x floor")
	for _, s := range subjects {
		took, worked := median(s.times), median(s.cpu)
		fmt.Printf("%-38s %7.1f ms %8.2f %7.1f ms %8.2f\n", s.name, ms(took), float64(took)/float64(floor), ms(worked), float64(worked)/float64(floorCPU))
	}
}

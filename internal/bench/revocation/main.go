// Command revocation measures revocation lists and OCSP answers: ours,
// crypto/x509's, OpenSSL's and the floor, interleaved in one run, each in a
// process of its own.
//
//	go run ./internal/bench/revocation [-rounds N] [-large]
//
// Cold is what a program does with a list that it has never seen: read, parse,
// verify the signature, look for one absent serial number. The time is taken
// within the process, which is new or (in a running process) has done the same
// before, by the clock and of the processor, whose ratios hold on a busy machine
// too; memory is what the process has in the end, of it
// anonymous (not backed by a file). OpenSSL is a C program that is built with
// cc; without a compiler or its headers it is left out. Nothing passes or
// fails by time.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/assaytls/assay/internal/bench/crlgen"
)

func main() {
	if len(os.Args) > 2 && os.Args[1] == "child" {
		if err := child(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	rounds := flag.Int("rounds", 5, "how often each is run")
	large := flag.Bool("large", false, "a list of 5 million entries too")
	flag.Parse()
	sizes := []int{1e3, 1e5, 1e6}
	if *large {
		sizes = append(sizes, 5e6)
	}
	if err := run(*rounds, sizes); err != nil {
		fmt.Fprintln(os.Stderr, "revocation:", err)
		os.Exit(1)
	}
}

// subject is one way to answer.
type subject struct {
	name string
	args []string
	took []time.Duration // by the clock
	cpu  []time.Duration // of all cores
	anon int             // kB
}

func run(rounds int, sizes []int) error {
	dir, err := os.MkdirTemp("", "assay-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	set, err := crlgen.New()
	if err != nil {
		return err
	}
	key := filepath.Join(dir, "key.der")
	if err := os.WriteFile(key, set.SPKI, 0o600); err != nil {
		return err
	}
	peer := openssl(dir)
	for _, n := range sizes {
		list := filepath.Join(dir, "list.crl")
		if err := generate(set, list, n); err != nil {
			return err
		}
		cache := filepath.Join(dir, fmt.Sprint("cache", n))
		if err := fill(cache, list, set.SPKI); err != nil {
			return err
		}
		subjects := []*subject{
			{name: "SHA-256 (floor)", args: []string{self, "child", "sha256", list, key}},
			{name: "assay, streaming, one core", args: []string{self, "child", "scan", list, key}},
			{name: "assay, mapped file, one core", args: []string{self, "child", "one:parse", list, key}},
			{name: "assay, mapped file", args: []string{self, "child", "parse", list, key}},
			{name: "assay, second process with the cached index", args: []string{self, "child", "cached", cache, key}},
			{name: "assay, mapped file, in a running process", args: []string{self, "child", "running:parse", list, key}},
			{name: "assay, cached index, in a running process", args: []string{self, "child", "running:cached", cache, key}},
			{name: "crypto/x509", args: []string{self, "child", "x509", list, key}},
			{name: "crypto/x509, in a running process", args: []string{self, "child", "running:x509", list, key}},
		}
		if peer != "" {
			subjects = append(subjects, &subject{name: "OpenSSL's C API", args: []string{peer, list, key}})
		}
		for range rounds {
			for _, s := range subjects {
				if err := s.run(); err != nil {
					return err
				}
			}
		}
		print(n, subjects)
	}
	return responses()
}

func generate(set *crlgen.Set, file string, n int) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	if err := set.Write(f, n, time.Now()); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

func (s *subject) run() error {
	cmd := exec.Command(s.args[0], s.args[1:]...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s: %w %s", s.name, err, errs.String())
	}
	var ns, cpu int64
	var anon int
	if _, err := fmt.Sscan(string(out), &ns, &cpu, &anon); err != nil {
		return fmt.Errorf("%s said %q", s.name, out)
	}
	s.took, s.cpu, s.anon = append(s.took, time.Duration(ns)), append(s.cpu, time.Duration(cpu)), max(s.anon, anon)
	return nil
}

func print(n int, subjects []*subject) {
	fmt.Printf("%d entries\n", n)
	floor := median(subjects[0].cpu)
	for _, s := range subjects {
		m := median(s.cpu)
		fmt.Printf("  %-44s cpu %10.3f ms %8.2f x floor, clock %10.3f ms (min %10.3f), %8.1f MB anonymous\n",
			s.name, ms(m), float64(m)/float64(floor), ms(median(s.took)), ms(s.took[0]), float64(s.anon)/1024)
	}
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

func ms(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
)

// print writes the tables of docs/performance.md, in Markdown.
func (r *results) print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "`go run ./internal/bench/scan %s`, %s: %s, %d cores, load %s at the end, %s.\n", strings.Join(os.Args[1:], " "),
		time.Now().UTC().Format("2 January 2006"), processor(), runtime.NumCPU(), busy(), runtime.Version())
	fmt.Fprintf(&b, "%d servers, each with its own certificate of a P-256 key, two SCTs of 10 logs, and one of %d CRLs with %d entries; %.1f %% are revoked.\n\n",
		r.o.hosts, r.o.parts, r.o.entries, r.o.revoked*100)
	fmt.Fprintf(&b, "One host after the other in one process, %d for each contender in turn; processor time, medians:\n\n", min(r.o.turns, r.o.hosts))
	inTurn(&b, r.first)
	if r.second != nil {
		fmt.Fprintf(&b, "\n%d servers whose roots and half of whose intermediates have P-384 keys; of their two halves the mean counts:\n\n", r.o.hosts384)
		inTurn(&b, r.second)
	}
	r.whole(&b)
	r.goals(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func inTurn(b *strings.Builder, turns []turn) {
	fmt.Fprintln(b, "| | median | mean | of the floor | of naive | allocations | kB allocated | bytes of output |")
	fmt.Fprintln(b, "|---|---|---|---|---|---|---|---|")
	floor, naive := find(turns, nameFloor), find(turns, nameNaive)
	for _, t := range turns {
		fmt.Fprintf(b, "| %s | %.0f µs | %.0f µs | %.2f | %.2f | %.0f | %.0f | %.0f |\n", t.Name, t.Median, t.Mean,
			t.Median/floor.Median, t.Median/naive.Median, t.Allocations, t.Kilobytes, t.Line)
	}
}

func find(turns []turn, name string) turn {
	for _, t := range turns {
		if t.Name == name {
			return t
		}
	}
	return turn{}
}

func (r *results) program(name string) *program {
	for _, p := range r.programs {
		if p.name == name {
			return p
		}
	}
	return nil
}

// whole is the table of whole processes.
func (r *results) whole(b *strings.Builder) {
	if len(r.programs) == 0 {
		return
	}
	fmt.Fprintf(b, "\nWhole processes over all %d hosts, %d in flight, %d rounds in turn; processor seconds for 10,000 hosts:\n\n", r.o.hosts, r.o.flight, r.o.rounds)
	fmt.Fprintln(b, "| | rounds | median | of naive | MB resident | allocations | kB allocated | bytes a host |")
	fmt.Fprintln(b, "|---|---|---|---|---|---|---|---|")
	naive := median(r.program(nameNaive).cpu)
	for _, p := range r.programs {
		var rounds []string
		for _, c := range p.cpu {
			rounds = append(rounds, fmt.Sprintf("%.2f", c))
		}
		allocations, kilobytes := "", ""
		if p.told.Allocations > 0 {
			allocations, kilobytes = fmt.Sprintf("%.0f", p.told.Allocations), fmt.Sprintf("%.0f", p.told.Bytes/1e3)
		}
		fmt.Fprintf(b, "| %s | %s | %.2f | %.2f | %.0f | %s | %s | %.0f |\n", p.name, strings.Join(rounds, " "), median(p.cpu), median(p.cpu)/naive, p.rss, allocations, kilobytes, p.bytes)
	}
}

// goals holds the figures against what they are to be.
func (r *results) goals(b *strings.Builder) {
	fmt.Fprintf(b, "\n| Goal | at most | measured | |\n|---|---|---|---|\n")
	goal := func(what string, most, got float64) {
		word := "met"
		if got > most {
			word = "not met"
		}
		fmt.Fprintf(b, "| %s | %.4g | %.3g | %s |\n", what, most, got, word)
	}
	ours, naive, floor := find(r.first, nameOurs), find(r.first, nameNaive), find(r.first, nameFloor)
	goal("a full verdict over naive, in turn", 1.05, ours.Median/naive.Median)
	goal("the same over the floor", 1.75, ours.Median/floor.Median)
	goal("the same over `assay check`", 0.45, ours.Median/find(r.first, nameCheck).Median)
	if r.second != nil {
		ours, naive, floor := find(r.second, nameOurs), find(r.second, nameNaive), find(r.second, nameFloor)
		goal("half P-384: over naive", 0.50, ours.Mean/naive.Mean)
		goal("half P-384: over the floor", 1.9, ours.Mean/floor.Mean)
	}
	if p := r.program(nameOurs); p != nil {
		for _, o := range []struct {
			name, what string
			most       float64
		}{{nameNaive, "a scan over naive", 1.05}, {nameFloor, "a scan over the floor", 1.75}, {nameTLSX, "a scan over tlsx", 0.75}, {nameZGrab, "a scan over zgrab2", 0.50}} {
			if other := r.program(o.name); other != nil {
				goal(o.what, o.most, median(p.cpu)/median(other.cpu))
			}
		}
		goal("allocations a host", 800, p.told.Allocations)
		goal("kB allocated a host", 90, p.told.Bytes/1e3)
	}
	if r.o.many > 0 {
		goal("kB of live heap and stacks for one more waiting connection", 20, r.ours/1e3)
		fmt.Fprintf(b, "\nA waiting connection of the naive client takes %.1f kB.\n", r.others/1e3)
	}
}

// processor is the name of this machine's.
func processor() string {
	b, _ := os.ReadFile("/proc/cpuinfo")
	_, rest, _ := strings.Cut(string(b), "model name")
	_, rest, _ = strings.Cut(rest, ": ")
	name, _, _ := strings.Cut(rest, "\n")
	if name == "" {
		return runtime.GOARCH
	}
	return name
}

// busy is the mean load of the last minute.
func busy() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "not known"
	}
	one, _, _ := strings.Cut(string(b), " ")
	return one
}

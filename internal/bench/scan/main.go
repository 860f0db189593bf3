// Command scan measures what a scan costs: ours, a naive client, tlsx and zgrab2
// where they are installed, and the floor, against many servers that all have a
// certificate of their own.
//
//	go run ./internal/bench/scan [-hosts N] [-hosts384 N] [-rounds N] [-peers DIR] [-o FILE]
//
// The servers are on addresses of 127/8, in a process of their own, so this needs a
// system where all of them are its own (Linux). One set has P-256 keys, in the other
// the roots and every second intermediate have P-384 keys. Three things are measured,
// in turn and with one processor: the processor time of a host, one after the other in
// one process (medians); whole processes that look at all hosts, 200 at a time; and
// the memory of connections that wait for the server. It prints the tables of
// docs/performance.md. Nothing passes or fails by time; that all verdicts are right does.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// options are the flags.
type options struct {
	hosts, hosts384 int
	turns, rounds   int
	flight          int
	parts, entries  int
	revoked         float64
	few, many       int // waiting connections
	peers           string
}

func main() {
	var err error
	switch {
	case len(os.Args) > 3 && os.Args[1] == "serve":
		var s size
		if err = json.Unmarshal([]byte(os.Args[3]), &s); err == nil {
			err = serve(os.Args[2], s)
		}
	case len(os.Args) > 2 && os.Args[1] == "child":
		err = child(os.Args[2:])
	default:
		err = measure()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "scan:", err)
		os.Exit(1)
	}
}

func measure() error {
	var o options
	flag.IntVar(&o.hosts, "hosts", 1000, "servers with P-256 keys")
	flag.IntVar(&o.hosts384, "hosts384", 400, "servers of the second set; 0: none")
	flag.IntVar(&o.turns, "turns", 600, "hosts that each contender looks at in turn")
	flag.IntVar(&o.rounds, "rounds", 3, "how often each whole process runs; 0: not at all")
	flag.IntVar(&o.flight, "flight", 200, "hosts in flight")
	flag.IntVar(&o.parts, "parts", 50, "CRLs for the servers' certificates")
	flag.IntVar(&o.entries, "entries", 1000, "entries of each")
	flag.Float64Var(&o.revoked, "revoked", 0.005, "share of the servers' certificates that are revoked")
	flag.IntVar(&o.few, "few", 500, "connections that wait, first")
	flag.IntVar(&o.many, "many", 2500, "and then; 0: none")
	flag.StringVar(&o.peers, "peers", "", "directory with tlsx and zgrab2, asked before PATH")
	file := flag.String("o", "", "write the tables to this file too")
	flag.Parse()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	out := io.Writer(os.Stdout)
	if *file != "" {
		f, err := os.Create(*file)
		if err != nil {
			return err
		}
		defer f.Close()
		out = io.MultiWriter(out, f)
	}
	r, err := o.measure(self)
	if err != nil {
		return err
	}
	return r.print(out)
}

// results are all figures.
type results struct {
	o            options
	first        []turn // P-256
	second       []turn // half P-384; nil: not measured
	programs     []*program
	ours, others float64 // octets of a waiting connection: ours, the naive client's
}

func (o options) measure(self string) (*results, error) {
	dir, err := os.MkdirTemp("", "assay-scan-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	r := &results{o: o}
	s := size{Hosts: o.hosts, Roots: 5, Intermediates: 20, Logs: 10, Parts: o.parts, Entries: o.entries, Revoked: o.revoked}
	l, err := start(self, filepath.Join(dir, "p256"), s)
	if err != nil {
		return nil, err
	}
	defer l.stop()
	if r.first, err = o.inTurn(l); err != nil {
		return nil, err
	}
	if o.many > 0 {
		if r.ours, err = o.memory(l, nameOurs); err != nil {
			return nil, err
		}
		if r.others, err = o.memory(l, nameNaive); err != nil {
			return nil, err
		}
	}
	if o.rounds > 0 {
		if r.programs, err = l.programs(o.hosts, o.flight, o.peers); err != nil {
			return nil, err
		}
		for range o.rounds {
			for _, p := range r.programs {
				if err := p.run(dir, o.hosts); err != nil {
					return nil, err
				}
			}
		}
	}
	if o.hosts384 == 0 {
		return r, nil
	}
	s.Hosts, s.P384 = o.hosts384, true
	l384, err := start(self, filepath.Join(dir, "p384"), s)
	if err != nil {
		return nil, err
	}
	defer l384.stop()
	r.second, err = o.inTurn(l384)
	return r, err
}

func (o options) inTurn(l *loaded) ([]turn, error) {
	t, err := l.ask(map[string]any{"How": "turns", "Names": []string{nameFloor, nameNaive, nameOurs, namePlain, nameCheck}, "N": o.turns})
	if err != nil {
		return nil, err
	}
	return t.Turns, nil
}

// memory is what one more waiting connection takes.
func (o options) memory(l *loaded, name string) (float64, error) {
	var at [2]float64
	for i, n := range []int{o.few, o.many} {
		t, err := l.ask(map[string]any{"How": "waiting", "Name": name, "N": n})
		if err != nil {
			return 0, err
		}
		at[i] = t.Memory
	}
	return (at[1] - at[0]) / float64(o.many-o.few), nil
}

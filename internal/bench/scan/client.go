package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/assaytls/assay/internal/bench/cpu"
	"github.com/assaytls/assay/report"
)

// told is what a child says of itself on stderr, as JSON.
type told struct {
	Allocations, Bytes float64 // for each host
	Memory             float64 // octets of live heap and stacks
	Turns              []turn
}

// turn is one contender of those that took turns.
type turn struct {
	Name         string
	Median, Mean float64 // processor time of a host, µs
	Allocations  float64
	Kilobytes    float64 // allocated
	Line         float64 // octets of output
}

// scan has one contender look at n hosts, so many at a time, and writes its lines.
func scan(p place, name string, n, flight int, out io.Writer) (*told, error) {
	all, err := contenders(p, p.Port)
	if err != nil {
		return nil, err
	}
	c := all[name]
	var next atomic.Int64
	var mu sync.Mutex // of what follows
	verdicts, w := map[report.Verdict]int{}, bufio.NewWriterSize(out, 1<<16)
	var failed error
	var wg sync.WaitGroup
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range flight {
		wg.Go(func() {
			var line []byte
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				b, verdict, err := c.run(context.Background(), address(i).String(), line[:0])
				line = b
				mu.Lock()
				if verdicts[verdict]++; err != nil {
					failed = err
				}
				if len(b) > 0 {
					w.Write(append(b, '\n'))
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	runtime.ReadMemStats(&after)
	if failed != nil {
		return nil, failed
	}
	if name == nameOurs {
		if err := p.expect(n, verdicts); err != nil {
			return nil, err
		}
	}
	return &told{Allocations: float64(after.Mallocs-before.Mallocs) / float64(n), Bytes: float64(after.TotalAlloc-before.TotalAlloc) / float64(n)}, w.Flush()
}

// turns has all contenders look at each of n hosts in turn, one at a time, after
// some hosts to warm up with.
func turns(p place, names []string, n int) (*told, error) {
	all, err := contenders(p, p.Port)
	if err != nil {
		return nil, err
	}
	type sample struct {
		took                   []float64
		allocations, kilobytes float64
		line                   int
	}
	samples := make([]sample, len(names))
	// Each list comes once before, and each issuer's key is seen often enough for a table.
	warm := min(p.Size.Parts+12*p.Size.Intermediates, p.Size.Hosts/2)
	n = min(n, p.Size.Hosts-warm)
	for h := range warm + n {
		for k := range names {
			k = (k + h) % len(names)
			var before, after runtime.MemStats
			if h%8 == 0 { // it stops the world
				runtime.ReadMemStats(&before)
			}
			start := cpu.Process()
			b, _, err := all[names[k]].run(context.Background(), address(h).String(), nil)
			took := cpu.Process() - start
			if err != nil && names[k] != nameNaive {
				return nil, fmt.Errorf("%s: %w", names[k], err)
			}
			if h < warm {
				continue
			}
			s := &samples[k]
			s.took = append(s.took, float64(took.Nanoseconds())/1e3)
			if s.line += len(b); h%8 == 0 {
				runtime.ReadMemStats(&after)
				s.allocations += float64(after.Mallocs - before.Mallocs)
				s.kilobytes += float64(after.TotalAlloc-before.TotalAlloc) / 1e3
			}
		}
	}
	t := &told{}
	for k, s := range samples {
		sum := 0.0
		for _, x := range s.took {
			sum += x
		}
		slices.Sort(s.took)
		counted := float64((n + 7) / 8)
		t.Turns = append(t.Turns, turn{names[k], s.took[n/2], sum / float64(n), s.allocations / counted, s.kilobytes / counted, float64(s.line) / float64(n)})
	}
	return t, nil
}

// waiting has n connections of one contender wait for a server that does not reply,
// and measures the live heap and the stacks of this process meanwhile.
func waiting(p place, name string, n int) (*told, error) {
	all, err := contenders(p, p.Slow)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { all[name].run(ctx, address(i%p.Size.Hosts).String(), nil) })
	}
	time.Sleep(time.Second + time.Duration(n)*2*time.Millisecond)
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	cancel()
	wg.Wait()
	return &told{Memory: float64(m.HeapAlloc + m.StackInuse)}, nil
}

// child runs one of the above and tells of it.
func child(args []string) error {
	var c struct {
		How, Dir, Name string
		Names          []string
		N, Flight      int
	}
	if err := json.Unmarshal([]byte(args[0]), &c); err != nil {
		return err
	}
	p, err := readPlace(c.Dir)
	if err != nil {
		return err
	}
	var t *told
	switch c.How {
	case "scan":
		t, err = scan(p, c.Name, c.N, c.Flight, os.Stdout)
	case "turns":
		t, err = turns(p, c.Names, c.N)
	case "waiting":
		t, err = waiting(p, c.Name, c.N)
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stderr).Encode(t)
}

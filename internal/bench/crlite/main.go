// Command crlite measures CRLite filters: a warm query of an open filter, the
// first answer of a fresh process, and the way of the reference tool, which
// reads and decodes the file at each check, in one run.
//
//	go run ./internal/bench/crlite [-revoked N] [-times N] [-deltas N] [-rounds N]
//
// The filter is made by the lab's builder: revoked certificates among several
// times as many, below 800 issuers of different sizes. First answers are taken
// in processes of their own, from opening the stored set to the answer; memory
// is what the process has more than before, of it anonymous (not backed by a
// file). Nothing passes or fails by time.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/crlite"
	"github.com/assaytls/assay/internal/filters"
	"github.com/assaytls/assay/internal/lab/forge"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "child" {
		if err := child(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	revoked := flag.Int("revoked", 4_000_000, "certificates that the full filter revokes")
	times := flag.Int("times", 15, "how many certificates there are for each that is revoked")
	deltas := flag.Int("deltas", 90, "deltas that follow the full filter")
	rounds := flag.Int("rounds", 21, "how often each first answer is taken")
	flag.Parse()
	if err := run(*revoked, *times, *deltas, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "crlite:", err)
		os.Exit(1)
	}
}

const issuers = 800

func issuer(n int) [32]byte { return sha256.Sum256(fmt.Appendf(nil, "issuer %d", n)) }

func serial(n int) []byte {
	h := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n)))
	h[0] &= 0x7f
	return h[:16:16]
}

var log = sha256.Sum256([]byte("log"))

// file makes a filter in which revoked certificates are spread over the issuers,
// half of them below the first.
func file(revoked, times int, seed uint64) ([]byte, error) {
	c := forge.Clubcard{Version: crlite.V3, Logs: []forge.ClubcardLog{{ID: log, Last: 1 << 41}}, Seed: seed}
	for n := range issuers {
		share := revoked / 2 / issuers
		if n == 0 {
			share += revoked / 2
		}
		i := forge.ClubcardIssuer{SPKI: issuer(n)}
		for k := range share * times {
			i.Issued = append(i.Issued, serial(k))
		}
		i.Revoked = i.Issued[:share]
		c.Issuers = append(c.Issuers, i)
	}
	return c.Make()
}

func run(revoked, times, deltas, rounds int) error {
	dir, err := os.MkdirTemp("", "assay-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	start := time.Now()
	full, err := file(revoked, times, 1)
	if err != nil {
		return err
	}
	fmt.Printf("full filter: %d revoked of %d certificates, %d issuers, %.1f MB, made in %.0f s\n", revoked, times*revoked, issuers, float64(len(full))/1e6, time.Since(start).Seconds())
	delta, err := file(max(revoked/30, 2*issuers), times, 2)
	if err != nil {
		return err
	}
	fmt.Printf("delta: %.2f MB\n\n", float64(len(delta))/1e6)

	f, err := crlite.Open(full)
	if err != nil {
		return err
	}
	s := &crlite.Subject{Issuer: issuer(0), Serial: serial(0), SCTs: []crlite.SCT{{Log: log, Time: 1}}}
	good := &crlite.Subject{Issuer: issuer(7), Serial: serial(revoked/2/issuers*times - 1), SCTs: s.SCTs}
	if f.Query(s) != crlite.Revoked || f.Query(good) != crlite.Good {
		return errors.New("the filter answers wrongly")
	}
	warm := measure(func() { f.Query(s) })
	fmt.Printf("warm query, revoked       %10v  %d allocations\n", perOp(warm), warm.AllocsPerOp())
	w := measure(func() { f.Query(good) })
	fmt.Printf("warm query, good          %10v  %d allocations\n", perOp(w), w.AllocsPerOp())
	name := filepath.Join(dir, "full.filter")
	if err := os.WriteFile(name, full, 0o600); err != nil {
		return err
	}
	decode := measure(func() { readAndDecode(name, s) })
	fmt.Printf("read and decode at each   %10v  %.0f times the warm query\n", perOp(decode), float64(decode.NsPerOp())/float64(warm.NsPerOp()))

	for _, n := range []int{0, deltas} {
		from, set := filepath.Join(dir, fmt.Sprint("from", n)), filepath.Join(dir, fmt.Sprint("set", n))
		if err := store(from, set, full, delta, n); err != nil {
			return err
		}
		var took, anon []float64
		for range rounds {
			out, err := exec.Command(os.Args[0], "child", set).Output()
			if err != nil {
				return err
			}
			var us, kB float64
			if _, err := fmt.Sscan(string(out), &us, &kB); err != nil {
				return err
			}
			took, anon = append(took, us), append(anon, kB)
		}
		slices.Sort(took)
		slices.Sort(anon)
		fmt.Printf("first answer, %2d deltas   %8.0f µs  (%.0f to %.0f), %.0f kB of anonymous memory\n", n, took[len(took)/2], took[0], took[len(took)-1], anon[len(anon)/2])
	}
	return nil
}

func measure(f func()) testing.BenchmarkResult {
	return testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			f()
		}
	})
}

func perOp(r testing.BenchmarkResult) time.Duration { return time.Duration(r.NsPerOp()) }

// readAndDecode answers as a tool does that keeps nothing: it reads the file and
// decodes every column into words of its own.
func readAndDecode(name string, s *crlite.Subject) {
	b, err := os.ReadFile(name)
	if err != nil {
		panic(err)
	}
	words := make([]uint64, 0, len(b)/8)
	for ; len(b) >= 8; b = b[8:] {
		words = append(words, binary.LittleEndian.Uint64(b))
	}
	runtime.KeepAlive(words)
	b, _ = os.ReadFile(name)
	f, err := crlite.Open(b)
	if err != nil {
		panic(err)
	}
	f.Query(s)
}

// store stores a full filter and n deltas as a set.
func store(from, set string, full, delta []byte, n int) error {
	if err := os.MkdirAll(from, 0o700); err != nil {
		return err
	}
	for k := range n + 1 {
		b, kind := full, "filter"
		if k > 0 {
			b, kind = delta, "filter.delta"
			b = append(slices.Clip(b), byte(k)) // bytes after the end are allowed, and make another file
		}
		day := time.Now().UTC().AddDate(0, 0, (k-n)/2)
		if err := os.WriteFile(filepath.Join(from, fmt.Sprintf("%s-%d-x%d.%s", day.Format("20060102"), k%2, k, kind)), b, 0o600); err != nil {
			return err
		}
	}
	source, err := filters.ParseSource(from, [32]byte{})
	if err != nil {
		return err
	}
	_, _, err = filters.Update{Dir: set, Source: source}.Run(context.Background())
	return err
}

// child opens a set in a fresh process, asks it once, and prints the
// microseconds and the kilobytes of memory that this took.
func child(dir string) error {
	debug.SetGCPercent(-1)
	before := anonymous()
	start := time.Now()
	set, _, err := filters.Open(dir)
	if err != nil {
		return err
	}
	s := &crlite.Subject{Issuer: issuer(0), Serial: serial(0), SCTs: []crlite.SCT{{Log: log, Time: 1}}}
	if r := set.Ask(s, time.Now()); r.Answer != crlite.Revoked {
		return fmt.Errorf("the set says %v", r.Answer)
	}
	took := time.Since(start)
	fmt.Println(float64(took.Nanoseconds())/1e3, anonymous()-before)
	runtime.KeepAlive(set)
	return nil
}

// anonymous is the process's resident memory that no file backs, in kB.
func anonymous() int {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	n := 0
	for l := range strings.Lines(string(b)) {
		if strings.HasPrefix(l, "RssAnon:") {
			fmt.Sscan(strings.TrimPrefix(l, "RssAnon:"), &n)
		}
	}
	return n
}

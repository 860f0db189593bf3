//go:build unix

package command

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A scan as a process of its own: what a target costs it, and that its memory does
// not grow with the list. The server runs in this process and has one certificate, so
// only the ratios between rows mean something.
func BenchmarkScan(b *testing.B) {
	for _, n := range []int{10_000, 40_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := newWorld(b)
			list := w.list(b, n)
			for b.Loop() {
				began := time.Now()
				p := start(b, w.flagged("scan", list, "-o", dirOf(b), "-q")...)
				if status := p.ended(b, 10*time.Minute); status != 0 {
					b.Fatal(status, p.out.String())
				}
				took := time.Since(began)
				usage := p.ProcessState.SysUsage().(*syscall.Rusage)
				cpu := p.ProcessState.UserTime() + p.ProcessState.SystemTime()
				b.ReportMetric(float64(n)/took.Seconds(), "targets/s")
				b.ReportMetric(float64(cpu.Microseconds())/float64(n), "cpu-us/target")
				b.ReportMetric(float64(usage.Maxrss)/1024, "MB-RSS")
			}
		})
	}
}

// A worker by itself with 1,000 targets in flight, after it judged some others: what
// it has in memory then, and at most.
func BenchmarkWorkerWaiting(b *testing.B) {
	const live, waiting = 3000, 1000
	w := newWorld(b)
	var open atomic.Int64
	tarpit := serveAll(b, func(c net.Conn) {
		open.Add(1)
		defer open.Add(-1)
		c.SetDeadline(time.Now().Add(10 * time.Minute))
		io.Copy(io.Discard, c)
	})
	var tar []string
	for i := range waiting {
		tar = append(tar, line(fmt.Sprintf("t%d.many.test", i), tarpit))
	}
	list := w.list(b, live, tar...)
	for b.Loop() {
		token, engine := filepath.Join(b.TempDir(), "token"), freeAddress(b)
		if err := makeToken(token); err != nil {
			b.Fatal(err)
		}
		dir := dirOf(b)
		publish := start(b, w.flagged("scan", list, "-o", dir, "--listen", engine, "--token-file", token, "--no-worker", "--handshake-timeout", "85s")...)
		waitFor(b, func() bool { return answers(engine) })
		p := start(b, "scan", "worker", "--engine", "nats://"+engine, "--token-file", token, "--in-flight", strconv.Itoa(waiting))
		waitFor(b, func() bool { return open.Load() == waiting || len(p.end) > 0 })
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
		if err != nil {
			b.Skip("this system does not say what a process has in memory: ", err)
		}
		for name, unit := range map[string]string{"VmRSS": "MB-RSS", "VmHWM": "MB-RSS-most", "RssAnon": "MB-anonymous"} {
			m := regexp.MustCompile(name + `:\s+(\d+) kB`).FindSubmatch(status)
			if m == nil {
				b.Fatalf("%s: %s", status, p.out.String())
			}
			kB, _ := strconv.Atoi(string(m[1]))
			b.ReportMetric(float64(kB)/1024, unit)
		}
		for _, p := range []*process{p, publish} {
			p.Process.Kill()
			p.ended(b, time.Minute)
		}
		waitFor(b, func() bool { return open.Load() == 0 })
	}
}

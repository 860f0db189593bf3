package command

import (
	"fmt"
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

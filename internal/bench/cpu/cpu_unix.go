//go:build unix

// Package cpu tells benchmarks how long processors have worked.
package cpu

import (
	"time"

	"golang.org/x/sys/unix"
)

// Thread is the CPU time of the calling thread, to which the caller has locked
// its goroutine.
func Thread() time.Duration { return clock(unix.CLOCK_THREAD_CPUTIME_ID) }

// Process is the CPU time of the process on all processors.
func Process() time.Duration { return clock(unix.CLOCK_PROCESS_CPUTIME_ID) }

func clock(id int32) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(id, &t); err != nil {
		panic(err)
	}
	return time.Duration(t.Nano())
}

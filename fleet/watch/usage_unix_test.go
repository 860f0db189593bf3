//go:build unix

package watch

import (
	"syscall"
	"testing"
	"time"
)

// usage is the processor time of this process so far.
func usage(t testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

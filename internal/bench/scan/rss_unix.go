//go:build unix

package main

import (
	"os"
	"syscall"
)

// maxRSS is the largest resident set of an ended process, in MB.
func maxRSS(s *os.ProcessState) float64 {
	if u, ok := s.SysUsage().(*syscall.Rusage); ok {
		return float64(u.Maxrss) / 1024
	}
	return 0
}

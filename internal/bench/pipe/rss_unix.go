//go:build unix

package main

import (
	"os"
	"syscall"
)

// maxRSS is the most memory that a process had, in the system's unit: kB on
// Linux.
func maxRSS(p *os.ProcessState) int64 { return int64(p.SysUsage().(*syscall.Rusage).Maxrss) }

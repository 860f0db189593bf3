//go:build !unix

// Package cpu tells benchmarks how long processors have worked; here the time
// since the start stands for it.
package cpu

import "time"

var start = time.Now()

// Thread is the time since the start.
func Thread() time.Duration { return time.Since(start) }

// Process is the time since the start.
func Process() time.Duration { return time.Since(start) }

//go:build unix

// Package flock has one process at a time hold a file.
package flock

import (
	"os"

	"golang.org/x/sys/unix"
)

// Open opens the file and holds it until it is closed, or the process ends. The
// error is held while another process does.
func Open(name string, held error) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if err == unix.EWOULDBLOCK {
			err = held
		}
		return nil, err
	}
	return f, nil
}

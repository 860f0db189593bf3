package flock

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// Open opens the file and holds it until it is closed, or the process ends. The
// error is held while another process does.
func Open(name string, held error) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	if err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, new(windows.Overlapped)); err != nil {
		f.Close()
		if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
			err = held
		}
		return nil, err
	}
	return f, nil
}

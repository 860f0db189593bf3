//go:build unix

package job

import (
	"os"

	"golang.org/x/sys/unix"
)

// lock opens the file and holds it until it is closed. The error is ErrLocked
// while another process does.
func lock(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if err == unix.EWOULDBLOCK {
			err = ErrLocked
		}
		return nil, err
	}
	return f, nil
}

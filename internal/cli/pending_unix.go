//go:build unix

package cli

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// pending reports whether r has input that nobody has read yet, or has ended;
// true for what cannot be asked.
func pending(r io.Reader) bool {
	f, ok := r.(*os.File)
	if !ok {
		return true
	}
	c, err := f.SyscallConn()
	if err != nil {
		return true
	}
	waits := true
	if c.Control(func(fd uintptr) {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		waits = err != nil || n != 0
	}) != nil {
		return true
	}
	return waits
}

package tlsclient

import (
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"testing"
)

// listenBacklog listens with a backlog of zero, which net cannot.
func listenBacklog(t *testing.T, addr netip.Addr, port string) *os.File {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	check(t, err)
	f := os.NewFile(uintptr(fd), "listener")
	t.Cleanup(func() { f.Close() })
	p, err := strconv.Atoi(port)
	check(t, err)
	check(t, syscall.Bind(fd, &syscall.SockaddrInet4{Port: p, Addr: addr.As4()}))
	check(t, syscall.Listen(fd, 0))
	return f
}

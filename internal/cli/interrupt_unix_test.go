//go:build unix

package cli

import (
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/assaytls/assay/internal/command"
)

// An interrupt ends a check that hangs, without an answer; what was known is said.
func TestInterrupt(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		io.ReadFull(c, make([]byte, 1)) // the check has begun
		syscall.Kill(syscall.Getpid(), syscall.SIGINT)
		io.Copy(io.Discard, c)
	}()
	status, out, errs := run("", "check", "--roots", startLab(t).RootFile, "--cache-dir", t.TempDir(), ln.Addr().String())
	if status != command.Interrupted || out != "" || !strings.HasPrefix(errs, "assay: interrupted before the check of 127.0.0.1 port ") || strings.Count(errs, "\n") != 1 {
		t.Errorf("status %d, stdout %q, stderr %q", status, out, errs)
	}
}

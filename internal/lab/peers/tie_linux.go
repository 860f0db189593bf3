package peers

import (
	"os/exec"
	"syscall"
	"time"
)

// Tie makes cmd, not started yet, the head of a process group that dies with
// the test's process, however that ends.
func Tie(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// End ends the group of a tied cmd: servers with children get a moment to end
// them themselves. exited is closed when cmd has been waited for.
func End(cmd *exec.Cmd, exited <-chan struct{}) {
	syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
	select {
	case <-exited:
	case <-time.After(3 * time.Second):
	}
	kill(cmd)
	<-exited
}

// kill kills the group of a tied cmd.
func kill(cmd *exec.Cmd) { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

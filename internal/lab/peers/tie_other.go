//go:build !linux

package peers

import "os/exec"

// Tie does nothing here.
func Tie(*exec.Cmd) {}

// End ends cmd. exited is closed when it has been waited for.
func End(cmd *exec.Cmd, exited <-chan struct{}) {
	cmd.Process.Kill()
	<-exited
}

func kill(cmd *exec.Cmd) { cmd.Process.Kill() }

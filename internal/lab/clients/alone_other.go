//go:build !linux

package clients

import "os/exec"

// alone does nothing here: there is no portable session.
func alone(*exec.Cmd) {}

// endAll ends cmd. What it started in groups of its own is not known here.
func endAll(cmd *exec.Cmd, _ string) { _ = cmd.Process.Kill() }

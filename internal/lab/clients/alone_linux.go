package clients

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// user is who clients are in the exam's namespace: an ordinary user, for servers want to drop root's rights, which
// they cannot there, and browsers refuse root.
const user = 1000

// alone puts cmd into a session of its own, without a terminal, which dies with this program.
func alone(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if Inside() {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: user, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: user, HostID: os.Getgid(), Size: 1}}
	}
}

// endAll ends cmd, its process group and every process that has the mark in its environment: browsers and
// wrappers leave children in groups of their own.
func endAll(cmd *exec.Cmd, mark string) {
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	for range 20 { // those that are born while we look
		left := marked(mark)
		if len(left) == 0 {
			return
		}
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// marked are the running processes with the mark.
func marked(mark string) (pids []int) {
	want := []byte(marker + "=" + mark)
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, f := range files {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f)))
		if err != nil || pid == os.Getpid() {
			continue
		}
		env, err := os.ReadFile(f) // of a zombie it is empty, of others' processes not to be read
		if err != nil {
			continue
		}
		for v := range bytes.SplitSeq(env, []byte{0}) {
			if bytes.Equal(v, want) {
				pids = append(pids, pid)
				break
			}
		}
	}
	return pids
}

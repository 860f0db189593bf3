//go:build unix

package cli

import "syscall"

// become replaces this process by the program: signals, the terminal and the exit status are
// its own. It returns only when it fails.
func become(program string, args, env []string) (status int, err error) {
	return 0, usagef("%s cannot be started: %v", program, syscall.Exec(program, args, env))
}

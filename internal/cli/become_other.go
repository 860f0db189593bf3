//go:build !unix

package cli

import (
	"errors"
	"os"
	"os/exec"
)

// become runs the program in the place of this process, which waits for it and has its
// exit status. An interrupt reaches both through the console.
func become(program string, args, env []string) (status int, err error) {
	c := exec.Command(program, args[1:]...)
	c.Env, c.Stdin, c.Stdout, c.Stderr = env, os.Stdin, os.Stdout, os.Stderr
	err = c.Run()
	var ended *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &ended):
		return ended.ExitCode(), nil
	}
	return 0, usagef("%s cannot be started: %v", program, err)
}

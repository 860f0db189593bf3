package cli

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/internal/command"
)

// fleetProgram is the program of `assay scan` and `assay serve`. It is one of its own because what it
// is linked with would cost every start of assay 4 ms.
const fleetProgram = "assay-fleet"

// fleetCommand is a command of assay-fleet's: what follows its name is that
// program's affair.
func (a *app) fleetCommand(name, short string) *cobra.Command {
	return &cobra.Command{
		Use: name, Short: short, GroupID: "many", DisableFlagParsing: true,
		RunE: func(_ *cobra.Command, args []string) error {
			status, err := a.fleet(append([]string{name}, args...))
			a.Status = status
			return err
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return fleetCompletions(append(append([]string{name}, args...), begun))
		},
	}
}

// fleet gives the run to assay-fleet. On Unix it returns only when that fails.
func (a *app) fleet(args []string) (status int, err error) {
	program, err := findFleet()
	if err != nil {
		return 0, err
	}
	env := append(os.Environ(), command.StartedBy+"="+command.Build())
	return become(program, append([]string{fleetProgram}, args...), env)
}

// findFleet looks for assay-fleet beside this program, then on PATH. What stands in the current
// folder is never started: PATH counts only where it names folders from the root.
func findFleet() (string, error) {
	var dirs []string
	if self, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(self); err == nil {
			dirs = append(dirs, filepath.Dir(real))
		}
		dirs = append(dirs, filepath.Dir(self))
	}
	for _, d := range append(dirs, filepath.SplitList(os.Getenv("PATH"))...) {
		if !filepath.IsAbs(d) {
			continue
		}
		name := filepath.Join(d, fleetProgram)
		if runtime.GOOS == "windows" {
			name += ".exe"
		}
		if found, err := exec.LookPath(name); err == nil {
			return found, nil
		}
	}
	return "", usagef("%s was found neither beside this program nor on PATH; it does scan and serve", fleetProgram).
		Hint("from a clone of assay: go install -C fleet ./cmd/%s", fleetProgram)
}

// fleetCompletions asks assay-fleet what may stand at the end of args. Without
// it nothing is offered.
func fleetCompletions(args []string) (words []cobra.Completion, _ cobra.ShellCompDirective) {
	program, err := findFleet()
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	c := exec.Command(program, append([]string{cobra.ShellCompRequestCmd}, args...)...)
	c.Env = append(os.Environ(), command.StartedBy+"="+command.Build())
	out, err := c.Output()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		return nil, cobra.ShellCompDirectiveDefault
	}
	for line := range strings.Lines(string(bytes.TrimSpace(out))) {
		line = strings.TrimSuffix(line, "\n")
		if d, ok := strings.CutPrefix(line, ":"); ok {
			if n, err := strconv.Atoi(d); err == nil {
				return words, cobra.ShellCompDirective(n)
			}
		}
		words = append(words, line)
	}
	return words, cobra.ShellCompDirectiveDefault
}

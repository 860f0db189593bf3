package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
)

// version is the release this tree becomes.
const version = "0.1"

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version, the commit and its date", GroupID: "help", Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return a.printVersion() },
	}
}

// printVersion is `assay version` and `assay --version`.
func (a *app) printVersion() error {
	_, err := fmt.Fprintf(a.stdout, "assay %s%s (%s %s/%s)\n", version, revision(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// revision is the commit the program was built from and its date, where the build
// knows them: `go install` of a released version knows neither.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	return commit(info)
}

func commit(info *debug.BuildInfo) string {
	rev, date, dirty := "", "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && len(s.Value) >= 12:
			rev = " commit " + s.Value[:12]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = " with changes"
		case s.Key == "vcs.time":
			if t, err := time.Parse(time.RFC3339, s.Value); err == nil {
				date = " of " + t.UTC().Format("2006-01-02 15:04:05 UTC")
			}
		}
	}
	if rev == "" {
		return ""
	}
	return rev + dirty + date
}

func (a *app) completionCommand() *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use: "completion bash|zsh|fish|powershell", Short: "Print a completion script for a shell", GroupID: "help",
		Example:   "  source <(assay completion bash)\n  assay completion fish > ~/.config/fish/completions/assay.fish",
		ValidArgs: shells,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("assay completion needs one shell: bash, zsh, fish or powershell")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			switch args[0] {
			case "bash":
				return c.Root().GenBashCompletionV2(a.stdout, true)
			case "zsh":
				return c.Root().GenZshCompletion(a.stdout)
			case "fish":
				return c.Root().GenFishCompletion(a.stdout, true)
			case "powershell":
				return c.Root().GenPowerShellCompletionWithDesc(a.stdout)
			}
			return usagef("there is no completion for %q; known: bash, zsh, fish, powershell", args[0])
		},
	}
}

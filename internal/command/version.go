package command

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
)

// Version is the release this tree becomes.
const Version = "0.1"

// Build names the version, and the commit where the build knows it: two programs of one tree
// have the same.
func Build() string { return Version + revision() }

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

// VersionCommand is `assay version`.
func (r *Run) VersionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version, the commit and its date", GroupID: "help", Args: NoArgs,
		RunE: func(*cobra.Command, []string) error { return r.PrintVersion() },
	}
}

// PrintVersion is `assay version` and `assay --version`.
func (r *Run) PrintVersion() error {
	_, err := fmt.Fprintf(r.Stdout, "%s %s%s (%s %s/%s)\n", r.Program, Version, revision(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// CompletionCommand is `assay completion SHELL`.
func (r *Run) CompletionCommand() *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use: "completion bash|zsh|fish|powershell", Short: "Print a completion script for a shell", GroupID: "help",
		Example:   fmt.Sprintf("  source <(%s completion bash)\n  %[1]s completion fish > ~/.config/fish/completions/%[1]s.fish", r.Program),
		ValidArgs: shells,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("%s completion needs one shell: bash, zsh, fish or powershell", r.Program)
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			switch args[0] {
			case "bash":
				return c.Root().GenBashCompletionV2(r.Stdout, true)
			case "zsh":
				return c.Root().GenZshCompletion(r.Stdout)
			case "fish":
				return c.Root().GenFishCompletion(r.Stdout, true)
			case "powershell":
				return c.Root().GenPowerShellCompletionWithDesc(r.Stdout)
			}
			return usagef("there is no completion for %q; known: bash, zsh, fish, powershell", args[0])
		},
	}
}

// StartedBy is the variable by which assay tells assay-fleet of what build it is. Both are
// made of one tree: the reports, rules and caches of another may differ.
const StartedBy = "ASSAY_STARTED_BY"

// SameBuild refuses to go on when the program that started this one is of another
// build.
func SameBuild(name string) error {
	by, ok := os.LookupEnv(StartedBy)
	if !ok || by == Build() {
		return nil
	}
	return usagef("this is %s %s, and the assay that started it is %s: they must be of the same commit", name, Build(), by).
		Hint("install both from one tree: go install ./cmd/assay && go install -C fleet ./cmd/%s", name)
}

package command

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
)

// next is the release that this tree becomes. A build that no tag names says so.
const next = "0.1"

// Version is the release, without the v of its tag. The build information knows it: from the tag of the
// commit in a clone, from the module's version with go install. Other builds say the release that is to come.
var Version = sync.OnceValue(func() string { return version(buildInfo()) })

// Build names the version, and the commit where the build knows it.
func Build() string { return Version() + commit(buildInfo()) }

func buildInfo() *debug.BuildInfo {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return &debug.BuildInfo{}
	}
	return info
}

func version(info *debug.BuildInfo) string {
	v := info.Main.Version
	if !strings.HasPrefix(v, "v") {
		return next // "(devel)" or nothing
	}
	// A pseudo-version repeats the commit, and "+dirty" that there are changes. It is all that `go install` of a
	// commit knows.
	untagged := regexp.MustCompile(`[-.]\d{14}-[0-9a-f]{12}(\+|$)|\+dirty$`)
	if untagged.MatchString(v) && commit(info) != "" {
		return next
	}
	return v[1:]
}

// together reports whether two programs were made together, by what Build says of each: of one commit, or
// of one release. The modules of a release are tagged at two commits, and `go install` of a release knows none.
func together(a, b string) bool {
	va, ca, _ := strings.Cut(a, " commit ")
	vb, cb, _ := strings.Cut(b, " commit ")
	return a == b || ca == cb && ca != "" || va == vb && va != next
}

// commit is the commit the program was built from and its date, where the build
// knows them: `go install` of a released version knows neither.
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
	_, err := fmt.Fprintf(r.Stdout, "%s %s%s (%s %s/%s)\n", r.Program, Version(), commit(buildInfo()), runtime.Version(), runtime.GOOS, runtime.GOARCH)
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
	if !ok || together(by, Build()) {
		return nil
	}
	return usagef("this is %s %s, and the assay that started it is %s: they must be of the same commit", name, Build(), by).
		Hint("install both from one tree: go install ./cmd/assay && go install -C fleet ./cmd/%s", name)
}

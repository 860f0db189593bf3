// Package cli is the command line: one file per command, flags shared between
// commands in flags.go and loglist.go, the streams and exit statuses here and in output.go.
//
// Standard output carries the answer or nothing; standard error carries
// progress, "assay: error: …" and "assay: hint: …".
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/target"
	"github.com/assaytls/assay/report"
)

// The exit statuses.
const (
	exitAccept       = 0
	exitReject       = 1
	exitUsage        = 2
	exitInconclusive = 3
	exitInterrupted  = 130
)

// app is one run of the command line.
type app struct {
	stdin  io.Reader
	stdout *stdout
	stderr io.Writer
	status int
	plugin []*report.Report // of --format nagios: what the one line is made of
}

// Main runs the command line and returns the exit status.
func Main(args []string, stdin io.Reader, out, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		<-ctx.Done()
		stop() // a second interrupt ends the program at once
	}()
	a := &app{stdin: stdin, stdout: &stdout{w: out}, stderr: stderr}
	err := a.root(args).ExecuteContext(ctx)
	if nagios(args) {
		return a.plugged(err, ctx.Err() != nil)
	}
	if ctx.Err() != nil {
		return exitInterrupted
	}
	if failed := a.stdout.failed(); failed != nil {
		err = failed
	}
	if err != nil {
		a.complain(err)
		return exitUsage
	}
	return a.status
}

// root builds the tree of commands for one run.
func (a *app) root(args []string) *cobra.Command {
	showVersion := false
	root := &cobra.Command{
		Use:   "assay",
		Short: "Judge TLS servers and certificates, and say why",
		Long: `assay connects to a TLS server and decides whether it should be trusted: chain,
names, revocation by every channel, Certificate Transparency. It reports every
defect it finds, the root cause first, and what to do about each.`,
		Example: `  assay check example.com
  assay check --format json example.com smtps://mail.example.com
  assay verify chain.pem --name example.com
  assay explain cert-expired`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if showVersion && len(args) == 0 {
				return a.printVersion()
			}
			if len(args) == 0 {
				return usagef("no command given").Hint("assay --help lists the commands; assay check HOST checks a server")
			}
			return unknownCommand(c, args[0])
		},
	}
	root.Flags().BoolVar(&showVersion, "version", false, "print the version, the commit and its date")
	root.SetArgs(flags.Join(args, "--nonce", nonceSend, nonceRequire))
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(flagError)
	root.SetHelpFunc(help)
	root.SetHelpCommand(a.helpCommand())
	root.AddGroup(
		&cobra.Group{ID: "judge", Title: "Judge:"},
		&cobra.Group{ID: "look", Title: "Look closer:"},
		&cobra.Group{ID: "keep", Title: "Local data:"},
		&cobra.Group{ID: "help", Title: "Help:"},
	)
	for _, c := range a.commands() {
		c.DisableFlagsInUseLine = true
		root.AddCommand(c)
	}
	return root
}

// commands are assay's commands, in the order of the help.
func (a *app) commands() []*cobra.Command {
	return []*cobra.Command{
		a.checkCommand(),
		a.connectCommand(),
		a.verifyCommand(),
		a.showCommand(),
		a.bundleCommand(),
		a.explainCommand(),
		a.labCommand(),
		a.cacheCommand(),
		a.updateCommand(),
		a.versionCommand(),
		a.completionCommand(),
	}
}

// verdict records the outcome of one target: of several the worst one counts,
// a rejection before an inconclusive one.
func (a *app) verdict(v report.Verdict) {
	s := exitInconclusive
	switch v {
	case report.Accept:
		s = exitAccept
	case report.Reject:
		s = exitReject
	}
	a.status = worse(a.status, s)
}

// worse returns the exit status that stands for both.
func worse(a, b int) int {
	for _, s := range []int{exitUsage, exitReject, exitInconclusive} {
		if a == s || b == s {
			return s
		}
	}
	return exitAccept
}

// usagef returns an error about a request that cannot be carried out: exit
// status 2.
func usagef(format string, args ...any) *target.Usage { return target.Usagef(format, args...) }

// complain writes err and its hints to standard error.
func (a *app) complain(err error) {
	msg := err.Error()
	var u *target.Usage
	if errors.As(err, &u) {
		msg = u.Msg
	}
	fmt.Fprintf(a.stderr, "assay: error: %s\n", quoteLines(msg))
	if u != nil {
		for _, h := range u.Hints {
			a.hint("%s", h)
		}
	}
}

// hint writes advice to standard error.
func (a *app) hint(format string, args ...any) {
	fmt.Fprintf(a.stderr, "assay: hint: %s\n", quoteLines(fmt.Sprintf(format, args...)))
}

// counted is a number with its noun: "1 entry", "2 entries".
func counted(n int, one, several string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, several)
}

// quoteLines makes a message safe to print: it may hold an argument, a file's
// name, or text of a peer. Long messages keep their length.
func quoteLines(s string) string {
	var b strings.Builder
	for i, w := range strings.Split(strings.ReplaceAll(s, "\n", "; "), " ") {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(finding.Quote(w))
	}
	return b.String()
}

// flagError explains a flag that could not be understood.
func flagError(c *cobra.Command, err error) error {
	u := usagef("%s", err)
	if name, ok := strings.CutPrefix(err.Error(), "unknown flag: --"); ok {
		if near := nearest(name, flagNames(c)); near != "" {
			u.Hint("did you mean --%s?", near)
		}
	}
	return u.Hint("%s --help lists the flags", c.CommandPath())
}

// unknownCommand explains a first argument that is no command.
func unknownCommand(c *cobra.Command, arg string) error {
	u := usagef("there is no command %q", arg)
	var names []string
	for _, sub := range c.Root().Commands() {
		names = append(names, sub.Name())
	}
	switch near := nearest(arg, names); {
	case near != "":
		u.Hint("did you mean assay %s?", near)
	case strings.ContainsAny(arg, ".:"):
		u.Hint("to check a server: assay check %s", arg)
	}
	return u.Hint("assay --help lists the commands")
}

// nearest returns the candidate at most two edits away from s, or "".
func nearest(s string, candidates []string) string {
	best, bestDist := "", 3
	for _, c := range candidates {
		if len(s) > len(c)+bestDist { // at least as many edits, which a long text must not be compared for
			continue
		}
		if d := distance(s, c); d < bestDist && d < len(c) {
			best, bestDist = c, d
		}
	}
	return best
}

// distance is the Levenshtein distance of a and b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		prev := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			prev, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, prev+cost)
		}
	}
	return row[len(b)]
}

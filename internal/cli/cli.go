// Package cli is the command line of assay: one file per command. What it shares with
// assay-fleet stands in internal/command and internal/session.
//
// Standard output carries the answer or nothing; standard error carries
// progress, "assay: error: …" and "assay: hint: …".
package cli

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/page"
	"github.com/assaytls/assay/internal/session"
	"github.com/assaytls/assay/internal/target"
	"github.com/assaytls/assay/report"
)

// app is one run of the command line.
type app struct {
	*command.Run
	plugin []*report.Report // of --format nagios: what the one line is made of
	sheets []*page.Sheet    // of --format html: what the one page is made of
}

// Main runs the command line and returns the exit status.
func Main(args []string, stdin io.Reader, out, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		<-ctx.Done()
		stop() // a second interrupt ends the program at once
	}()
	a := &app{Run: command.NewRun("assay", stdin, out, stderr)}
	err := a.root(args).ExecuteContext(ctx)
	if nagios(args) {
		return a.plugged(err, ctx.Err() != nil)
	}
	return a.End(ctx, err)
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
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if showVersion && len(args) == 0 {
				return a.PrintVersion()
			}
			if len(args) == 0 {
				return usagef("no command given").Hint("assay --help lists the commands; assay check HOST checks a server")
			}
			return command.UnknownCommand(c, args[0])
		},
	}
	root.Flags().BoolVar(&showVersion, "version", false, "print the version, the commit and its date")
	args = flags.Join(args, "--nonce", session.NonceSend, session.NonceRequire)
	root.SetArgs(flags.Join(args, "--programs", flags.Rule("programs").Words...))
	a.Dress(root, exitHelp)
	root.AddGroup(
		&cobra.Group{ID: "judge", Title: "Judge:"},
		&cobra.Group{ID: "look", Title: "Look closer:"},
		&cobra.Group{ID: "many", Title: "Many servers (by the program assay-fleet):"},
		&cobra.Group{ID: "keep", Title: "Local data:"},
		&cobra.Group{ID: "help", Title: "Help:"},
	)
	for _, c := range a.commands(args) {
		c.DisableFlagsInUseLine = true
		root.AddCommand(c)
	}
	return root
}

// commands are assay's commands, in the order of the help: all of them, or the one
// that args begin with, for making the flags of all takes longer than reading them.
func (a *app) commands(args []string) (made []*cobra.Command) {
	all := []struct {
		name string
		make func() *cobra.Command
	}{
		{"check", a.checkCommand},
		{"connect", a.connectCommand},
		{"verify", a.verifyCommand},
		{"show", a.showCommand},
		{"bundle", a.bundleCommand},
		{"explain", a.explainCommand},
		{"lab", a.labCommand},
		{"cache", a.cacheCommand},
		{"update", a.updateCommand},
		{"scan", func() *cobra.Command { return a.fleetCommand("scan", "Judge a list of servers, of any length") }},
		{"serve", func() *cobra.Command {
			return a.fleetCommand("serve", "Watch servers, keep their history, answer over HTTP")
		}},
		{"version", a.VersionCommand},
		{"completion", a.CompletionCommand},
	}
	for _, c := range all {
		if len(args) > 0 && args[0] == c.name {
			return []*cobra.Command{c.make()}
		}
	}
	for _, c := range all {
		made = append(made, c.make())
	}
	return made
}

// usagef returns an error about a request that cannot be carried out: exit
// status 2.
func usagef(format string, args ...any) *target.Usage { return target.Usagef(format, args...) }

const exitHelp = `
Exit status:
  0 accept   1 reject   2 usage, or a local file or stream failed
  3 inconclusive: it could not be decided   130 interrupted
  Of several targets the worst counts: 1, then 3, then 0.
  With --format nagios: 0 accept, 1 a certificate expires soon, 2 reject,
  3 everything else; of several 2, then 1, then 3, then 0.

Environment:
  SSL_CERT_FILE, SSL_CERT_DIR  trust anchors instead of the system's
  XDG_CACHE_HOME               where the cache is kept (assay/ in it)
  HTTPS_PROXY, ALL_PROXY, NO_PROXY  the proxy to go through
  SSLKEYLOGFILE                where to write the secrets of connections
  NO_COLOR                     no colours
`

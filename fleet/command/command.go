// Package command is the command line of assay-fleet: one file per command. What it shares with
// assay stands in internal/command and internal/session.
package command

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/session"
	"github.com/assaytls/assay/internal/target"
)

// program is the name of this program.
const program = "assay-fleet"

// app is one run of the command line.
type app struct {
	*command.Run
	args []string // as they were given
}

// Main runs the command line and returns the exit status.
func Main(args []string, stdin io.Reader, out, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		<-ctx.Done()
		stop() // a second interrupt ends the program at once
	}()
	name := program
	if _, ok := os.LookupEnv(command.StartedBy); ok {
		name = "assay" // as the user typed it
	}
	a := &app{Run: command.NewRun(name, stdin, out, stderr)}
	if err := command.SameBuild(program); err != nil {
		a.Complain(err)
		return command.UsageError
	}
	return a.End(ctx, a.root(args).ExecuteContext(ctx))
}

// root builds the tree of commands for one run.
func (a *app) root(args []string) *cobra.Command {
	root := &cobra.Command{
		Use: a.Program, Short: "Judge and watch many TLS servers",
		Long: `assay-fleet is the program behind assay scan and assay serve: the same judge as assay check,
for a list of servers of any length, and for those that are to be watched.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return target.Usagef("no command given").Hint("%s --help lists the commands", c.CommandPath())
			}
			return command.UnknownCommand(c, args[0])
		},
	}
	a.args = args
	root.SetArgs(flags.Join(args, "--nonce", session.NonceSend, session.NonceRequire))
	a.Dress(root, exitHelp)
	root.AddGroup(&cobra.Group{ID: "many", Title: "Many servers:"}, &cobra.Group{ID: "help", Title: "Help:"})
	for _, c := range a.commands() {
		c.DisableFlagsInUseLine = true
		root.AddCommand(c)
	}
	return root
}

// commands are assay-fleet's commands, in the order of the help.
func (a *app) commands() []*cobra.Command {
	return []*cobra.Command{a.scanCommand(), a.serveCommand(), a.VersionCommand(), a.CompletionCommand()}
}

const exitHelp = `
Exit status:
  0 done   1 a server is refused   2 usage, or a local file or stream failed
  3 not all could be decided   130 interrupted: what was done is kept

Environment:
  SSL_CERT_FILE, SSL_CERT_DIR  trust anchors instead of the system's
  XDG_CACHE_HOME               where the cache is kept (assay/ in it)
  XDG_STATE_HOME               where serve keeps its data (assay/ in it)
  HTTPS_PROXY, ALL_PROXY, NO_PROXY  the proxy that downloads go through
  NO_COLOR                     no colours
`

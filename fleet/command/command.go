// Package command is the command line of assay-fleet: one file per command.
package command

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Main runs the command line and returns the exit status.
func Main(args []string, stdin io.Reader, out, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := &cobra.Command{Use: "assay-fleet", Short: "Scan and watch TLS servers", SilenceErrors: true, SilenceUsage: true}
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(out)
	root.SetErr(stderr)
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintf(stderr, "assay: error: %v\n", err)
		return 2
	}
	return 0
}

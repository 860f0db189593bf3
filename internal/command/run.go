// Package command is what the programs assay and assay-fleet have in common on
// the command line: the streams, the exit statuses, help and manual pages, and
// how errors and advice are told.
//
// Standard output carries the answer or nothing; standard error carries
// progress, "assay: error: …" and "assay: hint: …".
package command

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/internal/target"
	"github.com/assaytls/assay/report"
)

// The exit statuses.
const (
	Accept       = 0
	Reject       = 1
	UsageError   = 2
	Inconclusive = 3
	Interrupted  = 130
)

// Run is one run of a program: its streams, and the exit status so far.
type Run struct {
	Program string // as the user typed it
	Stdin   io.Reader
	Stdout  *Stdout
	Stderr  io.Writer
	Status  int
}

// NewRun returns a run of program on these streams.
func NewRun(program string, stdin io.Reader, out, stderr io.Writer) *Run {
	return &Run{Program: program, Stdin: stdin, Stdout: &Stdout{w: out}, Stderr: stderr}
}

// exitHelp is the annotation of a program's root command that tells its exit
// statuses and its environment.
const exitHelp = "exit statuses and environment"

// Dress gives the root command of a program our ways: the streams of r, our
// help, and our words for what could not be understood. exits tells the exit
// statuses and the environment.
func (r *Run) Dress(root *cobra.Command, exits string) {
	root.SilenceErrors, root.SilenceUsage = true, true
	root.Annotations = map[string]string{exitHelp: exits}
	root.SetIn(r.Stdin)
	root.SetOut(r.Stdout)
	root.SetErr(r.Stderr)
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(FlagError)
	root.SetHelpFunc(Help)
	root.SetHelpCommand(r.helpCommand())
}

// End returns the exit status of a run that ended with err. What went wrong is
// told, unless the user interrupted it.
func (r *Run) End(ctx context.Context, err error) int {
	if ctx.Err() != nil {
		return Interrupted
	}
	if failed := r.Stdout.failed(); failed != nil {
		err = failed
	}
	if err != nil {
		r.Complain(err)
		return UsageError
	}
	return r.Status
}

// Verdict records the outcome of one target: of several the worst one counts,
// a rejection before an inconclusive one.
func (r *Run) Verdict(v report.Verdict) {
	s := Inconclusive
	switch v {
	case report.Accept:
		s = Accept
	case report.Reject:
		s = Reject
	}
	r.Status = Worse(r.Status, s)
}

// usagef returns an error about a request that cannot be carried out: exit
// status 2.
func usagef(format string, args ...any) *target.Usage { return target.Usagef(format, args...) }

// Warn tells the user what does not change the answer.
func (r *Run) Warn(err error) {
	fmt.Fprintf(r.Stderr, "assay: warning: %s\n", QuoteLines(err.Error()))
}

// Complain writes err and its hints to standard error.
func (r *Run) Complain(err error) {
	msg := err.Error()
	var u *target.Usage
	if errors.As(err, &u) {
		msg = u.Msg
	}
	fmt.Fprintf(r.Stderr, "assay: error: %s\n", QuoteLines(msg))
	if u != nil {
		for _, h := range u.Hints {
			r.Hint("%s", h)
		}
	}
}

// Hint writes advice to standard error.
func (r *Run) Hint(format string, args ...any) {
	fmt.Fprintf(r.Stderr, "assay: hint: %s\n", QuoteLines(fmt.Sprintf(format, args...)))
}

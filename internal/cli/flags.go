package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/render"
)

// outputFlags say how the answer looks.
type outputFlags struct {
	format         string
	quiet, verbose bool
	certs          bool
	evidence       string
	file           string // in place of standard output
	evidenceHash   string // SHA-256 of the file of verify --evidence
}

// The forms of answers.
const (
	formatText     = "text"
	formatJSON     = "json"
	formatMarkdown = "markdown"
	formatNagios   = "nagios"
	formatHTML     = "html"
)

func (f *outputFlags) add(c *cobra.Command) {
	f.format = formatText
	g := flags.Under(c, "Output")
	g.Word(&f.format, "format", "report format; JSON prints one line per target; html is one page for all of them; nagios has the exit statuses of monitoring plugins", formatText, formatJSON, formatMarkdown, formatNagios, formatHTML)
	g.Switch(&f.quiet, "quiet", "q", "one line for each target")
	g.Switch(&f.verbose, "verbose", "v", "everything: connection, paths, every check, downloads, timing")
	g.Switch(&f.certs, "print-cert-chain-info", "i", "every certificate in full")
	g.ShortText(&f.file, "output", "o", "write the report to `FILE`, which is replaced when the whole report is written (default: standard output)")
}

// addShow adds the flags of a command that shows objects and no report.
func (f *outputFlags) addShow(c *cobra.Command) {
	f.format = formatText
	g := flags.Under(c, "Output")
	g.Word(&f.format, "format", "text for people, or JSON", formatText, formatJSON)
	g.Switch(&f.quiet, "quiet", "q", "one line for each object")
	g.Switch(&f.verbose, "verbose", "v", "also the bytes of every extension, in hexadecimal")
	g.Switch(&f.certs, "print-cert-chain-info", "i", "also each certificate in PEM")
}

func (f *outputFlags) addEvidence(c *cobra.Command) {
	flags.Under(c, "Output").Text(&f.evidence, "save-evidence", "write all that was gathered to `FILE`, for assay verify --evidence")
}

// check wants flags that go together.
func (f *outputFlags) check() error {
	switch {
	case f.quiet && (f.verbose || f.certs):
		return usagef("-q excludes -v and -i")
	case f.format == formatJSON && (f.quiet || f.verbose || f.certs):
		return usagef("-q, -v and -i are about text; JSON always holds everything")
	case f.format == formatMarkdown && f.quiet:
		return usagef("-q is about text")
	case f.format == formatHTML && (f.quiet || f.verbose):
		return usagef("-q and -v are about text; HTML always has everything, and certificates in full with -i")
	case f.format == formatNagios && f.file != "":
		return usagef("--output excludes --format nagios: a monitoring plugin answers on standard output")
	case f.format == formatNagios && (f.quiet || f.verbose || f.certs):
		return usagef("-q, -v and -i are about text; nagios has one line")
	}
	return nil
}

// detail is how much of a report is read in this form.
func (f *outputFlags) detail() assemble.Detail {
	if f.format == formatJSON || f.format == formatHTML || f.verbose || f.certs {
		return assemble.Full
	}
	return assemble.Short
}

// options are the text renderer's.
func (f *outputFlags) options(a *app) render.Options {
	return render.Options{Color: a.Color(), Width: a.Width(), Quiet: f.quiet, Verbose: f.verbose, Certs: f.certs}
}

// keyLog opens the file that SSLKEYLOGFILE names, with a warning; nil without.
func (a *app) keyLog() (*os.File, error) {
	name := os.Getenv("SSLKEYLOGFILE")
	if name == "" {
		return nil, nil
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, usagef("SSLKEYLOGFILE: %v", err)
	}
	fmt.Fprintf(a.Stderr, "assay: warning: SSLKEYLOGFILE is set: the secrets of this connection are written to %s\n", command.QuoteLines(name))
	return f, nil
}

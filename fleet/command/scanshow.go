package command

import (
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/fleet/sink"
	"github.com/assaytls/assay/fleet/summary"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/render"
	"github.com/assaytls/assay/internal/target"
)

// The forms of scan show and scan diff.
const (
	formText = "text"
	formJSON = "json"
	formHTML = "html"
)

func (a *app) scanShowCommand() *cobra.Command {
	var of string
	format := formText
	c := &cobra.Command{
		Use: "show DIR", Short: "Sum up the results of a scan",
		Long: `Sum up the results in the folder of a scan, also while the scan goes on: verdicts, findings,
issuers, expiry, revocation, versions of TLS and the slowest networks. As text it also writes
report.html into the folder: one page that loads nothing from elsewhere.

With --evidence TARGET it prints what that target was judged by, if the scan kept it
(assay scan --keep-evidence). assay verify --evidence judges that again, without the network.`,
		Example: `  assay scan show today
  assay scan show today --format json
  assay scan show today --evidence example.com:443 > evidence.json
  assay verify --evidence evidence.json`,
		Args: oneFolder("assay scan show"),
		RunE: func(_ *cobra.Command, args []string) error {
			if of != "" {
				return a.printEvidence(args[0], of)
			}
			return a.printSummary(args[0], format)
		},
	}
	out := flags.Under(c, "Output")
	out.Word(&format, "format", "report format", formText, formJSON, formHTML)
	out.Text(&of, "evidence", "print what `TARGET` was judged by, as the results name it")
	return c
}

func (a *app) scanDiffCommand() *cobra.Command {
	format := formText
	c := &cobra.Command{
		Use: "diff BEFORE AFTER", Short: "Compare the results of two scans",
		Long: `Compare the results in two folders of scans, target by target: what became worse, what became
better, what is new or gone, and which servers have another certificate. A target is worse if
its verdict is, or if the verdict is the same and there are more findings behind it.`,
		Example: `  assay scan diff monday tuesday
  assay scan diff monday tuesday --format json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return target.Usagef("assay scan diff needs the folders of two scans, and %d were given", len(args)).Hint("assay scan diff BEFORE AFTER")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			write := summary.DiffText
			if format == formJSON {
				write = summary.DiffJSON
			}
			_, err := write(a.Stdout, args[0], args[1])
			return unreadable(err)
		},
	}
	flags.Under(c, "Output").Word(&format, "format", "report format", formText, formJSON)
	return c
}

// oneFolder is what a command says that takes one folder.
func oneFolder(name string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return target.Usagef("%s needs the folder of one scan, and %d were given", name, len(args)).Hint("%s DIR", name)
		}
		return nil
	}
}

func (a *app) printSummary(dir, format string) error {
	s, err := summary.Read(dir)
	if err != nil {
		return unreadable(err)
	}
	switch format {
	case formJSON:
		return render.Value(a.Stdout, s, true)
	case formHTML:
		return s.HTML(a.Stdout, summary.Title(dir))
	}
	if err := s.Text(a.Stdout, a.Width()); err != nil {
		return err
	}
	name, err := s.WritePage(dir)
	if err != nil {
		a.Warn(target.Usagef("report.html cannot be written: %v", command.PlainPathError(err)).Hint("--format html prints the page"))
		return nil
	}
	a.Hint("%s has the same as a page with plots", name)
	return nil
}

func (a *app) printEvidence(dir, of string) error {
	ev, err := sink.ReadEvidence(dir, of)
	if errors.Is(err, sink.ErrNoEvidence) || errors.Is(err, os.ErrNotExist) {
		return target.Usagef("no evidence of %q is kept in %s", of, dir).Hint("a scan keeps evidence of the verdicts that --keep-evidence names; the results name targets like example.com:443")
	}
	if err != nil {
		return unreadable(err)
	}
	b, err := evidence.Encode(ev)
	if err == nil {
		_, err = a.Stdout.Write(b)
	}
	return err
}

// unreadable is an error of files that the user named.
func unreadable(err error) error {
	if err == nil {
		return nil
	}
	return target.Usagef("%v", command.PlainPathError(err))
}

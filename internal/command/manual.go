package command

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/assaytls/assay/internal/flags"
)

// WriteManual writes a manual page of c and of every command below it to dir. The
// pages say what --help says. Existing pages of the same names are replaced.
func WriteManual(c *cobra.Command, dir string) error {
	if c.Hidden {
		return nil
	}
	name := manualName(c) + ".1"
	if err := os.WriteFile(filepath.Join(dir, name), []byte(manualPage(c)), 0o644); err != nil {
		return usagef("--man: %v", PlainPathError(err))
	}
	for _, sub := range c.Commands() {
		if err := WriteManual(sub, dir); err != nil {
			return err
		}
	}
	return nil
}

// manualName is the name of a command's page: assay-lab-check.
func manualName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// manualPage is the page of c in the macros of man(7). It has no date, so that one
// source always makes the same page.
func manualPage(c *cobra.Command) string {
	var b strings.Builder
	long := c.Long
	if long == "" {
		long = c.Short + "."
	}
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"assay %s\" \"assay\"\n", strings.ToUpper(manualName(c)), Version())
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(manualName(c)), roff(c.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n", roff(usageLine(c)))
	fmt.Fprintf(&b, ".SH DESCRIPTION\n%s\n", roff(strings.TrimSpace(long)))
	title := ".SH COMMANDS\n"
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			fmt.Fprintf(&b, "%s.TP\n.B %s\n%s.\n", title, roff(sub.Name()), roff(sub.Short))
			title = ""
		}
	}
	for _, heading := range flags.Headings {
		title := "OPTIONS: " + strings.ToUpper(heading)
		if heading == "" {
			title = "OTHER OPTIONS"
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Hidden || flags.HeadingOf(f) != heading {
				return
			}
			if title != "" {
				fmt.Fprintf(&b, ".SH \"%s\"\n", title)
				title = ""
			}
			name, usage := flagParts(f)
			fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(strings.TrimSpace(name)), roff(usage))
		})
	}
	if !c.HasParent() {
		fmt.Fprintf(&b, ".SH \"EXIT STATUS AND ENVIRONMENT\"\n.nf\n%s\n.fi\n", roff(strings.TrimSpace(c.Annotations[exitHelp])))
	}
	if c.Example != "" {
		fmt.Fprintf(&b, ".SH EXAMPLES\n.nf\n%s\n.fi\n", roff(strings.Trim(c.Example, "\n")))
	}
	if also := manualAlso(c); len(also) > 0 {
		fmt.Fprintf(&b, ".SH \"SEE ALSO\"\n%s(1)\n", roff(strings.Join(also, "(1), ")))
	}
	return b.String()
}

// manualAlso are the pages of the command above c, or of all commands.
func manualAlso(c *cobra.Command) (also []string) {
	if c.HasParent() {
		return []string{manualName(c.Parent())}
	}
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			also = append(also, manualName(sub))
		}
	}
	return also
}

// roff makes a text safe for roff: nothing in it is a request or an escape.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(s)
	var b strings.Builder
	for _, c := range s {
		if c > '~' {
			fmt.Fprintf(&b, `\[u%04X]`, c)
			continue
		}
		b.WriteRune(c)
	}
	lines := strings.Split(b.String(), "\n")
	for i, l := range lines {
		switch {
		case l == "":
			lines[i] = ".PP"
		case l[0] == '.':
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}

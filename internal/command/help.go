package command

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/render"
)

// Help writes the help of c to standard output.
func Help(c *cobra.Command, _ []string) {
	w := c.OutOrStdout()
	text := c.Long
	if text == "" {
		text = c.Short + "."
	}
	fmt.Fprintf(w, "%s\n\nUsage:\n  %s\n", strings.TrimSpace(text), usageLine(c))
	if c.HasAvailableSubCommands() {
		helpCommands(c)
	}
	for _, g := range flags.Headings {
		fs := pflag.NewFlagSet(g, pflag.ContinueOnError)
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden && flags.HeadingOf(f) == g {
				fs.AddFlag(f)
			}
		})
		if !fs.HasFlags() {
			continue
		}
		title := g
		if title == "" {
			title = "Other"
		}
		fmt.Fprintf(w, "\n%s:\n", title)
		fs.VisitAll(func(f *pflag.Flag) { io.WriteString(w, flagHelp(f)) })
	}
	if c.Example != "" {
		fmt.Fprintf(w, "\nExamples:\n%s\n", strings.TrimRight(c.Example, "\n"))
	}
	if !c.HasParent() {
		fmt.Fprint(w, c.Annotations[exitHelp])
	}
}

// flagHelp describes one flag: its name and value, then, in a column of their
// own, what it is for, the words it takes and its default.
func flagHelp(f *pflag.Flag) string {
	const column, width = 29, 80
	name, usage := flagParts(f)
	var b strings.Builder
	for i, l := range render.Wrap(usage, width-column) {
		switch {
		case i == 0 && len(name) < column-1:
			fmt.Fprintf(&b, "%-*s%s\n", column, name, l)
		case i == 0:
			fmt.Fprintf(&b, "%s\n%*s%s\n", name, column, "", l)
		default:
			fmt.Fprintf(&b, "%*s%s\n", column, "", l)
		}
	}
	return b.String()
}

// flagParts are a flag's name with its value, indented, and what it is for.
func flagParts(f *pflag.Flag) (name, usage string) {
	name = "      --" + f.Name
	if f.Shorthand != "" {
		name = "  -" + f.Shorthand + ", --" + f.Name
	}
	value, usage := pflag.UnquoteUsage(f)
	if words := flags.WordsOf(f); value == "WORD" {
		usage += ": " + strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
	}
	if value == "string" {
		value = "TEXT"
	}
	switch {
	case value != "" && f.NoOptDefVal != "":
		name += " [" + value + "]"
	case value != "":
		name += " " + value
	}
	if d := f.DefValue; d != "" && d != "false" && !strings.Contains(usage, "(default") {
		usage += " (default " + d + ")"
	}
	return name, usage
}

func usageLine(c *cobra.Command) string {
	if !c.Runnable() || !c.HasParent() {
		return c.CommandPath() + " COMMAND"
	}
	line := c.UseLine()
	if c.HasAvailableLocalFlags() {
		line += " [FLAG]..."
	}
	return line
}

func helpCommands(c *cobra.Command) {
	w := c.OutOrStdout()
	line := func(s *cobra.Command) {
		fmt.Fprintf(w, "  %-12s%s\n", s.Name(), s.Short)
	}
	if len(c.Groups()) == 0 {
		fmt.Fprint(w, "\nCommands:\n")
	}
	for _, g := range c.Groups() {
		fmt.Fprintf(w, "\n%s\n", g.Title)
		for _, s := range c.Commands() {
			if s.GroupID == g.ID && !s.Hidden {
				line(s)
			}
		}
	}
	for _, s := range c.Commands() {
		if s.GroupID == "" && !s.Hidden {
			line(s)
		}
	}
	fmt.Fprintf(w, "\n%s COMMAND --help tells more.\n", c.CommandPath())
}

// helpCommand is `help [COMMAND]`.
func (r *Run) helpCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use: "help [COMMAND]", Short: "Show the help of a command, or write the manual pages", GroupID: "help",
		Long: `Show the help of a command. With --man write a manual page of every command to a
directory, for man(1) and for packages.`,
		Example: fmt.Sprintf("  %s help check\n  %[1]s help --man /usr/local/share/man/man1", r.Program),
		RunE: func(c *cobra.Command, args []string) error {
			if dir != "" {
				if len(args) > 0 {
					return usagef("--man writes the pages of all commands, and %q was named", args[0])
				}
				return WriteManual(c.Root(), dir)
			}
			target, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 || target == nil {
				return UnknownCommand(c, strings.Join(args, " "))
			}
			target.InitDefaultHelpFlag()
			Help(target, nil)
			return nil
		},
		ValidArgsFunction: func(c *cobra.Command, args []string, begun string) (names []cobra.Completion, _ cobra.ShellCompDirective) {
			at, _, err := c.Root().Find(args)
			if err != nil {
				at = c.Root()
			}
			for _, sub := range at.Commands() {
				if !sub.Hidden && strings.HasPrefix(sub.Name(), begun) {
					names = append(names, cobra.CompletionWithDesc(sub.Name(), sub.Short))
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
	flags.Under(c, "Output").Text(&dir, "man", "write the manual pages (section 1) to `DIR`, which must exist")
	return c
}

// FlagNames lists the flags of c.
func FlagNames(c *cobra.Command) (names []string) {
	c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}

// NoArgs wants none.
func NoArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		if c.HasAvailableSubCommands() {
			return usagef("%s has no command %q", c.CommandPath(), args[0]).Hint("%s --help lists them", c.CommandPath())
		}
		return usagef("%s takes no arguments, and %q was given", c.CommandPath(), args[0])
	}
	return nil
}

// MinArgs wants n arguments at least; what names them.
func MinArgs(n int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) < n {
			return usagef("%s needs %s", c.CommandPath(), what).Hint("%s --help shows examples", c.CommandPath())
		}
		return nil
	}
}

// Package flags makes command-line flags: of policy's table of rules, of what
// says how a target is reached and whom to trust, and of a command's own. Every
// flag stands under a heading of the help and completes to its values.
package flags

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// headingKey annotates a flag with the heading it stands under in the help.
const headingKey = "assay-heading"

// Headings is their order in the help; flags without a heading come last.
var Headings = []string{"Connection", "Trust", "Judgement", "Revocation", "Certificate Transparency", "Input", "Output", ""}

// HeadingOf returns the heading under which f stands, "" for none.
func HeadingOf(f *pflag.Flag) string {
	if a := f.Annotations[headingKey]; len(a) > 0 {
		return a[0]
	}
	return ""
}

// worded is a flag value that is one of a few words, or a list of them.
type worded interface {
	pflag.Value
	words() (words []string, list bool, alone string)
}

// WordsOf returns the words that f takes, nil when it takes others too.
func WordsOf(f *pflag.Flag) []string {
	if v, ok := f.Value.(worded); ok {
		words, _, _ := v.words()
		return words
	}
	return nil
}

// Group is the flags of one command under one heading.
type Group struct {
	c       *cobra.Command
	heading string
}

// Under returns the group of c's flags under heading.
func Under(c *cobra.Command, heading string) Group { return Group{c, heading} }

// Var adds a flag; short is "" or one letter. In usage the word in back quotes
// is what a value looks like, else v's type is.
func (g Group) Var(v pflag.Value, name, short, usage string) {
	f := g.c.Flags().VarPF(v, name, short, usage)
	f.Annotations = map[string][]string{headingKey: {g.heading}}
	if v.Type() == "bool" {
		f.NoOptDefVal = "true"
		return
	}
	looks, _ := pflag.UnquoteUsage(f)
	complete := cobra.NoFileCompletions
	switch w, _ := v.(worded); {
	case WordsOf(f) != nil:
		complete = func(_ *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
			words, list, alone := w.words()
			return completions(words, list, alone, begun), cobra.ShellCompDirectiveNoFileComp
		}
	case strings.Contains(looks, "FILE"):
		return // files are what a shell completes by itself
	case looks == "DIR":
		complete = func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		}
	}
	if err := g.c.RegisterFlagCompletionFunc(name, complete); err != nil {
		panic(err) // the flag was added above
	}
}

// completions are the words that a value may be or, in a list, end with. The word
// alone is never one of several.
func completions(words []string, list bool, alone, begun string) (out []cobra.Completion) {
	before := ""
	if i := strings.LastIndexByte(begun, ','); list && i >= 0 {
		before = begun[:i+1]
	}
	for _, w := range words {
		if strings.HasPrefix(before+w, begun) && !strings.Contains(","+before, ","+w+",") && (before == "" || w != alone) {
			out = append(out, before+w)
		}
	}
	return out
}

// Text adds a flag for any text.
func (g Group) Text(to *string, name, usage string) { g.Var((*text)(to), name, "", usage) }

// ShortText adds a flag of any text that has a letter too.
func (g Group) ShortText(to *string, name, short, usage string) {
	g.Var((*text)(to), name, short, usage)
}

// Once adds a flag for any text that may not be repeated.
func (g Group) Once(to *string, name, usage string) { g.Var(&once{to: to}, name, "", usage) }

// Switch adds a flag without a value; short is "" or one letter.
func (g Group) Switch(to *bool, name, short, usage string) { g.Var((*toggle)(to), name, short, usage) }

// Word adds a flag for one of a few words. *to is its default.
func (g Group) Word(to *string, name, usage string, words ...string) {
	g.Var(&word{to, words}, name, "", usage)
}

// OptionalWord adds a flag for one of a few words that may also be left out: then it
// is the first. *to is its default. See [Join] for the word that stands beside it.
func (g Group) OptionalWord(to *string, name, usage string, words ...string) {
	g.Word(to, name, usage, words...)
	g.c.Flags().Lookup(name).NoOptDefVal = words[0]
}

// Join ties the word of an optional flag, or several joined by commas, to the flag,
// so that "--name word" means "--name=word": pflag would take the word for an
// argument.
func Join(args []string, name string, words ...string) []string {
	out := make([]string, 0, len(args))
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "--":
			return append(out, args[i:]...)
		case args[i] == name && i+1 < len(args) && allIn(words, strings.Split(args[i+1], ",")):
			out = append(out, name+"="+args[i+1])
			i++
		default:
			out = append(out, args[i])
		}
	}
	return out
}

func allIn(words, list []string) bool {
	return !slices.ContainsFunc(list, func(s string) bool { return !slices.Contains(words, s) })
}

// OnOff adds a flag for "on" or "off". *to is its default.
func (g Group) OnOff(to *bool, name, usage string) { g.Var((*onOff)(to), name, "", usage) }

// Duration adds a flag for a positive length of time. *to is its default, 0 none.
func (g Group) Duration(to *time.Duration, name, usage string) {
	g.Var((*duration)(to), name, "", usage)
}

// Size adds a flag for a positive number of octets. *to is its default, 0 none.
func (g Group) Size(to *int64, name, usage string) { g.Var((*size)(to), name, "", usage) }

// List adds a flag that may be given more than once.
func (g Group) List(to *[]string, name, usage string, k Kind) { g.Var(&list{to, k}, name, "", usage) }

// Hide keeps flags out of the help.
func Hide(c *cobra.Command, names ...string) {
	for _, name := range names {
		c.Flags().Lookup(name).Hidden = true
	}
}

// Reword says something else about a flag in the help of c.
func Reword(c *cobra.Command, name, usage string) {
	f := c.Flags().Lookup(name)
	if f == nil {
		panic(fmt.Sprintf("flags: %s has no flag %s", c.Name(), name))
	}
	f.Usage = usage
}

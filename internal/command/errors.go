package command

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/finding"
)

// Worse returns the exit status that stands for both.
func Worse(a, b int) int {
	for _, s := range []int{UsageError, Reject, Inconclusive} {
		if a == s || b == s {
			return s
		}
	}
	return Accept
}

// Counted is a number with its noun: "1 entry", "2 entries".
func Counted(n int, one, several string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, several)
}

// QuoteLines makes a message safe to print: it may hold an argument, a file's
// name, or text of a peer. Long messages keep their length.
func QuoteLines(s string) string {
	var b strings.Builder
	for i, w := range strings.Split(strings.ReplaceAll(s, "\n", "; "), " ") {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(finding.Quote(w))
	}
	return b.String()
}

// FlagError explains a flag that could not be understood.
func FlagError(c *cobra.Command, err error) error {
	u := usagef("%s", err)
	if name, ok := strings.CutPrefix(err.Error(), "unknown flag: --"); ok {
		if near := Nearest(name, FlagNames(c)); near != "" {
			u.Hint("did you mean --%s?", near)
		}
	}
	return u.Hint("%s --help lists the flags", c.CommandPath())
}

// UnknownCommand explains a first argument that is no command.
func UnknownCommand(c *cobra.Command, arg string) error {
	u := usagef("there is no command %q", arg)
	var names []string
	for _, sub := range c.Root().Commands() {
		names = append(names, sub.Name())
	}
	switch near := Nearest(arg, names); {
	case near != "":
		u.Hint("did you mean %s %s?", c.Root().Name(), near)
	case strings.ContainsAny(arg, ".:") && slices.Contains(names, "check"):
		u.Hint("to check a server: assay check %s", arg)
	}
	return u.Hint("%s --help lists the commands", c.Root().Name())
}

// Nearest returns the candidate at most two edits away from s, or "".
func Nearest(s string, candidates []string) string {
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

// When is a time as people read it, UTC.
func When(t time.Time) string {
	if t.IsZero() {
		return "none"
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// PlainPathError says "FILE: reason" instead of "open FILE: reason".
func PlainPathError(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", p.Path, p.Err)
	}
	return err
}

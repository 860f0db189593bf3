package cli

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/assaytls/assay/internal/session"
	"github.com/assaytls/assay/internal/target"
)

// The bounds of a list of targets.
const (
	maxTargetList = 1 << 20 // bytes
	maxTargets    = 10_000
)

// named is a target as it was written, and where.
type named struct {
	text  string
	where string // "hosts.txt, line 3"; "" for an argument
}

// at adds to err where its target was written.
func (n named) at(err error) error {
	if n.where == "" || err == nil {
		return err
	}
	var u *target.Usage
	if errors.As(err, &u) {
		return &target.Usage{Msg: n.where + ": " + u.Msg, Hints: u.Hints}
	}
	return usagef("%s: %v", n.where, err)
}

// listed returns the targets that the arguments name: - stands for those on standard
// input, @FILE for those in a file. lists says whether there was one.
func (a *app) listed(args []string) (all []named, lists bool, err error) {
	stdinUsed := false
	for _, arg := range args {
		name, ok := strings.CutPrefix(arg, "@")
		var from io.Reader
		shown := name
		switch {
		case arg == "-" && stdinUsed:
			return nil, false, usagef("standard input can be read only once")
		case arg == "-":
			name, from, shown, stdinUsed = "-", a.Stdin, "standard input", true
		case !ok:
			all = append(all, named{text: arg})
			continue
		case name == "":
			return nil, false, usagef("@ needs the name of a file with targets, like @hosts.txt")
		}
		b, err := session.ReadFile(name, from, maxTargetList)
		if err != nil {
			return nil, false, usagef("list of targets: %v", err)
		}
		lists = true
		before := len(all)
		if all, err = readTargets(all, shown, b); err != nil {
			return nil, false, err
		}
		if len(all) == before {
			return nil, false, usagef("%s names no target", shown)
		}
	}
	return all, lists, nil
}

// readTargets adds the targets of a list, one a line; what follows # is a comment.
func readTargets(all []named, name string, list []byte) ([]named, error) {
	n := 0
	for line := range bytes.Lines(bytes.TrimPrefix(list, []byte("\ufeff"))) {
		n++
		text, _, _ := strings.Cut(string(line), "#")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		t := named{text, name + ", line " + strconv.Itoa(n)}
		switch {
		case text == "-" || strings.HasPrefix(text, "@"):
			return nil, t.at(usagef("a list of targets cannot name another list: %q", text))
		case strings.HasPrefix(text, "-"):
			return nil, t.at(usagef("a list of targets has no flags: %q", text))
		case len(strings.Fields(text)) > 1:
			return nil, t.at(usagef("there is more than one target: %q", text))
		case len(all) >= maxTargets:
			return nil, t.at(usagef("there are more than %d targets", maxTargets))
		}
		all = append(all, t)
	}
	return all, nil
}

// fileLike are the endings of names that are files and no hosts.
var fileLike = []string{".pem", ".crt", ".cer", ".der", ".p12", ".pfx", ".jks", ".p7b", ".txt", ".json"}

// isFile reports whether an argument that ought to be a server is a file: there is
// one of that name, which looks like a file's.
func isFile(arg string) bool {
	if !strings.ContainsRune(arg, os.PathSeparator) && !slices.Contains(fileLike, strings.ToLower(filepath.Ext(arg))) {
		return false
	}
	st, err := os.Stat(arg)
	return err == nil && st.Mode().IsRegular()
}

// isServer reports whether an argument that ought to be a file is a server: there is
// no file of that name, and it reads as a target.
func isServer(arg string) bool {
	if _, err := os.Stat(arg); err == nil || arg == "-" || slices.Contains(fileLike, strings.ToLower(filepath.Ext(arg))) {
		return false
	}
	_, err := target.Parse(arg)
	return err == nil && strings.ContainsAny(arg, ".:")
}

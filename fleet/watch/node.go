package watch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/policy"
)

// The bounds of a configuration.
const (
	maxConfig   = 16 << 20 // bytes
	maxDepth    = 16       // of lists and objects in each other
	maxProblems = 20       // that are told
)

// Problem is one thing that is wrong with a configuration, and where.
type Problem struct {
	Line, Column int    // from 1; 0 when it is about the whole
	Path         string // "groups[2].check.min-rsa"
	Text         string // a sentence without its end
}

// Problems is everything that is wrong with a configuration.
type Problems struct {
	File string
	All  []Problem // at most 20, in the order of the file
	More int       // how many more there are
}

// Error tells every problem on a line of its own, as compilers do.
func (p *Problems) Error() string {
	var b strings.Builder
	for i, one := range p.All {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.File)
		if one.Line > 0 {
			fmt.Fprintf(&b, ":%d:%d", one.Line, one.Column)
		}
		b.WriteString(": ")
		if one.Path != "" {
			b.WriteString(one.Path + ": ")
		}
		b.WriteString(one.Text)
	}
	if p.More > 0 {
		fmt.Fprintf(&b, "\n%s: and %d more", p.File, p.More)
	}
	return b.String()
}

// Node is one value of a configuration. Its methods read it, and whatever is
// wrong becomes a problem with the value's line; what they return then is the zero
// value, and reading goes on, so that all problems are told at once.
type Node struct {
	n    *yaml.Node
	path string
	all  *Problems
}

// parseNode reads one document of YAML. Aliases and tags of one's own are not followed.
func parseNode(file string, b []byte) (*Node, *Problems) {
	all := &Problems{File: file}
	if len(b) > maxConfig {
		all.add(nil, "", fmt.Sprintf("the file is larger than %d MiB", maxConfig>>20))
		return nil, all
	}
	in := yaml.NewDecoder(bytes.NewReader(b))
	var doc, second yaml.Node
	switch err := in.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return &Node{&yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}, "", all}, all
	case err != nil:
		line, text := yamlError(err)
		all.All = append(all.All, Problem{Line: line, Column: 1, Text: text})
		return nil, all
	}
	if err := in.Decode(&second); !errors.Is(err, io.EOF) {
		all.add(&second, "", "there is a second document in the file")
		return nil, all
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		all.add(nil, "", "it is not a document of YAML")
		return nil, all
	}
	root := &Node{doc.Content[0], "", all}
	root.tame(root.n, 0)
	if root.n.Kind == yaml.ScalarNode && root.n.Tag == "!!null" {
		root.n = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	}
	return root, all
}

// tame finds what is never allowed.
func (n *Node) tame(y *yaml.Node, depth int) {
	switch {
	case y.Kind == yaml.AliasNode || y.Anchor != "":
		n.all.add(y, "", "anchors and aliases (& and *) cannot be used here")
		y.Content = nil
		return
	case depth > maxDepth:
		n.all.add(y, "", "there are too many lists in each other")
		y.Content = nil
		return
	}
	for _, c := range y.Content {
		n.tame(c, depth+1)
	}
}

var yamlLine = regexp.MustCompile(`line (\d+)`)

// yamlError takes the line out of the parser's message.
func yamlError(err error) (line int, text string) {
	text = strings.TrimPrefix(err.Error(), "yaml: ")
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1]) // it is a number
	}
	return line, "it is not valid YAML: " + finding.Quote(text)
}

func (p *Problems) add(y *yaml.Node, path, text string) {
	one := Problem{Path: path, Text: text}
	if y != nil {
		one.Line, one.Column = y.Line, y.Column
	}
	if len(p.All) == maxProblems {
		p.More++
		return
	}
	p.All = append(p.All, one)
}

// err is the problems, nil when there are none.
func (p *Problems) err() error {
	if len(p.All) == 0 {
		return nil
	}
	slices.SortStableFunc(p.All, func(a, b Problem) int { return a.Line - b.Line })
	return p
}

// Fail adds a problem with the value.
func (n *Node) Fail(format string, args ...any) {
	n.all.add(n.n, n.path, finding.Quote(fmt.Sprintf(format, args...)))
}

// Line is where the value stands.
func (n *Node) Line() int { return n.n.Line }

// Map reads an object whose members have these names. What has another name, or
// stands twice, is a problem.
func (n *Node) Map(members map[string]func(*Node)) {
	n.Each(func(name string, key, value *Node) {
		read := members[name]
		if read == nil {
			var names []string
			for m := range members {
				names = append(names, m)
			}
			slices.Sort(names)
			if near := command.Nearest(name, names); near != "" {
				key.Fail("there is no %q here; did you mean %q?", name, near)
			} else {
				key.Fail("there is no %q here; there are %s", name, strings.Join(names, ", "))
			}
			return
		}
		read(value)
	})
}

// Each calls f for each member of an object. One that stands twice is a problem.
func (n *Node) Each(f func(name string, key, value *Node)) {
	if n.n.Kind != yaml.MappingNode {
		n.Fail("it must be an object: lines of NAME: VALUE")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.n.Content); i += 2 {
		k, v := n.n.Content[i], n.n.Content[i+1]
		name := k.Value
		key := &Node{k, n.path, n.all}
		if k.Kind != yaml.ScalarNode {
			key.Fail("a name must be a word")
			continue
		}
		if seen[name] {
			key.Fail("%q stands here twice", name)
			continue
		}
		seen[name] = true
		f(name, key, &Node{v, strings.TrimPrefix(n.path+"."+finding.Quote(name), "."), n.all})
	}
}

// List calls f for each member of a list.
func (n *Node) List(f func(*Node)) {
	if n.n.Kind == yaml.ScalarNode && n.n.Tag == "!!null" {
		return
	}
	if n.n.Kind != yaml.SequenceNode {
		n.Fail("it must be a list: lines that begin with -")
		return
	}
	for i, c := range n.n.Content {
		f(&Node{c, fmt.Sprintf("%s[%d]", n.path, i), n.all})
	}
}

// IsMap reports whether the value is an object.
func (n *Node) IsMap() bool { return n.n.Kind == yaml.MappingNode }

// Text reads a text, a number or a switch as it is written.
func (n *Node) Text() string {
	if n.n.Kind != yaml.ScalarNode || n.n.Tag == "!!null" {
		n.Fail("it must be a text")
		return ""
	}
	return n.n.Value
}

// Path reads the name of a file, which is looked for beside the configuration.
func (n *Node) Path() string {
	s := n.Text()
	if s == "" || filepath.IsAbs(s) {
		return s
	}
	return filepath.Join(filepath.Dir(n.all.File), s)
}

// Texts reads a list of texts, or one.
func (n *Node) Texts() (all []string) {
	if n.n.Kind == yaml.ScalarNode && n.n.Tag != "!!null" {
		return []string{n.n.Value}
	}
	n.List(func(m *Node) { all = append(all, m.Text()) })
	return all
}

// TextMap reads an object of texts.
func (n *Node) TextMap() map[string]string {
	all := map[string]string{}
	n.Each(func(name string, _, value *Node) { all[name] = value.Text() })
	return all
}

// Bool reads true or false.
func (n *Node) Bool() bool {
	if n.n.Kind == yaml.ScalarNode && n.n.Tag == "!!bool" {
		return strings.EqualFold(n.n.Value, "true")
	}
	n.Fail("it must be true or false")
	return false
}

// Int reads a number from low to high.
func (n *Node) Int(low, high int) int {
	v, err := strconv.Atoi(n.n.Value)
	if n.n.Kind != yaml.ScalarNode || err != nil || v < low || v > high {
		n.Fail("it must be a number from %d to %d", low, high)
		return low
	}
	return v
}

// Duration reads a length of time, like 90s, 1h or 14d, from low to high.
func (n *Node) Duration(low, high time.Duration) time.Duration {
	d, err := parseDuration(n.n.Value)
	switch {
	case n.n.Kind != yaml.ScalarNode || err != nil:
		n.Fail("it must be a length of time like 90s, 1h or 14d")
		return low
	case d < low || d > high:
		n.Fail("it must be from %s to %s", policy.FormatDuration(low), policy.FormatDuration(high))
		return low
	}
	return d
}

// parseDuration reads what [policy.ParseDuration] does, and days: 14d.
func parseDuration(s string) (time.Duration, error) {
	if days, found := strings.CutSuffix(s, "d"); found {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err
	}
	return policy.ParseDuration(s)
}

// Word reads one of a few words.
func (n *Node) Word(words ...string) string {
	if n.n.Kind != yaml.ScalarNode || !slices.Contains(words, n.n.Value) {
		n.Fail("it must be one of %s", strings.Join(words, ", "))
		return ""
	}
	return n.n.Value
}

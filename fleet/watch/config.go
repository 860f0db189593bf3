package watch

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/session"
	"github.com/assaytls/assay/internal/target"
	"github.com/assaytls/assay/policy"
)

// The defaults and bounds of a configuration's values.
const (
	DefaultInterval = time.Hour
	MinInterval     = 10 * time.Second
	MaxInterval     = 30 * 24 * time.Hour
	DefaultWorkers  = 16
	maxWorkers      = 1000
	maxLabels       = 32
	maxLabel        = 200
)

// Config is what to watch and how: watch.yaml. The zero Config watches nothing.
// It is not changed once it was read.
type Config struct {
	File     string
	Listen   string        // the address of the HTTP server; "" is the default
	Database string        // "" is the default
	Workers  int           // how many checks run at a time
	Retain   Retention     // what is kept, and how long
	Interval time.Duration // of groups that have none

	Groups      []*Group
	Authorities []*Authority

	sections map[string]*Node
	problems *Problems
	specs    []Spec
}

// Group is targets that are checked in the same way.
type Group struct {
	Name     string
	Interval time.Duration
	Labels   map[string]string
	settings *settings
}

// Rules are what a group's settings say of what is accepted.
func (g *Group) Rules() policy.Policy { return g.settings.rules }

// Authority is a CA of one's own: the addresses where it publishes CRLs and where
// its OCSP responders are.
type Authority struct {
	Name     string
	Interval time.Duration
	Labels   map[string]string
	issuer   string // a file
	serial   string
	digest   Hash
}

// Specs lists everything that the configuration names, in its order.
func (c *Config) Specs() []Spec { return c.specs }

// Names lists the groups and CAs.
func (c *Config) Names() (all []string) {
	for _, g := range c.Groups {
		all = append(all, g.Name)
	}
	for _, a := range c.Authorities {
		all = append(all, a.Name)
	}
	return all
}

// Group returns the group of a name, nil when there is none.
func (c *Config) Group(name string) *Group {
	i := slices.IndexFunc(c.Groups, func(g *Group) bool { return g.Name == name })
	if i < 0 {
		return nil
	}
	return c.Groups[i]
}

// authority returns the CA of a name, nil when there is none.
func (c *Config) authority(name string) *Authority {
	i := slices.IndexFunc(c.Authorities, func(a *Authority) bool { return a.Name == name })
	if i < 0 {
		return nil
	}
	return c.Authorities[i]
}

// Spec is a target that somebody adds to a group while the service runs. The error
// is a *target.Usage.
func (g *Group) Spec(text, name string, labels map[string]string) (Spec, error) {
	kind, err := g.settings.check(text)
	if err != nil {
		return Spec{}, err
	}
	if name == "" {
		name = text
	}
	return Spec{Kind: kind, Target: text, Name: name, Group: g.Name, Labels: merged(g.Labels, labels), Origin: FromAPI, Interval: g.Interval, Digest: g.settings.digest}, nil
}

// Section hands the part of the configuration that another package reads to it;
// nil when there is none. What it finds wrong is among the problems of Err.
func (c *Config) Section(name string) *Node { return c.sections[name] }

// Err is everything that is wrong with the configuration: *Problems, or nil.
func (c *Config) Err() error { return c.problems.err() }

// sectionNames are the parts that other packages read.
var sectionNames = []string{"alerts", "web"}

// ReadConfig reads a file of configuration. It reads the lists of targets that the
// file names, and none of the keys and certificates: [NewJudge] does. The error
// is *Problems, or says why the file cannot be read.
func ReadConfig(name string) (*Config, error) {
	b, err := session.ReadFile(name, nil, maxConfig)
	if err != nil {
		return nil, err
	}
	c := ParseConfig(name, b)
	return c, c.Err()
}

// ParseConfig reads a configuration; file names it in problems, and what it names
// is looked for beside it.
func ParseConfig(file string, b []byte) *Config {
	c := &Config{File: file, Interval: DefaultInterval, Workers: DefaultWorkers, Retain: DefaultRetention, sections: map[string]*Node{}}
	root, all := parseNode(file, b)
	if c.problems = all; root == nil {
		return c
	}
	r := &configReader{Config: c, dir: filepath.Dir(file), keys: map[string]int{}, names: map[string]bool{}}
	var groups, authorities *Node
	members := map[string]func(*Node){
		"version": func(n *Node) { n.Int(1, 1) },
		"listen":  func(n *Node) { c.Listen = n.Text() },
		"database": func(n *Node) {
			c.Database = n.Text()
			if err := CheckDatabase(c.Database); err != nil {
				n.Fail("%v", err)
			}
		},
		"workers":     func(n *Node) { c.Workers = n.Int(1, maxWorkers) },
		"interval":    func(n *Node) { c.Interval = n.Duration(MinInterval, MaxInterval) },
		"retain":      func(n *Node) { c.Retain = readRetention(n) },
		"groups":      func(n *Node) { groups = n },
		"authorities": func(n *Node) { authorities = n },
	}
	for _, name := range sectionNames {
		members[name] = func(n *Node) { c.sections[name] = n }
	}
	root.Map(members)
	if groups != nil { // after the interval, wherever that stands
		groups.List(r.group)
	}
	if authorities != nil {
		authorities.List(r.authority)
	}
	return c
}

// DefaultGroup is the group of targets that nobody put into one. It is there
// whether or not the configuration has it.
const DefaultGroup = "default"

// Arguments is the configuration that has these targets and nothing else.
func Arguments(targets []string) (*Config, error) {
	c := ParseConfig("", nil)
	return c, c.Add(targets)
}

// Add adds targets to the default group. The error is a *target.Usage.
func (c *Config) Add(targets []string) error {
	g := c.Group(DefaultGroup)
	if g == nil {
		s, _ := newSettings()
		g = &Group{Name: DefaultGroup, Interval: c.Interval, settings: s}
		c.Groups = append(c.Groups, g)
	}
	have := map[string]bool{}
	for _, s := range c.specs {
		have[s.Key()] = true
	}
	for _, text := range targets {
		s, err := g.Spec(text, "", nil)
		if err != nil {
			return err
		}
		if s.Origin = FromConfig; !have[s.Key()] {
			have[s.Key()] = true
			c.specs = append(c.specs, s)
		}
	}
	return nil
}

// ShownDatabase is a database's address as people may see it.
func ShownDatabase(database string) string {
	if !IsPostgres(database) {
		return database
	}
	if u, err := url.Parse(database); err == nil {
		return "PostgreSQL at " + u.Host + u.Path
	}
	return "PostgreSQL"
}

// CheckDatabase wants an address without a password: others see command lines, and
// configurations are shown. A PostgreSQL password belongs into a file.
func CheckDatabase(database string) error {
	if !IsPostgres(database) {
		return nil
	}
	_, rest, _ := strings.Cut(database, "://")
	login, _, found := strings.Cut(rest, "@")
	if found && strings.Contains(login, ":") || strings.Contains(rest, "password=") {
		return errors.New("the address of the database has the password in it; put it into the file that PGPASSFILE names (one line: HOST:PORT:DATABASE:USER:PASSWORD)")
	}
	return nil
}

// configReader reads a configuration.
type configReader struct {
	*Config
	dir   string
	keys  map[string]int  // the lines of targets, by key
	names map[string]bool // of groups and CAs
}

// path is a file that the configuration names: beside it, unless it says where.
func (r *configReader) path(name string) string {
	if name == "" || filepath.IsAbs(name) || strings.Contains(name, "://") {
		return name
	}
	return filepath.Join(r.dir, name)
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$`)

// name reads the name of a group or CA.
func (r *configReader) name(n *Node) string {
	s := n.Text()
	switch {
	case !nameForm.MatchString(s):
		n.Fail("a name has 1 to 64 letters, digits, spaces, dots and hyphens")
	case r.names[s]:
		n.Fail("there is another group or CA of this name")
	}
	r.names[s] = true
	return s
}

// labels reads labels.
func (r *configReader) labels(n *Node) map[string]string {
	all := n.TextMap()
	if len(all) > maxLabels {
		n.Fail("there are more than %d labels", maxLabels)
	}
	for k, v := range all {
		if !labelForm.MatchString(k) || len(v) > maxLabel {
			n.Fail("label %q: a label's name has letters, digits and _, at most 64, and its value at most %d bytes", k, maxLabel)
		}
	}
	return all
}

var labelForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

// group reads a group and its targets.
func (r *configReader) group(n *Node) {
	g := &Group{Interval: r.Interval}
	var check, targets, lists *Node
	n.Map(map[string]func(*Node){
		"name":     func(m *Node) { g.Name = r.name(m) },
		"interval": func(m *Node) { g.Interval = m.Duration(MinInterval, MaxInterval) },
		"labels":   func(m *Node) { g.Labels = r.labels(m) },
		"check":    func(m *Node) { check = m },
		"targets":  func(m *Node) { targets = m },
		"lists":    func(m *Node) { lists = m },
	})
	if g.Name == "" && n.IsMap() {
		n.Fail("the group has no name")
	}
	g.settings = r.settings(check)
	r.Groups = append(r.Groups, g)
	if targets != nil {
		targets.List(func(m *Node) { r.target(g, m) })
	}
	if lists != nil {
		for _, name := range lists.Texts() {
			r.list(g, lists, r.path(name))
		}
	}
}

// target reads one target: a text, or an object.
func (r *configReader) target(g *Group, n *Node) {
	if !n.IsMap() {
		r.add(g, n, Spec{Target: n.Text()}, nil)
		return
	}
	s := Spec{}
	var labels map[string]string
	n.Map(map[string]func(*Node){
		"target":   func(m *Node) { s.Target = m.Text() },
		"name":     func(m *Node) { s.Name = m.Text() },
		"interval": func(m *Node) { s.Interval = m.Duration(MinInterval, MaxInterval) },
		"labels":   func(m *Node) { labels = r.labels(m) },
	})
	if s.Target == "" {
		n.Fail("there is no target")
		return
	}
	r.add(g, n, s, labels)
}

// add adds a target to a group.
func (r *configReader) add(g *Group, n *Node, s Spec, labels map[string]string) {
	if s.Target == "" {
		return // told already
	}
	kind, err := g.settings.check(s.Target)
	if err != nil {
		n.Fail("%s", usageText(err))
		return
	}
	s.Kind, s.Group, s.Origin, s.Digest, s.Labels = kind, g.Name, FromConfig, g.settings.digest, merged(g.Labels, labels)
	if s.Name == "" {
		s.Name = s.Target
	}
	if s.Interval == 0 {
		s.Interval = g.Interval
	}
	r.keep(n, s)
}

func (r *configReader) keep(n *Node, s Spec) {
	switch first, twice := r.keys[s.Key()]; {
	case twice:
		n.Fail("%s is in this group already (line %d)", s.Target, first)
		return
	case len(s.Name) > maxText || len(s.Target) > 1000:
		n.Fail("it is too long")
		return
	case len(r.specs) >= MaxTargets:
		n.Fail("there are more than %d targets", MaxTargets)
		return
	}
	r.keys[s.Key()] = n.Line()
	r.specs = append(r.specs, s)
}

// list reads a file with one target a line; # begins a comment.
func (r *configReader) list(g *Group, n *Node, name string) {
	b, err := session.ReadFile(name, nil, maxConfig)
	if err != nil {
		n.Fail("%v", err)
		return
	}
	for i, line := range strings.Split(string(b), "\n") {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		s := Spec{Target: line}
		if _, twice := r.keys[(Spec{Group: g.Name, Target: line}).Key()]; twice {
			continue // lists overlap
		}
		kind, err := g.settings.check(line)
		if err != nil {
			n.Fail("%s, line %d: %s", name, i+1, usageText(err))
			continue
		}
		s.Kind, s.Group, s.Origin, s.Digest, s.Labels, s.Name, s.Interval = kind, g.Name, FromConfig, g.settings.digest, g.Labels, line, g.Interval
		r.keep(n, s)
	}
}

// authority reads a CA and its addresses.
func (r *configReader) authority(n *Node) {
	a := &Authority{Interval: r.Interval}
	var urls *Node
	n.Map(map[string]func(*Node){
		"name":     func(m *Node) { a.Name = r.name(m) },
		"issuer":   func(m *Node) { a.issuer = r.path(m.Text()) },
		"serial":   func(m *Node) { a.serial = m.Text() },
		"interval": func(m *Node) { a.Interval = m.Duration(MinInterval, MaxInterval) },
		"labels":   func(m *Node) { a.Labels = r.labels(m) },
		"urls":     func(m *Node) { urls = m },
	})
	if !n.IsMap() {
		return
	}
	if a.Name == "" {
		n.Fail("the CA has no name")
	}
	if a.issuer == "" {
		n.Fail("the CA has no issuer: the file with its certificate")
	}
	if _, err := parseSerial(a.serial); err != nil {
		n.Fail("serial: %v", err)
	}
	b, _ := json.Marshal([]string{a.issuer, a.serial}) // texts do not fail
	a.digest = sha256.Sum256(b)
	r.Authorities = append(r.Authorities, a)
	if urls == nil {
		n.Fail("the CA has no urls: the addresses of its CRLs and OCSP responders")
		return
	}
	urls.List(func(m *Node) {
		url := m.Text()
		if err := session.CheckURL(url); err != nil {
			m.Fail("%v", err)
			return
		}
		kind := OCSP
		if strings.HasSuffix(strings.ToLower(strings.SplitN(url, "?", 2)[0]), ".crl") {
			kind = CRL
		}
		r.keep(m, Spec{Kind: kind, Target: url, Name: url, Group: a.Name, Origin: FromConfig, Labels: a.Labels, Interval: a.Interval, Digest: a.digest})
	})
}

// merged are labels of a group with a target's own, which count.
func merged(group, own map[string]string) map[string]string {
	if len(own) == 0 {
		return group
	}
	all := map[string]string{}
	for k, v := range group {
		all[k] = v
	}
	for k, v := range own {
		all[k] = v
	}
	return all
}

// usageText is an error with its hints, as one sentence.
func usageText(err error) string {
	var u *target.Usage
	if errors.As(err, &u) && len(u.Hints) > 0 {
		return fmt.Sprintf("%s (%s)", u.Msg, strings.Join(u.Hints, "; "))
	}
	return command.PlainPathError(err).Error()
}

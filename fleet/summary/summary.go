// Package summary counts the results of a scan, compares two scans, and shows
// both: as text, as JSON (schema.json describes it) and as a page of HTML.
//
// Memory is bounded whatever the number of rows is.
package summary

import (
	_ "embed"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/fleet/sink"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// Schema is the JSON schema of a line of the results, of a Summary and of a
// Diff.
//
//go:embed schema.json
var Schema []byte

// Version is the version of the JSON forms. Members are added and keep it.
const Version = 1

// Summary is what the results of a scan come to.
type Summary struct {
	Version      int       `json:"version"`
	Targets      int64     `json:"targets"` // of the list; Done when that is not known
	Done         int64     `json:"done"`    // with a row: the five below added up
	Accept       int64     `json:"accept"`
	Reject       int64     `json:"reject"`
	Inconclusive int64     `json:"inconclusive"` // judged, and not decided
	Skipped      int64     `json:"skipped"`      // not probed
	First        time.Time `json:"first,omitzero"`
	Last         time.Time `json:"last,omitzero"` // when the first and the last probe began

	Findings    []Finding `json:"findings"`     // by the number of targets that have them
	Causes      []Finding `json:"causes"`       // root causes, each target with one at most
	SkippedWhy  []Count   `json:"skipped_why"`  // reasons
	Issuers     []Issuer  `json:"issuers"`      // that signed most certificates of servers; 20 at most
	MoreIssuers int64     `json:"more_issuers"` // targets with another issuer
	Expiry      []Bucket  `json:"expiry"`       // when the servers' certificates expire, from when they were judged
	Revocation  []Count   `json:"revocation"`   // where the status of the servers' certificates comes from
	Statuses    []Count   `json:"statuses"`     // what that status is
	CT          []Count   `json:"ct"`
	Programs    []Answers `json:"programs,omitempty"` // of the root programs that were asked
	Protocols   []Count   `json:"protocols"`          // versions of TLS
	Networks    []Network `json:"networks"`           // slowest first; 20 at most

	Problems []Problem `json:"problems"` // some of the targets that were rejected, 100 at most
}

// Why is how many targets were skipped for one reason.
func (s *Summary) Why(reason sink.Skip) uint64 {
	for _, c := range s.SkippedWhy {
		if c.Name == string(reason) {
			return uint64(max(0, c.Targets))
		}
	}
	return 0
}

// Count is how many targets have a word.
type Count struct {
	Name    string `json:"name"`
	Targets int64  `json:"targets"`
}

// Answers are how many targets got which answer from a root program.
type Answers struct {
	Name    string  `json:"name"`    // mozilla
	Answers []Count `json:"answers"` // the words of report.RowProgram
}

// Finding is how many targets have a kind of finding.
type Finding struct {
	ID       finding.ID `json:"id"`
	Severity string     `json:"severity"` // the worst it had
	Targets  int64      `json:"targets"`
}

// Issuer is how many servers' certificates a CA certificate issued.
type Issuer struct {
	SHA256  report.Hash `json:"sha256"`
	Subject string      `json:"subject,omitempty"` // "" when the table of certificates does not have it
	Targets int64       `json:"targets"`
}

// Bucket is how many certificates have so many days left.
type Bucket struct {
	Name    string `json:"name"`
	From    *int   `json:"from,omitempty"` // days, included; nil: no bound
	To      *int   `json:"to,omitempty"`   // days, excluded; nil: no bound
	Targets int64  `json:"targets"`
}

// Problem is a target that was rejected.
type Problem struct {
	Target  string     `json:"target"`
	Finding finding.ID `json:"finding,omitempty"`
	Title   string     `json:"title,omitempty"`
}

// The bounds of what is kept.
const (
	maxWords    = 1000    // different words of one kind
	maxIssuers  = 100_000 // different issuers counted
	topIssuers  = 20
	topNetworks = 20
	maxProblems = 100
)

// words counts words; those beyond maxWords are counted as one.
type words map[string]int64

func (w words) add(s string) {
	if _, ok := w[s]; !ok && len(w) >= maxWords {
		s = "other"
	}
	w[s]++
}

// counts are the words, the most frequent first.
func (w words) counts() []Count {
	all := make([]Count, 0, len(w))
	for name, n := range w {
		all = append(all, Count{name, n})
	}
	slices.SortFunc(all, func(a, b Count) int { return byTargets(a.Targets, b.Targets, a.Name, b.Name) })
	return all
}

func byTargets(a, b int64, nameA, nameB string) int {
	switch {
	case a != b:
		return int(max(-1, min(1, b-a)))
	case nameA < nameB:
		return -1
	case nameA > nameB:
		return 1
	}
	return 0
}

// collector counts rows.
type collector struct {
	s         Summary
	findings  map[finding.ID]*Finding
	causes    map[finding.ID]*Finding
	skipped   words
	issuers   map[report.Hash]int64
	others    int64
	expiry    []int64
	sources   words
	statuses  words
	ct        words
	programs  [6]words // in the order of asked
	protocols words
	networks  networks
}

// Read counts the results in a job's folder.
func Read(dir string) (*Summary, error) {
	results, err := sink.OpenResults(dir)
	if err != nil {
		return nil, err
	}
	c := &collector{findings: map[finding.ID]*Finding{}, causes: map[finding.ID]*Finding{}, skipped: words{}, issuers: map[report.Hash]int64{}, expiry: make([]int64, len(buckets)),
		sources: words{}, statuses: words{}, ct: words{}, protocols: words{}}
	if err := results.Rows(func(r *sink.Row) error { c.add(r); return nil }); err != nil {
		return nil, err
	}
	s := c.summary()
	s.Targets = max(s.Done, listed(dir))
	return s, s.name(results)
}

// listed is how many targets the list of the job in dir has; 0 when its
// manifest does not say.
func listed(dir string) int64 {
	f, err := os.Open(filepath.Join(dir, "manifest.json"))
	if err != nil {
		return 0
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 1<<20))
	var m struct {
		Counts struct {
			Targets int64 `json:"targets"`
		} `json:"counts"`
	}
	if err != nil || json.Unmarshal(b, &m) != nil {
		return 0
	}
	return m.Counts.Targets
}

func (c *collector) add(r *sink.Row) {
	s := &c.s
	s.Done++
	if r.Skipped != "" {
		s.Skipped++
		c.skipped.add(string(r.Skipped))
		return
	}
	switch r.Verdict {
	case report.Accept:
		s.Accept++
	case report.Reject:
		s.Reject++
		if len(s.Problems) < maxProblems {
			s.Problems = append(s.Problems, Problem{r.Target, r.Headline, r.Title})
		}
	default:
		s.Inconclusive++
	}
	if !r.Started.IsZero() {
		if s.First.IsZero() || r.Started.Before(s.First) {
			s.First = r.Started
		}
		if r.Started.After(s.Last) {
			s.Last = r.Started
		}
	}
	for severity, ids := range map[finding.Severity][]finding.ID{finding.Error: r.Errors, finding.Inconclusive: r.Inconclusive, finding.Warning: r.Warnings, finding.Info: r.Infos} {
		for _, id := range ids {
			count(c.findings, id, severity)
		}
	}
	if r.Headline != "" {
		count(c.causes, r.Headline, severityOf(r))
	}
	if r.Leaf != (report.Hash{}) {
		c.expiry[bucketOf(r.Days)]++
	}
	if r.Issuer != (report.Hash{}) {
		if _, ok := c.issuers[r.Issuer]; ok || len(c.issuers) < maxIssuers {
			c.issuers[r.Issuer]++
		} else {
			c.others++
		}
	}
	if len(r.Revocation) > 0 {
		c.statuses.add(string(r.Revocation[0]))
		source := "none"
		if len(r.Sources) > 0 && r.Sources[0] != "" {
			source = r.Sources[0]
		}
		c.sources.add(source)
	}
	if r.CT != "" {
		c.ct.add(string(r.CT))
	}
	for i, a := range asked(&r.Programs) {
		if a.answer != "" {
			if c.programs[i] == nil {
				c.programs[i] = words{}
			}
			c.programs[i].add(string(a.answer))
		}
	}
	if r.Protocol != "" {
		c.protocols.add(r.Protocol)
	}
	c.networks.add(r.Address, r.Elapsed)
}

// asked are the root programs in the order in which they are shown, and what they
// answer.
func asked(of *report.RowPrograms) [6]struct {
	program policy.Program
	answer  report.RowProgram
} {
	return [...]struct {
		program policy.Program
		answer  report.RowProgram
	}{{policy.ProgramSystem, of.System}, {policy.ProgramMozilla, of.Mozilla}, {policy.ProgramChrome, of.Chrome}, {policy.ProgramApple, of.Apple}, {policy.ProgramMicrosoft, of.Microsoft}, {policy.ProgramAndroid, of.Android}}
}

// severityOf is the severity of the row's root cause.
func severityOf(r *sink.Row) finding.Severity {
	switch {
	case slices.Contains(r.Errors, r.Headline):
		return finding.Error
	case slices.Contains(r.Inconclusive, r.Headline):
		return finding.Inconclusive
	case slices.Contains(r.Warnings, r.Headline):
		return finding.Warning
	}
	return finding.Info
}

func count(of map[finding.ID]*Finding, id finding.ID, severity finding.Severity) {
	f := of[id]
	if f == nil {
		if len(of) >= maxWords {
			id = "other"
		}
		if f = of[id]; f == nil {
			f = &Finding{ID: id, Severity: severity.String()}
			of[id] = f
		}
	}
	f.Targets++
	if weight(severity.String()) > weight(f.Severity) {
		f.Severity = severity.String()
	}
}

// weight orders the severities' words.
func weight(severity string) int {
	return slices.Index([]string{finding.Info.String(), finding.Warning.String(), finding.Inconclusive.String(), finding.Error.String()}, severity)
}

func sorted(of map[finding.ID]*Finding) []Finding {
	all := make([]Finding, 0, len(of))
	for _, f := range of {
		all = append(all, *f)
	}
	slices.SortFunc(all, func(a, b Finding) int {
		if d := weight(b.Severity) - weight(a.Severity); d != 0 {
			return d
		}
		return byTargets(a.Targets, b.Targets, string(a.ID), string(b.ID))
	})
	return all
}

// buckets are the borders of the expiry's histogram, in days.
var buckets = func() []Bucket {
	borders := []int{0, 7, 14, 30, 60, 90, 200, 398}
	all := []Bucket{{Name: "expired", To: &borders[0]}}
	for i := range borders[1:] {
		name := strconv.Itoa(borders[i]) + " to " + strconv.Itoa(borders[i+1]) + " days"
		all = append(all, Bucket{Name: name, From: &borders[i], To: &borders[i+1]})
	}
	return append(all, Bucket{Name: "398 days or more", From: &borders[len(borders)-1]}, Bucket{Name: "not known"})
}()

func bucketOf(days *int) int {
	if days == nil {
		return len(buckets) - 1
	}
	return slices.IndexFunc(buckets, func(b Bucket) bool { return b.To == nil || *days < *b.To })
}

func (c *collector) summary() *Summary {
	s := &c.s
	s.Version = Version
	s.Findings, s.Causes, s.SkippedWhy = sorted(c.findings), sorted(c.causes), c.skipped.counts()
	s.Revocation, s.Statuses, s.CT, s.Protocols = c.sources.counts(), c.statuses.counts(), c.ct.counts(), c.protocols.counts()
	for i, a := range asked(&report.RowPrograms{}) {
		if c.programs[i] != nil {
			s.Programs = append(s.Programs, Answers{a.program.String(), c.programs[i].counts()})
		}
	}
	s.Networks = c.networks.slowest(topNetworks)
	s.Expiry = slices.Clone(buckets)
	for i, n := range c.expiry {
		s.Expiry[i].Targets = n
	}
	s.Issuers = make([]Issuer, 0, len(c.issuers))
	for h, n := range c.issuers {
		s.Issuers = append(s.Issuers, Issuer{SHA256: h, Targets: n})
	}
	slices.SortFunc(s.Issuers, func(a, b Issuer) int { return byTargets(a.Targets, b.Targets, a.SHA256.String(), b.SHA256.String()) })
	s.MoreIssuers = c.others
	for len(s.Issuers) > topIssuers {
		last := len(s.Issuers) - 1
		s.MoreIssuers += s.Issuers[last].Targets
		s.Issuers = s.Issuers[:last]
	}
	if s.Problems == nil {
		s.Problems = []Problem{}
	}
	return s
}

// name looks up the names of the issuers.
func (s *Summary) name(results *sink.Results) error {
	wanted := map[report.Hash]bool{}
	for _, i := range s.Issuers {
		wanted[i.SHA256] = true
	}
	found, err := results.Certificates(wanted)
	for i := range s.Issuers {
		s.Issuers[i].Subject = found[s.Issuers[i].SHA256].Subject
	}
	return err
}

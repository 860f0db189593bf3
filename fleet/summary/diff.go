package summary

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/fleet/sink"
	"github.com/assaytls/assay/report"
)

// Change is what became of one target between two scans.
type Change struct {
	Target      string       `json:"target"`
	Change      string       `json:"change,omitempty"`      // Worse, Better, Other, New or Gone; "" when only the certificate is another
	Certificate bool         `json:"certificate,omitempty"` // the server has another certificate
	Before      *State       `json:"before,omitempty"`
	After       *State       `json:"after,omitempty"`
	Appeared    []finding.ID `json:"appeared,omitempty"`    // kinds of findings that reject or leave undecided
	Disappeared []finding.ID `json:"disappeared,omitempty"` // the same
}

// What can become of a target.
const (
	Worse  = "worse"  // the verdict is, or there are more findings
	Better = "better" // the verdict is, or there are fewer findings
	Other  = "other"  // the same verdict for other reasons, or it was not probed once
	New    = "new"
	Gone   = "gone"
)

// DiffCounts are how many targets changed in which way.
type DiffCounts struct {
	Same         int64 `json:"same"`
	Worse        int64 `json:"worse"`
	Better       int64 `json:"better"`
	Other        int64 `json:"other"`
	New          int64 `json:"new"`
	Gone         int64 `json:"gone"`
	Certificates int64 `json:"certificates"` // another certificate, whatever else changed
}

// Diff compares the results in two folders and hands every change to each:
// sorted by target as long as the scans are small.
func Diff(before, after string, each func(*Change) error) (*DiffCounts, error) {
	return diff(before, after, spoolBlock, each)
}

func diff(before, after string, most int, each func(*Change) error) (*DiffCounts, error) {
	spools := [2]spool{{most: most}, {most: most}}
	defer spools[0].close()
	defer spools[1].close()
	for i, dir := range []string{before, after} {
		if err := spools[i].fill(dir); err != nil {
			return nil, err
		}
	}
	counts := &DiffCounts{}
	step := 1
	if spools[0].f == nil && spools[1].f == nil {
		step = spoolParts
	}
	for from := 0; from < spoolParts; from += step {
		old, now := map[string]State{}, map[string]State{}
		for p := from; p < from+step; p++ {
			if err := spools[0].read(p, old); err != nil {
				return nil, err
			}
			if err := spools[1].read(p, now); err != nil {
				return nil, err
			}
		}
		if err := counts.compare(old, now, each); err != nil {
			return nil, err
		}
	}
	return counts, nil
}

func (n *DiffCounts) compare(old, now map[string]State, each func(*Change) error) error {
	all := maps.Clone(old)
	maps.Copy(all, now)
	for _, target := range slices.Sorted(maps.Keys(all)) {
		c := Change{Target: target}
		a, was := old[target]
		b, is := now[target]
		switch {
		case !was:
			c.Change, c.After = New, &b
		case !is:
			c.Change, c.Before = Gone, &a
		default:
			c.Appeared, c.Disappeared = missing(b.Kinds, a.Kinds), missing(a.Kinds, b.Kinds)
			c.Change, c.Before, c.After = c.kind(a.Verdict, b.Verdict), &a, &b
			c.Certificate = a.Leaf != b.Leaf && a.Leaf != report.Hash{} && b.Leaf != report.Hash{}
		}
		if n.count(&c) {
			if err := each(&c); err != nil {
				return err
			}
		}
	}
	return nil
}

// kind compares the verdicts, and where they are the same the findings.
func (c *Change) kind(before, after string) string {
	order := []string{report.Reject.String(), report.Inconclusive.String(), report.Accept.String()}
	a, b := slices.Index(order, before), slices.Index(order, after)
	switch {
	case before != after && (a < 0 || b < 0):
		return Other
	case b < a:
		return Worse
	case b > a:
		return Better
	case len(c.Appeared) > 0 && len(c.Disappeared) > 0:
		return Other
	case len(c.Appeared) > 0:
		return Worse
	case len(c.Disappeared) > 0:
		return Better
	}
	return ""
}

// missing are those of all that are not in others.
func missing(all, others []finding.ID) (m []finding.ID) {
	for _, id := range all {
		if !slices.Contains(others, id) {
			m = append(m, id)
		}
	}
	return m
}

// count counts the change, and says whether there is any.
func (n *DiffCounts) count(c *Change) bool {
	if c.Certificate {
		n.Certificates++
	}
	switch c.Change {
	case Worse:
		n.Worse++
	case Better:
		n.Better++
	case Other:
		n.Other++
	case New:
		n.New++
	case Gone:
		n.Gone++
	default:
		n.Same++
		return c.Certificate
	}
	return true
}

// DiffJSON writes the comparison of two folders as JSON, change by change.
func DiffJSON(w io.Writer, before, after string) (*DiffCounts, error) {
	for _, dir := range []string{before, after} { // before anything is written
		if _, err := sink.OpenResults(dir); err != nil {
			return nil, err
		}
	}
	a, _ := json.Marshal(before)
	b, _ := json.Marshal(after)
	if _, err := fmt.Fprintf(w, `{"version":%d,"before":%s,"after":%s,"changes":[`, Version, a, b); err != nil {
		return nil, err
	}
	first := true
	counts, err := Diff(before, after, func(c *Change) error {
		line, err := json.Marshal(c)
		if err != nil {
			return err
		}
		if !first {
			line = append([]byte(","), line...)
		}
		first = false
		_, err = w.Write(append(line, '\n'))
		return err
	})
	if err != nil {
		return nil, err
	}
	end, err := json.Marshal(counts)
	if err == nil {
		_, err = fmt.Fprintf(w, "],\"counts\":%s}\n", end)
	}
	return counts, err
}

// DiffText writes the comparison of two folders for people: all counts, and
// the first changes of each kind.
func DiffText(w io.Writer, before, after string) (*DiffCounts, error) {
	const certificate = "certificate"
	shown := map[string][]string{}
	keep := func(kind, line string) {
		if len(shown[kind]) < rowsShown {
			shown[kind] = append(shown[kind], line)
		}
	}
	counts, err := Diff(before, after, func(c *Change) error {
		if c.Change != "" {
			keep(c.Change, c.line())
		}
		if c.Certificate {
			keep(certificate, finding.Quote(c.Target))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	t := &text{}
	t.line("%s unchanged, %s worse, %s better, %s otherwise changed, %s new, %s gone", targets(counts.Same), number(counts.Worse), number(counts.Better), number(counts.Other), number(counts.New), number(counts.Gone))
	for _, section := range []struct {
		kind, heading string
		n             int64
	}{
		{Worse, "Worse", counts.Worse}, {Better, "Better", counts.Better}, {Other, "Changed otherwise", counts.Other},
		{New, "New", counts.New}, {Gone, "Gone", counts.Gone}, {certificate, "Another certificate", counts.Certificates},
	} {
		if section.n == 0 {
			continue
		}
		t.heading(fmt.Sprintf("%s (%s)", section.heading, number(section.n)))
		for _, l := range shown[section.kind] {
			t.line("  %s", l)
		}
		if more := section.n - int64(len(shown[section.kind])); more > 0 {
			t.line("  and %s more; --format json has all", number(more))
		}
	}
	_, err = io.WriteString(w, t.b.String())
	return counts, err
}

// line is a change on one line.
func (c *Change) line() string {
	var b strings.Builder
	b.WriteString(finding.Quote(c.Target))
	for i, s := range []*State{c.Before, c.After} {
		if s == nil {
			continue
		}
		if i == 0 || c.Before == nil {
			b.WriteString(": ")
		} else {
			b.WriteString(" -> ")
		}
		b.WriteString(s.Verdict)
		if s.Headline != "" {
			b.WriteString(" (" + finding.Quote(string(s.Headline)) + ")")
		}
	}
	for _, list := range []struct {
		word string
		ids  []finding.ID
	}{{"appeared", c.Appeared}, {"disappeared", c.Disappeared}} {
		if len(list.ids) > 0 && c.Before.Verdict == c.After.Verdict {
			b.WriteString(", " + list.word + ":")
			for _, id := range list.ids {
				b.WriteString(" " + finding.Quote(string(id)))
			}
		}
	}
	return b.String()
}

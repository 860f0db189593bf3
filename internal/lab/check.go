package lab

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/crlite"
	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/internal/filters"
	"github.com/assaytls/assay/internal/lab/serve"
	"github.com/assaytls/assay/programs"
	"github.com/assaytls/assay/report"
)

// Outcome is what came of judging one scenario.
type Outcome struct {
	Scenario Scenario
	Report   *report.Report
	Got      report.Verdict
	Findings []finding.ID // all that the report has, sorted, each once
	OK       bool
	Missing  []finding.ID // promised and not there
	Surplus  []finding.ID // there and out of place
	Why      string       // what is wrong, in words; "" when OK
	Took     time.Duration
}

// Check judges every scenario and compares. progress, if not nil, is called
// once for each, in any order, by one goroutine at a time. The outcomes are in
// the order of l.Scenarios. When ctx ends early, those not judged are not OK.
func (l *Lab) Check(ctx context.Context, progress func(Outcome)) []Outcome {
	out := make([]Outcome, len(l.Scenarios))
	var mu sync.Mutex
	var wg sync.WaitGroup
	slots := make(chan struct{}, 2*runtime.GOMAXPROCS(0)) // half of the time is waiting
	for i, s := range l.Scenarios {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			o := l.Judge(ctx, s)
			mu.Lock()
			defer mu.Unlock()
			out[i] = o
			if progress != nil {
				progress(o)
			}
		})
	}
	wg.Wait()
	return out
}

// Engine returns an engine with the limits on downloads that s asks for, and the
// lab's roots and logs to trust.
func (l *Lab) Engine(s Scenario) (*engine.Engine, *engine.Trust, error) {
	anchors := certpath.NewAnchors()
	for _, r := range l.Roots {
		if s.NoRoots {
			break
		}
		if err := anchors.Add(r); err != nil {
			return nil, nil, err
		}
	}
	t := &engine.Trust{Anchors: anchors}
	if !s.NoLogList {
		list := l.LogList
		if s.LogList != nil {
			list = s.LogList
		}
		logs, err := ct.ParseLogList(list)
		if err != nil {
			return nil, nil, err
		}
		t.LogList = logs
	}
	if s.Filters != "" {
		set, _, err := filters.Open(s.Filters)
		if err != nil {
			return nil, nil, err
		}
		t.Filters = func() *crlite.Set { return set }
	}
	if s.Tables != nil {
		tables, err := programs.Parse(s.Tables)
		if err != nil {
			return nil, nil, err
		}
		t.Programs = func() *programs.Tables { return tables }
	}
	if s.Public {
		t.Public = func([]byte) bool { return true }
	}
	return engine.New(engine.Options{Fetch: &fetch.Client{MaxBytes: s.MaxDownload, Timeout: cmp.Or(s.DownloadTimeout, serve.Patience)}}), t, nil
}

// Judge judges one scenario with an engine of its own.
func (l *Lab) Judge(ctx context.Context, s Scenario) Outcome {
	start := time.Now()
	e, t, err := l.Engine(s)
	if err != nil {
		return Outcome{Scenario: s, Why: err.Error()}
	}
	if s.First != "" {
		first := l.Config(s)
		first.SNI = s.First
		e.Check(ctx, first, t, s.Policy, s.Access, assemble.Full)
	}
	r, _ := e.Check(ctx, l.Config(s), t, s.Policy, s.Access, assemble.Full)
	o := Compare(s, r)
	o.Took = time.Since(start)
	return o
}

// Compare holds a report against what s must produce.
func Compare(s Scenario, r *report.Report) Outcome {
	o := Outcome{Scenario: s, Report: r, Got: r.Verdict, Findings: Found(r)}
	var wrong []string
	if r.Verdict != s.Want {
		wrong = append(wrong, fmt.Sprintf("%s where %s is due", r.Verdict, s.Want))
	}
	for _, id := range s.Findings {
		if !slices.Contains(o.Findings, id) {
			o.Missing = append(o.Missing, id)
			wrong = append(wrong, "no "+string(id))
		}
	}
	for _, id := range s.Absent {
		if slices.Contains(o.Findings, id) {
			o.Surplus = append(o.Surplus, id)
			wrong = append(wrong, string(id)+" is out of place")
		}
	}
	o.Why = strings.Join(wrong, ", ")
	o.OK = o.Why == ""
	return o
}

// Found returns the IDs of all findings of a report that count or are shown
// beside those that count: the report's own and the chosen path's.
func Found(r *report.Report) []finding.ID {
	var all []finding.ID
	for _, f := range r.Counted() {
		all = append(all, f.ID)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// timeParams are the parameters of findings that are times.
var timeParams = []string{"not-after", "not-before", "after", "this-update", "next-update", "revoked-at", "start", "end", "since", "until", "time", "date"}

// unknownTime and unknownDate stand where a log, a list or a filter gave no time.
const (
	unknownTime = "an unknown time"
	unknownDate = "an unknown date"
)

// dated finds dates in words, with what follows them directly.
var dated = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}[0-9T:Z+. -]*`)
})

// quoted finds times as titles show them: words may quote the title of another
// finding.
var quoted = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} UTC`)
})

// OddTimes returns the parameters of a report's findings, on all paths, that
// are times and do not tell it as finding.Time does, or have one in their words
// that is told neither so nor as in a title. An empty one is not known.
func OddTimes(r *report.Report) (odd []string) {
	one := func(s string) bool {
		t, err := time.Parse(time.RFC3339, s)
		return err == nil && finding.Time(t) == s
	}
	add := func(fs []finding.Finding) {
		for _, f := range fs {
			for _, p := range f.Params {
				ok := !slices.Contains(timeParams, p.Name) || p.Value == "" || p.Value == unknownTime || p.Value == unknownDate || one(p.Value)
				for _, s := range dated().FindAllString(quoted().ReplaceAllString(p.Value, ""), -1) {
					ok = ok && one(strings.TrimRight(s, " ."))
				}
				if !ok {
					odd = append(odd, string(f.ID)+" "+p.Name+": "+p.Value)
				}
			}
		}
	}
	add(r.Findings)
	for _, p := range r.Paths {
		add(p.Findings)
		for _, c := range p.Certs {
			add(c.Findings)
		}
	}
	return odd
}

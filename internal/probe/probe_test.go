package probe_test

import (
	"context"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/lab"
	"github.com/assaytls/assay/internal/probe"
	"github.com/assaytls/assay/report"
)

// Of every server of the lab a probe says in its row what a check says, whether the
// handshake was completed or dialled again.
func TestProbeSaysWhatCheckSays(t *testing.T) {
	l, err := lab.Start(context.Background(), lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	slots := make(chan struct{}, 4)
	var wg sync.WaitGroup
	var mu sync.Mutex
	lean := 0
	for _, s := range l.Scenarios {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			row := func(check bool) (report.Row, evidence.Source) {
				e, trust, err := l.Engine(s)
				if err != nil {
					t.Error(err)
					return report.Row{}, ""
				}
				c := l.Config(s)
				if s.First != "" {
					first := c
					first.SNI = s.First
					e.Check(context.Background(), first, trust, s.Policy, s.Access, assemble.Rows)
				}
				if check {
					r, ev := e.Check(context.Background(), c, trust, s.Policy, s.Access, assemble.Full)
					return r.Row(), ev.Source
				}
				p := probe.Prober{Engine: e, Trust: trust, Policy: s.Policy, Access: s.Access, Detail: assemble.Rows}
				var row report.Row
				r, ev := p.Probe(context.Background(), &c, &row)
				if row.Verdict != r.Verdict {
					t.Errorf("%s: the row says %s, the report %s", s.Name, row.Verdict, r.Verdict)
				}
				return row, ev.Source
			}
			want, _ := row(true)
			got, source := row(false)
			mu.Lock()
			defer mu.Unlock()
			if source == evidence.SourceLean {
				lean++
			}
			for _, r := range []*report.Row{&want, &got} { // the clock and the second opinion
				r.Time, r.Title, r.Days, r.More = want.Time, "", want.Days, 0
				without(r, finding.X509Disagrees)
			}
			if !reflect.DeepEqual(want, got) {
				t.Errorf("%s (%s):\ncheck %+v\nprobe %+v", s.Name, source, want, got)
			}
		})
	}
	wg.Wait()
	if lean < len(l.Scenarios)/2 {
		t.Errorf("%d of %d dials were lean", lean, len(l.Scenarios))
	}
}

// without takes a kind of finding out of a row.
func without(r *report.Row, id finding.ID) {
	if r.Headline == id {
		r.Headline, r.HeadlineRole = "", ""
	}
	for _, ids := range []*[]finding.ID{&r.Errors, &r.Inconclusive, &r.Warnings, &r.Infos} {
		if *ids = slices.DeleteFunc(*ids, func(x finding.ID) bool { return x == id }); len(*ids) == 0 {
			*ids = nil
		}
	}
}

// Package scan runs a job: the publisher brings batches of the list into the queue,
// the collector brings the results from it into the job's folder, and what is in
// neither is published again until every target has a result.
package scan

import (
	"fmt"
	"sync"
	"time"

	"github.com/assaytls/assay/fleet/job"
	"github.com/assaytls/assay/fleet/sink"
	"github.com/assaytls/assay/report"
)

// Progress is how far a job is. It is safe for concurrent use.
type Progress struct {
	mu      sync.Mutex
	done    *job.Done
	total   uint64
	before  uint64 // that were done when this run began
	began   time.Time
	tally   Tally
	recent  []mark // of the last seconds
	problem []string
	changed chan struct{}
}

// Tally counts the rows that came in this run, and those of Options.Before.
type Tally struct {
	Accept, Reject, Inconclusive, Skipped uint64
	Broken                                uint64 // of those skipped, the ones at which assay itself failed
	Retried                               uint64 // that were probed more than once
}

// mark is how much was done at a moment.
type mark struct {
	at   time.Time
	done uint64
}

// rateOver is the time over which the rate is told.
const rateOver = 10 * time.Second

// maxProblems bounds the problem hosts that are remembered.
const maxProblems = 5

func newProgress(m *job.Manifest) *Progress {
	return &Progress{done: job.NewDone(m.Counts.Targets, m.Batch), total: m.Counts.Targets, began: time.Now(), changed: make(chan struct{}, 1)}
}

// State is a moment of a job.
type State struct {
	Done, Total uint64
	Rate        float64       // targets a second, over the last ten seconds
	Left        time.Duration // until all are done, at this rate; 0: nobody can tell
	Tally       Tally
	Problems    []string // the last hosts that were refused or had no answer
}

// State is how far the job is now.
func (p *Progress) State() State {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := State{Done: p.done.Count(), Total: p.total, Tally: p.tally, Problems: append([]string(nil), p.problem...)}
	now := time.Now()
	p.note(now)
	first := p.recent[0]
	if span := now.Sub(first.at); span > 100*time.Millisecond {
		s.Rate = float64(s.Done-first.done) / span.Seconds()
	}
	if s.Rate > 0 {
		s.Left = time.Duration(float64(s.Total-s.Done) / s.Rate * float64(time.Second))
	}
	return s
}

// note remembers how much is done at now, and forgets what was long ago.
func (p *Progress) note(now time.Time) {
	if n := len(p.recent); n == 0 || now.Sub(p.recent[n-1].at) >= 200*time.Millisecond {
		p.recent = append(p.recent, mark{now, p.done.Count()})
	}
	for len(p.recent) > 1 && now.Sub(p.recent[1].at) > rateOver {
		p.recent = p.recent[1:]
	}
}

// all reports whether every target is done.
func (p *Progress) all() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.done.All()
}

// take notes the rows of a piece of results. What the job does not have is an error.
func (p *Progress) take(b *sink.Batch) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range b.Rows {
		r := &b.Rows[i]
		fresh, err := p.done.Add(b.Number, r.Position)
		if err != nil {
			return err
		}
		if fresh {
			p.count(r)
		}
	}
	p.note(time.Now())
	select {
	case p.changed <- struct{}{}:
	default:
	}
	return nil
}

// fits reports whether a piece of results can be of this job.
func (p *Progress) fits(b *sink.Batch) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b.Number >= job.Batches(p.total, p.done.Batch()) || b.Size != p.done.Size(b.Number) {
		return fmt.Errorf("results of batch %d with %d targets, which the job does not have", b.Number, b.Size)
	}
	return nil
}

func (p *Progress) count(r *sink.Row) {
	switch {
	case r.Skipped != "":
		p.tally.Skipped++
		if r.Skipped == sink.SkipBroken {
			p.tally.Broken++
		}
	case r.Verdict == report.Accept:
		p.tally.Accept++
	case r.Verdict == report.Reject:
		p.tally.Reject++
	default:
		p.tally.Inconclusive++
	}
	if r.Attempts > 1 {
		p.tally.Retried++
	}
	if r.Skipped == "" && r.Verdict != report.Accept {
		p.problem = append(p.problem, r.Target+" "+string(r.Headline))
		if len(p.problem) > maxProblems {
			p.problem = p.problem[1:]
		}
	}
}

// missing is the first batch from k on of which something is to be done, and its
// positions that are; ok is false when there is none.
func (p *Progress) missing(k uint64) (batch uint64, positions []int, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for batch, positions := range p.done.Missing(k) {
		return batch, positions, true
	}
	return 0, nil, false
}

// whole notes a range of batches, both ends included, that were stored before this
// run.
func (p *Progress) whole(first, last uint64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for k := first; k <= last; k++ {
		if err := p.done.Whole(k); err != nil {
			return err
		}
	}
	p.before = p.done.Count()
	return nil
}

// Package worker probes the targets of a scan: batch by batch from the queue, as
// many at a time as is bearable here, and no network or domain more often than is
// decent there.
package worker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/fleet/job"
	"github.com/assaytls/assay/fleet/queue"
	"github.com/assaytls/assay/fleet/sink"
	"github.com/assaytls/assay/internal/target"
	"github.com/assaytls/assay/internal/tlsclient"
	"github.com/assaytls/assay/report"
)

// Limits bound what a worker does at a time, here and to others. The zero Limits
// are decent.
type Limits struct {
	InFlight int // targets that are probed at a time; 0 is 1,000

	// Rate is how many connections a second all workers together begin to one network
	// (an IPv4 /24, an IPv6 /48) and to one registrable name; 0 is 2, negative means
	// no bound. Loopback has none.
	Rate float64
	// PerNetwork is how many connections to one network this worker has at a time; 0 is
	// 1, negative means no bound.
	PerNetwork int

	// Attempts are the probes of a target that fails for a reason that may pass; 0 is
	// 2. RetryAfter is at least how long the next one waits; 0 is 30 seconds.
	Attempts   int
	RetryAfter time.Duration

	// Target bounds one probe, its downloads included; 0 is 90 seconds.
	Target time.Duration
}

func (l Limits) filled() Limits {
	set := func(n *int, v int) {
		if *n == 0 {
			*n = v
		}
	}
	set(&l.InFlight, 1000)
	set(&l.PerNetwork, 1)
	set(&l.Attempts, 2)
	if l.Rate == 0 {
		l.Rate = 2
	}
	if l.RetryAfter <= 0 {
		l.RetryAfter = 30 * time.Second
	}
	if l.Target <= 0 {
		l.Target = 90 * time.Second
	}
	return l
}

// Options say how a worker probes. Probe and Config are needed.
type Options struct {
	Name   string // of the worker, unlike all others'
	Limits Limits

	// Config returns how a target is reached. An error becomes the target's row.
	Config func(target.Target) (tlsclient.Config, error)
	// Probe dials, judges and fills in the row, as probe.Prober's does. It must be safe
	// for concurrent use. That it panics is one target's misfortune.
	Probe func(context.Context, *tlsclient.Config, *report.Row) (*report.Report, *evidence.Evidence)

	Exclude *job.Exclusions
	Private bool          // private and loopback addresses too
	Reverse bool          // an address takes the name that the DNS gives it
	DNS     *net.Resolver // nil is the system's
	Policy  report.Hash   // of the policy in force, for the rows of targets that were not probed

	KeepCertificates bool                      // their DER too
	KeepEvidence     func(report.Verdict) bool // nil: of none

	// Saw, when not nil, is told of each row. It must not wait.
	Saw func(*sink.Row)
}

// The bounds of a worker.
const (
	maxHeld     = 1000  // batches
	maxOpen     = 20000 // targets that are not done
	maxUnhanded = 64    // pieces of results that the queue has not taken

	splitEvery = 500 * time.Millisecond // looks for targets of batches that were taken apart
	splitAfter = 5                      // deliveries of a batch, and of a target by itself
	aloneAfter = 3                      // deliveries after which a target is probed with no other beside it
	grace      = 5 * time.Second        // for what is under way when the worker is to end
)

// worker works on one job.
type worker struct {
	o     Options
	j     *queue.Job
	pool  *pool
	facts facts
	sent  hashes // bodies of evidence

	mu       sync.Mutex
	held     map[*held]bool
	unhanded int
	delivery sync.WaitGroup
	room     chan struct{} // something was handed over
}

// Run works on a job until ctx ends, and returns then with nothing under way: what
// was done is handed over, what was not is given back. ackWait is the queue's.
func Run(ctx context.Context, j *queue.Job, ackWait time.Duration, o Options) error {
	crowd, err := j.Crowd()
	if err != nil {
		return err
	}
	defer crowd.Close()
	w := &worker{o: o, j: j, held: map[*held]bool{}, room: make(chan struct{}, 1)}
	w.o.Limits = o.Limits.filled()

	// What is under way may end by itself for a moment longer than ctx.
	probing, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	w.pool = newPool(probing, w, func() int { return max(1, crowd.Count()) })
	saying, quiet := context.WithCancel(context.WithoutCancel(ctx))
	defer quiet()
	go j.Alive(saying, o.Name)
	go w.sayWorking(saying, ackWait/3)
	go w.pool.clock(saying)

	err = w.take(ctx)
	w.pool.stop()
	w.pool.idle(grace)
	stop()
	w.pool.idle(grace)
	w.giveBack()
	return err
}

// sayWorking keeps the queue from giving what is held to another worker.
func (w *worker) sayWorking(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		w.mu.Lock()
		for h := range w.held {
			h.msg.Working() // lost when there is no connection: then it comes again
		}
		w.mu.Unlock()
	}
}

// take takes batches as long as there is room for more targets.
func (w *worker) take(ctx context.Context) error {
	batches, singles := w.j.Work(), w.j.Split()
	var alone *held // the target that is probed by itself, nil: none
	var looked time.Time
	for ctx.Err() == nil {
		if !w.wait(ctx) {
			return nil
		}
		if alone != nil && alone.over() {
			alone, looked = nil, time.Time{} // there may be more
		}
		if alone == nil && time.Since(looked) > splitEvery {
			looked = time.Now()
			if msgs, err := singles.Next(ctx, 1, 0); err == nil && len(msgs) == 1 {
				alone = w.single(ctx, msgs[0])
			}
		}
		wait := time.Second
		if alone != nil {
			wait = 20 * time.Millisecond // the next one may wait
		}
		msgs, err := batches.Next(ctx, 1, wait)
		if err != nil && ctx.Err() == nil {
			// The queue is away, or lost the job: the publisher will see to it.
			select {
			case <-time.After(500 * time.Millisecond):
			case <-ctx.Done():
			}
			continue
		}
		for _, m := range msgs {
			w.accept(ctx, m)
		}
	}
	return nil
}

// wait returns when there is room for more targets, or ctx ends.
func (w *worker) wait(ctx context.Context) bool {
	for {
		w.mu.Lock()
		room := len(w.held) < maxHeld && w.unhanded < maxUnhanded
		w.mu.Unlock()
		if room && w.pool.hungry() {
			return true
		}
		select {
		case <-w.pool.freed:
		case <-w.room:
		case <-time.After(time.Second):
		case <-ctx.Done():
			return false
		}
	}
}

// accept begins a batch. One that came too often, because whoever had it fell each
// time, is taken apart: one target must not take the others along.
func (w *worker) accept(ctx context.Context, m *queue.Message) {
	b, err := job.DecodeBatch(m.Data)
	if err != nil {
		m.Never() // nobody can read it; the publisher notices that it is missing
		return
	}
	if m.Deliveries >= splitAfter && len(b.Lines) > 1 {
		if err := w.j.Part(ctx, &b); err != nil {
			m.Later(10 * time.Second)
			return
		}
		m.Done()
		return
	}
	w.keep(m, b).begin()
}

// single begins a target of a batch that was taken apart. It returns nil when there
// is none to wait for.
func (w *worker) single(ctx context.Context, m *queue.Message) *held {
	b, err := job.DecodeBatch(m.Data)
	if err != nil || len(b.Lines) != 1 {
		m.Never()
		return nil
	}
	if m.Deliveries >= splitAfter {
		h := w.keep(m, b)
		why := fmt.Sprintf("whoever probed it fell, %d times", splitAfter-1)
		h.finish(w.skipped(0, &b, w.named(b.Lines[0]), sink.SkipBroken, errors.New(why)), false, nil, nil)
		return h
	}
	h := w.keep(m, b)
	if m.Deliveries >= aloneAfter && !w.pool.empty(ctx) {
		return h // the worker ends
	}
	h.begin()
	if m.Deliveries >= aloneAfter {
		w.pool.empty(ctx)
	}
	return h
}

// keep notes a batch that this worker has from now on.
func (w *worker) keep(m *queue.Message, b job.Batch) *held {
	h := &held{w: w, msg: m, b: b, open: len(b.Lines), first: len(b.Lines)}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held[h] = true
	return h
}

// giveBack ends the work: what is done of the batches that are held is handed over,
// and the batches are given back.
func (w *worker) giveBack() {
	w.mu.Lock()
	all := make([]*held, 0, len(w.held))
	for h := range w.held {
		all = append(all, h)
	}
	w.mu.Unlock()
	for _, h := range all {
		h.flush()
	}
	w.waitDelivered(grace)
	for _, h := range all {
		if !h.over() {
			h.msg.Later(0)
		}
	}
}

// waitDelivered waits until all results are handed over, for at most so long.
func (w *worker) waitDelivered(most time.Duration) {
	done := make(chan struct{})
	go func() { w.delivery.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(most):
	}
}

// named is the target of a line that is not to be probed, nil if it has none.
func (w *worker) named(line string) *job.Target {
	t, err := job.ParseTarget(line)
	if err != nil {
		return nil
	}
	c, err := w.o.Config(t.Target)
	if err != nil {
		return nil
	}
	t.Port = c.Port
	return &t
}

// skipped is the row of a target that was not probed.
func (w *worker) skipped(index int, b *job.Batch, t *job.Target, why sink.Skip, err error) sink.Row {
	row := sink.Row{Row: report.Row{Version: report.RowVersion, Time: time.Now().UTC().Truncate(time.Second), Verdict: report.Inconclusive, Policy: w.o.Policy},
		Position: b.Positions[index], Input: finding.Quote(b.Lines[index]), Skipped: why}
	if err != nil {
		row.Failure = finding.Quote(err.Error())
	}
	if row.Target = row.Input; t != nil {
		row.Target = finding.Quote(net.JoinHostPort(t.Host, t.Port))
	}
	return row
}

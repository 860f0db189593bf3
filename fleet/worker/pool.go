package worker

import (
	"container/heap"
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/assaytls/assay/fleet/job"
	"github.com/assaytls/assay/internal/tlsclient"
)

// task is a target on its way. Those that wait, for their turn or for another
// attempt, take no goroutine and no connection.
type task struct {
	held  *held
	index int // of the target in the batch

	target   job.Target
	config   tlsclient.Config
	prepared bool
	addrs    []netip.Addr // still to be tried, and then tried again
	places   []place
	at       time.Time // when its turn is; zero: it has none yet
	entered  bool      // it is among those that may connect to its network

	attempts int
	started  time.Time
	elapsed  time.Duration
}

// pool runs tasks, so many at a time. It is safe for concurrent use.
type pool struct {
	ctx    context.Context // of the probes
	w      *worker
	polite *polite
	freed  chan struct{} // there may be room for more

	mu      sync.Mutex
	ready   []*task
	later   timed
	wake    chan struct{} // the first of later has changed
	running int
	open    int  // tasks that are not over
	ending  bool // nothing more is begun
}

func newPool(ctx context.Context, w *worker, workers func() int) *pool {
	return &pool{ctx: ctx, w: w, polite: newPolite(w.o.Limits, workers), freed: make(chan struct{}, 1), wake: make(chan struct{}, 1)}
}

// timed is a heap of tasks by their time.
type timed []*task

func (h timed) Len() int           { return len(h) }
func (h timed) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h timed) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *timed) Push(x any)        { *h = append(*h, x.(*task)) }
func (h *timed) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	(*h)[last], *h = nil, (*h)[:last]
	return t
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// add takes new tasks.
func (p *pool) add(tasks []*task) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open += len(tasks)
	p.ready = append(p.ready, tasks...)
	p.dispatch()
}

// dispatch begins as many tasks as there is room for. It is called with the lock
// held.
func (p *pool) dispatch() {
	for !p.ending && p.running < p.w.o.Limits.InFlight && len(p.ready) > 0 {
		t := p.ready[0]
		p.ready[0], p.ready = nil, p.ready[1:]
		p.running++
		go p.run(t)
	}
	if p.running < p.w.o.Limits.InFlight {
		signal(p.freed)
	}
}

// run brings one task forward.
func (p *pool) run(t *task) {
	over := p.w.step(p.ctx, t)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running--
	if over {
		p.open--
	}
	p.dispatch()
}

// again has a task run at once, until has it run at its time.
func (p *pool) again(t *task) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ready = append(p.ready, t)
	p.dispatch()
}

func (p *pool) until(t *task) {
	p.mu.Lock()
	defer p.mu.Unlock()
	heap.Push(&p.later, t)
	if p.later[0] == t {
		signal(p.wake)
	}
}

// clock makes tasks ready when their time comes, until ctx ends.
func (p *pool) clock(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		p.mu.Lock()
		now := time.Now()
		for len(p.later) > 0 && !p.later[0].at.After(now) {
			p.ready = append(p.ready, heap.Pop(&p.later).(*task))
		}
		p.dispatch()
		wait := time.Hour
		if len(p.later) > 0 {
			wait = time.Until(p.later[0].at)
		}
		p.mu.Unlock()
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-p.wake:
		case <-ctx.Done():
			return
		}
	}
}

// hungry reports whether there is room for more targets: nothing waits for a free
// place. Those that wait for their turn do not count, but their number is bounded.
func (p *pool) hungry() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.ready) == 0 && p.running < p.w.o.Limits.InFlight && p.open < maxOpen
}

// stop begins nothing more.
func (p *pool) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ending = true
}

func (p *pool) ended() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ending
}

// idle waits until nothing runs, for at most so long.
func (p *pool) idle(most time.Duration) {
	for end := time.Now().Add(most); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		p.mu.Lock()
		running := p.running
		p.mu.Unlock()
		if running == 0 {
			return
		}
	}
}

// empty waits until no task is open; it returns false when ctx ends first.
func (p *pool) empty(ctx context.Context) bool {
	for {
		p.mu.Lock()
		open := p.open
		p.mu.Unlock()
		if open == 0 {
			return true
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return false
		}
	}
}

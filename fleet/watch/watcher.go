package watch

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Watcher checks targets when they are due and stores what comes of it. Several,
// in one process or in many, may share a Store.
type Watcher struct {
	Store   *Store
	Judge   Judge
	Workers int // how many checks run at a time; 0 is DefaultWorkers
	// Limit bounds one check; a target that was claimed is free again a little
	// later. 0 is two minutes.
	Limit  time.Duration
	Retain Retention // the zero one is DefaultRetention
	// Told, when not nil, is called with the events that were stored, after they were.
	// It must not wait.
	Told func([]Event)
	// Trouble, when not nil, is told what went wrong in the service itself, such as a
	// database that cannot be reached. It must not wait.
	Trouble func(error)

	name    string
	wake    chan struct{}
	backlog atomic.Bool // more is due than could be begun
	counts  counts
	away    away
}

// counts are numbers of a Watcher that only grow, and what runs now.
type counts struct{ checks, unmade, unrecorded, events, running atomic.Int64 }

// Counts are a Watcher's numbers since it began.
type Counts struct {
	Checks     int64 // that ended
	Unmade     int64 // that could not be made, for a reason that is not the target's
	Unrecorded int64 // whose result was not stored: the claim was lost, or the database
	Events     int64 // that were stored
	Running    int64 // checks under way
	Away       bool  // nobody is there to make checks
}

// Counts returns the numbers.
func (w *Watcher) Counts() Counts {
	return Counts{Checks: w.counts.checks.Load(), Unmade: w.counts.unmade.Load(), Unrecorded: w.counts.unrecorded.Load(), Events: w.counts.events.Load(),
		Running: w.counts.running.Load(), Away: w.away.is()}
}

// The rhythm of a Watcher.
const (
	poll        = time.Second            // between two looks at the schedule, at most
	gather      = 200 * time.Millisecond // how long a result waits for others, to be stored with them
	maxGathered = 64
	grace       = 30 * time.Second // a claim outlives its check by this
	tidyEvery   = 6 * time.Hour
	tidyFirst   = 10 * time.Minute
)

// Run watches until ctx ends; then it waits for the checks under way, which end
// soon, and gives their claims back.
func (w *Watcher) Run(ctx context.Context) {
	if w.Workers <= 0 {
		w.Workers = DefaultWorkers
	}
	if w.Limit <= 0 {
		w.Limit = 2 * time.Minute
	}
	if w.Retain == (Retention{}) {
		w.Retain = DefaultRetention
	}
	host, _ := os.Hostname() // for people who look into the database
	w.name = fmt.Sprintf("%s/%d", host, os.Getpid())
	jobs, results := make(chan Job), make(chan Result, maxGathered)
	var checks, store sync.WaitGroup
	for range w.Workers {
		checks.Go(func() {
			for j := range jobs {
				w.check(ctx, j, results)
			}
		})
	}
	store.Go(func() { w.record(results) })
	store.Go(func() { w.tidy(ctx) })
	w.claim(ctx, jobs)
	close(jobs)
	checks.Wait()
	close(results)
	store.Wait()
}

// Wake has the Watcher look at the schedule at once.
func (w *Watcher) Wake() {
	select {
	case w.waker() <- struct{}{}:
	default:
	}
}

var wakers sync.Mutex

func (w *Watcher) waker() chan struct{} {
	wakers.Lock()
	defer wakers.Unlock()
	if w.wake == nil {
		w.wake = make(chan struct{}, 1)
	}
	return w.wake
}

// claim hands out what is due. It claims no more than can begin at once, so that
// other processes get their part.
func (w *Watcher) claim(ctx context.Context, jobs chan<- Job) {
	wake := w.waker()
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-pause.C:
		}
		if wait := w.away.pause(time.Now()); wait > 0 {
			pause.Reset(wait)
			continue
		}
		w.backlog.Store(true) // until it is known that nothing else is due
		for free := w.room(); free > 0 && ctx.Err() == nil; free = w.room() {
			now := time.Now()
			got, err := w.Store.Claim(ctx, w.name, now, now.Add(w.Limit+grace), free)
			if err != nil {
				w.trouble(ctx, err)
				break
			}
			for i, j := range got {
				w.counts.running.Add(1)
				select {
				case jobs <- j:
				case <-ctx.Done():
					w.counts.running.Add(-int64(1))
					w.giveBack(got[i:], time.Now())
					return
				}
			}
			if len(got) < free {
				w.backlog.Store(false)
				break
			}
		}
		pause.Reset(w.rest(ctx))
	}
}

// room is how many checks may begin. While those who make them are away, one at a time
// finds out whether they are back.
func (w *Watcher) room() int {
	running := int(w.counts.running.Load())
	if w.away.is() {
		return min(1, max(0, 1-running))
	}
	return w.Workers - running
}

// rest is how long nothing is due.
func (w *Watcher) rest(ctx context.Context) time.Duration {
	if w.backlog.Load() {
		return poll // a check that ends says when there is room
	}
	at, err := w.Store.NextDue(ctx)
	if err != nil || at.IsZero() {
		return poll
	}
	return min(max(time.Until(at), 20*time.Millisecond), poll)
}

func (w *Watcher) giveBack(jobs []Job, to time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := w.Store.Postpone(ctx, jobs, to); err != nil {
		w.trouble(ctx, err)
	}
}

// check runs one check.
func (w *Watcher) check(ctx context.Context, j Job, results chan<- Result) {
	defer func() {
		w.counts.running.Add(-1)
		if w.backlog.Load() {
			w.Wake()
		}
	}()
	limit, cancel := context.WithTimeout(ctx, w.Limit)
	defer cancel()
	o := w.Judge(limit, j.Spec)
	if ctx.Err() != nil { // what was cut short says nothing of the target
		w.giveBack([]Job{j}, time.Now())
		return
	}
	if o.Unmade != nil {
		w.unmade(j, o.Unmade)
		return
	}
	w.counts.checks.Add(1)
	if waited := w.away.over(); waited > 0 {
		w.trouble(ctx, fmt.Errorf("checks are made again; %d had to wait", waited))
		w.Wake()
	}
	r := Result{Job: j, Outcome: o}
	f := unreached(o.Report)
	if f {
		r.Fails = j.Failures + 1
	}
	r.Next = next(time.Now(), firstEnd(Ends(o.Report), o.Report.Time), j.Interval, r.Fails, rand.Float64())
	results <- r
}

// record stores results, several in one transaction when they come together.
func (w *Watcher) record(results <-chan Result) {
	for first := range results {
		all := []Result{first}
		end := time.After(gather)
	more:
		for len(all) < maxGathered {
			select {
			case r, open := <-results:
				if !open {
					break more
				}
				all = append(all, r)
			case <-end:
				break more
			}
		}
		w.put(all)
	}
}

// put stores results. While the database does not take them it tries again, as long
// as the claims hold; after that somebody else checks the targets.
func (w *Watcher) put(all []Result) {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		ctx, cancel := context.WithTimeout(context.Background(), grace)
		n, events, err := w.Store.Record(ctx, all)
		cancel()
		if err == nil {
			w.counts.unrecorded.Add(int64(len(all) - n))
			w.counts.events.Add(int64(len(events)))
			if w.Told != nil && len(events) > 0 {
				w.Told(events)
			}
			return
		}
		w.trouble(context.Background(), err)
		if wait >= 5*time.Second {
			w.counts.unrecorded.Add(int64(len(all)))
			return
		}
		time.Sleep(wait)
	}
}

// tidy deletes now and then what is not to be kept.
func (w *Watcher) tidy(ctx context.Context) {
	timer := time.NewTimer(tidyFirst)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			timer.Reset(tidyEvery)
		}
		if _, err := w.Store.Tidy(ctx, w.Retain, time.Now()); err != nil {
			w.trouble(ctx, fmt.Errorf("deleting what is not to be kept: %w", err))
		}
	}
}

func (w *Watcher) trouble(ctx context.Context, err error) {
	if w.Trouble != nil && ctx.Err() == nil {
		w.Trouble(err)
	}
}

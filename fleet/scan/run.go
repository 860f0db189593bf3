package scan

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/assaytls/assay/fleet/job"
	"github.com/assaytls/assay/fleet/queue"
	"github.com/assaytls/assay/fleet/sink"
	"github.com/assaytls/assay/fleet/worker"
)

// Options say which parts of a job this process takes. All of them are the usual
// ones on one machine.
type Options struct {
	Dir      string // the job's folder
	Manifest *job.Manifest

	Publish bool // the folder has the list
	Collect bool // results are stored in the folder
	// Before are the rows that the folder has already, for a collector that tells others.
	Before Tally
	// Worker probes here; nil: only others do. Its Name is set.
	Worker *worker.Options
	// Description, when not nil, is left in the queue for workers and collectors
	// elsewhere.
	Description []byte

	AckWait time.Duration // the queue's
	// Started, when not nil, is told of the progress before anything runs.
	Started func(*Progress)
	// Told, when not nil, is told what may explain a standstill. It must not wait.
	Told func(string)
}

// Run runs the parts of a job until every target has a result, or ctx ends, which
// is no error. The queue must be open and stays so.
func Run(ctx context.Context, e *queue.Engine, o Options) (*Progress, error) {
	if o.Told == nil {
		o.Told = func(string) {}
	}
	r := &run{o: o, e: e, j: e.Job(o.Manifest.ID), progress: newProgress(o.Manifest)}
	r.progress.tally = o.Before
	if o.Collect {
		if err := r.openSink(); err != nil {
			return nil, err
		}
	}
	if o.Started != nil {
		o.Started(r.progress)
	}
	err := r.run(ctx)
	if r.sink != nil {
		end := r.sink.Close
		if err == nil && r.progress.all() {
			end = r.sink.Finish
		}
		if ended := end(); err == nil {
			err = ended
		}
	}
	return r.progress, err
}

// run is one run of a job.
type run struct {
	o        Options
	e        *queue.Engine
	j        *queue.Job
	sink     *sink.Writer
	progress *Progress
}

// openSink opens the results, and finds out from them what is done.
func (r *run) openSink() (err error) {
	if r.sink, err = sink.Open(r.o.Dir, sink.Options{}); err != nil {
		return err
	}
	for first, last := range r.sink.Done() {
		if err = r.progress.whole(first, last); err != nil {
			r.sink.Close()
			return fmt.Errorf("the results in %s are not those of this job: %w", r.o.Dir, err)
		}
	}
	return nil
}

func (r *run) run(ctx context.Context) error {
	working, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	// The collector goes on after the workers have ended: they hand over what they
	// have.
	collecting, stopCollecting := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stopCollecting(nil)

	if r.o.Publish {
		if err := r.create(working); err != nil {
			return err
		}
	}
	var producers, collector sync.WaitGroup
	fail := func(err error) {
		if err != nil && working.Err() == nil {
			stop(err)
		}
	}
	if r.o.Collect {
		collector.Go(func() {
			if err := r.collect(collecting); err != nil {
				stopCollecting(err)
				fail(err)
			}
		})
	}
	if r.o.Worker != nil {
		producers.Go(func() { fail(worker.Run(working, r.j, r.o.AckWait, *r.o.Worker)) })
	}
	if r.o.Publish {
		producers.Go(func() { fail(r.publish(working)) })
	}
	r.wait(working)
	stop(nil)
	producers.Wait()
	if r.o.Collect {
		r.drain(collecting)
	}
	stopCollecting(nil)
	collector.Wait()
	if err := context.Cause(collecting); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	if err := context.Cause(working); err != nil && ctx.Err() == nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// wait returns when every target is done, or ctx ends. Who does not publish stays
// until the publisher has taken the job out of the queue: a worker does not know what
// is done, and a collector has to tell.
func (r *run) wait(ctx context.Context) {
	for lost := time.Now(); ctx.Err() == nil; {
		if r.o.Publish && r.progress.all() {
			return
		}
		select {
		case <-r.progress.changed:
		case <-time.After(time.Second):
			if r.e.Connected() {
				lost = time.Now()
			}
			if !r.o.Publish && (r.gone(ctx) || time.Since(lost) > lostTime) {
				return
			}
		case <-ctx.Done():
		}
	}
}

// lostTime is for how long a worker or a collector waits for a queue that is away.
const lostTime = 10 * time.Minute

// gone reports whether the queue has taken the job out: it is done.
func (r *run) gone(ctx context.Context) bool {
	if !r.e.Connected() {
		return false
	}
	_, err := r.j.Description(ctx)
	return errors.Is(err, queue.ErrGone)
}

// drainTime bounds how long the collector goes on after an interruption.
const drainTime = 5 * time.Second

// drain waits until the collector has what is in the queue.
func (r *run) drain(ctx context.Context) {
	for end := time.Now().Add(drainTime); time.Now().Before(end) && ctx.Err() == nil && !r.progress.all(); {
		s, err := r.j.State(ctx)
		if err != nil || s.Results == 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// create makes the job's part of the queue.
func (r *run) create(ctx context.Context) error {
	if err := r.j.Create(ctx); err != nil {
		return err
	}
	if r.o.Description == nil {
		return nil
	}
	return r.j.Describe(ctx, r.o.Description)
}

// lingering is how long a queue that others joined stays after the job was taken
// out of it, so that they see it.
const lingering = 3 * time.Second

// Finish takes a job that is done out of the queue. Of a queue inside the process
// the store is removed, after it was closed.
func Finish(ctx context.Context, e *queue.Engine, id, dir string) error {
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := e.Job(id).Remove(limit)
	if !e.Inside() {
		return err
	}
	if e.Addr() != "" {
		pause(ctx, lingering)
	}
	e.Close()
	return os.RemoveAll(queue.StoreDir(dir))
}

// Complete reports whether the results of a job are all in its folder.
func Complete(dir string, m *job.Manifest) (bool, error) {
	r := &run{o: Options{Dir: dir, Manifest: m}, progress: newProgress(m)}
	if err := r.openSink(); err != nil {
		return false, err
	}
	return r.progress.all(), r.sink.Close()
}

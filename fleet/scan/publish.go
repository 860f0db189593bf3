package scan

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/assaytls/assay/fleet/job"
	"github.com/assaytls/assay/fleet/queue"
)

// publish brings the batches that are not done into the queue, in their order, as
// many at a time as it takes, and again what the queue lost.
func (r *run) publish(ctx context.Context) error {
	list, err := job.OpenReader(r.o.Dir, r.o.Manifest)
	if err != nil {
		return err
	}
	defer list.Close()
	round := "0" // what is still queued from an earlier run is not queued twice
	for ctx.Err() == nil && !r.progress.all() {
		switch err := r.round(ctx, list, round); {
		case errors.Is(err, queue.ErrGone):
			r.o.Told("the queue has lost the job; what is not done is published again")
			if err := r.create(ctx); err != nil && ctx.Err() == nil {
				r.o.Told(err.Error())
				pause(ctx, time.Second)
			}
		case err != nil:
			return err
		}
		round = strconv.FormatInt(time.Now().UnixNano(), 36)
	}
	return nil
}

// round publishes everything that is missing once, and returns when all of it is
// done or when the queue does not have what is not: then it is to be published
// again.
func (r *run) round(ctx context.Context, list *job.Reader, round string) error {
	for next := uint64(0); ctx.Err() == nil; {
		k, positions, ok := r.progress.missing(next)
		if !ok {
			break
		}
		b, err := list.Batch(k, positions)
		if err != nil {
			return fmt.Errorf("the job's list cannot be read: %w", err)
		}
		if err := r.publishOne(ctx, &b, round); err != nil {
			return err
		}
		next = k + 1
	}
	return r.settle(ctx)
}

// fullFor is for how long a disk may be full before the scan stops: what is done is kept, and it can
// be resumed.
const fullFor = 20 * time.Second

// publishOne queues a batch, waiting for room. The error is ErrGone, one of the
// list, or that of a full disk.
func (r *run) publishOne(ctx context.Context, b *job.Batch, round string) error {
	for wait := 20 * time.Millisecond; ctx.Err() == nil; wait = min(2*wait, time.Second) {
		err := r.j.Publish(ctx, b, round)
		if err == nil {
			return nil
		}
		if errors.Is(err, queue.ErrGone) && r.e.Connected() {
			if _, err := r.j.State(ctx); errors.Is(err, queue.ErrGone) {
				return err
			}
		}
		if errors.Is(err, queue.ErrFull) && !r.o.Collect {
			r.askAway(ctx) // what it tells is not needed for this
		} else if !errors.Is(err, queue.ErrFull) && ctx.Err() == nil && wait == time.Second {
			r.o.Told(fmt.Sprintf("the queue takes no work: %v", err))
			if err := r.e.Full(fullFor); err != nil {
				return err
			}
		}
		pause(ctx, wait)
	}
	return nil
}

// settle waits until all is done, or the queue neither has work nor results that
// are not stored. What it holds is looked at first and what is done afterwards, so
// that nothing is between the two; and twice, for what it says at one moment proves little.
func (r *run) settle(ctx context.Context) error {
	for empty := 0; ctx.Err() == nil; {
		s, err := r.j.State(ctx)
		if errors.Is(err, queue.ErrGone) && r.e.Connected() {
			return err
		}
		asked := error(nil)
		if !r.o.Collect {
			asked = r.askAway(ctx)
		}
		if r.progress.all() {
			return nil
		}
		if err == nil && asked == nil && s.Queued == 0 && s.Results == 0 {
			empty++
		} else {
			empty = 0
		}
		if empty >= 3 {
			return nil
		}
		select {
		case <-time.After(300 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	return nil
}

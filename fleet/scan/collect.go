package scan

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/assaytls/assay/fleet/job"
	"github.com/assaytls/assay/fleet/queue"
	"github.com/assaytls/assay/fleet/sink"
)

// collect stores results until ctx ends. A message is acknowledged when its rows are
// stored, not before. An error is about the folder: nothing can be stored any more.
func (r *run) collect(ctx context.Context) error {
	stop, err := r.j.Answer(r.answer)
	if err != nil {
		return err
	}
	defer stop()
	results := r.j.Results()
	for ctx.Err() == nil {
		msgs, err := results.Next(ctx, 64, time.Second)
		if err != nil && ctx.Err() == nil {
			pause(ctx, 300*time.Millisecond) // the queue is away, or the job is not in it yet
			continue
		}
		for _, m := range msgs {
			if err := r.store(m); err != nil {
				return err
			}
		}
	}
	return nil
}

// store stores one message.
func (r *run) store(m *queue.Message) error {
	piece, err := sink.Decode(m.Data)
	if err == nil {
		err = r.progress.fits(&piece)
	}
	if err != nil {
		// Nobody can use it. Its targets stay missing and are probed again.
		r.o.Told(fmt.Sprintf("results that cannot be stored were passed over: %v", err))
		m.Never()
		return nil
	}
	if err := r.bodies(&piece); err != nil {
		return err
	}
	switch _, err := r.sink.AddMessage(m.Data); {
	case errors.Is(err, sink.ErrMessage):
		r.o.Told(fmt.Sprintf("results that cannot be stored were passed over: %v", err))
		m.Never()
		return nil
	case err != nil:
		return err
	}
	if err := r.progress.take(&piece); err != nil {
		return err
	}
	m.Done()
	return nil
}

// bodies stores the bodies that the evidence of a piece refers to. One that nobody has
// any more is told, and its rows are stored without it.
func (r *run) bodies(b *sink.Batch) error {
	for _, e := range b.Evidence {
		for _, h := range e.Bodies {
			if r.sink.HasBody(h) {
				continue
			}
			body, err := r.j.TakeBody(context.Background(), fmt.Sprintf("%x", h[:]))
			if err != nil {
				r.o.Told(fmt.Sprintf("a body of the evidence is missing: %v", err))
				continue
			}
			if err := r.sink.AddBody(body); err != nil {
				return err
			}
		}
	}
	return nil
}

// pause waits for so long, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// answered is what a collector tells a publisher elsewhere.
type answered struct {
	Count uint64    `json:"count"` // targets that are done
	Tally Tally     `json:"tally"`
	Done  *job.Bits `json:"done,omitempty"` // the batches; left out where nothing is new
}

// answer answers the question what is done since the asker knew of so many targets.
func (r *run) answer(question []byte) []byte {
	var known uint64
	json.Unmarshal(question, &known) // what is no number asks for all
	r.progress.mu.Lock()
	defer r.progress.mu.Unlock()
	a := answered{Count: r.progress.done.Count(), Tally: r.progress.tally}
	if known != a.Count {
		a.Done = r.progress.done.Bits()
	}
	b, _ := json.Marshal(a) // nothing in it fails
	return b
}

// askAway learns from the collector elsewhere what is done.
func (r *run) askAway(ctx context.Context) error {
	r.progress.mu.Lock()
	known, _ := json.Marshal(r.progress.done.Count())
	r.progress.mu.Unlock()
	b, err := r.j.Ask(ctx, known)
	if err != nil {
		return err
	}
	var a answered
	if err := json.Unmarshal(b, &a); err != nil {
		return err
	}
	r.progress.mu.Lock()
	defer r.progress.mu.Unlock()
	r.progress.tally = a.Tally
	if a.Done == nil {
		return nil
	}
	select {
	case r.progress.changed <- struct{}{}:
	default:
	}
	return r.progress.done.SetBits(a.Done)
}

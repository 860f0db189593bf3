package queue

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// A worker says every few seconds that it is there; one that was silent for three
// times as long is gone.
const (
	sayAlive  = 3 * time.Second
	countAs   = 3 * sayAlive
	maxCrowd  = 10000 // workers that are told apart
	maxNaming = 64    // octets of a worker's name
)

// Crowd counts the workers of a job. It is safe for concurrent use.
type Crowd struct {
	mu   sync.Mutex
	seen map[string]time.Time
	sub  *nats.Subscription
}

// Crowd listens to the workers of the job. The caller must Close it.
func (j *Job) Crowd() (*Crowd, error) {
	c := &Crowd{seen: map[string]time.Time{}}
	var err error
	c.sub, err = j.e.conn.Subscribe(j.subject(alive), func(m *nats.Msg) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if name := string(m.Data); len(name) <= maxNaming && (len(c.seen) < maxCrowd || !c.seen[name].IsZero()) {
			c.seen[name] = time.Now()
		}
	})
	return c, err
}

// Count is how many workers there are.
func (c *Crowd) Count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, at := range c.seen {
		if time.Since(at) > countAs {
			delete(c.seen, name)
		}
	}
	return len(c.seen)
}

// Close stops listening.
func (c *Crowd) Close() { c.sub.Unsubscribe() }

// Alive says that the worker of that name is there, until ctx ends.
func (j *Job) Alive(ctx context.Context, name string) {
	tick := time.NewTicker(sayAlive)
	defer tick.Stop()
	for {
		j.e.conn.Publish(j.subject(alive), []byte(name)) // lost while there is no connection, and then nobody hears
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// Answer has f answer whoever asks what is done, until the returned function is
// called. It is for the collector.
func (j *Job) Answer(f func(question []byte) []byte) (stop func(), err error) {
	sub, err := j.e.conn.Subscribe(j.subject(ask), func(m *nats.Msg) { m.Respond(f(m.Data)) })
	if err != nil {
		return nil, err
	}
	return func() { sub.Unsubscribe() }, nil
}

// ErrNoCollector says that nobody answers what is done.
var ErrNoCollector = errors.New("no collector answers")

// Ask asks the collector what is done.
func (j *Job) Ask(ctx context.Context, question []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	m, err := j.e.conn.RequestWithContext(ctx, j.subject(ask), question)
	if errors.Is(err, nats.ErrNoResponders) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout) {
		return nil, ErrNoCollector
	}
	if err != nil {
		return nil, err
	}
	return m.Data, nil
}

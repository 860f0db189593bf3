package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/assaytls/assay/fleet/job"
)

// Source is where messages of one kind come from. It finds its way again when the
// queue loses the job or the connection. It is not safe for concurrent use.
type Source struct {
	j        *Job
	name     string
	consumer jetstream.Consumer
}

// Work are the batches to be done, Split the targets of batches that were taken
// apart, Results what workers handed over.
func (j *Job) Work() *Source    { return &Source{j: j, name: work} }
func (j *Job) Split() *Source   { return &Source{j: j, name: split} }
func (j *Job) Results() *Source { return &Source{j: j, name: results} }

// Message is one message. Whoever has it says Done when what came of it is stored,
// or Later; until then Working says, at least every third of AckWait, that it is
// still being worked on.
type Message struct {
	Data       []byte
	Deliveries int // how often it was delivered, with this time
	msg        jetstream.Msg
}

// Next returns at most n messages, waiting for the first for at most so long, or not at
// all. None and no error means that there was none.
func (s *Source) Next(ctx context.Context, n int, wait time.Duration) ([]*Message, error) {
	if s.consumer == nil {
		limit, cancel := context.WithTimeout(ctx, requestTimeout)
		c, err := s.j.consumer(limit, s.name)
		cancel()
		if err != nil {
			return nil, err
		}
		s.consumer = c
	}
	var batch jetstream.MessageBatch
	var err error
	if wait > 0 {
		limit, cancel := context.WithTimeout(ctx, wait)
		defer cancel()
		batch, err = s.consumer.Fetch(n, jetstream.FetchContext(limit))
	} else {
		batch, err = s.consumer.FetchNoWait(n)
	}
	if err != nil {
		s.consumer = nil
		return nil, gone(err)
	}
	var all []*Message
	for msg := range batch.Messages() {
		m := &Message{Data: msg.Data(), msg: msg, Deliveries: 1}
		if meta, err := msg.Metadata(); err == nil {
			m.Deliveries = int(min(meta.NumDelivered, 1<<20))
		}
		all = append(all, m)
	}
	if err := batch.Error(); err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) && len(all) == 0 {
		s.consumer = nil // the next call looks whether the queue still has it
		return nil, gone(err)
	}
	return all, ctx.Err()
}

// Done says that what came of the message is stored. That it cannot be said is no
// loss: the message comes again, and its results are not stored twice.
func (m *Message) Done() error { return m.msg.Ack() }

// Working says that the message is being worked on.
func (m *Message) Working() error { return m.msg.InProgress() }

// Later gives the message back, to be delivered again after so long.
func (m *Message) Later(wait time.Duration) error {
	if wait <= 0 {
		return m.msg.Nak()
	}
	return m.msg.NakWithDelay(wait)
}

// Never says that the message is not to be delivered again: it is none of ours.
func (m *Message) Never() error { return m.msg.Term() }

// Part queues each target of a batch by itself. Those that were queued before, by
// somebody who did not get to the end, are queued once.
func (j *Job) Part(ctx context.Context, b *job.Batch) error {
	for i := range b.Lines {
		one := b.Only(i)
		if err := j.publish(ctx, split, fmt.Sprintf("%s/%d/%d", j.id, b.Number, one.Positions[0]), one.Encode()); err != nil {
			return err
		}
	}
	return nil
}

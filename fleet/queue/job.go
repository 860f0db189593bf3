package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/assaytls/assay/fleet/job"
)

// Job is one job's part of a queue. It is safe for concurrent use.
type Job struct {
	e  *Engine
	id string
}

// Job returns the part of the queue that belongs to the job of that name. Nothing is
// made by it.
func (e *Engine) Job(id string) *Job { return &Job{e, id} }

// ErrFull says that no more can be queued for now.
var ErrFull = errors.New("the queue is full")

// ErrGone says that the queue knows nothing of the job, or not any more.
var ErrGone = errors.New("the queue does not have the job")

func (j *Job) stream(name string) string  { return "assay-" + j.id + "-" + name }
func (j *Job) subject(name string) string { return "assay." + j.id + "." + name }

// The streams and subjects of a job.
const (
	work    = "work"    // batches
	split   = "split"   // targets of batches that were taken apart
	results = "results" // what workers hand over
	alive   = "alive"   // workers say that they are there
	ask     = "ask"     // what is done, asked of the collector
)

// Create makes the job's streams where they are not there yet. It is for the
// publisher, who calls it again when the queue has lost them.
func (j *Job) Create(ctx context.Context) error {
	base := jetstream.StreamConfig{Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew, Retention: jetstream.WorkQueuePolicy,
		Replicas: j.e.replicas(), Duplicates: time.Hour, MaxMsgSize: 1 << 20}
	for name, bound := range map[string]func(*jetstream.StreamConfig){
		work:    func(c *jetstream.StreamConfig) { c.MaxMsgs = MaxQueued },
		split:   func(c *jetstream.StreamConfig) { c.MaxMsgs = maxSplit },
		results: func(c *jetstream.StreamConfig) { c.MaxBytes, c.Duplicates = maxResults, time.Minute },
	} {
		c := base
		c.Name, c.Subjects = j.stream(name), []string{j.subject(name)}
		bound(&c)
		if _, err := j.e.js.CreateOrUpdateStream(ctx, c); err != nil {
			return fmt.Errorf("the queue cannot keep the job: %w", err)
		}
	}
	for _, name := range []string{work, split, results} {
		if _, err := j.consumer(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// Remove takes the job out of the queue.
func (j *Job) Remove(ctx context.Context) error {
	var errs []error
	for _, name := range []string{work, split, results} {
		if err := j.e.js.DeleteStream(ctx, j.stream(name)); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			errs = append(errs, err)
		}
	}
	for _, name := range []string{"job", "bodies"} {
		if err := j.e.js.DeleteObjectStore(ctx, j.stream(name)); err != nil && !errors.Is(err, jetstream.ErrBucketNotFound) && !errors.Is(err, jetstream.ErrStreamNotFound) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// consumer returns the one consumer of a stream, which all who read it share.
func (j *Job) consumer(ctx context.Context, name string) (jetstream.Consumer, error) {
	c, err := j.e.js.CreateOrUpdateConsumer(ctx, j.stream(name), jetstream.ConsumerConfig{
		Durable: name, AckPolicy: jetstream.AckExplicitPolicy, AckWait: j.e.o.AckWait, MaxAckPending: MaxQueued, MaxDeliver: -1,
	})
	return c, gone(err)
}

// gone makes ErrGone of the errors that say that a stream is not there.
func gone(err error) error {
	if errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrConsumerDeleted) ||
		errors.Is(err, jetstream.ErrNoStreamResponse) {
		return fmt.Errorf("%w: %w", ErrGone, err)
	}
	return err
}

// publish puts a message into a stream. id, when not "", names it: a second one of
// that name within an hour is passed over.
func (j *Job) publish(ctx context.Context, name, id string, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	options := []jetstream.PublishOpt{jetstream.WithExpectStream(j.stream(name))}
	if id != "" {
		options = append(options, jetstream.WithMsgID(id))
	}
	_, err := j.e.js.PublishMsg(ctx, &nats.Msg{Subject: j.subject(name), Data: data}, options...)
	var api *jetstream.APIError
	switch {
	case err == nil:
		j.e.noted(j.stream(name), nil)
	case errors.As(err, &api) && api.ErrorCode == 10077 && strings.Contains(api.Description, "exceeded"):
		j.e.noted(j.stream(name), nil)
		return ErrFull
	case !errors.Is(err, context.Canceled):
		j.e.noted(j.stream(name), err)
	}
	return gone(err)
}

// Publish queues a batch, whose round is told by the publisher: within an hour the
// same batch is queued once in each. The error is ErrFull when the queue is full.
func (j *Job) Publish(ctx context.Context, b *job.Batch, round string) error {
	return j.publish(ctx, work, fmt.Sprintf("%s/%d/%s", j.id, b.Number, round), b.Encode())
}

// Hand brings results to the collector. It returns when the queue has them.
func (j *Job) Hand(ctx context.Context, msg []byte) error { return j.publish(ctx, results, "", msg) }

// State is what a queue holds of a job. It never says that the job is done: only
// the results do.
type State struct {
	Queued  uint64 // batches and split targets that wait or are worked on
	Results uint64 // messages that the collector does not have yet
}

// State asks the queue. ErrGone says that it has lost the job.
func (j *Job) State(ctx context.Context) (s State, err error) {
	for name, n := range map[string]*uint64{work: &s.Queued, split: &s.Queued, results: &s.Results} {
		stream, err := j.e.js.Stream(ctx, j.stream(name))
		if err != nil {
			return s, gone(err)
		}
		*n += stream.CachedInfo().State.Msgs
	}
	return s, nil
}

// Describe leaves the description of the job for workers and collectors elsewhere.
func (j *Job) Describe(ctx context.Context, description []byte) error {
	store, err := j.e.js.CreateOrUpdateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: j.stream("job"), Replicas: j.e.replicas()})
	if err == nil {
		_, err = store.PutBytes(ctx, "description", description)
	}
	return err
}

// MaxDescription bounds the octets of a description.
const MaxDescription = 24 << 20

// Description returns what Describe left.
func (j *Job) Description(ctx context.Context) ([]byte, error) {
	store, err := j.e.js.ObjectStore(ctx, j.stream("job"))
	if err != nil {
		if errors.Is(err, jetstream.ErrBucketNotFound) {
			return nil, fmt.Errorf("%w: %w", ErrGone, err)
		}
		return nil, gone(err)
	}
	r, err := store.Get(ctx, "description")
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, MaxDescription+1))
	if err == nil && len(b) > MaxDescription {
		err = errors.New("the job's description is too long")
	}
	return b, err
}

// maxBody bounds a body of evidence.
const maxBody = 64 << 20

// PutBody leaves a body that evidence refers to, a list as a rule, for the collector;
// name is its SHA-256.
func (j *Job) PutBody(ctx context.Context, name string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, 6*requestTimeout)
	defer cancel()
	store, err := j.e.js.ObjectStore(ctx, j.stream("bodies"))
	if errors.Is(err, jetstream.ErrBucketNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
		store, err = j.e.js.CreateOrUpdateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: j.stream("bodies"), Replicas: j.e.replicas()})
	}
	if err != nil {
		return err
	}
	if _, err := store.GetInfo(ctx, name); err == nil {
		return nil // another worker was faster
	}
	_, err = store.PutBytes(ctx, name, body)
	return err
}

// TakeBody returns what PutBody left. It stays: evidence that comes later may refer to
// it, too.
func (j *Job) TakeBody(ctx context.Context, name string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 6*requestTimeout)
	defer cancel()
	store, err := j.e.js.ObjectStore(ctx, j.stream("bodies"))
	if err != nil {
		return nil, err
	}
	r, err := store.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, maxBody+1))
	if err == nil && len(b) > maxBody {
		err = errors.New("the body is too long")
	}
	return b, err
}

package queue

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/assaytls/assay/fleet/job"
)

func open(t testing.TB, o Options) (*Engine, *Job) {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	e, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	id, _ := job.NewID()
	j := e.Job(id)
	if err := j.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	return e, j
}

func batch(k uint64, n int) *job.Batch {
	b := &job.Batch{Number: k, Size: n}
	for i := range n {
		b.Positions, b.Lines = append(b.Positions, i), append(b.Lines, fmt.Sprintf("host%d.example.com:443", i))
	}
	return b
}

// A queue takes so much and no more, gives each message to one, and gives it again
// to another when the first says later, or nothing.
func TestQueue(t *testing.T) {
	_, j := open(t, Options{AckWait: time.Second})
	for k := range uint64(MaxQueued) {
		if err := j.Publish(t.Context(), batch(k, 1), "0"); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Publish(t.Context(), batch(MaxQueued, 1), "0"); !errors.Is(err, ErrFull) {
		t.Errorf("one more than fit: %v", err)
	}
	if s, err := j.State(t.Context()); err != nil || s.Queued != MaxQueued || s.Results != 0 {
		t.Errorf("%+v, %v", s, err)
	}
	work := j.Work()
	first, err := work.Next(t.Context(), 2, time.Second)
	if err != nil || len(first) != 2 {
		t.Fatal(len(first), err)
	}
	first[0].Done()
	first[1].Later(0)
	again := take(t, work, func(m *Message) bool { return string(m.Data) == string(first[1].Data) })
	if again.Deliveries != 2 {
		t.Errorf("delivered %d times", again.Deliveries)
	}
	again.Never()
	// The same batch is queued once in a round, and again in another.
	if err := j.Publish(t.Context(), batch(0, 1), "0"); err != nil {
		t.Error(err)
	}
	if s, _ := j.State(t.Context()); s.Queued >= MaxQueued {
		t.Errorf("queued twice: %+v", s)
	}
	if err := j.Publish(t.Context(), batch(0, 1), "1"); err != nil {
		t.Error(err)
	}
}

// take takes messages until one is wanted; the others it says nothing of.
func take(t *testing.T, s *Source, wanted func(*Message) bool) *Message {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		msgs, err := s.Next(t.Context(), 100, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range msgs {
			if wanted(m) {
				return m
			}
		}
	}
	t.Fatal("it did not come")
	return nil
}

// Who says that it works on a message keeps it.
func TestWorking(t *testing.T) {
	_, j := open(t, Options{AckWait: time.Second})
	j.Publish(t.Context(), batch(0, 1), "0")
	work := j.Work()
	msgs, err := work.Next(t.Context(), 1, time.Second)
	if err != nil || len(msgs) != 1 {
		t.Fatal(len(msgs), err)
	}
	for range 8 {
		time.Sleep(300 * time.Millisecond)
		msgs[0].Working()
		if more, _ := work.Next(t.Context(), 1, 0); len(more) > 0 {
			t.Fatal("given to another")
		}
	}
	take(t, work, func(*Message) bool { return true }) // silent for AckWait
}

// What is not there says so.
func TestGone(t *testing.T) {
	e, j := open(t, Options{})
	if ids, err := e.Jobs(t.Context()); err != nil || len(ids) != 1 || ids[0] != j.id {
		t.Errorf("%v, %v", ids, err)
	}
	if err := j.Describe(t.Context(), []byte("rules")); err != nil {
		t.Fatal(err)
	}
	if b, err := j.Description(t.Context()); err != nil || string(b) != "rules" {
		t.Errorf("%q, %v", b, err)
	}
	body := make([]byte, 3<<20)
	rand.Read(body)
	if err := errors.Join(j.PutBody(t.Context(), "b", body), j.PutBody(t.Context(), "b", body)); err != nil {
		t.Fatal(err)
	}
	if b, err := j.TakeBody(t.Context(), "b"); err != nil || string(b) != string(body) {
		t.Errorf("a body of %d octets, %v", len(b), err)
	}
	if err := j.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, state := j.State(t.Context())
	_, description := j.Description(t.Context())
	for what, err := range map[string]error{"State": state, "Description": description, "Publish": j.Publish(t.Context(), batch(0, 1), "0")} {
		if !errors.Is(err, ErrGone) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := j.Create(t.Context()); err != nil {
		t.Errorf("made again: %v", err)
	}
}

// Workers are counted while they say that they are there, and the collector answers.
func TestCrowd(t *testing.T) {
	_, j := open(t, Options{})
	c, err := j.Crowd()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go j.Alive(ctx, "a")
	go j.Alive(ctx, "b")
	for end := time.Now().Add(5 * time.Second); c.Count() != 2; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d workers", c.Count())
		}
	}
	c.mu.Lock()
	c.seen["a"] = time.Now().Add(-countAs - time.Second)
	c.mu.Unlock()
	if c.Count() != 1 {
		t.Errorf("%d workers when one is silent", c.Count())
	}
	if _, err := j.Ask(t.Context(), nil); !errors.Is(err, ErrNoCollector) {
		t.Errorf("nobody answers: %v", err)
	}
	done, err := j.Answer(func(q []byte) []byte { return append(q, '!') })
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if b, err := j.Ask(t.Context(), []byte("all")); err != nil || string(b) != "all!" {
		t.Errorf("%q, %v", b, err)
	}
}

// Nobody can listen in or join without being asked to.
func TestListen(t *testing.T) {
	token := "0123456789abcdef0123456789abcdef"
	for name, o := range map[string]Options{
		"no token": {Listen: "127.0.0.1:0"}, "no TLS": {Listen: "0.0.0.0:0", Token: token}, "a name": {Listen: "localhost:0", Token: token},
	} {
		o.Dir = t.TempDir()
		if e, err := Open(t.Context(), o); !errors.Is(err, ErrUnsafe) {
			e.Close()
			t.Errorf("%s: %v", name, err)
		}
	}
	e, j := open(t, Options{Listen: "127.0.0.1:0", Token: token})
	url := "nats://" + e.Addr()
	ctx, stop := context.WithTimeout(t.Context(), time.Second)
	defer stop()
	if other, err := Open(ctx, Options{URL: url, Token: "wrong"}); err == nil {
		other.Close()
		t.Error("a wrong token is taken")
	}
	other, err := Open(t.Context(), Options{URL: url, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := other.Job(j.id).Publish(t.Context(), batch(0, 3), "0"); err != nil {
		t.Error(err)
	}
	alone, _ := open(t, Options{})
	if alone.Addr() != "" {
		t.Errorf("listens at %s", alone.Addr())
	}
}

// A store that is taken away under the server is made anew.
func TestRevived(t *testing.T) {
	dir := t.TempDir()
	_, j := open(t, Options{Dir: dir})
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	big := make([]byte, 900<<10)
	rand.Read(big)
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not come back")
		}
		switch err := j.Hand(t.Context(), big); {
		case errors.Is(err, ErrGone):
			j.Create(t.Context())
		case errors.Is(err, ErrFull):
			return
		case err == nil:
			if _, err := os.Stat(dir); err == nil {
				return
			}
		}
	}
}

func TestRedacted(t *testing.T) {
	if got := Redacted("nats://user:pass@a.example:4222, tls://token@b.example,c.example:1"); got != "nats://a.example:4222, tls://b.example, nats://c.example:1" {
		t.Error(got)
	}
}

// What the queue costs a batch of a hundred targets, from the publisher to the
// collector: to be compared with a hundred probes of half a millisecond at least.
func BenchmarkBatch(b *testing.B) {
	_, j := open(b, Options{})
	row := make([]byte, 20<<10)
	work, results := j.Work(), j.Results()
	k := uint64(0)
	began := cpu()
	defer func() { b.ReportMetric(float64(cpu()-began)/1e3/float64(k), "cpu-us/batch") }()
	for b.Loop() {
		k++
		if err := j.Publish(b.Context(), batch(k, 100), "0"); err != nil {
			b.Fatal(err)
		}
		for _, s := range []*Source{work, results} {
			msgs, err := s.Next(b.Context(), 1, time.Second)
			if err != nil || len(msgs) != 1 {
				b.Fatal(len(msgs), err)
			}
			if s == work {
				if err := j.Hand(b.Context(), row); err != nil {
					b.Fatal(err)
				}
			}
			msgs[0].Done()
		}
	}
}

package watch

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/assaytls/assay/internal/lab/peers"
)

// childEnv has the database that a test process is to watch by itself, as a service
// that will be killed.
const childEnv = "ASSAY_WATCH_TEST_DATABASE"

func TestMain(m *testing.M) {
	if database := os.Getenv(childEnv); database != "" {
		child(database)
	}
	if os.Getenv(serverEnv) != "" {
		manyServers()
	}
	os.Exit(m.Run())
}

const killTargets = 20

// child watches servers that get new certificates all the time, and has a message
// sent about each event.
func child(database string) {
	ctx := context.Background()
	s, err := Open(ctx, database)
	if err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		os.Exit(1)
	}
	w := &Watcher{Store: s, Workers: 4, Limit: time.Second, Judge: func(_ context.Context, s Spec) Outcome {
		now := time.Now()
		return Outcome{Report: fakeReport(now.UTC(), fmt.Sprintf("%s-%d", s.Target, now.UnixMilli()/150))}
	}, Trouble: func(err error) { fmt.Fprintln(os.Stderr, "child:", err) }}
	go w.Run(ctx)
	for {
		n, err := s.Consume(ctx, "test", true, 10, deliverEach)
		if err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
		}
		if n == 0 {
			time.Sleep(10 * time.Millisecond)
		}
	}
}

func deliverEach(tx *Tx, events []Event) error {
	for _, e := range events {
		if err := tx.Deliver(Delivery{Key: e.Key, Receiver: "r", Body: []byte(e.Kind), Created: e.Time, Next: e.Time}); err != nil {
			return err
		}
	}
	return nil
}

// TestKilled kills processes at any moment, again and again: on SQLite one at a
// time, on PostgreSQL three that share it. No event is missing and none doubled,
// and each leads to one message.
func TestKilled(t *testing.T) {
	both(t, func(t *testing.T, open func() *Store) {
		s, ctx := open(), t.Context()
		together, kills := 1, 15
		if os.Getenv("ASSAY_FULL") != "" {
			kills = 100
		}
		if s.d.numbered {
			together = 3
		}
		var specs []Spec
		for i := range killTargets {
			one := spec(fmt.Sprintf("%d.test", i))
			one.Interval = 20 * time.Millisecond
			specs = append(specs, one)
		}
		if _, _, err := s.Sync(ctx, specs, nil, time.Now()); err != nil {
			t.Fatal(err)
		}
		running := make([]*exec.Cmd, together)
		start := func(i int) {
			c := exec.Command(os.Args[0])
			peers.Tie(c)
			c.Env, c.Stderr = append(os.Environ(), childEnv+"="+s.address), os.Stderr
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			running[i] = c
		}
		kill := func(i int) {
			running[i].Process.Kill()
			running[i].Wait()
		}
		for i := range running {
			start(i)
		}
		seen := int64(0)
		for n := range kills {
			until(t, "events between two kills", func() bool {
				last, err := s.LastEvent(ctx)
				return err == nil && last > seen+killTargets/2
			})
			time.Sleep(time.Duration(rand.IntN(150)) * time.Millisecond)
			kill(n % together)
			var err error
			if seen, err = s.LastEvent(ctx); err != nil {
				t.Fatal(err)
			}
			// A claim outlives a killed process; this is what waiting for its end would do.
			if err := s.Update(ctx, func(tx *Tx) error {
				_, err := tx.Exec("UPDATE schedule SET claimed_until = 0, claimed_by = ''")
				return err
			}); err != nil {
				t.Fatal(err)
			}
			start(n % together)
		}
		time.Sleep(300 * time.Millisecond)
		for i := range running {
			kill(i)
		}
		if _, err := s.Consume(ctx, "test", true, MaxPage, deliverEach); err != nil {
			t.Fatal(err)
		}
		checkChain(t, s, killTargets)
	})
}

// checkChain wants every event of a target to begin with what the one before it
// ended with, the states to be those of the events, and a message for each event.
func checkChain(t *testing.T, s *Store, targets int) {
	t.Helper()
	ctx := t.Context()
	last, have := map[int64]string{}, map[string]int{}
	states := map[int64]bool{}
	changes := 0
	for after := int64(0); ; {
		events, err := s.Events(ctx, EventQuery{After: after, Limit: MaxPage})
		if err != nil {
			t.Fatal(err)
		}
		if len(events) == 0 {
			break
		}
		for _, e := range events {
			after = e.ID
			have[e.Key]++
			states[e.State] = true
			switch e.Kind {
			case Added:
				if last[e.Target] != "" {
					t.Errorf("target %d was added twice", e.Target)
				}
				last[e.Target] = e.After.Certificate
			case Certificate:
				changes++
				if e.Before.Certificate != last[e.Target] {
					t.Errorf("event %d of target %d begins with %.8s, and the one before ended with %.8s", e.ID, e.Target, e.Before.Certificate, last[e.Target])
				}
				last[e.Target] = e.After.Certificate
			}
		}
	}
	if len(last) != targets || changes < 3*targets {
		t.Errorf("%d targets, %d changes", len(last), changes)
	}
	var stored, reports int
	for after := int64(0); ; {
		var keys []string
		err := s.View(ctx, func(tx *Tx) error {
			return tx.each("SELECT id, delivery_key FROM outbox WHERE id > ? ORDER BY id LIMIT 1000", []any{after}, func(scan func(...any) error) error {
				var key string
				err := scan(&after, &key)
				keys = append(keys, key)
				return err
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(keys) == 0 {
			break
		}
		for _, k := range keys {
			have[k] += 2
		}
	}
	wrong := 0
	for key, n := range have {
		if n != 3 && wrong < 5 {
			wrong++
			t.Errorf("event %s: %d (1 is an event without a message, 2 a message without an event)", key, n)
		}
	}
	if err := s.View(ctx, func(tx *Tx) error {
		if _, err := tx.one("SELECT COUNT(*) FROM states", nil, &stored); err != nil {
			return err
		}
		_, err := tx.one("SELECT COUNT(*) FROM reports", nil, &reports)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if stored != len(states) || reports != stored {
		t.Errorf("%d states have events, %d are stored, with %d reports", len(states), stored, reports)
	}
	t.Logf("%d changes of certificate, %d events, %d states", changes, len(have), stored)
}

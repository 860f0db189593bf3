package watch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// run runs a Watcher until the function that is returned is called.
func run(t *testing.T, w *Watcher) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.Run(ctx) }()
	return func() { cancel(); <-done }
}

func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it never came to this: " + what)
		}
	}
}

// TestWatcher: no more checks run at a time than there are workers, each target is
// checked, and one that does not answer is tried again sooner.
func TestWatcher(t *testing.T) {
	s := opened(t, filepath.Join(t.TempDir(), "watch.db"))
	var specs []Spec
	for i := range 30 {
		specs = append(specs, spec(fmt.Sprintf("%d.test", i)))
	}
	if _, _, err := s.Sync(t.Context(), specs, nil, time.Now()); err != nil {
		t.Fatal(err)
	}
	var now, most atomic.Int64
	told := make(chan int, 100)
	w := &Watcher{Store: s, Workers: 5, Told: func(e []Event) { told <- len(e) }, Trouble: func(err error) { t.Error(err) }, Judge: func(_ context.Context, s Spec) Outcome {
		most.Store(max(most.Load(), now.Add(1)))
		defer now.Add(-1)
		time.Sleep(5 * time.Millisecond)
		if s.Target == "7.test" {
			return Outcome{Report: down(time.Now().UTC())}
		}
		return Outcome{Report: fakeReport(time.Now().UTC(), s.Target)}
	}}
	stop := run(t, w)
	until(t, "30 checks", func() bool {
		sum, err := s.Summary(t.Context(), time.Now())
		return err == nil && sum.Accept == 29 && sum.Inconclusive == 1
	})
	stop()
	if most.Load() > 5 || w.Counts().Checks != 30 || w.Counts().Running != 0 || w.Counts().Events < 30 || len(told) == 0 {
		t.Errorf("%d at a time, %+v", most.Load(), w.Counts())
	}
	p, err := s.Targets(t.Context(), TargetQuery{}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range p.Targets {
		wait := time.Until(x.Next)
		if failed := x.Target == "7.test"; failed != (wait < 2*time.Minute) || wait < 0 || wait > 70*time.Minute || failed != (x.Failures == 1) {
			t.Errorf("%s is checked again in %s", x.Target, wait)
		}
	}
}

// TestWatcherStops: checks that are cut short store nothing, and their targets are
// due for whoever comes next.
func TestWatcherStops(t *testing.T) {
	s := opened(t, filepath.Join(t.TempDir(), "watch.db"))
	if _, _, err := s.Sync(t.Context(), []Spec{spec("a.test"), spec("b.test")}, nil, time.Now()); err != nil {
		t.Fatal(err)
	}
	began := make(chan struct{}, 2)
	stop := run(t, &Watcher{Store: s, Workers: 2, Trouble: func(err error) { t.Error(err) }, Judge: func(ctx context.Context, s Spec) Outcome {
		began <- struct{}{}
		<-ctx.Done()
		return Outcome{Report: down(time.Now().UTC())}
	}})
	<-began
	<-began
	stop()
	if jobs, err := s.Claim(t.Context(), "next", time.Now(), time.Now().Add(time.Minute), 5); err != nil || len(jobs) != 2 {
		t.Errorf("%d targets are due, %v", len(jobs), err)
	}
	if sum, err := s.Summary(t.Context(), time.Now()); err != nil || sum.Unchecked != 2 || sum.Event != 0 {
		t.Errorf("%+v %v", sum, err)
	}
}

// TestConsumeOnce: a reader that fails has read nothing, and one that goes on
// misses nothing.
func TestConsumeOnce(t *testing.T) {
	both(t, func(t *testing.T, open func() *Store) {
		s, ctx := open(), t.Context()
		if _, _, err := s.Sync(ctx, []Spec{spec("a.test")}, nil, t0); err != nil {
			t.Fatal(err)
		}
		late := func(name string, want int) {
			t.Helper()
			if n, err := s.Consume(ctx, name, false, 10, func(*Tx, []Event) error { return nil }); err != nil || n != want {
				t.Errorf("%s: %d events, %v", name, n, err)
			}
		}
		check(t, s, fakeReport(t0, "one"))
		late("late", 0) // begins after what there was
		check(t, s, fakeReport(t0.Add(time.Hour), "two"))
		late("late", 2)
		late("late", 0)
		fails := errors.New("no")
		if _, err := s.Consume(ctx, "all", true, 10, func(tx *Tx, e []Event) error { return errors.Join(deliverEach(tx, e), fails) }); !errors.Is(err, fails) {
			t.Errorf("%v", err)
		}
		if sum, err := s.Summary(ctx, t0); err != nil || sum.Pending != 0 {
			t.Errorf("%+v %v", sum, err)
		}
		if n, err := s.Consume(ctx, "all", true, 10, deliverEach); err != nil || n != 3 {
			t.Errorf("%d events, %v", n, err)
		}
		if sum, err := s.Summary(ctx, t0); err != nil || sum.Pending != 3 {
			t.Errorf("%+v %v", sum, err)
		}
	})
}

// TestNewerDatabase: a database of a newer program is left alone.
func TestNewerDatabase(t *testing.T) {
	file := filepath.Join(t.TempDir(), "watch.db")
	s := opened(t, file)
	if err := s.Update(t.Context(), func(tx *Tx) error {
		_, err := tx.Exec("UPDATE meta SET value = '1000'")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), file); err == nil || !strings.Contains(err.Error(), "newer") {
		t.Errorf("%v", err)
	}
}

// TestDocumentedConfig: the configuration in the documentation is one.
func TestDocumentedConfig(t *testing.T) {
	b, err := os.ReadFile("../../docs/watch.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(b), "    # watch.yaml\n")
	text, _, _ = strings.Cut(text, "\n\n`assay serve check-config")
	text = strings.ReplaceAll(text, "\n    ", "\n")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "hosts.txt"), []byte("c.example\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := ParseConfig(filepath.Join(dir, "watch.yaml"), []byte(strings.TrimPrefix(text, "    ")))
	if err := c.Err(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if len(c.Specs()) != 8 || c.Retain != DefaultRetention {
		t.Errorf("%d targets, %+v", len(c.Specs()), c.Retain)
	}
}

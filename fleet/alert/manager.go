package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/assaytls/assay/fleet/watch"
)

// Manager evaluates the rules and delivers what they say. It is safe for concurrent
// use, and several processes may run one over the same Store.
type Manager struct {
	Store *watch.Store
	// Trouble, when not nil, is told what went wrong in the service itself.
	Trouble func(error)

	mu     sync.Mutex
	config Config
	wake   chan struct{}
}

// The rhythm.
const (
	evaluateEvery = 10 * time.Second
	deliverEvery  = 2 * time.Second
	postEvery     = time.Minute // to Alertmanager
	consumer      = "alert"
	keepEnded     = 90 * 24 * time.Hour
)

// Use puts a configuration in the place of the one in use.
func (m *Manager) Use(c Config) {
	m.mu.Lock()
	m.config = c
	m.mu.Unlock()
	m.Wake()
}

func (m *Manager) using() Config {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.config
}

// Wake has the rules evaluated soon: something has changed.
func (m *Manager) Wake() {
	select {
	case m.waker() <- struct{}{}:
	default:
	}
}

func (m *Manager) waker() chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.wake == nil {
		m.wake = make(chan struct{}, 1)
	}
	return m.wake
}

// Run evaluates and delivers until ctx ends.
func (m *Manager) Run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { m.every(ctx, deliverEvery, nil, m.deliver) })
	wg.Go(func() { m.every(ctx, postEvery, nil, m.post) })
	m.every(ctx, evaluateEvery, m.waker(), func(ctx context.Context) error { return m.Evaluate(ctx, time.Now()) })
	wg.Wait()
}

// every calls f again and again, and at once when woken.
func (m *Manager) every(ctx context.Context, d time.Duration, wake <-chan struct{}, f func(context.Context) error) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		if err := f(ctx); err != nil && ctx.Err() == nil && m.Trouble != nil {
			m.Trouble(fmt.Errorf("alerts: %w", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-wake:
		}
	}
}

// Evaluate finds what the rules say now, and puts the messages that come of it into the
// outbox, all in one transaction: whenever a process ends, a message is neither lost nor
// made twice.
func (m *Manager) Evaluate(ctx context.Context, now time.Time) error {
	c := m.using()
	_, err := m.Store.Consume(ctx, consumer, false, 1000, func(tx *watch.Tx, _ []watch.Event) error {
		quiet, err := silences(tx, now)
		if err != nil {
			return err
		}
		found, err := gather(tx, c.Rules, quiet, now)
		if err != nil {
			return err
		}
		open, err := alerts(tx, "ended = 0", nil, 0)
		if err != nil {
			return err
		}
		for i := range open {
			old := &open[i]
			is := found[old.Key]
			delete(found, old.Key)
			if err := m.goOn(tx, &c, old, is, now); err != nil {
				return err
			}
		}
		for _, a := range found {
			if err := m.begin(tx, &c, a, now); err != nil {
				return err
			}
		}
		_, err = tx.Exec("DELETE FROM alerts WHERE ended > 0 AND ended < ?", now.Add(-keepEnded).UnixMilli())
		return err
	})
	return err
}

// begin stores an alert that is new, and tells it.
func (m *Manager) begin(tx *watch.Tx, c *Config, a *Alert, now time.Time) error {
	if !a.Silenced {
		a.Told = now
	}
	if err := a.insert(tx); err != nil {
		return err
	}
	if a.Silenced {
		return nil
	}
	return tell(tx, c, a, Firing, now)
}

// goOn brings an alert that was there up to date; is is what it is now, nil when it is
// over.
func (m *Manager) goOn(tx *watch.Tx, c *Config, a, is *Alert, now time.Time) error {
	if is == nil {
		a.Ended = now
		if err := a.update(tx); err != nil || a.Told.IsZero() {
			return err // nobody knows of it
		}
		return tell(tx, c, a, Resolved, now)
	}
	due := !is.Silenced && a.Acked.IsZero() && (a.Told.IsZero() || !now.Before(a.Told.Add(c.Repeat)))
	changed := a.Targets != is.Targets || a.Title != is.Title || a.Silenced != is.Silenced || a.Severity != is.Severity
	a.Targets, a.Names, a.Title, a.Severity, a.Silenced, a.condition = is.Targets, is.Names, is.Title, is.Severity, is.Silenced, is.condition
	if due {
		a.Told = now
	}
	if due || changed {
		if err := a.update(tx); err != nil {
			return err
		}
	}
	if due {
		return tell(tx, c, a, Firing, now)
	}
	return nil
}

// tell puts the messages of an alert into the outbox. Alertmanager is told by itself, again
// and again, as it wants it.
func tell(tx *watch.Tx, c *Config, a *Alert, s Status, now time.Time) error {
	body, err := json.Marshal(messageOf(a, s))
	if err != nil {
		return err
	}
	for _, r := range c.to(a.Rule) {
		if r.Alertmanager != nil {
			continue
		}
		key := fmt.Sprintf("alert:%d:%s:%d:%s", a.ID, s, now.UnixMilli(), r.Name)
		if err := tx.Deliver(watch.Delivery{Key: key, Receiver: r.Name, Body: body, Created: now, Next: now}); err != nil {
			return err
		}
	}
	return nil
}

// ErrNotFound is returned for an alert or a silence that is not there.
var ErrNotFound = errors.New("there is no such alert")

// Acknowledge says that somebody looks after an alert: it is not told again until it is
// over.
func (m *Manager) Acknowledge(ctx context.Context, id int64, by, comment string, now time.Time) error {
	return m.Store.Update(ctx, func(tx *watch.Tx) error {
		n, err := tx.Exec("UPDATE alerts SET acked = ?, acked_by = ?, remark = ? WHERE id = ? AND ended = 0", now.UnixMilli(), word(by), word(comment), id)
		if err == nil && n == 0 {
			err = ErrNotFound
		}
		return err
	})
}

// Alerts returns alerts, the newest first: those that go on, or all; those with a lower number than
// before (0 is all).
func (m *Manager) Alerts(ctx context.Context, all bool, before int64, limit int) (list []Alert, err error) {
	err = m.Store.View(ctx, func(tx *watch.Tx) error {
		where, args := "1 = 1", []any(nil)
		if !all {
			where = "ended = 0"
		}
		if before > 0 {
			where, args = where+" AND id < ?", append(args, before)
		}
		if limit <= 0 || limit > watch.MaxPage {
			limit = watch.DefaultPage
		}
		list, err = alerts(tx, where, args, limit)
		return err
	})
	return list, err
}

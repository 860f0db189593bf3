package watch

import (
	"context"
	"fmt"
	"time"
)

// Delivery is a message that is to reach a receiver.
type Delivery struct {
	ID       int64     `json:"id"`
	Key      string    `json:"key"`      // the same however often it is sent: an idempotency key
	Receiver string    `json:"receiver"` // of the configuration
	Body     []byte    `json:"-"`        // as whoever wrote it understands it
	Created  time.Time `json:"created"`
	Next     time.Time `json:"next,omitzero"`  // the next attempt
	Attempts int       `json:"attempts"`       // so far
	Ended    time.Time `json:"ended,omitzero"` // when it was delivered or given up
	Dead     bool      `json:"dead,omitempty"` // given up
	Trouble  string    `json:"trouble,omitempty"`
	claim    int64
}

// Consume hands a reader the events that it has not had, at most limit, the oldest
// first, and remembers how far it came, all in the transaction in which f writes
// what it makes of them: each event is consumed once, whenever a process ends, and
// by one process at a time. A reader that is new begins with events after its first
// call, unless fromStart. f is called without events too; n says how many there were.
func (s *Store) Consume(ctx context.Context, reader string, fromStart bool, limit int, f func(*Tx, []Event) error) (n int, err error) {
	err = s.Update(ctx, func(tx *Tx) error {
		var to int64
		found, err := tx.one("SELECT read_to FROM consumers WHERE name = ?"+s.d.forKey, []any{reader}, &to)
		if err != nil {
			return err
		}
		if !found {
			if !fromStart {
				if _, err := tx.one("SELECT COALESCE(MAX(id), 0) FROM events", nil, &to); err != nil {
					return err
				}
			}
			added, err := tx.Exec("INSERT INTO consumers (name, read_to) VALUES (?, ?) ON CONFLICT (name) DO NOTHING", reader, to)
			if err != nil || added == 0 {
				n = 0
				return err // another process was first
			}
		}
		events, err := tx.events(EventQuery{After: to, Limit: limit})
		if err != nil {
			return err
		}
		if n = len(events); n > 0 {
			if _, err := tx.Exec("UPDATE consumers SET read_to = ? WHERE name = ?", events[n-1].ID, reader); err != nil {
				return err
			}
		}
		return f(tx, events)
	})
	return n, err
}

// Deliver puts a message into the outbox, in the transaction that makes it. One
// with the same key is there once.
func (tx *Tx) Deliver(d Delivery) error {
	_, err := tx.Exec("INSERT INTO outbox (delivery_key, receiver, body, created, next_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (delivery_key) DO NOTHING",
		d.Key, d.Receiver, d.Body, milli(d.Created), milli(d.Next))
	return err
}

const deliveryColumns = "id, delivery_key, receiver, body, created, next_at, attempts, ended, dead, trouble, claim"

func scanDelivery(scan func(...any) error) (d Delivery, err error) {
	var created, next, ended int64
	var dead int
	err = scan(&d.ID, &d.Key, &d.Receiver, &d.Body, &created, &next, &d.Attempts, &ended, &dead, &d.Trouble, &d.claim)
	d.Created, d.Next, d.Ended, d.Dead = moment(created), moment(next), moment(ended), dead != 0
	return d, err
}

// ClaimDeliveries returns messages that are due. Nobody else gets them before
// until; one that is neither sent nor failed by then is due again.
func (s *Store) ClaimDeliveries(ctx context.Context, now, until time.Time, most int) (all []Delivery, err error) {
	err = s.Update(ctx, func(tx *Tx) error {
		all = all[:0]
		err := tx.each("SELECT "+deliveryColumns+" FROM outbox WHERE ended = 0 AND next_at <= ? AND claimed_until <= ? ORDER BY next_at, id LIMIT ?"+s.d.skip,
			[]any{milli(now), milli(now), most}, func(scan func(...any) error) error {
				d, err := scanDelivery(scan)
				all = append(all, d)
				return err
			})
		if err != nil {
			return err
		}
		for i := range all {
			all[i].claim++
			if _, err := tx.Exec("UPDATE outbox SET claim = claim + 1, claimed_until = ? WHERE id = ?", milli(until), all[i].ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("claiming messages: %w", err)
	}
	return all, nil
}

// Sent says that a message arrived.
func (s *Store) Sent(ctx context.Context, d Delivery, now time.Time) error {
	return s.Update(ctx, func(tx *Tx) error {
		_, err := tx.Exec("UPDATE outbox SET ended = ?, claimed_until = 0, attempts = attempts + 1, trouble = '' WHERE id = ? AND claim = ?", milli(now), d.ID, d.claim)
		return err
	})
}

// Undelivered says that an attempt failed and why; the next one is at the time
// given, and zero gives the message up.
func (s *Store) Undelivered(ctx context.Context, d Delivery, trouble string, next, now time.Time) error {
	return s.Update(ctx, func(tx *Tx) error {
		q, args := "UPDATE outbox SET next_at = ?, claimed_until = 0, attempts = attempts + 1, trouble = ? WHERE id = ? AND claim = ?", []any{milli(next), quoted(trouble), d.ID, d.claim}
		if next.IsZero() {
			q, args = "UPDATE outbox SET ended = ?, dead = 1, claimed_until = 0, attempts = attempts + 1, trouble = ? WHERE id = ? AND claim = ?", []any{milli(now), quoted(trouble), d.ID, d.claim}
		}
		_, err := tx.Exec(q, args...)
		return err
	})
}

// Resend has a message that was given up sent again.
func (s *Store) Resend(ctx context.Context, id int64, now time.Time) error {
	return s.Update(ctx, func(tx *Tx) error {
		n, err := tx.Exec("UPDATE outbox SET ended = 0, dead = 0, attempts = 0, next_at = ? WHERE id = ? AND dead = 1", milli(now), id)
		if err == nil && n == 0 {
			err = ErrNotFound
		}
		return err
	})
}

// Outbox returns messages, the newest first: those with a lower number than before
// (0 is all), and only those that were given up when dead.
func (s *Store) Outbox(ctx context.Context, dead bool, before int64, limit int) (all []Delivery, err error) {
	all = []Delivery{}
	where, args := "1 = 1", []any(nil)
	if dead {
		where += " AND dead = 1"
	}
	if before > 0 {
		where, args = where+" AND id < ?", append(args, before)
	}
	err = s.View(ctx, func(tx *Tx) error {
		return tx.each("SELECT "+deliveryColumns+" FROM outbox WHERE "+where+" ORDER BY id DESC LIMIT ?", append(args, pageSize(limit)), func(scan func(...any) error) error {
			d, err := scanDelivery(scan)
			all = append(all, d)
			return err
		})
	})
	return all, err
}

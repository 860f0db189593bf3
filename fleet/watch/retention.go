package watch

import (
	"context"
	"time"
)

// Retention says what is kept. All that is older or more is deleted; what a target
// has now always stays.
type Retention struct {
	Age     time.Duration // of states and events since they ended, and of targets since they were given up
	States  int           // of one target, with the one that it is in; at least 1
	Reports int           // of one target, in full
	Events  int           // of one target
	Sent    time.Duration // of messages since they were delivered or given up
}

// DefaultRetention is what is kept when the configuration says nothing.
var DefaultRetention = Retention{Age: 400 * 24 * time.Hour, States: 500, Reports: 50, Events: 2000, Sent: 30 * 24 * time.Hour}

// readRetention reads the part of the configuration.
func readRetention(n *Node) Retention {
	r := DefaultRetention
	const day = 24 * time.Hour
	n.Map(map[string]func(*Node){
		"age":      func(m *Node) { r.Age = m.Duration(day, 20*366*day) },
		"states":   func(m *Node) { r.States = m.Int(1, 100_000) },
		"reports":  func(m *Node) { r.Reports = m.Int(1, 10_000) },
		"events":   func(m *Node) { r.Events = m.Int(1, 1_000_000) },
		"messages": func(m *Node) { r.Sent = m.Duration(day, 20*366*day) },
	})
	return r
}

// Tidied says what retention deleted.
type Tidied struct{ Targets, States, Reports, Events, Certificates, Messages int64 }

// Tidy deletes what is not to be kept any more. It goes in small steps, so that
// checks are not held up.
func (s *Store) Tidy(ctx context.Context, keep Retention, now time.Time) (t Tidied, err error) {
	old := milli(now.Add(-keep.Age))
	var ids []int64
	err = s.View(ctx, func(tx *Tx) error {
		return tx.each("SELECT id FROM targets ORDER BY id", nil, func(scan func(...any) error) error {
			var id int64
			err := scan(&id)
			ids = append(ids, id)
			return err
		})
	})
	for len(ids) > 0 && err == nil {
		n := min(len(ids), 200)
		step := ids[:n]
		ids = ids[n:]
		err = s.Update(ctx, func(tx *Tx) error {
			for _, id := range step {
				if err := t.target(tx, id, keep, old); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err != nil {
		return t, err
	}
	err = s.Update(ctx, func(tx *Tx) error {
		for _, one := range []struct {
			count *int64
			query string
			args  []any
		}{
			{&t.Messages, "DELETE FROM outbox WHERE ended > 0 AND ended < ?", []any{milli(now.Add(-keep.Sent))}},
			{&t.Targets, "DELETE FROM targets WHERE removed > 0 AND removed < ? AND NOT EXISTS (SELECT 1 FROM states a WHERE a.target = targets.id)", []any{old}},
			{&t.Certificates, "DELETE FROM certificates WHERE NOT EXISTS (SELECT 1 FROM state_certs k WHERE k.sha256 = certificates.sha256)", nil},
		} {
			n, err := tx.Exec(one.query, one.args...)
			if err != nil {
				return err
			}
			*one.count += n
		}
		return nil
	})
	if err == nil && s.d.shrink != "" {
		_, err = s.write.ExecContext(ctx, s.d.shrink)
	}
	return t, err
}

// target deletes what one target has too much of.
func (t *Tidied) target(tx *Tx, id int64, keep Retention, old int64) error {
	// The newest so many stay, and so does the state that has not ended, which is the
	// newest of all; below is what is to go.
	below := func(query string, n int) (limit int64, err error) {
		_, err = tx.one(query+" ORDER BY id DESC LIMIT 1 OFFSET ?", []any{id, n}, &limit)
		return limit, err
	}
	states, err := below("SELECT id FROM states WHERE target = ?", keep.States)
	if err != nil {
		return err
	}
	reports, err := below("SELECT id FROM states WHERE target = ?", keep.Reports)
	if err != nil {
		return err
	}
	events, err := below("SELECT id FROM events WHERE target = ?", keep.Events)
	if err != nil {
		return err
	}
	const gone = "(SELECT id FROM states WHERE target = ? AND (id <= ? OR ended > 0 AND ended < ?))"
	for _, one := range []struct {
		count *int64
		query string
		args  []any
	}{
		{&t.Reports, "DELETE FROM reports WHERE state IN (SELECT id FROM states WHERE target = ? AND id <= ?)", []any{id, reports}},
		{&t.Reports, "DELETE FROM reports WHERE state IN " + gone, []any{id, states, old}},
		{new(int64), "DELETE FROM state_certs WHERE state IN " + gone, []any{id, states, old}},
		{&t.States, "DELETE FROM states WHERE id IN " + gone, []any{id, states, old}},
		{&t.Events, "DELETE FROM events WHERE target = ? AND (id <= ? OR at < ?)", []any{id, events, old}},
	} {
		n, err := tx.Exec(one.query, one.args...)
		if err != nil {
			return err
		}
		*one.count += n
	}
	return nil
}

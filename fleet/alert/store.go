package alert

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/fleet/watch"
)

func milli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

const alertColumns = "id, alert_key, rule, severity, cause, finding, title, targets, names, began, ended, told, silenced, acked, acked_by, remark"

// alerts reads alerts, the newest first; limit 0 is all of them.
func alerts(tx *watch.Tx, where string, args []any, limit int) (all []Alert, err error) {
	query := "SELECT " + alertColumns + " FROM alerts WHERE " + where + " ORDER BY id DESC"
	if limit > 0 {
		query, args = query+" LIMIT ?", append(args, limit)
	}
	rows, err := tx.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all = []Alert{}
	for rows.Next() {
		var a Alert
		var names string
		var began, ended, told, silenced, acked int64
		if err := rows.Scan(&a.ID, &a.Key, &a.Rule, &a.Severity, &a.Cause, &a.Finding, &a.Title, &a.Targets, &names, &began, &ended, &told, &silenced, &acked, &a.AckedBy, &a.Comment); err != nil {
			return nil, err
		}
		a.Began, a.Ended, a.Told, a.Acked, a.Silenced = moment(began), moment(ended), moment(told), moment(acked), silenced != 0
		if err := json.Unmarshal([]byte(names), &a.Names); err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, rows.Err()
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (a *Alert) insert(tx *watch.Tx) error {
	names, err := json.Marshal(a.Names)
	if err != nil {
		return err
	}
	rows, err := tx.Query("INSERT INTO alerts (alert_key, rule, severity, cause, finding, title, targets, names, began, told, silenced) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
		a.Key, a.Rule, string(a.Severity), a.Cause, a.Finding, a.Title, a.Targets, string(names), milli(a.Began), milli(a.Told), flag(a.Silenced))
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		return errors.Join(errors.New("the alert got no number"), rows.Err())
	}
	return rows.Scan(&a.ID)
}

func (a *Alert) update(tx *watch.Tx) error {
	names, err := json.Marshal(a.Names)
	if err != nil {
		return err
	}
	_, err = tx.Exec("UPDATE alerts SET severity = ?, title = ?, targets = ?, names = ?, ended = ?, told = ?, silenced = ? WHERE id = ?",
		string(a.Severity), a.Title, a.Targets, string(names), milli(a.Ended), milli(a.Told), flag(a.Silenced), a.ID)
	return err
}

// Silence keeps alerts from being told for a while. An empty field is any; at least one must
// be set.
type Silence struct {
	ID      int64     `json:"id"`
	Rule    string    `json:"rule,omitempty"`
	Target  string    `json:"target,omitempty"` // name of a target
	Group   string    `json:"group,omitempty"`  // of targets
	Cause   string    `json:"cause,omitempty"`
	Finding string    `json:"finding,omitempty"`
	Until   time.Time `json:"until"`
	Created time.Time `json:"created"`
	By      string    `json:"by,omitempty"`
	Comment string    `json:"comment,omitempty"`
}

// covers reports whether a match is silenced.
func (s Silence) covers(rule string, m match) bool {
	is := func(want, have string) bool { return want == "" || want == have }
	return is(s.Rule, rule) && is(s.Target, m.name) && is(s.Group, m.group) && is(s.Cause, m.cause) && is(s.Finding, m.finding)
}

// errSilence says what a silence needs.
var errSilence = errors.New("a silence names a rule, target, group, cause or finding, and ends within a year")

// word is a text of a person's, bounded and safe to show.
func word(s string) string { return finding.Quote(strings.TrimSpace(s)) }

// Silence stores a silence and returns its number.
func (m *Manager) Silence(ctx context.Context, s Silence, now time.Time) (id int64, err error) {
	if s.Rule+s.Target+s.Group+s.Cause+s.Finding == "" || !s.Until.After(now) || s.Until.After(now.AddDate(1, 0, 0)) {
		return 0, errSilence
	}
	err = m.Store.Update(ctx, func(tx *watch.Tx) error {
		rows, err := tx.Query("INSERT INTO silences (rule, target, grp, cause, finding, until_at, created, made_by, remark) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
			s.Rule, s.Target, s.Group, s.Cause, s.Finding, milli(s.Until), milli(now), word(s.By), word(s.Comment))
		if err != nil {
			return err
		}
		defer rows.Close()
		if !rows.Next() {
			return errors.Join(errors.New("the silence got no number"), rows.Err())
		}
		return rows.Scan(&id)
	})
	if err == nil {
		m.Wake()
	}
	return id, err
}

// EndSilence ends a silence now.
func (m *Manager) EndSilence(ctx context.Context, id int64, now time.Time) error {
	err := m.Store.Update(ctx, func(tx *watch.Tx) error {
		n, err := tx.Exec("UPDATE silences SET until_at = ? WHERE id = ? AND until_at > ?", milli(now), id, milli(now))
		if err == nil && n == 0 {
			err = ErrNotFound
		}
		return err
	})
	if err == nil {
		m.Wake()
	}
	return err
}

// Silences returns the silences that hold now.
func (m *Manager) Silences(ctx context.Context, now time.Time) (all []Silence, err error) {
	err = m.Store.View(ctx, func(tx *watch.Tx) error {
		all, err = silences(tx, now)
		return err
	})
	return all, err
}

func silences(tx *watch.Tx, now time.Time) (all []Silence, err error) {
	rows, err := tx.Query("SELECT id, rule, target, grp, cause, finding, until_at, created, made_by, remark FROM silences WHERE until_at > ? ORDER BY id", milli(now))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all = []Silence{}
	for rows.Next() {
		var s Silence
		var until, created int64
		if err := rows.Scan(&s.ID, &s.Rule, &s.Target, &s.Group, &s.Cause, &s.Finding, &until, &created, &s.By, &s.Comment); err != nil {
			return nil, err
		}
		s.Until, s.Created = moment(until), moment(created)
		all = append(all, s)
	}
	return all, rows.Err()
}

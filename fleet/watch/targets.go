package watch

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/assaytls/assay/report"
)

// MaxTargets bounds the targets of one database.
const MaxTargets = 1_000_000

// Sync makes the targets of the configuration those of the database: what is new
// is added, what changed is due at once, what the configuration does not name any
// more is given up, with an event. Targets that somebody added over the API stay
// as long as their group is among groups.
func (s *Store) Sync(ctx context.Context, specs []Spec, groups []string, now time.Time) (added, removed int, err error) {
	if len(specs) > MaxTargets {
		return 0, 0, fmt.Errorf("%d targets are more than %d", len(specs), MaxTargets)
	}
	known := map[string]bool{}
	for _, g := range groups {
		known[g] = true
	}
	err = s.Update(ctx, func(tx *Tx) error {
		added, removed = 0, 0
		w := writing{tx: tx}
		if err := tx.ordered(); err != nil { // two processes that start together do not add the same target twice
			return err
		}
		w.ordered = true
		have, err := tx.existing("removed = 0")
		if err != nil {
			return err
		}
		for _, spec := range specs {
			old, there := have[spec.Key()]
			delete(have, spec.Key())
			if there && old.Origin == spec.Origin && same(old.Spec, spec) {
				continue
			}
			n, err := w.upsert(spec, 0, now)
			if err != nil {
				return err
			}
			added += n
		}
		for _, t := range have {
			if t.Origin == FromConfig || !known[t.Group] {
				if err := w.remove(t.ID, now); err != nil {
					return err
				}
				removed++
			}
		}
		return nil
	})
	return added, removed, err
}

// same reports whether nothing of a target needs to be written.
func same(a, b Spec) bool {
	return a.Kind == b.Kind && a.Name == b.Name && a.Interval == b.Interval && a.Digest == b.Digest && labelText(a.Labels) == labelText(b.Labels)
}

// AddTarget adds a target, or changes what is known of the one with its key. It is
// due at once. added is false when it was watched already.
func (s *Store) AddTarget(ctx context.Context, spec Spec, now time.Time) (t Target, added bool, err error) {
	err = s.Update(ctx, func(tx *Tx) error {
		w := writing{tx: tx}
		if err := tx.ordered(); err != nil {
			return err
		}
		w.ordered = true
		n, err := w.upsert(spec, 0, now)
		if err != nil {
			return err
		}
		added = n > 0
		var id int64
		if _, err := tx.one("SELECT id FROM targets WHERE name_key = ?", []any{spec.Key()}, &id); err != nil {
			return err
		}
		t, _, _, err = tx.target(id)
		return err
	})
	return t, added, err
}

// RemoveTarget gives a target up; its history stays until retention takes it.
func (s *Store) RemoveTarget(ctx context.Context, id int64, now time.Time) error {
	return s.Update(ctx, func(tx *Tx) error {
		t, _, found, err := tx.target(id)
		switch {
		case err != nil:
			return err
		case !found || !t.Removed.IsZero():
			return ErrNotFound
		}
		return (&writing{tx: tx}).remove(id, now)
	})
}

// upsert writes a target; added is 1 when it was not watched before.
func (w *writing) upsert(s Spec, parent int64, now time.Time) (added int, err error) {
	labels := labelText(s.Labels)
	var id, removed int64
	var digest []byte
	found, err := w.tx.one("SELECT id, removed, digest FROM targets WHERE name_key = ?", []any{s.Key()}, &id, &removed, &digest)
	if err != nil {
		return 0, err
	}
	if !found {
		found, err = w.tx.one(`INSERT INTO targets (name_key, kind, target, name, grp, labels, origin, parent, every, digest, search, added)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
			[]any{s.Key(), string(s.Kind), s.Target, s.Name, s.Group, labels, string(s.Origin), parent, s.Interval.Milliseconds(), s.Digest.bytes(), s.searched(), milli(now)}, &id)
		if err != nil || !found {
			return 0, fmt.Errorf("adding a target: %w", err)
		}
		return 1, w.due(id, now)
	}
	if _, err := w.tx.Exec("UPDATE targets SET kind = ?, name = ?, labels = ?, origin = ?, parent = ?, every = ?, digest = ?, search = ?, removed = 0 WHERE id = ?",
		string(s.Kind), s.Name, labels, string(s.Origin), parent, s.Interval.Milliseconds(), s.Digest.bytes(), s.searched(), id); err != nil {
		return 0, err
	}
	if removed != 0 {
		added = 1
	}
	if added == 1 || !bytes.Equal(digest, s.Digest.bytes()) {
		return added, w.due(id, now)
	}
	return added, nil
}

// searched is the text in which a search looks: everything that people know a target
// by, in lower case, one a line.
func (s Spec) searched() string {
	words := []string{s.Name, s.Target, s.Group}
	for _, k := range slices.Sorted(maps.Keys(s.Labels)) {
		words = append(words, k+"="+s.Labels[k])
	}
	return strings.ToLower(strings.Join(words, "\n"))
}

// due has a target checked at once.
func (w *writing) due(id int64, now time.Time) error {
	_, err := w.tx.Exec("INSERT INTO schedule (target, next_at) VALUES (?, ?) ON CONFLICT (target) DO UPDATE SET next_at = excluded.next_at", id, milli(now))
	return err
}

// remove gives up a target and those that its records named.
func (w *writing) remove(id int64, now time.Time) error {
	if !w.ordered {
		if err := w.tx.ordered(); err != nil {
			return err
		}
		w.ordered = true
	}
	t, _, found, err := w.tx.target(id)
	if err != nil || !found || !t.Removed.IsZero() {
		return err
	}
	children, err := w.tx.existing("removed = 0 AND parent = ?", id)
	if err != nil {
		return err
	}
	for _, c := range children {
		if err := w.remove(c.ID, now); err != nil {
			return err
		}
	}
	for _, q := range []string{"DELETE FROM schedule WHERE target = ?", "DELETE FROM findings WHERE target = ?", "DELETE FROM standings WHERE target = ?"} {
		if _, err := w.tx.Exec(q, id); err != nil {
			return err
		}
	}
	if _, err := w.tx.Exec("UPDATE targets SET removed = ? WHERE id = ?", milli(now), id); err != nil {
		return err
	}
	if t.State == 0 {
		return nil // nobody ever heard of it
	}
	if _, err := w.tx.Exec("UPDATE states SET ended = ?, checks = ? WHERE id = ?", milli(now), t.Checks, t.State); err != nil {
		return err
	}
	was := &Facts{Verdict: t.Verdict}
	if t.Row != nil {
		was.Headline, was.Title, was.Certificate, was.Key = t.Row.Headline, t.Row.Title, Hash(t.Row.Leaf).String(), Hash(t.Row.SPKI).String()
	}
	return w.event(t, t.State, now, fmt.Sprintf("%d-%d-removed", t.ID, t.State), Event{Kind: Removed, Before: was})
}

// servers makes the targets that the records of a service target name those that
// are watched for it.
func (w *writing) servers(parent Job, specs []Spec, now time.Time) error {
	have, err := w.tx.existing("removed = 0 AND parent = ?", parent.ID)
	if err != nil {
		return err
	}
	for _, spec := range specs {
		old, there := have[spec.Key()]
		delete(have, spec.Key())
		if there && same(old.Spec, spec) {
			continue
		}
		if _, err := w.upsert(spec, parent.ID, now); err != nil {
			return err
		}
	}
	for _, t := range have {
		if err := w.remove(t.ID, now); err != nil {
			return err
		}
	}
	return nil
}

const targetColumns = `t.id, t.kind, t.target, t.name, t.grp, t.labels, t.origin, t.every, t.digest, t.added, t.removed`

// existing returns targets by their keys, without where they stand.
func (tx *Tx) existing(where string, args ...any) (map[string]Target, error) {
	all := map[string]Target{}
	err := tx.each("SELECT "+targetColumns+" FROM targets t WHERE "+where, args, func(scan func(...any) error) error {
		var t Target
		if err := scanTarget(&t, scan); err != nil {
			return err
		}
		all[t.Key()] = t
		return nil
	})
	return all, err
}

// scanTarget reads targetColumns, and what stands behind them.
func scanTarget(t *Target, scan func(...any) error, more ...any) error {
	var kind, labels, origin string
	var every, added, removed int64
	var digest []byte
	if err := scan(append([]any{&t.ID, &kind, &t.Target, &t.Name, &t.Group, &labels, &origin, &every, &digest, &added, &removed}, more...)...); err != nil {
		return err
	}
	t.Kind, t.Origin, t.Interval, t.Digest = Kind(kind), Origin(origin), time.Duration(every)*time.Millisecond, hashFrom(digest)
	t.Added, t.Removed = moment(added), moment(removed)
	if labels != "" {
		if err := json.Unmarshal([]byte(labels), &t.Labels); err != nil {
			return fmt.Errorf("the labels of target %d: %w", t.ID, err)
		}
	}
	return nil
}

// target reads one target with where it stands, and its claim.
func (tx *Tx) target(id int64) (t Target, claim int64, found bool, err error) {
	var next int64
	err = tx.each("SELECT "+targetColumns+", COALESCE(s.next_at, 0), COALESCE(s.claim, 0) FROM targets t LEFT JOIN schedule s ON s.target = t.id WHERE t.id = ?", []any{id},
		func(scan func(...any) error) error {
			found = true
			return scanTarget(&t, scan, &next, &claim)
		})
	if err != nil || !found {
		return t, 0, false, err
	}
	t.Next = moment(next)
	st, _, err := tx.standing(id)
	t.Standing = st.Standing
	return t, claim, true, err
}

const standingColumns = `n.checked, n.took, n.failures, n.state, n.since, n.checks, n.verdict, n.verdict_since, n.ends, n.line`

// standingScan reads standingColumns.
type standingScan struct {
	checked, took, state, since, checks, verdictSince, ends int64
	failures                                                int
	verdict, line                                           string
}

func (r *standingScan) to() []any {
	return []any{&r.checked, &r.took, &r.failures, &r.state, &r.since, &r.checks, &r.verdict, &r.verdictSince, &r.ends, &r.line}
}

func (r *standingScan) standing() (s Standing, err error) {
	s = Standing{Checked: moment(r.checked), Took: time.Duration(r.took) * time.Millisecond, Failures: r.failures, State: r.state, Since: moment(r.since),
		Checks: r.checks, Verdict: report.Verdict(r.verdict), VerdictSince: moment(r.verdictSince), Ends: moment(r.ends)}
	if r.line != "" {
		s.Row = &report.Row{}
		err = json.Unmarshal([]byte(r.line), s.Row)
	}
	return s, err
}

// standing reads where a target stands; found is false before its first check.
func (tx *Tx) standing(id int64) (s standing, found bool, err error) {
	var r standingScan
	var digest, leaf, spki, issuer []byte
	var chain string
	found, err = tx.one("SELECT "+standingColumns+", n.digest, n.cert, n.spki, n.issuer, n.sent FROM standings n WHERE n.target = ?", []any{id},
		append(r.to(), &digest, &leaf, &spki, &issuer, &chain)...)
	if err != nil || !found {
		return s, false, err
	}
	if s.Standing, err = r.standing(); err != nil {
		return s, false, err
	}
	s.digest, s.leaf, s.spki, s.issuer = hashFrom(digest), hashFrom(leaf), hashFrom(spki), hashFrom(issuer)
	return s, true, json.Unmarshal([]byte(chain), &s.chain)
}

// put writes a row in the place of the one with the same key: the first so many
// columns.
func (tx *Tx) put(table string, keys int, columns []string, values ...any) error {
	var set []string
	for _, c := range columns[keys:] {
		set = append(set, c+" = excluded."+c)
	}
	_, err := tx.Exec("INSERT INTO "+table+" ("+strings.Join(columns, ", ")+") VALUES (?"+strings.Repeat(", ?", len(columns)-1)+
		") ON CONFLICT ("+strings.Join(columns[:keys], ", ")+") DO UPDATE SET "+strings.Join(set, ", "), values...)
	return err
}

func labelText(labels map[string]string) string {
	if len(labels) == 0 {
		return ""
	}
	b, _ := json.Marshal(labels) // maps are written in order, and strings do not fail
	return string(b)
}

package watch

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Result is what came of a job, to be stored.
type Result struct {
	Job     Job
	Outcome Outcome
	Next    time.Time // when the target is due again
	Fails   int       // how many checks in a row, this one included, did not reach it
}

// Record stores results, all in one transaction: the report, the events that it
// makes, and when the next check is due. A result whose claim was lost meanwhile
// is dropped, since somebody else checks that target; recorded says how many were
// stored. Events are what Record is asked for: when it returns without an error
// they are in the database for good, each once.
func (s *Store) Record(ctx context.Context, results []Result) (recorded int, events []Event, err error) {
	type ready struct {
		Result
		f    *facts
		body []byte
		line []byte
	}
	all := make([]ready, 0, len(results))
	for _, r := range results {
		one := ready{Result: r, f: factsOf(r.Outcome.Report)}
		if one.body, err = s.packed(r.Outcome.Report); err != nil {
			return 0, nil, err
		}
		if one.line, err = json.Marshal(one.f.row); err != nil {
			return 0, nil, err
		}
		all = append(all, one)
	}
	err = s.Update(ctx, func(tx *Tx) error {
		recorded, events = 0, nil
		w := writing{tx: tx}
		for _, r := range all {
			// A schedule that somebody moved while the check ran, with CheckNow, stands: that
			// check is still to come.
			n, err := tx.Exec("UPDATE schedule SET next_at = CASE WHEN next_at > ? THEN next_at ELSE ? END, claimed_until = 0, claimed_by = '' WHERE target = ? AND claim = ?",
				milli(r.Job.at), milli(r.Next), r.Job.ID, r.Job.claim)
			if err != nil {
				return err
			}
			if n == 0 {
				continue
			}
			if err := w.result(r.Result, r.f, r.body, r.line); err != nil {
				return err
			}
			recorded++
		}
		events = w.events
		return nil
	})
	if err != nil {
		return 0, nil, fmt.Errorf("storing what %d checks came to: %w", len(results), err)
	}
	return recorded, events, nil
}

// writing is one transaction that stores results.
type writing struct {
	tx      *Tx
	ordered bool
	events  []Event
}

// standing is what the database has of a target before a check.
type standing struct {
	Standing
	digest, leaf, spki, issuer Hash
	chain                      []string
}

// result stores one result, whose claim holds.
func (w *writing) result(r Result, f *facts, body, line []byte) error {
	at := r.Outcome.Report.Time
	was, known, err := w.tx.standing(r.Job.ID)
	if err != nil {
		return err
	}
	now := standing{digest: f.digest(), leaf: f.leaf, spki: f.spki, issuer: f.issuer, chain: f.chain}
	now.Standing = Standing{Checked: at, Took: r.Outcome.Took, Failures: r.Fails, State: was.State, Since: was.Since, Checks: was.Checks + 1,
		Verdict: f.row.Verdict, VerdictSince: was.VerdictSince, Ends: firstEnd(f.ends, at)}
	if !f.seen { // what the server had when it was last seen is compared with the next time
		now.leaf, now.spki, now.issuer, now.chain = was.leaf, was.spki, was.issuer, was.chain
	}
	if !known || was.Verdict != now.Verdict {
		now.VerdictSince = at
	}
	if !known || was.digest != now.digest {
		if err := w.begin(r, f, &was, &now, known, line); err != nil {
			return err
		}
	}
	if err := w.tx.put("reports", 1, []string{"state", "body"}, now.State, body); err != nil {
		return err
	}
	chain, err := json.Marshal(now.chain)
	if err != nil {
		return err
	}
	if err := w.tx.put("standings", 1, []string{"target", "checked", "took", "failures", "state", "since", "checks", "verdict", "verdict_since", "headline", "ends",
		"digest", "cert", "spki", "issuer", "sent", "line"},
		r.Job.ID, milli(now.Checked), now.Took.Milliseconds(), now.Failures, now.State, milli(now.Since), now.Checks, string(now.Verdict), milli(now.VerdictSince),
		string(f.row.Headline), milli(now.Ends), now.digest.bytes(), now.leaf.bytes(), now.spki.bytes(), now.issuer.bytes(), string(chain), string(line)); err != nil {
		return err
	}
	if r.Outcome.Resolved {
		return w.servers(r.Job, r.Outcome.Servers, at)
	}
	return nil
}

// begin ends the state that there was, begins the next, and writes the events.
func (w *writing) begin(r Result, f *facts, was, now *standing, known bool, line []byte) error {
	at := r.Outcome.Report.Time
	if known {
		if _, err := w.tx.Exec("UPDATE states SET ended = ?, checks = ?, line = (SELECT line FROM standings WHERE target = ?) WHERE id = ?",
			milli(at), was.Checks, r.Job.ID, was.State); err != nil {
			return err
		}
	}
	now.Since, now.Checks = at, 1
	found, err := w.tx.one("INSERT INTO states (target, began, checks, line) VALUES (?, ?, 1, ?) RETURNING id", []any{r.Job.ID, milli(at), string(line)}, &now.State)
	if err != nil || !found {
		return fmt.Errorf("a new state: %w", err)
	}
	if err := w.certificates(now.State, f, at); err != nil {
		return err
	}
	before, err := w.findings(r.Job.ID, f, at)
	if err != nil {
		return err
	}
	changes, err := w.changes(f, was, now, known, before)
	if err != nil {
		return err
	}
	return w.write(r.Job.Target, now.State, at, changes)
}

// certificates stores those of a report that are not known yet, and which of them
// belong to the state.
func (w *writing) certificates(state int64, f *facts, at time.Time) error {
	for _, c := range f.certs {
		if c.der != nil {
			ca := 0
			if c.c.CA {
				ca = 1
			}
			if _, err := w.tx.Exec(`INSERT INTO certificates (sha256, der, subject, issuer, serial, key_kind, spki, ca, not_before, not_after, first_seen, search)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (sha256) DO NOTHING`,
				c.sha256.bytes(), c.der, quoted(c.c.Subject), quoted(c.c.Issuer), clip(c.c.Serial), quoted(c.c.Key), hashOf(c.c.SPKISHA256).bytes(), ca,
				milli(c.c.NotBefore), milli(c.c.NotAfter), milli(at), certSearched(c.c)); err != nil {
				return err
			}
		}
		if _, err := w.tx.Exec("INSERT INTO state_certs (state, sha256, place, role) VALUES (?, ?, ?, ?) ON CONFLICT (state, sha256) DO NOTHING",
			state, c.sha256.bytes(), c.place, string(c.role)); err != nil {
			return err
		}
	}
	return nil
}

// findings brings the findings of a target up to date and returns those that it
// had.
func (w *writing) findings(target int64, f *facts, at time.Time) (before []Finding, err error) {
	if before, err = w.tx.findings(target); err != nil {
		return nil, err
	}
	type place struct{ id, sha256 string }
	had := map[place]Finding{}
	for _, g := range before {
		had[place{string(g.ID), g.SHA256}] = g
	}
	for i := range f.findings {
		g := &f.findings[i]
		key := place{string(g.ID), g.SHA256}
		old, same := had[key]
		delete(had, key)
		if g.Since = at; same {
			g.Since = old.Since
		}
		if same && old == *g {
			continue
		}
		if err := w.tx.put("findings", 3, []string{"target", "id", "sha256", "severity", "role", "subject", "title", "cause", "since"},
			target, key.id, key.sha256, int(g.Severity), string(g.Role), g.Subject, g.Title, g.Cause, milli(g.Since)); err != nil {
			return nil, err
		}
	}
	for key, g := range had {
		if f.keeps(g) {
			continue
		}
		if _, err := w.tx.Exec("DELETE FROM findings WHERE target = ? AND id = ? AND sha256 = ?", target, key.id, key.sha256); err != nil {
			return nil, err
		}
	}
	return before, nil
}

// write adds events.
func (w *writing) write(t Target, state int64, at time.Time, changes []Event) error {
	for i, e := range changes {
		if err := w.event(t, state, at, fmt.Sprintf("%d-%d-%d", t.ID, state, i), e); err != nil {
			return err
		}
	}
	return nil
}

// event adds one event.
func (w *writing) event(t Target, state int64, at time.Time, key string, e Event) error {
	if !w.ordered {
		if err := w.tx.ordered(); err != nil {
			return err
		}
		w.ordered = true
	}
	e.Key, e.Target, e.Name, e.Group, e.Time, e.State = key, t.ID, t.Name, t.Group, at.UTC().Truncate(time.Millisecond), state
	before, err := factsText(e.Before)
	if err != nil {
		return err
	}
	after, err := factsText(e.After)
	if err != nil {
		return err
	}
	found, err := w.tx.one("INSERT INTO events (event_key, target, name, grp, kind, at, state, was, became) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
		[]any{e.Key, e.Target, e.Name, e.Group, string(e.Kind), milli(at), state, before, after}, &e.ID)
	if err != nil || !found {
		return fmt.Errorf("an event: %w", err)
	}
	w.events = append(w.events, e)
	return nil
}

func factsText(f *Facts) (string, error) {
	if f == nil {
		return "", nil
	}
	b, err := json.Marshal(f)
	return string(b), err
}

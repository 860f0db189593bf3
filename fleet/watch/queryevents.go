package watch

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// withPEM gives a report's certificates their bytes back.
func withPEM(r *report.Report, ders map[string][]byte) {
	for i := range r.Certs {
		if der := ders[r.Certs[i].SHA256]; der != nil {
			r.Certs[i].PEM = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
		}
	}
	if r.AlsoServes != nil {
		withPEM(r.AlsoServes, ders)
	}
}

// EventQuery says which events are wanted. The zero query is all, the oldest
// first.
type EventQuery struct {
	After  int64     // those with a higher number
	Before int64     // those with a lower number; 0 is no bound
	Target int64     // of this target; 0 is all
	Group  string    // of this group
	Kind   EventKind // of this kind
	Newest bool      // the newest first
	Limit  int       // 0 is DefaultPage
}

// Events returns events. A reader that goes on after the highest number it had
// misses none and gets none twice.
func (s *Store) Events(ctx context.Context, q EventQuery) (events []Event, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		events, err = tx.events(q)
		return err
	})
	return events, err
}

// LastEvent is the number of the newest event, 0 for none.
func (s *Store) LastEvent(ctx context.Context) (id int64, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		_, err := tx.one("SELECT COALESCE(MAX(id), 0) FROM events", nil, &id)
		return err
	})
	return id, err
}

func (tx *Tx) events(q EventQuery) ([]Event, error) {
	events := []Event{}
	where, args := "id > ?", []any{q.After}
	add := func(condition string, v any) { where, args = where+" AND "+condition, append(args, v) }
	if q.Before > 0 {
		add("id < ?", q.Before)
	}
	if q.Target > 0 {
		add("target = ?", q.Target)
	}
	if q.Group != "" {
		add("grp = ?", q.Group)
	}
	if q.Kind != "" {
		add("kind = ?", string(q.Kind))
	}
	order := " ORDER BY id"
	if q.Newest {
		order += " DESC"
	}
	err := tx.each("SELECT id, event_key, target, name, grp, kind, at, state, was, became FROM events WHERE "+where+order+" LIMIT ?", append(args, pageSize(q.Limit)),
		func(scan func(...any) error) error {
			var e Event
			var at int64
			var kind, was, became string
			if err := scan(&e.ID, &e.Key, &e.Target, &e.Name, &e.Group, &kind, &at, &e.State, &was, &became); err != nil {
				return err
			}
			e.Kind, e.Time = EventKind(kind), moment(at)
			for _, side := range []struct {
				text string
				to   **Facts
			}{{was, &e.Before}, {became, &e.After}} {
				if side.text == "" {
					continue
				}
				*side.to = &Facts{}
				if err := json.Unmarshal([]byte(side.text), *side.to); err != nil {
					return err
				}
			}
			events = append(events, e)
			return nil
		})
	return events, err
}

// findings are those that a target has, the worst first.
func (tx *Tx) findings(target int64) ([]Finding, error) {
	all := []Finding{}
	err := tx.each("SELECT id, sha256, severity, role, subject, title, cause, since FROM findings WHERE target = ? ORDER BY severity DESC, id, sha256", []any{target},
		func(scan func(...any) error) error {
			g, err := scanFinding(scan)
			all = append(all, g)
			return err
		})
	return all, err
}

func scanFinding(scan func(...any) error, more ...any) (g Finding, err error) {
	var id, role string
	var severity int
	var since int64
	err = scan(append([]any{&id, &g.SHA256, &severity, &role, &g.Subject, &g.Title, &g.Cause, &since}, more...)...)
	g.ID, g.Severity, g.Role, g.Since = finding.ID(id), finding.Severity(severity), report.Role(role), moment(since)
	return g, err
}

// Findings returns the findings that a target has now, the worst first. While a
// server does not answer, those about its certificate stay as they were.
func (s *Store) Findings(ctx context.Context, target int64) (all []Finding, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		all, err = tx.findings(target)
		return err
	})
	return all, err
}

// FindingCount is how many targets have a finding.
type FindingCount struct {
	ID       finding.ID       `json:"id"`
	Severity finding.Severity `json:"severity"` // the worst that it has anywhere
	Targets  int              `json:"targets"`
	Oldest   time.Time        `json:"oldest"` // since when the first of them has it
}

// FindingCounts lists the findings that targets have now, the worst first, then
// those that most have.
func (s *Store) FindingCounts(ctx context.Context) (all []FindingCount, err error) {
	all = []FindingCount{}
	err = s.View(ctx, func(tx *Tx) error {
		return tx.each("SELECT id, MAX(severity), COUNT(DISTINCT target), MIN(since) FROM findings GROUP BY id ORDER BY 2 DESC, 3 DESC, 1", nil, func(scan func(...any) error) error {
			var c FindingCount
			var id string
			var severity int
			var since int64
			err := scan(&id, &severity, &c.Targets, &since)
			c.ID, c.Severity, c.Oldest = finding.ID(id), finding.Severity(severity), moment(since)
			all = append(all, c)
			return err
		})
	})
	return all, err
}

// CauseCount is a cause outside of the targets and how many suffer from it.
type CauseCount struct {
	Cause    string           `json:"cause"` // see Finding.Cause
	Subject  string           `json:"subject,omitempty"`
	Severity finding.Severity `json:"severity"`
	Targets  int              `json:"targets"`
	Since    time.Time        `json:"since"`
}

// Causes lists the causes of findings of severity warning and above, those first
// that most targets suffer from; 100 at most.
func (s *Store) Causes(ctx context.Context) (all []CauseCount, err error) {
	all = []CauseCount{}
	err = s.View(ctx, func(tx *Tx) error {
		return tx.each("SELECT cause, MAX(subject), MAX(severity), COUNT(DISTINCT target), MIN(since) FROM findings WHERE cause <> '' AND severity >= ? GROUP BY cause ORDER BY 4 DESC, 1 LIMIT 100",
			[]any{int(finding.Warning)}, func(scan func(...any) error) error {
				c, err := scanCause(scan)
				all = append(all, c)
				return err
			})
	})
	return all, err
}

// Summary is how many targets there are, by verdict.
type Summary struct {
	Targets      int       `json:"targets"`
	Accept       int       `json:"accept"`
	Reject       int       `json:"reject"`
	Inconclusive int       `json:"inconclusive"`
	Unchecked    int       `json:"unchecked"`        // not checked yet
	Overdue      int       `json:"overdue"`          // should have been checked by now
	Oldest       time.Time `json:"oldest,omitzero"`  // of the newest checks of all targets
	Pending      int       `json:"pending"`          // messages that wait to be delivered
	Dead         int       `json:"dead"`             // messages that could not be delivered
	Event        int64     `json:"event"`            // number of the newest event
	Version      int       `json:"database_version"` // of the tables
}

// Summary counts.
func (s *Store) Summary(ctx context.Context, now time.Time) (sum Summary, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		sum = Summary{}
		if _, err := tx.one("SELECT COUNT(*) FROM targets WHERE removed = 0", nil, &sum.Targets); err != nil {
			return err
		}
		var oldest int64
		checked := 0
		err := tx.each("SELECT verdict, COUNT(*) FROM standings GROUP BY verdict", nil, func(scan func(...any) error) error {
			var verdict string
			var n int
			if err := scan(&verdict, &n); err != nil {
				return err
			}
			checked += n
			switch report.Verdict(verdict) {
			case report.Accept:
				sum.Accept = n
			case report.Reject:
				sum.Reject = n
			default:
				sum.Inconclusive += n
			}
			return nil
		})
		if err != nil {
			return err
		}
		sum.Unchecked = max(0, sum.Targets-checked)
		for _, q := range []struct {
			query string
			args  []any
			to    any
		}{
			{"SELECT COUNT(*) FROM schedule WHERE next_at < ?", []any{milli(now.Add(-overdue))}, &sum.Overdue},
			{"SELECT COUNT(*) FROM outbox WHERE ended = 0", nil, &sum.Pending},
			{"SELECT COUNT(*) FROM outbox WHERE dead = 1", nil, &sum.Dead},
			{"SELECT COALESCE(MAX(id), 0) FROM events", nil, &sum.Event},
			{"SELECT COALESCE(MIN(checked), 0) FROM standings", nil, &oldest},
		} {
			if _, err := tx.one(q.query, q.args, q.to); err != nil {
				return err
			}
		}
		sum.Oldest = moment(oldest)
		sum.Version, err = tx.version()
		return err
	})
	return sum, err
}

// overdue is how late a check may be before it is counted as late.
const overdue = 2 * time.Minute

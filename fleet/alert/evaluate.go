package alert

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/assaytls/assay/fleet/watch"
	"github.com/assaytls/assay/report"
)

// The bounds of one evaluation.
const (
	maxMatches = 200_000 // targets that one rule may match
	maxShown   = 20      // names of targets in a message
	maxTitle   = 300     // characters
)

// match is one target for which a rule's condition is met.
type match struct {
	target      int64
	name, group string
	cause       string // outside of the target; "" is its own
	finding     string // its kind; "" when it is about none
	title       string
}

// key is what makes matches of one rule one alert: the cause that they share, or the target.
func (m match) key(rule string) string {
	if m.cause != "" {
		return rule + "\x1f" + m.cause
	}
	return fmt.Sprintf("%s\x1ftarget:%d", rule, m.target)
}

// fromTargets is what every condition selects from.
const fromTargets = " FROM standings n JOIN targets t ON t.id = n.target AND t.removed = 0 "

// matches are the targets for which a rule's condition is met now.
func matches(tx *watch.Tx, r Rule, now time.Time) (all []match, err error) {
	c := r.When
	since := now.Add(-c.lasting).UnixMilli()
	var query string
	var args []any
	columns := "SELECT t.id, t.name, t.grp, "
	switch c.kind {
	case expires:
		query = columns + "c.sha256, c.subject, c.not_after, sc.place" + fromTargets +
			"JOIN state_certs sc ON sc.state = n.state AND sc.place >= 0 JOIN certificates c ON c.sha256 = sc.sha256 WHERE sc.role <> ? AND c.not_after > 0"
		args = append(args, string(report.Anchor))
		if c.percent > 0 {
			query += " AND (c.not_after - ?) * 100 < (c.not_after - c.not_before) * ?"
			args = append(args, now.UnixMilli(), c.percent)
		} else {
			query += " AND c.not_after < ?"
			args = append(args, now.Add(c.within).UnixMilli())
		}
		return readExpiring(tx, r, query, args)
	case ends:
		query = columns + "'', '', n.ends" + fromTargets + "WHERE n.ends > 0 AND n.ends < ?"
		args = append(args, now.Add(c.within).UnixMilli())
	case verdictIs:
		query = columns + "COALESCE((SELECT MAX(f.cause) FROM findings f WHERE f.target = n.target AND f.id = n.headline), ''), n.headline, n.line" + fromTargets +
			"WHERE n.verdict_since <= ? AND n.verdict IN (?" + strings.Repeat(", ?", len(c.verdicts)-1) + ")"
		args = append(args, since)
		for _, v := range c.verdicts {
			args = append(args, string(v))
		}
	case findingIs:
		query = columns + "f.cause, f.id, f.title" + fromTargets + "JOIN findings f ON f.target = n.target WHERE f.since <= ? AND f.id IN (?" + strings.Repeat(", ?", len(c.findings)-1) + ")"
		args = append(args, since)
		for _, id := range c.findings {
			args = append(args, string(id))
		}
	case unreachable:
		query = columns + "'', n.headline, n.line" + fromTargets + "WHERE n.failures > 0 AND n.since <= ?"
		args = append(args, since)
	default:
		return nil, nil
	}
	query, args = r.bounded(query, args)
	rows, err := tx.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var m match
		var text any
		if err := rows.Scan(&m.target, &m.name, &m.group, &m.cause, &m.finding, &text); err != nil {
			return nil, err
		}
		m.title = titleOf(c, text)
		all = append(all, m)
	}
	return all, rows.Err()
}

// bounded adds the rule's groups to a query, and the bound.
func (r Rule) bounded(query string, args []any) (string, []any) {
	if len(r.Groups) > 0 {
		query += " AND t.grp IN (?" + strings.Repeat(", ?", len(r.Groups)-1) + ")"
		for _, g := range r.Groups {
			args = append(args, g)
		}
	}
	return query + " ORDER BY t.id LIMIT ?", append(args, maxMatches)
}

// readExpiring reads certificates that end: a CA's is one cause for all below it.
func readExpiring(tx *watch.Tx, r Rule, query string, args []any) (all []match, err error) {
	query, args = r.bounded(query, args)
	rows, err := tx.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var m match
		var hash []byte
		var subject string
		var notAfter, place int64
		if err := rows.Scan(&m.target, &m.name, &m.group, &hash, &subject, &notAfter, &place); err != nil {
			return nil, err
		}
		m.title = fmt.Sprintf("the certificate of %s expires on %s", cmp.Or(subject, m.name), day(notAfter))
		if place > 0 {
			m.cause = "certificate:" + hex.EncodeToString(hash)
			m.title = fmt.Sprintf("the CA certificate of %s expires on %s", subject, day(notAfter))
		}
		all = append(all, m)
	}
	return all, rows.Err()
}

func day(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02 15:04 UTC") }

// titleOf is what is wrong with a target, in words.
func titleOf(c Condition, text any) string {
	switch v := text.(type) {
	case int64:
		return "a certificate, list or response ends on " + day(v)
	case string:
		if c.kind == findingIs {
			return clip(v)
		}
		var row report.Row
		if json.Unmarshal([]byte(v), &row) == nil && row.Title != "" {
			return clip(row.Title)
		}
	case []byte:
		return titleOf(c, string(v))
	}
	return "the condition is met: " + c.text
}

func clip(s string) string {
	if r := []rune(s); len(r) > maxTitle {
		return string(r[:maxTitle]) + "…"
	}
	return s
}

// Alert is one thing that is wrong, whatever number of targets it is wrong with.
type Alert struct {
	ID        int64     `json:"id"`
	Key       string    `json:"key"` // the same while it lasts: rule and cause
	Rule      string    `json:"rule"`
	Severity  Severity  `json:"severity"`
	Cause     string    `json:"cause,omitempty"`   // as in watch.Finding; "" when it is one target's own
	Finding   string    `json:"finding,omitempty"` // its kind
	Title     string    `json:"title"`
	Targets   int       `json:"targets"` // how many
	Names     []string  `json:"names"`   // the first of them
	Began     time.Time `json:"began"`
	Ended     time.Time `json:"ended,omitzero"` // zero while it lasts
	Told      time.Time `json:"told,omitzero"`  // the newest message
	Silenced  bool      `json:"silenced,omitempty"`
	Acked     time.Time `json:"acknowledged,omitzero"` // somebody looks after it: it is not told again
	AckedBy   string    `json:"acknowledged_by,omitempty"`
	Comment   string    `json:"comment,omitempty"`
	condition string
}

// gather makes alerts of the matches of all rules. Silenced targets count, and an alert of which
// all are silenced is silenced.
func gather(tx *watch.Tx, rules []Rule, quiet []Silence, now time.Time) (map[string]*Alert, error) {
	found := map[string]*Alert{}
	for _, r := range rules {
		all, err := matches(tx, r, now)
		if err != nil {
			return nil, fmt.Errorf("the rule %s: %w", r.Name, err)
		}
		seen := map[string]bool{} // of a target with two such findings one counts
		for _, m := range all {
			key := m.key(r.Name)
			silenced := slices.ContainsFunc(quiet, func(s Silence) bool { return s.covers(r.Name, m) })
			a := found[key]
			if a == nil {
				a = &Alert{Key: key, Rule: r.Name, Severity: r.Severity, Cause: m.cause, Finding: m.finding, Title: m.title, Began: now, Silenced: true, condition: r.When.text}
				found[key] = a
			}
			a.Silenced = a.Silenced && silenced
			once := fmt.Sprint(key, " ", m.target)
			if seen[once] {
				continue
			}
			seen[once] = true
			if a.Targets++; len(a.Names) < maxShown {
				a.Names = append(a.Names, m.name)
			}
		}
	}
	return found, nil
}

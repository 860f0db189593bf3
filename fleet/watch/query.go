package watch

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// The sizes of pages.
const (
	DefaultPage = 100
	MaxPage     = 1000
)

// Order is how targets are sorted.
type Order string

// The orders. Ties are broken by number, so that pages neither repeat nor skip.
const (
	ByName    Order = "name"    // the zero order
	ByEnd     Order = "end"     // what ends first; targets of which nothing ends are left out
	ByChecked Order = "checked" // the newest check first; what was not checked is left out
	BySince   Order = "since"   // the newest change of verdict first; likewise
	ByWorst   Order = "worst"   // what is rejected first, then inconclusive, not checked yet, accepted
)

// TargetQuery says which targets are wanted. The zero query is all that are
// watched, by name, the first page.
type TargetQuery struct {
	Search   string           // a part of the name, the target, the group or a label (NAME=VALUE), whatever the case
	Group    string           // of this group
	Verdicts []report.Verdict // one of these; "" is not checked yet
	Finding  finding.ID       // that have this finding
	Cause    string           // that have a finding of this cause
	Headline finding.ID       // whose root cause this is
	Cert     Hash             // that show or use this certificate
	Issuer   Hash             // whose certificate was issued by this certificate
	EndsIn   time.Duration    // of which something ends within this time; 0 is any
	Removed  bool             // also those that are watched no longer
	Order    Order
	Page     string // as TargetPage.Next had it; "" is the first page
	Limit    int    // 0 is DefaultPage
	// Anywhere is a part of what Search looks in, of the issuer's name, or of the name of
	// a kind of finding, whatever the case.
	Anywhere string
	Label    string // NAME=VALUE: that have this label
}

// TargetPage is a page of targets.
type TargetPage struct {
	Targets []Target `json:"targets"`
	Next    string   `json:"next,omitempty"` // the next page; "" is the end
	Total   int      `json:"total"`          // how many the query matches, on all pages
}

// ErrPage is returned for a page that no answer named.
var ErrPage = errors.New("there is no such page")

// orders have the columns of each order, which stand in an index together, and
// whether it falls. An order by standings leaves out what has none.
var orders = map[Order]struct {
	column, id string
	falls      bool
	where      string
}{
	ByName:    {"t.name", "t.id", false, ""},
	ByEnd:     {"n.ends", "n.target", false, "n.ends > 0"},
	ByChecked: {"n.checked", "n.target", true, "n.checked > 0"},
	BySince:   {"n.verdict_since", "n.target", true, "n.verdict_since > 0"},
}

// Targets that have a certificate: from the certificate on, which is right for a
// server's own, and from the target on, where a CA's has so many that a page of them is
// soon full.
const (
	fromCert   = "n.state IN (SELECT state FROM state_certs WHERE sha256 = ?)"
	ofCert     = "EXISTS (SELECT 1 FROM state_certs k WHERE k.state = n.state AND k.sha256 = ?)"
	manyOfCert = 500
)

// Targets returns a page of targets with where they stand.
func (s *Store) Targets(ctx context.Context, q TargetQuery, now time.Time) (p TargetPage, err error) {
	if q.Order == "" {
		q.Order = ByName
	}
	order, ok := orders[q.Order]
	if !ok && q.Order != ByWorst {
		return p, fmt.Errorf("%q is no order of targets", q.Order)
	}
	limit := pageSize(q.Limit)
	where, args := q.where(now, s.d)
	from := " FROM targets t LEFT JOIN standings n ON n.target = t.id WHERE " + where
	if order.where != "" {
		from = " FROM standings n JOIN targets t ON t.id = n.target WHERE " + order.where + " AND " + where
	}
	direction, compare := "", ">"
	if order.falls {
		direction, compare = " DESC", "<"
	}
	err = s.View(ctx, func(tx *Tx) error {
		p = TargetPage{Targets: []Target{}}
		if _, err := tx.one("SELECT COUNT(*)"+from, args, &p.Total); err != nil {
			return err
		}
		if p.Total > manyOfCert {
			where, from = strings.Replace(where, fromCert, ofCert, 1), strings.Replace(from, fromCert, ofCert, 1)
		}
		if q.Order == ByWorst {
			return tx.worst(&q, where, args, limit, &p)
		}
		page, at := "", slices.Clone(args)
		if q.Page != "" {
			value, id, err := readPage(q.Page, q.Order)
			if err != nil {
				return err
			}
			page = fmt.Sprintf(" AND (%s %s ? OR %s = ? AND %s %s ?)", order.column, compare, order.column, order.id, compare)
			at = append(at, value, value, id)
		}
		// First the numbers alone, for sorting whole rows costs more than reading a page of
		// them.
		var ids []any
		var keys []any
		err := tx.each("SELECT t.id, "+order.column+from+page+" ORDER BY "+order.column+direction+", "+order.id+direction+" LIMIT ?", append(at, limit+1), func(scan func(...any) error) error {
			var id int64
			var key any
			err := scan(&id, &key)
			ids, keys = append(ids, id), append(keys, key)
			return err
		})
		if err != nil || len(ids) == 0 {
			return err
		}
		if len(ids) > limit {
			ids = ids[:limit]
			p.Next = writePage(q.Order, keys[limit-1], ids[limit-1].(int64))
		}
		p.Targets, err = tx.list(ids)
		return err
	})
	return p, err
}

// list reads targets in the order of their numbers.
func (tx *Tx) list(ids []any) ([]Target, error) {
	place := map[int64]int{}
	for i, id := range ids {
		place[id.(int64)] = i
	}
	all := make([]Target, len(ids))
	err := tx.each("SELECT "+targetColumns+", "+maybeStanding+", COALESCE(c.next_at, 0) FROM targets t LEFT JOIN standings n ON n.target = t.id LEFT JOIN schedule c ON c.target = t.id WHERE t.id IN (?"+
		strings.Repeat(", ?", len(ids)-1)+")", ids, func(scan func(...any) error) error {
		var t Target
		var r standingScan
		var next int64
		if err := scanTarget(&t, scan, append(r.to(), &next)...); err != nil {
			return err
		}
		t.Next = moment(next)
		var err error
		t.Standing, err = r.standing()
		all[place[t.ID]] = t
		return err
	})
	return all, err
}

// maybeStanding are standingColumns of a target that may have none.
var maybeStanding = func() string {
	var out []string
	for _, c := range strings.Split(standingColumns, ", ") {
		zero := "0"
		if c == "n.verdict" || c == "n.line" {
			zero = "''"
		}
		out = append(out, "COALESCE("+c+", "+zero+")")
	}
	return strings.Join(out, ", ")
}()

// where is the condition of a query.
func (q *TargetQuery) where(now time.Time, d *dialect) (string, []any) {
	var all []string
	var args []any
	add := func(condition string, values ...any) {
		all, args = append(all, condition), append(args, values...)
	}
	if !q.Removed {
		add("t.removed = 0")
	}
	if q.Search != "" {
		like := "%" + likeEscaper.Replace(strings.ToLower(q.Search)) + "%"
		add(`t.search LIKE ? ESCAPE '\'`, like)
	}
	if q.Anywhere != "" {
		condition, values := anywhere(q.Anywhere)
		add(condition, values...)
	}
	if q.Label != "" {
		add(d.hasLabel, q.Label)
	}
	if q.Group != "" {
		add("t.grp = ?", q.Group)
	}
	if len(q.Verdicts) > 0 {
		values := make([]any, len(q.Verdicts))
		for i, v := range q.Verdicts {
			values[i] = string(v)
		}
		column := "n.verdict"
		if slices.Contains(q.Verdicts, "") {
			column = "COALESCE(n.verdict, '')"
		}
		add(column+" IN (?"+strings.Repeat(", ?", len(values)-1)+")", values...)
	}
	if q.Finding != "" {
		add("t.id IN (SELECT target FROM findings WHERE id = ?)", string(q.Finding))
	}
	if q.Cause != "" {
		add("t.id IN (SELECT target FROM findings WHERE cause = ?)", q.Cause)
	}
	if q.Headline != "" {
		add("n.headline = ?", string(q.Headline))
	}
	if q.Cert != (Hash{}) {
		add(fromCert, q.Cert.bytes())
	}
	if q.Issuer != (Hash{}) {
		add("n.issuer = ?", q.Issuer.bytes())
	}
	if q.EndsIn > 0 {
		add("n.ends > 0 AND n.ends <= ?", milli(now.Add(q.EndsIn)))
	}
	if len(all) == 0 {
		return "1 = 1", nil
	}
	return strings.Join(all, " AND "), args
}

// likeEscaper takes from a text what LIKE would read as a pattern.
var likeEscaper = strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`)

func pageSize(limit int) int {
	if limit <= 0 {
		return DefaultPage
	}
	return min(limit, MaxPage)
}

// A page is named by the last row before it.
type pageName struct {
	Order Order  `json:"o"`
	Text  string `json:"t,omitempty"`
	Int   int64  `json:"n,omitempty"`
	ID    int64  `json:"i"`
	Part  string `json:"p,omitempty"` // of the order ByWorst
}

func pageOf(o Order, last any, id int64) pageName {
	n := pageName{Order: o, ID: id}
	switch v := last.(type) {
	case string:
		n.Text = v
	case []byte:
		n.Text = string(v)
	case int64:
		n.Int = v
	}
	return n
}

func (n pageName) write() string {
	b, _ := json.Marshal(n) // texts and numbers do not fail
	return base64.RawURLEncoding.EncodeToString(b)
}

func writePage(o Order, last any, id int64) string { return pageOf(o, last, id).write() }

func readPage(s string, o Order) (value any, id int64, err error) {
	n, err := parsePage(s, o)
	if err != nil {
		return nil, 0, err
	}
	if o == ByName {
		return n.Text, n.ID, nil
	}
	return n.Int, n.ID, nil
}

func parsePage(s string, o Order) (n pageName, err error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) > 2000 || json.Unmarshal(b, &n) != nil || n.Order != o || n.ID <= 0 {
		return n, ErrPage
	}
	return n, nil
}

// Target returns one target with where it stands, one that is watched no longer
// too.
func (s *Store) Target(ctx context.Context, id int64) (t Target, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		var found bool
		t, _, found, err = tx.target(id)
		if err == nil && !found {
			err = ErrNotFound
		}
		return err
	})
	return t, err
}

// History returns the states of a target, the newest first: those before the
// state before, all when it is 0.
func (s *Store) History(ctx context.Context, target, before int64, limit int) (states []State, err error) {
	states = []State{}
	err = s.View(ctx, func(tx *Tx) error {
		now, _, err := tx.standing(target)
		if err != nil {
			return err
		}
		q, args := "SELECT a.id, a.began, a.ended, a.checks, a.line, (SELECT COUNT(*) FROM reports r WHERE r.state = a.id) FROM states a WHERE a.target = ?", []any{target}
		if before > 0 {
			q, args = q+" AND a.id < ?", append(args, before)
		}
		return tx.each(q+" ORDER BY a.id DESC LIMIT ?", append(args, pageSize(limit)), func(scan func(...any) error) error {
			st := State{Target: target}
			var began, ended int64
			var kept int
			var line string
			if err := scan(&st.ID, &began, &ended, &st.Checks, &line, &kept); err != nil {
				return err
			}
			st.Began, st.Ended, st.Report = moment(began), moment(ended), kept > 0
			if err := json.Unmarshal([]byte(line), &st.Row); err != nil {
				return err
			}
			if st.ID == now.State && now.Row != nil {
				st.Checks, st.Row = now.Checks, *now.Row
			}
			states = append(states, st)
			return nil
		})
	})
	return states, err
}

// Report returns the newest report of a state, with its certificates; 0 is the
// state that the target is in now. ErrNotFound: there is none, or retention took it.
func (s *Store) Report(ctx context.Context, target, state int64) (r *report.Report, err error) {
	var body []byte
	ders := map[string][]byte{}
	err = s.View(ctx, func(tx *Tx) error {
		if state == 0 {
			if _, err := tx.one("SELECT state FROM standings WHERE target = ?", []any{target}, &state); err != nil {
				return err
			}
		}
		found, err := tx.one("SELECT r.body FROM reports r JOIN states a ON a.id = r.state WHERE r.state = ? AND a.target = ?", []any{state, target}, &body)
		if err != nil {
			return err
		}
		if !found {
			return ErrNotFound
		}
		return tx.each("SELECT c.sha256, c.der FROM state_certs k JOIN certificates c ON c.sha256 = k.sha256 WHERE k.state = ?", []any{state}, func(scan func(...any) error) error {
			var sum, der []byte
			err := scan(&sum, &der)
			ders[hashFrom(sum).String()] = der
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	if r, err = s.unpacked(body); err != nil {
		return nil, err
	}
	withPEM(r, ders)
	return r, nil
}

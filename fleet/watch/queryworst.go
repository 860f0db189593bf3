package watch

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// standsWith joins targets to standings in that order: the standings' index has the
// order of the page, and a database that begins with the targets sorts them all.
const standsWith = "standings n CROSS JOIN targets t WHERE t.id = n.target AND "

// worst are the parts of the order ByWorst, in which those come first that need
// somebody: what is rejected and what is inconclusive, each with the newest change of
// verdict in front, then what was not checked yet, then what is accepted, with what ends
// first in front. Each part is read from an index of its own.
var worst = []struct {
	from   string
	column string
	id     string
	falls  bool
}{
	{standsWith + "n.verdict = 'reject'", "n.verdict_since", "n.target", true},
	{standsWith + "n.verdict = 'inconclusive'", "n.verdict_since", "n.target", true},
	{"targets t LEFT JOIN standings n ON n.target = t.id WHERE n.target IS NULL", "t.id", "t.id", false},
	{standsWith + "n.verdict = 'accept' AND n.ends > 0", "n.ends", "n.target", false},
	{standsWith + "n.verdict = 'accept' AND n.ends = 0", "n.ends", "n.target", false},
}

// worstParts are the parts in which targets with these verdicts are; all for none.
func worstParts(verdicts []report.Verdict) []int {
	if len(verdicts) == 0 {
		return []int{0, 1, 2, 3, 4}
	}
	var parts []int
	for i, of := range []report.Verdict{report.Reject, report.Inconclusive, "", report.Accept, report.Accept} {
		if slices.Contains(verdicts, of) {
			parts = append(parts, i)
		}
	}
	return parts
}

// worst reads a page in the order ByWorst. where is the query's condition.
func (tx *Tx) worst(q *TargetQuery, where string, args []any, limit int, p *TargetPage) error {
	first, after := 0, pageName{}
	if q.Page != "" {
		var err error
		if after, err = parsePage(q.Page, ByWorst); err != nil {
			return err
		}
		if first, err = strconv.Atoi(after.Part); err != nil || first < 0 || first >= len(worst) {
			return ErrPage
		}
	}
	var ids []any
	var last pageName
	for _, n := range worstParts(q.Verdicts) {
		if n < first {
			continue
		}
		part := worst[n]
		direction, compare := "", ">"
		if part.falls {
			direction, compare = " DESC", "<"
		}
		page, at := "", slices.Clone(args)
		if q.Page != "" && n == first {
			page = fmt.Sprintf(" AND (%s %s ? OR %s = ? AND %s %s ?)", part.column, compare, part.column, part.id, compare)
			at = append(at, after.Int, after.Int, after.ID)
		}
		err := tx.each("SELECT t.id, "+part.column+" FROM "+part.from+" AND "+where+page+" ORDER BY "+part.column+direction+", "+part.id+direction+" LIMIT ?",
			append(at, limit+1-len(ids)), func(scan func(...any) error) error {
				var id int64
				var key any
				if err := scan(&id, &key); err != nil {
					return err
				}
				if len(ids) < limit {
					last = pageOf(ByWorst, key, id)
					last.Part = strconv.Itoa(n)
				}
				ids = append(ids, id)
				return nil
			})
		if err != nil {
			return err
		}
		if len(ids) > limit || q.Page == "" && len(ids) == p.Total { // that is all
			break
		}
	}
	if len(ids) == 0 {
		return nil
	}
	if len(ids) > limit {
		ids = ids[:limit]
		p.Next = last.write()
	}
	var err error
	p.Targets, err = tx.list(ids)
	return err
}

// anywhere is the condition that a text is a part of what people know a target by, of
// its issuer's name, or of the name of a kind of finding that it has.
func anywhere(text string) (string, []any) {
	text = strings.ToLower(text)
	like := "%" + likeEscaper.Replace(text) + "%"
	// Standings are long rows: their index of issuers answers, and they are not read.
	where, args := `t.search LIKE ? ESCAPE '\' OR t.id IN (SELECT target FROM standings WHERE issuer IN (SELECT sha256 FROM certificates WHERE sha256 IN (SELECT DISTINCT issuer FROM standings) AND LOWER(subject) LIKE ? ESCAPE '\'))`, []any{like, like}
	var kinds []any
	if len(text) >= 3 { // shorter ones are a part of too many
		for _, k := range finding.Kinds() {
			if strings.Contains(string(k.ID), text) && len(kinds) < maxKinds {
				kinds = append(kinds, string(k.ID))
			}
		}
	}
	if len(kinds) > 0 {
		where += " OR t.id IN (SELECT target FROM findings WHERE id IN (?" + strings.Repeat(", ?", len(kinds)-1) + "))"
		args = append(args, kinds...)
	}
	return "(" + where + ")", args
}

// maxKinds bounds the kinds of findings that one search is about.
const maxKinds = 50

// Grouping is what targets are counted by.
type Grouping string

// The groupings.
const (
	ByGroup  Grouping = "group"
	ByTag    Grouping = "tag"
	ByIssuer Grouping = "issuer"
)

// GroupCount is how many targets belong together, by verdict.
type GroupCount struct {
	Key          string `json:"key"`             // the group, NAME=VALUE of a label, or the SHA-256 of the issuer's certificate
	Label        string `json:"label,omitempty"` // of an issuer: its certificate's subject, quoted
	Targets      int    `json:"targets"`
	Accept       int    `json:"accept"`
	Reject       int    `json:"reject"`
	Inconclusive int    `json:"inconclusive"`
	Unchecked    int    `json:"unchecked"`
}

// maxGroups bounds the groups of one answer.
const maxGroups = 200

// Groups counts the watched targets by what they have in common, those first of which
// most are rejected; 200 at most.
func (s *Store) Groups(ctx context.Context, by Grouping) (all []GroupCount, err error) {
	from, key := "targets t LEFT JOIN standings n ON n.target = t.id", "t.grp"
	switch by {
	case ByGroup:
	case ByTag:
		from, key = from+s.d.labels, s.d.label
	case ByIssuer:
		return s.byIssuer(ctx)
	default:
		return nil, fmt.Errorf("targets are not counted by %q", by)
	}
	all = []GroupCount{}
	err = s.View(ctx, func(tx *Tx) error {
		count := func(verdict string) string {
			return "SUM(CASE WHEN COALESCE(n.verdict, '') = '" + verdict + "' THEN 1 ELSE 0 END)"
		}
		return tx.each("SELECT "+key+", COUNT(*), "+count("accept")+", "+count("reject")+", "+count("inconclusive")+" FROM "+from+
			" WHERE t.removed = 0 GROUP BY "+key+" ORDER BY 4 DESC, 5 DESC, 2 DESC, 1 LIMIT "+strconv.Itoa(maxGroups), nil, func(scan func(...any) error) error {
			var g GroupCount
			if err := scan(&g.Key, &g.Targets, &g.Accept, &g.Reject, &g.Inconclusive); err != nil {
				return err
			}
			g.Unchecked = g.Targets - g.Accept - g.Reject - g.Inconclusive
			all = append(all, g)
			return nil
		})
	})
	return all, err
}

// byIssuer counts by issuer, from the index of the standings.
func (s *Store) byIssuer(ctx context.Context) (all []GroupCount, err error) {
	all = []GroupCount{}
	err = s.View(ctx, func(tx *Tx) error {
		return tx.each(`SELECT c.sha256, c.subject, g.n, g.accepted, g.rejected, g.unsure FROM (SELECT issuer, COUNT(*) AS n, SUM(CASE WHEN verdict = 'accept' THEN 1 ELSE 0 END) AS accepted,
			SUM(CASE WHEN verdict = 'reject' THEN 1 ELSE 0 END) AS rejected, SUM(CASE WHEN verdict = 'inconclusive' THEN 1 ELSE 0 END) AS unsure FROM standings WHERE issuer IS NOT NULL
			GROUP BY issuer ORDER BY 4 DESC, 5 DESC, 2 DESC, 1 LIMIT `+strconv.Itoa(maxGroups)+`) g JOIN certificates c ON c.sha256 = g.issuer ORDER BY 5 DESC, 6 DESC, 3 DESC, 1`, nil, func(scan func(...any) error) error {
			var g GroupCount
			var sum []byte
			err := scan(&sum, &g.Label, &g.Targets, &g.Accept, &g.Reject, &g.Inconclusive)
			g.Key = hashFrom(sum).String()
			all = append(all, g)
			return err
		})
	})
	return all, err
}

package watch

import (
	"context"
	"strings"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// IssuerQuery says which issuers are wanted. The zero query is all, the first page.
type IssuerQuery struct {
	Search string // as in CertQuery
	Page   string // as IssuerPage.Next had it
	Limit  int    // 0 is DefaultPage
}

// IssuerPage is a page of issuers, those first that most targets depend on.
type IssuerPage struct {
	Issuers []IssuerCount `json:"issuers"`
	Next    string        `json:"next,omitempty"` // the next page; "" is the end
}

// byTargets is the order of issuers, for the names of pages. The page's text is the
// SHA-256 of the last issuer, and its number how many targets that has.
const byTargets Order = "targets"

// IssuerPage returns a page of the certificates above the servers' own.
func (s *Store) IssuerPage(ctx context.Context, q IssuerQuery) (p IssuerPage, err error) {
	p.Issuers = []IssuerCount{}
	limit := pageSize(q.Limit)
	where, args := searched(q.Search)
	if q.Page != "" {
		n, last, err := readIssuerPage(q.Page)
		if err != nil {
			return p, err
		}
		where, args = append(where, "(g.n < ? OR g.n = ? AND c.sha256 > ?)"), append(args, n, n, last.bytes())
	}
	query := "SELECT " + certColumns + `, g.n, g.good, g.bad FROM certificates c JOIN (SELECT issuer, COUNT(*) AS n, SUM(CASE WHEN verdict = 'accept' THEN 1 ELSE 0 END) AS good,
		SUM(CASE WHEN verdict = 'reject' THEN 1 ELSE 0 END) AS bad FROM standings WHERE issuer IS NOT NULL GROUP BY issuer) g ON g.issuer = c.sha256
		WHERE ` + strings.Join(where, " AND ") + " ORDER BY g.n DESC, c.sha256 LIMIT ?"
	err = s.View(ctx, func(tx *Tx) error {
		p = IssuerPage{Issuers: []IssuerCount{}}
		return tx.each(query, append(args, limit+1), func(scan func(...any) error) error {
			var i IssuerCount
			var n, good, bad int
			if i.Cert, err = scanCert(scan, &n, &good, &bad); err != nil {
				return err
			}
			i.Targets, i.Accept, i.Reject = n, good, bad
			if len(p.Issuers) == limit {
				last := p.Issuers[limit-1]
				p.Next = writePage(byTargets, last.SHA256, int64(last.Targets))
				return nil
			}
			p.Issuers = append(p.Issuers, i)
			return nil
		})
	})
	return p, err
}

func readIssuerPage(page string) (n int64, last Hash, err error) {
	name, err := parsePage(page, byTargets)
	if err == nil {
		last = hashOf(name.Text)
	}
	if last == (Hash{}) {
		return 0, last, ErrPage
	}
	return name.ID, last, nil
}

// Issued is what is known of the certificates that one certificate issued, of those
// that targets have now.
type Issued struct {
	Accept, Reject, Inconclusive int // targets, by verdict
	Certificates                 int // how many different ones
	Ended                        int // certificates that are over
	Within7, Within30, Within90  int // that end within so many days; each counts once
	Later                        int // that end later
	First, Last                  time.Time
	Shortest, Longest            time.Duration // of their whole lifetimes
}

// Issued counts what a certificate issued.
func (s *Store) Issued(ctx context.Context, issuer Hash, now time.Time) (i Issued, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		i = Issued{}
		err := tx.each("SELECT verdict, COUNT(*) FROM standings WHERE issuer = ? GROUP BY verdict", []any{issuer.bytes()}, func(scan func(...any) error) error {
			var verdict string
			var n int
			err := scan(&verdict, &n)
			switch report.Verdict(verdict) {
			case report.Accept:
				i.Accept = n
			case report.Reject:
				i.Reject = n
			default:
				i.Inconclusive += n
			}
			return err
		})
		if err != nil {
			return err
		}
		const between = "SUM(CASE WHEN c.not_after >= ? AND c.not_after < ? THEN 1 ELSE 0 END)"
		day := func(n int) int64 { return milli(now.AddDate(0, 0, n)) }
		var first, last, shortest, longest int64
		_, err = tx.one(`SELECT COUNT(*), COALESCE(SUM(CASE WHEN c.not_after < ? THEN 1 ELSE 0 END), 0), COALESCE(`+between+`, 0), COALESCE(`+between+`, 0), COALESCE(`+between+`, 0),
			COALESCE(MIN(c.not_after), 0), COALESCE(MAX(c.not_after), 0), COALESCE(MIN(c.not_after - c.not_before), 0), COALESCE(MAX(c.not_after - c.not_before), 0)
			FROM certificates c WHERE c.sha256 IN (SELECT cert FROM standings WHERE issuer = ?)`,
			[]any{day(0), day(0), day(7), day(7), day(30), day(30), day(90), issuer.bytes()},
			&i.Certificates, &i.Ended, &i.Within7, &i.Within30, &i.Within90, &first, &last, &shortest, &longest)
		i.Later = i.Certificates - i.Ended - i.Within7 - i.Within30 - i.Within90
		i.First, i.Last = moment(first), moment(last)
		i.Shortest, i.Longest = time.Duration(shortest)*time.Millisecond, time.Duration(longest)*time.Millisecond
		return err
	})
	return i, err
}

// IssuerCauses lists the causes outside of targets from which those suffer whose
// certificate one certificate issued, those first that most suffer from; 100 at most.
func (s *Store) IssuerCauses(ctx context.Context, issuer Hash) (all []CauseCount, err error) {
	all = []CauseCount{}
	err = s.View(ctx, func(tx *Tx) error {
		return tx.each(`SELECT f.cause, MAX(f.subject), MAX(f.severity), COUNT(DISTINCT f.target), MIN(f.since) FROM findings f JOIN standings n ON n.target = f.target
			WHERE n.issuer = ? AND f.cause <> '' AND f.severity >= ? GROUP BY f.cause ORDER BY 4 DESC, 1 LIMIT 100`, []any{issuer.bytes(), int(finding.Warning)}, func(scan func(...any) error) error {
			c, err := scanCause(scan)
			all = append(all, c)
			return err
		})
	})
	return all, err
}

func scanCause(scan func(...any) error) (c CauseCount, err error) {
	var severity int
	var since int64
	err = scan(&c.Cause, &c.Subject, &severity, &c.Targets, &since)
	c.Severity, c.Since = finding.Severity(severity), moment(since)
	return c, err
}

// WatchedSources lists the lists and responders of a CA of one's own that are watched as
// targets, by its certificate or another one with the same key; 100 at most.
func (s *Store) WatchedSources(ctx context.Context, issuer Hash) (all []Target, err error) {
	all = []Target{}
	err = s.View(ctx, func(tx *Tx) error {
		var ids []any
		err := tx.each(`SELECT DISTINCT t.id FROM targets t JOIN standings n ON n.target = t.id JOIN state_certs k ON k.state = n.state JOIN certificates c ON c.sha256 = k.sha256
			WHERE t.kind IN ('crl', 'ocsp') AND t.removed = 0 AND (c.sha256 = ? OR c.spki = (SELECT spki FROM certificates WHERE sha256 = ?)) ORDER BY t.id LIMIT 100`,
			[]any{issuer.bytes(), issuer.bytes()}, func(scan func(...any) error) error {
				var id int64
				err := scan(&id)
				ids = append(ids, id)
				return err
			})
		if err != nil || len(ids) == 0 {
			return err
		}
		all, err = tx.list(ids)
		return err
	})
	return all, err
}

// Witness is a target, and the state whose report speaks of a certificate.
type Witness struct {
	Target int64
	Name   string
	State  int64
	At     time.Time // of the newest check that came to that state
}

// Witnesses lists the targets whose certificate one certificate issued, those that were
// checked last first.
func (s *Store) Witnesses(ctx context.Context, issuer Hash, limit int) ([]Witness, error) {
	return s.witnesses(ctx, "SELECT n.target, t.name, n.state, n.checked FROM standings n JOIN targets t ON t.id = n.target WHERE n.issuer = ? ORDER BY n.checked DESC, n.target LIMIT ?", issuer.bytes(), limit)
}

func (s *Store) witnesses(ctx context.Context, query string, args ...any) (all []Witness, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		all = nil
		return tx.each(query, args, func(scan func(...any) error) error {
			var w Witness
			var at int64
			err := scan(&w.Target, &w.Name, &w.State, &at)
			w.At = moment(at)
			all = append(all, w)
			return err
		})
	})
	return all, err
}

package watch

import (
	"context"
	"slices"

	"github.com/assaytls/assay/finding"
)

// CertFinding is a finding that targets have about one certificate.
type CertFinding struct {
	FindingCount
	Title string // in words, quoted; of one of the targets
}

// CertFindings lists the findings that targets have now about a certificate, the worst
// first, then those that most have.
func (s *Store) CertFindings(ctx context.Context, h Hash) (all []CertFinding, err error) {
	all = []CertFinding{}
	err = s.View(ctx, func(tx *Tx) error {
		return tx.each("SELECT id, MAX(severity), COUNT(DISTINCT target), MIN(since), MIN(title) FROM findings WHERE sha256 = ? GROUP BY id ORDER BY 2 DESC, 3 DESC, 1", []any{h.String()}, func(scan func(...any) error) error {
			var c CertFinding
			var id string
			var severity int
			var since int64
			err := scan(&id, &severity, &c.Targets, &since, &c.Title)
			c.ID, c.Severity, c.Oldest = finding.ID(id), finding.Severity(severity), moment(since)
			all = append(all, c)
			return err
		})
	})
	return all, err
}

// CertWitness says which target's newest report speaks of a certificate: of one that has
// it now, else of one that had it last and whose report is kept. found is false for
// none.
func (s *Store) CertWitness(ctx context.Context, h Hash) (w Witness, found bool, err error) {
	for _, query := range []string{
		`SELECT n.target, t.name, n.state, n.checked FROM standings n JOIN targets t ON t.id = n.target
			WHERE n.state IN (SELECT state FROM state_certs WHERE sha256 = ?) ORDER BY n.checked DESC, n.target LIMIT 1`,
		`SELECT a.target, t.name, a.id, a.began FROM states a JOIN targets t ON t.id = a.target JOIN reports r ON r.state = a.id
			WHERE a.id IN (SELECT state FROM state_certs WHERE sha256 = ?) ORDER BY a.id DESC LIMIT 1`,
	} {
		all, err := s.witnesses(ctx, query, h.bytes())
		if err != nil || len(all) > 0 {
			return append(all, w)[0], len(all) > 0, err
		}
	}
	return w, false, nil
}

// Known returns those of the certificates that the database has, by their hashes; of
// the first 100.
func (s *Store) Known(ctx context.Context, hashes []Hash) (known map[Hash]Cert, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		known, err = tx.known(hashes)
		return err
	})
	return known, err
}

func (tx *Tx) known(hashes []Hash) (map[Hash]Cert, error) {
	known := map[Hash]Cert{}
	for _, h := range hashes[:min(len(hashes), DefaultPage)] {
		if _, twice := known[h]; twice || h == (Hash{}) {
			continue
		}
		c, found, err := tx.certificate(h)
		if err != nil {
			return nil, err
		}
		if found {
			known[h] = c
		}
	}
	return known, nil
}

// Neighbour is a certificate that targets had in the place of another one, before or
// after it.
type Neighbour struct {
	Cert
	Hosts int // how many of the targets that were looked at
}

// The bounds of a search for neighbours. A certificate of a CA has thousands of targets,
// and a few say what came before it.
const (
	maxNeighbourTargets = 50
	maxNeighbourStates  = 4000
	maxNeighbours       = 5
)

// Neighbours says which certificates targets had in the same place of the path before
// and after one certificate: those first that most had.
func (s *Store) Neighbours(ctx context.Context, h Hash) (before, after []Neighbour, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		type seen struct {
			state int64
			sum   Hash
		}
		by := map[int64][]seen{} // of a target, in the order of its states
		query := `SELECT a.target, k.state, k.sha256 FROM states a JOIN state_certs k ON k.state = a.id
			WHERE a.target IN (SELECT DISTINCT b.target FROM (SELECT state FROM state_certs WHERE sha256 = ? AND place >= 0 LIMIT ?) m JOIN states b ON b.id = m.state LIMIT ?)
			AND k.place IN (SELECT DISTINCT place FROM state_certs WHERE sha256 = ? AND place >= 0) ORDER BY a.id DESC LIMIT ?`
		err := tx.each(query, []any{h.bytes(), maxNeighbourStates, maxNeighbourTargets, h.bytes(), maxNeighbourStates}, func(scan func(...any) error) error {
			var target, state int64
			var sum []byte
			err := scan(&target, &state, &sum)
			by[target] = append(by[target], seen{state, hashFrom(sum)})
			return err
		})
		if err != nil {
			return err
		}
		earlier, later := map[Hash]int{}, map[Hash]int{}
		for _, all := range by {
			slices.Reverse(all)
			beside := map[int64]bool{} // the states that have it
			first, last := int64(0), int64(0)
			for _, one := range all {
				if one.sum == h {
					if beside[one.state] = true; first == 0 {
						first = one.state
					}
					last = one.state
				}
			}
			if first == 0 {
				continue
			}
			// What stands beside it is the server's other certificate, or another of the path,
			// and came neither before nor after.
			other := map[Hash]bool{}
			for _, one := range all {
				other[one.sum] = other[one.sum] || beside[one.state]
			}
			previous, next := int64(0), int64(0)
			for _, one := range all {
				switch {
				case other[one.sum]:
				case one.state < first:
					previous = one.state
				case one.state > last && next == 0:
					next = one.state
				}
			}
			for _, one := range all {
				switch {
				case other[one.sum]:
				case one.state == previous:
					earlier[one.sum]++
				case one.state == next:
					later[one.sum]++
				}
			}
		}
		if before, err = tx.neighbours(earlier); err == nil {
			after, err = tx.neighbours(later)
		}
		return err
	})
	return before, after, err
}

func (tx *Tx) neighbours(counts map[Hash]int) (all []Neighbour, err error) {
	var hashes []Hash
	for h := range counts {
		hashes = append(hashes, h)
	}
	slices.SortFunc(hashes, func(a, b Hash) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		return slices.Compare(a[:], b[:])
	})
	hashes = hashes[:min(len(hashes), maxNeighbours)]
	known, err := tx.known(hashes)
	for _, h := range hashes {
		if c, found := known[h]; found {
			all = append(all, Neighbour{c, counts[h]})
		}
	}
	return all, err
}

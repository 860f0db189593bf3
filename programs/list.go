package programs

import (
	"fmt"
	"slices"
	"time"

	"github.com/assaytls/assay/policy"
)

// List is one program's table as it is made: by a reader of what the program
// publishes, or by a test.
type List struct {
	Program policy.Program // whose list it is; one that publishes
	Sources []Source       // the one that states the membership first
	Entries []Entry        // in any order, no fingerprint twice
}

// New makes tables of lists, one for a program. It takes nothing that Encode could not
// write or Judge not apply: its errors are [ErrMalformed]. It keeps the entries'
// slices, which must not change afterwards.
func New(lists ...List) (*Tables, error) {
	t := &Tables{of: map[policy.Program]*table{}}
	total := 0
	for _, l := range lists {
		if t.of[l.Program] != nil {
			return nil, fmt.Errorf("%w: two tables of %s", ErrMalformed, l.Program)
		}
		if total += len(l.Entries); total > maxCertificates {
			return nil, fmt.Errorf("%w: more than %d entries", ErrMalformed, maxCertificates)
		}
		own, err := l.table()
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %v", ErrMalformed, l.Program, err)
		}
		t.of[l.Program] = own
	}
	return t, nil
}

func (l *List) table() (*table, error) {
	if !l.Program.Published() {
		return nil, fmt.Errorf("it has no table")
	}
	if err := checkSources(l.Sources); err != nil {
		return nil, err
	}
	entries := slices.Clone(l.Entries)
	own := &table{Table: Table{Program: l.Program, Sources: slices.Clone(l.Sources)}, entries: map[[32]byte]*Entry{}, bySerial: map[[32]byte]*Entry{}, bySubject: map[[8]byte][]*Entry{}}
	for i := range entries {
		e := &entries[i]
		if own.entries[e.SHA256] != nil || own.bySerial[e.IssuerSerial] != nil {
			return nil, fmt.Errorf("%x%x twice", e.SHA256, e.IssuerSerial)
		}
		if err := e.check(); err != nil {
			return nil, fmt.Errorf("%x: %v", e.SHA256, err)
		}
		if e.IssuerSerial != [32]byte{} {
			own.bySerial[e.IssuerSerial] = e
			continue
		}
		own.entries[e.SHA256] = e
		if e.Trust != Anchor {
			continue
		}
		if e.usage().Status == Accepted {
			own.Anchors++
		}
		own.anchors = append(own.anchors, e)
		if e.SubjectHash != [8]byte{} {
			own.bySubject[e.SubjectHash] = append(own.bySubject[e.SubjectHash], e)
		}
	}
	if own.Anchors == 0 {
		return nil, fmt.Errorf("it has no anchor")
	}
	return own, nil
}

func checkSources(all []Source) error {
	if len(all) == 0 || len(all) > maxList {
		return fmt.Errorf("%d sources", len(all))
	}
	for _, s := range all {
		if s.Name == "" || len(s.Name) > maxText || len(s.Version) > maxText {
			return fmt.Errorf("a source without name, or with a long one")
		}
		if s.AsOf.IsZero() || !writable(s.AsOf) {
			return fmt.Errorf("a source without a date")
		}
	}
	return nil
}

// check refuses entries that cannot be applied or written.
func (e *Entry) check() error {
	times := []time.Time{e.DistrustAfter}
	lists := [][]string{e.Usages, e.DisallowedUsages}
	for _, l := range []*Limit{e.NotBefore, e.Disallowed} {
		if l != nil {
			times, lists = append(times, l.At), append(lists, l.Usages)
		}
	}
	if len(e.Alternatives) > maxList {
		return fmt.Errorf("%d alternatives", len(e.Alternatives))
	}
	for _, c := range e.Alternatives {
		for _, v := range []string{c.MinVersion, c.MaxVersionExclusive} {
			if v != "" && !ValidVersion(v) {
				return fmt.Errorf("%.20q is no version", v)
			}
		}
		times, lists = append(times, c.SCTNotAfter, c.SCTAllAfter), append(lists, c.PermittedDNSNames)
	}
	if slices.ContainsFunc(times, func(t time.Time) bool { return !writable(t) }) {
		return fmt.Errorf("a time that cannot be written")
	}
	for _, l := range lists {
		if l != nil && len(l) == 0 {
			return fmt.Errorf("an empty list")
		}
		if len(l) > maxList || slices.ContainsFunc(l, func(s string) bool { return len(s) > maxText }) {
			return fmt.Errorf("a long list or text")
		}
	}
	if serial := e.IssuerSerial != [32]byte{}; serial == (e.SHA256 != [32]byte{}) || serial && e.Trust != Distrusted {
		return fmt.Errorf("no fingerprint, or trust without one")
	}
	if e.Trust <= Unlisted || int(e.Trust) >= len(trustWords) || len(e.Name) > maxText {
		return fmt.Errorf("no trust, or a long name")
	}
	return nil
}

// writable reports whether a time is zero or can be written in RFC 3339.
func writable(t time.Time) bool {
	return t.IsZero() || t.UTC().Year() >= 1600 && t.UTC().Year() <= 9999
}

package crlite

import (
	"crypto/sha256"
	"sync"
	"time"
)

// MaxAge is how long a set of filters can prove that a certificate is not
// revoked, counted from its newest filter. Mozilla publishes one twice a day;
// Firefox stops using filters after the same time.
const MaxAge = 10 * 24 * time.Hour

// maxAhead is how far ahead of the time of the check a set may be dated: of one
// from further in the future nobody can say how old it is.
const maxAhead = 24 * time.Hour

// Held is a filter of a set, and how people tell it from others.
type Held struct {
	Filter *Filter   // opened; must not be nil
	Name   string    // what its publisher calls it, "20261128-0-default.filter"
	SHA256 [32]byte  // of the file
	Made   time.Time // what its publisher says; the zero time means Filter.Latest
}

// made returns the time by which the filter's age is counted.
func (h *Held) made() time.Time {
	if h.Made.IsZero() {
		return time.UnixMilli(int64(h.Filter.Latest())).UTC()
	}
	return h.Made
}

// Result is what a set of filters says.
type Result struct {
	Answer Answer // what the filters say together
	By     int    // the filter in the set that says so, -1 if none does
	SCT    int    // the position of the SCT by which it covers the certificate, -1 if none does
	// Old says that the newest filter was made more than MaxAge before the time of
	// the check, or is dated more than a day after it: NotCovered, NotEnrolled and Good are then no information, and
	// Revoked is what was known at Made.
	Old  bool
	Made time.Time // when the newest filter was made; the zero time for an empty set
}

// Proves reports whether the result settles the status of the certificate:
// revoked at any age, good while the set is young enough.
func (r Result) Proves() bool { return r.Answer == Revoked || r.Answer == Good && !r.Old }

// Set is what is known from Mozilla: a full filter with every delta that
// followed it, and OneCRL. Any part may be missing; the nil Set knows nothing. A
// Set is not changed once it is in use.
type Set struct {
	Filters    []Held    // the full one first, then the deltas in order
	OneCRL     *OneCRL   // nil: there is none
	OneCRLMade time.Time // the collection's timestamp; the zero time when it is not known
	Owner      any       // what keeps the bytes alive over which the filters were opened

	hashed sync.Once
	hash   [32]byte
}

// Hash names the set: the SHA-256 over the hashes of its parts.
func (s *Set) Hash() [32]byte {
	if s == nil {
		return sha256.Sum256(nil)
	}
	s.hashed.Do(func() {
		h := sha256.New()
		for i := range s.Filters {
			h.Write(s.Filters[i].SHA256[:])
		}
		if s.OneCRL != nil {
			sum := sha256.Sum256(s.OneCRL.index)
			h.Write(sum[:])
		}
		s.hash = [32]byte(h.Sum(nil))
	})
	return s.hash
}

// Ask asks all filters of a set at a time. A delta knows only what was revoked
// since the filter before it, so no Good ends the search: any Revoked decides,
// then any Good, then NotEnrolled. A set from which one delta is missing misses
// revocations: the caller holds complete ones only. It does not allocate.
func (s *Set) Ask(q *Subject, at time.Time) Result {
	r := Result{By: -1, SCT: -1}
	if s == nil {
		return r
	}
	for i := range s.Filters {
		f := &s.Filters[i]
		if made := f.made(); r.Made.Before(made) {
			r.Made = made
		}
		if r.Answer == Revoked {
			continue
		}
		if a := f.Filter.Query(q); a > r.Answer {
			r.Answer, r.By, r.SCT = a, i, f.Filter.covering(q)
		}
	}
	r.Old = at.Sub(r.Made) > MaxAge || r.Made.Sub(at) > maxAhead
	return r
}

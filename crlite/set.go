package crlite

import "time"

// MaxAge is how long a set of filters can prove that a certificate is not
// revoked, counted from its newest filter. Mozilla publishes one twice a day;
// Firefox stops using filters after the same time.
const MaxAge = 10 * 24 * time.Hour

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
	// the check: NotCovered, NotEnrolled and Good are then no information, and
	// Revoked is what was known at Made.
	Old  bool
	Made time.Time // when the newest filter was made; the zero time for an empty set
}

// Proves reports whether the result settles the status of the certificate:
// revoked at any age, good while the set is young enough.
func (r Result) Proves() bool { return r.Answer == Revoked || r.Answer == Good && !r.Old }

// Ask asks all filters of a set, a full one and each delta that followed it, at
// a time. A delta knows only what was revoked since the filter before it, so no
// Good ends the search: any Revoked decides, then any Good, then NotEnrolled. A
// set from which one delta is missing misses revocations: the caller holds
// complete ones only. It does not allocate.
func Ask(set []Held, s *Subject, at time.Time) Result {
	r := Result{By: -1, SCT: -1}
	for i := range set {
		if made := set[i].made(); r.Made.Before(made) {
			r.Made = made
		}
		if r.Answer == Revoked {
			continue
		}
		if a := set[i].Filter.Query(s); a > r.Answer {
			r.Answer, r.By, r.SCT = a, i, set[i].Filter.covering(s)
		}
	}
	r.Old = at.Sub(r.Made) > MaxAge
	return r
}

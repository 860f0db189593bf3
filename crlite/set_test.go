package crlite_test

import (
	"testing"
	"time"

	"github.com/assaytls/assay/crlite"
	"github.com/assaytls/assay/internal/lab/forge"
)

// TestAskSet: what filters of a set say together. A full filter says good of
// what a delta revokes later, and either may come first.
func TestAskSet(t *testing.T) {
	month := func(first, last int) forge.ClubcardLog {
		return forge.ClubcardLog{ID: logA.ID, First: millis(2026, first), Last: millis(2026, last)}
	}
	filter := func(name string, log forge.ClubcardLog, issuers ...forge.ClubcardIssuer) crlite.Held {
		f, err := crlite.Open(build(t, forge.Clubcard{Version: 4, Logs: []forge.ClubcardLog{log}, Issuers: issuers}))
		if err != nil {
			t.Fatal(err)
		}
		return crlite.Held{Filter: f, Name: name}
	}
	full := filter("full", month(1, 7), issuer("ca", 100, 10), issuer("other", 10, 0))
	delta := filter("delta", month(1, 8), issuer("ca", 100, 20), issuer("other", 10, 0))
	unenrolled := filter("unenrolled", month(1, 8), issuer("somebody", 10, 1))
	dated := full
	dated.Made = time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	july, august := time.Date(2026, 7, 5, 0, 0, 0, 0, time.UTC), time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)

	for name, c := range map[string]struct {
		set    []crlite.Held
		s      *crlite.Subject
		at     time.Time
		answer crlite.Answer
		by     int
		old    bool
		proves bool
	}{
		"no filters":                         {nil, subject("ca", serial(1)), july, crlite.NotCovered, -1, true, false},
		"revoked by the full filter":         {[]crlite.Held{full, delta}, subject("ca", serial(5)), august, crlite.Revoked, 0, false, true},
		"revoked by the delta alone":         {[]crlite.Held{full, delta}, subject("ca", serial(15)), august, crlite.Revoked, 1, false, true},
		"the delta first":                    {[]crlite.Held{delta, full}, subject("ca", serial(15)), august, crlite.Revoked, 0, false, true},
		"good by both":                       {[]crlite.Held{full, delta}, subject("ca", serial(50)), august, crlite.Good, 0, false, true},
		"good beside not enrolled":           {[]crlite.Held{unenrolled, full}, subject("ca", serial(50)), august, crlite.Good, 1, false, true},
		"not enrolled":                       {[]crlite.Held{unenrolled}, subject("ca", serial(50)), august, crlite.NotEnrolled, 0, false, false},
		"not enrolled beside not covered":    {[]crlite.Held{full, unenrolled}, subject("ca", serial(50), crlite.SCT{Log: logA.ID, Time: millis(2026, 8)}), august, crlite.NotEnrolled, 1, false, false},
		"not covered":                        {[]crlite.Held{full}, subject("ca", serial(5), crlite.SCT{Log: logA.ID, Time: millis(2026, 9)}), july, crlite.NotCovered, -1, false, false},
		"good, ten days after":               {[]crlite.Held{full}, subject("ca", serial(50)), time.Date(2026, 7, 11, 0, 0, 0, 0, time.UTC), crlite.Good, 0, false, true},
		"good, too old":                      {[]crlite.Held{full}, subject("ca", serial(50)), time.Date(2026, 7, 11, 0, 0, 0, 1, time.UTC), crlite.Good, 0, true, false},
		"good, the delta is young":           {[]crlite.Held{full, delta}, subject("ca", serial(50)), time.Date(2026, 8, 9, 0, 0, 0, 0, time.UTC), crlite.Good, 0, false, true},
		"revoked, too old":                   {[]crlite.Held{full}, subject("ca", serial(5)), time.Date(2027, 7, 1, 0, 0, 0, 0, time.UTC), crlite.Revoked, 0, true, true},
		"good, dated two days ahead":         {[]crlite.Held{dated}, subject("ca", serial(50)), time.Date(2026, 8, 30, 0, 0, 0, 0, time.UTC), crlite.Good, 0, true, false},
		"revoked, dated two days ahead":      {[]crlite.Held{dated}, subject("ca", serial(5)), time.Date(2026, 8, 30, 0, 0, 0, 0, time.UTC), crlite.Revoked, 0, true, true},
		"the publisher's date, not coverage": {[]crlite.Held{dated}, subject("ca", serial(50)), time.Date(2026, 9, 10, 0, 0, 0, 0, time.UTC), crlite.Good, 0, false, true},
	} {
		r := (&crlite.Set{Filters: c.set}).Ask(c.s, c.at)
		if r.Answer != c.answer || r.By != c.by || r.Old != c.old || r.Proves() != c.proves {
			t.Errorf("%s: %+v, proves %v", name, r, r.Proves())
		}
		if (r.SCT >= 0) != (r.Answer > crlite.NotCovered) {
			t.Errorf("%s: covered by SCT %d", name, r.SCT)
		}
	}
}

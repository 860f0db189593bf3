package finding

import "time"

// latest is the last moment that RFC 3339 can write.
var latest = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

// Time returns t as findings tell every time, in parameters and within other
// words: RFC 3339, in UTC, to the second, "2026-11-29T01:08:49Z". The zero time
// is unknown and gives "". A peer can claim any year: what is later than the
// year 9999 is told as the end of that year, what is before the year 0 as its
// beginning.
func Time(t time.Time) string {
	switch t = t.UTC(); {
	case t.IsZero():
		return ""
	case t.After(latest):
		t = latest
	case t.Year() < 0:
		t = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return t.Format(time.RFC3339)
}

package finding

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// latest is the last moment that RFC 3339 can write.
var latest = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

// Time returns t as findings tell every time to programs, in parameters and within
// their words: RFC 3339, in UTC, to the second, "2026-11-29T01:08:49Z". Titles show
// it as "2026-11-29 01:08:49 UTC". The zero time is unknown and gives "". A peer
// can claim any year: what is later than the year 9999 is told as the end of that
// year, what is before the year 0 as its beginning.
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

// rfc3339 finds a time in the form of [Time] that stands by itself: one inside a
// URL or a name is part of that.
var rfc3339 = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(^|[ (])([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}:[0-9]{2}:[0-9]{2})Z([ ,;:.)]|$)`)
})

// ReadableTimes returns s with every time in the form of [Time] that stands by itself
// in the form that people read, as titles have it.
func ReadableTimes(s string) string {
	if !strings.Contains(s, "Z") {
		return s
	}
	return rfc3339().ReplaceAllString(s, "$1$2 $3 UTC$4")
}

// Duration returns d in words with one or two units, as texts for people tell
// every duration: "24 hours", "10 days", "2 minutes 30 s", "3 s", "250 ms". What
// is smaller than the second unit is rounded off. A negative d is told as its
// absolute value.
func Duration(d time.Duration) string {
	if d < 0 {
		d = max(-d, 0) // the smallest duration has no opposite
	}
	const day = 24 * time.Hour
	switch {
	case d > 2*day:
		return units(d, day, " day", time.Hour, " hour")
	case d >= 2*time.Hour:
		return units(d, time.Hour, " hour", time.Minute, " minute")
	case d >= 2*time.Minute:
		return units(d, time.Minute, " minute", time.Second, " s")
	case d >= time.Second:
		return strconv.FormatFloat(d.Round(10*time.Millisecond).Seconds(), 'f', -1, 64) + " s"
	}
	return strconv.FormatInt(d.Round(time.Millisecond).Milliseconds(), 10) + " ms"
}

// units tells d in units of big and small.
func units(d, big time.Duration, bigName string, small time.Duration, smallName string) string {
	d = d.Round(small)
	text := counted(int64(d/big), bigName)
	if rest := d % big; rest > 0 {
		text += " " + counted(int64(rest/small), smallName)
	}
	return text
}

// Bytes returns n with its unit: "1 byte", "2 bytes".
func Bytes(n int) string { return counted(int64(n), " byte") }

func counted(n int64, name string) string {
	text := strconv.FormatInt(n, 10) + name
	if n != 1 && name != " s" {
		text += "s"
	}
	return text
}

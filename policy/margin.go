package policy

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// MaxMargin bounds a Margin's time.
const MaxMargin = 3650 * 24 * time.Hour

// Margin says how long before its end date a certificate counts as too old: when
// less than Left is left of it, or, of the leaf alone, less than Percent of its
// lifetime. At most one of the two is set. The zero Margin refuses nothing.
type Margin struct {
	Left    time.Duration // at most MaxMargin
	Percent uint8         // 1 to 99
}

var errMargin = errors.New("must be a time up to 3650d like 14d or 36h, or a share of the lifetime from 1% to 99%")

// ParseMargin reads "14d", a duration in Go's notation, or "30%".
func ParseMargin(s string) (Margin, error) {
	if digits, ok := strings.CutSuffix(s, "%"); ok {
		n, err := strconv.ParseUint(digits, 10, 8)
		if err != nil || n < 1 || n > 99 {
			return Margin{}, errMargin
		}
		return Margin{Percent: uint8(n)}, nil
	}
	var left time.Duration
	if digits, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(digits, 10, 16)
		if err != nil || n > uint64(MaxMargin/day) {
			return Margin{}, errMargin
		}
		left = time.Duration(n) * day
	} else {
		var err error
		if left, err = time.ParseDuration(s); err != nil {
			return Margin{}, errMargin
		}
	}
	if left <= 0 || left > MaxMargin {
		return Margin{}, errMargin
	}
	return Margin{Left: left}, nil
}

// String writes m as ParseMargin reads it; "" for the zero Margin.
func (m Margin) String() string {
	switch {
	case m.Percent > 0:
		return strconv.Itoa(int(m.Percent)) + "%"
	case m.Left == 0:
		return ""
	case m.Left%day == 0:
		return strconv.FormatInt(int64(m.Left/day), 10) + "d"
	}
	return FormatDuration(m.Left)
}

// Reached returns the moment after which a certificate with these dates is
// refused, and false where m says nothing of it. leaf tells the certificate that
// is judged from the others of its path.
func (m Margin) Reached(notBefore, notAfter time.Time, leaf bool) (time.Time, bool) {
	switch {
	case notAfter.IsZero():
		return time.Time{}, false
	case m.Left > 0:
		return notAfter.Add(-m.Left), true
	case m.Percent > 0 && leaf && !notBefore.IsZero() && notBefore.Before(notAfter):
		return notAfter.Add(-share(notBefore, notAfter, int64(m.Percent))), true
	}
	return time.Time{}, false
}

// valid reports whether m is what ParseMargin can give.
func (m Margin) valid() bool {
	return m.Left >= 0 && m.Left <= MaxMargin && m.Percent < 100 && (m.Left == 0 || m.Percent == 0)
}

// Soon returns how long before its end date a certificate is warned of when no
// rule says otherwise. A quarter of the lifetime, for ACME clients renew when a
// third is left, and at most 20 days; of a lifetime of 10 days or less at most 24
// hours.
func Soon(notBefore, notAfter time.Time) time.Duration {
	most := 20 * day
	if notAfter.Unix()-notBefore.Unix() <= int64(10*day/time.Second) {
		most = day
	}
	return min(most, share(notBefore, notAfter, 25))
}

const day = 24 * time.Hour

// share returns so many percent of the time between two dates, to the second. The
// dates may be any that a certificate can have: what a Duration cannot hold becomes
// the longest one, and dates in the wrong order have nothing between them.
func share(from, to time.Time, percent int64) time.Duration {
	const most = int64(1<<63-1) / int64(time.Second)
	apart := max(to.Unix()-from.Unix(), 0)
	return time.Duration(min(apart/100*percent+apart%100*percent/100, most)) * time.Second
}

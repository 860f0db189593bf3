package policy_test

import (
	"testing"
	"time"

	"github.com/assaytls/assay/policy"
)

// A margin is read, written and applied as it is meant; what is none is refused.
func TestMargin(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	end := begin.AddDate(0, 0, 100)
	for _, c := range []struct {
		text, written string
		leaf, above   time.Duration // before the end; -1: nothing is said
	}{
		{"14d", "14d", 14 * 24 * time.Hour, 14 * 24 * time.Hour},
		{"48h", "2d", 48 * time.Hour, 48 * time.Hour},
		{"90m", "1h30m", 90 * time.Minute, 90 * time.Minute},
		{"30%", "30%", 30 * 24 * time.Hour, -1},
		{"3650d", "3650d", 3650 * 24 * time.Hour, 3650 * 24 * time.Hour},
	} {
		m, err := policy.ParseMargin(c.text)
		if err != nil || m.String() != c.written {
			t.Errorf("%s: %v, %q", c.text, err, m)
		}
		for leaf, want := range map[bool]time.Duration{true: c.leaf, false: c.above} {
			at, ok := m.Reached(begin, end, leaf)
			if ok != (want >= 0) || ok && !at.Equal(end.Add(-want)) {
				t.Errorf("%s, leaf %v: %v, %v", c.text, leaf, at, ok)
			}
		}
	}
	for _, bad := range []string{"", "0", "0d", "-1d", "14", "14 d", "d", "%", "0%", "100%", "-5%", "1.5%", "3651d", "99999999999d", "2562048h", "30%d"} {
		if m, err := policy.ParseMargin(bad); err == nil {
			t.Errorf("%q is read as %+v", bad, m)
		}
	}
	for _, bad := range []policy.Margin{{Left: -1}, {Left: policy.MaxMargin + 1}, {Percent: 100}, {Left: time.Hour, Percent: 3}} {
		if err := (policy.Policy{ExpiresWithin: bad}).Validate(); err == nil {
			t.Errorf("%+v is valid", bad)
		}
	}
	if _, ok := (policy.Margin{}).Reached(begin, end, true); ok {
		t.Error("no margin, and something is refused")
	}
	if _, ok := (policy.Margin{Left: 1}).Reached(begin, time.Time{}, true); ok {
		t.Error("an end that cannot be read")
	}
}

// Little is left below a quarter of the lifetime and 20 days; of short lifetimes in
// the last day.
func TestSoon(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	for life, want := range map[time.Duration]time.Duration{
		398 * day: 20 * day, 90 * day: 20 * day, 47 * day: 1015200 * time.Second, 10*day + time.Hour: 60*time.Hour + 15*time.Minute,
		10 * day: day, 6 * day: day, 4 * day: day, 2 * day: 12 * time.Hour, time.Hour: 15 * time.Minute, 0: 0, -day: 0,
	} {
		if got := policy.Soon(begin, begin.Add(life)); got != want {
			t.Errorf("%v: %v, want %v", life, got, want)
		}
	}
	if got := policy.Soon(time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)); got != 20*day {
		t.Errorf("the longest life: %v", got)
	}
}

package finding_test

import (
	"math"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
)

func TestTime(t *testing.T) {
	for _, c := range []struct {
		in   time.Time
		want string
	}{
		{time.Time{}, ""},
		{time.Date(2026, 11, 29, 2, 8, 49, 999999999, time.FixedZone("", 3600)), "2026-11-29T01:08:49Z"},
		{time.Date(9999, 12, 31, 23, 59, 59, 5, time.UTC), "9999-12-31T23:59:59Z"},
		{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), "9999-12-31T23:59:59Z"},
		{time.Date(9999, 12, 31, 23, 59, 59, 0, time.FixedZone("", -3600)), "9999-12-31T23:59:59Z"},
		{time.Unix(math.MaxInt64>>1, 0), "9999-12-31T23:59:59Z"},
		{time.Date(-7, 1, 1, 0, 0, 0, 0, time.UTC), "0000-01-01T00:00:00Z"},
		{time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC), "1950-01-01T00:00:00Z"},
	} {
		got := finding.Time(c.in)
		if got != c.want {
			t.Errorf("%v: %q, want %q", c.in, got, c.want)
		}
		if back, err := time.Parse(time.RFC3339, got); got != "" && (err != nil || back.Format(time.RFC3339) != got) {
			t.Errorf("%q: %v", got, err)
		}
	}
}

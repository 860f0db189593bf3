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

func TestDuration(t *testing.T) {
	for _, c := range []struct {
		in   time.Duration
		want string
	}{
		{0, "0 ms"},
		{250 * time.Millisecond, "250 ms"},
		{time.Second, "1 s"},
		{1500 * time.Millisecond, "1.5 s"},
		{90 * time.Second, "90 s"},
		{150 * time.Second, "2 minutes 30 s"},
		{10 * time.Minute, "10 minutes"},
		{90 * time.Minute, "90 minutes"},
		{24 * time.Hour, "24 hours"},
		{-24 * time.Hour, "24 hours"},
		{25*time.Hour + 30*time.Minute, "25 hours 30 minutes"},
		{49 * time.Hour, "2 days 1 hour"},
		{240 * time.Hour, "10 days"},
		{240*time.Hour + time.Second, "10 days"},
		{math.MinInt64, "0 ms"},
		{math.MaxInt64, "106751 days 23 hours"},
	} {
		if got := finding.Duration(c.in); got != c.want {
			t.Errorf("%v: %q, want %q", c.in, got, c.want)
		}
	}
}

// Titles show times as people read them; parameters keep the form for programs.
func TestTitleTimes(t *testing.T) {
	for in, want := range map[string]string{
		"2026-11-29T01:08:49Z":                             "2026-11-29 01:08:49 UTC",
		"it expired on 2026-11-29T01:08:49Z":               "it expired on 2026-11-29 01:08:49 UTC",
		"from 2026-11-29T01:08:49Z, to x":                  "from 2026-11-29 01:08:49 UTC, to x",
		"http://a.test/2026-11-29T01:08:49Z":               "http://a.test/2026-11-29T01:08:49Z",
		"CN=2026-11-29T01:08:49Z":                          "CN=2026-11-29T01:08:49Z",
		"(2026-11-29T01:08:49Z) 2026-11-29T01:08:49Z.":     "(2026-11-29 01:08:49 UTC) 2026-11-29 01:08:49 UTC.",
		"2026-11-29T01:08:49Zulu and 2026-11-29T01:08:49Z": "2026-11-29T01:08:49Zulu and 2026-11-29 01:08:49 UTC",
	} {
		f := finding.New(finding.X509Disagrees, "detail", in)
		if got := f.Expand("{detail}"); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
		if f.Param("detail") != in {
			t.Errorf("the parameter became %q", f.Param("detail"))
		}
	}
}

package report

import (
	"slices"
	"testing"
	"time"
)

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		time.Second: "1 second", 90 * time.Second: "90 seconds", 5 * time.Minute: "5 minutes",
		5 * time.Hour: "5 hours", 49 * time.Hour: "2 days",
	} {
		from := time.Unix(1e9, 0)
		if got := span(from, from.Add(d)); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
	if got := span(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)); got != "7999 years" {
		t.Errorf("to the end of time: %s", got)
	}
}

func TestCases(t *testing.T) {
	for in, want := range map[string][]string{
		"":            nil,
		"Restart it.": {"Restart it."},
		"If a: b.":    {"If a: b."},
		"If it is your server: do this. If it is not: do that.":                           {"If it is your server: do this.", "If it is not: do that."},
		"Wait a day. If it is your server: restart it. If it runs, wait: it may be slow.": {"Wait a day.", "If it is your server: restart it.", "If it runs, wait: it may be slow."},
		"If it lasts, ask the CA. A note: none.":                                          {"If it lasts, ask the CA. A note: none."},
	} {
		if got := cases(in); !slices.Equal(got, want) {
			t.Errorf("%q: %q", in, got)
		}
	}
}

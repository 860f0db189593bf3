package engine

import (
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/fetch"
)

// A cached body answers without asking for an hour, less when HTTP, the policy
// or the end of its own time says so.
func TestFresh(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name            string
		age, life, http time.Duration // life: expires - fetched; 0 = not known
		maxAge          time.Duration
		want            bool
	}{
		{name: "new", want: true},
		{name: "59 minutes", age: 59 * time.Minute, want: true},
		{name: "an hour", age: time.Hour},
		{name: "from the future", age: -time.Second},
		{name: "good for a week", age: 59 * time.Minute, life: 168 * time.Hour, want: true},
		{name: "the second half has not begun", age: 19 * time.Minute, life: 40 * time.Minute, want: true},
		{name: "the second half has begun", age: 20 * time.Minute, life: 40 * time.Minute},
		{name: "over", age: 41 * time.Minute, life: 40 * time.Minute},
		{name: "a short life is not asked about all the time", age: 50 * time.Second, life: 55 * time.Second, want: true},
		{name: "and ends all the same", age: 55 * time.Second, life: 55 * time.Second},
		{name: "max-age", age: 9 * time.Minute, http: 10 * time.Minute, want: true},
		{name: "past max-age", age: 10 * time.Minute, http: 10 * time.Minute},
		{name: "max-age beyond an hour", age: time.Hour, http: 24 * time.Hour},
		{name: "the policy's maximum", age: 5 * time.Minute, maxAge: 5 * time.Minute},
	} {
		c := &cached{fetched: now.Add(-tt.age)}
		if tt.life > 0 {
			c.expires = c.fetched.Add(tt.life)
		}
		if tt.http > 0 {
			c.again = c.fetched.Add(tt.http)
		}
		if got := fresh(c, bodyOptions{now: now, maxAge: tt.maxAge}); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

// A failure is remembered for a minute, then twice as long each time, up to
// ten; a success ends that.
func TestFailuresDouble(t *testing.T) {
	c := newBodyCache()
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	fail := func(want time.Duration) {
		t.Helper()
		c.remember("k", fetch.Failure{ID: finding.FetchTimeout, Detail: "x"}, now)
		e := &Engine{cache: c}
		if f, ok := e.recentFailure(need{}, "k", now.Add(want-time.Second)); !ok || f.id != finding.FetchTimeout {
			t.Errorf("forgotten before %v", want)
		}
		if _, ok := e.recentFailure(need{}, "k", now.Add(want)); ok {
			t.Errorf("remembered after %v", want)
		}
	}
	for _, want := range []time.Duration{1, 2, 4, 8, 10, 10} {
		fail(want * time.Minute)
	}
	c.forget("k")
	fail(time.Minute)
}

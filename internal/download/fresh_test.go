package download

import (
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
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
		c := &Artefact{Fetched: now.Add(-tt.age)}
		if tt.life > 0 {
			c.Expires = c.Fetched.Add(tt.life)
		}
		if tt.http > 0 {
			c.Again = c.Fetched.Add(tt.http)
		}
		if got := c.fresh(Terms{Now: now, MaxAge: tt.maxAge}); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

// A failure is remembered for a minute, then twice as long each time, up to
// ten; a success ends that.
func TestFailuresDouble(t *testing.T) {
	c := New(Options{})
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	n := Need{Kind: CRL, URL: "k"}
	q := asked{Key: n.Key()}
	fail := func(want time.Duration) {
		t.Helper()
		c.failed(n, q, finding.FetchTimeout, "x", now)
		if f, ok := c.failure(n, q, Terms{Now: now.Add(want - time.Second)}); !ok || f.id != finding.FetchTimeout {
			t.Errorf("forgotten before %v", want)
		}
		if _, ok := c.failure(n, q, Terms{Now: now.Add(want)}); ok {
			t.Errorf("remembered after %v", want)
		}
	}
	for _, want := range []time.Duration{1, 2, 4, 8, 10, 10} {
		fail(want * time.Minute)
	}
	c.succeeded(q)
	fail(time.Minute)
}

package watch

import (
	"testing"
	"time"
)

func TestNext(t *testing.T) {
	for _, c := range []struct {
		name       string
		left       time.Duration // until the first end; 0 is none
		fails      int
		early, mid time.Duration // the least wait, and that without luck
	}{
		{"nothing ends", 0, 0, 54 * time.Minute, time.Hour},
		{"it ends much later", 100 * time.Hour, 0, 54 * time.Minute, time.Hour},
		{"it ends soon", time.Hour, 0, 27 * time.Minute, 30 * time.Minute},
		{"it ends very soon", 90 * time.Second, 0, 54 * time.Second, time.Minute},
		{"it ends in a moment", 30 * time.Second, 0, 35 * time.Second, 35 * time.Second},
		{"it has ended", -time.Hour, 0, 54 * time.Minute, time.Hour},
		{"the first failure", 0, 1, 54 * time.Second, time.Minute},
		{"the third", 0, 3, 216 * time.Second, 4 * time.Minute},
		{"the hundredth", 0, 100, 54 * time.Minute, time.Hour},
		{"a failure near the end", time.Hour, 2, 108 * time.Second, 2 * time.Minute},
	} {
		end := t0.Add(c.left)
		if c.left == 0 {
			end = time.Time{}
		}
		if got := next(t0, end, time.Hour, c.fails, 0).Sub(t0); got != c.early {
			t.Errorf("%s: at the earliest %s, not %s", c.name, got, c.early)
		}
		if got := next(t0, end, time.Hour, c.fails, 0.5).Sub(t0); got != c.mid {
			t.Errorf("%s: %s, not %s", c.name, got, c.mid)
		}
	}
	// A short interval is kept however near an end is.
	if got := next(t0, t0.Add(2*time.Minute), 10*time.Second, 0, 0.5).Sub(t0); got != 10*time.Second {
		t.Errorf("%s", got)
	}
}

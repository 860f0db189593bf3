package watch

import (
	"time"
)

// The bounds of the schedule.
const (
	soonest   = time.Minute     // the first check after one that did not reach the target, and before an end
	afterEnd  = 5 * time.Second // after something has ended
	jitterOne = 10              // one part of so many, either way
	maxFails  = 30              // beyond this the back-off does not grow
	maxWait   = 24 * time.Hour  // of the back-off
)

// next says when a target is to be checked again after a check at now. An interval
// is shortened as the first end comes near: half of what is left is waited for, so
// that a renewal that did not happen is seen in time and its last moment too.
// A target that could not be reached is tried again after a minute, then after
// twice as long, until that is the interval. luck, from 0 to 1, spreads targets.
func next(now, end time.Time, interval time.Duration, fails int, luck float64) time.Time {
	wait := interval
	if fails > 0 {
		if backOff := soonest << min(fails-1, maxFails); backOff > 0 && backOff < min(wait, maxWait) {
			wait = backOff
		}
	}
	if left := end.Sub(now); !end.IsZero() && left > 0 && fails == 0 {
		switch {
		case left <= soonest:
			return now.Add(left + afterEnd) // without luck: this is the moment
		case left/2 < wait:
			wait = max(left/2, min(soonest, interval))
		}
	}
	spread := wait / jitterOne
	return now.Add(wait - spread + time.Duration(luck*2*float64(spread)))
}

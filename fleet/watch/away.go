package watch

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// The rhythm while those who make the checks are away, and of a check that they cannot
// make.
const (
	awayFirst  = 2 * time.Second
	awayMost   = time.Minute
	tellAgain  = 10 * time.Minute
	unmadeWait = 5 * time.Minute // of one target, give or take a tenth
)

// away is whether those who make checks are away. One of them is looked for now and
// then, and no target is claimed meanwhile; what is due waits, and nothing is said of it.
type away struct {
	mu     sync.Mutex
	since  time.Time // zero: they are there
	until  time.Time // of the next look
	wait   time.Duration
	told   time.Time // when people were told last
	waited int64     // checks that were to be made
	odd    time.Time // when people were told last of a check that could not be made
}

func (a *away) is() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return !a.since.IsZero()
}

// pause is how long nothing is to be claimed.
func (a *away) pause(now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.since.IsZero() {
		return 0
	}
	return a.until.Sub(now)
}

// noted is told of a check that nobody was there to make. It says when they are looked
// for next, and whether people are to be told.
func (a *away) noted(now time.Time) (wait time.Duration, tell bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waited++
	if a.since.IsZero() {
		a.since, a.wait, a.until = now, awayFirst, time.Time{}
	}
	if !now.Before(a.until) { // not one of those that began together
		a.until = now.Add(a.wait*9/10 + rand.N(a.wait/5))
		a.wait = min(2*a.wait, awayMost)
	}
	if tell = now.Sub(a.told) > tellAgain; tell {
		a.told = now
	}
	return a.until.Sub(now), tell
}

// over is told of a check that was made, and says how many had to wait.
func (a *away) over() (waited int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.since.IsZero() {
		return 0
	}
	waited = a.waited
	a.since, a.until, a.told, a.waited = time.Time{}, time.Time{}, time.Time{}, 0
	return waited
}

// oddly reports whether people are to be told of one check that could not be made.
func (a *away) oddly(now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now.Sub(a.odd) < time.Minute {
		return false
	}
	a.odd = now
	return true
}

// unmade puts off a check that was not made. Nothing is stored: what is known of the
// target stays as it was.
func (w *Watcher) unmade(j Job, why error) {
	w.counts.unmade.Add(1)
	now := time.Now()
	if !errors.Is(why, ErrAway) {
		w.giveBack([]Job{j}, now.Add(unmadeWait*9/10+rand.N(unmadeWait/5)))
		if w.Trouble != nil && w.away.oddly(now) {
			w.Trouble(fmt.Errorf("%s: %w", j.Name, why))
		}
		return
	}
	wait, tell := w.away.noted(now)
	w.giveBack([]Job{j}, j.at) // the longest overdue comes first again
	if tell && w.Trouble != nil {
		w.Trouble(fmt.Errorf("%w; the next try is in %s", why, wait.Round(time.Second)))
	}
}

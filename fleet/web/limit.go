package web

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limits are buckets by key. Those that are full again are forgotten; who comes when
// there are too many shares one with others.
type limits struct {
	mu     sync.Mutex
	each   rate.Limit
	burst  int
	by     map[string]*rate.Limiter
	others *rate.Limiter
	latest time.Time // a bucket that is asked about an earlier moment afterwards fills twice for what is between
}

const maxBuckets = 10_000

func newLimits(each rate.Limit, burst int) *limits {
	return &limits{each: each, burst: burst, by: map[string]*rate.Limiter{}, others: rate.NewLimiter(each, burst)}
}

// set changes what each key has. What was used of it stays used.
func (l *limits) set(each rate.Limit, burst int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.each, l.burst = each, burst
	now := time.Now()
	for _, b := range l.by {
		b.SetLimitAt(now, each)
		b.SetBurstAt(now, burst)
	}
	l.others.SetLimitAt(now, each)
	l.others.SetBurstAt(now, burst)
}

// take takes one of key's at now; otherwise it says how long to wait for one.
func (l *limits) take(key string, now time.Time) (wait time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Before(l.latest) { // whoever read the clock later was faster here
		now = l.latest
	}
	l.latest = now
	b := l.by[key]
	if b == nil {
		if len(l.by) >= maxBuckets {
			for k, one := range l.by {
				if one.TokensAt(now) >= float64(l.burst) {
					delete(l.by, k)
				}
			}
		}
		if b = l.others; len(l.by) < maxBuckets {
			b = rate.NewLimiter(l.each, l.burst)
			l.by[key] = b
		}
	}
	if b.AllowN(now, 1) {
		return 0, true
	}
	return time.Duration((1 - b.TokensAt(now)) / float64(l.each) * float64(time.Second)), false
}

// gate lets a few through at a time, and a bounded number wait.
type gate struct {
	open    chan struct{}
	waiting chan struct{}
}

func newGate(open, waiting int) *gate {
	return &gate{make(chan struct{}, open), make(chan struct{}, waiting)}
}

// enter waits for its turn; leave must follow when it returns true.
func (g *gate) enter(ctx context.Context) bool {
	select {
	case g.open <- struct{}{}:
		return true
	default:
	}
	select {
	case g.waiting <- struct{}{}:
		defer func() { <-g.waiting }()
	default:
		return false
	}
	select {
	case g.open <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (g *gate) leave() { <-g.open }

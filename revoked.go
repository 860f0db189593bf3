package assay

import (
	"fmt"
	"math"
	"time"

	"github.com/assaytls/assay/report"
)

// learnt is told that a revocation was learnt. It does not wait: the connections
// that are open are looked at beside, once for all that is learnt until then.
func (c *core) learnt() {
	if c.reviewDue.CompareAndSwap(false, true) {
		go c.review(ifLearnt)
	}
}

// reviewing says how hard a review looks.
type reviewing uint8

const (
	ifLearnt     reviewing = iota // at connections against which something was learnt
	look                          // among all that was learnt, since what a source dated ahead may count now
	underAnchors                  // at those whose anchor may have been withdrawn
	anew                          // at every connection, since it would be judged by other data now
)

// review ends the connections that are accepted no longer.
func (c *core) review(how reviewing) {
	if !c.begin() {
		return
	}
	defer c.running.Done()
	c.oneReview.Lock()
	defer c.oneReview.Unlock()
	c.reviewDue.Store(false)
	refused := func(a *acceptance) bool {
		switch how {
		case look:
			a.lessons.Store(math.MaxUint64)
		case underAnchors:
			if len(a.v.standing(&a.state).VerifiedChains) != len(a.state.VerifiedChains) {
				return a.look(c.engine.Lessons(), how) != nil
			}
		case anew:
			return a.look(c.engine.Lessons(), how) != nil
		}
		return a.standing() != nil
	}
	open, foreign := c.conns.all()
	for id, o := range open {
		if refused(o.acceptance) {
			o.end()
			c.conns.remove(id)
		}
	}
	for _, a := range foreign {
		if refused(a) {
			c.conns.mu.Lock()
			c.conns.foreign.Delete(a.key)
			c.conns.mu.Unlock()
		}
	}
	told := map[[32]byte]*acceptance{} // each peer once, however many connections it had
	for _, a := range c.conns.takeRefused() {
		told[a.key] = a
	}
	for _, a := range told {
		a.v.tellRevoked(a.refused.Load().Report)
	}
}

// tellRevoked tells the application, which may take its time, and may panic.
func (v *Verifier) tellRevoked(r *report.Report) {
	if v.conf.OnRevoked == nil || !v.begin() {
		return
	}
	go func() {
		defer v.running.Done()
		defer func() {
			if x := recover(); x != nil {
				v.warn(fmt.Errorf("Config.OnRevoked panicked: %v", x))
			}
		}()
		v.conf.OnRevoked(v.ctx, deepCopy(r))
	}()
}

// The times at which open connections are looked at.
const (
	learnEvery = time.Second // what other processes learn, while there are connections
	tendEvery  = time.Minute
)

// tend sees to it that the connections that are open are looked at now and then.
func (c *core) tend() {
	c.conns.mu.Lock()
	defer c.conns.mu.Unlock()
	if c.conns.tended || len(c.conns.open)+c.conns.foreign.Len() == 0 {
		return
	}
	c.conns.tended = true
	every := tendEvery
	if c.shared {
		every = learnEvery
	}
	time.AfterFunc(every, c.look)
}

// look learns what other processes have learnt, and has revocation data fetched
// anew for connections that stay open: nobody would learn otherwise that a peer is
// revoked who needs no other handshake.
func (c *core) look() {
	if !c.begin() {
		return
	}
	defer c.running.Done()
	c.engine.LearnFromOthers()
	if now := time.Now(); now.Sub(c.tendedAt) > tendEvery-learnEvery {
		c.tendedAt = now
		c.review(look)
		c.renew(now)
	}
	c.conns.mu.Lock()
	c.conns.tended = false
	c.conns.mu.Unlock()
	c.tend()
}

// renew has the revocation data of open connections fetched anew where that is
// due, once for each peer and policy.
func (c *core) renew(now time.Time) {
	open, foreign := c.conns.all()
	for _, o := range open {
		foreign = append(foreign, o.acceptance)
	}
	seen := map[[32]byte]bool{}
	for _, a := range foreign {
		if a.v.conf.Network == Offline || !a.due(now) || seen[a.key] {
			continue
		}
		seen[a.key] = true
		a.v.refreshInBackground(handshakeEvidence(a.d, &a.state), &a.state, a.d, a.p)
	}
}

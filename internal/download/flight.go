package download

import (
	"context"
	"fmt"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/assaytls/assay/finding"
)

// flight is one download, under way or waiting for its turn.
type flight struct {
	done    chan struct{}
	got     Got
	waiting int           // who wait for it
	started bool          // its turn has come
	nobody  chan struct{} // closed when nobody waits any more and it has not started
}

// single runs f once for all who ask q at the same time, and for not more than
// maxFlights questions at once, maxOfHost of them to one host, so that one that
// never answers does not hold up the others. A caller whose context ends stops waiting; what
// has started goes on for the others and for the cache, until the Cache's context
// ends, and what has not is given up only when nobody waits for it.
func (c *Cache) single(ctx context.Context, q asked, f func(context.Context) Got) Got {
	c.mu.Lock()
	fl, running := c.flights[q]
	if !running {
		fl = &flight{done: make(chan struct{}), nobody: make(chan struct{})}
		c.flights[q] = fl
		c.running.Go(func() { c.fly(q, fl, f) })
	}
	fl.waiting++
	c.mu.Unlock()
	select {
	case <-fl.done:
		return fl.got
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if fl.waiting--; fl.waiting == 0 && !fl.started && c.flights[q] == fl {
		delete(c.flights, q)
		close(fl.nobody)
	}
	return Got{Outcome: Failed, Failure: finding.FetchTimeout, Detail: "the time for the whole run ended first"}
}

// hostSlots has one slot for each download from a host, as long as somebody wants one.
type hostSlots struct {
	slots chan struct{}
	users int
}

// turn returns the slots of the host of an address, until leave is called.
func (c *Cache) turn(address string) (slots chan struct{}, leave func()) {
	host := address
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		host = strings.ToLower(u.Host)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.hosts[host]
	if h == nil {
		h = &hostSlots{slots: make(chan struct{}, maxOfHost)}
		c.hosts[host] = h
	}
	h.users++
	return h.slots, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if h.users--; h.users == 0 {
			delete(c.hosts, host)
		}
	}
}

// fly waits for its turn and runs f.
func (c *Cache) fly(q asked, fl *flight, f func(context.Context) Got) {
	fl.got = Got{Outcome: Failed, Failure: finding.FetchFailed, Detail: "the download ended unexpectedly"}
	defer func() {
		if v := recover(); v != nil { // it is on a goroutine of its own and would end the program
			fl.got = Got{Outcome: Failed, Failure: finding.InternalError, Detail: fmt.Sprint(v)}
		}
		c.mu.Lock()
		if c.flights[q] == fl {
			delete(c.flights, q)
		}
		c.mu.Unlock()
		close(fl.done)
	}()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // bodies may be mapped files
	host, leave := c.turn(q.url)                             // first: who waits for his host takes no place from others
	defer leave()
	for _, slots := range []chan struct{}{host, c.slots} {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		case <-fl.nobody:
			return
		case <-c.ctx.Done():
			return
		}
	}
	c.mu.Lock()
	fl.started = c.flights[q] == fl // or the last who waited has gone just now
	c.mu.Unlock()
	if fl.started {
		fl.got = f(c.ctx)
	}
}

// failure remembers a failed download: for a minute, then twice as long each
// time, up to ten.
type failure struct {
	until  time.Time
	wait   time.Duration
	id     finding.ID
	detail string
}

// again is the failure that follows f.
func (f failure) again(id finding.ID, detail string, now time.Time) failure {
	wait := min(max(time.Minute, 2*f.wait), 10*time.Minute)
	return failure{until: now.Add(wait), wait: wait, id: id, detail: detail}
}

// failure returns how asking q for n failed a short while ago, here or in another
// process that shares the disk. A person's Run hears of its own failures only, and
// where first contacts wait, of this process's: another's was no contact of ours.
func (c *Cache) failure(n Need, q asked, t Terms) (failure, bool) {
	now := t.Now
	c.mu.Lock()
	f, ok := c.failures.Get(q)
	c.mu.Unlock()
	if t.Run.begun() {
		return f, ok && t.Run.answers(f, now)
	}
	if ok || c.store == nil || !t.Since.IsZero() {
		return f, ok && now.Before(f.until)
	}
	d, ok := c.store.Failed(storeKey(n, 0))
	return failure{until: d.Until, id: finding.ID(d.ID), detail: d.Detail}, ok && now.Before(d.Until)
}

// failed remembers that asking q for n failed. What is due to where the target is
// is not told to other processes.
func (c *Cache) failed(n Need, q asked, id finding.ID, detail string, now time.Time) {
	c.mu.Lock()
	old, _ := c.failures.Get(q)
	c.failures.Put(q, old.again(id, detail, now), 0)
	c.mu.Unlock()
	if c.store != nil && id != finding.FetchRefusedAddress {
		if err := c.store.Fail(storeKey(n, 0), string(id), detail); err != nil {
			c.warn(err)
		}
	}
}

func (c *Cache) succeeded(q asked) {
	c.mu.Lock()
	c.failures.Delete(q)
	c.mu.Unlock()
}

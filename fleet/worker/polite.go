package worker

import (
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/publicsuffix"
)

// polite keeps connections to one network, and to one registrable name, apart. It
// remembers those to which something is under way or was a moment ago: memory grows
// with the connections in flight and not with the list. It is safe for concurrent
// use.
type polite struct {
	rate    float64    // connections a second of all workers together, 0: no bound
	most    int        // connections to one network at a time, 0: no bound
	workers func() int // that share the rate

	mu      sync.Mutex
	buckets map[place]*bucket
	swept   time.Time
}

// place is a network or a registrable name.
type place struct {
	net  netip.Prefix
	name string
}

type bucket struct {
	next    time.Time // when the next connection may begin
	running int
	waiting []*task
}

// sweepEvery is how often what is forgotten is looked for.
const sweepEvery = 5 * time.Second

func newPolite(l Limits, workers func() int) *polite {
	return &polite{rate: max(l.Rate, 0), most: max(l.PerNetwork, 0), workers: workers, buckets: map[place]*bucket{}}
}

// places are where a connection to addr for host counts; none on loopback. The
// first is the network, if addr is known.
func places(addr netip.Addr, host string) (all []place) {
	if addr.IsValid() {
		addr = addr.Unmap().WithZone("")
		if addr.IsLoopback() {
			return nil
		}
		bits := 24
		if addr.Is6() {
			bits = 48
		}
		p, _ := addr.Prefix(bits) // of a valid address
		all = append(all, place{net: p})
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return all
	}
	name := strings.TrimSuffix(strings.ToLower(host), ".")
	if domain, err := publicsuffix.EffectiveTLDPlusOne(name); err == nil {
		name = domain
	}
	return append(all, place{name: name})
}

// reserve returns when a connection may begin, not before earliest, and has later
// ones begin after it.
func (p *polite) reserve(at []place, earliest time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sweep(time.Now())
	if p.rate == 0 {
		return earliest
	}
	begin := earliest
	for _, place := range at {
		if b := p.buckets[place]; b != nil && b.next.After(begin) {
			begin = b.next
		}
	}
	apart := time.Duration(float64(p.workers()) / p.rate * float64(time.Second))
	for _, place := range at {
		p.bucket(place).next = begin.Add(apart)
	}
	return begin
}

func (p *polite) bucket(at place) *bucket {
	b := p.buckets[at]
	if b == nil {
		b = &bucket{}
		p.buckets[at] = b
	}
	return b
}

// enter reports whether t may connect now. If not, leave will return it.
func (p *polite) enter(t *task) bool {
	at, ok := network(t.places)
	if !ok || p.most == 0 {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.bucket(at)
	if b.running >= p.most {
		b.waiting = append(b.waiting, t)
		return false
	}
	b.running++
	return true
}

// leave says that t's connection has ended. It returns the one that may connect in
// its place, nil if none waits.
func (p *polite) leave(t *task) *task {
	at, ok := network(t.places)
	if !ok || p.most == 0 {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.bucket(at)
	if len(b.waiting) == 0 {
		b.running--
		return nil
	}
	next := b.waiting[0]
	b.waiting[0], b.waiting = nil, b.waiting[1:]
	return next // running stays: it takes the place
}

func network(at []place) (place, bool) {
	if len(at) == 0 || !at[0].net.IsValid() {
		return place{}, false
	}
	return at[0], true
}

// sweep forgets what is of no use any more.
func (p *polite) sweep(now time.Time) {
	if now.Sub(p.swept) < sweepEvery {
		return
	}
	p.swept = now
	for at, b := range p.buckets {
		if b.running == 0 && len(b.waiting) == 0 && !b.next.After(now) {
			delete(p.buckets, at)
		}
	}
}

package tlsclient

import (
	"context"
	"net"
	"net/netip"
	"sync"

	"github.com/assaytls/assay/evidence"
)

// The bounds of DialAll.
const (
	maxAll      = 16 // addresses
	maxParallel = 4  // dials at a time
)

// DialAll dials every address of c.Host, A and AAAA, at most 16 and four at a
// time, and returns one evidence each, IPv6 first. Addresses beyond the
// sixteenth are listed as attempts "not-tried" of the last evidence. If the
// host has no address, or a proxy resolves it, the one evidence is Dial's.
func DialAll(ctx context.Context, c Config) []*evidence.Evidence {
	f := c.filled()
	if c.Proxy != "" || c.Failure != nil {
		return []*evidence.Evidence{Dial(ctx, c)}
	}
	var addrs []netip.Addr
	for a := range f.lookup(ctx, f.Host, f.Port) {
		addrs = append(addrs, a.addrs...)
	}
	if len(addrs) == 0 {
		return []*evidence.Evidence{Dial(ctx, c)}
	}
	r := &race{}
	r.add(addrs)
	queue := r.queue
	out := make([]*evidence.Evidence, min(len(queue), maxAll))
	slots := make(chan struct{}, maxParallel)
	var wg sync.WaitGroup
	for i := range out {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			one := c
			one.Resolve = map[string][]netip.Addr{resolveKey(f.Host, f.Port): {queue[i]}}
			if _, err := netip.ParseAddr(f.Host); err == nil {
				one.Resolve = nil
			}
			out[i] = Dial(ctx, one)
		})
	}
	wg.Wait()
	last := out[len(out)-1]
	for _, a := range queue[len(out):] {
		last.Attempts = append(last.Attempts, evidence.Attempt{Addr: net.JoinHostPort(a.String(), f.Port), Outcome: "not-tried"})
	}
	return out
}

package tlsclient

import (
	"context"
	"net/netip"
	"time"

	"github.com/assaytls/assay/evidence"
)

// Lookup says where c.Host is: the addresses that Dial would try, in its order, or
// the failure that its evidence would have. It is for those who choose one of the
// addresses, and dial it by Config.Resolve; with Config.Failure set, Dial makes the
// evidence of a failure without asking again. The addresses are at most 64, of the
// families asked for.
func Lookup(ctx context.Context, c Config) ([]netip.Addr, *evidence.Failure) {
	c = c.filled()
	r := &race{}
	var errs []error
	start := time.Now()
	for a := range c.lookup(ctx, c.Host, c.Port) {
		r.add(a.addrs)
		if a.err != nil {
			errs = append(errs, a.err)
		}
	}
	if len(r.queue) > 0 {
		return r.queue, nil
	}
	if ctx.Err() != nil {
		return nil, cancelled(ctx, "dns")
	}
	return nil, dnsFailure(&c, c.Host, errs, time.Since(start))
}

package worker

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/assaytls/assay/internal/bounded"
	"golang.org/x/time/rate"
)

// Pace keeps downloads from one host apart: CRLs, OCSP responses, issuers. Whoever
// publishes them expects to be asked, so it is faster than that of probes. It is safe
// for concurrent use.
type Pace struct {
	mu    sync.Mutex
	hosts *bounded.Map[string, *rate.Limiter]
}

// The pace of downloads, and the hosts that are told apart.
const (
	paceRate  = 10 // a second
	paceBurst = 20
	paceHosts = 4096
)

// NewPace returns a Pace that has let nobody wait yet.
func NewPace() *Pace { return &Pace{hosts: bounded.New[string, *rate.Limiter](paceHosts, 0)} }

// Wait returns when a request to host may be sent; on loopback at once. It is made
// for fetch.Client's Pace.
func (p *Pace) Wait(ctx context.Context, host string) error {
	if a, err := netip.ParseAddr(host); err == nil && a.IsLoopback() {
		return nil
	}
	p.mu.Lock()
	l, ok := p.hosts.Get(host)
	if !ok {
		l = rate.NewLimiter(rate.Every(time.Second/paceRate), paceBurst)
		p.hosts.Put(host, l, 0)
	}
	p.mu.Unlock()
	return l.Wait(ctx)
}

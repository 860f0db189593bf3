package assay

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/fetch"
)

// NewPatient is New with d as the bound of one download, which has no field in
// Config, so that a test does not depend on how busy the machine is.
func NewPatient(c Config, d time.Duration) (*Verifier, error) {
	v, err := New(c)
	if err != nil {
		return nil, err
	}
	v.engine = engine.New(engine.Options{Context: v.ctx, Learnt: v.learnt, Fetch: &fetch.Client{Timeout: d}})
	return v, nil
}

// NewStalled is New with a network on which every name is looked up for ever,
// without a socket, so that it works with the clock of testing/synctest.
func NewStalled(c Config) (*Verifier, error) {
	return NewLost(c, func(ctx context.Context) { <-ctx.Done() })
}

// NewLost is New with a network on which no name is found: each time one is looked
// up, lookup is called first.
func NewLost(c Config, lookup func(context.Context)) (*Verifier, error) {
	v, err := New(c)
	if err != nil {
		return nil, err
	}
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		lookup(ctx)
		return nil, errors.New("nobody answered")
	}}
	v.engine = engine.New(engine.Options{Context: v.ctx, Learnt: v.learnt, Fetch: &fetch.Client{Timeout: time.Hour, Resolver: resolver}})
	return v, nil
}

// Refreshes is how many background refreshes are under way.
func (v *Verifier) Refreshes() int {
	if v.core == nil {
		return 0
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.refreshes.keys)
}

// MaxRefreshes is how many there may be, MaxRefreshesOfHost of them from one host.
const (
	MaxRefreshes       = maxRefreshes
	MaxRefreshesOfHost = maxRefreshesOfHost
)

// Remembered is how many acceptances v's memo holds.
func Remembered(v *Verifier) int {
	v.memo.mu.Lock()
	defer v.memo.mu.Unlock()
	return v.memo.entries.Len()
}

// Below is the connection below one that this package made.
func Below(c *tls.Conn) net.Conn { return c.NetConn().(*noted).Conn }

// Watched is how many open connections v knows.
func Watched(v *Verifier) int {
	v.conns.mu.Lock()
	defer v.conns.mu.Unlock()
	return len(v.conns.open)
}

// MemoOctets is what v's memo holds, at most MemoLimit.
func MemoOctets(v *Verifier) int64 {
	v.memo.mu.Lock()
	defer v.memo.mu.Unlock()
	return v.memo.entries.Octets()
}

const MemoLimit = memoOctets

// Carriers is how many handshakes of others are under way on connections of v.
func Carriers(v *Verifier) int {
	v.shaking.mu.Lock()
	defer v.shaking.mu.Unlock()
	return len(v.shaking.carriers)
}

// Tend does what v does now and then while connections are open, as if the
// judgements of all had just ended.
func Tend(v *Verifier) {
	open, foreign := v.conns.all()
	for _, o := range open {
		foreign = append(foreign, o.acceptance)
	}
	for _, a := range foreign {
		a.mu.Lock()
		a.renewal = time.Time{}
		a.mu.Unlock()
	}
	v.tendedAt = time.Time{}
	v.core.look()
}

// Tended is as if all of v's connections had just been looked at. Call it before
// there are any.
func Tended(v *Verifier) { v.tendedAt = time.Now() }

// ReopenFilters looks for a new set now, and not within the minute.
func ReopenFilters(v *Verifier) { v.reopenFilters(v.conf.Filters.Dir) }

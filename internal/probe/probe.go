// Package probe judges one server of many: the lean dial, the engine, one row. It
// is what a scan does for each target, and what its benchmark measures.
package probe

import (
	"context"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/tlsclient"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// Prober judges servers by the same rules. Its fields are not changed once it is
// in use; it is safe for concurrent use. Engine must be set.
type Prober struct {
	Engine *engine.Engine // its caches are what makes many targets cheap
	Trust  *engine.Trust  // nil: nobody is trusted
	Policy policy.Policy
	Access download.Access
	// Detail is how much of each report is made, for those who keep reports. A row
	// says the same whatever it is; assemble.Rows makes as little as that needs.
	Detail assemble.Detail
}

// Probe dials the server of c, whose Lean it sets, and judges it. It fills in row and
// returns the report in p.Detail and what was gathered. It never fails: whatever went
// wrong is in all three. The limits are those of c and of p.Access, and ctx ends all.
//
// Many wait in it for servers. Large values go by pointer here, and the goroutine
// should be a new one for each server: its stack is small until it judges.
func (p *Prober) Probe(ctx context.Context, c *tlsclient.Config, row *report.Row) (*report.Report, *evidence.Evidence) {
	start := time.Now()
	c.Lean = true
	return p.judge(ctx, tlsclient.Dial(ctx, *c), row, start)
}

// judge judges what was gathered since start. It is no part of Probe so that the
// stack of a connection that waits holds nothing of it.
func (p *Prober) judge(ctx context.Context, ev *evidence.Evidence, row *report.Row, start time.Time) (*report.Report, *evidence.Evidence) {
	r, ev := p.Engine.Resolve(ctx, ev, p.Trust, p.Policy, p.Access, p.Detail)
	r.Target.Source = report.FromCheck
	if r.Timing != nil {
		r.Timing.Total = assemble.Milliseconds(time.Since(start))
	}
	*row = r.Row()
	return r, ev
}

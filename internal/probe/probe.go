// Package probe judges one server of many: the lean dial, the engine, one row. It
// is what a scan does for each target, and what its benchmark measures.
package probe

import (
	"context"

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

// Probe dials the server of c and judges it; c.Lean is set. It returns the row, the
// report in p.Detail, and what was gathered. It never fails: whatever went wrong is
// in all three. The limits are those of c and of p.Access, and ctx ends all.
func (p *Prober) Probe(ctx context.Context, c tlsclient.Config) (report.Row, *report.Report, *evidence.Evidence) {
	c.Lean = true
	r, ev := p.Engine.Check(ctx, c, p.Trust, p.Policy, p.Access, p.Detail)
	return r.Row(), r, ev
}

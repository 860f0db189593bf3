package engine_test

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

// under is an engine that judges under one trust set.
type under struct {
	*engine.Engine
	trust *engine.Trust
}

func (u under) Check(ctx context.Context, c tlsclient.Config, p policy.Policy, a download.Access) (*report.Report, *evidence.Evidence) {
	return u.Engine.Check(ctx, c, u.trust, p, a, assemble.Full)
}

func (u under) Resolve(ctx context.Context, ev *evidence.Evidence, p policy.Policy, a download.Access) (*report.Report, *evidence.Evidence) {
	return u.Engine.Resolve(ctx, ev, u.trust, p, a, assemble.Full)
}

func (u under) Judge(ctx context.Context, ev *evidence.Evidence, p policy.Policy, a download.Access) *report.Report {
	return u.Engine.Judge(ctx, ev, u.trust, p, a, assemble.Full)
}

func (u under) Handshake(ctx context.Context, ev *evidence.Evidence, chains [][][]byte, p policy.Policy, a download.Access, d assemble.Detail) (*report.Report, *evidence.Evidence, bool) {
	r, gathered, due, _ := u.Engine.Handshake(ctx, ev, chains, u.trust, p, a, d)
	return r, gathered, due
}

func (u under) Refused(ev *evidence.Evidence, p policy.Policy, reason string) *report.Report {
	return u.Engine.Refused(ev, u.trust, p, reason)
}

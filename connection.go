package assay

import (
	"context"
	"crypto/tls"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/report"
)

// JudgeConnection says what v makes now, by what is at hand, of the server at the
// other end of a connection: for those that [ReportOf] does not know, such as
// http.Response.TLS behind an https proxy, or a connection that somebody else dialled with
// a config of [Verifier.ClientConfig]. It downloads nothing and closes nothing. A
// state in which crypto/tls has verified no chain is refused. Config.Verify and
// Config.Observe are called as in Judge.
func (v *Verifier) JudgeConnection(ctx context.Context, cs *tls.ConnectionState) *report.Report {
	broken := func(why string) *report.Report {
		return refusal(finding.New(finding.InternalError, "what", "the connection", "detail", why)).Report
	}
	switch {
	case !v.begin():
		return broken(ErrClosed.Error())
	case cs == nil || len(cs.VerifiedChains) == 0:
		v.running.Done()
		return broken("crypto/tls verified no chain")
	}
	defer v.running.Done()
	if cs = v.standing(cs); len(cs.VerifiedChains) == 0 {
		return v.refuseWithdrawn(dialled{}, cs, &v.policy)
	}
	ev := handshakeEvidence(dialled{}, cs)
	access := download.Access{Offline: true, Background: v.conf.Network.beside()}
	r, ev, _, _ := v.engine.Handshake(ctx, ev, verifiedChains(cs), v.trusted(), v.policy, access, assemble.Full)
	v.hook(ctx, ev, r)
	v.observe(ctx, r)
	v.counters.judged(r)
	return r
}

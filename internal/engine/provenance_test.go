package engine

import (
	"slices"
	"testing"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// Only certificates that came without a connection are not missed a staple;
// evidence that does not say where it comes from is judged as a connection's.
func TestSourceDecidesWhatIsMissed(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	key := forge.P256()
	leaf := root.Issue(forge.Cert{Key: key, Extensions: append(root.ServerExts(key, forge.DNS("a.test")), forge.MustStaple())})
	e := guardEngine(t, root.Raw)
	for source, want := range map[evidence.Source]bool{"": true, evidence.SourceDial: true, evidence.SourceHandshake: true, evidence.SourceFiles: false} {
		ev := &evidence.Evidence{Source: source, Time: time.Now(), Target: evidence.Target{Host: "a.test"}, Chain: []evidence.Entry{{Cert: leaf.Raw}}}
		r := e.Judge(t.Context(), ev, e.trust, policy.Policy{}, Access{})
		missed := slices.ContainsFunc(r.Paths[0].Certs[0].Findings, func(f finding.Finding) bool { return f.ID == finding.MustStapleMissing })
		if missed != want || (r.Verdict == report.Reject) != want || (r.Connection != nil) != want {
			t.Errorf("%q: missed %v, %s", source, missed, r.Verdict)
		}
	}
}

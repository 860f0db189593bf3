package engine

import (
	"testing"

	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/revocation"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// A panic between the judges refuses like one in them: background refreshes
// run on goroutines of their own.
func TestPanicBetweenJudges(t *testing.T) {
	e, err := New(Options{Anchors: certpath.NewAnchors()})
	if err != nil {
		t.Fatal(err)
	}
	e.cache = nil // whatever touches it panics
	ev := &evidence.Evidence{Artefacts: []evidence.Artefact{{Kind: kindCRL, URL: "http://x.test/", Cached: true}}}
	j := e.newJudgement(ev, policy.Policy{}, Access{})
	j.needs = map[int]need{0: {}}
	j.used = []revocation.Use{{Outcome: revocation.Useless}}
	r := j.resolve(t.Context())
	if r.Verdict != report.Reject || r.Headline == nil || r.Headline.Finding.ID != finding.InternalError {
		t.Errorf("verdict %s, headline %+v", r.Verdict, r.Headline)
	}
}

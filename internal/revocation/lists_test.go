package revocation_test

import (
	"testing"

	. "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

// The second address of a point is asked when the first gave a list that is no
// answer; not when it gave one.
func TestAlternativeAddresses(t *testing.T) {
	const second = "http://crl.example/second.crl"
	w := newWorld().with(Cert{}, CRLDPs(DP{FullName: [][]byte{URI(crlURL), URI(second)}}))
	for first, c := range map[state]struct {
		asked   bool
		verdict report.Verdict // when the second says good
	}{
		good: {false, report.Accept}, isRevoked: {false, report.Reject},
		stale: {true, report.Accept}, staleRevoked: {true, report.Inconclusive}, badSignature: {true, report.Accept},
		foreign: {true, report.Accept}, garbage: {true, report.Accept}, unavailable: {true, report.Accept},
	} {
		in := w.input()
		in.Artefacts = append(in.Artefacts, w.artefact("crl", crlURL, first, w.list)...)
		res := judge(in)
		if asked := len(res.Needs) == 1 && res.Needs[0].URL == second; asked != c.asked || len(res.Needs) > 1 {
			t.Errorf("%s: needs %+v", first, res.Needs)
		}
		in.Artefacts = append(in.Artefacts, w.artefact("crl", second, good, w.list)...)
		if got := judge(in).Certs[0]; verdictOf(got.Findings) != c.verdict {
			t.Errorf("%s: %s %v", first, got.Revocation.Status, got.Findings)
		}
		in.Artefacts = append(in.Artefacts[:len(in.Artefacts)-1], w.artefact("crl", second, isRevoked, w.list)...)
		if got := judge(in).Certs[0].Revocation.Status; c.asked && got != report.Revoked {
			t.Errorf("%s, revoked by the second: %s", first, got)
		}
	}
}

package revocation

import (
	"testing"

	"github.com/assaytls/assay/finding"
)

// What was asked is told from what was not.
func TestTried(t *testing.T) {
	of := func(ids ...finding.ID) (s inquiry) {
		for _, id := range ids {
			s.answers = append(s.answers, answer{findings: []finding.Finding{finding.New(id)}})
		}
		return s
	}
	for want, s := range map[string]inquiry{
		"1 tried":                             of(finding.FetchHTTPStatus),
		"1 tried, 1 not asked":                of(finding.OCSPTryLater, finding.RevocationNotFetched),
		"1 of a kind that assay does not ask": of(finding.RevocationPointerScheme),
		"2 tried, 1 not asked, 1 of a kind that assay does not ask": of(finding.FetchFailed, finding.FetchTimeout, finding.RevocationNotFetched, finding.RevocationPointerScheme),
	} {
		if got := s.tried(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

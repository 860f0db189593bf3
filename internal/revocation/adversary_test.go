package revocation_test

import (
	"slices"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
	. "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

// What claims to be exempt and is not.
func TestNotExempt(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	w := newWorld().with(Cert{NotBefore: now.Add(time.Hour), NotAfter: now.Add(-time.Hour)}, CRLDP(crlURL))
	wantStatus(t, judge(w.input()).Certs[0], report.Unknown, "", report.Inconclusive)
	w = newWorld().with(Cert{}, NoRevAvail(), FreshestCRL(DP{FullName: [][]byte{URI(crlURL)}}))
	if c := judge(w.input()).Certs[0]; c.Revocation.Why != "no-pointer" || !slices.Contains(ids(c), finding.NoRevAvailConflict) {
		t.Errorf("noRevAvail beside a freshest CRL: %+v", c)
	}
}

package ocsp_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
	. "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/ocsp"
	"github.com/assaytls/assay/report"
)

// A nextUpdate at the zero of Go's clock is one that is long past, not one
// that is absent.
func TestNextUpdateYearOne(t *testing.T) {
	w := newWorld()
	s := w.good()
	s.NextUpdate = time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC)
	for _, at := range []string{"00010101000001Z", "00010101000000Z"} {
		body := OCSP{Singles: []Single{s}, MutateTBS: func(b []byte) []byte { return bytes.Replace(b, []byte("00010101000001Z"), []byte(at), 1) }}.Sign(w.ca)
		res := ocsp.Check(w.query(), body)
		if got := ids(res.Findings, finding.Warning); res.Status == report.Good || !slices.Equal(got, []finding.ID{finding.OCSPTimesInvalid}) {
			t.Errorf("%s: %q %v", at, res.Status, res.Findings)
		}
	}
}

// Of several answers that say the same the newest counts, whatever their order.
func TestNewestAnswer(t *testing.T) {
	w := newWorld()
	old := w.good()
	old.ThisUpdate, old.NextUpdate = w.now.Add(-72*time.Hour), w.now.Add(-48*time.Hour)
	for _, singles := range [][]Single{{old, w.good()}, {w.good(), old}} {
		if res := ocsp.Check(w.query(), OCSP{Singles: singles}.Sign(w.ca)); res.Status != report.Good || !res.Fresh {
			t.Errorf("%q %v", res.Status, res.Findings)
		}
	}
	gone := w.ca.RevokedSingle(w.leaf.Serial, 1)
	gone.ThisUpdate, gone.NextUpdate = old.ThisUpdate, old.NextUpdate
	for _, singles := range [][]Single{{gone, w.good()}, {w.good(), gone}} { // and a revocation, old or not, is not outvoted
		if res := ocsp.Check(w.query(), OCSP{Singles: singles}.Sign(w.ca)); res.Status != "" || !slices.Contains(ids(res.Findings, finding.Warning), finding.OCSPStaleRevoked) {
			t.Errorf("%q %v", res.Status, res.Findings)
		}
	}
}

// An answer holds no longer than the certificate of who signed it.
func TestExpiresWithDelegate(t *testing.T) {
	w := newWorld()
	end := w.now.Add(time.Hour).UTC()
	d := w.ca.Issue(Cert{Subject: CN("R"), NotAfter: end, Extensions: []Ext{EKU(OCSPSigning), OCSPNoCheck()}})
	res := ocsp.Check(w.query(), OCSP{Singles: []Single{w.good()}, Certs: [][]byte{d.Raw}}.Sign(d))
	if res.Status != report.Good || !res.Expires.Equal(end) {
		t.Errorf("%q until %s, want %s; %v", res.Status, res.Expires, end, res.Findings)
	}
}

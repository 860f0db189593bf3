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

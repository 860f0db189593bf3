package revocation_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/internal/revocation"
	"github.com/assaytls/assay/report"
)

// BenchmarkWarm is a full pass over a chain of three with a staple, an OCSP
// answer and two lists, all of them seen before: what a second connection
// costs.
func BenchmarkWarm(b *testing.B) {
	w := newWorld()
	in := w.input()
	in.Memo = cert.NewMemo(1 << 10)
	in.Staples = [][]byte{w.response(good)}
	in.Artefacts = append(in.Artefacts, w.artefact(revocation.KindOCSP, ocspURL, good, w.response)...)
	in.Artefacts = append(in.Artefacts, w.artefact(revocation.KindCRL, crlURL, good, w.list)...)
	for i := range in.Artefacts {
		if in.Artefacts[i].Kind == revocation.KindCRL {
			in.Artefacts[i].List, _ = crl.Parse(context.Background(), in.Artefacts[i].Body)
		}
	}
	revocation.Judge(context.Background(), in)
	b.ReportAllocs()
	var times []time.Duration
	for b.Loop() {
		start := time.Now()
		res := revocation.Judge(context.Background(), in)
		if res.Certs[0].Revocation.Status != report.Good || res.Certs[1].Revocation.Status != report.Good {
			b.Fatal("not good")
		}
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2])/1e3, "median-µs")
}

//go:build unix

package web

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/fleet/watch"
	"github.com/assaytls/assay/report"
)

// manyTargets is the size of the fleet of the benchmark.
const manyTargets = 10_000

// BenchmarkPages opens each page about hosts, certificates and issuers of 10,000 targets
// with certificates of their own, in the first state and in two more:
//
//	go test ./web -run '^$' -bench Pages -benchtime 20x
func BenchmarkPages(b *testing.B) {
	s := startLab(b, "good", "expired")
	lab, err := s.Store.Targets(b.Context(), watch.TargetQuery{Group: "lab"}, time.Now())
	if err != nil || len(lab.Targets) != 2 {
		b.Fatal(err)
	}
	var models []*report.Report
	for _, t := range lab.Targets {
		r, err := s.Store.Report(b.Context(), t.ID, 0)
		if err != nil {
			b.Fatal(err)
		}
		models = append(models, r)
	}
	var specs []watch.Spec
	for i := range manyTargets {
		name := fmt.Sprintf("host-%05d.test", i)
		specs = append(specs, watch.Spec{Kind: watch.Server, Target: name, Name: name, Group: "many", Origin: watch.FromConfig, Interval: time.Hour, Digest: watch.Hash{1}})
	}
	if _, _, err := s.Store.Sync(b.Context(), specs, []string{"many"}, time.Now().Add(-time.Hour)); err != nil {
		b.Fatal(err)
	}
	began := time.Now().UTC()
	var last string
	for round := range 3 {
		if round > 0 {
			if err := s.Store.Update(b.Context(), func(tx *watch.Tx) error {
				_, err := tx.Exec("UPDATE schedule SET next_at = 0")
				return err
			}); err != nil {
				b.Fatal(err)
			}
		}
		judge(b, s, func(spec watch.Spec) *report.Report {
			model := models[0]
			if strings.HasSuffix(spec.Name, "7.test") && round == 2 {
				model = models[1]
			}
			r := *model
			r.Certs = append([]report.Cert{}, model.Certs...)
			der := []byte(fmt.Sprint(round, spec.Name, strings.Repeat("x", 900)))
			sum := sha256.Sum256(der)
			c := &r.Certs[0]
			c.Subject, c.Names, c.SHA256 = "CN="+spec.Name, []string{"dns:" + spec.Name, "dns:www." + spec.Name}, hex.EncodeToString(sum[:])
			c.PEM = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
			r.Time = began.Add(time.Duration(round) * time.Minute)
			if spec.Name == "host-05000.test" {
				last = c.SHA256
			}
			return &r
		})
	}
	issuers, err := s.Store.IssuerPage(b.Context(), watch.IssuerQuery{})
	if err != nil || len(issuers.Issuers) == 0 || issuers.Issuers[0].Targets < manyTargets*8/10 {
		b.Fatal(issuers, err)
	}
	page, err := s.Store.Targets(b.Context(), watch.TargetQuery{Search: "host-05000"}, time.Now())
	if err != nil || len(page.Targets) != 1 {
		b.Fatal(err)
	}
	ca := issuers.Issuers[0].SHA256
	if bad, err := s.Store.Targets(b.Context(), watch.TargetQuery{Finding: finding.CertExpired}, time.Now()); err != nil || bad.Total < 1000 {
		b.Fatal(bad.Total, err)
	}
	for _, c := range []struct{ name, path string }{
		{"host", hostPath(page.Targets[0].ID)}, {"certificate", "/certificates/" + last}, {"certificate-of-a-CA", "/certificates/" + ca}, {"issuer", "/issuers/" + ca},
		{"certificates", "/certificates"}, {"search-name", "/certificates?q=www.host-07777"}, {"search-nothing", "/certificates?q=nobody&unused=true"}, {"search-hash", "/certificates?q=" + last}, {"issuers", "/issuers"},
	} {
		b.Run(c.name, func(b *testing.B) {
			size, before := 0, processor(b)
			for b.Loop() {
				w := browse(s, c.path)
				if size = w.Body.Len(); w.Code != 200 {
					b.Fatal(w.Code, w.Body)
				}
			}
			b.ReportMetric(float64((processor(b)-before).Microseconds())/float64(b.N)/1000, "cpu-ms/page")
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000, "ms/page")
			b.ReportMetric(float64(size)/1000, "kB")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// processor is the time that this process had a processor.
func processor(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

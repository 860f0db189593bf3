package web

import (
	"encoding/json"
	"flag"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/fleet/watch"
	"github.com/assaytls/assay/internal/house"
	"github.com/assaytls/assay/report"
)

var update = flag.Bool("update", false, "add what is new to the records of docs/stability")

// What programs ask of the service stays (docs/stability.md).
func TestPromises(t *testing.T) {
	keep := func(name string, now []string) {
		t.Helper()
		house.Keep(t, "../../docs/stability/"+name, now, *update)
	}
	s, err := start(t, Settings{}, loopback, nil)
	if err != nil {
		t.Fatal(err)
	}
	var document object
	if err := json.Unmarshal(do(s, "GET", "/api/v1/openapi.json", "").Body.Bytes(), &document); err != nil {
		t.Fatal(err)
	}
	lines := house.SchemaLines(document["components"], false)
	for path, operations := range document["paths"].(object) {
		for method, op := range operations.(object) {
			line := strings.ToUpper(method) + " " + path
			lines = append(lines, line)
			parameters, _ := op.(object)["parameters"].([]any)
			for _, p := range parameters {
				lines = append(lines, line+" takes "+p.(object)["name"].(string))
			}
			for status, answer := range op.(object)["responses"].(object) {
				lines = append(lines, line+" answers "+status)
				content, _ := answer.(object)["content"].(object)
				for form, body := range content {
					for _, of := range house.SchemaLines(body.(object)["schema"], false) {
						lines = append(lines, line+" answers "+status+" "+form+" "+of)
					}
				}
			}
		}
	}
	keep("api.txt", lines)
	keep("serve-metrics.txt", described(s.metrics.registry))

	// A report that has everything that a probe tells.
	r := &report.Report{Verdict: report.Reject, Time: time.Now(), Connection: &report.Connection{Addr: "127.0.0.1:443", Version: "TLS 1.3", Suite: "TLS_AES_128_GCM_SHA256"},
		Sent: []int{0}, Certs: []report.Cert{{NotAfter: time.Now()}}, Paths: []report.Path{{Certs: []report.PathCert{{Cert: 0}}}},
		Headline: &report.Headline{Finding: finding.Finding{ID: finding.CertExpired}, Path: -1}}
	registry := prometheus.NewRegistry()
	probeMetrics(registry, watch.Outcome{Report: r}, time.Second, time.Now())
	keep("probe-metrics.txt", described(registry))
}

// described are the metrics of a registry.
func described(r *prometheus.Registry) []string {
	descriptions := make(chan *prometheus.Desc)
	go func() {
		r.Describe(descriptions)
		close(descriptions)
	}()
	return house.MetricLines(descriptions)
}

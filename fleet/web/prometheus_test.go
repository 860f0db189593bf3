package web

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assaytls/assay/internal/lab/peers"
)

// TestPrometheus: promtool passes the rules, and a real Prometheus scrapes probes and
// metrics, and takes every expression of the dashboard.
func TestPrometheus(t *testing.T) {
	promtool, program := peers.Path(t, "promtool"), peers.Path(t, "prometheus")
	rules, err := filepath.Abs("../grafana/rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(promtool, "check", "rules", rules).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := exec.Command(promtool, "test", "rules", "../grafana/rules_test.yaml").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var n atomic.Int64
	s, err := start(t, Settings{}, loopback, quick(&n))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	defer server.Close()
	dir := t.TempDir()
	at := strings.TrimPrefix(server.URL, "http://")
	config := "global: {scrape_interval: 1s, scrape_timeout: 1s}\nrule_files: ['" + rules + "']\nscrape_configs:\n" +
		"  - {job_name: service, static_configs: [{targets: ['" + at + "']}]}\n" +
		"  - {job_name: probe, metrics_path: /probe, params: {target: ['127.0.0.1:1']}, static_configs: [{targets: ['" + at + "']}]}\n"
	name := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(name, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	free := httptest.NewServer(nil) // a port that is free a moment later
	listen := strings.TrimPrefix(free.URL, "http://")
	free.Close()
	c := exec.Command(program, "--config.file="+name, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+listen)
	peers.Tie(c)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	query := func(expr string) (status string, results int) {
		resp, err := http.Get("http://" + listen + "/api/v1/query?query=" + url.QueryEscape(expr))
		if err != nil {
			return err.Error(), 0
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		var a struct {
			Status string
			Data   struct{ Result []any }
		}
		if err := json.Unmarshal(b, &a); err != nil {
			return string(b), 0
		}
		return a.Status, len(a.Data.Result)
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		if _, n := query(`assay_verdict{verdict="inconclusive"} == 1 and on() assay_targets`); n == 1 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("nothing was scraped")
		}
	}
	b, err := os.ReadFile("../grafana/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct{ Targets []struct{ Expr string } }
	}
	if err := json.Unmarshal(b, &board); err != nil || len(board.Panels) == 0 {
		t.Fatal(err)
	}
	for _, p := range board.Panels {
		for _, e := range p.Targets {
			if status, _ := query(e.Expr); status != "success" {
				t.Errorf("%s: %s", e.Expr, status)
			}
		}
	}
}

package command

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/internal/lab/peers"
)

// natsServer starts one server of NATS with a token.
func natsServer(t *testing.T) (url, token string, start func() *peers.Server) {
	t.Helper()
	program := "nats-server"
	peers.Path(t, program)
	port, dir := peers.FreePort(t), t.TempDir()
	token = filepath.Join(dir, "token")
	if err := makeToken(token); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(token)
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "nats.conf")
	text := fmt.Sprintf("listen: 127.0.0.1:%s\njetstream { store_dir: %q }\nauthorization { token: %q }\n", port, dir, strings.TrimSpace(string(b)))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return "nats://127.0.0.1:" + port, token, func() *peers.Server { return peers.Start(t, port, program, "-c", config) }
}

// events are the kinds of a service's events, by target.
func eventsOf(t *testing.T, address string) map[string][]string {
	t.Helper()
	var page struct {
		Items []struct{ Name, Kind string }
	}
	getJSON(t, address+"api/v1/events?limit=500", &page)
	all := map[string][]string{}
	for _, e := range page.Items {
		all[e.Name] = append(all[e.Name], e.Kind)
	}
	return all
}

func getJSON(t *testing.T, url string, to any) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode == 200 {
		err = json.Unmarshal(b, to)
	}
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%s: %d, %v: %s", url, resp.StatusCode, err, b)
	}
}

// checksOf is a number of a service's metrics.
func metric(t *testing.T, address, name string) string {
	t.Helper()
	resp, err := http.Get(address + "metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if value, found := strings.CutPrefix(line, name+" "); found {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// A watch whose checks the workers of a queue make: without workers it says so and stores
// nothing; with two, one of which is killed, every target is checked, and what comes of it
// are the first checks alone. A scan shares the workers.
func TestServeEngine(t *testing.T) {
	url, token, begin := natsServer(t)
	begin()
	w := newWorld(t)
	_, port, _ := net.SplitHostPort(w.addr)
	const n = 40
	var targets strings.Builder
	for i := range n {
		fmt.Fprintf(&targets, "      - h%d.many.test:%s\n", i, port)
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "watch.yaml")
	text := fmt.Sprintf("interval: 10s\nworkers: 8\ngroups:\n  - name: default\n    check: {roots: %s, log-list: %s, resolve: '*:%s:127.0.0.1'}\n    targets:\n%s", w.lab.RootFile, w.lab.LogListFile, port, targets.String())
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := startProgram(t, filepath.Join(dir, "state"), "serve", "--config", config, "--listen", "127.0.0.1:0", "--engine", url, "--engine-token-file", token)
	address := p.address()
	p.says("no checks are made: no worker answers: there is none at the queue")
	if away := metric(t, address, "assay_workers_away"); away != "1" {
		t.Errorf("away: %q", away)
	}
	if checks := metric(t, address, "assay_checks_total"); checks != "0" {
		t.Errorf("checks without workers: %q", checks)
	}
	resp, err := http.Get(address + "probe?target=h0.many.test:" + port)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("a probe without workers: %d, %v", resp.StatusCode, resp.Header)
	}
	join := []string{"scan", "worker", "--engine", url, "--token-file", token}
	first, second := start(t, join...), start(t, join...)
	p.says("checks are made again")
	waitFor(t, func() bool { return len(eventsOf(t, address)) > n/4 })
	first.Process.Kill()
	<-first.end
	waitFor(t, func() bool { return len(eventsOf(t, address)) == n })
	// A round more, by the one that is left.
	var before int
	fmt.Sscan(metric(t, address, "assay_checks_total"), &before)
	waitFor(t, func() bool {
		var now int
		fmt.Sscan(metric(t, address, "assay_checks_total"), &now)
		return now >= before+n
	})
	if away := metric(t, address, "assay_workers_away"); away != "0" {
		t.Errorf("away: %q", away)
	}
	scan := dirOf(t)
	if status, out := call(t, w.flagged("scan", w.list(t, 50), "-o", scan, "--no-worker", "--engine", url, "--token-file", token)...); status != 0 {
		t.Errorf("a scan by the same worker: %d, %s", status, out)
	}
	accepted(t, rows(t, scan), 50)
	// The worker stays for the watch; with the last one gone the watch waits.
	waitFor(t, func() bool { return strings.Contains(second.out.String(), "this worker stays") || len(second.end) > 0 })
	second.Process.Kill()
	<-second.end
	waitFor(t, func() bool { return metric(t, address, "assay_workers_away") == "1" })
	time.Sleep(time.Second)
	for name, kinds := range eventsOf(t, address) {
		if len(kinds) != 1 || kinds[0] != "target-added" {
			t.Errorf("%s has %v", name, kinds)
		}
	}
}

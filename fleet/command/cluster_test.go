package command

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/internal/lab/peers"
)

// node is a server of NATS with JetStream in a cluster of three.
type node struct {
	config, port string
	server       *peers.Server
}

func (n *node) start(t *testing.T, program string) {
	t.Helper()
	n.server = peers.Start(t, n.port, program, "-c", n.config)
}

// cluster starts three servers, which know each other.
func cluster(t *testing.T) (program string, nodes []*node) {
	t.Helper()
	program = "nats-server"
	peers.Path(t, program)
	var routes []string
	ports := make([]string, 3)
	for i := range ports {
		ports[i] = peers.FreePort(t)
		routes = append(routes, "nats://127.0.0.1:"+ports[i])
	}
	for i := range 3 {
		n := &node{config: filepath.Join(t.TempDir(), "nats.conf"), port: peers.FreePort(t)}
		text := fmt.Sprintf("server_name: n%d\nlisten: 127.0.0.1:%s\njetstream { store_dir: %q, max_file_store: 2GB }\ncluster { name: c, listen: 127.0.0.1:%s, routes: [%s] }\n",
			i, n.port, t.TempDir(), ports[i], strings.Join(routes, ", "))
		if err := os.WriteFile(n.config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		n.start(t, program)
		nodes = append(nodes, n)
	}
	return program, nodes
}

// Three servers, each of which falls once, while work is published and while it is
// done: every target has one row.
func TestCluster(t *testing.T) {
	program, nodes := cluster(t)
	const n = 6000
	w := newWorld(t)
	var urls []string
	for _, n := range nodes {
		urls = append(urls, "nats://127.0.0.1:"+n.port)
	}
	engine := []string{"--engine", strings.Join(urls, ",")}
	dir := dirOf(t)
	list := w.list(t, n)
	args := w.flagged(append([]string{"scan", list, "-o", dir, "--in-flight", "10"}, engine...)...)
	var p *process
	for began := time.Now(); ; time.Sleep(time.Second) { // the cluster needs a moment to choose its leader
		p = start(t, args...)
		waitFor(t, func() bool { return journalled(dir) > 0 || len(p.end) > 0 })
		if len(p.end) == 0 || time.Since(began) > time.Minute {
			break
		}
		args = append([]string{"scan", "--resume", dir, "--in-flight", "10"}, engine...)
	}
	elsewhere := start(t, append([]string{"scan", "worker", "--in-flight", "10"}, engine...)...)
	for i, one := range nodes {
		had := journalled(dir)
		waitFor(t, func() bool { return journalled(dir) > had || len(p.end) > 0 })
		one.server.Kill()
		if i == 0 {
			time.Sleep(2 * time.Second)
		}
		one.start(t, program)
		time.Sleep(time.Second)
	}
	if status := p.ended(t, 4*time.Minute); status != 0 {
		t.Errorf("status %d, %s", status, p.out.String())
	}
	if status := elsewhere.ended(t, time.Minute); status != 0 {
		t.Errorf("the worker: status %d, %s", status, elsewhere.out.String())
	}
	accepted(t, rows(t, dir), n)
}

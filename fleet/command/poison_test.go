package command

import (
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assaytls/assay/fleet/sink"
)

// A worker that falls each time it connects to a certain server, however often it is
// started again: all others have their verdict, and that one is set aside with the
// reason. The process really dies, by the hand of the server.
func TestPoisonous(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	conf := &tls.Config{Certificates: []tls.Certificate{w.lab.ServerPair("*.many.test")}, SessionTicketsDisabled: true}
	var mu sync.Mutex
	var victim *os.Process
	falls := 0
	conf.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if hello.ServerName == "poison.many.test" {
			mu.Lock()
			defer mu.Unlock()
			victim.Kill()
			falls++
			time.Sleep(100 * time.Millisecond) // it does not come to an answer
		}
		return nil, nil
	}
	addr := serveAll(t, func(c net.Conn) { tls.Server(c, conf).Handshake() })
	token := filepath.Join(t.TempDir(), "token")
	if err := makeToken(token); err != nil {
		t.Fatal(err)
	}
	engine := freeAddress(t)
	const n = 150
	dir := dirOf(t)
	publish := start(t, w.flagged("scan", w.list(t, n, line("poison.many.test", addr)), "-o", dir, "--listen", engine, "--token-file", token, "--no-worker")...)
	waitFor(t, func() bool { return answers(engine) })
	work := func() *process {
		mu.Lock()
		defer mu.Unlock()
		p := start(t, "scan", "worker", "--engine", "nats://"+engine, "--token-file", token)
		victim = p.Process
		return p
	}
	p := work()
	for end := time.Now().Add(4 * time.Minute); len(publish.end) == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the scan did not end: %s", publish.out.String())
		}
		if len(p.end) > 0 {
			p = work()
		}
	}
	if status := publish.ended(t, time.Second); status != 3 || !strings.Contains(publish.out.String(), "1 of the skipped targets") {
		t.Errorf("status %d, %s", status, publish.out.String())
	}
	all := rows(t, dir)
	for name, r := range all {
		if host, _, _ := net.SplitHostPort(name); host == "poison.many.test" {
			if r.Skipped != sink.SkipBroken || r.Failure == "" || r.Verdict != "inconclusive" {
				t.Errorf("the poisonous target: %+v", r)
			}
			delete(all, name)
		}
	}
	accepted(t, all, n)
	if mu.Lock(); falls < 5 || falls > 8 { // four of its batch, four by itself
		t.Errorf("the worker fell %d times", falls)
	}
	mu.Unlock()
}

package command

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assaytls/assay/fleet/alert"
	"github.com/assaytls/assay/internal/lab"
)

// relay leads whoever connects to the server that stands behind it now.
func relay(t *testing.T, to *atomic.Pointer[string]) (port string) {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				up, err := net.Dial("tcp4", *to.Load())
				if err != nil {
					return
				}
				defer up.Close()
				go io.Copy(up, c)
				io.Copy(c, up)
			}()
		}
	}()
	_, port, _ = net.SplitHostPort(ln.Addr().String())
	return port
}

// A server is watched, its certificate is replaced by a revoked one, the alert arrives; it is
// mended, and the alert is over. The program is killed while the server is broken: the message
// comes once.
func TestServeAlerts(t *testing.T) {
	l, err := lab.Start(t.Context(), lab.Options{Only: []string{"good", "revoked"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	good, _ := l.Scenario("good")
	revoked, _ := l.Scenario("revoked")
	var behind atomic.Pointer[string]
	behind.Store(&good.Addr)
	port := relay(t, &behind)

	messages := make(chan alert.Message, 20)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m alert.Message
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Error(err)
		}
		messages <- m
	}))
	t.Cleanup(hook.Close)
	next := func() alert.Message {
		t.Helper()
		select {
		case m := <-messages:
			return m
		case <-time.After(90 * time.Second):
			t.Fatal("no message came")
			return alert.Message{}
		}
	}
	dir := t.TempDir()
	config, state := filepath.Join(dir, "watch.yaml"), filepath.Join(dir, "state")
	text := fmt.Sprintf(`interval: 10s
groups:
  - name: web
    check: {roots: %s, resolve: ['%s:%s:127.0.0.1']}
    targets: [{target: '%s:%s', name: shop}]
alerts:
  receivers: [{name: ops, webhook: {url: '%s/hook'}}]
  rules: [{name: refused, when: verdict is not accept, severity: critical}]
`, l.RootFile, good.Host, port, good.Host, port, hook.URL)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := startProgram(t, state, "serve", "--config", config, "--listen", "127.0.0.1:0")
	p.address()
	time.Sleep(time.Second) // a first look at the good one
	behind.Store(&revoked.Addr)
	m := next()
	if m.Status != alert.Firing || m.Severity != alert.Critical || len(m.Names) != 1 || m.Names[0] != "shop" || m.Finding != "cert-revoked" || !strings.Contains(m.Title, "revoked") || m.Fix == "" {
		t.Errorf("%+v", m)
	}
	p.c.Process.Kill()
	p.c.Wait()
	p = startProgram(t, state, "serve", "--config", config, "--listen", "127.0.0.1:0")
	p.address()
	behind.Store(&good.Addr)
	over := next()
	if over.Status != alert.Resolved || over.Alert != m.Alert || over.Ended.IsZero() {
		t.Errorf("%+v", over)
	}
	select {
	case m := <-messages:
		t.Errorf("a message too many: %+v", m)
	case <-time.After(3 * time.Second):
	}
}

package browser

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/peers"
	"github.com/assaytls/assay/internal/lab/serve"
	"github.com/assaytls/assay/report"
)

// world is a running assay serve that watches servers of the lab, good and bad ones,
// servers with hostile names, and one whose certificate changes.
type world struct {
	t       testing.TB
	address string                  // of the service, with a slash at the end
	token   string                  // without which nobody is answered
	behind  *atomic.Pointer[string] // the server to which the relay leads
	good    serve.Scenario
	revoked serve.Scenario
}

// hostileNames are what people and certificates may call things to harm who looks at
// a page.
var hostileNames = []string{
	"<script>alert(1)</script>",
	`"><img src=x onerror=alert(1)>`,
	"'-alert(1)-' {{.}} ${alert(1)} <!--",
	"javascript:alert(1)",
	"safe\u202egnp.exe\u200b\u2066",
	strings.Repeat("long", 500),
}

// short cuts a name to what a configuration may have.
func short(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "")
}

// newWorld starts the servers and the service, and waits until each target was checked.
func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, token: "0123456789abcdef0123456789abcdef", behind: new(atomic.Pointer[string])}
	l, err := serve.Start(t.Context(), serve.Options{Only: []string{"good", "good-staple", "expires-soon", "revoked", "revoked-intermediate", "expired", "wrong-host", "self-signed",
		"crl-unreachable", "ocsp-down", "many-paths", "unparsable", "silent", "sct-none", "hostile-*", "two-certificates", "cross-signed"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	w.good, _ = l.Scenario("good")
	w.revoked, _ = l.Scenario("revoked")
	w.behind.Store(&w.good.Addr)
	changing := w.relay()

	type target map[string]any
	var resolve []string
	var ordinary []any
	for _, s := range l.Scenarios {
		if s.Resolve() != nil {
			resolve = append(resolve, s.Target()+":127.0.0.1")
		}
		ordinary = append(ordinary, target{"target": s.Target(), "name": s.Name, "labels": map[string]string{"kind": s.Group}})
	}
	resolve = append(resolve, w.good.Host+":"+changing+":127.0.0.1")
	dir := t.TempDir()
	root := hostileRoot()
	rootFile := filepath.Join(dir, "hostile.pem")
	file := func(name string, text []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	file("hostile.pem", forge.PEM("CERTIFICATE", root.Raw))
	var hostile []any
	for i, name := range hostileNames {
		hostile = append(hostile, target{"target": w.hostileServer(root, name), "name": fmt.Sprintf("%d %s", i, short(name, 290)), "labels": map[string]string{"note": short(name, 190)}})
	}
	check := map[string]any{"roots": []string{l.RootFile, rootFile}, "log-list": l.LogListFile, "resolve": resolve, "handshake-timeout": "5s"}
	config := map[string]any{
		"interval": "24h",
		"groups": []any{
			map[string]any{"name": "lab", "check": check, "targets": ordinary},
			map[string]any{"name": "hostile", "check": check, "targets": hostile, "labels": map[string]string{"team": hostileNames[0]}},
			map[string]any{"name": "changing", "check": check, "targets": []any{target{"target": w.good.Host + ":" + changing, "name": "changing"}}},
		},
		"alerts": map[string]any{
			"receivers": []any{map[string]any{"name": "ops", "webhook": map[string]any{"url": "http://127.0.0.1:1/hook"}}},
			"rules":     []any{map[string]any{"name": "refused", "when": "verdict is not accept", "severity": "critical"}},
		},
	}
	text, err := json.Marshal(config) // JSON is YAML
	if err != nil {
		t.Fatal(err)
	}
	w.start("serve", "--config", file("watch.yaml", text), "--listen", "127.0.0.1:0", "--token-file", file("token", []byte(w.token)), "--database", filepath.Join(dir, "watch.db"),
		"--allow-networks", "127.0.0.0/8")
	all := len(ordinary) + len(hostile) + 1
	w.wait("every target is checked", func() bool {
		var s struct{ Targets, Unchecked int }
		w.get("api/v1/summary", &s)
		return s.Targets == all && s.Unchecked == 0
	})
	return w
}

// of is the same world for a part of the test.
func (w *world) of(t testing.TB) *world {
	c := *w
	c.t = t
	return &c
}

// hostileRoot is a CA whose name is hostile, and which is trusted.
func hostileRoot() *forge.CA {
	return forge.NewRoot("CA "+hostileNames[0]+hostileNames[1]+hostileNames[4], nil)
}

// hostileServer runs a server whose certificate has a name wherever one can be.
func (w *world) hostileServer(root *forge.CA, name string) (address string) {
	w.t.Helper()
	key := forge.P256()
	leaf := root.Issue(forge.Cert{Subject: forge.OCN(name, name), Key: key, Extensions: append(root.ServerExts(key, forge.IP("127.0.0.1"), forge.DNS(name), forge.URI(name), forge.Email(name+"@x.test")),
		forge.AIA([]string{"javascript:alert(1)//" + name}, []string{"javascript:alert(2)//" + name}), forge.CRLDP("http://127.0.0.1:1/"+name, name))})
	conf := &tls.Config{Certificates: []tls.Certificate{leaf.TLS(root.Raw)}}
	ln, err := tls.Listen("tcp4", "127.0.0.1:0", conf)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { ln.Close() })
	go serveAll(ln, func(c net.Conn) { c.(*tls.Conn).Handshake(); bufio.NewReader(c).ReadByte() })
	return ln.Addr().String()
}

func serveAll(ln net.Listener, f func(net.Conn)) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			c.SetDeadline(time.Now().Add(time.Minute))
			f(c)
		}()
	}
}

// relay leads whoever connects to the server that stands behind it now.
func (w *world) relay() (port string) {
	w.t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { ln.Close() })
	go serveAll(ln, func(c net.Conn) {
		up, err := net.Dial("tcp4", *w.behind.Load())
		if err != nil {
			return
		}
		defer up.Close()
		go io.Copy(up, c)
		io.Copy(c, up)
	})
	_, port, _ = net.SplitHostPort(ln.Addr().String())
	return port
}

// start starts assay-fleet in a process of its own and waits until it says where it is.
func (w *world) start(args ...string) {
	w.t.Helper()
	state := w.t.TempDir()
	c := exec.Command(os.Args[0], args...)
	peers.Tie(c)
	c.Env = append(os.Environ(), asProgram+"=1", "XDG_STATE_HOME="+state, "XDG_CACHE_HOME="+state)
	var errs peers.Output
	c.Stderr = &errs
	out, err := c.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		w.t.Fatal(err)
	}
	exited := make(chan struct{})
	var once sync.Once
	end := func() { once.Do(func() { c.Wait(); close(exited) }) }
	w.t.Cleanup(func() {
		go end()
		peers.End(c, exited)
		if w.t.Failed() && errs.String() != "" {
			w.t.Logf("the service said: %.4000s", errs.String())
		}
	})
	lines := bufio.NewReader(out)
	for w.address == "" {
		line, err := lines.ReadString('\n')
		if err != nil {
			w.t.Fatalf("the service says no address: %v: %s", err, errs.String())
		}
		if _, rest, found := strings.Cut(line, "address   "); found {
			w.address = strings.TrimSpace(rest)
		}
	}
}

// do asks the service with the token.
func (w *world) do(method, path string, body any) (status int, answer []byte) {
	w.t.Helper()
	status, answer, _ = w.ask(method, path, body)
	return status, answer
}

// ask does so too, and says which address answered in the end.
func (w *world) ask(method, path string, body any) (status int, answer []byte, at *url.URL) {
	w.t.Helper()
	var b []byte
	if body != nil {
		b, _ = json.Marshal(body)
	}
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.address+path, bytes.NewReader(b))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.token)
	r.Header.Set("Accept", "text/html, application/json")
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	if answer, err = io.ReadAll(resp.Body); err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, answer, resp.Request.URL
}

func (w *world) get(path string, v any) {
	w.t.Helper()
	status, b := w.do("GET", path, nil)
	if err := json.Unmarshal(b, v); status != 200 || err != nil {
		w.t.Fatalf("%s: %d %v %s", path, status, err, b)
	}
}

// wait waits until something is so.
func (w *world) wait(what string, so func() bool) {
	w.t.Helper()
	for end := time.Now().Add(patience); !so(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("it never was: %s", what)
		}
	}
}

// target is what the service knows of the target of a name.
func (w *world) target(name string) (t struct {
	ID      int64
	Verdict report.Verdict
}) {
	w.t.Helper()
	var all struct {
		Targets []struct {
			ID      int64
			Name    string
			Verdict report.Verdict
		}
	}
	w.get("api/v1/targets?limit=1000", &all)
	for _, x := range all.Targets {
		if x.Name == name {
			t.ID, t.Verdict = x.ID, x.Verdict
			return t
		}
	}
	w.t.Fatalf("there is no target %q", name)
	return t
}

// change leads the changing target to another server and has it checked.
func (w *world) change(to serve.Scenario, want report.Verdict) {
	w.t.Helper()
	w.behind.Store(&to.Addr)
	if status, b := w.do("POST", fmt.Sprintf("api/v1/targets/%d/check", w.target("changing").ID), nil); status/100 != 2 {
		w.t.Fatalf("%d %s", status, b)
	}
	w.wait("the changing target is "+string(want), func() bool { return w.target("changing").Verdict == want })
}

// login has a tab sign in with the token, by the form.
func (w *world) login(b *tab) {
	b.t.Helper()
	b.allow("status of 401")
	b.visit(w.address)
	b.until("the form to sign in", "document.querySelector('input[name=token]')")
	b.fill("input[name=token]", w.token)
	b.submit("input[name=token]")
	b.until("the overview", "!document.querySelector('input[name=token]') && document.querySelector('nav a')")
}

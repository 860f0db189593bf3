package command

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/fleet/alert"
	"github.com/assaytls/assay/internal/lab/peers"
)

// Somebody watches the demonstration, has a server revoked by the command that the
// greeting says, is told by a webhook, has it mended, and is told that it is over.
func TestServeDemo(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) { demoStory(t) })
	t.Run("PostgreSQL", func(t *testing.T) {
		if !full() {
			t.Skip("ASSAY_FULL is not set")
		}
		file := filepath.Join(t.TempDir(), "none")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		demoStory(t, "--database", "postgres://postgres@127.0.0.1:"+peers.Postgres(t, file, file, false)+"/postgres?sslmode=disable")
	})
}

func demoStory(t *testing.T, more ...string) {
	messages := make(chan alert.Message, 20)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m alert.Message
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Error(err)
		}
		messages <- m
	}))
	t.Cleanup(hook.Close)
	next := func() (m alert.Message) {
		t.Helper()
		select {
		case m = <-messages:
		case <-time.After(90 * time.Second):
			t.Fatal("no message came")
		}
		return m
	}
	config := filepath.Join(t.TempDir(), "alerts.yaml")
	text := "alerts:\n  receivers: [{name: ops, webhook: {url: '" + hook.URL + "/hook'}}]\n  rules: [{name: refused, when: verdict is not accept, severity: critical}]\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// The catalogue's own revoked server goes on being wrong beside the one that changes.
	p := startProgram(t, t.TempDir(), append([]string{"serve", "--demo", "--scenario", "good", "--scenario", "revoked", "--config", config, "--listen", "127.0.0.1:0"}, more...)...)
	address := p.address()
	door := p.line("change    ")
	door, found := strings.CutPrefix(door, "curl -X POST ")
	door, rest, _ := strings.Cut(door, "/demo/good/revoke")
	if u, err := url.Parse(door); err != nil || !found || rest != " (then /mend)" || !netip.MustParseAddrPort(u.Host).Addr().IsLoopback() {
		t.Fatalf("%q %q %v", door, rest, err)
	}
	if m := next(); m.Status != alert.Firing || strings.Join(m.Names, " ") != "revoked" {
		t.Fatalf("%+v", m)
	}
	if status, said := post(t, door+"/demo/good/revoke", ""); status != 200 || said != "good shows a revoked certificate from now on. It is checked now.\n" {
		t.Fatalf("%d %s", status, said)
	}
	m := next()
	if m.Status != alert.Firing || strings.Join(m.Names, " ") != "good" || m.Finding != "cert-revoked" || m.Fix == "" {
		t.Errorf("%+v", m)
	}

	// What changes nothing: other deeds, other names, the service's own address, pages
	// of other sites and names that lead here.
	for _, c := range []struct {
		url, header string
		want        int
	}{
		{door + "/demo/good/explode", "", 404}, {door + "/demo/no-such/mend", "", 404}, {door + "/demo/%1b%5d/mend", "", 404}, {door + "/", "", 404}, {address + "demo/good/mend", "", 404},
		{door + "/demo/good/mend", "Origin: https://site.example", 403}, {door + "/demo/good/mend", "Sec-Fetch-Site: same-site", 403}, {door + "/demo/good/mend", "Host: site.example:80", 403},
		{door + "/demo/good/mend", "Host: 192.0.2.1:80", 403},
	} {
		if status, said := post(t, c.url, c.header); status != c.want || strings.ContainsAny(said, "\x1b") {
			t.Errorf("%s %q: %d %q", c.url, c.header, status, said)
		}
	}
	if resp, err := http.Get(door + "/demo/good/mend"); err != nil || resp.StatusCode != 405 {
		t.Errorf("%v %v", resp, err)
	}

	if status, said := post(t, door+"/demo/good/mend", ""); status != 200 || said != "good is as it was. It is checked now.\n" {
		t.Fatalf("%d %s", status, said)
	}
	over := next()
	if over.Status != alert.Resolved || over.Alert != m.Alert || over.Ended.IsZero() {
		t.Errorf("%+v", over)
	}
}

// post sends nothing to url, with one header.
func post(t *testing.T, url, header string) (status int, said string) {
	t.Helper()
	r, err := http.NewRequest("POST", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if name, value, found := strings.Cut(header, ": "); found {
		if r.Header.Set(name, value); name == "Host" {
			r.Host = value
		}
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

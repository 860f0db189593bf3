package clients

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// firefox starts Firefox and speaks to it in Marionette's protocol on loopback.
func (e *examination) firefox(ctx context.Context, d Definition, home string) (asker, func(), error) {
	profile := filepath.Join(home, "profile")
	if err := e.place.copyNSS(profile); err != nil {
		return nil, nil, err
	}
	addrs, err := freeAddresses(1)
	if err != nil {
		return nil, nil, err
	}
	addr := addrs[0]
	_, port, _ := net.SplitHostPort(addr)
	n, _ := strconv.Atoi(port)
	settings := map[string]any{"marionette.port": n, "network.proxy.type": 0, "network.captive-portal-service.enabled": false, "network.connectivity-service.enabled": false,
		"app.update.enabled": false, "datareporting.policy.dataSubmissionEnabled": false, "browser.shell.checkDefaultBrowser": false}
	if e.isolation != Namespace {
		settings["network.dns.forceResolve"] = "127.0.0.1"
	}
	maps.Copy(settings, d.Settings)
	var prefs strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		k, err := json.Marshal(name)
		if err != nil {
			return nil, nil, err
		}
		v, err := json.Marshal(settings[name])
		if err != nil {
			return nil, nil, err
		}
		fmt.Fprintf(&prefs, "user_pref(%s, %s);\n", k, v)
	}
	if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(prefs.String()), 0o600); err != nil {
		return nil, nil, err
	}
	p, err := startProgram([]string{d.Detect[0], "--headless", "--marionette", "--no-remote", "--profile", profile}, home, d.Env)
	if err != nil {
		return nil, nil, err
	}
	m, err := newMarionette(ctx, addr, p.gone, e.Limit)
	if err != nil {
		p.stop()
		return nil, nil, fmt.Errorf("it did not start: %w; it said: %s", err, lastLines(p.out.String()))
	}
	stop := func() {
		m.conn.Close()
		p.stop()
	}
	return func(_ context.Context, q Question, g goal, done <-chan struct{}) ended {
		return m.visit(g.url(), done)
	}, stop, nil
}

// marionette is a client of Firefox' Marionette protocol: messages of JSON, each behind its length in decimal and
// a colon. It is used by one goroutine.
type marionette struct {
	conn  net.Conn
	r     *bufio.Reader
	next  int
	limit time.Duration // of a page
}

// newMarionette waits until the browser listens, and begins a session.
func newMarionette(ctx context.Context, addr string, gone <-chan struct{}, limit time.Duration) (*marionette, error) {
	ctx, cancel := context.WithTimeout(ctx, browserStart)
	defer cancel()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp4", addr)
		if err == nil {
			m := &marionette{conn: conn, r: bufio.NewReader(conn), limit: limit}
			if err := m.begin(); err != nil {
				conn.Close()
				return nil, err
			}
			return m, nil
		}
		select {
		case <-gone:
			return nil, errors.New("it has ended")
		case <-ctx.Done():
			return nil, err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (m *marionette) begin() error {
	m.conn.SetDeadline(time.Now().Add(browserStart))
	var hello struct {
		Protocol int `json:"marionetteProtocol"`
	}
	if b, err := m.read(); err != nil {
		return err
	} else if err := json.Unmarshal(b, &hello); err != nil || hello.Protocol != 3 {
		return fmt.Errorf("its Marionette speaks version %d, not 3", hello.Protocol)
	}
	if err := m.call("WebDriver:NewSession", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{"acceptInsecureCerts": false}}}); err != nil {
		return err
	}
	return m.call("WebDriver:SetTimeouts", map[string]any{"pageLoad": m.limit.Milliseconds()})
}

// visit loads url until it is loaded, Firefox refuses, or the limit comes.
func (m *marionette) visit(url string, _ <-chan struct{}) ended {
	m.conn.SetDeadline(time.Now().Add(m.limit + 10*time.Second))
	err := m.call("WebDriver:Navigate", map[string]any{"url": url})
	var refused refusal
	switch {
	case errors.As(err, &refused) && refused.Code == "timeout":
		return ended{timeout: true}
	case errors.As(err, &refused):
		return ended{output: refused.Code + ": " + strings.ReplaceAll(refused.Message, "\n", " ")}
	}
	return ended{err: err}
}

// refusal is an error that Firefox answers with.
type refusal struct {
	Code    string `json:"error"`
	Message string `json:"message"`
}

func (r refusal) Error() string { return r.Code + ": " + r.Message }

// call gives an order and waits for its answer.
func (m *marionette) call(name string, params any) error {
	m.next++
	b, err := json.Marshal([]any{0, m.next, name, params})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(m.conn, "%d:%s", len(b), b); err != nil {
		return err
	}
	for {
		b, err := m.read()
		if err != nil {
			return err
		}
		var parts [4]json.RawMessage // kind, number, error, result
		var kind, id int
		var why *refusal
		if err := json.Unmarshal(b, &parts); err != nil {
			return fmt.Errorf("no answer of Marionette: %w", err)
		}
		if err := errors.Join(json.Unmarshal(parts[0], &kind), json.Unmarshal(parts[1], &id), json.Unmarshal(parts[2], &why)); err != nil {
			return fmt.Errorf("no answer of Marionette: %w", err)
		}
		switch {
		case kind != 1 || id != m.next: // an answer to an order that was given up
		case why != nil:
			return *why
		default:
			return nil
		}
	}
}

// read reads one message.
func (m *marionette) read() ([]byte, error) {
	digits, err := m.r.ReadString(':')
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(digits, ":"))
	if err != nil || n < 0 || n > maxMessage {
		return nil, errors.New("no message of Marionette")
	}
	b := make([]byte, n)
	_, err = io.ReadFull(m.r, b)
	return b, err
}

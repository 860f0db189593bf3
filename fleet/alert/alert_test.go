package alert_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assaytls/assay/fleet/alert"
	"github.com/assaytls/assay/fleet/watch"
)

// world is a watch over the lab's servers, whose targets change servers on command.
type world struct {
	t     *testing.T
	store *watch.Store
	demo  *watch.Demo
	is    map[string]string // target to scenario
	now   time.Time
}

func newWorld(t *testing.T, targets map[string]string) *world {
	t.Helper()
	demo, err := watch.StartDemo(t.Context(), []string{"good", "revoked", "revoked-intermediate", "expired"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(demo.Close)
	store, err := watch.Open(t.Context(), filepath.Join(t.TempDir(), "watch.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	w := &world{t: t, store: store, demo: demo, is: targets, now: time.Now().UTC().Truncate(time.Second).Add(-10 * time.Minute)}
	var specs []watch.Spec
	for name := range targets {
		specs = append(specs, watch.Spec{Kind: watch.Server, Target: name + ":443", Name: name, Group: "web", Origin: watch.FromConfig, Interval: time.Minute, Digest: watch.Hash{1}})
	}
	if _, _, err := store.Sync(t.Context(), specs, []string{"web"}, w.now); err != nil {
		t.Fatal(err)
	}
	return w
}

// check has every target checked now.
func (w *world) check() {
	w.t.Helper()
	w.now = w.now.Add(2 * time.Minute)
	jobs, err := w.store.Claim(w.t.Context(), "test", w.now, w.now.Add(time.Minute), 100)
	if err != nil || len(jobs) != len(w.is) {
		w.t.Fatalf("%d jobs, %v", len(jobs), err)
	}
	var results []watch.Result
	for _, j := range jobs {
		var o watch.Outcome
		for _, s := range w.demo.Specs() {
			if s.Name == w.is[j.Name] {
				o = w.demo.Judge(w.t.Context(), s)
			}
		}
		o.Report.Time = w.now
		results = append(results, watch.Result{Job: j, Outcome: o, Next: w.now.Add(time.Minute)})
	}
	if _, _, err := w.store.Record(w.t.Context(), results); err != nil {
		w.t.Fatal(err)
	}
}

func rules(t *testing.T, conditions ...string) (all []alert.Rule) {
	t.Helper()
	for _, text := range conditions {
		c, err := alert.ParseCondition(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, alert.Rule{Name: text, When: c, Severity: alert.Critical})
	}
	return all
}

// outbox are the messages that were made, the oldest first.
func (w *world) outbox() (all []alert.Message) {
	w.t.Helper()
	ds, err := w.store.Outbox(w.t.Context(), false, 0, 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := len(ds) - 1; i >= 0; i-- {
		var m alert.Message
		if err := json.Unmarshal(ds[i].Body, &m); err != nil {
			w.t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// Servers break, one message comes for the one cause that they share, it is not repeated
// while somebody looks after it, and when they are mended one says so.
func TestOneMessagePerCause(t *testing.T) {
	w := newWorld(t, map[string]string{"a.test": "good", "b.test": "good", "c.test": "good"})
	m := &alert.Manager{Store: w.store}
	m.Use(alert.Config{Receivers: []alert.Receiver{{Name: "ops", Webhook: &alert.Webhook{URL: "http://127.0.0.1:1/"}}}, Rules: rules(t, "verdict is not accept"), Repeat: time.Hour})
	evaluate := func(want int) []alert.Message {
		t.Helper()
		for range 2 { // a second time nothing comes of it
			if err := m.Evaluate(t.Context(), w.now); err != nil {
				t.Fatal(err)
			}
		}
		all := w.outbox()
		if len(all) != want {
			t.Fatalf("%d messages, want %d: %+v", len(all), want, all)
		}
		return all
	}
	w.check()
	evaluate(0)
	w.is["a.test"], w.is["b.test"], w.is["c.test"] = "revoked-intermediate", "revoked-intermediate", "expired"
	w.check()
	all := evaluate(2)
	var shared, own *alert.Message
	for i := range all {
		if all[i].Cause != "" {
			shared = &all[i]
		} else {
			own = &all[i]
		}
	}
	if shared == nil || shared.Targets != 2 || len(shared.Names) != 2 || shared.Finding != "cert-revoked" || !strings.HasPrefix(shared.Cause, "certificate:") || shared.Risk == "" {
		t.Errorf("the shared cause: %+v", shared)
	}
	if own == nil || own.Targets != 1 || own.Names[0] != "c.test" || own.Finding != "cert-expired" || own.Status != alert.Firing {
		t.Errorf("its own: %+v", own)
	}
	// It goes on: told again after an hour, but not what somebody looks after.
	open, err := m.Alerts(t.Context(), false, 0, 0)
	if err != nil || len(open) != 2 {
		t.Fatal(open, err)
	}
	for _, a := range open {
		if a.Cause != "" {
			if err := m.Acknowledge(t.Context(), a.ID, "anna", "the CA is told", w.now); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.now = w.now.Add(61 * time.Minute)
	evaluate(3)
	// What is silenced is not told, until the silence ends.
	id, err := m.Silence(t.Context(), alert.Silence{Target: "c.test", Until: w.now.Add(24 * time.Hour)}, w.now)
	if err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(2 * time.Hour)
	evaluate(3)
	if err := m.EndSilence(t.Context(), id, w.now); err != nil {
		t.Fatal(err)
	}
	evaluate(4)
	// Mended: both are over, each once.
	w.is["a.test"], w.is["b.test"], w.is["c.test"] = "good", "good", "good"
	w.check()
	all = evaluate(6)
	for _, msg := range all[4:] {
		if msg.Status != alert.Resolved || msg.Ended.IsZero() {
			t.Errorf("%+v", msg)
		}
	}
	if open, err := m.Alerts(t.Context(), false, 0, 0); err != nil || len(open) != 0 {
		t.Error(open, err)
	}
}

// Every kind of condition, and that it must last.
func TestConditions(t *testing.T) {
	w := newWorld(t, map[string]string{"a.test": "expired", "b.test": "good"})
	m := &alert.Manager{Store: w.store}
	w.check()
	for text, want := range map[string]int{
		"verdict is reject":                          1,
		"verdict is accept":                          1,
		"verdict is not accept for 10m":              0,
		"finding any of cert-expired, name-mismatch": 1,
		"finding any of name-mismatch":               0,
		"expires within 99%":                         2,
		"expires within 1%":                          1,
		"expires within 1d":                          1,
		"ends within 30d":                            1, // the list of the good one
		"unreachable":                                0,
	} {
		m.Use(alert.Config{Rules: rules(t, text), Repeat: time.Hour})
		if err := m.Evaluate(t.Context(), w.now); err != nil {
			t.Fatal(text, err)
		}
		open, err := m.Alerts(t.Context(), false, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, a := range open {
			n += a.Targets
		}
		if text == "expires within 99%" && n >= want || text == "ends within 30d" && n >= want {
			continue // the CA's certificates count too
		}
		if n != want {
			t.Errorf("%s: %d targets, want %d: %+v", text, n, want, open)
		}
	}
	m.Use(alert.Config{Rules: rules(t, "verdict is not accept for 10m"), Repeat: time.Hour})
	if err := m.Evaluate(t.Context(), w.now.Add(11*time.Minute)); err != nil {
		t.Fatal(err)
	}
	if open, _ := m.Alerts(t.Context(), false, 0, 0); len(open) != 1 || open[0].Names[0] != "a.test" {
		t.Errorf("after 11 minutes: %+v", open)
	}
}

// A webhook is signed, tried again after a failure with the same key, and arrives.
func TestWebhook(t *testing.T) {
	w := newWorld(t, map[string]string{"a.test": "revoked"})
	w.check()
	secret := []byte("top secret")
	var mu sync.Mutex
	var keys []string
	var bodies [][]byte
	tries := 0
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		b, _ := io.ReadAll(r.Body)
		if got, want := r.Header.Get(alert.HeaderSignature), alert.Sign(secret, r.Header.Get(alert.HeaderTime), b); got != want || r.Header.Get(alert.HeaderTime) == "" {
			t.Errorf("the signature is %q, want %q", got, want)
		}
		keys, bodies = append(keys, r.Header.Get(alert.HeaderKey)), append(bodies, b)
		if tries++; tries == 1 {
			http.Error(rw, "\x1b[31mnot now", http.StatusServiceUnavailable)
		}
	}))
	defer srv.Close()
	file := filepath.Join(t.TempDir(), "watch.yaml")
	if err := os.WriteFile(filepath.Join(filepath.Dir(file), "secret"), secret, 0o600); err != nil {
		t.Fatal(err)
	}
	c := watch.ParseConfig(file, []byte("alerts:\n  receivers:\n    - name: ops\n      webhook: {url: "+srv.URL+", secret-file: "+filepath.Join(filepath.Dir(file), "secret")+"}\n  rules:\n    - {name: refused, when: verdict is reject}\n"))
	config := alert.Read(c.Section("alerts"))
	if err := c.Err(); err != nil {
		t.Fatal(err)
	}
	m := &alert.Manager{Store: w.store}
	m.Use(config)
	if err := m.Evaluate(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	go m.Run(ctx)
	for ctx.Err() == nil {
		ds, err := w.store.Outbox(t.Context(), false, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(ds) == 1 && !ds[0].Ended.IsZero() && !ds[0].Dead {
			break
		}
		if len(ds) == 1 && ds[0].Trouble != "" && strings.Contains(ds[0].Trouble, "\x1b") {
			t.Errorf("not quoted: %q", ds[0].Trouble)
		}
		time.Sleep(50 * time.Millisecond)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(keys) != 2 || keys[0] != keys[1] || keys[0] == "" || string(bodies[0]) != string(bodies[1]) {
		t.Errorf("keys %q", keys)
	}
	var msg alert.Message
	if err := json.Unmarshal(bodies[0], &msg); err != nil || msg.Status != alert.Firing || msg.Names[0] != "a.test" || msg.Fix == "" {
		t.Errorf("%+v, %v", msg, err)
	}
}

// What is wrong with the section is told with its line.
func TestConfig(t *testing.T) {
	for text, want := range map[string]string{
		"receivers: [{name: a}]":                                                                 "one of webhook",
		"receivers: [{name: a, webhook: {url: 'ftp://x'}}]":                                      "http or https",
		"receivers: [{name: a, webhook: {url: 'http://u:p@x'}}]":                                 "without a password",
		"rules: [{name: r, when: verdict is maybe}]":                                             "accept, reject or inconclusive",
		"rules: [{name: r, when: finding any of no-such-thing}]":                                 "no finding",
		"rules: [{name: r, when: expires within 200%}]":                                          "no share",
		"rules: [{name: r, when: 'sometimes'}]":                                                  "none of",
		"rules: [{name: r, when: verdict is reject, to: [x]}]":                                   "no receiver",
		"rules: [{when: verdict is reject}]":                                                     "no name",
		"receivers: [{name: m, mail: {smtp: 'x:25', from: a@b, to: [a@b], tls: none, user: u}}]": "not sent without TLS",
		"receivers: [{name: m, mail: {smtp: 'x', from: nobody, to: [a@b]}}]":                     "HOST:PORT",
		"receivers: [{name: m, webhook: {url: 'http://x', secret-file: /no/such}}]":              "no such file",
	} {
		c := watch.ParseConfig("watch.yaml", []byte("alerts:\n  "+text+"\n"))
		alert.Read(c.Section("alerts"))
		if err := c.Err(); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "watch.yaml:2:") {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	c := watch.ParseConfig("watch.yaml", []byte("alerts:\n  receivers: [{name: a, webhook: {url: 'http://x/'}}]\n"))
	if got := alert.Read(c.Section("alerts")); len(got.Rules) != 2 || c.Err() != nil {
		t.Errorf("%+v %v", got, c.Err())
	}
}

func FuzzCondition(f *testing.F) {
	for _, s := range []string{"expires within 30 %", "expires within 14d", "verdict is not accept for 10 min", "finding any of cert-revoked, cert-expired for 1h", "unreachable for 5m"} {
		if _, err := alert.ParseCondition(s); err != nil {
			f.Errorf("%s: %v", s, err)
		}
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := alert.ParseCondition(s)
		if err != nil {
			return
		}
		if again, err := alert.ParseCondition(c.String()); err != nil || again.String() != c.String() {
			t.Errorf("%q becomes %q: %v", s, c, err)
		}
	})
}

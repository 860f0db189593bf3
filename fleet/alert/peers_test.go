package alert_test

import (
	"context"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/mail"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/fleet/alert"
	"github.com/assaytls/assay/fleet/watch"
	"github.com/assaytls/assay/internal/lab/peers"
)

// told has an alert evaluated and delivered until done says so.
func told(t *testing.T, receivers string, done func() bool) {
	t.Helper()
	w := newWorld(t, map[string]string{"a.test": "revoked"})
	w.check()
	c := watch.ParseConfig("watch.yaml", []byte("alerts:\n  receivers:\n    - "+receivers+"\n  rules:\n    - {name: refused, when: verdict is reject, severity: critical}\n"))
	config := alert.Read(c.Section("alerts"))
	if err := c.Err(); err != nil {
		t.Fatal(err)
	}
	m := &alert.Manager{Store: w.store, Trouble: func(err error) { t.Log(err) }}
	m.Use(config)
	if err := m.Evaluate(t.Context(), w.now); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go m.Run(ctx)
	for !done() {
		if ctx.Err() != nil {
			t.Fatal("nothing arrived")
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Exim takes the mail, and what it has stored says what happened and what to do.
func TestMail(t *testing.T) {
	port, box := peers.Mailbox(t)
	var stored []byte
	told(t, "{name: mail, mail: {smtp: '127.0.0.1:"+port+"', tls: none, from: assay@lab.test, to: [ops@lab.test, two@lab.test]}}", func() bool {
		stored, _ = os.ReadFile(box)
		return strings.Contains(string(stored), "What to do")
	})
	_, text, ok := strings.Cut(string(stored), "\n") // the line of the mailbox's format
	if !ok {
		t.Fatal("an empty mailbox")
	}
	m, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := (&mime.WordDecoder{}).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || !strings.HasPrefix(subject, "CRITICAL a.test: the certificate was revoked") {
		t.Errorf("%q %v", subject, err)
	}
	if m.Header.Get("Message-ID") == "" || m.Header.Get("Auto-Submitted") != "auto-generated" {
		t.Errorf("%v", m.Header)
	}
}

// Alertmanager shows the alert as it was given.
func TestAlertmanager(t *testing.T) {
	port := peers.Alertmanager(t)
	told(t, "{name: am, alertmanager: {url: 'http://127.0.0.1:"+port+"/', labels: {team: pki}}}", func() bool {
		resp, err := http.Get("http://127.0.0.1:" + port + "/api/v2/alerts")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		var all []struct {
			Labels, Annotations map[string]string
		}
		if json.Unmarshal(b, &all) != nil || len(all) == 0 {
			return false
		}
		l := all[0].Labels
		if l["alertname"] != "assay_refused" || l["severity"] != "critical" || l["target"] != "a.test" || l["team"] != "pki" || l["finding"] != "cert-revoked" ||
			!strings.Contains(all[0].Annotations["summary"], "revoked") || all[0].Annotations["fix"] == "" {
			t.Errorf("%+v", all[0])
		}
		return true
	})
}

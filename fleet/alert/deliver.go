package alert

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/fleet/watch"
)

// The bounds of deliveries.
const (
	attemptLimit = 20 * time.Second // one attempt
	claimFor     = time.Minute      // nobody else tries meanwhile
	atOnce       = 16
	maxAttempts  = 12
	firstPause   = 10 * time.Second
	longestPause = 2 * time.Hour
)

// pause is how long to wait after an attempt: twice as long each time. Twelve attempts take
// about nine hours.
func pause(attempts int) time.Duration {
	d := firstPause
	for range attempts {
		if d *= 2; d > longestPause {
			return longestPause
		}
	}
	return d
}

// deliver sends what is due. A message that has been tried twelve times is given up: it stays
// in the outbox as dead, is shown there, and can be sent again.
func (m *Manager) deliver(ctx context.Context) error {
	c := m.using()
	now := time.Now()
	due, err := m.Store.ClaimDeliveries(ctx, now, now.Add(claimFor), atOnce)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	errs := make([]error, len(due))
	for i, d := range due {
		wg.Go(func() { errs[i] = m.attempt(ctx, &c, d) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// attempt sends one message once.
func (m *Manager) attempt(ctx context.Context, c *Config, d watch.Delivery) error {
	limit, cancel := context.WithTimeout(ctx, attemptLimit)
	defer cancel()
	err := send(limit, c.receiver(d.Receiver), d)
	if ctx.Err() != nil {
		return nil // we are ending: the claim runs out, and it is tried again
	}
	now := time.Now()
	if err == nil {
		return m.Store.Sent(ctx, d, now)
	}
	next := now.Add(pause(d.Attempts))
	if d.Attempts+1 >= maxAttempts {
		next = time.Time{}
		if m.Trouble != nil {
			m.Trouble(fmt.Errorf("a message to %s is given up after %d attempts: %w", d.Receiver, maxAttempts, err))
		}
	}
	return m.Store.Undelivered(ctx, d, err.Error(), next, now)
}

// send gives a message to its receiver.
func send(ctx context.Context, r *Receiver, d watch.Delivery) error {
	var msg Message
	switch err := json.Unmarshal(d.Body, &msg); {
	case r == nil:
		return fmt.Errorf("the configuration has no receiver %q any more", d.Receiver)
	case err != nil:
		return err
	case r.Webhook != nil:
		return r.Webhook.send(ctx, d)
	case r.Mail != nil:
		return r.Mail.send(ctx, d, msg)
	}
	return errors.New("the receiver has no way")
}

// Webhook is a receiver of JSON.
type Webhook struct {
	URL    string
	secret []byte
}

// The headers of a webhook's request.
const (
	HeaderKey       = "Idempotency-Key"   // the same however often a message is sent
	HeaderTime      = "X-Assay-Timestamp" // seconds since 1970
	HeaderSignature = "X-Assay-Signature" // "sha256=" and the HMAC-SHA256 in hex of timestamp, ".", body
)

// Sign is the signature of a body that is sent at a time (seconds since 1970, decimal).
func Sign(secret []byte, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func (w *Webhook) send(ctx context.Context, d watch.Delivery) error {
	header := http.Header{HeaderKey: {d.Key}}
	if len(w.secret) > 0 {
		at := strconv.FormatInt(time.Now().Unix(), 10)
		header.Set(HeaderTime, at)
		header.Set(HeaderSignature, Sign(w.secret, at, d.Body))
	}
	return postJSON(ctx, w.URL, header, d.Body)
}

// client follows no redirect: a message goes where the configuration says.
var client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// postJSON sends a body and wants a status of 2xx.
func postJSON(ctx context.Context, url string, header http.Header, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	for name, v := range header {
		req.Header[http.CanonicalHeaderKey(name)] = v
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "assay")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, 300)) // the status counts, this is for people
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("HTTP %d: %s", resp.StatusCode, finding.Quote(string(said)))
	}
	return nil
}

// Alertmanager is Prometheus' one. It wants to be told again and again what goes on.
type Alertmanager struct {
	URL    string // without /api/v2/alerts
	Labels map[string]string
	token  string
}

// posted is an alert as Alertmanager's API v2 wants it.
type posted struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
}

// post tells every Alertmanager what goes on, and for a quarter of an hour what is over.
func (m *Manager) post(ctx context.Context) error {
	c := m.using()
	now := time.Now()
	var errs []error
	for i := range c.Receivers {
		r := &c.Receivers[i]
		if r.Alertmanager == nil {
			continue
		}
		var all []Alert
		err := m.Store.View(ctx, func(tx *watch.Tx) (err error) {
			all, err = alerts(tx, "told > 0 AND silenced = 0 AND (ended = 0 OR ended > ?)", []any{now.Add(-15 * time.Minute).UnixMilli()}, watch.MaxPage)
			return err
		})
		if err != nil {
			return err
		}
		list := []posted{}
		for k := range all {
			if to := c.to(all[k].Rule); containsReceiver(to, r) {
				list = append(list, r.Alertmanager.posted(&all[k], now))
			}
		}
		if len(list) == 0 {
			continue
		}
		body, err := json.Marshal(list)
		if err != nil {
			return err
		}
		header := http.Header{}
		if r.Alertmanager.token != "" {
			header.Set("Authorization", "Bearer "+r.Alertmanager.token)
		}
		limit, cancel := context.WithTimeout(ctx, attemptLimit)
		if err := postJSON(limit, r.Alertmanager.URL+"/api/v2/alerts", header, body); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", r.Name, err))
		}
		cancel()
	}
	return errors.Join(errs...)
}

func containsReceiver(all []*Receiver, r *Receiver) bool {
	for _, o := range all {
		if o.Name == r.Name {
			return true
		}
	}
	return false
}

func (am *Alertmanager) posted(a *Alert, now time.Time) posted {
	m := messageOf(a, Firing)
	p := posted{Labels: map[string]string{}, StartsAt: a.Began, EndsAt: a.Ended,
		Annotations: map[string]string{"summary": m.Subject(), "description": m.Title}}
	if a.Ended.IsZero() {
		p.EndsAt = now.Add(4 * postEvery) // when we go silent it ends
	}
	for name, v := range am.Labels {
		p.Labels[name] = v
	}
	for name, v := range map[string]string{"alertname": "assay_" + a.Rule, "severity": string(a.Severity), "cause": a.Cause, "finding": a.Finding} {
		if v != "" {
			p.Labels[name] = v
		}
	}
	if a.Cause == "" && len(a.Names) == 1 {
		p.Labels["target"] = a.Names[0]
	}
	for name, v := range map[string]string{"explain": m.Explain, "risk": m.Risk, "fix": m.Fix} {
		if v != "" {
			p.Annotations[name] = v
		}
	}
	return p
}

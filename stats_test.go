package assay_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// The counters tell of judgements, refusals by class, what was remembered, what was
// downloaded and what was learnt.
func TestStats(t *testing.T) {
	w := newWorld(t)
	good, gone := w.server(), w.server()
	w.revoke(gone)
	mine := false
	c := w.config(assay.Config{})
	c.Verify = func(context.Context, *evidence.Evidence, *report.Report) ([]finding.Finding, error) {
		if mine {
			return nil, errors.New("not today")
		}
		return nil, nil
	}
	v := newVerifier(t, c)
	dial := func(addr string) {
		if c, err := v.DialContext(t.Context(), "tcp", addr, &tls.Config{ServerName: "localhost"}); err == nil {
			c.Close()
		}
	}
	at := func(want assay.Stats) {
		t.Helper()
		got := v.Stats()
		for class, n := range got.Refusals {
			if n != want.Refusals[class] {
				t.Errorf("class %s: %d refusals, want %d", class, n, want.Refusals[class])
			}
		}
		got.Refusals, want.Refusals = nil, nil
		if a, b := asJSON(t, got), asJSON(t, want); a != b {
			t.Errorf("%s, want %s", a, b)
		}
	}
	at(assay.Stats{})
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{good.TLS()}})
	dial(addr)
	at(assay.Stats{Judgements: 1, Downloads: 1})
	dial(addr)
	at(assay.Stats{Judgements: 2, Downloads: 1, Remembered: 1})
	dial(serve(t, &tls.Config{Certificates: []tls.Certificate{gone.TLS()}}))
	refusals := map[finding.Class]int64{finding.ClassRevocation: 1}
	at(assay.Stats{Judgements: 3, Refused: 1, Refusals: refusals, Downloads: 1, Remembered: 1, Cached: 1, Learnt: 1})
	mine = true
	dial(addr)
	refusals[finding.ClassPolicy] = 1
	at(assay.Stats{Judgements: 4, Refused: 2, Refusals: refusals, Downloads: 1, Remembered: 2, Cached: 1, Learnt: 1})
	mine = false

	other := newWorld(t) // whose list is not there
	other.set(func() { other.broken = true })
	v = newVerifier(t, other.config(assay.Config{}))
	dial(serve(t, &tls.Config{Certificates: []tls.Certificate{other.server().TLS()}}))
	at(assay.Stats{Judgements: 1, Warned: 1, Downloads: 1, FailedDownloads: 1})
	if s := asJSON(t, v.Stats()); !strings.Contains(s, `"refusals":{"budget":0,`) {
		t.Errorf("as JSON: %s", s)
	}
	var zero assay.Verifier
	if zero.Stats().Judgements != 0 {
		t.Error("the zero Verifier")
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A connection that is ended by what is learnt later is counted.
func TestStatsClosed(t *testing.T) {
	w := newWorld(t)
	leaf := w.server()
	w.revoke(leaf)
	list := make(chan struct{})
	w.set(func() { w.stall = list })
	v := newVerifier(t, w.config(assay.Config{Network: assay.Background}))
	c, err := v.Dial("tcp", serve(t, &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}}))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if n := v.Stats().Closed; n != 0 {
		t.Errorf("%d closed", n)
	}
	close(list)
	until(t, "the connection is closed", func() bool { return v.Stats().Closed == 1 })
}

// What is known of a connection that others dialled can be asked for afterwards,
// also of an answer that came through a proxy.
func TestJudgeConnection(t *testing.T) {
	w := newWorld(t)
	leaf := w.server()
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}})
	v := newVerifier(t, w.config(assay.Config{}))
	conf, err := v.ClientConfig(&tls.Config{ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	cs, err := talk(addr, conf)
	if err != nil {
		t.Fatal(err)
	}
	if r := v.JudgeConnection(t.Context(), &cs); r.Verdict != report.Accept || r.Paths[r.Chosen].Certs[0].Revocation.Status != report.Good || len(r.Certs) != 2 {
		t.Errorf("%+v", r)
	}
	w.revoke(leaf)
	fresh := newVerifier(t, w.config(assay.Config{})) // which has downloaded nothing, and downloads nothing
	hits := w.hits.Load()
	if r := fresh.JudgeConnection(t.Context(), &cs); r.Verdict != report.Accept || r.Paths[r.Chosen].Certs[0].Revocation.Status != report.Unknown || w.hits.Load() != hits {
		t.Errorf("%s, %d downloads", r.Verdict, w.hits.Load()-hits)
	}
	if _, err := fresh.DialContext(t.Context(), "tcp", addr, &tls.Config{ServerName: "localhost"}); !errors.Is(err, finding.CertRevoked) {
		t.Fatal(err)
	}
	if r := fresh.JudgeConnection(t.Context(), &cs); r.Verdict != report.Reject {
		t.Errorf("known to be revoked: %s", r.Verdict)
	}
	for _, none := range []*tls.ConnectionState{nil, {}, {PeerCertificates: cs.PeerCertificates}} {
		if r := v.JudgeConnection(t.Context(), none); r.Verdict != report.Reject {
			t.Errorf("nothing verified: %s", r.Verdict)
		}
	}
	var zero assay.Verifier
	if r := zero.JudgeConnection(t.Context(), &cs); r.Verdict != report.Reject {
		t.Error("the zero Verifier")
	}
}

package watch

import (
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// both runs f on a database of SQLite and on one of PostgreSQL.
func both(t *testing.T, f func(t *testing.T, open func() *Store)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "watch.db")
		f(t, func() *Store { return opened(t, file) })
	})
	t.Run("postgres", func(t *testing.T) {
		url := postgres(t)
		f(t, func() *Store { return opened(t, url) })
	})
}

func opened(t *testing.T, database string) *Store {
	t.Helper()
	s, err := Open(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

var t0 = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// fakeCert is a certificate that nobody decodes.
func fakeCert(name string, ca bool) report.Cert {
	der := []byte("certificate " + name)
	sum, key := sha256.Sum256(der), sha256.Sum256([]byte("key "+name))
	return report.Cert{Subject: "CN=" + name, Issuer: "CN=CA", Serial: "01", NotBefore: t0.AddDate(0, -1, 0), NotAfter: t0.AddDate(0, 2, 0), CA: ca, Key: "ECDSA P-256",
		SHA256: fmt.Sprintf("%x", sum), SPKISHA256: fmt.Sprintf("%x", key), PEM: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))}
}

// fakeReport is a report about a server with a leaf, its CA, and findings on the
// leaf.
func fakeReport(at time.Time, leaf string, ids ...finding.ID) *report.Report {
	r := &report.Report{Version: report.Version, Time: at, Target: report.Target{Host: "a.test", Port: "443"},
		Certs: []report.Cert{fakeCert(leaf, false), fakeCert("CA", true)}, Sent: []int{0, 1},
		Paths:  []report.Path{{End: report.EndAnchor, Certs: []report.PathCert{{Cert: 0, Role: report.Leaf}, {Cert: 1, Role: report.Anchor}}}},
		Checks: []report.Check{{Name: report.PathCheck, Cert: -1, State: report.Done, Required: true}}}
	for _, id := range ids {
		r.Paths[0].Certs[0].Findings = append(r.Paths[0].Certs[0].Findings, finding.New(id))
	}
	report.Decide(r)
	return r
}

// down is a report about a server that refuses connections.
func down(at time.Time) *report.Report {
	r := &report.Report{Version: report.Version, Time: at, Target: report.Target{Host: "a.test", Port: "443"}, Chosen: -1,
		Findings: []finding.Finding{finding.New(finding.ConnectionRefused)},
		Checks:   []report.Check{{Name: report.HandshakeCheck, Cert: -1, State: report.NotDone, Required: true}}}
	report.Decide(r)
	return r
}

func spec(target string) Spec {
	return Spec{Kind: Server, Target: target, Name: target, Group: "web", Origin: FromConfig, Interval: time.Hour, Digest: Hash{1}}
}

// check claims the one target that is due and records a report about it.
func check(t *testing.T, s *Store, r *report.Report) []Event {
	t.Helper()
	jobs, err := s.Claim(t.Context(), "test", r.Time, r.Time.Add(time.Minute), 10)
	if err != nil || len(jobs) != 1 {
		t.Fatalf("%d jobs, %v", len(jobs), err)
	}
	n, events, err := s.Record(t.Context(), []Result{{Job: jobs[0], Outcome: Outcome{Report: r, Took: time.Second}, Next: r.Time.Add(time.Hour)}})
	if err != nil || n != 1 {
		t.Fatalf("%d recorded, %v", n, err)
	}
	return events
}

func kinds(events []Event) (out []EventKind) {
	for _, e := range events {
		out = append(out, e.Kind)
	}
	return out
}

func TestHistoryOfATarget(t *testing.T) {
	both(t, func(t *testing.T, open func() *Store) {
		s, ctx := open(), t.Context()
		if added, removed, err := s.Sync(ctx, []Spec{spec("a.test")}, []string{"web"}, t0); added != 1 || removed != 0 || err != nil {
			t.Fatal(added, removed, err)
		}
		at := t0
		for i, step := range []struct {
			r    *report.Report
			want []EventKind
		}{
			{fakeReport(at, "one"), []EventKind{Added}},
			{fakeReport(at, "one"), nil},
			{fakeReport(at, "two"), []EventKind{Certificate, Key}},
			{fakeReport(at, "two", finding.CertExpired), []EventKind{Verdict, Found}},
			{down(at), []EventKind{Verdict, Found}},
			{fakeReport(at, "two", finding.CertExpired), []EventKind{Verdict, Gone}},
			{down(at), []EventKind{Verdict, Found}},
			{fakeReport(at, "three"), []EventKind{Verdict, Certificate, Key, Gone, Gone}},
		} {
			step.r.Time = t0.Add(time.Duration(i) * time.Hour)
			if got := kinds(check(t, s, step.r)); !slices.Equal(got, step.want) {
				t.Errorf("check %d made %v, not %v", i+1, got, step.want)
			}
		}
		all, err := s.Events(ctx, EventQuery{})
		if err != nil || len(all) != 16 {
			t.Fatalf("%d events, %v", len(all), err)
		}
		if e := all[1]; e.Before.Subject != "CN=one" || e.After.Subject != "CN=two" || e.Before.Certificate == e.After.Certificate {
			t.Errorf("%+v %+v", e.Before, e.After)
		}
		page, err := s.Targets(ctx, TargetQuery{}, at)
		if err != nil || page.Total != 1 || len(page.Targets) != 1 {
			t.Fatalf("%+v %v", page, err)
		}
		target := page.Targets[0]
		if target.Verdict != report.Accept || target.Checks != 1 || target.Row == nil || target.Row.Verdict != report.Accept {
			t.Errorf("%+v", target)
		}
		states, err := s.History(ctx, target.ID, 0, 0)
		if err != nil || len(states) != 7 {
			t.Fatalf("%d states, %v", len(states), err)
		}
		if first := states[6]; first.Checks != 2 || !first.Ended.Equal(t0.Add(2*time.Hour)) || first.Row.Verdict != report.Accept || !first.Report {
			t.Errorf("%+v", first)
		}
		r, err := s.Report(ctx, target.ID, states[6].ID)
		if err != nil || r.Certs[0].Subject != "CN=one" || r.Certs[0].PEM != fakeCert("one", false).PEM || !r.Time.Equal(t0.Add(time.Hour)) {
			t.Errorf("%+v %v", r, err)
		}
		if _, err := s.Report(ctx, target.ID+1, states[6].ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("another target's report: %v", err)
		}
		issuers, err := s.Issuers(ctx)
		if err != nil || len(issuers) != 1 || issuers[0].Subject != "CN=CA" || issuers[0].Targets != 1 || issuers[0].Accept != 1 {
			t.Errorf("%+v %v", issuers, err)
		}
		certs, err := s.Certificates(ctx, CertQuery{All: true})
		if err != nil || len(certs.Certs) != 4 {
			t.Errorf("%+v %v", certs, err)
		}
		if certs, err = s.Certificates(ctx, CertQuery{}); err != nil || len(certs.Certs) != 2 {
			t.Errorf("%+v %v", certs, err)
		}
		if _, removed, err := s.Sync(ctx, nil, nil, t0.AddDate(0, 0, 1)); removed != 1 || err != nil {
			t.Fatal(removed, err)
		}
		last, err := s.Events(ctx, EventQuery{Newest: true, Limit: 1})
		if err != nil || last[0].Kind != Removed || last[0].Before.Verdict != report.Accept {
			t.Errorf("%+v %v", last, err)
		}
		sum, err := s.Summary(ctx, t0)
		if err != nil || sum.Targets != 0 || sum.Event != last[0].ID {
			t.Errorf("%+v %v", sum, err)
		}
	})
}

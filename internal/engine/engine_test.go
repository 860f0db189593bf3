package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/lab"
	"github.com/assaytls/assay/internal/store"
	"github.com/assaytls/assay/internal/tlsclient"
	"github.com/assaytls/assay/report"
)

func start(t *testing.T, only ...string) *lab.Lab {
	t.Helper()
	l, err := lab.Start(context.Background(), lab.Options{Only: only, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func newEngine(t *testing.T, l *lab.Lab) under {
	t.Helper()
	a := certpath.NewAnchors()
	for _, r := range l.Roots {
		if err := a.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	list, err := ct.ParseLogList(l.LogList)
	if err != nil {
		t.Fatal(err)
	}
	e := under{engine.New(engine.Options{}), &engine.Trust{Anchors: a, LogList: list}}
	return e
}

func config(s lab.Scenario) tlsclient.Config {
	return tlsclient.Config{Host: s.Host, Port: s.Port, Resolve: s.Resolve(), HandshakeTimeout: s.Timeout, KeyTypes: tlsclient.KeysAll}
}

// findings lists severity and ID of every finding with its place.
func findings(r *report.Report) []string {
	var out []string
	add := func(place string, fs []finding.Finding) {
		for _, f := range fs {
			out = append(out, place+" "+f.Severity.String()+" "+string(f.ID))
		}
	}
	add("report", r.Findings)
	for _, p := range r.Paths {
		add("path", p.Findings)
		for _, c := range p.Certs {
			add(string(c.Role), c.Findings)
		}
	}
	slices.Sort(out)
	return out
}

// Saved evidence, judged again under the same policy, gives the same report.
func TestEvidenceJudgedAgain(t *testing.T) {
	l := start(t, "good", "two-certificates*", "good-staple", "good-nonce", "revoked*", "sct-*", "ocsp-down*", "crl-delta", "crl-indirect", "missing-intermediate*", "expired", "unparsable", "refused")
	if len(l.Scenarios) < 15 {
		t.Fatalf("only %d scenarios", len(l.Scenarios))
	}
	for _, s := range l.Scenarios {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			e := newEngine(t, l)
			first, ev := e.Check(context.Background(), config(s), s.Policy, s.Access)
			saved, err := evidence.Encode(ev)
			if err != nil {
				t.Fatal(err)
			}
			again, err := evidence.Decode(saved)
			if err != nil {
				t.Fatal(err)
			}
			second := newEngine(t, l).Judge(context.Background(), again, s.Policy, s.Access)
			if first.Verdict != second.Verdict || !slices.Equal(findings(first), findings(second)) {
				t.Errorf("first %s %v\nagain %s %v", first.Verdict, findings(first), second.Verdict, findings(second))
			}
			if first.PolicyHash != second.PolicyHash || first.AnchorsHash != second.AnchorsHash {
				t.Error("the hashes of policy and anchors differ")
			}
			for _, d := range []assemble.Detail{assemble.Short, assemble.Rows} {
				e := newEngine(t, l)
				sameButOpinion(t, second, e.Engine.Judge(context.Background(), again, e.trust, s.Policy, s.Access, d))
			}
		})
	}
}

// sameButOpinion wants told, which leaves out what nobody reads, to say what full says but
// for crypto/x509's opinion.
func sameButOpinion(t *testing.T, full, told *report.Report) {
	t.Helper()
	opinion := func(id finding.ID) bool { return id == finding.X509Disagrees }
	want, row := full.Row(), told.Row()
	if want.Infos = slices.DeleteFunc(want.Infos, opinion); len(want.Infos) == 0 {
		want.Infos = nil
	}
	if !reflect.DeepEqual(row, want) {
		t.Errorf("row %+v\nof the full report %+v", row, want)
	}
	asked := full.SecondOpinion
	if (asked == report.OpinionDiffers) != slices.ContainsFunc(full.Findings, func(f finding.Finding) bool { return opinion(f.ID) }) || asked == report.OpinionNotAsked {
		t.Errorf("second opinion %q with the findings %v", asked, full.Findings)
	}
	if len(full.Paths) > 0 && (asked == "" || told.SecondOpinion != report.OpinionNotAsked) {
		t.Errorf("second opinion %q, and %q where nobody reads it", asked, told.SecondOpinion)
	}
}

// A second check within the hour asks nobody.
func TestCached(t *testing.T) {
	l := start(t, "good", "crl-delta-good", "crl-by-reasons")
	for _, s := range l.Scenarios {
		e := newEngine(t, l)
		first, _ := e.Check(context.Background(), config(s), s.Policy, s.Access)
		r, _ := e.Check(context.Background(), config(s), s.Policy, s.Access)
		if r.Verdict != report.Accept || len(r.Fetches) == 0 || len(r.Fetches) != len(first.Fetches) {
			t.Fatalf("%s: %s with %d fetches, first %d: %v", s.Name, r.Verdict, len(r.Fetches), len(first.Fetches), findings(r))
		}
		for _, f := range r.Fetches {
			if f.Outcome != "cached" {
				t.Errorf("%s: %s %s was %s", s.Name, f.Kind, f.URL, f.Outcome)
			}
		}
	}
}

// Offline with nothing cached decides nothing, and with a filled cache all.
func TestOffline(t *testing.T) {
	l := start(t, "good", "revoked-by-crl")
	good, _ := l.Scenario("good")
	revoked, _ := l.Scenario("revoked-by-crl")
	e := newEngine(t, l)
	offline := good.Access
	offline.Offline = true
	if r, _ := e.Check(context.Background(), config(good), good.Policy, offline); r.Verdict != report.Inconclusive || len(r.Fetches) != 0 {
		t.Errorf("empty cache: %s with fetches %v", r.Verdict, r.Fetches)
	}
	e.Check(context.Background(), config(good), good.Policy, good.Access)
	e.Check(context.Background(), config(revoked), good.Policy, good.Access)
	if r, _ := e.Check(context.Background(), config(good), good.Policy, offline); r.Verdict != report.Accept {
		t.Errorf("filled cache: %s %v", r.Verdict, findings(r))
	}
	if r, _ := e.Check(context.Background(), config(revoked), good.Policy, offline); r.Verdict != report.Reject {
		t.Errorf("revoked, from the cache: %s %v", r.Verdict, findings(r))
	}
}

// When the whole run's time is over the report still comes, and is not good.
func TestDeadline(t *testing.T) {
	l := start(t, "crl-dripping")
	e, s := newEngine(t, l), l.Scenarios[0]
	ctx, cancel := context.WithTimeout(context.Background(), 700*time.Millisecond)
	defer cancel()
	begin := time.Now()
	r, _ := e.Check(ctx, config(s), s.Policy, s.Access)
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	if r.Verdict != report.Inconclusive {
		t.Errorf("%s %v", r.Verdict, findings(r))
	}
}

// A report is complete JSON that can be read back.
func TestReportJSON(t *testing.T) {
	l := start(t, "revoked")
	r, _ := newEngine(t, l).Check(context.Background(), config(l.Scenarios[0]), l.Scenarios[0].Policy, l.Scenarios[0].Access)
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back report.Report
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(findings(r), findings(&back)) || back.Verdict != report.Reject {
		t.Errorf("read back %s %v", back.Verdict, findings(&back))
	}
	if !strings.Contains(string(b), "X509_V_ERR_CERT_REVOKED") {
		t.Error("the OpenSSL code is missing")
	}
}

// What one engine kept on disk another one uses, index of the list included.
func TestStore(t *testing.T) {
	l := start(t, "good", "revoked-by-crl")
	dir := t.TempDir() + "/cache"
	withStore := func() under {
		s, err := store.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		a := certpath.NewAnchors()
		for _, r := range l.Roots {
			a.Add(r)
		}
		e := under{engine.New(engine.Options{Store: s, Warn: func(err error) { t.Error(err) }}), &engine.Trust{Anchors: a}}
		return e
	}
	first := withStore()
	for _, s := range l.Scenarios {
		first.Check(context.Background(), config(s), s.Policy, s.Access)
	}
	second := withStore()
	for _, s := range l.Scenarios {
		offline := s.Access
		offline.Offline = true
		r, _ := second.Check(context.Background(), config(s), s.Policy, offline)
		if r.Verdict != s.Want || len(r.Fetches) == 0 {
			t.Errorf("%s: %s from the disk, want %s: %v", s.Name, r.Verdict, s.Want, findings(r))
		}
		for _, f := range r.Fetches {
			if f.Outcome != "cached" {
				t.Errorf("%s: %s was %s", s.Name, f.URL, f.Outcome)
			}
		}
	}
}

// The lifetime limits of public certificates apply below public anchors only.
func TestPublic(t *testing.T) {
	l := start(t, "good")
	a := certpath.NewAnchors()
	for _, r := range l.Roots {
		a.Add(r)
	}
	s := l.Scenarios[0]
	root := cert.Parse(l.Roots[0])
	for _, public := range []bool{false, true} {
		e := under{engine.New(engine.Options{}), &engine.Trust{Anchors: a, Public: func(spki []byte) bool { return public && bytes.Equal(spki, root.RawSPKI) }}}
		p := s.Policy
		p.Time = time.Now()
		r, _ := e.Check(context.Background(), config(s), p, s.Access)
		if r.Verdict != report.Accept {
			t.Errorf("public %v: %s %v", public, r.Verdict, findings(r))
		}
	}
}

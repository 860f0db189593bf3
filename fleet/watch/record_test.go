package watch

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// TestLostClaim: what a process found whose claim has gone to another is dropped,
// and a check that was asked for meanwhile is still to come.
func TestLostClaim(t *testing.T) {
	both(t, func(t *testing.T, open func() *Store) {
		s, other, ctx := open(), open(), t.Context()
		if _, _, err := s.Sync(ctx, []Spec{spec("a.test")}, nil, t0); err != nil {
			t.Fatal(err)
		}
		slow, err := s.Claim(ctx, "slow", t0, t0.Add(time.Minute), 1)
		if err != nil || len(slow) != 1 {
			t.Fatal(slow, err)
		}
		if again, err := other.Claim(ctx, "other", t0.Add(59*time.Second), t0.Add(time.Hour), 1); len(again) != 0 || err != nil {
			t.Fatal("claimed twice", err)
		}
		quick, err := other.Claim(ctx, "other", t0.Add(time.Minute), t0.Add(2*time.Minute), 1)
		if err != nil || len(quick) != 1 {
			t.Fatal(quick, err)
		}
		if n, events, err := s.Record(ctx, []Result{{Job: slow[0], Outcome: Outcome{Report: fakeReport(t0, "old")}, Next: t0.Add(time.Hour)}}); n != 0 || len(events) != 0 || err != nil {
			t.Errorf("a lost claim recorded %d, %v", n, err)
		}
		at := t0.Add(90 * time.Second)
		if err := s.CheckNow(ctx, quick[0].ID, at); err != nil {
			t.Fatal(err)
		}
		if n, _, err := other.Record(ctx, []Result{{Job: quick[0], Outcome: Outcome{Report: fakeReport(at, "new")}, Next: t0.Add(time.Hour)}}); n != 1 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if target, err := s.Target(ctx, quick[0].ID); err != nil || !target.Next.Equal(at) {
			t.Errorf("next at %s, %v", target.Next, err)
		}
		if due, err := s.NextDue(ctx); err != nil || !due.Equal(at) {
			t.Errorf("due at %s, %v", due, err)
		}
	})
}

// TestMessages: a message is sent until it arrived or was given up, by one process
// at a time, and is there once however often it was put in.
func TestMessages(t *testing.T) {
	both(t, func(t *testing.T, open func() *Store) {
		s, ctx := open(), t.Context()
		put := func(key string) {
			t.Helper()
			if err := s.Update(ctx, func(tx *Tx) error {
				return tx.Deliver(Delivery{Key: key, Receiver: "r", Body: []byte("body"), Created: t0, Next: t0})
			}); err != nil {
				t.Fatal(err)
			}
		}
		put("a")
		put("a")
		claim := func(at time.Time, want int) []Delivery {
			t.Helper()
			got, err := s.ClaimDeliveries(ctx, at, at.Add(time.Minute), 10)
			if err != nil || len(got) != want {
				t.Fatalf("%d messages, not %d, %v", len(got), want, err)
			}
			return got
		}
		first := claim(t0, 1)[0]
		claim(t0, 0)
		second := claim(t0.Add(time.Minute), 1)[0] // whoever had it was killed
		if err := s.Undelivered(ctx, first, "late", t0, t0); err != nil {
			t.Fatal(err)
		}
		if err := s.Undelivered(ctx, second, "refused", t0.Add(time.Hour), t0); err != nil {
			t.Fatal(err)
		}
		claim(t0.Add(59*time.Minute), 0)
		third := claim(t0.Add(time.Hour), 1)[0]
		if third.Attempts != 1 || third.Trouble != "refused" || string(third.Body) != "body" {
			t.Errorf("%+v", third)
		}
		if err := s.Undelivered(ctx, third, "given up", time.Time{}, t0.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		dead, err := s.Outbox(ctx, true, 0, 0)
		if err != nil || len(dead) != 1 || !dead[0].Dead {
			t.Fatalf("%+v %v", dead, err)
		}
		if err := s.Resend(ctx, dead[0].ID, t0.Add(2*time.Hour)); err != nil {
			t.Fatal(err)
		}
		if err := s.Sent(ctx, claim(t0.Add(2*time.Hour), 1)[0], t0.Add(2*time.Hour)); err != nil {
			t.Fatal(err)
		}
		if err := s.Resend(ctx, dead[0].ID, t0); !errors.Is(err, ErrNotFound) {
			t.Errorf("what arrived is sent again: %v", err)
		}
		put("a")
		claim(t0.Add(1000*time.Hour), 0)
	})
}

// TestTidy: what is too old or too much goes, what a target has now stays.
func TestTidy(t *testing.T) {
	both(t, func(t *testing.T, open func() *Store) {
		s, ctx := open(), t.Context()
		if _, _, err := s.Sync(ctx, []Spec{spec("a.test"), spec("b.test")}, nil, t0); err != nil {
			t.Fatal(err)
		}
		at := t0
		for i := range 12 { // a state each
			jobs, err := s.Claim(ctx, "test", at, at.Add(time.Minute), 10)
			if err != nil || len(jobs) != 2 {
				t.Fatal(len(jobs), err)
			}
			var results []Result
			for _, j := range jobs {
				r := fakeReport(at, string(rune('a'+i)))
				if i%2 == 0 {
					r = fakeReport(at, string(rune('a'+i)), finding.CertExpired)
				}
				results = append(results, Result{Job: j, Outcome: Outcome{Report: r}, Next: at})
			}
			if n, _, err := s.Record(ctx, results); n != 2 || err != nil {
				t.Fatal(n, err)
			}
			at = at.Add(24 * time.Hour)
		}
		keep := Retention{Age: 100 * 24 * time.Hour, States: 6, Reports: 3, Events: 5, Sent: time.Hour}
		if _, err := s.Tidy(ctx, keep, at); err != nil {
			t.Fatal(err)
		}
		states, err := s.History(ctx, 1, 0, 0)
		if err != nil || len(states) != 6 {
			t.Fatalf("%d states, %v", len(states), err)
		}
		for i, st := range states {
			if st.Report != (i < 3) {
				t.Errorf("state %d has its report: %t", i, st.Report)
			}
		}
		if events, err := s.Events(ctx, EventQuery{Target: 1}); err != nil || len(events) != 5 {
			t.Errorf("%d events, %v", len(events), err)
		}
		certs, err := s.Certificates(ctx, CertQuery{All: true})
		if err != nil || len(certs.Certs) != 7 { // six and the CA
			t.Errorf("%d certificates, %v", len(certs.Certs), err)
		}
		// A year later everything has gone but what there is now.
		if _, _, err := s.Sync(ctx, []Spec{spec("a.test")}, nil, at); err != nil {
			t.Fatal(err)
		}
		if tidied, err := s.Tidy(ctx, keep, at.AddDate(1, 0, 0)); err != nil || tidied.Targets != 1 {
			t.Errorf("%+v %v", tidied, err)
		}
		if states, err = s.History(ctx, 1, 0, 0); err != nil || len(states) != 1 || !states[0].Report || states[0].Row.Verdict != report.Accept {
			t.Errorf("%+v %v", states, err)
		}
		if _, err := s.Target(ctx, 2); !errors.Is(err, ErrNotFound) {
			t.Errorf("the target that was given up: %v", err)
		}
	})
}

// TestSync: the configuration adds, changes and removes; what somebody added over
// the API stays while its group is there; a service's servers go with it.
func TestSync(t *testing.T) {
	both(t, func(t *testing.T, open func() *Store) {
		s, ctx := open(), t.Context()
		sync := func(added, removed int, groups []string, specs ...Spec) {
			t.Helper()
			a, r, err := s.Sync(ctx, specs, groups, t0)
			if err != nil || a != added || r != removed {
				t.Fatalf("%d added, %d removed, %v", a, r, err)
			}
		}
		a := spec("a.test")
		mx := spec("mx:b.test")
		mx.Kind = Service
		web := []string{"web"}
		sync(2, 0, web, a, mx)
		sync(0, 0, web, a, mx)
		if _, _, err := s.AddTarget(ctx, Spec{Kind: Server, Target: "api.test", Name: "api", Group: "web", Origin: FromAPI, Interval: time.Hour}, t0); err != nil {
			t.Fatal(err)
		}
		jobs, err := s.Claim(ctx, "test", t0, t0.Add(time.Minute), 10)
		if err != nil || len(jobs) != 3 {
			t.Fatal(len(jobs), err)
		}
		members := []Spec{{Kind: Server, Target: "mx:b.test one.test:25", Name: "one", Group: "web", Origin: FromDNS, Interval: time.Hour},
			{Kind: Server, Target: "mx:b.test two.test:25", Name: "two", Group: "web", Origin: FromDNS, Interval: time.Hour}}
		i := slices.IndexFunc(jobs, func(j Job) bool { return j.Kind == Service })
		record := func(o Outcome) {
			t.Helper()
			o.Report = fakeReport(t0, "x")
			if n, _, err := s.Record(ctx, []Result{{Job: jobs[i], Outcome: o, Next: t0}}); n != 1 || err != nil {
				t.Fatal(n, err)
			}
			again, err := s.Claim(ctx, "test", t0, t0.Add(time.Minute), 10)
			if err != nil {
				t.Fatal(err)
			}
			for _, j := range again {
				if j.Kind == Service {
					jobs[i] = j
				}
			}
		}
		count := func(want int) {
			t.Helper()
			if p, err := s.Targets(ctx, TargetQuery{}, t0); err != nil || p.Total != want {
				t.Fatalf("%d targets, not %d, %v", p.Total, want, err)
			}
		}
		record(Outcome{Resolved: true, Servers: members})
		count(5)
		record(Outcome{}) // the DNS did not answer: the servers stay
		count(5)
		record(Outcome{Resolved: true, Servers: members[:1]})
		count(4)
		sync(0, 1, web, a)
		count(2) // its server went with it
		sync(0, 1, nil, a)
		count(1)
		a.Digest = Hash{2}
		sync(0, 0, web, a)
		if target, err := s.Target(ctx, 1); err != nil || !target.Next.Equal(t0) {
			t.Errorf("a target whose settings changed is due at %s, %v", target.Next, err)
		}
	})
}

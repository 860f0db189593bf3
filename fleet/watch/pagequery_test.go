package watch

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// TestPageQueries: what the pages about certificates and issuers ask.
func TestPageQueries(t *testing.T) {
	both(t, func(t *testing.T, open func() *Store) {
		s, ctx := open(), t.Context()
		var specs []Spec
		for i := range 9 {
			specs = append(specs, spec(fmt.Sprintf("%d.test", i)))
		}
		list := spec("http://ca.test/ca.crl")
		list.Kind, list.Group = CRL, "our CA"
		specs = append(specs, list)
		if _, _, err := s.Sync(ctx, specs, nil, t0); err != nil {
			t.Fatal(err)
		}
		// Three rounds: each server has a certificate, then another one, then a third. Every
		// third one is rejected in the end, and the last is not checked at all.
		for round, prefix := range []string{"old", "now", "new"} {
			at := t0.Add(time.Duration(round) * time.Hour)
			jobs, err := s.Claim(ctx, "test", at, at.Add(time.Minute), 20)
			if err != nil {
				t.Fatal(err)
			}
			var results []Result
			for i, j := range jobs {
				if j.Name == "8.test" {
					continue
				}
				r := fakeReport(at, prefix+" "+j.Name)
				if j.Kind == CRL {
					ca := fakeCert("CA", true)
					r = &report.Report{Version: report.Version, Time: at, Certs: []report.Cert{ca}, Paths: []report.Path{{End: report.EndAnchor, Certs: []report.PathCert{{Role: report.Anchor,
						Revocation: &report.Revocation{Status: report.Good, Sources: []report.Answer{{Scheme: policy.CRL, URL: j.Target.Target, Status: report.Good}}}}}}},
						Checks: []report.Check{{Name: report.RevocationCheck, Cert: -1, State: report.Done, Required: true}}}
					report.Decide(r)
				} else if r.Certs[0].Names = []string{"dns:" + j.Name, "dns:alias-" + j.Name}; round == 2 && j.ID%3 == 0 {
					r = fakeReport(at, prefix+" "+j.Name, finding.CertExpired)
				}
				r.Certs[0].NotAfter = t0.AddDate(0, 0, 5+10*i)
				results = append(results, Result{Job: j, Outcome: Outcome{Report: r}, Next: at.Add(time.Hour)})
			}
			if _, _, err := s.Record(ctx, results); err != nil {
				t.Fatal(err)
			}
		}
		ca := hashOf(fakeCert("CA", true).SHA256)

		var verdicts []report.Verdict
		for q := (TargetQuery{Order: ByWorst, Limit: 4}); ; {
			worst, err := s.Targets(ctx, q, t0)
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range worst.Targets {
				verdicts = append(verdicts, one.Verdict)
			}
			if q.Page = worst.Next; q.Page == "" {
				break
			}
		}
		bad := verdictsOf(verdicts, report.Reject)
		if want := fmt.Sprint([]report.Verdict{"reject", "reject", "", "accept", "accept", "accept", "accept", "accept", "accept", "accept"}); fmt.Sprint(verdicts) != want {
			t.Errorf("%s, not %s", verdicts, want)
		}

		for _, c := range []struct {
			search string
			want   int
		}{{"alias-3.test", 1}, {"ALIAS-", len(verdictsOf(verdicts, report.Accept)) - 1}, {"cn=new 4", 1}, {"CA", 9}, {"nobody", 0}, {"old", 0}, {"%", 0},
			{fakeCert("new 4.test", false).SHA256, 1}, {fakeCert("new 4.test", false).SPKISHA256, 1}} {
			p, err := s.Certificates(ctx, CertQuery{Search: c.search})
			if err != nil || len(p.Certs) != c.want {
				t.Errorf("%q: %d certificates, not %d, %v", c.search, len(p.Certs), c.want, err)
			}
		}
		colons := ""
		for i, digit := range fakeCert("new 4.test", false).SHA256 {
			if i > 0 && i%2 == 0 {
				colons += ":"
			}
			colons += string(digit - 'a' + 'A')
			if digit <= '9' {
				colons = colons[:len(colons)-1] + string(digit)
			}
		}
		if p, err := s.Certificates(ctx, CertQuery{Search: " " + colons}); err != nil || len(p.Certs) != 1 {
			t.Errorf("as OpenSSL prints it: %+v, %v", p, err)
		}

		before, after, err := s.Neighbours(ctx, hashOf(fakeCert("now 5.test", false).SHA256))
		if err != nil || len(before) != 1 || len(after) != 1 || before[0].Subject != "CN=old 5.test" || after[0].Subject != "CN=new 5.test" || after[0].Hosts != 1 {
			t.Errorf("%+v %+v %v", before, after, err)
		}
		if before, after, err = s.Neighbours(ctx, ca); err != nil || len(before)+len(after) != 0 {
			t.Errorf("the CA that stayed: %+v %+v %v", before, after, err)
		}

		rejected := worstOf(t, s)
		found, err := s.CertFindings(ctx, hashOf(fakeCert("new "+rejected, false).SHA256))
		if err != nil || len(found) != 1 || found[0].ID != finding.CertExpired || found[0].Targets != 1 || found[0].Title == "" {
			t.Errorf("%+v %v", found, err)
		}
		w, is, err := s.CertWitness(ctx, hashOf(fakeCert("new 4.test", false).SHA256))
		if err != nil || !is || w.Name != "4.test" {
			t.Errorf("%+v %v", w, err)
		}
		if w, is, err = s.CertWitness(ctx, hashOf(fakeCert("old 4.test", false).SHA256)); err != nil || !is || !w.At.Equal(t0) {
			t.Errorf("of what is used no more: %+v %v", w, err)
		}
		if _, is, err = s.CertWitness(ctx, Hash{1}); err != nil || is {
			t.Errorf("of nothing: %v", err)
		}

		issued, err := s.Issued(ctx, ca, t0.AddDate(0, 0, 6))
		if err != nil || issued.Accept != 8-len(bad) || issued.Reject != len(bad) || issued.Certificates != 8 || issued.Ended+issued.Within7+issued.Within30+issued.Within90+issued.Later != 8 ||
			issued.First.IsZero() || issued.Longest <= issued.Shortest {
			t.Errorf("%+v %v", issued, err)
		}
		if sources, err := s.WatchedSources(ctx, ca); err != nil || len(sources) != 1 || sources[0].Kind != CRL {
			t.Errorf("%+v %v", sources, err)
		}
		if all, err := s.Witnesses(ctx, ca, 3); err != nil || len(all) != 3 || !all[0].At.Equal(t0.Add(2*time.Hour)) {
			t.Errorf("%+v %v", all, err)
		}
		if causes, err := s.IssuerCauses(ctx, ca); err != nil || len(causes) != 0 {
			t.Errorf("%+v %v", causes, err)
		}
		if known, err := s.Known(ctx, []Hash{ca, {1}, {}, ca}); err != nil || len(known) != 1 {
			t.Errorf("%+v %v", known, err)
		}
	})
}

func verdictsOf(all []report.Verdict, is report.Verdict) (some []report.Verdict) {
	for _, v := range all {
		if v == is {
			some = append(some, v)
		}
	}
	return some
}

func worstOf(t *testing.T, s *Store) string {
	t.Helper()
	p, err := s.Targets(t.Context(), TargetQuery{Order: ByWorst, Limit: 1}, t0)
	if err != nil || len(p.Targets) != 1 {
		t.Fatal(p, err)
	}
	return p.Targets[0].Name
}

// TestIssuerPages: pages of issuers hold each once, those first that most depend on.
func TestIssuerPages(t *testing.T) {
	both(t, func(t *testing.T, open func() *Store) {
		s, ctx := open(), t.Context()
		var specs []Spec
		for i := range 12 {
			specs = append(specs, spec(fmt.Sprintf("%02d.test", i)))
		}
		if _, _, err := s.Sync(ctx, specs, nil, t0); err != nil {
			t.Fatal(err)
		}
		jobs, err := s.Claim(ctx, "test", t0, t0.Add(time.Minute), 20)
		if err != nil {
			t.Fatal(err)
		}
		var results []Result
		for i, j := range jobs {
			r := fakeReport(t0, j.Name)
			r.Certs[1] = fakeCert(fmt.Sprintf("CA %d", i/2), true) // six with two each
			if i == 0 {
				r.Certs[1] = fakeCert("CA 5", true) // now one has three and one has one
			}
			results = append(results, Result{Job: j, Outcome: Outcome{Report: r}, Next: t0.Add(time.Hour)})
		}
		if _, _, err := s.Record(ctx, results); err != nil {
			t.Fatal(err)
		}
		seen := map[string]int{}
		last := 99
		for q := (IssuerQuery{Limit: 2}); ; {
			p, err := s.IssuerPage(ctx, q)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range p.Issuers {
				if seen[i.SHA256]++; i.Targets > last || i.Accept != i.Targets || i.Reject != 0 {
					t.Errorf("%+v after %d", i, last)
				}
				last = i.Targets
			}
			if q.Page = p.Next; p.Next == "" {
				break
			}
		}
		if len(seen) != 6 || last != 1 {
			t.Errorf("%v, %d", seen, last)
		}
		if p, err := s.IssuerPage(ctx, IssuerQuery{Search: "ca 3"}); err != nil || len(p.Issuers) != 1 {
			t.Errorf("%+v %v", p, err)
		}
		for _, page := range []string{"x", "e30", "eyJvIjoidGFyZ2V0cyIsImkiOjF9"} {
			if _, err := s.IssuerPage(ctx, IssuerQuery{Page: page}); !errors.Is(err, ErrPage) {
				t.Errorf("page %q: %v", page, err)
			}
		}
	})
}

// TestSearchText: a database from before there was a text to search gets one.
func TestSearchText(t *testing.T) {
	both(t, func(t *testing.T, open func() *Store) {
		s, ctx := open(), t.Context()
		if _, _, err := s.Sync(ctx, []Spec{spec("a.test")}, nil, t0); err != nil {
			t.Fatal(err)
		}
		check(t, s, fakeReport(t0, "a.test"))
		err := s.Update(ctx, func(tx *Tx) error {
			if _, err := tx.Exec("UPDATE certificates SET search = ''"); err != nil {
				return err
			}
			return tx.fillSearch()
		})
		if err != nil {
			t.Fatal(err)
		}
		if p, err := s.Certificates(ctx, CertQuery{Search: fakeCert("a.test", false).SHA256[:20]}); err != nil || len(p.Certs) != 1 {
			t.Errorf("%+v %v", p, err)
		}
	})
}

package watch

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// TestPages: pages hold each target once, in order, whatever the order, and
// queries find what they say.
func TestPages(t *testing.T) {
	both(t, func(t *testing.T, open func() *Store) {
		s, ctx := open(), t.Context()
		var specs []Spec
		for i := range 25 {
			one := spec(fmt.Sprintf("%02d.test", i))
			one.Name = fmt.Sprintf("name %d", i%5) // many of the same
			one.Labels = map[string]string{"team": fmt.Sprintf("100%% %d", i%2)}
			specs = append(specs, one)
		}
		if _, _, err := s.Sync(ctx, specs, nil, t0); err != nil {
			t.Fatal(err)
		}
		jobs, err := s.Claim(ctx, "test", t0, t0.Add(time.Hour), 20)
		if err != nil || len(jobs) != 20 {
			t.Fatal(len(jobs), err)
		}
		var results []Result
		for i, j := range jobs {
			r := fakeReport(t0.Add(time.Duration(i/3)*time.Second), fmt.Sprint("leaf ", i%4))
			if i%2 == 1 {
				r = fakeReport(r.Time, fmt.Sprint("leaf ", i%4), finding.CertExpired)
			}
			results = append(results, Result{Job: j, Outcome: Outcome{Report: r}, Next: t0.Add(time.Hour)})
		}
		if n, _, err := s.Record(ctx, results); n != 20 || err != nil {
			t.Fatal(n, err)
		}
		for _, c := range []struct {
			order Order
			want  int
		}{{ByName, 25}, {ByEnd, 20}, {ByChecked, 20}, {BySince, 20}, {ByWorst, 25}} {
			seen := map[int64]bool{}
			var last *Target
			q := TargetQuery{Order: c.order, Limit: 4}
			for {
				p, err := s.Targets(ctx, q, t0)
				if err != nil || p.Total != c.want {
					t.Fatalf("%s: %d in all, %v", c.order, p.Total, err)
				}
				for _, x := range p.Targets {
					if seen[x.ID] {
						t.Errorf("%s: target %d twice", c.order, x.ID)
					}
					seen[x.ID] = true
					if last != nil && (c.order == ByName && x.Name < last.Name || c.order == ByEnd && x.Ends.Before(last.Ends) || c.order == ByChecked && x.Checked.After(last.Checked)) {
						t.Errorf("%s: %v comes after %v", c.order, x, last)
					}
					if c.order == ByWorst && last != nil && (partOf(*last) > partOf(x) || partOf(x) == 0 && x.VerdictSince.After(last.VerdictSince) || partOf(x) == 3 && x.Ends.Before(last.Ends)) {
						t.Errorf("%s: %v comes after %v", c.order, x, last)
					}
					last = &x
				}
				if q.Page = p.Next; p.Next == "" {
					break
				}
			}
			if len(seen) != c.want {
				t.Errorf("%s: %d targets on all pages", c.order, len(seen))
			}
		}
		for _, c := range []struct {
			q    TargetQuery
			want int
		}{
			{TargetQuery{Search: "NAME 3"}, 5},
			{TargetQuery{Search: "100% 1"}, 12},
			{TargetQuery{Search: "1_0"}, 0},
			{TargetQuery{Search: `%`}, 25},
			{TargetQuery{Search: "07.t"}, 1},
			{TargetQuery{Group: "web"}, 25},
			{TargetQuery{Group: "nobody's"}, 0},
			{TargetQuery{Verdicts: []report.Verdict{report.Reject}}, 10},
			{TargetQuery{Verdicts: []report.Verdict{report.Reject, ""}}, 15},
			{TargetQuery{Finding: finding.CertExpired}, 10},
			{TargetQuery{Headline: finding.CertExpired}, 10},
			{TargetQuery{Cert: hashOf(fakeCert("leaf 0", false).SHA256)}, 5},
			{TargetQuery{Issuer: hashOf(fakeCert("CA", true).SHA256)}, 20},
			{TargetQuery{EndsIn: time.Hour}, 0},
			{TargetQuery{Order: ByWorst, Verdicts: []report.Verdict{report.Accept, ""}}, 15},
			{TargetQuery{Anywhere: "Name 3"}, 5},
			{TargetQuery{Anywhere: "cert-EXP"}, 10},
			{TargetQuery{Anywhere: "CN=ca", Order: ByWorst}, 20},
			{TargetQuery{Anywhere: "%"}, 25},
			{TargetQuery{Anywhere: "no such word"}, 0},
			{TargetQuery{Label: "team=100% 1", Order: ByWorst}, 12},
			{TargetQuery{Label: "team=100%"}, 0},
			{TargetQuery{Label: "team"}, 0},
			{TargetQuery{EndsIn: 100 * 24 * time.Hour}, 20},
		} {
			p, err := s.Targets(ctx, c.q, t0)
			if err != nil || p.Total != c.want || len(p.Targets) != c.want {
				t.Errorf("%+v: %d of %d, not %d, %v", c.q, len(p.Targets), p.Total, c.want, err)
			}
		}
		for _, page := range []string{"eyJvIjoid29yc3QiLCJpIjoxfQ", "eyJvIjoid29yc3QiLCJpIjoxLCJwIjoiOSJ9"} { // without a part, and with one that is none
			if _, err := s.Targets(ctx, TargetQuery{Order: ByWorst, Page: page}, t0); !errors.Is(err, ErrPage) {
				t.Errorf("page %q: %v", page, err)
			}
		}
		for _, c := range []struct {
			by   Grouping
			want GroupCount
			n    int
		}{
			{ByGroup, GroupCount{Key: "web", Targets: 25, Accept: 10, Reject: 10, Unchecked: 5}, 1},
			{ByTag, GroupCount{Key: "team=100% 1", Targets: 12, Reject: 10, Unchecked: 2}, 2},
			{ByIssuer, GroupCount{Key: fakeCert("CA", true).SHA256, Label: fakeCert("CA", true).Subject, Targets: 20, Accept: 10, Reject: 10}, 1},
		} {
			all, err := s.Groups(ctx, c.by)
			if err != nil || len(all) != c.n || all[0] != c.want {
				t.Errorf("%s: %+v, want %+v, %v", c.by, all, c.want, err)
			}
		}
		if _, err := s.Groups(ctx, "colour"); err == nil {
			t.Error("targets are counted by colour")
		}
		for _, page := range []string{"x", "e30", "eyJvIjoiZW5kIiwiaSI6MX0"} {
			if _, err := s.Targets(ctx, TargetQuery{Page: page}, t0); !errors.Is(err, ErrPage) {
				t.Errorf("page %q: %v", page, err)
			}
		}
		seen := map[string]bool{}
		for q := (CertQuery{Limit: 2}); ; {
			p, err := s.Certificates(ctx, q)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range p.Certs {
				if seen[c.SHA256] || c.Targets == 0 {
					t.Errorf("%+v", c)
				}
				seen[c.SHA256] = true
			}
			if q.Page = p.Next; p.Next == "" {
				break
			}
		}
		if len(seen) != 5 {
			t.Errorf("%d certificates on all pages", len(seen))
		}
		counts, err := s.FindingCounts(ctx)
		if err != nil || len(counts) != 1 || counts[0].Targets != 10 {
			t.Errorf("%+v %v", counts, err)
		}
	})
}

// partOf is the part of the order ByWorst in which a target is.
func partOf(t Target) int {
	switch t.Verdict {
	case report.Reject:
		return 0
	case report.Inconclusive:
		return 1
	case report.Accept:
		return 3
	}
	return 2
}

package ct_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// SCTs beyond the budget are told and change nothing: report never refuses, and a
// policy that is met by those before stays met.
func TestBudgetRefusesNothing(t *testing.T) {
	w := newWorld(t)
	leaf := w.leaf(90*days, "a1", "b1")
	junk := ct.ReadSCTList(0, report.SCTTLS, forge.SCTList(slices.Repeat([][]byte{{1}}, 1000)...))
	for _, mode := range []policy.CTMode{policy.CTReport, policy.CTRequire, policy.CTChrome, policy.CTApple} {
		r := ct.CheckSCTs(ct.Input{Path: w.path(leaf), List: w.list(w.now), Time: w.now, Policy: mode, Delivered: []ct.SCTList{junk}})
		if r.CT.Met != nil && !*r.CT.Met || report.Worst(r.Findings) > finding.Info || r.Findings[0].ID != finding.CTBudget || len(r.CT.SCTs) != 64 {
			t.Errorf("%s: met %v, %s, %d SCTs", mode, r.CT.Met, ids(r.Findings[:1]), len(r.CT.SCTs))
		}
	}
	// Those beyond do not count: the rest has to meet the policy.
	junk = ct.ReadSCTList(0, report.SCTTLS, forge.SCTList(append(slices.Repeat([][]byte{{1}}, 64), forge.SCT{Time: w.now}.SignX509(w.key("a1"), leaf.Raw))...))
	leaf = w.leaf(90 * days)
	if r := ct.CheckSCTs(ct.Input{Path: w.path(leaf), List: w.list(w.now), Time: w.now, Policy: policy.CTRequire, Delivered: []ct.SCTList{junk}}); *r.CT.Met {
		t.Error("an SCT beyond the budget counts")
	}
}

// Limits are met exactly: a list counts for less than seventy days, and a
// certificate that lives longer than a time.Duration can say asks for the most logs.
func TestLimitsAreExact(t *testing.T) {
	w := newWorld(t)
	for age, stale := range map[time.Duration]bool{70*days - time.Second: false, 70 * days: true, 70*days + time.Second: true} {
		r := ct.CheckSCTs(ct.Input{Path: w.path(w.leaf(90*days, "a1", "b1")), List: w.list(w.now.Add(-age)), Time: w.now, Policy: policy.CTChrome})
		if got := slices.ContainsFunc(r.Findings, func(f finding.Finding) bool { return f.ID == finding.CTListStale }); got != stale || (r.CT.Met == nil) != stale {
			t.Errorf("a list of %s: stale %v, met %v", age, got, r.CT.Met)
		}
	}
	leaf := w.leaf(90*days, "a1", "b1")
	leaf.NotAfter = leaf.NotBefore.AddDate(400, 0, 0)
	for _, mode := range []policy.CTMode{policy.CTApple, policy.CTChrome} {
		r := ct.CheckSCTs(ct.Input{Path: w.path(leaf), List: w.list(w.now), Time: w.now, Policy: mode})
		if text := strings.Join(r.CT.Explain, "\n"); !strings.Contains(text, "of 3)") || !strings.Contains(text, "embedded SCTs: missing SCTs of different logs") {
			t.Errorf("%s: 400 years: %s", mode, text)
		}
	}
}

// An operator counts for each SCT: of a log that changed hands between two of its
// SCTs both operators do, in whatever order the SCTs stand.
func TestOperatorChangeBetweenSCTs(t *testing.T) {
	for _, order := range [][]string{{"early", "late", "a2"}, {"late", "early", "a2"}, {"a2", "early", "late"}} {
		w := newWorld(t)
		// a1 was run by A until yesterday and is run by B since.
		w.set("a1", func(l *forge.Log) { l.Operator, l.PreviousOps = "B", map[string]time.Time{"A": w.now.Add(-days)} })
		leaf := w.leaf(90 * days)
		c := forge.Cert{Subject: forge.CN("leaf"), NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter, Extensions: []forge.Ext{forge.SAN(forge.DNS("leaf.test"))}}
		leaf = cert.Parse(w.root.WithSCTs(c, func(tbs []byte) (out [][]byte) {
			for _, which := range order {
				log, at := "a1", w.now.Add(-time.Hour)
				switch which {
				case "early":
					at = w.now.Add(-2 * days)
				case "a2":
					log = "a2"
				}
				out = append(out, forge.SCT{Time: at}.SignPrecert(w.key(log), w.root.Key, tbs))
			}
			return out
		}).Raw)
		for _, mode := range []policy.CTMode{policy.CTChrome, policy.CTApple} {
			r := ct.CheckSCTs(ct.Input{Path: w.path(leaf), List: w.list(w.now), Time: w.now, Policy: mode})
			if r.CT.Met == nil || !*r.CT.Met {
				t.Errorf("%v, %s: %s", order, mode, strings.Join(r.CT.Explain, "\n"))
			}
		}
	}
}

// Logs that are left out are one line, however many they are.
func TestRefusedLogsAreOneLine(t *testing.T) {
	w := newWorld(t)
	bad := `{"operators":[{"name":"X","logs":[` + strings.Repeat(`{"description":"bad","key":"AAAA"},`, 9989) + `{"key":"AAAA"}]}]}`
	list, err := ct.ParseLogList([]byte(bad))
	if err != nil {
		t.Fatal(err)
	}
	r := ct.CheckSCTs(ct.Input{Path: w.path(w.leaf(90 * days)), List: list, Time: w.now})
	if n := strings.Count(ids(r.Findings), "ct-log-refused"); n != 1 || r.Findings[0].Param("count") != "9990" {
		t.Errorf("%d findings, %v", n, r.Findings[0])
	}
}

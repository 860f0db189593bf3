package ct_test

import (
	"encoding/base64"
	"fmt"
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

// world is a CA and five logs of three operators.
type world struct {
	t     testing.TB
	now   time.Time
	root  *forge.CA
	keys  map[string]*forge.Key
	logs  map[string]forge.Log
	order []string
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), root: forge.NewRoot("Root", nil), keys: map[string]*forge.Key{}, logs: map[string]forge.Log{}}
	for _, l := range []forge.Log{
		{Description: "a1", Operator: "A"},
		{Description: "a2", Operator: "A"},
		{Description: "b1", Operator: "B"},
		{Description: "b2", Operator: "B", Tiled: true},
		{Description: "c1", Operator: "C", Tiled: true},
	} {
		l.Key = forge.P256()
		if l.Description == "b1" {
			l.Key = forge.RSA(2048)
		}
		l.URL = "https://" + l.Description + ".test/"
		w.keys[l.Description] = l.Key
		w.logs[l.Description] = l
		w.order = append(w.order, l.Description)
	}
	return w
}

func (w *world) set(name string, change func(*forge.Log)) {
	l := w.logs[name]
	change(&l)
	w.logs[name] = l
}

func (w *world) list(at time.Time) *ct.LogList {
	w.t.Helper()
	var logs []forge.Log
	for _, n := range w.order {
		logs = append(logs, w.logs[n])
	}
	l, err := ct.ParseLogList(forge.LogList(at, logs...))
	if err != nil {
		w.t.Fatal(err)
	}
	return l
}

// leaf issues a certificate of so many days whose embedded SCTs are from the
// named logs, each made at issue plus its position in hours.
func (w *world) leaf(life time.Duration, logs ...string) *cert.Certificate {
	from := w.now.Add(-30 * 24 * time.Hour)
	c := forge.Cert{Subject: forge.CN("leaf"), NotBefore: from, NotAfter: from.Add(life), Extensions: []forge.Ext{forge.SAN(forge.DNS("leaf.test"))}}
	if len(logs) == 0 {
		return cert.Parse(w.root.Issue(c).Raw)
	}
	return cert.Parse(w.root.WithSCTs(c, func(tbs []byte) (out [][]byte) {
		for i, n := range logs {
			out = append(out, forge.SCT{Time: from.Add(time.Duration(i) * time.Hour)}.SignPrecert(w.key(n), w.root.Key, tbs))
		}
		return out
	}).Raw)
}

func (w *world) key(name string) *forge.Key {
	if w.keys[name] == nil {
		w.keys[name] = forge.P256()
	}
	return w.keys[name]
}

// sent makes a list of SCTs over the final certificate.
func (w *world) sent(c *cert.Certificate, logs ...string) []byte {
	var out [][]byte
	for _, n := range logs {
		out = append(out, forge.SCT{Time: w.now.Add(-29 * 24 * time.Hour)}.SignX509(w.key(n), c.Raw))
	}
	return forge.SCTList(out...)
}

func (w *world) path(c *cert.Certificate) []*cert.Certificate {
	return []*cert.Certificate{c, cert.Parse(w.root.Raw)}
}

const days = 24 * time.Hour

// The browsers' counts, operators, states and deliveries.
func TestBrowserPolicies(t *testing.T) {
	for _, c := range []struct {
		name          string
		life          time.Duration
		embedded, tls string
		ocsp          string
		change        func(*world)
		chrome, apple bool
		explains      string // a part of the explanation
	}{
		{"two logs, two operators", 90 * days, "a1 b1", "", "", nil, true, true, "met by embedded SCTs: a1 of A (embedded, usable"},
		{"exactly 180 days inclusive", 180*days - time.Second, "a1 b1", "", "", nil, true, true, ""},
		{"180 days and a second inclusive", 180 * days, "a1 b1", "", "", nil, true, false, "SCTs of different logs, at most 2 per operator (2 of 3)"},
		{"181 days, two logs", 181 * days, "a1 b1", "", "", nil, false, false, "SCTs of different logs (2 of 3)"},
		{"181 days, three logs", 181 * days, "a1 b1 c1", "", "", nil, true, true, ""},
		{"181 days, three logs of two operators", 181 * days, "a1 a2 b1", "", "", nil, true, true, ""},
		{"one operator", 90 * days, "a1 a2", "", "", nil, false, false, "different operators (1 of 2)"},
		{"one SCT", 90 * days, "a1", "", "", nil, false, false, "SCTs of different logs (1 of 2)"},
		{"one log twice", 90 * days, "a1 a1", "", "", nil, false, false, "SCTs of different logs (1 of 2)"},
		{"none", 90 * days, "", "", "", nil, false, false, "none counts"},
		{"static-ct logs only", 90 * days, "b2 c1", "", "", nil, true, false, "an SCT of an RFC 6962 log (0 of 1)"},
		{"unknown log", 90 * days, "a1 zz", "", "", nil, false, false, "does not count: unknown-log"},
		{"by TLS", 90 * days, "", "a1 b1", "", nil, true, true, "met by SCTs in the handshake"},
		{"by TLS, long-lived", 300 * days, "", "a1 b1", "", nil, true, true, ""},
		{"by TLS, one operator", 90 * days, "", "a1 a2", "", nil, false, true, ""},
		{"by OCSP", 90 * days, "", "", "a1 b1", nil, false, true, ""},
		{"mixed, long-lived", 300 * days, "a1", "b1", "", nil, false, true, ""},
		{"one of the two retired after", 90 * days, "a1 b1", "", "", func(w *world) {
			w.set("a1", func(l *forge.Log) { l.State, l.StateSince = "retired", w.now.Add(-days) })
		}, true, true, ""},
		{"one of the two retired before", 90 * days, "a1 b1", "", "", func(w *world) {
			w.set("a1", func(l *forge.Log) { l.State, l.StateSince = "retired", w.now.Add(-31*days) })
		}, false, false, ""},
		{"a TLS log retired after", 90 * days, "", "a1 b1", "", func(w *world) {
			w.set("a1", func(l *forge.Log) { l.State, l.StateSince = "retired", w.now.Add(-days) })
		}, false, false, "SCTs of different logs (1 of 2)"},
		{"both retired after", 90 * days, "a1 b1", "", "", func(w *world) {
			for _, n := range []string{"a1", "b1"} {
				w.set(n, func(l *forge.Log) { l.State, l.StateSince = "retired", w.now.Add(-days) })
			}
		}, false, false, "an SCT of a log that is accepted now (0 of 1)"},
		{"read-only", 90 * days, "a1 b1", "", "", func(w *world) { w.set("a1", func(l *forge.Log) { l.State = "readonly" }) }, true, true, ""},
		{"qualified", 90 * days, "a1 b1", "", "", func(w *world) { w.set("a1", func(l *forge.Log) { l.State = "qualified" }) }, true, true, ""},
		{"pending", 90 * days, "a1 b1", "", "", func(w *world) { w.set("a1", func(l *forge.Log) { l.State = "pending" }) }, false, false, ""},
		{"rejected", 90 * days, "a1 b1", "", "", func(w *world) { w.set("a1", func(l *forge.Log) { l.State = "rejected" }) }, false, false, ""},
		{"never admitted", 90 * days, "a1 b1", "", "", func(w *world) { w.set("a1", func(l *forge.Log) { l.State = "none" }) }, false, false, ""},
		{"one operator now, two when signed", 90 * days, "a1 b1", "", "", func(w *world) {
			w.set("b1", func(l *forge.Log) {
				l.Operator, l.PreviousOps = "A", map[string]time.Time{"B": w.now.Add(-days), "Old": w.now.Add(-300 * days)}
			})
		}, true, true, "b1 of B"},
		{"two operators now, one when signed", 90 * days, "a1 b1", "", "", func(w *world) {
			w.set("b1", func(l *forge.Log) { l.PreviousOps = map[string]time.Time{"A": w.now.Add(-days)} })
		}, false, false, "b1 of A"},
	} {
		w := newWorld(t)
		leaf := w.leaf(c.life, strings.Fields(c.embedded)...)
		if c.change != nil {
			c.change(w)
		}
		in := ct.Input{Path: w.path(leaf), List: w.list(w.now), Time: w.now}
		if c.tls != "" {
			in.Delivered = append(in.Delivered, ct.ReadSCTList(0, "tls", w.sent(leaf, strings.Fields(c.tls)...)))
		}
		if c.ocsp != "" {
			in.Delivered = append(in.Delivered, ct.ReadSCTList(0, "ocsp", w.sent(leaf, strings.Fields(c.ocsp)...)))
		}
		text := ""
		for mode, want := range map[policy.CTMode]bool{policy.CTChrome: c.chrome, policy.CTApple: c.apple} {
			in.Policy = mode
			r := ct.CheckSCTs(in)
			text += strings.Join(r.CT.Explain, "\n") + "\n"
			if r.CT.Met == nil || *r.CT.Met != want {
				t.Errorf("%s, %s: want %v:\n%s", c.name, mode, want, strings.Join(r.CT.Explain, "\n"))
				continue
			}
			for _, f := range r.Findings { // the title tells of one way to deliver SCTs, the nearest
				if f.ID == finding.CTPolicyUnmet && strings.Count(f.Param("detail"), "missing ") > 1 {
					t.Errorf("%s, %s: %s", c.name, mode, f.Title())
				}
			}
			unmet := slices.ContainsFunc(r.Findings, func(f finding.Finding) bool {
				return f.ID == finding.CTPolicyUnmet && f.Severity == finding.Error
			})
			if unmet == want {
				t.Errorf("%s, %s: findings %v", c.name, mode, r.Findings)
			}
		}
		if !strings.Contains(text, c.explains) {
			t.Errorf("%s: the explanation lacks %q:\n%s", c.name, c.explains, text)
		}
	}
}

// SCTs of an OCSP response that somebody fetched count for no policy, wherever
// they stand, and take nothing from those that were delivered.
func TestFetchedNeverCount(t *testing.T) {
	w := newWorld(t)
	for _, mode := range []policy.CTMode{policy.CTReport, policy.CTRequire, policy.CTChrome, policy.CTApple} {
		leaf := w.leaf(90 * days)
		fetched := ct.ReadSCTList(0, report.SCTFetched, w.sent(leaf, "a1", "b1"))
		in := ct.Input{Path: w.path(leaf), List: w.list(w.now), Time: w.now, Policy: mode, Delivered: []ct.SCTList{fetched}}
		r := ct.CheckSCTs(in)
		if r.CT.Met != nil && *r.CT.Met || (r.CT.Met == nil) != (mode == policy.CTReport) {
			t.Errorf("%s: met %v by SCTs that nobody delivered", mode, r.CT.Met)
		}
		if got := ids(r.Findings); !strings.HasPrefix(got, "ct-sct-not-delivered ct-sct-not-delivered ct-sct-missing=warning") {
			t.Errorf("%s: %s", mode, got)
		}
		for _, s := range r.CT.SCTs {
			if s.Source != report.SCTFetched || s.Status != report.SCTNotDelivered || s.Log == "" {
				t.Errorf("%s: shown as %+v", mode, s)
			}
		}
		if needs := ct.NewAudit(r, w.now).Needs(); len(needs) > 0 {
			t.Errorf("%s: audited: %v", mode, needs)
		}
		// The same ones delivered count, in whatever order the lists come.
		in.Delivered = append(in.Delivered, ct.ReadSCTList(0, report.SCTTLS, w.sent(leaf, "a1", "b1")))
		if r := ct.CheckSCTs(in); r.CT.Met != nil && !*r.CT.Met || ids(r.Findings) != "ct-sct-not-delivered ct-sct-not-delivered" {
			t.Errorf("%s: delivered too: %v, %s", mode, r.CT.Met, ids(r.Findings))
		}
	}
	// Without a list what was not delivered is not counted either.
	leaf := w.leaf(90 * days)
	r := ct.CheckSCTs(ct.Input{Path: w.path(leaf), Time: w.now, Delivered: []ct.SCTList{ct.ReadSCTList(0, report.SCTFetched, w.sent(leaf, "a1"))}})
	if got := ids(r.Findings); got != "ct-sct-not-delivered ct-sct-missing" {
		t.Errorf("without a list: %s", got)
	}
}

// In report mode what browsers would say about a public certificate is said,
// and decides nothing.
func TestReportExplainsBrowsers(t *testing.T) {
	w := newWorld(t)
	in := ct.Input{Path: w.path(w.leaf(90*days, "b2", "c1")), List: w.list(w.now), Time: w.now}
	r := ct.CheckSCTs(in)
	text := strings.Join(r.CT.Explain, "\n")
	if r.CT.Met != nil || len(r.Findings) > 0 || !strings.Contains(text, "chrome: met by") || !strings.Contains(text, "apple: not met by") {
		t.Errorf("met %v, %v\n%s", r.CT.Met, r.Findings, text)
	}
	in.Private = true
	if r := ct.CheckSCTs(in); len(r.CT.Explain) > 0 {
		t.Errorf("private: %v", r.CT.Explain)
	}
	in.Private, in.List = false, w.list(w.now.Add(-71*days))
	if r := ct.CheckSCTs(in); len(r.CT.Explain) > 0 {
		t.Errorf("old list: %v", r.CT.Explain)
	}
}

// ids writes findings as IDs, with severities that are not the kinds' own.
func ids(fs []finding.Finding) string {
	var out []string
	for _, f := range fs {
		s := string(f.ID)
		if f.Severity != f.Kind().Severity {
			s += "=" + f.Severity.String()
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

// Each situation gives exactly these findings; together they are all that
// CheckSCTs can give.
func TestFindings(t *testing.T) {
	met := func(r ct.Result) string {
		if r.CT.Met == nil {
			return "-"
		}
		return fmt.Sprint(*r.CT.Met)
	}
	seen := map[string]bool{}
	for _, c := range []struct {
		name      string
		policy    policy.CTMode
		setup     func(w *world, in *ct.Input)
		want, met string
	}{
		{"good", policy.CTReport, nil, "", "-"},
		{"default policy", 0, nil, "", "-"},
		{"good, strict", policy.CTRequire, nil, "", "true"},
		{"unknown policy is strict", 9, func(w *world, in *ct.Input) { in.Path = w.path(w.leaf(90 * days)) }, "ct-sct-missing ct-no-valid-sct", "false"},
		{"off", policy.CTOff, func(w *world, in *ct.Input) { in.Path = w.path(w.leaf(90 * days)) }, "", "-"},
		{"none", policy.CTReport, func(w *world, in *ct.Input) { in.Path = w.path(w.leaf(90 * days)) }, "ct-sct-missing", "-"},
		{"none, public", policy.CTReport, func(w *world, in *ct.Input) { in.Path, in.Private = w.path(w.leaf(90*days)), false }, "ct-sct-missing=warning", "-"},
		{"none, no list", policy.CTReport, func(w *world, in *ct.Input) { in.Path, in.List = w.path(w.leaf(90*days)), nil }, "ct-sct-missing", "-"},
		{"none, strict", policy.CTRequire, func(w *world, in *ct.Input) { in.Path = w.path(w.leaf(90 * days)) }, "ct-sct-missing ct-no-valid-sct", "false"},
		{"no list", policy.CTReport, func(w *world, in *ct.Input) { in.List = nil }, "ct-not-verified", "-"},
		{"no list, strict", policy.CTRequire, func(w *world, in *ct.Input) { in.List = nil }, "ct-not-verified ct-no-log-list", "-"},
		{"private", policy.CTChrome, nil, "ct-private-anchor", "-"},
		{"unmet", policy.CTApple, func(w *world, in *ct.Input) { in.Path, in.Private = w.path(w.leaf(90*days, "a1")), false }, "ct-policy-unmet", "false"},
		{"less than 70 days", policy.CTRequire, func(w *world, in *ct.Input) { in.List = w.list(w.now.Add(time.Second - ct.MaxListAge)) }, "", "true"},
		{"old list", policy.CTReport, func(w *world, in *ct.Input) { in.List = w.list(w.now.Add(-ct.MaxListAge)) }, "ct-list-stale", "-"},
		{"old list, strict", policy.CTRequire, func(w *world, in *ct.Input) { in.List = w.list(w.now.Add(-71 * days)) }, "ct-list-stale=inconclusive", "true"},
		{"old list, strict, no SCT", policy.CTRequire, func(w *world, in *ct.Input) {
			in.List, in.Path = w.list(w.now.Add(-71*days)), w.path(w.leaf(90*days))
		}, "ct-sct-missing ct-list-stale ct-no-valid-sct=inconclusive", "false"},
		{"old list, chrome", policy.CTChrome, func(w *world, in *ct.Input) {
			in.List, in.Path, in.Private = w.list(w.now.Add(-71*days)), w.path(w.leaf(90*days)), false
		}, "ct-sct-missing=warning ct-list-stale", "-"},
		{"undated list", policy.CTRequire, func(w *world, in *ct.Input) {
			in.List = listOf(w.t, time.Time{}, testLog{spki: w.key("a1").SPKI, name: "a1", operator: "A"})
		}, "ct-sct-unknown-log ct-list-undated", "true"},
		{"malformed list", policy.CTReport, func(w *world, in *ct.Input) { deliver(in, "tls", []byte{0, 5, 0, 1}) }, "ct-sct-list-bad", "-"},
		{"empty list", policy.CTReport, func(w *world, in *ct.Input) { deliver(in, "tls", []byte{0, 0}) }, "ct-sct-list-bad", "-"},
		{"not delivered", policy.CTReport, func(w *world, in *ct.Input) { deliver(in, "fetched", w.sent(in.Path[0], "a1")) }, "ct-sct-not-delivered", "-"},
		{"malformed SCT", policy.CTReport, func(w *world, in *ct.Input) { deliver(in, "ocsp", forge.SCTList(make([]byte, 40))) }, "ct-sct-list-bad", "-"},
		{"foreign SCT", policy.CTRequire, func(w *world, in *ct.Input) {
			in.Path = w.path(w.leaf(90 * days))
			deliver(in, "tls", w.sent(w.leaf(90*days), "a1"))
		}, "ct-sct-invalid ct-no-valid-sct", "false"},
		{"wrong key", policy.CTReport, func(w *world, in *ct.Input) {
			deliver(in, "tls", forge.SCTList(forge.SCT{LogID: forge.LogID(w.key("a1")), Time: w.now}.SignX509(w.key("a2"), in.Path[0].Raw)))
		}, "ct-sct-invalid", "-"},
		{"wrong algorithm", policy.CTReport, func(w *world, in *ct.Input) {
			deliver(in, "tls", forge.SCTList(forge.SCT{Time: w.now, SigAlg: 3}.SignX509(w.key("b1"), in.Path[0].Raw)))
		}, "ct-sct-invalid", "-"},
		{"SHA-1", policy.CTReport, func(w *world, in *ct.Input) {
			deliver(in, "tls", forge.SCTList(forge.SCT{Time: w.now, HashAlg: 2}.SignX509(w.key("a1"), in.Path[0].Raw)))
		}, "ct-sct-invalid", "-"},
		{"from the future", policy.CTReport, func(w *world, in *ct.Input) {
			deliver(in, "tls", forge.SCTList(forge.SCT{Time: w.now.Add(time.Second)}.SignX509(w.key("a1"), in.Path[0].Raw)))
		}, "ct-sct-from-future", "-"},
		{"from the near future", policy.CTReport, func(w *world, in *ct.Input) {
			in.Skew = time.Second
			deliver(in, "tls", forge.SCTList(forge.SCT{Time: w.now.Add(time.Second)}.SignX509(w.key("a1"), in.Path[0].Raw)))
		}, "", "-"},
		{"from beyond the calendar", policy.CTReport, func(w *world, in *ct.Input) {
			deliver(in, "tls", forge.SCTList(forge.SCT{Time: time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)}.SignX509(w.key("a1"), in.Path[0].Raw)))
		}, "ct-sct-from-future", "-"},
		{"unknown version", policy.CTReport, func(w *world, in *ct.Input) { deliver(in, "tls", forge.SCTList([]byte{1, 2, 3})) }, "ct-sct-unknown-version", "-"},
		{"unknown log", policy.CTReport, func(w *world, in *ct.Input) { deliver(in, "tls", w.sent(in.Path[0], "zz")) }, "ct-sct-unknown-log", "-"},
		{"issuer not known", policy.CTRequire, func(w *world, in *ct.Input) { in.Path = in.Path[:1] }, "ct-sct-unverified ct-sct-unverified ct-no-valid-sct", "false"},
		{"interval", policy.CTRequire, func(w *world, in *ct.Input) {
			for _, n := range []string{"a1", "b1"} {
				w.set(n, func(l *forge.Log) { l.From, l.Until = w.now, in.Path[0].NotAfter })
			}
			in.List = w.list(w.now)
		}, "ct-sct-interval ct-sct-interval ct-no-valid-sct", "false"},
		{"interval that covers", policy.CTRequire, func(w *world, in *ct.Input) {
			w.set("a1", func(l *forge.Log) { l.From, l.Until = in.Path[0].NotAfter, in.Path[0].NotAfter.Add(time.Second) })
			in.List = w.list(w.now)
		}, "", "true"},
		{"rejected log", policy.CTRequire, func(w *world, in *ct.Input) {
			w.set("a1", func(l *forge.Log) { l.State = "rejected" })
			w.set("b1", func(l *forge.Log) { l.State, l.StateSince = "retired", w.now.Add(-100*days) })
			in.List = w.list(w.now)
		}, "ct-sct-log-state ct-sct-log-state ct-no-valid-sct", "false"},
		{"retired later", policy.CTRequire, func(w *world, in *ct.Input) {
			w.set("a1", func(l *forge.Log) { l.State, l.StateSince = "retired", w.now.Add(-days) })
			in.List = w.list(w.now)
		}, "", "true"},
		{"list without states", policy.CTRequire, func(w *world, in *ct.Input) {
			for _, n := range w.order {
				w.set(n, func(l *forge.Log) { l.State = "none" })
			}
			in.List = w.list(w.now)
		}, "", "true"},
		{"test log", policy.CTRequire, func(w *world, in *ct.Input) {
			key := base64.StdEncoding.EncodeToString(w.key("a1").SPKI)
			var err error
			in.List, err = ct.ParseLogList([]byte(`{"log_list_timestamp":"2026-11-01T00:00:00Z","operators":[{"name":"A","logs":[{"description":"a1","log_type":"test","key":"` + key + `"}]}]}`))
			if err != nil {
				w.t.Fatal(err)
			}
		}, "ct-sct-log-state ct-sct-unknown-log ct-no-valid-sct", "false"},
		{"test log, usable", policy.CTChrome, func(w *world, in *ct.Input) {
			key := base64.StdEncoding.EncodeToString(w.key("a1").SPKI)
			var err error
			in.Private = false
			in.List, err = ct.ParseLogList([]byte(`{"log_list_timestamp":"2026-11-01T00:00:00Z","operators":[{"name":"A","logs":[{"description":"a1","log_type":"test","key":"` + key + `","state":{"usable":{"timestamp":"2020-01-01T00:00:00Z"}}}]}]}`))
			if err != nil {
				w.t.Fatal(err)
			}
		}, "ct-sct-log-state ct-sct-unknown-log ct-policy-unmet", "false"},
		{"same SCT twice", policy.CTReport, func(w *world, in *ct.Input) {
			one := forge.SCT{Time: w.now}.SignX509(w.key("a1"), in.Path[0].Raw)
			in.Delivered = []ct.SCTList{ct.ReadSCTList(0, "tls", forge.SCTList(one, one)), ct.ReadSCTList(0, "ocsp", forge.SCTList(one))}
		}, "ct-sct-duplicate ct-sct-duplicate", "-"},
		{"embedded SCT sent again", policy.CTReport, func(w *world, in *ct.Input) { deliver(in, "tls", in.Path[0].SCTList) }, "ct-sct-invalid ct-sct-invalid", "-"},
		{"too many", policy.CTReport, func(w *world, in *ct.Input) {
			deliver(in, "tls", forge.SCTList(slices.Repeat([][]byte{{1}}, 70)...))
		}, "ct-budget" + strings.Repeat(" ct-sct-unknown-version", 62), "-"},
		{"mimic", policy.CTReport, func(w *world, in *ct.Input) {
			var err error
			in.List, err = ct.ParseLogList([]byte(`{"log_list_timestamp":"2026-11-01T00:00:00Z","operators":[{"name":"Mimic Operator 1","logs":[{"description":"Mimic 1",
				"key":"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEdO/+dnH/NZSBSLmmN9u2h4HNTnCOLeU+oMBiRynIvQ8zt2ft0IMyO90e5nwSaCdYvA4JVGzCMarfs9DcNxFY1g=="}]}]}`))
			if err != nil || in.List.Len() != 0 {
				w.t.Fatal(err)
			}
		}, "ct-log-refused ct-sct-unknown-log ct-sct-unknown-log", "-"},
	} {
		w := newWorld(t)
		in := ct.Input{Path: w.path(w.leaf(90*days, "a1", "b1")), List: w.list(w.now), Policy: c.policy, Time: w.now, Private: true}
		if c.setup != nil {
			c.setup(w, &in)
		}
		r := ct.CheckSCTs(in)
		if got := ids(r.Findings); got != c.want || met(r) != c.met {
			t.Errorf("%s: %q, met %s; want %q, %s\n%s", c.name, got, met(r), c.want, c.met, strings.Join(r.CT.Explain, "\n"))
		}
		for _, f := range r.Findings {
			seen[string(f.ID)] = true
			if strings.Contains(f.Title(), "?") {
				t.Errorf("%s: a parameter is missing: %s", c.name, f)
			}
		}
	}
	for _, k := range finding.Kinds() {
		byAudit := strings.HasPrefix(string(k.ID), "ct-audit-") || k.ID == finding.CTNotIncluded || k.ID == finding.CTAbsenceUnproven || k.ID == finding.CTLogBehind
		if strings.HasPrefix(string(k.ID), "ct-") && !byAudit && !seen[string(k.ID)] {
			t.Errorf("no case gives %s", k.ID)
		}
	}
}

// --ct-depth chain asks strict of every certificate below the anchor; SCTs of
// CA certificates are shown either way.
func TestDepth(t *testing.T) {
	w := newWorld(t)
	inter := w.root.WithSCTs(forge.Cert{Subject: forge.CN("Inter"), NotBefore: w.now.Add(-60 * days), NotAfter: w.now.Add(999 * days),
		Extensions: []forge.Ext{forge.BasicConstraints(true, 0)}}, func(tbs []byte) [][]byte {
		return [][]byte{forge.SCT{Time: w.now.Add(-59 * days)}.SignPrecert(w.key("a1"), w.root.Key, tbs)}
	})
	bare := w.root.Intermediate("Bare", nil)
	for _, c := range []struct {
		name  string
		depth policy.CTDepth
		ca    *forge.CA
		want  string
		shown int
	}{
		{"leaf depth, CA without SCTs", policy.CTLeaf, bare, "[][][]", 1},
		{"chain depth, CA without SCTs", policy.CTChain, bare, "[][ct-no-valid-sct][]", 1},
		{"chain depth, CA with SCT", policy.CTChain, inter, "[][][]", 2},
		{"leaf depth, CA with SCT", policy.CTLeaf, inter, "[][][]", 2},
	} {
		leaf := c.ca.WithSCTs(forge.Cert{Subject: forge.CN("l"), NotBefore: w.now.Add(-days), NotAfter: w.now.Add(days),
			Extensions: []forge.Ext{forge.SAN(forge.DNS("l.test"))}}, func(tbs []byte) [][]byte {
			return [][]byte{forge.SCT{Time: w.now}.SignPrecert(w.key("b1"), c.ca.Key, tbs)}
		})
		r := ct.CheckSCTs(ct.Input{Path: []*cert.Certificate{cert.Parse(leaf.Raw), cert.Parse(c.ca.Raw), cert.Parse(w.root.Raw)},
			List: w.list(w.now), Policy: policy.CTRequire, Depth: c.depth, Time: w.now})
		got := ""
		for _, fs := range r.Certs {
			got += "[" + ids(fs) + "]"
		}
		if got != c.want || len(r.CT.SCTs) != c.shown {
			t.Errorf("%s: %s and %d SCTs, want %s and %d", c.name, got, len(r.CT.SCTs), c.want, c.shown)
		}
		if *r.CT.Met != !strings.Contains(c.want, "no-valid") {
			t.Errorf("%s: met %v", c.name, *r.CT.Met)
		}
	}
}

// An SCT of the leaf that is sent again for its issuer is not the issuer's.
func TestSCTOfAnotherPlace(t *testing.T) {
	w := newWorld(t)
	inter := w.root.Intermediate("Inter", nil)
	leaf := inter.Server("l.test", nil)
	list := w.sent(cert.Parse(leaf.Raw), "a1")
	r := ct.CheckSCTs(ct.Input{Path: []*cert.Certificate{cert.Parse(leaf.Raw), cert.Parse(inter.Raw), cert.Parse(w.root.Raw)},
		Delivered: []ct.SCTList{ct.ReadSCTList(0, "tls", list), ct.ReadSCTList(1, "tls", list)}, List: w.list(w.now), Policy: policy.CTRequire, Depth: policy.CTChain, Time: w.now})
	if got := fmt.Sprint(statuses(r.CT)); got != "[valid invalid]" || *r.CT.Met {
		t.Errorf("%s, met %v", got, *r.CT.Met)
	}
}

// deliver adds a list for the leaf.
func deliver(in *ct.Input, source report.SCTSource, list []byte) {
	in.Delivered = append(in.Delivered, ct.ReadSCTList(0, source, list))
}

// Nothing is judged without a certificate, and nothing panics.
func TestEmptyInput(t *testing.T) {
	for _, p := range policy.AllCTMode() {
		r := ct.CheckSCTs(ct.Input{Policy: p})
		if len(r.CT.SCTs) != 0 || len(r.Certs) != 1 {
			t.Errorf("%s: %+v", p, r)
		}
		ct.CheckSCTs(ct.Input{Policy: p, Path: []*cert.Certificate{cert.Parse(nil)}, Delivered: []ct.SCTList{ct.ReadSCTList(0, "tls", []byte{}), ct.ReadSCTList(1, "tls", []byte{1}), {}}})
	}
}

package assemble_test

import (
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
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// judged is a leaf, judged good in every way, of evidence from files.
func judged(fs ...finding.Finding) assemble.Judged {
	root := forge.NewRoot("Root", nil)
	leaf := root.Server("a.test", nil)
	certs := []*cert.Certificate{cert.Parse(leaf.Raw), cert.Parse(root.Raw)}
	p := assemble.NewPath(certpath.Path{Certs: certs, CertFindings: [][]finding.Finding{nil, nil}, End: report.EndAnchor})
	p.Certs[0].Findings = fs
	p.Certs[0].Revocation = &report.Revocation{Status: report.Good}
	return assemble.Judged{Evidence: &evidence.Evidence{Version: evidence.Version, Source: evidence.SourceFiles,
		Target: evidence.Target{Host: "a.test"}, Chain: []evidence.Entry{{Cert: leaf.Raw}}},
		Time: time.Now(), Sent: certs[:1], Paths: []assemble.Path{p}, CT: &report.CT{}}
}

// Only kinds of the table that may be waived are, whoever asks.
func TestAllowGuards(t *testing.T) {
	for id, ok := range map[finding.ID]bool{finding.MustStapleMissing: true, finding.CertRevoked: false, finding.NameMismatch: false,
		finding.SignatureInvalid: false, finding.BudgetPaths: false, finding.InternalError: false, "x-mine": false} {
		f := finding.Finding{ID: id, Severity: finding.Error}
		j := judged(f)
		j.Findings, j.Policy.Allow = []finding.Finding{f}, []finding.ID{id}
		r := assemble.Report(j)
		for _, got := range []finding.Finding{r.Findings[0], r.Paths[0].Certs[0].Findings[0]} {
			if (got.Severity == finding.Warning) != ok || (r.Verdict == report.Accept) != ok {
				t.Errorf("%s: %v, %s", id, got, r.Verdict)
			}
		}
		if j.Findings[0].Severity != finding.Error {
			t.Errorf("%s: the input was changed", id)
		}
	}
}

func check(r *report.Report, name report.CheckName) report.Check {
	i := slices.IndexFunc(r.Checks, func(c report.Check) bool { return c.Name == name })
	if i < 0 {
		return report.Check{}
	}
	return r.Checks[i]
}

// A search that stopped at a limit has not checked the path.
func TestBudgetIsNotDone(t *testing.T) {
	j := judged()
	if r := assemble.Report(j); r.Verdict != report.Accept {
		t.Fatalf("%s %+v", r.Verdict, r.Checks)
	}
	j.Paths[0].End = report.EndBudget
	r := assemble.Report(j)
	if c := check(r, report.PathCheck); c.State != report.NotDone || !c.Required || r.Verdict != report.Inconclusive {
		t.Errorf("%+v, %s", c, r.Verdict)
	}
}

// What only a recording shows was not asked of a lean dial, and the report says so.
func TestLeanIsNotAsked(t *testing.T) {
	j := judged()
	j.Evidence.Source = evidence.SourceLean
	r := assemble.Report(j)
	if c := check(r, report.AfterHandshakeCheck); c.State != report.NotAsked || c.Required || c.Detail == "" || r.Verdict != report.Accept || len(r.SentAs) != 1 {
		t.Errorf("%+v, %s, %v", c, r.Verdict, r.SentAs)
	}
	j.Evidence.Source = evidence.SourceDial
	if c := check(assemble.Report(j), report.AfterHandshakeCheck); c.Name != "" {
		t.Errorf("recorded: %+v", c)
	}
}

// What a judge left out is a required check that was not done.
func TestNothingIsSilentlyDone(t *testing.T) {
	for what, change := range map[string]func(*assemble.Judged){
		"no revocation": func(j *assemble.Judged) { j.Paths[0].Certs[0].Revocation = nil },
		"no status":     func(j *assemble.Judged) { j.Paths[0].Certs[0].Revocation.Status = "" },
		"no name":       func(j *assemble.Judged) { j.Evidence.Target.Host = "" },
		"no SCTs":       func(j *assemble.Judged) { j.CT, j.Policy.CT = nil, policy.CTRequire },
		"no log list":   func(j *assemble.Judged) { j.Policy.CT = policy.CTRequire },
		"no path":       func(j *assemble.Judged) { j.Paths = nil },
		"no chain":      func(j *assemble.Judged) { j.Evidence.Chain = nil },
		"no handshake": func(j *assemble.Judged) {
			j.Evidence.Source, j.Evidence.Failure = evidence.SourceDial, &evidence.Failure{ID: finding.HandshakeEOF}
		},
	} {
		j := judged()
		change(&j)
		if r := assemble.Report(j); r.Verdict == report.Accept {
			t.Errorf("%s: accepted: %+v", what, r.Checks)
		}
	}
}

// The report of a judgement that could not be ended refuses.
func TestRefusal(t *testing.T) {
	j := judged()
	if r := assemble.Refusal(j, finding.New(finding.InternalError, "what", "x", "detail", "y")); r.Verdict != report.Reject || r.Target.Host != "a.test" {
		t.Errorf("%s %+v", r.Verdict, r.Target)
	}
}

// Saved evidence says under which trust it was gathered.
func TestOtherTrust(t *testing.T) {
	const a, b = "aa", "bb"
	for _, c := range []struct{ savedAnchors, savedLogs, anchors, logs, want string }{
		{"", "", a, "", ""}, {"", "", a, b, ""}, // not judged yet
		{a, b, a, b, ""}, {a, "", a, "", ""},
		{a, b, b, b, "trust anchors"}, {a, "", b, "", "trust anchors"},
		{a, b, a, a, "CT logs"}, {a, "", a, b, "CT logs"}, {a, b, a, "", "CT logs"},
		{a, b, b, a, "trust anchors, CT logs"},
	} {
		j := judged()
		j.Evidence.AnchorsHash, j.Evidence.LogListHash, j.AnchorsHash, j.LogListHash = c.savedAnchors, c.savedLogs, c.anchors, c.logs
		r := assemble.Report(j)
		var got []string
		for _, f := range r.Findings {
			if f.ID == finding.EvidenceOtherTrust {
				got = append(got, f.Param("what"))
			}
		}
		if strings.Join(got, ", ") != c.want || r.Verdict != report.Accept || r.AnchorsHash != c.anchors || r.LogListHash != c.logs {
			t.Errorf("%+v: %q, %s", c, got, r.Verdict)
		}
	}
}

// However much of a report is told, its verdict, checks and findings are the same.
func TestDetail(t *testing.T) {
	j := judged()
	j.Evidence.Source = evidence.SourceHandshake
	full := assemble.Report(j)
	if full.Certs[0].PEM == "" || len(full.Certs[0].Extensions) == 0 || full.Connection == nil {
		t.Fatalf("full: %+v", full)
	}
	told := map[assemble.Detail]*report.Report{}
	for _, d := range []assemble.Detail{assemble.Short, assemble.Rows, assemble.Brief} {
		j.Detail = d
		r := assemble.Report(j)
		told[d] = r
		if r.Verdict != full.Verdict || !reflect.DeepEqual(r.Checks, full.Checks) || !reflect.DeepEqual(r.Findings, full.Findings) ||
			r.Certs[0].PEM != "" || r.Certs[0].Extensions != nil || !r.Certs[0].NotAfter.Equal(full.Certs[0].NotAfter) {
			t.Errorf("detail %d: %+v\nfull %+v", d, r, full)
		}
	}
	short := *told[assemble.Short]
	for i := range short.Certs {
		short.Certs[i].PEM, short.Certs[i].Extensions = full.Certs[i].PEM, full.Certs[i].Extensions
	}
	if !reflect.DeepEqual(&short, full) {
		t.Errorf("short lacks more than PEM and extensions: %+v\nfull %+v", short, full)
	}
	if row := told[assemble.Rows].Row(); !reflect.DeepEqual(row, full.Row()) {
		t.Errorf("row %+v\nfull %+v", row, full.Row())
	}
	if b := told[assemble.Brief]; b.Connection != nil || b.PolicyHash != "" {
		t.Errorf("brief %+v", b)
	}
}

// An audit that was asked for is a check of its own: what it has no authentic
// answer about is not done, and refuses.
func TestAuditCheck(t *testing.T) {
	key := forge.P256()
	list, err := ct.ParseLogList(forge.LogList(time.Now(), forge.Log{Key: key, Description: "Log", Operator: "op", URL: "https://log.test/"}))
	if err != nil {
		t.Fatal(err)
	}
	audit := func(j *assemble.Judged, scts ...[]byte) {
		in := ct.Input{Path: []*cert.Certificate{j.Paths[0].Certs[0].Certificate, j.Paths[0].Certs[1].Certificate}, List: list, Time: time.Now()}
		if scts != nil {
			in.Delivered = []ct.SCTList{ct.ReadSCTList(0, report.SCTTLS, forge.SCTList(scts...))}
		}
		j.Audit, j.LogListHash, j.Audited = true, "aa", ct.NewAudit(ct.CheckSCTs(in), time.Now())
	}
	for _, c := range []struct {
		what    string
		change  func(j *assemble.Judged)
		state   report.CheckState
		verdict report.Verdict
	}{
		{"not asked for", func(*assemble.Judged) {}, "", report.Accept},
		{"asked for and not looked at", func(j *assemble.Judged) { j.Audit = true }, report.NotDone, report.Inconclusive},
		{"no valid SCT", func(j *assemble.Judged) { audit(j) }, report.CheckNotApplicable, report.Accept},
		{"no answer", func(j *assemble.Judged) {
			audit(j, forge.SCT{}.SignX509(key, j.Paths[0].Certs[0].Certificate.Raw))
		}, report.NotDone, report.Inconclusive},
	} {
		j := judged()
		c.change(&j)
		r := assemble.Report(j)
		if got := check(r, report.AuditCheck); got.State != c.state || r.Verdict != c.verdict {
			t.Errorf("%s: %+v, %s", c.what, got, r.Verdict)
		}
	}
}

// The check of SCTs is done only where the policy that was asked for was applied.
func TestTransparencyCheck(t *testing.T) {
	yes := true
	for _, c := range []struct {
		what     string
		mode     policy.CTMode
		list     string
		met      *bool
		finding  finding.ID
		state    report.CheckState
		required bool
	}{
		{"met", policy.CTChrome, "aa", &yes, "", report.Done, true},
		{"private", policy.CTChrome, "aa", nil, finding.CTPrivateAnchor, report.CheckNotApplicable, false},
		{"old list", policy.CTApple, "aa", nil, finding.CTListStale, report.NotDone, false},
		{"no list", policy.CTRequire, "", nil, finding.CTNoLogList, report.NotDone, true},
		{"reported", policy.CTReport, "aa", nil, "", report.Done, false},
		{"reported without a list", policy.CTReport, "", nil, "", report.NotAsked, false},
	} {
		j := judged()
		if c.finding != "" {
			j.Paths[0].Certs[0].Findings = []finding.Finding{finding.New(c.finding)}
		}
		j.Policy.CT, j.LogListHash, j.CT = c.mode, c.list, &report.CT{Policy: c.mode, Met: c.met}
		if got := check(assemble.Report(j), report.CTCheck); got.State != c.state || got.Required != c.required {
			t.Errorf("%s: %+v", c.what, got)
		}
	}
}

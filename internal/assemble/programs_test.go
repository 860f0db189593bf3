package assemble

import (
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/programs"
	"github.com/assaytls/assay/report"
)

// Every answer and every reason has the report's word, which is the same, and those
// that do not accept say why.
func TestProgramWords(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	certs := []*cert.Certificate{cert.Parse(root.Server("a.test", nil).Raw), cert.Parse(root.Raw)}
	for _, s := range programs.AllStatus() {
		if got := statuses[s]; string(got) != s.String() {
			t.Errorf("%s is %q in reports", s, got)
		}
	}
	for _, r := range programs.AllReason() {
		want := r.String()
		if r == programs.Unconditional {
			want = ""
		}
		if got, ok := rules[r]; !ok || string(got) != want {
			t.Errorf("%s is %q in reports", r, got)
		}
		if r == programs.Unconditional {
			continue
		}
		for _, s := range []programs.Status{programs.CannotTell, programs.Refused} {
			p := Program{Judgement: programs.Judgement{Program: policy.ProgramChrome, Status: s, Reason: r, Path: 0, At: 1, Since: time.Unix(1, 0), Version: "139", DNSName: "b.test",
				Missing: []programs.Entry{{SHA256: sha256.Sum256(nil)}}}, Certs: certs, End: report.EndNoIssuer}
			if p.why() == "" {
				t.Errorf("%s, %s: no reason", s, r)
			}
			f, at, wrong := p.RootFinding()
			if !wrong || at != 1 || f.Severity < finding.Inconclusive || f.Kind().Class != finding.ClassProgram {
				t.Errorf("%s, %s: %v at %d", s, r, f, at)
			}
		}
	}
	for _, s := range []programs.Status{programs.Accepted, programs.AcceptedUntil} {
		p := Program{Judgement: programs.Judgement{Program: policy.ProgramChrome, Status: s, Path: 0, At: 1}, Certs: certs}
		if f, _, wrong := p.RootFinding(); wrong {
			t.Errorf("%s: %v", s, f)
		}
	}
	// What is no answer is none that accepts.
	p := Program{Judgement: programs.Judgement{Status: 99}, Certs: certs}
	if _, _, wrong := p.RootFinding(); !wrong || p.program(&certTable{}, time.Time{}).Status != "" {
		t.Error("an odd answer accepts")
	}
}

// The program's end is warned of 90 days ahead, and when nothing can be issued anew.
func TestProgramWarnings(t *testing.T) {
	now := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	for _, c := range []struct {
		what string
		j    programs.Judgement
		want finding.ID
	}{
		{"no end", programs.Judgement{Status: programs.Accepted}, ""},
		{"an end in 90 days", programs.Judgement{Status: programs.AcceptedUntil, Until: now.Add(90 * day)}, finding.RootDistrustSoon},
		{"an end in 91 days", programs.Judgement{Status: programs.AcceptedUntil, Until: now.Add(91 * day)}, ""},
		{"the last issue was a year ago", programs.Judgement{Status: programs.Accepted, LastIssue: now.Add(-365 * day)}, finding.RootDistrustSoon},
		{"the last issue is in 91 days", programs.Judgement{Status: programs.Accepted, LastIssue: now.Add(91 * day)}, ""},
		{"refused by a rule", programs.Judgement{Status: programs.Refused, Reason: programs.Disallowed, At: -1}, finding.RootDistrusted},
		{"not a member", programs.Judgement{Status: programs.Refused, Reason: programs.NotIncluded, At: -1}, ""},
	} {
		c.j.Program = policy.ProgramMicrosoft
		p := Program{Judgement: c.j}
		fs := p.warning(now, policy.ProgramSystem)
		if got := len(fs) == 1; got != (c.want != "") || got && (fs[0].ID != c.want || fs[0].Severity != finding.Warning) {
			t.Errorf("%s: %v", c.what, fs)
		}
		if fs := p.warning(now, policy.ProgramMicrosoft); len(fs) > 0 && fs[0].ID == finding.RootDistrusted {
			t.Errorf("%s: the program that decides warns of what its path says: %v", c.what, fs)
		}
	}
	table := func(age time.Duration) programs.Table {
		return programs.Table{Sources: []programs.Source{{Name: "list", AsOf: now.Add(-age)}}}
	}
	fs := aged([]Program{{Judgement: programs.Judgement{Program: policy.ProgramApple, Table: table(91 * day)}}, {Judgement: programs.Judgement{Program: policy.ProgramAndroid, Table: table(89 * day)}},
		{Judgement: programs.Judgement{Program: policy.ProgramMozilla, Table: table(401 * day)}}, {Judgement: programs.Judgement{Program: policy.ProgramSystem}}}, now)
	if len(fs) != 1 || fs[0].Param("program") != "Apple, Mozilla" || fs[0].Param("age") != "401" || !strings.HasPrefix(fs[0].Param("date"), "2025-10-24") {
		t.Errorf("%v", fs)
	}
}

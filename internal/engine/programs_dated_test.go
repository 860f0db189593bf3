package engine_test

import (
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/programs"
	"github.com/assaytls/assay/report"
)

// rootFrom is a root that is valid from one day to another.
func rootFrom(from, to time.Time) *forge.CA {
	key, name := forge.P256(), forge.CN("Stand-in Root")
	c := forge.Cert{Issuer: name, Subject: name, Key: key, Serial: forge.RandomSerial(), NotBefore: from, NotAfter: to,
		Extensions: []forge.Ext{forge.BasicConstraints(true, -1), forge.KeyUsage(forge.KeyCertSign, forge.CRLSign), forge.SKI(key.ID())}}
	return &forge.CA{Name: name, Key: key, Raw: c.Sign(key), Serial: c.Serial}
}

// standIn has a made-up root in the place of a real one: what the built-in table has
// of the real one, found by its name, is said of it.
func standIn(t *testing.T, p policy.Program, name string, root *forge.CA) *programs.Tables {
	t.Helper()
	for _, e := range programs.Embedded().Anchors(p) {
		if e.Name != name {
			continue
		}
		e.SHA256, e.SubjectHash = sha256.Sum256(root.Raw), programs.HashSubject(root.Name)
		about, _ := programs.Embedded().Table(p)
		tables, err := programs.New(programs.List{Program: p, Sources: about.Sources, Entries: []programs.Entry{e}})
		if err != nil {
			t.Fatal(err)
		}
		return tables
	}
	t.Fatalf("%s does not have %s", p, name)
	return nil
}

// The roots that programs have given a date, with certificates from before and after
// it, from the certificate to the report. Dates are those of what is built in.
func TestDatedRoots(t *testing.T) {
	day := func(s string) time.Time {
		at, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	log := forge.P256()
	list, err := ct.ParseLogList(forge.LogList(day("2026-07-01"), forge.Log{Key: log, Description: "Log", Operator: "op", URL: "https://log.test/", StateSince: day("2020-01-01")}))
	if err != nil {
		t.Fatal(err)
	}
	const accepted, refused, depends = report.ProgramAccepted, report.ProgramRefused, report.ProgramDependsOnSCTs
	for _, c := range []struct {
		program       policy.Program
		root          string
		issued, judge string // the leaf's notBefore and its SCT's day; the day of the check
		logs          *ct.LogList
		want          report.ProgramStatus
	}{
		{policy.ProgramMozilla, "Entrust Root Certification Authority", "2024-11-29", "2025-06-01", list, accepted},
		{policy.ProgramMozilla, "Entrust Root Certification Authority", "2024-12-02", "2025-06-01", list, refused},
		{policy.ProgramMicrosoft, "Entrust Root Certification Authority - G2", "2025-04-15", "2025-06-01", list, accepted},
		{policy.ProgramMicrosoft, "Entrust Root Certification Authority - G2", "2025-04-17", "2025-06-01", list, refused},
		{policy.ProgramMozilla, "ePKI Root Certification Authority", "2025-04-14", "2026-01-01", list, accepted},
		{policy.ProgramMozilla, "ePKI Root Certification Authority", "2025-04-17", "2026-01-01", list, refused},
		{policy.ProgramChrome, "HiPKI Root CA - G1", "2025-07-30", "2026-01-01", list, accepted},
		{policy.ProgramChrome, "HiPKI Root CA - G1", "2025-08-02", "2026-01-01", list, refused},
		{policy.ProgramChrome, "HiPKI Root CA - G1", "2025-07-30", "2026-01-01", nil, depends},
		{policy.ProgramChrome, "HiPKI Root CA - G1", "2025-08-02", "2026-01-01", nil, refused}, // whoever signed it, it is too late
		{policy.ProgramChrome, "NetLock Arany (Class Gold) Főtanúsítvány", "2025-07-30", "2026-01-01", list, accepted},
		{policy.ProgramChrome, "NetLock Arany (Class Gold) Főtanúsítvány", "2025-08-02", "2026-01-01", list, refused},
		{policy.ProgramChrome, "Buypass Class 2 Root CA", "2025-10-30", "2026-02-01", list, accepted},
		{policy.ProgramChrome, "Buypass Class 2 Root CA", "2025-11-02", "2026-02-01", list, refused},
		{policy.ProgramChrome, "D-TRUST Root Class 3 CA 2 2009", "2026-05-27", "2026-06-15", list, accepted},
		{policy.ProgramChrome, "D-TRUST Root Class 3 CA 2 2009", "2026-05-30", "2026-06-15", list, refused},
	} {
		root := rootFrom(day("2020-01-01"), day("2040-01-01"))
		issued := day(c.issued)
		leaf := root.WithSCTs(forge.Cert{Subject: forge.CN("a.test"), Key: forge.P256(), NotBefore: issued, NotAfter: issued.AddDate(0, 0, 390),
			Extensions: root.ServerExts(forge.P256(), forge.DNS("a.test"))}, func(tbs []byte) [][]byte {
			return [][]byte{forge.SCT{Time: issued}.SignPrecert(log, root.Key, tbs)}
		})
		tables := standIn(t, c.program, c.root, root)
		anchors := certpath.NewAnchors()
		anchors.Add(root.Raw)
		trust := &engine.Trust{Anchors: anchors, LogList: c.logs, Programs: func() *programs.Tables { return tables }}
		ev := &evidence.Evidence{Version: evidence.Version, Source: evidence.SourceFiles, Chain: []evidence.Entry{{Cert: leaf.Raw}}}
		name := c.program.String() + " " + c.root + " " + c.issued
		for _, decides := range []bool{false, true} {
			p := policy.Policy{Time: day(c.judge), NoName: true, Schemes: policy.Off, Programs: policy.ProgramsOf(c.program)}
			if decides {
				p.Trust = c.program
			}
			r := engine.New(engine.Options{}).Judge(context.Background(), ev, trust, p, download.Access{Offline: true, NoAIA: true}, assemble.Full)
			if len(r.Programs) != 1 || r.Programs[0].Status != c.want {
				t.Errorf("%s: %+v, want %s", name, r.Programs, c.want)
			}
			verdict := map[report.ProgramStatus]report.Verdict{accepted: report.Accept, refused: report.Reject, depends: report.Inconclusive}[c.want]
			if !decides {
				verdict = report.Accept
			}
			if r.Verdict != verdict {
				t.Errorf("%s, decides %v: %s, want %s: %v", name, decides, r.Verdict, verdict, findings(r))
			}
			told := slices.ContainsFunc(findings(r), func(s string) bool { return strings.Contains(s, string(finding.RootDistrusted)) })
			if told != (c.want == refused) {
				t.Errorf("%s, decides %v: %v", name, decides, findings(r))
			}
		}
	}
}

// Whatever a server sends, no program accepts a root for its name, for its key, or
// for both: the SHA-256 of the whole certificate counts.
func TestNoAnchorByName(t *testing.T) {
	real := forge.NewRoot("Real Root", nil)
	evil := forge.NewRoot("Real Root", nil)
	again := forge.NewRoot("Real Root", real.Key) // another certificate of the real one
	var lists []programs.List
	for _, p := range policy.AllProgram() {
		if p.Published() {
			lists = append(lists, programs.List{Program: p, Sources: []programs.Source{{Name: "list", AsOf: time.Now().Add(-time.Hour)}},
				Entries: []programs.Entry{{SHA256: sha256.Sum256(real.Raw), Name: "Real Root", SubjectHash: programs.HashSubject(real.Name), Trust: programs.Anchor}}})
		}
	}
	tables, err := programs.New(lists...)
	if err != nil {
		t.Fatal(err)
	}
	below := func(root *forge.CA) []byte {
		return root.Issue(forge.Cert{Subject: forge.CN("a.test"), Key: forge.P256(), Extensions: root.ServerExts(forge.P256(), forge.DNS("a.test"))}).Raw
	}
	for _, c := range []struct {
		what    string
		chain   [][]byte
		accepts bool
	}{
		{"the real root", [][]byte{below(real), real.Raw}, true},
		{"no root", [][]byte{below(real)}, false},
		{"a root of the same name", [][]byte{below(evil), evil.Raw}, false},
		{"both roots, and a leaf of the wrong one", [][]byte{below(evil), evil.Raw, real.Raw}, false},
		{"both roots, the real one first", [][]byte{below(evil), real.Raw, evil.Raw}, false},
		{"the real key in another certificate", [][]byte{below(real), again.Raw}, false},
		{"a root as the leaf", [][]byte{evil.Raw, real.Raw}, false},
	} {
		ev := &evidence.Evidence{Version: evidence.Version, Source: evidence.SourceFiles}
		for _, der := range c.chain {
			ev.Chain = append(ev.Chain, evidence.Entry{Cert: der})
		}
		for _, p := range policy.AllProgram() {
			trust := &engine.Trust{Programs: func() *programs.Tables { return tables }}
			r := engine.New(engine.Options{}).Judge(context.Background(), ev, trust, policy.Policy{NoName: true, Schemes: policy.Off, Trust: p, Programs: policy.EveryProgram},
				download.Access{Offline: true, NoAIA: true}, assemble.Full)
			if want := c.accepts && p.Published(); (r.Verdict == report.Accept) != want {
				t.Errorf("%s, %s decides: %s: %v", c.what, p, r.Verdict, findings(r))
			}
			for _, a := range r.Programs {
				if (a.Status == report.ProgramAccepted) != (c.accepts && a.Program.Published()) {
					t.Errorf("%s: %s says %s (%s)", c.what, a.Program, a.Status, a.Detail)
				}
			}
		}
	}
}

// Saved evidence, judged again under the same policy and tables, gives the same
// answers; under other tables the report says so.
func TestProgramsJudgedAgain(t *testing.T) {
	l := start(t, "program-*")
	for _, s := range l.Scenarios {
		e, trust, err := l.Engine(s)
		if err != nil {
			t.Fatal(err)
		}
		p := s.Policy
		r, ev := e.Check(context.Background(), l.Config(s), trust, p, s.Access, assemble.Full)
		p.Time = r.Time
		again := engine.New(engine.Options{}).Judge(context.Background(), ev, trust, p, s.Access, assemble.Full)
		if !slices.Equal(findings(r), findings(again)) || len(r.Programs) != len(again.Programs) {
			t.Errorf("%s:\n%v\n%v", s.Name, findings(r), findings(again))
			continue
		}
		for i := range r.Programs {
			if r.Programs[i].Status != again.Programs[i].Status || r.Programs[i].Detail != again.Programs[i].Detail {
				t.Errorf("%s: %+v, and again %+v", s.Name, r.Programs[i], again.Programs[i])
			}
		}
		_, other, _ := l.Engine(s)
		other.Programs = programs.Embedded
		r = engine.New(engine.Options{}).Judge(context.Background(), ev, other, p, s.Access, assemble.Full)
		if !slices.ContainsFunc(findings(r), func(s string) bool { return strings.Contains(s, string(finding.EvidenceOtherTrust)) }) {
			t.Errorf("%s: other tables, and nothing is said: %v", s.Name, findings(r))
		}
	}
}

package programs_test

import (
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/programs"
)

func day(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

// chain is a leaf under an intermediate under a root, all made up.
type chain struct{ leaf, ca, root *cert.Certificate }

func newChain(notBefore time.Time, names ...[]byte) chain {
	root := forge.NewRoot("Made-up Root", nil)
	ca := root.Intermediate("Made-up CA", nil)
	key := forge.P256()
	leaf := ca.Issue(forge.Cert{Subject: forge.CN("leaf"), Key: key, NotBefore: notBefore, NotAfter: notBefore.AddDate(0, 0, 90), Extensions: ca.ServerExts(key, names...)})
	return chain{cert.Parse(leaf.Raw), cert.Parse(ca.Raw), cert.Parse(root.Raw)}
}

func (c chain) path(s programs.SCTs) []programs.Path {
	return []programs.Path{{Certs: []*cert.Certificate{c.leaf, c.ca, c.root}, SCTs: s}}
}

func (c chain) all() []*cert.Certificate { return []*cert.Certificate{c.leaf, c.ca, c.root} }

// table makes a table with entries, for a program.
func table(t testing.TB, p policy.Program, asOf time.Time, entries ...programs.Entry) *programs.Tables {
	t.Helper()
	other := programs.Entry{SHA256: [32]byte{1}, Name: "another", Trust: programs.Anchor}
	tables, err := programs.New(programs.List{Program: p, Sources: []programs.Source{{Name: "made up", AsOf: asOf}}, Entries: append(entries, other)})
	if err != nil {
		t.Fatal(err)
	}
	// What is judged by has been written and read.
	tables, err = programs.Parse(tables.Encode())
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

// Every kind of rule, on both sides of its border.
func TestRules(t *testing.T) {
	const serverAuth, emailProtection = "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.4"
	issued, at := day("2026-10-01"), day("2026-11-01")
	c := newChain(issued, forge.DNS("www.example.com"), forge.DNS("*.example.com"))
	before, after := issued.Add(-time.Second), issued.Add(time.Second)
	at1 := func(times ...time.Time) programs.SCTs { return programs.SCTs{Verified: times, Complete: true} }
	type e = programs.Entry
	set := func(s ...programs.Constraints) e { return e{Alternatives: s} }
	cases := []struct {
		name    string
		entry   e
		scts    programs.SCTs
		version string
		status  programs.Status
		reason  programs.Reason
	}{
		{name: "no condition", status: programs.Accepted},
		{name: "for e-mail alone", entry: e{Trust: programs.NotTLS}, status: programs.Refused, reason: programs.UsageNotIncluded},
		{name: "distrusted", entry: e{Trust: programs.Distrusted}, status: programs.Refused, reason: programs.IsDistrusted},
		{name: "distrusted after the leaf", entry: e{DistrustAfter: issued}, status: programs.Accepted, reason: programs.DistrustAfter},
		{name: "distrusted before the leaf", entry: e{DistrustAfter: before}, status: programs.Refused, reason: programs.DistrustAfter},

		{name: "not before, later", entry: e{NotBefore: &programs.Limit{At: after}}, status: programs.Accepted, reason: programs.NotBefore},
		{name: "not before, the leaf's", entry: e{NotBefore: &programs.Limit{At: issued}}, status: programs.Refused, reason: programs.NotBefore},
		{name: "not before, always", entry: e{NotBefore: &programs.Limit{}}, status: programs.Refused, reason: programs.NotBefore},
		{name: "not before, of e-mail", entry: e{NotBefore: &programs.Limit{At: before, Usages: []string{emailProtection}}}, status: programs.Accepted},
		{name: "not before, of servers", entry: e{NotBefore: &programs.Limit{At: before, Usages: []string{emailProtection, serverAuth}}}, status: programs.Refused, reason: programs.NotBefore},
		{name: "disallowed now", entry: e{Disallowed: &programs.Limit{At: at}}, status: programs.Refused, reason: programs.Disallowed},
		{name: "disallowed soon", entry: e{Disallowed: &programs.Limit{At: at.Add(time.Hour)}}, status: programs.AcceptedUntil, reason: programs.Disallowed},
		{name: "disallowed after the leaf", entry: e{Disallowed: &programs.Limit{At: at.AddDate(1, 0, 0)}}, status: programs.Accepted, reason: programs.Disallowed},
		{name: "disallowed without a date", entry: e{Disallowed: &programs.Limit{}}, status: programs.Refused, reason: programs.Disallowed},
		{name: "usages with servers", entry: e{Usages: []string{emailProtection, serverAuth}}, status: programs.Accepted},
		{name: "usages without servers", entry: e{Usages: []string{emailProtection}}, status: programs.Refused, reason: programs.UsageNotIncluded},
		{name: "the usage taken away", entry: e{Usages: []string{serverAuth}, DisallowedUsages: []string{serverAuth}}, status: programs.Refused, reason: programs.UsageNotIncluded},
		{name: "restricted", entry: e{Restricted: true}, status: programs.CannotTell, reason: programs.RuleUndated},
		{name: "restricted and disallowed", entry: e{Restricted: true, Disallowed: &programs.Limit{At: before}}, status: programs.Refused, reason: programs.Disallowed},
		{name: "usages not known", entry: e{UsagesUnknown: true}, status: programs.CannotTell, reason: programs.UsageUnknown},

		{name: "an early SCT", entry: set(programs.Constraints{SCTNotAfter: issued}), scts: at1(after, issued), status: programs.Accepted, reason: programs.SCTNotAfter},
		{name: "late SCTs", entry: set(programs.Constraints{SCTNotAfter: before}), scts: at1(issued, after), status: programs.Refused, reason: programs.SCTNotAfter},
		{name: "no SCT", entry: set(programs.Constraints{SCTNotAfter: before}), scts: at1(), status: programs.Refused, reason: programs.SCTNotAfter},
		{name: "nothing known of SCTs", entry: set(programs.Constraints{SCTNotAfter: before}), status: programs.DependsOnSCTs, reason: programs.SCTNotAfter},
		{name: "an early one not verified", entry: set(programs.Constraints{SCTNotAfter: before}), scts: programs.SCTs{Unverified: []time.Time{before}, Complete: true},
			status: programs.DependsOnSCTs, reason: programs.SCTNotAfter},
		{name: "late ones not verified", entry: set(programs.Constraints{SCTNotAfter: before}), scts: programs.SCTs{Unverified: []time.Time{after}, Complete: true},
			status: programs.Refused, reason: programs.SCTNotAfter},
		{name: "all SCTs later", entry: set(programs.Constraints{SCTAllAfter: before}), scts: at1(issued, after), status: programs.Accepted, reason: programs.SCTAllAfter},
		{name: "one SCT not later", entry: set(programs.Constraints{SCTAllAfter: issued}), scts: at1(issued, after), status: programs.Refused, reason: programs.SCTAllAfter},
		{name: "all later, and none", entry: set(programs.Constraints{SCTAllAfter: issued}), scts: at1(), status: programs.Refused, reason: programs.SCTAllAfter},
		{name: "all later, one not verified", entry: set(programs.Constraints{SCTAllAfter: issued}), scts: programs.SCTs{Verified: []time.Time{after}, Unverified: []time.Time{before}, Complete: true},
			status: programs.DependsOnSCTs, reason: programs.SCTAllAfter},
		{name: "all later, only not verified ones", entry: set(programs.Constraints{SCTAllAfter: before}), scts: programs.SCTs{Unverified: []time.Time{after}, Complete: true},
			status: programs.DependsOnSCTs, reason: programs.SCTAllAfter},

		{name: "from this version on", entry: set(programs.Constraints{MinVersion: "139"}), version: "139.0.7258.66", status: programs.Accepted},
		{name: "an earlier version", entry: set(programs.Constraints{MinVersion: "139"}), version: "138.9", status: programs.Refused, reason: programs.MinVersion},
		{name: "the newest version", entry: set(programs.Constraints{MinVersion: "139"}), status: programs.Accepted},
		{name: "before this version", entry: set(programs.Constraints{MaxVersionExclusive: "139"}), version: "138.0.1", status: programs.Accepted},
		{name: "this version", entry: set(programs.Constraints{MaxVersionExclusive: "139"}), version: "139", status: programs.Refused, reason: programs.MaxVersion},
		{name: "no version is the newest", entry: set(programs.Constraints{MaxVersionExclusive: "139"}), status: programs.Refused, reason: programs.MaxVersion},
		{name: "what is no version is the newest", entry: set(programs.Constraints{MaxVersionExclusive: "139"}), version: "1x", status: programs.Refused, reason: programs.MaxVersion},
		{name: "permitted names", entry: set(programs.Constraints{PermittedDNSNames: []string{"org", "Example.COM"}}), status: programs.Accepted, reason: programs.PermittedNames},
		{name: "names below alone", entry: set(programs.Constraints{PermittedDNSNames: []string{".example.com"}}), status: programs.Accepted, reason: programs.PermittedNames},
		{name: "names not permitted", entry: set(programs.Constraints{PermittedDNSNames: []string{"www.example.com"}}), status: programs.Refused, reason: programs.PermittedNames},
		{name: "a name that ends alike", entry: set(programs.Constraints{PermittedDNSNames: []string{"ple.com"}}), status: programs.Refused, reason: programs.PermittedNames},

		{name: "all of a set must be met", entry: set(programs.Constraints{SCTNotAfter: issued, MinVersion: "139"}), scts: at1(issued), version: "138", status: programs.Refused, reason: programs.MinVersion},
		{name: "all of a set, the other way", entry: set(programs.Constraints{SCTNotAfter: before, SCTAllAfter: before.Add(-time.Second)}), scts: at1(issued), status: programs.Refused, reason: programs.SCTNotAfter},
		{name: "one set is enough", entry: set(programs.Constraints{SCTNotAfter: before, MinVersion: "139"}, programs.Constraints{MaxVersionExclusive: "139"}), scts: at1(issued), version: "138", status: programs.Accepted},
		{name: "no set is met", entry: set(programs.Constraints{SCTNotAfter: before, MinVersion: "139"}, programs.Constraints{MaxVersionExclusive: "139"}), scts: at1(issued), status: programs.Refused, reason: programs.SCTNotAfter},
	}
	for _, tc := range cases {
		e := tc.entry
		e.SHA256 = c.root.SHA256
		if e.Trust == programs.Unlisted {
			e.Trust = programs.Anchor
		}
		got := table(t, policy.ProgramChrome, at, e).Judge(policy.ProgramChrome, programs.Input{Paths: c.path(tc.scts), Seen: c.all(), At: at, Version: tc.version})
		if got.Status != tc.status || got.Reason != tc.reason || got.Path != 0 || got.At != 2 {
			t.Errorf("%s: %s (%s) at %d, want %s (%s)", tc.name, got.Status, got.Reason, got.At, tc.status, tc.reason)
		}
		if got.Status == programs.AcceptedUntil && got.Until.IsZero() || got.Entry.SHA256 != c.root.SHA256 {
			t.Errorf("%s: %+v", tc.name, got)
		}
	}
}

// An intermediate can be an anchor: it decides where the root is not one, and its end counts
// where that is enforced.
func TestIntermediateAnchor(t *testing.T) {
	at := day("2026-11-01")
	c := newChain(day("2026-10-01"))
	e := programs.Entry{SHA256: c.ca.SHA256, Trust: programs.Anchor, Intermediate: true}
	judge := func(e programs.Entry, at time.Time) programs.Judgement {
		return table(t, policy.ProgramChrome, day("2026-10-01"), e).Judge(policy.ProgramChrome, programs.Input{Paths: c.path(programs.SCTs{}), At: at})
	}
	if j := judge(e, at); j.Status != programs.Accepted || j.At != 1 || !j.Entry.Intermediate {
		t.Errorf("%+v", j)
	}
	e.EnforceExpiry = true
	if j := judge(e, at); j.Status != programs.Accepted || j.Reason != programs.AnchorExpired {
		t.Errorf("before its end: %+v", j)
	}
	// A leaf is no anchor, whatever is listed.
	e.SHA256 = c.leaf.SHA256
	if j := judge(e, at); j.Status != programs.Refused || j.Reason != programs.NotIncluded {
		t.Errorf("a leaf: %+v", j)
	}
	old := programs.Entry{SHA256: c.ca.SHA256, Trust: programs.Anchor, EnforceExpiry: true}
	end := c.ca.NotAfter
	fresh := table(t, policy.ProgramChrome, end, old)
	if j := fresh.Judge(policy.ProgramChrome, programs.Input{Paths: c.path(programs.SCTs{}), At: end.Add(time.Second)}); j.Status != programs.Refused || j.Reason != programs.AnchorExpired {
		t.Errorf("after its end: %+v", j)
	}
}

// The best path decides; a distrusted certificate on the way spoils its path alone.
func TestPaths(t *testing.T) {
	at := day("2026-11-01")
	c, d := newChain(day("2026-10-01")), newChain(day("2026-10-01"))
	entry := func(x *cert.Certificate, trust programs.Trust) programs.Entry {
		return programs.Entry{SHA256: x.SHA256, Trust: trust}
	}
	judge := func(entries ...programs.Entry) programs.Judgement {
		return table(t, policy.ProgramMozilla, at, entries...).Judge(policy.ProgramMozilla,
			programs.Input{Paths: append(c.path(programs.SCTs{}), d.path(programs.SCTs{})...), At: at})
	}
	limited := entry(c.root, programs.Anchor)
	limited.DistrustAfter = day("2020-01-01")
	for _, tc := range []struct {
		name    string
		entries []programs.Entry
		status  programs.Status
		reason  programs.Reason
		path    int
	}{
		{"neither", nil, programs.Refused, programs.NotIncluded, -1},
		{"the second", []programs.Entry{entry(d.root, programs.Anchor)}, programs.Accepted, programs.Unconditional, 1},
		{"the first is limited", []programs.Entry{limited, entry(d.root, programs.Anchor)}, programs.Accepted, programs.Unconditional, 1},
		{"only the limited one", []programs.Entry{limited}, programs.Refused, programs.DistrustAfter, 0},
		{"the first goes through a distrusted CA", []programs.Entry{entry(c.root, programs.Anchor), entry(c.ca, programs.Distrusted)}, programs.Refused, programs.IsDistrusted, 0},
		{"so does the first, and not the second", []programs.Entry{entry(c.root, programs.Anchor), entry(c.ca, programs.Distrusted), entry(d.root, programs.Anchor)},
			programs.Accepted, programs.Unconditional, 1},
		{"distrusted by issuer and serial number", []programs.Entry{entry(c.root, programs.Anchor),
			{Trust: programs.Distrusted, IssuerSerial: programs.HashIssuerSerial(c.ca.RawIssuer, c.ca.Serial)}}, programs.Refused, programs.IsDistrusted, 0},
	} {
		if j := judge(tc.entries...); j.Status != tc.status || j.Reason != tc.reason || j.Path != tc.path {
			t.Errorf("%s: %s (%s) by path %d", tc.name, j.Status, j.Reason, j.Path)
		}
	}
}

// Without the certificate of an anchor that may have issued what was seen there is no
// answer; with it, or when the anchor accepts nothing, there is.
func TestAnchorNotGiven(t *testing.T) {
	at := day("2026-11-01")
	c := newChain(day("2026-10-01"))
	in := programs.Input{Seen: []*cert.Certificate{c.leaf, c.ca}, At: at}
	root := programs.Entry{SHA256: c.root.SHA256, Trust: programs.Anchor, SubjectHash: programs.HashSubject(c.root.RawSubject)}
	judge := func(e programs.Entry) programs.Judgement {
		return table(t, policy.ProgramApple, at, e).Judge(policy.ProgramApple, in)
	}
	if j := judge(root); j.Status != programs.CannotTell || j.Reason != programs.AnchorNotGiven || len(j.Missing) != 1 || j.Missing[0].SHA256 != c.root.SHA256 {
		t.Errorf("by its subject: %+v", j)
	}
	named := root
	named.SubjectHash, named.Name = [8]byte{}, "made-up root"
	if j := judge(named); j.Reason != programs.AnchorNotGiven {
		t.Errorf("by its common name: %+v", j)
	}
	encoded := root // its certificate has the same name, in other strings and case
	encoded.SubjectHash, encoded.Name = programs.HashSubject([]byte("another encoding")), "made-up  ROOT"
	if j := judge(encoded); j.Reason != programs.AnchorNotGiven {
		t.Errorf("by a name that is equal, and encoded otherwise: %+v", j)
	}
	named.Name = "another root"
	if j := judge(named); j.Status != programs.Refused {
		t.Errorf("by another name: %+v", j)
	}
	named.Name = ""
	if j := judge(named); j.Reason != programs.AnchorNotGiven {
		t.Errorf("one of which nothing is known: %+v", j)
	}
	disallowed := root
	disallowed.Disallowed = &programs.Limit{At: day("2020-01-01")}
	if j := judge(disallowed); j.Status != programs.Refused || j.Reason != programs.NotIncluded {
		t.Errorf("one that accepts nothing: %+v", j)
	}
	in.Seen = append(in.Seen, c.root)
	if j := judge(root); j.Status != programs.Refused {
		t.Errorf("one that is at hand, and no path leads to: %+v", j)
	}
	in.Seen = nil
	if j := judge(root); j.Reason != programs.NoPath {
		t.Errorf("nothing to judge: %+v", j)
	}
}

// A table is told to be old after 90 days and gives no verdict after 400; no table
// gives none at all.
func TestAge(t *testing.T) {
	made := day("2026-01-01")
	c := newChain(made)
	tables := table(t, policy.ProgramApple, made, programs.Entry{SHA256: c.root.SHA256, Trust: programs.Anchor})
	for _, tc := range []struct {
		days int
		old  bool
		want programs.Status
	}{{0, false, programs.Accepted}, {90, false, programs.Accepted}, {91, true, programs.Accepted}, {400, true, programs.Accepted}, {401, false, programs.CannotTell}} {
		at := made.AddDate(0, 0, tc.days)
		j := tables.Judge(policy.ProgramApple, programs.Input{Paths: c.path(programs.SCTs{}), At: at})
		if j.Status != tc.want || j.Old(at) != tc.old || tc.want == programs.CannotTell && j.Reason != programs.TableTooOld {
			t.Errorf("after %d days: %s (%s), old %v", tc.days, j.Status, j.Reason, j.Old(at))
		}
	}
	for _, p := range []policy.Program{policy.ProgramSystem, policy.ProgramChrome} {
		for _, of := range []*programs.Tables{tables, nil, {}} {
			if j := of.Judge(p, programs.Input{Paths: c.path(programs.SCTs{}), At: made}); j.Status != programs.CannotTell || j.Reason != programs.NoTable {
				t.Errorf("%s: %+v", p, j)
			}
		}
	}
}

// Newer tables take the place of older ones, program by program.
func TestMerge(t *testing.T) {
	a, b := day("2026-01-01"), day("2026-02-01")
	old, fresh, other := table(t, policy.ProgramApple, a), table(t, policy.ProgramApple, b), table(t, policy.ProgramAndroid, a)
	for _, tc := range []struct {
		t    *programs.Tables
		asOf time.Time
		n    int
	}{{old.Merge(fresh), b, 1}, {fresh.Merge(old), b, 1}, {old.Merge(other), a, 2}, {old.Merge(nil), a, 1}, {(*programs.Tables)(nil).Merge(fresh), b, 1}} {
		got, _ := tc.t.Table(policy.ProgramApple)
		if !got.AsOf().Equal(tc.asOf) || len(tc.t.Programs()) != tc.n {
			t.Errorf("%v, %d programs, want %v", got.AsOf(), len(tc.t.Programs()), tc.asOf)
		}
	}
}

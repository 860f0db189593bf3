package serve

import (
	"crypto/sha256"
	"time"

	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/programs"
)

const day = 24 * time.Hour

// ago is a moment so long before now, to the second.
func ago(d time.Duration) time.Time { return time.Now().Add(-d).UTC().Truncate(time.Second) }

// programServers make the servers of the scenarios about root programs.
var programServers = map[string]func(*build){
	"program-accepted": func(b *build) {
		b.good(nil)
		var lists []programs.List
		for _, p := range policy.AllProgram() {
			if p.Published() {
				lists = append(lists, b.programList(p, b.anchor(b.l.pki.root.CA)))
			}
		}
		b.tables(lists...)
	},
	"program-other-refuses": func(b *build) {
		b.good(nil)
		late := b.anchor(b.l.pki.root.CA)
		late.Alternatives = []programs.Constraints{{SCTNotAfter: ago(day)}}
		b.tables(b.programList(policy.ProgramMozilla, b.anchor(b.l.pki.root.CA)), b.programList(policy.ProgramChrome, late),
			b.programList(policy.ProgramApple, b.anchor(b.l.pki.second.CA)))
	},
	"program-distrust-after": func(b *build) {
		b.conditional(policy.ProgramMozilla, func(e *programs.Entry) { e.DistrustAfter = ago(3 * day) })
	},
	"program-issued-before": func(b *build) {
		b.conditional(policy.ProgramMozilla, func(e *programs.Entry) { e.DistrustAfter = ago(day) })
	},
	"program-not-before": func(b *build) {
		b.conditional(policy.ProgramMicrosoft, func(e *programs.Entry) { e.NotBefore = &programs.Limit{At: ago(3 * day)} })
	},
	"program-disallowed": func(b *build) {
		b.conditional(policy.ProgramMicrosoft, func(e *programs.Entry) { e.Disallowed = &programs.Limit{At: ago(day)} })
	},
	"program-disallowed-soon": func(b *build) {
		b.conditional(policy.ProgramMicrosoft, func(e *programs.Entry) { e.Disallowed = &programs.Limit{At: ago(-30 * day)} })
	},
	"program-disallowed-later": func(b *build) {
		b.conditional(policy.ProgramMicrosoft, func(e *programs.Entry) { e.Disallowed = &programs.Limit{At: ago(-200 * day)} })
	},
	"program-usage": func(b *build) {
		b.conditional(policy.ProgramMicrosoft, func(e *programs.Entry) { e.Usages = []string{"1.3.6.1.5.5.7.3.4"} })
	},
	"program-sct-old": func(b *build) {
		b.loggedBefore(ago(day), b.l.pki.logs.beta.Key)
	},
	"program-sct-late": func(b *build) {
		b.conditional(policy.ProgramChrome, func(e *programs.Entry) { e.Alternatives = []programs.Constraints{{SCTNotAfter: ago(day)}} })
	},
	"program-sct-forged": func(b *build) {
		b.loggedBefore(ago(day), b.l.pki.logs.unlisted)
	},
	"program-sct-unverified": func(b *build) {
		b.loggedBefore(ago(day), b.l.pki.logs.beta.Key)
	},
	"program-version": func(b *build) {
		b.conditional(policy.ProgramChrome, func(e *programs.Entry) {
			e.Alternatives = []programs.Constraints{{MaxVersionExclusive: "139"}}
		})
	},
	"program-names": func(b *build) {
		b.conditional(policy.ProgramChrome, func(e *programs.Entry) {
			e.Alternatives = []programs.Constraints{{PermittedDNSNames: []string{"example.test"}}}
		})
	},
	"program-intermediate": func(b *build) {
		b.good(nil)
		e := b.anchor(b.l.pki.ica.CA)
		e.Intermediate, e.EnforceExpiry = true, true
		b.tables(b.programList(policy.ProgramChrome, e))
	},
	"program-not-included": func(b *build) {
		b.good(nil)
		b.tables(b.programList(policy.ProgramApple, b.anchor(b.l.pki.second.CA)))
	},
	"program-distrusted": func(b *build) {
		b.good(nil)
		e := b.anchor(b.l.pki.ica.CA)
		e.Trust = programs.Distrusted
		b.tables(b.programList(policy.ProgramMozilla, b.anchor(b.l.pki.root.CA), e))
	},
	"program-root-sent":   func(b *build) { b.ownRoot(func(s *site, root, _ *authority) { s.chain = append(s.chain, root.Raw) }) },
	"program-root-absent": func(b *build) { b.ownRoot(func(*site, *authority, *authority) {}) },
	"program-root-fake": func(b *build) {
		b.ownRoot(func(s *site, root, fake *authority) {
			ca := b.l.pki.intermediate(fake, "Assay Lab Issuing CA below a fake root", nil)
			s.issuer, s.chain = ca, [][]byte{ca.Raw, fake.Raw}
			s.set(append(ca.ServerExts(s.cert.Key), ca.pointers()...)...)
		})
	},
	"program-other-path": func(b *build) {
		p := b.l.pki
		b.good(func(s *site) {
			cross := p.second.Intermediate("Assay Lab Issuing CA", p.ica.Key, forge.AIA(nil, []string{p.second.cerURL}), forge.CRLDP(p.second.crlURL))
			p.second.know(cross.Serial)
			s.chain = append(s.chain, cross.Raw)
		})
		gone := b.anchor(p.root.CA)
		gone.DistrustAfter = ago(3 * day)
		b.tables(b.programList(policy.ProgramMozilla, gone, b.anchor(p.second.CA)))
	},
	"program-undated": func(b *build) {
		b.conditional(policy.ProgramMicrosoft, func(e *programs.Entry) { e.Restricted = true })
	},
	"program-table-old":     func(b *build) { b.aged(100 * day) },
	"program-table-too-old": func(b *build) { b.aged(401 * day) },
	"program-table-missing": func(b *build) {
		b.good(nil)
		b.tables(b.programList(policy.ProgramMozilla, b.anchor(b.l.pki.root.CA)))
	},
}

// anchor is what a table has of a root that the program trusts without conditions.
func (b *build) anchor(ca *forge.CA) programs.Entry {
	return programs.Entry{SHA256: sha256.Sum256(ca.Raw), Name: string(commonName(ca.Name)), SubjectHash: programs.HashSubject(ca.Name), Trust: programs.Anchor}
}

// list1 is the list of one program, an hour old.
func (b *build) programList(p policy.Program, entries ...programs.Entry) programs.List {
	return programs.List{Program: p, Sources: []programs.Source{{Name: "the lab's list", Version: "1", AsOf: ago(time.Hour)}}, Entries: entries}
}

// tables writes the scenario's tables.
func (b *build) tables(lists ...programs.List) {
	t, err := programs.New(lists...)
	b.must(err)
	b.s.Tables = t.Encode()
	b.s.TablesFile, err = b.l.write(b.s.Name+".json", b.s.Tables)
	b.must(err)
}

// conditional is a good server whose root the program trusts under a condition.
func (b *build) conditional(p policy.Program, condition func(*programs.Entry)) {
	b.good(nil)
	e := b.anchor(b.l.pki.root.CA)
	condition(&e)
	b.tables(b.programList(p, e, b.anchor(b.l.pki.second.CA)))
}

// loggedBefore is a server below a root of Chrome's that wants an SCT of date or
// earlier. One of the two is from the hour before, signed by key in the name of the log
// beta.
func (b *build) loggedBefore(date time.Time, key *forge.Key) {
	logs := b.l.pki.logs
	b.sct(func(s *site, tbs []byte) []byte { return forge.SCT{}.SignPrecert(logs.alpha.Key, s.issuer.Key, tbs) },
		func(s *site, tbs []byte) []byte {
			return forge.SCT{LogID: forge.LogID(logs.beta.Key), Time: date.Add(-time.Hour)}.SignPrecert(key, s.issuer.Key, tbs)
		})
	e := b.anchor(b.l.pki.root.CA)
	e.Alternatives = []programs.Constraints{{SCTNotAfter: date}}
	b.tables(b.programList(policy.ProgramChrome, e))
}

// ownRoot is a server below a root that nobody has but Android's table, by its
// SHA-256. fake is another root of the same name.
func (b *build) ownRoot(edit func(s *site, root, fake *authority)) {
	p, name := b.l.pki, "Assay Lab Own Root for "+b.s.Name
	root := p.publish(forge.NewRoot(name, nil), nil)
	ca := p.intermediate(root, "Assay Lab Own Issuing CA for "+b.s.Name, nil)
	// No address leads to the root: AIA would bring it.
	ca.CA = root.Intermediate("Assay Lab Own Issuing CA for "+b.s.Name, ca.Key, forge.CRLDP(root.crlURL))
	root.know(ca.Serial)
	s := b.siteOf(ca)
	fake := p.publish(forge.NewRoot(name+" ", nil), nil)
	fake.CA = forge.NewRoot(name, nil)
	edit(s, root, fake)
	b.serve(s)
	b.tables(b.programList(policy.ProgramAndroid, b.anchor(root.CA)))
}

// aged is a good server, judged by a table that is so old.
func (b *build) aged(age time.Duration) {
	b.good(nil)
	l := b.programList(policy.ProgramApple, b.anchor(b.l.pki.root.CA))
	l.Sources[0].AsOf = ago(age)
	b.tables(l)
}

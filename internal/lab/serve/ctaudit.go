package serve

import (
	"time"

	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/scenarios"
)

// ctAuditServers make the servers of the scenarios of the same group.
var ctAuditServers = map[string]func(*build){
	"sct-included":       func(b *build) { b.sct(b.l.pki.logs.alpha.kept, b.l.pki.logs.beta.kept) },
	"sct-included-tiled": func(b *build) { b.sct(b.l.pki.logs.tiled.kept) },
	"sct-included-by-tls": func(b *build) {
		b.good(func(s *site) {
			s.noSCTs = true
			s.scts = [][]byte{b.l.pki.logs.alpha.delivered(b.issue(s).Raw)}
		})
	},
	"sct-not-included": func(b *build) {
		b.sct(b.l.pki.logs.alpha.promised(forge.SCT{Time: time.Now().Add(-30 * time.Hour)}))
	},
	"sct-not-included-tiled": func(b *build) {
		b.sct(b.l.pki.logs.tiled.promised(forge.SCT{Extensions: forge.LeafIndex(5)}))
	},
	"sct-merge-pending": func(b *build) {
		b.sct(b.l.pki.logs.alpha.promised(forge.SCT{Time: time.Now().Add(-time.Hour)}))
	},
	"sct-log-behind":  func(b *build) { b.sct(b.l.pki.logs.frozen.kept) },
	"sct-log-away":    func(b *build) { b.sct(b.l.pki.logs.broken.kept) },
	"sct-log-forged":  func(b *build) { b.sct(b.l.pki.logs.forged.kept) },
	"sct-log-ahead":   func(b *build) { b.sct(b.l.pki.logs.ahead.kept) },
	"sct-log-verbose": func(b *build) { b.sct(b.l.pki.logs.verbose.kept) },
	"sct-tiled-no-index": func(b *build) {
		b.sct(b.l.pki.logs.tiled.promised(forge.SCT{}))
	},
	"sct-audit-limit": func(b *build) {
		var twenty []embed
		for n := range 20 {
			twenty = append(twenty, func(s *site, tbs []byte) []byte {
				sct := b.l.pki.logs.alpha.promise()
				sct.Time = time.Now().Add(-time.Duration(n) * time.Minute)
				return sct.SignPrecert(b.l.pki.logs.alpha.Key, s.issuer.Key, tbs)
			})
		}
		b.sct(twenty...)
	},
	"sct-log-lies": func(b *build) { b.sct(b.l.pki.logs.liar.kept) },

	"sct-list-old": func(b *build) {
		b.list(80 * 24 * time.Hour)
		b.good(nil)
	},
	"sct-list-old-chrome": (*build).oldList,
	"sct-list-old-apple":  (*build).oldList,
	"sct-list-test-key": func(b *build) {
		b.list(time.Hour, forge.Log{Key: &forge.Key{SPKI: mimicKey}, Description: "Mimic", Operator: "Mimic Operator", URL: "https://mimic.log." + scenarios.Domain + "/"})
		b.good(nil)
	},

	"sct-chain":         func(b *build) { b.chain(b.l.pki.logs.alpha.kept) },
	"sct-chain-missing": func(b *build) { b.chain() },
	"sct-chain-invalid": func(b *build) {
		b.chain(b.l.pki.logs.alpha.promised(forge.SCT{MutateSig: forge.FlipMiddle}))
	},
}

// embed makes one embedded SCT.
type embed = func(s *site, tbs []byte) []byte

// kept makes an SCT that the log keeps.
func (g *ctLog) kept(s *site, tbs []byte) []byte {
	return g.promise().SignPrecert(g.Key, s.issuer.Key, tbs)
}

// delivered makes an SCT for handshake or staple that the log keeps.
func (g *ctLog) delivered(leaf []byte) []byte { return g.promise().SignX509(g.Key, leaf) }

// promised makes an SCT of the log that it knows nothing of.
func (g *ctLog) promised(sct forge.SCT) embed {
	return func(s *site, tbs []byte) []byte { return sct.SignPrecert(g.Key, s.issuer.Key, tbs) }
}

// list gives the scenario a log list of that age, with more logs.
func (b *build) list(age time.Duration, more ...forge.Log) {
	b.s.LogList = b.l.pki.logList(time.Now().Add(-age), more...)
	var err error
	b.s.LogListFile, err = b.l.write(b.s.Name+".json", b.s.LogList)
	b.must(err)
}

// oldList serves a good site with one SCT and has an old log list.
func (b *build) oldList() {
	b.list(80 * 24 * time.Hour)
	b.sct(b.l.pki.logs.alpha.kept)
}

// chain serves a good leaf under an intermediate with those SCTs, or none.
func (b *build) chain(scts ...embed) {
	p := b.l.pki
	plain := p.ica
	if scts != nil {
		parent := &site{issuer: p.root}
		key := forge.P256()
		c := forge.Cert{Subject: forge.CN("Assay Lab Logged CA for " + b.s.Name), Key: key, NotAfter: time.Now().AddDate(1, 0, 0),
			Extensions: append([]forge.Ext{forge.BasicConstraints(true, -1), forge.KeyUsage(forge.KeyCertSign, forge.CRLSign), forge.SKI(key.ID()),
				forge.AKI(p.root.Key.ID())}, p.root.pointers()...)}
		plain = p.publish(p.root.WithSCTs(c, func(tbs []byte) (list [][]byte) {
			for _, f := range scts {
				list = append(list, f(parent, tbs))
			}
			return list
		}), p.root)
	}
	b.serve(b.siteOf(plain))
}

// mimicKey is Mimic 1 of log_mimics_list.json, a P-256 SubjectPublicKeyInfo:
// its private key is published for tests of those who read log lists.
var mimicKey = forge.Base64("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEdO/+dnH/NZSBSLmmN9u2h4HNTnCOLeU+oMBiRynIvQ8zt2ft0IMyO90e5nwSaCdYvA4JVGzCMarfs9DcNxFY1g==")

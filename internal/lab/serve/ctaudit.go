package serve

import (
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/scenarios"
	"github.com/assaytls/assay/policy"
)

// ctAuditServers make the servers of the scenarios of the same group.
var ctAuditServers = map[string]func(*build){
	"sct-included":       func(b *build) { b.audit(b.l.pki.logs.alpha.kept, b.l.pki.logs.beta.kept) },
	"sct-included-tiled": func(b *build) { b.audit(b.l.pki.logs.tiled.kept) },
	"sct-included-by-tls": func(b *build) {
		b.auditing()
		b.good(func(s *site) {
			s.noSCTs = true
			s.scts = [][]byte{b.l.pki.logs.alpha.delivered(b.issue(s).Raw)}
		})
	},
	"sct-not-included": func(b *build) {
		b.audit(b.l.pki.logs.alpha.promised(forge.SCT{Time: time.Now().Add(-30 * time.Hour)}))
	},
	"sct-not-included-tiled": func(b *build) {
		b.audit(b.l.pki.logs.tiled.promised(forge.SCT{Extensions: forge.LeafIndex(5)}))
	},
	"sct-merge-pending": func(b *build) {
		b.audit(b.l.pki.logs.alpha.promised(forge.SCT{Time: time.Now().Add(-time.Hour)}))
	},
	"sct-log-behind": func(b *build) { b.audit(b.l.pki.logs.frozen.kept) },
	"sct-log-away":   func(b *build) { b.audit(b.l.pki.logs.broken.kept) },
	"sct-log-forged": func(b *build) { b.audit(b.l.pki.logs.forged.kept) },
	"sct-log-lies":   func(b *build) { b.audit(b.l.pki.logs.liar.kept) },

	"sct-list-old": func(b *build) {
		b.strict()
		b.list(80 * 24 * time.Hour)
		b.good(nil)
	},
	"sct-list-old-chrome": func(b *build) { b.oldBrowser(policy.CTChrome) },
	"sct-list-old-apple":  func(b *build) { b.oldBrowser(policy.CTApple) },
	"sct-list-test-key": func(b *build) {
		b.strict()
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

// auditing asks the logs, and leaves no question open unless the story says so.
func (b *build) auditing() {
	b.s.Access.Audit, b.s.Flags = true, []string{"--ct-audit"}
	for _, id := range []finding.ID{finding.CTNotIncluded, finding.CTAuditPending, finding.CTAuditUnavailable, finding.CTAuditBadAnswer, finding.CTLogBehind} {
		if len(b.s.Findings) == 0 || b.s.Findings[0] != id {
			b.s.Absent = append(b.s.Absent, id)
		}
	}
}

func (b *build) audit(scts ...embed) {
	b.auditing()
	b.sct(scts...)
}

// list gives the scenario a log list of that age, with more logs.
func (b *build) list(age time.Duration, more ...forge.Log) {
	b.s.LogList = b.l.pki.logList(time.Now().Add(-age), more...)
	var err error
	b.s.LogListFile, err = b.l.write(b.s.Name+".json", b.s.LogList)
	b.must(err)
}

func (b *build) oldBrowser(mode policy.CTMode) {
	b.browser()
	b.s.Policy.CT, b.s.Flags[1] = mode, mode.String()
	b.s.Absent = []finding.ID{finding.CTPolicyUnmet, finding.CTNoValidSCT}
	b.list(80 * 24 * time.Hour)
	b.sct(b.l.pki.logs.alpha.kept)
}

// chain serves a good leaf under an intermediate with those SCTs, or none, and
// asks for SCTs of both.
func (b *build) chain(scts ...embed) {
	b.s.Policy.CT, b.s.Policy.CTDepth, b.s.Flags = policy.CTStrict, policy.CTChain, []string{"--ct", "strict", "--ct-depth", "chain"}
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

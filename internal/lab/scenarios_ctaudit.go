package lab

import (
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

// ctAuditScenarios are about logs that are asked whether they published the
// certificate, and about the list of logs itself.
var ctAuditScenarios = []entry{
	{name: "sct-included", story: "Both logs prove that the certificate is in their tree.",
		want: report.Accept, make: func(b *build) { b.audit(b.l.pki.logs.alpha.kept, b.l.pki.logs.beta.kept) }},
	{name: "sct-included-tiled", story: "A static-ct log proves by its tiles that the certificate is in its tree.",
		want: report.Accept, make: func(b *build) { b.audit(b.l.pki.logs.tiled.kept) }},
	{name: "sct-included-by-tls", story: "The SCT comes in the handshake, and its log proves that the certificate is in its tree.",
		want: report.Accept, make: func(b *build) {
			b.auditing()
			b.good(func(s *site) {
				s.noSCTs = true
				s.scts = [][]byte{b.l.pki.logs.alpha.delivered(b.issue(s).Raw)}
			})
		}},
	{name: "sct-not-included", story: "The log promised the day before yesterday to publish the certificate, and has not.",
		want: report.Reject, findings: ids(finding.CTNotIncluded), make: func(b *build) {
			b.audit(b.l.pki.logs.alpha.promised(forge.SCT{Time: time.Now().Add(-30 * time.Hour)}))
		}},
	{name: "sct-not-included-tiled", story: "The place in the static-ct log's tree that the SCT names holds another certificate.",
		want: report.Reject, findings: ids(finding.CTNotIncluded), make: func(b *build) {
			b.audit(b.l.pki.logs.tiled.promised(forge.SCT{Extensions: forge.LeafIndex(5)}))
		}},
	{name: "sct-merge-pending", story: "The log promised an hour ago, has not published the certificate yet, and has the rest of the day for it.",
		want: report.Accept, findings: ids(finding.CTAuditPending), make: func(b *build) {
			b.audit(b.l.pki.logs.alpha.promised(forge.SCT{Time: time.Now().Add(-time.Hour)}))
		}},
	{name: "sct-log-behind", story: "The log has the certificate; its newest tree head is three days old.",
		want: report.Accept, findings: ids(finding.CTLogBehind), make: func(b *build) { b.audit(b.l.pki.logs.frozen.kept) }},
	{name: "sct-log-away", story: "The log does not answer: whether it has the certificate is not known.",
		want: report.Inconclusive, findings: ids(finding.CTAuditUnavailable), make: func(b *build) { b.audit(b.l.pki.logs.broken.kept) }},
	{name: "sct-log-forged", story: "The log's tree head is not signed with the log's key.",
		want: report.Inconclusive, findings: ids(finding.CTAuditBadAnswer), make: func(b *build) { b.audit(b.l.pki.logs.forged.kept) }},
	{name: "sct-log-lies", story: "The log says that it has the certificate; its proof leads to another tree.",
		want: report.Inconclusive, findings: ids(finding.CTAuditBadAnswer), make: func(b *build) { b.audit(b.l.pki.logs.liar.kept) }},

	{name: "sct-list-old", story: "The log list is eighty days old: strict is met by what it says, but nobody knows whether those logs are still trusted.",
		want: report.Inconclusive, findings: ids(finding.CTListStale), make: func(b *build) {
			b.strict()
			b.list(80 * 24 * time.Hour)
			b.good(nil)
		}},
	{name: "sct-list-old-chrome", story: "The log list is eighty days old: Chrome's policy, which one SCT does not meet, is not enforced any more.",
		want: report.Accept, findings: ids(finding.CTListStale), make: func(b *build) { b.oldBrowser("chrome") }},
	{name: "sct-list-old-apple", story: "The log list is eighty days old: Apple's policy, which one SCT does not meet, is not enforced any more.",
		want: report.Accept, findings: ids(finding.CTListStale), make: func(b *build) { b.oldBrowser("apple") }},
	{name: "sct-list-test-key", story: "The log list has a log whose private key is published: it is left out, and the others count.",
		want: report.Accept, findings: ids(finding.CTLogRefused), make: func(b *build) {
			b.strict()
			b.list(time.Hour, forge.Log{Key: &forge.Key{SPKI: mimicKey}, Description: "Mimic", Operator: "Mimic Operator", URL: "https://mimic.log." + Domain + "/"})
			b.good(nil)
		}},

	{name: "sct-chain", story: "Leaf and intermediate have valid SCTs, and the policy asks for both.",
		want: report.Accept, make: func(b *build) { b.chain(b.l.pki.logs.alpha.kept) }},
	{name: "sct-chain-missing", story: "The policy asks for SCTs of every certificate, and the intermediate has none.",
		want: report.Reject, findings: ids(finding.CTNoValidSCT), make: func(b *build) { b.chain() }},
	{name: "sct-chain-invalid", story: "The policy asks for SCTs of every certificate, and the intermediate's is not genuine.",
		want: report.Reject, findings: ids(finding.CTSCTInvalid, finding.CTNoValidSCT), make: func(b *build) {
			b.chain(b.l.pki.logs.alpha.promised(forge.SCT{MutateSig: forge.FlipMiddle}))
		}},
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
	b.s.Policy.CTAudit, b.s.Flags = true, []string{"--ct-audit"}
	for _, id := range ids(finding.CTNotIncluded, finding.CTAuditPending, finding.CTAuditUnavailable, finding.CTAuditBadAnswer, finding.CTLogBehind) {
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

func (b *build) oldBrowser(policy string) {
	b.browser()
	b.s.Policy.CT, b.s.Flags[1] = policy, policy
	b.s.Absent = ids(finding.CTPolicyUnmet, finding.CTNoValidSCT)
	b.list(80 * 24 * time.Hour)
	b.sct(b.l.pki.logs.alpha.kept)
}

// chain serves a good leaf under an intermediate with those SCTs, or none, and
// asks for SCTs of both.
func (b *build) chain(scts ...embed) {
	b.s.Policy.CT, b.s.Policy.CTDepth, b.s.Flags = "strict", "chain", []string{"--ct", "strict", "--ct-depth", "chain"}
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

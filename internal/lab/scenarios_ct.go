package lab

import (
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

// ctScenarios are about signed certificate timestamps. They are judged with
// the policy strict, and with the lab's log list.
var ctScenarios = []entry{
	{name: "sct-embedded", story: "Two SCTs of two operators are embedded and both are valid.",
		want: report.Accept, make: func(b *build) { b.strict(); b.good(nil) }},
	{name: "sct-by-tls", story: "The SCTs come in the TLS extension only.",
		want: report.Accept, make: func(b *build) {
			b.strict()
			b.good(func(s *site) {
				s.noSCTs = true
				raw := b.issue(s).Raw
				s.scts = [][]byte{forge.SCT{}.SignX509(b.l.pki.logs.alpha, raw), forge.SCT{}.SignX509(b.l.pki.logs.beta, raw)}
			})
		}},
	{name: "sct-by-staple", story: "The SCTs come in the stapled OCSP response only.",
		want: report.Accept, make: func(b *build) {
			b.strict()
			b.good(func(s *site) {
				s.noSCTs = true
				leaf := b.issue(s)
				list := forge.SCTList(forge.SCT{}.SignX509(b.l.pki.logs.alpha, leaf.Raw), forge.SCT{}.SignX509(b.l.pki.logs.beta, leaf.Raw))
				single := s.issuer.Good(leaf.Serial)
				single.Extensions = []forge.Ext{forge.OCSPSCTs(list)}
				b.staple(s, forge.OCSP{Singles: []forge.Single{single}}, nil)
			})
		}},
	{name: "sct-none", story: "No SCT at all, and the policy is strict.",
		want: report.Reject, findings: ids(finding.CTNoValidSCT), make: func(b *build) {
			b.strict()
			b.good(func(s *site) { s.noSCTs = true })
		}},
	{name: "sct-none-reported", story: "No SCT at all; the default policy reports that and enforces nothing.",
		want: report.Accept, findings: ids(finding.CTSCTMissing), make: func(b *build) {
			b.good(func(s *site) { s.noSCTs = true })
		}},
	{name: "sct-unknown-log", story: "The only SCT is of a log that is not on the list.",
		want: report.Reject, findings: ids(finding.CTSCTUnknownLog, finding.CTNoValidSCT), make: func(b *build) {
			b.strict()
			b.sct(func(s *site, tbs []byte) []byte {
				return forge.SCT{}.SignPrecert(b.l.pki.logs.unlisted, s.issuer.Key, tbs)
			})
		}},
	{name: "sct-bad-signature", story: "The only SCT claims a known log; its signature is wrong.",
		want: report.Reject, findings: ids(finding.CTSCTInvalid, finding.CTNoValidSCT), make: func(b *build) {
			b.strict()
			b.sct(func(s *site, tbs []byte) []byte {
				return forge.SCT{MutateSig: forge.FlipMiddle}.SignPrecert(b.l.pki.logs.alpha, s.issuer.Key, tbs)
			})
		}},
	{name: "sct-wrong-key", story: "The SCT names a known log and is signed with another log's key.",
		want: report.Reject, findings: ids(finding.CTSCTInvalid, finding.CTNoValidSCT), make: func(b *build) {
			b.strict()
			b.sct(func(s *site, tbs []byte) []byte {
				return forge.SCT{LogID: forge.LogID(b.l.pki.logs.alpha)}.SignPrecert(b.l.pki.logs.unlisted, s.issuer.Key, tbs)
			})
		}},
	{name: "sct-of-another", story: "The SCT is genuine and was made for another certificate.",
		want: report.Reject, findings: ids(finding.CTSCTInvalid, finding.CTNoValidSCT), make: func(b *build) {
			b.strict()
			b.sct(func(s *site, tbs []byte) []byte {
				return forge.SCT{}.SignPrecert(b.l.pki.logs.alpha, s.issuer.Key, append(forge.Flip(tbs), 0))
			})
		}},
	{name: "sct-from-future", story: "The SCT's timestamp is tomorrow.",
		want: report.Reject, findings: ids(finding.CTSCTFromFuture, finding.CTNoValidSCT), make: func(b *build) {
			b.strict()
			b.sct(func(s *site, tbs []byte) []byte {
				return forge.SCT{Time: time.Now().Add(24 * time.Hour)}.SignPrecert(b.l.pki.logs.alpha, s.issuer.Key, tbs)
			})
		}},
	{name: "sct-after-retirement", story: "The log was retired yesterday and the SCT is of today.",
		want: report.Accept, findings: ids(finding.CTSCTLogState), make: func(b *build) {
			b.sct(func(s *site, tbs []byte) []byte {
				return forge.SCT{}.SignPrecert(b.l.pki.logs.retired, s.issuer.Key, tbs)
			})
		}},
}

// strict asks for the policy that rejects when no SCT is valid.
func (b *build) strict() {
	b.s.Policy.CT, b.s.Flags = "strict", []string{"--ct", "strict"}
}

// sct serves a good site with one embedded SCT, the one that make returns.
func (b *build) sct(make func(s *site, tbs []byte) []byte) {
	s := b.site()
	c := s.cert
	c.Extensions = append(c.Extensions[:len(c.Extensions):len(c.Extensions)], forge.SAN(s.names...))
	s.leaf = s.issuer.WithSCTs(c, func(tbs []byte) [][]byte { return [][]byte{make(s, tbs)} })
	s.issuer.know(s.leaf.Serial)
	b.serve(s)
}

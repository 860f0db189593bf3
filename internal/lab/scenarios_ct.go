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
				s.scts = [][]byte{b.l.pki.logs.alpha.delivered(raw), b.l.pki.logs.beta.delivered(raw)}
			})
		}},
	{name: "sct-by-staple", story: "The SCTs come in the stapled OCSP response only.",
		want: report.Accept, make: func(b *build) {
			b.strict()
			b.good(func(s *site) {
				s.noSCTs = true
				leaf := b.issue(s)
				list := forge.SCTList(b.l.pki.logs.alpha.delivered(leaf.Raw), b.l.pki.logs.beta.delivered(leaf.Raw))
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
				return forge.SCT{MutateSig: forge.FlipMiddle}.SignPrecert(b.l.pki.logs.alpha.Key, s.issuer.Key, tbs)
			})
		}},
	{name: "sct-wrong-key", story: "The SCT names a known log and is signed with another log's key.",
		want: report.Reject, findings: ids(finding.CTSCTInvalid, finding.CTNoValidSCT), make: func(b *build) {
			b.strict()
			b.sct(func(s *site, tbs []byte) []byte {
				return forge.SCT{LogID: forge.LogID(b.l.pki.logs.alpha.Key)}.SignPrecert(b.l.pki.logs.unlisted, s.issuer.Key, tbs)
			})
		}},
	{name: "sct-of-another", story: "The SCT is genuine and was made for another certificate.",
		want: report.Reject, findings: ids(finding.CTSCTInvalid, finding.CTNoValidSCT), make: func(b *build) {
			b.strict()
			b.sct(func(s *site, tbs []byte) []byte {
				return forge.SCT{}.SignPrecert(b.l.pki.logs.alpha.Key, s.issuer.Key, append(forge.Flip(tbs), 0))
			})
		}},
	{name: "sct-from-future", story: "The SCT's timestamp is tomorrow.",
		want: report.Reject, findings: ids(finding.CTSCTFromFuture, finding.CTNoValidSCT), make: func(b *build) {
			b.strict()
			b.sct(func(s *site, tbs []byte) []byte {
				return forge.SCT{Time: time.Now().Add(24 * time.Hour)}.SignPrecert(b.l.pki.logs.alpha.Key, s.issuer.Key, tbs)
			})
		}},
	{name: "sct-no-log-list", story: "The policy is strict and there is no log list to check against.",
		want: report.Inconclusive, findings: ids(finding.CTNoLogList), make: func(b *build) {
			b.strict()
			b.s.NoLogList, b.s.Local = true, true
			b.good(nil)
		}},
	{name: "sct-browser", story: "By Chrome's rules: two SCTs of two operators are enough for a certificate of 62 days.",
		want: report.Accept, make: func(b *build) { b.browser(); b.good(nil) }},
	{name: "sct-browser-one", story: "By Chrome's rules: one SCT is not enough.",
		want: report.Reject, findings: ids(finding.CTPolicyUnmet), make: func(b *build) {
			b.browser()
			b.sct(func(s *site, tbs []byte) []byte {
				return forge.SCT{}.SignPrecert(b.l.pki.logs.alpha.Key, s.issuer.Key, tbs)
			})
		}},
	{name: "sct-browser-one-operator", story: "By Chrome's rules: two SCTs of logs that one operator runs are not enough.",
		want: report.Reject, findings: ids(finding.CTPolicyUnmet), make: func(b *build) {
			b.browser()
			logs := b.l.pki.logs
			b.sct(func(s *site, tbs []byte) []byte { return forge.SCT{}.SignPrecert(logs.alpha.Key, s.issuer.Key, tbs) },
				func(s *site, tbs []byte) []byte { return forge.SCT{}.SignPrecert(logs.gamma.Key, s.issuer.Key, tbs) })
		}},
	{name: "sct-before-retirement", story: "By Chrome's rules: the SCT of a log that was retired since counts beside that of a usable log, because it is older than the retirement.",
		want: report.Accept, make: func(b *build) {
			b.browser()
			logs := b.l.pki.logs
			b.sct(func(s *site, tbs []byte) []byte { return forge.SCT{}.SignPrecert(logs.alpha.Key, s.issuer.Key, tbs) },
				func(s *site, tbs []byte) []byte {
					return forge.SCT{Time: time.Now().Add(-30 * time.Hour)}.SignPrecert(logs.retired.Key, s.issuer.Key, tbs)
				})
		}},
	{name: "sct-wrong-interval", story: "The log takes only certificates that end in another year than this one.",
		want: report.Accept, findings: ids(finding.CTSCTInterval), make: func(b *build) {
			b.sct(func(s *site, tbs []byte) []byte {
				return forge.SCT{}.SignPrecert(b.l.pki.logs.sharded.Key, s.issuer.Key, tbs)
			})
		}},
	{name: "sct-twice", story: "The same SCT is embedded twice.",
		want: report.Accept, findings: ids(finding.CTSCTDuplicate), make: func(b *build) {
			var first []byte
			one := func(s *site, tbs []byte) []byte {
				if first == nil {
					first = forge.SCT{}.SignPrecert(b.l.pki.logs.alpha.Key, s.issuer.Key, tbs)
				}
				return first
			}
			b.sct(one, one)
		}},
	{name: "sct-after-retirement", story: "The log was retired yesterday and the SCT is of today.",
		want: report.Accept, findings: ids(finding.CTSCTLogState), make: func(b *build) {
			b.sct(func(s *site, tbs []byte) []byte {
				return forge.SCT{}.SignPrecert(b.l.pki.logs.retired.Key, s.issuer.Key, tbs)
			})
		}},
}

// strict asks for the policy that rejects when no SCT is valid.
func (b *build) strict() {
	b.s.Policy.CT, b.s.Flags = "strict", []string{"--ct", "strict"}
}

// browser asks for Chrome's policy and has the lab's roots count as public.
func (b *build) browser() {
	b.s.Policy.CT, b.s.Public = "chrome", true
	b.s.Flags = []string{"--ct", "chrome", "--public-root", b.l.RootFile}
}

// sct serves a good site with the embedded SCTs that the functions return.
func (b *build) sct(scts ...func(s *site, tbs []byte) []byte) {
	s := b.site()
	c := s.cert
	c.Extensions = append(c.Extensions[:len(c.Extensions):len(c.Extensions)], forge.SAN(s.names...))
	s.leaf = s.issuer.WithSCTs(c, func(tbs []byte) (list [][]byte) {
		for _, f := range scts {
			list = append(list, f(s, tbs))
		}
		return list
	})
	s.issuer.know(s.leaf.Serial)
	b.serve(s)
}

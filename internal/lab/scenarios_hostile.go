package lab

import (
	"io"
	"net"
	"strconv"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

// hostileText has an escape sequence that sets a terminal's title, a carriage
// return, a right-to-left override and markup.
const hostileText = "\x1b]0;owned\x07\rverified\u202egnp.exe<script>alert(1)</script>"

// hostileScenarios attack the tool that looks at them.
var hostileScenarios = []entry{
	{name: "hostile-subject", story: "Subject, issuer and names hold escape sequences, a carriage return, a right-to-left override and markup.",
		want: report.Reject, findings: ids(finding.GeneralNameMalformed), make: func(b *build) {
			p := b.l.pki
			key := forge.P256()
			ca := p.publish(p.root.Issue(forge.Cert{Subject: forge.OCN(hostileText, "Hostile CA "+hostileText), Key: key,
				Extensions: append([]forge.Ext{forge.BasicConstraints(true, -1), forge.KeyUsage(forge.KeyCertSign, forge.CRLSign), forge.SKI(key.ID()), forge.AKI(p.root.Key.ID())}, p.root.pointers()...)}), p.root)
			s := b.siteOf(ca)
			s.cert.Subject = forge.OCN(hostileText, b.s.Host)
			s.names = append(s.names, forge.DNS(hostileText), forge.URI("http://x/"+hostileText), forge.Email(hostileText+"@x"))
			b.serve(s)
		}},
	{name: "hostile-url", story: "The revocation pointers hold escape sequences, which no URL may.",
		want: report.Reject, findings: ids(finding.GeneralNameMalformed), make: func(b *build) {
			b.good(func(s *site) {
				s.set(forge.AIA([]string{"http://127.0.0.1:1/\x1b]0;owned\x07"}, nil), forge.CRLDP("ldap://\x1b[2J\r<script>/"))
			})
		}},
	{name: "hostile-banner", story: "The port speaks SSH, with escape sequences in its banner.",
		want: report.Inconclusive, findings: ids(finding.PlaintextSSH), make: func(b *build) {
			b.raw(func(c *net.TCPConn) {
				io.WriteString(c, "SSH-2.0-"+hostileText+"\r\n")
				readRecord(c)
			})
		}},
	{name: "hostile-http", story: "A web server without TLS whose answer holds escape sequences.",
		want: report.Inconclusive, findings: ids(finding.PlaintextHTTP), make: func(b *build) {
			b.raw(func(c *net.TCPConn) {
				readRecord(c)
				io.WriteString(c, "HTTP/1.1 400 "+hostileText+"\r\nServer: "+hostileText+"\r\n\r\n"+hostileText)
			})
		}},
	{name: "unparsable", story: "The certificate is 64 bytes of noise.",
		want: report.Reject, findings: ids(finding.CertUnreadable, finding.HandshakeCertUnusable), make: func(b *build) {
			b.good(func(s *site) {
				s.cert.MutateRaw = func([]byte) []byte {
					noise := make([]byte, 64)
					for i := range noise {
						noise[i] = byte(i*37 + 11)
					}
					return noise
				}
			})
		}},
	{name: "truncated", story: "The certificate ends in the middle.",
		want: report.Reject, findings: ids(finding.CertUnreadable), make: func(b *build) {
			b.good(func(s *site) { s.cert.MutateRaw = func(raw []byte) []byte { return raw[:len(raw)/2] } })
		}},
	{name: "trailing-byte", story: "One byte follows the certificate.",
		want: report.Reject, findings: ids(finding.CertTrailingData), make: func(b *build) {
			b.good(func(s *site) { s.cert.MutateRaw = func(raw []byte) []byte { return append(raw, 0) } })
		}},
	{name: "long-length", story: "The certificate's length is encoded in more bytes than DER allows.",
		want: report.Reject, findings: ids(finding.EncodingNotDER), make: func(b *build) {
			b.good(func(s *site) {
				s.cert.MutateRaw = func(raw []byte) []byte {
					_, body, _ := forge.SplitTLV(raw)
					return forge.LongTLV(0x30, 4, body)
				}
			})
		}},
	{name: "negative-serial", story: "The serial number is negative.",
		want: report.Reject, findings: ids(finding.SerialInvalid), make: func(b *build) {
			b.good(func(s *site) { s.cert.Serial = []byte{0x80, 1, 2, 3} })
		}},
	{name: "duplicate-extension", story: "The certificate has the same extension twice.",
		want: report.Reject, findings: ids(finding.ExtensionDuplicate), make: func(b *build) {
			b.good(func(s *site) { s.cert.Extensions = append(s.cert.Extensions, forge.EKU(forge.ServerAuth)) })
		}},
	{name: "month-thirteen", story: "The certificate is valid until the 13th month.",
		want: report.Reject, findings: ids(finding.NotAfterBad), make: func(b *build) {
			b.good(func(s *site) {
				s.cert.Validity = forge.Seq(forge.Time(s.cert.NotBefore), forge.TLV(0x17, []byte("261301000000Z")))
			})
		}},
	{name: "algorithms-differ", story: "The certificate names one signature algorithm inside and another one outside.",
		want: report.Reject, findings: ids(finding.SignatureAlgorithmInconsistent), make: func(b *build) {
			b.good(func(s *site) { s.cert.InnerAlg = forge.ECDSAWithSHA384.ID })
		}},
	{name: "many-certificates", story: "The server sends 90 certificates that have nothing to do with its own.",
		want: report.Accept, make: func(b *build) {
			b.good(func(s *site) {
				for i := range 90 {
					s.chain = append(s.chain, b.l.pki.rogue.Server("extra-"+strconv.Itoa(i)+"."+Domain, nil).Raw)
				}
			})
		}},
	{name: "many-paths", story: "The server sends 89 more certificates with its issuer's name and key, so that there are 90 paths to try. The search stops at its limit and refuses.",
		want: report.Reject, findings: ids(finding.BudgetPaths, finding.CRLBudget), make: func(b *build) {
			b.good(func(s *site) {
				for range 89 {
					s.chain = append(s.chain, b.l.pki.rogue.Issue(forge.Cert{Subject: s.issuer.Name, Key: s.issuer.Key,
						Extensions: []forge.Ext{forge.BasicConstraints(true, -1), forge.KeyUsage(forge.KeyCertSign, forge.CRLSign), forge.SKI(s.issuer.Key.ID())}}).Raw)
				}
			})
		}},
	{name: "many-pointers", story: "The certificate names 60 revocation lists. No more than the limit are asked, and that is said.",
		want: report.Inconclusive, findings: ids(finding.RevocationBudget), make: func(b *build) {
			b.good(func(s *site) {
				var urls []string
				for i := range 60 {
					urls = append(urls, b.gone()+"?"+strconv.Itoa(i))
				}
				s.set(forge.CRLDP(urls...))
			})
		}},
	{name: "many-downloads", story: "Ten intermediates name eight revocation lists each: more downloads than one judgement is worth.",
		want: report.Reject, findings: ids(finding.BudgetNeeds), make: func(b *build) {
			parent := b.l.pki.root
			var chain [][]byte
			for i := range 10 {
				var urls []string
				for j := range 8 {
					urls = append(urls, b.gone()+"?"+strconv.Itoa(10*i+j))
				}
				parent = b.ca(parent, "Level "+strconv.Itoa(i), forge.CRLDP(urls...))
				chain = append([][]byte{parent.Raw}, chain...)
			}
			s := b.siteOf(parent)
			s.chain = chain
			b.serve(s)
		}},
}

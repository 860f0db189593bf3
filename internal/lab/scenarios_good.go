package lab

import (
	"crypto/tls"
	"net"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

// goodScenarios must be accepted by everybody. The first one is the plain
// case: every other scenario of the lab differs from it in one thing.
var goodScenarios = []entry{
	{name: "good", story: "A P-256 certificate with its intermediate, a good OCSP answer, a current CRL and two SCTs. Nothing is wrong.",
		want: report.Accept, make: func(b *build) { b.good(nil) }},
	{name: "good-rsa", story: "An RSA-2048 certificate issued by an RSA-2048 CA.",
		want: report.Accept, make: func(b *build) {
			b.serve(b.siteOf(b.l.pki.rsa).key(forge.NewKey("RSA-2048#2")))
		}},
	{name: "good-p384", story: "A P-384 certificate under a P-384 CA, signed with SHA-384.",
		want: report.Accept, make: func(b *build) {
			ca := b.l.pki.intermediate(b.l.pki.root, "Assay Lab P-384 CA", forge.NewKey("P-384"))
			b.serve(b.siteOf(ca).key(forge.NewKey("P-384")))
		}},
	{name: "good-ed25519", story: "An Ed25519 certificate: browsers do not take them, the standards do.",
		want: report.Accept, make: func(b *build) { b.serve(b.site().key(forge.NewKey("Ed25519"))) }},
	{name: "good-tls12", story: "The server speaks nothing newer than TLS 1.2.",
		want: report.Accept, make: func(b *build) { b.good(func(s *site) { s.tls.MaxVersion = tls.VersionTLS12 }) }},
	{name: "good-tls13", story: "The server speaks TLS 1.3 only.",
		want: report.Accept, make: func(b *build) { b.good(func(s *site) { s.tls.MinVersion = tls.VersionTLS13 }) }},
	{name: "good-ip", story: "The target is an IP address and the certificate names it as one (iPAddress).",
		want: report.Accept, make: func(b *build) {
			b.s.Host = "127.0.0.1"
			b.good(func(s *site) { s.names = [][]byte{forge.IPRaw(net.IPv4(127, 0, 0, 1).To4())} })
		}},
	{name: "good-wildcard", story: "The certificate names *." + Domain + ", which covers one label.",
		want: report.Accept, make: func(b *build) {
			b.good(func(s *site) { s.names = [][]byte{forge.DNS("*." + Domain)} })
		}},
	{name: "good-staple", story: "The server staples a good OCSP response; with must-staple in the certificate this is what is required.",
		want: report.Accept, make: func(b *build) {
			b.good(func(s *site) {
				s.set(forge.MustStaple())
				b.staple(s, forge.OCSP{}, nil)
			})
		}},
	{name: "critical-must-staple", story: "Must-staple is marked critical and there is a good staple. That is in order; crypto/x509 refuses it, and so does the library.",
		want: report.Accept, findings: ids(finding.X509Disagrees), make: func(b *build) {
			b.good(func(s *site) {
				s.set(forge.MustStaple().Crit())
				b.staple(s, forge.OCSP{}, nil)
			})
		}},
	{name: "critical-directory-names", story: "The intermediate is constrained to directory names, critically, and keeps to it; crypto/x509 and the library refuse such constraints.",
		want: report.Accept, findings: ids(finding.X509Disagrees), make: func(b *build) {
			dir := forge.DirName(forge.DN(forge.Attr{OID: "2.5.4.10", Value: "Assay Lab"}))
			s := b.siteOf(b.ca(b.l.pki.root, "Directory", forge.NameConstraints([][]byte{dir}, nil)))
			s.cert.Subject = forge.OCN("Assay Lab", b.s.Host)
			b.serve(s)
		}},
	{name: "equivalent-names", story: "The leaf spells its issuer's name in another string type, case and spacing: equal by RFC 5280, not byte for byte, which is what crypto/x509 and the library want.",
		want: report.Accept, findings: ids(finding.X509Disagrees), make: func(b *build) {
			b.good(func(s *site) {
				const printable = 0x13
				s.cert.Issuer = forge.DN(forge.Attr{OID: "2.5.4.3", Tag: printable, Value: "ASSAY  Lab issuing CA"})
			})
		}},
	{name: "good-delegate", story: "The OCSP response is signed by a responder that the issuer delegated this to (id-kp-OCSPSigning, ocsp-nocheck).",
		want: report.Accept, make: func(b *build) {
			b.good(func(s *site) {
				s.onlyOCSP(b.responder(s, func(q question, o *forge.OCSP) *forge.CA {
					d := s.issuer.Responder("Assay Lab Responder", nil)
					o.Certs = [][]byte{d.Raw}
					return d
				}))
			})
		}},
	{name: "good-nonce", story: "The client sends a nonce and the responder returns the same one.",
		want: report.Accept, make: func(b *build) {
			b.s.Policy.Nonce, b.s.Flags = true, []string{"--nonce"}
			b.good(func(s *site) { s.onlyOCSP(s.issuer.ocspURL) })
		}},
	{name: "good-short-lived", story: "Valid for six days and without revocation pointers: that is how short-lived certificates are meant, so nothing is missing.",
		want: report.Accept, make: func(b *build) {
			b.good(func(s *site) {
				s.noPointers()
				s.cert.NotBefore = time.Now().Add(-24 * time.Hour)
				s.cert.NotAfter = s.cert.NotBefore.Add(6*24*time.Hour - time.Second)
			})
		}},
	{name: "good-no-rev-avail", story: "The certificate says that it cannot be revoked (noRevAvail, RFC 9608) and has no pointers.",
		want: report.Accept, make: func(b *build) {
			b.good(func(s *site) { s.noPointers().set(forge.NoRevAvail()) })
		}},
	{name: "good-partitioned-crl", story: "The CRL covers one partition and says so; its distribution point is the one in the certificate.",
		want: report.Accept, make: func(b *build) {
			b.good(func(s *site) {
				u := b.url("part1.crl")
				s.onlyCRL(u)
				b.file("part1.crl", s.issuer.CRL(forge.CRL{Extensions: []forge.Ext{forge.IDP{FullName: [][]byte{forge.URI(u)}}.Ext()}}))
			})
		}},
	{name: "good-name-constraints", story: "The intermediate may only issue for " + Domain + ", and does.",
		want: report.Accept, make: func(b *build) {
			b.serve(b.siteOf(b.ca(b.l.pki.root, "Constrained", forge.NameConstraints([][]byte{forge.DNS(Domain)}, nil))))
		}},
	{name: "unordered-chain", story: "Three certificates below the root, the intermediates sent in the wrong order. Every decent client copes.",
		want: report.Accept, make: func(b *build) {
			upper := b.ca(b.l.pki.root, "Upper")
			lower := b.ca(upper, "Lower")
			s := b.siteOf(lower)
			s.chain = [][]byte{upper.Raw, lower.Raw}
			b.serve(s)
		}},
	{name: "extra-certificates", story: "The server sends the root and two unrelated certificates as well.",
		want: report.Accept, make: func(b *build) {
			b.good(func(s *site) {
				s.chain = append(s.chain, b.l.pki.rsa.Raw, b.l.pki.rogue.Raw, b.l.pki.root.Raw)
			})
		}},
	{name: "cross-signed", story: "The intermediate's key has two certificates: one of the second root that has expired, sent first, and a current one. The path through the current one counts.",
		want: report.Accept, make: func(b *build) {
			ca := b.ca(b.l.pki.root, "Cross-Signed")
			cross := b.l.pki.second.Issue(forge.Cert{Subject: ca.Name, Key: ca.Key,
				NotBefore: time.Now().AddDate(-2, 0, 0), NotAfter: time.Now().AddDate(-1, 0, 0),
				Extensions: []forge.Ext{forge.BasicConstraints(true, -1), forge.KeyUsage(forge.KeyCertSign, forge.CRLSign), forge.SKI(ca.Key.ID()), forge.AKI(b.l.pki.second.Key.ID())}})
			s := b.siteOf(ca)
			s.chain = [][]byte{cross.Raw, ca.Raw}
			b.serve(s)
		}},
	{name: "missing-intermediate", story: "The server sends only its own certificate. It says where the intermediate can be fetched (AIA), so check finds it and warns: many clients will not.",
		want: report.Accept, findings: ids(finding.AIAMissing), make: func(b *build) {
			b.good(func(s *site) { s.chain = nil })
		}},
	{name: "no-pointers", story: "A certificate for 60 days with neither CRL nor OCSP address: it cannot be revoked, which is worth a warning.",
		want: report.Accept, findings: ids(finding.RevocationNoPointer), make: func(b *build) {
			b.good(func(s *site) { s.noPointers() })
		}},
	{name: "client-certificate-optional", story: "The server asks for a client certificate and accepts none.",
		want: report.Accept, make: func(b *build) {
			b.good(func(s *site) { s.tls.ClientAuth = tls.RequestClientCert })
		}},
}

package lab

import (
	"bytes"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

// pathScenarios are wrong in the certificate, the chain or the name.
var pathScenarios = []entry{
	{name: "expired", story: "The certificate ended yesterday.",
		want: report.Reject, findings: ids(finding.CertExpired), make: func(b *build) {
			b.good(func(s *site) {
				s.cert.NotBefore, s.cert.NotAfter = time.Now().AddDate(0, -2, 0), time.Now().Add(-24*time.Hour)
			})
		}},
	{name: "not-yet-valid", story: "The certificate begins tomorrow.",
		want: report.Reject, findings: ids(finding.CertNotYetValid), make: func(b *build) {
			b.good(func(s *site) { s.cert.NotBefore = time.Now().Add(24 * time.Hour) })
		}},
	{name: "expired-intermediate", story: "The certificate is good; the CA above it has expired.",
		want: report.Reject, findings: ids(finding.CertExpired), make: func(b *build) {
			p := b.l.pki
			key := forge.P256()
			old := p.publish(p.root.Issue(forge.Cert{Subject: forge.CN("Assay Lab Expired CA"), Key: key,
				NotBefore: time.Now().AddDate(-3, 0, 0), NotAfter: time.Now().AddDate(0, 0, -1),
				Extensions: []forge.Ext{forge.BasicConstraints(true, -1), forge.KeyUsage(forge.KeyCertSign, forge.CRLSign), forge.SKI(key.ID()), forge.AKI(p.root.Key.ID()), forge.CRLDP(p.root.crlURL)}}), p.root)
			b.serve(b.siteOf(old))
		}},
	{name: "wrong-host", story: "The certificate is for another name.",
		want: report.Reject, findings: ids(finding.NameMismatch), make: func(b *build) {
			b.good(func(s *site) { s.names = [][]byte{forge.DNS("elsewhere." + Domain)} })
		}},
	{name: "wildcard-too-deep", story: "The certificate names *." + Domain + ", and the host has two labels below it.",
		want: report.Reject, findings: ids(finding.NameMismatch), make: func(b *build) {
			b.s.Host = "a." + b.s.Host
			b.good(func(s *site) { s.names = [][]byte{forge.DNS("*." + Domain)} })
		}},
	{name: "ip-as-dns-name", story: "The target is an IP address; the certificate has it as a DNS name, where it does not count.",
		want: report.Reject, findings: ids(finding.IPMismatch), make: func(b *build) {
			b.s.Host = "127.0.0.1"
			b.good(func(s *site) { s.names = [][]byte{forge.DNS("127.0.0.1")} })
		}},
	{name: "common-name-only", story: "The host stands only in the subject's common name. That was given up in 2011; there is no subject alternative name.",
		want: report.Reject, findings: ids(finding.NamesMissing), make: func(b *build) {
			b.good(func(s *site) { s.names = nil })
		}},
	{name: "self-signed", story: "The certificate is signed with its own key and nobody knows it.",
		want: report.Reject, findings: ids(finding.LeafSelfSigned), make: func(b *build) {
			s := b.site()
			s.chain, s.noSCTs = nil, true
			own := forge.NewRoot(b.s.Host, s.cert.Key)
			s.leaf = own.Issue(forge.Cert{Subject: own.Name, Key: own.Key, NotAfter: time.Now().AddDate(0, 0, 60),
				Extensions: append(own.ServerExts(own.Key), forge.SAN(s.names...))})
			b.serve(s)
		}},
	{name: "untrusted-root", story: "A complete chain to a root that is not trusted.",
		want: report.Reject, findings: ids(finding.RootUntrusted), make: func(b *build) {
			p := b.l.pki
			s := b.siteOf(b.ca(p.rogue, "Rogue"))
			s.chain = append(s.chain, p.rogue.Raw)
			b.serve(s)
		}},
	{name: "no-roots", story: "The client trusts nobody at all: a machine without CA certificates.",
		want: report.Reject, findings: ids(finding.AnchorsEmpty), make: func(b *build) {
			b.s.NoRoots, b.s.Local = true, true
			b.good(nil)
		}},
	{name: "unknown-issuer", story: "The chain stops at an intermediate whose issuer is neither sent nor known, and there is no address to fetch it from.",
		want: report.Reject, findings: ids(finding.IssuerNotFound), make: func(b *build) {
			ca := b.ca(b.l.pki.rogue, "Orphaned", forge.AIA([]string{"http://127.0.0.1:9/ocsp"}, nil))
			b.serve(b.siteOf(ca))
		}},
	{name: "missing-intermediate-no-aia", story: "The server sends only its own certificate, and nothing says where the intermediate is.",
		want: report.Reject, findings: ids(finding.IssuerNotFound), make: func(b *build) {
			b.good(func(s *site) {
				s.chain = nil
				s.set(forge.AIA([]string{s.issuer.ocspURL}, nil))
			})
		}},
	{name: "missing-intermediate-bad-aia", story: "The server sends only its own certificate, and the address of the intermediate answers 404.",
		want: report.Reject, findings: ids(finding.IssuerNotFound, finding.AIAUnavailable), make: func(b *build) {
			b.good(func(s *site) {
				s.chain = nil
				s.set(forge.AIA([]string{s.issuer.ocspURL}, []string{b.url("gone.cer")}))
			})
		}},
	{name: "same-name-other-key", story: "The chain holds a CA certificate with the issuer's name and another key: the signature does not fit.",
		want: report.Reject, findings: ids(finding.SignatureInvalid), make: func(b *build) {
			p := b.l.pki
			imposter := p.root.Intermediate("Assay Lab Imposter CA", nil)
			real := p.intermediate(p.root, "Assay Lab Imposter CA", nil)
			s := b.siteOf(real)
			s.chain = [][]byte{imposter.Raw}
			s.set(forge.AKI(imposter.Key.ID()), forge.AIA([]string{real.ocspURL}, nil))
			b.serve(s)
		}},
	{name: "bad-signature", story: "One bit of the certificate's signature is wrong.",
		want: report.Reject, findings: ids(finding.SignatureInvalid), make: func(b *build) {
			b.good(func(s *site) { s.cert.MutateSig = forge.Flip })
		}},
	{name: "tampered", story: "The name in the certificate was changed after it was signed.",
		want: report.Reject, findings: ids(finding.SignatureInvalid), make: func(b *build) {
			b.good(func(s *site) {
				s.names = [][]byte{forge.DNS("tampereD." + Domain)}
				s.cert.MutateRaw = func(raw []byte) []byte {
					return bytes.ReplaceAll(raw, []byte("tampereD."), []byte("tampered."))
				}
			})
		}},
	{name: "weak-key", story: "The certificate's RSA key has 1024 bits.",
		want: report.Reject, findings: ids(finding.LeafKeyWeak), make: func(b *build) {
			b.serve(b.siteOf(b.l.pki.rsa).key(forge.RSA(1024)))
		}},
	{name: "sha1", story: "The certificate is signed with SHA-1, for which collisions have been made.",
		want: report.Reject, findings: ids(finding.SignatureWeak), make: func(b *build) {
			s := b.siteOf(b.l.pki.rsa)
			s.cert.Alg = forge.SHA1WithRSA
			b.serve(s)
		}},
	{name: "md5", story: "The certificate is signed with MD5, with which a CA certificate has been forged.",
		want: report.Reject, findings: ids(finding.SignatureWeak), make: func(b *build) {
			s := b.siteOf(b.l.pki.rsa)
			s.cert.Alg = forge.MD5WithRSA
			b.serve(s)
		}},
	{name: "issuer-not-a-ca", story: "A server certificate was used to sign another one.",
		want: report.Reject, findings: ids(finding.IssuerNotCA), make: func(b *build) {
			p := b.l.pki
			a := p.publish(p.ica.Server("leaf-as-ca."+Domain, nil, p.ica.pointers()...), p.ica)
			s := b.siteOf(a)
			s.chain = [][]byte{a.Raw, p.ica.Raw}
			b.serve(s)
		}},
	{name: "issuer-version-1", story: "The intermediate is a version 1 certificate, which cannot say that it is a CA.",
		want: report.Reject, findings: ids(finding.IssuerNotCA), make: func(b *build) {
			p := b.l.pki
			key := forge.P256()
			a := p.publish(p.root.Issue(forge.Cert{Version: 1, Subject: forge.CN("Assay Lab Version 1 CA"), Key: key}), p.root)
			b.serve(b.siteOf(a))
		}},
	{name: "path-length", story: "The upper CA allows no CA below itself, and there is one.",
		want: report.Reject, findings: ids(finding.PathLenExceeded), make: func(b *build) {
			upper := b.ca(b.l.pki.root, "Last", forge.BasicConstraints(true, 0))
			lower := b.ca(upper, "Too Deep")
			s := b.siteOf(lower)
			s.chain = append(s.chain, upper.Raw)
			b.serve(s)
		}},
	{name: "issuer-key-usage", story: "The intermediate's key usage does not allow signing certificates.",
		want: report.Reject, findings: ids(finding.IssuerMayNotSign), make: func(b *build) {
			b.serve(b.siteOf(b.ca(b.l.pki.root, "Not Signing", forge.KeyUsage(forge.DigitalSignature, forge.CRLSign))))
		}},
	{name: "client-eku", story: "The certificate is for clients only (extended key usage).",
		want: report.Reject, findings: ids(finding.PurposeNotAllowed), make: func(b *build) {
			b.good(func(s *site) { s.set(forge.EKU(forge.ClientAuth)) })
		}},
	{name: "issuer-eku", story: "The intermediate is restricted to e-mail certificates and issued one for a server.",
		want: report.Reject, findings: ids(finding.CAPurposeNotAllowed), make: func(b *build) {
			b.serve(b.siteOf(b.ca(b.l.pki.root, "E-Mail", forge.EKU(forge.EmailProtection))))
		}},
	{name: "leaf-key-usage", story: "The certificate's key may encipher but not sign, and the handshake had it sign.",
		want: report.Reject, findings: ids(finding.KeyUsageInsufficient, finding.X509Disagrees), make: func(b *build) {
			b.good(func(s *site) { s.set(forge.KeyUsage(forge.KeyAgreement)) })
		}},
	{name: "critical-extension", story: "The certificate has a critical extension that nobody knows, so nobody may accept it.",
		want: report.Reject, findings: ids(finding.CriticalUnknown), make: func(b *build) {
			b.good(func(s *site) { s.set(forge.Unknown(true)) })
		}},
	{name: "name-constraints", story: "The intermediate may only issue for another domain.",
		want: report.Reject, findings: ids(finding.NameNotPermitted), make: func(b *build) {
			b.serve(b.siteOf(b.ca(b.l.pki.root, "Elsewhere", forge.NameConstraints([][]byte{forge.DNS("elsewhere.test")}, nil))))
		}},
	{name: "name-excluded", story: "The intermediate may issue for everything but " + Domain + ".",
		want: report.Reject, findings: ids(finding.NameExcluded), make: func(b *build) {
			b.serve(b.siteOf(b.ca(b.l.pki.root, "Excluded", forge.NameConstraints(nil, [][]byte{forge.DNS(Domain)}))))
		}},
	{name: "ip-range-excluded", story: "The intermediate may not issue for 9.0.0.0/8 and 127.0.0.0/8, the latter written with host bits set (127.9.9.9/8): crypto/x509 overlooks that.",
		want: report.Reject, findings: ids(finding.NameExcluded, finding.X509Disagrees), make: func(b *build) {
			b.s.Host = "127.0.0.1"
			sloppy := [][]byte{forge.IPNet("9.0.0.0/8"), forge.IPRaw([]byte{127, 9, 9, 9, 255, 0, 0, 0})}
			s := b.siteOf(b.ca(b.l.pki.root, "No Loopback", forge.NameConstraints(nil, sloppy)))
			s.names = [][]byte{forge.IPRaw([]byte{127, 0, 0, 1})}
			b.serve(s)
		}},
	{name: "explicit-policy", story: "The intermediate requires a policy that the certificate does not have.",
		want: report.Reject, findings: ids(finding.PolicyMissing), make: func(b *build) {
			b.serve(b.siteOf(b.ca(b.l.pki.root, "Explicit Policy", forge.Policies("1.3.6.1.4.1.55555.2.1"), forge.PolicyConstraints(0, -1))))
		}},
	{name: "precertificate", story: "The server presents the precertificate that was meant for CT logs only (critical poison extension).",
		want: report.Reject, findings: ids(finding.CertIsPrecertificate), make: func(b *build) {
			b.good(func(s *site) { s.set(forge.Poison()); s.noSCTs = true })
		}},
	{name: "signature-loop", story: "Two CAs that certified each other and no root: the search must end.",
		want: report.Reject, findings: ids(finding.IssuerNotFound), make: func(b *build) {
			p := b.l.pki
			ka, kb := forge.P256(), forge.P256()
			na, nb := forge.CN("Assay Lab Loop A"), forge.CN("Assay Lab Loop B")
			exts := func(k, by *forge.Key) []forge.Ext {
				return []forge.Ext{forge.BasicConstraints(true, -1), forge.KeyUsage(forge.KeyCertSign, forge.CRLSign), forge.SKI(k.ID()), forge.AKI(by.ID())}
			}
			first := p.publish((&forge.CA{Name: nb, Key: kb}).Issue(forge.Cert{Subject: na, Key: ka, Extensions: exts(ka, kb)}), nil)
			second := first.Issue(forge.Cert{Subject: nb, Key: kb, Extensions: exts(kb, ka)})
			s := b.siteOf(first)
			s.set(forge.AIA([]string{first.ocspURL}, nil))
			s.chain = [][]byte{first.Raw, second.Raw}
			b.serve(s)
		}},
}

package lab

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

// revocationScenarios are about OCSP, stapling and CRLs; those about the
// downloads themselves are in scenarios_download.go.
var revocationScenarios = append([]entry{
	{name: "revoked", story: "Revoked: the CRL and the OCSP responder agree.",
		want: report.Reject, findings: ids(finding.CertRevoked), make: func(b *build) {
			b.good(func(s *site) { s.issuer.revoke(s.cert.Serial, forge.KeyCompromise) })
		}},
	{name: "revoked-by-ocsp", story: "Revoked, and OCSP is the only source.",
		want: report.Reject, findings: ids(finding.CertRevoked), make: func(b *build) {
			b.good(func(s *site) {
				s.onlyOCSP(s.issuer.ocspURL)
				s.issuer.revoke(s.cert.Serial, forge.Superseded)
			})
		}},
	{name: "revoked-by-crl", story: "Revoked, and the CRL is the only source.",
		want: report.Reject, findings: ids(finding.CertRevoked), make: func(b *build) {
			b.good(func(s *site) {
				s.onlyCRL(s.issuer.crlURL)
				s.issuer.revoke(s.cert.Serial, forge.Superseded)
			})
		}},
	{name: "revoked-on-hold", story: "The certificate is on hold, which can be undone. Now it is revoked.",
		want: report.Reject, findings: ids(finding.CertRevoked), make: func(b *build) {
			b.good(func(s *site) {
				s.onlyCRL(s.issuer.crlURL)
				s.issuer.revoke(s.cert.Serial, forge.CertificateHold)
			})
		}},
	{name: "revoked-by-staple", story: "The server staples, honestly, that its certificate is revoked; OCSP and CRL still say good. Revoked wins.",
		want: report.Reject, findings: ids(finding.CertRevoked, finding.RevocationDisagree), make: func(b *build) {
			b.good(func(s *site) {
				b.issue(s)
				b.staple(s, forge.OCSP{Singles: []forge.Single{s.issuer.RevokedSingle(s.leaf.Serial, forge.KeyCompromise)}}, nil)
			})
		}},
	{name: "revoked-good-staple", story: "The server staples an answer that says good, and the CRL has revoked the certificate since.",
		want: report.Reject, findings: ids(finding.CertRevoked, finding.RevocationDisagree), make: func(b *build) {
			b.good(func(s *site) {
				s.onlyCRL(s.issuer.crlURL)
				b.staple(s, forge.OCSP{}, nil)
				s.issuer.revoke(s.leaf.Serial, forge.KeyCompromise)
			})
		}},
	{name: "revoked-intermediate", story: "The CA above the certificate is revoked.",
		want: report.Reject, findings: ids(finding.CertRevoked), make: func(b *build) {
			ca := b.ca(b.l.pki.root, "Revoked")
			b.l.pki.root.revoke(ca.Serial, forge.CACompromise)
			b.serve(b.siteOf(ca))
		}},
	{name: "revoked-intermediate-alternate", story: "The CA's certificate by one root is revoked, its cross-certificate by the other root is not: the second path is accepted, with a warning.",
		want: report.Accept, findings: ids(finding.AlternatePathRevoked), make: func(b *build) {
			p := b.l.pki
			ca := b.ca(p.root, "Half Revoked")
			p.root.revoke(ca.Serial, forge.Superseded)
			cross := p.second.Issue(forge.Cert{Subject: ca.Name, Key: ca.Key, NotAfter: time.Now().AddDate(1, 0, 0),
				Extensions: []forge.Ext{forge.BasicConstraints(true, -1), forge.KeyUsage(forge.KeyCertSign, forge.CRLSign), forge.SKI(ca.Key.ID()), forge.AKI(p.second.Key.ID()),
					forge.AIA(nil, []string{p.second.cerURL}), forge.CRLDP(p.second.crlURL)}})
			s := b.siteOf(ca)
			s.chain = [][]byte{ca.Raw, cross.Raw}
			b.serve(s)
		}},
	{name: "sources-disagree", story: "OCSP says good and the CRL says revoked. Revoked wins.",
		want: report.Reject, findings: ids(finding.CertRevoked, finding.RevocationDisagree), make: func(b *build) {
			b.good(func(s *site) {
				s.issuer.revoke(s.cert.Serial, forge.KeyCompromise)
				u := b.responder(s, func(q question, o *forge.OCSP) *forge.CA { o.Singles[0].Status = forge.StatusGood; return nil })
				s.set(forge.AIA([]string{u}, []string{s.issuer.cerURL}))
			})
		}},

	// Staples.
	{name: "staple-stale", story: "The staple says good and its time is over; OCSP and CRL are fine.",
		want: report.Accept, findings: ids(finding.OCSPStale), make: func(b *build) {
			b.good(func(s *site) { b.staleStaple(s) })
		}},
	{name: "staple-stale-alone", story: "The staple is stale and there is no other source: that is not good.",
		want: report.Inconclusive, findings: ids(finding.OCSPStale), make: func(b *build) {
			b.good(func(s *site) { s.onlyOCSP(b.gone()); b.staleStaple(s) })
		}},
	{name: "staple-foreign", story: "The staple is about another certificate of the same CA; no other source answers.",
		want: report.Inconclusive, findings: ids(finding.OCSPOtherCertificate), make: func(b *build) {
			b.good(func(s *site) {
				s.onlyOCSP(b.gone())
				b.staple(s, forge.OCSP{Singles: []forge.Single{s.issuer.Good(forge.RandomSerial())}}, nil)
			})
		}},
	{name: "staple-try-later", story: "The server staples the responder's error message tryLater, as some do.",
		want: report.Accept, findings: ids(finding.StapleErrorStatus), make: func(b *build) {
			b.good(func(s *site) { b.staple(s, forge.OCSP{Status: forge.TryLater}, nil) })
		}},
	{name: "staple-garbage", story: "The staple is no OCSP response at all; OCSP and CRL are fine.",
		want: report.Accept, findings: ids(finding.OCSPMalformed), make: func(b *build) {
			b.good(func(s *site) { b.issue(s); s.staple = []byte("<html>502 Bad Gateway</html>") })
		}},
	{name: "staple-sibling", story: "The staple is signed by another server's certificate of the same CA, which may not sign OCSP.",
		want: report.Inconclusive, findings: ids(finding.OCSPResponderUnauthorized), make: func(b *build) {
			b.good(func(s *site) {
				s.onlyOCSP(b.gone())
				sibling := s.issuer.Server("sibling."+Domain, nil)
				b.staple(s, forge.OCSP{Certs: [][]byte{sibling.Raw}}, sibling)
			})
		}},
	{name: "staple-bad-signature", story: "One bit of the staple's signature is wrong; no other source answers.",
		want: report.Inconclusive, findings: ids(finding.OCSPSignatureInvalid), make: func(b *build) {
			b.good(func(s *site) {
				s.onlyOCSP(b.gone())
				b.staple(s, forge.OCSP{MutateSig: forge.Flip}, nil)
			})
		}},
	{name: "staple-from-future", story: "The staple was made for tomorrow; OCSP and CRL are fine.",
		want: report.Accept, findings: ids(finding.OCSPNotYetValid), make: func(b *build) {
			b.good(func(s *site) {
				b.issue(s)
				g := s.issuer.Good(s.leaf.Serial)
				g.ThisUpdate = time.Now().Add(24 * time.Hour)
				b.staple(s, forge.OCSP{Singles: []forge.Single{g}}, nil)
			})
		}},
	{name: "must-staple-missing", story: "The certificate demands a staple and the server sends none, though OCSP says good.",
		want: report.Reject, findings: ids(finding.MustStapleMissing), make: func(b *build) {
			b.good(func(s *site) { s.set(forge.MustStaple()) })
		}},
	{name: "must-staple-stale", story: "The certificate demands a staple and the one sent is stale.",
		want: report.Reject, findings: ids(finding.MustStapleInvalid), make: func(b *build) {
			b.good(func(s *site) { s.set(forge.MustStaple()); b.staleStaple(s) })
		}},
	{name: "must-staple-inherited", story: "The CA's certificate demands must-staple of all it issues; this certificate lacks it.",
		want: report.Reject, findings: ids(finding.TLSFeatureNotInherited), make: func(b *build) {
			b.serve(b.siteOf(b.ca(b.l.pki.root, "Must Staple", forge.MustStaple())))
		}},

	// OCSP answers.
	{name: "ocsp-unknown", story: "The responder signs that it does not know the certificate. Unknown is not good.",
		want: report.Inconclusive, findings: ids(finding.OCSPStatusUnknown), make: func(b *build) {
			b.ocsp(func(s *site, q question, o *forge.OCSP) *forge.CA {
				o.Singles[0].Status = forge.StatusUnknown
				return nil
			})
		}},
	{name: "ocsp-unauthorized", story: "The responder answers unauthorized: it has no information.",
		want: report.Inconclusive, findings: ids(finding.OCSPErrorStatus), make: func(b *build) {
			b.ocsp(func(s *site, q question, o *forge.OCSP) *forge.CA { o.Status = forge.Unauthorized; return nil })
		}},
	{name: "ocsp-try-later", story: "The responder answers tryLater: it has no information.",
		want: report.Inconclusive, findings: ids(finding.OCSPTryLater), make: func(b *build) {
			b.ocsp(func(s *site, q question, o *forge.OCSP) *forge.CA { o.Status = forge.TryLater; return nil })
		}},
	{name: "ocsp-down", story: "The responder's port refuses connections and there is no other source.",
		want: report.Inconclusive, findings: ids(finding.FetchFailed, finding.RevocationUnavailable), make: func(b *build) {
			b.good(func(s *site) { s.onlyOCSP(b.deadURL("ocsp")) })
		}},
	{name: "ocsp-down-crl-good", story: "The responder is down and the CRL says good: accepted, with a warning.",
		want: report.Accept, findings: ids(finding.FetchFailed), make: func(b *build) {
			b.good(func(s *site) { s.set(forge.AIA([]string{b.deadURL("ocsp")}, []string{s.issuer.cerURL})) })
		}},
	{name: "ocsp-delegate-no-eku", story: "The response is signed by a certificate of the issuer that lacks id-kp-OCSPSigning.",
		want: report.Inconclusive, findings: ids(finding.OCSPResponderUnauthorized), make: func(b *build) {
			b.ocsp(func(s *site, q question, o *forge.OCSP) *forge.CA {
				d := s.issuer.Responder("Assay Lab Not A Responder", nil, forge.EKU(forge.ServerAuth, forge.AnyEKU))
				o.Certs = [][]byte{d.Raw}
				return d
			})
		}},
	{name: "ocsp-delegate-expired", story: "The responder's certificate has expired.",
		want: report.Inconclusive, findings: ids(finding.OCSPResponderExpired), make: func(b *build) {
			b.ocsp(func(s *site, q question, o *forge.OCSP) *forge.CA {
				key := forge.P256()
				d := s.issuer.Issue(forge.Cert{Subject: forge.CN("Assay Lab Expired Responder"), Key: key,
					NotBefore: time.Now().AddDate(0, -2, 0), NotAfter: time.Now().AddDate(0, 0, -1),
					Extensions: []forge.Ext{forge.KeyUsage(forge.DigitalSignature), forge.EKU(forge.OCSPSigning), forge.OCSPNoCheck(), forge.SKI(key.ID()), forge.AKI(s.issuer.Key.ID())}})
				o.Certs = [][]byte{d.Raw}
				return d
			})
		}},
	{name: "ocsp-delegate-foreign", story: "The responder's certificate is in order and of another CA.",
		want: report.Inconclusive, findings: ids(finding.OCSPResponderUnauthorized), make: func(b *build) {
			b.ocsp(func(s *site, q question, o *forge.OCSP) *forge.CA {
				d := b.l.pki.rsa.Responder("Assay Lab Foreign Responder", nil)
				o.Certs = [][]byte{d.Raw}
				return d
			})
		}},
	{name: "ocsp-delegate-revoked", story: "The responder's own certificate has been revoked, and its CRL says so.",
		want: report.Inconclusive, findings: ids(finding.OCSPResponderRevoked), make: func(b *build) {
			p := b.l.pki
			key := forge.P256()
			d := p.ica.Issue(forge.Cert{Subject: forge.CN("Assay Lab Revoked Responder"), Key: key,
				Extensions: []forge.Ext{forge.BasicConstraints(false, -1), forge.KeyUsage(forge.DigitalSignature), forge.EKU(forge.OCSPSigning), forge.SKI(key.ID()), forge.AKI(p.ica.Key.ID()), forge.CRLDP(p.ica.crlURL)}})
			p.ica.know(d.Serial)
			p.ica.revoke(d.Serial, forge.KeyCompromise)
			b.ocsp(func(s *site, q question, o *forge.OCSP) *forge.CA { o.Certs = [][]byte{d.Raw}; return d })
		}},
	{name: "ocsp-stale", story: "The responder delivers last month's answer.",
		want: report.Inconclusive, findings: ids(finding.OCSPStale), make: func(b *build) {
			s := b.site()
			s.cert.NotBefore = time.Now().AddDate(0, 0, -60)
			s.onlyOCSP(b.responder(s, func(q question, o *forge.OCSP) *forge.CA {
				o.Singles[0].ThisUpdate = time.Now().AddDate(0, 0, -30)
				o.ProducedAt = o.Singles[0].ThisUpdate
				return nil
			}))
			b.serve(s)
		}},
	{name: "ocsp-other-certificate", story: "The responder answers, good, about another certificate.",
		want: report.Inconclusive, findings: ids(finding.OCSPOtherCertificate), make: func(b *build) {
			b.ocsp(func(s *site, q question, o *forge.OCSP) *forge.CA {
				o.Singles[0].ID = s.issuer.CertID(forge.Serial(4711))
				return nil
			})
		}},
	{name: "ocsp-other-issuer", story: "The responder's answer has the right serial number and another issuer's key hash.",
		want: report.Inconclusive, findings: ids(finding.OCSPOtherCertificate), make: func(b *build) {
			b.ocsp(func(s *site, q question, o *forge.OCSP) *forge.CA {
				o.Singles[0].ID = certID(b.l.pki.root, q.serial)
				return nil
			})
		}},
	{name: "ocsp-bad-signature", story: "One bit of the response's signature is wrong.",
		want: report.Inconclusive, findings: ids(finding.OCSPSignatureInvalid), make: func(b *build) {
			b.ocsp(func(s *site, q question, o *forge.OCSP) *forge.CA { o.MutateSig = forge.Flip; return nil })
		}},
	{name: "ocsp-wrong-nonce", story: "The client sends a nonce and another one comes back: a replayed answer.",
		want: report.Inconclusive, findings: ids(finding.OCSPNonceMismatch), make: func(b *build) {
			b.s.Policy.Nonce, b.s.Flags = true, []string{"--nonce"}
			b.ocsp(func(s *site, q question, o *forge.OCSP) *forge.CA {
				o.Nonce = []byte("0123456789abcdef0123456789abcdef")
				return nil
			})
		}},
	{name: "ocsp-no-nonce", story: "The client sends a nonce and the responder ignores it, as most do: fine.",
		want: report.Accept, findings: ids(finding.OCSPNonceAbsent), make: func(b *build) {
			b.s.Policy.Nonce, b.s.Flags = true, []string{"--nonce"}
			b.ocsp(func(s *site, q question, o *forge.OCSP) *forge.CA { o.Nonce = nil; return nil })
		}},
	{name: "ocsp-critical-extension", story: "The response has a critical extension that nobody knows.",
		want: report.Inconclusive, findings: ids(finding.OCSPCriticalExtension), make: func(b *build) {
			b.ocsp(func(s *site, q question, o *forge.OCSP) *forge.CA {
				o.Extensions = []forge.Ext{forge.Unknown(true)}
				return nil
			})
		}},
	{name: "ocsp-statuses-differ", story: "One response says both good and revoked about the certificate. The worse one counts.",
		want: report.Reject, findings: ids(finding.CertRevoked, finding.OCSPStatusesDiffer), make: func(b *build) {
			b.ocsp(func(s *site, q question, o *forge.OCSP) *forge.CA {
				o.Singles = append(o.Singles, forge.Single{ID: q.id, Status: forge.StatusRevoked})
				return nil
			})
		}},

	{name: "ocsp-responder-unknown", story: "The response is signed by a delegate whose certificate is nowhere to be found.",
		want: report.Inconclusive, findings: ids(finding.OCSPResponderUnknown), make: func(b *build) {
			b.ocsp(func(s *site, q question, o *forge.OCSP) *forge.CA {
				return s.issuer.Responder("Assay Lab Hidden Responder", nil)
			})
		}},
	{name: "ocsp-before-certificate", story: "The response was made a month before the certificate existed.",
		want: report.Inconclusive, findings: ids(finding.OCSPTimesInvalid), make: func(b *build) {
			b.ocsp(func(s *site, q question, o *forge.OCSP) *forge.CA {
				o.ProducedAt = time.Now().AddDate(0, 0, -30)
				o.Singles[0].ThisUpdate, o.Singles[0].NextUpdate = o.ProducedAt, time.Now().AddDate(0, 0, 3)
				return nil
			})
		}},
	{name: "ocsp-sha1", story: "The response is signed with SHA-1: it counts, with a warning.",
		want: report.Accept, findings: ids(finding.OCSPWeakSignature), make: func(b *build) {
			s := b.siteOf(b.l.pki.rsa)
			s.onlyOCSP(b.responder(s, func(q question, o *forge.OCSP) *forge.CA { o.Alg = forge.SHA1WithRSA; return nil }))
			b.serve(s)
		}},
	{name: "ocsp-md5", story: "The response is signed with MD5: anybody could have made it.",
		want: report.Inconclusive, findings: ids(finding.OCSPSignatureUnsupported), make: func(b *build) {
			s := b.siteOf(b.l.pki.rsa)
			s.onlyOCSP(b.responder(s, func(q question, o *forge.OCSP) *forge.CA { o.Alg = forge.MD5WithRSA; return nil }))
			b.serve(s)
		}},
	{name: "ocsp-many-certificates", story: "The response carries 200 certificates.",
		want: report.Inconclusive, findings: ids(finding.OCSPBudget), make: func(b *build) {
			b.ocsp(func(s *site, q question, o *forge.OCSP) *forge.CA {
				for range 200 {
					o.Certs = append(o.Certs, s.issuer.Raw)
				}
				return nil
			})
		}},

	// CRLs.
	{name: "crl-stale", story: "The CRL ended yesterday and there is no other source.",
		want: report.Inconclusive, findings: ids(finding.CRLStale), make: func(b *build) {
			b.crl(func(s *site, c *forge.CRL) {
				c.ThisUpdate, c.NextUpdate = time.Now().AddDate(0, 0, -8), time.Now().AddDate(0, 0, -1)
			})
		}},
	{name: "crl-not-yet-valid", story: "The CRL is from tomorrow.",
		want: report.Inconclusive, findings: ids(finding.CRLNotYetValid), make: func(b *build) {
			b.crl(func(s *site, c *forge.CRL) { c.ThisUpdate = time.Now().AddDate(0, 0, 1) })
		}},
	{name: "crl-other-partition", story: "At the distribution point lies the CRL of another partition: it does not list the certificate and says nothing about it.",
		want: report.Inconclusive, findings: ids(finding.CRLOtherPartition), make: func(b *build) {
			b.crl(func(s *site, c *forge.CRL) {
				c.Extensions = []forge.Ext{forge.IDP{FullName: [][]byte{forge.URI(b.url("another.crl"))}}.Ext()}
			})
		}},
	{name: "crl-only-ca", story: "The CRL covers CA certificates only.",
		want: report.Inconclusive, findings: ids(finding.CRLOtherKind), make: func(b *build) {
			b.crl(func(s *site, c *forge.CRL) {
				c.Extensions = []forge.Ext{forge.IDP{FullName: [][]byte{forge.URI(b.url("list.crl"))}, OnlyCA: true}.Ext()}
			})
		}},
	{name: "crl-bad-signature", story: "One bit of the CRL's signature is wrong.",
		want: report.Inconclusive, findings: ids(finding.CRLSignatureInvalid), make: func(b *build) {
			b.crl(func(s *site, c *forge.CRL) { c.MutateSig = forge.Flip })
		}},
	{name: "crl-critical-extension", story: "The CRL has a critical extension that nobody knows.",
		want: report.Inconclusive, findings: ids(finding.CRLUnknownCritical), make: func(b *build) {
			b.crl(func(s *site, c *forge.CRL) { c.Extensions = []forge.Ext{forge.Unknown(true)} })
		}},
	{name: "crl-issuer-key-usage", story: "The CA's key usage does not allow signing CRLs.",
		want: report.Inconclusive, findings: ids(finding.CRLSignNotAllowed), make: func(b *build) {
			s := b.siteOf(b.ca(b.l.pki.root, "No CRLs", forge.KeyUsage(forge.KeyCertSign)))
			b.serve(s.onlyCRL(s.issuer.crlURL))
		}},
	{name: "crl-sha1", story: "The CRL is signed with SHA-1: it counts, with a warning.",
		want: report.Accept, findings: ids(finding.CRLHashWeak), make: func(b *build) {
			s := b.siteOf(b.l.pki.rsa)
			b.file("list.crl", s.issuer.CRL(forge.CRL{Alg: forge.SHA1WithRSA}))
			b.serve(s.onlyCRL(b.url("list.crl")))
		}},
	{name: "crl-delta", story: "The complete CRL says nothing; the delta CRL that it points to has the certificate.",
		want: report.Reject, findings: ids(finding.CertRevoked), make: func(b *build) {
			b.good(func(s *site) {
				s.onlyCRL(b.url("list.crl"))
				freshest := forge.FreshestCRL(forge.DP{FullName: [][]byte{forge.URI(b.url("delta.crl"))}})
				b.file("list.crl", s.issuer.CRL(forge.CRL{ThisUpdate: time.Now().Add(-30 * time.Hour), Extensions: []forge.Ext{forge.CRLNumber(5), freshest}}))
				b.file("delta.crl", s.issuer.CRL(forge.CRL{Entries: []forge.Entry{forge.Revoke(s.cert.Serial, forge.KeyCompromise)},
					Extensions: []forge.Ext{forge.CRLNumber(7), forge.DeltaIndicator(5)}}))
			})
		}},
	{name: "crl-delta-good", story: "Neither the complete CRL nor the delta CRL that it points to has the certificate.",
		want: report.Accept, make: func(b *build) {
			b.good(func(s *site) {
				s.onlyCRL(b.url("list.crl"))
				freshest := forge.FreshestCRL(forge.DP{FullName: [][]byte{forge.URI(b.url("delta.crl"))}})
				b.file("list.crl", s.issuer.CRL(forge.CRL{ThisUpdate: time.Now().Add(-30 * time.Hour), Extensions: []forge.Ext{forge.CRLNumber(5), freshest}}))
				b.file("delta.crl", s.issuer.CRL(forge.CRL{Extensions: []forge.Ext{forge.CRLNumber(7), forge.DeltaIndicator(5)}}))
			})
		}},
	{name: "crl-by-reasons", story: "Two CRLs, each for some of the reasons, together say that the certificate is good.",
		want: report.Accept, make: func(b *build) {
			b.good(func(s *site) {
				var points []forge.DP
				for i, reasons := range [][]int{{1, 2}, {3, 4, 5, 6, 7, 8}} {
					name := "list-" + strconv.Itoa(i) + ".crl"
					at := [][]byte{forge.URI(b.url(name))}
					points = append(points, forge.DP{FullName: at, Reasons: reasons})
					idp := forge.IDP{FullName: at, OnlySomeReasons: reasons}
					b.file(name, s.issuer.CRL(forge.CRL{Extensions: []forge.Ext{forge.CRLNumber(5), idp.Ext()}}))
				}
				s.set(forge.AIA(nil, []string{s.issuer.cerURL}), forge.CRLDPs(points...))
			})
		}},
	{name: "crl-indirect", story: "The list is issued by a separate CRL issuer that the certificate names, and has the certificate under its issuer's name.",
		want: report.Reject, findings: ids(finding.CertRevoked), make: func(b *build) { b.indirect(b.l.pki.root, true, nil) }},
	{name: "crl-indirect-good", story: "The list is issued by a separate CRL issuer that the certificate names, and does not have the certificate.",
		want: report.Accept, make: func(b *build) { b.indirect(b.l.pki.root, false, nil) }},
	{name: "crl-issuer-untrusted", story: "The separate CRL issuer's certificate leads to a root that is not trusted.",
		want: report.Inconclusive, findings: ids(finding.CRLIssuerUntrusted), make: func(b *build) { b.indirect(b.l.pki.rogue, false, nil) }},
	{name: "crl-issuer-revoked", story: "The separate CRL issuer's own certificate has been revoked.",
		want: report.Inconclusive, findings: ids(finding.CRLIssuerRevoked), make: func(b *build) {
			b.indirect(b.l.pki.root, false, func(signer *forge.CA) { b.l.pki.root.revoke(signer.Serial, forge.KeyCompromise) })
		}},
	{name: "crl-other-key", story: "The CA has a second key, with a list of its own. The certificate is revoked on the list of the first; at its distribution point lies the list of the second, and the server sends both CA certificates.",
		want: report.Inconclusive, findings: ids(finding.CRLOtherKey), make: func(b *build) {
			s := b.otherKey(forge.KeyCertSign, forge.CRLSign)
			s.issuer.revoke(s.cert.Serial, forge.KeyCompromise)
			b.serve(s)
		}},
	{name: "crl-key-for-lists", story: "The CA certified a key for signing its lists and nothing else; a list by that key speaks for the CA.",
		want: report.Accept, make: func(b *build) { b.serve(b.otherKey(forge.CRLSign)) }},
	{name: "crl-other-issuer", story: "At the distribution point lies the CRL of another CA.",
		want: report.Inconclusive, findings: ids(finding.CRLOtherIssuer), make: func(b *build) {
			b.good(func(s *site) { s.onlyCRL(b.l.pki.rsa.crlURL) })
		}},
	{name: "crl-too-large", story: "The CRL's issuer has a name of one mebibyte.",
		want: report.Reject, findings: ids(finding.CRLTooLarge), make: func(b *build) {
			b.crl(func(s *site, c *forge.CRL) { c.Issuer = forge.CN(strings.Repeat("x", 1<<20)) })
		}},
}, downloadScenarios...)

// ocsp serves a good site whose only source is an OCSP responder that edit
// makes misbehave.
func (b *build) ocsp(edit func(s *site, q question, o *forge.OCSP) *forge.CA) {
	s := b.site()
	s.onlyOCSP(b.responder(s, func(q question, o *forge.OCSP) *forge.CA { return edit(s, q, o) }))
	b.serve(s)
}

// crl serves a good site whose only source is a CRL that edit makes wrong.
func (b *build) crl(edit func(s *site, c *forge.CRL)) {
	b.good(func(s *site) {
		s.onlyCRL(b.url("list.crl"))
		var c forge.CRL
		edit(s, &c)
		b.file("list.crl", s.issuer.CRL(c))
	})
}

// indirect serves a site whose CRL comes from a CRL issuer below root; edit
// does something to the CRL issuer.
func (b *build) indirect(root *authority, revoked bool, edit func(signer *forge.CA)) {
	b.good(func(s *site) {
		key := forge.P256()
		signer := root.Issue(forge.Cert{Subject: forge.CN("Assay Lab CRL Issuer for " + b.s.Name), Key: key, NotAfter: time.Now().AddDate(1, 0, 0),
			Extensions: []forge.Ext{forge.BasicConstraints(false, -1), forge.KeyUsage(forge.CRLSign), forge.SKI(key.ID()), forge.AKI(root.Key.ID()), forge.CRLDP(root.crlURL)}})
		root.know(signer.Serial)
		if edit != nil {
			edit(signer)
		}
		u := forge.URI(b.url("indirect.crl"))
		s.set(forge.AIA(nil, []string{s.issuer.cerURL}), forge.CRLDPs(forge.DP{FullName: [][]byte{u}, CRLIssuer: [][]byte{forge.DirName(signer.Name)}}))
		entries := []forge.Entry{forge.Revoke(forge.Serial(5), forge.KeyCompromise)}
		if revoked {
			entries = append(entries, forge.Revoke(s.cert.Serial, forge.KeyCompromise, forge.CertificateIssuer(forge.DirName(s.issuer.Name))))
		}
		b.file("indirect.crl", signer.CRL(forge.CRL{Entries: entries, Extensions: []forge.Ext{forge.IDP{FullName: [][]byte{u}, Indirect: true}.Ext()}}))
		s.chain = append(s.chain, signer.Raw)
	})
}

// otherKey is a site whose CRL is signed with another key of its CA's name,
// whose certificate has this key usage. The CA itself signed it when the key is
// for lists alone, else the root did.
func (b *build) otherKey(usage ...int) *site {
	ca, key := b.ca(b.l.pki.root, "Two Keys"), forge.P256()
	by := b.l.pki.root
	if !slices.Contains(usage, forge.KeyCertSign) {
		by = ca
	}
	other := by.Issue(forge.Cert{Subject: ca.Name, Key: key, NotAfter: time.Now().AddDate(1, 0, 0), Extensions: []forge.Ext{
		forge.BasicConstraints(by != ca, -1), forge.KeyUsage(usage...), forge.SKI(key.ID()), forge.AKI(by.Key.ID()), forge.CRLDP(by.crlURL)}})
	by.know(other.Serial)
	s := b.siteOf(ca)
	s.onlyCRL(b.url("list.crl"))
	b.file("list.crl", other.CRL(forge.CRL{}))
	s.chain = append(s.chain, other.Raw)
	return s
}

func (b *build) staleStaple(s *site) {
	g := s.issuer.Good(b.issue(s).Serial)
	g.ThisUpdate, g.NextUpdate = time.Now().Add(-40*time.Hour), time.Now().Add(-10*time.Hour)
	b.staple(s, forge.OCSP{Singles: []forge.Single{g}, ProducedAt: g.ThisUpdate}, nil)
}

package serve

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/scenarios"
)

// revocationServers make the servers of the scenarios of the same group.
var revocationServers = map[string]func(*build){
	"two-certificates-revoked": func(b *build) {
		b.two(func(also *site) { also.issuer.revoke(b.issue(also).Serial, forge.KeyCompromise) })
	},
	"revoked": func(b *build) {
		b.good(func(s *site) { s.issuer.revoke(s.cert.Serial, forge.KeyCompromise) })
	},
	"revoked-by-ocsp": func(b *build) {
		b.good(func(s *site) {
			s.onlyOCSP(s.issuer.ocspURL)
			s.issuer.revoke(s.cert.Serial, forge.Superseded)
		})
	},
	"revoked-by-crl": func(b *build) {
		b.good(func(s *site) {
			s.onlyCRL(s.issuer.crlURL)
			s.issuer.revoke(s.cert.Serial, forge.Superseded)
		})
	},
	"revoked-on-hold": func(b *build) {
		b.good(func(s *site) {
			s.onlyCRL(s.issuer.crlURL)
			s.issuer.revoke(s.cert.Serial, forge.CertificateHold)
		})
	},
	"revoked-by-staple": func(b *build) {
		b.good(func(s *site) {
			b.issue(s)
			b.staple(s, forge.OCSP{Singles: []forge.Single{s.issuer.RevokedSingle(s.leaf.Serial, forge.KeyCompromise)}}, nil)
		})
	},
	"revoked-once-seen": func(b *build) {
		b.good(func(s *site) {
			s.onlyCRL(s.issuer.crlURL)
			b.revokedFirst(s)
		})
	},
	"revoked-then-withdrawn": func(b *build) {
		b.good(func(s *site) {
			b.revokedFirst(s)
			later := s.issuer.Good(s.leaf.Serial)
			later.ThisUpdate = time.Now().Add(-time.Minute)
			s.staple = forge.OCSP{Singles: []forge.Single{later}}.Sign(s.issuer.CA)
		})
	},
	"revoked-good-staple": func(b *build) {
		b.good(func(s *site) {
			s.onlyCRL(s.issuer.crlURL)
			b.staple(s, forge.OCSP{}, nil)
			s.issuer.revoke(s.leaf.Serial, forge.KeyCompromise)
		})
	},
	"revoked-intermediate": func(b *build) {
		ca := b.ca(b.l.pki.root, "Revoked")
		b.l.pki.root.revoke(ca.Serial, forge.CACompromise)
		b.serve(b.siteOf(ca))
	},
	"revoked-intermediate-alternate": func(b *build) {
		p := b.l.pki
		ca := b.ca(p.root, "Half Revoked")
		p.root.revoke(ca.Serial, forge.Superseded)
		cross := p.second.Issue(forge.Cert{Subject: ca.Name, Key: ca.Key, NotAfter: time.Now().AddDate(1, 0, 0),
			Extensions: []forge.Ext{forge.BasicConstraints(true, -1), forge.KeyUsage(forge.KeyCertSign, forge.CRLSign), forge.SKI(ca.Key.ID()), forge.AKI(p.second.Key.ID()),
				forge.AIA(nil, []string{p.second.cerURL}), forge.CRLDP(p.second.crlURL)}})
		s := b.siteOf(ca)
		s.chain = [][]byte{ca.Raw, cross.Raw}
		b.serve(s)
	},
	"unknown-intermediate-alternate": func(b *build) {
		p := b.l.pki
		ca := b.ca(p.root, "Half Known", forge.CRLDP(b.deadURL("list.crl")))
		cross := p.second.Issue(forge.Cert{Subject: ca.Name, Key: ca.Key, NotAfter: time.Now().AddDate(1, 0, 0),
			Extensions: []forge.Ext{forge.BasicConstraints(true, -1), forge.KeyUsage(forge.KeyCertSign, forge.CRLSign), forge.SKI(ca.Key.ID()), forge.AKI(p.second.Key.ID()),
				forge.AIA(nil, []string{p.second.cerURL}), forge.CRLDP(p.second.crlURL)}})
		s := b.siteOf(ca)
		s.chain = [][]byte{ca.Raw, cross.Raw}
		b.serve(s)
	},
	"sources-disagree": func(b *build) {
		b.good(func(s *site) {
			s.issuer.revoke(s.cert.Serial, forge.KeyCompromise)
			u := b.responder(s, func(q request, o *forge.OCSP) *forge.CA { o.Singles[0].Status = forge.StatusGood; return nil })
			s.set(forge.AIA([]string{u}, []string{s.issuer.cerURL}))
		})
	},

	// Staples.
	"staple-stale": func(b *build) {
		b.good(func(s *site) { b.staleStaple(s) })
	},
	"staple-stale-alone": func(b *build) {
		b.good(func(s *site) { s.onlyOCSP(b.gone()); b.staleStaple(s) })
	},
	"staple-foreign": func(b *build) {
		b.good(func(s *site) {
			s.onlyOCSP(b.gone())
			b.staple(s, forge.OCSP{Singles: []forge.Single{s.issuer.Good(forge.RandomSerial())}}, nil)
		})
	},
	"staple-try-later": func(b *build) {
		b.good(func(s *site) { b.staple(s, forge.OCSP{Status: forge.TryLater}, nil) })
	},
	"staple-garbage": func(b *build) {
		b.good(func(s *site) { b.issue(s); s.staple = []byte("<html>502 Bad Gateway</html>") })
	},
	"staple-sibling": func(b *build) {
		b.good(func(s *site) {
			s.onlyOCSP(b.gone())
			sibling := s.issuer.Server("sibling."+scenarios.Domain, nil)
			b.staple(s, forge.OCSP{Certs: [][]byte{sibling.Raw}}, sibling)
		})
	},
	"staple-bad-signature": func(b *build) {
		b.good(func(s *site) {
			s.onlyOCSP(b.gone())
			b.staple(s, forge.OCSP{MutateSig: forge.Flip}, nil)
		})
	},
	"staple-from-future": func(b *build) {
		b.good(func(s *site) {
			b.issue(s)
			g := s.issuer.Good(s.leaf.Serial)
			g.ThisUpdate = time.Now().Add(24 * time.Hour)
			b.staple(s, forge.OCSP{Singles: []forge.Single{g}}, nil)
		})
	},
	"must-staple-missing": func(b *build) {
		b.good(func(s *site) { s.set(forge.MustStaple()) })
	},
	"must-staple-stale": func(b *build) {
		b.good(func(s *site) { s.set(forge.MustStaple()); b.staleStaple(s) })
	},
	"must-staple-revoked-responder": func(b *build) {
		b.good(func(s *site) {
			d := s.issuer.Responder("Assay Lab Stolen Responder", nil)
			s.issuer.know(d.Serial)
			s.issuer.revoke(d.Serial, forge.KeyCompromise)
			s.set(forge.MustStaple())
			s.onlyCRL(s.issuer.crlURL)
			b.staple(s, forge.OCSP{Certs: [][]byte{d.Raw}}, d)
		})
	},
	"must-staple-inherited": func(b *build) {
		b.serve(b.siteOf(b.ca(b.l.pki.root, "Must Staple", forge.MustStaple())))
	},

	// OCSP answers.
	"ocsp-unknown": func(b *build) {
		b.ocsp(func(s *site, q request, o *forge.OCSP) *forge.CA {
			o.Singles[0].Status = forge.StatusUnknown
			return nil
		})
	},
	"ocsp-unauthorized": func(b *build) {
		b.ocsp(func(s *site, q request, o *forge.OCSP) *forge.CA { o.Status = forge.Unauthorized; return nil })
	},
	"ocsp-try-later": func(b *build) {
		b.ocsp(func(s *site, q request, o *forge.OCSP) *forge.CA { o.Status = forge.TryLater; return nil })
	},
	"ocsp-down": func(b *build) {
		b.good(func(s *site) { s.onlyOCSP(b.deadURL("ocsp")) })
	},
	"ocsp-down-crl-good": func(b *build) {
		b.good(func(s *site) { s.set(forge.AIA([]string{b.deadURL("ocsp")}, []string{s.issuer.cerURL})) })
	},
	"ocsp-delegate-no-eku": func(b *build) {
		b.ocsp(func(s *site, q request, o *forge.OCSP) *forge.CA {
			d := s.issuer.Responder("Assay Lab Not A Responder", nil, forge.EKU(forge.ServerAuth, forge.AnyEKU))
			o.Certs = [][]byte{d.Raw}
			return d
		})
	},
	"ocsp-delegate-expired": func(b *build) {
		b.ocsp(func(s *site, q request, o *forge.OCSP) *forge.CA {
			key := forge.P256()
			d := s.issuer.Issue(forge.Cert{Subject: forge.CN("Assay Lab Expired Responder"), Key: key,
				NotBefore: time.Now().AddDate(0, -2, 0), NotAfter: time.Now().AddDate(0, 0, -1),
				Extensions: []forge.Ext{forge.KeyUsage(forge.DigitalSignature), forge.EKU(forge.OCSPSigning), forge.OCSPNoCheck(), forge.SKI(key.ID()), forge.AKI(s.issuer.Key.ID())}})
			o.Certs = [][]byte{d.Raw}
			return d
		})
	},
	"ocsp-delegate-foreign": func(b *build) {
		b.ocsp(func(s *site, q request, o *forge.OCSP) *forge.CA {
			d := b.l.pki.rsa.Responder("Assay Lab Foreign Responder", nil)
			o.Certs = [][]byte{d.Raw}
			return d
		})
	},
	"ocsp-delegate-revoked": func(b *build) {
		p := b.l.pki
		key := forge.P256()
		d := p.ica.Issue(forge.Cert{Subject: forge.CN("Assay Lab Revoked Responder"), Key: key,
			Extensions: []forge.Ext{forge.BasicConstraints(false, -1), forge.KeyUsage(forge.DigitalSignature), forge.EKU(forge.OCSPSigning), forge.SKI(key.ID()), forge.AKI(p.ica.Key.ID()), forge.CRLDP(p.ica.crlURL)}})
		p.ica.know(d.Serial)
		p.ica.revoke(d.Serial, forge.KeyCompromise)
		b.ocsp(func(s *site, q request, o *forge.OCSP) *forge.CA { o.Certs = [][]byte{d.Raw}; return d })
	},
	"ocsp-stale": func(b *build) {
		s := b.site()
		s.cert.NotBefore = time.Now().AddDate(0, 0, -60)
		s.onlyOCSP(b.responder(s, func(q request, o *forge.OCSP) *forge.CA {
			o.Singles[0].ThisUpdate = time.Now().AddDate(0, 0, -30)
			o.ProducedAt = o.Singles[0].ThisUpdate
			return nil
		}))
		b.serve(s)
	},
	"ocsp-other-certificate": func(b *build) {
		b.ocsp(func(s *site, q request, o *forge.OCSP) *forge.CA {
			o.Singles[0].ID = s.issuer.CertID(forge.Serial(4711))
			return nil
		})
	},
	"ocsp-other-issuer": func(b *build) {
		b.ocsp(func(s *site, q request, o *forge.OCSP) *forge.CA {
			o.Singles[0].ID = certID(b.l.pki.root, q.serial)
			return nil
		})
	},
	"ocsp-bad-signature": func(b *build) {
		b.ocsp(func(s *site, q request, o *forge.OCSP) *forge.CA { o.MutateSig = forge.Flip; return nil })
	},
	"ocsp-wrong-nonce": func(b *build) {
		b.ocsp(func(s *site, q request, o *forge.OCSP) *forge.CA {
			o.Nonce = []byte("0123456789abcdef0123456789abcdef")
			return nil
		})
	},
	"ocsp-no-nonce": func(b *build) {
		b.ocsp(func(s *site, q request, o *forge.OCSP) *forge.CA { o.Nonce = nil; return nil })
	},
	"ocsp-critical-extension": func(b *build) {
		b.ocsp(func(s *site, q request, o *forge.OCSP) *forge.CA {
			o.Extensions = []forge.Ext{forge.Unknown(true)}
			return nil
		})
	},
	"ocsp-statuses-differ": func(b *build) {
		b.ocsp(func(s *site, q request, o *forge.OCSP) *forge.CA {
			o.Singles = append(o.Singles, forge.Single{ID: q.id, Status: forge.StatusRevoked})
			return nil
		})
	},

	"ocsp-responder-unknown": func(b *build) {
		b.ocsp(func(s *site, q request, o *forge.OCSP) *forge.CA {
			return s.issuer.Responder("Assay Lab Hidden Responder", nil)
		})
	},
	"ocsp-before-certificate": func(b *build) {
		b.ocsp(func(s *site, q request, o *forge.OCSP) *forge.CA {
			o.ProducedAt = time.Now().AddDate(0, 0, -30)
			o.Singles[0].ThisUpdate, o.Singles[0].NextUpdate = o.ProducedAt, time.Now().AddDate(0, 0, 3)
			return nil
		})
	},
	"ocsp-sha1": func(b *build) {
		s := b.siteOf(b.l.pki.rsa)
		s.onlyOCSP(b.responder(s, func(q request, o *forge.OCSP) *forge.CA { o.Alg = forge.SHA1WithRSA; return nil }))
		b.serve(s)
	},
	"ocsp-md5": func(b *build) {
		s := b.siteOf(b.l.pki.rsa)
		s.onlyOCSP(b.responder(s, func(q request, o *forge.OCSP) *forge.CA { o.Alg = forge.MD5WithRSA; return nil }))
		b.serve(s)
	},
	"ocsp-white-space": func(b *build) {
		b.ocsp(func(s *site, q request, o *forge.OCSP) *forge.CA {
			o.MutateRaw = func(der []byte) []byte { return append(der, "\r\n"...) }
			return nil
		})
	},
	"ocsp-many-certificates": func(b *build) {
		b.ocsp(func(s *site, q request, o *forge.OCSP) *forge.CA {
			for range 200 {
				o.Certs = append(o.Certs, s.issuer.Raw)
			}
			return nil
		})
	},

	// CRLs.
	"crl-stale": func(b *build) {
		b.crl(func(s *site, c *forge.CRL) {
			c.ThisUpdate, c.NextUpdate = time.Now().AddDate(0, 0, -8), time.Now().AddDate(0, 0, -1)
		})
	},
	"crl-not-yet-valid": func(b *build) {
		b.crl(func(s *site, c *forge.CRL) { c.ThisUpdate = time.Now().AddDate(0, 0, 1) })
	},
	"crl-other-partition": func(b *build) {
		b.crl(func(s *site, c *forge.CRL) {
			c.Extensions = []forge.Ext{forge.IDP{FullName: [][]byte{forge.URI(b.url("another.crl"))}}.Ext()}
		})
	},
	"crl-only-ca": func(b *build) {
		b.crl(func(s *site, c *forge.CRL) {
			c.Extensions = []forge.Ext{forge.IDP{FullName: [][]byte{forge.URI(b.url("list.crl"))}, OnlyCA: true}.Ext()}
		})
	},
	"crl-bad-signature": func(b *build) {
		b.crl(func(s *site, c *forge.CRL) { c.MutateSig = forge.Flip })
	},
	"crl-critical-extension": func(b *build) {
		b.crl(func(s *site, c *forge.CRL) { c.Extensions = []forge.Ext{forge.Unknown(true)} })
	},
	"crl-empty-sequence": func(b *build) {
		b.crl(func(s *site, c *forge.CRL) { c.Entries, c.RawEntries = nil, []byte{} })
	},
	"crl-many-extensions": func(b *build) {
		b.crl(func(s *site, c *forge.CRL) {
			for i := range 6000 {
				c.Extensions = append(c.Extensions, forge.Ext{OID: "1.2.3." + strconv.Itoa(i), Critical: true})
			}
			c.MutateSig = forge.Flip
		})
	},
	"crl-issuer-key-usage": func(b *build) {
		s := b.siteOf(b.ca(b.l.pki.root, "No CRLs", forge.KeyUsage(forge.KeyCertSign)))
		b.serve(s.onlyCRL(s.issuer.crlURL))
	},
	"crl-sha1": func(b *build) {
		s := b.siteOf(b.l.pki.rsa)
		b.file("list.crl", s.issuer.CRL(forge.CRL{Alg: forge.SHA1WithRSA}))
		b.serve(s.onlyCRL(b.url("list.crl")))
	},
	"crl-delta": func(b *build) {
		b.good(func(s *site) {
			s.onlyCRL(b.url("list.crl"))
			freshest := forge.FreshestCRL(forge.DP{FullName: [][]byte{forge.URI(b.url("delta.crl"))}})
			b.file("list.crl", s.issuer.CRL(forge.CRL{ThisUpdate: time.Now().Add(-30 * time.Hour), Extensions: []forge.Ext{forge.CRLNumber(5), freshest}}))
			b.file("delta.crl", s.issuer.CRL(forge.CRL{Entries: []forge.Entry{forge.Revoke(s.cert.Serial, forge.KeyCompromise)},
				Extensions: []forge.Ext{forge.CRLNumber(7), forge.DeltaIndicator(5)}}))
		})
	},
	"crl-delta-lifts-hold": func(b *build) {
		b.good(func(s *site) {
			s.onlyCRL(b.url("list.crl"))
			freshest := forge.FreshestCRL(forge.DP{FullName: [][]byte{forge.URI(b.url("delta.crl"))}})
			b.file("list.crl", s.issuer.CRL(forge.CRL{ThisUpdate: time.Now().Add(-30 * time.Hour), Extensions: []forge.Ext{forge.CRLNumber(5), freshest},
				Entries: []forge.Entry{forge.Revoke(s.cert.Serial, forge.CertificateHold)}}))
			b.file("delta.crl", s.issuer.CRL(forge.CRL{Entries: []forge.Entry{forge.Revoke(s.cert.Serial, forge.RemoveFromCRL)},
				Extensions: []forge.Ext{forge.CRLNumber(7), forge.DeltaIndicator(5)}}))
		})
	},
	"crl-delta-good": func(b *build) {
		b.good(func(s *site) {
			s.onlyCRL(b.url("list.crl"))
			freshest := forge.FreshestCRL(forge.DP{FullName: [][]byte{forge.URI(b.url("delta.crl"))}})
			b.file("list.crl", s.issuer.CRL(forge.CRL{ThisUpdate: time.Now().Add(-30 * time.Hour), Extensions: []forge.Ext{forge.CRLNumber(5), freshest}}))
			b.file("delta.crl", s.issuer.CRL(forge.CRL{Extensions: []forge.Ext{forge.CRLNumber(7), forge.DeltaIndicator(5)}}))
		})
	},
	"crl-by-reasons": func(b *build) {
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
	},
	"crl-indirect":         func(b *build) { b.indirect(b.l.pki.root, true, nil) },
	"crl-indirect-good":    func(b *build) { b.indirect(b.l.pki.root, false, nil) },
	"crl-issuer-untrusted": func(b *build) { b.indirect(b.l.pki.rogue, false, nil) },
	"crl-issuer-revoked": func(b *build) {
		b.indirect(b.l.pki.root, false, func(signer *forge.CA) { b.l.pki.root.revoke(signer.Serial, forge.KeyCompromise) })
	},
	"crl-signer-revoked-ca": func(b *build) {
		sub := b.ca(b.l.pki.root, "Revoked Sub")
		b.l.pki.root.revoke(sub.Serial, forge.CACompromise)
		b.indirect(sub, false, nil)
	},
	"crl-signer-email-ca": func(b *build) {
		b.indirect(b.ca(b.l.pki.root, "E-mail", forge.EKU(forge.EmailProtection)), false, nil)
	},
	"crl-signer-unasked": func(b *build) {
		sub := b.ca(b.l.pki.root, "Unasked Sub")
		sub.crlURL = b.deadURL("list.crl")
		b.indirect(sub, false, nil)
	},
	"crl-signer-fetched": func(b *build) {
		ca, key := b.ca(b.l.pki.root, "Own Key For Lists"), forge.P256()
		signer := ca.Issue(forge.Cert{Subject: ca.Name, Key: key, NotAfter: time.Now().AddDate(1, 0, 0), Extensions: []forge.Ext{
			forge.BasicConstraints(false, -1), forge.KeyUsage(forge.CRLSign), forge.SKI(key.ID()), forge.AKI(ca.Key.ID()), forge.CRLDP(ca.crlURL)}})
		b.file("signer.cer", signer.Raw)
		b.file("list.crl", signer.CRL(forge.CRL{Extensions: []forge.Ext{forge.AIA(nil, []string{b.url("signer.cer")})}}))
		b.serve(b.siteOf(ca).onlyCRL(b.url("list.crl")))
	},
	"crl-other-key": func(b *build) {
		s := b.otherKey(forge.KeyCertSign, forge.CRLSign)
		s.issuer.revoke(s.cert.Serial, forge.KeyCompromise)
		b.serve(s)
	},
	"crl-key-for-lists": func(b *build) { b.serve(b.otherKey(forge.CRLSign)) },
	"crl-other-issuer": func(b *build) {
		b.good(func(s *site) { s.onlyCRL(b.l.pki.rsa.crlURL) })
	},
	"crl-too-large": func(b *build) {
		b.crl(func(s *site, c *forge.CRL) { c.Issuer = forge.CN(strings.Repeat("x", 1<<20)) })
	},
}

// ocsp serves a good site whose only source is an OCSP responder that edit
// makes misbehave.
func (b *build) ocsp(edit func(s *site, q request, o *forge.OCSP) *forge.CA) {
	s := b.site()
	s.onlyOCSP(b.responder(s, func(q request, o *forge.OCSP) *forge.CA { return edit(s, q, o) }))
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
		if root != b.l.pki.root && root != b.l.pki.rogue {
			s.chain = append(s.chain, root.Raw)
		}
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

// staleStaple gives the site a staple that ended three days ago: some clients bear with
// one day.
func (b *build) staleStaple(s *site) {
	s.cert.NotBefore = time.Now().AddDate(0, 0, -10)
	g := s.issuer.Good(b.issue(s).Serial)
	g.ThisUpdate, g.NextUpdate = time.Now().Add(-102*time.Hour), time.Now().Add(-72*time.Hour)
	b.staple(s, forge.OCSP{Singles: []forge.Single{g}, ProducedAt: g.ThisUpdate}, nil)
}

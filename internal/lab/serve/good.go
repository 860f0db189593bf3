package serve

import (
	"crypto/tls"
	"net"
	"time"

	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/scenarios"
)

// goodServers make the servers of the scenarios of the same group.
var goodServers = map[string]func(*build){
	"good": func(b *build) { b.good(nil) },
	"good-rsa": func(b *build) {
		b.serve(b.siteOf(b.l.pki.rsa).key(forge.NewKey("RSA-2048#2")).set(forge.KeyUsage(forge.DigitalSignature, forge.KeyEncipherment)))
	},
	"two-certificates": func(b *build) { b.two(nil) },
	"chain-wrong-order": func(b *build) {
		b.good(func(s *site) { s.chain = [][]byte{b.l.pki.root.Raw, s.issuer.Raw} })
	},
	"chain-duplicate": func(b *build) {
		b.good(func(s *site) { s.chain = append(s.chain, s.issuer.Raw) })
	},
	"chain-unrelated": func(b *build) {
		b.good(func(s *site) { s.chain = append(s.chain, b.l.pki.rsa.Raw) })
	},
	"good-p384": func(b *build) {
		ca := b.l.pki.intermediate(b.l.pki.root, "Assay Lab P-384 CA", forge.NewKey("P-384"))
		b.serve(b.siteOf(ca).key(forge.NewKey("P-384")))
	},
	"good-ed25519": func(b *build) { b.serve(b.site().key(forge.NewKey("Ed25519"))) },
	"ml-dsa-ca": func(b *build) {
		p := b.l.pki
		upper := p.intermediate(p.root, "Assay Lab ML-DSA-87 CA", forge.NewKey("ML-DSA-87"))
		s := b.siteOf(p.intermediate(upper, "Assay Lab ML-DSA-65 CA", forge.NewKey("ML-DSA-65")))
		s.chain = append(s.chain, upper.Raw)
		b.serve(s)
	},
	"good-tls12": func(b *build) { b.good(func(s *site) { s.tls.MaxVersion = tls.VersionTLS12 }) },
	"good-tls13": func(b *build) { b.good(func(s *site) { s.tls.MinVersion = tls.VersionTLS13 }) },
	"good-ip": func(b *build) {
		b.s.Host = "127.0.0.1"
		b.good(func(s *site) { s.names = [][]byte{forge.IPRaw(net.IPv4(127, 0, 0, 1).To4())} })
	},
	"good-wildcard": func(b *build) {
		b.good(func(s *site) { s.names = [][]byte{forge.DNS("*." + scenarios.Domain)} })
	},
	"good-staple": func(b *build) {
		b.good(func(s *site) {
			s.set(forge.MustStaple())
			b.staple(s, forge.OCSP{}, nil)
		})
	},
	"critical-must-staple": func(b *build) {
		b.good(func(s *site) {
			s.set(forge.MustStaple().Crit())
			b.staple(s, forge.OCSP{}, nil)
		})
	},
	"critical-directory-names": func(b *build) {
		dir := forge.DirName(forge.DN(forge.Attr{OID: "2.5.4.10", Value: "Assay Lab"}))
		s := b.siteOf(b.ca(b.l.pki.root, "Directory", forge.NameConstraints([][]byte{dir}, nil)))
		s.cert.Subject = forge.OCN("Assay Lab", b.s.Host)
		b.serve(s)
	},
	"equivalent-names": func(b *build) {
		b.good(func(s *site) {
			const printable = 0x13
			s.cert.Issuer = forge.DN(forge.Attr{OID: "2.5.4.3", Tag: printable, Value: "ASSAY  Lab issuing CA"})
		})
	},
	"good-delegate": func(b *build) {
		b.good(func(s *site) {
			s.onlyOCSP(b.responder(s, func(q request, o *forge.OCSP) *forge.CA {
				d := s.issuer.Responder("Assay Lab Responder", nil)
				o.Certs = [][]byte{d.Raw}
				return d
			}))
		})
	},
	"good-nonce": func(b *build) {
		b.good(func(s *site) { s.onlyOCSP(s.issuer.ocspURL) })
	},
	"good-short-lived": func(b *build) {
		b.good(func(s *site) {
			s.noPointers()
			s.cert.NotBefore = time.Now().Add(-24 * time.Hour)
			s.cert.NotAfter = s.cert.NotBefore.Add(6*24*time.Hour - time.Second)
		})
	},
	"good-no-rev-avail": func(b *build) {
		b.good(func(s *site) { s.noPointers().set(forge.NoRevAvail()) })
	},
	"good-partitioned-crl": func(b *build) {
		b.good(func(s *site) {
			u := b.url("part1.crl")
			s.onlyCRL(u)
			b.file("part1.crl", s.issuer.CRL(forge.CRL{Extensions: []forge.Ext{forge.IDP{FullName: [][]byte{forge.URI(u)}}.Ext()}}))
		})
	},
	"good-name-constraints": func(b *build) {
		b.serve(b.siteOf(b.ca(b.l.pki.root, "Constrained", forge.NameConstraints([][]byte{forge.DNS(scenarios.Domain)}, nil))))
	},
	"unordered-chain": func(b *build) {
		upper := b.ca(b.l.pki.root, "Upper")
		lower := b.ca(upper, "Lower")
		s := b.siteOf(lower)
		s.chain = [][]byte{upper.Raw, lower.Raw}
		b.serve(s)
	},
	"extra-certificates": func(b *build) {
		b.good(func(s *site) {
			s.chain = append(s.chain, b.l.pki.rsa.Raw, b.l.pki.rogue.Raw, b.l.pki.root.Raw)
		})
	},
	"cross-signed": func(b *build) {
		ca := b.ca(b.l.pki.root, "Cross-Signed")
		cross := b.l.pki.second.Issue(forge.Cert{Subject: ca.Name, Key: ca.Key,
			NotBefore: time.Now().AddDate(-2, 0, 0), NotAfter: time.Now().AddDate(-1, 0, 0),
			Extensions: []forge.Ext{forge.BasicConstraints(true, -1), forge.KeyUsage(forge.KeyCertSign, forge.CRLSign), forge.SKI(ca.Key.ID()), forge.AKI(b.l.pki.second.Key.ID())}})
		s := b.siteOf(ca)
		s.chain = [][]byte{cross.Raw, ca.Raw}
		b.serve(s)
	},
	"missing-intermediate": func(b *build) {
		b.good(func(s *site) { s.chain = nil })
	},
	"no-pointers": func(b *build) {
		b.good(func(s *site) { s.noPointers() })
	},
	"no-pointers-denied": func(b *build) {
		b.good(func(s *site) { s.noPointers() })
	},
	"client-certificate-optional": func(b *build) {
		b.good(func(s *site) { s.tls.ClientAuth = tls.RequestClientCert })
	},
	"expires-soon": func(b *build) { b.good(func(s *site) { s.lasts(80, 10) }) },
	"expires-soon-intermediate": func(b *build) {
		p := b.l.pki
		key := forge.P256()
		b.serve(b.siteOf(p.publish(p.root.Issue(forge.Cert{Subject: forge.CN("Assay Lab CA of Five More Days"), Key: key,
			NotBefore: time.Now().AddDate(-3, 0, 0), NotAfter: time.Now().AddDate(0, 0, 5).Add(time.Hour),
			Extensions: []forge.Ext{forge.BasicConstraints(true, -1), forge.KeyUsage(forge.KeyCertSign, forge.CRLSign), forge.SKI(key.ID()), forge.AKI(p.root.Key.ID()), forge.CRLDP(p.root.crlURL)}}), p.root)))
	},
	"expires-within": func(b *build) { b.good(func(s *site) { s.lasts(65, 25) }) },
	"crl-stale-soon": func(b *build) {
		b.crl(func(s *site, c *forge.CRL) {
			c.NextUpdate = time.Now().Add(5 * time.Hour)
			c.ThisUpdate = c.NextUpdate.AddDate(0, 0, -7)
		})
	},
	"ocsp-stale-soon": func(b *build) {
		b.good(func(s *site) {
			s.onlyOCSP(b.responder(s, func(q request, o *forge.OCSP) *forge.CA {
				for i := range o.Singles {
					o.Singles[i].NextUpdate = time.Now().Add(3 * time.Hour)
					o.Singles[i].ThisUpdate = o.Singles[i].NextUpdate.AddDate(0, 0, -4)
				}
				return s.issuer.CA
			}))
		})
	},
}

// lasts dates a certificate: it is so many days old and ends in so many, and an
// hour.
func (s *site) lasts(age, left int) {
	s.cert.NotBefore, s.cert.NotAfter = time.Now().AddDate(0, 0, -age), time.Now().AddDate(0, 0, left).Add(time.Hour)
}

// two serves an RSA certificate and an ECDSA certificate, which edit changes.
func (b *build) two(edit func(also *site)) {
	s := b.siteOf(b.l.pki.rsa).key(forge.NewKey("RSA-2048#2"))
	s.also = b.site()
	if edit != nil {
		edit(s.also)
	}
	b.serve(s)
}

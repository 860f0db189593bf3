package serve

import (
	"bytes"
	"time"

	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/scenarios"
)

// pathServers make the servers of the scenarios of the same group.
var pathServers = map[string]func(*build){
	"expired": func(b *build) {
		b.good(func(s *site) {
			s.cert.NotBefore, s.cert.NotAfter = time.Now().AddDate(0, -2, 0), time.Now().Add(-72*time.Hour)
		})
	},
	"not-yet-valid": func(b *build) {
		b.good(func(s *site) { s.cert.NotBefore = time.Now().Add(72 * time.Hour) })
	},
	"expired-intermediate": func(b *build) {
		p := b.l.pki
		key := forge.P256()
		old := p.publish(p.root.Issue(forge.Cert{Subject: forge.CN("Assay Lab Expired CA"), Key: key,
			NotBefore: time.Now().AddDate(-3, 0, 0), NotAfter: time.Now().AddDate(0, 0, -1),
			Extensions: []forge.Ext{forge.BasicConstraints(true, -1), forge.KeyUsage(forge.KeyCertSign, forge.CRLSign), forge.SKI(key.ID()), forge.AKI(p.root.Key.ID()), forge.CRLDP(p.root.crlURL)}}), p.root)
		b.serve(b.siteOf(old))
	},
	"wrong-host": func(b *build) {
		b.good(func(s *site) { s.names = [][]byte{forge.DNS("elsewhere." + scenarios.Domain)} })
	},
	"really-wrong-host": func(b *build) {
		b.good(func(s *site) {
			s.names = [][]byte{forge.DNS("elsewhere." + scenarios.Domain)}
			s.cert.Subject = forge.CN("elsewhere." + scenarios.Domain)
		})
	},
	"wildcard-too-deep": func(b *build) {
		b.s.Host = "a." + b.s.Host
		b.good(func(s *site) { s.names = [][]byte{forge.DNS("*." + scenarios.Domain)} })
	},
	"ip-as-dns-name": func(b *build) {
		b.s.Host = "127.0.0.1"
		b.good(func(s *site) { s.names = [][]byte{forge.DNS("127.0.0.1")} })
	},
	"common-name-only": func(b *build) {
		b.good(func(s *site) { s.names = nil })
	},
	"self-signed": func(b *build) {
		s := b.site()
		s.chain, s.noSCTs = nil, true
		own := forge.NewRoot(b.s.Host, s.cert.Key)
		s.leaf = own.Issue(forge.Cert{Subject: own.Name, Key: own.Key, NotAfter: time.Now().AddDate(0, 0, 60),
			Extensions: append(own.ServerExts(own.Key), forge.SAN(s.names...))})
		b.serve(s)
	},
	"untrusted-root": func(b *build) {
		p := b.l.pki
		s := b.siteOf(b.ca(p.rogue, "Rogue"))
		s.chain = append(s.chain, p.rogue.Raw)
		b.serve(s)
	},
	"no-roots": func(b *build) {
		b.good(nil)
	},
	"stale-intermediate": func(b *build) {
		b.good(func(s *site) {
			s.chain = [][]byte{b.l.pki.rsa.Raw}
			s.set(forge.AIA([]string{s.issuer.ocspURL}, nil))
		})
	},
	"unknown-issuer": func(b *build) {
		ca := b.ca(b.l.pki.rogue, "Orphaned", forge.AIA([]string{"http://127.0.0.1:9/ocsp"}, nil))
		b.serve(b.siteOf(ca))
	},
	"missing-intermediate-no-aia": func(b *build) {
		b.good(func(s *site) {
			s.chain = nil
			s.set(forge.AIA([]string{s.issuer.ocspURL}, nil))
		})
	},
	"missing-intermediate-bad-aia": func(b *build) {
		b.good(func(s *site) {
			s.chain = nil
			s.set(forge.AIA([]string{s.issuer.ocspURL}, []string{b.url("gone.cer")}))
		})
	},
	"same-name-other-key": func(b *build) {
		p := b.l.pki
		imposter := p.root.Intermediate("Assay Lab Imposter CA", nil)
		real := p.intermediate(p.root, "Assay Lab Imposter CA", nil)
		s := b.siteOf(real)
		s.chain = [][]byte{imposter.Raw}
		s.set(forge.AKI(imposter.Key.ID()), forge.AIA([]string{real.ocspURL}, nil))
		b.serve(s)
	},
	"bad-signature": func(b *build) {
		b.good(func(s *site) { s.cert.MutateSig = forge.Flip })
	},
	"tampered": func(b *build) {
		b.good(func(s *site) {
			s.names = [][]byte{forge.DNS("tampereD." + scenarios.Domain)}
			s.cert.MutateRaw = func(raw []byte) []byte {
				return bytes.ReplaceAll(raw, []byte("tampereD."), []byte("tampered."))
			}
		})
	},
	"weak-key": func(b *build) {
		b.serve(b.siteOf(b.l.pki.rsa).key(forge.RSA(1024)))
	},
	"sha1": func(b *build) {
		s := b.siteOf(b.l.pki.rsa)
		s.cert.Alg = forge.SHA1WithRSA
		b.serve(s)
	},
	"md5": func(b *build) {
		s := b.siteOf(b.l.pki.rsa)
		s.cert.Alg = forge.MD5WithRSA
		b.serve(s)
	},
	"issuer-not-a-ca": func(b *build) {
		p := b.l.pki
		a := p.publish(p.ica.Server("leaf-as-ca."+scenarios.Domain, nil, p.ica.pointers()...), p.ica)
		s := b.siteOf(a)
		s.chain = [][]byte{a.Raw, p.ica.Raw}
		b.serve(s)
	},
	"issuer-version-1": func(b *build) {
		p := b.l.pki
		key := forge.P256()
		a := p.publish(p.root.Issue(forge.Cert{Version: 1, Subject: forge.CN("Assay Lab Version 1 CA"), Key: key}), p.root)
		b.serve(b.siteOf(a))
	},
	"path-length": func(b *build) {
		upper := b.ca(b.l.pki.root, "Last", forge.BasicConstraints(true, 0))
		lower := b.ca(upper, "Too Deep")
		s := b.siteOf(lower)
		s.chain = append(s.chain, upper.Raw)
		b.serve(s)
	},
	"issuer-key-usage": func(b *build) {
		b.serve(b.siteOf(b.ca(b.l.pki.root, "Not Signing", forge.KeyUsage(forge.DigitalSignature, forge.CRLSign))))
	},
	"client-eku": func(b *build) {
		b.good(func(s *site) { s.set(forge.EKU(forge.ClientAuth)) })
	},
	"issuer-eku": func(b *build) {
		b.serve(b.siteOf(b.ca(b.l.pki.root, "E-Mail", forge.EKU(forge.EmailProtection))))
	},
	"leaf-key-usage": func(b *build) {
		b.good(func(s *site) { s.set(forge.KeyUsage(forge.KeyAgreement)) })
	},
	"critical-extension": func(b *build) {
		b.good(func(s *site) { s.set(forge.Unknown(true)) })
	},
	"name-constraints": func(b *build) {
		b.serve(b.siteOf(b.ca(b.l.pki.root, "Elsewhere", forge.NameConstraints([][]byte{forge.DNS("elsewhere.test")}, nil))))
	},
	"name-excluded": func(b *build) {
		b.serve(b.siteOf(b.ca(b.l.pki.root, "Excluded", forge.NameConstraints(nil, [][]byte{forge.DNS(scenarios.Domain)}))))
	},
	"ip-range-excluded": func(b *build) {
		b.s.Host = "127.0.0.1"
		sloppy := [][]byte{forge.IPNet("9.0.0.0/8"), forge.IPRaw([]byte{127, 9, 9, 9, 255, 0, 0, 0})}
		s := b.siteOf(b.ca(b.l.pki.root, "No Loopback", forge.NameConstraints(nil, sloppy)))
		s.names = [][]byte{forge.IPRaw([]byte{127, 0, 0, 1})}
		b.serve(s)
	},
	"explicit-policy": func(b *build) {
		b.serve(b.siteOf(b.ca(b.l.pki.root, "Explicit Policy", forge.Policies("1.3.6.1.4.1.55555.2.1"), forge.PolicyConstraints(0, -1))))
	},
	"precertificate": func(b *build) {
		b.good(func(s *site) { s.set(forge.Poison()); s.noSCTs = true })
	},
	"signature-loop": func(b *build) {
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
	},
}

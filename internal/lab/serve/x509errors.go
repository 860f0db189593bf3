package serve

import (
	"time"

	"github.com/assaytls/assay/internal/lab/forge"
)

// x509errorsServers make the servers of the scenarios of the same group.
var x509errorsServers = map[string]func(*build){
	"not-before-malformed": func(b *build) {
		b.good(func(s *site) {
			s.cert.Validity = forge.Seq(forge.TLV(0x17, []byte("251301000000Z")), forge.Time(s.cert.NotAfter))
		})
	},
	"root-name-unknown": func(b *build) {
		b.below(forge.Cert{Issuer: forge.CN("Assay Lab Unknown Root"), Extensions: b.caExts()})
	},
	"issuer-name-differs": func(b *build) {
		b.good(func(s *site) { s.cert.Issuer, s.noSCTs = forge.CN("Assay Lab Other CA"), true })
	},
	"issuer-weak-key": func(b *build) {
		b.serve(b.siteOf(b.l.pki.intermediate(b.l.pki.root, "Assay Lab Weak CA", forge.NewKey("RSA-1024#2"))))
	},
	"issuer-md5": func(b *build) {
		p := b.l.pki
		key := forge.P256()
		old := p.publish(p.rsa.Issue(forge.Cert{Subject: forge.CN("Assay Lab MD5 CA"), Key: key, Alg: forge.MD5WithRSA, NotAfter: time.Now().AddDate(1, 0, 0),
			Extensions: append([]forge.Ext{forge.BasicConstraints(true, -1), forge.KeyUsage(forge.KeyCertSign, forge.CRLSign), forge.SKI(key.ID()), forge.AKI(p.rsa.Key.ID())}, p.rsa.pointers()...)}), p.rsa)
		s := b.siteOf(old)
		s.chain = append(s.chain, p.rsa.Raw)
		b.serve(s)
	},
	"issuer-key-unknown": func(b *build) {
		b.serve(b.siteOf(b.l.pki.intermediate(b.l.pki.root, "Assay Lab Unknown Key CA", unknownKey())))
	},
	"key-unknown": func(b *build) { b.serve(b.site().key(unknownKey())) },
	"version-1-extensions": func(b *build) {
		b.good(func(s *site) { s.cert.Version, s.noSCTs = 1, true })
	},
	"version-4": func(b *build) {
		b.good(func(s *site) { s.cert.Version, s.noSCTs = 4, true })
	},
	"ca-constraints-not-critical": func(b *build) {
		b.serve(b.siteOf(b.ca(b.l.pki.root, "Not Critical", forge.BasicConstraints(true, -1).NonCrit())))
	},
	"ca-without-key-usage": func(b *build) {
		b.below(forge.Cert{Extensions: forge.Without(b.caExts(), "2.5.29.15")})
	},
	"path-length-on-leaf": func(b *build) {
		b.good(func(s *site) { s.set(forge.BasicConstraints(false, 0)) })
	},
	"path-length-negative": func(b *build) {
		b.serve(b.siteOf(b.ca(b.l.pki.root, "Negative", forge.Ext{OID: "2.5.29.19", Critical: true, Value: forge.Seq(forge.Bool(true), forge.Int(-1))})))
	},
	"name-constraints-empty": func(b *build) { b.constrained(forge.Seq()) },
	"name-constraints-minimum": func(b *build) {
		b.constrained(forge.Seq(forge.Explicit(0, forge.Seq(forge.DNS("assay.test"), forge.Context(0, []byte{1})))))
	},
	"name-constraints-maximum": func(b *build) {
		b.constrained(forge.Seq(forge.Explicit(0, forge.Seq(forge.DNS("assay.test"), forge.Context(1, []byte{9})))))
	},
	"name-constraints-unknown-form": func(b *build) {
		name := forge.OtherName("1.3.6.1.4.1.55555.4.1", forge.UTF8("form"))
		s := b.siteOf(b.ca(b.l.pki.root, "Unknown Form", forge.NameConstraints([][]byte{name}, nil)))
		s.names = append(s.names, name)
		b.serve(s)
	},
	"wrong-address": func(b *build) {
		b.s.Host = "127.0.0.1"
		b.good(func(s *site) {
			s.names = [][]byte{forge.IP("127.0.0.2")}
			s.cert.Subject = forge.CN("127.0.0.2")
		})
	},
	"email-empty": func(b *build) {
		b.good(func(s *site) { s.names = append(s.names, forge.Email("")) })
	},
	"email-null-byte": func(b *build) {
		b.good(func(s *site) { s.names = append(s.names, forge.Email("user\x00@lab.assay.test")) })
	},
	"nameless": func(b *build) {
		b.good(func(s *site) { s.names, s.cert.Subject = nil, forge.EmptyName() })
	},
	"address-blocks-not-nested": func(b *build) {
		s := b.siteOf(b.ca(b.l.pki.root, "Address Blocks", addressBlocks(126, 0)))
		s.set(addressBlocks(127, 0, 0, 1))
		b.serve(s)
	},
	"address-blocks-empty": func(b *build) {
		b.good(func(s *site) { s.set(forge.Ext{OID: oidAddressBlocks, Critical: true, Value: forge.Seq()}) })
	},
	"any-eku":   func(b *build) { b.good(func(s *site) { s.set(forge.EKU(forge.AnyEKU)) }) },
	"eku-empty": func(b *build) { b.good(func(s *site) { s.set(forge.EKU()) }) },
	"eku-unknown": func(b *build) {
		b.good(func(s *site) { s.set(forge.EKU("1.3.6.1.4.1.55555.5.1")) })
	},
	"leaf-key-usage-empty": func(b *build) { b.good(func(s *site) { s.set(forge.KeyUsage()) }) },
	"policy-duplicate": func(b *build) {
		b.good(func(s *site) { s.set(forge.Policies("1.3.6.1.4.1.55555.2.1", "1.3.6.1.4.1.55555.2.1")) })
	},
	"proxy-certificate": func(b *build) { b.proxyCertificate(-1, func(*site) {}) },
	"proxy-certificate-san": func(b *build) {
		b.proxyCertificate(-1, func(s *site) { s.names = [][]byte{forge.DNS(b.s.Host), forge.IP("127.0.0.1")} })
	},
	"proxy-certificate-name": func(b *build) {
		b.proxyCertificate(-1, func(s *site) { s.cert.Subject = forge.CN(b.s.Host) })
	},
	"proxy-certificate-ca": func(b *build) {
		b.proxyCertificate(-1, func(s *site) {
			s.set(forge.BasicConstraints(true, -1), forge.KeyUsage(forge.DigitalSignature, forge.KeyCertSign))
		})
	},
	"proxy-certificate-length": func(b *build) { b.proxyCertificate(0, func(*site) {}) },
	"crl-this-update-malformed": func(b *build) {
		b.crl(func(s *site, c *forge.CRL) { c.MutateTBS = badTime(3) })
	},
	"crl-next-update-malformed": func(b *build) {
		b.crl(func(s *site, c *forge.CRL) { c.MutateTBS = badTime(4) })
	},
}

// oidAddressBlocks is RFC 3779's IP Address Delegation.
const oidAddressBlocks = "1.3.6.1.5.5.7.1.7"

// addressBlocks says that a certificate speaks for one IPv4 prefix of whole octets.
func addressBlocks(prefix ...byte) forge.Ext {
	return forge.Ext{OID: oidAddressBlocks, Critical: true, Value: forge.Seq(forge.Seq(forge.Octets([]byte{0, 1}), forge.Seq(forge.Bits(prefix))))}
}

// badTime puts a time in month 13 into a list, in the place of its child i.
func badTime(i int) func([]byte) []byte {
	return func(tbs []byte) []byte { return forge.Replace(tbs, i, forge.TLV(0x17, []byte("261301000000Z"))) }
}

// unknownKey is a key whose algorithm nobody knows; its owner signs with P-256.
func unknownKey() *forge.Key {
	k := *forge.P256()
	k.SPKI = forge.Seq(forge.Seq(forge.OID("1.3.6.1.4.1.55555.3.1")), forge.Bits(k.Bits()))
	return &k
}

// caExts are the extensions of a sound CA below the root but for the key identifier.
func (b *build) caExts() []forge.Ext {
	root := b.l.pki.root
	return append([]forge.Ext{forge.BasicConstraints(true, -1), forge.KeyUsage(forge.KeyCertSign, forge.CRLSign), forge.AKI(root.Key.ID())}, root.pointers()...)
}

// below serves a good leaf of a CA that the root has issued as c says.
func (b *build) below(c forge.Cert) {
	p := b.l.pki
	c.Subject, c.Key, c.NotAfter = forge.CN("Assay Lab CA of "+b.s.Name), forge.P256(), time.Now().AddDate(1, 0, 0)
	c.Extensions = append(c.Extensions, forge.SKI(c.Key.ID()))
	b.serve(b.siteOf(p.publish(p.root.Issue(c), p.root)))
}

// constrained serves a good leaf of a CA with this value of name constraints.
func (b *build) constrained(value []byte) {
	b.serve(b.siteOf(b.ca(b.l.pki.root, "Constrained", forge.Ext{OID: "2.5.29.30", Critical: true, Value: value})))
}

// proxyCertificate serves a proxy certificate (RFC 3820), issued by a user of the issuing CA. A bound that is not
// negative is the user's first proxy's, who then issues another one.
func (b *build) proxyCertificate(bound int, edit func(*site)) {
	p := b.l.pki
	name := []forge.Attr{{OID: "2.5.4.3", Value: "A User of " + b.s.Name}}
	key := forge.P256()
	holder := p.publish(p.ica.Issue(forge.Cert{Subject: forge.DN(name...), Key: key, NotAfter: time.Now().AddDate(0, 3, 0),
		Extensions: append(p.ica.ServerExts(key), p.ica.pointers()...)}), p.ica)
	chain := [][]byte{p.ica.Raw}
	if bound >= 0 {
		chain = append([][]byte{holder.Raw}, chain...)
		name = append(name, forge.Attr{OID: "2.5.4.3", Value: "first"})
		key = forge.P256()
		holder = p.publish(holder.Issue(forge.Cert{Subject: forge.DN(name...), Key: key, NotAfter: time.Now().AddDate(0, 2, 0),
			Extensions: append(append(holder.ServerExts(key), proxyInfo(bound)), holder.pointers()...)}), holder)
	}
	s := b.siteOf(holder)
	s.names, s.noSCTs = nil, true
	s.cert.Subject = forge.DN(append(name, forge.Attr{OID: "2.5.4.3", Value: b.s.Host})...)
	s.chain = append(s.chain, chain...)
	s.set(proxyInfo(-1))
	edit(s)
	b.serve(s)
}

// proxyInfo is the critical extension of a proxy that inherits all rights; a negative bound is left out.
func proxyInfo(bound int) forge.Ext {
	var body []byte
	if bound >= 0 {
		body = forge.Int(int64(bound))
	}
	return forge.Ext{OID: "1.3.6.1.5.5.7.1.14", Critical: true, Value: forge.Seq(body, forge.Seq(forge.OID("1.3.6.1.5.5.7.21.1")))}
}

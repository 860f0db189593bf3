package certpath_test

import (
	"context"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
)

// pki is a root, an intermediate and a leaf for www.example.com, to be changed
// in one place by each rule.
type pki struct {
	rootKey, caKey, leafKey *forge.Key
	rootExts                []forge.Ext // in the place of, or beside, the usual ones
	caExts, leafExts        []forge.Ext
	rootDrop, caDrop        string // OID of an extension to leave out
	leafDrop                string
	rootCert, caCert        func(*forge.Cert) // last changes before signing
	leafCert                func(*forge.Cert)
	anchor                  certpath.AnchorConstraints
	noPool, noRoot          bool // the intermediate is not sent; the root is sent but no anchor
	o                       certpath.Options
}

var host = "www.example.com"

func (p *pki) build() certpath.Result {
	key := func(k *forge.Key) *forge.Key {
		if k == nil {
			return forge.P256()
		}
		return k
	}
	p.rootKey, p.caKey, p.leafKey = key(p.rootKey), key(p.caKey), key(p.leafKey)
	drop := func(exts []forge.Ext, oid string) []forge.Ext { return forge.Without(exts, oid) }
	now := time.Now()
	caUsage := forge.KeyUsage(forge.KeyCertSign, forge.CRLSign)

	rc := forge.Cert{Issuer: forge.OCN("Test", "Root"), Subject: forge.OCN("Test", "Root"), Key: p.rootKey, Serial: forge.RandomSerial(),
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(10, 0, 0)}
	rc.Extensions = drop(forge.Merge([]forge.Ext{forge.BasicConstraints(true, -1), caUsage, forge.SKI(p.rootKey.ID())}, p.rootExts...), p.rootDrop)
	if p.rootCert != nil {
		p.rootCert(&rc)
	}
	root := &forge.CA{Name: rc.Subject, Key: p.rootKey, Raw: rc.Sign(p.rootKey), Serial: rc.Serial}

	cc := forge.Cert{Subject: forge.OCN("Test", "CA"), Key: p.caKey, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(5, 0, 0)}
	cc.Extensions = drop(forge.Merge([]forge.Ext{forge.BasicConstraints(true, -1), caUsage, forge.SKI(p.caKey.ID()), forge.AKI(p.rootKey.ID())}, p.caExts...), p.caDrop)
	if p.caCert != nil {
		p.caCert(&cc)
	}
	ca := root.Issue(cc)

	lc := forge.Cert{Subject: forge.OCN("Test", "leaf"), Key: p.leafKey, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(0, 0, 30)}
	lc.Extensions = drop(forge.Merge(ca.ServerExts(p.leafKey, forge.DNS(host)), p.leafExts...), p.leafDrop)
	if p.leafCert != nil {
		p.leafCert(&lc)
	}
	leaf := ca.Issue(lc)

	set := certpath.NewAnchors()
	var pool []*cert.Certificate
	if p.noRoot {
		pool = parse(root.Raw)
	} else {
		set.AddConstrained(root.Raw, p.anchor)
	}
	if !p.noPool {
		pool = append(pool, cert.Parse(ca.Raw))
	}
	return certpath.Build(context.Background(), cert.Parse(leaf.Raw), pool, set, p.o)
}

func ident(names ...string) []certpath.Identifier {
	var out []certpath.Identifier
	for _, n := range names {
		id, err := certpath.ParseIdentifier(n)
		if err != nil {
			panic(err)
		}
		out = append(out, id)
	}
	return out
}

func san(names ...[]byte) []forge.Ext { return []forge.Ext{forge.SAN(names...)} }

func permit(names ...[]byte) []forge.Ext {
	return []forge.Ext{forge.NameConstraints(names, nil)}
}

func exclude(names ...[]byte) []forge.Ext {
	return []forge.Ext{forge.NameConstraints(nil, names)}
}

// ranged is a permitted subtree with a minimum.
func ranged(name []byte) []forge.Ext {
	e := forge.NameConstraints(nil, nil)
	e.Value = forge.Seq(forge.Explicit(0, forge.Seq(name, forge.Context(0, []byte{1}))))
	return []forge.Ext{e}
}

func oids(a forge.Alg, oid string) forge.Alg { return a.WithID(forge.Seq(forge.OID(oid))) }

var past, future = time.Now().AddDate(-1, 0, 0), time.Now().AddDate(1, 0, 0)

// rules has one row for each way to break a rule: the finding and the
// certificate it must hang on, -1 for the path.
var rules = []struct {
	name string
	p    pki
	want finding.ID
	at   int
	sev  finding.Severity
}{
	{"leaf expired", pki{leafCert: func(c *forge.Cert) { c.NotBefore, c.NotAfter = past, past.Add(time.Hour) }}, finding.CertExpired, 0, finding.Error},
	{"CA expired", pki{caCert: func(c *forge.Cert) { c.NotBefore, c.NotAfter = past, past.Add(time.Hour) }}, finding.CertExpired, 1, finding.Error},
	{"anchor expired", pki{rootCert: func(c *forge.Cert) { c.NotBefore, c.NotAfter = past, past.Add(time.Hour) }}, finding.CertExpired, 2, finding.Error},
	{"leaf of the future", pki{leafCert: func(c *forge.Cert) { c.NotBefore, c.NotAfter = future, future.Add(time.Hour) }}, finding.CertNotYetValid, 0, finding.Error},
	{"leaf's signature", pki{leafCert: func(c *forge.Cert) { c.MutateSig = forge.Flip }}, finding.SignatureInvalid, 0, finding.Error},
	{"CA's signature", pki{caCert: func(c *forge.Cert) { c.MutateSig = forge.Flip }}, finding.SignatureInvalid, 1, finding.Error},
	{"unknown signature algorithm", pki{leafCert: func(c *forge.Cert) { c.Alg = oids(forge.ECDSAWithSHA256, "1.3.101.113") }}, finding.SignatureUnsupported, 0, finding.Error},
	{"algorithm of another kind of key", pki{leafCert: func(c *forge.Cert) { c.Alg = forge.ECDSAWithSHA256.WithID(forge.SHA256WithRSA.ID) }}, finding.SignatureKeyMismatch, 0, finding.Error},
	{"SHA-1", pki{caKey: forge.RSA(2048), leafCert: func(c *forge.Cert) { c.Alg = forge.SHA1WithRSA }}, finding.SignatureWeak, 0, finding.Error},
	{"MD5", pki{caKey: forge.RSA(2048), leafCert: func(c *forge.Cert) { c.Alg = forge.MD5WithRSA }}, finding.SignatureWeak, 0, finding.Error},
	{"SHA-1 on the CA", pki{rootKey: forge.RSA(2048), caCert: func(c *forge.Cert) { c.Alg = forge.SHA1WithRSA }}, finding.SignatureWeak, 1, finding.Error},
	{"SHA-256 at level 4", pki{o: certpath.Options{SecurityLevel: policy.Level4}}, finding.SignatureWeak, 0, finding.Error},
	{"issuer's key off the curve", pki{caCert: func(c *forge.Cert) { c.SPKI = forge.FlipMiddle(c.Key.SPKI) }}, finding.IssuerKeyUnusable, 0, finding.Error},
	{"RSA 512 issuer", pki{caKey: forge.RSA(512)}, finding.IssuerKeyTooSmall, 0, finding.Error},
	{"RSA 1024 leaf", pki{leafKey: forge.RSA(1024)}, finding.LeafKeyWeak, 0, finding.Error},
	{"RSA 2048 leaf under --min-rsa 3072", pki{leafKey: forge.RSA(2048), o: certpath.Options{MinRSA: 3072}}, finding.LeafKeyWeak, 0, finding.Error},
	{"P-256 leaf at level 4", pki{o: certpath.Options{SecurityLevel: policy.Level4}}, finding.LeafKeyWeak, 0, finding.Error},
	{"RSA 1024 CA", pki{caKey: forge.RSA(1024)}, finding.CAKeyWeak, 1, finding.Error},
	{"RSA 1024 anchor", pki{rootKey: forge.RSA(1024)}, finding.CAKeyWeak, 2, finding.Error},
	{"CA without basic constraints", pki{caDrop: "2.5.29.19"}, finding.IssuerNotCA, 1, finding.Error},
	{"CA:FALSE", pki{caExts: []forge.Ext{forge.BasicConstraints(false, -1)}}, finding.IssuerNotCA, 1, finding.Error},
	{"v1 CA", pki{caCert: func(c *forge.Cert) { c.Version, c.Extensions = 1, nil }}, finding.IssuerNotCA, 1, finding.Error},
	{"v1 CA, self-issued", pki{caCert: func(c *forge.Cert) { c.Version, c.Extensions, c.Subject = 1, nil, forge.OCN("Test", "Root") }}, finding.IssuerNotCA, 1, finding.Error},
	{"v1 anchor that another CA issued", pki{rootCert: func(c *forge.Cert) { c.Version, c.Extensions, c.Issuer = 1, nil, forge.OCN("Other", "Root") }}, finding.IssuerNotCA, 2, finding.Error},
	{"anchor that is no CA", pki{rootExts: []forge.Ext{forge.BasicConstraints(false, -1)}}, finding.IssuerNotCA, 2, finding.Error},
	{"CA without keyCertSign", pki{caExts: []forge.Ext{forge.KeyUsage(forge.CRLSign)}}, finding.IssuerMayNotSign, 1, finding.Error},
	{"anchor without keyCertSign", pki{rootExts: []forge.Ext{forge.KeyUsage(forge.CRLSign)}}, finding.IssuerMayNotSign, 2, finding.Error},
	{"pathLen of the anchor", pki{rootExts: []forge.Ext{forge.BasicConstraints(true, 0)}}, finding.PathLenExceeded, 1, finding.Error},
	{"depth", pki{o: certpath.Options{MaxDepth: -1}}, finding.PathTooLong, -1, finding.Error},
	{"critical extension of the leaf", pki{leafExts: []forge.Ext{forge.Unknown(true)}}, finding.CriticalUnknown, 0, finding.Error},
	{"critical extension of the CA", pki{caExts: []forge.Ext{forge.Unknown(true)}}, finding.CriticalUnknown, 1, finding.Error},
	{"critical extension of the anchor", pki{rootExts: []forge.Ext{forge.Unknown(true)}}, finding.CriticalUnknown, 2, finding.Error},
	{"critical policy qualifier", pki{leafExts: []forge.Ext{{OID: "2.5.29.32", Critical: true,
		Value: forge.Seq(forge.Seq(forge.OID("1.2.3"), forge.Seq(forge.Seq(forge.OID("1.2.3.4"), forge.Null()))))}}}, finding.CriticalUnknown, 0, finding.Error},
	{"client leaf", pki{leafExts: []forge.Ext{forge.EKU(forge.ClientAuth)}}, finding.PurposeNotAllowed, 0, finding.Error},
	{"any is not OCSP signing", pki{leafExts: []forge.Ext{forge.EKU(forge.AnyEKU)}, o: certpath.Options{Purpose: policy.PurposeOCSP}}, finding.PurposeNotAllowed, 0, finding.Error},
	{"no EKU is not OCSP signing", pki{leafDrop: "2.5.29.37", o: certpath.Options{Purpose: policy.PurposeOCSP}}, finding.PurposeNotAllowed, 0, finding.Error},
	{"time stamps and more", pki{leafExts: []forge.Ext{forge.EKU(forge.TimeStamping, forge.ClientAuth).Crit()}, o: certpath.Options{Purpose: policy.PurposeTimestamp}}, finding.PurposeNotAllowed, 0, finding.Error},
	{"time stamps not critical", pki{leafExts: []forge.Ext{forge.EKU(forge.TimeStamping)}, o: certpath.Options{Purpose: policy.PurposeTimestamp}}, finding.PurposeNotAllowed, 0, finding.Error},
	{"code signing and TLS", pki{leafExts: []forge.Ext{forge.EKU(forge.CodeSigning, forge.ServerAuth)}, o: certpath.Options{Purpose: policy.PurposeCode}}, finding.PurposeNotAllowed, 0, finding.Error},
	{"code signing with a CA's usage", pki{leafExts: []forge.Ext{forge.EKU(forge.CodeSigning), forge.KeyUsage(forge.DigitalSignature, forge.CRLSign)}, o: certpath.Options{Purpose: policy.PurposeCode}}, finding.PurposeNotAllowed, 0, finding.Error},
	{"code signing without critical usage", pki{leafExts: []forge.Ext{forge.EKU(forge.CodeSigning), forge.KeyUsage(forge.DigitalSignature).NonCrit()}, o: certpath.Options{Purpose: policy.PurposeCode}}, finding.PurposeNotAllowed, 0, finding.Error},
	{"a purpose nobody knows", pki{o: certpath.Options{Purpose: "sever"}}, finding.PurposeNotAllowed, 0, finding.Error},
	{"client CA", pki{caExts: []forge.Ext{forge.EKU(forge.ClientAuth)}}, finding.CAPurposeNotAllowed, 1, finding.Error},
	{"client anchor", pki{rootExts: []forge.Ext{forge.EKU(forge.ClientAuth)}}, finding.CAPurposeNotAllowed, 2, finding.Error},
	{"key usage for nothing in TLS", pki{leafExts: []forge.Ext{forge.KeyUsage(forge.CRLSign)}}, finding.KeyUsageInsufficient, 0, finding.Error},
	{"key usage against the handshake", pki{leafExts: []forge.Ext{forge.KeyUsage(forge.KeyEncipherment)}, o: certpath.Options{UsedKeyUsage: cert.DigitalSignature}}, finding.KeyUsageInsufficient, 0, finding.Error},
	{"leaf is a CA", pki{leafExts: []forge.Ext{forge.BasicConstraints(true, -1), forge.KeyUsage(forge.DigitalSignature, forge.KeyCertSign)}}, finding.LeafIsCA, 0, finding.Warning},
	{"intermediate not sent", pki{noPool: true}, finding.IssuerNotFound, 0, finding.Error},
	{"root not trusted", pki{noRoot: true}, finding.RootUntrusted, 2, finding.Error},
	{"key identifier of another key", pki{leafExts: []forge.Ext{forge.AKI([]byte("another"))}}, finding.IssuerKeyIDMismatch, 0, finding.Warning},
	{"key identifier of another key, strict", pki{leafExts: []forge.Ext{forge.AKI([]byte("another"))}, o: certpath.Options{Strict: true}}, finding.IssuerKeyIDMismatch, 0, finding.Error},
	{"serial of another certificate", pki{leafExts: []forge.Ext{forge.AKIFull(nil, [][]byte{forge.DirName(forge.OCN("Test", "Root"))}, []byte{77})}}, finding.IssuerSerialMismatch, 0, finding.Warning},
	{"no authority key identifier, strict", pki{leafDrop: "2.5.29.35", o: certpath.Options{Strict: true}}, finding.AuthorityKeyIDAbsent, 0, finding.Error},
	{"anchor distrusted", pki{anchor: certpath.AnchorConstraints{DistrustAfter: past}}, finding.AnchorDistrusted, 2, finding.Error},
	{"anchor for e-mail", pki{anchor: certpath.AnchorConstraints{Purposes: []policy.Purpose{policy.PurposeEmail}}}, finding.AnchorNotForPurpose, 2, finding.Error},
	{"anchor with names", pki{anchor: certpath.AnchorConstraints{Names: &cert.NameConstraints{Permitted: []cert.Subtree{{Base: cert.GeneralName{Type: cert.DNSName, Value: "example.org"}, Maximum: -1}}}}}, finding.NameNotPermitted, 0, finding.Error},
	{"explicit policy", pki{o: certpath.Options{ExplicitPolicy: true}}, finding.PolicyMissing, -1, finding.Error},
	{"policy required by the CA", pki{caExts: []forge.Ext{forge.PolicyConstraints(0, -1)}}, finding.PolicyMissing, -1, finding.Error},
	{"other policy than asked for", pki{caExts: []forge.Ext{forge.Policies("1.2.3")}, leafExts: []forge.Ext{forge.Policies("1.2.3")}, o: certpath.Options{ExplicitPolicy: true, Policies: []string{"1.2.4"}}}, finding.PolicyMissing, -1, finding.Error},
	{"too long a life", pki{leafCert: func(c *forge.Cert) { c.NotAfter = c.NotBefore.AddDate(2, 0, 0) }, o: certpath.Options{Public: everyAnchor}}, finding.ValidityTooLong, 0, finding.Warning},
	{"encoding of the leaf", pki{leafCert: func(c *forge.Cert) { c.Serial = []byte{0x80} }}, finding.SerialInvalid, 0, finding.Error},
	{"encoding of the CA", pki{caCert: func(c *forge.Cert) { c.Serial = []byte{0x80} }}, finding.SerialInvalid, 1, finding.Error},
	{"encoding of the anchor", pki{rootCert: func(c *forge.Cert) { c.Serial = []byte{0x80} }}, finding.SerialInvalid, 2, finding.Info},
	{"encoding of a root that is not trusted", pki{noRoot: true, rootCert: func(c *forge.Cert) { c.Serial = []byte{0x80} }}, finding.SerialInvalid, 2, finding.Error},
	{"SHA-1 on a leaf without issuer", pki{noPool: true, caKey: forge.RSA(2048), leafCert: func(c *forge.Cert) { c.Alg = forge.SHA1WithRSA }}, finding.SignatureWeak, 0, finding.Error},
	{"issuer's key unreadable", pki{caCert: func(c *forge.Cert) { c.SPKI = forge.Seq() }}, finding.SignatureUnsupported, 0, finding.Error},
	{"v3 anchor without basic constraints", pki{rootDrop: "2.5.29.19"}, finding.IssuerNotCA, 2, finding.Error},
	{"serial of another issuer's certificate", pki{rootCert: func(c *forge.Cert) { c.Serial = []byte{77} }, caExts: []forge.Ext{forge.AKIFull(nil, [][]byte{forge.DirName(forge.OCN("Other", "Root"))}, []byte{77})}}, finding.IssuerSerialMismatch, 1, finding.Warning},
	{"CA without subject key identifier, strict", pki{caDrop: "2.5.29.14", o: certpath.Options{Strict: true}}, finding.SubjectKeyIDAbsent, 1, finding.Error},
	{"code signing and any", pki{leafExts: []forge.Ext{forge.EKU(forge.CodeSigning, forge.AnyEKU)}, o: certpath.Options{Purpose: policy.PurposeCode}}, finding.PurposeNotAllowed, 0, finding.Error},
	{"signing lists for servers, under a CA for e-mail", pki{caExts: []forge.Ext{forge.EKU(forge.EmailProtection)}, o: certpath.Options{ListSigner: true}}, finding.CAPurposeNotAllowed, 1, finding.Error},
	{"signing lists for servers, a CA for e-mail", pki{leafExts: []forge.Ext{forge.BasicConstraints(true, -1), forge.KeyUsage(forge.CRLSign, forge.KeyCertSign), forge.EKU(forge.EmailProtection)}, o: certpath.Options{ListSigner: true}}, finding.CAPurposeNotAllowed, 0, finding.Error},
	{"steps", pki{o: certpath.Options{Budget: certpath.Budget{Steps: 1}}}, finding.BudgetPaths, -2, finding.Error},
	{"paths", pki{o: certpath.Options{Budget: certpath.Budget{Paths: -1}}}, finding.BudgetPaths, -2, finding.Error},
	{"signatures", pki{o: certpath.Options{Budget: certpath.Budget{Signatures: 1}}}, finding.BudgetPaths, -2, finding.Error},

	{"name", pki{leafExts: san(forge.DNS("example.org")), o: certpath.Options{Names: ident(host)}}, finding.NameMismatch, 0, finding.Error},
	{"address", pki{o: certpath.Options{Names: ident("192.0.2.1")}}, finding.IPMismatch, 0, finding.Error},
	{"address as DNS name", pki{leafExts: san(forge.DNS("192.0.2.1")), o: certpath.Options{Names: ident("192.0.2.1")}}, finding.IPMismatch, 0, finding.Error},
	{"mailbox", pki{leafExts: san(forge.Email("a@example.com")), o: certpath.Options{Names: ident("b@example.com")}}, finding.EmailMismatch, 0, finding.Error},
	{"host in the form of a mailbox", pki{leafExts: san(forge.Email(host)), o: certpath.Options{Names: ident(host)}}, finding.NameMismatch, 0, finding.Error},
	{"mailbox as another kind of name", pki{leafExts: san(forge.OtherName("1.3.6.1.4.1.311.20.2.3", forge.UTF8("a@example.com"))), o: certpath.Options{Names: ident("a@example.com")}}, finding.NamesMissing, 0, finding.Error},
	{"mailbox in UTF-8 where ASCII belongs", pki{leafExts: san(forge.Email("ü@example.com")), o: certpath.Options{Names: ident("ü@example.com")}}, finding.EmailMismatch, 0, finding.Error},
	{"SmtpUTF8Mailbox of another string type", pki{leafExts: san(forge.OtherName("1.3.6.1.5.5.7.8.9", forge.TLV(22, []byte("a@example.com")))), o: certpath.Options{Names: ident("a@example.com")}}, finding.NamesMissing, 0, finding.Error},
	{"one of two names", pki{o: certpath.Options{Names: ident(host, "mail.example.com")}}, finding.NameMismatch, 0, finding.Error},
	{"a URI and no host", pki{leafExts: san(forge.URI("spiffe://example.com/a")), o: certpath.Options{Names: ident(host)}}, finding.NamesOtherKinds, 0, finding.Error},
	{"no names", pki{leafDrop: "2.5.29.17", leafCert: func(c *forge.Cert) { c.Subject = forge.CN(host) }, o: certpath.Options{Names: ident(host)}}, finding.NamesMissing, 0, finding.Error},
	{"wildcard", pki{leafExts: san(forge.DNS("*.example.com")), o: certpath.Options{Names: ident(host), NoWildcards: true}}, finding.WildcardRefused, 0, finding.Error},

	{"DNS not permitted", pki{caExts: permit(forge.DNS("example.org"))}, finding.NameNotPermitted, 0, finding.Error},
	{"DNS excluded", pki{caExts: exclude(forge.DNS("example.com"))}, finding.NameExcluded, 0, finding.Error},
	{"DNS excluded by the anchor", pki{rootExts: exclude(forge.DNS("example.com"))}, finding.NameExcluded, 0, finding.Error},
	{"DNS excluded, leaf self-issued", pki{caExts: exclude(forge.DNS("example.com")), leafCert: func(c *forge.Cert) { c.Subject = forge.OCN("Test", "CA") }}, finding.NameExcluded, 0, finding.Error},
	{"wildcard that covers an excluded name", pki{caExts: exclude(forge.DNS("www.example.com")), leafExts: san(forge.DNS("*.example.com"))}, finding.NameExcluded, 0, finding.Error},
	{"wildcard beyond a permitted name", pki{caExts: permit(forge.DNS("www.example.com")), leafExts: san(forge.DNS("*.example.com"))}, finding.NameNotPermitted, 0, finding.Error},
	{"IP not permitted", pki{caExts: permit(forge.IPNet("192.0.2.0/24")), leafExts: san(forge.IP("198.51.100.1"))}, finding.NameNotPermitted, 0, finding.Error},
	{"IP excluded", pki{caExts: exclude(forge.IPNet("192.0.2.0/24")), leafExts: san(forge.IP("192.0.2.255"))}, finding.NameExcluded, 0, finding.Error},
	{"IPv6 under IPv4 constraint", pki{caExts: permit(forge.IPNet("0.0.0.0/0")), leafExts: san(forge.IP("2001:db8::1"))}, finding.NameNotPermitted, 0, finding.Error},
	{"excluded range with host bits", pki{caExts: exclude(forge.IPRaw([]byte{10, 5, 0, 0, 255, 0, 0, 0})), leafExts: san(forge.IP("10.1.2.3"))}, finding.NameExcluded, 0, finding.Error},
	{"mailbox excluded", pki{caExts: exclude(forge.Email("a@example.com")), leafExts: san(forge.Email("a@EXAMPLE.com"))}, finding.NameExcluded, 0, finding.Error},
	{"mailbox below a permitted host", pki{caExts: permit(forge.Email("example.com")), leafExts: san(forge.Email("a@sub.example.com"))}, finding.NameNotPermitted, 0, finding.Error},
	{"mailbox at a domain's apex", pki{caExts: permit(forge.Email(".example.com")), leafExts: san(forge.Email("a@example.com"))}, finding.NameNotPermitted, 0, finding.Error},
	{"SmtpUTF8Mailbox", pki{caExts: exclude(forge.Email("example.com")), leafExts: san(forge.SmtpUTF8("ü@example.com"))}, finding.NameExcluded, 0, finding.Error},
	{"SmtpUTF8Mailbox with a U-label", pki{caExts: exclude(forge.Email("xn--bcher-kva.example")), leafExts: san(forge.SmtpUTF8("a@bücher.example"))}, finding.NameExcluded, 0, finding.Error},
	{"e-mail in the subject", pki{caExts: permit(forge.Email("example.com")), leafCert: func(c *forge.Cert) {
		c.Subject = forge.DN(forge.Attr{OID: "1.2.840.113549.1.9.1", Value: "a@example.org", Tag: 22})
	}}, finding.NameNotPermitted, 0, finding.Error},
	{"URI not permitted", pki{caExts: permit(forge.URI("example.com")), leafExts: san(forge.URI("https://www.example.com/"))}, finding.NameNotPermitted, 0, finding.Error},
	{"URI excluded", pki{caExts: exclude(forge.URI(".example.com")), leafExts: san(forge.URI("https://user@www.example.com:8443/a?b@example.org"))}, finding.NameExcluded, 0, finding.Error},
	{"URI without host", pki{caExts: exclude(forge.URI("example.com")), leafExts: san(forge.URI("urn:a:b"))}, finding.ConstrainedNameBad, 0, finding.Error},
	{"URI with an address", pki{caExts: exclude(forge.URI("example.com")), leafExts: san(forge.URI("https://192.0.2.1/"))}, finding.ConstrainedNameBad, 0, finding.Error},
	{"directory name", pki{caExts: permit(forge.DirName(forge.DN(forge.Attr{OID: "2.5.4.10", Value: "Other"})))}, finding.NameNotPermitted, 0, finding.Error},
	{"directory name by other case", pki{caExts: exclude(forge.DirName(forge.DN(forge.Attr{OID: "2.5.4.10", Value: "TEST"})))}, finding.NameExcluded, 0, finding.Error},
	{"constraint on other names", pki{caExts: exclude(forge.OtherName("1.2.3", forge.UTF8("a"))), leafExts: san(forge.OtherName("1.2.3", forge.UTF8("b")))}, finding.NameFormUnsupported, 0, finding.Error},
	{"constraint on registered IDs", pki{caExts: permit(forge.RegisteredID("1.2.3")), leafExts: san(forge.RegisteredID("1.2.3"))}, finding.NameFormUnsupported, 0, finding.Error},
	{"minimum", pki{caExts: ranged(forge.DNS("example.com"))}, finding.NameConstraintRange, 1, finding.Error},
	{"mask with a gap", pki{caExts: permit(forge.IPRaw([]byte{10, 0, 0, 0, 255, 0, 255, 0})), leafExts: san(forge.IP("10.0.0.1"))}, finding.NameConstraintBad, 1, finding.Error},
	{"URI constraint with a user", pki{caExts: exclude(forge.URI("a@example.com")), leafExts: san(forge.URI("https://example.com/"))}, finding.NameConstraintBad, 1, finding.Error},
	{"URI with a port that is none", pki{caExts: exclude(forge.URI("example.org")), leafExts: san(forge.URI("https://example.com:8x/"))}, finding.ConstrainedNameBad, 0, finding.Error},
	{"mailbox constraint without a host", pki{caExts: exclude(forge.Email("a@b c")), leafExts: san(forge.Email("a@example.org"))}, finding.NameConstraintBad, 1, finding.Error},
	{"maximum", pki{caExts: []forge.Ext{{OID: "2.5.29.30", Critical: true, Value: forge.Seq(forge.Explicit(0, forge.Seq(forge.DNS("example.com"), forge.Context(1, []byte{5}))))}}}, finding.NameConstraintRange, 1, finding.Error},
	{"e-mail constraint that is none", pki{caExts: exclude(forge.Email("@example.com")), leafExts: san(forge.Email("a@example.org"))}, finding.NameConstraintBad, 1, finding.Error},
}

func TestRules(t *testing.T) {
	tested := map[finding.ID]bool{ // not to be had by Build: see their own tests
		finding.ChainOrderWrong: true, finding.ChainHasNewer: true, finding.CertExpiresSoon: true, finding.URIMismatch: true,
		finding.PathLoop: true, finding.PathEmpty: true, finding.IssuerNameMismatch: true, finding.LeafSelfSigned: true}
	for _, r := range rules {
		tested[r.want] = true
		t.Run(r.name, func(t *testing.T) {
			p := r.p
			p.o.Time = time.Now()
			res := p.build()
			path := res.Paths[0]
			fs := res.Findings
			switch {
			case r.at >= len(path.CertFindings):
				t.Fatalf("path of %d: %s", len(path.Certs), describe(res))
			case r.at >= 0:
				fs = path.CertFindings[r.at]
			case r.at == -1:
				fs = path.Findings
			}
			for _, f := range fs {
				if f.ID == r.want {
					if f.Severity != r.sev {
						t.Errorf("%s, want %s", f, r.sev)
					}
					return
				}
			}
			t.Errorf("want %s at %d: %s", r.want, r.at, describe(res))
		})
	}
	for _, file := range []string{"kinds_path.go", "kinds_name.go"} {
		src, err := os.ReadFile("../finding/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`ID = "([^"]+)"`).FindAllStringSubmatch(string(src), -1) {
			if !tested[finding.ID(m[1])] {
				t.Errorf("no rule breaks with %s", m[1])
			}
		}
	}
}

// qualified is a critical certificatePolicies with one qualifier.
func qualified(qualifier string, value []byte) []forge.Ext {
	return []forge.Ext{{OID: "2.5.29.32", Critical: true,
		Value: forge.Seq(forge.Seq(forge.OID("1.2.3"), forge.Seq(forge.Seq(forge.OID(qualifier), value))))}}
}

// warned are the sound cases with a warning.
var warned = map[string]bool{"key identifier of another": true}

// TestSound wants nothing worse than a remark where the rules come close.
func TestSound(t *testing.T) {
	for name, p := range map[string]pki{
		"plain":                           {},
		"name":                            {o: certpath.Options{Names: ident("WWW.example.com.")}},
		"wildcard":                        {leafExts: san(forge.DNS("*.example.com")), o: certpath.Options{Names: ident(host)}},
		"address":                         {leafExts: san(forge.IP("2001:db8::1")), o: certpath.Options{Names: ident("[2001:db8::1]")}},
		"mailbox":                         {leafExts: san(forge.Email("a@EXAMPLE.com")), o: certpath.Options{Names: ident("a@example.com")}},
		"mailbox in UTF-8":                {leafExts: san(forge.SmtpUTF8("ü@example.com")), o: certpath.Options{Names: ident("ü@example.com")}},
		"U-label":                         {leafExts: san(forge.DNS("xn--bcher-kva.example")), o: certpath.Options{Names: ident("BÜCHER.example")}},
		"DNS permitted":                   {caExts: permit(forge.DNS("EXAMPLE.com"))},
		"DNS permitted below":             {caExts: permit(forge.DNS(".example.com"))},
		"wildcard inside":                 {caExts: permit(forge.DNS(".example.com")), leafExts: san(forge.DNS("*.example.com"))},
		"wildcard beside":                 {caExts: exclude(forge.DNS("a.b.example.com")), leafExts: san(forge.DNS("*.example.com"))},
		"all DNS permitted":               {caExts: permit(forge.DNS(""))},
		"IP permitted":                    {caExts: permit(forge.IPNet("192.0.2.0/24")), leafExts: san(forge.IP("192.0.2.9"))},
		"mailbox permitted":               {caExts: permit(forge.Email("a@example.com")), leafExts: san(forge.Email("a@example.com"))},
		"mailbox below permitted":         {caExts: permit(forge.Email(".example.com")), leafExts: san(forge.Email("a@b.c.example.com"))},
		"local parts are case-sensitive":  {caExts: exclude(forge.Email("A@example.com")), leafExts: san(forge.Email("a@example.com"))},
		"URI permitted":                   {caExts: permit(forge.URI("www.example.com")), leafExts: san(forge.URI("https://www.example.com:443/"))},
		"directory permitted":             {caExts: permit(forge.DirName(forge.DN(forge.Attr{OID: "2.5.4.10", Value: "tEst"})))},
		"form not present":                {caExts: exclude(forge.OtherName("1.2.3", forge.UTF8("a")))},
		"any purpose":                     {leafExts: []forge.Ext{forge.EKU(forge.CodeSigning)}, o: certpath.Options{Purpose: policy.PurposeAny}},
		"anyExtendedKeyUsage":             {caExts: []forge.Ext{forge.EKU(forge.AnyEKU)}, leafExts: []forge.Ext{forge.EKU(forge.AnyEKU)}},
		"signing lists alone":             {caExts: []forge.Ext{forge.EKU(forge.ServerAuth)}, leafExts: []forge.Ext{forge.KeyUsage(forge.CRLSign), forge.EKU(forge.OCSPSigning)}, o: certpath.Options{ListSigner: true}},
		"signing lists as a CA":           {leafExts: []forge.Ext{forge.BasicConstraints(true, -1), forge.KeyUsage(forge.CRLSign, forge.KeyCertSign)}, o: certpath.Options{ListSigner: true}},
		"OCSP signing under a server CA":  {caExts: []forge.Ext{forge.EKU(forge.ServerAuth)}, leafExts: []forge.Ext{forge.EKU(forge.OCSPSigning)}, o: certpath.Options{Purpose: policy.PurposeOCSP}},
		"v1 anchor":                       {rootCert: func(c *forge.Cert) { c.Version, c.Extensions = 1, nil }},
		"anchor's signature":              {rootCert: func(c *forge.Cert) { c.MutateSig = forge.Flip }},
		"anchor signed with MD5":          {rootKey: forge.RSA(2048), rootCert: func(c *forge.Cert) { c.Alg = forge.MD5WithRSA }},
		"anchor with a serial of zero":    {rootCert: func(c *forge.Cert) { c.Serial = []byte{0} }},
		"SHA-1 at level 0":                {caKey: forge.RSA(2048), leafCert: func(c *forge.Cert) { c.Alg = forge.SHA1WithRSA }, o: certpath.Options{SecurityLevel: policy.Level0}},
		"key identifier of another":       {leafExts: []forge.Ext{forge.AKI([]byte("another"))}},
		"code signing":                    {leafExts: []forge.Ext{forge.EKU(forge.CodeSigning)}, o: certpath.Options{Purpose: policy.PurposeCode}},
		"time stamps":                     {leafExts: []forge.Ext{forge.EKU(forge.TimeStamping).Crit()}, o: certpath.Options{Purpose: policy.PurposeTimestamp}},
		"v2 anchor":                       {rootCert: func(c *forge.Cert) { c.Version, c.Extensions = 2, nil }},
		"strict":                          {o: certpath.Options{Strict: true}},
		"strict, anchor without key ID":   {rootDrop: "2.5.29.14", o: certpath.Options{Strict: true}},
		"critical policies":               {leafExts: []forge.Ext{forge.Policies("1.2.3").Crit()}},
		"critical policies with a CPS":    {leafExts: qualified("1.3.6.1.5.5.7.2.1", forge.TLV(22, []byte("https://example.com/cps")))},
		"critical policies with a notice": {leafExts: qualified("1.3.6.1.5.5.7.2.2", forge.Seq())},
		"unknown extension":               {leafExts: []forge.Ext{forge.Unknown(false)}, caExts: []forge.Ext{forge.Unknown(false)}},
		"anchor for any purpose":          {anchor: certpath.AnchorConstraints{Purposes: []policy.Purpose{policy.PurposeAny}}},
		"anchor for e-mail, any purpose":  {anchor: certpath.AnchorConstraints{Purposes: []policy.Purpose{policy.PurposeEmail}}, o: certpath.Options{Purpose: policy.PurposeAny}},
		"no key identifiers":              {caDrop: "2.5.29.35", leafDrop: "2.5.29.35", rootDrop: "2.5.29.14"},
		"mailbox in UTF-8, host by case":  {leafExts: san(forge.SmtpUTF8("ü@EXAMPLE.com")), o: certpath.Options{Names: ident("ü@example.com")}},
		"policy":                          {caExts: []forge.Ext{forge.Policies("1.2.3")}, leafExts: []forge.Ext{forge.Policies("1.2.3")}, o: certpath.Options{ExplicitPolicy: true, Policies: []string{"1.2.3"}}},
		"policy mapped":                   {caExts: []forge.Ext{forge.Policies("1.2.3"), forge.PolicyMappings("1.2.3", "1.2.4")}, leafExts: []forge.Ext{forge.Policies("1.2.4")}, o: certpath.Options{ExplicitPolicy: true, Policies: []string{"1.2.3"}}},
		"used key usage":                  {o: certpath.Options{UsedKeyUsage: cert.DigitalSignature}},
		"anchor trusted until tomorrow":   {anchor: certpath.AnchorConstraints{DistrustAfter: future, Purposes: []policy.Purpose{"", policy.PurposeEmail}}},
		"pathLen 0 above one leaf":        {caExts: []forge.Ext{forge.BasicConstraints(true, 0)}},
		"pathLen 1 of the anchor":         {rootExts: []forge.Ext{forge.BasicConstraints(true, 1)}},
		"issuer by serial":                {rootCert: func(c *forge.Cert) { c.Serial = []byte{77} }, caExts: []forge.Ext{forge.AKIFull(nil, [][]byte{forge.DirName(forge.OCN("TEST", "root"))}, []byte{77})}},
		"names equal by RFC 5280, 7.1":    {rootCert: func(c *forge.Cert) { c.Subject, c.Issuer = forge.OCN("Test", "Root"), forge.OCN("Test", "Root") }},
		"nothing but a directory name CA": {caExts: exclude(forge.DirName(forge.DN(forge.Attr{OID: "2.5.4.10", Value: "Tes"})))},
	} {
		t.Run(name, func(t *testing.T) {
			p.o.Time = time.Now()
			res := p.build()
			if len(res.Findings) > 0 || !res.Paths[0].Clean() {
				t.Error(describe(res))
			}
			if worst := res.Paths[0].Worst(); (worst == finding.Warning) != warned[name] {
				t.Errorf("%v: %v", worst, ids(&res.Paths[0], finding.Warning))
			}
		})
	}
}

// TestTold looks at what must not be said beside the cause.
func TestTold(t *testing.T) {
	now := time.Now()
	root := pki{noRoot: true, rootKey: forge.RSA(2048), rootCert: func(c *forge.Cert) { c.Alg = forge.SHA1WithRSA }, o: certpath.Options{Time: now}}
	if got := ids(&root.build().Paths[0], finding.Warning); len(got) != 1 || !got[finding.RootUntrusted] {
		t.Errorf("a root that is not trusted, signed with SHA-1: %v", got)
	}
	md5 := pki{caKey: forge.RSA(2048), leafCert: func(c *forge.Cert) { c.Alg = forge.MD5WithRSA }, o: certpath.Options{Time: now}}
	if got := ids(&md5.build().Paths[0], finding.Warning); len(got) != 1 || !got[finding.SignatureWeak] {
		t.Errorf("MD5: %v", got)
	}
}

// TestValidateBudget: a signature that was not checked for want of budget is
// an error, on the certificate and on the path.
func TestValidateBudget(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	ca := root.Intermediate("CA", nil)
	leaf := ca.Server(host, nil)
	chain := parse(leaf.Raw, ca.Raw, root.Raw)
	o := certpath.Options{Time: time.Now()}
	if p := certpath.Validate(context.Background(), chain, o); !p.Clean() {
		t.Fatalf("%v", ids(&p, finding.Warning))
	}
	o.Budget.Signatures = 1
	p := certpath.Validate(context.Background(), chain, o)
	said := false
	for _, f := range p.CertFindings[1] {
		said = said || f.ID == finding.BudgetPaths && f.Severity == finding.Error
	}
	if !said || len(p.Findings) != 1 || p.Findings[0].ID != finding.BudgetPaths {
		t.Errorf("%v, on the CA %v", p.Findings, p.CertFindings[1])
	}
}

package cert_test

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	. "github.com/assaytls/assay/internal/lab/forge"
)

var (
	root    = NewRoot("Root", nil)
	leafKey = P256()
)

// leaf issues a server certificate that breaks no rule but what change does.
func leaf(change func(c *Cert)) []byte {
	c := Cert{Issuer: root.Name, Subject: CN("a.example"), Key: leafKey, Extensions: root.ServerExts(leafKey, DNS("a.example"))}
	if change != nil {
		change(&c)
	}
	return c.Sign(root.Key)
}

// with issues a server certificate with other or more extensions.
func with(exts ...Ext) []byte {
	return leaf(func(c *Cert) { c.Extensions = Merge(c.Extensions, exts...) })
}

// authority issues a CA certificate with other or more extensions.
func authority(exts ...Ext) []byte {
	return root.Intermediate("CA", leafKey, exts...).Raw
}

// field replaces element i of the TBSCertificate: version, serialNumber,
// signature, issuer, validity, subject, subjectPublicKeyInfo, extensions.
func field(i int, element ...[]byte) []byte {
	return leaf(func(c *Cert) { c.MutateTBS = func(tbs []byte) []byte { return Replace(tbs, i, element...) } })
}

func named(id string, value []byte) Ext { return Ext{OID: id, Value: value} }

const (
	bcOID  = "2.5.29.19"
	kuOID  = "2.5.29.15"
	sanOID = "2.5.29.17"
	akiOID = "2.5.29.35"
	skiOID = "2.5.29.14"
	ncOID  = "2.5.29.30"
	dpOID  = "2.5.29.31"
	cpOID  = "2.5.29.32"
	aiaOID = "1.3.6.1.5.5.7.1.1"
)

func utc(s string) []byte { return TLV(0x17, []byte(s)) }
func gen(s string) []byte { return TLV(0x18, []byte(s)) }

var early, late = utc("200101000000Z"), utc("400101000000Z")

// attribute is a Name with one attribute: a CN of type tag.
func attribute(tag byte, value string) []byte {
	return DN(Attr{OID: "2.5.4.3", Tag: tag, Value: value})
}

func spki(oid string, params []byte, key []byte) []byte {
	return Seq(Seq(OID(oid), params), Bits(key))
}

const (
	rsaOID = "1.2.840.113549.1.1.1"
	ecOID  = "1.2.840.10045.2.1"
)

type breach struct {
	name  string
	id    finding.ID
	field string
	at    []byte // what stands at the offset
	raw   []byte
}

func breaches() []breach {
	ec := leafKey.Bits()
	n := append([]byte{0}, bytes.Repeat([]byte{0xc5}, 256)...)
	rsaKey := func(n, e []byte) []byte { return Seq(TLV(2, n), TLV(2, e)) }
	trailing := func(x Ext) Ext { x.Value = append(bytes.Clone(x.Value), 5, 0); return x }
	full := with()
	return []breach{
		{"empty", finding.CertUnreadable, "certificate", nil, nil},
		{"not DER", finding.CertUnreadable, "certificate", nil, []byte("hello")},
		{"truncated", finding.CertUnreadable, "certificate", nil, full[:200]},
		{"no TBS", finding.CertUnreadable, "tbsCertificate", nil, Seq(Int(1))},
		{"trailing", finding.CertTrailingData, "certificate", []byte{5, 0}, append(bytes.Clone(full), 5, 0)},
		{"inside trailing", finding.FieldTrailingData, "certificate", Null(), leaf(func(c *Cert) {
			c.MutateRaw = func(b []byte) []byte { return Seq(append(Children(b), Null())...) }
		})},
		{"TBS trailing", finding.FieldTrailingData, "tbsCertificate", Null(), leaf(func(c *Cert) {
			c.MutateTBS = func(b []byte) []byte { return Seq(append(Children(b), Null())...) }
		})},
		{"long length", finding.EncodingNotDER, "validity", []byte{0x30, 0x82, 0}, field(4, LongTLV(0x30, 2, append(early, late...)))},
		{"indefinite length", finding.EncodingNotDER, "validity", []byte{0x30, 0x80}, field(4, []byte{0x30, 0x80}, early, late, []byte{0, 0})},
		{"constructed octets", finding.EncodingNotDER, "extensions.keyUsage", []byte{0x24}, leaf(func(c *Cert) {
			c.Extensions = nil
			c.MutateTBS = func(b []byte) []byte {
				return Seq(append(Children(b), Explicit(3, Seq(Seq(OID(kuOID), TLV(0x24, Octets([]byte{3, 2}), Octets([]byte{7, 0x80}))))))...)
			}
		})},
		{"version 1 spelt out", finding.EncodingNotDER, "version", Int(0), field(0, Explicit(0, Int(0)))},
		{"version 4", finding.VersionInvalid, "version", Int(3), leaf(func(c *Cert) { c.Version = 4 })},
		{"version -1", finding.VersionInvalid, "version", Int(-1), field(0, Explicit(0, Int(-1)))},
		{"version is a boolean", finding.FieldUnreadable, "version", Bool(true), field(0, Explicit(0, Bool(true)))},
		{"version 1 with extensions", finding.ExtensionsNeedV3, "extensions", nil, leaf(func(c *Cert) { c.Version = 1 })},
		{"version 2 with extensions", finding.ExtensionsNeedV3, "extensions", nil, leaf(func(c *Cert) { c.Version = 2 })},
		{"version 1 with a unique ID", finding.VersionInvalid, "issuerUniqueID", nil, leaf(func(c *Cert) { c.Version, c.Extensions, c.IssuerUID = 1, nil, []byte{0, 1} })},
		{"unique ID unreadable", finding.FieldUnreadable, "subjectUniqueID", nil, leaf(func(c *Cert) { c.SubjectUID = []byte{9, 1} })},
		{"negative serial", finding.SerialInvalid, "serialNumber", []byte{0x80}, leaf(func(c *Cert) { c.Serial = []byte{0x80} })},
		{"serial zero", finding.SerialZero, "serialNumber", []byte{0}, leaf(func(c *Cert) { c.Serial = []byte{0} })},
		{"long serial", finding.SerialInvalid, "serialNumber", nil, leaf(func(c *Cert) { c.Serial = bytes.Repeat([]byte{1}, 21) })},
		{"padded serial", finding.EncodingNotDER, "serialNumber", []byte{0, 1}, leaf(func(c *Cert) { c.Serial = []byte{0, 1} })},
		{"no serial octets", finding.FieldUnreadable, "serialNumber", []byte{2, 0}, leaf(func(c *Cert) { c.Serial = []byte{} })},
		{"serial is no integer", finding.FieldUnreadable, "serialNumber", Null(), field(1, Null())},
		{"algorithms differ", finding.SignatureAlgorithmInconsistent, "signatureAlgorithm", ECDSAWithSHA256.ID, leaf(func(c *Cert) { c.InnerAlg = ECDSAWithSHA384.ID })},
		{"ECDSA with NULL", finding.AlgorithmParametersNull, "signature", nil, leaf(func(c *Cert) { c.Alg = ECDSAWithSHA256.WithID(Seq(OID("1.2.840.10045.4.3.2"), Null())) })},
		{"ECDSA with an OID", finding.AlgorithmParametersBad, "signature", nil, leaf(func(c *Cert) { c.Alg = ECDSAWithSHA256.WithID(Seq(OID("1.2.840.10045.4.3.2"), OID("1.2.3"))) })},
		{"PSS without parameters", finding.AlgorithmParametersBad, "signature", nil, leaf(func(c *Cert) { c.Alg = ECDSAWithSHA256.WithID(Seq(OID("1.2.840.113549.1.1.10"))) })},
		{"PSS with trailer 2", finding.AlgorithmParametersBad, "signature", nil, leaf(func(c *Cert) {
			c.Alg = ECDSAWithSHA256.WithID(Seq(OID("1.2.840.113549.1.1.10"), Seq(Explicit(3, Int(2)))))
		})},
		{"algorithm empty", finding.FieldUnreadable, "signature", Seq(), leaf(func(c *Cert) { c.InnerAlg = Seq() })},
		{"algorithm parameters cut off", finding.FieldUnreadable, "signature", nil, leaf(func(c *Cert) { c.InnerAlg = Seq(OID("1.2.3"), []byte{5, 1}) })},
		{"signature of 7 bits", finding.FieldUnreadable, "signatureValue", nil, leaf(func(c *Cert) {
			c.MutateRaw = func(b []byte) []byte { return Replace(b, 2, TLV(3, []byte{1, 2})) }
		})},
		{"no signature", finding.FieldUnreadable, "signatureValue", nil, leaf(func(c *Cert) { c.MutateRaw = func(b []byte) []byte { return Seq(Children(b)[:2]...) } })},
		{"issuer is no name", finding.FieldUnreadable, "issuer", Int(1), field(3, Int(1))},
		{"empty RDN", finding.NameMalformed, "issuer", Set(), field(3, Seq(Set()))},
		{"RDN is no set", finding.NameMalformed, "issuer", Int(1), field(3, Seq(Int(1)))},
		{"attribute without value", finding.NameMalformed, "subject", nil, field(5, Seq(Set(Seq(OID("2.5.4.3")))))},
		{"attribute with more", finding.FieldTrailingData, "subject", Null(), field(5, Seq(Set(Seq(OID("2.5.4.3"), UTF8("x"), Null()))))},
		{"attribute type unreadable", finding.NameMalformed, "subject", nil, field(5, Seq(Set(Seq(TLV(6, []byte{0x80, 1}), UTF8("x")))))},
		{"RDN out of order", finding.EncodingNotDER, "subject", nil, field(5, Seq(Set(Seq(OID("2.5.4.4"), UTF8("x")), Seq(OID("2.5.4.3"), UTF8("x")))))},
		{"PrintableString with @", finding.NameStringInvalid, "subject", Printable("a@b"), field(5, attribute(0x13, "a@b"))},
		{"PrintableString with *", finding.NameStringOdd, "subject", Printable("*.b"), field(5, attribute(0x13, "*.b"))},
		{"not UTF-8", finding.NameStringInvalid, "subject", nil, field(5, attribute(0x0c, "\xff"))},
		{"not IA5", finding.NameStringInvalid, "subject", nil, field(5, attribute(0x16, "\x80"))},
		{"not numeric", finding.NameStringInvalid, "subject", nil, field(5, attribute(0x12, "x"))},
		{"surrogate in BMPString", finding.NameStringInvalid, "subject", nil, field(5, attribute(0x1e, "\xd8\x00"))},
		{"odd BMPString", finding.NameStringInvalid, "subject", nil, field(5, attribute(0x1e, "abc"))},
		{"UniversalString", finding.NameStringInvalid, "subject", nil, field(5, attribute(0x1c, "\x00\x00\x00a"))},
		{"VisibleString", finding.NameStringInvalid, "subject", nil, field(5, attribute(0x1a, "a"))},
		{"an INTEGER as text", finding.NameStringInvalid, "subject", nil, field(5, attribute(0x02, "a"))},
		{"validity missing", finding.FieldUnreadable, "validity", nil, field(4, Int(1))},
		{"notBefore missing", finding.NotBeforeBad, "validity.notBefore", nil, field(4, Seq())},
		{"notAfter missing", finding.NotAfterBad, "validity.notAfter", nil, field(4, Seq(early))},
		{"more times", finding.FieldTrailingData, "validity", late, field(4, Seq(early, late, late))},
		{"month 13", finding.NotBeforeBad, "validity.notBefore", nil, field(4, Seq(utc("201301000000Z"), late))},
		{"30 February", finding.NotAfterBad, "validity.notAfter", nil, field(4, Seq(early, utc("300230000000Z")))},
		{"hour 24", finding.NotAfterBad, "validity.notAfter", nil, field(4, Seq(early, utc("300220240000Z")))},
		{"not a time", finding.NotAfterBad, "validity.notAfter", nil, field(4, Seq(early, Int(5)))},
		{"no seconds", finding.TimeFormWrong, "validity.notAfter", nil, field(4, Seq(early, utc("3002200000Z")))},
		{"no Z", finding.TimeFormWrong, "validity.notAfter", nil, field(4, Seq(early, utc("300220000000")))},
		{"offset", finding.TimeFormWrong, "validity.notAfter", nil, field(4, Seq(early, utc("300220000000+0100")))},
		{"fraction", finding.TimeFormWrong, "validity.notAfter", nil, field(4, Seq(early, gen("20600220000000.5Z")))},
		{"early GeneralizedTime", finding.TimeTypeWrong, "validity.notAfter", nil, field(4, Seq(early, gen("20300220000000Z")))},
		{"inverted", finding.ValidityInverted, "validity", nil, field(4, Seq(late, early))},
		{"key is no SEQUENCE", finding.FieldUnreadable, "subjectPublicKeyInfo", nil, field(6, Int(1))},
		{"key unreadable", finding.FieldUnreadable, "subjectPublicKeyInfo", nil, field(6, Seq(Int(1)))},
		{"RSA key without NULL", finding.KeyParametersBad, "subjectPublicKeyInfo", nil, field(6, Seq(Seq(OID(rsaOID)), Bits(rsaKey(n, []byte{3}))))},
		{"RSA key not DER", finding.KeyMalformed, "subjectPublicKeyInfo", nil, field(6, spki(rsaOID, Null(), []byte{1, 2}))},
		{"RSA modulus negative", finding.KeyMalformed, "subjectPublicKeyInfo", nil, field(6, spki(rsaOID, Null(), rsaKey(n[1:], []byte{3})))},
		{"RSA modulus zero", finding.KeyMalformed, "subjectPublicKeyInfo", nil, field(6, spki(rsaOID, Null(), rsaKey([]byte{0}, []byte{3})))},
		{"RSA exponent 1", finding.KeyMalformed, "subjectPublicKeyInfo", nil, field(6, spki(rsaOID, Null(), rsaKey(n, []byte{1})))},
		{"RSA exponent huge", finding.KeyMalformed, "subjectPublicKeyInfo", nil, field(6, spki(rsaOID, Null(), rsaKey(n, n)))},
		{"RSA 512", finding.KeyTooSmall, "subjectPublicKeyInfo", nil, field(6, RSA(512).SPKI)},
		{"RSA 20000", finding.KeyTooLarge, "subjectPublicKeyInfo", nil, field(6, spki(rsaOID, Null(), rsaKey(bytes.Repeat([]byte{0x45}, 2501), []byte{3})))},
		{"point off the curve", finding.KeyMalformed, "subjectPublicKeyInfo", nil, field(6, spki(ecOID, OID("1.2.840.10045.3.1.7"), Flip(ec)))},
		{"point compressed", finding.KeyMalformed, "subjectPublicKeyInfo", nil, field(6, spki(ecOID, OID("1.2.840.10045.3.1.7"), append([]byte{2}, ec[1:33]...)))},
		{"explicit curve", finding.KeyExplicitCurve, "subjectPublicKeyInfo", nil, field(6, spki(ecOID, Seq(Int(1)), ec))},
		{"no curve", finding.KeyMalformed, "subjectPublicKeyInfo", nil, field(6, Seq(Seq(OID(ecOID)), Bits(ec)))},
		{"brainpool", finding.KeyUnsupported, "subjectPublicKeyInfo", nil, field(6, spki(ecOID, OID("1.3.36.3.3.2.8.1.1.7"), ec))},
		{"Ed25519 of 31 octets", finding.KeyMalformed, "subjectPublicKeyInfo", nil, field(6, Seq(Seq(OID("1.3.101.112")), Bits(ec[:31])))},
		{"Ed25519 with NULL", finding.KeyParametersBad, "subjectPublicKeyInfo", nil, field(6, spki("1.3.101.112", Null(), ec[:32]))},
		{"Ed448", finding.KeyUnsupported, "subjectPublicKeyInfo", nil, field(6, Seq(Seq(OID("1.3.101.113")), Bits(ec[:57])))},
		{"ML-DSA, wrong size", finding.KeyMalformed, "subjectPublicKeyInfo", nil, field(6, Seq(Seq(OID("2.16.840.1.101.3.4.3.18")), Bits(ec)))},
		{"ML-DSA, another set's size", finding.KeyMalformed, "subjectPublicKeyInfo", nil, field(6, Seq(Seq(OID("2.16.840.1.101.3.4.3.18")), Bits(make([]byte, 1312))))},
		{"ML-DSA, an OCTET STRING in the key", finding.KeyMalformed, "subjectPublicKeyInfo", nil, field(6, Seq(Seq(OID("2.16.840.1.101.3.4.3.17")), Bits(Octets(make([]byte, 1312)))))},
		{"ML-DSA, NULL parameters", finding.KeyParametersBad, "subjectPublicKeyInfo", nil, field(6, Seq(Seq(OID("2.16.840.1.101.3.4.3.17"), Null()), Bits(make([]byte, 1312))))},
		{"HashML-DSA", finding.KeyUnsupported, "subjectPublicKeyInfo", nil, field(6, Seq(Seq(OID("2.16.840.1.101.3.4.3.32")), Bits(make([]byte, 1312))))},
		{"SLH-DSA", finding.KeyUnsupported, "subjectPublicKeyInfo", nil, field(6, Seq(Seq(OID("2.16.840.1.101.3.4.3.20")), Bits(ec[:32])))},
		{"X25519 of 31 octets", finding.KeyMalformed, "subjectPublicKeyInfo", nil, field(6, Seq(Seq(OID("1.3.101.110")), Bits(ec[:31])))},
		{"DSA zero", finding.KeyMalformed, "subjectPublicKeyInfo", nil, field(6, Seq(Seq(OID("1.2.840.10040.4.1")), Bits(Int(0))))},
		{"unknown key", finding.KeyUnsupported, "subjectPublicKeyInfo", nil, field(6, Seq(Seq(OID("1.2.3.4")), Bits(ec)))},
		{"no extensions", finding.ExtensionEmpty, "extensions", Seq(), field(7, Explicit(3, Seq()))},
		{"extensions are no SEQUENCE", finding.FieldUnreadable, "extensions", Int(1), field(7, Explicit(3, Int(1)))},
		{"two lists of extensions", finding.FieldTrailingData, "extensions", Null(), field(7, Explicit(3, Extensions([]Ext{Unknown(false)}), Null()))},
		{"duplicate", finding.ExtensionDuplicate, "extensions.subjectAltName", nil, leaf(func(c *Cert) { c.Extensions = append(c.Extensions, SAN(DNS("b.example"))) })},
		{"critical FALSE", finding.EncodingDefault, "extensions.1.2.3.4", Bool(false), field(7, Explicit(3, Seq(Seq(OID("1.2.3.4"), Bool(false), Octets()))))},
		{"critical 1", finding.EncodingNotDER, "extensions.1.2.3.4", []byte{1}, field(7, Explicit(3, Seq(Seq(OID("1.2.3.4"), TLV(1, []byte{1}), Octets()))))},
		{"critical of 2 octets", finding.FieldUnreadable, "extensions.1.2.3.4", nil, field(7, Explicit(3, Seq(Seq(OID("1.2.3.4"), TLV(1, []byte{0xff, 0xff}), Octets()))))},
		{"extension without value", finding.FieldUnreadable, "extensions.1.2.3.4", nil, field(7, Explicit(3, Seq(Seq(OID("1.2.3.4")))))},
		{"extension with more", finding.FieldTrailingData, "extensions.1.2.3.4", Null(), field(7, Explicit(3, Seq(Seq(OID("1.2.3.4"), Octets(), Null()))))},
		{"too many extensions", finding.ExtensionsTooMany, "extensions", nil, leaf(func(c *Cert) {
			for i := range 1001 {
				c.Extensions = append(c.Extensions, named("1.2.3."+strconv.Itoa(i), nil))
			}
		})},
		{"basicConstraints trailing", finding.FieldTrailingData, "extensions.basicConstraints", Null(), with(trailing(BasicConstraints(false, -1)))},
		{"cA FALSE", finding.EncodingDefault, "extensions.basicConstraints", Bool(false), with(named(bcOID, Seq(Bool(false))))},
		{"cA 1", finding.EncodingNotDER, "extensions.basicConstraints", []byte{1}, with(named(bcOID, Seq(TLV(1, []byte{1}))))},
		{"pathLen -1", finding.ExtensionUnreadable, "extensions.basicConstraints", Int(-1), authority(named(bcOID, Seq(Bool(true), Int(-1))))},
		{"pathLen padded", finding.EncodingNotDER, "extensions.basicConstraints", []byte{0, 1}, authority(named(bcOID, Seq(Bool(true), TLV(2, []byte{0, 1}))))},
		{"pathLen huge", finding.ExtensionUnreadable, "extensions.basicConstraints", nil, authority(named(bcOID, Seq(Bool(true), TLV(2, n))))},
		{"basicConstraints not a SEQUENCE", finding.ExtensionUnreadable, "extensions.basicConstraints", nil, with(named(bcOID, Int(1)))},
		{"keyUsage trailing", finding.FieldTrailingData, "extensions.keyUsage", Null(), with(trailing(KeyUsage(DigitalSignature)))},
		{"keyUsage without bits", finding.ExtensionEmpty, "extensions.keyUsage", nil, with(KeyUsage())},
		{"keyUsage with zero bits", finding.EncodingNamedBits, "extensions.keyUsage", nil, with(named(kuOID, TLV(3, []byte{0, 0x80})))},
		{"keyUsage with unused bits set", finding.EncodingNotDER, "extensions.keyUsage", nil, with(named(kuOID, TLV(3, []byte{7, 0x81})))},
		{"keyUsage unreadable", finding.ExtensionUnreadable, "extensions.keyUsage", nil, with(named(kuOID, TLV(3, []byte{8, 0x80})))},
		{"extKeyUsage empty", finding.ExtensionEmpty, "extensions.extKeyUsage", nil, with(EKU())},
		{"extKeyUsage unreadable", finding.ExtensionUnreadable, "extensions.extKeyUsage", nil, with(named("2.5.29.37", Seq(Int(1))))},
		{"subjectAltName empty", finding.SANEmpty, "extensions.subjectAltName", nil, with(SAN())},
		{"subjectAltName trailing", finding.FieldTrailingData, "extensions.subjectAltName", Null(), with(trailing(SAN(DNS("a.example"))))},
		{"dNSName empty", finding.GeneralNameMalformed, "extensions.subjectAltName", DNS(""), with(SAN(DNS("")))},
		{"dNSName with NUL", finding.GeneralNameMalformed, "extensions.subjectAltName", nil, with(SAN(DNS("a.example\x00.b")))},
		{"dNSName with a space", finding.GeneralNameOdd, "extensions.subjectAltName", nil, with(SAN(DNS("a b")))},
		{"dNSName is a space", finding.GeneralNameMalformed, "extensions.subjectAltName", nil, with(SAN(DNS(" ")))},
		{"dNSName as U-label", finding.GeneralNameMalformed, "extensions.subjectAltName", nil, with(SAN(DNS("bücher.example")))},
		{"dNSName constructed", finding.GeneralNameMalformed, "extensions.subjectAltName", nil, with(SAN(TLV(0xa2, []byte("a"))))},
		{"rfc822Name empty", finding.GeneralNameMalformed, "extensions.subjectAltName", nil, with(SAN(Email("")))},
		{"rfc822Name not ASCII", finding.GeneralNameMalformed, "extensions.subjectAltName", nil, with(SAN(Email("ä@b.example")))},
		{"rfc822Name with a line", finding.GeneralNameMalformed, "extensions.subjectAltName", nil, with(SAN(Email("a\n@b.example")))},
		{"URI not ASCII", finding.GeneralNameMalformed, "extensions.subjectAltName", nil, with(SAN(URI("http://ä")))},
		{"URI unreadable", finding.GeneralNameMalformed, "extensions.subjectAltName", nil, with(SAN(URI("http://a%zz/")))},
		{"URI with a final dot", finding.GeneralNameMalformed, "extensions.subjectAltName", nil, with(SAN(URI("http://a.example./")))},
		{"address of 5 octets", finding.GeneralNameMalformed, "extensions.subjectAltName", nil, with(SAN(IPRaw([]byte{1, 2, 3, 4, 5})))},
		{"unknown kind of name", finding.GeneralNameMalformed, "extensions.subjectAltName", nil, with(SAN(Context(9, []byte("a"))))},
		{"directoryName broken", finding.GeneralNameMalformed, "extensions.subjectAltName", nil, with(SAN(Explicit(4, Int(1))))},
		{"otherName without value", finding.GeneralNameMalformed, "extensions.subjectAltName", nil, with(SAN(Explicit(0, OID("1.2.3"))))},
		{"registeredID broken", finding.GeneralNameMalformed, "extensions.subjectAltName", nil, with(SAN(Context(8, []byte{0x80})))},
		{"SmtpUTF8Mailbox of another type", finding.GeneralNameMalformed, "extensions.subjectAltName", nil, with(SAN(OtherName(cert.OIDSmtpUTF8Mailbox, IA5("ä@b.example"))))},
		{"hardwareModuleName broken", finding.GeneralNameMalformed, "extensions.subjectAltName", nil, with(SAN(OtherName("1.3.6.1.5.5.7.8.4", Seq(OID("1.2"), Null()))))},
		{"issuerAltName empty", finding.ExtensionEmpty, "extensions.issuerAltName", nil, with(IAN())},
		{"subjectKeyIdentifier critical", finding.SubjectKeyIDCritical, "extensions.subjectKeyIdentifier", nil, with(SKI([]byte{1}).Crit())},
		{"subjectKeyIdentifier empty", finding.ExtensionEmpty, "extensions.subjectKeyIdentifier", nil, with(SKI(nil))},
		{"subjectKeyIdentifier is an INTEGER", finding.ExtensionUnreadable, "extensions.subjectKeyIdentifier", nil, with(named(skiOID, Int(1)))},
		{"authorityKeyIdentifier critical", finding.AuthorityKeyIDCritical, "extensions.authorityKeyIdentifier", nil, with(AKI([]byte{1}).Crit())},
		{"authorityKeyIdentifier trailing", finding.FieldTrailingData, "extensions.authorityKeyIdentifier", Null(), with(trailing(AKI([]byte{1})))},
		{"authority serial padded", finding.EncodingNotDER, "extensions.authorityKeyIdentifier", nil, with(AKIFull([]byte{1}, [][]byte{DirName(root.Name)}, []byte{0, 1}))},
		{"AIA critical", finding.ExtensionCritical, "extensions.authorityInfoAccess", nil, with(AIA([]string{"http://a.example"}, nil).Crit())},
		{"AIA empty", finding.ExtensionEmpty, "extensions.authorityInfoAccess", nil, with(AIA(nil, nil))},
		{"AIA unreadable", finding.ExtensionUnreadable, "extensions.authorityInfoAccess", nil, with(named(aiaOID, Seq(Int(1))))},
		{"AIA URL unreadable", finding.GeneralNameOdd, "extensions.authorityInfoAccess", nil, with(AIA([]string{"http://a%zz"}, nil))},
		{"CRL points empty", finding.ExtensionEmpty, "extensions.cRLDistributionPoints", nil, with(CRLDPs())},
		{"CRL point unreadable", finding.ExtensionUnreadable, "extensions.cRLDistributionPoints", nil, with(named(dpOID, Seq(Int(1))))},
		{"CRL point name of another kind", finding.ExtensionUnreadable, "extensions.cRLDistributionPoints", nil, with(named(dpOID, Seq(Seq(Explicit(0, Explicit(2))))))},
		{"policies empty", finding.ExtensionEmpty, "extensions.certificatePolicies", nil, with(Policies())},
		{"policy twice", finding.PolicyDuplicate, "extensions.certificatePolicies", nil, with(Policies("1.2.3", "1.2.3"))},
		{"no qualifiers in the list", finding.ExtensionEmpty, "extensions.certificatePolicies", nil, with(named(cpOID, Seq(Seq(OID("1.2.3"), Seq()))))},
		{"CPS is not IA5", finding.ExtensionUnreadable, "extensions.certificatePolicies", nil, with(named(cpOID, Seq(Seq(OID("1.2.3"), Seq(Seq(OID("1.3.6.1.5.5.7.2.1"), UTF8("http://a")))))))},
		{"mappings empty", finding.ExtensionEmpty, "extensions.policyMappings", nil, authority(PolicyMappings())},
		{"anyPolicy mapped", finding.PolicyMappingAny, "extensions.policyMappings", OID(AnyPolicy), authority(PolicyMappings("1.2.3", AnyPolicy))},
		{"policyConstraints empty", finding.ExtensionEmpty, "extensions.policyConstraints", nil, authority(PolicyConstraints(-1, -1))},
		{"policyConstraints negative", finding.ExtensionUnreadable, "extensions.policyConstraints", nil, authority(named("2.5.29.36", Seq(Context(0, []byte{0xff}))))},
		{"inhibitAnyPolicy negative", finding.ExtensionUnreadable, "extensions.inhibitAnyPolicy", nil, authority(named("2.5.29.54", Int(-1)))},
		{"constraints empty", finding.ExtensionEmpty, "extensions.nameConstraints", nil, authority(NameConstraints(nil, nil))},
		{"subtrees empty", finding.ExtensionEmpty, "extensions.nameConstraints", nil, authority(NameConstraints([][]byte{}, nil))},
		{"constraint with a gap in the mask", finding.NameConstraintInvalid, "extensions.nameConstraints", nil, authority(NameConstraints([][]byte{IPRaw([]byte{10, 0, 0, 0, 255, 0, 255, 0})}, nil))},
		{"constraint of 4 octets", finding.NameConstraintInvalid, "extensions.nameConstraints", nil, authority(NameConstraints([][]byte{IPRaw([]byte{10, 0, 0, 0})}, nil))},
		{"constraint with a final dot", finding.NameConstraintInvalid, "extensions.nameConstraints", nil, authority(NameConstraints([][]byte{DNS("example.")}, nil))},
		{"constraint on an empty mailbox", finding.NameConstraintInvalid, "extensions.nameConstraints", nil, authority(NameConstraints([][]byte{Email("@example")}, nil))},
		{"constraint of a URI's address", finding.NameConstraintInvalid, "extensions.nameConstraints", nil, authority(NameConstraints([][]byte{URI("192.0.2.1")}, nil))},
		{"constraint not ASCII", finding.GeneralNameMalformed, "extensions.nameConstraints", nil, authority(NameConstraints([][]byte{DNS("\xff")}, nil))},
		{"minimum 0", finding.EncodingDefault, "extensions.nameConstraints", nil, authority(named(ncOID, Seq(Explicit(0, Seq(DNS("a"), Context(0, []byte{0}))))))},
		{"TLS features empty", finding.ExtensionEmpty, "extensions.tlsFeature", nil, with(TLSFeature())},
		{"TLS feature unreadable", finding.ExtensionUnreadable, "extensions.tlsFeature", nil, with(named("1.3.6.1.5.5.7.1.24", Seq(Null())))},
		{"SCT list framing", finding.SCTListMalformed, "extensions.sctList", nil, with(SCTs([]byte{0, 3, 0, 2, 1}))},
		{"SCT list empty", finding.SCTListMalformed, "extensions.sctList", nil, with(SCTs([]byte{0, 0}))},
		{"SCT list length", finding.SCTListMalformed, "extensions.sctList", nil, with(SCTs([]byte{0, 9, 0}))},
		{"noRevAvail not NULL", finding.ExtensionUnreadable, "extensions.noRevAvail", nil, with(named("2.5.29.56", Seq()))},
		{"NULL with contents", finding.EncodingNotDER, "extensions.ocspNoCheck", nil, with(named("1.3.6.1.5.5.7.48.1.5", TLV(5, []byte{0})))},
		{"precertificate", finding.CertIsPrecertificate, "extensions.ctPoison", Null(), with(Poison())},
		{"proxy", finding.ProxyCertRefused, "extensions.proxyCertInfo", nil, with(named("1.3.6.1.5.5.7.1.14", Seq(Seq(OID("1.3.6.1.5.5.7.21.1")))).Crit())},
		{"address blocks unreadable", finding.ExtensionUnreadable, "extensions.ipAddrBlocks", nil, with(named("1.3.6.1.5.5.7.1.7", Seq(Seq(Octets([]byte{1}), Null()))))},
		{"AS numbers unreadable", finding.ExtensionUnreadable, "extensions.autonomousSysIds", nil, with(named("1.3.6.1.5.5.7.1.8", Seq(Explicit(0, Seq(Null())))))},
		{"directory attributes unreadable", finding.ExtensionUnreadable, "extensions.subjectDirectoryAttributes", nil, with(named("2.5.29.9", Seq(Seq(OID("1.2.3"), Seq()))))},
		{"private key period unreadable", finding.ExtensionUnreadable, "extensions.privateKeyUsagePeriod", nil, with(named("2.5.29.16", Seq(Context(0, []byte("x")))))},
	}
}

// Each breach yields its finding, at its place, and what can still be read is
// read.
func TestBreaches(t *testing.T) {
	for _, raw := range [][]byte{leaf(nil), authority(), root.Raw} {
		if c := cert.Parse(raw); len(c.StrictFindings()) > 0 {
			t.Fatalf("the model certificate: %v", c.StrictFindings())
		}
	}
	seen := map[finding.ID]bool{}
	for _, b := range breaches() {
		t.Run(b.name, func(t *testing.T) {
			c := cert.Parse(b.raw)
			seen[b.id] = true
			var f *finding.Finding
			for i := range c.Findings {
				if c.Findings[i].ID == b.id && c.Findings[i].Param("field") == b.field {
					f = &c.Findings[i]
					break
				}
			}
			if f == nil {
				t.Fatalf("no %s for %s; found %v", b.id, b.field, c.Findings)
			}
			off, err := strconv.Atoi(f.Param("offset"))
			if err != nil || off < 0 || off > len(b.raw) {
				t.Fatalf("offset %q of %d octets", f.Param("offset"), len(b.raw))
			}
			if b.at != nil && !bytes.HasPrefix(b.raw[off:], b.at) {
				t.Errorf("at offset %d: %x, want %x", off, b.raw[off:min(off+len(b.at), len(b.raw))], b.at)
			}
			if strings.Contains(f.Title(), "?") {
				t.Errorf("title with a gap: %s", f.Title())
			}
			if b.id != finding.CertUnreadable && !strings.HasPrefix(b.field, "serial") && !strings.HasPrefix(b.field, "version") && len(c.Serial) == 0 {
				t.Error("nothing else was read")
			}
		})
	}
	// Kinds whose finding is about encoding have a breach each.
	for _, k := range finding.Kinds() {
		switch k.Class {
		case finding.ClassEncoding:
			if !seen[k.ID] {
				t.Errorf("no breach shows %s", k.ID)
			}
		}
	}
}

// A certificate that breaks more rules than are kept still ends with an error.
func TestFindingsBounded(t *testing.T) {
	var names [][]byte
	for range 200 {
		names = append(names, DNS("a b"))
	}
	c := cert.Parse(with(SAN(append(names, DNS("\x00"))...)))
	if n := len(c.Findings); n == 0 || n > 64 {
		t.Fatalf("%d findings", n)
	}
	if last := c.Findings[len(c.Findings)-1]; last.Severity != finding.Error {
		t.Errorf("the error was lost: %v", last)
	}
}

func TestValidityIsRead(t *testing.T) {
	c := cert.Parse(field(4, Seq(early, utc("300220000000+0130"))))
	if want := time.Date(2030, 2, 19, 22, 30, 0, 0, time.UTC); !c.NotAfter.Equal(want) {
		t.Errorf("notAfter %v, want %v", c.NotAfter, want)
	}
}

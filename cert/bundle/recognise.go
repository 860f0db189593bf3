package bundle

import (
	"strings"

	"github.com/assaytls/assay/internal/der"
)

const labelTrusted = "TRUSTED CERTIFICATE"

// labels are what the labels of PEM blocks promise (RFC 7468 and usage).
var labels = map[string]seen{
	"CERTIFICATE": {kind: Certificate}, "X509 CERTIFICATE": {kind: Certificate}, labelTrusted: {kind: TrustedCertificate},
	"X509 CRL": {kind: CRL}, "CRL": {kind: CRL}, "OCSP REQUEST": {kind: OCSPRequest}, "OCSP RESPONSE": {kind: OCSPResponse},
	"SCT LIST": {kind: SCTList}, "SCT": {kind: SCT}, "PKCS7": {kind: PKCS7}, "CMS": {kind: PKCS7}, "PKCS12": {kind: PKCS12},
	"CERTIFICATE REQUEST": {kind: CertificateRequest}, "NEW CERTIFICATE REQUEST": {kind: CertificateRequest},
	"PUBLIC KEY": {kind: PublicKey}, "RSA PUBLIC KEY": {kind: PublicKey, detail: "PKCS #1"},
	"ATTRIBUTE CERTIFICATE": {kind: AttributeCertificate}, "TIMESTAMP QUERY": {kind: TimeStampQuery}, "TIMESTAMP REPLY": {kind: TimeStampReply},
	"DH PARAMETERS": {kind: Parameters, detail: dhParameters}, "X9.42 DH PARAMETERS": {kind: Parameters, detail: dhParameters},
	"EC PARAMETERS": {kind: Parameters, detail: "elliptic curve"}, "DSA PARAMETERS": {kind: Parameters, detail: "DSA"},
	"SSL SESSION PARAMETERS": {kind: Foreign, detail: "a saved TLS session"},
	"PGP PUBLIC KEY BLOCK":   {kind: Foreign, detail: "a public key of OpenPGP"}, "PGP MESSAGE": {kind: Foreign, detail: "a message of OpenPGP"},
	"PGP SIGNATURE": {kind: Foreign, detail: "a signature of OpenPGP"}, "PGP SIGNED MESSAGE": {kind: Foreign, detail: "a message of OpenPGP"},
	"PRIVATE KEY": {detail: "PKCS #8"}, "ENCRYPTED PRIVATE KEY": {detail: "PKCS #8, encrypted"}, "RSA PRIVATE KEY": {detail: "PKCS #1"},
	"EC PRIVATE KEY": {detail: "SEC 1"}, "DSA PRIVATE KEY": {detail: "DSA, in OpenSSL's own form"}, "OPENSSH PRIVATE KEY": {detail: "OpenSSH"},
	"PGP PRIVATE KEY BLOCK": {detail: "OpenPGP"},
}

const dhParameters = "Diffie-Hellman"

// secretLabel reports whether a block is a private key by its label, whatever it holds.
func secretLabel(label string) bool { return strings.Contains(label, "PRIVATE KEY") }

// element is the head of one TLV and as much of its contents as there is: what
// was cut off is recognised too.
type element struct {
	tag  der.Tag
	body []byte
	raw  []byte
	cut  bool // the contents end before their length
}

// walk reads consecutive elements and does not mind where they break off.
type walk struct{ b []byte }

// next returns the next element; its tag is 0 at the end or where nothing can be read.
func (w *walk) next() element {
	in := der.NewReader(w.b, 0)
	if e, err := in.Next(); err == nil {
		w.b = in.Rest()
		return element{tag: e.Tag, body: e.Body, raw: e.Raw}
	}
	b := w.b
	w.b = nil
	if len(b) < 2 || b[0]&0x1f == 0x1f {
		return element{}
	}
	head := 2
	if b[1] > 0x80 {
		head += int(b[1] & 0x7f)
	}
	if head > len(b) || head > 10 {
		return element{}
	}
	return element{tag: der.Tag(b[0]), body: b[head:], cut: true}
}

// peek returns the tag of the next element, 0 at the end.
func (w *walk) peek() der.Tag { return der.NewReader(w.b, 0).PeekTag() }

// in walks through the contents of e.
func (e element) in() *walk { return &walk{e.body} }

// first returns the first element in e.
func (e element) first() element { return e.in().next() }

// is reports whether e has the tag.
func (e element) is(t der.Tag) bool { return e.tag == t }

// algorithm reports whether e looks like an AlgorithmIdentifier.
func (e element) algorithm() bool { return e.is(der.Sequence) && e.in().peek() == der.OID }

// oid returns the object identifier that e is or begins with, as text; "" when there is none.
func (e element) oid() string {
	if e.is(der.Sequence) {
		e = e.first()
	}
	if !e.is(der.OID) {
		return ""
	}
	text, _ := der.OIDText(e.body)
	return text
}

// small returns the value of a small INTEGER, -1 when e is none.
func (e element) small() int {
	if !e.is(der.Integer) {
		return -1
	}
	n, ok := der.SmallInt(e.body)
	if !ok || n < 0 {
		return -1
	}
	return int(n)
}

// time reports whether e is a time.
func (e element) time() bool { return e.is(der.UTCTime) || e.is(der.GeneralizedTime) }

// seen is what recognise found.
type seen struct {
	kind   Kind
	detail string
	// sure says that nothing else looks like that.
	sure bool
	// algorithm is that of a private key in PKCS #8.
	algorithm []byte
}

// recognise says what the DER in b looks like by the types of its first
// elements. Behind the object there may be anything, and its end may be missing.
func recognise(b []byte) seen {
	w := &walk{b}
	outer := w.next()
	if !outer.is(der.Sequence) {
		return seen{}
	}
	in := outer.in()
	switch first := in.next(); first.tag {
	case der.Enumerated:
		if next := in.peek(); len(first.body) == 1 && (next == 0 || next == der.Explicit(0)) {
			return seen{kind: OCSPResponse, sure: true}
		}
	case der.OID:
		return contentInfo(first, in)
	case der.Integer:
		return numbered(first, in)
	case der.Sequence:
		return signed(first, in)
	}
	return seen{}
}

// contentTypes are the types of RFC 5652 and its companions.
var contentTypes = map[string]seen{
	"1.2.840.113549.1.7.1":       {kind: CMS, detail: "plain data", sure: true},
	"1.2.840.113549.1.7.2":       {kind: PKCS7, sure: true},
	"1.2.840.113549.1.7.3":       {kind: CMS, detail: "enveloped data", sure: true},
	"1.2.840.113549.1.7.4":       {kind: CMS, detail: "signed and enveloped data", sure: true},
	"1.2.840.113549.1.7.5":       {kind: CMS, detail: "digested data", sure: true},
	"1.2.840.113549.1.7.6":       {kind: CMS, detail: "encrypted data", sure: true},
	"1.2.840.113549.1.9.16.1.2":  {kind: CMS, detail: "authenticated data", sure: true},
	"1.2.840.113549.1.9.16.1.9":  {kind: CMS, detail: "compressed data", sure: true},
	"1.2.840.113549.1.9.16.1.23": {kind: CMS, detail: "authenticated and enveloped data", sure: true},
	"2.16.840.1.113730.2.5":      {kind: CMS, detail: "Netscape certificate sequence", sure: true},
	"1.2.156.10197.6.1.4.2.2":    {kind: CMS, detail: "signed data of SM2", sure: true},
	"1.2.156.10197.6.1.4.2.3":    {kind: CMS, detail: "enveloped data of SM2", sure: true},
	"1.2.840.113549.1.9.16.1.4":  {kind: CMS, detail: "time-stamp information", sure: true},
	"1.2.840.113549.1.9.16.1.1":  {kind: CMS, detail: "receipt", sure: true},
	"1.2.840.113549.1.9.16.1.19": {kind: CMS, detail: "content collection", sure: true},
	"1.2.840.113549.1.9.16.1.31": {kind: CMS, detail: "content with attributes", sure: true},
	"1.2.840.113549.1.9.16.1.24": {kind: CMS, detail: "route origin attestation", sure: true},
	"1.3.6.1.5.5.7.12.2":         {kind: CMS, detail: "PKI data of CMC", sure: true},
	"1.3.6.1.5.5.7.12.3":         {kind: CMS, detail: "PKI response of CMC", sure: true},
}

const tstInfo = "1.2.840.113549.1.9.16.1.4"

// contentInfo recognises a ContentInfo by its type, which is first.
func contentInfo(first element, in *walk) seen {
	content := in.next()
	if content.tag != 0 && !content.is(der.Explicit(0)) {
		return seen{}
	}
	s := contentTypes[first.oid()]
	if s.kind == PKCS7 {
		data := content.first().in() // SignedData: version, digestAlgorithms, encapContentInfo
		data.next()
		data.next()
		if data.next().oid() == tstInfo {
			s.kind = TimeStampToken
		}
	}
	return s
}

// dsaNumbers are in a DSA private key: the version, p, q, g, the public and the private one.
const dsaNumbers = 6

// numbered tells apart what begins with an INTEGER: keys, PKCS #12, time-stamp
// queries, parameters.
func numbered(version element, in *walk) seen {
	v, next := version.small(), in.next()
	switch {
	case next.is(der.Integer):
		return numbers(version, next, in)
	case next.is(der.OctetString) && (v == 0 || v == 1):
		return seen{kind: PrivateKey, detail: "SEC 1", sure: true}
	case !next.is(der.Sequence):
		return seen{}
	case v == 3 && contentTypes[next.oid()].kind != Unknown:
		return seen{kind: PKCS12, sure: true}
	case (v == 0 || v == 1) && next.algorithm():
		if key := in.peek(); key == der.OctetString {
			return seen{kind: PrivateKey, detail: "PKCS #8", sure: true, algorithm: next.raw}
		} else if key == 0 { // cut off
			return seen{kind: PrivateKey, detail: "PKCS #8"}
		} else if v == 1 && key == der.OctetString|0x20 {
			return seen{kind: PrivateKey, detail: "PKCS #8", sure: true}
		}
		return curve(v, next)
	case v == 1:
		imprint := next.in()
		if imprint.next().algorithm() && imprint.peek() == der.OctetString {
			return seen{kind: TimeStampQuery, sure: true}
		}
	}
	return seen{}
}

// curve recognises the explicit parameters of an elliptic curve (SEC 1, C.2).
func curve(version int, field element) seen {
	const fields = "1.2.840.10045.1."
	if oid := field.oid(); version == 1 && len(oid) > len(fields) && oid[:len(fields)] == fields {
		return seen{kind: Parameters, detail: "elliptic curve", sure: true}
	}
	return seen{}
}

// numbers tells apart what begins with two INTEGERs. A small first one is the
// version of a private key.
func numbers(first, second element, in *walk) seen {
	count, cut := 2, second.cut
	for in.peek() == der.Integer {
		cut = in.next().cut || cut
		count++
	}
	cut = cut || len(in.b) > 0 && in.peek() == 0
	switch v := first.small(); {
	case (v == 0 || v == 1) && count == dsaNumbers && !cut && len(second.body) > 32:
		return seen{kind: PrivateKey, detail: "DSA, in OpenSSL's own form", sure: true}
	case v == 0 || v == 1:
		return seen{kind: PrivateKey, detail: "PKCS #1", sure: true}
	case count == 2 && len(first.body) >= 64 && rsaExponents[second.small()]:
		return seen{kind: PublicKey, detail: "PKCS #1", sure: true}
	case !cut && count <= 3 && len(first.body) >= 64:
		return seen{kind: Parameters}
	}
	return seen{}
}

// rsaExponents are those in use that are no generator of Diffie-Hellman groups.
var rsaExponents = map[int]bool{17: true, 35: true, 37: true, 257: true, 65537: true}

// signed tells apart what begins with a SEQUENCE: first is it, and in holds
// what follows.
func signed(first element, in *walk) seen {
	second := in.next()
	if first.algorithm() { // of an encrypted key, of a public key
		return keyed(first, second)
	}
	if second.tag == 0 || second.is(der.Explicit(0)) {
		if request(first.in()) {
			return seen{kind: OCSPRequest, sure: true}
		}
	}
	if status := first.in(); status.next().small() >= 0 {
		// A PKIStatusInfo: a number, then perhaps texts and flags; the token follows.
		switch after := status.next(); {
		case after.tag == 0, after.is(der.BitString), after.is(der.Sequence) && after.in().peek() == der.UTF8String:
			if contentTypes[second.oid()].kind == PKCS7 || second.tag == 0 && !first.cut && len(in.b) == 0 && len(first.body) > 0 {
				return seen{kind: TimeStampReply, sure: true}
			}
		}
	}
	s := toBeSigned(first.in())
	s.sure = s.sure && (second.algorithm() || first.cut || second.tag == 0)
	return s
}

// Object identifiers that encrypt keys begin with these: PKCS #5, PKCS #12, Sun's key protector.
var encryptions = []string{"1.2.840.113549.1.5.", "1.2.840.113549.1.12.1.", "1.3.6.1.4.1.42.2.17.1.1"}

// digests begin the DigestInfo of PKCS #1, which looks like an encrypted key.
var digests = []string{"1.3.14.3.2.26", "2.16.840.1.101.3.4.2.", "1.2.840.113549.2.", "1.3.36.3.2."}

// keyed tells apart what begins with an AlgorithmIdentifier.
func keyed(algorithm, second element) seen {
	oid := algorithm.oid()
	switch {
	case second.is(der.BitString) && !begins(oid, encryptions):
		return seen{kind: PublicKey, sure: true}
	case second.tag == 0 && begins(oid, encryptions), second.is(der.OctetString) && !begins(oid, digests):
		return seen{kind: PrivateKey, detail: "PKCS #8, encrypted", sure: true, algorithm: algorithm.raw}
	}
	return seen{}
}

func begins(s string, prefixes []string) bool {
	for _, p := range prefixes {
		if len(s) >= len(p) && s[:len(p)] == p {
			return true
		}
	}
	return false
}

// toBeSigned tells apart what is signed by the beginning of the part that is
// signed. A CRL has a time after the issuer, where a certificate has a SEQUENCE; a
// request has a name where both have an algorithm; an attribute certificate
// has its holder there.
func toBeSigned(tbs *walk) seen {
	e := tbs.next()
	explicit := e.is(der.Explicit(0))
	if explicit {
		e = tbs.next()
	}
	version := -1
	if e.is(der.Integer) {
		version = e.small()
		e = tbs.next()
	} else if explicit {
		return seen{kind: Certificate}
	}
	switch {
	case explicit:
		return seen{kind: Certificate, sure: e.algorithm()}
	case !e.is(der.Sequence):
		return seen{}
	case e.algorithm():
		if name := tbs.next(); !name.is(der.Sequence) {
			return seen{}
		}
		after := tbs.next()
		switch {
		case after.time():
			return seen{kind: CRL, sure: true}
		case after.is(der.Sequence) && after.first().time():
			return seen{kind: Certificate, sure: true}
		case after.is(der.Sequence):
			return seen{kind: Certificate}
		}
		return seen{}
	case version == 1 && e.in().peek()&0xc0 == 0x80: // holder: [0], [1] or [2]
		return seen{kind: AttributeCertificate, sure: true}
	case version >= 0 && named(e):
		key := tbs.next()
		return seen{kind: CertificateRequest, sure: key.is(der.Sequence) && (key.cut || key.first().algorithm())}
	}
	// Netscape's SignedPublicKeyAndChallenge: a key and a text.
	if e.is(der.Sequence) && e.first().algorithm() && tbs.peek() == der.IA5String {
		return seen{kind: Foreign, detail: "a signed public key and challenge (SPKAC)", sure: true}
	}
	return seen{}
}

// named reports whether e looks like a Name, which may be empty.
func named(e element) bool {
	t := e.in().peek()
	return e.is(der.Sequence) && (t == der.Set || t == 0)
}

// request reports whether tbs begins like a TBSRequest (RFC 6960, 4.1.1) with
// at least one CertID.
func request(tbs *walk) bool {
	for _, tag := range []der.Tag{der.Explicit(0), der.Explicit(1)} {
		if tbs.peek() == tag {
			tbs.next()
		}
	}
	for range 3 { // requestList, Request, CertID
		e := tbs.next()
		if !e.is(der.Sequence) {
			return false
		}
		tbs = e.in()
	}
	return tbs.next().algorithm()
}

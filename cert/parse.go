package cert

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"strconv"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/der"
	"github.com/assaytls/assay/internal/sig"
)

// parser decodes one certificate.
type parser struct {
	decoder
	spare *block
}

// block is what most certificates need, in one allocation: its parts live and
// die together.
type block struct {
	cert      Certificate
	key       PublicKey
	sig       sig.Key
	exts      [12]Extension
	attrs     [10]Attribute
	rdns      [10][]Attribute
	purposes  [2]string
	policies  [2]string
	ocsp      [1]string
	caIssuers [1]string
}

// MaxSize is how many octets of a certificate are read. A handshake brings at
// most 256 KiB.
const MaxSize = 2 << 20

// Parse decodes raw, which should be one DER certificate and nothing else
// (RFC 5280, 4.1). The result is never nil: fields that could not be decoded
// are zero, and each breach is in Findings with its "offset" in raw, its
// "field" and a "detail". Of more than MaxSize octets nothing is decoded. raw
// is kept and must not change afterwards.
func Parse(raw []byte) *Certificate { return parse(raw, sha256.Sum256(raw)) }

// parse is Parse of bytes whose hash is known.
func parse(raw []byte, sum [sha256.Size]byte) *Certificate {
	b := &block{}
	c := &b.cert
	c.Raw = raw
	c.SHA256 = sum
	c.PathLen, c.RequireExplicitPolicy, c.InhibitPolicyMapping, c.InhibitAnyPolicy = -1, -1, -1, -1
	c.Key = &b.key
	c.Extensions = b.exts[:0]
	p := parser{decoder: decoder{attrs: b.attrs[:0], rdns: b.rdns[:0]}, spare: b}
	if len(raw) <= MaxSize {
		p.text = string(raw)
		p.certificate(b)
	} else {
		p.flag(finding.CertUnreadable, 0, "certificate", strconv.Itoa(len(raw))+" bytes; the limit is "+strconv.Itoa(MaxSize))
	}
	c.Findings = p.found
	return c
}

func (p *parser) certificate(b *block) {
	c := &b.cert
	in := der.NewReader(c.Raw, 0)
	outer, ok := p.expect(in, der.Sequence, finding.CertUnreadable, "certificate")
	if !ok {
		return
	}
	if !in.Empty() {
		p.flag(finding.CertTrailingData, in.Offset(), "certificate", finding.Bytes(len(in.Rest())))
	}
	r := outer.Contents()
	tbs, ok := p.expect(r, der.Sequence, finding.CertUnreadable, "tbsCertificate")
	if !ok {
		return
	}
	c.RawTBS = tbs.Raw
	p.tbs(b, tbs)
	alg, ok := p.expect(r, der.Sequence, finding.FieldUnreadable, "signatureAlgorithm")
	if !ok {
		return
	}
	if bytes.Equal(alg.Raw, c.TBSAlgorithm.Raw) && len(alg.Raw) > 0 {
		c.Algorithm = c.TBSAlgorithm
	} else {
		c.Algorithm = p.algorithm(alg, "signatureAlgorithm")
		if c.TBSAlgorithm.Raw != nil {
			p.flag(finding.SignatureAlgorithmInconsistent, alg.Offset, "signatureAlgorithm",
				c.Algorithm.Name+" outside, "+c.TBSAlgorithm.Name+" inside")
		}
	}
	if s, ok := p.expect(r, der.BitString, finding.FieldUnreadable, "signatureValue"); ok {
		if len(s.Body) == 0 || s.Body[0] != 0 {
			p.flag(finding.FieldUnreadable, s.Offset, "signatureValue", "not a whole number of bytes")
		} else {
			c.Signature = s.Body[1:]
		}
	}
	p.end(r, "certificate")
}

// tbs decodes the TBSCertificate. A field of another type than its own is
// passed over; one whose end cannot be told ends the reading.
func (p *parser) tbs(b *block, tbs der.Element) {
	c := &b.cert
	r := tbs.Contents()
	c.Version = 1
	if e, ok, bad := p.optional(r, der.Explicit(0), finding.FieldUnreadable, "version"); bad {
		return
	} else if ok {
		p.version(c, e)
	}
	serial, ok := p.expect(r, der.Integer, finding.FieldUnreadable, "serialNumber")
	if ok {
		c.Serial = serial.Body
	} else if !p.pass(r, der.Sequence) {
		return
	}
	if alg, ok := p.expect(r, der.Sequence, finding.FieldUnreadable, "signature"); ok {
		c.TBSAlgorithm = p.algorithm(alg, "signature")
	} else if !p.pass(r, der.Sequence) {
		return
	}
	if issuer, ok := p.expect(r, der.Sequence, finding.FieldUnreadable, "issuer"); ok {
		c.RawIssuer = issuer.Raw
		c.Issuer = p.name(issuer, "issuer")
	} else if !p.pass(r, der.Sequence) {
		return
	}
	if validity, ok := p.expect(r, der.Sequence, finding.FieldUnreadable, "validity"); ok {
		p.validity(c, validity)
	} else if !p.pass(r, der.Sequence) {
		return
	}
	if subject, ok := p.expect(r, der.Sequence, finding.FieldUnreadable, "subject"); ok {
		c.RawSubject = subject.Raw
		p.subject(c, subject)
	} else if !p.pass(r, der.Sequence) {
		return
	}
	if serial.Raw != nil {
		p.serial(c, serial)
	}
	if spki, ok := p.expect(r, der.Sequence, finding.FieldUnreadable, "subjectPublicKeyInfo"); ok {
		c.RawSPKI = spki.Raw
		p.key(b, spki)
	} else if !p.pass(r, der.Context(1), der.Context(2), der.Explicit(3)) {
		return
	}
	p.tail(c, r)
}

// pass steps over a field of the wrong type, so that those after it are still
// read. It reports false when its end cannot be told. When the element has one
// of the tags of what may come next, the field is missing: there is nothing to
// step over.
func (p *parser) pass(r *der.Reader, next ...der.Tag) bool {
	if slices.Contains(next, r.PeekTag()) {
		return true
	}
	_, err := r.Next()
	return err == nil
}

func (p *parser) subject(c *Certificate, e der.Element) {
	if bytes.Equal(e.Raw, c.RawIssuer) {
		c.Subject = c.Issuer
		c.Subject.Raw = e.Raw
		return
	}
	c.Subject = p.name(e, "subject")
}

// tail decodes what follows the public key.
func (p *parser) tail(c *Certificate, r *der.Reader) {
	for n := 1; n <= 2; n++ {
		field := [...]string{1: "issuerUniqueID", 2: "subjectUniqueID"}[n]
		if r.PeekTag() == der.Explicit(n) { // a BIT STRING inside instead of one
			p.flag(finding.FieldUnreadable, r.Offset(), field, "wrong form of encoding")
			if _, err := r.Next(); err != nil {
				return
			}
			continue
		}
		if e, ok, bad := p.optional(r, der.Context(n), finding.FieldUnreadable, field); bad {
			return
		} else if ok {
			p.uniqueID(c, e, field)
		}
	}
	e, ok, bad := p.optional(r, der.Explicit(3), finding.FieldUnreadable, "extensions")
	if bad {
		return
	}
	if ok {
		p.extensions(c, e)
	}
	p.end(r, "tbsCertificate")
}

func (p *parser) version(c *Certificate, e der.Element) {
	in := e.Contents()
	n, ok := p.expect(in, der.Integer, finding.FieldUnreadable, "version")
	if !ok {
		c.Version = 0
		return
	}
	p.end(in, "version")
	v, ok := p.smallInt(n, finding.VersionInvalid, "version")
	switch {
	case !ok:
		c.Version = 0
	case v == 0:
		p.flag(finding.EncodingNotDER, n.Offset, "version", "version 1 is left out in DER")
	case v > 2:
		c.Version = v + 1
		p.flag(finding.VersionInvalid, n.Offset, "version", "version "+strconv.Itoa(c.Version))
	default:
		c.Version = v + 1
	}
}

// maxSerial is the length RFC 5280, 4.1.2.2 allows.
const maxSerial = 20

func (p *parser) serial(c *Certificate, e der.Element) {
	b := e.Body
	if len(b) == 0 {
		p.flag(finding.FieldUnreadable, e.Offset, "serialNumber", "an INTEGER without bytes")
		return
	}
	if !der.IntegerMinimal(b) {
		p.flag(finding.EncodingNotDER, e.BodyOffset(), "serialNumber", "INTEGER in more bytes than needed")
	}
	if b[0]&0x80 != 0 {
		p.flag(finding.SerialInvalid, e.BodyOffset(), "serialNumber", "it is negative")
	} else if len(bytes.TrimLeft(b, "\x00")) == 0 {
		p.flag(finding.SerialZero, e.BodyOffset(), "serialNumber", "it is zero")
	}
	if len(b) > maxSerial {
		p.flag(finding.SerialInvalid, e.BodyOffset(), "serialNumber", "it has "+strconv.Itoa(len(b))+" bytes, more than 20")
	}
}

func (p *parser) algorithm(e der.Element, field string) Algorithm {
	a, err := ParseAlgorithm(e.Raw)
	p.walk(e, finding.FieldUnreadable, field, 0)
	switch {
	case err != nil:
		p.flag(finding.FieldUnreadable, e.Offset, field, "not an AlgorithmIdentifier that can be read")
	case a.alg.ParamsNull:
		detail := a.Name + " with NULL, which does not belong there"
		if a.alg.Scheme == sig.RSAPKCS1 {
			detail = a.Name + " without NULL, which belongs there"
		}
		p.flag(finding.AlgorithmParametersNull, e.Offset, field, detail)
	case !a.ParamsOK:
		p.flag(finding.AlgorithmParametersBad, e.Offset, field, "the parameters of "+a.Name)
	}
	return a
}

func (p *parser) validity(c *Certificate, e der.Element) {
	r := e.Contents()
	for i, id := range [...]finding.ID{finding.NotBeforeBad, finding.NotAfterBad} {
		field := [...]string{"validity.notBefore", "validity.notAfter"}[i]
		el, ok := p.next(r, id, field)
		if !ok {
			return
		}
		t, flaw, ok := der.ParseTime(el.Tag, el.Body)
		if !ok {
			p.flag(id, el.Offset, field, string(flaw))
			continue
		}
		switch {
		case flaw == der.EarlyGeneralizedTime:
			p.flag(finding.TimeTypeWrong, el.Offset, field, string(flaw))
		case flaw != "":
			p.flag(finding.TimeFormWrong, el.Offset, field, string(flaw))
		}
		if i == 0 {
			c.NotBefore = t
		} else {
			c.NotAfter = t
		}
	}
	p.end(r, "validity")
	if !c.NotBefore.IsZero() && !c.NotAfter.IsZero() && c.NotAfter.Before(c.NotBefore) {
		p.flag(finding.ValidityInverted, e.Offset, "validity", "it ends before it begins")
	}
}

func (p *parser) key(b *block, e der.Element) {
	k := &b.key
	err := k.parse(&b.sig, e.Raw)
	const field = "subjectPublicKeyInfo"
	p.walk(e, finding.FieldUnreadable, field, 0)
	switch {
	case err != nil:
		p.flag(finding.FieldUnreadable, e.Offset, field, "not a public key that can be read")
	case k.key.ExplicitParams:
		p.flag(finding.KeyExplicitCurve, e.Offset, field, k.Problem)
	case k.key.TooLarge:
		p.flag(finding.KeyTooLarge, e.Offset, field, k.Algorithm+" "+strconv.Itoa(k.Bits))
	case k.Problem != "":
		p.flag(finding.KeyMalformed, e.Offset, field, k.Problem)
	case !k.key.ParamsOK:
		detail := "the parameters of " + k.Algorithm
		if k.Kind == KeyRSA && k.key.NoParams {
			detail += ": the NULL that belongs there is missing"
		}
		p.flag(finding.KeyParametersBad, e.Offset, field, detail)
	case !k.Supported():
		name := k.Described()
		if k.Curve != "" {
			name += " " + k.Curve
		}
		p.flag(finding.KeyUnsupported, e.Offset, field, name)
	case k.key.TooSmall():
		p.flag(finding.KeyTooSmall, e.Offset, field, k.Algorithm+" "+strconv.Itoa(k.Bits))
	}
}

func (p *parser) uniqueID(c *Certificate, e der.Element, field string) {
	c.uniqueIDs = append(c.uniqueIDs, place{field, e.Offset})
	if c.Version == 1 {
		p.flag(finding.VersionInvalid, e.Offset, field, "version 1 has no unique identifiers")
	}
	if !validBits(e.Body) {
		p.flag(finding.FieldUnreadable, e.Offset, field, "BIT STRING unreadable")
	}
}

// validBits reports whether body can be the contents of a BIT STRING.
func validBits(body []byte) bool {
	return len(body) > 0 && body[0] <= 7 && (len(body) > 1 || body[0] == 0)
}

// SelfIssued reports whether issuer and subject are the same name, compared by
// RFC 5280, 7.1.
func (c *Certificate) SelfIssued() bool { return c.Issuer.Canon == c.Subject.Canon }

// VerifySignatureFrom checks the certificate's signature with issuer's key.
// The error is nil or one of the Err… values of this package. Names, dates
// and the right to issue are not looked at.
func (c *Certificate) VerifySignatureFrom(m *Memo, issuer *PublicKey) error {
	if len(c.RawTBS) == 0 || c.Signature == nil {
		return ErrBadSignature
	}
	return issuer.Verify(m, c.Algorithm, c.RawTBS, c.Signature)
}

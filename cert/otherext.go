package cert

import (
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/der"
)

// tlsFeature decodes a SEQUENCE OF INTEGER (RFC 7633, 4.1).
func (p *parser) tlsFeature(c *Certificate, x *Extension, r *der.Reader, field string) {
	_, in, ok := p.list(r, field)
	if !ok {
		return
	}
	c.HasTLSFeatures = true
	for !in.Empty() {
		e, ok := p.expect(&in, der.Integer, finding.ExtensionUnreadable, field)
		if !ok {
			return
		}
		if n, ok := p.smallInt(e, finding.ExtensionUnreadable, field); ok {
			c.TLSFeatures = append(c.TLSFeatures, n)
		}
	}
}

// sctList unwraps a SignedCertificateTimestampList (RFC 6962, 3.3) and checks
// its framing; the SCTs themselves are not judged here.
func (p *parser) sctList(c *Certificate, x *Extension, r *der.Reader, field string) {
	e, ok := p.expect(r, der.OctetString, finding.SCTListMalformed, field)
	if !ok {
		return
	}
	p.end(r, field)
	c.SCTList = e.Body
	b := e.Body
	bad := func(off int, detail string) { p.flag(finding.SCTListMalformed, e.BodyOffset()+off, field, detail) }
	if len(b) < 2 || int(b[0])<<8|int(b[1]) != len(b)-2 {
		bad(0, "the list's length is wrong")
		return
	}
	if len(b) == 2 {
		bad(0, "the list is empty")
	}
	for i := 2; i < len(b); {
		n := 0
		if len(b)-i >= 2 {
			n = int(b[i])<<8 | int(b[i+1])
		}
		if n == 0 || n > len(b)-i-2 {
			bad(i, "an SCT's length is wrong")
			return
		}
		i += 2 + n
	}
}

func (p *parser) null(r *der.Reader, field string) {
	if e, _, ok := p.one(r, der.Null, field); ok && len(e.Body) != 0 {
		p.flag(finding.EncodingNotDER, e.Offset, field, "a NULL has no contents")
	}
}

func (p *parser) poison(c *Certificate, x *Extension, r *der.Reader, field string) {
	c.IsPrecertificate = true
	p.null(r, field)
	p.flag(finding.CertIsPrecertificate, x.Offset, field, "it carries the poison extension")
}

func (p *parser) noRevAvail(c *Certificate, x *Extension, r *der.Reader, field string) {
	c.NoRevAvail = true
	p.null(r, field)
}

func (p *parser) ocspNoCheck(c *Certificate, x *Extension, r *der.Reader, field string) {
	c.OCSPNoCheck = true
	p.null(r, field)
}

// proxyCert recognises a proxy certificate (RFC 3820); none is accepted.
func (p *parser) proxyCert(c *Certificate, x *Extension, r *der.Reader, field string) {
	c.ProxyCert = true
	p.one(r, der.Sequence, field)
	p.flag(finding.ProxyCertRefused, x.Offset, field, "it is a proxy certificate")
}

// subjectDirectory checks a SEQUENCE OF Attribute (RFC 5280, 4.2.1.8).
func (p *parser) subjectDirectory(c *Certificate, x *Extension, r *der.Reader, field string) {
	_, in, ok := p.list(r, field)
	for ok && !in.Empty() {
		var e der.Element
		if e, ok = p.expect(&in, der.Sequence, finding.ExtensionUnreadable, field); !ok {
			return
		}
		a := e.Contents()
		if _, ok = p.expect(a, der.OID, finding.ExtensionUnreadable, field); !ok {
			return
		}
		if e, ok = p.expect(a, der.Set, finding.ExtensionUnreadable, field); ok {
			p.walk(e, finding.ExtensionUnreadable, field, 0)
			p.end(a, field)
		}
	}
}

// privateKeyPeriod checks a PrivateKeyUsagePeriod (RFC 3280, 4.2.1.4).
func (p *parser) privateKeyPeriod(c *Certificate, x *Extension, r *der.Reader, field string) {
	_, in, ok := p.list(r, field)
	if !ok {
		return
	}
	for n := range 2 {
		e, ok, bad := p.optional(&in, der.Context(n), finding.ExtensionUnreadable, field)
		if bad {
			return
		}
		if !ok {
			continue
		}
		if _, flaw, ok := der.ParseTime(der.GeneralizedTime, e.Body); !ok || flaw != "" && flaw != der.EarlyGeneralizedTime {
			p.flag(finding.ExtensionUnreadable, e.Offset, field, "a time that cannot be read")
		}
	}
	p.end(&in, field)
}

// ipBlocks checks IPAddrBlocks (RFC 3779, 2.2.3).
func (p *parser) ipBlocks(c *Certificate, x *Extension, r *der.Reader, field string) {
	_, in, ok := p.list(r, field)
	for ok && !in.Empty() {
		var e der.Element
		if e, ok = p.expect(&in, der.Sequence, finding.ExtensionUnreadable, field); !ok {
			return
		}
		f := e.Contents()
		family, ok := p.expect(f, der.OctetString, finding.ExtensionUnreadable, field)
		if !ok {
			return
		}
		if n := len(family.Body); n != 2 && n != 3 {
			p.flag(finding.ExtensionUnreadable, family.Offset, field, "an address family has 2 or 3 bytes")
		}
		p.rangesOrNull(f, der.BitString, field)
	}
}

// asNumbers checks ASIdentifiers (RFC 3779, 3.2.3).
func (p *parser) asNumbers(c *Certificate, x *Extension, r *der.Reader, field string) {
	_, in, ok := p.list(r, field)
	if !ok {
		return
	}
	for n := range 2 {
		e, ok, bad := p.optional(&in, der.Explicit(n), finding.ExtensionUnreadable, field)
		if bad {
			return
		}
		if ok {
			p.rangesOrNull(e.Contents(), der.Integer, field)
		}
	}
	p.end(&in, field)
}

// rangesOrNull checks a NULL (inherit) or a SEQUENCE OF single values of tag
// one or pairs of them.
func (p *parser) rangesOrNull(r *der.Reader, one der.Tag, field string) {
	if e, ok, bad := p.optional(r, der.Null, finding.ExtensionUnreadable, field); ok || bad {
		if ok && len(e.Body) != 0 {
			p.flag(finding.EncodingNotDER, e.Offset, field, "a NULL has no contents")
		}
		p.end(r, field)
		return
	}
	list, ok := p.expect(r, der.Sequence, finding.ExtensionUnreadable, field)
	if !ok {
		return
	}
	p.end(r, field)
	in := list.Contents()
	for !in.Empty() {
		e, ok := p.next(in, finding.ExtensionUnreadable, field)
		if !ok {
			return
		}
		values := []der.Element{e}
		if e.Tag == der.Sequence {
			pair := e.Contents()
			values = values[:0]
			for range 2 {
				if e, ok = p.next(pair, finding.ExtensionUnreadable, field); !ok {
					return
				}
				values = append(values, e)
			}
			p.end(pair, field)
		}
		for _, e := range values {
			if e.Tag != one || one == der.BitString && !validBits(e.Body) || one == der.Integer && !der.IntegerMinimal(e.Body) {
				p.flag(finding.ExtensionUnreadable, e.Offset, field, "not an address range or number that can be read")
			}
		}
	}
}

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
		e, ok := p.expect(in, der.Integer, finding.ExtensionUnreadable, field)
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

package cert

import (
	"strconv"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/der"
)

// extension is what this package knows of one extension.
type extension struct {
	field  string // its name in findings: "extensions." and RFC 5280's name
	decode func(p *parser, c *Certificate, x *Extension, r *der.Reader, field string)
}

// decoders are the extensions that are decoded and that a validator processes;
// a critical one that is not here refuses.
var decoders = map[string]extension{
	oidBasicConstraints:  {"extensions.basicConstraints", (*parser).basicConstraints},
	oidKeyUsage:          {"extensions.keyUsage", (*parser).keyUsage},
	oidExtKeyUsage:       {"extensions.extKeyUsage", (*parser).extKeyUsage},
	oidSAN:               {"extensions.subjectAltName", (*parser).subjectAltName},
	oidIAN:               {"extensions.issuerAltName", (*parser).issuerAltName},
	oidSubjectKeyID:      {"extensions.subjectKeyIdentifier", (*parser).subjectKeyID},
	oidAuthorityKeyID:    {"extensions.authorityKeyIdentifier", (*parser).authorityKeyID},
	oidAIA:               {"extensions.authorityInfoAccess", (*parser).authorityInfoAccess},
	oidSIA:               {"extensions.subjectInfoAccess", (*parser).subjectInfoAccess},
	oidCRLPoints:         {"extensions.cRLDistributionPoints", (*parser).crlPoints},
	oidFreshestCRL:       {"extensions.freshestCRL", (*parser).freshestCRL},
	oidPolicies:          {"extensions.certificatePolicies", (*parser).policies},
	oidPolicyMappings:    {"extensions.policyMappings", (*parser).policyMappings},
	oidPolicyConstraints: {"extensions.policyConstraints", (*parser).policyConstraints},
	oidInhibitAnyPolicy:  {"extensions.inhibitAnyPolicy", (*parser).inhibitAnyPolicy},
	oidNameConstraints:   {"extensions.nameConstraints", (*parser).nameConstraints},
	oidTLSFeature:        {"extensions.tlsFeature", (*parser).tlsFeature},
	oidSCTList:           {"extensions.sctList", (*parser).sctList},
	oidPoison:            {"extensions.ctPoison", (*parser).poison},
	oidNoRevAvail:        {"extensions.noRevAvail", (*parser).noRevAvail},
	oidOCSPNoCheck:       {"extensions.ocspNoCheck", (*parser).ocspNoCheck},
	oidProxyCert:         {"extensions.proxyCertInfo", (*parser).proxyCert},
}

const (
	oidBasicConstraints  = "2.5.29.19"
	oidKeyUsage          = "2.5.29.15"
	oidExtKeyUsage       = "2.5.29.37"
	oidSAN               = "2.5.29.17"
	oidIAN               = "2.5.29.18"
	oidSubjectKeyID      = "2.5.29.14"
	oidAuthorityKeyID    = "2.5.29.35"
	oidAIA               = "1.3.6.1.5.5.7.1.1"
	oidSIA               = "1.3.6.1.5.5.7.1.11"
	oidCRLPoints         = "2.5.29.31"
	oidFreshestCRL       = "2.5.29.46"
	oidPolicies          = "2.5.29.32"
	oidPolicyMappings    = "2.5.29.33"
	oidPolicyConstraints = "2.5.29.36"
	oidInhibitAnyPolicy  = "2.5.29.54"
	oidNameConstraints   = "2.5.29.30"
	oidTLSFeature        = "1.3.6.1.5.5.7.1.24"
	oidSCTList           = "1.3.6.1.4.1.11129.2.4.2"
	oidPoison            = "1.3.6.1.4.1.11129.2.4.3"
	oidNoRevAvail        = "2.5.29.56"
	oidOCSPNoCheck       = "1.3.6.1.5.5.7.48.1.5"
	oidProxyCert         = "1.3.6.1.5.5.7.1.14"
	oidAnyPolicy         = "2.5.29.32.0"
	oidOCSP              = "1.3.6.1.5.5.7.48.1"
	oidCAIssuers         = "1.3.6.1.5.5.7.48.2"
)

// maxExtensions bounds the extensions that are decoded.
const maxExtensions = 1000

func (p *parser) extensions(c *Certificate, e der.Element) {
	if c.Version == 1 || c.Version == 2 {
		p.flag(finding.ExtensionsNeedV3, e.Offset, "extensions", "version "+strconv.Itoa(c.Version))
	}
	in := e.Contents()
	seq, ok := p.expect(in, der.Sequence, finding.FieldUnreadable, "extensions")
	if !ok {
		return
	}
	p.end(in, "extensions")
	if len(seq.Body) == 0 {
		p.flag(finding.ExtensionEmpty, seq.Offset, "extensions", "no extension")
	}
	r := seq.Contents()
	if n := der.Count(seq.Body); n > cap(c.Extensions) {
		c.Extensions = make([]Extension, 0, min(n, maxExtensions))
	}
	for !r.Empty() {
		el, ok := p.expect(r, der.Sequence, finding.FieldUnreadable, "extensions")
		if !ok {
			return
		}
		if len(c.Extensions) == maxExtensions {
			p.flag(finding.ExtensionsTooMany, el.Offset, "extensions", "more than "+strconv.Itoa(maxExtensions))
			return
		}
		p.extension(c, el)
	}
}

func (p *parser) extension(c *Certificate, e der.Element) {
	in := e.Contents()
	id, ok := p.expect(in, der.OID, finding.FieldUnreadable, "extensions")
	if !ok {
		return
	}
	oid, ok := p.oid(id, finding.FieldUnreadable, "extensions")
	if !ok {
		return
	}
	row, known := decoders[oid]
	field := row.field
	if !known {
		field = "extensions." + oid
	}
	x := Extension{OID: oid, Known: known}
	crit, ok, bad := p.optional(in, der.Boolean, finding.FieldUnreadable, field)
	if bad {
		return
	}
	if ok {
		x.Critical = p.boolean(crit, finding.FieldUnreadable, field)
		if !x.Critical {
			p.flag(finding.EncodingDefault, crit.Offset, field, "critical FALSE is left out in DER")
		}
	}
	value, ok := p.expect(in, der.OctetString, finding.FieldUnreadable, field)
	if !ok {
		return
	}
	p.end(in, field)
	x.Value, x.Offset = value.Body, value.BodyOffset()
	for i := range c.Extensions {
		if c.Extensions[i].OID == oid {
			p.flag(finding.ExtensionDuplicate, e.Offset, field, OIDName(oid))
			known = false // the first one stands
			break
		}
	}
	c.Extensions = append(c.Extensions, x)
	if known {
		r := value.Contents()
		row.decode(p, c, &x, r, field)
	}
}

// one reads the only element of an extension's value, of tag want, and returns
// a Reader over its contents.
func (p *parser) one(r *der.Reader, want der.Tag, field string) (e der.Element, in *der.Reader, ok bool) {
	e, ok = p.expect(r, want, finding.ExtensionUnreadable, field)
	if !ok {
		return e, nil, false
	}
	p.end(r, field)
	return e, e.Contents(), true
}

// list is one for a SEQUENCE OF that must not be empty.
func (p *parser) list(r *der.Reader, field string) (e der.Element, in *der.Reader, ok bool) {
	e, in, ok = p.one(r, der.Sequence, field)
	if ok && in.Empty() {
		p.flag(finding.ExtensionEmpty, e.Offset, field, "the list is empty")
	}
	return e, in, ok
}

func (p *parser) basicConstraints(c *Certificate, x *Extension, r *der.Reader, field string) {
	_, in, ok := p.one(r, der.Sequence, field)
	if !ok {
		return
	}
	c.HasBasicConstraints = true
	if e, ok, bad := p.optional(in, der.Boolean, finding.ExtensionUnreadable, field); bad {
		return
	} else if ok {
		c.CA = p.boolean(e, finding.ExtensionUnreadable, field)
		if !c.CA {
			p.flag(finding.EncodingDefault, e.Offset, field, "cA FALSE is left out in DER")
		}
	}
	if e, ok, bad := p.optional(in, der.Integer, finding.ExtensionUnreadable, field); bad {
		return
	} else if ok {
		n, ok := p.smallInt(e, finding.ExtensionUnreadable, field)
		switch {
		case ok:
			c.PathLen = n
		case n < 0 || n == 0: // unreadable: the strictest
			c.PathLen = 0
		default:
			c.PathLen = n
		}
		if !c.CA {
			p.flag(finding.PathLenWithoutCA, e.Offset, field, "pathLenConstraint "+strconv.Itoa(c.PathLen))
		}
	}
	p.end(in, field)
}

func (p *parser) keyUsage(c *Certificate, x *Extension, r *der.Reader, field string) {
	e, _, ok := p.one(r, der.BitString, field)
	if !ok {
		return
	}
	bits, ok := p.namedBits(e, e.Body, finding.ExtensionUnreadable, field)
	if !ok {
		return
	}
	c.HasKeyUsage, c.KeyUsage = true, KeyUsage(bits)
	if bits == 0 {
		p.flag(finding.ExtensionEmpty, e.Offset, field, "no usage is set")
	}
}

func (p *parser) extKeyUsage(c *Certificate, x *Extension, r *der.Reader, field string) {
	e, in, ok := p.list(r, field)
	if !ok {
		return
	}
	c.HasExtKeyUsage = true
	c.ExtKeyUsage = make([]string, 0, der.Count(e.Body))
	for !in.Empty() {
		e, ok := p.expect(in, der.OID, finding.ExtensionUnreadable, field)
		if !ok {
			return
		}
		if oid, ok := p.oid(e, finding.ExtensionUnreadable, field); ok {
			c.ExtKeyUsage = append(c.ExtKeyUsage, oid)
		}
	}
}

func (p *parser) subjectAltName(c *Certificate, x *Extension, r *der.Reader, field string) {
	e, in, ok := p.one(r, der.Sequence, field)
	if !ok {
		return
	}
	c.HasSAN = true
	if in.Empty() {
		p.flag(finding.SANEmpty, e.Offset, field, "the list is empty")
	}
	c.SAN = p.generalNames(in, finding.ExtensionUnreadable, field)
}

func (p *parser) issuerAltName(c *Certificate, x *Extension, r *der.Reader, field string) {
	if _, in, ok := p.list(r, field); ok {
		c.IssuerAltNames = p.generalNames(in, finding.ExtensionUnreadable, field)
	}
}

func (p *parser) subjectKeyID(c *Certificate, x *Extension, r *der.Reader, field string) {
	e, _, ok := p.one(r, der.OctetString, field)
	if !ok {
		return
	}
	c.SubjectKeyID = e.Body
	if len(e.Body) == 0 {
		p.flag(finding.ExtensionEmpty, e.Offset, field, "the identifier is empty")
	}
}

func (p *parser) authorityKeyID(c *Certificate, x *Extension, r *der.Reader, field string) {
	_, in, ok := p.one(r, der.Sequence, field)
	if !ok {
		return
	}
	c.HasAuthorityKeyID = true
	if e, ok, bad := p.optional(in, der.Context(0), finding.ExtensionUnreadable, field); bad {
		return
	} else if ok {
		c.AuthorityKeyID = e.Body
	}
	if e, ok, bad := p.optional(in, der.Explicit(1), finding.ExtensionUnreadable, field); bad {
		return
	} else if ok {
		c.AuthorityIssuer = p.generalNames(e.Contents(), finding.ExtensionUnreadable, field)
	}
	if e, ok, bad := p.optional(in, der.Context(2), finding.ExtensionUnreadable, field); bad {
		return
	} else if ok {
		c.AuthoritySerial = e.Body
	}
	p.end(in, field)
}

func (p *parser) authorityInfoAccess(c *Certificate, x *Extension, r *der.Reader, field string) {
	p.access(r, field, func(method string, g GeneralName) {
		switch {
		case g.Type != URIName:
		case method == oidOCSP:
			c.OCSPServers = append(c.OCSPServers, g.Value)
		case method == oidCAIssuers:
			c.CAIssuers = append(c.CAIssuers, g.Value)
		}
	})
}

func (p *parser) subjectInfoAccess(c *Certificate, x *Extension, r *der.Reader, field string) {
	p.access(r, field, func(string, GeneralName) {})
}

func (p *parser) access(r *der.Reader, field string, each func(method string, g GeneralName)) {
	_, in, ok := p.list(r, field)
	if !ok {
		return
	}
	for !in.Empty() {
		desc, ok := p.expect(in, der.Sequence, finding.ExtensionUnreadable, field)
		if !ok {
			return
		}
		d := desc.Contents()
		id, ok := p.expect(d, der.OID, finding.ExtensionUnreadable, field)
		if !ok {
			continue
		}
		method, _ := p.oid(id, finding.ExtensionUnreadable, field)
		loc, ok := p.next(d, finding.ExtensionUnreadable, field)
		if !ok {
			continue
		}
		p.end(d, field)
		if g, ok := p.generalName(loc, field); ok {
			each(method, g)
		}
	}
}

func (p *parser) crlPoints(c *Certificate, x *Extension, r *der.Reader, field string) {
	c.CRLPoints = p.distributionPoints(r, field)
}

func (p *parser) freshestCRL(c *Certificate, x *Extension, r *der.Reader, field string) {
	c.FreshestCRL = p.distributionPoints(r, field)
}

func (p *parser) distributionPoints(r *der.Reader, field string) []DistributionPoint {
	e, in, ok := p.list(r, field)
	if !ok {
		return nil
	}
	points := make([]DistributionPoint, 0, der.Count(e.Body))
	for !in.Empty() {
		e, ok := p.expect(in, der.Sequence, finding.ExtensionUnreadable, field)
		if !ok {
			break
		}
		points = append(points, p.distributionPoint(e, field))
	}
	return points
}

func (p *parser) distributionPoint(e der.Element, field string) (dp DistributionPoint) {
	in := e.Contents()
	if n, ok, bad := p.optional(in, der.Explicit(0), finding.ExtensionUnreadable, field); bad {
		return dp
	} else if ok {
		dp.HasName = true
		p.distributionPointName(&dp, n.Contents(), field)
	}
	if b, ok, bad := p.optional(in, der.Context(1), finding.ExtensionUnreadable, field); bad {
		return dp
	} else if ok {
		bits, _ := p.namedBits(b, b.Body, finding.ExtensionUnreadable, field)
		dp.HasReasons, dp.Reasons = true, Reasons(bits)
	}
	if n, ok, bad := p.optional(in, der.Explicit(2), finding.ExtensionUnreadable, field); bad {
		return dp
	} else if ok {
		dp.CRLIssuer = p.generalNames(n.Contents(), finding.ExtensionUnreadable, field)
	}
	p.end(in, field)
	return dp
}

func (d *decoder) distributionPointName(dp *DistributionPoint, r *der.Reader, field string) {
	e, ok := d.next(r, finding.ExtensionUnreadable, field)
	if !ok {
		return
	}
	switch e.Tag {
	case der.Explicit(0):
		dp.FullName = d.generalNames(e.Contents(), finding.ExtensionUnreadable, field)
	case der.Explicit(1):
		dp.Relative, _ = d.rdn(nil, e.Contents(), field)
	default:
		d.flag(finding.ExtensionUnreadable, e.Offset, field, "not a DistributionPointName")
	}
	d.end(r, field)
}

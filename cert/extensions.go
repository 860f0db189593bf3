package cert

import (
	"strconv"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/der"
)

// extension is what this package knows of one extension.
type extension struct {
	field  string // its name in findings: "extensions." and RFC 5280's name
	unused bool   // only its syntax is checked: no validator processes it
}

// known are the extensions that are decoded. A critical one that is not here,
// or that is unused, refuses.
var known = map[string]extension{
	oidBasicConstraints:  {field: "extensions.basicConstraints"},
	oidKeyUsage:          {field: "extensions.keyUsage"},
	oidExtKeyUsage:       {field: "extensions.extKeyUsage"},
	oidSAN:               {field: sanField},
	oidIAN:               {field: "extensions.issuerAltName"},
	oidSubjectKeyID:      {field: "extensions.subjectKeyIdentifier"},
	oidAuthorityKeyID:    {field: "extensions.authorityKeyIdentifier"},
	oidAIA:               {field: "extensions.authorityInfoAccess"},
	oidSIA:               {field: "extensions.subjectInfoAccess"},
	oidCRLPoints:         {field: "extensions.cRLDistributionPoints"},
	oidFreshestCRL:       {field: "extensions.freshestCRL"},
	oidPolicies:          {field: "extensions.certificatePolicies"},
	oidPolicyMappings:    {field: "extensions.policyMappings"},
	oidPolicyConstraints: {field: "extensions.policyConstraints"},
	oidInhibitAnyPolicy:  {field: "extensions.inhibitAnyPolicy"},
	oidNameConstraints:   {field: "extensions.nameConstraints"},
	oidTLSFeature:        {field: "extensions.tlsFeature"},
	oidSCTList:           {field: "extensions.sctList"},
	oidPoison:            {field: "extensions.ctPoison"},
	oidNoRevAvail:        {field: "extensions.noRevAvail"},
	oidOCSPNoCheck:       {field: "extensions.ocspNoCheck"},
	oidProxyCert:         {field: "extensions.proxyCertInfo"},
	oidSubjectDirectory:  {"extensions.subjectDirectoryAttributes", true},
	oidPrivateKeyPeriod:  {"extensions.privateKeyUsagePeriod", true},
	oidIPBlocks:          {"extensions.ipAddrBlocks", true},
	oidASNumbers:         {"extensions.autonomousSysIds", true},
}

// decode reads the value of a known extension.
func (p *parser) decode(c *Certificate, x *Extension, value der.Element, field string) {
	reader := value.Reader()
	r := &reader
	switch x.OID {
	case oidBasicConstraints:
		p.basicConstraints(c, x, r, field)
	case oidKeyUsage:
		p.keyUsage(c, x, r, field)
	case oidExtKeyUsage:
		p.extKeyUsage(c, x, r, field)
	case oidSAN:
		p.subjectAltName(c, x, r, field)
	case oidIAN:
		p.issuerAltName(c, x, r, field)
	case oidSubjectKeyID:
		p.subjectKeyID(c, x, r, field)
	case oidAuthorityKeyID:
		p.authorityKeyID(c, x, r, field)
	case oidAIA:
		p.authorityInfoAccess(c, x, r, field)
	case oidSIA:
		p.access(nil, r, field)
	case oidCRLPoints:
		c.CRLPoints = p.distributionPoints(r, field)
	case oidFreshestCRL:
		c.FreshestCRL = p.distributionPoints(r, field)
	case oidPolicies:
		p.policies(c, x, r, field)
	case oidPolicyMappings:
		p.policyMappings(c, x, r, field)
	case oidPolicyConstraints:
		p.policyConstraints(c, x, r, field)
	case oidInhibitAnyPolicy:
		p.inhibitAnyPolicy(c, x, r, field)
	case oidNameConstraints:
		p.nameConstraints(c, x, r, field)
	case oidTLSFeature:
		p.tlsFeature(c, x, r, field)
	case oidSCTList:
		p.sctList(c, x, r, field)
	case oidPoison:
		p.poison(c, x, r, field)
	case oidNoRevAvail:
		p.noRevAvail(c, x, r, field)
	case oidOCSPNoCheck:
		p.ocspNoCheck(c, x, r, field)
	case oidProxyCert:
		p.proxyCert(c, x, r, field)
	case oidSubjectDirectory:
		p.subjectDirectory(c, x, r, field)
	case oidPrivateKeyPeriod:
		p.privateKeyPeriod(c, x, r, field)
	case oidIPBlocks:
		p.ipBlocks(c, x, r, field)
	case oidASNumbers:
		p.asNumbers(c, x, r, field)
	}
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
	oidHardwareModule    = "1.3.6.1.5.5.7.8.4"
	oidCPS               = "1.3.6.1.5.5.7.2.1"
	oidUserNotice        = "1.3.6.1.5.5.7.2.2"
	oidAnyExtKeyUsage    = "2.5.29.37.0"
	oidSubjectDirectory  = "2.5.29.9"
	oidPrivateKeyPeriod  = "2.5.29.16"
	oidIPBlocks          = "1.3.6.1.5.5.7.1.7"
	oidASNumbers         = "1.3.6.1.5.5.7.1.8"
)

// sanField is the subjectAltName's name in findings.
const sanField = "extensions.subjectAltName"

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
	row, isKnown := known[oid]
	field := row.field
	if !isKnown {
		field = "extensions." + oid
	}
	x := Extension{OID: oid, Known: isKnown && !row.unused}
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
			isKnown = false // the first one stands
			break
		}
	}
	c.Extensions = append(c.Extensions, x)
	if isKnown {
		p.decode(c, &x, value, field)
	}
}

// one reads the only element of an extension's value, of tag want, and returns
// a Reader over its contents.
func (p *parser) one(r *der.Reader, want der.Tag, field string) (e der.Element, in der.Reader, ok bool) {
	if e, ok = p.expect(r, want, finding.ExtensionUnreadable, field); ok {
		p.end(r, field)
		in = e.Reader()
	}
	return e, in, ok
}

// list is one for a SEQUENCE OF that must not be empty.
func (p *parser) list(r *der.Reader, field string) (e der.Element, in der.Reader, ok bool) {
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
	if e, ok, bad := p.optional(&in, der.Boolean, finding.ExtensionUnreadable, field); bad {
		return
	} else if ok {
		c.CA = p.boolean(e, finding.ExtensionUnreadable, field)
		if !c.CA {
			p.flag(finding.EncodingDefault, e.Offset, field, "cA FALSE is left out in DER")
		}
	}
	if e, ok, bad := p.optional(&in, der.Integer, finding.ExtensionUnreadable, field); bad {
		return
	} else if ok {
		n, _ := p.smallInt(e, finding.ExtensionUnreadable, field)
		c.PathLen = max(n, 0) // what cannot be read is taken at its strictest
	}
	p.end(&in, field)
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
	c.HasKeyUsage, c.KeyUsage = true, KeyUsage(bits)&(DecipherOnly<<1-1)
	if KeyUsage(bits) != c.KeyUsage {
		p.flag(finding.ExtensionUnreadable, e.Offset, field, "it has bits beyond the nine usages")
	}
	if bits == 0 {
		p.flag(finding.ExtensionEmpty, e.Offset, field, "no usage is set")
	}
}

func (p *parser) extKeyUsage(c *Certificate, x *Extension, r *der.Reader, field string) {
	_, in, ok := p.list(r, field)
	if !ok {
		return
	}
	c.HasExtKeyUsage = true
	c.ExtKeyUsage = p.spare.purposes[:0]
	for !in.Empty() {
		e, ok := p.expect(&in, der.OID, finding.ExtensionUnreadable, field)
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
	c.SAN = p.generalNames(&in, finding.ExtensionUnreadable, field)
}

func (p *parser) issuerAltName(c *Certificate, x *Extension, r *der.Reader, field string) {
	if _, in, ok := p.list(r, field); ok {
		c.IssuerAltNames = p.generalNames(&in, finding.ExtensionUnreadable, field)
	}
}

func (p *parser) subjectKeyID(c *Certificate, x *Extension, r *der.Reader, field string) {
	e, _, ok := p.one(r, der.OctetString, field)
	if !ok {
		return
	}
	c.SubjectKeyID = e.Body
	if x.Critical {
		p.flag(finding.SubjectKeyIDCritical, x.Offset, field, "critical")
	}
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
	if x.Critical {
		p.flag(finding.AuthorityKeyIDCritical, x.Offset, field, "critical")
	}
	if e, ok, bad := p.optional(&in, der.Context(0), finding.ExtensionUnreadable, field); bad {
		return
	} else if ok {
		c.AuthorityKeyID = e.Body
	}
	if e, ok, bad := p.optional(&in, der.Explicit(1), finding.ExtensionUnreadable, field); bad {
		return
	} else if ok {
		c.AuthorityIssuer = p.generalNames(e.Contents(), finding.ExtensionUnreadable, field)
	}
	if e, ok, bad := p.optional(&in, der.Context(2), finding.ExtensionUnreadable, field); bad {
		return
	} else if ok {
		c.AuthoritySerial = e.Body
		if !der.IntegerMinimal(e.Body) {
			p.flag(finding.EncodingNotDER, e.Offset, field, "authorityCertSerialNumber is not an INTEGER in its shortest form")
		}
	}
	p.end(&in, field)
}

func (p *parser) authorityInfoAccess(c *Certificate, x *Extension, r *der.Reader, field string) {
	if x.Critical {
		p.flag(finding.ExtensionCritical, x.Offset, field, "critical")
	}
	c.OCSPServers, c.CAIssuers = p.spare.ocsp[:0], p.spare.caIssuers[:0]
	p.access(c, r, field)
	if len(c.OCSPServers) == 0 {
		c.OCSPServers = nil
	}
	if len(c.CAIssuers) == 0 {
		c.CAIssuers = nil
	}
}

// access reads a list of AccessDescriptions; the addresses go to c if it is
// not nil.
func (p *parser) access(c *Certificate, r *der.Reader, field string) {
	_, in, ok := p.list(r, field)
	if !ok {
		return
	}
	for !in.Empty() {
		desc, ok := p.expect(&in, der.Sequence, finding.ExtensionUnreadable, field)
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
		g, ok := p.generalName(loc, false, field)
		switch {
		case !ok || c == nil || g.Type != URIName:
		case method == oidOCSP:
			c.OCSPServers = append(c.OCSPServers, g.Value)
		case method == oidCAIssuers:
			c.CAIssuers = append(c.CAIssuers, g.Value)
		}
	}
}

func (p *parser) distributionPoints(r *der.Reader, field string) []DistributionPoint {
	e, in, ok := p.list(r, field)
	if !ok {
		return nil
	}
	points := make([]DistributionPoint, 0, der.Count(e.Body))
	for !in.Empty() {
		e, ok := p.expect(&in, der.Sequence, finding.ExtensionUnreadable, field)
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

package cert

import (
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/der"
)

// ParseGeneralNames decodes the contents of a GeneralNames SEQUENCE (RFC 5280,
// 4.2.1.6). off is the offset of body in the object it comes from: findings
// count their "offset" from there. What could be decoded is returned.
func ParseGeneralNames(body []byte, off int) ([]GeneralName, []finding.Finding) {
	d := decoder{text: string(body), base: off}
	names := d.generalNames(der.NewReader(body, off), finding.GeneralNameMalformed, "generalNames")
	return names, d.found
}

// ParseDistributionPointName decodes the contents of the [0] of a
// DistributionPoint or an IssuingDistributionPoint: a full name or one
// relative to the CRL issuer (RFC 5280, 4.2.1.13). Offsets as in
// ParseGeneralNames.
func ParseDistributionPointName(body []byte, off int) (full []GeneralName, relative []Attribute, findings []finding.Finding) {
	d := decoder{text: string(body), base: off}
	var p DistributionPoint
	d.distributionPointName(&p, der.NewReader(body, off), "distributionPoint")
	return p.FullName, p.Relative, d.found
}

func (d *decoder) generalNames(r *der.Reader, id finding.ID, field string) []GeneralName {
	if r.Empty() {
		return nil
	}
	names := make([]GeneralName, 0, der.Count(r.Rest()))
	for !r.Empty() {
		e, ok := d.next(r, id, field)
		if !ok {
			break
		}
		if g, ok := d.generalName(e, false, field); ok {
			names = append(names, g)
		}
	}
	return names
}

// generalName decodes one GeneralName, the base of a subtree of name
// constraints if base is set. ok is false only when not even its kind is known.
func (d *decoder) generalName(e der.Element, base bool, field string) (g GeneralName, ok bool) {
	n := int(e.Tag & 0x1f)
	if e.Tag > 0xff || e.Tag&0xc0 != 0x80 || n > int(RegisteredID) {
		d.flag(finding.GeneralNameMalformed, e.Offset, field, "tag "+strconv.Itoa(int(e.Tag))+" is no kind of name")
		return g, false
	}
	g.Type, g.Bytes = NameType(n), e.Body
	constructed := g.Type == OtherName || g.Type == X400Name || g.Type == DirectoryName || g.Type == EDIPartyName
	if constructed != (e.Tag&0x20 != 0) {
		d.flag(finding.GeneralNameMalformed, e.Offset, field, "a "+g.Type.String()+" with the wrong form of encoding")
		return g, true
	}
	switch g.Type {
	case OtherName:
		d.otherName(&g, e, field)
	case X400Name, EDIPartyName:
		d.walk(e, finding.GeneralNameMalformed, field, 0)
	case EmailName, DNSName, URIName:
		g.Value = d.str(e)
		if !base {
			d.nameText(&g, e, field)
		} else if !ascii(g.Value) {
			d.flag(finding.GeneralNameMalformed, e.Offset, field, "a "+g.Type.String()+" is not ASCII")
		}
	case DirectoryName:
		in := e.Contents()
		if seq, ok := d.expect(in, der.Sequence, finding.GeneralNameMalformed, field); ok {
			g.Dir = d.name(seq, field)
			d.end(in, field)
		} else {
			g.Dir = Name{Raw: e.Body, Canon: opaque(e.Body)}
		}
	case IPName:
		if base {
			break
		}
		if g.IP, ok = netip.AddrFromSlice(e.Body); !ok {
			d.flag(finding.GeneralNameMalformed, e.Offset, field, "an iPAddress has "+strconv.Itoa(len(e.Body))+" bytes, not 4 or 16")
		}
	case RegisteredID:
		g.Value, _ = d.oid(e, finding.GeneralNameMalformed, field)
	}
	return g, true
}

func (d *decoder) otherName(g *GeneralName, e der.Element, field string) {
	g.Bytes = nil
	in := e.Contents()
	id, ok := d.expect(in, der.OID, finding.GeneralNameMalformed, field)
	if !ok {
		return
	}
	g.Value, _ = d.oid(id, finding.GeneralNameMalformed, field)
	v, ok := d.expect(in, der.Explicit(0), finding.GeneralNameMalformed, field)
	if !ok {
		return
	}
	d.end(in, field)
	g.Bytes = v.Body
	in = v.Contents()
	value, ok := d.next(in, finding.GeneralNameMalformed, field)
	if !ok {
		return
	}
	d.end(in, field)
	d.walk(value, finding.GeneralNameMalformed, field, 0)
	switch g.Value {
	case OIDSmtpUTF8Mailbox:
		if s := d.str(value); value.Tag != der.UTF8String || !utf8.ValidString(s) || strings.HasPrefix(s, "\ufeff") ||
			strings.LastIndexByte(s, '@') <= 0 {
			d.flag(finding.GeneralNameMalformed, value.Offset, field, "an SmtpUTF8Mailbox is not an e-mail address in a UTF8String")
		}
	case oidHardwareModule:
		d.hardwareModule(value, field)
	}
}

// hardwareModule checks a HardwareModuleName (RFC 4108, 5).
func (d *decoder) hardwareModule(e der.Element, field string) {
	if e.Tag != der.Sequence {
		d.flag(finding.GeneralNameMalformed, e.Offset, field, "a hardwareModuleName is not a SEQUENCE")
		return
	}
	in := e.Contents()
	if _, ok := d.expect(in, der.OID, finding.GeneralNameMalformed, field); !ok {
		return
	}
	if _, ok := d.expect(in, der.OctetString, finding.GeneralNameMalformed, field); ok {
		d.end(in, field)
	}
}

// String returns the kind's name as RFC 5280 spells it, without the word Name
// where it is clear: "dNSName", "iPAddress".
func (t NameType) String() string {
	names := [...]string{"otherName", "rfc822Name", "dNSName", "x400Address", "directoryName", "ediPartyName",
		"uniformResourceIdentifier", "iPAddress", "registeredID"}
	if t < 0 || int(t) >= len(names) {
		return "name type " + strconv.Itoa(int(t))
	}
	return names[t]
}

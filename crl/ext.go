package crl

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/der"
)

// entry is an Entry while it is being read, and how it was written.
type entry struct {
	Entry
	issuer   []byte // contents of certificateIssuer
	unknown  []byte // contents of the OID of the first unknown critical extension
	padded   bool   // the serial number is not in its shortest form
	extended bool   // it has extensions
	timeFlaw der.TimeFlaw
	slip     string // a departure from profile or DER that harms nobody
	flaw     string // one that does
}

// named is the entry with the text of what it only refers to.
func (e *entry) named() Entry {
	if e.unknown != nil {
		e.Unknown, _ = der.OIDText(e.unknown)
	}
	return e.Entry
}

// Object identifiers as they are encoded.
const (
	oidReason         = "\x55\x1d\x15" // 2.5.29.21
	oidInvalidityDate = "\x55\x1d\x18" // 2.5.29.24
	oidIssuer         = "\x55\x1d\x1d" // 2.5.29.29
	oidHold           = "\x55\x1d\x17" // 2.5.29.23, holdInstructionCode of RFC 3280: says nothing more than hold
)

// parseEntry reads b, one whole entry at offset off. The result's slices alias b.
func parseEntry(b []byte, off int64) (e entry, err error) {
	seq, err := der.NewReader(b, int(off)).Expect(der.Sequence)
	if err != nil {
		return e, err
	}
	r := der.NewReader(seq.Body, seq.BodyOffset())
	serial, err := r.Expect(der.Integer)
	if err != nil {
		return e, err
	}
	if len(serial.Body) == 0 {
		return e, malformed(int64(serial.Offset), "an empty serial number")
	}
	e.Serial = serial.Body
	e.padded = !der.IntegerMinimal(serial.Body)
	flaws := seq.Flaws | serial.Flaws
	date, err := r.Next()
	if err != nil {
		return e, malformed(int64(r.Offset()), "an entry without revocationDate")
	}
	flaws |= date.Flaws
	var ok bool
	if e.Date, e.timeFlaw, ok = der.ParseTime(date.Tag, date.Body); !ok {
		return e, malformed(int64(date.Offset), "revocationDate: %s", e.timeFlaw)
	}
	exts, ok, err := r.Optional(der.Sequence)
	if err != nil {
		return e, err
	}
	if !r.Empty() {
		return e, malformed(int64(r.Offset()), "unexpected data in an entry")
	}
	flaws |= exts.Flaws
	if ok {
		e.extended = true
		if err := e.extensions(exts, &flaws); err != nil {
			return e, err
		}
	}
	if flaws != 0 {
		return e, malformed(off, "an entry's lengths are not DER")
	}
	return e, nil
}

func (e *entry) extensions(exts der.Element, flaws *der.Flaw) error {
	if len(exts.Body) == 0 {
		e.slip = "the extensions of an entry are present and empty"
	}
	r := der.NewReader(exts.Body, exts.BodyOffset())
	var seen [4]bool
	for !r.Empty() {
		x, err := readExtension(r)
		if err != nil {
			return err
		}
		*flaws |= x.flaws
		if x.flaw != "" {
			e.flaw = x.flaw
		}
		if x.slip != "" {
			e.slip = x.slip
		}
		known := -1
		v := der.NewReader(x.value, x.offset)
		switch string(x.oid) {
		case oidReason:
			known = 0
			code, err := v.Expect(der.Enumerated)
			n, fits := der.SmallInt(code.Body)
			if err != nil || !v.Empty() || !fits || !der.IntegerMinimal(code.Body) {
				return malformed(int64(x.offset), "a malformed reasonCode")
			}
			*flaws |= code.Flaws
			e.Reason, e.HasReason = Reason(n), true
		case oidInvalidityDate:
			known = 1
			t, err := v.Expect(der.GeneralizedTime)
			when, _, ok := der.ParseTime(t.Tag, t.Body)
			if err != nil || !v.Empty() || !ok {
				e.slip = "a malformed invalidityDate" // informative only
				break
			}
			e.InvalidityDate = when
		case oidIssuer:
			known = 2
			names, err := v.Expect(der.Sequence)
			if err != nil || !v.Empty() || len(names.Body) == 0 {
				return malformed(int64(x.offset), "a malformed certificateIssuer")
			}
			*flaws |= names.Flaws
			e.issuer = names.Body
		case oidHold:
			known = 3
		default:
			if x.critical && e.unknown == nil {
				e.unknown = x.oid
			}
		}
		if known >= 0 {
			if seen[known] {
				return malformed(int64(x.offset), "an entry has an extension twice")
			}
			seen[known] = true
		}
	}
	return nil
}

// maxIssuerNames bounds the names of one certificateIssuer.
const maxIssuerNames = 8

// namesIssuer reports whether the GeneralNames in r, the contents of a
// certificateIssuer, can name a certificate's issuer. Only directory names are looked into: lists may have millions of
// entries, and nobody has verified their signature yet.
func namesIssuer(r *der.Reader) (found bool) {
	for n := 0; !r.Empty(); n++ {
		e, err := r.Next()
		if err != nil || e.Tag&0xc0 != 0x80 || n == maxIssuerNames {
			return false
		}
		if e.Tag != der.Explicit(4) {
			continue
		}
		name, bad := cert.ParseName(e.Body)
		if name.Empty() || slices.ContainsFunc(bad, func(f finding.Finding) bool { return f.Severity >= finding.Inconclusive }) {
			return false
		}
		found = true
	}
	return found
}

// extension is one Extension as read.
type extension struct {
	oid, value []byte
	offset     int // of value
	critical   bool
	flaws      der.Flaw
	slip, flaw string // as in entry
}

func readExtension(r *der.Reader) (x extension, err error) {
	seq, err := r.Expect(der.Sequence)
	if err != nil {
		return x, err
	}
	in := der.NewReader(seq.Body, seq.BodyOffset())
	oid, err := in.Expect(der.OID)
	if err != nil {
		return x, err
	}
	crit, has, err := in.Optional(der.Boolean)
	if err != nil {
		return x, err
	}
	value, err := in.Expect(der.OctetString)
	if err != nil {
		return x, err
	}
	if !in.Empty() || has && len(crit.Body) != 1 {
		return x, malformed(int64(seq.Offset), "a malformed extension")
	}
	if has {
		switch x.critical = crit.Body[0] != 0; crit.Body[0] {
		case 0xff:
		case 0:
			x.slip = "an extension spells out that it is not critical, which is the default"
		default:
			x.flaw = "criticality of an extension that is not DER"
		}
	}
	x.oid, x.value, x.offset = oid.Body, value.Body, value.BodyOffset()
	x.flaws = seq.Flaws | oid.Flaws | crit.Flaws | value.Flaws
	if !der.ValidOID(oid.Body) {
		return x, malformed(int64(oid.Offset), "a malformed object identifier")
	}
	return x, nil
}

// time reads thisUpdate or nextUpdate.
func (p *parser) time(r *der.Reader, field string) (time.Time, error) {
	e, err := r.Next()
	if err != nil {
		return time.Time{}, malformed(int64(r.Offset()), "%s is missing", field)
	}
	t, flaw, ok := der.ParseTime(e.Tag, e.Body)
	if !ok {
		return time.Time{}, malformed(int64(e.Offset), "%s: %s", field, flaw)
	}
	if e.Flaws != 0 {
		return time.Time{}, malformed(int64(e.Offset), "the length is not DER")
	}
	if t.IsZero() {
		t = t.Add(1) // the year 1 is long past, and not absent
	}
	if flaw != "" {
		p.breach(finding.New(finding.CRLProfile, "detail", field+": "+string(flaw), "offset", fmt.Sprint(e.Offset)))
	}
	return t, nil
}

func (p *parser) issuer(e der.Element) {
	name, found := cert.ParseName(bytes.Clone(e.Raw))
	p.list.Issuer = name
	p.adopt("issuer", found)
	if name.Empty() {
		p.breach(finding.New(finding.CRLProfile, "detail", "the issuer's name is empty", "offset", fmt.Sprint(e.Offset)))
	}
}

// adopt reports what the certificate code found in a name that a list shares
// with certificates.
func (p *parser) adopt(field string, found []finding.Finding) {
	for _, f := range found {
		if p.full() {
			return
		}
		id := finding.CRLProfile
		if f.Severity >= finding.Inconclusive {
			id = finding.CRLNotDER
		}
		p.breach(finding.New(id, "detail", field+": "+f.Title(), "offset", f.Param("offset")))
	}
}

// CRL extensions, by their dotted object identifiers.
const (
	extAuthorityKeyID = "2.5.29.35"
	extIssuerAltName  = "2.5.29.18"
	extNumber         = "2.5.29.20"
	extDelta          = "2.5.29.27"
	extIDP            = "2.5.29.28"
	extFreshest       = "2.5.29.46"
	extAuthorityInfo  = "1.3.6.1.5.5.7.1.1"
)

// extensions reads crlExtensions, [0] EXPLICIT Extensions.
func (p *parser) extensions(outer der.Element) error {
	in := der.NewReader(outer.Body, outer.BodyOffset())
	seq, err := p.strict(in, der.Sequence)
	if err != nil {
		return err
	}
	if !in.Empty() {
		return malformed(int64(in.Offset()), "there is data after crlExtensions")
	}
	if len(seq.Body) == 0 {
		p.breach(finding.New(finding.CRLProfile, "detail", "crlExtensions is present and empty", "offset", fmt.Sprint(seq.Offset)))
	}
	l := p.list
	seen := make(map[string]bool)
	r := der.NewReader(seq.Body, seq.BodyOffset())
	for n := 0; !r.Empty(); n++ {
		if n == maxExts {
			return &Error{finding.CRLTooLarge, int64(r.Offset()), fmt.Sprintf("more than %d extensions", maxExts)}
		}
		x, err := readExtension(r)
		if err != nil {
			return err
		}
		oid, _ := der.OIDText(x.oid)
		if seen[oid] {
			return malformed(int64(x.offset), "the extension %s is there twice", oid)
		}
		seen[oid] = true
		if x.flaws != 0 {
			x.flaw = "an extension whose lengths are not DER"
		}
		if x.flaw != "" {
			p.breach(finding.New(finding.CRLNotDER, "detail", x.flaw, "offset", fmt.Sprint(x.offset)))
		}
		if x.slip != "" {
			p.breach(finding.New(finding.CRLProfile, "detail", x.slip, "offset", fmt.Sprint(x.offset)))
		}
		known, err := p.extension(oid, x)
		if err != nil {
			p.breach(finding.New(finding.CRLExtensionMalformed, "oid", oid, "detail", err.Error()))
		}
		if !known && x.critical {
			p.breach(finding.New(finding.CRLUnknownCritical, "oid", oid))
		}
		l.Extensions = append(l.Extensions, cert.Extension{OID: oid, Critical: x.critical, Value: x.value, Offset: x.offset, Known: known})
	}
	return nil
}

// extension decodes one extension; known is false for those that mean nothing
// to this package.
func (p *parser) extension(oid string, x extension) (known bool, err error) {
	l := p.list
	v := der.NewReader(x.value, x.offset)
	switch oid {
	case extNumber:
		if l.Number, err = unsigned(v); len(l.Number) > maxNumber {
			p.breach(finding.New(finding.CRLProfile, "detail", "the CRL number has more than 20 bytes", "offset", fmt.Sprint(x.offset)))
		}
	case extDelta:
		if l.BaseNumber, err = unsigned(v); err != nil {
			l.BaseNumber = []byte{} // still a delta
		}
		p.wantCritical(x, "the delta CRL indicator")
	case extAuthorityKeyID:
		l.AuthorityKeyID, err = keyIdentifier(v)
	case extIDP:
		l.IDP = &IDP{Raw: x.value}
		p.wantCritical(x, "the issuing distribution point")
		err = p.issuingPoint(v)
	case extFreshest:
		l.FreshestCRL, err = p.points(v)
	case extAuthorityInfo, extIssuerAltName:
	default:
		return false, nil
	}
	return true, err
}

// unsigned reads an INTEGER (0..MAX).
func unsigned(v *der.Reader) ([]byte, error) {
	n, err := v.Expect(der.Integer)
	if err != nil {
		return nil, err
	}
	if !v.Empty() || !der.IntegerMinimal(n.Body) || n.Body[0]&0x80 != 0 || n.Flaws != 0 {
		return nil, malformed(int64(n.Offset), "not a non-negative DER integer")
	}
	return n.Body, nil
}

// maxNumber is the longest CRL number that RFC 5280, 5.2.3 wants handled, with
// the leading zero that a positive INTEGER may need.
const maxNumber = 21

func (p *parser) wantCritical(x extension, what string) {
	if !x.critical {
		p.breach(finding.New(finding.CRLProfile, "detail", what+" is not critical", "offset", fmt.Sprint(x.offset)))
	}
}

// keyIdentifier reads the keyIdentifier of an AuthorityKeyIdentifier.
func keyIdentifier(v *der.Reader) ([]byte, error) {
	seq, err := v.Expect(der.Sequence)
	if err != nil {
		return nil, err
	}
	if !v.Empty() || seq.Flaws != 0 {
		return nil, malformed(int64(seq.Offset), "not one DER sequence")
	}
	in := der.NewReader(seq.Body, seq.BodyOffset())
	id, _, err := in.Optional(der.Context(0))
	if err != nil {
		return nil, err
	}
	for _, tag := range []der.Tag{der.Explicit(1), der.Context(2)} {
		if _, _, err := in.Optional(tag); err != nil {
			return nil, err
		}
	}
	if !in.Empty() {
		return nil, malformed(int64(in.Offset()), "unexpected data")
	}
	return id.Body, nil
}

// issuingPoint reads the contents of an IssuingDistributionPoint.
func (p *parser) issuingPoint(v *der.Reader) error {
	idp := p.list.IDP
	seq, err := v.Expect(der.Sequence)
	if err != nil {
		return err
	}
	if !v.Empty() || seq.Flaws != 0 {
		return malformed(int64(seq.Offset), "not one DER sequence")
	}
	if len(seq.Body) == 0 {
		p.breach(finding.New(finding.CRLScopeContradictory, "detail", "an issuing distribution point that is empty"))
		return nil
	}
	in := der.NewReader(seq.Body, seq.BodyOffset())
	name, ok, err := in.Optional(der.Explicit(0))
	if err != nil {
		return err
	}
	if ok {
		var found []finding.Finding
		idp.HasName = true
		idp.FullName, idp.Relative, found = cert.ParseDistributionPointName(name.Body, name.BodyOffset())
		p.adopt("issuingDistributionPoint", found)
		if len(idp.FullName) == 0 && len(idp.Relative) == 0 {
			return malformed(int64(name.Offset), "a distribution point name without names")
		}
	}
	if idp.OnlyUser, err = p.flag(in, 1); err != nil {
		return err
	}
	if idp.OnlyCA, err = p.flag(in, 2); err != nil {
		return err
	}
	reasons, ok, err := in.Optional(der.Context(3))
	if err != nil {
		return err
	}
	if ok {
		idp.HasReasons = true
		if idp.OnlySomeReasons, err = reasonFlags(reasons); err != nil {
			return err
		}
		if idp.OnlySomeReasons == 0 {
			p.breach(finding.New(finding.CRLScopeContradictory, "detail", "only some reasons, but none of them"))
		}
	}
	if idp.Indirect, err = p.flag(in, 4); err != nil {
		return err
	}
	if idp.OnlyAttribute, err = p.flag(in, 5); err != nil {
		return err
	}
	if !in.Empty() {
		return malformed(int64(in.Offset()), "unexpected data")
	}
	if idp.OnlyUser && idp.OnlyCA || idp.OnlyUser && idp.OnlyAttribute || idp.OnlyCA && idp.OnlyAttribute {
		p.breach(finding.New(finding.CRLScopeContradictory, "detail", "only user certificates, only CA certificates, only attribute certificates: more than one of them"))
	}
	return nil
}

// flag reads an optional BOOLEAN DEFAULT FALSE with context tag n.
func (p *parser) flag(in *der.Reader, n int) (bool, error) {
	e, ok, err := in.Optional(der.Context(n))
	if err != nil || !ok {
		return false, err
	}
	if len(e.Body) != 1 || e.Flaws != 0 {
		return false, malformed(int64(e.Offset), "a malformed flag")
	}
	switch e.Body[0] {
	case 0xff:
	case 0:
		p.breach(finding.New(finding.CRLProfile, "detail", "a flag of the issuing distribution point spells out FALSE, which is the default", "offset", fmt.Sprint(e.Offset)))
	default:
		p.breach(finding.New(finding.CRLNotDER, "detail", "a flag of the issuing distribution point is not DER", "offset", fmt.Sprint(e.Offset)))
	}
	return e.Body[0] != 0, nil
}

// reasonFlags reads the contents of a ReasonFlags BIT STRING.
func reasonFlags(e der.Element) (r cert.Reasons, err error) {
	if len(e.Body) == 0 || e.Body[0] > 7 || len(e.Body) > 3 || e.Flaws != 0 {
		return 0, malformed(int64(e.Offset), "malformed reasons")
	}
	for i, c := range e.Body[1:] {
		for bit := range 8 {
			if c&(0x80>>bit) != 0 {
				r |= 1 << (8*i + bit)
			}
		}
	}
	return r & (cert.AllReasons | 1), nil
}

// points reads the CRLDistributionPoints of a freshest CRL extension.
func (p *parser) points(v *der.Reader) (points []cert.DistributionPoint, err error) {
	seq, err := v.Expect(der.Sequence)
	if err != nil {
		return nil, err
	}
	if !v.Empty() || seq.Flaws != 0 {
		return nil, malformed(int64(seq.Offset), "not one DER sequence")
	}
	in := der.NewReader(seq.Body, seq.BodyOffset())
	for !in.Empty() {
		if len(points) == maxPoints {
			return points, malformed(int64(in.Offset()), "more than %d distribution points", maxPoints)
		}
		e, err := in.Expect(der.Sequence)
		if err != nil {
			return points, err
		}
		r := der.NewReader(e.Body, e.BodyOffset())
		var d cert.DistributionPoint
		name, ok, err := r.Optional(der.Explicit(0))
		if err != nil {
			return points, err
		}
		if ok {
			var found []finding.Finding
			d.HasName = true
			d.FullName, d.Relative, found = cert.ParseDistributionPointName(name.Body, name.BodyOffset())
			p.adopt("freshestCRL", found)
		}
		reasons, ok, err := r.Optional(der.Context(1))
		if err != nil {
			return points, err
		}
		if ok {
			d.HasReasons = true
			if d.Reasons, err = reasonFlags(reasons); err != nil {
				return points, err
			}
		}
		issuer, ok, err := r.Optional(der.Explicit(2))
		if err != nil {
			return points, err
		}
		if ok {
			var found []finding.Finding
			d.CRLIssuer, found = cert.ParseGeneralNames(issuer.Body, issuer.BodyOffset())
			p.adopt("freshestCRL", found)
		}
		if !r.Empty() {
			return points, malformed(int64(r.Offset()), "unexpected data")
		}
		points = append(points, d)
	}
	return points, nil
}

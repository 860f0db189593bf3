package crl

import (
	"bytes"
	"fmt"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/der"
)

// entry is an Entry while it is being read, and how it was written.
type entry struct {
	Entry
	issuer   []byte // contents of certificateIssuer
	padded   bool   // the serial number is not in its shortest form
	extended bool   // it has extensions
	timeFlaw der.TimeFlaw
	flaw     string // another departure from DER
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
		return malformed(int64(exts.Offset), "an empty extensions field in an entry")
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
				e.flaw = "a malformed invalidityDate" // informative only
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
			if x.critical && e.Unknown == "" {
				e.Unknown, _ = der.OIDText(x.oid)
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

// extension is one Extension as read.
type extension struct {
	oid, value []byte
	offset     int // of value
	critical   bool
	flaws      der.Flaw
	flaw       string
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
		x.critical = crit.Body[0] != 0
		if crit.Body[0] != 0xff {
			x.flaw = "criticality of an extension that is not DER"
		}
	}
	x.oid, x.value, x.offset = oid.Body, value.Body, value.BodyOffset()
	x.flaws = seq.Flaws | oid.Flaws | crit.Flaws | value.Flaws
	if _, ok := der.OIDText(oid.Body); !ok {
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
	if flaw != "" {
		p.breach(finding.New(finding.CRLProfile, "detail", field+": "+string(flaw), "offset", fmt.Sprint(e.Offset)))
	}
	return t, nil
}

func (p *parser) issuer(e der.Element) error {
	p.list.Issuer = cert.Name{Raw: bytes.Clone(e.Raw)}
	return nil
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
	if !in.Empty() || len(seq.Body) == 0 {
		return malformed(int64(seq.Offset), "crlExtensions is empty or has data after it")
	}
	l := p.list
	seen := make(map[string]bool)
	r := der.NewReader(seq.Body, seq.BodyOffset())
	for !r.Empty() {
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
		l.Number, err = unsigned(v)
	case extDelta:
		if l.BaseNumber, err = unsigned(v); err != nil {
			l.BaseNumber = []byte{} // still a delta
		}
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

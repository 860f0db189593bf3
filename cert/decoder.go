package cert

import (
	"errors"
	"strconv"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/der"
)

// maxFindings bounds the findings kept on one certificate: a hostile one can
// break a rule in every octet.
const maxFindings = 64

// decoder collects findings while elements are read. text is a copy of the
// whole input, whose first octet has offset base: decoded text is sliced from
// it, so that a certificate's strings cost one allocation together.
type decoder struct {
	text  string
	base  int
	found []finding.Finding

	attrs []Attribute // room for names, used up from the front
	rdns  [][]Attribute
}

// flag records a breach at offset off of the input.
func (d *decoder) flag(id finding.ID, off int, field, detail string) {
	if n := len(d.found); n == maxFindings && d.found[n-1].Severity == finding.Error {
		return
	}
	d.add(finding.New(id, "offset", strconv.Itoa(off), "field", field, "detail", detail))
}

func (d *decoder) add(f finding.Finding) {
	switch last := len(d.found) - 1; {
	case last+1 < maxFindings:
		d.found = append(d.found, f)
	case f.Severity > d.found[last].Severity:
		d.found[last] = f // the worst is never lost
	}
}

// str returns e's contents as text.
func (d *decoder) str(e der.Element) string {
	off := e.BodyOffset() - d.base
	if end := off + len(e.Body); off >= 0 && end <= len(d.text) && d.text[off:end] == string(e.Body) {
		return d.text[off:end]
	}
	return string(e.Body) // joined from the segments of a constructed string
}

// next reads an element of any tag. What is not DER about it is recorded; what
// cannot be read at all is recorded as id, and ok is false.
func (d *decoder) next(r *der.Reader, id finding.ID, field string) (e der.Element, ok bool) {
	e, err := r.Next()
	if err != nil {
		d.unreadable(err, r.Offset(), id, field)
		return e, false
	}
	if e.Flaws != 0 {
		d.flaws(e, field)
	}
	return e, true
}

// expect reads an element that must have tag want, like next.
func (d *decoder) expect(r *der.Reader, want der.Tag, id finding.ID, field string) (der.Element, bool) {
	switch r.PeekTag() {
	case want:
		return d.next(r, id, field)
	case want | 0x20:
		return d.joined(r, want, id, field)
	}
	_, err := r.Expect(want)
	d.unreadable(err, r.Offset(), id, field)
	return der.Element{}, false
}

// joined reads a string of type want in BER's constructed form, which DER
// forbids, and joins its segments.
func (d *decoder) joined(r *der.Reader, want der.Tag, id finding.ID, field string) (der.Element, bool) {
	e, ok := d.next(r, id, field)
	if !ok {
		return e, false
	}
	var body []byte
	if want == der.BitString {
		body = append(body, 0)
	}
	in := e.Contents()
	for !in.Empty() {
		seg, err := in.Expect(want)
		if err != nil {
			d.unreadable(err, in.Offset(), id, field)
			return e, false
		}
		if want == der.BitString && len(seg.Body) > 0 {
			body[0] = seg.Body[0]
			seg.Body = seg.Body[1:]
		}
		body = append(body, seg.Body...)
	}
	e.Tag, e.Body = want, body
	return e, true
}

// optional reads the next element if it has tag want; bad is set when it has
// but cannot be read.
func (d *decoder) optional(r *der.Reader, want der.Tag, id finding.ID, field string) (e der.Element, ok, bad bool) {
	if r.PeekTag() != want {
		return e, false, false
	}
	e, ok = d.next(r, id, field)
	return e, ok, !ok
}

// walk checks the encoding of everything inside e, whose contents no rule of
// this package reads.
func (d *decoder) walk(e der.Element, id finding.ID, field string, depth int) {
	if e.Tag&0x20 == 0 || depth == maxWalk {
		switch e.Tag {
		case der.OID:
			d.oid(e, id, field)
		case der.Integer:
			if !der.IntegerMinimal(e.Body) {
				d.flag(finding.EncodingNotDER, e.Offset, field, "INTEGER not in its shortest form")
			}
		}
		return
	}
	r := e.Contents()
	for !r.Empty() {
		in, ok := d.next(r, id, field)
		if !ok {
			return
		}
		d.walk(in, id, field, depth+1)
	}
}

// maxWalk bounds the depth to which walk looks.
const maxWalk = 8

// end records what is left in r.
func (d *decoder) end(r *der.Reader, field string) {
	if !r.Empty() {
		d.flag(finding.FieldTrailingData, r.Offset(), field, finding.Bytes(len(r.Rest())))
	}
}

func (d *decoder) unreadable(err error, off int, id finding.ID, field string) {
	reason := "missing element"
	var at *der.Error
	if errors.As(err, &at) {
		off, reason = at.Offset, at.Reason
	}
	d.flag(id, off, field, reason)
}

func (d *decoder) flaws(e der.Element, field string) {
	for _, f := range [...]struct {
		flaw   der.Flaw
		detail string
	}{
		{der.LongLength, "length in more bytes than needed"},
		{der.Indefinite, "indefinite length"},
		{der.LongTag, "tag in more bytes than needed"},
		{der.Constructed, "constructed encoding of a string"},
	} {
		if e.Flaws&f.flaw != 0 {
			d.flag(finding.EncodingNotDER, e.Offset, field, f.detail)
		}
	}
}

// boolean decodes a BOOLEAN's contents.
func (d *decoder) boolean(e der.Element, id finding.ID, field string) bool {
	switch {
	case len(e.Body) != 1:
		d.flag(id, e.Offset, field, "a BOOLEAN has one byte")
		return len(e.Body) > 0
	case e.Body[0] != 0 && e.Body[0] != 0xff:
		d.flag(finding.EncodingNotDER, e.BodyOffset(), field, "a BOOLEAN is 00 or FF")
	}
	return e.Body[0] != 0
}

// smallInt decodes a non-negative INTEGER's contents that fit an int32.
func (d *decoder) smallInt(e der.Element, id finding.ID, field string) (int, bool) {
	if len(e.Body) > 0 && !der.IntegerMinimal(e.Body) {
		d.flag(finding.EncodingNotDER, e.BodyOffset(), field, "INTEGER in more bytes than needed")
	}
	v, ok := der.SmallInt(e.Body)
	switch {
	case !ok && len(e.Body) > 4 && e.Body[0]&0x80 == 0:
		// Larger than any use of it: the greatest int32 has the same effect.
		d.flag(id, e.Offset, field, "INTEGER too large")
		return 1<<31 - 1, false
	case !ok:
		d.flag(id, e.Offset, field, "INTEGER unreadable")
		return 0, false
	case v < 0:
		d.flag(id, e.Offset, field, "INTEGER is negative")
		return v, false
	}
	return v, true
}

// oid decodes an OBJECT IDENTIFIER's contents.
func (d *decoder) oid(e der.Element, id finding.ID, field string) (string, bool) {
	s, ok := der.OIDText(e.Body)
	if !ok {
		d.flag(id, e.Offset, field, "OBJECT IDENTIFIER unreadable")
	}
	return s, ok
}

// namedBits decodes a BIT STRING of named bits (X.690, 11.2.2): bit n of the
// string becomes 1<<n.
func (d *decoder) namedBits(e der.Element, body []byte, id finding.ID, field string) (bits uint16, ok bool) {
	if !validBits(body) {
		d.flag(id, e.Offset, field, "BIT STRING unreadable")
		return 0, false
	}
	unused, octets := body[0], body[1:]
	for i, o := range octets {
		for b := range 8 {
			if o&(0x80>>b) != 0 {
				if n := 8*i + b; n < 16 {
					bits |= 1 << n
				}
			}
		}
	}
	if n := len(octets); n > 0 {
		last := octets[n-1]
		switch {
		case last&(1<<unused-1) != 0:
			d.flag(finding.EncodingNotDER, e.BodyOffset(), field, "unused bits are set")
		case last&(1<<unused) == 0:
			d.flag(finding.EncodingNamedBits, e.BodyOffset(), field, "named bits end in zero bits")
		}
	}
	return bits, true
}

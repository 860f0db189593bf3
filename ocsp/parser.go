package ocsp

import (
	"bytes"
	"fmt"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/internal/der"
)

// parser carries the first fatal defect; every method does nothing after it.
type parser struct {
	err      *der.Error
	budget   string
	encoding string
	encOff   int
}

func (p *parser) ok() bool { return p.err == nil && p.budget == "" }

func (p *parser) fail(off int, format string, args ...any) {
	if p.ok() {
		p.err = &der.Error{Offset: off, Reason: fmt.Sprintf(format, args...)}
	}
}

// odd notes a breach that leaves no doubt about the meaning; the first counts.
func (p *parser) odd(off int, what string) {
	if p.ok() && p.encoding == "" {
		p.encoding, p.encOff = what, off
	}
}

func (p *parser) over(what string, n, limit int) {
	if p.ok() {
		p.budget = fmt.Sprintf("%d %s; the limit is %d", n, what, limit)
	}
}

// next reads one element with tag want, in DER.
func (p *parser) next(r *der.Reader, want der.Tag, what string) (e der.Element) {
	if !p.ok() {
		return e
	}
	e, err := r.Expect(want)
	if err != nil {
		p.fail(errOffset(err, r.Offset()), "%s: %s", what, errReason(err))
		return der.Element{}
	}
	p.strict(e, what)
	return e
}

// maybe reads the next element if it has tag want.
func (p *parser) maybe(r *der.Reader, want der.Tag, what string) (der.Element, bool) {
	if !p.ok() || r.PeekTag() != want {
		return der.Element{}, false
	}
	e := p.next(r, want, what)
	return e, p.ok()
}

func (p *parser) strict(e der.Element, what string) {
	if e.Flaws != 0 {
		p.fail(e.Offset, "%s is not DER", what)
	}
}

// outermost wants nothing but white space behind the response.
func (p *parser) outermost(r *der.Reader, what string) {
	if n := len(r.Rest()); n > 0 && n <= maxBehind && len(bytes.Trim(r.Rest(), " \t\r\n")) == 0 {
		p.odd(r.Offset(), fmt.Sprintf("%d bytes of white space follow the response", n))
		return
	}
	p.end(r, what)
}

// maxBehind bounds the white space behind a response.
const maxBehind = 64

func (p *parser) end(r *der.Reader, what string) {
	if p.ok() && !r.Empty() {
		p.fail(r.Offset(), "trailing data after %s", what)
	}
}

// only reads the one element inside an explicit tag.
func (p *parser) only(e der.Element, want der.Tag, what string) der.Element {
	r := e.Contents()
	in := p.next(r, want, what)
	p.end(r, what)
	return in
}

func (p *parser) time(e der.Element, what string) time.Time {
	if !p.ok() {
		return time.Time{}
	}
	t, flaw, ok := der.ParseTime(e.Tag, e.Body)
	switch {
	case ok && flaw == der.FractionalSeconds:
		p.odd(e.Offset, what+" has fractions of a second")
	case !ok || flaw != "" && flaw != der.EarlyGeneralizedTime:
		p.fail(e.Offset, "%s is not a GeneralizedTime of the form YYYYMMDDHHMMSSZ", what)
	}
	return t
}

func (p *parser) oid(e der.Element, what string) string {
	s, ok := der.OIDText(e.Body)
	if p.ok() && !ok {
		p.fail(e.Offset, "%s is not a valid OBJECT IDENTIFIER", what)
	}
	return s
}

// serial reads an INTEGER of any sign and length. A padded one is accepted:
// certificates with padded serial numbers exist and must be nameable.
func (p *parser) serial(r *der.Reader) []byte {
	e := p.next(r, der.Integer, "serialNumber")
	if !p.ok() {
		return nil
	}
	if len(e.Body) == 0 {
		p.fail(e.Offset, "serialNumber is empty")
	} else if !der.IntegerMinimal(e.Body) {
		p.odd(e.Offset, "serialNumber is padded")
	}
	return e.Body
}

func (p *parser) bits(r *der.Reader, what string) []byte {
	e := p.next(r, der.BitString, what)
	if !p.ok() {
		return nil
	}
	if len(e.Body) == 0 || e.Body[0] != 0 {
		p.fail(e.Offset, "%s is not a BIT STRING of whole bytes", what)
		return nil
	}
	return e.Body[1:]
}

// extensions reads an Extensions SEQUENCE inside the explicit tag e.
func (p *parser) extensions(e der.Element, what string) []cert.Extension {
	seq := p.only(e, der.Sequence, what)
	r := seq.Contents()
	var out []cert.Extension
	if p.ok() && r.Empty() {
		p.odd(e.Offset, what+" is empty")
	}
	for p.ok() && !r.Empty() {
		if len(out) == maxExts {
			p.over(what, len(out)+1, maxExts)
			return nil
		}
		x := p.next(r, der.Sequence, what)
		in := x.Contents()
		var ext cert.Extension
		ext.OID = p.oid(p.next(in, der.OID, what), what)
		if b, ok := p.maybe(in, der.Boolean, what); ok {
			if len(b.Body) != 1 || b.Body[0] != 0 && b.Body[0] != 0xff {
				p.fail(b.Offset, "a BOOLEAN is not DER")
			} else if b.Body[0] == 0 {
				p.odd(b.Offset, "critical FALSE is spelt out")
			}
			ext.Critical = len(b.Body) == 1 && b.Body[0] != 0
		}
		v := p.next(in, der.OctetString, what)
		p.end(in, "an extension")
		ext.Value, ext.Offset, ext.Known = v.Body, v.BodyOffset(), known[ext.OID]
		for i := range out {
			if out[i].OID == ext.OID {
				p.fail(x.Offset, "extension %s stands twice", ext.OID)
			}
		}
		out = append(out, ext)
	}
	return out
}

func errOffset(err error, at int) int {
	if e, ok := err.(*der.Error); ok {
		return e.Offset
	}
	return at
}

func errReason(err error) string {
	if e, ok := err.(*der.Error); ok {
		return e.Reason
	}
	return err.Error()
}

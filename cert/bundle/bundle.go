// Package bundle reads what holds certificates, lists and answers: DER, one
// object or several in a row, PEM with any text around its blocks, PKCS #7 in
// either, and DER in bare base64. It says what each object is, where it stands,
// and what could not be read; nothing that was given is passed over in silence.
// Decoding the objects is the business of other packages.
//
// The package is pure, and its functions are safe for concurrent use.
package bundle

import (
	"bytes"
	"fmt"

	"github.com/assaytls/assay/internal/der"
)

// DefaultLimit is how many objects Read returns when it is asked for 0.
const DefaultLimit = 100_000

// Read returns the objects in b, in order. There is always one: what cannot be
// read is an Object with Damage, or an Unknown one. When there are more than
// limit (0 means DefaultLimit), the last one returned says so as Damage. A byte-order
// mark of UTF-8 is passed over. Reading takes time linear in the length of b.
func Read(b []byte, limit int) []Object {
	if limit <= 0 {
		limit = DefaultLimit
	}
	r := reader{limit: limit}
	b = bytes.TrimPrefix(b, []byte(mark))
	switch {
	case len(b) == 0:
		r.add(Object{Damage: "it is empty"})
	case b[0] == 0x30 && (len(b) > 1 && b[1] >= 0x80 || known(b)): // text may begin with the digit 0 as well
		r.der(b, Object{})
	default:
		r.text(b)
	}
	return r.out
}

// mark is the byte-order mark as UTF-8 spells it.
const mark = "\ufeff"

// text adds what a file holds that is not DER.
func (r *reader) text(b []byte) {
	m := magic(b)
	switch {
	case m.kind != Unknown:
		r.add(Object{Kind: m.kind, Detail: m.detail, Bytes: b})
	case kubernetes(b):
		r.add(Object{Kind: Kubernetes, Detail: "YAML", Bytes: b})
	case jsonStarts(b):
		r.add(jsonObject(b))
	case bytes.Contains(b, []byte(begin)):
		r.pem(b)
	case utf16(b):
		r.add(Object{Damage: "it is text in UTF-16: save it as UTF-8 (ASCII), as the > of PowerShell does not"})
	case isSCT(b):
		r.add(Object{Kind: SCT, Bytes: b})
	case isSCTList(b):
		r.add(Object{Kind: SCTList, Bytes: b})
	default:
		r.base64(b)
	}
}

// jsonStarts reports whether b begins like a JSON object.
func jsonStarts(b []byte) bool {
	b = bytes.TrimLeft(b, " \t\r\n")
	return len(b) > 1 && b[0] == '{' && bytes.ContainsAny(b[1:min(len(b), 64)], "\"}")
}

// base64 adds what bare base64 in b spells, or b itself when it spells nothing.
func (r *reader) base64(b []byte) {
	dec := bare(b)
	switch {
	case dec == nil:
		r.der(b, Object{})
	case dec[0] == 0x30:
		r.der(dec, Object{})
	default:
		r.text(dec)
	}
}

// Certificates returns the DER of the certificates among objects.
func Certificates(objects []Object) [][]byte {
	var out [][]byte
	for _, o := range objects {
		if o.Kind == Certificate && o.Damage == "" {
			out = append(out, o.Bytes)
		}
	}
	return out
}

// reader collects objects.
type reader struct {
	limit int
	out   []Object
	full  bool
}

// add appends o; false means that there is no more room.
func (r *reader) add(o Object) bool {
	if r.full {
		return false
	}
	if len(r.out) == r.limit {
		r.full = true
		o = Object{Damage: fmt.Sprintf("there are more than %d objects", r.limit), Line: o.Line, Offset: o.Offset}
	}
	if !o.Kind.kept() {
		o.Bytes = nil
	}
	r.out = append(r.out, o)
	return !r.full
}

// known reports whether b begins with an object that is recognised.
func known(b []byte) bool { return recognise(b).sure }

// der adds the objects in b; at says where they stand. Several in a row count
// as several only when each of them is recognised: otherwise what follows the
// first belongs to it, for its decoder to complain of.
func (r *reader) der(b []byte, at Object) {
	if at.Label == labelTrusted || at.Offset == 0 && alone(b) || !row(b) {
		r.object(b, at)
		return
	}
	for in := der.NewReader(b, 0); !in.Empty(); {
		e, err := in.Next()
		if err != nil {
			return // row has read it all
		}
		o := at
		o.Offset = e.Offset
		if !r.object(e.Raw, o) {
			return
		}
	}
}

// alone reports whether b is one SEQUENCE and nothing else: whether it is recognised or not,
// it is an object by itself.
func alone(b []byte) bool {
	e, err := der.NewReader(b, 0).Expect(der.Sequence)
	return err == nil && len(e.Raw) == len(b)
}

// row reports whether b is objects that are recognised, one after the other.
func row(b []byte) bool {
	for in := der.NewReader(b, 0); !in.Empty(); {
		e, err := in.Expect(der.Sequence)
		if err != nil {
			return false
		}
		if !recognise(e.Raw).sure {
			return false
		}
	}
	return true
}

// object adds what b holds. What is recognised with certainty is what it is,
// whatever its PEM label says (some software puts PKCS #7 into CERTIFICATE);
// else the label decides.
func (r *reader) object(b []byte, o Object) bool {
	s := recognise(b)
	promised := labels[o.Label]
	switch {
	case secretLabel(o.Label):
		if s.kind != PrivateKey {
			s = seen{kind: PrivateKey, detail: promised.detail}
		}
	case promised.kind == TrustedCertificate, promised.kind != Unknown && !s.sure:
		s = promised
	case o.Label != "" && !s.sure:
		s = r.unlabelled(b)
	}
	o.Kind, o.Bytes, o.Detail, o.Algorithm = s.kind, b, s.detail, s.algorithm
	if s.kind == PKCS7 {
		return r.pkcs7(o)
	}
	o.Cut = cutOff(b)
	return r.add(o)
}

// unlabelled tells what a block holds that is not DER that is known, under a label that is not known.
func (r *reader) unlabelled(b []byte) seen {
	switch {
	case isSCT(b):
		return seen{kind: SCT}
	case isSCTList(b):
		return seen{kind: SCTList}
	}
	return magic(b)
}

// cutOff reports whether b ends before its object does.
func cutOff(b []byte) bool {
	e := (&walk{b}).next()
	return e.cut && e.is(der.Sequence)
}

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
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/assaytls/assay/internal/der"
)

// Kind is what an object is. The zero Kind is Unknown.
type Kind int

// The kinds.
const (
	// Unknown is nothing that this package knows. It may be a damaged object of
	// any kind.
	Unknown Kind = iota
	Certificate
	CRL
	OCSPRequest
	OCSPResponse
	// SCTList is a SignedCertificateTimestampList (RFC 6962, 3.3), which is not
	// DER: it is known by its PEM label alone.
	SCTList
	// PKCS7 is a container that is empty or cannot be read. The contents of any
	// other stand in its place.
	PKCS7
	// TrustedCertificate is OpenSSL's: a certificate and settings of trust,
	// which whoever takes the certificate alone would lose.
	TrustedCertificate
	// PrivateKey is a private key, encrypted or not. Its bytes are not kept.
	PrivateKey
)

// String returns the kind in words.
func (k Kind) String() string {
	switch k {
	case Certificate:
		return "certificate"
	case CRL:
		return "CRL"
	case OCSPRequest:
		return "OCSP request"
	case OCSPResponse:
		return "OCSP response"
	case SCTList:
		return "SCT list"
	case PKCS7:
		return "PKCS #7"
	case TrustedCertificate:
		return "OpenSSL TRUSTED CERTIFICATE"
	case PrivateKey:
		return "private key"
	}
	return "unknown object"
}

// Object is one object, or a place where one could not be read.
type Object struct {
	Kind Kind // what it is, as far as its first elements or its label tell
	// Bytes are the object, in DER unless it is damaged or Unknown. They alias
	// the input where that is DER; of private keys there are none.
	Bytes []byte
	// Damage says why nothing could be read here; "" when something was. It
	// names lines of the input where it can.
	Damage string

	Label string // of the PEM block; "" when there is none
	Line  int    // of the PEM block's BEGIN, from 1; 0 when there is none
	// Offset is where Bytes begin: in the PEM block's contents, where there is
	// a block, in what base64 spelt, or in the input.
	Offset int
	// Within is PKCS7 when the object stood in such a container, else Unknown.
	Within Kind
}

// What names the object for people: its PEM label, else its kind.
func (o Object) What() string {
	if o.Label != "" {
		return o.Label
	}
	return o.Kind.String()
}

// DefaultLimit is how many objects Read returns when it is asked for 0.
const DefaultLimit = 100_000

// Read returns the objects in b, in order. There is always one: what cannot be
// read is an Object with Damage, or an Unknown one. When there are more than
// limit (0 means DefaultLimit), the last one returned says so as Damage. Reading
// takes time linear in the length of b.
func Read(b []byte, limit int) []Object {
	if limit <= 0 {
		limit = DefaultLimit
	}
	r := reader{limit: limit}
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	switch {
	case len(b) == 0:
		r.add(Object{Damage: "it is empty"})
	case b[0] == 0x30 && (len(b) > 1 && b[1] >= 0x80 || known(b)): // text may begin with the digit 0 as well
		r.der(b, Object{})
	case bytes.Contains(b, []byte(begin)):
		r.pem(b)
	default:
		if dec := bare(b); dec != nil {
			b = dec
		}
		r.der(b, Object{})
	}
	return r.out
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
	if o.Kind == PrivateKey {
		o.Bytes = nil
	}
	r.out = append(r.out, o)
	return !r.full
}

// known reports whether b begins with an object that is recognised.
func known(b []byte) bool {
	e, err := der.NewReader(b, 0).Next()
	if err != nil {
		return false
	}
	_, sure := recognise(e.Raw)
	return sure
}

// bare decodes base64 that stands alone, nil when b is something else. DER
// longer than a few octets begins with M in base64.
func bare(b []byte) []byte {
	t := bytes.TrimLeft(b[:min(len(b), 64)], " \t\r\n")
	if len(t) == 0 || t[0] != 'M' {
		return nil
	}
	text := strings.Map(func(c rune) rune {
		if c == ' ' || c == '\t' || c == '\r' || c == '\n' {
			return -1
		}
		return c
	}, string(b))
	dec, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(dec) == 0 || dec[0] != 0x30 {
		return nil
	}
	return dec
}

// der adds the objects in b; at says where they stand. Several in a row count
// as several only when each of them is recognised: otherwise what follows the
// first belongs to it, for its decoder to complain of.
func (r *reader) der(b []byte, at Object) {
	if at.Label == labelTrusted || !row(b) {
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

// row reports whether b is objects that are recognised, one after the other.
func row(b []byte) bool {
	for in := der.NewReader(b, 0); !in.Empty(); {
		e, err := in.Expect(der.Sequence)
		if err != nil {
			return false
		}
		if _, sure := recognise(e.Raw); !sure {
			return false
		}
	}
	return true
}

// object adds what b holds. What is recognised with certainty is what it is,
// whatever its PEM label says (some software puts PKCS #7 into CERTIFICATE);
// else the label decides.
func (r *reader) object(b []byte, o Object) bool {
	kind, sure := recognise(b)
	promised, known := labels[o.Label]
	switch {
	case strings.HasSuffix(o.Label, "PRIVATE KEY"):
		kind = PrivateKey
	case known && (!sure || promised == TrustedCertificate):
		kind = promised
	case o.Label != "" && !sure:
		kind = Unknown
	}
	o.Kind, o.Bytes = kind, b
	if kind == PKCS7 {
		return r.pkcs7(o)
	}
	return r.add(o)
}

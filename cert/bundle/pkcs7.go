package bundle

import (
	"bytes"
	"fmt"

	"github.com/assaytls/assay/internal/der"
)

// pkcs7 adds the certificates and CRLs of the container that o is:
// ContentInfo{signedData, SignedData{…, certificates [0], crls [1], …}} (RFC
// 5652, 5.1). Who signed it does not matter. It is read whole or not at all.
func (r *reader) pkcs7(o Object) bool {
	in := der.NewReader(o.Bytes, o.Offset)
	objects, err := contents(in, o, r.limit-len(r.out)+1)
	if err != nil {
		o.Damage = "the PKCS #7 cannot be read: " + err.Error()
		return r.add(o)
	}
	if len(objects) == 0 && !r.add(o) {
		return false
	}
	for _, x := range objects {
		if !r.add(x) {
			return false
		}
	}
	if rest := bytes.Trim(in.Rest(), " \t\r\n\x00"); len(rest) > 0 {
		return r.add(Object{Bytes: in.Rest(), Damage: fmt.Sprintf("%d bytes follow the PKCS #7", len(in.Rest())),
			Label: o.Label, Line: o.Line, Offset: in.Offset()})
	}
	return true
}

// contents returns the objects in the PKCS #7 that in begins with, limit of
// them at most; o is the container.
func contents(in *der.Reader, o Object, limit int) (out []Object, err error) {
	info, err := in.Expect(der.Sequence)
	if err != nil {
		return nil, err
	}
	r := info.Contents()
	if _, err := r.Expect(der.OID); err != nil {
		return nil, err
	}
	content, err := r.Expect(der.Explicit(0))
	if err != nil {
		return nil, err
	}
	signed, err := content.Contents().Expect(der.Sequence)
	if err != nil {
		return nil, err
	}
	for r := signed.Contents(); !r.Empty(); {
		e, err := r.Next()
		if err != nil {
			return nil, err
		}
		kind := Certificate
		switch e.Tag {
		case der.Explicit(0):
		case der.Explicit(1):
			kind = CRL
		default:
			continue
		}
		for each := e.Contents(); !each.Empty() && len(out) < limit; {
			c, err := each.Next()
			if err != nil {
				return nil, err
			}
			x := Object{Kind: kind, Bytes: c.Raw, Label: o.Label, Line: o.Line, Offset: c.Offset, Within: PKCS7}
			switch s := recognise(c.Raw); {
			case s.sure:
				x.Kind, x.Detail = s.kind, s.detail
			case c.Tag == der.Explicit(1), c.Tag == der.Explicit(2): // RFC 5652, 10.2.2
				x.Kind = AttributeCertificate
			case c.Tag != der.Sequence:
				x.Kind = Unknown
			}
			out = append(out, x)
		}
	}
	return out, nil
}

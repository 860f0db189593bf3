package ocsp

import (
	"bytes"
	"crypto"
	_ "crypto/sha1" // the hashes a CertID may use
	_ "crypto/sha256"
	_ "crypto/sha512"
	"encoding/base64"
	"net/url"
	"strings"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/der"
)

// Request is an OCSPRequest (RFC 6960, 4.1.1), as far as it could be decoded.
type Request struct {
	Raw        []byte             // as received
	Requestor  []cert.GeneralName // at most one
	IDs        []CertID           // the certificates asked about
	Extensions []cert.Extension   // of the request, not of one certificate in it
	Nonce      []byte             // nil when absent
	Signed     bool               // has an optionalSignature, which is not verified
	Findings   []finding.Finding  // breaches of the syntax
}

// ParseRequest decodes an OCSPRequest. It never returns nil and never panics.
func ParseRequest(raw []byte) *Request {
	r := &Request{Raw: raw}
	var p parser
	if len(raw) > MaxSize {
		p.over("bytes", len(raw), MaxSize)
	} else {
		p.request(r)
	}
	r.Findings = p.findings()
	return r
}

func (p *parser) request(r *Request) {
	top := der.NewReader(r.Raw, 0)
	in := p.next(top, der.Sequence, "OCSPRequest").Contents()
	p.end(top, "OCSPRequest")
	tbs := p.next(in, der.Sequence, "tbsRequest").Contents()
	if e, ok := p.maybe(in, der.Explicit(0), "optionalSignature"); ok {
		r.Signed = true
		p.only(e, der.Sequence, "optionalSignature")
	}
	p.end(in, "OCSPRequest")
	if v, ok := p.maybe(tbs, der.Explicit(0), "version"); ok {
		e := p.only(v, der.Integer, "version")
		if p.ok() && !bytes.Equal(e.Body, []byte{0}) {
			p.fail(e.Offset, "version is not v1")
		}
		p.odd(v.Offset, "the default version v1 is spelt out")
	}
	if e, ok := p.maybe(tbs, der.Explicit(1), "requestorName"); ok {
		var fs []finding.Finding
		r.Requestor, fs = cert.ParseGeneralNames(e.Body, e.BodyOffset())
		if len(fs) > 0 || len(r.Requestor) != 1 {
			p.fail(e.Offset, "requestorName is not one GeneralName")
		}
	}
	list := p.next(tbs, der.Sequence, "requestList").Contents()
	for n := 0; p.ok() && !list.Empty(); n++ {
		if n == MaxSingles {
			p.over("requests", n+1, MaxSingles)
			return
		}
		one := p.next(list, der.Sequence, "Request").Contents()
		var id CertID
		p.certID(&id, one)
		if e, ok := p.maybe(one, der.Explicit(0), "singleRequestExtensions"); ok {
			p.extensions(e, "singleRequestExtensions")
		}
		p.end(one, "Request")
		if p.ok() {
			r.IDs = append(r.IDs, id)
		}
	}
	if e, ok := p.maybe(tbs, der.Explicit(2), "requestExtensions"); ok {
		r.Extensions = p.extensions(e, "requestExtensions")
		r.Nonce = nonceOf(r.Extensions)
	}
	p.end(tbs, "TBSRequest")
}

// NewRequest returns an OCSPRequest, DER, that asks for c's status. hash is
// the CertID's: SHA-1 (what every responder knows), SHA-256, SHA-384 or
// SHA-512; any other means SHA-1. nonce may be nil; RFC 9654 wants 32 octets
// and at most 128. The result is nil when there is no serial number or no
// issuer's key to ask by.
func NewRequest(c, issuer *cert.Certificate, hash crypto.Hash, nonce []byte) []byte {
	if !named(c, issuer) {
		return nil
	}
	row := hashes[0]
	for _, h := range hashes {
		if h.hash == hash {
			row = h
		}
	}
	sum := func(b []byte) []byte {
		h := row.hash.New()
		h.Write(b)
		return h.Sum(nil)
	}
	id := tlv(0x30, tlv(0x30, tlv(0x06, row.body), []byte{5, 0}),
		tlv(0x04, sum(c.RawIssuer)), tlv(0x04, sum(issuer.Key.KeyBits)), tlv(0x02, c.Serial))
	tbs := tlv(0x30, tlv(0x30, id))
	if nonce != nil {
		ext := tlv(0x30, tlv(0x06, nonceOIDBody), tlv(0x04, tlv(0x04, nonce)))
		tbs = append(tbs, tlv(0xa2, tlv(0x30, ext))...)
	}
	return tlv(0x30, tlv(0x30, tbs))
}

var nonceOIDBody = []byte{0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02}

func tlv(tag byte, parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	out := []byte{tag}
	switch n := len(body); {
	case n < 0x80:
		out = append(out, byte(n))
	case n < 0x100:
		out = append(out, 0x81, byte(n))
	case n < 0x10000:
		out = append(out, 0x82, byte(n>>8), byte(n))
	default:
		out = append(out, 0x83, byte(n>>16), byte(n>>8), byte(n))
	}
	return append(out, body...)
}

// maxGET is the longest URL that is asked with GET (RFC 5019, 5).
const maxGET = 255

// GETURL returns the URL at which responder answers req by GET: the base64
// form of req, escaped, after the responder's own URL (RFC 6960, A.1). ok says
// that it is short enough for GET to be the method of choice (RFC 5019, 5:
// at most 255 octets). For a responder that is not a URL, or has a query, the
// URL is "".
func GETURL(responder string, req []byte) (string, bool) {
	u, err := url.Parse(responder)
	if err != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.ContainsAny(responder, "?#") {
		return "", false
	}
	b64 := base64.StdEncoding.EncodeToString(req)
	esc := strings.NewReplacer("+", "%2B", "/", "%2F", "=", "%3D").Replace(b64)
	s := strings.TrimSuffix(responder, "/") + "/" + esc
	return s, len(s) <= maxGET
}

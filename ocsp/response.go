// Package ocsp reads OCSP requests and responses (RFC 6960) and judges a
// response for one certificate at one moment. It fetches nothing and knows no
// clock; staples are judged exactly like fetched answers.
//
// All functions are safe for concurrent use, and so are their results as long
// as nobody writes to them.
package ocsp

import (
	"bytes"
	"crypto"
	"encoding/hex"
	"strconv"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/der"
)

// Limits of Parse and Check. What exceeds them is not judged and refuses.
const (
	MaxSize      = 1 << 20 // octets of a response
	MaxSingles   = 4096    // SingleResponses
	MaxCerts     = 16      // enclosed certificates
	maxExts      = 64      // extensions in one list
	maxSignature = 6       // signature verifications of one Check
)

// Status is the responseStatus of RFC 6960, 4.2.1.
type Status int

// The response statuses; 4 is not used.
const (
	Successful       Status = 0
	MalformedRequest Status = 1
	InternalError    Status = 2
	TryLater         Status = 3
	SigRequired      Status = 5
	Unauthorized     Status = 6
)

// String returns the status's ASN.1 name, or its number.
func (s Status) String() string {
	switch s {
	case Successful:
		return "successful"
	case MalformedRequest:
		return "malformedRequest"
	case InternalError:
		return "internalError"
	case TryLater:
		return "tryLater"
	case SigRequired:
		return "sigRequired"
	case Unauthorized:
		return "unauthorized"
	}
	return "status " + strconv.Itoa(int(s))
}

// CertStatus is what a responder says about one certificate. The zero
// CertStatus is none.
type CertStatus int

// The certificate statuses.
const (
	Good CertStatus = iota + 1
	Revoked
	Unknown
)

// String returns the status's lower-case name.
func (s CertStatus) String() string {
	switch s {
	case Good:
		return "good"
	case Revoked:
		return "revoked"
	case Unknown:
		return "unknown"
	}
	return "none"
}

// reasonNames are the names of CRLReason (RFC 5280, 5.3.1).
var reasonNames = map[int]string{0: "unspecified", 1: "keyCompromise", 2: "cACompromise", 3: "affiliationChanged", 4: "superseded",
	5: "cessationOfOperation", 6: "certificateHold", 8: "removeFromCRL", 9: "privilegeWithdrawn", 10: "aACompromise"}

// The reasons that may be taken back.
const (
	certificateHold = 6
	removeFromCRL   = 8
)

// CertID names a certificate (RFC 6960, 4.1.1).
type CertID struct {
	Hash           crypto.Hash // 0 when unknown
	HashOID        string      // dotted
	IssuerNameHash []byte      // of the issuer's name
	IssuerKeyHash  []byte      // of the issuer's key
	Serial         []byte      // contents of the INTEGER, as encoded
}

// Single is one SingleResponse.
type Single struct {
	CertID     CertID           // which certificate it is about
	Status     CertStatus       // of that certificate
	RevokedAt  time.Time        // UTC, zero unless revoked
	Reason     int              // CRLReason, -1 when absent
	ThisUpdate time.Time        // UTC
	NextUpdate time.Time        // UTC, zero when absent
	Extensions []cert.Extension // about this certificate

	// ArchiveCutoff is the extension of RFC 6960, 4.4.4; zero when absent.
	ArchiveCutoff time.Time
	// SCTList is the content of the SCT list extension (RFC 6962, 3.3), outer
	// length included; nil when absent.
	SCTList []byte
}

// ReasonName returns the revocation reason's RFC 5280 name, "" when absent.
func (s *Single) ReasonName() string {
	if s.Reason < 0 {
		return ""
	}
	if n := reasonNames[s.Reason]; n != "" {
		return n
	}
	return "code " + strconv.Itoa(s.Reason)
}

// Response is an OCSPResponse, as far as it could be decoded.
type Response struct {
	Raw    []byte // as received
	Status Status // of the exchange; only Successful has answers
	Type   string // OID of the responseType; "" for errors

	RawTBS        []byte           // the signed ResponseData, header included
	Version       int              // 1
	ResponderName []byte           // DER of the Name, nil when identified by key
	ResponderKey  []byte           // SHA-1 of the key, nil when identified by name
	ProducedAt    time.Time        // UTC
	Singles       []Single         // one for each certificate
	Extensions    []cert.Extension // of the response, not of one certificate in it
	Nonce         []byte           // nil when absent
	Algorithm     cert.Algorithm   // of the signature
	Signature     []byte           // the bits
	Certs         [][]byte         // enclosed certificates, DER

	// Findings are the breaches of syntax. One that is more than a warning
	// means that the response is worthless.
	Findings []finding.Finding
}

// Strict returns the findings that strict mode adds to r's: slips of encoding,
// which are warnings otherwise, as errors.
func (r *Response) Strict() (found []finding.Finding) {
	for _, f := range r.Findings {
		if raised(f) {
			found = append(found, f.Graded(finding.Error, "--strict"))
		}
	}
	return found
}

// StrictFindings returns what strict mode finds: Findings and Strict's, without
// the warnings that Strict repeats as errors.
func (r *Response) StrictFindings() []finding.Finding {
	var all []finding.Finding
	for _, f := range r.Findings {
		if !raised(f) {
			all = append(all, f)
		}
	}
	return append(all, r.Strict()...)
}

// raised reports whether strict mode makes an error of f.
func raised(f finding.Finding) bool {
	return f.ID == finding.OCSPEncoding && f.Severity == finding.Warning
}

// usable reports whether the syntax allows the response to be judged.
func (r *Response) usable() bool {
	for _, f := range r.Findings {
		if f.Severity > finding.Warning {
			return false
		}
	}
	return true
}

const (
	oidBasic         = "1.3.6.1.5.5.7.48.1.1"
	oidNonce         = "1.3.6.1.5.5.7.48.1.2"
	oidCrlID         = "1.3.6.1.5.5.7.48.1.3"
	oidArchiveCutoff = "1.3.6.1.5.5.7.48.1.6"
	oidExtRevoked    = "1.3.6.1.5.5.7.48.1.9"
	oidSCTs          = "1.3.6.1.4.1.11129.2.4.5"
	oidReasonCode    = "2.5.29.21"
	oidInvalidity    = "2.5.29.24"
	oidOCSPSigning   = "1.3.6.1.5.5.7.3.9"
)

// known are the extensions that this package understands, wherever they stand.
// The informative ones change no answer.
var known = map[string]bool{oidNonce: true, oidCrlID: true, oidArchiveCutoff: true, oidExtRevoked: true, oidSCTs: true,
	oidReasonCode: true, oidInvalidity: true}

// Parse decodes an OCSPResponse. It never returns nil and never panics; what
// could not be decoded is zero and Findings says why.
func Parse(raw []byte) *Response {
	r := &Response{Raw: raw, Status: -1}
	var p parser
	if len(raw) > MaxSize {
		p.over("bytes", len(raw), MaxSize)
	} else {
		p.response(r)
	}
	r.Findings = p.findings()
	return r
}

func (p *parser) findings() (fs []finding.Finding) {
	if p.err != nil {
		fs = append(fs, finding.New(finding.OCSPMalformed, "detail", p.err.Error(), "offset", strconv.Itoa(p.err.Offset)))
	}
	if p.budget != "" {
		fs = append(fs, finding.New(finding.OCSPBudget, "detail", p.budget))
	}
	if p.encoding != "" {
		fs = append(fs, finding.New(finding.OCSPEncoding, "detail", p.encoding, "offset", strconv.Itoa(p.encOff)))
	}
	return fs
}

func (p *parser) response(r *Response) {
	top := der.NewReader(r.Raw, 0)
	seq := p.next(top, der.Sequence, "OCSPResponse")
	p.outermost(top, "OCSPResponse")
	in := seq.Contents()
	st := p.next(in, der.Enumerated, "responseStatus")
	if !p.ok() {
		return
	}
	n, ok := der.SmallInt(st.Body)
	if !ok || !der.IntegerMinimal(st.Body) || n < 0 || n > 6 || n == 4 {
		p.fail(st.Offset, "responseStatus is not one of RFC 6960's")
		return
	}
	r.Status = Status(n)
	rb, has := p.maybe(in, der.Explicit(0), "responseBytes")
	p.end(in, "responseBytes")
	switch {
	case !p.ok():
		return
	case r.Status != Successful:
		if has {
			p.odd(rb.Offset, "an error response has responseBytes")
		}
		return
	case !has:
		p.fail(st.Offset, "a successful response has no responseBytes")
		return
	}
	bytesSeq := p.only(rb, der.Sequence, "ResponseBytes")
	in = bytesSeq.Contents()
	typ := p.next(in, der.OID, "responseType")
	r.Type = p.oid(typ, "responseType")
	body := p.next(in, der.OctetString, "response")
	p.end(in, "response")
	if !p.ok() {
		return
	}
	if r.Type != oidBasic {
		p.fail(typ.Offset, "responseType %s is not id-pkix-ocsp-basic", r.Type)
		return
	}
	p.basic(r, body.Contents())
}

func (p *parser) basic(r *Response, top *der.Reader) {
	seq := p.next(top, der.Sequence, "BasicOCSPResponse")
	p.end(top, "BasicOCSPResponse")
	in := seq.Contents()
	tbs := p.next(in, der.Sequence, "tbsResponseData")
	alg := p.next(in, der.Sequence, "signatureAlgorithm")
	r.RawTBS = tbs.Raw
	r.Signature = p.bits(in, "signature")
	if c, ok := p.maybe(in, der.Explicit(0), "certs"); ok {
		list := p.only(c, der.Sequence, "certs").Contents()
		if p.ok() && list.Empty() {
			p.odd(c.Offset, "certs is present and empty")
		}
		for p.ok() && !list.Empty() {
			if len(r.Certs) == MaxCerts {
				p.over("certificates", MaxCerts+1, MaxCerts)
				return
			}
			r.Certs = append(r.Certs, p.next(list, der.Sequence, "a certificate").Raw)
		}
	}
	p.end(in, "BasicOCSPResponse")
	p.data(r, tbs.Contents())
	if p.ok() {
		a, err := cert.ParseAlgorithm(alg.Raw)
		if err != nil {
			p.fail(alg.Offset, "signatureAlgorithm is malformed")
		}
		r.Algorithm = a
	}
}

func (p *parser) data(r *Response, in *der.Reader) {
	r.Version = 1
	if v, ok := p.maybe(in, der.Explicit(0), "version"); ok {
		e := p.only(v, der.Integer, "version")
		if n, ok := der.SmallInt(e.Body); p.ok() && (!ok || n != 0 || len(e.Body) != 1) {
			p.fail(e.Offset, "version is not v1")
		}
		p.odd(v.Offset, "the default version v1 is spelt out")
	}
	if e, ok := p.maybe(in, der.Explicit(1), "responderID"); ok {
		r.ResponderName = p.only(e, der.Sequence, "responderID").Raw
	} else {
		e := p.next(in, der.Explicit(2), "responderID")
		key := p.only(e, der.OctetString, "responderID")
		r.ResponderKey = key.Body
		if p.ok() && len(key.Body) != 20 {
			p.fail(key.Offset, "the responder's key hash has %d bytes, not 20", len(key.Body))
		}
	}
	r.ProducedAt = p.time(p.next(in, der.GeneralizedTime, "producedAt"), "producedAt")
	list := p.next(in, der.Sequence, "responses").Contents()
	for n := 0; p.ok() && !list.Empty(); n++ {
		if n == MaxSingles {
			p.over("answers", n+1, MaxSingles)
			return
		}
		s := p.next(list, der.Sequence, "SingleResponse")
		r.Singles = append(r.Singles, Single{})
		p.single(&r.Singles[n], s.Contents())
	}
	if e, ok := p.maybe(in, der.Explicit(1), "responseExtensions"); ok {
		r.Extensions = p.extensions(e, "responseExtensions")
		r.Nonce = nonceOf(r.Extensions)
	}
	p.end(in, "ResponseData")
}

// nonceOf returns the nonce: the OCTET STRING inside the extension, or the
// extension's own contents where a responder forgot the inner wrapping.
func nonceOf(exts []cert.Extension) []byte {
	for _, x := range exts {
		if x.OID == oidNonce {
			if b, ok := innerOctets(x.Value); ok {
				return b
			}
			return append([]byte{}, x.Value...)
		}
	}
	return nil
}

func innerOctets(v []byte) ([]byte, bool) {
	r := der.NewReader(v, 0)
	e, err := r.Expect(der.OctetString)
	if err != nil || !r.Empty() || e.Flaws != 0 {
		return nil, false
	}
	if e.Body == nil {
		return []byte{}, true
	}
	return e.Body, true
}

func (p *parser) single(s *Single, in *der.Reader) {
	p.certID(&s.CertID, in)
	s.Reason = -1
	if !p.ok() {
		return
	}
	switch tag := in.PeekTag(); tag {
	case der.Context(0), der.Context(2):
		e := p.next(in, tag, "certStatus")
		if len(e.Body) != 0 {
			p.fail(e.Offset, "certStatus is not a NULL")
		}
		s.Status = Good
		if tag == der.Context(2) {
			s.Status = Unknown
		}
	case der.Explicit(1):
		s.Status = Revoked
		info := p.next(in, tag, "RevokedInfo").Contents()
		s.RevokedAt = p.time(p.next(info, der.GeneralizedTime, "revocationTime"), "revocationTime")
		if e, ok := p.maybe(info, der.Explicit(0), "revocationReason"); ok {
			code := p.only(e, der.Enumerated, "revocationReason")
			n, ok := der.SmallInt(code.Body)
			if p.ok() && (!ok || n < 0) {
				p.fail(code.Offset, "revocationReason is not a small number")
			}
			s.Reason = n
		}
		p.end(info, "RevokedInfo")
	default:
		p.fail(in.Offset(), "certStatus is none of good, revoked, unknown")
	}
	s.ThisUpdate = p.time(p.next(in, der.GeneralizedTime, "thisUpdate"), "thisUpdate")
	if e, ok := p.maybe(in, der.Explicit(0), "nextUpdate"); ok {
		s.NextUpdate = p.time(p.only(e, der.GeneralizedTime, "nextUpdate"), "nextUpdate")
		if s.NextUpdate.IsZero() {
			s.NextUpdate = s.NextUpdate.Add(1) // the year 1 is long past, and not absent
		}
	}
	if e, ok := p.maybe(in, der.Explicit(1), "singleExtensions"); ok {
		s.Extensions = p.extensions(e, "singleExtensions")
		p.singleExtensions(s)
	}
	p.end(in, "SingleResponse")
}

func (p *parser) singleExtensions(s *Single) {
	for _, x := range s.Extensions {
		switch x.OID {
		case oidSCTs:
			s.SCTList, _ = innerOctets(x.Value) // one that is not is left to the raw extension: no SCTs
		case oidArchiveCutoff:
			r := der.NewReader(x.Value, x.Offset)
			s.ArchiveCutoff = p.time(p.next(r, der.GeneralizedTime, "archiveCutoff"), "archiveCutoff")
			p.end(r, "archiveCutoff")
		}
	}
}

func (p *parser) certID(id *CertID, in *der.Reader) {
	in = p.next(in, der.Sequence, "CertID").Contents()
	alg := p.next(in, der.Sequence, "hashAlgorithm").Contents()
	oid := p.next(alg, der.OID, "hashAlgorithm")
	if !p.ok() {
		return
	}
	id.Hash, id.HashOID = hashByOID(oid.Body)
	if id.HashOID == "" {
		id.HashOID = p.oid(oid, "hashAlgorithm")
	}
	if e, ok := p.maybe(alg, der.Null, "hashAlgorithm"); ok && len(e.Body) != 0 {
		p.fail(e.Offset, "a NULL is not empty")
	}
	if id.Hash != 0 { // an unknown algorithm may have any parameters
		p.end(alg, "hashAlgorithm")
	}
	id.IssuerNameHash = p.next(in, der.OctetString, "issuerNameHash").Body
	id.IssuerKeyHash = p.next(in, der.OctetString, "issuerKeyHash").Body
	id.Serial = p.serial(in)
	p.end(in, "CertID")
}

type hashRow struct {
	hash crypto.Hash
	oid  string
	body []byte
}

// hashes are the algorithms a CertID may use, with their OIDs' contents.
var hashes = [4]hashRow{
	{crypto.SHA1, "1.3.14.3.2.26", []byte{0x2b, 0x0e, 0x03, 0x02, 0x1a}},
	{crypto.SHA256, "2.16.840.1.101.3.4.2.1", []byte{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01}},
	{crypto.SHA384, "2.16.840.1.101.3.4.2.2", []byte{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02}},
	{crypto.SHA512, "2.16.840.1.101.3.4.2.3", []byte{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03}},
}

func hashByOID(body []byte) (crypto.Hash, string) {
	for i := range hashes {
		if bytes.Equal(hashes[i].body, body) {
			return hashes[i].hash, hashes[i].oid
		}
	}
	return 0, ""
}

// String describes the CertID for people.
func (id CertID) String() string {
	return "serial " + hex.EncodeToString(id.Serial) + ", issuer name " + hex.EncodeToString(id.IssuerNameHash) +
		", issuer key " + hex.EncodeToString(id.IssuerKeyHash)
}

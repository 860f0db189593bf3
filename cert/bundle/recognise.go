package bundle

import (
	"bytes"

	"github.com/assaytls/assay/internal/der"
)

const labelTrusted = "TRUSTED CERTIFICATE"

// labels are what the labels of PEM blocks promise (RFC 7468 and usage).
var labels = map[string]Kind{
	"CERTIFICATE": Certificate, "X509 CERTIFICATE": Certificate, labelTrusted: TrustedCertificate,
	"X509 CRL": CRL, "CRL": CRL, "OCSP REQUEST": OCSPRequest, "OCSP RESPONSE": OCSPResponse, "SCT LIST": SCTList, "PKCS7": PKCS7, "CMS": PKCS7,
}

// signedData is the OID 1.2.840.113549.1.7.2.
var signedData = []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02}

// recognise says what the DER in b looks like by the types of its first
// elements, and whether nothing else looks like that. Behind the object there
// may be anything.
func recognise(b []byte) (k Kind, sure bool) {
	outer, err := der.NewReader(b, 0).Expect(der.Sequence)
	if err != nil {
		return Unknown, false
	}
	in := outer.Contents()
	first, err := in.Next()
	if err != nil {
		return Unknown, false
	}
	switch first.Tag {
	case der.Enumerated:
		return OCSPResponse, true
	case der.OID:
		if bytes.Equal(first.Body, signedData) {
			return PKCS7, true
		}
	case der.Integer:
		if privateKey(first, in) {
			return PrivateKey, true
		}
	case der.Sequence:
		return signed(first, in)
	}
	return Unknown, false
}

// privateKey reports whether a small number begins PKCS #1 (a number follows),
// SEC 1 (octets) or PKCS #8 (an algorithm, then octets).
func privateKey(version der.Element, in *der.Reader) bool {
	if n, ok := der.SmallInt(version.Body); !ok || n < 0 || n > 1 {
		return false
	}
	next, err := in.Next()
	switch {
	case err != nil:
		return false
	case next.Tag == der.Sequence:
		return next.Contents().PeekTag() == der.OID && in.PeekTag() == der.OctetString
	}
	return next.Tag == der.Integer || next.Tag == der.OctetString
}

// signed tells apart what begins with a SEQUENCE: first is it, and in holds
// what follows.
func signed(first der.Element, in *der.Reader) (k Kind, sure bool) {
	follows := in.PeekTag()
	if first.Contents().PeekTag() == der.OID { // an algorithm: of an encrypted or of a public key
		if follows == der.OctetString {
			return PrivateKey, true
		}
		return Unknown, false
	}
	if (in.Empty() || follows == der.Explicit(0)) && request(first.Contents()) {
		return OCSPRequest, true
	}
	// A CRL has a time after the issuer, where a certificate has a SEQUENCE.
	sequences, algorithm := 0, false
	for tbs := first.Contents(); ; {
		e, err := tbs.Next()
		switch {
		case err != nil:
			return Certificate, false
		case e.Tag == der.UTCTime || e.Tag == der.GeneralizedTime:
			return CRL, sequences == 2 && algorithm && follows == der.Sequence
		case e.Tag != der.Sequence:
			continue
		}
		if sequences++; sequences == 1 {
			algorithm = e.Contents().PeekTag() == der.OID
		}
		if sequences == 3 {
			return Certificate, algorithm && follows == der.Sequence
		}
	}
}

// request reports whether tbs begins like a TBSRequest (RFC 6960, 4.1.1) with
// at least one CertID.
func request(tbs *der.Reader) bool {
	for _, tag := range []der.Tag{der.Explicit(0), der.Explicit(1)} {
		if _, _, err := tbs.Optional(tag); err != nil {
			return false
		}
	}
	for range 3 { // requestList, Request, CertID
		e, err := tbs.Expect(der.Sequence)
		if err != nil {
			return false
		}
		tbs = e.Contents()
	}
	return tbs.PeekTag() == der.Sequence
}

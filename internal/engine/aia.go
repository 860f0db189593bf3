package engine

import (
	"bytes"
	"encoding/pem"
	"errors"

	"github.com/assaytls/assay/internal/der"
)

// maxAIACerts bounds the certificates taken from one body.
const maxAIACerts = 16

// issuerCertificates returns the certificates in the body behind a caIssuers
// pointer: one DER certificate, PEM, or a certs-only PKCS #7 (RFC 5280,
// 4.2.2.1; RFC 2797).
func issuerCertificates(body []byte) ([][]byte, error) {
	if bytes.Contains(body, []byte("-----BEGIN")) {
		var out [][]byte
		for rest := body; len(out) < maxAIACerts; {
			var b *pem.Block
			if b, rest = pem.Decode(rest); b == nil {
				break
			}
			switch b.Type {
			case "CERTIFICATE", "X509 CERTIFICATE":
				out = append(out, b.Bytes)
			case "PKCS7":
				more, err := pkcs7Certificates(b.Bytes)
				if err != nil {
					return nil, err
				}
				out = append(out, more...)
			}
		}
		if len(out) == 0 {
			return nil, errNotCertificates
		}
		return out, nil
	}
	if certs, err := pkcs7Certificates(body); err == nil {
		return certs, nil
	}
	r := der.NewReader(body, 0)
	if seq, err := r.Expect(der.Sequence); err == nil {
		if _, err := seq.Contents().Expect(der.Sequence); err == nil {
			return [][]byte{body}, nil
		}
	}
	return nil, errNotCertificates
}

var errNotCertificates = errors.New("the body holds no certificate")

// pkcs7Certificates returns the certificates of a certs-only PKCS #7; none is
// an error.
func pkcs7Certificates(body []byte) ([][]byte, error) {
	certs, _, err := PKCS7(body, maxAIACerts)
	if err == nil && len(certs) == 0 {
		err = errNotCertificates
	}
	return certs, err
}

// PKCS7 returns the certificates and CRLs in body, the first limit of each:
// ContentInfo{signedData, SignedData{…, certificates [0], crls [1], …}} (RFC
// 5652, 5.1). Who signed it does not matter.
func PKCS7(body []byte, limit int) (certs, crls [][]byte, err error) {
	r := der.NewReader(body, 0)
	info, err := r.Expect(der.Sequence)
	if err != nil {
		return nil, nil, err
	}
	in := info.Contents()
	oid, err := in.Expect(der.OID)
	if err != nil {
		return nil, nil, err
	}
	if text, _ := der.OIDText(oid.Body); text != "1.2.840.113549.1.7.2" {
		return nil, nil, errNotCertificates
	}
	content, err := in.Expect(der.Explicit(0))
	if err != nil {
		return nil, nil, err
	}
	signed, err := content.Contents().Expect(der.Sequence)
	if err != nil {
		return nil, nil, err
	}
	for in := signed.Contents(); !in.Empty(); {
		e, err := in.Next()
		if err != nil {
			return nil, nil, err
		}
		list := &certs
		switch e.Tag {
		case der.Explicit(0):
		case der.Explicit(1):
			list = &crls
		default:
			continue
		}
		for each := e.Contents(); !each.Empty() && len(*list) < limit; {
			c, err := each.Next()
			if err != nil {
				return nil, nil, err
			}
			if c.Tag == der.Sequence {
				*list = append(*list, c.Raw)
			}
		}
	}
	return certs, crls, nil
}

// Package papers decodes what people hold beside certificates, lists, answers and SCTs:
// certificate requests, public keys, time-stamp queries, and how a private key is encrypted.
//
// The package is pure, and its functions are safe for concurrent use.
package papers

import (
	"errors"
	"fmt"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/internal/der"
)

// Request is a CertificationRequest (RFC 2986).
type Request struct {
	Subject    cert.Name
	Key        *cert.PublicKey
	Algorithm  cert.Algorithm
	Names      []cert.GeneralName // the subject alternative names that are asked for
	Extensions []string           // the OIDs of all extensions that are asked for
	// Signature is why the signature, by which the asker proves to hold the key, does not
	// verify; nil when it does.
	Signature error
}

const (
	oidExtensionRequest          = "1.2.840.113549.1.9.14"
	oidMicrosoftExtensionRequest = "1.3.6.1.4.1.311.2.1.14"
	oidSubjectAltName            = "2.5.29.17"
	// maxExtensions bounds those of one request.
	maxExtensions = 200
)

// ParseRequest decodes a CertificationRequest in DER. An error has the offset in b.
func ParseRequest(b []byte) (*Request, error) {
	outer, err := der.NewReader(b, 0).Expect(der.Sequence)
	if err != nil {
		return nil, err
	}
	in := outer.Contents()
	info, err := in.Expect(der.Sequence)
	if err != nil {
		return nil, err
	}
	algorithm, err := in.Expect(der.Sequence)
	if err != nil {
		return nil, err
	}
	signature, err := in.Expect(der.BitString)
	if err != nil {
		return nil, err
	}
	parts := info.Contents()
	if _, err := parts.Expect(der.Integer); err != nil {
		return nil, err
	}
	subject, err := parts.Expect(der.Sequence)
	if err != nil {
		return nil, err
	}
	spki, err := parts.Expect(der.Sequence)
	if err != nil {
		return nil, err
	}
	r := &Request{}
	r.Subject, _ = cert.ParseName(subject.Raw)
	if r.Key, err = cert.ParsePublicKey(spki.Raw); err != nil {
		return nil, fmt.Errorf("the public key at offset %d: %w", spki.Offset, err)
	}
	if r.Algorithm, err = cert.ParseAlgorithm(algorithm.Raw); err != nil {
		return nil, fmt.Errorf("the signature algorithm at offset %d: %w", algorithm.Offset, err)
	}
	if attributes, ok, err := parts.Optional(der.Explicit(0)); err != nil {
		return nil, err
	} else if ok {
		if err := r.attributes(attributes.Contents()); err != nil {
			return nil, err
		}
	}
	if len(signature.Body) < 2 || signature.Body[0] != 0 {
		r.Signature = errors.New("it is no whole number of bytes")
	} else {
		r.Signature = r.Key.Verify(nil, r.Algorithm, info.Raw, signature.Body[1:])
	}
	return r, nil
}

// attributes reads the extensions that a request asks for.
func (r *Request) attributes(in *der.Reader) error {
	for !in.Empty() {
		attribute, err := in.Expect(der.Sequence)
		if err != nil {
			return err
		}
		a := attribute.Contents()
		id, err := a.Expect(der.OID)
		if err != nil {
			return err
		}
		if oid, _ := der.OIDText(id.Body); oid != oidExtensionRequest && oid != oidMicrosoftExtensionRequest {
			continue
		}
		values, err := a.Expect(der.Set)
		if err != nil {
			return err
		}
		list, err := values.Contents().Expect(der.Sequence)
		if err != nil {
			return err
		}
		if err := r.extensions(list.Contents()); err != nil {
			return err
		}
	}
	return nil
}

func (r *Request) extensions(in *der.Reader) error {
	for !in.Empty() {
		if len(r.Extensions) == maxExtensions {
			return fmt.Errorf("there are more than %d extensions", maxExtensions)
		}
		extension, err := in.Expect(der.Sequence)
		if err != nil {
			return err
		}
		x := extension.Contents()
		id, err := x.Expect(der.OID)
		if err != nil {
			return err
		}
		if _, _, err := x.Optional(der.Boolean); err != nil {
			return err
		}
		value, err := x.Expect(der.OctetString)
		if err != nil {
			return err
		}
		oid, _ := der.OIDText(id.Body)
		r.Extensions = append(r.Extensions, oid)
		if oid != oidSubjectAltName {
			continue
		}
		names, err := value.Contents().Expect(der.Sequence)
		if err != nil {
			return err
		}
		parsed, _ := cert.ParseGeneralNames(names.Body, names.BodyOffset())
		r.Names = append(r.Names, parsed...)
	}
	return nil
}

// TimeStampQuery is a TimeStampReq (RFC 3161, 2.4.1).
type TimeStampQuery struct {
	Hash    string // the OID of the hash algorithm
	Imprint []byte // the hash of what is to be stamped
	Policy  string // the OID that is asked for; "" when none is
	Nonce   []byte // nil when there is none
	WithKey bool   // the certificate of the stamper is asked for
}

// ParseTimeStampQuery decodes a TimeStampReq in DER. An error has the offset in b.
func ParseTimeStampQuery(b []byte) (*TimeStampQuery, error) {
	outer, err := der.NewReader(b, 0).Expect(der.Sequence)
	if err != nil {
		return nil, err
	}
	in := outer.Contents()
	if _, err := in.Expect(der.Integer); err != nil {
		return nil, err
	}
	imprint, err := in.Expect(der.Sequence)
	if err != nil {
		return nil, err
	}
	m := imprint.Contents()
	algorithm, err := m.Expect(der.Sequence)
	if err != nil {
		return nil, err
	}
	id, err := algorithm.Contents().Expect(der.OID)
	if err != nil {
		return nil, err
	}
	hash, err := m.Expect(der.OctetString)
	if err != nil {
		return nil, err
	}
	q := &TimeStampQuery{Imprint: hash.Body}
	q.Hash, _ = der.OIDText(id.Body)
	for !in.Empty() {
		e, err := in.Next()
		if err != nil {
			return nil, err
		}
		switch e.Tag {
		case der.OID:
			q.Policy, _ = der.OIDText(e.Body)
		case der.Integer:
			q.Nonce = e.Body
		case der.Boolean:
			q.WithKey = len(e.Body) == 1 && e.Body[0] != 0
		}
	}
	return q, nil
}

package engine

import (
	"errors"

	"github.com/assaytls/assay/cert/bundle"
)

// The bounds of one body: the certificates taken from it, and the objects
// looked at to find them.
const (
	maxAIACerts   = 16
	maxAIAObjects = 64
)

var errNotCertificates = errors.New("the body holds no certificate")

// issuerCertificates returns the certificates in the body behind a caIssuers
// pointer: DER, PEM, or a certs-only PKCS #7 (RFC 5280, 4.2.2.1; RFC 2797).
// Whatever else is in it, damaged or not, does not matter.
func issuerCertificates(body []byte) ([][]byte, error) {
	certs := bundle.Certificates(bundle.Read(body, maxAIAObjects))
	if len(certs) == 0 {
		return nil, errNotCertificates
	}
	return certs[:min(len(certs), maxAIACerts)], nil
}

package roots

import (
	"bytes"
	"crypto/x509"
	"sync"

	"golang.org/x/crypto/x509roots/fallback/bundle"

	"github.com/assaytls/assay/certpath"
)

// Public reports whether an anchor's key, a SubjectPublicKeyInfo, belongs to a
// publicly trusted root: one of the Mozilla roots that
// golang.org/x/crypto/x509roots carries. The bundle trusts nobody here: it only
// tells public anchors from private ones. Nothing is parsed before it is asked,
// and then only the certificate that holds the key.
func Public(spki []byte) bool {
	if len(spki) < 32 {
		return false
	}
	end := spki[len(spki)-32:] // all keys begin alike: the end is found faster
	for r := range bundle.Roots() {
		if !bytes.Contains(r.Certificate, end) {
			continue
		}
		if c, err := x509.ParseCertificate(r.Certificate); err == nil && bytes.Equal(c.RawSubjectPublicKeyInfo, spki) {
			return true
		}
	}
	return false
}

// bundleStore is what Known's certificates are said to be from.
const bundleStore = "Mozilla's roots in golang.org/x/crypto/x509roots"

// Known returns the certificates of the same bundle, which are the roots that are at
// hand everywhere. Nobody is trusted by being among them: the table of a root program
// says whom that program trusts. The set must not be changed.
var Known = sync.OnceValue(func() *certpath.Anchors {
	known := certpath.NewAnchors()
	for r := range bundle.Roots() {
		known.AddFrom(r.Certificate, bundleStore) // a test adds them all
	}
	return known
})

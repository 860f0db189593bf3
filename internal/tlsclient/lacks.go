package tlsclient

import (
	oids "encoding/asn1"
	"slices"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/assaytls/assay/internal/tlsnames"
)

// widelyKnown stands behind what OpenSSL and GnuTLS have and crypto/tls lacks.
const widelyKnown = " (OpenSSL and GnuTLS support it)"

// foreignKeys are the keys of certificates that crypto/tls cannot use, by the
// identifier of the algorithm, or of the curve for elliptic curves.
var foreignKeys = map[string]string{
	"1.2.840.113549.1.1.10": "an RSA-PSS key" + widelyKnown,
	"1.2.840.10040.4.1":     "a DSA key",
	"1.3.101.113":           "an Ed448 key" + widelyKnown,
	"1.2.840.10045.3.1.1":   "a key on the curve P-192",
	"1.3.132.0.33":          "a key on the curve P-224",
	"1.3.132.0.10":          "a key on the curve secp256k1",
	"1.3.36.3.3.2.8.1.1.7":  "a key on the curve brainpoolP256r1",
	"1.3.36.3.3.2.8.1.1.11": "a key on the curve brainpoolP384r1",
	"1.3.36.3.3.2.8.1.1.13": "a key on the curve brainpoolP512r1",
}

// mldsa are the kinds of ML-DSA, for keys and for signatures (RFC 9881, 2).
var mldsa = map[string]string{"2.16.840.1.101.3.4.3.17": "ML-DSA-44", "2.16.840.1.101.3.4.3.18": "ML-DSA-65", "2.16.840.1.101.3.4.3.19": "ML-DSA-87"}

// withoutMLDSA is said of what a server wants of a client in a handshake.
const withoutMLDSA = ", which Go's TLS library cannot verify in a handshake before Go 1.27 (OpenSSL 3.5 can)"

// lacks says what of the choice that a server made in answer to the wide hello
// crypto/tls, and so assay, cannot speak; "" when it is nothing that is known.
func (t *transcript) lacks() string {
	what := ""
	switch {
	case len(t.chain) > 0 && mldsa[keyOf(t.chain[0].Cert)] != "":
		return "its certificate has an " + mldsa[keyOf(t.chain[0].Cert)] + " key" + withoutMLDSA
	case len(t.chain) > 0 && foreignKey(t.chain[0].Cert) != "":
		what = "its certificate has " + foreignKey(t.chain[0].Cert)
	case t.group != 0 && curves[t.group] == nil && !slices.Contains(hybrids, t.group):
		what = "it uses " + tlsnames.Group(t.group) + " for the key exchange"
		if t.group == 30 || t.group >= 256 && t.group <= 260 {
			what += widelyKnown
		}
	case t.suite != 0 && !slices.Contains(everySuite(), t.suite):
		what = "it uses the cipher suite " + tlsnames.Suite(t.suite)
		if strings.Contains(tlsnames.Suite(t.suite), "_DHE_") || strings.Contains(tlsnames.Suite(t.suite), "_CCM") {
			what += widelyKnown
		}
	case t.mldsaSignature() != "":
		return "a certificate that it sends is signed with " + t.mldsaSignature() + withoutMLDSA +
			", and servers such as OpenSSL's send it only to clients that name this algorithm"
	default:
		return ""
	}
	return what + ", which Go's TLS library lacks, and so does assay"
}

// mldsaSignature names the first ML-DSA signature in the chain, "" without one.
func (t *transcript) mldsaSignature() string {
	for _, e := range t.chain {
		in := cryptobyte.String(e.Cert)
		var cert, algorithm cryptobyte.String
		var oid oids.ObjectIdentifier
		if in.ReadASN1(&cert, asn1.SEQUENCE) && cert.SkipASN1(asn1.SEQUENCE) && cert.ReadASN1(&algorithm, asn1.SEQUENCE) &&
			algorithm.ReadASN1ObjectIdentifier(&oid) && mldsa[oid.String()] != "" {
			return mldsa[oid.String()]
		}
	}
	return ""
}

// foreignKey names the key of a certificate if it is one of foreignKeys.
func foreignKey(der []byte) string { return foreignKeys[keyOf(der)] }

// keyOf is the identifier of the algorithm of a certificate's key, or of the curve
// for elliptic curves; "" when it cannot be read.
func keyOf(der []byte) string {
	in := cryptobyte.String(der)
	var cert, tbs, spki, algorithm cryptobyte.String
	var oid oids.ObjectIdentifier
	if !in.ReadASN1(&cert, asn1.SEQUENCE) || !cert.ReadASN1(&tbs, asn1.SEQUENCE) ||
		!tbs.SkipOptionalASN1(asn1.Tag(0).Constructed().ContextSpecific()) || !tbs.SkipASN1(asn1.INTEGER) ||
		!tbs.SkipASN1(asn1.SEQUENCE) || !tbs.SkipASN1(asn1.SEQUENCE) || !tbs.SkipASN1(asn1.SEQUENCE) || !tbs.SkipASN1(asn1.SEQUENCE) ||
		!tbs.ReadASN1(&spki, asn1.SEQUENCE) || !spki.ReadASN1(&algorithm, asn1.SEQUENCE) || !algorithm.ReadASN1ObjectIdentifier(&oid) {
		return ""
	}
	if oid.String() == "1.2.840.10045.2.1" && !algorithm.ReadASN1ObjectIdentifier(&oid) {
		return ""
	}
	return oid.String()
}

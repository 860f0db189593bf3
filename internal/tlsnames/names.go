// Package tlsnames has the names of the code points of IANA's TLS registries:
// versions, cipher suites, groups, signature schemes and alerts. It is pure, so
// that who only tells of a recorded handshake need not link crypto/tls.
package tlsnames

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

var versions = map[uint16]string{
	0x0200: "SSL 2.0", 0x0300: "SSL 3.0", 0x0301: "TLS 1.0", 0x0302: "TLS 1.1", 0x0303: "TLS 1.2", 0x0304: "TLS 1.3",
}

// Version returns the name of a protocol version's code point: "TLS 1.3".
func Version(v uint16) string {
	if n, ok := versions[v]; ok || v == 0 {
		return n
	}
	return fmt.Sprintf("version 0x%04x", v)
}

// Suite returns the IANA name of a cipher suite's code point; one that this
// package does not know is named by its number.
func Suite(v uint16) string {
	if n, ok := suites[v]; ok || v == 0 {
		return n
	}
	if n, ok := transport[v]; ok {
		return n
	}
	return fmt.Sprintf("0x%04X", v)
}

// Suites are the code points of all suites that have a name here, in order.
func Suites() []uint16 {
	return slices.Sorted(func(yield func(uint16) bool) {
		for _, m := range []map[uint16]string{suites, transport} {
			for v := range maps.Keys(m) {
				if !yield(v) {
					return
				}
			}
		}
	})
}

// RSATransport reports whether clients encrypt the premaster secret to the
// server's RSA key (RFC 5246, 7.4.7.1): the key decrypts and does not sign.
func RSATransport(suite uint16) bool { return transport[suite] != "" }

// The names of the IANA registry "TLS Supported Groups".
var groupNames = map[uint16]string{
	19: "secp192r1", 21: "secp224r1", 22: "secp256k1",
	23: "P-256", 24: "P-384", 25: "P-521",
	26: "brainpoolP256r1", 27: "brainpoolP384r1", 28: "brainpoolP512r1",
	29: "X25519", 30: "X448",
	31: "brainpoolP256r1tls13", 32: "brainpoolP384r1tls13", 33: "brainpoolP512r1tls13",
	256: "ffdhe2048", 257: "ffdhe3072", 258: "ffdhe4096", 259: "ffdhe6144", 260: "ffdhe8192",
	0x0200: "MLKEM512", 0x0201: "MLKEM768", 0x0202: "MLKEM1024",
	0x11eb: "SecP256r1MLKEM768", 0x11ec: "X25519MLKEM768", 0x11ed: "SecP384r1MLKEM1024",
	0x6399: "X25519Kyber768Draft00",
}

// Group returns the usual name of a key-exchange group's code point.
func Group(v uint16) string {
	if n, ok := groupNames[v]; ok || v == 0 {
		return n
	}
	return fmt.Sprintf("group 0x%04x", v)
}

// The names of the IANA registry "TLS SignatureScheme", and the TLS 1.2 pairs
// of hash and signature that have no scheme of their own.
var schemeNames = map[uint16]string{
	0x0101: "rsa_md5", 0x0201: "rsa_pkcs1_sha1", 0x0202: "dsa_sha1", 0x0203: "ecdsa_sha1",
	0x0301: "rsa_pkcs1_sha224", 0x0302: "dsa_sha224", 0x0303: "ecdsa_sha224",
	0x0401: "rsa_pkcs1_sha256", 0x0402: "dsa_sha256", 0x0403: "ecdsa_secp256r1_sha256",
	0x0501: "rsa_pkcs1_sha384", 0x0502: "dsa_sha384", 0x0503: "ecdsa_secp384r1_sha384",
	0x0601: "rsa_pkcs1_sha512", 0x0602: "dsa_sha512", 0x0603: "ecdsa_secp521r1_sha512",
	0x0804: "rsa_pss_rsae_sha256", 0x0805: "rsa_pss_rsae_sha384", 0x0806: "rsa_pss_rsae_sha512",
	0x0807: "ed25519", 0x0808: "ed448",
	0x0809: "rsa_pss_pss_sha256", 0x080a: "rsa_pss_pss_sha384", 0x080b: "rsa_pss_pss_sha512",
	0x081a: "ecdsa_brainpoolP256r1tls13_sha256", 0x081b: "ecdsa_brainpoolP384r1tls13_sha384", 0x081c: "ecdsa_brainpoolP512r1tls13_sha512",
	0x0904: "mldsa44", 0x0905: "mldsa65", 0x0906: "mldsa87",
}

// Signature returns the name of a signature scheme's code point.
func Signature(v uint16) string {
	if n, ok := schemeNames[v]; ok || v == 0 {
		return n
	}
	return fmt.Sprintf("scheme 0x%04x", v)
}

// Signatures lists the registered names of signature schemes, in the order of their
// code points.
func Signatures() (names []string) {
	for _, id := range slices.Sorted(maps.Keys(schemeNames)) {
		names = append(names, schemeNames[id])
	}
	return names
}

// SignatureID returns the code point of a signature scheme by its registered name,
// or by OpenSSL's of the form ECDSA+SHA256. Case does not matter.
func SignatureID(name string) (uint16, bool) {
	for _, id := range slices.Sorted(maps.Keys(schemeNames)) {
		if strings.EqualFold(name, schemeNames[id]) {
			return id, true
		}
	}
	key, hash, _ := strings.Cut(strings.ToUpper(name), "+")
	kinds := map[string]uint16{"RSA": 0x0001, "DSA": 0x0002, "ECDSA": 0x0003}
	hashes := map[string]uint16{"SHA1": 0x0200, "SHA224": 0x0300, "SHA256": 0x0400, "SHA384": 0x0500, "SHA512": 0x0600}
	if key == "RSA-PSS" || key == "PSS" {
		id, ok := map[string]uint16{"SHA256": 0x0804, "SHA384": 0x0805, "SHA512": 0x0806}[hash]
		return id, ok
	}
	id := hashes[hash] | kinds[key]
	return id, hashes[hash] != 0 && kinds[key] != 0
}

// alertInfo is an alert's registered name and what it tells a person.
type alertInfo struct{ name, meaning string }

// RFC 8446, 6; RFC 5246, 7.2; RFC 6066; RFC 7301; RFC 7507; RFC 9849.
var alerts = map[uint8]alertInfo{
	0:   {"close_notify", "the server closed the connection in an orderly way"},
	10:  {"unexpected_message", "the server got a message it did not expect at this point"},
	20:  {"bad_record_mac", "the server could not decrypt what it received: damaged or altered in transit, or a fault in one TLS implementation"},
	21:  {"decryption_failed", "the server could not decrypt what it received (an alert of old TLS versions)"},
	22:  {"record_overflow", "the server got a record longer than TLS allows"},
	30:  {"decompression_failure", "the server could not decompress what it received"},
	40:  {"handshake_failure", "the server and the client have no acceptable set of parameters in common (versions, cipher suites, groups, signature algorithms), or the server needs a client certificate"},
	41:  {"no_certificate", "the server wanted a client certificate (an alert of SSL 3.0)"},
	42:  {"bad_certificate", "the server did not accept the client's certificate"},
	43:  {"unsupported_certificate", "the server does not support the type of the client's certificate"},
	44:  {"certificate_revoked", "the client's certificate has been revoked"},
	45:  {"certificate_expired", "the client's certificate has expired"},
	46:  {"certificate_unknown", "the server did not accept the client's certificate for another reason"},
	47:  {"illegal_parameter", "the server found a value in the handshake that it calls illegal"},
	48:  {"unknown_ca", "the server does not know the CA of the client's certificate"},
	49:  {"access_denied", "the client's certificate is valid, but the server gives it no access"},
	50:  {"decode_error", "the server could not decode a message of the handshake"},
	51:  {"decrypt_error", "a cryptographic check of the handshake failed on the server's side"},
	52:  {"too_many_cids_requested", "too many connection IDs were requested"},
	60:  {"export_restriction", "a negotiation did not comply with export rules (an alert of old TLS versions)"},
	70:  {"protocol_version", "the server supports none of the TLS versions offered"},
	71:  {"insufficient_security", "the server requires stronger parameters than the client offers"},
	80:  {"internal_error", "the server failed for reasons of its own; its log should say which"},
	86:  {"inappropriate_fallback", "the server saw a fallback to a lower version that it considers unnecessary"},
	90:  {"user_canceled", "the handshake was given up on the server's side"},
	100: {"no_renegotiation", "the server does not renegotiate"},
	109: {"missing_extension", "the handshake lacks an extension that the server needs, often the server name"},
	110: {"unsupported_extension", "the handshake had an extension that was not allowed there"},
	111: {"certificate_unobtainable", "the server could not obtain the client's certificate"},
	112: {"unrecognized_name", "the server knows no site by the name that was sent (SNI)"},
	113: {"bad_certificate_status_response", "a stapled OCSP response was not accepted"},
	114: {"bad_certificate_hash_value", "a certificate did not match its hash"},
	115: {"unknown_psk_identity", "the server does not know the pre-shared key"},
	116: {"certificate_required", "the server requires a client certificate and got none"},
	117: {"general_error", "an error without further detail"},
	120: {"no_application_protocol", "the server supports none of the application protocols offered (ALPN)"},
	121: {"ech_required", "the server requires Encrypted Client Hello"},
}

// Alert returns the registered name of an alert: "handshake_failure".
func Alert(code uint8) string {
	if a, ok := alerts[code]; ok {
		return a.name
	}
	return fmt.Sprintf("number %d", code)
}

// AlertMeaning says in words what a server tells with an alert.
func AlertMeaning(code uint8) string {
	if a, ok := alerts[code]; ok {
		return a.meaning
	}
	return "an alert that no standard defines"
}

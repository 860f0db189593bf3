package lab_test

// disagreements say why a client decides otherwise than assay, by scenario and
// program. Measured with curl 7.88 (OpenSSL), OpenSSL 3.0 and GnuTLS 3.7.
var disagreements = map[string]map[string]string{
	"missing-intermediate": {
		"curl":       "OpenSSL fetches no missing issuers",
		"openssl":    "OpenSSL fetches no missing issuers",
		"gnutls-cli": "GnuTLS fetches no missing issuers",
	},
	"two-certificates-expired": {
		"gnutls-cli": "GnuTLS names RSA first and is shown the certificate that is good",
	},
	"expires-within": {
		"curl":       "a certificate is valid until its end date",
		"openssl":    "a certificate is valid until its end date (s_client has no -checkend)",
		"gnutls-cli": "a certificate is valid until its end date",
	},
	"critical-must-staple": {
		"curl":    "OpenSSL does not process the TLS feature extension, so critical it refuses",
		"openssl": "OpenSSL does not process the TLS feature extension, so critical it refuses",
	},
	"ml-dsa-ca": {
		"curl":       "OpenSSL has ML-DSA from 3.5",
		"openssl":    "OpenSSL has ML-DSA from 3.5",
		"gnutls-cli": "GnuTLS 3.7 has no ML-DSA",
	},
	"equivalent-names": {
		"gnutls-cli": "GnuTLS compares names byte for byte",
	},
	"common-name-only": {
		"curl":       "falls back to the common name when there is no subject alternative name",
		"openssl":    "falls back to the common name when there is no subject alternative name",
		"gnutls-cli": "falls back to the common name when there is no subject alternative name",
	},
	"leaf-key-usage": {
		"curl":    "OpenSSL does not hold the handshake's signature against the leaf's key usage",
		"openssl": "OpenSSL does not hold the handshake's signature against the leaf's key usage",
	},
	"explicit-policy": {
		"curl":    "OpenSSL processes policies only with X509_V_FLAG_POLICY_CHECK",
		"openssl": "OpenSSL processes policies only with X509_V_FLAG_POLICY_CHECK",
	},
	"weak-key": {
		"gnutls-cli": "GnuTLS 3.7 calls a 1024-bit key of a leaf weak and goes on",
	},
	"cross-signed": {
		"gnutls-cli": "GnuTLS sorts the chain once, meets the expired cross-certificate first and tries no other path",
	},
	"program-root-sent": {
		"curl":       "the root is Android's, and is not in the file of roots that the client has",
		"openssl":    "the root is Android's, and is not in the file of roots that the client has",
		"gnutls-cli": "the root is Android's, and is not in the file of roots that the client has",
	},
	"many-certificates": {
		"gnutls-cli": "GnuTLS refuses chains of more than 16 certificates",
	},
	"negative-serial": {
		"curl":       "OpenSSL accepts negative serial numbers unless X509_V_FLAG_X509_STRICT is set",
		"openssl":    "OpenSSL accepts negative serial numbers unless X509_V_FLAG_X509_STRICT is set",
		"gnutls-cli": "GnuTLS does not look at the sign of serial numbers",
	},
	"long-length": {
		"curl":       "OpenSSL reads BER where DER is required",
		"openssl":    "OpenSSL reads BER where DER is required",
		"gnutls-cli": "GnuTLS reads BER lengths where DER is required",
	},
	"hostile-subject": {
		"curl":       "malformed names beside a matching one are not looked at",
		"openssl":    "malformed names beside a matching one are not looked at",
		"gnutls-cli": "malformed names beside a matching one are not looked at",
	},
	"hostile-url": {
		"curl":       "revocation is not checked",
		"openssl":    "revocation is not checked",
		"gnutls-cli": "revocation is not checked beyond staples",
	},
	"many-pointers": {
		"curl":       "revocation is not checked",
		"openssl":    "revocation is not checked",
		"gnutls-cli": "revocation is not checked beyond staples",
	},
	"no-pointers-denied": {
		"curl":       "revocation is not checked",
		"openssl":    "revocation is not checked",
		"gnutls-cli": "revocation is not checked beyond staples",
	},
	"proxy-private-pointers": {
		"curl":    "revocation is not checked",
		"openssl": "revocation is not checked",
	},
	"many-downloads": {
		"curl":       "revocation is not checked",
		"openssl":    "revocation is not checked",
		"gnutls-cli": "revocation is not checked beyond staples",
	},
	"smtp-starttls-injection": {
		"openssl":    "s_client discards what stands in its buffer when TLS begins and says nothing",
		"gnutls-cli": "text that follows the answer to STARTTLS is not noticed",
	},
	"many-paths": {
		"curl":    "takes the first path that verifies and leaves the rest of the chain alone",
		"openssl": "takes the first path that verifies and leaves the rest of the chain alone",
	},
	"tls10": {
		"gnutls-cli": "GnuTLS's default priorities still offer TLS 1.0 and 1.1",
	},
	"client-certificate-required": {
		"openssl": sometimes + "s_client ends with its input, usually before it reads the alert that follows a TLS 1.3 handshake",
	},
	"staple-garbage": {
		"openssl":    "s_client -status breaks the handshake off when it cannot parse the staple",
		"gnutls-cli": "GnuTLS refuses an unusable staple, whatever other sources say",
	},
	"staple-stale": {
		"gnutls-cli": "GnuTLS refuses an unusable staple, whatever other sources say",
	},
	"address-blocks-empty": {
		"curl":    "OpenSSL reads the delegation and asks for no block in it",
		"openssl": "OpenSSL reads the delegation and asks for no block in it",
	},
	"any-eku": {
		"curl":    "OpenSSL wants the purpose by its own name",
		"openssl": "OpenSSL wants the purpose by its own name",
	},
	"eku-empty": {
		"gnutls-cli": "GnuTLS takes an extended key usage without purposes for none",
	},
	"email-empty": {
		"curl":    "malformed names beside a matching one are not looked at",
		"openssl": "malformed names beside a matching one are not looked at",
	},
	"email-null-byte": {
		"curl":       "malformed names beside a matching one are not looked at",
		"openssl":    "malformed names beside a matching one are not looked at",
		"gnutls-cli": "malformed names beside a matching one are not looked at",
	},
	"issuer-weak-key": {
		"gnutls-cli": "GnuTLS 3.7 calls a 1024-bit key weak and goes on",
	},
	"leaf-key-usage-empty": {
		"gnutls-cli": "GnuTLS takes a key usage without bits for none",
	},
	"name-constraints-empty": {
		"curl":       "empty name constraints constrain nothing",
		"openssl":    "empty name constraints constrain nothing",
		"gnutls-cli": "empty name constraints constrain nothing",
	},
	"name-constraints-maximum": {
		"gnutls-cli": "GnuTLS does not read the bounds of a subtree",
	},
	"name-constraints-minimum": {
		"gnutls-cli": "GnuTLS does not read the bounds of a subtree",
	},
	"path-length-negative": {
		"gnutls-cli": "GnuTLS does not look at the sign of the bound",
	},
	"policy-duplicate": {
		"curl":       "OpenSSL processes policies only with X509_V_FLAG_POLICY_CHECK",
		"openssl":    "OpenSSL processes policies only with X509_V_FLAG_POLICY_CHECK",
		"gnutls-cli": "GnuTLS does not process policies",
	},
	"version-1-extensions": {
		"curl":    "OpenSSL does not hold extensions against the version",
		"openssl": "OpenSSL does not hold extensions against the version",
	},
	"version-4": {
		"curl":       "OpenSSL accepts any version",
		"openssl":    "OpenSSL accepts any version",
		"gnutls-cli": "GnuTLS accepts any version",
	},
}

// detected are the revocation and CT scenarios that a client refuses by
// itself, as assay does.
var detected = map[string]map[string]string{
	"must-staple-missing":   {"gnutls-cli": "honours the TLS feature extension"},
	"must-staple-stale":     {"gnutls-cli": "honours the TLS feature extension"},
	"must-staple-inherited": {"gnutls-cli": "honours the TLS feature extension"},
	"staple-bad-signature":  {"gnutls-cli": "verifies staples"},
	"staple-sibling":        {"gnutls-cli": "verifies staples"},
	"staple-foreign":        {"gnutls-cli": "verifies staples"},
	"staple-stale-alone":    {"gnutls-cli": "verifies staples"},
	"revoked-by-staple":     {"gnutls-cli": "verifies staples"},
	"program-root-absent":   {"curl": noRoot, "openssl": noRoot, "gnutls-cli": noRoot},
	"program-root-fake":     {"curl": noRoot, "openssl": noRoot, "gnutls-cli": noRoot},
}

// noRoot is why a client refuses a server below a root of Android's alone.
const noRoot = "does not have the root"

// sometimes begins the reason of a disagreement that depends on timing.
const sometimes = "sometimes: "

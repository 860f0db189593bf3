package certpath_test

import "github.com/assaytls/assay/finding"

// The ledgers name every case where assay's verdict differs from the corpus,
// grouped by reason.

// ledger turns reasons with their cases into a map from case to reason.
func ledger(groups map[string][]string) map[string]string {
	m := make(map[string]string)
	for reason, names := range groups {
		for _, n := range names {
			m[n] = reason
		}
	}
	return m
}

var pkitsLedger = ledger(map[string][]string{
	"DSA is not verified; it is named as unsupported": {"4.1.4", "4.1.5"},
})

var boringLedger = ledger(map[string][]string{
	"an anchor's dates are judged, as crypto/x509 does": {"expired-root/not-after-ta-with-constraints", "expired-root/not-after", "expired-root/not-before"},
	"what an anchor's certificate says about its rights as a CA counts": {"root-basic-constraints-ca-false/main", "root-lacks-basic-constraints/main",
		"root-lacks-basic-constraints/ta-with-constraints", "root-lacks-basic-constraints/ta-with-require-basic-constraints",
		"root-lacks-keycertsign-key-usage/main", "violates-pathlen-1-from-root/main"},
	"the EKUs of an anchor's certificate limit it, as in crypto/x509": {"root-eku-clientauth/serverauth-strict",
		"root-eku-clientauth/serverauth-ta-with-expiration", "root-eku-clientauth/serverauth"},
	"policies in an anchor's certificate are not processed (RFC 5280, 6.1.1): the inputs say what is wanted": {"policies-inhibit-anypolicy-by-root-fail/ta-with-constraints",
		"policies-inhibit-mapping-by-root-fail/ta-with-constraints", "policies-on-root-wrong/ta-with-constraints",
		"policies-required-by-root-fail/ta-with-constraints", "policy-mappings-on-root-fail/ta-with-constraints"},
	"any certificate given as an anchor is one, a leaf too; whether it is self-signed does not matter": {"target-and-intermediate/trusted_leaf-root", "target-only/trusted_anchor",
		"target-only/trusted_leaf_require_self_signed", "target-selfissued/trusted_anchor", "target-selfissued/trusted_leaf_require_self_signed"},
	"BoringSSL's strict purposes demand the EKU by name and refuse others beside it; RFC 5280 does not": {"intermediate-eku-any-and-clientauth/serverauth-strict",
		"target-eku-any/clientauth-strict-leaf", "target-eku-any/clientauth-strict", "target-eku-any/serverauth-strict-leaf", "target-eku-any/serverauth-strict",
		"target-eku-clientauth/clientauth-strict", "target-eku-many/clientauth-strict-leaf", "target-eku-many/clientauth-strict",
		"target-eku-many/serverauth-strict-leaf", "target-eku-many/serverauth-strict", "target-eku-none/clientauth-strict-leaf",
		"target-eku-none/clientauth-strict", "target-eku-none/serverauth-strict"},
	"a leaf that is a CA is a warning": {"target-has-ca-basic-constraints/strict"},
	"the rules for these purposes are BoringSSL's own": {"intermediate-eku-c2pamanifest/c2pamanifest", "intermediate-eku-c2patimestamping/c2patimestamp",
		"intermediate-eku-mlsclientauth/mlsclientauth"},
	"Microsoft's application policies are not processed, so critical they refuse": {"target-msapplicationpolicies-and-eku/main"},
	"a server's key usage without any use in TLS is an error": {"target-not-end-entity/main", "target-serverauth-various-keyusages/ec-decipherOnly",
		"target-serverauth-various-keyusages/rsa-decipherOnly"},
	"constraints are indexed: the cost grows with the names, not with names times constraints, so there is no limit to hit": {"many-names/toomany-dirnames-excluded",
		"many-names/toomany-dirnames-permitted", "many-names/toomany-dns-excluded", "many-names/toomany-dns-permitted",
		"many-names/toomany-ips-excluded", "many-names/toomany-ips-permitted"},
	"the SAN has t171.test to t340.test, permitted are t0.test to t170.test only; crypto/x509 refuses it too": {"many-names/ok-all-types"},
})

var opensslLedger = ledger(map[string][]string{
	"a root's EKU limits it; trust settings do not lift the limit": {"13 ee-cert.pem", "16 ee-cert.pem", "49 ee-cert.pem"},
	"another path, over the same CA's other certificate, is clean": {"31 ee-cert.pem", "32 ee-cert.pem", "64 ee-cert.pem", "65 ee-cert.pem", "66 ee-cert.pem", "67 ee-cert.pem",
		"68 ee-cert.pem", "69 ee-cert.pem", "70 ee-cert.pem", "71 ee-cert.pem", "72 ee-cert.pem", "73 ee-cert.pem", "74 ee-cert.pem"},
	"proxy certificates are not accepted, and there is no option for it":                    {"110 pc1-cert.pem", "111 pc2-cert.pem", "114 pc5-cert.pem"},
	"RSA below 1024 bits is never verified with, at no level":                               {"117 ee-cert.pem", "119 ee-cert-768i.pem", "121 ee-cert-768.pem"},
	"MD5 is never verified, at no level":                                                    {"125 ee-cert.pem", "127 ee-cert-md5.pem"},
	"ECDSA with SHA-3 is named and not verified; crypto/x509 and BoringSSL have it neither": {"132 ee-cert-ec-sha3-224.pem", "133 ee-cert-ec-sha3-256.pem", "134 ee-cert-ec-sha3-384.pem", "135 ee-cert-ec-sha3-512.pem", "136 ee-cert-ec-sha3-224.pem", "137 ee-cert-ec-sha3-256.pem", "138 ee-cert-ec-sha3-384.pem", "139 ee-cert-ec-sha3-512.pem"},
	"a common name is no name of a server here, so constraints need not reach":              {"149 badcn1-cert.pem", "155 badalt6-cert.pem", "156 badalt7-cert.pem"},
	"constraints are indexed: there is no limit to hit":                                     {"169 many-names1.pem", "170 many-names2.pem", "171 many-names3.pem"},
	"an X25519 key cannot sign, so what it is for is inconclusive":                          {"178 ee-ed25519.pem"},
	"any certificate given as an anchor is one":                                             {"182 ee-ed25519.pem"},
	"SM2 is not supported": {"184 sm2.pem", "185 sm2.pem"},
	"the SmtpUTF8Mailbox has another string type than UTF8String": {"194 kdc-cert.pem", "197 kdc-cert.pem", "198 kdc-cert.pem"},
})

// usableDefects is the defect of each chain of x509errors.org; "" for chains
// that are sound apart from revocation, and for those where ours differs with
// the reason beside it.
var usableDefects = map[string]finding.ID{
	"any-ext-key-usage":                       "", // anyExtendedKeyUsage covers every use (RFC 5280, 4.2.1.12); OpenSSL disagrees
	"bc-not-critical-ca":                      finding.BasicConstraintsNotCritical,
	"bc-path-len-exceeded":                    finding.PathLenExceeded,
	"bc-path-len-in-non-ca":                   finding.PathLenWithoutCertSign,
	"bc-path-len-negative":                    finding.ExtensionUnreadable,
	"chain-loop":                              finding.IssuerNotFound,
	"duplicate-bc-extension":                  finding.ExtensionDuplicate,
	"empty-ext-key-usage":                     finding.ExtensionEmpty,
	"empty-ip-addr-blocks":                    finding.CriticalUnknown, // address blocks are not processed
	"empty-key-usage-end-cert":                finding.ExtensionEmpty,
	"empty-subject-and-no-san":                finding.NamesMissing,
	"end-entity-rsa-key-1024":                 finding.LeafKeyWeak,
	"expired":                                 finding.CertExpired,
	"host-no-match-cn":                        finding.NamesMissing,
	"invalid-signature":                       finding.SignatureInvalid,
	"ip-addr-blocks-no-subset":                finding.CriticalUnknown,
	"issuer-ca-false":                         finding.IssuerNotCA,
	"issuer-hash-md5":                         finding.SignatureWeak,
	"issuer-no-match-subject":                 finding.IssuerNotFound,
	"issuer-pubkey-info-invalid-oid":          finding.SignatureUnsupported,
	"issuer-pubkey-invalid-oid-and-signature": finding.SignatureInvalid,
	"issuer-rsa-key-1024":                     finding.CAKeyWeak,
	"nc-empty":                                finding.ExtensionEmpty,
	"nc-excluded-violation":                   finding.NameConstraintBad, // the range has a mask with a gap
	"nc-maximum-present":                      finding.NameConstraintRange,
	"nc-minimum-not-zero":                     finding.NameConstraintRange,
	"nc-permitted-violation":                  finding.NameNotPermitted,
	"nc-unknown-name-type":                    finding.NameFormUnsupported,
	"negative-serial-number":                  "", // the serial in the corpus is positive
	"no-certsign-in-keyusage":                 finding.IssuerMayNotSign,
	"no-key-usage-in-ca":                      finding.KeyUsageAbsent,
	"not-yet-valid":                           finding.CertNotYetValid,
	"notafter-field-invalid":                  finding.NotAfterBad,
	"notbefore-field-invalid":                 finding.NotBeforeBad,
	"openssl-email-mismatch":                  finding.EmailMismatch,
	"openssl-ip-mismatch":                     finding.IPMismatch,
	"openssl-length-exceeded":                 finding.PathTooLong,
	"openssl-no-explicit-policy":              finding.PolicyMissing,
	"openssl-proxy-not-allowed":               finding.ProxyCertRefused,
	"openssl-purpose-reject-mark":             finding.AnchorNotForPurpose,
	"proxy-ca":                                finding.ProxyCertRefused,
	"proxy-length-exceeded":                   finding.ProxyCertRefused,
	"proxy-name-no-match-issuer":              finding.ProxyCertRefused,
	"proxy-with-san":                          finding.ProxyCertRefused,
	"pubkey-info-invalid-oid":                 finding.KeyUnsupported,
	"san-empty-email":                         finding.GeneralNameMalformed,
	"san-null-byte-in-email":                  finding.GeneralNameMalformed,
	"self-signed-end-entity":                  finding.LeafSelfSigned,
	"self-signed-intermediate":                finding.RootUntrusted,
	"signature-algorithm-mismatch":            finding.SignatureUnsupported,
	"trusted-only-intermediate":               "", // an intermediate may be an anchor
	"unknown-critical-extension":              finding.CriticalUnknown,
	"unknown-ext-key-usage":                   finding.PurposeNotAllowed,
	"unknown-root-cn":                         finding.IssuerNotFound,
	"v1-cert-with-extensions":                 finding.ExtensionsNeedV3,
	"v4-cert":                                 finding.VersionInvalid,
	"valid":                                   "",
	"valid-proxy":                             finding.ProxyCertRefused, // no option allows them
	"valid-with-aia":                          "",
	"valid-with-crldp":                        "",
	"wrong-signature-algorithm":               finding.SignatureInvalid,
}

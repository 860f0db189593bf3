package certpath_test

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
	"proxy certificates are not accepted, and there is no option for it":       {"110 pc1-cert.pem", "111 pc2-cert.pem", "114 pc5-cert.pem"},
	"RSA below 1024 bits is never verified with, at no level":                  {"117 ee-cert.pem", "119 ee-cert-768i.pem", "121 ee-cert-768.pem"},
	"MD5 is never verified, at no level":                                       {"125 ee-cert.pem", "127 ee-cert-md5.pem"},
	"ECDSA with SHA-3 is not verified; crypto/x509 has it neither":             {"132 ee-cert-ec-sha3-224.pem", "133 ee-cert-ec-sha3-256.pem", "134 ee-cert-ec-sha3-384.pem", "135 ee-cert-ec-sha3-512.pem", "136 ee-cert-ec-sha3-224.pem", "137 ee-cert-ec-sha3-256.pem", "138 ee-cert-ec-sha3-384.pem", "139 ee-cert-ec-sha3-512.pem"},
	"a common name is no name of a server here, so constraints need not reach": {"149 badcn1-cert.pem", "155 badalt6-cert.pem", "156 badalt7-cert.pem"},
	"constraints are indexed: there is no limit to hit":                        {"169 many-names1.pem", "170 many-names2.pem", "171 many-names3.pem"},
	"an X25519 key cannot sign, so what it is for is inconclusive":             {"178 ee-ed25519.pem"},
	"any certificate given as an anchor is one":                                {"182 ee-ed25519.pem"},
	"SM2 is not supported": {"184 sm2.pem", "185 sm2.pem"},
	"the SmtpUTF8Mailbox has another string type than UTF8String": {"194 kdc-cert.pem", "197 kdc-cert.pem", "198 kdc-cert.pem"},
})

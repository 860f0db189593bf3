package finding

import (
	"slices"
	"strconv"
	"strings"
)

// OpenSSLError is one verification error of OpenSSL and what corresponds to it
// here. Numbers are those of OpenSSL's x509_vfy.h up to 4.0; codes above 94
// came after OpenSSL 3.0.
type OpenSSLError struct {
	Code int    // the number
	Name string // X509_V_ERR_…
	ID   ID     // the kind of finding that corresponds best; "" when it cannot occur here
	Note string // why it cannot occur, or how the two differ; may be empty
}

// OpenSSLErrors returns OpenSSL's verification errors, by number from 0 to 104
// without a gap.
func OpenSSLErrors() []OpenSSLError { return slices.Clone(openSSLErrors) }

// LookupOpenSSL finds an error by number or by name, in either case and with or
// without "X509_V_ERR_" before it.
func LookupOpenSSL(nameOrNumber string) (OpenSSLError, bool) {
	if n, err := strconv.Atoi(nameOrNumber); err == nil {
		if n < 0 || n >= len(openSSLErrors) {
			return OpenSSLError{}, false
		}
		return openSSLErrors[n], true
	}
	name := strings.ToUpper(nameOrNumber)
	for _, e := range openSSLErrors {
		if name == e.Name || "X509_V_ERR_"+name == e.Name {
			return e, true
		}
	}
	return OpenSSLError{}, false
}

var openSSLErrors = []OpenSSLError{
	{0, "X509_V_OK", "", "OpenSSL found no error. assay has no finding for that either; its verdict accept may still need more: revocation, name and Certificate Transparency"},
	{1, "X509_V_ERR_UNSPECIFIED", InternalError, "OpenSSL returns it for failures of its own and for certificates with too many names and name constraints"},
	{2, "X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT", IssuerNotFound, ""},
	{3, "X509_V_ERR_UNABLE_TO_GET_CRL", RevocationUnavailable, ""},
	{4, "X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE", SignatureInvalid, "current OpenSSL does not return it; older versions did for a signature that could not be decrypted"},
	{5, "X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE", CRLSignatureInvalid, "current OpenSSL does not return it; older versions did for a CRL signature that could not be decrypted"},
	{6, "X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY", IssuerKeyUnusable, ""},
	{7, "X509_V_ERR_CERT_SIGNATURE_FAILURE", SignatureInvalid, ""},
	{8, "X509_V_ERR_CRL_SIGNATURE_FAILURE", CRLSignatureInvalid, ""},
	{9, "X509_V_ERR_CERT_NOT_YET_VALID", CertNotYetValid, ""},
	{10, "X509_V_ERR_CERT_HAS_EXPIRED", CertExpired, ""},
	{11, "X509_V_ERR_CRL_NOT_YET_VALID", CRLNotYetValid, ""},
	{12, "X509_V_ERR_CRL_HAS_EXPIRED", CRLStale, ""},
	{13, "X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD", NotBeforeBad, ""},
	{14, "X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD", NotAfterBad, ""},
	{15, "X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD", CRLMalformed, "OpenSSL returns it when the date of the CRL (thisUpdate) cannot be read; to assay such a CRL is damaged"},
	{16, "X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD", CRLMalformed, "OpenSSL returns it when the date of the next CRL (nextUpdate) cannot be read; to assay such a CRL is damaged"},
	{17, "X509_V_ERR_OUT_OF_MEM", "", "OpenSSL ran out of memory. A Go program ends in that case; assay limits its work, so that no certificate makes it use too much"},
	{18, "X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT", LeafSelfSigned, ""},
	{19, "X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN", RootUntrusted, ""},
	{20, "X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY", IssuerNotFound, ""},
	{21, "X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE", IssuerNotFound, "OpenSSL returns it when the server sent only its own certificate and no issuer was found"},
	{22, "X509_V_ERR_CERT_CHAIN_TOO_LONG", PathTooLong, ""},
	{23, "X509_V_ERR_CERT_REVOKED", CertRevoked, ""},
	{24, "X509_V_ERR_NO_ISSUER_PUBLIC_KEY", IssuerKeyUnusable, ""},
	{25, "X509_V_ERR_PATH_LENGTH_EXCEEDED", PathLenExceeded, ""},
	{26, "X509_V_ERR_INVALID_PURPOSE", PurposeNotAllowed, ""},
	{27, "X509_V_ERR_CERT_UNTRUSTED", AnchorNotForPurpose, ""},
	{28, "X509_V_ERR_CERT_REJECTED", AnchorDistrusted, "OpenSSL returns it for a root that the trust store marks as rejected for the purpose"},
	{29, "X509_V_ERR_SUBJECT_ISSUER_MISMATCH", IssuerNameMismatch, ""},
	{30, "X509_V_ERR_AKID_SKID_MISMATCH", IssuerKeyIDMismatch, ""},
	{31, "X509_V_ERR_AKID_ISSUER_SERIAL_MISMATCH", IssuerSerialMismatch, ""},
	{32, "X509_V_ERR_KEYUSAGE_NO_CERTSIGN", IssuerMayNotSign, ""},
	{33, "X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER", CRLIssuerUnknown, ""},
	{34, "X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION", CriticalUnknown, ""},
	{35, "X509_V_ERR_KEYUSAGE_NO_CRL_SIGN", CRLSignNotAllowed, ""},
	{36, "X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION", CRLUnknownCritical, ""},
	{37, "X509_V_ERR_INVALID_NON_CA", LeafIsCA, ""},
	{38, "X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED", ProxyCertRefused, "assay accepts no proxy certificate, whatever its path length"},
	{39, "X509_V_ERR_KEYUSAGE_NO_DIGITAL_SIGNATURE", KeyUsageInsufficient, ""},
	{40, "X509_V_ERR_PROXY_CERTIFICATES_NOT_ALLOWED", ProxyCertRefused, ""},
	{41, "X509_V_ERR_INVALID_EXTENSION", ExtensionUnreadable, ""},
	{42, "X509_V_ERR_INVALID_POLICY_EXTENSION", PolicyDuplicate, ""},
	{43, "X509_V_ERR_NO_EXPLICIT_POLICY", PolicyMissing, ""},
	{44, "X509_V_ERR_DIFFERENT_CRL_SCOPE", CRLOtherPartition, ""},
	{45, "X509_V_ERR_UNSUPPORTED_EXTENSION_FEATURE", NameFormUnsupported, "OpenSSL's manual marks it as unused; assay reports name constraints of kinds that it cannot compare"},
	{46, "X509_V_ERR_UNNESTED_RESOURCE", CriticalUnknown, "the address blocks of RFC 3779 must be critical and assay does not process them, so it rejects the certificate"},
	{47, "X509_V_ERR_PERMITTED_VIOLATION", NameNotPermitted, ""},
	{48, "X509_V_ERR_EXCLUDED_VIOLATION", NameExcluded, ""},
	{49, "X509_V_ERR_SUBTREE_MINMAX", NameConstraintRange, ""},
	{50, "X509_V_ERR_APPLICATION_VERIFICATION", "", "the application that uses OpenSSL rejected the certificate with a check of its own: read that application's log. In Go, Config.Verify adds such checks to assay, with findings of your own (x-...)"},
	{51, "X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE", NameFormUnsupported, ""},
	{52, "X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX", NameConstraintBad, ""},
	{53, "X509_V_ERR_UNSUPPORTED_NAME_SYNTAX", ConstrainedNameBad, ""},
	{54, "X509_V_ERR_CRL_PATH_VALIDATION_ERROR", CRLIssuerUntrusted, ""},
	{55, "X509_V_ERR_PATH_LOOP", PathLoop, ""},
	{56, "X509_V_ERR_SUITE_B_INVALID_VERSION", "", "Suite B was a set of rules of the US government (RFC 6460), withdrawn in 2018. OpenSSL returns this only with -suiteB_128 or similar: a certificate is not version 3. assay has no such mode; --security-level and --min-rsa set the strength that you require"},
	{57, "X509_V_ERR_SUITE_B_INVALID_ALGORITHM", "", "Suite B was a set of rules of the US government (RFC 6460), withdrawn in 2018. OpenSSL returns this only with -suiteB_128 or similar: a key is not an ECDSA key. assay has no such mode; --security-level and --min-rsa set the strength that you require"},
	{58, "X509_V_ERR_SUITE_B_INVALID_CURVE", "", "Suite B was a set of rules of the US government (RFC 6460), withdrawn in 2018. OpenSSL returns this only with -suiteB_128 or similar: a key is not on P-256 or P-384. assay has no such mode; --security-level and --min-rsa set the strength that you require"},
	{59, "X509_V_ERR_SUITE_B_INVALID_SIGNATURE_ALGORITHM", "", "Suite B was a set of rules of the US government (RFC 6460), withdrawn in 2018. OpenSSL returns this only with -suiteB_128 or similar: a signature is not ECDSA with SHA-256 or SHA-384. assay has no such mode; --security-level and --min-rsa set the strength that you require"},
	{60, "X509_V_ERR_SUITE_B_LOS_NOT_ALLOWED", "", "Suite B was a set of rules of the US government (RFC 6460), withdrawn in 2018. OpenSSL returns this only with -suiteB_128 or similar: a key is stronger than the level that was asked for. assay has no such mode; --security-level and --min-rsa set the strength that you require"},
	{61, "X509_V_ERR_SUITE_B_CANNOT_SIGN_P_384_WITH_P_256", "", "Suite B was a set of rules of the US government (RFC 6460), withdrawn in 2018. OpenSSL returns this only with -suiteB_128 or similar: a P-384 key is signed with a P-256 key. assay has no such mode; --security-level and --min-rsa set the strength that you require"},
	{62, "X509_V_ERR_HOSTNAME_MISMATCH", NameMismatch, ""},
	{63, "X509_V_ERR_EMAIL_MISMATCH", EmailMismatch, ""},
	{64, "X509_V_ERR_IP_ADDRESS_MISMATCH", IPMismatch, ""},
	{65, "X509_V_ERR_DANE_NO_MATCH", DANEMismatch, "no TLSA record of the server matches its certificates. Compare the records (dig TLSA _443._tcp.NAME) with the certificate, and update them before each new key"},
	{66, "X509_V_ERR_EE_KEY_TOO_SMALL", LeafKeyWeak, ""},
	{67, "X509_V_ERR_CA_KEY_TOO_SMALL", CAKeyWeak, ""},
	{68, "X509_V_ERR_CA_MD_TOO_WEAK", SignatureWeak, ""},
	{69, "X509_V_ERR_INVALID_CALL", PathEmpty, ""},
	{70, "X509_V_ERR_STORE_LOOKUP", "", "OpenSSL could not read its certificate store: check the files of -CAfile and -CApath. assay reads all trusted roots before it begins and ends with a usage error if a file cannot be read"},
	{71, "X509_V_ERR_NO_VALID_SCTS", CTNoValidSCT, ""},
	{72, "X509_V_ERR_PROXY_SUBJECT_NAME_VIOLATION", ProxyCertRefused, "assay accepts no proxy certificate, whatever its name"},
	{73, "X509_V_ERR_OCSP_VERIFY_NEEDED", RevocationUnavailable, ""},
	{74, "X509_V_ERR_OCSP_VERIFY_FAILED", RevocationUndetermined, "OpenSSL returns it when the stapled OCSP response cannot be verified"},
	{75, "X509_V_ERR_OCSP_CERT_UNKNOWN", OCSPStatusUnknown, ""},
	{76, "X509_V_ERR_UNSUPPORTED_SIGNATURE_ALGORITHM", SignatureUnsupported, ""},
	{77, "X509_V_ERR_SIGNATURE_ALGORITHM_MISMATCH", SignatureKeyMismatch, ""},
	{78, "X509_V_ERR_SIGNATURE_ALGORITHM_INCONSISTENCY", SignatureAlgorithmInconsistent, ""},
	{79, "X509_V_ERR_INVALID_CA", IssuerNotCA, ""},
	{80, "X509_V_ERR_PATHLEN_INVALID_FOR_NON_CA", PathLenWithoutCA, ""},
	{81, "X509_V_ERR_PATHLEN_WITHOUT_KU_KEY_CERT_SIGN", PathLenWithoutCertSign, ""},
	{82, "X509_V_ERR_KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA", CertSignWithoutCA, ""},
	{83, "X509_V_ERR_ISSUER_NAME_EMPTY", IssuerEmpty, ""},
	{84, "X509_V_ERR_SUBJECT_NAME_EMPTY", SubjectEmpty, ""},
	{85, "X509_V_ERR_MISSING_AUTHORITY_KEY_IDENTIFIER", AuthorityKeyIDAbsent, ""},
	{86, "X509_V_ERR_MISSING_SUBJECT_KEY_IDENTIFIER", SubjectKeyIDAbsent, ""},
	{87, "X509_V_ERR_EMPTY_SUBJECT_ALT_NAME", SANEmpty, ""},
	{88, "X509_V_ERR_EMPTY_SUBJECT_SAN_NOT_CRITICAL", SANNotCritical, ""},
	{89, "X509_V_ERR_CA_BCONS_NOT_CRITICAL", BasicConstraintsNotCritical, ""},
	{90, "X509_V_ERR_AUTHORITY_KEY_IDENTIFIER_CRITICAL", AuthorityKeyIDCritical, ""},
	{91, "X509_V_ERR_SUBJECT_KEY_IDENTIFIER_CRITICAL", SubjectKeyIDCritical, ""},
	{92, "X509_V_ERR_CA_CERT_MISSING_KEY_USAGE", KeyUsageAbsent, ""},
	{93, "X509_V_ERR_EXTENSIONS_REQUIRE_VERSION_3", ExtensionsNeedV3, ""},
	{94, "X509_V_ERR_EC_KEY_EXPLICIT_PARAMS", KeyExplicitCurve, ""},
	{95, "X509_V_ERR_RPK_UNTRUSTED", "", "the server uses a raw public key (RFC 7250), which is not among the expected keys. assay offers only certificates, so a server with raw keys alone cannot be checked with it"},
	{96, "X509_V_ERR_OCSP_RESP_INVALID", OCSPMalformed, ""},
	{97, "X509_V_ERR_OCSP_SIGNATURE_FAILURE", OCSPSignatureInvalid, ""},
	{98, "X509_V_ERR_OCSP_NOT_YET_VALID", OCSPNotYetValid, ""},
	{99, "X509_V_ERR_OCSP_HAS_EXPIRED", OCSPStale, ""},
	{100, "X509_V_ERR_OCSP_NO_RESPONSE", RevocationUnavailable, ""},
	{101, "X509_V_ERR_CRL_VERIFY_FAILED", RevocationUndetermined, "OpenSSL returns it when a CRL that it downloaded for the check cannot be verified"},
	{102, "X509_V_ERR_EMPTY_AUTHORITY_KEY_IDENTIFIER", AuthorityKeyIDIncomplete, ""},
	{103, "X509_V_ERR_AKID_ISSUER_SERIAL_NOT_PAIRED", AuthorityKeyIDIncomplete, ""},
	{104, "X509_V_ERR_IDP_ONLY_USER_CA_ATTR_EXCLUSIVE", CRLScopeContradictory, ""},
}

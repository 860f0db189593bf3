package finding

// Kinds of RFC 5280's profile that strict mode adds (OpenSSL's
// X509_V_FLAG_X509_STRICT and more). They carry the same parameters as the
// kinds about a certificate's encoding.
const (
	PathLenWithoutCA            ID = "path-len-without-ca"
	PathLenWithoutCertSign      ID = "path-len-without-cert-sign"
	CertSignWithoutCA           ID = "cert-sign-without-ca"
	IssuerEmpty                 ID = "issuer-empty"
	SubjectEmpty                ID = "subject-empty"
	SubjectKeyIDAbsent          ID = "subject-key-id-absent"
	SANNotCritical              ID = "san-not-critical"
	BasicConstraintsNotCritical ID = "basic-constraints-not-critical"
	KeyUsageAbsent              ID = "key-usage-absent"
	UniqueIDPresent             ID = "unique-id-present"
	NameStringType              ID = "name-string-type"
	NameAttributeTooLong        ID = "name-attribute-length"
	EmailNotInSAN               ID = "email-not-in-san"
	AuthorityKeyIDIncomplete    ID = "authority-key-id-incomplete"
	KeyUsageWrongForKey         ID = "key-usage-wrong-for-key"
	KeyUsageInconsistent        ID = "key-usage-inconsistent"
	ExtensionNotCritical        ID = "extension-not-critical"
	ExtensionNeedsCA            ID = "extension-needs-ca"
	PolicyQualifierBad          ID = "policy-qualifier-bad"
	PolicyMappingUnasserted     ID = "policy-mapping-unasserted"
	GeneralNameSyntax           ID = "general-name-syntax"
	NameConstraintDistance      ID = "name-constraint-distance"
	DistributionPointIncomplete ID = "distribution-point-incomplete"
)

const riskProfile = "None by itself; strict clients refuse the certificate."

var profileKinds = []Kind{
	{ID: PathLenWithoutCA, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "a path length is given in a certificate that is not a CA's: {detail}",
		Explain: "pathLenConstraint limits how many CAs may follow. It has no meaning in a certificate that may not issue any.",
		Risk:    "None by itself; it shows that the certificate was made carelessly.",
		Fix:     fixReissue,
		Spec:    "RFC 5280, 4.2.1.9", OpenSSL: "X509_V_ERR_PATHLEN_INVALID_FOR_NON_CA", OpenSSLCode: 80, Allowable: true, Since: "0.1"},
	{ID: PathLenWithoutCertSign, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "a path length is given in a CA certificate that may not sign certificates: {detail}",
		Explain: "pathLenConstraint limits how many CAs may follow, but the key usage of this one does not let it issue any certificate.",
		Risk:    riskProfile,
		Fix:     fixReissue,
		Spec:    "RFC 5280, 4.2.1.9", OpenSSL: "X509_V_ERR_PATHLEN_WITHOUT_KU_KEY_CERT_SIGN", OpenSSLCode: 81, Allowable: true, Since: "0.1"},
	{ID: CertSignWithoutCA, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "the key usage allows signing certificates, but this is not a CA's certificate",
		Explain: "The keyCertSign usage says that the key signs certificates; the basic constraints say that it does not belong to a CA. One of them is wrong.",
		Risk:    "A client that looks only at the key usage would accept certificates made with this key.",
		Fix:     fixReissue,
		Spec:    "RFC 5280, 4.2.1.3 and 4.2.1.9", OpenSSL: "X509_V_ERR_KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA", OpenSSLCode: 82, Allowable: true, Since: "0.1"},
	{ID: IssuerEmpty, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "the issuer's name is empty",
		Explain: "Every certificate must name who issued it.",
		Risk:    "Certificates without an issuer's name can be confused with each other.",
		Fix:     fixReissue,
		Spec:    "RFC 5280, 4.1.2.4", OpenSSL: "X509_V_ERR_ISSUER_NAME_EMPTY", OpenSSLCode: 83, Allowable: true, Since: "0.1"},
	{ID: SubjectEmpty, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "the subject's name is empty",
		Explain: "A CA must have a name, and a certificate without a subject must have its names in the subjectAltName extension. This one has neither.",
		Risk:    "Nobody can tell whom the certificate is about.",
		Fix:     fixReissue,
		Spec:    "RFC 5280, 4.1.2.6", OpenSSL: "X509_V_ERR_SUBJECT_NAME_EMPTY", OpenSSLCode: 84, Allowable: true, Since: "0.1"},
	{ID: SubjectKeyIDAbsent, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "the CA certificate has no subjectKeyIdentifier",
		Explain: "CA certificates must carry an identifier of their key, so that the right one is found among several with the same name.",
		Risk:    riskProfile,
		Fix:     fixReissue,
		Spec:    "RFC 5280, 4.2.1.2", OpenSSL: "X509_V_ERR_MISSING_SUBJECT_KEY_IDENTIFIER", OpenSSLCode: 86, Allowable: true, Since: "0.1"},
	{ID: SANNotCritical, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "the subject is empty, but subjectAltName is not marked critical",
		Explain: "When all names of a certificate are in the subjectAltName extension, it must be marked critical so that no client overlooks it.",
		Risk:    riskProfile,
		Fix:     fixReissue,
		Spec:    "RFC 5280, 4.2.1.6", OpenSSL: "X509_V_ERR_EMPTY_SUBJECT_SAN_NOT_CRITICAL", OpenSSLCode: 88, Allowable: true, Since: "0.1"},
	{ID: BasicConstraintsNotCritical, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "the CA certificate's basicConstraints are not marked critical",
		Explain: "The extension that makes a certificate a CA's must be marked critical.",
		Risk:    riskProfile,
		Fix:     fixReissue,
		Spec:    "RFC 5280, 4.2.1.9", OpenSSL: "X509_V_ERR_CA_BCONS_NOT_CRITICAL", OpenSSLCode: 89, Allowable: true, Since: "0.1"},
	{ID: KeyUsageAbsent, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "the CA certificate has no keyUsage",
		Explain: "CA certificates must say what their key may be used for.",
		Risk:    "A CA key without limits can be used for anything, for example to serve as a server's key.",
		Fix:     fixReissue,
		Spec:    "RFC 5280, 4.2.1.3", OpenSSL: "X509_V_ERR_CA_CERT_MISSING_KEY_USAGE", OpenSSLCode: 92, Allowable: true, Since: "0.1"},
	{ID: UniqueIDPresent, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "the certificate has an {field}",
		Explain: "Unique identifiers are a relic of old versions; CAs must not write them.",
		Risk:    riskProfile,
		Fix:     fixReissue,
		Spec:    "RFC 5280, 4.1.2.8", Allowable: true, Since: "0.1"},
	{ID: NameStringType, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "text in {field} has a type that new certificates must not use: {detail}",
		Explain: "Names in certificates are written as UTF8String or PrintableString, a country and a serial number only as PrintableString, an e-mail address and a domain component only as IA5String.",
		Risk:    "Programs compare names of other types differently.",
		Fix:     fixReissue,
		Spec:    "RFC 5280, 4.1.2.4 and appendix A.1", Allowable: true, Since: "0.1"},
	{ID: NameAttributeTooLong, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "a part of the name in {field} has the wrong length: {detail}",
		Explain: "Each part of a name has a greatest length, and none may be empty.",
		Risk:    "Programs with fixed buffers cut such names off or refuse them.",
		Fix:     fixReissue,
		Spec:    "RFC 5280, appendix A.1", Allowable: true, Since: "0.1"},
	{ID: EmailNotInSAN, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "the subject's e-mail address is not among the subjectAltNames: {detail}",
		Explain: "E-mail addresses belong into the subjectAltName extension; one in the subject alone is out of date.",
		Risk:    "Name constraints may overlook an address that stands in the subject only.",
		Fix:     fixReissue,
		Spec:    "RFC 5280, 4.1.2.6", Allowable: true, Since: "0.1"},
	{ID: AuthorityKeyIDIncomplete, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "the authorityKeyIdentifier is incomplete: {detail}",
		Explain: "The extension must carry the identifier of the issuer's key; if it names the issuer's certificate, then with both name and serial number.",
		Risk:    riskProfile,
		Fix:     fixReissue,
		Spec:    "RFC 5280, 4.2.1.1", Allowable: true, Since: "0.1"},
	{ID: KeyUsageWrongForKey, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "the key usage does not fit the kind of key: {detail}",
		Explain: "The certificate allows its key a use that keys of this kind do not have, such as encryption with an ECDSA key.",
		Risk:    riskProfile,
		Fix:     fixReissue,
		Spec:    "RFC 3279, 2.3.1; RFC 5480, 3; RFC 8813, 3; RFC 8410, 5", Allowable: true, Since: "0.1"},
	{ID: KeyUsageInconsistent, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "key usage and extended key usage contradict each other: {detail}",
		Explain: "The certificate names a purpose for its key, but the key usage allows nothing of what that purpose needs.",
		Risk:    "The certificate cannot be used for the purpose it names.",
		Fix:     fixReissue,
		Spec:    "RFC 5280, 4.2.1.12", Allowable: true, Since: "0.1"},
	{ID: ExtensionNotCritical, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "{field} is not marked critical",
		Explain: "The extension limits what the certificate may do and must be marked critical, so that no client overlooks it.",
		Risk:    "A client that does not know the extension ignores the limit.",
		Fix:     fixReissue,
		Spec:    "RFC 5280, 4.2", Allowable: true, Since: "0.1"},
	{ID: ExtensionNeedsCA, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "{field} is only for CA certificates",
		Explain: "The extension limits what a CA may certify. In a certificate that is not a CA's it has no meaning.",
		Risk:    "None by itself; it shows that the certificate was made carelessly.",
		Fix:     fixReissue,
		Spec:    "RFC 5280, 4.2.1.10, 4.2.1.11 and 4.2.1.14", Allowable: true, Since: "0.1"},
	{ID: PolicyQualifierBad, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "a policy's qualifier breaks the rules: {detail}",
		Explain: "A policy may carry a text for users. Its type and length are limited, and anyPolicy may only have the two standard qualifiers.",
		Risk:    riskProfile,
		Fix:     fixReissue,
		Spec:    "RFC 5280, 4.2.1.4", Allowable: true, Since: "0.1"},
	{ID: PolicyMappingUnasserted, Class: ClassCertificate, Severity: Warning, Rank: 20,
		Title:   "a mapped policy is not among the certificate's own: {detail}",
		Explain: "A policy mapping should start from a policy that the certificate asserts itself.",
		Risk:    "None; the mapping has no effect.",
		Fix:     fixReissue,
		Spec:    "RFC 5280, 4.2.1.5", Since: "0.1"},
	{ID: GeneralNameSyntax, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "a name in {field} breaks the rules of its kind: {detail}",
		Explain: "DNS names consist of labels of letters, digits and hyphens; e-mail addresses of a mailbox and a domain; URIs have a scheme and a full host name.",
		Risk:    riskProfile,
		Fix:     fixReissue,
		Spec:    "RFC 5280, 4.2.1.6", Allowable: true, Since: "0.1"},
	{ID: NameConstraintDistance, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "a name constraint uses minimum or maximum: {detail}",
		Explain: "These two fields are not used: minimum must be zero and maximum absent.",
		Risk:    "Programs ignore them or refuse the certificate.",
		Fix:     fixReissue,
		Spec:    "RFC 5280, 4.2.1.10", Allowable: true, Since: "0.1"},
	{ID: DistributionPointIncomplete, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "a CRL distribution point says neither where the list is nor who issues it",
		Explain: "A distribution point must have a name or a CRL issuer.",
		Risk:    "The revocation list cannot be found.",
		Fix:     fixReissue,
		Spec:    "RFC 5280, 4.2.1.13", Allowable: true, Since: "0.1"},
}

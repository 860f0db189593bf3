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

const riskProfile = "No direct risk. Strict clients reject the certificate."

var profileKinds = []Kind{
	{ID: PathLenWithoutCA, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "the certificate has a path length but is not a CA certificate: {detail}",
		Explain: "A path length (pathLenConstraint) limits how many CAs may stand below a CA. It has no meaning in a certificate of a server or client.",
		Risk:    riskProfile,
		Fix:     "Issue it without pathLenConstraint. " + fixReissue,
		Spec:    "RFC 5280, 4.2.1.9", OpenSSL: "X509_V_ERR_PATHLEN_INVALID_FOR_NON_CA", OpenSSLCode: 80, Allowable: true, Since: "0.1"},
	{ID: PathLenWithoutCertSign, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "the CA certificate has a path length but may not sign certificates: {detail}",
		Explain: "A path length (pathLenConstraint) limits how many CAs may stand below a CA. The key usage of this CA does not let it issue any certificate.",
		Risk:    riskProfile,
		Fix:     "Issue it with key usage keyCertSign, or without pathLenConstraint. " + fixReissue,
		Spec:    "RFC 5280, 4.2.1.9", OpenSSL: "X509_V_ERR_PATHLEN_WITHOUT_KU_KEY_CERT_SIGN", OpenSSLCode: 81, Allowable: true, Since: "0.1"},
	{ID: CertSignWithoutCA, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "the certificate's key usage allows signing certificates, but it is not a CA certificate",
		Explain: "The key usage keyCertSign says that the key signs certificates. The basic constraints say that the certificate is not a CA's. One of the two is wrong.",
		Risk:    "A client that looks only at the key usage would accept certificates made with this key.",
		Fix:     "Issue it without keyCertSign, or as a CA certificate. " + fixReissue,
		Spec:    "RFC 5280, 4.2.1.3 and 4.2.1.9", OpenSSL: "X509_V_ERR_KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA", OpenSSLCode: 82, Allowable: true, Since: "0.1"},
	{ID: IssuerEmpty, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "the certificate's issuer name is empty",
		Explain: "Every certificate must name its issuer.",
		Risk:    "Programs can confuse certificates that have no issuer name.",
		Fix:     "Issue it with the CA's name as issuer. " + fixReissue,
		Spec:    "RFC 5280, 4.1.2.4", OpenSSL: "X509_V_ERR_ISSUER_NAME_EMPTY", OpenSSLCode: 83, Allowable: true, Since: "0.1"},
	{ID: SubjectEmpty, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "the certificate's subject name is empty and there is no subjectAltName",
		Explain: "A CA certificate must have a subject name. Another certificate without one must have its names in the subjectAltName extension.",
		Risk:    "The certificate does not say whom it is about.",
		Fix:     "Issue it with a subject name or with subjectAltName. " + fixReissue,
		Spec:    "RFC 5280, 4.1.2.6", OpenSSL: "X509_V_ERR_SUBJECT_NAME_EMPTY", OpenSSLCode: 84, Allowable: true, Since: "0.1"},
	{ID: SubjectKeyIDAbsent, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "the CA certificate has no subjectKeyIdentifier",
		Explain: "A CA certificate must contain an identifier of its key. Programs use it to find the right one of several certificates with the same name.",
		Risk:    riskProfile,
		Fix:     "Issue it with subjectKeyIdentifier. " + fixReissue,
		Spec:    "RFC 5280, 4.2.1.2", OpenSSL: "X509_V_ERR_MISSING_SUBJECT_KEY_IDENTIFIER", OpenSSLCode: 86, Allowable: true, Since: "0.1"},
	{ID: SANNotCritical, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "the certificate's subject is empty, but subjectAltName is not marked critical",
		Explain: "If all names of a certificate are in the subjectAltName extension, the extension must be marked critical. Then no client overlooks it.",
		Risk:    riskProfile,
		Fix:     "Issue it with a critical subjectAltName, or with a subject name. " + fixReissue,
		Spec:    "RFC 5280, 4.2.1.6", OpenSSL: "X509_V_ERR_EMPTY_SUBJECT_SAN_NOT_CRITICAL", OpenSSLCode: 88, Allowable: true, Since: "0.1"},
	{ID: BasicConstraintsNotCritical, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "the CA certificate's basicConstraints extension is not marked critical",
		Explain: "The extension that makes a certificate a CA certificate must be marked critical.",
		Risk:    riskProfile,
		Fix:     "Issue it with basicConstraints=critical,CA:TRUE. " + fixReissue,
		Spec:    "RFC 5280, 4.2.1.9", OpenSSL: "X509_V_ERR_CA_BCONS_NOT_CRITICAL", OpenSSLCode: 89, Allowable: true, Since: "0.1"},
	{ID: KeyUsageAbsent, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "the CA certificate has no keyUsage extension",
		Explain: "A CA certificate must say what its key may be used for.",
		Risk:    "A CA key without limits can be used for everything, for example as the key of a server.",
		Fix:     "Issue it with keyUsage keyCertSign and cRLSign. " + fixReissue,
		Spec:    "RFC 5280, 4.2.1.3", OpenSSL: "X509_V_ERR_CA_CERT_MISSING_KEY_USAGE", OpenSSLCode: 92, Allowable: true, Since: "0.1"},
	{ID: UniqueIDPresent, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "the certificate has the outdated field {field}",
		Explain: "Unique identifiers come from old versions of X.509. CAs must not write them any more.",
		Risk:    riskProfile,
		Fix:     "Issue it without unique identifiers. " + fixReissue,
		Spec:    "RFC 5280, 4.1.2.8", Allowable: true, Since: "0.1"},
	{ID: NameStringType, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "the text in {field} of the certificate has a type that new certificates must not use: {detail}",
		Explain: "Names are written as UTF8String or PrintableString. A country and a serial number are only PrintableString. An e-mail address and a domain component are only IA5String.",
		Risk:    "No direct risk. Programs compare names of other types differently.",
		Fix:     "Issue it with the type that the standard names. " + fixReissue,
		Spec:    "RFC 5280, 4.1.2.4 and appendix A.1", Allowable: true, Since: "0.1"},
	{ID: NameAttributeTooLong, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "a part of the name in {field} of the certificate has the wrong length: {detail}",
		Explain: "Each part of a name has a maximum length, and no part may be empty.",
		Risk:    "Some programs cut off such names or reject them.",
		Fix:     "Issue it with a name within the limits. " + fixReissue,
		Spec:    "RFC 5280, appendix A.1", Allowable: true, Since: "0.1"},
	{ID: EmailNotInSAN, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "the subject's e-mail address is not in the certificate's subjectAltName: {detail}",
		Explain: "E-mail addresses belong in the subjectAltName extension. An address only in the subject is an outdated form.",
		Risk:    "Name constraints of a CA may not cover an address that is only in the subject.",
		Fix:     "Issue it with the address in subjectAltName. " + fixReissue,
		Spec:    "RFC 5280, 4.1.2.6", Allowable: true, Since: "0.1"},
	{ID: AuthorityKeyIDIncomplete, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "the certificate's authorityKeyIdentifier is incomplete: {detail}",
		Explain: "The extension must contain the identifier of the issuer's key. If it names the issuer's certificate, it needs both name and serial number.",
		Risk:    riskProfile,
		Fix:     "Issue it with the key identifier of the issuer. " + fixReissue,
		Spec:    "RFC 5280, 4.2.1.1", Allowable: true, OpenSSL: "X509_V_ERR_EMPTY_AUTHORITY_KEY_IDENTIFIER", OpenSSLCode: 102, Since: "0.1"},
	{ID: KeyUsageWrongForKey, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "the certificate's key usage does not fit the kind of key: {detail}",
		Explain: "The certificate allows its key a use that keys of this kind do not have, such as encryption with an ECDSA key.",
		Risk:    riskProfile,
		Fix:     "Issue it with key usages that fit the key (digitalSignature for ECDSA and Ed25519). " + fixReissue,
		Spec:    "RFC 3279, 2.3.1; RFC 5480, 3; RFC 8813, 3; RFC 8410, 5; RFC 9881, 5", Allowable: true, Since: "0.1"},
	{ID: KeyUsageInconsistent, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "the certificate's key usage and extended key usage contradict each other: {detail}",
		Explain: "The certificate names a purpose for its key, but the key usage allows nothing that this purpose needs.",
		Risk:    "No direct risk. Strict clients reject the certificate for that purpose.",
		Fix:     "Issue it with a key usage that the purpose needs. " + fixReissue,
		Spec:    "RFC 5280, 4.2.1.12", Allowable: true, Since: "0.1"},
	{ID: ExtensionNotCritical, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "the certificate's {field} is not marked critical",
		Explain: "This extension limits what the certificate may do. It must be marked critical, so that no client overlooks it.",
		Risk:    "A client that does not know the extension ignores the limit.",
		Fix:     "Issue it with this extension marked critical. " + fixReissue,
		Spec:    "RFC 5280, 4.2", Allowable: true, Since: "0.1"},
	{ID: ExtensionNeedsCA, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "the certificate has {field}, which is only for CA certificates",
		Explain: "This extension limits what a CA may issue. It has no meaning in a certificate of a server or client.",
		Risk:    riskProfile,
		Fix:     "Issue it without this extension. " + fixReissue,
		Spec:    "RFC 5280, 4.2.1.10, 4.2.1.11 and 4.2.1.14", Allowable: true, Since: "0.1"},
	{ID: PolicyQualifierBad, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "a policy qualifier of the certificate breaks the rules: {detail}",
		Explain: "A certificate policy may contain a text for users. The standard limits its type and length, and anyPolicy may have only the two standard qualifiers.",
		Risk:    riskProfile,
		Fix:     "Issue it without policy qualifiers. " + fixReissue,
		Spec:    "RFC 5280, 4.2.1.4", Allowable: true, Since: "0.1"},
	{ID: PolicyMappingUnasserted, Class: ClassCertificate, Severity: Warning, Rank: 20,
		Title:   "the CA certificate maps a policy that it does not list itself: {detail}",
		Explain: "A policy mapping should start from a certificate policy that the CA certificate lists itself.",
		Risk:    "No direct risk. The mapping has no effect.",
		Fix:     "Nothing urgent. If you run the CA: list the policy, or leave the mapping out of the next certificate.",
		Spec:    "RFC 5280, 4.2.1.5", Since: "0.1"},
	{ID: GeneralNameSyntax, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "a name in {field} of the certificate breaks the strict rules of its kind: {detail}",
		Explain: "DNS names consist of letters, digits and hyphens. E-mail addresses have a mailbox and a domain. URIs have a scheme and a full host name.",
		Risk:    riskProfile,
		Fix:     "Issue it with names that follow these rules. " + fixReissue,
		Spec:    "RFC 5280, 4.2.1.6", Allowable: true, Since: "0.1"},
	{ID: NameConstraintDistance, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "the CA certificate has a name constraint with minimum or maximum: {detail}",
		Explain: "RFC 5280 does not use these two fields. The minimum must be zero and the maximum absent. assay checks this with --strict, whether or not a name is concerned.",
		Risk:    "No direct risk. Programs ignore the fields or reject the certificate.",
		Fix:     "Issue the CA certificate again without them. " + fixReissue,
		Spec:    "RFC 5280, 4.2.1.10", Allowable: true, Since: "0.1"},
	{ID: DistributionPointIncomplete, Class: ClassCertificate, Severity: Error, Rank: 35,
		Title:   "the certificate has a CRL distribution point without an address and without a CRL issuer",
		Explain: "A distribution point says where the CRL is. It must have an address (a name) or a CRL issuer.",
		Risk:    "Clients cannot find the CRL through it, so they may miss a revocation.",
		Fix:     "Issue it with the URL of the CRL. " + fixReissue,
		Spec:    "RFC 5280, 4.2.1.13", Allowable: true, Since: "0.1"},
}

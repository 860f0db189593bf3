package finding

// Kinds of names: reference identifiers and name constraints.
const (
	NameMismatch        ID = "name-mismatch"
	IPMismatch          ID = "ip-mismatch"
	EmailMismatch       ID = "email-mismatch"
	NamesMissing        ID = "names-missing"
	WildcardRefused     ID = "wildcard-refused"
	NameNotPermitted    ID = "name-not-permitted"
	NameExcluded        ID = "name-excluded"
	NameFormUnsupported ID = "name-form-unsupported"
	NameConstraintRange ID = "name-constraint-range"
	NameConstraintBad   ID = "name-constraint-bad"
	ConstrainedNameBad  ID = "constrained-name-bad"
)

var nameKinds = []Kind{
	{ID: NameMismatch, Class: ClassName, Severity: Error, Rank: 75,
		Title:   "the certificate is not for {name}; it is for {names}",
		Explain: "A certificate is valid only for the names in its subject alternative name extension. The name that was asked for is not one of them. The common name is not looked at.",
		Risk:    "Somebody else's server may be answering: anyone who holds a certificate for any name could otherwise impersonate every server.",
		Fix:     "Connect by a name that the certificate lists, or get a certificate that lists this name. Several sites on one address: check which one answers without the right server name (SNI).",
		Spec:    "RFC 9525, 6.1",
		OpenSSL: "X509_V_ERR_HOSTNAME_MISMATCH", OpenSSLCode: 62, Since: "0.1"},
	{ID: IPMismatch, Class: ClassName, Severity: Error, Rank: 75,
		Title:   "the certificate is not for the address {name}; it is for {names}",
		Explain: "The address was asked for, so the certificate must list exactly that address as an IP address. An address written as a DNS name, or in the common name, does not count.",
		Risk:    "Somebody else's server may be answering at this address.",
		Fix:     "Connect by a DNS name that the certificate lists, or get a certificate with this address in its subject alternative name.",
		Spec:    "RFC 9525, 6.5",
		OpenSSL: "X509_V_ERR_IP_ADDRESS_MISMATCH", OpenSSLCode: 64, Since: "0.1"},
	{ID: EmailMismatch, Class: ClassName, Severity: Error, Rank: 75,
		Title:   "the certificate is not for the e-mail address {name}; it is for {names}",
		Explain: "The e-mail address that was asked for is not in the certificate's subject alternative name.",
		Risk:    "The certificate may belong to somebody else.",
		Fix:     "Ask the holder for a certificate that lists this address.",
		Spec:    "RFC 5280, 4.2.1.6; RFC 8550, 3",
		OpenSSL: "X509_V_ERR_EMAIL_MISMATCH", OpenSSLCode: 63, Since: "0.1"},
	{ID: NamesMissing, Class: ClassName, Severity: Error, Rank: 76,
		Title:   "the certificate lists no names at all, so it cannot be for {name}",
		Explain: "The certificate has no subject alternative name extension that could be compared. A host name in the common name is not used any more: since 2000 the extension is the place for it, and clients dropped the fall-back around 2017.",
		Risk:    "Nothing in the certificate says which server it is for.",
		Fix:     "Issue the certificate again with the host name as a DNS name in the subject alternative name (openssl req -addext subjectAltName=DNS:example.com).",
		Spec:    "RFC 9525, 6.1 and appendix A",
		OpenSSL: "X509_V_ERR_HOSTNAME_MISMATCH", OpenSSLCode: 62, Since: "0.1"},
	{ID: WildcardRefused, Class: ClassName, Severity: Error, Rank: 74,
		Title:   "only the wildcard {presented} matches {name}, and wildcards were refused",
		Explain: "The certificate covers the name by a wildcard. --no-wildcards asks for certificates that list the full name.",
		Risk:    "A wildcard key is usually shared by many servers; the least protected of them can impersonate all.",
		Fix:     "Get a certificate that lists the name itself, or drop --no-wildcards.",
		Spec:    "RFC 9525, 7.1",
		OpenSSL: "X509_V_ERR_HOSTNAME_MISMATCH", OpenSSLCode: 62, Since: "0.1"},
	{ID: NameNotPermitted, Class: ClassName, Severity: Error, Rank: 72,
		Title:   "{ca} may not issue for the {form} {name}: outside its permitted names",
		Explain: "A CA above this certificate is limited by name constraints to some names. This certificate has a name of the constrained kind that is outside of them.",
		Risk:    "The CA was trusted for its own names only. A certificate for others is a mistake or an attack with a constrained CA's key.",
		Fix:     "Use a certificate from a CA that may issue for this name. If the CA is yours, widen its permitted subtrees or remove the name.",
		Spec:    "RFC 5280, 4.2.1.10 and 6.1.3 (b)",
		OpenSSL: "X509_V_ERR_PERMITTED_VIOLATION", OpenSSLCode: 47, Since: "0.1"},
	{ID: NameExcluded, Class: ClassName, Severity: Error, Rank: 72,
		Title:   "{ca} may not issue for the {form} {name}: excluded by {constraint}",
		Explain: "A CA above this certificate is forbidden by name constraints to issue for some names. This certificate has one of them, or a wildcard that covers one.",
		Risk:    "The CA was trusted for everything but these names. A certificate for one of them is a mistake or an attack.",
		Fix:     "Use a certificate from a CA that may issue for this name.",
		Spec:    "RFC 5280, 4.2.1.10 and 6.1.3 (c)",
		OpenSSL: "X509_V_ERR_EXCLUDED_VIOLATION", OpenSSLCode: 48, Since: "0.1"},
	{ID: NameFormUnsupported, Class: ClassName, Severity: Error, Rank: 50,
		Title:   "{ca} constrains names of the kind {form}, which assay cannot compare, and the certificate has one",
		Explain: "The name constraints speak of a kind of name for which no comparison is defined here (X.400, EDI, other names). Because such a name is present, nobody can say whether it is allowed.",
		Risk:    "Ignoring a constraint that is not understood would allow what the CA's owner forbade.",
		Fix:     "Leave names of this kind out of the certificate, or constraints on them out of the CA.",
		Spec:    "RFC 5280, 4.2.1.10",
		OpenSSL: "X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE", OpenSSLCode: 51, Since: "0.1"},
	{ID: NameConstraintRange, Class: ClassName, Severity: Error, Rank: 50,
		Title:   "{ca} constrains the {form} names by minimum or maximum, which RFC 5280 forbids",
		Explain: "The fields minimum and maximum of a subtree have no meaning in the Internet profile: minimum is 0 and maximum is absent. What the CA's owner meant by them is unknown.",
		Risk:    "Ignoring a limit that is not understood would allow what the CA's owner forbade.",
		Fix:     "Issue the CA certificate again without them.",
		Spec:    "RFC 5280, 4.2.1.10",
		OpenSSL: "X509_V_ERR_SUBTREE_MINMAX", OpenSSLCode: 49, Since: "0.1"},
	{ID: NameConstraintBad, Class: ClassName, Severity: Error, Rank: 50,
		Title:   "{ca} has a malformed {form} constraint: {constraint}",
		Explain: "A name constraint cannot be read as what it should be: for an address range, octets of address and contiguous mask; for DNS, e-mail and URI a domain.",
		Risk:    "A constraint that cannot be read does not constrain; it is taken as violated.",
		Fix:     "Issue the CA certificate again with well-formed constraints.",
		Spec:    "RFC 5280, 4.2.1.10",
		OpenSSL: "X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX", OpenSSLCode: 52, Since: "0.1"},
	{ID: ConstrainedNameBad, Class: ClassName, Severity: Error, Rank: 50,
		Title:   "the {form} {name} is malformed and cannot be compared with the constraints of {ca}",
		Explain: "A CA above is limited by name constraints, and this certificate has a name of that kind which cannot be read: for example a URI without a host name.",
		Risk:    "A name that cannot be compared could slip past the constraint; it is taken as not permitted.",
		Fix:     "Correct the name or leave it out.",
		Spec:    "RFC 5280, 4.2.1.10",
		OpenSSL: "X509_V_ERR_UNSUPPORTED_NAME_SYNTAX", OpenSSLCode: 53, Since: "0.1"},
}

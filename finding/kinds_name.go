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
	URIMismatch         ID = "uri-mismatch"
)

var nameKinds = []Kind{
	{ID: NameMismatch, Class: ClassName, Severity: Error, Rank: 75,
		Title:   "the certificate does not list the name {name}; it lists {names}",
		Explain: "A certificate is valid only for the names in its subjectAltName extension. The name that was asked for is not one of them. assay ignores the common name.",
		Risk:    "You may be talking to someone else's server. Without this check, the owner of any certificate could pose as any site.",
		Fix:     "If it is your server: get a certificate that lists this name. If the server hosts several sites, check that it has a site with this name; otherwise it sends the certificate of another site or its default certificate. If it is not your server: connect by a name that the certificate lists.",
		Spec:    "RFC 9525, 6.3",
		OpenSSL: "X509_V_ERR_HOSTNAME_MISMATCH", OpenSSLCode: 62, Since: "0.1"},
	{ID: IPMismatch, Class: ClassName, Severity: Error, Rank: 75,
		Title:   "the certificate does not list the IP address {name}; it lists {names}",
		Explain: "You asked for an IP address, so the certificate must list exactly that address as an IP address. An address written as a DNS name, or in the common name, does not count.",
		Risk:    "You may be talking to someone else's server at this address.",
		Fix:     "If it is your server: get a certificate that lists the address as an IP address in subjectAltName. If it is not: connect by a DNS name that the certificate lists.",
		Spec:    "RFC 9525, 6.4",
		OpenSSL: "X509_V_ERR_IP_ADDRESS_MISMATCH", OpenSSLCode: 64, Since: "0.1"},
	{ID: EmailMismatch, Class: ClassName, Severity: Error, Rank: 75,
		Title:   "the certificate does not list the e-mail address {name}; it lists {names}",
		Explain: "The e-mail address that was asked for is not in the certificate's subjectAltName extension.",
		Risk:    "The certificate may belong to someone else.",
		Fix:     "If it is your certificate: get one that lists this address. If it is not: ask its holder for a certificate with this address.",
		Spec:    "RFC 5280, 4.2.1.6; RFC 8550, 3",
		OpenSSL: "X509_V_ERR_EMAIL_MISMATCH", OpenSSLCode: 63, Since: "0.1"},
	{ID: NamesMissing, Class: ClassName, Severity: Error, Rank: 76,
		Title:   "the certificate lists no DNS name, IP address or e-mail address, so it cannot be for {name}",
		Explain: "assay compares the names in the subjectAltName extension. Host names belong in that extension. assay, like browsers since 2017, ignores the common name.",
		Risk:    "Nothing in the certificate says which server it is for. An attacker could present it for any server.",
		Fix:     "If it is your server: issue its certificate again with the host name in subjectAltName (openssl req -addext subjectAltName=DNS:example.com). If it is not: tell its operator.",
		Spec:    "RFC 5280, 4.2.1.6; RFC 9525, 6.3 and appendix A",
		OpenSSL: "X509_V_ERR_HOSTNAME_MISMATCH", OpenSSLCode: 62, Since: "0.1"},
	{ID: WildcardRefused, Class: ClassName, Severity: Error, Rank: 74,
		Title:   "the wildcard {presented} is the only name that matches {name}, and wildcards were ruled out",
		Explain: "The certificate covers the name by a wildcard. With --no-wildcards assay accepts only certificates that list the full name.",
		Risk:    "Many servers usually share the key of a wildcard certificate. An attacker who breaks into one of them can pose as all.",
		Fix:     "If it is your server: get a certificate that lists the name itself. If it is not: run without --no-wildcards; assay then accepts the wildcard.",
		Spec:    "RFC 9525, 7.1",
		OpenSSL: "X509_V_ERR_HOSTNAME_MISMATCH", OpenSSLCode: 62, Since: "0.1"},
	{ID: NameNotPermitted, Class: ClassName, Severity: Error, Rank: 72,
		Title:   "{ca} may not issue for the {form} {name}: the name is outside its permitted names",
		Explain: "Name constraints in a CA certificate limit the names that the CA may issue for. This certificate has a name outside those limits.",
		Risk:    "The CA was trusted for its own names only. Someone may be using the CA's key to issue for names of others.",
		Fix:     "If you run this CA: widen its permitted names or leave the name out. If it is your server: get a certificate from a CA that may issue for this name. If it is not: tell its operator.",
		Spec:    "RFC 5280, 4.2.1.10 and 6.1.3 (b)",
		OpenSSL: "X509_V_ERR_PERMITTED_VIOLATION", OpenSSLCode: 47, Since: "0.1"},
	{ID: NameExcluded, Class: ClassName, Severity: Error, Rank: 72,
		Title:   "{ca} may not issue for the {form} {name}: the CA's certificate excludes {constraint}",
		Explain: "Name constraints in a CA certificate can exclude names. This certificate has an excluded name, or a wildcard that covers one.",
		Risk:    "The CA was never trusted for these names. Someone may be using the CA's key against its owner's rules.",
		Fix:     "If it is your server: get a certificate from a CA that may issue for this name. If you run this CA: leave the name out. If it is not your server: tell its operator.",
		Spec:    "RFC 5280, 4.2.1.10 and 6.1.3 (c)",
		OpenSSL: "X509_V_ERR_EXCLUDED_VIOLATION", OpenSSLCode: 48, Since: "0.1"},
	{ID: NameFormUnsupported, Class: ClassName, Severity: Error, Rank: 50,
		Title:   "{ca} constrains names of the kind {form}, which the certificate has and assay cannot compare",
		Explain: "The CA's name constraints concern a kind of name that no program can compare (X.400, EDI, other names). The certificate has such a name, so assay cannot tell whether it is allowed.",
		Risk:    "A client that ignored the constraint could accept a name that the CA's owner excluded.",
		Fix:     "If it is your certificate: ask the CA for one without names of this kind. If you run the CA: leave out constraints on them.",
		Spec:    "RFC 5280, 4.2.1.10",
		OpenSSL: "X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE", OpenSSLCode: 51, Since: "0.1"},
	{ID: NameConstraintRange, Class: ClassName, Severity: Error, Rank: 50,
		Title:   "{ca} constrains {form} names with minimum or maximum, and the path has such a name",
		Explain: "RFC 5280 does not use the fields minimum and maximum of a name constraint. assay cannot know what the CA's owner meant by them.",
		Risk:    "A client that ignored the limit could accept a name that the CA's owner excluded.",
		Fix:     "If you run this CA: issue its certificate again without minimum and maximum. If not: get a certificate from another CA, or tell the operator of the server.",
		Spec:    "RFC 5280, 4.2.1.10",
		OpenSSL: "X509_V_ERR_SUBTREE_MINMAX", OpenSSLCode: 49, Since: "0.1"},
	{ID: NameConstraintBad, Class: ClassName, Severity: Error, Rank: 50,
		Title:   "{ca} has a {form} constraint that assay cannot compare names with: {constraint}",
		Explain: "A certificate of the path has a name of this kind, and the CA's constraint on it cannot be read. For example an IP range needs an address and a mask.",
		Risk:    "A constraint that cannot be read would limit nothing. assay therefore treats it as broken.",
		Fix:     "If you run this CA: issue its certificate again with well-formed constraints. If not: get a certificate from another CA, or tell the operator of the server.",
		Spec:    "RFC 5280, 4.2.1.10",
		OpenSSL: "X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX", OpenSSLCode: 52, Since: "0.1"},
	{ID: ConstrainedNameBad, Class: ClassName, Severity: Error, Rank: 50,
		Title:   "the {form} {name} is malformed and cannot be compared with the constraints of {ca}",
		Explain: "Name constraints limit a CA on the path, and this certificate has a malformed name of the limited kind. A URI without a host name is an example.",
		Risk:    "An attacker could use such a name to avoid the constraint. assay therefore treats the name as not permitted.",
		Fix:     "If it is your certificate: ask the CA for one with the name corrected or left out. If it is not: tell the operator of the server.",
		Spec:    "RFC 5280, 4.2.1.10",
		OpenSSL: "X509_V_ERR_UNSUPPORTED_NAME_SYNTAX", OpenSSLCode: 53, Since: "0.1"},
	{ID: URIMismatch, Class: ClassName, Severity: Error, Rank: 75,
		Title:   "the certificate is not for the URI {name}; it lists the URIs {names}",
		Explain: "assay was asked for a URI, such as the SPIFFE ID of a service. The subjectAltName extension of the certificate does not list it, or lists more URIs than one beside a SPIFFE ID. Only the whole URI counts.",
		Risk:    "You may be talking to another service. Without this check, the owner of any certificate of the same CA could pose as the service.",
		Fix:     "Check the URI after --name. If it is your service: get a certificate with exactly this URI. If it is not: tell its operator.",
		Spec:    "RFC 5280, 4.2.1.6; SPIFFE X.509-SVID, 2",
		Since:   "0.1"},
}

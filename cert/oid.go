package cert

// OIDName returns the usual short name of a known attribute, extension, key
// purpose, policy, qualifier or access method ("serverAuth"), else oid itself.
func OIDName(oid string) string {
	if n, ok := oidNames[oid]; ok {
		return n
	}
	return oid
}

var oidNames = map[string]string{
	// Attributes of names: RFC 4519, RFC 5280 appendix A, CA/Browser Forum.
	"2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "serialNumber", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST",
	"2.5.4.9": "street", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "title", "2.5.4.13": "description",
	"2.5.4.15": "businessCategory", "2.5.4.16": "postalAddress", "2.5.4.17": "postalCode", "2.5.4.20": "telephoneNumber",
	"2.5.4.41": "name", "2.5.4.42": "givenName", "2.5.4.43": "initials", "2.5.4.44": "generationQualifier",
	"2.5.4.45": "x500UniqueIdentifier", "2.5.4.46": "dnQualifier", "2.5.4.65": "pseudonym", "2.5.4.97": "organizationIdentifier",
	"0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.25": "DC", "1.2.840.113549.1.9.1": "emailAddress",
	"1.2.840.113549.1.9.2": "unstructuredName", "1.2.840.113549.1.9.8": "unstructuredAddress",
	"1.3.6.1.4.1.311.60.2.1.1": "jurisdictionL", "1.3.6.1.4.1.311.60.2.1.2": "jurisdictionST", "1.3.6.1.4.1.311.60.2.1.3": "jurisdictionC",
	// Extensions of certificates.
	"2.5.29.9": "subjectDirectoryAttributes", oidSubjectKeyID: "subjectKeyIdentifier", oidKeyUsage: "keyUsage",
	"2.5.29.16": "privateKeyUsagePeriod", oidSAN: "subjectAltName", oidIAN: "issuerAltName",
	oidBasicConstraints: "basicConstraints", oidNameConstraints: "nameConstraints", oidCRLPoints: "cRLDistributionPoints",
	oidPolicies: "certificatePolicies", oidPolicyMappings: "policyMappings", oidAuthorityKeyID: "authorityKeyIdentifier",
	oidPolicyConstraints: "policyConstraints", oidExtKeyUsage: "extKeyUsage", oidFreshestCRL: "freshestCRL",
	oidInhibitAnyPolicy: "inhibitAnyPolicy", oidNoRevAvail: "noRevAvail", oidAIA: "authorityInfoAccess",
	oidSIA: "subjectInfoAccess", oidTLSFeature: "tlsFeature", oidSCTList: "sctList", oidPoison: "ctPoison",
	oidOCSPNoCheck: "ocspNoCheck", oidProxyCert: "proxyCertInfo", "1.3.6.1.5.5.7.1.2": "biometricInfo",
	"1.3.6.1.5.5.7.1.3": "qcStatements", "1.3.6.1.5.5.7.1.7": "ipAddrBlocks", "1.3.6.1.5.5.7.1.8": "autonomousSysIds",
	"1.3.6.1.5.5.7.1.12": "logotype", "1.3.6.1.5.5.7.1.28": "ipAddrBlocks-v2", "1.3.6.1.5.5.7.1.29": "autonomousSysIds-v2",
	"1.3.6.1.4.1.11129.2.4.5": "ocspSCTList", "2.16.840.1.113730.1.1": "netscapeCertType",
	"2.16.840.1.113730.1.13": "netscapeComment", "2.16.840.1.113730.1.2": "netscapeBaseURL", "2.16.840.1.113730.1.4": "netscapeCARevocationURL",
	"1.3.6.1.4.1.311.20.2": "msCertificateTemplateName", "1.3.6.1.4.1.311.21.1": "msCAVersion",
	"1.3.6.1.4.1.311.21.2": "msPreviousCertHash", "1.3.6.1.4.1.311.21.7": "msCertificateTemplate",
	"1.3.6.1.4.1.311.21.10": "msApplicationPolicies", "1.3.6.1.4.1.44363.44": "delegationUsage",
	"2.23.140.3.1": "cabfOrganizationIdentifier", "2.23.140.1.31": "torServiceDescriptor", "1.2.840.113533.7.65.0": "entrustVersion",
	"1.3.6.1.4.1.11129.2.1.24.1": "tlsSessionBindings",
	// Extensions of CRLs and OCSP.
	"2.5.29.20": "cRLNumber", "2.5.29.21": "cRLReason", "2.5.29.24": "invalidityDate", "2.5.29.27": "deltaCRLIndicator",
	"2.5.29.28": "issuingDistributionPoint", "2.5.29.29": "certificateIssuer", "2.5.29.23": "holdInstructionCode",
	"2.5.29.60": "expiredCertsOnCRL", "1.3.6.1.5.5.7.48.1.1": "basicOCSPResponse", "1.3.6.1.5.5.7.48.1.2": "ocspNonce",
	"1.3.6.1.5.5.7.48.1.3": "ocspCRLReference", "1.3.6.1.5.5.7.48.1.4": "ocspAcceptableResponses",
	"1.3.6.1.5.5.7.48.1.6": "ocspArchiveCutoff", "1.3.6.1.5.5.7.48.1.7": "ocspServiceLocator",
	"1.3.6.1.5.5.7.48.1.8": "ocspPreferredSignatureAlgorithms", "1.3.6.1.5.5.7.48.1.9": "ocspExtendedRevoke",
	// Key purposes.
	"2.5.29.37.0": "anyExtendedKeyUsage", "1.3.6.1.5.5.7.3.1": "serverAuth", "1.3.6.1.5.5.7.3.2": "clientAuth",
	"1.3.6.1.5.5.7.3.3": "codeSigning", "1.3.6.1.5.5.7.3.4": "emailProtection", "1.3.6.1.5.5.7.3.5": "ipsecEndSystem",
	"1.3.6.1.5.5.7.3.6": "ipsecTunnel", "1.3.6.1.5.5.7.3.7": "ipsecUser", "1.3.6.1.5.5.7.3.8": "timeStamping",
	"1.3.6.1.5.5.7.3.9": "OCSPSigning", "1.3.6.1.5.5.7.3.13": "eapOverPPP", "1.3.6.1.5.5.7.3.14": "eapOverLAN",
	"1.3.6.1.5.5.7.3.17": "ipsecIKE", "1.3.6.1.5.5.7.3.21": "secureShellClient", "1.3.6.1.5.5.7.3.22": "secureShellServer",
	"1.3.6.1.5.5.7.3.31": "brandIndicatorforMessageIdentification", "1.3.6.1.5.5.7.3.36": "documentSigning",
	"2.16.840.1.113730.4.1": "netscapeSGC", "1.3.6.1.4.1.311.10.3.3": "microsoftSGC", "1.3.6.1.4.1.311.20.2.2": "smartcardLogon",
	"1.3.6.1.4.1.311.10.3.4": "encryptedFileSystem", "1.3.6.1.4.1.311.10.3.12": "msDocumentSigning",
	"1.3.6.1.4.1.311.2.1.21": "msIndividualCodeSigning", "1.3.6.1.4.1.311.2.1.22": "msCommercialCodeSigning",
	"1.3.6.1.5.2.3.4": "pkinitClientAuth", "1.3.6.1.5.2.3.5": "pkinitKDC", "1.3.6.1.4.1.11129.2.4.4": "precertificateSigning",
	// Policies and their qualifiers.
	oidAnyPolicy: "anyPolicy", "2.23.140.1.1": "extended-validation", "2.23.140.1.2.1": "domain-validated",
	"2.23.140.1.2.2": "organization-validated", "2.23.140.1.2.3": "individual-validated", "2.23.140.1.3": "ev-code-signing",
	"2.23.140.1.4.1": "code-signing", "1.3.6.1.5.5.7.2.1": "cps", "1.3.6.1.5.5.7.2.2": "userNotice",
	// Access methods and other names.
	oidOCSP: "OCSP", oidCAIssuers: "caIssuers", "1.3.6.1.5.5.7.48.3": "timeStamping", "1.3.6.1.5.5.7.48.5": "caRepository",
	OIDSmtpUTF8Mailbox: "SmtpUTF8Mailbox", "1.3.6.1.4.1.311.20.2.3": "userPrincipalName", "1.3.6.1.5.2.2": "kerberosPrincipal",
	"1.3.6.1.5.5.7.8.5": "xmppAddr", "1.3.6.1.5.5.7.8.7": "dnsSRV", "1.3.6.1.5.5.7.8.3": "permanentIdentifier",
	"1.3.6.1.5.5.7.8.4": "hardwareModuleName",
}

package finding

// Kinds of the one revocation status of a certificate, of must-staple, and of
// the downloads that revocation needs. The kinds named fetch-… are produced
// from the failures of internal/fetch, which carry these IDs as text.
const (
	CertRevoked             ID = "cert-revoked"
	RevocationUnavailable   ID = "revocation-unavailable"
	RevocationUndetermined  ID = "revocation-undetermined"
	RevocationNotFetched    ID = "revocation-not-fetched"
	RevocationNoPointer     ID = "revocation-no-pointer"
	RevocationPointerScheme ID = "revocation-pointer-unsupported"
	RevocationBudget        ID = "revocation-budget"
	RevocationFileUnused    ID = "revocation-file-unused"
	RevocationWithdrawn     ID = "revocation-withdrawn"
	RevocationDisagree      ID = "revocation-sources-disagree"
	MustStapleMissing       ID = "must-staple-missing"
	MustStapleInvalid       ID = "must-staple-invalid"
	TLSFeatureNotInherited  ID = "tls-feature-not-inherited"
	NoRevAvailConflict      ID = "no-rev-avail-conflict"

	FetchTimeout         ID = "fetch-timeout"
	FetchFailed          ID = "fetch-failed"
	FetchHTTPStatus      ID = "fetch-http-status"
	FetchContentEncoding ID = "fetch-content-encoding"
	FetchTooLarge        ID = "fetch-too-large"
	FetchRedirectLimit   ID = "fetch-redirect-limit"
	FetchSchemeRefused   ID = "fetch-scheme-refused"
	FetchRefusedAddress  ID = "fetch-refused-address"
)

const (
	riskUnknownStatus = "The certificate may be revoked without assay knowing. An attacker with a stolen key can cause this by blocking the download."
	fixFetch          = "Run assay check again: it asks anew. (A Go program that uses assay asks again after at most 10 minutes.) If it fails again, download the URL from this computer (curl URL) to find a problem with the proxy, firewall or DNS. If it fails from other networks too, report it to the CA."
)

var revocationKinds = []Kind{
	{ID: CertRevoked, Class: ClassRevocation, Severity: Error, Rank: 95,
		Title:   "the certificate was revoked on {revoked-at} (reason: {reason}, source: {source})",
		Explain: "The CA has declared this certificate invalid before its expiry date. The statement is signed and current. The reason certificateHold means that the CA may lift it again.",
		Risk:    "Someone else may hold the private key, or the certificate should not have been issued. You may not be talking to the server that the certificate names.",
		Fix:     "Do not connect. If it is your server: install a new certificate, with a new key if the old one may have leaked. If an intermediate is revoked: ask your CA for a chain without it. If it is not your server: tell its operator.",
		Spec:    "RFC 5280, 6.3.3; RFC 6960, 2.2",
		OpenSSL: "X509_V_ERR_CERT_REVOKED", OpenSSLCode: 23, Since: "0.1"},
	{ID: RevocationUnavailable, Class: ClassRevocationUnavailable, Severity: Inconclusive, Rank: 40,
		Title:   "no revocation source gave a status ({detail})",
		Explain: "The certificate says where its revocation status can be obtained: from a CRL, an OCSP responder, or both. None of these sources gave a status.",
		Risk:    riskUnknownStatus,
		Fix:     "See the findings about each source: they say what failed and what to do. If you have the CRL or an OCSP response as a file: pass it to assay verify with --crl FILE or --ocsp FILE. With --unknown warn assay accepts the server although it may be revoked.",
		Spec:    "RFC 5280, 6.3",
		OpenSSL: "X509_V_ERR_UNABLE_TO_GET_CRL", OpenSSLCode: 3, Since: "0.1"},
	{ID: RevocationUndetermined, Class: ClassRevocation, Severity: Inconclusive, Rank: 45,
		Title:   "the revocation status cannot be determined: {detail}",
		Explain: "assay received OCSP responses or CRLs and could use none. Each is out of date, wrongly signed, or about another certificate.",
		Risk:    "The certificate may be revoked without assay knowing. Someone may have replaced the data to hide a revocation.",
		Fix:     "See the findings about each source: they say what is wrong with it and what to do. If it is your server: check its stapled OCSP response. If the CA's data is wrong: report it to the CA.",
		Spec:    "RFC 5280, 6.3; RFC 6960, 3.2", Since: "0.1"},
	{ID: RevocationNotFetched, Class: ClassRevocationUnavailable, Severity: Inconclusive, Rank: 30,
		Title:   "assay has not asked the {source} {url}",
		Explain: "This revocation source was not in the cache and was not asked over the network. The check was offline, or the download is still running.",
		Risk:    riskUnknownStatus,
		Fix:     "If you use assay check: run it without --offline, or fill the cache first with assay cache prefetch. If you use assay verify, which asks nobody: pass the file with --crl FILE or --ocsp FILE.", Since: "0.1"},
	{ID: RevocationNoPointer, Class: ClassRevocation, Severity: Warning, Rank: 30,
		Title:   "the certificate names no CRL and no OCSP responder",
		Explain: "Nothing in the certificate says where its revocation status can be obtained. It is neither short-lived nor marked as not revocable.",
		Risk:    "If an attacker steals the key, the CA cannot tell clients. The certificate stays valid until it expires.",
		Fix:     "If you run this CA: put the address of a CRL or an OCSP responder into its certificates, or issue short-lived ones. If not: nothing needs to be done on this computer.",
		Spec:    "CA/Browser Forum BR 7.1.2.11.2", Since: "0.1"},
	{ID: RevocationPointerScheme, Class: ClassRevocationUnavailable, Severity: Inconclusive, Rank: 30,
		Title:   "assay does not download from {url}: it is not an http address",
		Explain: "assay downloads revocation data only from http and https addresses. This address uses another scheme, such as ldap.",
		Risk:    "If the certificate has no other source, its revocation status cannot be checked.",
		Fix:     "If you run this CA: publish its CRL over http. If you have the CRL as a file: pass it to assay verify with --crl FILE.",
		Spec:    "RFC 5280, 4.2.1.13", Since: "0.1"},
	{ID: RevocationBudget, Class: ClassBudget, Severity: Inconclusive, Rank: 60,
		Title:   "the certificate names {count} {what}; the limit is {limit}",
		Explain: "The certificate names more CRLs or OCSP responders than assay asks for one certificate. assay did not ask those beyond the limit.",
		Risk:    "An attacker can make a certificate that keeps clients busy or sends their requests to third parties.",
		Fix:     "If it is your certificate: ask the CA for one with one or two addresses. If it is not: do not trust it, because no legitimate certificate names so many.", Since: "0.1"},
	{ID: RevocationFileUnused, Class: ClassRevocation, Severity: Warning, Rank: 20,
		Title:   "assay did not use the file {file} ({issuer}): {detail}",
		Explain: "You passed a CRL or an OCSP response as a file. It is about no certificate of the path.",
		Risk:    "If you meant it for one of these certificates, that certificate may be revoked without assay knowing.",
		Fix:     "If you meant it for this certificate: pass the current file of the CA that issued the certificate. If not: leave the file out.", Since: "0.1"},
	{ID: RevocationWithdrawn, Class: ClassRevocation, Severity: Inconclusive, Rank: 65,
		Title:   "the {source} reported the certificate as revoked (seen on {learnt}), but no longer does (made on {newer})",
		Explain: "assay remembers revocations that it has seen. The same source, signed with the same key, no longer lists this certificate. Only a hold may be lifted before the certificate expires.",
		Risk:    "The CA may have corrected a mistake. It may also be under attack, and someone else may hold the certificate's key.",
		Fix:     "If it is your certificate or CA: find out which edition is right. If it is not: ask the CA. If the CA confirms that the certificate is good: run assay cache forget with its serial number. Until then, do not connect.",
		Spec:    "RFC 5280, 5.3.1", Since: "0.1"},
	{ID: RevocationDisagree, Class: ClassRevocation, Severity: Warning, Rank: 35,
		Title:   "the revocation sources disagree: {detail}",
		Explain: "Two authentic sources report different statuses for the same certificate. assay uses the worse status.",
		Risk:    "A client that asks only the other source still trusts the certificate.",
		Fix:     "Wait until both sources have been updated once. If they still disagree: report it to the CA.", Since: "0.1"},
	{ID: MustStapleMissing, Class: ClassRevocation, Severity: Error, Rank: 70,
		Title:   "the server sent no stapled OCSP response, but its certificate or CA requires one",
		Explain: "The certificate, or the CA certificate above it, has the must-staple extension. It tells clients to reject the server unless it sends a fresh OCSP response about its own certificate.",
		Risk:    "An attacker with a stolen key and a revoked certificate would leave out the stapled response. The extension exists to stop that.",
		Fix:     "If it is your server: turn on OCSP stapling and make sure that the server can reach the CA's OCSP responder. If your CA no longer runs one: get a certificate without must-staple. If it is not your server: tell its operator.",
		Spec:    "RFC 7633, 4.2.3.1", Allowable: true, Since: "0.1"},
	{ID: MustStapleInvalid, Class: ClassRevocation, Severity: Error, Rank: 70,
		Title:   "the stapled OCSP response does not show a good status, as must-staple requires",
		Explain: "The certificate, or the CA certificate above it, has the must-staple extension. The stapled OCSP response is out of date, wrongly signed, about another certificate, or does not say good.",
		Risk:    "An attacker with a stolen key and a revoked certificate would send an old or foreign response. The extension exists to stop that.",
		Fix:     "If it is your server: restart it, so that it fetches a fresh response, and check that it reaches the OCSP responder. If it is not: tell its operator.",
		Spec:    "RFC 7633, 4.2.3.1", Allowable: true, Since: "0.1"},
	{ID: TLSFeatureNotInherited, Class: ClassRevocation, Severity: Error, Rank: 50,
		Title:   "the CA requires the TLS feature {feature} of its certificates, and the certificate lacks it",
		Explain: "The CA's own certificate has a TLS feature extension. Every certificate below it must list at least the same features.",
		Risk:    "The limit that was put on the CA, usually must-staple, would be lost.",
		Fix:     "If you run this CA: copy the features of the CA's certificate into what it issues. If it is your server: ask the CA for a new certificate. If it is not: tell its operator.",
		Spec:    "RFC 7633, 4.2.2", Allowable: true, Since: "0.1"},
	{ID: NoRevAvailConflict, Class: ClassRevocation, Severity: Warning, Rank: 35,
		Title:   "the certificate says that it has no revocation information (noRevAvail), but {detail}",
		Explain: "The noRevAvail extension says that there is no CRL and no OCSP responder to ask. It is not allowed in a CA certificate or together with such addresses, so assay ignores it.",
		Risk:    "Clients that obey the extension skip a check that the certificate makes possible.",
		Fix:     "If you run this CA: leave out either noRevAvail or the addresses. If not: report it to the CA.",
		Spec:    "RFC 9608, 2 and 3", Since: "0.1"},

	{ID: FetchTimeout, Class: ClassRevocationUnavailable, Severity: Inconclusive, Rank: 30,
		Title:   "{url} did not reply in time: {detail}",
		Explain: "The download was not complete within its time limit. A server that sends very slowly counts too.",
		Risk:    riskUnknownStatus, Fix: fixFetch, Since: "0.1"},
	{ID: FetchFailed, Class: ClassRevocationUnavailable, Severity: Inconclusive, Rank: 30,
		Title:   "assay could not download {url}: {detail}",
		Explain: "The name could not be resolved, the connection failed, or it ended before the data was complete.",
		Risk:    riskUnknownStatus, Fix: fixFetch, Since: "0.1"},
	{ID: FetchHTTPStatus, Class: ClassRevocationUnavailable, Severity: Inconclusive, Rank: 30,
		Title:   "{url} replied with an error: {detail}",
		Explain: "assay reached the web server, and it did not deliver what the certificate points to.",
		Risk:    riskUnknownStatus, Fix: fixFetch, Since: "0.1"},
	{ID: FetchContentEncoding, Class: ClassRevocationUnavailable, Severity: Inconclusive, Rank: 30,
		Title:   "{url} sent a compressed body: {detail}",
		Explain: "assay does not decompress revocation data, because a few bytes can expand to gigabytes. CRLs and OCSP responses are published without compression.",
		Risk:    riskUnknownStatus,
		Fix:     "If you run this server: switch off compression for CRLs and OCSP responses. If not: report it to the CA.",
		Since:   "0.1"},
	{ID: FetchTooLarge, Class: ClassBudget, Severity: Inconclusive, Rank: 60,
		Title:   "{url} is larger than the limit: {detail}",
		Explain: "assay stopped the download at the size limit.",
		Risk:    "An endless download is a way to exhaust a client. The certificate may be revoked without assay knowing.",
		Fix:     "If the CRL is legitimate: raise the limit with --max-download. If you run this CA: split the CRL into smaller ones.", Since: "0.1"},
	{ID: FetchRedirectLimit, Class: ClassBudget, Severity: Inconclusive, Rank: 60,
		Title:   "{url} redirects too often: {detail}",
		Explain: "The web server sent assay from address to address, probably in a circle.",
		Risk:    "A redirect loop keeps clients busy. The certificate may be revoked without assay knowing.",
		Fix:     "Report it to the CA. If you run this CA: publish the data at the address that the certificate names.", Since: "0.1"},
	{ID: FetchSchemeRefused, Class: ClassRevocation, Severity: Inconclusive, Rank: 55,
		Title:   "{url} redirects to an address that is not http: {detail}",
		Explain: "assay follows only http and https addresses. A redirect led elsewhere, for example to a local file.",
		Risk:    "Such a redirect can make a careless client read local files or talk to internal services.",
		Fix:     "Report it to the CA. If the CA did not set up the redirect: someone between this computer and the CA may have added it.", Since: "0.1"},
	{ID: FetchRefusedAddress, Class: ClassRevocation, Severity: Inconclusive, Rank: 55,
		Title:   "assay does not download from {url}: {detail}",
		Explain: "The URL, or a redirect from it, leads into this network, to this computer, or to a cloud's metadata service. Only a server that is itself at such an address may point there.",
		Risk:    "An attacker could use a certificate or web server to make assay reach services that the attacker cannot reach (server-side request forgery).",
		Fix:     "If it is your own CA: run the check from inside that network, or publish CRLs and OCSP at a public address. In Go, Config.PrivateFetch allows private addresses (as assay.Internal does). If it is not: report it to the CA.",
		Since:   "0.1"},
}

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
	riskUnknownStatus = "If the certificate has been revoked, this check could not tell. An attacker who holds a stolen key and can block this answer would profit."
	fixFetch          = "Run assay check again: it asks anew, while handshakes wait up to 10 minutes. If it persists, open the address from this machine (proxy, firewall, DNS) and tell the certificate authority if it is down for everyone."
)

var revocationKinds = []Kind{
	{ID: CertRevoked, Class: ClassRevocation, Severity: Error, Rank: 95,
		Title:   "revoked on {revoked-at} (reason: {reason}), says the {source}",
		Explain: "The certificate authority has withdrawn this certificate before its expiry date, in a signed and current statement.",
		Risk:    "The key may be in somebody else's hands, or the certificate was issued wrongly. Whoever answers with it may not be who it names.",
		Fix:     "Do not connect. The server's operator must install a new certificate, with a new key if the old one leaked.",
		Spec:    "RFC 5280, 6.3.3; RFC 6960, 2.2",
		OpenSSL: "X509_V_ERR_CERT_REVOKED", OpenSSLCode: 23, Since: "0.1"},
	{ID: RevocationUnavailable, Class: ClassRevocationUnavailable, Severity: Inconclusive, Rank: 40,
		Title:   "no revocation source could be asked: {detail}",
		Explain: "The certificate says where its revocation status can be had, but none of those places gave an answer.",
		Risk:    riskUnknownStatus,
		Fix:     "See the findings on the single sources beside this one. --unknown warn accepts this and warns.",
		Spec:    "RFC 5280, 6.3",
		OpenSSL: "X509_V_ERR_UNABLE_TO_GET_CRL", OpenSSLCode: 3, Since: "0.1"},
	{ID: RevocationUndetermined, Class: ClassRevocation, Severity: Inconclusive, Rank: 45,
		Title:   "the revocation status cannot be determined: {detail}",
		Explain: "There were answers about the certificate's revocation, but none that is authentic, current and about this certificate.",
		Risk:    riskUnknownStatus + " Defective answers may also be somebody's attempt to hide a revocation.",
		Fix:     "See the findings on the single sources beside this one; they say what is wrong with each answer.",
		Spec:    "RFC 5280, 6.3; RFC 6960, 3.2", Since: "0.1"},
	{ID: RevocationNotFetched, Class: ClassRevocationUnavailable, Severity: Inconclusive, Rank: 30,
		Title:   "{source} {url} has not been asked",
		Explain: "This source of revocation status was neither in the cache nor asked over the network: the check was offline, or the answer is still on its way.",
		Risk:    riskUnknownStatus,
		Fix:     "Run without --offline, or fill the cache first with `assay cache prefetch`.", Since: "0.1"},
	{ID: RevocationNoPointer, Class: ClassRevocation, Severity: Warning, Rank: 30,
		Title:   "the certificate names no revocation list and no responder",
		Explain: "Nothing in the certificate says where its revocation status can be asked, and it is neither short-lived nor marked as not revocable.",
		Risk:    "If its key is stolen the certificate cannot effectively be withdrawn; it stays good until it expires.",
		Fix:     "The certificate authority should put a CRL distribution point or an OCSP address into its certificates, or issue short-lived ones.",
		Spec:    "CA/Browser Forum Baseline Requirements, 7.1.2.11.2", Since: "0.1"},
	{ID: RevocationPointerScheme, Class: ClassRevocationUnavailable, Severity: Inconclusive, Rank: 30,
		Title:   "the pointer {url} is not http and is not followed",
		Explain: "Only http and https addresses are followed for revocation data. This one uses another scheme, such as ldap.",
		Risk:    "If the certificate has no other pointer, its status cannot be checked.",
		Fix:     "The certificate authority should publish its list over http. A list at hand can be given with --crl FILE to `assay verify`.",
		Spec:    "RFC 5280, 4.2.1.13", Since: "0.1"},
	{ID: RevocationBudget, Class: ClassBudget, Severity: Inconclusive, Rank: 60,
		Title:   "the certificate names {count} {what}; the limit is {limit}",
		Explain: "The certificate names more revocation lists or responders than assay asks for one certificate. Those beyond the limit were not asked.",
		Risk:    "A hostile certificate can use its pointers to make clients do work or attack third parties.",
		Fix:     "Look at the distribution points and responders the certificate names. A legitimate certificate needs one or two.", Since: "0.1"},
	{ID: RevocationFileUnused, Class: ClassRevocation, Severity: Warning, Rank: 20,
		Title:   "the file {file} of {issuer} was not used: {detail}",
		Explain: "A revocation list or OCSP response that was given as a file answered about no certificate of the path.",
		Risk:    "If it was meant for one of them, that certificate's revocation may not be known.",
		Fix:     "Give the file of the authority that issued the certificate, in its current edition, or leave this one out.", Since: "0.1"},
	{ID: RevocationWithdrawn, Class: ClassRevocation, Severity: Inconclusive, Rank: 65,
		Title:   "the {source} said that the certificate is revoked (seen on {learnt}), and its edition of {newer} no longer does",
		Explain: "assay remembers revocations that it has seen. The same source, signed with the same key, has since published an edition that does not list the certificate, although the certificate has not expired. Except for a hold, a revocation is never taken back.",
		Risk:    "The authority may have corrected a mistake. It may also be under attack, and the key of the certificate may be in somebody else's hands.",
		Fix:     "Ask the certificate authority. If it confirms that the certificate is good, run `assay cache forget` with its serial number.",
		Spec:    "RFC 5280, 5.3.1", Since: "0.1"},
	{ID: RevocationDisagree, Class: ClassRevocation, Severity: Warning, Rank: 35,
		Title:   "revocation sources disagree: {detail}",
		Explain: "Two authentic sources say different things about the same certificate. The worse answer counts.",
		Risk:    "A client that asks only the other source would still trust the certificate.",
		Fix:     "If it lasts longer than the sources' update interval, tell the certificate authority.", Since: "0.1"},
	{ID: MustStapleMissing, Class: ClassRevocation, Severity: Error, Rank: 70,
		Title:   "the certificate requires a stapled OCSP response and the server sent none",
		Explain: "The certificate carries the must-staple extension: its owner asked that connections without a fresh OCSP response from the server itself be refused.",
		Risk:    "Somebody with a stolen key and a revoked certificate would leave the staple out. That is what the extension is there to stop.",
		Fix:     "Turn on OCSP stapling in the server and check that it can reach the responder, or reissue the certificate without the extension.",
		Spec:    "RFC 7633, 4.2.3.1", Allowable: true, Since: "0.1"},
	{ID: MustStapleInvalid, Class: ClassRevocation, Severity: Error, Rank: 70,
		Title:   "the certificate requires a stapled OCSP response and the one sent does not prove it good",
		Explain: "The certificate carries the must-staple extension, and the OCSP response that the server stapled is stale, badly signed, about another certificate, or does not say good.",
		Risk:    "Somebody with a stolen key and a revoked certificate would send an old or foreign response. That is what the extension is there to stop.",
		Fix:     "See the finding on the staple beside this one. Restarting the server often makes it fetch a fresh response; check that it can reach the responder.",
		Spec:    "RFC 7633, 4.2.3.1", Allowable: true, Since: "0.1"},
	{ID: TLSFeatureNotInherited, Class: ClassRevocation, Severity: Error, Rank: 50,
		Title:   "the issuer requires TLS feature {feature} of its certificates and this one lacks it",
		Explain: "The authority's own certificate has a TLS feature extension. Every certificate below it must list at least the same features.",
		Risk:    "The restriction that was put on the authority, most often must-staple, would be lost.",
		Fix:     "Have the certificate reissued with the features of its issuer.",
		Spec:    "RFC 7633, 4.2.2", Allowable: true, Since: "0.1"},
	{ID: NoRevAvailConflict, Class: ClassRevocation, Severity: Warning, Rank: 35,
		Title:   "the certificate says that no revocation information exists, and {detail}",
		Explain: "The noRevAvail extension promises that there is nothing to ask. It is not allowed beside revocation pointers or in the certificate of an authority, so it is ignored here.",
		Risk:    "Clients that honour the extension would skip a check that the certificate makes possible.",
		Fix:     "The certificate authority must drop one of the two.",
		Spec:    "RFC 9608, 2 and 4", Since: "0.1"},

	{ID: FetchTimeout, Class: ClassRevocationUnavailable, Severity: Inconclusive, Rank: 30,
		Title:   "{url} did not answer in time: {detail}",
		Explain: "The download was not complete within its time limit. A server that sends its answer in drips counts as well.",
		Risk:    riskUnknownStatus, Fix: fixFetch, Since: "0.1"},
	{ID: FetchFailed, Class: ClassRevocationUnavailable, Severity: Inconclusive, Rank: 30,
		Title:   "{url} could not be fetched: {detail}",
		Explain: "The name could not be resolved, the connection failed, or it ended in the middle of the answer.",
		Risk:    riskUnknownStatus, Fix: fixFetch, Since: "0.1"},
	{ID: FetchHTTPStatus, Class: ClassRevocationUnavailable, Severity: Inconclusive, Rank: 30,
		Title:   "{url} answered with an error: {detail}",
		Explain: "The web server was reached and did not deliver what the certificate points to.",
		Risk:    riskUnknownStatus, Fix: fixFetch, Since: "0.1"},
	{ID: FetchContentEncoding, Class: ClassRevocationUnavailable, Severity: Inconclusive, Rank: 30,
		Title:   "{url} sent a compressed body: {detail}",
		Explain: "assay offers no compression for revocation data and does not unpack any, because a few bytes can unpack to gigabytes.",
		Risk:    riskUnknownStatus,
		Fix:     "The operator of that server should send the file as it is (RFC 9110, 8.4: only encodings the client accepts).",
		Since:   "0.1"},
	{ID: FetchTooLarge, Class: ClassBudget, Severity: Inconclusive, Rank: 60,
		Title:   "{url} is larger than the limit: {detail}",
		Explain: "The download was stopped at the size limit.",
		Risk:    "An endless download is a way to exhaust a client. What was not read was not judged.",
		Fix:     "If the list is legitimate, raise the limit with --max-download.", Since: "0.1"},
	{ID: FetchRedirectLimit, Class: ClassBudget, Severity: Inconclusive, Rank: 60,
		Title:   "{url} redirects too often: {detail}",
		Explain: "The download was passed on from address to address, probably in a circle.",
		Risk:    "A redirect loop keeps clients busy. Nothing was downloaded.",
		Fix:     "Tell the certificate authority; revocation data should be where the certificate says.", Since: "0.1"},
	{ID: FetchSchemeRefused, Class: ClassRevocation, Severity: Inconclusive, Rank: 55,
		Title:   "{url} leads to something that is not http: {detail}",
		Explain: "Only http and https are followed. A redirect led elsewhere, for example to a local file.",
		Risk:    "Such a redirect can make a careless client read local files or talk to internal services.",
		Fix:     "Tell the certificate authority. If the authority is not at fault, suspect somebody on the way.", Since: "0.1"},
	{ID: FetchRefusedAddress, Class: ClassRevocation, Severity: Inconclusive, Rank: 55,
		Title:   "{url} leads to an address that is not asked: {detail}",
		Explain: "The pointer, or a redirect from it, leads to an address inside this network, on this machine, or of a cloud's metadata service. Only a server that is itself at such an address may point there.",
		Risk:    "A certificate or a web server could use assay to reach services that its author cannot reach (server-side request forgery).",
		Fix:     "If the certificate is from your own authority, its pointers must be reachable at public addresses or its server checked from inside the network.",
		Since:   "0.1"},
}

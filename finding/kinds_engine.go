package finding

// Kinds of the engine: budgets, trust configuration, failures of assay itself.
const (
	InternalError   ID = "internal-error"
	BudgetNeeds     ID = "budget-needs"
	AnchorsEmpty    ID = "anchors-empty"
	NoCertificates  ID = "no-certificates"
	X509Disagrees   ID = "x509-disagrees"
	X509Refused     ID = "x509-refused"
	AIAMissing      ID = "intermediate-fetched"
	AIAUnavailable  ID = "intermediate-unavailable"
	EvidenceInvalid ID = "evidence-invalid"

	EvidenceOtherTrust ID = "evidence-other-trust"

	BudgetCertificates   ID = "budget-certificates"
	AlternatePathRevoked ID = "alternate-path-revoked"
	AlternatePathUnknown ID = "alternate-path-unknown"
)

var engineKinds = []Kind{
	{ID: InternalError, Class: ClassInternal, Severity: Error, Rank: 90,
		Title:   "assay failed internally while judging {what}: {detail}",
		Explain: "A part of assay itself failed. The judgement is incomplete, so the connection is refused whatever else was found.",
		Risk:    "None is known, but nothing that was not finished may be relied on.",
		Fix:     "Please report this with the saved evidence (assay check --save-evidence FILE).",
		Since:   "0.1"},
	{ID: BudgetNeeds, Class: ClassBudget, Severity: Error, Rank: 60,
		Title:   "the certificates ask for {count} downloads; the limit is {limit}",
		Explain: "The chain names more revocation lists, responders or issuers than assay is willing to fetch for one judgement.",
		Risk:    "A hostile chain can use its pointers to make clients do work or attack third parties. What was not fetched was not judged.",
		Fix:     "Look at the distribution points and responders the certificates name. A legitimate chain needs a handful.",
		Since:   "0.1"},
	{ID: AnchorsEmpty, Class: ClassPath, Severity: Error, Rank: 85,
		Title:   "there are no trust anchors to verify against",
		Explain: "No root certificates were found, so no chain can be trusted.",
		Risk:    "None; every connection is refused.",
		Fix:     "Install the system's CA certificates (package ca-certificates), set SSL_CERT_FILE, or give --roots FILE.",
		OpenSSL: "X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY", OpenSSLCode: 20,
		Since: "0.1"},
	{ID: NoCertificates, Class: ClassPath, Severity: Inconclusive, Rank: 20,
		Title:   "the server sent no certificate",
		Explain: "The handshake ended before the server presented a certificate, so there is nothing to judge.",
		Risk:    "The identity of the server is unknown.",
		Fix:     "See the connection finding that stands beside this one; it says why.",
		Since:   "0.1"},
	{ID: X509Disagrees, Class: ClassPath, Severity: Info, Rank: 1,
		Title:   "Go's crypto/x509 disagrees: {detail}",
		Explain: "Go's own verifier gives another verdict on the same chain. Both are shown because Go programs will see the other one.",
		Risk:    "None by itself; programs that rely on crypto/x509 will behave differently.",
		Fix:     "Read the message; ARCHITECTURE.md lists the known differences.",
		Since:   "0.1"},
	{ID: AIAMissing, Class: ClassPath, Severity: Warning, Rank: 40,
		Title:   "the server did not send the intermediate {subject}; it was fetched from {url}",
		Explain: "The chain that the server sent does not reach a trust anchor. assay found the missing certificate through the address in the certificate (AIA caIssuers).",
		Risk:    "Many clients (OpenSSL, Go, curl, Java by default) do not fetch missing certificates and will fail to connect.",
		Fix:     "Configure the server with the full chain: leaf first, then every intermediate.",
		Spec:    "RFC 5280, 4.2.2.1; RFC 8446, 4.4.2",
		Since:   "0.1"},
	{ID: AIAUnavailable, Class: ClassPath, Severity: Warning, Rank: 10,
		Title:   "the missing issuer could not be fetched from {url}: {detail}",
		Explain: "The chain is incomplete and the address it gives for the missing certificate did not deliver one.",
		Risk:    "None by itself; the path stays incomplete.",
		Fix:     "Configure the server with the full chain: leaf first, then every intermediate.",
		Spec:    "RFC 5280, 4.2.2.1",
		Since:   "0.1"},
	{ID: EvidenceInvalid, Class: ClassInternal, Severity: Error, Rank: 80,
		Title:   "the saved evidence cannot be judged: {detail}",
		Explain: "The evidence is damaged or was written by a version of assay whose format this one does not know.",
		Risk:    "Nothing in it can be relied on.",
		Fix:     "Save the evidence again with this version (assay check --save-evidence FILE).",
		Since:   "0.1"},
	{ID: EvidenceOtherTrust, Class: ClassInternal, Severity: Info, Rank: 1,
		Title:   "the evidence was saved with a different set of {what}: then {saved}, now {now}",
		Explain: "Saved evidence names the trust anchors and the log list that were in force when it was gathered. The ones in force now are not the same, so the verdict may differ from the one of that time.",
		Risk:    "No direct risk. The verdict is right for the trust anchors and the log list in force now.",
		Fix:     "To judge as at that time: give the same files to assay verify --evidence (--roots FILE, --log-list FILE). The report (-v) shows the hashes to compare.",
		Since:   "0.1"},
	{ID: BudgetCertificates, Class: ClassBudget, Severity: Error, Rank: 60,
		Title:   "{count} certificates were presented; at most {limit} are judged",
		Explain: "The chain is far longer than any legitimate one. The certificates beyond the limit were not looked at.",
		Risk:    "Oversized chains are a way to make clients do work.",
		Fix:     "Configure the server with the leaf and its intermediates only.",
		Since:   "0.1"},
	{ID: AlternatePathRevoked, Class: ClassRevocation, Severity: Warning, Rank: 70,
		Title:   "another path goes through {subject}, which is revoked; this path does not",
		Explain: "The best path to a trust anchor contains a revoked intermediate. A second path, without it, is good, so the certificate was judged on that one.",
		Risk:    "Clients that build only the first path will refuse the server. A CA whose certificate was revoked may have lost its key.",
		Fix:     "Remove the revoked intermediate from the server's chain and ask the CA which chain to use now.",
		Spec:    "RFC 5280, 6.3",
		Since:   "0.1"},
	{ID: AlternatePathUnknown, Class: ClassRevocation, Severity: Warning, Rank: 30,
		Title:   "on another path the revocation of {subject} is not known; this path is good",
		Explain: "The best path to a trust anchor contains a certificate about whose revocation there is no answer. A second path is good as a whole, so the certificate was judged on that one.",
		Risk:    "Clients that build only the first path may refuse the server.",
		Fix:     "See the findings on the other path. If the cross-certificate in it is no longer needed, remove it from the server's chain.",
		Spec:    "RFC 5280, 6.3",
		Since:   "0.1"},
	{ID: X509Refused, Class: ClassPath, Severity: Error, Rank: 40,
		Title:   "Go's crypto/x509 refuses the chain: {detail}",
		Explain: "The standard library refused the certificate before assay was asked. assay adds to its verification and never overrules it.",
		Risk:    "The standard library could not establish who the server is.",
		Fix:     "Read the standard library's message; the findings beside this one may say more. ARCHITECTURE.md lists where it is stricter than assay check.",
		Since:   "0.1"},
}

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
		Title:   "assay failed internally while checking {what}: {detail}",
		Explain: "A part of assay itself failed. The check is incomplete, so assay rejects the server whatever it found.",
		Risk:    "assay saw no attack, but it did not finish the check. Do not rely on the server.",
		Fix:     "Report it to the makers of assay, with the saved evidence (assay check --save-evidence FILE).",
		Since:   "0.1"},
	{ID: BudgetNeeds, Class: ClassBudget, Severity: Error, Rank: 60,
		Title:   "the certificates require {count} downloads; the limit is {limit}",
		Explain: "The chain names more CRLs, OCSP responders or issuers than assay downloads for one check.",
		Risk:    "An attacker can use such a chain to keep clients busy or to attack third parties. assay did not check what it did not download.",
		Fix:     "If it is your server: check how many CRL, OCSP and issuer addresses its certificates name. A legitimate chain needs a handful. If it is not: do not connect.",
		Since:   "0.1"},
	{ID: AnchorsEmpty, Class: ClassPath, Severity: Error, Rank: 85,
		Title:   "this computer has no trusted root certificates",
		Explain: "assay found no root certificates, so it can trust no chain.",
		Risk:    "No direct risk. assay rejects every server.",
		Fix:     "Install the CA certificates of the operating system on this computer (package ca-certificates), set SSL_CERT_FILE, or pass --roots FILE (in Go: Config.Roots).",
		OpenSSL: "X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY", OpenSSLCode: 20,
		Since: "0.1"},
	{ID: NoCertificates, Class: ClassPath, Severity: Inconclusive, Rank: 20,
		Title:   "the server sent no certificate",
		Explain: "The handshake ended before the server presented a certificate, so assay has nothing to check.",
		Risk:    "assay saw no attack, but it could not check who the server is. Do not send it anything confidential.",
		Fix:     "See the finding about the connection: it says why and who can repair it.",
		Since:   "0.1"},
	{ID: X509Disagrees, Class: ClassPath, Severity: Info, Rank: 1,
		Title:   "the Go standard library (crypto/x509) has another result: {detail}",
		Explain: "The report shows the result of Go's own verifier because Go programs get that one. Go rejects a critical must-staple extension, critical constraints on directory names, and names that differ only in their spelling, and before Go 1.27 ML-DSA. It overlooks some excluded IP ranges.",
		Risk:    "No direct risk. Programs that rely on crypto/x509 behave differently from assay.",
		Fix:     "Nothing needs to be done if no Go program connects. If it is your server: get a certificate without the detail that the message names. If it is not: tell its operator.",
		Since:   "0.1"},
	{ID: AIAMissing, Class: ClassPath, Severity: Warning, Rank: 40,
		Title:   "the server did not send the intermediate {subject}; assay downloaded it from {url}",
		Explain: "The chain that the server sent does not reach a trusted root. assay found the missing certificate through the address in the certificate (AIA caIssuers).",
		Risk:    "No direct risk. Most clients other than browsers (OpenSSL, Go, curl, Java by default) do not download missing certificates and cannot connect.",
		Fix:     "If it is your server: configure it with the full chain, its own certificate first, then every intermediate. If it is not: tell its operator.",
		Spec:    "RFC 5280, 4.2.2.1; RFC 8446, 4.4.2",
		Since:   "0.1"},
	{ID: AIAUnavailable, Class: ClassPath, Severity: Warning, Rank: 10,
		Title:   "assay could not download the missing issuer from {url}: {detail}",
		Explain: "The chain is incomplete, and the address that it names for the missing certificate did not deliver one.",
		Risk:    "No direct risk. The chain stays incomplete.",
		Fix:     "If it is your server: configure it with the full chain, its own certificate first, then every intermediate. If it is not: tell its operator.",
		Spec:    "RFC 5280, 4.2.2.1",
		Since:   "0.1"},
	{ID: EvidenceInvalid, Class: ClassInternal, Severity: Error, Rank: 80,
		Title:   "the saved evidence cannot be checked: {detail}",
		Explain: "The evidence is damaged, or another version of assay wrote it in a format that this version does not know.",
		Risk:    "Nothing in it can be relied on.",
		Fix:     "Save the evidence again with this version on this computer (assay check --save-evidence FILE).",
		Since:   "0.1"},
	{ID: EvidenceOtherTrust, Class: ClassInternal, Severity: Info, Rank: 1,
		Title:   "the evidence was saved with a different set of {what}: then {saved}, now {now}",
		Explain: "Saved evidence names the trusted roots and the log list that were in force when it was saved. Those of now are different. The result may therefore differ from the result of that time.",
		Risk:    "No direct risk. The result is right for the trusted roots and the log list in force now.",
		Fix:     "To check as at that time, pass the same files to assay verify --evidence (--roots FILE, --log-list FILE). The report (-v) shows the hashes to compare. If the files are gone: nothing needs to be done.",
		Since:   "0.1"},
	{ID: BudgetCertificates, Class: ClassBudget, Severity: Error, Rank: 60,
		Title:   "the server sent {count} certificates; assay checks at most {limit}",
		Explain: "The chain is far longer than any legitimate one. assay did not check the certificates beyond the limit.",
		Risk:    "Someone may use oversized chains to keep clients busy.",
		Fix:     "If it is your server: configure it with its own certificate and its intermediates only. If it is not: tell its operator.",
		Since:   "0.1"},
	{ID: AlternatePathRevoked, Class: ClassRevocation, Severity: Warning, Rank: 70,
		Title:   "the CA certificate {subject} is revoked; assay used a path that avoids it",
		Explain: "The first path to a trusted root contains a revoked intermediate. A second path without it is good, so assay used that one.",
		Risk:    "Clients that build only the first path reject the server. A CA whose certificate was revoked may have lost its key.",
		Fix:     "If it is your server: remove the revoked intermediate from its chain and ask the CA which chain to use now. If it is not: tell its operator.",
		Spec:    "RFC 5280, 6.3",
		Since:   "0.1"},
	{ID: AlternatePathUnknown, Class: ClassRevocation, Severity: Warning, Rank: 30,
		Title:   "the revocation status of {subject} on another path is not known; assay used a path that is good",
		Explain: "The first path to a trusted root contains a certificate whose revocation status could not be obtained. A second path is good as a whole, so assay used that one.",
		Risk:    "No direct risk. Clients that build only the first path may reject the server.",
		Fix:     "See the findings on the other path. If it is your server: remove the cross-certificate of that path from its chain if no client needs it. If it is not: nothing needs to be done.",
		Spec:    "RFC 5280, 6.3",
		Since:   "0.1"},
	{ID: X509Refused, Class: ClassPath, Severity: Error, Rank: 40,
		Title:   "the Go standard library (crypto/x509) rejects the chain: {detail}",
		Explain: "Go's own verifier rejected the certificate before assay checked it. assay adds checks and never overrules Go. Go rejects more: critical must-staple, critical constraints on directory names, and names that differ only in their spelling.",
		Risk:    "The standard library could not confirm who the server is. Do not send it anything confidential.",
		Fix:     "Read the message and the other findings: they may say more. If it is your server: correct its certificate or chain. If it is not: tell its operator, and compare with assay check.",
		Since:   "0.1"},
}

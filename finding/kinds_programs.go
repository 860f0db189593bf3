package finding

// Kinds of root programs: what the makers of browsers and operating systems trust.
const (
	RootDistrusted     ID = "root-distrusted"
	RootDistrustSoon   ID = "root-distrust-soon"
	RootNotInProgram   ID = "root-not-in-program"
	RootProgramUnclear ID = "root-program-unclear"
	RootProgramOld     ID = "root-program-old"
)

const (
	rootProgram = "A root program decides which root certificates a browser or an operating system trusts. "
	fixOtherCA  = "If it is your server: ask the CA for a chain to another root, or get a certificate from another CA. If it is not: report it to the operator."
)

var programKinds = []Kind{
	{ID: RootDistrusted, Class: ClassProgram, Severity: Error, Rank: 88,
		Title:   "the root program of {program} does not trust this certificate{period}: {why}",
		Explain: rootProgram + "It knows the root, but its conditions for the root are not met.",
		Risk:    "Programs that use these roots do not connect. Root programs do this when they no longer trust a CA to issue correctly.",
		Fix:     fixOtherCA,
		Spec:    "Mozilla Root Store Policy, 7.3; Chrome Root Program Policy; Microsoft Trusted Root Program",
		OpenSSL: "X509_V_ERR_CERT_REJECTED", OpenSSLCode: 28, Since: "0.1"},
	{ID: RootDistrustSoon, Class: ClassProgram, Severity: Warning, Rank: 45,
		Title:   "the root program of {program} ends its trust in this root: {why}",
		Explain: rootProgram + "It still trusts this certificate. It has published a date, less than 90 days away or past, that ends its trust in certificates of this root.",
		Risk:    "After that date programs that use these roots do not connect, or the certificate cannot be renewed under the same root.",
		Fix:     "If it is your server: plan a certificate from another root or another CA before the date. If it is not: report it to the operator.",
		Spec:    "Mozilla Root Store Policy, 7.3; Chrome Root Program Policy; Microsoft Trusted Root Program",
		Since:   "0.1"},
	{ID: RootNotInProgram, Class: ClassProgram, Severity: Error, Rank: 86,
		Title:   "the root program of {program} does not have the root of this certificate: {subject}",
		Explain: rootProgram + "The chain ends in a root certificate that is not among them.",
		Risk:    "Programs that use these roots do not connect. No CA that they trust confirms who the server is.",
		Fix:     "If it is your server: get a certificate from a CA that the program includes. If the CA is your own: pass its root with --roots FILE, and leave out --trust. If it is neither: report it to the operator.",
		Spec:    "RFC 5280, 6.1",
		OpenSSL: "X509_V_ERR_CERT_UNTRUSTED", OpenSSLCode: 27, Since: "0.1"},
	{ID: RootProgramUnclear, Class: ClassProgram, Severity: Inconclusive, Rank: 60,
		Title:   "assay cannot tell whether the root program of {program} trusts this certificate: {why}",
		Explain: rootProgram + "Something that is needed to apply its rules to this certificate is missing.",
		Risk:    "The program may have stopped trusting the CA. assay accepts nothing that it could not check.",
		Fix:     "If SCTs could not be verified: pass a log list with --log-list FILE. If a root certificate is missing: pass it with --roots FILE. If the table is missing or too old: run assay update programs on this computer.",
		Since:   "0.1"},
	{ID: RootProgramOld, Class: ClassProgram, Severity: Warning, Rank: 25,
		Title:   "the table of root certificates of {program} is {age} days old, made on {date}",
		Explain: rootProgram + "assay uses a table of its decisions. The table is old, so the program may have changed its decisions since.",
		Risk:    "assay may trust a root that the program has since removed. After 400 days assay does not use the table.",
		Fix:     "Install a newer assay, or run assay update programs on this computer.",
		Since:   "0.1"},
}

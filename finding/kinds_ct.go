package finding

// The findings about Certificate Transparency.
const (
	CTNotVerified       ID = "ct-not-verified"
	CTNoLogList         ID = "ct-no-log-list"
	CTListStale         ID = "ct-list-stale"
	CTListUndated       ID = "ct-list-undated"
	CTLogRefused        ID = "ct-log-refused"
	CTSCTMissing        ID = "ct-sct-missing"
	CTSCTListBad        ID = "ct-sct-list-bad"
	CTSCTInvalid        ID = "ct-sct-invalid"
	CTSCTFromFuture     ID = "ct-sct-from-future"
	CTSCTUnknownLog     ID = "ct-sct-unknown-log"
	CTSCTUnknownVersion ID = "ct-sct-unknown-version"
	CTSCTUnverified     ID = "ct-sct-unverified"
	CTSCTInterval       ID = "ct-sct-interval"
	CTSCTLogState       ID = "ct-sct-log-state"
	CTSCTNotDelivered   ID = "ct-sct-not-delivered"
	CTSCTDuplicate      ID = "ct-sct-duplicate"
	CTNoValidSCT        ID = "ct-no-valid-sct"
	CTPolicyUnmet       ID = "ct-policy-unmet"
	CTPrivateAnchor     ID = "ct-private-anchor"
	CTBudget            ID = "ct-budget"
	CTNotIncluded       ID = "ct-not-included"
	CTAbsenceUnproven   ID = "ct-absence-unproven"
	CTAuditLimit        ID = "ct-audit-limit"
	CTAuditPending      ID = "ct-audit-pending"
	CTAuditUnavailable  ID = "ct-audit-unavailable"
	CTAuditBadAnswer    ID = "ct-audit-bad-answer"
	CTLogBehind         ID = "ct-log-behind"
)

const (
	specRFC6962 = "RFC 6962, 3"
	ctPurpose   = "Certificate Transparency makes certificates public, so that a wrongly issued one is noticed. "
)

var ctKinds = []Kind{
	{ID: CTNotVerified, Class: ClassCT, Severity: Info, Rank: 10, Since: "0.1",
		Title:   "assay shows {count} SCTs but did not verify them: there is no log list",
		Explain: "An SCT is a log's signed promise to publish the certificate. assay needs the log's public key from a log list to verify it, and there is no log list.",
		Risk:    "What the SCTs say may be false. assay concludes nothing from them.",
		Fix:     "Pass a log list that you trust with --log-list FILE, or store one on this computer with assay update log-list URL.",
		Spec:    specRFC6962},
	{ID: CTNoLogList, Class: ClassCT, Severity: Inconclusive, Rank: 50, Since: "0.1",
		Title:   "the CT policy {policy} cannot be checked without a log list",
		Explain: "The policy requires SCTs (signed promises of logs to publish the certificate). Without a log list assay cannot verify any.",
		Risk:    "assay cannot tell whether the certificate was made public.",
		Fix:     "Pass a log list with --log-list FILE, or store one on this computer with assay update log-list URL. With --ct report or --ct off assay accepts the server without SCTs.",
		Spec:    specRFC6962},
	{ID: CTListStale, Class: ClassCT, Severity: Warning, Rank: 30, Since: "0.1",
		Title:   "the log list made on {date} is {age} days old; the limit is {limit} days",
		Explain: "Logs open, close and lose trust. A log list this old no longer says which logs count today. Browsers stop enforcing after the same time.",
		Risk:    "A good certificate may seem to lack SCTs, and a log that has lost trust still counts. assay does not enforce browser policies with this log list.",
		Fix:     "Get a current log list on this computer: assay update log-list URL.",
		Spec:    "Chrome CT policy"},
	{ID: CTListUndated, Class: ClassCT, Severity: Warning, Rank: 20, Since: "0.1",
		Title:   "the log list has no date",
		Explain: "The log list does not say when it was made, so assay cannot tell its age. assay uses it as if it were current.",
		Risk:    "An old log list may name logs that have lost trust, or lack new ones.",
		Fix:     "Get a log list that has a log_list_timestamp on this computer: assay update log-list URL. If you made the log list yourself: add the timestamp.",
		Spec:    "log list v3 schema"},
	{ID: CTLogRefused, Class: ClassCT, Severity: Warning, Rank: 40, Since: "0.1",
		Title:   "assay ignores {count} of the logs in the log list, first {log}: {detail}",
		Explain: "The key of such a log is published for tests, or SCTs cannot be verified with its kind of key. SCTs of this log count like SCTs of an unknown log.",
		Risk:    "An attacker can sign SCTs with a published test key. A log list with such a key is not meant for use.",
		Fix:     "Get a current production log list on this computer: assay update log-list URL.",
		Spec:    "RFC 6962, 2.1.4; log_mimics_list.json"},
	{ID: CTSCTMissing, Class: ClassCT, Severity: Info, Rank: 20, Since: "0.1",
		Title:   "the certificate came without SCTs",
		Explain: "An SCT is a log's signed promise to publish the certificate. None is in the certificate, the handshake or the stapled OCSP response. That is normal for a private CA; browsers reject such a certificate from a public CA.",
		Risk:    "Nothing shows that the certificate was made public. It may have been issued in secret.",
		Fix:     "If it is your server and its CA is public: ask the CA for a certificate with embedded SCTs. If its CA is private: nothing needs to be done.",
		Spec:    specRFC6962 + ".3"},
	{ID: CTSCTListBad, Class: ClassCT, Severity: Warning, Rank: 40, Since: "0.1",
		Title:   "the SCT data ({source}) is malformed: {detail}",
		Explain: "The SCT list, or one SCT in it, does not follow the format, so assay cannot read it.",
		Risk:    "These SCTs do not count. Browsers may reject the certificate of a public CA.",
		Fix:     "If it is your server and the SCTs are in the certificate: ask the CA for a new one. If they are in the handshake: correct the server's SCT files. If it is not your server: tell its operator.",
		Spec:    specRFC6962 + ".3"},
	{ID: CTSCTInvalid, Class: ClassCT, Severity: Warning, Rank: 45, Since: "0.1",
		Title:   "the SCT of {log} ({source}) has a wrong signature",
		Explain: "assay knows the log, but the log's signature does not fit this certificate, time and extensions. The SCT was made for another certificate, or it was changed.",
		Risk:    "The SCT proves nothing. It may hide that the certificate was never made public.",
		Fix:     "If it is your server and the SCT is in the certificate: ask the CA for a new one. If it is in the handshake or staple: configure the SCTs of this very certificate. If it is not your server: tell its operator.",
		Spec:    specRFC6962 + ".2"},
	{ID: CTSCTFromFuture, Class: ClassCT, Severity: Warning, Rank: 45, Since: "0.1",
		Title:   "the SCT of {log} ({source}) is dated in the future: {time}",
		Explain: "The log's time is later than the time of this check. Either the log signed a time that has not come, or the clock of this computer is slow.",
		Risk:    "No direct risk. Such an SCT counts for no policy.",
		Fix:     "Check the date and time of this computer first. If it is your server: ask the CA for a certificate with other SCTs. If it is not: tell its operator.",
		Spec:    "RFC 6962, 5.2"},
	{ID: CTSCTUnknownLog, Class: ClassCT, Severity: Info, Rank: 20, Since: "0.1",
		Title:   "an SCT ({source}) is from a log that is not in the log list: {log-id}",
		Explain: "The SCT names its log by the hash of a key, and the log list has no such log. The log may be newer than the log list, older, or private.",
		Risk:    "assay cannot verify the SCT. It counts for no policy.",
		Fix:     "Get a current log list on this computer: assay update log-list URL. If it is your server and other SCTs are too few: ask the CA for SCTs of known logs.",
		Spec:    specRFC6962 + ".2"},
	{ID: CTSCTUnknownVersion, Class: ClassCT, Severity: Info, Rank: 20, Since: "0.1",
		Title:   "an SCT ({source}) has a version that assay does not know: {version}",
		Explain: "Only version 1 of SCTs (number 0) is in use. assay skips others, as the standard requires.",
		Risk:    "No direct risk. The SCT counts for no policy.",
		Fix:     "Nothing needs to be done while there are enough other SCTs. If it is your server and they are too few: ask the CA for a new certificate.",
		Spec:    specRFC6962 + ".3"},
	{ID: CTSCTUnverified, Class: ClassCT, Severity: Info, Rank: 20, Since: "0.1",
		Title:   "assay could not verify the SCT of {log} ({source}): {detail}",
		Explain: "The log signed the key of the certificate's issuer and the certificate without its SCTs. assay does not have one of them.",
		Risk:    "No direct risk. The SCT counts for no policy.",
		Fix:     "If it is your server: configure it to send its intermediate certificates. If it is not: tell its operator.",
		Spec:    specRFC6962 + ".2"},
	{ID: CTSCTInterval, Class: ClassCT, Severity: Warning, Rank: 30, Since: "0.1",
		Title:   "the log {log} takes only certificates that expire from {start} to {end}; this certificate expires on {not-after}",
		Explain: "Each log takes certificates with a certain range of end dates. This log should not have accepted this certificate.",
		Risk:    "The log breaks its own rules. With --ct require the SCT does not count.",
		Fix:     "If you run the CA: use a log for the certificate's end date. If it is your server: report it to the CA and ask for a certificate with other SCTs. If it is not: nothing needs to be done.",
		Spec:    "log list v3 schema, temporal_interval"},
	{ID: CTSCTLogState, Class: ClassCT, Severity: Info, Rank: 20, Since: "0.1",
		Title:   "the log {log} is {state} since {since}; its SCT made on {time} ({source}) does not count",
		Explain: "The signature is right, but the log list does not accept SCTs that this log made at that time. The log is not admitted yet, was retired before, or was rejected.",
		Risk:    "No direct risk. Browsers do not count this SCT.",
		Fix:     "Nothing needs to be done while enough other SCTs count. If it is your server and they are too few: ask the CA for a new certificate.",
		Spec:    "log list v3 schema, state"},
	{ID: CTSCTNotDelivered, Class: ClassCT, Severity: Info, Rank: 10, Since: "0.1",
		Title:   "an SCT does not count because the server did not send it (log {log})",
		Explain: "The SCT, a log's signed promise to publish the certificate, is in an OCSP response that assay downloaded. Clients count only SCTs that the server sends: in its certificate, in the handshake or in a stapled OCSP response.",
		Risk:    "No direct risk. Browsers do not see this SCT.",
		Fix:     "If it is your server and the certificate has too few SCTs: turn on OCSP stapling, or get a certificate with embedded SCTs. If it is not: nothing needs to be done.",
		Spec:    specRFC6962 + ".3"},
	{ID: CTSCTDuplicate, Class: ClassCT, Severity: Info, Rank: 10, Since: "0.1",
		Title:   "the SCT of {log} ({source}) came more than once",
		Explain: "The server sent the same SCT several times. It counts once.",
		Risk:    "No direct risk.",
		Fix:     "Nothing urgent. If it is your server: remove the repeated SCT.",
		Spec:    specRFC6962 + ".3"},
	{ID: CTNoValidSCT, Class: ClassCT, Severity: Error, Rank: 65, Allowable: true, Since: "0.1",
		Title:   "{certificate} has no valid SCT: {detail}",
		Explain: ctPurpose + "With --ct require assay requires at least one valid SCT (a log's signed promise) of a log in the log list. There is none.",
		Risk:    "Nothing shows that the certificate was made public. It may have been issued in secret.",
		Fix:     "If it is your server: ask the CA for a certificate with embedded SCTs of current logs. If it is not: check that the log list on this computer is current, then tell the operator.",
		Spec:    specRFC6962 + ".3", OpenSSL: "X509_V_ERR_NO_VALID_SCTS", OpenSSLCode: 71},
	{ID: CTPolicyUnmet, Class: ClassCT, Severity: Error, Rank: 65, Allowable: true, Since: "0.1",
		Title:   "the certificate does not meet the CT policy of {policy}: {detail}",
		Explain: ctPurpose + "Browsers require SCTs (signed promises) from several logs of different operators. SCTs in the certificate and SCTs in the handshake are counted separately.",
		Risk:    "Browsers with this policy reject the certificate. Some of them may accept a mix of both kinds of SCTs that assay does not count.",
		Fix:     "If it is your server: ask the CA for a certificate with SCTs of enough current logs. If it is not: tell its operator.",
		Spec:    "Chrome CT policy; Apple support article 103214"},
	{ID: CTPrivateAnchor, Class: ClassCT, Severity: Info, Rank: 10, Since: "0.1",
		Title:   "the CT policy of {policy} does not apply: the trusted root is private",
		Explain: "Browser policies for Certificate Transparency apply only to publicly trusted CAs. The trusted root of this certificate is not one of them.",
		Risk:    "No direct risk. Private CAs do not use public logs.",
		Fix:     "Nothing needs to be done. If the root is public: name it with --public-root.",
		Spec:    "Chrome CT policy"},
	{ID: CTBudget, Class: ClassCT, Severity: Info, Rank: 10, Since: "0.1",
		Title:   "assay checked {limit} of the certificate's {count} SCTs and ignored the rest",
		Explain: "An SCT is a log's signed promise to publish the certificate. Each one costs work, and no certificate needs this many. The SCTs that assay ignored count for no policy.",
		Risk:    "No direct risk. A server can waste the time of its visitors with such lists.",
		Fix:     "If it is your server: remove SCTs until few are left. If it is not: nothing needs to be done.",
		Spec:    specRFC6962 + ".3"},
	{ID: CTNotIncluded, Class: ClassCT, Severity: Error, Rank: 70, Since: "0.1",
		Title:   "the log {log} promised at {time} to publish the certificate and has not published it: {detail}",
		Explain: "The log signed an SCT for this certificate, and its time limit (maximum merge delay) has passed. The log's signed tree does not contain the certificate.",
		Risk:    "The log, or an attacker with its key, broke the promise of Certificate Transparency. Someone may hide the certificate on purpose.",
		Fix:     "Do not trust the certificate. Report the SCT and the tree head to the browsers' CT programmes. If it is your server: get a certificate with SCTs of other logs.",
		Spec:    "RFC 6962, 3 and 4.5"},
	{ID: CTAbsenceUnproven, Class: ClassCT, Severity: Inconclusive, Rank: 50, Since: "0.1",
		Title:   "the log {log} promised at {time} to publish the certificate and now denies having it, without proof: {detail}",
		Explain: "The log's time to publish the certificate (its maximum merge delay) has passed. Its reply that it has no such entry is not signed, so a proxy or an attacker on the network can send it too.",
		Risk:    "The certificate may be hidden from the public, or someone may want you to believe so.",
		Fix:     "Run the check again from another network. If the reply is the same, search for the certificate in a public CT search such as crt.sh, and report the SCT to the browsers' CT programmes if it is not there.",
		Spec:    "RFC 6962, 4.5"},
	{ID: CTAuditLimit, Class: ClassCT, Severity: Inconclusive, Rank: 30, Since: "0.1",
		Title:   "assay asked the logs about {limit} of the certificate's {count} valid SCTs and not about the rest",
		Explain: "An audit asks each log whether it published the certificate. assay asks about a limited number of SCTs, and no certificate needs this many.",
		Risk:    "One of the other logs may not have published the certificate.",
		Fix:     "If it is your server: remove SCTs until few are left. If it is not: run the check without --ct-audit, which then asks no log.",
		Spec:    "RFC 6962, 3"},
	{ID: CTAuditPending, Class: ClassCT, Severity: Info, Rank: 10, Since: "0.1",
		Title:   "the log {log} has not published the certificate yet and has until {until}",
		Explain: "A log may take its maximum merge delay, usually 24 hours, to publish what it promised.",
		Risk:    "No direct risk.",
		Fix:     "Nothing needs to be done. Check again with --ct-audit after that time.",
		Spec:    "RFC 6962, 3"},
	{ID: CTAuditUnavailable, Class: ClassCT, Severity: Inconclusive, Rank: 30, Since: "0.1",
		Title:   "assay could not ask {log} whether it published the certificate: {detail}",
		Explain: "assay did not get the log's signed tree head or a proof, or the log list does not say where the log is.",
		Risk:    "The log may not have published the certificate.",
		Fix:     "Run the check again later. If the log is closed: nothing needs to be done, because many closed logs do not reply any more.",
		Spec:    "RFC 6962, 4"},
	{ID: CTAuditBadAnswer, Class: ClassCT, Severity: Inconclusive, Rank: 45, Since: "0.1",
		Title:   "a reply of the log {log} is wrong: {detail}",
		Explain: "The tree head's signature, a part of the tree (tile) or the inclusion proof is wrong. assay verifies each of them.",
		Risk:    "The log is faulty, or someone between you and the log changed its reply. assay concludes nothing from it.",
		Fix:     "Run the check again from another network. If the reply stays wrong: report it to the browsers' CT programmes.",
		Spec:    "RFC 6962, 2.1.1 and 3.5"},
	{ID: CTLogBehind, Class: ClassCT, Severity: Warning, Rank: 30, Since: "0.1",
		Title:   "the newest tree head of the log {log} was made on {time}, longer ago than its limit of {mmd}",
		Explain: "A log has to publish a new signed tree head within its maximum merge delay, even if nothing was added.",
		Risk:    "The log may show different trees to different people, or it is being closed.",
		Fix:     "Run the check again later. If it lasts: report it to the browsers' CT programmes.",
		Spec:    "RFC 6962, 3.5"},
}

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
	ctPurpose   = "Certificate Transparency makes every certificate public, so that one issued by mistake or by an attacker is noticed. "
)

var ctKinds = []Kind{
	{ID: CTNotVerified, Class: ClassCT, Severity: Info, Rank: 10, Since: "0.1",
		Title:   "{count} SCTs shown, not verified: no log list was given",
		Explain: "An SCT (signed certificate timestamp) is a log's promise to publish the certificate. Checking it takes the log's public key, which comes from a log list, and none was given.",
		Risk:    "What the SCTs say may be made up. Nothing is concluded from them.",
		Fix:     "Give a log list you trust with --log-list FILE, or store one with assay update log-list URL.",
		Spec:    specRFC6962},
	{ID: CTNoLogList, Class: ClassCT, Severity: Inconclusive, Rank: 50, Since: "0.1",
		Title:   "the CT policy {policy} cannot be checked without a log list",
		Explain: "The policy asks for SCTs of known logs, but no list of logs was given, so that no SCT can be verified.",
		Risk:    "Whether the certificate was made public is not known.",
		Fix:     "Give a log list with --log-list FILE, or choose --ct report or --ct off.",
		Spec:    specRFC6962},
	{ID: CTListStale, Class: ClassCT, Severity: Warning, Rank: 30, Since: "0.1",
		Title:   "the log list of {date} is {age} days old; the limit is {limit} days",
		Explain: "Logs open, close and get distrusted. A list this old no longer tells which logs count today; browsers stop enforcing after the same time.",
		Risk:    "A good certificate may seem to lack SCTs, and a log that has since been distrusted still counts. Browser policies are not enforced with this list.",
		Fix:     "Fetch a current log list: assay update log-list URL.",
		Spec:    "Chrome CT policy"},
	{ID: CTListUndated, Class: ClassCT, Severity: Warning, Rank: 20, Since: "0.1",
		Title:   "the log list has no date",
		Explain: "The list does not say when it was made, so its age cannot be judged. It is used as if it were current.",
		Risk:    "An outdated list may name logs that are no longer trusted, or lack new ones.",
		Fix:     "Use a list that has a log_list_timestamp.",
		Spec:    "log list v3 schema"},
	{ID: CTLogRefused, Class: ClassCT, Severity: Warning, Rank: 40, Since: "0.1",
		Title:   "assay ignores {count} of the logs in the log list, first {log}: {detail}",
		Explain: "The key of such a log is published for tests of programs that read log lists, or is of a kind that SCTs cannot be verified with. SCTs from this log count like those from an unknown log.",
		Risk:    "Anyone can sign SCTs with a published test key, so a list that has one is not meant for use.",
		Fix:     "Use a current production log list.",
		Spec:    "RFC 6962, 2.1.4; log_mimics_list.json"},
	{ID: CTSCTMissing, Class: ClassCT, Severity: Info, Rank: 20, Since: "0.1",
		Title:   "no SCTs came with the certificate",
		Explain: ctPurpose + "Neither the certificate, the handshake nor the OCSP staple holds an SCT. That is normal for a private CA; browsers refuse such a certificate from a public one.",
		Risk:    "There is no evidence that the certificate was made public.",
		Fix:     "Ask the CA for a certificate with embedded SCTs.",
		Spec:    specRFC6962 + ".3"},
	{ID: CTSCTListBad, Class: ClassCT, Severity: Warning, Rank: 40, Since: "0.1",
		Title:   "malformed SCT data ({source}): {detail}",
		Explain: "The list of SCTs, or one SCT in it, does not follow the format, so it cannot be read.",
		Risk:    "The SCTs in it do not count. A certificate from a public CA whose list is broken may be refused by browsers.",
		Fix:     "Embedded: have the certificate reissued. In the handshake: correct the server's SCT files.",
		Spec:    specRFC6962 + ".3"},
	{ID: CTSCTInvalid, Class: ClassCT, Severity: Warning, Rank: 45, Since: "0.1",
		Title:   "the SCT of {log} ({source}) does not verify",
		Explain: "The log is known, but its signature does not fit this certificate, time stamp and extensions: the SCT was made for another certificate, or was changed.",
		Risk:    "The SCT proves nothing. It may hide that the certificate was never made public.",
		Fix:     "Embedded: have the certificate reissued. In the handshake or staple: give the server the SCTs of this very certificate.",
		Spec:    specRFC6962 + ".2"},
	{ID: CTSCTFromFuture, Class: ClassCT, Severity: Warning, Rank: 45, Since: "0.1",
		Title:   "the SCT of {log} ({source}) is from the future: {time}",
		Explain: "The log's time stamp is later than the time of this check. A log must not sign times that have not come; or this computer's clock is behind.",
		Risk:    "Such an SCT does not count for any policy.",
		Fix:     "Check this computer's clock; else have the certificate reissued.",
		Spec:    specRFC6962 + ".2"},
	{ID: CTSCTUnknownLog, Class: ClassCT, Severity: Info, Rank: 20, Since: "0.1",
		Title:   "an SCT ({source}) is of a log that is not in the list: {log-id}",
		Explain: "The SCT names a log by the hash of its key, and the log list has no such log. It may be newer than the list, older, or private.",
		Risk:    "The SCT cannot be verified and counts for nothing.",
		Fix:     "Use a current and complete log list.",
		Spec:    specRFC6962 + ".2"},
	{ID: CTSCTUnknownVersion, Class: ClassCT, Severity: Info, Rank: 20, Since: "0.1",
		Title:   "an SCT ({source}) has the unknown version {version}",
		Explain: "Only version 1 of SCTs (number 0) is defined and in use; others are skipped, as the standard asks.",
		Risk:    "The SCT counts for nothing.",
		Fix:     "None needed while enough other SCTs are there.",
		Spec:    specRFC6962 + ".3"},
	{ID: CTSCTUnverified, Class: ClassCT, Severity: Info, Rank: 20, Since: "0.1",
		Title:   "the SCT of {log} ({source}) could not be verified: {detail}",
		Explain: "The data that the log signed includes the key of the certificate's issuer and the certificate without its SCTs. One of them could not be had.",
		Risk:    "The SCT counts for nothing.",
		Fix:     "Have the server send its intermediate certificates.",
		Spec:    specRFC6962 + ".2"},
	{ID: CTSCTInterval, Class: ClassCT, Severity: Warning, Rank: 30, Since: "0.1",
		Title:   "{log} accepts certificates that end from {start} until before {end}; this one ends {not-after}",
		Explain: "Logs are split by the end dates of certificates. This log should not have accepted this certificate.",
		Risk:    "The log does not keep its own rules; the SCT does not count in strict mode.",
		Fix:     "Tell the CA; have the certificate reissued with SCTs of logs for its end date.",
		Spec:    "log list v3 schema, temporal_interval"},
	{ID: CTSCTLogState, Class: ClassCT, Severity: Info, Rank: 20, Since: "0.1",
		Title:   "{log} is {state} since {since}; its SCT of {time} ({source}) does not count",
		Explain: "The signature is right, but the log list does not accept SCTs of this log made at that time: the log is not admitted, or was retired before it signed, or was rejected.",
		Risk:    "The SCT is no evidence to browsers. Other SCTs have to make up for it.",
		Fix:     "None needed while enough other SCTs count; else have the certificate reissued.",
		Spec:    "log list v3 schema, state"},
	{ID: CTSCTNotDelivered, Class: ClassCT, Severity: Info, Rank: 10, Since: "0.1",
		Title:   "an SCT does not count because the server did not send it: it is in a fetched OCSP response (log {log})",
		Explain: "assay asked the CA's OCSP responder, and the response has an SCT: a log's signed promise to publish the certificate. Clients count only SCTs that the server delivers: in its certificate, in the handshake or in a stapled OCSP response.",
		Risk:    "No direct risk. Browsers do not see this SCT.",
		Fix:     "If it is your server and the certificate has too few SCTs: turn on OCSP stapling, or get a certificate with embedded SCTs. If it is not: nothing needs to be done.",
		Spec:    specRFC6962 + ".3"},
	{ID: CTSCTDuplicate, Class: ClassCT, Severity: Info, Rank: 10, Since: "0.1",
		Title:   "the SCT of {log} ({source}) appears more than once",
		Explain: "The same SCT was delivered several times. It counts once.",
		Risk:    "None by itself.",
		Fix:     "Remove the repeated SCT.",
		Spec:    specRFC6962 + ".3"},
	{ID: CTNoValidSCT, Class: ClassCT, Severity: Error, Rank: 65, Allowable: true, Since: "0.1",
		Title:   "no valid SCT: {detail}",
		Explain: ctPurpose + "Strict mode asks for at least one valid SCT of a known log that is accepted, and there is none.",
		Risk:    "There is no evidence that the certificate was made public: it may have been issued in secret.",
		Fix:     "Ask the CA for a certificate with embedded SCTs of current logs; check that the log list is current.",
		Spec:    specRFC6962 + ".3", OpenSSL: "X509_V_ERR_NO_VALID_SCTS", OpenSSLCode: 71},
	{ID: CTPolicyUnmet, Class: ClassCT, Severity: Error, Rank: 65, Allowable: true, Since: "0.1",
		Title:   "the CT policy of {policy} is not met: {detail}",
		Explain: ctPurpose + "Browsers ask for SCTs from several logs of different operators. The published policies count SCTs in the certificate apart from those in the handshake, and so does assay.",
		Risk:    "Browsers with this policy refuse the certificate. Some of them may accept a mix of both kinds of SCTs that assay does not count.",
		Fix:     "Have the certificate reissued with SCTs of enough current logs.",
		Spec:    "Chrome CT policy; Apple support article 103214"},
	{ID: CTPrivateAnchor, Class: ClassCT, Severity: Info, Rank: 10, Since: "0.1",
		Title:   "the CT policy of {policy} does not apply: the anchor is private",
		Explain: "Browser policies for Certificate Transparency apply to the publicly trusted CAs only; this certificate's anchor is not one of them.",
		Risk:    "None: certificates of a private CA are not expected in public logs.",
		Fix:     "If the anchor is meant to be public, name it with --public-root.",
		Spec:    "Chrome CT policy"},
	{ID: CTBudget, Class: ClassCT, Severity: Info, Rank: 10, Since: "0.1",
		Title:   "assay looked at {limit} of the certificate's {count} SCTs and ignored the rest",
		Explain: "An SCT is a log's signed promise to publish the certificate. Each one costs a signature verification, and no certificate needs this many. The SCTs that assay ignored count for nothing.",
		Risk:    "No direct risk. A server can waste the time of its visitors with such lists.",
		Fix:     "If it is your server: remove SCTs until few are left. If it is not: nothing needs to be done.",
		Spec:    specRFC6962 + ".3"},
	{ID: CTNotIncluded, Class: ClassCT, Severity: Error, Rank: 70, Since: "0.1",
		Title:   "{log} promised at {time} to publish the certificate, and has not: {detail}",
		Explain: "The log signed an SCT for this certificate, its maximum merge delay has passed, and its signed tree does not have the certificate where it has to be.",
		Risk:    "The log, or whoever holds its key, broke the promise that Certificate Transparency rests on: the certificate may be hidden on purpose.",
		Fix:     "Do not trust the certificate. Report the SCT and the tree head to the browsers' CT programmes.",
		Spec:    "RFC 6962, 3 and 4.5"},
	{ID: CTAbsenceUnproven, Class: ClassCT, Severity: Inconclusive, Rank: 50, Since: "0.1",
		Title:   "the log {log} promised at {time} to publish the certificate and now says that it does not have it, without proof: {detail}",
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
		Title:   "{log} has not published the certificate yet and has until {until}",
		Explain: "A log may take its maximum merge delay, mostly a day, to publish what it promised.",
		Risk:    "None yet.",
		Fix:     "Audit again after that time.",
		Spec:    "RFC 6962, 3"},
	{ID: CTAuditUnavailable, Class: ClassCT, Severity: Inconclusive, Rank: 30, Since: "0.1",
		Title:   "whether {log} has the certificate could not be audited: {detail}",
		Explain: "The log's signed tree head or the proof could not be had, or the list does not say where the log is.",
		Risk:    "The log's promise stands unchecked.",
		Fix:     "Try again later; many closed logs are no longer served.",
		Spec:    "RFC 6962, 4"},
	{ID: CTAuditBadAnswer, Class: ClassCT, Severity: Inconclusive, Rank: 45, Since: "0.1",
		Title:   "an answer of {log} does not verify: {detail}",
		Explain: "The tree head's signature, a tile or the inclusion proof is wrong. Answers are checked here; what the log says about itself does not count.",
		Risk:    "The log is faulty or someone on the way changed its answer. Nothing is concluded from it.",
		Fix:     "Try again over another network; if it stays, report it to the browsers' CT programmes.",
		Spec:    "RFC 6962, 2.1.1 and 3.5"},
	{ID: CTLogBehind, Class: ClassCT, Severity: Warning, Rank: 30, Since: "0.1",
		Title:   "the newest tree head of {log} is of {time}, older than its merge delay of {mmd}",
		Explain: "A log has to publish a new signed tree head within its maximum merge delay, even when nothing was added.",
		Risk:    "The log may show different people different trees, or is being shut down.",
		Fix:     "Audit again later.",
		Spec:    "RFC 6962, 3.5"},
}

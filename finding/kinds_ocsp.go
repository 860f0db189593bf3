package finding

// Kinds of OCSP responses, fetched or stapled. Each carries "source" ("staple"
// or "ocsp") and "url" where there is one.
const (
	OCSPMalformed             ID = "ocsp-malformed"
	OCSPBudget                ID = "ocsp-budget"
	OCSPEncoding              ID = "ocsp-encoding"
	OCSPTryLater              ID = "ocsp-try-later"
	OCSPErrorStatus           ID = "ocsp-error-status"
	StapleErrorStatus         ID = "staple-error-status"
	OCSPSignatureInvalid      ID = "ocsp-signature-invalid"
	OCSPSignatureUnsupported  ID = "ocsp-signature-unsupported"
	OCSPWeakSignature         ID = "ocsp-weak-signature"
	OCSPResponderUnknown      ID = "ocsp-responder-unknown"
	OCSPResponderUnauthorized ID = "ocsp-responder-not-authorized"
	OCSPResponderExpired      ID = "ocsp-responder-expired"
	OCSPResponderRevoked      ID = "ocsp-responder-revoked"
	OCSPResponderUnchecked    ID = "ocsp-responder-unchecked"
	OCSPResponderUndetermined ID = "ocsp-responder-undetermined"
	OCSPOtherCertificate      ID = "ocsp-other-certificate"
	OCSPStatusUnknown         ID = "ocsp-status-unknown"
	OCSPStatusesDiffer        ID = "ocsp-statuses-differ"
	OCSPStale                 ID = "ocsp-stale"
	OCSPStaleRevoked          ID = "ocsp-stale-but-revoked"
	OCSPTooOld                ID = "ocsp-too-old"
	OCSPNotYetValid           ID = "ocsp-not-yet-valid"
	OCSPTimesInvalid          ID = "ocsp-times-invalid"
	OCSPCriticalExtension     ID = "ocsp-critical-extension"
	OCSPNonceMismatch         ID = "ocsp-nonce-mismatch"
	OCSPNonceAbsent           ID = "ocsp-nonce-absent"
)

const (
	riskWorthless = "The answer proves nothing and is not used. An attacker could have made it to pass a revoked certificate off as good."
	fixStaple     = "If the server stapled it, make the server fetch a new response; if the responder sent it, tell the certificate authority."
)

var ocspKinds = []Kind{
	{ID: OCSPMalformed, Class: ClassRevocation, Severity: Inconclusive, Rank: 50,
		Title:   "the OCSP answer is not a valid response: {detail}",
		Explain: "What came in place of an OCSP response does not follow its syntax, DER. It may be an error page, or cut short.",
		Risk:    riskWorthless, Fix: fixStaple,
		Spec: "RFC 6960, 4.2.1", Since: "0.1"},
	{ID: OCSPBudget, Class: ClassBudget, Severity: Inconclusive, Rank: 60,
		Title:   "the OCSP response is too large: {detail}",
		Explain: "The response exceeds what assay is willing to read or verify. A legitimate one has a few kilobytes and one or two certificates.",
		Risk:    "Oversized responses are a way to exhaust a client. The response was not judged.",
		Fix:     fixStaple, Since: "0.1"},
	{ID: OCSPEncoding, Class: ClassRevocation, Severity: Warning, Rank: 20,
		Title:   "the OCSP response is readable but not encoded as it should be: {detail}",
		Explain: "The response breaks a rule of encoding that does not make it ambiguous.",
		Risk:    "Stricter clients will not read the response.",
		Fix:     "Tell the certificate authority.", Spec: "RFC 6960, 4.2.1", Since: "0.1"},
	{ID: OCSPTryLater, Class: ClassRevocationUnavailable, Severity: Inconclusive, Rank: 30,
		Title:   "the OCSP responder cannot answer now ({status})",
		Explain: "The responder was reached and says that it has a problem of its own. That is no information about the certificate.",
		Risk:    "Such an answer is not signed: anybody on the way can send it. If the certificate has been revoked, this check could not tell.",
		Fix:     "Try again later.", Spec: "RFC 6960, 2.3", Since: "0.1"},
	{ID: OCSPErrorStatus, Class: ClassRevocation, Severity: Inconclusive, Rank: 40,
		Title:   "the OCSP responder refuses to answer: {status}",
		Explain: "The responder was reached and answered with an error. \"unauthorized\" mostly means that it does not know the certificate.",
		Risk:    "Such an answer is not signed: anybody on the way can send it. It is no information about the certificate.",
		Fix:     "Ask the certificate authority why its responder does not answer for this certificate.",
		Spec:    "RFC 6960, 2.3; RFC 5019, 2.2.3", Since: "0.1"},
	{ID: StapleErrorStatus, Class: ClassRevocation, Severity: Inconclusive, Rank: 45,
		Title:   "the stapled OCSP response is an error: {status}",
		Explain: "The server stapled a responder's error message instead of an answer. It is not signed and says nothing about the certificate.",
		Risk:    "A staple that says nothing is what somebody with a revoked certificate would send.",
		Fix:     "Make the server staple only successful responses (nginx: ssl_stapling_verify; Apache: SSLStaplingReturnResponderErrors off).",
		Spec:    "RFC 6960, 2.3; RFC 6066, 8", Since: "0.1"},
	{ID: OCSPSignatureInvalid, Class: ClassRevocation, Severity: Inconclusive, Rank: 60,
		Title:   "the OCSP response's signature does not verify: {detail}",
		Explain: "The response was changed after it was signed, or was signed with another key.",
		Risk:    riskWorthless, Fix: fixStaple,
		Spec: "RFC 6960, 3.2", Since: "0.1"},
	{ID: OCSPSignatureUnsupported, Class: ClassRevocation, Severity: Inconclusive, Rank: 45,
		Title:   "the OCSP response is signed in a way that proves nothing: {algorithm}",
		Explain: "The signature algorithm is unknown to assay or so broken (MD5) that anybody could have made the signature.",
		Risk:    riskWorthless, Fix: fixStaple,
		Spec: "RFC 6960, 4.3", Since: "0.1"},
	{ID: OCSPWeakSignature, Class: ClassRevocation, Severity: Warning, Rank: 25,
		Title:   "the OCSP response has a weak signature: {algorithm}",
		Explain: "The response is signed with SHA-1 or a short key. Forging one is hard but no longer out of reach.",
		Risk:    "A determined attacker could forge an answer that says good.",
		Fix:     "The certificate authority should sign with SHA-256 and a key of today's size.",
		Spec:    "RFC 9155; RFC 6960, 4.3", Since: "0.1"},
	{ID: OCSPResponderUnknown, Class: ClassRevocation, Severity: Inconclusive, Rank: 50,
		Title:   "nobody is known who could have signed the OCSP response ({responder})",
		Explain: "The response names a responder that is neither the certificate's issuer nor among the certificates enclosed with it.",
		Risk:    riskWorthless, Fix: fixStaple,
		Spec: "RFC 6960, 4.2.2.2", Since: "0.1"},
	{ID: OCSPResponderUnauthorized, Class: ClassRevocation, Severity: Inconclusive, Rank: 60,
		Title:   "the OCSP response is signed by {responder}, who may not: {detail}",
		Explain: "A response must be signed by the certificate's issuer or by a responder to whom that issuer itself gave a certificate for OCSP signing. The signer here is neither.",
		Risk:    "Any certificate holder could vouch for any other. The answer is not used.",
		Fix:     fixStaple,
		Spec:    "RFC 6960, 4.2.2.2", Since: "0.1"},
	{ID: OCSPResponderExpired, Class: ClassRevocation, Severity: Inconclusive, Rank: 45,
		Title:   "the certificate of the OCSP responder {responder} is not valid now: {detail}",
		Explain: "The responder signed with a certificate that has expired or is not valid yet.",
		Risk:    "Keys of expired responders are no longer guarded. The answer is not used.",
		Fix:     fixStaple,
		Spec:    "RFC 6960, 4.2.2.2", Since: "0.1"},
	{ID: OCSPResponderRevoked, Class: ClassRevocation, Severity: Inconclusive, Rank: 60,
		Title:   "the certificate of the OCSP responder {responder} has been revoked",
		Explain: "The certificate authority has withdrawn the certificate of the responder that signed this answer.",
		Risk:    "Its key may be stolen; whoever holds it can call any revoked certificate good. The answer is not used.",
		Fix:     fixStaple,
		Spec:    "RFC 6960, 4.2.2.2.1", Since: "0.1"},
	{ID: OCSPResponderUnchecked, Class: ClassRevocationUnavailable, Severity: Inconclusive, Rank: 35,
		Title:   "whether the OCSP responder {responder} is itself revoked could not be asked: {detail}",
		Explain: "The responder signs with a certificate of its own, which can be revoked too. Where its certificate names somebody to ask and nobody has answered, its answer \"good\" does not count; where it names nobody it counts, unless unknown revocation status is denied.",
		Risk:    "If the responder's key was stolen, the thief can call any revoked certificate good.",
		Fix:     "Try again; if it persists, tell the certificate authority.",
		Spec:    "RFC 6960, 4.2.2.2.1", Since: "0.1"},
	{ID: OCSPResponderUndetermined, Class: ClassRevocation, Severity: Inconclusive, Rank: 40,
		Title:   "whether the OCSP responder {responder} is itself revoked cannot be determined: {detail}",
		Explain: "There were answers about the responder's own certificate, but none that is authentic, current and about it. Its answer \"good\" therefore does not count; \"revoked\" does.",
		Risk:    "If the responder's key was stolen, the thief can call any revoked certificate good.",
		Fix:     "Try again; if it persists, tell the certificate authority.",
		Spec:    "RFC 6960, 4.2.2.2.1", Since: "0.1"},
	{ID: OCSPOtherCertificate, Class: ClassRevocation, Severity: Inconclusive, Rank: 55,
		Title:   "the OCSP response is about another certificate: {detail}",
		Explain: "No answer in the response has the issuer's name, the issuer's key and the serial number of this certificate.",
		Risk:    "The answer says nothing about this certificate. Presenting somebody else's good answer is the simplest way to hide a revocation.",
		Fix:     fixStaple,
		Spec:    "RFC 6960, 3.2 and 4.1.1", Since: "0.1"},
	{ID: OCSPStatusUnknown, Class: ClassRevocation, Severity: Inconclusive, Rank: 55,
		Title:   "the OCSP responder does not know this certificate",
		Explain: "The responder's signed answer is \"unknown\": it has no record that the authority ever issued this certificate, or it does not serve this authority.",
		Risk:    "A certificate that its own authority does not know may have been issued wrongly or forged. Unknown is never taken for good.",
		Fix:     "New certificates can take some minutes to become known. If it lasts, ask the certificate authority.",
		Spec:    "RFC 6960, 2.2", Since: "0.1"},
	{ID: OCSPStatusesDiffer, Class: ClassRevocation, Severity: Warning, Rank: 30,
		Title:   "the OCSP response gives several statuses for this certificate: {detail}",
		Explain: "One response answers more than once about the same certificate, differently. The strictest answer counts.",
		Risk:    "Other clients may take the first answer.",
		Fix:     "Tell the certificate authority.", Spec: "RFC 6960, 4.2.1", Since: "0.1"},
	{ID: OCSPStale, Class: ClassRevocation, Severity: Inconclusive, Rank: 50,
		Title:   "the OCSP response is out of date since {next-update} (it said: {status})",
		Explain: "The response itself says until when newer information would be there. That moment has passed.",
		Risk:    "The certificate may have been revoked since. Replaying an old good answer is the simplest way to hide that.",
		Fix:     "If the server stapled it, restart the server and check that it can reach the responder and that its clock is right; if the responder sent it, tell the certificate authority.",
		Spec:    "RFC 6960, 3.2 and 4.2.2.1", Since: "0.1"},
	{ID: OCSPStaleRevoked, Class: ClassRevocation, Severity: Inconclusive, Rank: 60,
		Title:   "an outdated but authentic OCSP response says that the certificate was revoked on {revoked-at} ({reason})",
		Explain: "The response is too old to be relied on, but a revocation other than a hold is never taken back.",
		Risk:    "The certificate is very likely revoked. Somebody may be keeping current answers from you.",
		Fix:     "Ask again. Do not connect until it is known why a current source says otherwise.",
		Spec:    "RFC 5280, 5.3.1; RFC 6960, 2.2", Since: "0.1"},
	{ID: OCSPTooOld, Class: ClassRevocation, Severity: Inconclusive, Rank: 45,
		Title:   "the OCSP response of {this-update} is older than {max-age}",
		Explain: "The response is older than the relying party accepts, or it does not say how long it holds and is older than what assay accepts then.",
		Risk:    "The certificate may have been revoked since.",
		Fix:     "Make the server or the responder deliver fresh responses, or raise --max-age.",
		Spec:    "RFC 6960, 3.2; RFC 5019, 4", Since: "0.1"},
	{ID: OCSPNotYetValid, Class: ClassRevocation, Severity: Inconclusive, Rank: 45,
		Title:   "the OCSP response is from the future: {this-update}",
		Explain: "The moment for which the response was made has not come yet.",
		Risk:    "Somebody's clock is wrong, perhaps this machine's. A response made for later proves nothing about now.",
		Fix:     "Check this machine's clock, then the server's and the responder's.",
		Spec:    "RFC 6960, 3.2", Since: "0.1"},
	{ID: OCSPTimesInvalid, Class: ClassRevocation, Severity: Inconclusive, Rank: 45,
		Title:   "the times in the OCSP response contradict each other: {detail}",
		Explain: "The response was produced before the certificate existed or after it expired, or ends before it begins.",
		Risk:    riskWorthless, Fix: fixStaple,
		Spec: "RFC 6960, 4.2.2.1", Since: "0.1"},
	{ID: OCSPCriticalExtension, Class: ClassRevocation, Severity: Inconclusive, Rank: 45,
		Title:   "the OCSP response has a critical extension that assay does not know: {oid}",
		Explain: "The responder marked this extension as something that must be understood to understand the answer.",
		Risk:    "The answer may mean something else than it seems to. It is not used.",
		Fix:     "Tell the certificate authority.", Spec: "RFC 6960, 4.4; RFC 5280, 4.2", Since: "0.1"},
	{ID: OCSPNonceMismatch, Class: ClassRevocation, Severity: Inconclusive, Rank: 60,
		Title:   "the OCSP response answers somebody else's request: its nonce is not ours",
		Explain: "assay sent a random number with its request and another one came back.",
		Risk:    "This is what replaying an older answer looks like. The answer is not used.",
		Fix:     "Try again. If it persists, tell the certificate authority, or suspect somebody on the way.",
		Spec:    "RFC 9654, 2.1", Since: "0.1"},
	{ID: OCSPNonceAbsent, Class: ClassRevocation, Severity: Info, Rank: 1,
		Title:   "the OCSP responder did not return the nonce",
		Explain: "assay sent a random number to prove that the answer is new. Most responders prepare their answers in advance and ignore it.",
		Risk:    "An answer up to its nextUpdate old could have been replayed. That is the normal case without a nonce.",
		Fix:     "Nothing needs to be done.", Spec: "RFC 9654, 2.1", Since: "0.1"},
}

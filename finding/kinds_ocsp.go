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
	OCSPNonceRequired         ID = "ocsp-nonce-required"
	OCSPStaleSoon             ID = "ocsp-stale-soon"
)

const (
	riskWorthless = "assay does not use this OCSP response. An attacker could have made it to present a revoked certificate as good."
	fixStaple     = "If the response was stapled and it is your server: make the server fetch a new one (reload or restart it). If the response came from the CA's responder: report it to the CA."
)

var ocspKinds = []Kind{
	{ID: OCSPMalformed, Class: ClassRevocation, Severity: Inconclusive, Rank: 50,
		Title:   "the OCSP response cannot be decoded: {detail}",
		Explain: "An OCSP response is a CA's signed statement about one certificate. The received data is not one: it may be an error page, or incomplete.",
		Risk:    riskWorthless, Fix: fixStaple,
		Spec: "RFC 6960, 4.2.1", OpenSSL: "X509_V_ERR_OCSP_RESP_INVALID", OpenSSLCode: 96, Since: "0.1"},
	{ID: OCSPBudget, Class: ClassBudget, Severity: Inconclusive, Rank: 60,
		Title:   "the OCSP response is too large: {detail}",
		Explain: "The response exceeds what assay reads or verifies. A legitimate OCSP response has a few kilobytes and one or two certificates.",
		Risk:    "Someone may use an oversized response to exhaust a client. assay did not check it.",
		Fix:     fixStaple, Since: "0.1"},
	{ID: OCSPEncoding, Class: ClassRevocation, Severity: Warning, Rank: 20,
		Title:   "the OCSP response breaks an encoding rule: {detail}",
		Explain: "An OCSP response is a CA's signed statement about one certificate. The broken rule does not change what the response says.",
		Risk:    "No direct risk. Stricter clients reject the response.",
		Fix:     "If you run this CA: update the software of its responder. If not: report it to the CA.", Spec: "RFC 6960, 4.2.1", Since: "0.1"},
	{ID: OCSPTryLater, Class: ClassRevocationUnavailable, Severity: Inconclusive, Rank: 30,
		Title:   "the OCSP responder has no status at the moment ({status})",
		Explain: "The CA's OCSP responder was reached and says that it has a problem. That is no information about the certificate.",
		Risk:    "Such a reply is not signed, so an attacker between you and the responder can send it. The certificate may be revoked without assay knowing.",
		Fix:     "Run the check again later. If you run this CA: check its responder. If it lasts: report it to the CA.", Spec: "RFC 6960, 2.3", Since: "0.1"},
	{ID: OCSPErrorStatus, Class: ClassRevocation, Severity: Inconclusive, Rank: 40,
		Title:   "the OCSP responder refused the request: {status}",
		Explain: "The CA's OCSP responder was reached and sent an error. \"unauthorized\" usually means that it does not know the certificate.",
		Risk:    "Such a reply is not signed, so an attacker between you and the responder can send it. The certificate may be revoked without assay knowing.",
		Fix:     "If you run this CA: check that its responder knows the certificate. If not: report it to the CA.",
		Spec:    "RFC 6960, 2.3; RFC 5019, 2.2.3", Since: "0.1"},
	{ID: StapleErrorStatus, Class: ClassRevocation, Severity: Inconclusive, Rank: 45,
		Title:   "the stapled OCSP response is an error: {status}",
		Explain: "The server stapled an error message of the OCSP responder. It is not signed and says nothing about the certificate.",
		Risk:    "An attacker with a revoked certificate could send such a message.",
		Fix:     "If it is your server: with Apache set SSLStaplingReturnResponderErrors off. With nginx replace the file of ssl_stapling_file, because nginx itself staples no errors. If it is not your server: tell its operator.",
		Spec:    "RFC 6960, 2.3; RFC 6066, 8", Since: "0.1"},
	{ID: OCSPSignatureInvalid, Class: ClassRevocation, Severity: Inconclusive, Rank: 60,
		Title:   "the OCSP response's signature is wrong: {detail}",
		Explain: "The response was changed after it was signed, or it was signed with another key.",
		Risk:    riskWorthless, Fix: fixStaple,
		Spec: "RFC 6960, 3.2", OpenSSL: "X509_V_ERR_OCSP_SIGNATURE_FAILURE", OpenSSLCode: 97, Since: "0.1"},
	{ID: OCSPSignatureUnsupported, Class: ClassRevocation, Severity: Inconclusive, Rank: 45,
		Title:   "assay cannot use the OCSP response's signature: {algorithm}",
		Explain: "assay does not know the signature algorithm, or it is broken (MD5).",
		Risk:    riskWorthless, Fix: fixStaple,
		Spec: "RFC 6960, 4.3", Since: "0.1"},
	{ID: OCSPWeakSignature, Class: ClassRevocation, Severity: Warning, Rank: 25,
		Title:   "the OCSP response has a weak signature ({algorithm})",
		Explain: "The response is signed with SHA-1 or a small key. Forging one is hard but no longer impossible.",
		Risk:    "An attacker with large means may be able to forge a response that says good.",
		Fix:     "If you run this CA: sign responses with SHA-256 and a key of 2048 bits or more. If not: report it to the CA.",
		Spec:    "RFC 6194; RFC 6960, 4.3; CA/Browser Forum BR 7.1.3.2", Since: "0.1"},
	{ID: OCSPResponderUnknown, Class: ClassRevocation, Severity: Inconclusive, Rank: 50,
		Title:   "the certificate of the OCSP response's signer was not found: {responder}",
		Explain: "assay needs the signer's certificate to verify the response. The signer is neither the certificate's issuer nor among the certificates that came with the response.",
		Risk:    riskWorthless, Fix: fixStaple,
		Spec: "RFC 6960, 4.2.2.2", Since: "0.1"},
	{ID: OCSPResponderUnauthorized, Class: ClassRevocation, Severity: Inconclusive, Rank: 60,
		Title:   "the OCSP response is signed by {responder}, which is not allowed to sign it: {detail}",
		Explain: "The issuer of the certificate must sign the response, or a responder that has a certificate for OCSP signing from that issuer. This signer is neither.",
		Risk:    "The owner of any certificate could otherwise declare a revoked certificate good. assay does not use the response.",
		Fix:     fixStaple,
		Spec:    "RFC 6960, 4.2.2.2", Since: "0.1"},
	{ID: OCSPResponderExpired, Class: ClassRevocation, Severity: Inconclusive, Rank: 45,
		Title:   "the certificate of the OCSP responder {responder} is not valid now: {detail}",
		Explain: "The OCSP responder signed with a certificate that has expired or is not valid yet.",
		Risk:    "The key of an expired certificate may no longer be protected. assay does not use the response.",
		Fix:     fixStaple,
		Spec:    "RFC 6960, 4.2.2.2", Since: "0.1"},
	{ID: OCSPResponderRevoked, Class: ClassRevocation, Severity: Inconclusive, Rank: 60,
		Title:   "the certificate of the OCSP responder {responder} was revoked",
		Explain: "The CA has revoked the certificate of the responder that signed the OCSP response.",
		Risk:    "An attacker may hold the responder's key and declare revoked certificates good. assay does not use the response.",
		Fix:     fixStaple,
		Spec:    "RFC 6960, 4.2.2.2.1", Since: "0.1"},
	{ID: OCSPResponderUnchecked, Class: ClassRevocationUnavailable, Severity: Inconclusive, Rank: 35,
		Title:   "assay could not check whether the certificate of the OCSP responder {responder} is revoked: {detail}",
		Explain: "The OCSP responder signs with its own certificate, which can be revoked too. If no source gives the status of that certificate, the status \"good\" does not count. If its certificate names no source, the status counts, except with --unknown deny.",
		Risk:    "If an attacker stole the responder's key, any revoked certificate can appear good.",
		Fix:     "Run the check again. If it fails again: report it to the CA.",
		Spec:    "RFC 6960, 4.2.2.2.1", Since: "0.1"},
	{ID: OCSPResponderUndetermined, Class: ClassRevocation, Severity: Inconclusive, Rank: 40,
		Title:   "assay cannot determine whether the certificate of the OCSP responder {responder} is revoked: {detail}",
		Explain: "The CRLs or OCSP responses about the responder's own certificate are out of date, wrongly signed, or about another certificate. Therefore its status \"good\" does not count, and its status \"revoked\" does.",
		Risk:    "If an attacker stole the responder's key, any revoked certificate can appear good.",
		Fix:     "Run the check again. If it fails again: report it to the CA.",
		Spec:    "RFC 6960, 4.2.2.2.1", Since: "0.1"},
	{ID: OCSPOtherCertificate, Class: ClassRevocation, Severity: Inconclusive, Rank: 55,
		Title:   "the OCSP response is about another certificate: {detail}",
		Explain: "No statement in the response has the issuer's name, the issuer's key and the serial number of this certificate.",
		Risk:    "The response says nothing about this certificate. An attacker could present the good response of another certificate to hide a revocation.",
		Fix:     fixStaple,
		Spec:    "RFC 6960, 3.2 and 4.1.1", Since: "0.1"},
	{ID: OCSPStatusUnknown, Class: ClassRevocation, Severity: Inconclusive, Rank: 55,
		Title:   "the OCSP responder does not know the certificate",
		Explain: "The responder's signed status is \"unknown\". It has no record that the CA issued this certificate, or it does not serve this CA.",
		Risk:    "A certificate that its own CA does not know may be forged or issued wrongly. assay never treats \"unknown\" as good.",
		Fix:     "If the certificate is new: wait some minutes and run the check again. If you run this CA: check that its responder gets all issued certificates. If not: report it to the CA.",
		Spec:    "RFC 6960, 2.2", OpenSSL: "X509_V_ERR_OCSP_CERT_UNKNOWN", OpenSSLCode: 75, Since: "0.1"},
	{ID: OCSPStatusesDiffer, Class: ClassRevocation, Severity: Warning, Rank: 30,
		Title:   "the OCSP response gives several statuses for the certificate: {detail}",
		Explain: "One response contains more than one statement about the same certificate, and they differ. assay uses the worst status.",
		Risk:    "Other clients may use the first status.",
		Fix:     "If you run this CA: correct its responder. If not: report it to the CA.", Spec: "RFC 6960, 4.2.1", Since: "0.1"},
	{ID: OCSPStale, Class: ClassRevocation, Severity: Inconclusive, Rank: 50,
		Title:   "the OCSP response expired on {next-update} (its status was {status})",
		Explain: "An OCSP response says until when it is current (nextUpdate). That date has passed.",
		Risk:    "The certificate may have been revoked since then. An attacker can send an old good response to hide that.",
		Fix:     "If it was stapled and it is your server: check that the server reaches the OCSP responder and that its clock is right, then restart it. If it came from the responder: report it to the CA.",
		Spec:    "RFC 6960, 3.2 and 4.2.2.1", OpenSSL: "X509_V_ERR_OCSP_HAS_EXPIRED", OpenSSLCode: 99, Since: "0.1"},
	{ID: OCSPStaleRevoked, Class: ClassRevocation, Severity: Inconclusive, Rank: 60,
		Title:   "an outdated but authentic OCSP response says that the certificate was revoked on {revoked-at} ({reason})",
		Explain: "The response is too old to show that a certificate is good. A revocation stays true: only a hold can be lifted.",
		Risk:    "The certificate is very likely revoked. Someone may be keeping current responses from you.",
		Fix:     "Do not connect until a current source says that the certificate is good. Run the check again from another network. If it is your server: install a new certificate or ask the CA.",
		Spec:    "RFC 5280, 5.3.1; RFC 6960, 2.2", Since: "0.1"},
	{ID: OCSPTooOld, Class: ClassRevocation, Severity: Inconclusive, Rank: 45,
		Title:   "the OCSP response made on {this-update} is older than {max-age}",
		Explain: "The response is older than the policy allows. If a response does not say how long it is valid, assay applies a limit of its own.",
		Risk:    "The certificate may have been revoked since then.",
		Fix:     "If it was stapled and it is your server: make the server fetch a new one. If it came from the responder: report it to the CA. A larger --max-age accepts it; assay then misses revocations of that time.",
		Spec:    "RFC 6960, 3.2; RFC 5019, 4", Since: "0.1"},
	{ID: OCSPNotYetValid, Class: ClassRevocation, Severity: Inconclusive, Rank: 45,
		Title:   "the OCSP response is dated in the future: {this-update}",
		Explain: "The response was made for a time that has not come yet.",
		Risk:    "A clock is wrong, perhaps the clock of this computer. A response for a later time proves nothing about now.",
		Fix:     "Check the date, time and time zone of this computer first. If it was stapled and it is your server: check the server's clock. If both are right: report it to the CA.",
		Spec:    "RFC 6960, 3.2", OpenSSL: "X509_V_ERR_OCSP_NOT_YET_VALID", OpenSSLCode: 98, Since: "0.1"},
	{ID: OCSPTimesInvalid, Class: ClassRevocation, Severity: Inconclusive, Rank: 45,
		Title:   "the times in the OCSP response contradict each other: {detail}",
		Explain: "The response was made before the certificate existed or after it expired, or its own dates contradict each other.",
		Risk:    riskWorthless, Fix: fixStaple,
		Spec: "RFC 6960, 4.2.2.1", Since: "0.1"},
	{ID: OCSPCriticalExtension, Class: ClassRevocation, Severity: Inconclusive, Rank: 45,
		Title:   "the OCSP response has a critical extension that assay does not know: {oid}",
		Explain: "The responder marked this extension as critical: a program that does not know it must not use the response.",
		Risk:    "The response may mean something else than it seems to. assay does not use it.",
		Fix:     "If you run this CA: do not mark the extension critical. If not: report it to the CA.", Spec: "RFC 6960, 4.4; RFC 5280, 4.2", Since: "0.1"},
	{ID: OCSPNonceMismatch, Class: ClassRevocation, Severity: Inconclusive, Rank: 60,
		Title:   "the OCSP response belongs to another request: its nonce is not the one that assay sent",
		Explain: "assay sent a random number (nonce) with its request, and another number came back.",
		Risk:    "Someone may have sent you an older response again. assay does not use it.",
		Fix:     "Run the check again. If it happens again, try from another network. If it happens there too: report it to the CA.",
		Spec:    "RFC 9654, 2.1", Since: "0.1"},
	{ID: OCSPNonceAbsent, Class: ClassRevocation, Severity: Info, Rank: 1,
		Title:   "the OCSP responder did not return the nonce",
		Explain: "assay sent a random number (nonce) to see that the response is new. Most responders prepare their responses in advance and ignore the nonce.",
		Risk:    "Someone could send you an older response again until it expires (nextUpdate). That is usual: most responders use no nonces.",
		Fix:     "Nothing needs to be done.", Spec: "RFC 9654, 2.1", Since: "0.1"},
	{ID: OCSPNonceRequired, Class: ClassRevocation, Severity: Inconclusive, Rank: 60,
		Title:   "the OCSP response has no nonce, and the policy requires one",
		Explain: "A nonce is a random number in the request that the responder returns. It proves that the response was made for this request.",
		Risk:    "Without a nonce an attacker may send you an older response again until it expires. assay does not use it as proof that the certificate is good.",
		Fix:     "Most responders prepare their responses in advance and cannot return a nonce. For them leave out --nonce require, or use --nonce, which only asks for one; assay then accepts responses that may have been replayed.",
		Spec:    "RFC 9654, 2.1", Since: "0.1"},
	{ID: OCSPStaleSoon, Class: ClassRevocation, Severity: Warning, Rank: 35,
		Title:   "the OCSP response expires on {next-update}, in {left}, and no newer one was found",
		Explain: "An OCSP response says until when it is current (nextUpdate). Less than a tenth of the period and less than 24 hours are left. assay says this of private CAs only.",
		Risk:    "No direct risk today. When the response has expired, clients that require a status reject the certificate.",
		Fix:     "If it was stapled and it is your server: check that the server reaches the OCSP responder. If you run the responder: check that it signs new responses well before the old ones end. If not: report it to the CA.",
		Spec:    "RFC 6960, 2.4", Since: "0.1"},
}

package report

// The words of a report. Each closed list is a type: its constants are the
// enumeration of schema.json, and their JSON form is the word itself. A zero
// value says nothing, and nothing accepts because of one.

// TargetSource says how a report came to be.
type TargetSource string

// The ways in which reports come to be.
const (
	FromCheck     TargetSource = "check"     // a diagnostic connection: `assay check`, Verifier.Check
	FromConnect   TargetSource = "connect"   // the verified pipe, `assay connect`
	FromVerify    TargetSource = "verify"    // certificates from files
	FromEvidence  TargetSource = "evidence"  // saved evidence, judged again
	FromHandshake TargetSource = "handshake" // a handshake of a program that uses the library
)

// Role is what a certificate is on its path.
type Role string

// The roles. A certificate without a role is treated as no anchor.
const (
	Leaf         Role = "leaf"         // the first of the path
	Intermediate Role = "intermediate" // between leaf and anchor, and the last of a path that ends without a root
	Root         Role = "root"         // signs itself, ends the path, and is not trusted
	Anchor       Role = "anchor"       // trusted by configuration
)

// CertSource says where a certificate comes from.
type CertSource string

// The sources of certificates.
const (
	CertSent   CertSource = "sent"   // by the server
	CertAnchor CertSource = "anchor" // from the set of trust anchors
	CertAIA    CertSource = "aia"    // downloaded from a CA issuers address (RFC 5280, 4.2.2.1)
	CertFile   CertSource = "file"   // from a file of the user's
)

// SentAs says what a certificate that the server sent is good for.
type SentAs string

// What a certificate of the Certificate message is good for.
const (
	SentLeaf         SentAs = "leaf"         // the server's own, which comes first
	SentIntermediate SentAs = "intermediate" // it is on a path
	SentRoot         SentAs = "root"         // it ends a path and signs itself: clients have it or do not trust it
	SentDuplicate    SentAs = "duplicate"    // it was sent before
	SentUnused       SentAs = "unused"       // it belongs to no path
)

// SecondOpinion says what Go's own verifier, crypto/x509, says of the chain: it is
// asked beside assay and changes no verdict. The empty one stands where no path was
// judged, and where crypto/x509 itself verified the handshake before.
type SecondOpinion string

// The second opinions.
const (
	OpinionAgrees        SecondOpinion = "agrees"         // it comes to the same result on path and name
	OpinionDiffers       SecondOpinion = "differs"        // it does not: finding x509-disagrees
	OpinionNotComparable SecondOpinion = "not-comparable" // the policy asks for what it does not know, or no path reaches an anchor
	OpinionNotAsked      SecondOpinion = "not-asked"      // nobody reads it in this form of report
)

// SCTSource says how an SCT was delivered (RFC 6962, 3.3).
type SCTSource string

// The ways of delivery.
const (
	SCTEmbedded SCTSource = "embedded" // in an extension of the certificate
	SCTTLS      SCTSource = "tls"      // in a TLS extension
	SCTOCSP     SCTSource = "ocsp"     // in the stapled OCSP response
	SCTFetched  SCTSource = "fetched"  // in an OCSP response that the server did not send: no delivery
)

// SCTStatus says whether an SCT is what it claims to be. Only SCTValid counts
// for a policy.
type SCTStatus string

// The statuses of SCTs.
const (
	SCTUnverified     SCTStatus = "unverified"      // the signature could not be checked
	SCTUnknownLog     SCTStatus = "unknown-log"     // the log list does not have its log
	SCTUnknownVersion SCTStatus = "unknown-version" // not RFC 6962's version 1
	SCTNotDelivered   SCTStatus = "not-delivered"   // the server did not send it; it was not verified
	SCTInvalid        SCTStatus = "invalid"         // the signature is wrong, or the time impossible
	SCTValid          SCTStatus = "valid"           // signed by a log of the list
)

// Inclusion is what a log answered when it was asked for the certificate. The
// empty one means that it was not asked.
type Inclusion string

// The answers of logs.
const (
	Included    Inclusion = "included"    // proved to be in the log's tree (RFC 9162, 2.1.3)
	Absent      Inclusion = "absent"      // not there although the log's merge delay has passed
	Pending     Inclusion = "pending"     // not there yet; the merge delay is not over
	Unavailable Inclusion = "unavailable" // the log gave no answer that can be believed
)

// Status is the revocation status of a certificate.
type Status string

// The revocation statuses. "" means that a source gave no information.
const (
	Good          Status = "good"
	Revoked       Status = "revoked"
	Unknown       Status = "unknown"
	NotApplicable Status = "not-applicable"
)

// Why is the reason for NotApplicable.
type Why string

// The reasons for which no revocation status applies.
const (
	WhyNoPointer  Why = "no-pointer"   // the certificate names no source, and no other was given
	WhyShortLived Why = "short-lived"  // it lives too briefly to be revoked
	WhyNoRevAvail Why = "no-rev-avail" // its CA says that there is no revocation information (RFC 9608)
	WhyNotAsked   Why = "not-asked"    // the policy does not ask
)

// CheckName names one thing to check.
type CheckName string

// The checks.
const (
	HandshakeCheck      CheckName = "handshake"       // TLS was negotiated and the peer proved its key
	AfterHandshakeCheck CheckName = "after-handshake" // what the peer says after it, and what only a recording shows; listed where nobody looked
	PathCheck           CheckName = "path"            // a path to a trust anchor, RFC 5280, 6
	NameCheck           CheckName = "name"            // the reference identifiers, RFC 9525
	RevocationCheck     CheckName = "revocation"      // of one certificate
	CTCheck             CheckName = "ct"              // Certificate Transparency
	AuditCheck          CheckName = "ct-audit"        // whether logs published the certificate; only when asked
)

// CheckState says what became of a check. The zero value counts as not done.
type CheckState string

// The states of a check.
const (
	Done               CheckState = "done"
	NotAsked           CheckState = "not-asked"
	CheckNotApplicable CheckState = "not-applicable"
	NotDone            CheckState = "not-done"
)

// FetchKind says what was to be downloaded.
type FetchKind string

// The kinds of downloads.
const (
	FetchCRL     FetchKind = "crl"       // a certificate revocation list
	FetchDelta   FetchKind = "delta-crl" // a delta CRL
	FetchOCSP    FetchKind = "ocsp"      // an OCSP response
	FetchAIA     FetchKind = "aia"       // certificates from a CA issuers address
	FetchCT      FetchKind = "ct"        // a log's tree head, proof or tile
	FetchLogList FetchKind = "log-list"  // a list of Certificate Transparency logs
)

// Outcome says what became of a download.
type Outcome string

// The outcomes of downloads.
const (
	Fetched     Outcome = "fetched"     // downloaded
	Cached      Outcome = "cached"      // taken from a cache, nobody was asked
	Revalidated Outcome = "revalidated" // taken from a cache after the server had confirmed it
	Failed      Outcome = "failed"      // there is no body
	Refused     Outcome = "refused"     // not asked for: the address is not allowed, or a limit was hit
)

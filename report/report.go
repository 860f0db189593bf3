// Package report is what assay concludes: every finding at its place, every
// check with its state, and one verdict, decided in one function.
//
// The types are the JSON form too: Version names its version, schema.json in
// this directory is its schema, and renderers consume nothing else. The
// package is pure. A Report is plain data: safe to read concurrently, not to
// change concurrently.
package report

import (
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
)

// Version of the JSON form. Additions keep it; a change of meaning raises it.
const Version = 1

// Report is everything concluded about one target or one set of certificates.
// The zero Report is inconclusive.
type Report struct {
	Version  int               `json:"version"`            // of the JSON form: the constant Version
	Verdict  Verdict           `json:"verdict"`            // made by Decide alone
	Headline *Headline         `json:"headline,omitempty"` // the root cause; nil when there is nothing to say
	Target   Target            `json:"target"`             // who was judged
	Time     time.Time         `json:"time"`               // the moment judged for, UTC
	Findings []finding.Finding `json:"findings"`           // about the report as a whole; others hang on paths and certificates

	Connection *Connection `json:"connection,omitempty"` // what the handshake negotiated; nil when there was none

	// Certs are the facts of every certificate that took part, sent or found.
	// Paths refer to them by index. Sent[i] is the index of the i-th
	// certificate as the server sent it.
	Certs []Cert `json:"certs"`
	Sent  []int  `json:"sent"`
	// SentAs[i] says what that certificate is good for; empty when no connection
	// was recorded.
	SentAs []SentAs `json:"sent_as,omitempty"`

	// Paths are all candidate paths, best first; Chosen is the index of the
	// one that counts, -1 if there is none.
	Paths  []Path `json:"paths"`
	Chosen int    `json:"chosen"`

	// SecondOpinion says whether crypto/x509 was asked too, and what it said.
	SecondOpinion SecondOpinion `json:"second_opinion,omitempty"`

	CT   *CT   `json:"ct,omitempty"`   // Certificate Transparency; nil when not looked at
	DANE *DANE `json:"dane,omitempty"` // TLSA records; nil when none were asked for
	// Programs are the answers of the root programs that were asked, in the order of
	// policy.AllProgram; empty when none was.
	Programs []Program `json:"programs,omitempty"`
	Checks   []Check   `json:"checks"` // what was asked for, and what became of it

	// AlsoServes is the report about another certificate that the server has for
	// the same name, with a key of another type; nil when there is none, or when
	// nobody looked. The verdict is that of both: what refuses one refuses both.
	AlsoServes *Report `json:"also_serves,omitempty"`

	// Fetches lists every download and cache hit of this judgement.
	Fetches []Fetch `json:"fetches"`
	Timing  *Timing `json:"timing,omitempty"`

	PolicyHash  string `json:"policy_hash,omitempty"`   // SHA-256 of the policy in force, hex
	AnchorsHash string `json:"anchors_hash,omitempty"`  // SHA-256 of the anchor set, hex
	LogListHash string `json:"log_list_hash,omitempty"` // of the log list used
	FiltersHash string `json:"filters_hash,omitempty"`  // of the CRLite filters and OneCRL that were asked, hex
	// ProgramsHash is the SHA-256 of the tables of root programs, hex; "" when they
	// were not asked.
	ProgramsHash string `json:"programs_hash,omitempty"`
}

// Target is who was asked for.
type Target struct {
	Input  string       `json:"input,omitempty"`  // as the user wrote it
	Host   string       `json:"host,omitempty"`   // the name or address asked for
	Port   string       `json:"port,omitempty"`   // decimal
	Names  []string     `json:"names,omitempty"`  // reference identifiers
	Addr   string       `json:"addr,omitempty"`   // the one address that was asked for, of several
	Source TargetSource `json:"source,omitempty"` // how the report came to be
}

// Verdict is the outcome. The zero Verdict is Inconclusive.
type Verdict string

// The verdicts.
const (
	Inconclusive Verdict = "inconclusive"
	Accept       Verdict = "accept"
	Reject       Verdict = "reject"
)

// known returns v, or Inconclusive when v is none of the verdicts.
func (v Verdict) known() Verdict {
	if v == Accept || v == Reject {
		return v
	}
	return Inconclusive
}

// String returns the verdict's word; whatever is no verdict is "inconclusive".
func (v Verdict) String() string { return string(v.known()) }

// MarshalText returns the same word.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.known()), nil }

// Headline is the finding that most likely is the root cause, and its place.
type Headline struct {
	Finding finding.Finding `json:"finding"` // the finding itself
	Path    int             `json:"path"`    // index in Paths, -1 when the finding hangs on the report
	Cert    int             `json:"cert"`    // position within the path, -1 when it hangs on the path or report
	// Also is set when the finding is the headline of Report.AlsoServes, which
	// says where it hangs there; Path and Cert are -1 then.
	Also bool `json:"also,omitempty"`
}

// Path is one candidate path, leaf first, anchor (if one was reached) last.
type Path struct {
	Certs    []PathCert        `json:"certs"`    // leaf first, anchor last
	Findings []finding.Finding `json:"findings"` // about the path as a whole; others hang on its certificates
	End      PathEnd           `json:"end"`      // where it ends
}

// PathEnd says how a path ends.
type PathEnd string

// The ways in which a path ends.
const (
	EndAnchor    PathEnd = "anchor"         // reaches a trust anchor
	EndUntrusted PathEnd = "untrusted-root" // ends in a self-issued certificate that is not trusted
	EndNoIssuer  PathEnd = "no-issuer"      // no certificate for the last issuer name was found
	EndBudget    PathEnd = "budget"         // the search stopped at a limit
)

// PathCert is a certificate in its place on a path: findings and revocation
// depend on the place, facts (Report.Certs) do not.
type PathCert struct {
	Cert       int               `json:"cert"`                 // index in Report.Certs
	Role       Role              `json:"role"`                 // what it is on this path
	Findings   []finding.Finding `json:"findings"`             // about this certificate on this path
	Revocation *Revocation       `json:"revocation,omitempty"` // nil for the anchor and where it was not looked at
}

// Cert holds the facts of one certificate. Text from the certificate is raw:
// print it only through finding.Quote.
type Cert struct {
	Subject      string     `json:"subject"`                         // RFC 4514 text
	Issuer       string     `json:"issuer"`                          // the name, for people; the peer's text
	Serial       string     `json:"serial"`                          // hex of the INTEGER's contents, as encoded
	Version      int        `json:"version"`                         // 1 to 3
	NotBefore    time.Time  `json:"not_before"`                      // UTC
	NotAfter     time.Time  `json:"not_after"`                       // UTC
	Names        []string   `json:"names"`                           // "dns:…", "ip:…", "email:…", "uri:…", "other:…"
	Key          string     `json:"key"`                             // "RSA 2048", "ECDSA P-256"
	Signature    string     `json:"signature"`                       // "SHA-256 with RSA"
	CA           bool       `json:"ca"`                              // basicConstraints says so
	PathLen      *int       `json:"path_len,omitempty"`              // nil when there is none
	KeyUsage     []string   `json:"key_usage,omitempty"`             // names of the bits
	ExtKeyUsage  []string   `json:"ext_key_usage,omitempty"`         // names, dotted where not known
	Policies     []string   `json:"policies,omitempty"`              // dotted OIDs
	OCSP         []string   `json:"ocsp,omitempty"`                  // responders
	CAIssuers    []string   `json:"ca_issuers,omitempty"`            // where the issuer can be had
	CRL          []string   `json:"crl,omitempty"`                   // distribution points
	MustStaple   bool       `json:"must_staple,omitempty"`           // RFC 7633
	SubjectKeyID string     `json:"subject_key_id,omitempty"`        // hex
	AuthorityKey string     `json:"authority_key_id,omitempty"`      // hex
	SHA256       string     `json:"sha256"`                          // of the certificate, hex
	SPKISHA256   string     `json:"spki_sha256"`                     // of the SubjectPublicKeyInfo, hex
	SPKIPin      string     `json:"spki_pin,omitempty"`              // of the SubjectPublicKeyInfo, base64 as in RFC 7469's pins
	DaysLeft     *int       `json:"days_left,omitempty"`             // whole days from the report's time to NotAfter, rounded down: negative when it has expired
	LifeLeft     *int       `json:"lifetime_left_percent,omitempty"` // the share of the lifetime that is left then, rounded down: 0 when it has expired, 100 before it begins
	Extensions   []Ext      `json:"extensions,omitempty"`            // all, known or not
	Source       CertSource `json:"source"`                          // where it comes from
	Store        string     `json:"store,omitempty"`                 // of a trust anchor: the file, directory or store that it was read from; "" when not known
	PEM          string     `json:"pem,omitempty"`                   // the certificate itself
}

// Ext is an extension as it stands in the certificate.
type Ext struct {
	OID      string `json:"oid"`                // dotted
	Name     string `json:"name,omitempty"`     // the usual name; "" when not known
	Critical bool   `json:"critical,omitempty"` // true: programs that do not know the extension must reject the certificate
	Value    string `json:"value,omitempty"`    // decoded summary, or hex
}

// Connection is what was seen on the wire.
type Connection struct {
	Addr      string    `json:"addr,omitempty"`      // the address that answered: the proxy's, if there is one
	Proxy     string    `json:"proxy,omitempty"`     // the proxy gone through, without its password
	Attempts  []Attempt `json:"attempts,omitempty"`  // one for each address tried
	Version   string    `json:"version,omitempty"`   // "TLS 1.3"
	Suite     string    `json:"suite,omitempty"`     // the IANA name
	Group     string    `json:"group,omitempty"`     // the key exchange's IANA name
	Signature string    `json:"signature,omitempty"` // scheme of the handshake signature, where known
	ALPN      string    `json:"alpn,omitempty"`      // "" when none was chosen
	// ALPNOffered are the application protocols that the client offered.
	ALPNOffered []string `json:"alpn_offered,omitempty"`
	ServerName  string   `json:"server_name,omitempty"` // SNI sent
	Stapled     bool     `json:"stapled"`               // whether there was a staple
	TLSSCTs     int      `json:"tls_scts"`              // number of SCTs in the TLS extension
	Resumed     bool     `json:"resumed,omitempty"`     // whether a session was resumed
	ClientCert  string   `json:"client_cert,omitempty"` // "requested", "sent"
	// ClientCAs and ClientSchemes are what a server that asks for a certificate
	// accepts: issuers' names, raw peer text, and signature schemes.
	ClientCAs     []string `json:"client_cas,omitempty"`
	ClientSchemes []string `json:"client_schemes,omitempty"`
	Alert         string   `json:"alert,omitempty"`
	Probe         string   `json:"probe,omitempty"` // what the second, permissive probe was for
	BytesIn       int64    `json:"bytes_in,omitempty"`
	BytesOut      int64    `json:"bytes_out,omitempty"`
}

// Attempt is one address that was tried.
type Attempt struct {
	Addr    string  `json:"addr"`             // "192.0.2.1:443"
	Outcome string  `json:"outcome"`          // "connected", "refused", "timeout", "unreachable", "reset", "lost-race", …
	MS      float64 `json:"ms"`               // milliseconds
	Detail  string  `json:"detail,omitempty"` // the underlying error's text
}

// Revocation is the one status of a certificate and every source's answer.
type Revocation struct {
	Status  Status        `json:"status"`          // of all sources together: revoked by one is revoked
	Why     Why           `json:"why,omitempty"`   // the reason for NotApplicable; "" otherwise
	Scheme  policy.Scheme `json:"scheme,omitzero"` // the source that decided; none when none did
	Sources []Answer      `json:"sources"`         // what each one said
}

// OneCRL is Answer.Filter where Mozilla's list of revoked certificates decided.
const OneCRL = "OneCRL"

// Answer is what one source said about one certificate.
type Answer struct {
	Scheme     policy.Scheme `json:"scheme,omitzero"`       // how it was asked
	URL        string        `json:"url,omitempty"`         // where it was asked; "" for a staple
	Status     Status        `json:"status,omitempty"`      // "" = no information
	Partial    bool          `json:"partial,omitempty"`     // authentic and current, but an answer only together with others: a delta CRL, a CRL for some reasons
	Signer     string        `json:"signer,omitempty"`      // who signed the answer; the peer's text
	ProducedAt time.Time     `json:"produced_at,omitzero"`  // OCSP's producedAt
	ThisUpdate time.Time     `json:"this_update,omitzero"`  // from when it holds
	NextUpdate time.Time     `json:"next_update,omitzero"`  // until when it holds; zero when it does not say
	RevokedAt  time.Time     `json:"revoked_at,omitzero"`   // zero unless revoked
	Reason     string        `json:"reason,omitempty"`      // RFC 5280 name: "keyCompromise"
	Cached     bool          `json:"cached,omitempty"`      // not downloaded for this judgement
	AgeSeconds int64         `json:"age_seconds,omitempty"` // judged time - thisUpdate
	Learnt     time.Time     `json:"learnt,omitzero"`       // when an earlier judgement saw the answer, which is remembered; zero for one that is at hand

	// CachedSeconds says, where Cached, how long before the judgement the copy was
	// downloaded or last confirmed.
	CachedSeconds int64 `json:"cached_seconds,omitempty"`

	// Filter, of CRLite, names the filter that says so, as its publisher calls it,
	// or OneCRL; FilterSHA256 is the hash of its file, hex. Coverage is CRLite's
	// reason for having no information: "not-covered", "not-enrolled" or "old".
	Filter       string `json:"filter,omitempty"`
	FilterSHA256 string `json:"filter_sha256,omitempty"`
	Coverage     string `json:"coverage,omitempty"`
	// CoveredLog is the ID of the log, base64, whose SCT says that the filter knows
	// the certificate, and CoveredAt that SCT's time.
	CoveredLog string    `json:"covered_log,omitempty"`
	CoveredAt  time.Time `json:"covered_at,omitzero"`

	Detail string `json:"detail,omitempty"` // why there is no information
}

// CT is what was found about Certificate Transparency.
type CT struct {
	Policy  policy.CTMode `json:"policy"`         // what is asked of it
	List    string        `json:"list,omitempty"` // version, date and age of the log list
	SCTs    []SCT         `json:"scts"`           // all that were found, valid or not
	Met     *bool         `json:"met,omitempty"`  // whether the policy is met; nil when not evaluated
	Explain []string      `json:"explain"`        // which rule is met by which SCT, what is missing
}

// SCT is one signed certificate timestamp.
type SCT struct {
	Cert      int       `json:"cert"`                 // position on the chosen path; 0 is the leaf
	Source    SCTSource `json:"source"`               // how it was delivered
	Status    SCTStatus `json:"status"`               // whether it counts
	LogID     string    `json:"log_id"`               // base64
	Log       string    `json:"log,omitempty"`        // its description in the list
	Operator  string    `json:"operator,omitempty"`   // who ran it at the time
	State     string    `json:"state,omitempty"`      // of the log, in the list's words
	Time      time.Time `json:"time,omitzero"`        // the log's promise, UTC
	LeafIndex *uint64   `json:"leaf_index,omitempty"` // static-ct extension
	Inclusion Inclusion `json:"inclusion,omitempty"`  // what the log itself answered, when it was asked
	Detail    string    `json:"detail,omitempty"`     // why it does not count
}

// Check is one thing that had to be, or could have been, checked.
type Check struct {
	Name     CheckName  `json:"name"`             // what was to be checked
	Cert     int        `json:"cert"`             // position on the chosen path, -1 when not about one
	State    CheckState `json:"state"`            // what became of it
	Required bool       `json:"required"`         // whether the verdict depends on it
	Detail   string     `json:"detail,omitempty"` // why it was not done, or by what
}

// Fetch is one download or one cache hit.
type Fetch struct {
	Kind    FetchKind `json:"kind"`            // what was to be had
	URL     string    `json:"url"`             // where from
	Outcome Outcome   `json:"outcome"`         // what became of it
	Bytes   int64     `json:"bytes,omitempty"` // of the body
	MS      float64   `json:"ms,omitempty"`    // milliseconds

	// CachedSeconds says, of a copy from a cache, how long before the judgement it
	// was downloaded or last confirmed.
	CachedSeconds int64 `json:"cached_seconds,omitempty"`

	Detail string `json:"detail,omitempty"` // why it failed
}

// Timing holds durations in milliseconds.
type Timing struct {
	DNS     float64 `json:"dns_ms"`     // resolving the name
	Connect float64 `json:"connect_ms"` // until the connection stood
	TLS     float64 `json:"tls_ms"`     // the handshake
	Judge   float64 `json:"judge_ms"`   // judging, without downloads
	Total   float64 `json:"total_ms"`   // everything, downloads too
}

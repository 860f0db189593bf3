// Package evidence holds everything that was gathered about a server and
// nothing that was concluded from it. Judging the same evidence again under
// the same policy gives the same report.
//
// The types are the JSON form (byte slices as base64); Version names it.
// The package is pure; an Evidence is plain data, but for Artefact.Owner.
package evidence

import (
	"time"

	"github.com/assaytls/assay/finding"
)

// Version of the JSON form.
const Version = 1

// Evidence is what one diagnostic dial, or the files given offline, brought.
type Evidence struct {
	Version int       `json:"version"`          // of the JSON form: the constant Version
	Source  Source    `json:"source,omitempty"` // how the certificates were obtained
	Target  Target    `json:"target"`           // who was asked for
	Time    time.Time `json:"time"`             // when it was gathered, UTC

	Attempts   []Attempt  `json:"attempts,omitempty"` // one for each address tried
	Connection Connection `json:"connection"`         // the one that the chain came by
	Failure    *Failure   `json:"failure,omitempty"`  // nil when the handshake completed
	Visit      *Visit     `json:"visit,omitempty"`    // the HTTP request after the handshake; nil when none was made
	Probe      *Probe     `json:"probe,omitempty"`    // the second, permissive dial, if one was made
	Legacy     *Legacy    `json:"legacy,omitempty"`   // what became of an offer of TLS 1.0 and 1.1 alone; nil when none was made

	// Chain is the Certificate message as sent, entry by entry.
	Chain []Entry `json:"chain,omitempty"`
	// TLSSCTs is the signed_certificate_timestamp extension's list (the
	// SignedCertificateTimestampList of RFC 6962, outer length included).
	TLSSCTs []byte `json:"tls_scts,omitempty"`

	// AlsoServes is what a second look at the server brought: its other
	// certificate, with a key of another type. It has no Extra and no AlsoServes.
	AlsoServes *Evidence `json:"also_serves,omitempty"`
	// Unseen says why it is not known whether the server has one; nil when it is
	// known, or when nobody looked.
	Unseen *Failure `json:"unseen,omitempty"`

	Artefacts []Artefact `json:"artefacts,omitempty"` // what was downloaded or given as files

	// Extra are certificates from files that may complete a path.
	Extra [][]byte `json:"extra,omitempty"`

	// Learnt are the revocations about certificates of the paths, and about those
	// who sign for their issuers, that earlier judgements saw and this one consulted.
	Learnt []Learnt `json:"learnt,omitempty"`
	// Signers are the certificates that Learnt names, DER.
	Signers [][]byte `json:"signers,omitempty"`

	// DNS is what a resolver that the user named said about the server; nil when
	// none was asked. Evidence with TLSA records is judged by them (DANE).
	DNS *DNS `json:"dns,omitempty"`

	AnchorsHash string `json:"anchors_hash,omitempty"`  // SHA-256 over the anchor set, hex
	LogListHash string `json:"log_list_hash,omitempty"` // of the log list used
	FiltersHash string `json:"filters_hash,omitempty"`  // of the CRLite filters and OneCRL that were asked, hex
	// ProgramsHash is of the tables of root programs, hex; "" when they were not asked.
	ProgramsHash string `json:"programs_hash,omitempty"`
}

// Source says how the certificates were obtained. The zero Source is judged as
// a connection's: what a server must send and did not is missed.
type Source string

// The sources.
const (
	SourceDial      Source = "dial"      // a diagnostic connection, recorded octet by octet
	SourceLean      Source = "lean"      // a diagnostic connection that was not recorded, see below
	SourceHandshake Source = "handshake" // a connection of crypto/tls, as far as tls.ConnectionState tells of it
	SourceLook      Source = "look"      // a handshake that was broken off when the certificates had come; only in AlsoServes
	SourceFiles     Source = "files"     // certificates alone: nothing is known of a connection, so nothing is missed in it
)

// Of a lean connection is known what tls.ConnectionState tells, and it was closed
// after the handshake. Not known are the alerts and tickets that would have come
// then, and in TLS 1.3 the signature scheme and the staples and SCTs of CA
// certificates. What such a handshake does not complete is dialled again, recorded.

// Target is whom the evidence is about.
type Target struct {
	Input string `json:"input,omitempty"` // as written by the user
	Host  string `json:"host,omitempty"`  // host name or IP address, without brackets
	Port  string `json:"port,omitempty"`  // decimal
	SNI   string `json:"sni,omitempty"`   // what was sent; "" for IP addresses and --no-servername
	Proxy string `json:"proxy,omitempty"` // the proxy that was used; "" when none
	// Names are the reference identifiers where the host is none: it was found by
	// an SRV record, and the certificate must be for the domain that has it.
	Names []string `json:"names,omitempty"`
}

// Entry is one certificate of the Certificate message with its extensions.
type Entry struct {
	Cert   []byte `json:"cert"`             // DER, as sent
	Staple []byte `json:"staple,omitempty"` // OCSPResponse; in TLS 1.2 only for the first
	// SCTs is the SignedCertificateTimestampList of this entry (TLS 1.3). The
	// first entry's stands in Evidence.TLSSCTs and not here.
	SCTs []byte `json:"scts,omitempty"`
}

// Attempt is one address tried. Durations are in nanoseconds.
type Attempt struct {
	Addr     string        `json:"addr"`             // "192.0.2.1:443"
	Outcome  string        `json:"outcome"`          // one word, as in a report
	Detail   string        `json:"detail,omitempty"` // the underlying error's text
	Start    time.Duration `json:"start"`            // after the dial began
	Duration time.Duration `json:"duration"`         // of the attempt
}

// Connection is what the handshake negotiated. Numbers are the IANA code
// points; zero means not known.
type Connection struct {
	Addr      string `json:"addr,omitempty"`      // "192.0.2.1:443"
	Version   uint16 `json:"version,omitempty"`   // 0x0304 is TLS 1.3
	Suite     uint16 `json:"suite,omitempty"`     // cipher suite
	Group     uint16 `json:"group,omitempty"`     // key exchange
	Signature uint16 `json:"signature,omitempty"` // scheme of the server's CertificateVerify or ServerKeyExchange
	ALPN      string `json:"alpn,omitempty"`      // "h2"; "" when none was chosen
	// ALPNOffered are the protocols that were offered; ALPNAsked is set when the
	// user named them.
	ALPNOffered []string `json:"alpn_offered,omitempty"`
	ALPNAsked   bool     `json:"alpn_asked,omitempty"`
	// NoRenegotiationInfo and NoMasterSecret are set when a ServerHello before TLS
	// 1.3 came without renegotiation_info (RFC 5746), extended_master_secret (RFC
	// 7627).
	NoRenegotiationInfo bool `json:"no_renegotiation_info,omitempty"`
	NoMasterSecret      bool `json:"no_extended_master_secret,omitempty"`

	Resumed  bool   `json:"resumed,omitempty"`  // whether a session was resumed: no certificate was sent
	StartTLS string `json:"starttls,omitempty"` // protocol in which TLS was asked for; "" when from the start
	// ClientCert is "requested" when the server asked for a certificate and got
	// none, "sent" when it got one.
	ClientCert string   `json:"client_cert,omitempty"`
	ClientCAs  [][]byte `json:"client_cas,omitempty"` // acceptable issuers, DER names
	// ClientSchemes are the signature schemes acceptable in a client certificate.
	ClientSchemes []uint16 `json:"client_schemes,omitempty"`
	HelloRetry    bool     `json:"hello_retry,omitempty"` // TLS 1.3: the server asked for another key share
	Alert         *Alert   `json:"alert,omitempty"`       // the last alert received
	Tickets       int      `json:"tickets,omitempty"`
	CloseNotify   bool     `json:"close_notify,omitempty"`

	DNS     time.Duration `json:"dns,omitempty"`     // resolving the name
	Connect time.Duration `json:"connect,omitempty"` // until the connection stood
	TLS     time.Duration `json:"tls,omitempty"`     // the handshake
	// BytesIn and BytesOut count the bytes of the TLS connection, without what
	// was said to a proxy or before STARTTLS.
	BytesIn  int64 `json:"bytes_in,omitempty"`
	BytesOut int64 `json:"bytes_out,omitempty"`
}

// Alert is a TLS alert received from the server.
type Alert struct {
	Level       uint8  `json:"level"`       // 1 warning, 2 fatal
	Description uint8  `json:"description"` // the code point (RFC 8446, 6)
	Name        string `json:"name"`        // "handshake_failure"
	When        string `json:"when"`        // "handshake", "after-handshake"
}

// Failure says why the handshake was not completed.
type Failure struct {
	// ID is the finding's ID, e.g. "connection-refused".
	ID finding.ID `json:"id"`
	// Params are the finding's parameters.
	Params map[string]string `json:"params,omitempty"`
	// Stage is "dns", "connect", "proxy", "starttls", "handshake",
	// "after-handshake".
	Stage string `json:"stage"`
	// Detail is the underlying error's text.
	Detail string `json:"detail,omitempty"`
}

// Probe is the labelled second dial: after handshake_failure or protocol_version
// one that offers TLS 1.0 to 1.3 and every suite known, and after the failure of a
// large ClientHello one without post-quantum key exchange.
type Probe struct {
	Reason     string     `json:"reason"`            // the alert that led to it, or what it offered
	Connection Connection `json:"connection"`        // what it negotiated
	Failure    *Failure   `json:"failure,omitempty"` // nil when its handshake was completed
}

// Legacy is what became of a dial that offered TLS 1.0 and 1.1 alone.
type Legacy struct {
	Version uint16 `json:"version,omitempty"` // what the server chose; 0 when it took neither
	Detail  string `json:"detail,omitempty"`  // how it refused
}

// Visit is an HTTP request that was made after the handshake to learn what the
// server requires for one path.
type Visit struct {
	Path   string `json:"path"`             // as in the request: "/admin?x=1"
	Status string `json:"status,omitempty"` // the reply's, and what its page says about client certificates; "" when there was none
	// Renegotiated is set when the server started a second handshake before it
	// replied; Connection.ClientCert says whether it asked for a certificate in it.
	Renegotiated bool `json:"renegotiated,omitempty"`
}

// Artefact is one fetched body, or the reason there is none.
type Artefact struct {
	Kind    string `json:"kind"`              // "crl", "delta-crl", "ocsp", "aia", "ct"
	URL     string `json:"url"`               // where it came from
	Method  string `json:"method,omitempty"`  // "GET", "POST"
	Request []byte `json:"request,omitempty"` // OCSP request, DER
	// IssuerKey is the SHA-256 of the SubjectPublicKeyInfo of the issuer for
	// which a list or response was asked for. Where it stands, the artefact says
	// nothing about the certificates of another.
	IssuerKey []byte    `json:"issuer_key,omitempty"`
	Body      []byte    `json:"body,omitempty"`   // the whole body
	Fetched   time.Time `json:"fetched"`          // when, UTC
	Cached    bool      `json:"cached,omitempty"` // from a cache
	Status    int       `json:"status,omitempty"` // HTTP status, where it matters
	// Failure is the ID of the finding that says why there is no body; the
	// detail is for people.
	Failure  finding.ID    `json:"failure,omitempty"`
	Detail   string        `json:"detail,omitempty"`
	Duration time.Duration `json:"duration,omitempty"`

	// Owner is not nil when Body is a mapped file, which is unmapped when
	// nothing refers to Owner any more. Whoever keeps Body, or a part of it,
	// keeps Owner or the artefact too, and calls runtime.KeepAlive with it after
	// the last read. Evidence that was decoded or handed to a hook has none.
	Owner any `json:"-"`
}

// Package cert is a certificate as received: the raw bytes, everything that
// could be decoded from them by assay's own DER reading, and a finding for
// every rule of syntax or profile that the certificate breaks by itself.
// Whether it is trusted is the business of other packages.
//
// The package is pure: no I/O, no clock, no global state. A *Certificate is
// immutable once parsed and safe for concurrent use; callers must not change
// the slices it hands out.
package cert

import (
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/assaytls/assay/finding"
)

// Certificate is a parsed X.509 certificate (RFC 5280, 4.1). Fields that could
// not be decoded are zero and have a finding in Findings.
type Certificate struct {
	Raw    []byte   // the whole certificate, as received
	SHA256 [32]byte // of Raw

	RawTBS     []byte // the signed bytes, header included
	RawIssuer  []byte // Name, DER
	RawSubject []byte // the whole element
	RawSPKI    []byte // the whole SubjectPublicKeyInfo

	Version   int        // 1, 2, 3; other numbers as they stand; 0 when unreadable
	Serial    []byte     // contents of the INTEGER, as encoded
	Issuer    Name       // who signed it
	Subject   Name       // whose key it is
	NotBefore time.Time  // UTC, inclusive
	NotAfter  time.Time  // UTC, inclusive
	Key       *PublicKey // never nil

	// Algorithm is the outer signatureAlgorithm; TBSAlgorithm the inner one.
	Algorithm    Algorithm
	TBSAlgorithm Algorithm
	Signature    []byte

	Extensions []Extension // in order, unknown ones included

	// Decoded extensions; the Has… fields tell absent from empty.
	HasBasicConstraints   bool
	CA                    bool
	PathLen               int // -1 when absent
	HasKeyUsage           bool
	KeyUsage              KeyUsage
	HasExtKeyUsage        bool
	ExtKeyUsage           []string // dotted OIDs, in order
	HasSAN                bool
	SAN                   []GeneralName
	IssuerAltNames        []GeneralName
	SubjectKeyID          []byte
	HasAuthorityKeyID     bool
	AuthorityKeyID        []byte
	AuthorityIssuer       []GeneralName
	AuthoritySerial       []byte
	OCSPServers           []string // id-ad-ocsp URIs, in order
	CAIssuers             []string // id-ad-caIssuers URIs, in order
	CRLPoints             []DistributionPoint
	FreshestCRL           []DistributionPoint
	HasPolicies           bool
	Policies              []string // policy OIDs, in order
	PolicyMappings        []PolicyMapping
	HasPolicyConstraints  bool
	RequireExplicitPolicy int // -1 when absent
	InhibitPolicyMapping  int // -1 when absent
	InhibitAnyPolicy      int // -1 when absent
	NameConstraints       *NameConstraints
	HasTLSFeatures        bool
	TLSFeatures           []int  // RFC 7633
	SCTList               []byte // contents of the embedded SignedCertificateTimestampList, outer length included
	IsPrecertificate      bool   // has the CT poison extension
	NoRevAvail            bool   // RFC 9608
	OCSPNoCheck           bool   // RFC 6960, 4.2.2.2.1
	ProxyCert             bool   // RFC 3820

	// Findings are the breaches of syntax and of RFC 5280's profile that this
	// certificate shows by itself, each with "offset", "field" parameters.
	// Profile rules that only strict mode enforces are told by Strict.
	Findings []finding.Finding

	strictOnce sync.Once
	strict     []finding.Finding

	uniqueIDs []place // issuerUniqueID and subjectUniqueID
}

// place is where a field of the certificate stands.
type place struct {
	field  string
	offset int
}

// Extension is one extension, as it stands.
type Extension struct {
	OID      string // dotted
	Critical bool   // true: programs that do not know the extension must reject the certificate
	Value    []byte // contents of the extnValue OCTET STRING
	Offset   int    // of Value in Certificate.Raw
	Known    bool   // decoded by this package, and processed by a validator
}

// Name is a distinguished name (RFC 5280, 4.1.2.4).
type Name struct {
	Raw  []byte        // the whole element
	RDNs [][]Attribute // as encoded, most significant first
	// Canon is the form that RFC 5280, 7.1 compares: equal Canon, equal name.
	// It is a map key, not text. Empty only for the empty name.
	Canon string
}

// Attribute is one AttributeTypeAndValue.
type Attribute struct {
	OID   string // of the type, dotted
	Tag   uint32 // of the value
	Value string // as UTF-8 where the string type is known, else the raw contents
	Raw   []byte // the value's whole element
}

// Empty reports whether the name has no attributes.
func (n Name) Empty() bool { return len(n.RDNs) == 0 }

// KeyUsage is the bit string of RFC 5280, 4.2.1.3; bit 0 is the lowest bit here.
type KeyUsage uint16

// The key usages.
const (
	DigitalSignature KeyUsage = 1 << iota
	ContentCommitment
	KeyEncipherment
	DataEncipherment
	KeyAgreement
	KeyCertSign
	CRLSign
	EncipherOnly
	DecipherOnly
)

// NameType is the choice of a GeneralName: the tag number of RFC 5280, 4.2.1.6.
type NameType int

// The choices.
const (
	OtherName NameType = iota
	EmailName
	DNSName
	X400Name
	DirectoryName
	EDIPartyName
	URIName
	IPName
	RegisteredID
)

// GeneralName is one GeneralName.
type GeneralName struct {
	Type  NameType   // which of the alternatives, and so which fields below hold it
	Value string     // text for e-mail, DNS, URI; dotted OID for registered IDs and otherNames' type
	IP    netip.Addr // for IPName with 4 or 16 octets
	Dir   Name       // for DirectoryName
	Bytes []byte     // the contents as encoded; for otherName the explicit value's element
}

// OIDSmtpUTF8Mailbox is the otherName type of RFC 9598.
const OIDSmtpUTF8Mailbox = "1.3.6.1.5.5.7.8.9"

// DistributionPoint is one DistributionPoint (RFC 5280, 4.2.1.13).
type DistributionPoint struct {
	FullName   []GeneralName // of distributionPoint, URLs as a rule
	Relative   []Attribute   // nameRelativeToCRLIssuer
	HasName    bool          // whether distributionPoint is there
	Reasons    Reasons       // zero when HasReasons is false
	HasReasons bool          // whether reasons is there
	CRLIssuer  []GeneralName // who signs the list, when not the issuer
}

// Reasons is ReasonFlags: bit n of the BIT STRING is 1<<n here.
type Reasons uint16

// AllReasons are the reasons a complete answer covers (bits 1 to 8).
const AllReasons Reasons = 0x1fe

var reasonNames = [...]string{"unused", "keyCompromise", "cACompromise", "affiliationChanged", "superseded",
	"cessationOfOperation", "certificateHold", "privilegeWithdrawn", "aACompromise"}

// Names returns the names that RFC 5280, 4.2.1.13 gives to the reasons in r, "bit n" for others.
func (r Reasons) Names() (names []string) {
	for i := range 16 {
		switch {
		case r&(1<<i) == 0:
		case i < len(reasonNames):
			names = append(names, reasonNames[i])
		default:
			names = append(names, "bit "+strconv.Itoa(i))
		}
	}
	return names
}

// PolicyMapping is one pair of RFC 5280, 4.2.1.5.
type PolicyMapping struct {
	Issuer, Subject string // OIDs: the issuer's policy and its equal below
}

// NameConstraints is RFC 5280, 4.2.1.10.
type NameConstraints struct {
	Critical            bool      // as RFC 5280 requires
	Permitted, Excluded []Subtree // what names below must, and must not, fall under
}

// Subtree is one GeneralSubtree. For IP bases, Prefix is set when the mask is
// contiguous; Base.Bytes has address and mask always.
type Subtree struct {
	Base    GeneralName  // the name that is the root of the subtree
	Prefix  netip.Prefix // the address range of an IP base
	Minimum int          // 0, or unsupported
	Maximum int          // -1 when absent
}

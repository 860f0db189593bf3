// Package programs judges a path as root programs do: Mozilla, Chrome, Apple,
// Microsoft and Android each decide which roots their products trust for TLS
// servers, and some limit a root by dates, by SCTs, by versions or by names.
//
// What they have published is in [Tables]; [Embedded] returns those that assay has
// built in. [Tables.Judge] says of the paths of one server certificate whether a
// program accepts one of them, and which rule decides. What the program's browser
// demands in addition (Certificate Transparency, revocation, lifetimes) is judged
// elsewhere. "Cannot tell" is an answer of its own: it never means no.
//
// The package is pure: no I/O, no clock, no global state but the embedded tables.
// Tables are immutable and safe for concurrent use.
package programs

import (
	"time"

	"github.com/assaytls/assay/policy"
)

// The ages of a table, in relation to the time judged for.
const (
	WarnAge = 90 * 24 * time.Hour  // an older table is told of: see [Table.Old]
	MaxAge  = 400 * 24 * time.Hour // an older table gives no verdict
)

// Source is a publication that a table was made from.
type Source struct {
	Name    string    // for people: "certdata.txt of NSS"; not to be printed unquoted
	Version string    // in the source's own word, "" when it has none; not to be printed unquoted
	AsOf    time.Time // when it was made or obtained, UTC; never zero in a table
}

// Table tells where what is known of one program comes from. Its entries are
// asked for with [Tables.Lookup].
type Table struct {
	Program policy.Program // whose table it is
	Sources []Source       // the one that states the membership first; at least one
	Anchors int            // certificates that are or may be trusted for TLS servers, under conditions or not
}

// AsOf returns the date of the membership, UTC. Conditions may be from an older
// source, see Sources.
func (t Table) AsOf() time.Time {
	if len(t.Sources) == 0 {
		return time.Time{}
	}
	return t.Sources[0].AsOf
}

// Version returns the version of the source of the membership, "" when it has none.
func (t Table) Version() string {
	if len(t.Sources) == 0 {
		return ""
	}
	return t.Sources[0].Version
}

// Age returns how old the table is at a time; 0 for a table made later.
func (t Table) Age(at time.Time) time.Duration { return max(0, at.Sub(t.AsOf())) }

// Old reports whether the table is older than [WarnAge] at a time: the program may
// have changed since.
func (t Table) Old(at time.Time) bool { return t.Age(at) > WarnAge }

// TooOld reports whether the table is older than [MaxAge] at a time, so that it
// gives no verdict.
func (t Table) TooOld(at time.Time) bool { return t.Age(at) > MaxAge }

// Trust is what a program says of a certificate. The zero says nothing.
type Trust uint8

// The values.
const (
	Unlisted   Trust = iota // the table does not have the certificate
	Anchor                  // trusted for TLS servers, under the entry's conditions
	NotTLS                  // listed for other uses alone: e-mail, code
	Distrusted              // refused as an anchor and on the way to one
)

var trustWords = []string{"unlisted", "anchor", "not-tls", "distrusted"}

// String returns the value's word.
func (t Trust) String() string { return word(trustWords, int(t)) }

// Entry is what a table has of one certificate in one program. It must not be
// changed. The conditions hold together: each that is set must be met, and a zero
// one is always met.
type Entry struct {
	SHA256 [32]byte // of the certificate; zero when only IssuerSerial is known
	// IssuerSerial is set in place of SHA256 for certificates that are distrusted by
	// their issuer and serial number ([HashIssuerSerial]).
	IssuerSerial [32]byte
	Name         string // its common name, or what names it best; not to be printed unquoted
	Trust        Trust  // what the program says of it
	// SubjectHash is that of its subject ([HashSubject]), by which [Tables.Issuers]
	// finds it; zero when it is not known.
	SubjectHash [8]byte

	// DistrustAfter is Mozilla's: a leaf whose notBefore is later is refused
	// (CKA_NSS_SERVER_DISTRUST_AFTER).
	DistrustAfter time.Time

	// Alternatives are Chrome's sets of constraints: one of them must be met,
	// unless there is none.
	Alternatives []Constraints
	// EnforceExpiry and EnforceConstraints are Chrome's, for anchors that are
	// intermediates: the anchor's own end, and what its extensions limit, count.
	// Limits are enforced by whoever built the path; the end is judged here.
	EnforceExpiry, EnforceConstraints bool
	// Intermediate says that the certificate is an additional anchor of Chrome's and
	// no root: paths may end at it.
	Intermediate bool

	// Usages are Microsoft's extended key usages, dotted OIDs in order. They are
	// what the certificate is trusted for; nil means for everything.
	Usages []string
	// NotBefore is Microsoft's: a leaf whose notBefore is at this date or later is refused.
	NotBefore *Limit
	// Disallowed is Microsoft's: from this date on nothing is accepted.
	Disallowed *Limit
	// DisallowedUsages are Microsoft's usages that were taken away, without a date.
	DisallowedUsages []string

	// Restricted says that the program refuses some or all certificates below it,
	// and that the sources do not say which or from when.
	Restricted bool
	// UsagesUnknown says that the certificate is listed, and that the sources do
	// not say for which uses.
	UsagesUnknown bool
}

// Limit is a date and what it is for.
type Limit struct {
	At     time.Time // UTC; zero means that it has always been so
	Usages []string  // extended key usages, dotted OIDs in order; nil means all
}

// Constraints is one of Chrome's sets. All that is set must be met.
type Constraints struct {
	SCTNotAfter         time.Time // at least one valid SCT is not later; zero means no condition
	SCTAllAfter         time.Time // there is a valid SCT, and all valid ones are later; zero means no condition
	MinVersion          string    // the browser's version is this or later; "" means no condition
	MaxVersionExclusive string    // the browser's version is earlier; "" means no condition
	PermittedDNSNames   []string  // every DNS name of the leaf is one of these or below; nil means no condition
}

// serverAuth is the extended key usage of TLS servers.
const serverAuth = "1.3.6.1.5.5.7.3.1"

// Package crl reads certificate revocation lists (RFC 5280, section 5) and
// judges what they say about one certificate at one time (section 6.3).
//
// Lists may have millions of entries: nothing here makes an object of an
// entry. [Parse] takes a list in memory or in a mapped file, [Scan] one that
// streams by; both read it once, hashing and checking its structure on the
// way. [Check] is the judge.
//
// The package is pure: no I/O but the reader given to Scan, no clock, no
// global state. Times are UTC. A *List is immutable and safe for concurrent
// use; the bytes given to Parse must not change while it is in use. Bytes of a
// mapped file that vanish (the file was truncated) yield errors, not crashes.
package crl

import (
	"crypto/sha256"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
)

// List is a parsed CRL. Its fields are copies: only the entries stay in the
// bytes given to Parse.
type List struct {
	Version    int       // 1 or 2
	Issuer     cert.Name // who signed it
	ThisUpdate time.Time // UTC
	NextUpdate time.Time // zero when absent

	Algorithm cert.Algorithm // the outer signatureAlgorithm
	Signature []byte         // the bits

	// Extensions. Numbers are the contents of the INTEGER, nil when absent.
	Number         []byte
	BaseNumber     []byte // of the delta CRL indicator: the list is a delta when not nil
	AuthorityKeyID []byte
	IDP            *IDP
	FreshestCRL    []cert.DistributionPoint
	Extensions     []cert.Extension // in order, unknown ones included

	// SHA256 identifies the list: a SHA-256 over the digest of tBSCertList,
	// the algorithm and the signature. It is not the hash of the file.
	SHA256 [32]byte
	Size   int64 // octets of DER

	// Findings are breaches of syntax and profile. One of severity
	// Inconclusive or worse keeps the list from ever saying "good".
	Findings []finding.Finding

	tbs     []byte // tBSCertList; after Scan only where the signature needs it again
	digest  []byte
	entries []byte // contents of revokedCertificates
	count   int

	body      []byte // the bytes given to Parse, when they are DER
	entriesAt int64  // where in them the entries begin

	certificateIssuers bool // some entry has the extension
	paddedSerials      bool // some serial number is not in its shortest form
	odd                bool // there is a finding about entries

	watch *watch // what a Scan kept; nil after Parse

	asked   atomic.Int32 // questions answered without an index
	index   atomic.Pointer[indexTable]
	noIndex atomic.Bool

	mu       sync.Mutex // of verified, and of building the index
	verified []verification

	owner any // of the bytes given to Parse or Restore
}

// Keep makes the list refer to owner, without which the bytes given to Parse or
// Restore, and the index, would go away: a mapped file is one. It is called
// once, before anybody else has the list; until then the caller keeps owner.
func (l *List) Keep(owner any) { l.owner = owner }

// verification is a remembered result of VerifySignature.
type verification struct {
	key [32]byte // SHA-256 of the SubjectPublicKeyInfo
	err error
}

// IDP is the issuing distribution point (RFC 5280, 5.2.5).
type IDP struct {
	Raw             []byte             // contents of the extension
	HasName         bool               // whether distributionPoint is there
	FullName        []cert.GeneralName // the names of the partition
	Relative        []cert.Attribute   // nameRelativeToCRLIssuer
	OnlyUser        bool               // end entities only
	OnlyCA          bool               // CAs only
	OnlyAttribute   bool               // attribute certificates only
	Indirect        bool               // entries may be of other issuers
	HasReasons      bool               // whether onlySomeReasons is there
	OnlySomeReasons cert.Reasons       // the reasons it covers
}

// Delta reports whether the list is a delta CRL (RFC 5280, 5.2.4).
func (l *List) Delta() bool { return l.BaseNumber != nil }

// VerifySignature checks the list's signature with key. The digest was computed
// while parsing and the result is remembered, so asking again costs nothing.
// The error is nil, one of cert's Err… values, or an *Error when the bytes,
// which Ed25519 needs again, can no longer be read.
func (l *List) VerifySignature(m *cert.Memo, key *cert.PublicKey) (err error) {
	if key == nil {
		return cert.ErrUnsupported
	}
	id := sha256.Sum256(key.Raw)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, v := range l.verified {
		if v.key == id {
			return v.err
		}
	}
	err = l.verify(m, key)
	runtime.KeepAlive(l) // and its owner, for as long as the bytes are read
	if len(l.verified) < maxVerified {
		l.verified = append(l.verified, verification{id, err})
	}
	return err
}

// maxVerified bounds how many keys' results a list remembers.
const maxVerified = 16

func (l *List) verify(m *cert.Memo, key *cert.PublicKey) (err error) {
	if l.Algorithm.Hash != 0 {
		return key.VerifyDigest(l.Algorithm, l.digest, l.Signature)
	}
	if l.tbs == nil {
		return cert.ErrUnsupported
	}
	defer unguard(debug.SetPanicOnFault(true), &err)
	return key.Verify(m, l.Algorithm, l.tbs, l.Signature)
}

// Len returns the number of entries.
func (l *List) Len() int { return l.count }

// Entry is one entry of a list.
type Entry struct {
	Serial         []byte             // contents of the INTEGER
	Date           time.Time          // of the revocation, UTC
	Reason         Reason             // as in RFC 5280, 5.3.1
	HasReason      bool               // whether the entry gives one
	InvalidityDate time.Time          // zero when absent
	Issuer         []cert.GeneralName // certificateIssuer in force; nil means the list's issuer
	Unknown        string             // OID of the first unknown critical extension
}

// Reason is a CRLReason (RFC 5280, 5.3.1).
type Reason int

// The reasons that change how an entry counts.
const (
	CertificateHold Reason = 6
	RemoveFromCRL   Reason = 8
)

var reasonNames = [...]string{"unspecified", "keyCompromise", "cACompromise", "affiliationChanged", "superseded",
	"cessationOfOperation", "certificateHold", "", "removeFromCRL", "privilegeWithdrawn", "aACompromise"}

// String returns RFC 5280's name of the reason, "" for numbers it does not have.
func (r Reason) String() string {
	if r < 0 || int(r) >= len(reasonNames) {
		return ""
	}
	return reasonNames[r]
}

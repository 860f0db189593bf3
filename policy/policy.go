// Package policy is what a relying party asks for: the rules by which a server
// is judged, and nothing about how it is reached or what may be downloaded.
//
// The zero [Policy] is that of `assay check`: everything is checked, and what
// could not be checked is inconclusive. Every type's zero is safe by itself: it
// is the strictest word of the type or leaves the verdict inconclusive.
package policy

import (
	"time"

	"github.com/assaytls/assay/finding"
)

// The defaults of rules that are numbers.
const (
	DefaultMinRSA   = 2048            // bits
	DefaultMaxDepth = 20              // certificates between leaf and anchor
	DefaultSkew     = 5 * time.Minute // around the times of revocation data
)

// Allowed is what a finding that Allow waives names as the reason of its severity.
const Allowed = "allow"

// NoIntermediates is the MaxDepth that wants the leaf issued by an anchor.
const NoIntermediates = -1

// Policy is the rules of one judgement. Equal policies judge equal evidence
// alike; [Policy.Hash] names them in reports. A Policy is a value: its slices
// are not changed by who is given one.
type Policy struct {
	// Time is the moment to judge for; zero means now. Only judgement moves:
	// caches, HTTP and timeouts use the real clock.
	Time time.Time
	// ExpiresWithin refuses certificates of the path that expire so soon; zero:
	// those of which little is left (see Soon) are warned of.
	ExpiresWithin Margin

	// Trust is whose roots decide; zero: those that are configured, the system's or
	// others in their place. Of a root program the constraints count too.
	Trust Program
	// Programs are those of which the report says whether they accept the certificate.
	// They decide nothing. Zero: none.
	Programs Programs

	// Names are reference identifiers that must all match (RFC 9525): DNS names,
	// IP addresses, e-mail addresses. Empty means the target's host.
	Names []string
	// NoName compares no name.
	NoName bool
	// RequireDNS, RequireIP and RequireEmail must match beside Names.
	RequireDNS, RequireIP, RequireEmail []string
	// NoWildcards accepts no wildcard names.
	NoWildcards bool

	// Purpose is what the certificate is used for; zero: a TLS server.
	Purpose Purpose
	// Strict enforces every rule of RFC 5280's profile.
	Strict bool
	// SecurityLevel is OpenSSL's; zero: assay's own default.
	SecurityLevel SecurityLevel
	// MinRSA is the smallest RSA modulus in bits; 0 means DefaultMinRSA, unless
	// SecurityLevel says otherwise.
	MinRSA int
	// MaxDepth bounds the certificates between leaf and anchor; 0 means
	// DefaultMaxDepth, NoIntermediates none.
	MaxDepth int
	// Policies are the certificate policies, dotted OIDs, of which one must be
	// valid for the path (user-initial-policy-set of RFC 5280, 6.1.1). Empty: any.
	Policies []string
	// ExplicitPolicy, InhibitMapping and InhibitAnyPolicy are the inputs of the
	// same names in RFC 5280, 6.1.1.
	ExplicitPolicy, InhibitMapping, InhibitAnyPolicy bool

	// Schemes are the revocation schemes to run, in this order; zero: all.
	Schemes Schemes
	// Stop says whether the first answer ends the asking; zero: all are asked.
	Stop Stop
	// Depth says whose revocation is checked; zero: the whole path's.
	Depth Depth
	// Unknown says what a status that nobody could be asked about weighs; zero:
	// inconclusive.
	Unknown Unknown
	// Stale says what an answer past its nextUpdate is worth; zero: nothing.
	Stale Stale
	// MaxAge bounds the age of answers, counted from thisUpdate; 0 means as long
	// as they say themselves, at most 10 days where they do not.
	MaxAge time.Duration
	// Skew is the clock difference allowed for the dates of CRLs and OCSP responses;
	// 0 means DefaultSkew, at most MaxSkew. It does not concern certificates.
	Skew time.Duration

	// RequireNonce lets no OCSP response of a responder say "good" without the nonce
	// of its request (RFC 9654), which is then sent. Staples, which answer no request
	// of ours, are judged as always. Zero: a response without a nonce counts.
	RequireNonce bool

	// CT is what is asked of SCTs; zero: they are reported.
	CT CTMode
	// CTDepth says whose SCTs count; zero: the leaf's, for nobody gives other
	// certificates any.
	CTDepth CTDepth

	// Allow are findings that warn instead of refusing. Only kinds that the table
	// of findings marks as allowable may be named.
	Allow []finding.ID
}

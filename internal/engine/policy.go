// Package engine is the loop: judge the evidence, fetch what the judges still
// need, judge again. It is the only place where judging and I/O meet.
package engine

import (
	"time"

	"github.com/assaytls/assay/finding"
)

// Policy is what the relying party asks for. The zero Policy is the default
// policy of `assay check` (DESIGN: everything is checked, the network is
// used, unknown revocation status is inconclusive).
type Policy struct {
	// Time is the moment to judge for; zero means now. Only judgement moves:
	// cache, HTTP and timeouts use the real clock.
	Time time.Time

	// Names are reference identifiers that must all match: DNS names, IP
	// addresses, e-mail addresses. Empty means the target's host.
	Names                                            []string
	NoName                                           bool // do not check any name
	RequireDNS                                       []string
	RequireIP                                        []string
	RequireEmail                                     []string
	NoWildcards                                      bool
	Purpose                                          string // "server" (default), "client", "email", "code", "ocsp", "timestamp", "any"
	Strict                                           bool
	SecurityLevel                                    *int // 0-5 as OpenSSL means them; nil means the default policy
	MinRSA                                           int  // 0 means 2048
	MaxDepth                                         int  // certificates between leaf and anchor; 0 means the default, negative none
	Policies                                         []string
	ExplicitPolicy, InhibitMapping, InhibitAnyPolicy bool

	// Schemes are the revocation schemes to run: "staple", "crl", "ocsp". nil
	// means all; empty but not nil means off.
	Schemes   []string
	StopFirst bool          // stop at the first scheme that answers
	LeafOnly  bool          // only the leaf is checked for revocation
	Unknown   string        // "allow", "warn", "deny"; "" = DESIGN section 7.3 (inconclusive)
	Stale     string        // "allow", "warn", "deny"; "" = deny
	Nonce     bool          // send a nonce in OCSP requests
	MaxAge    time.Duration // upper bound on thisUpdate's age; 0 = the default of the judges
	Skew      time.Duration // by how much the clocks of who makes revocation data may differ; 0 = 5 min

	NoAIA   bool // do not fetch missing intermediates
	Offline bool // fetch nothing but the target
	// PrivateFetch lets downloads connect to private and loopback addresses
	// whatever the target's own address.
	PrivateFetch bool

	// PublicFetch keeps downloads to public addresses whatever the target's own
	// address, which may be a proxy's. PrivateFetch outweighs it.
	PublicFetch bool

	CT      string // "off", "report" (default), "strict", "chrome", "apple"
	CTDepth string // "leaf" (default), "chain"
	// CTAudit asks the logs of valid SCTs whether they published the
	// certificate. It tells them what is looked at.
	CTAudit bool

	// Beside says that downloads run beside this judgement: a copy that the
	// cache holds past its nextUpdate counts as not had yet, not as stale.
	Beside bool

	// Allow are findings that do not refuse: they become warnings. Only kinds
	// that the table marks as allowable may be named.
	Allow []finding.ID `json:",omitempty"`

	// FetchBudget bounds all downloads of one judgement together; what has not
	// come by then is unavailable. 0 means that only the context does.
	FetchBudget time.Duration

	// Brief leaves the facts of the connection and of certificates, and what
	// explains Certificate Transparency, out of the report of a handshake that
	// is accepted, which nobody reads.
	Brief bool
}

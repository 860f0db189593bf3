package download

import (
	"net/netip"
	"time"

	"github.com/assaytls/assay/internal/fetch"
)

// Access is what one judgement may download, from where and for how long. None
// of it is a rule: with the same evidence at hand the verdict is the same. The
// zero Access downloads what the judges need.
type Access struct {
	// Offline downloads nothing: the caches answer or nobody does.
	Offline bool
	// NoAIA fetches no missing intermediates.
	NoAIA bool
	// Scope says where downloads may connect to; zero: by the target's address.
	Scope Scope
	// Budget bounds all downloads of one judgement together; what has not come by
	// then is unavailable. 0 means that only the context does.
	Budget time.Duration
	// Nonce sends a nonce in OCSP requests; such answers are not cached.
	Nonce bool
	// Audit asks the logs of valid SCTs whether they published the certificate. It
	// tells them what is looked at.
	Audit bool
	// Background says that downloads run beside this judgement: a copy that the
	// cache holds past its nextUpdate counts as not had yet, not as stale, unless it
	// lists the certificate.
	Background bool
	// Since, when not zero, lets a copy that came or was confirmed since then answer
	// until it ends, so that only what was not had since is waited for.
	Since time.Time
	// Run is a person's question, which wants what holds now: a copy is to be
	// recent, and nobody else's failure answers. The zero Run is a program's.
	Run Run
}

// Scope says where downloads may connect to. Link-local and cloud metadata
// addresses are always refused.
type Scope uint8

// The choices.
const (
	ScopeTarget  Scope = iota // public addresses, and the class that the target answered from
	ScopePublic               // public addresses only: the target's address may be a proxy's
	ScopePrivate              // private and loopback addresses too
)

// Reach is what downloads may connect to besides public addresses, when the
// target answered from addr ("address:port", "" when not known).
func (s Scope) Reach(addr string, proxied bool) fetch.Scope {
	switch {
	case s == ScopePrivate:
		return fetch.Scope{Private: true, Loopback: true}
	case s != ScopeTarget || proxied:
		return fetch.Scope{}
	}
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return fetch.Scope{}
	}
	return fetch.ScopeOf(ap.Addr().Unmap())
}

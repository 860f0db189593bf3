// Package download turns a need into a body: from memory, from the disk cache or
// from the network, once however many ask. It compares the editions of what it
// gets, remembers failures, and knows nothing of what bodies are good for: its
// callers judge them and tell it what was proved (see [Cache.Judged]).
//
// What was proved is displaced only by what is proved and newer, in memory, on
// disk and between processes.
package download

import (
	"context"
	"crypto/sha256"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/bounded"
	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/internal/store"
)

// Kind says what a body is.
type Kind string

// The kinds of bodies.
const (
	CRL   Kind = "crl"
	Delta Kind = "delta-crl"
	OCSP  Kind = "ocsp"
	AIA   Kind = "aia" // certificates behind a caIssuers pointer
	CT    Kind = "ct"  // a log's tree head, proof or tile; never kept
)

// list reports whether bodies of the kind are revocation lists.
func (k Kind) list() bool { return k == CRL || k == Delta }

// Need names one body.
type Need struct {
	Kind      Kind
	URL       string
	Request   []byte   // of OCSP, DER: the body of a POST
	IssuerKey [32]byte // SHA-256 of the issuer's SubjectPublicKeyInfo: what is kept for one key is never found under another
	MaxBytes  int64    // 0 = the fetcher's limit
}

// Key tells needs apart.
type Key struct {
	kind      Kind
	url       string
	issuerKey [32]byte
	request   [32]byte
}

// Key returns the key under which n's body is kept.
func (n Need) Key() Key {
	k := Key{kind: n.Kind, url: n.URL, issuerKey: n.IssuerKey}
	if n.Request != nil {
		k.request = sha256.Sum256(n.Request)
	}
	return k
}

// Terms say how a body may be had.
type Terms struct {
	Now     time.Time     // the real time, not the one judged for
	Offline bool          // the caches answer or nobody does
	Refresh bool          // the network is asked though the caches have a copy
	MaxAge  time.Duration // an older copy is asked for again; 0: after an hour
	Since   time.Time     // a copy confirmed since then answers until it ends, however old; zero: as MaxAge says
	Run     Run           // whose question it is; zero: a program's, which spares itself and the addresses
	Nonce   bool          // an OCSP request has a nonce: nobody else's answer will do
	Scope   fetch.Scope   // what may be connected to besides public addresses
}

// Got is what came of a need.
type Got struct {
	*Artefact             // nil when there is a Failure
	Others    []*Artefact // what was proved beside it and has not ended: all count
	Cached    bool        // nobody was asked, or whoever was asked had nothing better
	Due       bool        // it is time to ask again, which Offline forbade or Since put off
	Outcome   Outcome     // what happened
	Failure   finding.ID  // why there is no body; "" when there is one
	Detail    string      // about the failure, or why a cached copy stands in
	Status    int         // HTTP status, where somebody was asked
}

// Outcome says what happened, in the words of reports.
type Outcome string

// The outcomes.
const (
	Fetched     Outcome = "fetched"     // it came just now
	Revalidated Outcome = "revalidated" // the server says that the copy at hand is the newest
	Cached      Outcome = "cached"      // the copy at hand
	Failed      Outcome = "failed"      // there is none
	Refused     Outcome = "refused"     // by our own rules
)

// NotCached is the failure of a download that Terms.Offline forbids.
const NotCached finding.ID = "not-cached"

// The bounds of what is kept in memory. What has proved nothing has a small part
// of its own, so that it pushes out nothing else, and so has what showed that
// something is revoked, so that nothing else pushes it out.
const (
	maxEntries       = 512       // proved bodies; as many that showed a revocation; and failures
	maxBytes         = 256 << 20 // octets, likewise
	maxUnproved      = 64
	maxUnprovedBytes = 64 << 20
	maxFlights       = 64 // downloads under way; more wait for their turn
	maxOfHost        = 16 // of them from one host
	maxForeign       = 64 // lists parsed for others
)

// Options configure a Cache.
type Options struct {
	Store   *store.Store    // nil: memory only
	Remote  Remote          // nil: none; asked when there is no copy here
	Fetch   *fetch.Client   // nil: the defaults
	Context context.Context // ends every download; nil: nothing does
	Warn    func(error)     // told what changes no result; nil: nobody is
}

// Cache gets bodies and keeps them. It is safe for concurrent use.
type Cache struct {
	store *store.Store

	remote      Remote
	remoteCalls chan struct{} // one for each call under way

	fetch *fetch.Client
	ctx   context.Context
	warn  func(error)

	mu       sync.Mutex
	unproved *bounded.Map[Key, *Artefact]
	proved   *bounded.Map[Key, lines]
	revoking *bounded.Map[Key, lines] // one of them showed a revocation
	failures *bounded.Map[asked, failure]
	foreign  *bounded.Map[identity, *crl.List]
	flights  map[asked]*flight
	slots    chan struct{} // one for each download under way
	counts   counts
	hosts    map[string]*hostSlots
	running  sync.WaitGroup // downloads under way
}

// asked is a question to the network. What may be connected to is part of it: a
// refusal for one target is none for another.
type asked struct {
	Key
	scope fetch.Scope
}

// New returns a Cache.
func New(o Options) *Cache {
	c := &Cache{store: o.Store, remote: o.Remote, remoteCalls: make(chan struct{}, maxRemoteCalls), fetch: o.Fetch, ctx: o.Context, warn: o.Warn,
		unproved: bounded.New[Key, *Artefact](maxUnproved, maxUnprovedBytes),
		proved:   bounded.New[Key, lines](maxEntries, maxBytes),
		revoking: bounded.New[Key, lines](maxEntries, maxBytes),
		failures: bounded.New[asked, failure](maxEntries, 0),
		foreign:  bounded.New[identity, *crl.List](maxForeign, maxBytes),
		flights:  map[asked]*flight{}, slots: make(chan struct{}, maxFlights), hosts: map[string]*hostSlots{}}
	if c.fetch == nil {
		c.fetch = &fetch.Client{}
	}
	if c.ctx == nil {
		c.ctx = context.Background()
	}
	if c.warn == nil {
		c.warn = func(error) {}
	}
	return c
}

type counts struct{ cached, asked, failed atomic.Int64 }

// Counts returns how many questions copies at hand have answered, how often the
// network was asked, and how often that brought nothing.
func (c *Cache) Counts() (cached, asked, failed int64) {
	return c.counts.cached.Load(), c.counts.asked.Load(), c.counts.failed.Load()
}

// Wait returns when no download is under way.
func (c *Cache) Wait() { c.running.Wait() }

// Get gets what n names. It returns at the latest when ctx is done; a download
// goes on for others who wait for it, and for the cache.
func (c *Cache) Get(ctx context.Context, n Need, t Terms) (g Got) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // bodies may be mapped files
	defer func() {
		if v := recover(); v != nil { // a failure that refuses: callers run on goroutines of their own
			g = Got{Outcome: Failed, Failure: finding.InternalError, Detail: fmt.Sprint(v)}
		}
		if g.Outcome == Cached {
			c.counts.cached.Add(1)
		}
	}()
	q := asked{n.Key(), t.Scope}
	have, done := c.atHand(n, q, t)
	if have.Artefact == nil && c.keptRemotely(n, t) && !t.Refresh {
		switch a := c.fromRemote(ctx, n, t); {
		case a == nil:
		case t.Offline || a.fresh(t):
			return Got{Artefact: a, Cached: true, Due: !a.fresh(t), Outcome: Cached}
		case done:
			return a.standingIn(nil, have.Detail)
		default:
			have.Artefact = a
		}
	}
	if done {
		return have
	}
	g = c.single(ctx, q, func(ctx context.Context) Got {
		have, done := c.atHand(n, q, t)
		if done { // another has asked since
			return have
		}
		return c.download(ctx, n, q, have.Artefact, t)
	})
	if g.Artefact == nil && have.Artefact != nil { // it took too long: what is known counts all the same
		return have.standingIn(have.Others, g.Detail)
	}
	return g
}

// atHand is what can be said without asking the network; done reports whether
// that is all there is to say. Else g holds the copies at hand and nothing more.
func (c *Cache) atHand(n Need, q asked, t Terms) (g Got, done bool) {
	old, others := c.lookup(n, t)
	if old != nil && !t.Refresh && (t.Offline || old.fresh(t) || old.had(t)) {
		return Got{Artefact: old, Others: others, Cached: true, Due: !old.fresh(t), Outcome: Cached}, true
	}
	if t.Offline {
		return Got{Outcome: Failed, Failure: NotCached}, true
	}
	f, ok := c.failure(n, q, t)
	switch {
	case !ok:
		return Got{Artefact: old, Others: others}, false
	case old != nil:
		return old.standingIn(others, f.detail), true
	case t.Run.begun():
		f.detail += " (asked a moment ago, for another target)"
	default:
		f.detail += " (remembered from the last attempt)"
	}
	return Got{Outcome: Failed, Failure: f.id, Detail: f.detail}, true
}

// AtHand is what Get would return without asking anybody; ok is false when it would
// ask, or has no body.
func (c *Cache) AtHand(n Need, t Terms) (g Got, ok bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // bodies may be mapped files
	defer func() {
		if recover() != nil { // Get meets it again, and says so
			g, ok = Got{}, false
		}
	}()
	g, done := c.atHand(n, asked{n.Key(), t.Scope}, t)
	if !done || g.Artefact == nil || g.Outcome != Cached || g.Detail != "" {
		return Got{}, false
	}
	c.counts.cached.Add(1)
	return g, true
}

// Standing is a copy that is judged beside another: one of Got.Others, or of what
// Judged returns.
func (a *Artefact) Standing() Got {
	return Got{Artefact: a, Cached: true, Outcome: Cached, Detail: "judged beside what the address serves now"}
}

// standingIn is a copy that answers because nothing better could be had.
func (a *Artefact) standingIn(others []*Artefact, why string) Got {
	return Got{Artefact: a, Others: others, Cached: true, Outcome: Cached, Detail: "not revalidated: " + why}
}

package engine

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/internal/store"
	"github.com/assaytls/assay/ocsp"
)

// The bounds of the memory cache.
const (
	cacheEntries = 512
	cacheBytes   = 256 << 20
	cacheLists   = 64
	maxFlights   = 64 // downloads under way; more wait for their turn
)

// revalidateAfter is the age beyond which a cached body is asked for again.
const revalidateAfter = time.Hour

// bodyCache keeps downloaded bodies and parsed CRLs in memory, bounded, and
// makes sure that what many ask for at once is fetched once.
type bodyCache struct {
	mu     sync.Mutex
	bodies map[string]*cached
	bytes  int64
	lists  map[bodyID]*crl.List // each keeps its body's owner, and so its place
	// listBytes is the size of the bodies that the lists keep alive.
	listBytes int64
	indexes   map[bodyID]indexed // saved ones, of bodies from the disk
	saved     map[bodyID]any     // bodies whose index was written, as far as that is possible, and their owners
	flights   map[string]*flight
	failed    map[string]failed
	slots     chan struct{}  // one for each download under way
	running   sync.WaitGroup // downloads under way
}

// cached is one body with what HTTP said of it.
type cached struct {
	body               []byte
	owner              any // of body: store.Entry's
	fetched, expires   time.Time
	again              time.Time // HTTP: not to be used after this without asking; zero when it did not say
	etag, lastModified string
	proved             bool // it gave an answer
}

// failed remembers a failure: 60 s, doubling to 10 min.
type failed struct {
	until  time.Time
	wait   time.Duration
	id     finding.ID
	detail string
}

// indexed is the saved index of a body, and the owner of both.
type indexed struct {
	index []byte
	owner any
}

// bodyID tells bodies apart by identity: a parsed list keeps its body alive.
// A map by it keeps the owners too, or another body could take the place.
type bodyID struct {
	p *byte
	n int
}

type flight struct {
	done chan struct{}
	got  fetched
}

// fetched is the outcome of asking for a body.
type fetched struct {
	body    []byte
	owner   any // of body: store.Entry's
	cached  bool
	aged    bool // it is time to ask again, which Offline forbade
	fetched time.Time
	outcome string     // report.Fetch's
	failure finding.ID // "" when there is a body
	detail  string
	status  int // HTTP status of a kindCT answer
}

// bodyOptions say how a body may be had.
type bodyOptions struct {
	now     time.Time
	offline bool
	current bool // a copy past its end is none
	refresh bool // do not answer from the caches
	maxAge  time.Duration
	nonce   bool
	scope   fetch.Scope
}

func newBodyCache() *bodyCache {
	return &bodyCache{bodies: map[string]*cached{}, lists: map[bodyID]*crl.List{}, indexes: map[bodyID]indexed{}, saved: map[bodyID]any{},
		flights: map[string]*flight{}, failed: map[string]failed{},
		slots: make(chan struct{}, maxFlights)}
}

// parseList parses a CRL, once per body. The list keeps the body's owner.
func (c *bodyCache) parseList(body []byte, owner any) (*crl.List, error) {
	defer runtime.KeepAlive(owner)
	if len(body) == 0 {
		return crl.Parse(body)
	}
	id := bodyID{&body[0], len(body)}
	c.mu.Lock()
	l, saved := c.lists[id], c.indexes[id]
	c.mu.Unlock()
	if l != nil {
		return l, nil
	}
	var err error
	if saved.index != nil {
		if l, err = crl.Restore(body, saved.index); err == nil {
			l.Keep(saved.owner)
		}
	}
	if l == nil || err != nil { // no index, or one that does not fit
		if l, err = crl.Parse(body); err != nil {
			return nil, err
		}
		l.Keep(owner)
	}
	runtime.KeepAlive(saved.owner)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.listBytes += int64(len(body)); len(c.lists) >= cacheLists || c.listBytes > cacheBytes {
		clear(c.lists)
		clear(c.indexes)
		clear(c.saved)
		c.listBytes = int64(len(body))
	}
	c.lists[id] = l
	return l, nil
}

// body gets what n names: from memory, from the disk, from the network.
func (e *Engine) body(ctx context.Context, n need, o bodyOptions) fetched {
	key := n.key()
	old := e.lookup(n, key, o)
	if old != nil && !o.refresh && (o.offline && !(o.current && expired(old, o.now)) || fresh(old, o)) {
		return fetched{body: old.body, owner: old.owner, cached: true, aged: !fresh(old, o), fetched: old.fetched, outcome: "cached"}
	}
	if o.offline {
		return fetched{outcome: "failed", failure: notCached}
	}
	// What may be connected to is part of the question: a refusal for one
	// target is none for another.
	asked := key + fmt.Sprint(o.scope)
	if f, ok := e.recentFailure(n, asked, o.now); ok {
		if old != nil {
			return fetched{body: old.body, owner: old.owner, cached: true, fetched: old.fetched, outcome: "cached", detail: "not revalidated: " + f.detail}
		}
		return fetched{outcome: "failed", failure: f.id, detail: f.detail + " (remembered from the last attempt)"}
	}
	return e.single(ctx, asked, func(ctx context.Context) fetched { return e.download(ctx, n, key, asked, old, o) })
}

// guarded is body; a panic becomes a failure that refuses, since it happens on
// a goroutine of its own and would end the program.
func (e *Engine) guarded(ctx context.Context, n need, o bodyOptions) (b fetched) {
	defer func() {
		if v := recover(); v != nil {
			b = fetched{outcome: "failed", failure: finding.InternalError, detail: fmt.Sprint(v)}
		}
	}()
	return e.body(ctx, n, o)
}

func expired(c *cached, now time.Time) bool { return !c.expires.IsZero() && !now.Before(c.expires) }

// fresh reports whether a cached body may answer without asking again: for as
// long as HTTP allows, at most an hour, and not in the second half of the
// time that it was good for when it came, so that its successor is here before
// it ends.
func fresh(c *cached, o bodyOptions) bool {
	if !c.again.IsZero() && !o.now.Before(c.again) {
		return false
	}
	limit := revalidateAfter
	if !c.expires.IsZero() {
		if !o.now.Before(c.expires) {
			return false
		}
		limit = min(limit, max(c.expires.Sub(c.fetched)/2, time.Minute))
	}
	if o.maxAge > 0 && o.maxAge < limit {
		limit = o.maxAge
	}
	age := o.now.Sub(c.fetched)
	return age >= 0 && age < limit
}

// single runs f once for all who ask for key at the same time, and for not
// more than maxFlights keys at once. A caller whose context ends stops waiting;
// the download goes on for the others, until the engine's context ends.
func (e *Engine) single(ctx context.Context, key string, f func(context.Context) fetched) fetched {
	c := e.cache
	c.mu.Lock()
	fl, running := c.flights[key]
	if !running {
		fl = &flight{done: make(chan struct{})}
		c.flights[key] = fl
		c.running.Go(func() {
			fl.got = fetched{outcome: "failed", failure: finding.FetchFailed, detail: "the download ended unexpectedly"}
			defer func() {
				if v := recover(); v != nil {
					fl.got.detail = "the download failed internally"
				}
				c.mu.Lock()
				delete(c.flights, key)
				c.mu.Unlock()
				close(fl.done)
			}()
			select {
			case c.slots <- struct{}{}:
				defer func() { <-c.slots }()
				fl.got = f(e.opt.Context)
			case <-e.opt.Context.Done():
			case <-ctx.Done(): // whoever asked first has given up before its turn came
				fl.got = fetched{outcome: "failed", failure: finding.FetchTimeout, detail: "too many downloads are under way"}
			}
		})
	}
	c.mu.Unlock()
	select {
	case <-fl.done:
		return fl.got
	case <-ctx.Done():
		return fetched{outcome: "failed", failure: finding.FetchTimeout, detail: "the time for the whole run ended first"}
	}
}

// download asks the network, conditionally when there is an old copy.
func (e *Engine) download(ctx context.Context, n need, key, asked string, old *cached, o bodyOptions) fetched {
	req := fetch.Request{URL: n.URL, Scope: o.scope, MaxBytes: e.maxBytes(n)}
	if old != nil && old.proved && !expired(old, o.now) && n.Kind != kindOCSP { // whoever sent it chose its tags: they confirm nothing that is useless
		req.ETag, req.LastModified = old.etag, old.lastModified
	}
	var resp *fetch.Response
	var fail *fetch.Failure
	var owner any // of the body that came
	if n.Kind == kindOCSP {
		get, short := "", false
		if !o.nonce {
			get, short = ocsp.GETURL(n.URL, n.Request)
		}
		req.Body = n.Request
		resp, fail = e.fetch.OCSP(ctx, n.URL, get, short, req)
	} else {
		var spool *store.Spool
		if e.opt.Store != nil && (n.Kind == kindCRL || n.Kind == kindDelta) {
			spool = e.opt.Store.Spool()
			defer spool.Close()
			req.Into = spool
		}
		if resp, fail = e.fetch.Do(ctx, req); fail == nil && spool != nil {
			resp.Body, owner = spool.Body()
		}
	}
	if fail != nil {
		e.cache.remember(asked, *fail, o.now)
		if e.opt.Store != nil && ctx.Err() == nil && fail.ID != finding.FetchRefusedAddress {
			if err := e.opt.Store.Fail(storeKey(n), string(fail.ID), fail.Detail); err != nil && e.opt.Warn != nil {
				e.opt.Warn(err)
			}
		}
		if old != nil {
			return fetched{body: old.body, owner: old.owner, cached: true, fetched: old.fetched, outcome: "cached", detail: "not revalidated: " + fail.Detail}
		}
		outcome := "failed"
		if fail.ID == finding.FetchRefusedAddress || fail.ID == finding.FetchSchemeRefused {
			outcome = "refused"
		}
		return fetched{outcome: outcome, failure: fail.ID, detail: fail.Detail, status: fail.Status}
	}
	e.cache.forget(asked)
	if why := e.steppedBack(n, old, resp, owner, o.now); why != "" {
		return fetched{body: old.body, owner: old.owner, cached: true, fetched: old.fetched, outcome: "cached", detail: why}
	}
	c := &cached{fetched: o.now, etag: resp.ETag, lastModified: resp.LastModified}
	if d, ok := resp.FreshFor(); ok {
		c.again = o.now.Add(d)
	}
	out := fetched{fetched: o.now, outcome: "fetched", status: resp.Status}
	if resp.NotModified && old != nil {
		c.body, c.owner, c.expires, c.proved, out.outcome = old.body, old.owner, old.expires, old.proved, "revalidated"
		if c.etag == "" && c.lastModified == "" { // a 304 need not repeat them (RFC 9110, 15.4.5)
			c.etag, c.lastModified = old.etag, old.lastModified
		}
	} else {
		c.body, c.owner = resp.Body, owner
	}
	out.body, out.owner = c.body, c.owner
	if !(n.Kind == kindOCSP && o.nonce) && n.Kind != kindCT && !resp.NoStore {
		e.cache.put(key, c)
	}
	return out
}

// maxSmall bounds bodies that are no lists. They stay too small for the store
// to map them, so that they can be read without care.
const maxSmall = store.Large - 1

// maxBytes bounds the body that n names; 0 means the fetcher's limit.
func (e *Engine) maxBytes(n need) int64 {
	if n.maxBytes == 0 && (n.Kind == kindOCSP || n.Kind == kindAIA) && (e.fetch.MaxBytes <= 0 || e.fetch.MaxBytes > maxSmall) {
		return maxSmall
	}
	return n.maxBytes
}

// lookup finds a cached copy in memory, then on disk.
func (e *Engine) lookup(n need, key string, o bodyOptions) *cached {
	if n.Kind == kindOCSP && o.nonce || n.Kind == kindCT {
		return nil // an answer to another question, or a tree that has grown since
	}
	e.cache.mu.Lock()
	c := e.cache.bodies[key]
	e.cache.mu.Unlock()
	if c != nil || e.opt.Store == nil {
		return c
	}
	got, ok := e.opt.Store.Get(storeKey(n))
	if !ok {
		return nil
	}
	c = &cached{body: got.Body, owner: got.Owner, fetched: got.Fetched, expires: got.Expires, again: got.Again, etag: got.ETag, lastModified: got.LastModified, proved: true}
	e.cache.put(key, c)
	if got.Index != nil && len(got.Body) > 0 {
		e.cache.mu.Lock()
		e.cache.indexes[bodyID{&got.Body[0], len(got.Body)}] = indexed{got.Index, got.Owner}
		e.cache.mu.Unlock()
	}
	return c
}

// storeKey names a need on disk: what was verified for one issuer key is never
// found under another.
func storeKey(n need) store.Key {
	return store.Key{Kind: n.Kind, URL: n.URL, Issuer: n.IssuerKey, Request: n.Request}
}

// remember writes a body that proved authentic to the disk cache, good until
// the given time.
func (e *Engine) remember(n need, a evidence.Artefact, until time.Time) error {
	e.cache.mu.Lock()
	c := e.cache.bodies[n.key()]
	kept := c != nil && len(a.Body) > 0 && len(c.body) == len(a.Body) && &c.body[0] == &a.Body[0]
	if kept && (!c.proved || c.expires.IsZero()) {
		dated := *c // others read c without the lock: what is shared never changes
		dated.proved = true
		if dated.expires.IsZero() {
			dated.expires = until
		}
		c = &dated
		e.cache.bodies[n.key()] = c
	}
	e.cache.mu.Unlock()
	if e.opt.Store == nil || !kept { // HTTP forbade to keep it
		return nil
	}
	m := store.Entry{Body: a.Body, Owner: a.Owner, Fetched: a.Fetched, Expires: until, Again: c.again, ETag: c.etag, LastModified: c.lastModified}
	if err := e.opt.Store.Put(storeKey(n), m); err != nil {
		return err
	}
	return e.rememberIndex(n, a)
}

// rememberIndex writes the index of a list to the disk cache, beside its body.
func (e *Engine) rememberIndex(n need, a evidence.Artefact) error {
	if n.Kind != kindCRL && n.Kind != kindDelta || e.opt.Store == nil || len(a.Body) == 0 {
		return nil
	}
	e.cache.mu.Lock()
	e.cache.saved[bodyID{&a.Body[0], len(a.Body)}] = a.Owner
	e.cache.mu.Unlock()
	l, err := e.cache.parseList(a.Body, a.Owner)
	if err != nil {
		return nil // it gave no answer as a list, so no index is worth keeping
	}
	x := l.Index()
	if x == nil {
		return nil
	}
	if err := e.opt.Store.PutIndex(storeKey(n), sha256.Sum256(a.Body), x); !errors.Is(err, store.ErrNoBody) {
		return err
	}
	return nil // another process has removed the body meanwhile
}

// unindexed reports whether a body from the disk is large and came without its
// index: who wrote it was killed in between, or somebody damaged the index.
func (c *bodyCache) unindexed(body []byte) bool {
	if len(body) < store.Large {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	id := bodyID{&body[0], len(body)}
	_, ok := c.indexes[id]
	_, saved := c.saved[id]
	return !ok && !saved
}

func (c *bodyCache) put(key string, b *cached) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.bodies[key]; old != nil {
		c.bytes -= int64(len(old.body))
	}
	for k, v := range c.bodies { // map order is random enough for an eviction that is rarely needed
		if len(c.bodies) < cacheEntries && c.bytes+int64(len(b.body)) <= cacheBytes {
			break
		}
		if k != key {
			c.bytes -= int64(len(v.body))
			delete(c.bodies, k)
		}
	}
	c.bodies[key] = b
	c.bytes += int64(len(b.body))
}

// recentFailure returns how asking for n failed a short while ago, here or in
// another process that shares the disk.
func (e *Engine) recentFailure(n need, key string, now time.Time) (failed, bool) {
	e.cache.mu.Lock()
	f, ok := e.cache.failed[key]
	e.cache.mu.Unlock()
	if ok || e.opt.Store == nil {
		return f, ok && now.Before(f.until)
	}
	d, ok := e.opt.Store.Failed(storeKey(n))
	return failed{until: d.Until, id: finding.ID(d.ID), detail: d.Detail}, ok && now.Before(d.Until)
}

func (c *bodyCache) remember(key string, f fetch.Failure, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.failed) >= cacheEntries {
		clear(c.failed)
	}
	wait := min(max(time.Minute, 2*c.failed[key].wait), 10*time.Minute)
	c.failed[key] = failed{until: now.Add(wait), wait: wait, id: f.ID, detail: f.Detail}
}

func (c *bodyCache) forget(key string) {
	c.mu.Lock()
	delete(c.failed, key)
	c.mu.Unlock()
}

func itoa(n int) string { return strconv.Itoa(n) }

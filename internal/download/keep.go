package download

import (
	"crypto/sha256"
	"errors"
	"runtime"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/store"
)

// Verdict is what a judge made of a body.
type Verdict struct {
	// Answered is set when it is authentic, current and in scope and gave an
	// answer, alone or with others; Revoking when that was for some certificate
	// that it is revoked. Authentic is set when it is that, at least.
	Answered, Revoking, Authentic bool
	// Until is when what it says ends, by its own word; zero when it does not say.
	Until time.Time
}

// best returns the proved copy in memory, nil when there is none.
func (c *Cache) best(k Key) *Artefact {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bestLocked(k)
}

func (c *Cache) bestLocked(k Key) *Artefact {
	if a, ok := c.revoking.Get(k); ok {
		return a
	}
	a, _ := c.proved.Get(k)
	return a
}

// lookup finds the copy that may answer: the proved one, in memory or on disk, or
// what came later and has still to be judged.
func (c *Cache) lookup(n Need, t Terms) *Artefact {
	if n.Kind == OCSP && t.Nonce || n.Kind == CT {
		return nil // an answer to another question, or a tree that has grown since
	}
	k := n.Key()
	c.mu.Lock()
	best := c.bestLocked(k)
	came, _ := c.unproved.Get(k)
	c.mu.Unlock()
	if best != nil && best.fresh(t) {
		return best
	}
	if came != nil && came.fresh(t) && (best == nil || came.Fetched.After(best.Fetched)) {
		return came
	}
	if disk := c.fromDisk(n); disk != nil && (best == nil || disk.Fetched.After(best.Fetched)) {
		best = c.adopt(n, disk, t.Now)
	}
	if best == nil {
		return came
	}
	return best
}

// adopt takes a copy from the disk into memory and returns the one that stands
// there then: another process has proved it, but this one may know a newer one.
func (c *Cache) adopt(n Need, disk *Artefact, now time.Time) *Artefact {
	also, kept := c.displace(n, disk, now)
	if also != nil {
		return also
	}
	return kept
}

// Judged tells what the judges made of g, which Get returned for n on terms t.
// When the cache holds another copy that must be judged beside it, since g proved
// nothing or does not supersede that copy, it is returned. The error says that the
// disk cache could not be written.
func (c *Cache) Judged(n Need, t Terms, g Got, v Verdict) (also *Artefact, err error) {
	a := g.Artefact
	if a == nil {
		return nil, nil
	}
	k := n.Key()
	if !v.Answered {
		if also = c.best(k); also == nil {
			if disk := c.fromDisk(n); disk != nil {
				also = c.adopt(n, disk, t.Now)
			}
		}
		if also.same(a) || also != nil && also.equal(a) {
			return nil, nil
		}
		if also != nil && !v.Authentic {
			c.rejected(asked{k, t.Scope}, "what the address serves now proves nothing", t.Now)
			c.drop(k, a)
		}
		return also, nil
	}
	proved := *a
	proved.Proved, proved.Revoking = true, a.Revoking || v.Revoking
	if proved.Expires.IsZero() {
		proved.Expires = v.Until
	}
	also, kept := c.displace(n, &proved, t.Now)
	if also != nil || a.unkept {
		return also, nil
	}
	c.succeeded(asked{k, t.Scope})
	if c.store == nil {
		return nil, nil
	}
	if g.Cached && a.Proved { // it stands there, but for a large one's index that somebody lost
		if len(a.Body) >= store.Large {
			c.saveIndex(n, kept) // if it cannot be written the next one reads the list through, too
		}
		return nil, nil
	}
	return c.toDisk(n, kept, t.Now)
}

// rejected remembers that what q brings now does not take the place of the proved
// copy, so that it is not downloaded at every request. It is told to no other
// process: those have to see for themselves.
func (c *Cache) rejected(q asked, why string, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old, _ := c.failures.Get(q)
	c.failures.Put(q, old.again(finding.FetchFailed, why, now), 0)
}

// drop forgets an unproved body.
func (c *Cache) drop(k Key, a *Artefact) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if came, ok := c.unproved.Peek(k); ok && came.same(a) {
		c.unproved.Delete(k)
	}
}

// displace puts a proved copy into memory, unless a newer edition stands there
// already, or a list of another kind that has not ended: then it returns that one.
func (c *Cache) displace(n Need, a *Artefact, now time.Time) (also, kept *Artefact) {
	k := n.Key()
	for {
		best := c.best(k)
		if best != nil && !best.same(a) && !best.expired(now) {
			if !supersedes(n.Kind, best, a) { // may take long: without the lock
				return best, nil
			}
		}
		if a.unkept {
			return nil, a
		}
		c.mu.Lock()
		if c.bestLocked(k) != best {
			c.mu.Unlock()
			continue // another judgement was faster
		}
		if best.same(a) { // the same body: what is known of both
			both := *a
			both.Revoking = a.Revoking || best.Revoking
			if best.Fetched.After(a.Fetched) {
				both = *best
				both.Revoking = a.Revoking || best.Revoking
			}
			a = &both
		}
		c.putLocked(k, a)
		c.mu.Unlock()
		return nil, a
	}
}

// supersedes reports whether a may take the place of best, both proved: a later
// edition may, and what is no edition of it unless it was made before or best has
// shown a revocation, about which a may know nothing.
func supersedes(k Kind, best, a *Artefact) bool {
	o, was, is := compare(k, best, a)
	return o == newer || o == other && !best.Revoking && !is.Before(was)
}

// putLocked puts a proved copy where it belongs.
func (c *Cache) putLocked(k Key, a *Artefact) {
	c.proved.Delete(k)
	c.revoking.Delete(k)
	into := c.proved
	if a.Revoking {
		into = c.revoking
	}
	into.Put(k, a, a.size())
	if came, ok := c.unproved.Peek(k); ok && !came.Fetched.After(a.Fetched) {
		c.unproved.Delete(k)
	}
}

// keep puts a confirmed copy in the place of the same before it.
func (c *Cache) keep(k Key, a *Artefact, noStore bool) {
	if a.unkept = noStore; noStore {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bestLocked(k).same(a) {
		c.putLocked(k, a)
	}
}

// storeKey names a need on disk.
func storeKey(n Need) store.Key {
	return store.Key{Kind: string(n.Kind), URL: n.URL, Issuer: n.IssuerKey, Request: n.Request}
}

// fromDisk returns the copy on disk, nil when there is none. Only what was proved
// is there.
func (c *Cache) fromDisk(n Need) *Artefact {
	if c.store == nil {
		return nil
	}
	e, ok := c.store.Get(storeKey(n))
	if !ok {
		return nil
	}
	return entryArtefact(e)
}

func entryArtefact(e store.Entry) *Artefact {
	a := newArtefact(e.Body, e.Owner, e.Index)
	a.Fetched, a.Came, a.Expires, a.Again, a.ETag, a.LastModified = e.Fetched, e.Came, e.Expires, e.Again, e.ETag, e.LastModified
	a.Proved = true
	return a
}

// toDisk writes a proved copy, unless another process has put a newer edition
// there: then it returns that one.
func (c *Cache) toDisk(n Need, a *Artefact, now time.Time) (also *Artefact, err error) {
	e := store.Entry{Body: a.Body, Owner: a.Owner, Fetched: a.Fetched, Came: a.Came, Expires: a.Expires, Again: a.Again, ETag: a.ETag, LastModified: a.LastModified}
	_, err = c.store.Replace(storeKey(n), e, func(have store.Entry) bool {
		disk := entryArtefact(have)
		if disk.expired(now) || disk.equal(a) || supersedes(n.Kind, disk, a) {
			return true
		}
		also = disk
		return false
	})
	if err != nil {
		return nil, err
	}
	if also != nil {
		c.adopt(n, also, now)
		return also, nil
	}
	a.parsed.mu.Lock()
	a.parsed.saved = false // its index belongs to the file that stands there now
	a.parsed.mu.Unlock()
	return nil, c.saveIndex(n, a)
}

// saveIndex writes the index of a list to the disk, beside its body, when it is
// not there: it is new, or who wrote the body was killed in between, or somebody
// damaged it.
func (c *Cache) saveIndex(n Need, a *Artefact) error {
	if !n.Kind.list() || c.store == nil {
		return nil
	}
	p := a.parsed
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.saved {
		return nil
	}
	p.saved = true // as far as that is possible
	l, err := a.List()
	if err != nil {
		return nil // it gave no answer as a list, so no index is worth keeping
	}
	defer runtime.KeepAlive(a)
	x := l.Index()
	if x == nil {
		return nil
	}
	if err := c.store.PutIndex(storeKey(n), sha256.Sum256(a.Body), x); !errors.Is(err, store.ErrNoBody) {
		return err
	}
	return nil // another process has removed the body meanwhile
}

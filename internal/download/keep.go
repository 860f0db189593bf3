package download

import (
	"slices"
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

// lines are the proved copies of one need, the last confirmed first. There is
// more than one when an address has served lists that are no editions of one
// another, such as those of two parts or two keys: one may know nothing of what
// another says, and all count until they end.
type lines []*Artefact

// maxLines bounds them. Beyond it those go first that showed no revocation.
const maxLines = 8

// split returns the first and those of the others that have not ended.
func (l lines) split(now time.Time) (first *Artefact, others []*Artefact) {
	if len(l) == 0 {
		return nil, nil
	}
	return l[0], l.without(l[0], now)
}

// without returns those that have not ended, but for a.
func (l lines) without(a *Artefact, now time.Time) (out []*Artefact) {
	for _, b := range l {
		if !b.same(a) && !b.expired(now) {
			out = append(out, b)
		}
	}
	return out
}

// trimmed returns at most maxLines of l, whose first stays.
func (l lines) trimmed() lines {
	for len(l) > maxLines {
		at := len(l) - 1
		for i := at; i > 0; i-- {
			if !l[i].Revoking {
				at = i
				break
			}
		}
		l = slices.Delete(slices.Clone(l), at, at+1)
	}
	return l
}

func (l lines) revoking() bool {
	return slices.ContainsFunc(l, func(a *Artefact) bool { return a.Revoking })
}

func (l lines) size() (n int64) {
	for _, a := range l {
		n += a.size()
	}
	return n
}

// known returns the proved copies in memory.
func (c *Cache) known(k Key) lines {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.knownLocked(k)
}

func (c *Cache) knownLocked(k Key) lines {
	if l, ok := c.revoking.Get(k); ok {
		return l
	}
	l, _ := c.proved.Get(k)
	return l
}

// Shows reports whether memory holds a proved copy of n that has not ended and that
// has shown a revocation.
func (c *Cache) Shows(n Need, now time.Time) bool {
	return slices.ContainsFunc(c.known(n.Key()), func(a *Artefact) bool { return a.Revoking && !a.expired(now) })
}

// lookup finds the copy that may answer: a proved one, in memory or on disk, with
// the others that count, or what came later and has still to be judged.
func (c *Cache) lookup(n Need, t Terms) (a *Artefact, others []*Artefact) {
	if n.Kind == OCSP && t.Nonce || n.Kind == CT {
		return nil, nil // an answer to another question, or a tree that has grown since
	}
	k := n.Key()
	c.mu.Lock()
	known := c.knownLocked(k)
	came, _ := c.unproved.Get(k)
	c.mu.Unlock()
	first, others := known.split(t.Now)
	if first != nil && first.fresh(t) {
		return first, others
	}
	if came != nil && came.fresh(t) && (first == nil || came.Fetched.After(first.Fetched)) {
		return came, nil
	}
	if disk := c.adopt(n, t.Now); len(disk) > 0 {
		if known = c.known(k); len(known) == 0 {
			known = disk // too large for memory
		}
		first, others = known.split(t.Now)
	}
	if first == nil {
		return came, nil
	}
	return first, others
}

// adopt takes what stands on disk into memory, where it is newer, and returns it:
// another process may have proved it.
func (c *Cache) adopt(n Need, now time.Time) lines {
	disk := c.fromDisk(n)
	for _, a := range slices.Backward(disk) {
		c.displace(n, a, now)
	}
	return disk
}

// Judged tells what the judges made of g, which Get returned for n on terms t. It
// returns other copies that must be judged beside it, since it proved nothing or
// does not supersede them. The error says that the disk cache could not be written.
func (c *Cache) Judged(n Need, t Terms, g Got, v Verdict) (also []*Artefact, err error) {
	a := g.Artefact
	if a == nil {
		return nil, nil
	}
	k := n.Key()
	known := c.known(k)
	if !v.Answered {
		if len(known) == 0 {
			known = c.adopt(n, t.Now)
		}
		for _, b := range known {
			if !b.equal(a) && !slices.ContainsFunc(g.Others, b.equal) {
				also = append(also, b)
			}
		}
		if len(also) > 0 && !v.Authentic {
			c.rejected(asked{k, t.Scope}, "what the address serves now proves nothing", t.Now)
			c.drop(k, a)
		}
		return also, nil
	}
	if g.Cached && a.Proved && (a.Revoking || !v.Revoking) && slices.Contains(known, a) { // nothing is new
		if len(a.Body) >= store.Large {
			c.saveIndex(n, a, 0) // if it cannot be written the next one reads the list through, too
		}
		return nil, nil
	}
	proved := *a
	proved.Proved, proved.Revoking = true, a.Revoking || v.Revoking
	if proved.Expires.IsZero() {
		proved.Expires = v.Until
	}
	also, kept := c.displace(n, &proved, t.Now)
	if kept != nil && !a.unkept {
		if !g.Cached {
			c.succeeded(asked{k, t.Scope})
			if c.keptRemotely(n, t) {
				c.toRemote(n, kept, t.Now)
			}
		}
		if c.store != nil && !(g.Cached && a.Proved) && a.toBeStored(v.Revoking) {
			var disk []*Artefact
			disk, err = c.toDisk(n, kept, t.Now)
			for _, b := range disk {
				if !slices.ContainsFunc(also, b.equal) {
					also = append(also, b)
				}
			}
		}
	}
	return slices.DeleteFunc(also, func(b *Artefact) bool { return slices.ContainsFunc(g.Others, b.equal) }), err
}

// toBeStored reports whether nobody has stored a yet, or nobody as revoking. A thousand
// judgements may wait for one download: one of them writes it to the disk.
func (a *Artefact) toBeStored(revoking bool) bool {
	if a.stored == nil {
		return true
	}
	level := int32(1)
	if revoking {
		level = 2
	}
	for {
		is := a.stored.Load()
		if is >= level {
			return false
		}
		if a.stored.CompareAndSwap(is, level) {
			return true
		}
	}
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

// displace puts a proved copy into memory, in the place of those that it
// supersedes, and returns it as kept. Those that it does not, and that have not
// ended, are returned too; where one is a later edition, a is not kept.
func (c *Cache) displace(n Need, a *Artefact, now time.Time) (also []*Artefact, kept *Artefact) {
	k := n.Key()
	for {
		known := c.known(k)
		also, kept = nil, a
		next := lines{a}
		for _, b := range known { // may take long: without the lock
			if b.equal(a) {
				kept = a.with(b)
				next[0] = kept
				continue
			}
			if b.expired(now) {
				continue
			}
			switch o, _, _ := compare(n.Kind, b, a); o {
			case newer:
				if stays(n.Kind, b, a) {
					return append(also, b), nil
				}
			case older:
				return append(also, b), nil
			case beside:
				also, next = append(also, b), append(next, b)
			}
		}
		if a.unkept {
			return also, kept
		}
		c.mu.Lock()
		if slices.Equal(c.knownLocked(k), known) {
			c.putLocked(k, next.trimmed())
			c.mu.Unlock()
			return also, kept
		}
		c.mu.Unlock() // another judgement was faster
	}
}

// stays reports whether b, which stands in memory, is the same edition as a and was
// confirmed later: a has just been read from the disk, and was asked for again since.
func stays(k Kind, b, a *Artefact) bool {
	if !b.Fetched.After(a.Fetched) || a.Revoking && !b.Revoking {
		return false
	}
	o, _, _ := compare(k, a, b)
	return o == newer
}

// with is what is known of two copies with the same body. That of b stays: it
// stands in memory, and who has it confirmed just now must find it there.
func (a *Artefact) with(b *Artefact) *Artefact {
	both := *a
	if b.Fetched.After(a.Fetched) {
		both = *b
	}
	both.Body, both.Owner, both.parsed = b.Body, b.Owner, b.parsed
	both.Revoking = a.Revoking || b.Revoking
	return &both
}

// putLocked puts proved copies where they belong. What came before is nothing to
// be judged any more.
func (c *Cache) putLocked(k Key, l lines) {
	c.proved.Delete(k)
	c.revoking.Delete(k)
	into := c.proved
	if l.revoking() {
		into = c.revoking
	}
	into.Put(k, l, l.size())
	if came, ok := c.unproved.Peek(k); ok && !came.Fetched.After(l[0].Fetched) {
		c.unproved.Delete(k)
	}
}

// confirm puts a copy that the server has confirmed in its own place, first.
func (c *Cache) confirm(k Key, a *Artefact, noStore bool) {
	if a.unkept = noStore; noStore {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.knownLocked(k)
	if i := slices.IndexFunc(known, a.same); i >= 0 {
		c.putLocked(k, append(lines{a}, slices.Delete(slices.Clone(known), i, i+1)...))
	}
}

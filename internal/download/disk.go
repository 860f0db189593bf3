package download

import (
	"context"
	"crypto/sha256"
	"errors"
	"runtime"
	"slices"
	"time"

	"github.com/assaytls/assay/internal/store"
)

// storeKey names a need on disk. Each of its lines has a slot.
func storeKey(n Need, slot int) store.Key {
	k := store.Key{Kind: string(n.Kind), URL: n.URL, Issuer: n.IssuerKey, Request: n.Request}
	if slot > 0 {
		k.Request = append([]byte("line "), byte('0'+slot))
	}
	return k
}

// slots is how many copies of a need there may be on disk.
func slots(k Kind) int {
	if k.list() {
		return maxLines
	}
	return 1
}

// fromDisk returns the copies on disk. Only what was proved is there.
func (c *Cache) fromDisk(n Need) (l lines) {
	if c.store == nil {
		return nil
	}
	for slot := range slots(n.Kind) {
		e, ok := c.store.Get(storeKey(n, slot))
		if !ok {
			break
		}
		l = append(l, entryArtefact(e))
	}
	slices.SortStableFunc(l, func(a, b *Artefact) int { return b.Fetched.Compare(a.Fetched) })
	return l
}

func entryArtefact(e store.Entry) *Artefact {
	a := newArtefact(e.Body, e.Owner, e.Index)
	a.Fetched, a.Came, a.Expires, a.Again, a.ETag, a.LastModified = e.Fetched, e.Came, e.Expires, e.Again, e.ETag, e.LastModified
	a.Proved = true
	return a
}

// toDisk writes a proved copy into the slot of its line, or a free one, unless
// another process has put a later edition there. It returns what it found there
// that a does not supersede.
func (c *Cache) toDisk(n Need, a *Artefact, now time.Time) (also []*Artefact, err error) {
	e := store.Entry{Body: a.Body, Owner: a.Owner, Fetched: a.Fetched, Came: a.Came, Expires: a.Expires, Again: a.Again, ETag: a.ETag, LastModified: a.LastModified}
	for slot := range slots(n.Kind) {
		o := newer
		done, err := c.store.Replace(storeKey(n, slot), e, func(have store.Entry) bool {
			disk := entryArtefact(have)
			if disk.expired(now) || disk.equal(a) {
				return true
			}
			if o, _, _ = compare(n.Kind, disk, a); o != newer {
				also = append(also, disk)
			}
			return o == newer
		})
		switch {
		case err != nil:
			return also, err
		case done:
			a.parsed.mu.Lock()
			a.parsed.saved = false // its index belongs to the file that stands there now
			a.parsed.mu.Unlock()
			return also, c.saveIndex(n, a, slot)
		case o == older:
			c.adopt(n, now)
			return also, nil
		}
	}
	return also, nil // there are too many lines
}

// saveIndex writes the index of a list to the disk, beside its body, when it is
// not there: it is new, or who wrote the body was killed in between, or somebody
// damaged it.
func (c *Cache) saveIndex(n Need, a *Artefact, slot int) error {
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
	l, err := a.List(context.Background())
	if err != nil {
		return nil // it gave no answer as a list, so no index is worth keeping
	}
	defer runtime.KeepAlive(a)
	x := l.Index()
	if x == nil {
		return nil
	}
	if err := c.store.PutIndex(storeKey(n, slot), sha256.Sum256(a.Body), x); !errors.Is(err, store.ErrNoBody) {
		return err
	}
	return nil // another process has removed the body meanwhile
}

package download

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/finding"
)

// Artefact is one body and what is known of it. It does not change once others
// have it: what is learnt makes a new one, which shares the body.
type Artefact struct {
	// Body may be a mapped file; then Owner is not nil, and whoever keeps Body
	// keeps Owner or the Artefact too (see store.Entry).
	Body  []byte
	Owner any

	Fetched time.Time // when it came or was last confirmed
	Came    time.Time // when it came; zero when that is not known
	Expires time.Time // when what it says ends, as far as somebody has judged it
	Again   time.Time // HTTP: not to be used after this without asking; zero when it did not say

	ETag, LastModified string

	// Proved is set when it was judged authentic and gave an answer; Revoking when
	// that was, for some certificate, that it is revoked.
	Proved, Revoking bool

	unkept bool // HTTP or the question forbids to keep it
	// stored says how far the download that this came by is on the disk (see toBeStored); nil of
	// what did not come by one. A copy that is confirmed has one of its own.
	stored *atomic.Int32
	parsed *parsed
}

// parsed is what was made of a body, once for all artefacts that share it.
type parsed struct {
	read  atomic.Pointer[read]
	turn  chan struct{} // has room for the one who reads
	index []byte        // saved with the body on disk, and its owner's too

	mu    sync.Mutex
	saved bool // the index stands on disk, or need not
}

// read is what came of reading a body as a list.
type read struct {
	list *crl.List
	err  error
}

// newArtefact returns an artefact of owner's body, with the index that was saved
// for it.
func newArtefact(body []byte, owner any, index []byte) *Artefact {
	return &Artefact{Body: body, Owner: owner, parsed: &parsed{turn: make(chan struct{}, 1), index: index, saved: index != nil}}
}

// List is the body as a revocation list, parsed once. The list keeps the body's
// owner. When ctx ends first, the error is a *crl.Error that says so, and the next
// caller reads.
func (a *Artefact) List(ctx context.Context) (*crl.List, error) {
	p := a.parsed
	defer runtime.KeepAlive(a)
	if r := p.read.Load(); r != nil {
		return r.list, r.err
	}
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return nil, &crl.Error{ID: finding.CRLBudget, Reason: "the time was up: " + ctx.Err().Error()}
	}
	if r := p.read.Load(); r != nil {
		return r.list, r.err
	}
	r := &read{err: errors.New("the list could not be read")} // should the parser not return
	defer func() {
		var e *crl.Error
		if !errors.As(r.err, &e) || e.ID != finding.CRLBudget {
			p.read.Store(r)
		}
	}()
	r.list, r.err = a.readList(ctx)
	return r.list, r.err
}

func (a *Artefact) readList(ctx context.Context) (l *crl.List, err error) {
	if a.parsed.index != nil {
		l, err = crl.Restore(a.Body, a.parsed.index)
	}
	if l == nil || err != nil { // no index, or one that does not fit
		l, err = crl.Parse(ctx, a.Body)
	}
	if err != nil {
		return nil, err
	}
	l.Keep(a.Owner)
	return l, nil
}

func (a *Artefact) expired(now time.Time) bool {
	return !a.Expires.IsZero() && !now.Before(a.Expires)
}

// askAgainAfter is the age beyond which a copy is asked for again.
const askAgainAfter = time.Hour

// fresh reports whether a copy may answer without asking again: for as long as
// HTTP allows, at most an hour, and not in the second half of the time that it
// was good for when it came, so that its successor is here before it ends. A
// person's Run wants what came before it to be recent, and asks once for the rest.
func (a *Artefact) fresh(t Terms) bool {
	limit, ahead := askAgainAfter, time.Duration(0)
	switch {
	case t.Run.has(a.Fetched):
		ahead = slack // it came for another target, whose Now may be a little later
	case t.Run.PastCaches, !a.Again.IsZero() && !t.Now.Before(a.Again):
		return false
	case t.Run.begun():
		limit = Recent
	}
	if !a.Expires.IsZero() {
		if !t.Now.Before(a.Expires) {
			return false
		}
		limit = min(limit, max(a.Expires.Sub(a.Fetched)/2, time.Minute))
	}
	if t.MaxAge > 0 && t.MaxAge < limit {
		limit = t.MaxAge
	}
	age := t.Now.Sub(a.Fetched)
	return age >= -ahead && age < limit
}

// had reports whether a was confirmed since t.Since and has not ended, so that it
// may answer now and be asked for again beside. One from the future was not.
func (a *Artefact) had(t Terms) bool {
	return !t.Since.IsZero() && !a.Fetched.Before(t.Since) && !a.Fetched.After(t.Now) && !a.expired(t.Now) &&
		(t.MaxAge == 0 || t.Now.Sub(a.Fetched) < t.MaxAge)
}

// size is what a counts for in memory.
func (a *Artefact) size() int64 { return int64(len(a.Body)) }

// same reports whether two artefacts share one body.
func (a *Artefact) same(b *Artefact) bool { return a != nil && b != nil && a.parsed == b.parsed }

// identity tells bodies apart that are kept by others.
type identity struct {
	at *byte
	n  int
}

// List parses a body that is not the Cache's, such as a file's: once, while it is
// remembered, since many judgements may be given the same.
func (c *Cache) List(ctx context.Context, body []byte, owner any) (*crl.List, error) {
	defer runtime.KeepAlive(owner)
	if len(body) == 0 {
		return crl.Parse(ctx, body)
	}
	id := identity{&body[0], len(body)} // the list keeps body and owner, so nothing else comes to stand there
	c.mu.Lock()
	l, ok := c.foreign.Get(id)
	c.mu.Unlock()
	if ok {
		return l, nil
	}
	l, err := crl.Parse(ctx, body)
	if err != nil {
		return nil, err
	}
	l.Keep(owner)
	c.mu.Lock()
	c.foreign.Put(id, l, int64(len(body)))
	c.mu.Unlock()
	return l, nil
}

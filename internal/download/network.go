package download

import (
	"bytes"
	"context"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/internal/store"
	"github.com/assaytls/assay/ocsp"
)

// maxSmall bounds bodies that are no lists. They stay too small for the store to
// map them, so that they can be read without care.
const maxSmall = store.Large - 1

// limit bounds the body that n names; 0 means the fetcher's limit.
func (c *Cache) limit(n Need) int64 {
	if n.MaxBytes == 0 && (n.Kind == OCSP || n.Kind == AIA) && (c.fetch.MaxBytes <= 0 || c.fetch.MaxBytes > maxSmall) {
		return maxSmall
	}
	return n.MaxBytes
}

// trustTags is for how long after a body came its tags are sent: whoever serves a
// body in plain HTTP chooses its tags too, and may choose those that the server
// gives to the next one. From then on the body is fetched whole.
const trustTags = 24 * time.Hour

// conditional reports whether a's tags may be sent.
func (a *Artefact) conditional(now time.Time) bool {
	return a != nil && a.Proved && !a.expired(now) && now.Sub(a.Came) < trustTags
}

// download asks the network, conditionally when there is a proved copy. old is the
// copy at hand, nil when there is none.
func (c *Cache) download(ctx context.Context, n Need, q asked, old *Artefact, t Terms) Got {
	kept := !(n.Kind == OCSP && t.Nonce) && n.Kind != CT // the answer may serve others, too
	var known lines
	if kept {
		if known = c.known(q.Key); known == nil && old != nil && old.Proved {
			known = lines{old} // too large for memory
		}
	}
	best, others := known.split(t.Now)
	if best != nil {
		old = best
	}
	req := fetch.Request{URL: n.URL, Scope: t.Scope, MaxBytes: c.limit(n), PastCaches: t.Run.PastCaches}
	if best.conditional(t.Now) && n.Kind != OCSP && !t.Run.PastCaches {
		req.ETag, req.LastModified = best.ETag, best.LastModified
	}
	c.counts.asked.Add(1)
	resp, came, fail := c.ask(ctx, n, req, t.Nonce)
	if fail != nil {
		c.counts.failed.Add(1)
		if ctx.Err() == nil {
			c.failed(n, q, fail.ID, fail.Detail, t.Now)
		}
		if old != nil {
			return old.standingIn(others, fail.Detail)
		}
		g := Got{Outcome: Failed, Failure: fail.ID, Detail: fail.Detail, Status: fail.Status}
		if fail.ID == finding.FetchRefusedAddress || fail.ID == finding.FetchSchemeRefused {
			g.Outcome = Refused
		}
		return g
	}
	if resp.NotModified {
		c.succeeded(q)
		confirmed := best.confirmed(resp, t.Now, false)
		c.confirm(q.Key, confirmed, resp.NoStore)
		return Got{Artefact: confirmed, Others: others, Outcome: Revalidated, Status: resp.Status}
	}
	for _, a := range known {
		if a.expired(t.Now) {
			continue
		}
		if a.equal(came) {
			c.succeeded(q)
			confirmed := a.confirmed(resp, t.Now, true)
			c.confirm(q.Key, confirmed, resp.NoStore)
			return Got{Artefact: confirmed, Others: known.without(a, t.Now), Outcome: Fetched, Status: resp.Status}
		}
		if o, was, is := compare(n.Kind, a, came); o == older {
			why := "the address now serves an older edition, of " + finding.Time(is) + "; the cache has that of " + finding.Time(was)
			c.rejected(q, why, t.Now)
			return best.standingIn(others, why)
		}
	}
	if best == nil { // with a proved copy beside it, what came must prove itself first
		c.succeeded(q)
	}
	came.Fetched, came.Came, came.stored = t.Now, t.Now, new(atomic.Int32)
	came.httpSays(resp, t.Now)
	if came.unkept = !kept || resp.NoStore; !came.unkept {
		c.mu.Lock()
		c.unproved.Put(q.Key, came, came.size())
		c.mu.Unlock()
	}
	return Got{Artefact: came, Outcome: Fetched, Status: resp.Status}
}

// ask makes the request. Lists may be large: with a store they go through a file.
func (c *Cache) ask(ctx context.Context, n Need, req fetch.Request, nonce bool) (*fetch.Response, *Artefact, *fetch.Failure) {
	if n.Kind == OCSP {
		get, short := "", false
		if !nonce {
			get, short = ocsp.GETURL(n.URL, n.Request)
		}
		req.Body = n.Request
		resp, fail := c.fetch.OCSP(ctx, n.URL, get, short, req)
		if fail != nil {
			return nil, nil, fail
		}
		return resp, newArtefact(resp.Body, nil, nil), nil
	}
	if c.store == nil || !n.Kind.list() {
		resp, fail := c.fetch.Do(ctx, req)
		if fail != nil {
			return nil, nil, fail
		}
		return resp, newArtefact(resp.Body, nil, nil), nil
	}
	spool := c.store.Spool()
	defer spool.Close()
	req.Into = spool
	resp, fail := c.fetch.Do(ctx, req)
	if fail != nil {
		return nil, nil, fail
	}
	body, owner := spool.Body()
	return resp, newArtefact(body, owner, nil), nil
}

// equal reports whether the bodies are the same. Either may be a mapped file that
// somebody cuts meanwhile; the difference then shows when it is judged.
func (a *Artefact) equal(b *Artefact) (same bool) {
	if a.same(b) {
		return true
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer runtime.KeepAlive(a)
	defer runtime.KeepAlive(b)
	defer func() {
		if _, fault := recover().(runtime.Error); fault {
			same = false
		}
	}()
	return bytes.Equal(a.Body, b.Body)
}

// confirmed is a, as the server has just confirmed it, or sent it again.
func (a *Artefact) confirmed(resp *fetch.Response, now time.Time, whole bool) *Artefact {
	b := *a
	b.Fetched, b.stored = now, new(atomic.Int32)
	if whole {
		b.Came = now
	}
	b.httpSays(resp, now)
	if b.ETag == "" && b.LastModified == "" && !whole { // a 304 need not repeat them (RFC 9110, 15.4.5)
		b.ETag, b.LastModified = a.ETag, a.LastModified
	}
	return &b
}

func (a *Artefact) httpSays(resp *fetch.Response, now time.Time) {
	a.ETag, a.LastModified, a.Again = resp.ETag, resp.LastModified, time.Time{}
	if d, ok := resp.FreshFor(); ok {
		a.Again = now.Add(d)
	}
}

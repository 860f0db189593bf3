package download

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/assaytls/assay/internal/fetch"
)

// Remote is a store of the application's. What it returns is judged like a download:
// nothing in it is taken as proved.
type Remote interface {
	Get(ctx context.Context, key string) ([]byte, error)
	Put(ctx context.Context, key string, value []byte, keep time.Duration) error
}

// The bounds of asking a Remote. A call that does not return is abandoned and goes on
// to count among those under way, so that a store that hangs is soon not asked.
const (
	remoteGetTime  = 500 * time.Millisecond
	remotePutTime  = 10 * time.Second
	maxRemoteCalls = 32
	maxRemoteKeep  = 30 * 24 * time.Hour
	maxRemoteHead  = 4096 // octets before the body
)

// remoteHead is what stands before a body.
type remoteHead struct {
	Fetched      time.Time `json:"fetched"`
	Again        time.Time `json:"again,omitzero"`
	ETag         string    `json:"etag,omitempty"`
	LastModified string    `json:"last_modified,omitempty"`
}

var remoteMagic = []byte("assay1\n")

// remoteKey is the key of a need: opaque, and the same in every process.
func remoteKey(n Need) string {
	h := sha256.New()
	h.Write(remoteMagic)
	for _, b := range [][]byte{[]byte(n.Kind), []byte(n.URL), n.IssuerKey[:], n.Request} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(b))))
		h.Write(b)
	}
	return "assay1-" + hex.EncodeToString(h.Sum(nil))
}

// keptRemotely reports whether what n names may stand in a Remote, on terms t.
func (c *Cache) keptRemotely(n Need, t Terms) bool {
	return c.remote != nil && n.Kind != CT && !(n.Kind == OCSP && t.Nonce)
}

// remotely calls f on a goroutine of its own and waits until it returns or ctx is
// done. It reports false when f did not return, or when too many calls are under way.
func (c *Cache) remotely(ctx context.Context, f func() error) (err error, returned bool) {
	select {
	case c.remoteCalls <- struct{}{}:
	default:
		return nil, false
	}
	done := make(chan error, 1)
	go func() {
		defer func() { <-c.remoteCalls }()
		defer func() {
			if v := recover(); v != nil {
				done <- fmt.Errorf("the cache of the application panicked: %v", v)
			}
		}()
		done <- f()
	}()
	select {
	case err := <-done:
		return err, true
	case <-ctx.Done():
		return nil, false
	}
}

// fromRemote asks the Remote. The copy has proved nothing, whatever it says.
func (c *Cache) fromRemote(ctx context.Context, n Need, t Terms) *Artefact {
	ctx, cancel := context.WithTimeout(ctx, remoteGetTime)
	defer cancel()
	got := make(chan []byte, 1)
	err, returned := c.remotely(ctx, func() error {
		b, err := c.remote.Get(ctx, remoteKey(n))
		if err == nil && int64(len(b)) <= c.remoteLimit(n) {
			b = bytes.Clone(b) // it may be used again
		} else if err == nil {
			err = fmt.Errorf("the cache of the application returned %d bytes", len(b))
		}
		got <- b
		return err
	})
	switch {
	case !returned:
		return nil
	case err != nil:
		c.warn(err)
		return nil
	}
	a := remoteArtefact(<-got, t.Now)
	if a == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unproved.Put(n.Key(), a, a.size())
	return a
}

// remoteLimit bounds a value.
func (c *Cache) remoteLimit(n Need) int64 {
	limit := c.limit(n)
	if limit <= 0 {
		limit = fetch.DefaultMaxBytes
	}
	return limit + maxRemoteHead
}

// remoteArtefact reads a value; nil when it is none. Its times are the store's word:
// none lies ahead.
func remoteArtefact(b []byte, now time.Time) *Artefact {
	rest, ok := bytes.CutPrefix(b, remoteMagic)
	line, body, found := bytes.Cut(rest, []byte("\n"))
	var h remoteHead
	if !ok || !found || len(line) > maxRemoteHead || json.Unmarshal(line, &h) != nil || len(body) == 0 || h.Fetched.IsZero() {
		return nil
	}
	a := newArtefact(body, nil, nil)
	a.Fetched, a.Again, a.ETag, a.LastModified = h.Fetched, h.Again, h.ETag, h.LastModified
	if a.Fetched.After(now) {
		a.Fetched = now.Add(-askAgainAfter) // it says nothing about when it came
	}
	return a
}

// toRemote gives the Remote what has just been proved, beside.
func (c *Cache) toRemote(n Need, a *Artefact, now time.Time) {
	keep := maxRemoteKeep
	if !a.Expires.IsZero() {
		keep = min(keep, a.Expires.Sub(now))
	}
	if keep <= 0 {
		return
	}
	head, err := json.Marshal(remoteHead{a.Fetched, a.Again, a.ETag, a.LastModified})
	if err != nil || len(head) >= maxRemoteHead-len(remoteMagic) {
		return
	}
	c.running.Add(1)
	go func() {
		defer c.running.Done()
		ctx, cancel := context.WithTimeout(c.ctx, remotePutTime)
		defer cancel()
		err, _ := c.remotely(ctx, func() (err error) {
			value := append(append(append(bytes.Clone(remoteMagic), head...), '\n'), a.Body...)
			return c.remote.Put(ctx, remoteKey(n), value, keep)
		})
		if err != nil && !errors.Is(err, context.Canceled) {
			c.warn(err)
		}
	}()
}

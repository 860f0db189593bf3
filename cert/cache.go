package cert

import (
	"bytes"
	"crypto/sha256"
	"sync"
)

// Cache remembers parsed certificates by the SHA-256 of their bytes, so that
// none is parsed twice: a CA's certificate comes with every server below it.
// It is bounded and safe for concurrent use. A nil *Cache remembers nothing.
type Cache struct {
	mu       sync.Mutex
	max      int
	now, old map[[32]byte]*Certificate // two generations: cheap bounded forgetting
}

// maxCachedSize keeps oversized certificates out: they are rare and hostile.
const maxCachedSize = 16 << 10

// NewCache returns a Cache of at most max certificates.
func NewCache(max int) *Cache {
	return &Cache{max: max}
}

// Parse is the package's Parse with the cache in front of it. What is
// remembered is parsed from a copy: the caller may reuse raw.
func (c *Cache) Parse(raw []byte) *Certificate {
	if c == nil || len(raw) > maxCachedSize {
		return Parse(raw)
	}
	key := sha256.Sum256(raw)
	c.mu.Lock()
	got := c.now[key]
	if got == nil {
		got = c.old[key]
	}
	c.mu.Unlock()
	if got != nil {
		return got
	}
	got = parse(bytes.Clone(raw), key)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now == nil || len(c.now) >= c.max/2+1 {
		c.old, c.now = c.now, make(map[[32]byte]*Certificate)
	}
	c.now[key] = got
	return got
}

// Len returns how many certificates are remembered.
func (c *Cache) Len() int {
	if c == nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.now) + len(c.old)
}

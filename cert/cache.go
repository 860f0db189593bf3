package cert

import (
	"bytes"
	"crypto/sha256"
	"sync"

	"github.com/assaytls/assay/internal/bounded"
)

// Cache remembers parsed certificates by the SHA-256 of their bytes, so that
// none is parsed twice: a CA's certificate comes with every server below it.
// It is bounded and safe for concurrent use. A nil *Cache and the zero Cache
// remember nothing.
type Cache struct {
	mu    sync.Mutex
	known *bounded.Map[[32]byte, *Certificate]
}

// maxCachedSize keeps oversized certificates out: they are rare and hostile.
const maxCachedSize = 16 << 10

// NewCache returns a Cache of at most max certificates.
func NewCache(max int) *Cache {
	return &Cache{known: bounded.New[[32]byte, *Certificate](max, 0)}
}

// Parse is the package's Parse with the cache in front of it. What is
// remembered is parsed from a copy: the caller may reuse raw.
func (c *Cache) Parse(raw []byte) *Certificate {
	if c == nil || len(raw) > maxCachedSize {
		return Parse(raw)
	}
	key := sha256.Sum256(raw)
	c.mu.Lock()
	got, ok := c.known.Get(key)
	c.mu.Unlock()
	if ok {
		return got
	}
	got = parse(bytes.Clone(raw), key)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known.Put(key, got, 0)
	return got
}

// Len returns how many certificates are remembered.
func (c *Cache) Len() int {
	if c == nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known.Len()
}

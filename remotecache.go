package assay

import (
	"context"
	"time"
)

// Cache keeps revocation data for [Config.Cache]. What it returns is judged again, as
// if it had just been downloaded, and is never trusted: whoever can write to the store
// can withhold data and replay what is still valid, as anybody can who is on the way
// of a plain-HTTP download, and no more. What was learnt to be revoked is not kept
// there. The methods must be safe for concurrent use; a panic counts as an error.
type Cache interface {
	// Get returns the value that was put under a key, nil when there is none, or an
	// error. It is waited for until ctx is done, half a second at most, and then
	// abandoned; when 32 calls are under way the cache is not asked. Values larger than
	// a download may be are not used. The value is copied.
	Get(ctx context.Context, key string) ([]byte, error)
	// Put keeps a value for at most the given time. It is called beside the handshake.
	// The key is opaque: letters, digits and a hyphen, 71 bytes. The value must not be
	// changed. An error is logged.
	Put(ctx context.Context, key string, value []byte, keep time.Duration) error
}

package cert_test

import (
	"bytes"
	"fmt"
	"sync"
	"testing"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/internal/lab/forge"
)

// A cached certificate is what Parse gives, whatever becomes of the bytes.
func TestCache(t *testing.T) {
	raw := forge.NewRoot("cached", nil).Raw
	buf := bytes.Clone(raw)
	c := cert.NewCache(8)
	first := c.Parse(buf)
	clear(buf)
	if !bytes.Equal(first.Raw, raw) || first.Subject.String() != "CN=cached" {
		t.Error("the cached certificate changed with the caller's buffer")
	}
	if c.Parse(raw) != first {
		t.Error("parsed again")
	}
	if c.Parse(buf) == first {
		t.Error("other bytes gave the cached certificate")
	}
	var none *cert.Cache
	if got := none.Parse(raw); got == nil || got.SHA256 != first.SHA256 {
		t.Error("a nil cache does not parse")
	}
}

// However many certificates come, few are kept, and all come out right.
func TestCacheBounded(t *testing.T) {
	c := cert.NewCache(4)
	key := forge.P256()
	var wg sync.WaitGroup
	for i := range 40 {
		raw := forge.NewRoot(fmt.Sprint("n", i), key).Raw
		wg.Go(func() {
			if got := c.Parse(raw); !bytes.Equal(got.Raw, raw) {
				t.Error("another certificate")
			}
		})
	}
	wg.Wait()
	if n := c.Len(); n > 6 {
		t.Errorf("%d certificates are kept", n)
	}
}

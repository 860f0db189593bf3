package assay_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/finding"
)

// memoryCache is a Cache that a test can spoil.
type memoryCache struct {
	mu     sync.Mutex
	values map[string][]byte
	gets   int
	get    func(context.Context, []byte) ([]byte, error) // nil: as it is
}

func (m *memoryCache) Get(ctx context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	v, get := m.values[key], m.get
	m.gets++
	m.mu.Unlock()
	if get != nil {
		return get(ctx, v)
	}
	return v, nil
}

func (m *memoryCache) Put(_ context.Context, key string, value []byte, keep time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(key) != 71 || keep <= 0 {
		return errors.New("a bad key or time")
	}
	if m.values == nil {
		m.values = map[string][]byte{}
	}
	m.values[key] = bytes.Clone(value)
	return nil
}

func (m *memoryCache) len() int { m.mu.Lock(); defer m.mu.Unlock(); return len(m.values) }

// What one process downloaded serves the next one, which trusts nothing of it: it is
// judged, a store that hangs, fails, panics or answers rubbish costs half a second at
// most, and the network is asked.
func TestCache(t *testing.T) {
	w := newWorld(t)
	good, bad := w.server(), w.server()
	w.revoke(bad)
	addrs := []string{serve(t, &tls.Config{Certificates: []tls.Certificate{good.TLS()}}), serve(t, &tls.Config{Certificates: []tls.Certificate{bad.TLS()}})}
	store := &memoryCache{}
	try := func(t *testing.T, v *assay.Verifier) {
		t.Helper()
		for i, addr := range addrs {
			start := time.Now()
			c, err := v.DialContext(t.Context(), "tcp", addr, &tls.Config{ServerName: "localhost"})
			if err == nil {
				c.Close()
			}
			if i == 0 && err != nil || i == 1 && !errors.Is(err, finding.CertRevoked) {
				t.Errorf("server %d: %v", i, err)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("server %d took %s", i, took)
			}
		}
	}
	deny := assay.Config{Cache: store, Unknown: assay.UnknownDeny}
	try(t, newVerifier(t, w.config(deny)))
	eventually(t, "the list is in the store", func() bool { return store.len() == 1 })
	hits := w.hits.Load()
	try(t, newVerifier(t, w.config(deny)))
	if n := w.hits.Load() - hits; n != 0 {
		t.Errorf("%d downloads in spite of the store", n)
	}
	offline := deny
	offline.Network = assay.Offline
	try(t, newVerifier(t, w.config(offline)))
	if n := w.hits.Load() - hits; n != 0 {
		t.Errorf("%d downloads offline", n)
	}
	empty := w.root.CRL(list(w.root, 9)) // authentic, of the past hour and without the revocation
	release := make(chan struct{})
	defer close(release)
	for name, get := range map[string]func(context.Context, []byte) ([]byte, error){
		"hangs":             func(context.Context, []byte) ([]byte, error) { <-release; return nil, nil },
		"heeds its context": func(ctx context.Context, _ []byte) ([]byte, error) { <-ctx.Done(); return nil, ctx.Err() },
		"fails":             func(context.Context, []byte) ([]byte, error) { return nil, errors.New("no") },
		"panics":            func(context.Context, []byte) ([]byte, error) { panic("no") },
		"rubbish":           func(context.Context, []byte) ([]byte, error) { return []byte("rubbish"), nil },
		"huge":              func(context.Context, []byte) ([]byte, error) { return make([]byte, 65<<20), nil },
		"a body of rubbish": func(_ context.Context, v []byte) ([]byte, error) {
			return append(bytes.Clone(v[:len(v)/2]), v[len(v)/2-9:]...), nil
		},
		"a bad signature":    func(_ context.Context, v []byte) ([]byte, error) { v = bytes.Clone(v); v[len(v)-1] ^= 1; return v, nil },
		"a bare list":        func(context.Context, []byte) ([]byte, error) { return empty, nil },
		"cut":                func(_ context.Context, v []byte) ([]byte, error) { return v[:len(v)-1], nil },
		"only its beginning": func(context.Context, []byte) ([]byte, error) { return []byte("assay1\n{}\n"), nil },
	} {
		t.Run(name, func(t *testing.T) {
			store.mu.Lock()
			store.get = get
			store.mu.Unlock()
			try(t, newVerifier(t, w.config(deny)))
		})
	}
	if store.gets == 0 {
		t.Error("the store was never asked")
	}
}

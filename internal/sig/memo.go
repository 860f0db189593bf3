package sig

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"

	"github.com/assaytls/assay/internal/bounded"
)

// Memo remembers signatures that verified. It is bounded, safe for concurrent
// use, and holds positive results only, keyed by a SHA-256 over the key, the
// algorithm, what was signed (the message's digest by that algorithm's hash, or
// the message) and the signature. A nil *Memo remembers nothing.
type Memo struct {
	mu    sync.Mutex
	known *bounded.Map[[32]byte, struct{}]
}

// NewMemo returns a Memo of at most max entries.
func NewMemo(max int) *Memo {
	return &Memo{known: bounded.New[[32]byte, struct{}](max, 0)}
}

// Verify is the package's Verify with the memo in front of it.
func (m *Memo) Verify(k *Key, a Algorithm, message, signature []byte) error {
	if m == nil {
		return Verify(k, a, message, signature)
	}
	if err := usable(k, a); err != nil {
		return err
	}
	over := signed(a, message)
	key := memoKey(k, a, over, signature)
	if m.has(key) {
		return nil
	}
	err := verifySigned(k, a, over, signature)
	if err == nil {
		m.put(key)
	}
	return err
}

func (m *Memo) has(key [32]byte) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.known.Get(key)
	return ok
}

func (m *Memo) put(key [32]byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.known.Put(key, struct{}{}, 0)
}

func memoKey(k *Key, a Algorithm, signed, signature []byte) (key [32]byte) {
	h := sha256.New()
	var n [8]byte
	for _, part := range [][]byte{k.Raw, a.Raw, signed, signature} {
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		h.Write(n[:])
		h.Write(part)
	}
	h.Sum(key[:0])
	return key
}

package sig

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
)

// Memo remembers signatures that verified. It is bounded, safe for concurrent
// use, and holds positive results only, keyed by a SHA-256 over the key, the
// algorithm, what was signed (the message's digest by that algorithm's hash, or
// the message) and the signature. A nil *Memo remembers nothing.
type Memo struct {
	mu       sync.Mutex
	max      int
	now, old map[[32]byte]struct{} // two generations: cheap bounded forgetting
}

// NewMemo returns a Memo of at most max entries.
func NewMemo(max int) *Memo {
	return &Memo{max: max, now: make(map[[32]byte]struct{})}
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
	if _, ok := m.now[key]; ok {
		return true
	}
	_, ok := m.old[key]
	return ok
}

func (m *Memo) put(key [32]byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.now) >= m.max/2+1 {
		m.old, m.now = m.now, make(map[[32]byte]struct{})
	}
	m.now[key] = struct{}{}
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

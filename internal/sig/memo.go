package sig

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"

	"github.com/assaytls/assay/internal/bounded"
	"github.com/assaytls/assay/internal/sig/known"
)

// Memo remembers signatures that verified. It is bounded, safe for concurrent
// use, and holds positive results only, keyed by a SHA-256 over the key, the
// algorithm, what was signed (the message's digest by that algorithm's hash, or
// the message) and the signature. A nil *Memo remembers nothing.
type Memo struct {
	mu       sync.Mutex
	verified *bounded.Map[[32]byte, struct{}]
	tables   *known.Tables // nil: all is verified by crypto/ecdsa
	purged   bool          // what was verified while tables were believed is forgotten
}

// NewMemo returns a Memo of at most max entries.
func NewMemo(max int) *Memo {
	return &Memo{verified: bounded.New[[32]byte, struct{}](max, 0)}
}

// NewMemoWithTables is NewMemo with tables for the ECDSA keys that are seen often,
// of at most so many octets; 0 means [known.MaxOctets]. When tables prove wrong
// (known.Broken), it forgets what verified until then.
func NewMemoWithTables(max int, octets int64) *Memo {
	m := NewMemo(max)
	m.tables = known.New(octets)
	return m
}

// Tables returns the numbers about the tables; without them all are 0.
func (m *Memo) Tables() known.Counts {
	if m == nil {
		return known.Counts{}
	}
	return m.tables.Counts()
}

// Verify is the package's Verify with the memo in front of it, and the tables behind it.
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
	byTables := m.tables.On()
	err := verifySigned(m.tables, k, a, over, signature)
	if err == nil {
		m.put(key, byTables)
	}
	return err
}

func (m *Memo) has(key [32]byte) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.purge()
	_, ok := m.verified.Get(key)
	return ok
}

// put remembers what verified; byTables says that tables were believed then.
func (m *Memo) put(key [32]byte, byTables bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.purge()
	if byTables && m.purged {
		return
	}
	m.verified.Put(key, struct{}{}, 0)
}

// purge forgets, once, what verified while tables were believed that proved wrong.
func (m *Memo) purge() {
	if m.tables != nil && !m.purged && known.Broken() {
		m.verified.Clear()
		m.purged = true
	}
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

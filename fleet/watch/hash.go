package watch

import (
	"crypto/sha256"
	"encoding/hex"
)

// Hash is a SHA-256. The zero Hash means that there is none.
type Hash [sha256.Size]byte

// String returns the hash in hex, "" for none.
func (h Hash) String() string {
	if h == (Hash{}) {
		return ""
	}
	return hex.EncodeToString(h[:])
}

// bytes is what the database gets: nil for none.
func (h Hash) bytes() []byte {
	if h == (Hash{}) {
		return nil
	}
	return h[:]
}

// hashOf reads a hash in hex; what is none becomes the zero Hash.
func hashOf(s string) (h Hash) {
	if len(s) != 2*len(h) {
		return Hash{}
	}
	if _, err := hex.Decode(h[:], []byte(s)); err != nil {
		return Hash{}
	}
	return h
}

// hashFrom reads a hash as the database has it.
func hashFrom(b []byte) (h Hash) {
	if len(b) == len(h) {
		copy(h[:], b)
	}
	return h
}

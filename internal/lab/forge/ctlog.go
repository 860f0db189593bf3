package forge

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"time"
)

// TreeHead describes the state of a CT log.
type TreeHead struct {
	Size uint64
	Root [32]byte
	Time time.Time
}

// Sign makes the DigitallySigned of a tree head (RFC 6962, 3.5).
func (h TreeHead) Sign(log *Key) []byte {
	signed := slices.Concat([]byte{0, 1}, u64(uint64(h.Time.UnixMilli())), u64(h.Size), h.Root[:])
	alg, code := ECDSAWithSHA256, byte(3)
	if string(log.DefaultAlg().ID) == string(SHA256WithRSA.ID) {
		alg, code = SHA256WithRSA, 1
	}
	sig := log.Sign(alg, signed)
	return slices.Concat([]byte{4, code}, u16(len(sig)), sig)
}

// Checkpoint makes a static-ct checkpoint: a note by that origin with one
// signature of the kind RFC6962NoteSignature, which names the log by its key
// and is made by signer.
func (h TreeHead) Checkpoint(signer, log *Key, origin string) []byte {
	id := sha256.Sum256(append([]byte(origin+"\n\x05"), LogID(log)...))
	sig := slices.Concat(id[:4], u64(uint64(h.Time.UnixMilli())), h.Sign(signer))
	return fmt.Appendf(nil, "%s\n%d\n%s\n\n— %s %s\n", origin, h.Size, base64.StdEncoding.EncodeToString(h.Root[:]),
		origin, base64.StdEncoding.EncodeToString(sig))
}

// LeafIndex is the SCT extension of static-ct logs that tells the entry's
// index in the tree.
func LeafIndex(i uint64) []byte { return append([]byte{0, 0, 5}, u64(i)[3:]...) }

// Base64 decodes a constant.
func Base64(text string) []byte {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		panic("forge: " + err.Error())
	}
	return b
}

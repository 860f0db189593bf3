package crl

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"runtime"
	"runtime/debug"

	"github.com/assaytls/assay/finding"
)

// A saved index: the magic; little-endian uint64 for the size of the DER,
// where the entries begin, their octets and their number, and the hash
// table's seed; the digest of tBSCertList in 64 octets with its length; the
// SHA-256 of the SubjectPublicKeyInfo with which the signature verified, zero
// if with none; a SHA-256 of all that; then the table.
const (
	savedMagic  = "assay crl\x00\x00\x02"
	savedFields = 5
	savedKey    = len(savedMagic) + 8*savedFields + 1 + 64
	savedSum    = savedKey + sha256.Size
	savedHeader = savedSum + sha256.Size + 3 // a multiple of 8
)

// Index returns what [Restore] needs to use the same DER again without reading
// it through, or nil when that is not worthwhile or not possible: for small
// lists, for lists from PEM or from Scan, and for those with unusual entries.
func (l *List) Index() (saved []byte) {
	var err error
	defer runtime.KeepAlive(l) // and its owner
	defer unguard(debug.SetPanicOnFault(true), &err)
	if len(l.entries) < parallel || int64(len(l.body)) != l.Size || l.body == nil || l.odd || l.certificateIssuers || l.paddedSerials || len(l.digest) < sha256.Size {
		return nil
	}
	l.asked.Store(walks)
	x := l.indexed()
	if x == nil {
		return nil
	}
	b := make([]byte, 0, savedHeader+len(x.slots))
	b = append(b, savedMagic...)
	for _, v := range []uint64{uint64(l.Size), uint64(l.entriesAt), uint64(len(l.entries)), uint64(l.count), x.seed} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	b = append(b, byte(len(l.digest)))
	b = append(b, l.digest...)
	b = b[:savedKey]
	key := l.verifiedWith()
	b = append(b, key[:]...)
	sum := sha256.Sum256(b)
	b = append(b, sum[:]...)
	return append(b[:savedHeader], x.slots...)
}

// verifiedWith is a key with which the signature verified, by its SHA-256.
func (l *List) verifiedWith() (key [sha256.Size]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, v := range l.verified {
		if v.err == nil {
			return v.key
		}
	}
	return key
}

// Restore returns the list that Parse made of body, a list in DER, when Index
// was called on it: only what stands before and after the entries is read.
// Both may be mapped files and must not change; see [List.Keep]. The caller vouches that index
// was made of this very body: the digest in it stands for the body's contents.
// The key with which the signature had verified is remembered; with any other
// VerifySignature checks it anew.
func Restore(body, index []byte) (l *List, err error) {
	defer unguard(debug.SetPanicOnFault(true), &err)
	bad := &Error{finding.CRLUnreadable, 0, "the saved index does not fit the list"}
	if len(index) < savedHeader || string(index[:len(savedMagic)]) != savedMagic {
		return nil, bad
	}
	if sum := sha256.Sum256(index[:savedSum]); !bytes.Equal(sum[:], index[savedSum:savedSum+sha256.Size]) {
		return nil, bad
	}
	var v [savedFields]uint64
	for i := range v {
		v[i] = binary.LittleEndian.Uint64(index[len(savedMagic)+8*i:])
	}
	at := len(savedMagic) + 8*savedFields
	size := int(index[at])
	slots := index[savedHeader:]
	if v[0] != uint64(len(body)) || size > 64 || v[3] == 0 || v[3] > MaxEntries || len(slots) != 4*slotCount(int(v[3])) {
		return nil, bad
	}
	p := &parser{in: &input{buf: body, eof: true, whole: body}, list: &List{Version: 1}, hashed: true}
	if err := p.header(); err != nil {
		return nil, p.fail(err)
	}
	if p.list.entriesAt != int64(v[1]) || uint64(len(p.list.entries)) != v[2] || p.hash == nil || p.hash.Size() != size {
		return nil, bad
	}
	p.in.advance(p.endRev - p.in.off)
	p.scan.count = int(v[3])
	if err := p.tail(); err != nil {
		return nil, p.fail(err)
	}
	p.list.count = p.scan.count
	digest := bytes.Clone(index[at+1 : at+1+size])
	p.finish(digest, digest)
	if key := [sha256.Size]byte(index[savedKey:savedSum]); key != ([sha256.Size]byte{}) {
		p.list.verified = []verification{{key: key}}
	}
	p.list.index.Store(&indexTable{v[4], slots})
	return p.list, nil
}

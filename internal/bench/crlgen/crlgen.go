// Package crlgen makes revocation lists of any size for benchmarks: signed
// with ECDSA P-256, version 2, serial numbers of 16 octets, every second entry
// with a reasonCode, so that an entry takes 42 octets on average.
package crlgen

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"io"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// A Set is a key that signs lists.
type Set struct {
	Key  *ecdsa.PrivateKey
	SPKI []byte // its SubjectPublicKeyInfo
	Name []byte // the issuer, DER
}

// New makes a key.
func New() (*Set, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	spki, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	// SEQUENCE { SET { SEQUENCE { 2.5.4.3, UTF8String "Bench CA" } } }
	name := append([]byte{0x30, 19, 0x31, 17, 0x30, 15, 6, 3, 0x55, 4, 3, 0x0c, 8}, "Bench CA"...)
	return &Set{key, spki, name}, nil
}

// Serial returns the serial number (contents of the INTEGER) of entry i. It is
// never that of an absent one, Serial(-1 - i).
func Serial(i int) []byte {
	s := make([]byte, 16)
	binary.BigEndian.PutUint64(s, scramble(uint64(int64(i)))>>1|1<<60)
	binary.BigEndian.PutUint64(s[8:], scramble(uint64(int64(i))+1<<62))
	return s
}

// scramble is the finaliser of splitmix64: a bijection.
func scramble(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

var reason = []byte{0x30, 12, 0x30, 10, 6, 3, 0x55, 0x1d, 0x15, 4, 3, 0x0a, 1, 1}

func appendEntry(b []byte, i int, start time.Time) []byte {
	size := byte(2 + 16 + 15)
	if i%2 == 1 {
		size += 14
	}
	b = append(b, 0x30, size, 2, 16)
	b = append(b, Serial(i)...)
	b = append(b, 0x17, 13)
	b = start.Add(time.Duration(i%(300*86400))*time.Second).AppendFormat(b, "060102150405Z")
	if i%2 == 1 {
		b = append(b, reason...)
	}
	return b
}

// Size returns the octets that n entries take.
func Size(n int) int { return n/2*(35+49) + n%2*35 }

// Write writes a list with n entries that is current at now. It makes the
// entries twice, so that memory stays small.
func (s *Set) Write(w io.Writer, n int, now time.Time) error {
	alg := []byte{0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2}
	head := append([]byte{2, 1, 1}, alg...)
	head = append(head, s.Name...)
	for _, t := range []time.Time{now.Add(-time.Hour), now.AddDate(0, 0, 7)} {
		head = append(append(head, 0x17, 13), t.UTC().Format("060102150405Z")...)
	}
	if n > 0 {
		head = append(head, header(0x30, Size(n))...)
	}
	exts := []byte{0xa0, 14, 0x30, 12, 0x30, 10, 6, 3, 0x55, 0x1d, 0x14, 4, 3, 2, 1, 1}
	tbs := append(header(0x30, len(head)+Size(n)+len(exts)), head...)
	start := now.AddDate(-1, 0, 0).UTC()
	body := func(w io.Writer) error {
		buf := make([]byte, 0, 64<<10)
		for i := range n {
			if buf = appendEntry(buf, i, start); len(buf) > 63<<10 {
				if _, err := w.Write(buf); err != nil {
					return err
				}
				buf = buf[:0]
			}
		}
		_, err := w.Write(buf)
		return err
	}
	h := sha256.New()
	h.Write(tbs)
	if err := body(h); err != nil {
		return err
	}
	h.Write(exts)
	sig, err := ecdsa.SignASN1(rand.Reader, s.Key, h.Sum(nil))
	if err != nil {
		return err
	}
	var tail cryptobyte.Builder
	tail.AddASN1(asn1.BIT_STRING, func(b *cryptobyte.Builder) { b.AddUint8(0); b.AddBytes(sig) })
	end := append(append(exts, alg...), tail.BytesOrPanic()...)
	if _, err := w.Write(append(header(0x30, len(tbs)+Size(n)+len(end)), tbs...)); err != nil {
		return err
	}
	if err := body(w); err != nil {
		return err
	}
	_, err = w.Write(end)
	return err
}

// header encodes a tag and a length.
func header(tag byte, n int) []byte {
	if n < 0x80 {
		return []byte{tag, byte(n)}
	}
	var l [8]byte
	binary.BigEndian.PutUint64(l[:], uint64(n))
	i := 0
	for l[i] == 0 {
		i++
	}
	return append([]byte{tag, 0x80 | byte(8-i)}, l[i:]...)
}

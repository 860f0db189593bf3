package containers

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf16"

	"github.com/assaytls/assay/cert/bundle"
)

// The entries of a Java key store.
const (
	entryKey         = 1
	entryCertificate = 2
	entrySecret      = 3 // JCEKS alone: an object of Java, whose length is not told
)

// store reads the big-endian fields of a key store. It allocates nothing.
type store struct {
	b   []byte
	err error
}

// take returns the next n bytes.
func (s *store) take(n int) []byte {
	if s.err != nil || n > len(s.b) {
		s.err = errors.New("it is cut off or damaged")
		return nil
	}
	out := s.b[:n]
	s.b = s.b[n:]
	return out
}

func (s *store) number16() int {
	if b := s.take(2); b != nil {
		return int(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (s *store) number32() int {
	if b := s.take(4); b != nil {
		if n := binary.BigEndian.Uint32(b); n < 1<<31 {
			return int(n)
		}
		s.err = errors.New("it is damaged")
	}
	return 0
}

// readKeyStore reads a JKS or JCEKS file. Its certificates are in the clear; a password proves
// that nobody changed the file who does not know it, and is used when it was given.
func readKeyStore(b []byte, password Password) ([]bundle.Object, error) {
	if len(b) < 12+sha1.Size {
		return nil, errors.New("it is cut off")
	}
	if password.Given {
		word, err := password.Get()
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(storeDigest(b[:len(b)-sha1.Size], word), b[len(b)-sha1.Size:]) {
			return nil, errors.New("the password is wrong, or the file was changed")
		}
	}
	s := &store{b: b[4 : len(b)-sha1.Size]}
	version, count := s.number32(), s.number32()
	if version != 1 && version != 2 {
		return nil, fmt.Errorf("its version is %d, and there are 1 and 2", version)
	}
	var out []bundle.Object
	for n := 0; n < count && s.err == nil; n++ {
		if len(out) > maxObjects {
			return nil, fmt.Errorf("it holds more than %d objects", maxObjects)
		}
		kind := s.number32()
		alias := string(s.take(s.number16()))
		s.take(8) // when it was made
		certificates := 1
		switch kind {
		case entryKey:
			s.take(s.number32())
			out = append(out, bundle.Object{Kind: bundle.PrivateKey, Detail: "PKCS #8, encrypted", Place: alias})
			certificates = s.number32()
		case entryCertificate:
		case entrySecret:
			out = append(out, bundle.Object{Kind: bundle.Foreign, Detail: "a secret key of Java, behind which nothing can be read", Place: alias})
			return out, nil
		default:
			return nil, errors.New("it is damaged")
		}
		for k := 0; k < certificates && s.err == nil; k++ {
			if version == 2 {
				s.take(s.number16()) // the type, X.509
			}
			if c := s.take(s.number32()); s.err == nil {
				out = append(out, recognised(c, alias)...)
			}
			if len(out) > maxObjects {
				break
			}
		}
	}
	return out, s.err
}

// storeDigest is what proves a key store: SHA-1 of the password, a phrase of Java's makers, and the file.
func storeDigest(b []byte, word string) []byte {
	h := sha1.New()
	for _, u := range utf16.Encode([]rune(word)) {
		h.Write([]byte{byte(u >> 8), byte(u)})
	}
	h.Write([]byte("Mighty Aphrodite"))
	h.Write(b)
	return h.Sum(nil)
}

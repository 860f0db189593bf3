package serve

import (
	"bufio"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"

	"golang.org/x/crypto/cryptobyte"

	"github.com/assaytls/assay/internal/lab/forge"
)

// mldsa65 is the signature scheme of ML-DSA-65 in TLS 1.3.
const mldsa65 = 0x0905

// mldsaLeaf serves a site whose certificate has an ML-DSA-65 key. crypto/tls before
// Go 1.27 has no such server, so its first flight is made here (RFC 8446). Clients
// that do not name the scheme get the alert handshake_failure, as from OpenSSL.
func (b *build) mldsaLeaf(s *site) {
	leaf := b.issue(s)
	b.s.Leaf, b.s.Chain = leaf.Raw, s.chain
	b.raw(func(c *net.TCPConn) {
		hello, err := readHello(c)
		if err != nil || !slices.Contains(hello.schemes, mldsa65) || hello.share == nil {
			c.Write([]byte{21, 3, 3, 0, 2, 2, 40})
			c.CloseWrite()
		} else if flight, err := mldsaFlight(hello, leaf.Key, append([][]byte{leaf.Raw}, s.chain...)); err == nil {
			c.Write(flight)
		}
		io.Copy(io.Discard, c)
	})
}

// clientHello is what the flight needs of a ClientHello.
type clientHello struct {
	message   []byte
	sessionID []byte
	schemes   []uint16
	share     []byte // for X25519
}

// readHello reads a ClientHello of one record.
func readHello(c net.Conn) (h clientHello, err error) {
	r := bufio.NewReader(c)
	head := make([]byte, 5)
	if _, err := io.ReadFull(r, head); err != nil {
		return h, err
	}
	h.message = make([]byte, binary.BigEndian.Uint16(head[3:]))
	if _, err := io.ReadFull(r, h.message); err != nil {
		return h, err
	}
	in := cryptobyte.String(h.message)
	var suites, compression, extensions cryptobyte.String
	if !in.Skip(4+2+32) || !in.ReadUint8LengthPrefixed((*cryptobyte.String)(&h.sessionID)) || !in.ReadUint16LengthPrefixed(&suites) ||
		!in.ReadUint8LengthPrefixed(&compression) || !in.ReadUint16LengthPrefixed(&extensions) {
		return h, errors.New("no ClientHello")
	}
	for !extensions.Empty() {
		var id, v uint16
		var body, list, share cryptobyte.String
		if !extensions.ReadUint16(&id) || !extensions.ReadUint16LengthPrefixed(&body) {
			return h, errors.New("no extensions")
		}
		switch id {
		case 13: // signature_algorithms
			for body.ReadUint16LengthPrefixed(&list); list.ReadUint16(&v); {
				h.schemes = append(h.schemes, v)
			}
		case 51: // key_share
			for body.ReadUint16LengthPrefixed(&list); list.ReadUint16(&v) && list.ReadUint16LengthPrefixed(&share); {
				if v == uint16(29) {
					h.share = share
				}
			}
		}
	}
	return h, nil
}

// mldsaFlight is the server's first flight with TLS_AES_128_GCM_SHA256 and X25519.
func mldsaFlight(hello clientHello, key *forge.Key, chain [][]byte) ([]byte, error) {
	own, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	peer, err := ecdh.X25519().NewPublicKey(hello.share)
	if err != nil {
		return nil, err
	}
	shared, err := own.ECDH(peer)
	if err != nil {
		return nil, err
	}
	random := make([]byte, 32)
	rand.Read(random)
	serverHello := message(2, func(m *cryptobyte.Builder) {
		m.AddUint16(0x0303)
		m.AddBytes(random)
		m.AddUint8LengthPrefixed(func(m *cryptobyte.Builder) { m.AddBytes(hello.sessionID) })
		m.AddUint16(0x1301)
		m.AddUint8(0)
		m.AddUint16LengthPrefixed(func(m *cryptobyte.Builder) {
			m.AddBytes([]byte{0, 43, 0, 2, 3, 4}) // supported_versions: TLS 1.3
			m.AddBytes([]byte{0, 51, 0, 36, 0, 29, 0, 32})
			m.AddBytes(own.PublicKey().Bytes())
		})
	})
	transcript := sha256.New()
	sum := func() []byte { return transcript.Sum(nil) }
	empty := sum()
	transcript.Write(hello.message)
	transcript.Write(serverHello)

	zero := make([]byte, 32)
	early, _ := hkdf.Extract(sha256.New, zero, zero)
	secret, _ := hkdf.Extract(sha256.New, shared, label(early, "derived", empty, 32))
	traffic := label(secret, "s hs traffic", sum(), 32)
	block, err := aes.NewCipher(label(traffic, "key", nil, 16))
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}

	var inside []byte
	add := func(kind uint8, body func(*cryptobyte.Builder)) {
		m := message(kind, body)
		transcript.Write(m)
		inside = append(inside, m...)
	}
	add(8, func(m *cryptobyte.Builder) { m.AddUint16(0) }) // EncryptedExtensions
	add(11, func(m *cryptobyte.Builder) {                  // Certificate
		m.AddUint8(0)
		m.AddUint24LengthPrefixed(func(m *cryptobyte.Builder) {
			for _, c := range chain {
				m.AddUint24LengthPrefixed(func(m *cryptobyte.Builder) { m.AddBytes(c) })
				m.AddUint16(0)
			}
		})
	})
	over := append(append(slices.Repeat([]byte{' '}, 64), "TLS 1.3, server CertificateVerify\x00"...), sum()...)
	signature := key.Sign(forge.Alg{}, over)
	add(15, func(m *cryptobyte.Builder) { // CertificateVerify
		m.AddUint16(mldsa65)
		m.AddUint16LengthPrefixed(func(m *cryptobyte.Builder) { m.AddBytes(signature) })
	})
	mac := hmac.New(sha256.New, label(traffic, "finished", nil, 32))
	mac.Write(sum())
	add(20, func(m *cryptobyte.Builder) { m.AddBytes(mac.Sum(nil)) }) // Finished

	out := record(22, serverHello)
	iv := label(traffic, "iv", nil, 12)
	seq := uint64(0)
	for part := range slices.Chunk(inside, 1<<14) {
		nonce := slices.Clone(iv)
		binary.BigEndian.PutUint64(nonce[4:], binary.BigEndian.Uint64(nonce[4:])^seq)
		seq++
		n := len(part) + 1 + aead.Overhead()
		head := []byte{23, 3, 3, byte(n >> 8), byte(n)}
		out = append(out, head...)
		out = aead.Seal(out, nonce, append(slices.Clone(part), 22), head)
	}
	return out, nil
}

func record(kind byte, body []byte) []byte {
	return append([]byte{kind, 3, 3, byte(len(body) >> 8), byte(len(body))}, body...)
}

// message is a handshake message.
func message(kind uint8, body func(*cryptobyte.Builder)) []byte {
	var m cryptobyte.Builder
	m.AddUint8(kind)
	m.AddUint24LengthPrefixed(body)
	return m.BytesOrPanic()
}

// label is HKDF-Expand-Label of RFC 8446, 7.1.
func label(secret []byte, name string, context []byte, n int) []byte {
	var info cryptobyte.Builder
	info.AddUint16(uint16(n))
	info.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte("tls13 " + name)) })
	info.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(context) })
	out, err := hkdf.Expand(sha256.New, secret, string(info.BytesOrPanic()), n)
	if err != nil {
		panic("lab: " + err.Error())
	}
	return out
}

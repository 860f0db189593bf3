package tlsclient

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"hash"

	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/crypto/cryptobyte"
)

// opener decrypts one direction of a TLS 1.3 connection (RFC 8446, 5.2).
type opener struct {
	suite  uint16
	secret []byte
	aead   cipher.AEAD
	iv     []byte
	seq    uint64
}

// newOpener returns nil for a suite that TLS 1.3 does not have in crypto/tls.
func newOpener(suite uint16, secret []byte) *opener {
	newHash, keyLen := sha256.New, 16
	switch suite {
	case 0x1301:
	case 0x1302:
		newHash, keyLen = sha512.New384, 32
	case 0x1303:
		keyLen = 32
	default:
		return nil
	}
	o := &opener{suite: suite, secret: secret}
	key := expandLabel(newHash, secret, "key", nil, keyLen)
	o.iv = expandLabel(newHash, secret, "iv", nil, 12)
	if key == nil || o.iv == nil {
		return nil
	}
	var err error
	if suite == 0x1303 {
		o.aead, err = chacha20poly1305.New(key)
	} else {
		var block cipher.Block
		if block, err = aes.NewCipher(key); err == nil {
			o.aead, err = cipher.NewGCM(block)
		}
	}
	if err != nil {
		return nil
	}
	return o
}

// update moves on to the next traffic secret (RFC 8446, 7.2).
func (o *opener) update() {
	newHash := sha256.New
	if o.suite == 0x1302 {
		newHash = sha512.New384
	}
	if next := newOpener(o.suite, expandLabel(newHash, o.secret, "traffic upd", nil, newHash().Size())); next != nil {
		*o = *next
	}
}

// open decrypts one record and returns its real type and contents.
func (o *opener) open(header, body []byte) (kind byte, plain []byte, err error) {
	nonce := append([]byte(nil), o.iv...)
	for i := range 8 {
		nonce[len(nonce)-1-i] ^= byte(o.seq >> (8 * i))
	}
	o.seq++
	plain, err = o.aead.Open(nil, nonce, body, header)
	if err != nil {
		return 0, nil, errors.New("an encrypted record does not decrypt")
	}
	for len(plain) > 0 && plain[len(plain)-1] == 0 {
		plain = plain[:len(plain)-1]
	}
	if len(plain) == 0 {
		return 0, nil, errors.New("an encrypted record has no content type")
	}
	return plain[len(plain)-1], plain[:len(plain)-1], nil
}

// expandLabel is HKDF-Expand-Label (RFC 8446, 7.1).
func expandLabel(newHash func() hash.Hash, secret []byte, label string, context []byte, length int) []byte {
	var b cryptobyte.Builder
	b.AddUint16(uint16(length))
	b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte("tls13 " + label)) })
	b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(context) })
	info, err := b.Bytes()
	if err != nil {
		return nil
	}
	out, err := hkdf.Expand(newHash, secret, string(info), length)
	if err != nil {
		return nil
	}
	return out
}

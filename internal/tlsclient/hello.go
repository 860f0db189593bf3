package tlsclient

import (
	"context"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"net"
	"time"

	"golang.org/x/crypto/cryptobyte"
)

// offer is what a ClientHello of our own names. crypto/tls chooses its own
// signature schemes and cannot name what it cannot speak.
type offer struct {
	sni         string
	versions    []uint16
	suites      []uint16
	groups      []uint16 // in order of preference
	shares      []uint16 // of them, those with a key share; each must be one of curves
	schemes     []uint16 // for the server's handshake signature
	certSchemes []uint16 // for signatures in certificates; nil = the same
	alpn        []string
}

// curves are the groups for which a hello of our own can have a key share.
var curves = map[uint16]ecdh.Curve{29: ecdh.X25519(), 23: ecdh.P256(), 24: ecdh.P384(), 25: ecdh.P521()}

// ownHello is a ClientHello of our own. It is sent to read a server's
// certificates, never to complete a handshake.
type ownHello struct {
	message []byte // the handshake message
	keys    map[uint16]*ecdh.PrivateKey
}

func newHello(o offer) (*ownHello, error) {
	h := &ownHello{keys: map[uint16]*ecdh.PrivateKey{}}
	for _, g := range o.shares {
		key, err := curves[g].GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		h.keys[g] = key
	}
	random := make([]byte, 64)
	rand.Read(random)
	var b cryptobyte.Builder
	b.AddUint8(1) // client_hello
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint16(0x0303)
		b.AddBytes(random[:32])
		b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(random[32:]) })
		addUint16s(b, o.suites)
		b.AddBytes([]byte{1, 0}) // no compression
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { h.extensions(b, o) })
	})
	var err error
	h.message, err = b.Bytes()
	return h, err
}

// addUint16s appends values behind the number of their octets.
func addUint16s(b *cryptobyte.Builder, values []uint16) {
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		for _, v := range values {
			b.AddUint16(v)
		}
	})
}

// extensions appends the extensions of a ClientHello that offers o.
func (h *ownHello) extensions(b *cryptobyte.Builder, o offer) {
	add := func(id uint16, f func(b *cryptobyte.Builder)) {
		b.AddUint16(id)
		b.AddUint16LengthPrefixed(f)
	}
	list := func(id uint16, values []uint16) {
		add(id, func(b *cryptobyte.Builder) { addUint16s(b, values) })
	}
	if o.sni != "" {
		add(0, func(b *cryptobyte.Builder) {
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
				b.AddUint8(0)
				b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(o.sni)) })
			})
		})
	}
	add(extStatusRequest, func(b *cryptobyte.Builder) { b.AddBytes([]byte{1, 0, 0, 0, 0}) })
	list(extGroups, o.groups)
	add(extPoints, func(b *cryptobyte.Builder) { b.AddBytes([]byte{1, 0}) })
	list(extSignatures, o.schemes)
	if o.certSchemes != nil {
		list(extCertSignatures, o.certSchemes)
	}
	if len(o.alpn) > 0 {
		add(extALPN, func(b *cryptobyte.Builder) {
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
				for _, name := range o.alpn {
					b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(name)) })
				}
			})
		})
	}
	add(extSCT, func(*cryptobyte.Builder) {})
	add(extMasterSecret, func(*cryptobyte.Builder) {})
	add(extRenegotiation, func(b *cryptobyte.Builder) { b.AddUint8(0) })
	add(extVersions, func(b *cryptobyte.Builder) {
		b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) {
			for _, v := range o.versions {
				b.AddUint16(v)
			}
		})
	})
	add(extPSKModes, func(b *cryptobyte.Builder) { b.AddBytes([]byte{1, 1}) })
	add(extKeyShare, func(b *cryptobyte.Builder) {
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
			for _, group := range o.shares {
				b.AddUint16(group)
				b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(h.keys[group].PublicKey().Bytes()) })
			}
		})
	})
}

// secrets computes the server's handshake traffic secret from a TLS 1.3
// ServerHello (RFC 8446, 7.1); nil if there is none to be had.
func (h *ownHello) secrets(in []byte) map[string][]byte {
	t := readTranscript(in, nil)
	sh := firstServerHello(in)
	if t.version != 0x0304 || t.retried || sh == nil {
		return nil
	}
	newHash := map[uint16]func() hash.Hash{0x1301: sha256.New, 0x1302: sha512.New384, 0x1303: sha256.New}[t.suite]
	key := h.keys[t.group]
	if newHash == nil || key == nil {
		return nil
	}
	peer, err := key.Curve().NewPublicKey(t.share)
	if err != nil {
		return nil
	}
	shared, err := key.ECDH(peer)
	if err != nil {
		return nil
	}
	sum := func(parts ...[]byte) []byte {
		d := newHash()
		for _, p := range parts {
			d.Write(p)
		}
		return d.Sum(nil)
	}
	zero := make([]byte, newHash().Size())
	early, err := hkdf.Extract(newHash, zero, zero)
	if err != nil {
		return nil
	}
	secret, err := hkdf.Extract(newHash, shared, expandLabel(newHash, early, "derived", sum(), len(zero)))
	if err != nil {
		return nil
	}
	return map[string][]byte{"SERVER_HANDSHAKE_TRAFFIC_SECRET": expandLabel(newHash, secret, "s hs traffic", sum(h.message, sh), len(zero))}
}

// firstServerHello returns the first handshake message of the records in in,
// header included, if it is whole.
func firstServerHello(in []byte) []byte {
	var messages []byte
	for len(in) >= 5 && in[0] == recordHandshake {
		n := 5 + int(in[3])<<8 + int(in[4])
		if len(in) < n {
			break
		}
		messages = append(messages, in[5:n]...)
		in = in[n:]
	}
	if len(messages) < 4 || messages[0] != msgServerHello {
		return nil
	}
	n := 4 + int(messages[1])<<16 + int(messages[2])<<8 + int(messages[3])
	if len(messages) < n {
		return nil
	}
	return messages[:n]
}

// say sends a hello of our own and reads the server's first flight until it has
// said enough, for at most limit. err is what ended the reading before that.
func say(ctx context.Context, conn net.Conn, h *ownHello, limit time.Duration, enough func(*transcript) bool) (t *transcript, err error) {
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()
	conn.SetDeadline(time.Now().Add(limit))
	w := &wire{Conn: conn}
	record := append([]byte{recordHandshake, 3, 1, byte(len(h.message) >> 8), byte(len(h.message))}, h.message...)
	if _, err := w.Write(record); err != nil {
		return &transcript{err: err}, err
	}
	buf := make([]byte, 8<<10) // most first flights have less
	for read := 0; ; {
		_, err := w.Read(buf)
		in := w.received()
		// A server that sends octet by octet is not read anew for each of them.
		if whole := wholeRecords(in); whole > read || err != nil {
			read = whole
			t := readTranscript(in, h.secrets(in))
			if err != nil || t.err != nil || t.refused() || t.closeNotify || enough(t) {
				return t, err
			}
		}
	}
}

// wholeRecords returns how many octets the whole records at the beginning of in
// have.
func wholeRecords(in []byte) (n int) {
	for len(in)-n >= 5 {
		next := n + 5 + int(in[n+3])<<8 + int(in[n+4])
		if next > len(in) {
			break
		}
		n = next
	}
	return n
}

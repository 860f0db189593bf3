package tlsclient

import (
	"context"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"net"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/tlsnames"
)

// wideHello is a ClientHello that offers more than crypto/tls can speak. It is
// sent to read a server's certificates, never to complete a handshake.
type wideHello struct {
	message []byte // the handshake message
	x25519  *ecdh.PrivateKey
	p256    *ecdh.PrivateKey
}

func newWideHello(sni string) (*wideHello, error) {
	h := &wideHello{}
	var err error
	if h.x25519, err = ecdh.X25519().GenerateKey(rand.Reader); err != nil {
		return nil, err
	}
	if h.p256, err = ecdh.P256().GenerateKey(rand.Reader); err != nil {
		return nil, err
	}
	suites := tlsnames.Suites()
	// Servers often take the client's first choice: sound suites come first.
	slices.SortFunc(suites, func(a, b uint16) int {
		if weakA, weakB := unsafeWhy(0x0303, a) != "", unsafeWhy(0x0303, b) != ""; weakA != weakB {
			if weakA {
				return 1
			}
			return -1
		}
		return int(b) - int(a)
	})
	random := make([]byte, 64)
	rand.Read(random)

	var b cryptobyte.Builder
	b.AddUint8(1) // client_hello
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint16(0x0303)
		b.AddBytes(random[:32])
		b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(random[32:]) })
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
			for _, s := range suites {
				b.AddUint16(s)
			}
		})
		b.AddBytes([]byte{1, 0}) // no compression
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { h.extensions(b, sni) })
	})
	h.message, err = b.Bytes()
	return h, err
}

func (h *wideHello) extensions(b *cryptobyte.Builder, sni string) {
	add := func(id uint16, f func(b *cryptobyte.Builder)) {
		b.AddUint16(id)
		b.AddUint16LengthPrefixed(f)
	}
	list := func(values []uint16) func(b *cryptobyte.Builder) {
		return func(b *cryptobyte.Builder) {
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
				for _, v := range values {
					b.AddUint16(v)
				}
			})
		}
	}
	if sni != "" {
		add(0, func(b *cryptobyte.Builder) {
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
				b.AddUint8(0)
				b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(sni)) })
			})
		})
	}
	add(extStatusRequest, func(b *cryptobyte.Builder) { b.AddBytes([]byte{1, 0, 0, 0, 0}) })
	add(10, list([]uint16{29, 23, 24, 25, 30, 21, 19, 22, 26, 27, 28, 256, 257, 258}))
	add(11, func(b *cryptobyte.Builder) { b.AddBytes([]byte{1, 0}) })
	add(extSignatures, list([]uint16{0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b, 0x081a, 0x081b, 0x081c,
		0x0401, 0x0501, 0x0601, 0x0303, 0x0301, 0x0203, 0x0201, 0x0402, 0x0302, 0x0202, 0x0904, 0x0905, 0x0906}))
	add(extSCT, func(*cryptobyte.Builder) {})
	add(23, func(*cryptobyte.Builder) {})                      // extended_master_secret
	add(0xff01, func(b *cryptobyte.Builder) { b.AddUint8(0) }) // renegotiation_info
	add(extVersions, func(b *cryptobyte.Builder) {
		b.AddBytes([]byte{8, 3, 4, 3, 3, 3, 2, 3, 1})
	})
	add(45, func(b *cryptobyte.Builder) { b.AddBytes([]byte{1, 1}) }) // psk_key_exchange_modes
	add(extKeyShare, func(b *cryptobyte.Builder) {
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
			for group, key := range map[uint16]*ecdh.PrivateKey{29: h.x25519, 23: h.p256} {
				b.AddUint16(group)
				b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(key.PublicKey().Bytes()) })
			}
		})
	})
}

// secrets computes the server's handshake traffic secret from a TLS 1.3
// ServerHello (RFC 8446, 7.1); nil if there is none to be had.
func (h *wideHello) secrets(in []byte) map[string][]byte {
	t := readTranscript(in, nil)
	sh := firstServerHello(in)
	if t.version != 0x0304 || t.retried || sh == nil {
		return nil
	}
	newHash := map[uint16]func() hash.Hash{0x1301: sha256.New, 0x1302: sha512.New384, 0x1303: sha256.New}[t.suite]
	key := map[uint16]*ecdh.PrivateKey{29: h.x25519, 23: h.p256}[t.group]
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

// wideTimeout bounds the wait for an answer to the wide hello.
const wideTimeout = 3 * time.Second

// wide sends the wide hello and reads the server's first flight.
func (c *Config) wide(ctx context.Context, conn net.Conn) *transcript {
	h, err := newWideHello(c.SNI)
	if err != nil {
		return &transcript{err: err}
	}
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()
	conn.SetDeadline(time.Now().Add(min(wideTimeout, c.HandshakeTimeout)))
	w := &wire{Conn: conn}
	record := append([]byte{recordHandshake, 3, 1, byte(len(h.message) >> 8), byte(len(h.message))}, h.message...)
	if _, err := w.Write(record); err != nil {
		return &transcript{err: err}
	}
	buf := make([]byte, 64<<10)
	for {
		_, err := w.Read(buf)
		in := w.received()
		t := readTranscript(in, h.secrets(in))
		if err != nil || t.helloDone || t.finished || len(t.alerts) > 0 {
			return t
		}
	}
}

// widest is the last resort of the probe: it fetches the certificates of a
// server that crypto/tls has nothing in common with, and names what the server
// would have chosen.
func (c *Config) widest(ctx context.Context, ev *evidence.Evidence) {
	conn, failure := c.reopen(ctx, ev)
	if failure != nil {
		return
	}
	defer conn.Close()
	t := c.wide(ctx, conn)
	if t.version == 0 || t.suite == 0 {
		return
	}
	p := &ev.Probe.Connection
	p.Version, p.Suite, p.Group, p.Signature = t.version, t.suite, t.group, t.scheme
	ev.Chain, ev.TLSSCTs = t.chain, t.scts
	if why := unsafeWhy(t.version, t.suite); why != "" {
		c.noSafeTLS(ev, why)
		return
	}
	parts := []string{tlsnames.Version(t.version), tlsnames.Suite(t.suite), tlsnames.Group(t.group), tlsnames.Signature(t.scheme)}
	parts = strings.FieldsFunc(strings.Join(parts, "\n"), func(r rune) bool { return r == '\n' })
	ev.Failure.Params["detail"] = fmt.Sprintf("it would use %s, which current clients do not offer together", strings.Join(parts, ", "))
}

// noSafeTLS turns ev's failure into the one that names the probe's result.
func (c *Config) noSafeTLS(ev *evidence.Evidence, why string) {
	p := ev.Probe.Connection
	ev.Failure.ID = finding.NoSafeTLS
	ev.Failure.Params = map[string]string{"host": clean(c.Host), "port": c.Port, "why": why,
		"version": tlsnames.Version(p.Version), "suite": tlsnames.Suite(p.Suite)}
}

// unsafeWhy says what is wrong with parameters that only a probe reached; "" =
// nothing.
func unsafeWhy(version, suite uint16) string {
	name := tlsnames.Suite(suite)
	ephemeral := strings.Contains(name, "DHE_") || version == 0x0304 || suite>>8 == 0x13
	weak := !ephemeral || strings.Contains(name, "_CBC_") || strings.Contains(name, "RC4") || strings.Contains(name, "_DSS_")
	switch {
	case version < 0x0303:
		return "it offers nothing newer than " + tlsnames.Version(version)
	case weak:
		return "it offers only weak cipher suites, such as " + name
	}
	return ""
}

package tlsclient

import (
	"testing"

	"golang.org/x/crypto/cryptobyte"
)

// EncryptedExtensions change nothing but the protocol: what belongs into a
// ServerHello is passed over there, as crypto/tls does.
func TestEncryptedExtensions(t *testing.T) {
	body := func(exts map[uint16]string) []byte {
		var b cryptobyte.Builder
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
			for id, text := range exts {
				b.AddUint16(id)
				b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(text)) })
			}
		})
		return b.BytesOrPanic()
	}
	for _, id := range []uint16{extVersions, extKeyShare, extPreSharedKey, extSCT, extStatusRequest, 0xfafa} {
		for _, text := range []string{"", "\x03\x03", "\x00", "\x00\x00\x00\x00\x00"} {
			r := &reader{t: &transcript{version: 0x0304, group: 29}}
			if err := r.message(msgEncryptedExtensions, body(map[uint16]string{id: text, extALPN: "\x00\x03\x02h2"})); err != nil {
				t.Errorf("extension %d, %q: %v", id, text, err)
			}
			if got := r.t; got.version != 0x0304 || got.group != 29 || got.resumed || got.scts != nil || got.alpn != "h2" {
				t.Errorf("extension %d, %q: %+v", id, text, got)
			}
		}
	}
}

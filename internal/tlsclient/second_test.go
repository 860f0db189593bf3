package tlsclient

import (
	"testing"

	"golang.org/x/crypto/cryptobyte"
)

// Only the first Certificate message is the server's, and a status that comes
// before it belongs to nothing.
func TestSecondCertificate(t *testing.T) {
	message := func(tls13 bool, certs ...byte) []byte {
		var b cryptobyte.Builder
		if tls13 {
			b.AddUint8(0)
		}
		b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
			for _, c := range certs {
				b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) { b.AddUint8(c) })
				if tls13 {
					b.AddUint16(0)
				}
			}
		})
		return b.BytesOrPanic()
	}
	status := []byte{1, 0, 0, 1, 7}
	for _, version := range []uint16{0x0303, 0x0304} {
		r := &reader{t: &transcript{version: version}}
		if err := r.message(msgCertificateStatus, status); err != nil {
			t.Error(err)
		}
		if err := r.message(msgCertificate, message(version == 0x0304, 1, 2)); err != nil || len(r.t.chain) != 2 || r.t.chain[0].Staple != nil {
			t.Errorf("%x: %v, %+v", version, err, r.t.chain)
		}
		if err := r.message(msgCertificate, message(version == 0x0304, 3)); err == nil || len(r.t.chain) != 2 || r.t.chain[0].Cert[0] != 1 {
			t.Errorf("%x: second message: %v, %+v", version, err, r.t.chain)
		}
		r = &reader{t: &transcript{version: version, finished: true}}
		if err := r.message(msgCertificate, message(version == 0x0304, 3)); err == nil || r.t.chain != nil {
			t.Errorf("%x: after Finished: %v, %+v", version, err, r.t.chain)
		}
		many := make([]byte, maxEntries+1)
		r = &reader{t: &transcript{version: version}}
		if err := r.message(msgCertificate, message(version == 0x0304, many...)); err == nil || len(r.t.chain) > maxEntries || r.t.hasCerts {
			t.Errorf("%x: %d certificates taken: %v", version, len(r.t.chain), err)
		}
	}
}

// Alerts are kept within bounds.
func TestAlertsAreBounded(t *testing.T) {
	r := &reader{t: &transcript{}}
	for range 1000 {
		r.alert([]byte{1, 112})
	}
	if len(r.t.alerts) > 16 {
		t.Errorf("%d alerts kept", len(r.t.alerts))
	}
}

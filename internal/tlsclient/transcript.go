package tlsclient

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/cryptobyte"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/internal/tlsnames"
)

// Record content types and handshake message types (RFC 8446, 5.1 and 4).
const (
	recordCCS       = 20
	recordAlert     = 21
	recordHandshake = 22
	recordData      = 23

	alertWarning = 1 // the level (RFC 5246, 7.2); TLS 1.3 has no levels

	msgServerHello         = 2
	msgNewSessionTicket    = 4
	msgEncryptedExtensions = 8
	msgCertificate         = 11
	msgServerKeyExchange   = 12
	msgCertificateRequest  = 13
	msgServerHelloDone     = 14
	msgCertificateVerify   = 15
	msgFinished            = 20
	msgCertificateStatus   = 22
	msgKeyUpdate           = 24

	extStatusRequest  = 5
	extGroups         = 10
	extPoints         = 11
	extSignatures     = 13
	extALPN           = 16
	extSCT            = 18
	extMasterSecret   = 23
	extPreSharedKey   = 41
	extVersions       = 43
	extPSKModes       = 45
	extAuthorities    = 47
	extCertSignatures = 50
	extKeyShare       = 51
	extRenegotiation  = 0xff01
)

// helloRetry is the Random that marks a HelloRetryRequest (RFC 8446, 4.1.3).
var helloRetry, _ = hexBytes("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")

func hexBytes[T string | []byte](s T) ([]byte, error) { return hex.DecodeString(string(s)) }

// maxEntries bounds the certificates taken from one Certificate message,
// maxWishes the issuers and schemes taken from one CertificateRequest.
const (
	maxEntries = 1024
	maxWishes  = 4096
)

// transcript is what a server's side of a connection says, read from the
// recorded bytes and independently of crypto/tls.
type transcript struct {
	version, suite, group, scheme uint16

	retried  bool // a HelloRetryRequest came
	resumed  bool // TLS 1.3: a pre-shared key was accepted
	alpn     string
	hasCerts bool // a whole Certificate message was seen
	chain    []evidence.Entry
	scts     []byte // of the leaf: ServerHello extension or Certificate entry

	renegotiation bool // before TLS 1.3: renegotiation_info (RFC 5746) came
	masterSecret  bool // before TLS 1.3: extended_master_secret (RFC 7627) came

	share     []byte // TLS 1.3: the server's key share
	helloDone bool   // before TLS 1.3: ServerHelloDone

	asked   bool // CertificateRequest
	cas     [][]byte
	schemes []uint16

	finished    bool // TLS 1.3: the server's Finished was seen
	tickets     int
	alerts      []evidence.Alert
	closeNotify bool

	err error // why reading stopped early; nil at the end of the bytes
}

// refused reports whether the server ended the handshake by an alert. One of the
// level warning does not: some servers say so that they do not know the name.
func (t *transcript) refused() bool {
	return slices.ContainsFunc(t.alerts, func(a evidence.Alert) bool { return a.Level != alertWarning })
}

// reader walks through records and reassembles messages.
type reader struct {
	t       *transcript
	secrets map[string][]byte
	pending []byte // handshake octets not yet a whole message
	open    *opener
	opaque  bool // TLS 1.2 after ChangeCipherSpec: nothing more to read
}

// readTranscript reads in, everything a server sent, with the secrets of the
// key log. It never fails: what it understood before a flaw is kept.
func readTranscript(in []byte, secrets map[string][]byte) *transcript {
	r := &reader{t: &transcript{}, secrets: secrets}
	for len(in) >= 5 && r.t.err == nil && !r.opaque {
		n := int(in[3])<<8 | int(in[4])
		if in[0] < recordCCS || in[0] > recordData || in[1] != 3 {
			r.t.err = fmt.Errorf("bytes % x where a TLS record should begin", in[:5])
			break
		}
		if n > 16384+2048 {
			r.t.err = fmt.Errorf("a record of %d bytes, more than TLS allows", n)
			break
		}
		if len(in) < 5+n {
			break // the last record did not come whole
		}
		r.t.err = r.record(in[:5], in[5:5+n])
		in = in[5+n:]
	}
	return r.t
}

func (r *reader) record(header, body []byte) error {
	kind := header[0]
	if r.open != nil && kind == recordData {
		var err error
		if kind, body, err = r.open.open(header, body); err != nil {
			return err
		}
	} else if kind == recordData && r.t.version == 0x0304 {
		return errors.New("an encrypted record, and no key for it")
	}
	switch kind {
	case recordCCS:
		// A compatibility gesture in TLS 1.3; the start of encryption before.
		r.opaque = r.t.version != 0 && r.t.version < 0x0304
	case recordAlert:
		r.alert(body)
	case recordData: // the server's business
	case recordHandshake:
		return r.handshake(body)
	default:
		return fmt.Errorf("a record of unknown type %d", kind)
	}
	return nil
}

func (r *reader) alert(body []byte) {
	if len(body) != 2 || len(r.t.alerts) >= 16 {
		return
	}
	if body[1] == 0 {
		r.t.closeNotify = true
		return
	}
	when := "handshake"
	if r.t.finished {
		when = "after-handshake"
	}
	r.t.alerts = append(r.t.alerts, evidence.Alert{Level: body[0], Description: body[1], Name: tlsnames.Alert(body[1]), When: when})
}

func (r *reader) handshake(body []byte) error {
	r.pending = append(r.pending, body...)
	for len(r.pending) >= 4 {
		n := int(r.pending[1])<<16 | int(r.pending[2])<<8 | int(r.pending[3])
		if len(r.pending) < 4+n {
			return nil
		}
		kind, msg := r.pending[0], r.pending[4:4+n:4+n]
		r.pending = r.pending[4+n:]
		if err := r.message(kind, cryptobyte.String(msg)); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) message(kind byte, msg cryptobyte.String) error {
	ok := true
	t := r.t
	switch kind {
	case msgServerHello:
		t.retried = t.retried || len(msg) >= 34 && bytes.Equal(msg[2:34], helloRetry)
		ok = t.serverHello(msg)
		if ok && t.version == 0x0304 {
			// After a HelloRetryRequest this happens twice; nothing encrypted
			// comes in between.
			r.setKey("SERVER_HANDSHAKE_TRAFFIC_SECRET")
		}
	case msgEncryptedExtensions:
		ok = t.encryptedExtensions(&msg)
	case msgCertificate:
		if t.finished || t.hasCerts {
			return errors.New("a second Certificate message")
		}
		if t.version == 0x0304 {
			ok = t.certificate13(msg)
		} else {
			ok = t.certificate12(msg)
		}
	case msgCertificateStatus:
		var status uint8
		var response cryptobyte.String
		ok = msg.ReadUint8(&status) && msg.ReadUint24LengthPrefixed(&response) && msg.Empty()
		if ok && status == 1 && len(t.chain) > 0 {
			t.chain[0].Staple = bytes.Clone(response)
		}
	case msgServerKeyExchange:
		t.keyExchange(msg)
	case msgCertificateRequest:
		t.asked = true
		ok = t.certificateRequest(msg)
	case msgServerHelloDone:
		t.helloDone = true
	case msgCertificateVerify:
		ok = msg.ReadUint16(&t.scheme)
	case msgFinished:
		t.finished = true
		r.setKey("SERVER_TRAFFIC_SECRET_0")
	case msgNewSessionTicket:
		t.tickets++
	case msgKeyUpdate:
		if r.open != nil {
			r.open.update()
		}
	}
	if !ok {
		return fmt.Errorf("handshake message of type %d is malformed", kind)
	}
	return nil
}

// setKey switches to the keys of a traffic secret. Without the secret the
// next encrypted record ends the reading.
func (r *reader) setKey(label string) {
	r.pending = nil
	r.open = nil
	if secret, ok := r.secrets[label]; ok {
		r.open = newOpener(r.t.suite, secret)
	}
}

// serverHello reads RFC 8446, 4.1.3, and its older forms.
func (t *transcript) serverHello(m cryptobyte.String) bool {
	var legacy uint16
	var random []byte
	var session cryptobyte.String
	var compression uint8
	if !m.ReadUint16(&legacy) || !m.ReadBytes(&random, 32) || !m.ReadUint8LengthPrefixed(&session) ||
		!m.ReadUint16(&t.suite) || !m.ReadUint8(&compression) {
		return false
	}
	t.version = legacy
	return m.Empty() || t.extensions(&m)
}

// encryptedExtensions reads RFC 8446, 4.3.1. As in crypto/tls only the protocol
// counts there.
func (t *transcript) encryptedExtensions(m *cryptobyte.String) bool {
	return eachExtension(m, func(id uint16, body cryptobyte.String) bool { return id != extALPN || t.protocol(body) })
}

// protocol reads RFC 7301, 3.1.
func (t *transcript) protocol(body cryptobyte.String) bool {
	var list, name cryptobyte.String
	if !body.ReadUint16LengthPrefixed(&list) || !list.ReadUint8LengthPrefixed(&name) {
		return false
	}
	t.alpn = clean(string(name))
	return true
}

// extensions reads the extensions of a ServerHello.
func (t *transcript) extensions(m *cryptobyte.String) bool {
	return eachExtension(m, func(id uint16, body cryptobyte.String) bool {
		switch id {
		case extVersions:
			return body.ReadUint16(&t.version)
		case extKeyShare:
			var share cryptobyte.String
			ok := body.ReadUint16(&t.group)
			if body.ReadUint16LengthPrefixed(&share) { // a HelloRetryRequest has none
				t.share = share
			}
			return ok
		case extPreSharedKey:
			t.resumed = true
		case extALPN:
			return t.protocol(body)
		case extSCT:
			t.scts = bytes.Clone(body)
		case extRenegotiation:
			t.renegotiation = true
		case extMasterSecret:
			t.masterSecret = true
		}
		return true
	})
}

// certificate12 reads RFC 5246, 7.4.2.
func (t *transcript) certificate12(m cryptobyte.String) bool {
	var list cryptobyte.String
	if !m.ReadUint24LengthPrefixed(&list) || !m.Empty() {
		return false
	}
	for !list.Empty() {
		var der cryptobyte.String
		if !list.ReadUint24LengthPrefixed(&der) || len(t.chain) >= maxEntries {
			return false
		}
		t.chain = append(t.chain, evidence.Entry{Cert: bytes.Clone(der)})
	}
	t.hasCerts = true
	return true
}

// certificate13 reads RFC 8446, 4.4.2. The leaf's SCTs go where those of TLS
// 1.2 go; those of the other entries stay with them.
func (t *transcript) certificate13(m cryptobyte.String) bool {
	var reqContext, list cryptobyte.String
	if !m.ReadUint8LengthPrefixed(&reqContext) || !m.ReadUint24LengthPrefixed(&list) || !m.Empty() {
		return false
	}
	for !list.Empty() {
		var der cryptobyte.String
		if !list.ReadUint24LengthPrefixed(&der) || len(t.chain) >= maxEntries {
			return false
		}
		e := evidence.Entry{Cert: bytes.Clone(der)}
		ok := eachExtension(&list, func(id uint16, body cryptobyte.String) bool {
			switch id {
			case extStatusRequest:
				var status uint8
				var response cryptobyte.String
				if !body.ReadUint8(&status) || !body.ReadUint24LengthPrefixed(&response) || !body.Empty() {
					return false
				}
				if status == 1 {
					e.Staple = bytes.Clone(response)
				}
			case extSCT:
				e.SCTs = bytes.Clone(body)
			}
			return true
		})
		t.chain = append(t.chain, e)
		if !ok {
			return false
		}
	}
	if len(t.chain) > 0 {
		t.scts, t.chain[0].SCTs = t.chain[0].SCTs, nil
	}
	t.hasCerts = true
	return true
}

// keyExchange takes group and signature scheme from an ECDHE message (RFC
// 8422, 5.4); other key exchanges are not looked into.
func (t *transcript) keyExchange(m cryptobyte.String) {
	var curveType uint8
	var group uint16
	var point cryptobyte.String
	if !m.ReadUint8(&curveType) || curveType != 3 || !m.ReadUint16(&group) || !m.ReadUint8LengthPrefixed(&point) {
		return
	}
	t.group = group
	if t.version == 0x0303 {
		m.ReadUint16(&t.scheme)
	}
}

// certificateRequest reads what the server wants of a client certificate (RFC
// 8446, 4.3.2; RFC 5246, 7.4.4; before TLS 1.2 without algorithms).
func (t *transcript) certificateRequest(m cryptobyte.String) bool {
	if t.version == 0x0304 {
		var reqContext cryptobyte.String
		return m.ReadUint8LengthPrefixed(&reqContext) && eachExtension(&m, func(id uint16, body cryptobyte.String) bool {
			switch id {
			case extSignatures:
				return t.clientSchemes(&body)
			case extAuthorities:
				return t.authorities(&body)
			}
			return true
		})
	}
	var types cryptobyte.String
	return m.ReadUint8LengthPrefixed(&types) && (t.version < 0x0303 || t.clientSchemes(&m)) && t.authorities(&m)
}

func (t *transcript) clientSchemes(m *cryptobyte.String) bool {
	var list cryptobyte.String
	if !m.ReadUint16LengthPrefixed(&list) {
		return false
	}
	for !list.Empty() {
		var s uint16
		if !list.ReadUint16(&s) {
			return false
		}
		if len(t.schemes) < maxWishes {
			t.schemes = append(t.schemes, s)
		}
	}
	return true
}

func (t *transcript) authorities(m *cryptobyte.String) bool {
	var list cryptobyte.String
	if !m.ReadUint16LengthPrefixed(&list) {
		return false
	}
	for !list.Empty() {
		var name cryptobyte.String
		if !list.ReadUint16LengthPrefixed(&name) {
			return false
		}
		if len(t.cas) < maxWishes {
			t.cas = append(t.cas, bytes.Clone(name))
		}
	}
	return true
}

// eachExtension calls f for every extension of the length-prefixed block that
// m begins with, until f returns false.
func eachExtension(m *cryptobyte.String, f func(id uint16, body cryptobyte.String) bool) bool {
	var block cryptobyte.String
	if !m.ReadUint16LengthPrefixed(&block) {
		return false
	}
	for !block.Empty() {
		var id uint16
		var body cryptobyte.String
		if !block.ReadUint16(&id) || !block.ReadUint16LengthPrefixed(&body) || !f(id, body) {
			return false
		}
	}
	return true
}

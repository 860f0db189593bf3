package tlsclient

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"reflect"
	"testing"

	"golang.org/x/crypto/cryptobyte"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/tlsnames"
)

// TestIntermediateExtensions has a TLS 1.3 Certificate message with a staple
// and SCTs on both certificates; crypto/tls hides the second's.
func TestIntermediateExtensions(t *testing.T) {
	var b cryptobyte.Builder
	b.AddUint8(0)
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
		for _, n := range []byte{1, 2} {
			b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte{0x30, n}) })
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
				b.AddUint16(extStatusRequest)
				b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
					b.AddUint8(1)
					b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte{0xa0, n}) })
				})
				b.AddUint16(extSCT)
				b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte{0, 3, 0, 1, n}) })
			})
		}
	})
	tr := &transcript{}
	if !tr.certificate13(b.BytesOrPanic()) {
		t.Fatal("not read")
	}
	for i, e := range tr.chain {
		n := byte(i + 1)
		if !bytes.Equal(e.Cert, []byte{0x30, n}) || !bytes.Equal(e.Staple, []byte{0xa0, n}) {
			t.Errorf("entry %d: %+v", i, e)
		}
	}
	if tr.chain[0].SCTs != nil || !bytes.Equal(tr.scts, []byte{0, 3, 0, 1, 1}) || !bytes.Equal(tr.chain[1].SCTs, []byte{0, 3, 0, 1, 2}) {
		t.Errorf("SCTs %x %+v", tr.scts, tr.chain)
	}
}

// TestFragments cuts the records of a recorded handshake into pieces of one
// octet, and joins its messages into one record: it must read the same.
func TestFragments(t *testing.T) {
	in, _ := recorded(t, tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, chainFor(t))
	want := readTranscript(in, nil)
	if want.err != nil || len(want.chain) != 2 || !want.asked || !want.helloDone || want.scheme == 0 {
		t.Fatalf("%+v", want)
	}
	var pieces, messages []byte
	for rest := in; len(rest) >= 5 && rest[0] == recordHandshake; {
		n := int(rest[3])<<8 | int(rest[4])
		for _, x := range rest[5 : 5+n] {
			pieces = append(pieces, recordHandshake, 3, 3, 0, 1, x)
		}
		messages = append(messages, rest[5:5+n]...)
		rest = rest[5+n:]
	}
	joined := append([]byte{recordHandshake, 3, 3, byte(len(messages) >> 8), byte(len(messages))}, messages...)
	for name, b := range map[string][]byte{"pieces": pieces, "joined": joined} {
		if got := readTranscript(b, nil); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v\nwant %+v", name, got, want)
		}
	}
	for n := range in { // cut short anywhere
		readTranscript(in[:n], nil)
	}
}

// TestExpandLabel holds the key schedule against RFC 8448, section 3.
func TestExpandLabel(t *testing.T) {
	secret, _ := hex.DecodeString("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38")
	o := newOpener(0x1301, secret)
	if got := hex.EncodeToString(o.iv); got != "5d313eb2671276ee13000b30" {
		t.Errorf("iv %s", got)
	}
}

func TestWireIsBounded(t *testing.T) {
	a, b := net.Pipe()
	go func() {
		for {
			if _, err := a.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}()
	defer a.Close()
	w := &wire{Conn: b}
	n, err := io.Copy(io.Discard, w)
	if !errors.Is(err, errWireFull) || n > wireMax || len(w.received()) > wireMax {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// TestUnparsableCertificates has certificates that abort crypto/tls; the
// chain, the staple and the SCTs must be there all the same.
func TestUnparsableCertificates(t *testing.T) {
	root := forge.NewRoot("Test Root", nil)
	good := root.Server("dial.test", nil)
	bad := func(name string, raw []byte) (string, tls.Certificate) {
		return name, tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: good.Key.Signer, OCSPStaple: []byte("staple"), SignedCertificateTimestamps: [][]byte{[]byte("sct")}}
	}
	certs := map[string]tls.Certificate{}
	add := func(name string, c tls.Certificate) { certs[name] = c }
	add(bad("trailing octet", append(bytes.Clone(good.Raw), 0)))
	add(bad("negative serial", root.Issue(forge.Cert{Key: good.Key, Serial: []byte{0xff}}).Raw))
	add(bad("version 4", root.Issue(forge.Cert{Key: good.Key, Version: 4}).Raw))
	add(bad("no DER at all", []byte("this is not a certificate")))
	add(bad("P-224 key", root.Server("dial.test", forge.NewKey("P-224")).Raw))
	add(bad("RSA 16384", root.Server("dial.test", &forge.Key{Kind: "RSA-2048", Signer: forge.RSA(2048).Signer, SPKI: hugeSPKI()}).Raw))
	_, second := bad("", []byte{0x30, 0})
	second.Certificate = [][]byte{good.Raw, {0x30, 0}}
	add("bad second", second)
	for name, cert := range certs {
		for i, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13, tls.VersionTLS12, tls.VersionTLS13} {
			ev := dial(t, Config{Port: serve(t, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: version, MaxVersion: version}), SNI: "dial.test", Lean: i >= 2})
			if name == "P-224 key" && version == tls.VersionTLS12 {
				// crypto/tls gets as far as the signature, made by another key.
				wantFailure(t, ev, finding.HandshakeSignatureInvalid)
			} else {
				wantFailure(t, ev, finding.HandshakeCertUnusable)
			}
			if len(ev.Chain) != len(cert.Certificate) || !bytes.Equal(ev.Chain[0].Cert, cert.Certificate[0]) || string(ev.Chain[0].Staple) != "staple" || len(ev.TLSSCTs) != 7 {
				t.Errorf("%s, %s: %d certificates, staple %q, SCTs %q", name, tlsnames.Version(version), len(ev.Chain), ev.Chain[0].Staple, ev.TLSSCTs)
			}
			roundTrips(t, ev)
		}
	}
}

// hugeSPKI is an RSA public key of 16384 bits that nobody has.
func hugeSPKI() []byte {
	n := bytes.Repeat([]byte{0xff}, 2048)
	return forge.Seq(forge.Seq(forge.OID("1.2.840.113549.1.1.1"), forge.Null()),
		forge.Bits(forge.Seq(forge.TLV(2, []byte{0}, n), forge.Int(65537))))
}

func TestKeyIsNotTheCertificates(t *testing.T) {
	a, b := chainFor(t), chainFor(t)
	a.PrivateKey = b.PrivateKey
	for i, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13, tls.VersionTLS12, tls.VersionTLS13} {
		ev := dial(t, Config{Port: serve(t, &tls.Config{Certificates: []tls.Certificate{a}, MinVersion: version, MaxVersion: version}), Lean: i >= 2})
		wantFailure(t, ev, finding.HandshakeSignatureInvalid)
		if k, _ := finding.Lookup(finding.HandshakeSignatureInvalid); k.Severity != finding.Error || len(ev.Chain) != 2 {
			t.Errorf("%s: severity %s, %d certificates", tlsnames.Version(version), k.Severity, len(ev.Chain))
		}
	}
}

func TestResumption(t *testing.T) {
	cert := chainFor(t)
	cert.OCSPStaple = []byte("staple")
	cert.SignedCertificateTimestamps = [][]byte{[]byte("sct")}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		conf := Config{Port: serve(t, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: version, MaxVersion: version}), SNI: "dial.test", Sessions: tls.NewLRUClientSessionCache(4)}
		first, second := dial(t, conf), dial(t, conf)
		if first.Failure != nil || first.Connection.Resumed || second.Failure != nil || !second.Connection.Resumed {
			t.Fatalf("%s: %+v\n%+v", tlsnames.Version(version), first, second)
		}
		if !reflect.DeepEqual(first.Chain, second.Chain) || !bytes.Equal(first.TLSSCTs, second.TLSSCTs) {
			t.Errorf("%s: the resumed session has other certificates", tlsnames.Version(version))
		}
	}
}

// TestCrossCheck has a recording and a connection that disagree.
func TestCrossCheck(t *testing.T) {
	root := forge.NewRoot("Test Root", nil)
	a, err := x509.ParseCertificate(root.Server("a.test", nil).Raw)
	check(t, err)
	b := root.Server("b.test", nil).Raw
	cs := tls.ConnectionState{Version: tls.VersionTLS13, PeerCertificates: []*x509.Certificate{a}}
	for _, c := range []struct {
		chain []evidence.Entry
		seen  bool
		ok    bool
	}{
		{[]evidence.Entry{{Cert: a.Raw}}, true, true},
		{[]evidence.Entry{{Cert: b}}, true, false},
		{[]evidence.Entry{{Cert: a.Raw}, {Cert: b}}, true, false},
		{[]evidence.Entry{{Cert: a.Raw}}, false, false},
		{nil, true, false},
	} {
		s := &session{chain: c.chain}
		s.complete(cs, &transcript{hasCerts: c.seen, chain: c.chain})
		if ok := s.failure == nil; ok != c.ok || !ok && s.failure.ID != finding.InternalError {
			t.Errorf("%d certificates, seen %v: failure %+v", len(c.chain), c.seen, s.failure)
		}
	}
}

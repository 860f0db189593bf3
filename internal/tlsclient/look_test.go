package tlsclient

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
)

// pairFor is a self-signed certificate for dial.test with the key.
func pairFor(key *forge.Key) tls.Certificate {
	return forge.NewRoot("dial.test", key, forge.SAN(forge.DNS("dial.test"))).TLS()
}

// twoServer serves rsa to clients that name RSA-PSS, else ec: what it is shown
// first is RSA for crypto/tls.
func twoServer(t testing.TB, rsa, ec *tls.Certificate, cfg *tls.Config) string {
	cfg.GetCertificate = func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
		for _, c := range []*tls.Certificate{rsa, ec} {
			if c != nil && h.SupportsCertificate(c) == nil {
				return c, nil
			}
		}
		if rsa != nil {
			return rsa, nil
		}
		return ec, nil
	}
	return listen(t, func(c net.Conn) {
		s := tls.Server(c, cfg)
		if s.Handshake() == nil {
			io.Copy(io.Discard, s)
		}
	})
}

func lookAt(t testing.TB, port string, edit func(*Config)) *evidence.Evidence {
	c := Config{Host: "dial.test", Port: port, Resolve: map[string][]netip.Addr{"*:" + port: {netip.MustParseAddr("127.0.0.1")}}, KeyTypes: KeysAll, HandshakeTimeout: time.Second}
	if edit != nil {
		edit(&c)
	}
	ev := Dial(t.Context(), c)
	provoked(ev)
	if _, err := evidence.Encode(ev); err != nil {
		t.Error(err)
	}
	return ev
}

// Both certificates of a server are seen, in every version; of a server with one
// there is nothing to say.
func TestBothCertificates(t *testing.T) {
	rsa, ec := pairFor(forge.NewKey("RSA-2048")), pairFor(forge.P256())
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for what, c := range map[string]struct{ rsa, ec, first, second *tls.Certificate }{
			"both":  {&rsa, &ec, &rsa, &ec},
			"RSA":   {&rsa, nil, &rsa, nil},
			"ECDSA": {nil, &ec, &ec, nil},
		} {
			ev := lookAt(t, twoServer(t, c.rsa, c.ec, &tls.Config{MinVersion: v, MaxVersion: v}), nil)
			if ev.Failure != nil || ev.Unseen != nil || len(ev.Chain) != 1 || !bytes.Equal(ev.Chain[0].Cert, c.first.Certificate[0]) {
				t.Fatalf("%x, %s: failure %+v, unseen %+v, %d certificates", v, what, ev.Failure, ev.Unseen, len(ev.Chain))
			}
			switch also := ev.AlsoServes; {
			case (also != nil) != (c.second != nil):
				t.Errorf("%x, %s: also %+v", v, what, also)
			case also != nil && (!bytes.Equal(also.Chain[0].Cert, c.second.Certificate[0]) || also.Connection.Version != v):
				t.Errorf("%x, %s: another certificate, or version %x", v, what, also.Connection.Version)
			}
		}
	}
	// A choice of one type looks at nothing else.
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for k, want := range map[KeyTypes]*tls.Certificate{KeysRSA: &rsa, KeysECDSA: &ec} {
			ev := lookAt(t, twoServer(t, &rsa, &ec, &tls.Config{MinVersion: v, MaxVersion: v}), func(c *Config) { c.KeyTypes = k })
			if ev.AlsoServes != nil || len(ev.Chain) != 1 || !bytes.Equal(ev.Chain[0].Cert, want.Certificate[0]) {
				t.Errorf("%x, %s: %d certificates, failure %+v", v, k.name(), len(ev.Chain), ev.Failure)
			}
			// In TLS 1.3 nobody proved to hold the key.
			if unproved := ev.Failure != nil && ev.Failure.ID == finding.HandshakeUnfinished; unproved != (v == tls.VersionTLS13) {
				t.Errorf("%x, %s: failure %+v", v, k.name(), ev.Failure)
			}
		}
		ev := lookAt(t, twoServer(t, &rsa, nil, &tls.Config{MinVersion: v, MaxVersion: v}), func(c *Config) { c.KeyTypes = KeysECDSA })
		if ev.Failure == nil || ev.Failure.ID != finding.KeyTypeNotServed || len(ev.Chain) > 0 {
			t.Errorf("%x: no ECDSA certificate: %+v", v, ev.Failure)
		}
	}
	// Who does not ask for it has no second connection.
	if ev := lookAt(t, twoServer(t, &rsa, &ec, &tls.Config{}), func(c *Config) { c.KeyTypes = KeysAsChosen }); ev.AlsoServes != nil {
		t.Error("a second look that nobody asked for")
	}
}

// The groups that the server takes are those of the look; one that is refused is
// told.
func TestLookGroups(t *testing.T) {
	rsa, ec := pairFor(forge.NewKey("RSA-2048")), pairFor(forge.P256())
	for _, g := range []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521} {
		ev := lookAt(t, twoServer(t, &rsa, &ec, &tls.Config{CurvePreferences: []tls.CurveID{g}}), nil)
		if ev.AlsoServes == nil || ev.AlsoServes.Connection.Group != uint16(g) {
			t.Errorf("%s: %+v, unseen %+v", g, ev.AlsoServes, ev.Unseen)
		}
	}
	// The server's own choice is a group that a look cannot have, and then it asks for another key share than the one it is sent.
	asking := lookAt(t, twoServer(t, &rsa, &ec, &tls.Config{CurvePreferences: []tls.CurveID{tls.X25519MLKEM768, tls.CurveP384}}), nil)
	if asking.AlsoServes == nil || asking.Connection.Group != uint16(tls.X25519MLKEM768) || asking.AlsoServes.Connection.Group != uint16(tls.CurveP384) {
		t.Errorf("%+v, unseen %+v", asking.AlsoServes, asking.Unseen)
	}
	ev := lookAt(t, twoServer(t, &rsa, &ec, &tls.Config{}), func(c *Config) { c.Groups = []uint16{uint16(tls.X25519MLKEM768)} })
	if ev.Failure != nil || ev.AlsoServes != nil || ev.Unseen == nil || ev.Unseen.ID != finding.KeyTypeUnseen {
		t.Errorf("hybrid only: %+v, %+v", ev.Failure, ev.Unseen)
	}
}

// DialAhead does not wait for the look, and brings what Dial brings.
func TestDialAhead(t *testing.T) {
	rsa, ec := pairFor(forge.NewKey("RSA-2048")), pairFor(forge.P256())
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		var n atomic.Int32
		held := make(chan struct{})
		behind := twoServer(t, &rsa, &ec, &tls.Config{MinVersion: v, MaxVersion: v})
		port := listen(t, func(conn net.Conn) {
			if n.Add(1) > 1 {
				<-held
			}
			to, err := net.Dial("tcp", "127.0.0.1:"+behind)
			if err != nil {
				return
			}
			defer to.Close()
			go func() {
				io.Copy(to, conn)
				to.Close()
			}()
			io.Copy(conn, to)
		})
		c := Config{Host: "dial.test", Port: port, Resolve: map[string][]netip.Addr{"*:" + port: {netip.MustParseAddr("127.0.0.1")}}, KeyTypes: KeysAll}
		ev, look := DialAhead(t.Context(), c)
		if ev.Failure != nil || len(ev.Chain) != 1 || ev.AlsoServes != nil || ev.Unseen != nil {
			t.Errorf("%x: failure %+v, also %+v, unseen %+v", v, ev.Failure, ev.AlsoServes, ev.Unseen)
		}
		own := *ev
		close(held)
		look(&own)
		if own.AlsoServes == nil || own.Unseen != nil || !bytes.Equal(own.AlsoServes.Chain[0].Cert, ec.Certificate[0]) || ev.AlsoServes != nil {
			t.Errorf("%x: also %+v, unseen %+v", v, own.AlsoServes, own.Unseen)
		}
		// Where more connections follow, one comes after the other.
		c.Legacy = true
		ev, look = DialAhead(t.Context(), c)
		if ev.AlsoServes == nil || ev.Legacy == nil {
			t.Errorf("%x: also %+v, legacy %+v", v, ev.AlsoServes, ev.Legacy)
		}
		if look(ev); ev.AlsoServes == nil {
			t.Errorf("%x: the look is lost", v)
		}
	}
}

// A second connection that fails changes nothing about the first, and what is
// not known is said. An alert says that there is no other certificate.
func TestLookFails(t *testing.T) {
	ec := pairFor(forge.P256())
	for what, c := range map[string]struct {
		second func(net.Conn)
		known  bool
	}{
		"silence": {func(c net.Conn) { io.Copy(io.Discard, c) }, false},
		"close":   {func(c net.Conn) { c.Read(make([]byte, 4096)) }, false},
		"reset":   {func(c net.Conn) { c.(*net.TCPConn).SetLinger(0) }, false},
		"garbage": {func(c net.Conn) { c.Write(bytes.Repeat([]byte("x"), 1000)) }, false},
		"flood": {func(c net.Conn) {
			for record := append([]byte{22, 3, 3, 64, 0, 1}, make([]byte, 16383)...); ; {
				if _, err := c.Write(record); err != nil {
					return
				}
			}
		}, false},
		"octet by octet": {func(c net.Conn) {
			for range 2000 {
				c.Write([]byte{22})
			}
		}, false},
		"alert": {func(c net.Conn) {
			c.Read(make([]byte, 4096))
			c.Write([]byte{21, 3, 3, 0, 2, 2, 40})
			io.Copy(io.Discard, c)
		}, true},
	} {
		for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			var n atomic.Int32
			port := listen(t, func(conn net.Conn) {
				if n.Add(1) > 1 {
					c.second(conn)
					return
				}
				s := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{ec}, MinVersion: v, MaxVersion: v})
				if s.Handshake() == nil {
					io.Copy(io.Discard, s)
				}
			})
			began := time.Now()
			ev := lookAt(t, port, nil)
			if ev.Failure != nil || len(ev.Chain) != 1 || ev.AlsoServes != nil || (ev.Unseen == nil) != c.known {
				t.Errorf("%s, %x: failure %+v, also %+v, unseen %+v", what, v, ev.Failure, ev.AlsoServes, ev.Unseen)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("%s, %x: %v", what, v, took)
			}
		}
	}
}

// A context that ends ends the look.
func TestLookCancelled(t *testing.T) {
	h, err := newHello(offer{groups: []uint16{29}, shares: []uint16{29}})
	check(t, err)
	client, server := net.Pipe()
	defer server.Close()
	go io.Copy(io.Discard, server)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	began := time.Now()
	if tr, err := say(ctx, client, h, time.Minute, func(*transcript) bool { return false }); err == nil || tr.hasCerts || time.Since(began) > 10*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

// flight is a server's first flight in TLS 1.3 in answer to h: a ServerHello and
// the messages, encrypted.
func flight(t testing.TB, h *ownHello, messages []byte) []byte {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	check(t, err)
	var b cryptobyte.Builder
	b.AddUint8(msgServerHello)
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint16(0x0303)
		b.AddBytes(make([]byte, 32))
		b.AddBytes([]byte{0, 0x13, 0x01, 0})
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
			b.AddBytes([]byte{0, extVersions, 0, 2, 3, 4, 0, extKeyShare, 0, 36, 0, 29, 0, 32})
			b.AddBytes(key.PublicKey().Bytes())
		})
	})
	sh := b.BytesOrPanic()
	out := append([]byte{recordHandshake, 3, 3, 0, byte(len(sh))}, sh...)
	seal := newOpener(0x1301, h.secrets(out)["SERVER_HANDSHAKE_TRAFFIC_SECRET"])
	if seal == nil {
		t.Fatal("no secret")
	}
	for seq := byte(0); len(messages) > 0; seq++ {
		n := min(len(messages), 1000)
		plain := append(bytes.Clone(messages[:n]), recordHandshake)
		messages = messages[n:]
		header := []byte{recordData, 3, 3, byte((len(plain) + 16) >> 8), byte(len(plain) + 16)}
		nonce := bytes.Clone(seal.iv)
		nonce[len(nonce)-1] ^= seq
		out = append(append(out, header...), seal.aead.Seal(nil, nonce, plain, header)...)
	}
	return out
}

// fakeServer is a connection on which in can be read.
type fakeServer struct {
	net.Conn
	in *bytes.Reader
}

func (f fakeServer) Read(b []byte) (int, error)  { return f.in.Read(b) }
func (f fakeServer) Write(b []byte) (int, error) { return len(b), nil }
func (fakeServer) SetDeadline(time.Time) error   { return nil }

// The flight of a hostile server, in the clear and behind the encryption.
func FuzzLook(f *testing.F) {
	certificate := []byte{11, 0, 0, 14, 0, 0, 0, 10, 0, 0, 5, 1, 2, 3, 4, 5, 0, 0}
	f.Add(append([]byte{8, 0, 0, 2, 0, 0}, certificate...), true)
	f.Add([]byte{21, 3, 3, 0, 2, 1, 112, 21, 3, 3, 0, 2, 2, 40}, false)
	f.Add([]byte{22, 3, 3, 0, 4, 2, 0, 0, 0}, false)
	f.Add([]byte{13, 0, 0, 3, 0, 0, 0, 24, 0, 0, 1, 0}, true)
	f.Fuzz(func(t *testing.T, in []byte, sealed bool) {
		h, err := newHello(offer{sni: "dial.test", versions: []uint16{0x0304}, suites: []uint16{0x1301}, groups: []uint16{29}, shares: []uint16{29}})
		check(t, err)
		if sealed && len(in) < 1<<16 {
			in = flight(t, h, in)
		}
		tr, err := say(context.Background(), fakeServer{in: bytes.NewReader(in)}, h, time.Second, func(t *transcript) bool { return t.hasCerts })
		if err == nil && tr.err == nil && !tr.hasCerts && !tr.refused() && !tr.closeNotify {
			t.Fatal("the look ended for no reason")
		}
		inputs(t, tr)
	})
}

// The messages of a flight are read as far as the certificates.
func TestLookReads(t *testing.T) {
	h, err := newHello(offer{groups: []uint16{29}, shares: []uint16{29}})
	check(t, err)
	long := bytes.Repeat([]byte{7}, 5000)
	var b cryptobyte.Builder
	b.AddBytes([]byte{8, 0, 0, 2, 0, 0, msgCertificate})
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint8(0)
		b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
			b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(long) })
			b.AddUint16(0)
		})
	})
	in := flight(t, h, b.BytesOrPanic())
	enough := func(t *transcript) bool { return t.hasCerts }
	tr, err := say(t.Context(), fakeServer{in: bytes.NewReader(in)}, h, time.Second, enough)
	if err != nil || len(tr.chain) != 1 || !bytes.Equal(tr.chain[0].Cert, long) {
		t.Errorf("%v, %+v", err, tr.err)
	}
	in[len(in)-1] ^= 1
	if tr, _ := say(t.Context(), fakeServer{in: bytes.NewReader(in)}, h, time.Second, enough); tr.hasCerts || tr.err == nil {
		t.Errorf("a damaged record was read: %x", sha256.Sum256(in))
	}
}

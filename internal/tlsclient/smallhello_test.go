package tlsclient

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/peers"
)

// smallOnly is a server behind a device that does with a ClientHello of more
// than 1,000 octets what large does.
func smallOnly(t testing.TB, large func(net.Conn)) string {
	pair := chainFor(t)
	return listen(t, func(c net.Conn) {
		buf := make([]byte, 8192)
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		if n > 1000 {
			large(c)
			return
		}
		s := tls.Server(&replayed{Conn: c, first: buf[:n]}, &tls.Config{Certificates: []tls.Certificate{pair}})
		if s.Handshake() == nil {
			io.Copy(io.Discard, s)
		}
	})
}

// replayed is a connection of which the first octets were read already.
type replayed struct {
	net.Conn
	first []byte
}

func (r *replayed) Read(b []byte) (int, error) {
	if len(r.first) == 0 {
		return r.Conn.Read(b)
	}
	n := copy(b, r.first)
	r.first = r.first[n:]
	return n, nil
}

// What fails on a large ClientHello only is named, and the certificates are
// fetched with a small one.
func TestLargeHello(t *testing.T) {
	alert := func(code byte) func(net.Conn) {
		return func(c net.Conn) { c.Write([]byte{21, 3, 1, 0, 2, 2, code}); io.Copy(io.Discard, c) }
	}
	for what, c := range map[string]struct {
		large func(net.Conn)
		how   string
	}{
		"reset":   {reset, "it reset the connection"},
		"close":   {func(net.Conn) {}, "it closed the connection"},
		"silence": {func(c net.Conn) { io.Copy(io.Discard, c) }, "it did not answer"},
		"alert":   {alert(40), "it answered handshake_failure"},
	} {
		port := smallOnly(t, c.large)
		ev := lookAt(t, port, nil)
		if f := ev.Failure; f == nil || f.ID != finding.HelloTooLarge || f.Params["how"] != c.how || len(ev.Chain) != 2 || ev.Probe == nil {
			t.Errorf("%s: %+v, %d certificates", what, f, len(ev.Chain))
		}
		if ev := lookAt(t, port, func(c *Config) { c.Groups = []uint16{29} }); ev.Failure != nil {
			t.Errorf("%s, a small one: %+v", what, ev.Failure)
		}
		// Where only large groups were wanted there is no smaller offer.
		if ev := lookAt(t, port, func(c *Config) { c.Groups = []uint16{0x11ec} }); ev.Failure == nil || ev.Failure.ID == finding.HelloTooLarge {
			t.Errorf("%s, hybrid only: %+v", what, ev.Failure)
		}
		if ev := lookAt(t, port, func(c *Config) { c.NoProbe = true }); ev.Failure == nil || ev.Failure.ID == finding.HelloTooLarge || len(ev.Chain) > 0 {
			t.Errorf("%s, without a second dial: %+v", what, ev.Failure)
		}
	}
	// Another cause stays what it is.
	for _, large := range []func(net.Conn){reset, alert(40), alert(70), alert(112)} {
		port := listen(t, func(c net.Conn) { hello(c); large(c) })
		if ev := lookAt(t, port, nil); ev.Failure == nil || ev.Failure.ID == finding.HelloTooLarge {
			t.Errorf("%+v", ev.Failure)
		}
	}
}

// A refusal names the flag that had left out what the server takes.
func TestLeftOut(t *testing.T) {
	k := ecKey(t)
	for _, c := range []struct {
		server []string
		edit   func(*Config)
		want   string
	}{
		{[]string{"-tls1_3", "-groups", "P-384"}, func(c *Config) { c.Groups = []uint16{29} }, "the group P-384, which --groups leaves out"},
		{[]string{"-tls1_2"}, func(c *Config) { c.MinVersion = tls.VersionTLS13 }, "TLS 1.2, which --tls-min 1.3 leaves out"},
		{[]string{"-tls1_3"}, func(c *Config) { c.MaxVersion = tls.VersionTLS12 }, "TLS 1.3, which --tls-max 1.2 leaves out"},
		{[]string{"-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"}, func(c *Config) {
			c.MaxVersion, c.Suites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}
		}, "the cipher suite TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, which --ciphers leaves out"},
	} {
		ev := lookAt(t, sServer(t, append(c.server, k.args()...)...), c.edit)
		if ev.Failure == nil || !strings.Contains(ev.Failure.Params["detail"], c.want) {
			t.Errorf("%s: %+v", c.want, ev.Failure)
		}
	}
}

// What crypto/tls lacks is named, the certificate's key first.
func TestLacks(t *testing.T) {
	peers.Path(t, "openssl")
	rsa := selfSigned(t, "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
	for _, c := range []struct {
		key  keyPair
		args []string
		want string
	}{
		{selfSigned(t, "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"), nil, "its certificate has an RSA-PSS key"},
		{selfSigned(t, "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:brainpoolP256r1"), nil, "its certificate has a key on the curve brainpoolP256r1"},
		{rsa, []string{"-tls1_3", "-groups", "X448"}, "it uses X448 for the key exchange"},
		{rsa, []string{"-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256"}, "it uses the cipher suite TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"},
		{rsa, []string{"-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256"}, "it uses the cipher suite TLS_AES_128_CCM_SHA256"},
	} {
		ev := lookAt(t, sServer(t, append(c.args, c.key.args()...)...), nil)
		if ev.Failure == nil || ev.Failure.ID != finding.NoCommonParameters || !strings.HasPrefix(ev.Failure.Params["detail"], c.want) ||
			!strings.Contains(ev.Failure.Params["detail"], "Go's TLS library lacks") {
			t.Errorf("%s: %+v", c.want, ev.Failure)
		}
	}
	for _, der := range [][]byte{nil, {0x30}, {0x30, 0x80}, rsa.der(t)} {
		if name := foreignKey(der); name != "" {
			t.Errorf("%x: %s", der[:min(len(der), 4)], name)
		}
	}
}

// What an OpenSSL server with two certificates has is seen, whatever it prefers.
func TestBothOfOpenSSL(t *testing.T) {
	rsa, ec := selfSigned(t, "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"), ecKey(t)
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		ev := lookAt(t, sServer(t, version, "-cert", rsa.cert, "-key", rsa.key, "-dcert", ec.cert, "-dkey", ec.key), nil)
		if ev.Failure != nil || ev.AlsoServes == nil {
			t.Fatalf("%s: %+v, also %v, unseen %+v", version, ev.Failure, ev.AlsoServes != nil, ev.Unseen)
		}
		for _, k := range []keyPair{rsa, ec} {
			if string(ev.Chain[0].Cert) != string(k.der(t)) && string(ev.AlsoServes.Chain[0].Cert) != string(k.der(t)) {
				t.Errorf("%s: a certificate was not seen", version)
			}
		}
		if ev := lookAt(t, sServer(t, append([]string{version}, ec.args()...)...), nil); ev.AlsoServes != nil || ev.Unseen != nil {
			t.Errorf("%s: of one certificate: %+v, %+v", version, ev.AlsoServes, ev.Unseen)
		}
	}
}

// Whether an old version is still offered is asked when that is wanted.
func TestLegacy(t *testing.T) {
	pair := chainFor(t)
	for _, c := range []struct{ min, want uint16 }{{tls.VersionTLS10, tls.VersionTLS11}, {tls.VersionTLS12, 0}} {
		port := twoServer(t, nil, &pair, &tls.Config{MinVersion: c.min})
		ev := lookAt(t, port, func(c *Config) { c.Legacy = true })
		if ev.Failure != nil || ev.Legacy == nil || ev.Legacy.Version != c.want || (ev.Legacy.Detail == "") != (c.want != 0) {
			t.Errorf("from %x: %+v, %+v", c.min, ev.Legacy, ev.Failure)
		}
		if ev := lookAt(t, port, nil); ev.Legacy != nil {
			t.Error("nobody asked")
		}
	}
}

// What a ServerHello of TLS 1.2 lacks is noted, and which protocols were wanted.
func TestHelloExtensions(t *testing.T) {
	body := func(exts ...byte) []byte {
		b := append(append([]byte{3, 3}, make([]byte, 32)...), 0, 0xc0, 0x2b, 0)
		return append(append(b, byte(len(exts)>>8), byte(len(exts))), exts...)
	}
	for _, c := range []struct {
		exts                   []byte
		noInfo, noMasterSecret bool
	}{
		{nil, true, true},
		{[]byte{0xff, 1, 0, 1, 0}, false, true},
		{[]byte{0, 23, 0, 0}, true, false},
		{[]byte{0, 23, 0, 0, 0xff, 1, 0, 1, 0}, false, false},
	} {
		r := &reader{t: &transcript{}}
		check(t, r.message(msgServerHello, body(c.exts...)))
		s := newSession(r.t, &wire{}, 0, false)
		if s.conn.NoRenegotiationInfo != c.noInfo || s.conn.NoMasterSecret != c.noMasterSecret {
			t.Errorf("%x: %+v", c.exts, s.conn)
		}
	}
	pair := chainFor(t)
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		ev := lookAt(t, twoServer(t, nil, &pair, &tls.Config{MinVersion: v, MaxVersion: v}), func(c *Config) { c.ALPN = []string{"h2"} })
		if c := ev.Connection; c.NoRenegotiationInfo || c.NoMasterSecret || !c.ALPNAsked || c.ALPN != "" || len(c.ALPNOffered) != 1 {
			t.Errorf("%x: %+v", v, c)
		}
	}
}

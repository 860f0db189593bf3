package assay_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"net"
	"testing"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
)

// echKey makes a key for Encrypted Client Hello and an ECHConfigList with its
// configuration (RFC 9849, 4).
func echKey(t *testing.T, publicName string) (key tls.EncryptedClientHelloKey, list []byte) {
	t.Helper()
	k, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sized := func(b []byte) []byte { return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...) }
	var id [1]byte
	rand.Read(id[:])
	body := append([]byte{id[0], 0, 0x20}, sized(k.PublicKey().Bytes())...)
	body = append(body, sized([]byte{0, 1, 0, 1})...) // HKDF-SHA256, AES-128-GCM
	body = append(body, 32, byte(len(publicName)))
	body = append(append(body, publicName...), 0, 0)
	config := append([]byte{0xfe, 0x0d}, sized(body)...)
	return tls.EncryptedClientHelloKey{Config: config, PrivateKey: k.Bytes(), SendAsRetry: true}, sized(config)
}

// echWorld is a world with certificates for a hidden and a public name.
type echWorld struct {
	*world
	hidden, badHidden, public, badPublic, other *forge.CA
}

func newECHWorld(t *testing.T) echWorld {
	w := newWorld(t)
	issue := func(name string) *forge.CA {
		key := forge.P256()
		return w.root.Issue(forge.Cert{Key: key, Extensions: append(w.root.ServerExts(key, forge.DNS(name)), forge.CRLDP(w.crl.URL+"/crl"))})
	}
	e := echWorld{w, issue("hidden.test"), issue("hidden.test"), issue("public.test"), issue("public.test"), issue("other.test")}
	w.revoke(e.badHidden)
	w.revoke(e.badPublic)
	return e
}

// serve starts a server that knows key and shows hidden to those who found it
// and public to the others.
func (e echWorld) serve(t *testing.T, key tls.EncryptedClientHelloKey, hidden, public *forge.CA) string {
	return serve(t, &tls.Config{MinVersion: tls.VersionTLS13, EncryptedClientHelloKeys: []tls.EncryptedClientHelloKey{key},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			c := public.TLS()
			if hello.ServerName == "hidden.test" {
				c = hidden.TLS()
			}
			return &c, nil
		}})
}

// clients are the two ways to a connection: a config handed to somebody else,
// and a dial.
func (e echWorld) clients(t *testing.T, base *tls.Config) map[string]func(addr string) error {
	v := newVerifier(t, e.config(assay.Config{Network: assay.Inline}))
	conf, err := v.ClientConfig(base)
	if err != nil {
		t.Fatal(err)
	}
	later, err := v.ClientConfig(&tls.Config{ServerName: base.ServerName, MinVersion: tls.VersionTLS13})
	if err != nil {
		t.Fatal(err)
	}
	later = later.Clone()
	later.EncryptedClientHelloConfigList = base.EncryptedClientHelloConfigList
	plain := func(conf *tls.Config) func(string) error {
		return func(addr string) error { _, err := talk(addr, conf); return err }
	}
	dial := func(addr string) error {
		c, err := v.DialContext(t.Context(), "tcp", addr, base)
		if err == nil {
			c.Close()
		}
		return err
	}
	over := func(addr string) error {
		raw, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		defer raw.Close()
		_, err = v.Handshake(t.Context(), raw, base)
		return err
	}
	return map[string]func(string) error{"ClientConfig": plain(conf), "ECH asked for later": plain(later), "DialContext": dial, "Client": over}
}

// Where the server knows the key, the certificate for the hidden name is judged.
func TestECHAccepted(t *testing.T) {
	e := newECHWorld(t)
	key, list := echKey(t, "public.test")
	base := &tls.Config{ServerName: "hidden.test", MinVersion: tls.VersionTLS13, EncryptedClientHelloConfigList: list}
	good, bad := e.serve(t, key, e.hidden, e.badPublic), e.serve(t, key, e.badHidden, e.public)
	for name, connect := range e.clients(t, base) {
		if err := connect(good); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := connect(bad); !errors.Is(err, finding.CertRevoked) {
			t.Errorf("%s: error %v, want revoked", name, err)
		}
	}
}

// A server with another key rejects ECH and offers its own configurations.
// crypto/tls then calls none of the usual callbacks. The offer reaches nobody
// before the certificate for the public name has been judged: a plain config
// cannot do that and withholds it.
func TestECHRejected(t *testing.T) {
	e := newECHWorld(t)
	_, stale := echKey(t, "public.test")
	key, current := echKey(t, "public.test")
	base := &tls.Config{ServerName: "hidden.test", MinVersion: tls.VersionTLS13, EncryptedClientHelloConfigList: stale}
	for _, c := range []struct {
		name   string
		public *forge.CA
		dialed func(error) bool
	}{
		{"good", e.public, func(err error) bool {
			var r *tls.ECHRejectionError
			return errors.As(err, &r) && bytes.Equal(r.RetryConfigList, current)
		}},
		{"revoked", e.badPublic, func(err error) bool { return errors.Is(err, finding.CertRevoked) }},
		{"other name", e.other, func(err error) bool { var h x509.HostnameError; return errors.As(err, &h) }},
	} {
		addr := e.serve(t, key, e.hidden, c.public)
		for name, connect := range e.clients(t, base) {
			err := connect(addr)
			var offer *tls.ECHRejectionError
			switch {
			case err == nil:
				t.Errorf("%s, %s: connected", c.name, name)
			case name == "DialContext" || name == "Client":
				if !c.dialed(err) || c.name != "good" && errors.As(err, &offer) {
					t.Errorf("%s, %s: error %v", c.name, name, err)
				}
			case !errors.Is(err, assay.ErrECHRejected) || errors.As(err, &offer):
				t.Errorf("%s, %s: error %v, want ErrECHRejected and no offer", c.name, name, err)
			}
		}
	}

	// What DialContext hands out leads to the hidden name.
	base.EncryptedClientHelloConfigList = current
	if err := e.clients(t, base)["DialContext"](e.serve(t, key, e.hidden, e.public)); err != nil {
		t.Errorf("the second attempt: %v", err)
	}
}

// crypto/tls shows EncryptedClientHelloRejectionVerify no certificate, which is
// why ClientConfig cannot judge there. If that changes, it should.
func TestECHRejectionShowsNoCertificate(t *testing.T) {
	e := newECHWorld(t)
	_, stale := echKey(t, "public.test")
	key, _ := echKey(t, "public.test")
	shown := -1
	conf := &tls.Config{ServerName: "hidden.test", RootCAs: e.pool(t), MinVersion: tls.VersionTLS13, EncryptedClientHelloConfigList: stale,
		EncryptedClientHelloRejectionVerify: func(cs tls.ConnectionState) error {
			shown = len(cs.PeerCertificates) + len(cs.VerifiedChains)
			return nil
		}}
	talk(e.serve(t, key, e.hidden, e.public), conf)
	if shown != 0 {
		t.Errorf("%d certificates and chains were shown", shown)
	}
}

// A base's own rejection hook would replace the verification; the one of a
// config that ClientConfig made is known and does not stand in the way.
func TestECHBase(t *testing.T) {
	e := newECHWorld(t)
	v := newVerifier(t, assay.Config{})
	if _, err := v.ClientConfig(&tls.Config{EncryptedClientHelloRejectionVerify: func(tls.ConnectionState) error { return nil }}); err == nil {
		t.Error("a base that does not verify servers that reject ECH was accepted")
	}
	conf, err := newVerifier(t, e.config(assay.Config{})).ClientConfig(nil)
	if err != nil {
		t.Fatal(err)
	}
	if conf, err = v.ClientConfig(conf); err != nil {
		t.Fatal(err)
	}
	if conf.EncryptedClientHelloRejectionVerify == nil {
		t.Error("a config wrapped twice lets ECH be rejected")
	}
}

package assay_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/internal/lab/forge"
)

// What is set in the config that ServerConfig returned holds, as net/http sets
// HTTP/2 and the files' certificates: only a base with GetConfigForClient
// chooses for itself.
func TestServerConfigMayBeTuned(t *testing.T) {
	w := newWorld(t)
	srv, cl := w.server(), w.client()
	v := newVerifier(t, w.config(assay.Config{Network: assay.Inline}))
	conf, err := v.ServerConfig(&tls.Config{ClientAuth: tls.VerifyClientCertIfGiven})
	if err != nil {
		t.Fatal(err)
	}
	conf.Certificates = []tls.Certificate{srv.TLS()}
	conf.ClientAuth = tls.RequireAndVerifyClientCert
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{TLSConfig: conf, ErrorLog: quietLog(), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) })}
	go s.ServeTLS(l, "", "")
	t.Cleanup(func() { s.Close() })
	_, port, _ := net.SplitHostPort(l.Addr().String())
	get := func(certs ...tls.Certificate) (string, error) {
		tr := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: w.pool(t), Certificates: certs}}
		defer tr.CloseIdleConnections()
		resp, err := (&http.Client{Transport: tr, Timeout: 20 * time.Second}).Get("https://localhost:" + port + "/")
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		return string(b), err
	}
	if proto, err := get(cl.TLS()); err != nil || proto != "HTTP/2.0" {
		t.Errorf("spoke %q, error %v", proto, err)
	}
	if _, err := get(); err == nil {
		t.Error("a client without a certificate passed, though the config was tightened to require one")
	}
	w.revoke(cl)
	other := newVerifier(t, w.config(assay.Config{Network: assay.Inline}))
	if conf, err = other.ServerConfig(&tls.Config{ClientAuth: tls.VerifyClientCertIfGiven}); err != nil {
		t.Fatal(err)
	}
	conf.Certificates = []tls.Certificate{srv.TLS()}
	if _, err := talk(serve(t, conf), &tls.Config{RootCAs: w.pool(t), ServerName: "localhost", Certificates: []tls.Certificate{cl.TLS()}}); err == nil {
		t.Error("a revoked client passed")
	}
}

// Over QUIC there is no net.Conn: the handshake is judged all the same.
func TestServerConfigQUIC(t *testing.T) {
	w := newWorld(t)
	srv, good, bad := w.server(), w.client(), w.client()
	w.revoke(bad)
	v := newVerifier(t, w.config(assay.Config{Network: assay.Inline}))
	base := &tls.Config{Certificates: []tls.Certificate{srv.TLS()}, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS13, NextProtos: []string{"x"}}
	chooses := base.Clone()
	chooses.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return base, nil }
	for name, b := range map[string]*tls.Config{"plain": base, "chosen": chooses} {
		conf, err := v.ServerConfig(b)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			cert tls.Certificate
			ok   bool
		}{{good.TLS(), true}, {bad.TLS(), false}} {
			err := quicHandshake(t, conf, &tls.Config{RootCAs: w.pool(t), ServerName: "localhost", MinVersion: tls.VersionTLS13,
				Certificates: []tls.Certificate{c.cert}, NextProtos: []string{"x"}})
			if (err == nil) != c.ok {
				t.Errorf("%s: error %v, want passing %v", name, err, c.ok)
			}
		}
	}
}

// quicHandshake runs a QUIC handshake in memory and returns the server's error.
func quicHandshake(t *testing.T, server, client *tls.Config) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s := tls.QUICServer(&tls.QUICConfig{TLSConfig: server})
	c := tls.QUICClient(&tls.QUICConfig{TLSConfig: client})
	defer s.Close()
	defer c.Close()
	for _, q := range []*tls.QUICConn{c, s} {
		q.SetTransportParameters([]byte{})
		if err := q.Start(ctx); err != nil {
			return err
		}
	}
	for done := map[*tls.QUICConn]bool{}; !done[s] || !done[c]; {
		progress := false
		for _, pair := range [][2]*tls.QUICConn{{c, s}, {s, c}} {
			for {
				e := pair[0].NextEvent()
				if e.Kind == tls.QUICNoEvent {
					break
				}
				progress = true
				switch e.Kind {
				case tls.QUICWriteData:
					if err := pair[1].HandleData(e.Level, e.Data); err != nil {
						return err
					}
				case tls.QUICHandshakeDone:
					done[pair[0]] = true
				}
			}
		}
		if !progress && !(done[s] && done[c]) {
			t.Fatal("the handshake stands still")
		}
	}
	return nil
}

// A client signs the handshake: a certificate whose key may not sign is refused.
func TestClientKeyUsage(t *testing.T) {
	w := newWorld(t)
	srv := w.server()
	for usage, ok := range map[int]bool{forge.DigitalSignature: true, forge.KeyAgreement: false} {
		key := forge.P256()
		cl := w.root.Issue(forge.Cert{Key: key, Subject: forge.CN("a client"), Extensions: []forge.Ext{forge.BasicConstraints(false, -1),
			forge.KeyUsage(usage), forge.EKU(forge.ClientAuth), forge.SKI(key.ID()), forge.AKI(w.root.Key.ID()), forge.CRLDP(w.crl.URL + "/crl")}})
		v := newVerifier(t, w.config(assay.Config{Network: assay.Inline}))
		conf, err := v.ServerConfig(&tls.Config{Certificates: []tls.Certificate{srv.TLS()}, ClientAuth: tls.RequireAndVerifyClientCert})
		if err != nil {
			t.Fatal(err)
		}
		_, err = talk(serve(t, conf), &tls.Config{RootCAs: w.pool(t), ServerName: "localhost", Certificates: []tls.Certificate{cl.TLS()}})
		if (err == nil) != ok {
			t.Errorf("key usage %v: error %v, want passing %v", usage, err, ok)
		}
	}
}

// A client at a private address earns no downloads from private addresses,
// with GetConfigForClient or without: nobody dialled it.
func TestClientAddressEarnsNothing(t *testing.T) {
	w := newWorld(t)
	srv, cl := w.server(), w.client()
	base := &tls.Config{Certificates: []tls.Certificate{srv.TLS()}, ClientAuth: tls.RequireAndVerifyClientCert}
	chooses := base.Clone()
	chooses.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return base, nil }
	for _, private := range []bool{false, true} {
		for name, b := range map[string]*tls.Config{"plain": base, "chosen": chooses} {
			c := w.config(assay.Config{Network: assay.Inline, Unknown: assay.UnknownDeny})
			c.PrivateFetch = private
			conf, err := newVerifier(t, c).ServerConfig(b)
			if err != nil {
				t.Fatal(err)
			}
			before := w.hits.Load()
			_, err = talk(serve(t, conf), &tls.Config{RootCAs: w.pool(t), ServerName: "localhost", Certificates: []tls.Certificate{cl.TLS()}})
			if got := w.hits.Load() > before; got != private || (err == nil) != private {
				t.Errorf("%s, PrivateFetch %v: downloaded %v, error %v", name, private, got, err)
			}
		}
	}
}

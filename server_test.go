package assay_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

// A server refuses revoked client certificates, whichever config
// GetConfigForClient chooses.
func TestServerConfig(t *testing.T) {
	w := newWorld(t)
	srv, good, bad := w.server(), w.client(), w.client()
	w.revoke(bad)
	base := func() *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{srv.TLS()}, ClientAuth: tls.RequireAndVerifyClientCert}
	}
	optional := base()
	optional.ClientAuth = tls.VerifyClientCertIfGiven
	chooses := base()
	chooses.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return base(), nil }
	lax := base()
	lax.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return &tls.Config{Certificates: []tls.Certificate{srv.TLS()}}, nil
	}
	for name, c := range map[string]struct {
		base *tls.Config
		cert *forge.CA
		ok   bool
	}{
		"good":                              {base(), good, true},
		"revoked":                           {base(), bad, false},
		"none where one is required":        {base(), nil, false},
		"none where it is optional":         {optional, nil, true},
		"revoked where it is optional":      {optional, bad, false},
		"good, chosen config":               {chooses, good, true},
		"revoked, chosen config":            {chooses, bad, false},
		"chosen config that asks for none":  {lax, good, false},
		"chosen config that asks, no certs": {lax, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVerifier(t, w.config(assay.Config{Network: assay.Inline}))
			conf, err := v.ServerConfig(c.base)
			if err != nil {
				t.Fatal(err)
			}
			addr := serve(t, conf)
			cc := &tls.Config{RootCAs: w.pool(t), ServerName: "localhost"}
			if c.cert != nil {
				cc.Certificates = []tls.Certificate{c.cert.TLS()}
			}
			_, err = talk(addr, cc)
			if (err == nil) != c.ok {
				t.Errorf("error %v, want passing %v", err, c.ok)
			}
			var alert tls.AlertError
			if err != nil && !errors.As(err, &alert) {
				t.Logf("refused with %v", err)
			}
		})
	}
}

// What GetConfigForClient may answer: nothing, an error, a config with callbacks
// of its own, roots given twice. The callbacks are called before the judgement,
// and their refusals stand.
func TestGetConfigForClient(t *testing.T) {
	w := newWorld(t)
	srv, good, bad := w.server(), w.client(), w.client()
	w.revoke(bad)
	mine := errors.New("mine")
	var called []string
	base := func() *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{srv.TLS()}, ClientAuth: tls.RequireAndVerifyClientCert}
	}
	for name, c := range map[string]struct {
		inner  func() (*tls.Config, error)
		cert   *forge.CA
		ok     bool
		called string
	}{
		"nothing":          {func() (*tls.Config, error) { return nil, nil }, good, true, ""},
		"nothing, revoked": {func() (*tls.Config, error) { return nil, nil }, bad, false, ""},
		"an error":         {func() (*tls.Config, error) { return nil, mine }, good, false, ""},
		"roots twice": {func() (*tls.Config, error) {
			c := base()
			c.ClientCAs = w.pool(t)
			return c, nil
		}, good, false, ""},
		"callbacks": {func() (*tls.Config, error) {
			c := base()
			c.VerifyPeerCertificate = func([][]byte, [][]*x509.Certificate) error {
				called = append(called, "peer")
				return nil
			}
			c.VerifyConnection = func(tls.ConnectionState) error { called = append(called, "connection"); return nil }
			return c, nil
		}, bad, false, "peer connection judged"},
		"a callback that refuses": {func() (*tls.Config, error) {
			c := base()
			c.VerifyConnection = func(tls.ConnectionState) error { called = append(called, "connection"); return mine }
			return c, nil
		}, bad, false, "connection"},
		"a config that chooses again": {func() (*tls.Config, error) { // crypto/tls asks once only
			c := base()
			c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { t.Error("asked twice"); return nil, mine }
			return c, nil
		}, bad, false, "judged"},
	} {
		t.Run(name, func(t *testing.T) {
			called = nil
			v := newVerifier(t, w.config(assay.Config{Network: assay.Inline, Verify: func(context.Context, *evidence.Evidence, *report.Report) ([]finding.Finding, error) {
				called = append(called, "judged")
				return nil, nil
			}}))
			outer := base()
			outer.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return c.inner() }
			conf, err := v.ServerConfig(outer)
			if err != nil {
				t.Fatal(err)
			}
			err = accept(t.Context(), conf, &tls.Config{RootCAs: w.pool(t), ServerName: "localhost", Certificates: []tls.Certificate{c.cert.TLS()}})
			if (err == nil) != c.ok {
				t.Errorf("error %v, want passing %v", err, c.ok)
			}
			if c.called == "peer connection judged" && !errors.Is(err, finding.CertRevoked) {
				t.Errorf("error %v, want revoked", err)
			}
			if got := strings.Join(called, " "); c.called != "" && got != c.called {
				t.Errorf("called %q, want %q", got, c.called)
			}
		})
	}
}

// A config that is wrapped twice is judged by both Verifiers, also where
// GetConfigForClient chose it.
func TestServerConfigTwice(t *testing.T) {
	w := newWorld(t)
	srv, cl := w.server(), w.client()
	refuses := func(id finding.ID) *assay.Verifier {
		c := assay.Config{Network: assay.Inline, PrivateFetch: true, Verify: func(context.Context, *evidence.Evidence, *report.Report) ([]finding.Finding, error) {
			return []finding.Finding{{ID: id, Severity: finding.Error}}, nil
		}}
		if id == "x-inner" {
			c = w.config(c)
		}
		return newVerifier(t, c)
	}
	passes := newVerifier(t, assay.Config{Network: assay.Inline, PrivateFetch: true, Unknown: assay.UnknownAllow})
	base := &tls.Config{Certificates: []tls.Certificate{srv.TLS()}, ClientAuth: tls.RequireAndVerifyClientCert}
	conf, err := refuses("x-inner").ServerConfig(base)
	if err != nil {
		t.Fatal(err)
	}
	if conf, err = passes.ServerConfig(conf); err != nil {
		t.Fatal(err)
	}
	err = accept(t.Context(), conf, &tls.Config{RootCAs: w.pool(t), ServerName: "localhost", Certificates: []tls.Certificate{cl.TLS()}})
	if !errors.Is(err, finding.ID("x-inner")) {
		t.Errorf("error %v, want the inner Verifier's", err)
	}
}

// The handshake's context, which GetConfigForClient has, bounds the judgement
// under a config that it returns.
func TestServerContext(t *testing.T) {
	w := newWorld(t)
	stall := make(chan struct{})
	defer close(stall)
	w.set(func() { w.stall = stall })
	v, err := assay.NewPatient(w.config(assay.Config{Network: assay.Inline, FetchBudget: time.Hour, Unknown: assay.UnknownDeny, CloseGrace: time.Millisecond}), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	inner := &tls.Config{Certificates: []tls.Certificate{w.server().TLS()}, ClientAuth: tls.RequireAndVerifyClientCert}
	base := inner.Clone()
	base.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return inner, nil }
	conf, err := v.ServerConfig(base)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { // as soon as the judgement waits for its list
		defer close(done)
		until(t, "the list is asked for", func() bool { return w.hits.Load() > 0 })
		cancel()
	}()
	if err := accept(ctx, conf, &tls.Config{RootCAs: w.pool(t), ServerName: "localhost", Certificates: []tls.Certificate{w.client().TLS()}}); err == nil { // hangs when nothing ends the judgement
		t.Error("connected")
	}
	<-done
}

// accept is a server's side of a handshake in memory, and its error.
func accept(ctx context.Context, conf, client *tls.Config) error {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	go func() {
		if c := tls.Client(a, client); c.Handshake() == nil {
			io.Copy(io.Discard, c)
		}
		io.Copy(io.Discard, a)
	}()
	return tls.Server(b, conf).HandshakeContext(ctx)
}

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

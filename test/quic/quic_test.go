// Package quic_test proves what assay promises of HTTP/3 with quic-go: whoever is
// known to be revoked is sent nothing, in early data (0-RTT) neither.
package quic_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
)

// server is an HTTP/3 server that takes early data and counts what it was sent.
type server struct {
	addr            string
	requests, early atomic.Int64
	secrets         atomic.Int64
}

func serve(t *testing.T, pair tls.Certificate) *server {
	t.Helper()
	s := &server{}
	h := &http3.Server{ConnContext: func(ctx context.Context, c *quic.Conn) context.Context { return context.WithValue(ctx, s, c) }, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		if r.Context().Value(s).(*quic.Conn).ConnectionState().Used0RTT {
			s.early.Add(1)
		}
		if r.Header.Get("Authorization") != "" {
			s.secrets.Add(1)
		}
	})}
	l, err := quic.ListenAddrEarly("127.0.0.1:0", http3.ConfigureTLSConfig(&tls.Config{Certificates: []tls.Certificate{pair}}), &quic.Config{Allow0RTT: true})
	if err != nil {
		t.Fatal(err)
	}
	go h.ServeListener(l)
	t.Cleanup(func() { h.Close(); l.Close() })
	s.addr = l.Addr().String()
	return s
}

// get asks the server once, with a secret, on a connection of its own. In early
// data, when the session allows it, as MethodGet0RTT asks for.
// It waits until the session's ticket has come.
func get(t *testing.T, addr string, conf *tls.Config, sessions *cache) error {
	t.Helper()
	before := sessions.put.Load()
	tr := &http3.Transport{TLSClientConfig: conf}
	defer tr.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http3.MethodGet0RTT, "https://"+addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer a secret")
	resp, err := tr.RoundTrip(r)
	if err != nil {
		return err
	}
	for sessions.put.Load() == before {
		select {
		case <-ctx.Done():
			t.Error("no ticket came")
			return resp.Body.Close()
		case <-time.After(time.Millisecond):
		}
	}
	return resp.Body.Close()
}

// cache counts the sessions that it was given, so that the test knows that there
// was one to resume.
type cache struct {
	tls.ClientSessionCache
	put atomic.Int64
}

func (c *cache) Put(key string, s *tls.ClientSessionState) {
	c.ClientSessionCache.Put(key, s)
	if s != nil {
		c.put.Add(1)
	}
}

func TestNothingEarly(t *testing.T) {
	root := forge.NewRoot("QUIC Root", nil)
	key := forge.P256()
	leaf := root.Issue(forge.Cert{Key: key, Extensions: root.ServerExts(key, forge.DNS("localhost"), forge.IPRaw(net.IPv4(127, 0, 0, 1).To4()))})
	s := serve(t, leaf.TLS())
	v, err := assay.New(assay.Config{Roots: [][]byte{root.Raw}, Network: assay.Offline})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	sessions := &cache{ClientSessionCache: tls.NewLRUClientSessionCache(8)}
	conf, err := v.ClientConfig(&tls.Config{ServerName: "localhost", ClientSessionCache: sessions})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := get(t, s.addr, conf, sessions); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
	}
	if s.requests.Load() != 3 || s.early.Load() != 0 || sessions.put.Load() < 3 {
		t.Errorf("%d requests, %d of them early, %d sessions", s.requests.Load(), s.early.Load(), sessions.put.Load())
	}

	// Another connection's staple teaches that the certificate is revoked.
	pair := leaf.TLS()
	pair.OCSPStaple = forge.OCSP{Singles: []forge.Single{root.RevokedSingle(leaf.Serial, forge.KeyCompromise)}}.Sign(root)
	teacher := serve(t, pair)
	plain, err := v.ClientConfig(&tls.Config{ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	if err := get(t, teacher.addr, plain, sessions); !errors.Is(err, finding.CertRevoked) {
		t.Fatal("the stapled revocation:", err)
	}
	for range 2 {
		if err := get(t, s.addr, conf, sessions); !errors.Is(err, finding.CertRevoked) {
			t.Error("after it was learnt:", err)
		}
	}
	if n := s.requests.Load(); n != 3 || teacher.requests.Load() != 0 || s.secrets.Load() != 3 {
		t.Errorf("%d requests reached the servers, of which the last 3 must not", n+teacher.requests.Load())
	}
}

// The same server gets early data from a client without assay, so that the test
// above proves something.
func TestEarlyWithoutAssay(t *testing.T) {
	root := forge.NewRoot("QUIC Root", nil)
	key := forge.P256()
	leaf := root.Issue(forge.Cert{Key: key, Extensions: root.ServerExts(key, forge.DNS("localhost"))})
	s := serve(t, leaf.TLS())
	sessions := &cache{ClientSessionCache: tls.NewLRUClientSessionCache(8)}
	conf := &tls.Config{ServerName: "localhost", RootCAs: pool(t, root), ClientSessionCache: sessions}
	for range 2 {
		if err := get(t, s.addr, conf, sessions); err != nil {
			t.Fatal(err)
		}
	}
	if s.early.Load() == 0 {
		t.Error("no request came in early data")
	}
}

// pool is root for crypto/tls.
func pool(t *testing.T, root *forge.CA) *x509.CertPool {
	t.Helper()
	c, err := x509.ParseCertificate(root.Raw)
	if err != nil {
		t.Fatal(err)
	}
	p := x509.NewCertPool()
	p.AddCert(c)
	return p
}

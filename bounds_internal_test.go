package assay

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/assaytls/assay/evidence"
)

// Background refreshes are bounded, made once for a leaf, and not begun after
// Close.
func TestRefreshIsBounded(t *testing.T) {
	v, err := New(Config{Roots: nil, Network: Background})
	if err != nil {
		t.Fatal(err)
	}
	ev := &evidence.Evidence{Version: evidence.Version}
	refresh := func(leaf byte) int {
		v.refreshBeside(ev, [][][]byte{{{leaf}}}, dialled{}, &v.policy)
		v.mu.Lock()
		defer v.mu.Unlock()
		return len(v.beside)
	}
	v.mu.Lock()
	for i := range maxBeside {
		v.beside[[32]byte{byte(i), 1}] = true
	}
	v.mu.Unlock()
	if n := refresh(1); n != maxBeside {
		t.Errorf("%d refreshes under way", n)
	}
	v.mu.Lock()
	clear(v.beside)
	v.mu.Unlock()
	v.Close()
	if n := refresh(2); n != 0 {
		t.Error("a refresh begun after Close")
	}
}

// A session's stamp replaces older ones and leaves what the application keeps.
func TestPutReplacesStamps(t *testing.T) {
	s := httptest.NewUnstartedServer(nil)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	plain := tls.NewLRUClientSessionCache(4)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	c, err := tls.Dial("tcp", s.Listener.Addr().String(), &tls.Config{RootCAs: roots, ServerName: "example.com", MaxVersion: tls.VersionTLS12, ClientSessionCache: plain})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	session, ok := plain.Get("example.com")
	if !ok {
		t.Fatal("no session")
	}
	_, state, err := session.ResumptionState()
	if err != nil {
		t.Fatal(err)
	}
	cache := newSessionCache(tls.NewLRUClientSessionCache(4), [32]byte{1})
	state.Extra = [][]byte{cache.stamp(time.Now()), []byte("mine")}
	cache.Put("example.com", session)
	if _, ok := cache.Get("example.com"); ok {
		t.Error("a session without a judgement was kept")
	}
	cache.judged("example.com", time.Now().Add(time.Hour))
	cache.Put("example.com", session)
	got, ok := cache.Get("example.com")
	if !ok {
		t.Fatal("the session was not kept")
	}
	if _, state, _ = got.ResumptionState(); len(state.Extra) != 2 || string(state.Extra[0]) != "mine" {
		t.Errorf("%q", state.Extra)
	}
	cache.Put("example.com", nil)
	if _, ok := cache.Get("example.com"); ok {
		t.Error("a session that was dropped is there")
	}
}

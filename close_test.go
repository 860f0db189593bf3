package assay_test

import (
	"crypto/tls"
	"testing"
	"time"

	"github.com/assaytls/assay"
)

// Close ends a handshake that waits for a download, and the later ones are
// refused.
func TestCloseEndsHandshakes(t *testing.T) {
	w := newWorld(t)
	stall := make(chan struct{})
	defer close(stall)
	w.set(func() { w.stall = stall })
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{w.server().TLS()}})
	v, err := assay.New(w.config(assay.Config{Network: assay.Inline, Unknown: assay.UnknownDeny, FetchBudget: time.Hour, CloseGrace: 10 * time.Millisecond}))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := v.Dial("tcp", addr)
		done <- err
	}()
	for end := time.Now().Add(20 * time.Second); w.hits.Load() == 0 && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
	}
	v.Close()
	select {
	case err := <-done:
		if err == nil {
			t.Error("the handshake passed")
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the handshake goes on")
	}
	if _, err := v.Dial("tcp", addr); err == nil {
		t.Error("a handshake after Close passed")
	}
}

// Roots in both configs are refused for servers too.
func TestServerRootsTwice(t *testing.T) {
	w := newWorld(t)
	v := newVerifier(t, w.config(assay.Config{}))
	if _, err := v.ServerConfig(&tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: w.pool(t)}); err == nil {
		t.Error("accepted")
	}
}

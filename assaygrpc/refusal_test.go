package assaygrpc_test

import (
	"crypto/tls"
	"errors"
	"net"
	"testing"

	"github.com/assaytls/assay/assaygrpc"
	"github.com/assaytls/assay/finding"
)

// The refusal is the last handshake's: a connection that broke has none.
func TestRefusalIsTheLast(t *testing.T) {
	p := newPKI(t)
	v := verifier(t, p)
	c, err := assaygrpc.NewClient(v, nil)
	if err != nil {
		t.Fatal(err)
	}
	addr := serve(t, v, &tls.Config{Certificates: []tls.Certificate{p.badServer.TLS()}, ClientAuth: tls.VerifyClientCertIfGiven})
	if err := call(t, c, addr); err == nil || !errors.Is(c.Refusal(), finding.CertRevoked) {
		t.Fatalf("error %v, refusal %v", err, c.Refusal())
	}
	here, there := net.Pipe()
	there.Close()
	if _, _, err := c.ClientHandshake(t.Context(), "localhost:1", here); err == nil || c.Refusal() != nil {
		t.Errorf("error %v, refusal %v", err, c.Refusal())
	}
}

// Of several addresses each keeps its own refusal, whatever becomes of the others
// afterwards.
func TestRefusalsByAddress(t *testing.T) {
	p := newPKI(t)
	v := verifier(t, p)
	c, err := assaygrpc.NewClient(v, nil)
	if err != nil {
		t.Fatal(err)
	}
	conf := func(pair tls.Certificate) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.VerifyClientCertIfGiven}
	}
	bad, good := serve(t, v, conf(p.badServer.TLS())), serve(t, v, conf(p.goodServer.TLS()))
	if err := call(t, c, bad); err == nil {
		t.Fatal("accepted")
	}
	if err := call(t, c, good); err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(bad)
	if err != nil {
		t.Fatal(err)
	}
	bad = net.JoinHostPort("127.0.0.1", port)
	clone := c.Clone().(*assaygrpc.Client)
	if got := clone.Refusals(); c.Refusal() != nil || len(got) != 1 || !errors.Is(got[bad], finding.CertRevoked) {
		t.Errorf("the last refusal is %v, all are %v", c.Refusal(), got)
	}
}

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

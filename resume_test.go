package assay_test

import (
	"crypto/tls"
	"errors"
	"testing"
	"time"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/finding"
)

// Resumed connections are judged again: a session lasts as long as the
// judgement behind it, then a full handshake is made, without a failure in
// between; a certificate revoked meanwhile is refused.
func TestResumption(t *testing.T) {
	for name, version := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.set(func() { w.life = 3 * time.Second })
			leaf := w.server()
			addr := serve(t, &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}, MaxVersion: version})
			v := newVerifier(t, w.config(assay.Config{Network: assay.Inline}))
			conf, err := v.ClientConfig(&tls.Config{ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(8)})
			if err != nil {
				t.Fatal(err)
			}
			begin := time.Now()
			for i := range 4 {
				cs, err := talk(addr, conf)
				if err != nil {
					t.Fatalf("connection %d: %v", i, err)
				}
				if cs.DidResume != (i > 0) && time.Since(begin) < 2*time.Second {
					t.Errorf("connection %d: resumed %v", i, cs.DidResume)
				}
			}
			time.Sleep(time.Until(begin.Add(3100 * time.Millisecond)))
			for i := range 2 {
				if cs, err := talk(addr, conf); err != nil || i == 0 && cs.DidResume {
					t.Errorf("connection %d after the judgement's end: resumed %v, error %v", i, cs.DidResume, err)
				}
			}
			w.revoke(leaf)
			time.Sleep(time.Until(begin.Add(6500 * time.Millisecond)))
			for i := range 2 {
				if cs, err := talk(addr, conf); !errors.Is(err, finding.CertRevoked) {
					t.Errorf("connection %d after the revocation: resumed %v, error %v", i, cs.DidResume, err)
				}
			}
		})
	}
}

package assay_test

import (
	"crypto/tls"
	"errors"
	"testing"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/internal/lab/forge"
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

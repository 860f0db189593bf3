package assay_test

import (
	"crypto/tls"
	"testing"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/internal/lab/forge"
)

// anyName is a session cache that gives the last session to whatever name.
type anyName struct{ session *tls.ClientSessionState }

func (a *anyName) Get(string) (*tls.ClientSessionState, bool)    { return a.session, a.session != nil }
func (a *anyName) Put(_ string, session *tls.ClientSessionState) { a.session = session }

// A server may take no client certificate under some names, when it says so: under
// the others clients are judged as ever, and a session of the one is worth nothing
// under the other. A config that was changed afterwards is no such word.
func TestWithoutClientCert(t *testing.T) {
	w := newWorld(t)
	key := forge.P256()
	srv := w.root.Issue(forge.Cert{Key: key, Extensions: w.root.ServerExts(key, forge.DNS("public.test"), forge.DNS("admin.test"), forge.DNS("changed.test"), forge.DNS("mistake.test"))})
	good, bad := w.client(), w.client()
	w.revoke(bad)
	base := &tls.Config{Certificates: []tls.Certificate{srv.TLS()}, ClientAuth: tls.RequireAndVerifyClientCert}
	called := 0
	own := base.Clone()
	own.VerifyConnection = func(tls.ConnectionState) error { called++; return nil }
	public := assay.WithoutClientCert(own)
	changed := public.Clone()
	changed.ClientAuth = tls.RequireAnyClientCert
	lax := base.Clone()
	lax.ClientAuth = tls.NoClientCert
	base.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		switch hello.ServerName {
		case "public.test":
			return public, nil
		case "changed.test":
			return changed, nil
		case "mistake.test":
			return lax, nil
		}
		return nil, nil
	}
	v := newVerifier(t, w.config(assay.Config{Network: assay.Inline}))
	conf, err := v.ServerConfig(base)
	if err != nil {
		t.Fatal(err)
	}
	addr := serve(t, conf)
	sessions := &anyName{}
	for _, c := range []struct {
		what, name string
		cert       *forge.CA
		ok         bool
	}{
		{"no certificate where none is asked for", "public.test", nil, true},
		{"a revoked one where none is asked for", "public.test", bad, true},
		{"none, in a session of the other name", "admin.test", nil, false},
		{"a good one", "admin.test", good, true},
		{"none where none is asked for, in a session with one", "public.test", nil, true},
		{"a revoked one", "admin.test", bad, false},
		{"none", "admin.test", nil, false},
		{"a revoked one under a config that was changed", "changed.test", bad, false},
		{"a good one under a config that was changed", "changed.test", good, false},
		{"none under a config that was not meant so", "mistake.test", nil, false},
	} {
		cc := &tls.Config{RootCAs: w.pool(t), ServerName: c.name, ClientSessionCache: sessions}
		if c.cert != nil {
			cc.Certificates = []tls.Certificate{c.cert.TLS()}
		}
		if _, err := talk(addr, cc); (err == nil) != c.ok {
			t.Errorf("%s: error %v, want passing %v", c.what, err, c.ok)
		}
	}
	if called == 0 {
		t.Error("the application's VerifyConnection was not called")
	}
	if _, err := v.ServerConfig(assay.WithoutClientCert(base)); err == nil {
		t.Error("a server that verifies nobody passes")
	}
	if c := assay.WithoutClientCert(nil); c.ClientAuth != tls.NoClientCert {
		t.Error(c.ClientAuth)
	}
}

package assay_test

import (
	"context"
	"crypto/tls"
	"testing"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// A hook sees the connection at hand, though the judgement is remembered from
// another one.
func TestHookSeesThisConnection(t *testing.T) {
	w := newWorld(t)
	var seen report.Connection
	c := w.config(assay.Config{Network: assay.Inline})
	c.Verify = func(_ context.Context, ev *evidence.Evidence, r *report.Report) ([]finding.Finding, error) {
		if seen = *r.Connection; seen.ALPN != ev.Connection.ALPN || seen.Resumed != ev.Connection.Resumed || seen.Addr != ev.Connection.Addr {
			t.Errorf("report %+v, evidence %+v", seen, ev.Connection)
		}
		return nil, nil
	}
	v := newVerifier(t, c)
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{w.server().TLS()}, NextProtos: []string{"one", "two"}})
	cache := tls.NewLRUClientSessionCache(4)
	for i, proto := range []string{"one", "two", "two"} {
		conf, err := v.ClientConfig(&tls.Config{ServerName: "localhost", NextProtos: []string{proto}, ClientSessionCache: cache})
		if err != nil {
			t.Fatal(err)
		}
		cs, err := talk(addr, conf)
		if err != nil {
			t.Fatal(err)
		}
		if seen.ALPN != proto || seen.Resumed != cs.DidResume {
			t.Errorf("connection %d: the hook saw %+v, resumed %v", i, seen, cs.DidResume)
		}
	}
}

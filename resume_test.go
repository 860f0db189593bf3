package assay_test

import (
	"context"
	"crypto/tls"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
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
			// Until the judgement ends sessions are resumed; then nothing passes any more.
			refused := 0
			until(t, "the revocation is learnt", func() bool {
				cs, err := talk(addr, conf)
				if err != nil && !errors.Is(err, finding.CertRevoked) || err == nil && refused > 0 {
					t.Errorf("resumed %v, error %v", cs.DidResume, err)
				}
				if err != nil {
					refused++
				}
				return refused == 3
			})
		})
	}
}

// The hook is called on resumption too, and is told.
func TestHookOnResumption(t *testing.T) {
	w := newWorld(t)
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{w.server().TLS()}})
	var resumed []bool
	v := newVerifier(t, w.config(assay.Config{Network: assay.Inline, Verify: func(_ context.Context, ev *evidence.Evidence, r *report.Report) ([]finding.Finding, error) {
		if resumed = append(resumed, ev.Connection.Resumed); len(resumed) == 3 {
			return nil, errors.New("enough")
		}
		return nil, nil
	}}))
	conf, err := v.ClientConfig(&tls.Config{ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(4)})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if _, err := talk(addr, conf); (err == nil) != (i < 2) {
			t.Errorf("connection %d: error %v", i, err)
		}
	}
	if want := []bool{false, true, true}; !slices.Equal(resumed, want) {
		t.Errorf("resumed %v, want %v", resumed, want)
	}
}

// A session that crypto/tls alone left in the cache has no stamp: a full
// handshake is made instead, and succeeds.
func TestForeignSession(t *testing.T) {
	w := newWorld(t)
	good, bad := w.server(), w.server()
	w.revoke(bad)
	for name, leaf := range map[string]*forge.CA{"good": good, "revoked": bad} {
		addr := serve(t, &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}})
		cache := tls.NewLRUClientSessionCache(4)
		plain := &tls.Config{RootCAs: w.pool(t), ServerName: "localhost", ClientSessionCache: cache}
		for i := range 2 {
			if cs, err := talk(addr, plain); err != nil || cs.DidResume != (i > 0) {
				t.Fatalf("crypto/tls alone, connection %d: resumed %v, error %v", i, cs.DidResume, err)
			}
		}
		conf, err := newVerifier(t, w.config(assay.Config{Network: assay.Inline})).ClientConfig(&tls.Config{ServerName: "localhost", ClientSessionCache: cache})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			cs, err := talk(addr, conf)
			if name == "good" && (err != nil || cs.DidResume != (i > 0)) || name == "revoked" && !errors.Is(err, finding.CertRevoked) {
				t.Errorf("%s, connection %d: resumed %v, error %v", name, i, cs.DidResume, err)
			}
		}
	}
}

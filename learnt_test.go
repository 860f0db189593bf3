package assay_test

import (
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
)

// stapling serves leaf with a staple that says that it is revoked, or without one.
func stapling(t *testing.T, w *world, leaf *forge.CA, revoked bool) (addr string) {
	pair := leaf.TLS()
	if revoked {
		pair.OCSPStaple = forge.OCSP{Singles: []forge.Single{w.root.RevokedSingle(leaf.Serial, forge.KeyCompromise)}}.Sign(w.root)
	}
	return serve(t, &tls.Config{Certificates: []tls.Certificate{pair}})
}

// What one connection's staple told refuses the next one that brings none, in the
// zero Config too, and in another process that shares the directory.
func TestRevokedStapleIsRemembered(t *testing.T) {
	w := newWorld(t)
	leaf := w.server()
	bad, mute := stapling(t, w, leaf, true), stapling(t, w, leaf, false)
	dir := t.TempDir()
	v := newVerifier(t, w.config(assay.Config{CacheDir: dir}))
	conf, err := v.ClientConfig(&tls.Config{ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := talk(mute, conf); err != nil {
		t.Fatal("before it was learnt:", err)
	}
	if _, err := talk(bad, conf); !errors.Is(err, finding.CertRevoked) {
		t.Fatal(err)
	}
	other := newVerifier(t, w.config(assay.Config{CacheDir: dir, Network: assay.Offline}))
	for name, v := range map[string]*assay.Verifier{"the same": v, "another": other} {
		conf, err := v.ClientConfig(&tls.Config{ServerName: "localhost"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := talk(mute, conf); !errors.Is(err, finding.CertRevoked) {
			t.Errorf("%s: %v", name, err)
		}
		host, port, _ := net.SplitHostPort(mute)
		r, err := v.Check(t.Context(), assay.Target{Host: host, Port: port})
		if err != nil || r.Headline == nil || r.Headline.Finding.ID != finding.CertRevoked {
			t.Errorf("%s, Check: %+v, %v", name, r.Headline, err)
		}
	}
	// A person lifts it, for both.
	if n, err := other.Forget(v.Learnt()[0].Cert.String()); n != 1 || err != nil {
		t.Errorf("forgot %d, %v", n, err)
	}
	if len(v.Learnt()) != 0 || len(other.Learnt()) != 0 {
		t.Error("it is still remembered")
	}
	if _, err := talk(mute, conf); err != nil {
		t.Error("after it was lifted:", err)
	}
	if _, err := other.Forget("nobody's"); err == nil {
		t.Error("what is no number was forgotten")
	}
}

// Acceptances that are remembered, in the memo and in sessions, do not outlive a
// revocation that is learnt by another connection; those of others do.
func TestRememberedAcceptanceEnds(t *testing.T) {
	for name, version := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
		w := newWorld(t)
		leaf, innocent := w.server(), w.server()
		bad, mute, other := stapling(t, w, leaf, true), stapling(t, w, leaf, false), stapling(t, w, innocent, false)
		v := newVerifier(t, w.config(assay.Config{Network: assay.Inline}))
		conf := func() *tls.Config {
			c, err := v.ClientConfig(&tls.Config{ServerName: "localhost", MaxVersion: version, ClientSessionCache: tls.NewLRUClientSessionCache(8)})
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		resuming, others := conf(), conf()
		for i := range 3 {
			cs, err := talk(mute, resuming)
			if err != nil || cs.DidResume != (i > 0) {
				t.Fatalf("%s: resumed %v, %v", name, cs.DidResume, err)
			}
			if _, err := talk(other, others); err != nil {
				t.Fatal(err)
			}
		}
		before := assay.Remembered(v)
		if _, err := talk(bad, conf()); !errors.Is(err, finding.CertRevoked) {
			t.Fatal(name, err)
		}
		for what, c := range map[string]*tls.Config{"a session": resuming, "the memo": conf()} {
			if cs, err := talk(mute, c); !errors.Is(err, finding.CertRevoked) || cs.DidResume {
				t.Errorf("%s, %s: resumed %v, %v", name, what, cs.DidResume, err)
			}
		}
		if cs, err := talk(other, others); err != nil || !cs.DidResume {
			t.Errorf("%s, another server: resumed %v, %v", name, cs.DidResume, err)
		}
		if n := assay.Remembered(v); n < before {
			t.Errorf("%s: of %d judgements %d are remembered", name, before, n)
		}
	}
}

// A judgement that waits for a slow list while another learns the revocation
// neither accepts nor is remembered.
func TestOvertakenAcceptance(t *testing.T) {
	w := newWorld(t)
	leaf := w.server()
	bad, mute := stapling(t, w, leaf, true), stapling(t, w, leaf, false)
	stall := make(chan struct{})
	w.set(func() { w.stall = stall })
	v := newVerifier(t, w.config(assay.Config{Network: assay.Inline}))
	conf, err := v.ClientConfig(&tls.Config{ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	waiting := make(chan error)
	go func() { _, err := talk(mute, conf); waiting <- err }()
	until(t, "the list is asked for", func() bool { return w.hits.Load() > 0 })
	stapleOnly := v.Policy()
	stapleOnly.Schemes = 0
	learner, err := v.With(stapleOnly)
	if err != nil {
		t.Fatal(err)
	}
	lconf, err := learner.ClientConfig(&tls.Config{ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	learnt := make(chan error)
	go func() { _, err := talk(bad, lconf); learnt <- err }()
	until(t, "the revocation is learnt", func() bool { return len(v.Learnt()) > 0 })
	close(stall)
	if err := <-learnt; !errors.Is(err, finding.CertRevoked) {
		t.Error(err)
	}
	if err := <-waiting; !errors.Is(err, finding.CertRevoked) {
		t.Errorf("the one that waited: %v", err)
	}
	if n := assay.Remembered(v); n != 0 {
		t.Errorf("%d acceptances are remembered", n)
	}
	if _, err := talk(mute, conf); !errors.Is(err, finding.CertRevoked) {
		t.Error(err)
	}
}

// However handshakes and the learning of a revocation interleave, none that
// begins after it was learnt passes.
func TestNoneAfterItWasLearnt(t *testing.T) {
	w := newWorld(t)
	rounds := 20
	if testing.Short() {
		rounds = 4
	}
	v := newVerifier(t, w.config(assay.Config{Network: assay.Inline}))
	for range rounds {
		leaf := w.server()
		bad, mute := stapling(t, w, leaf, true), stapling(t, w, leaf, false)
		conf, err := v.ClientConfig(&tls.Config{ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(4)})
		if err != nil {
			t.Fatal(err)
		}
		var known atomic.Bool
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for after := 0; after < 3; {
					was := known.Load()
					_, err := talk(mute, conf)
					if err != nil && !errors.Is(err, finding.CertRevoked) || err == nil && was {
						t.Errorf("known %v: %v", was, err)
						return
					}
					if was {
						after++
					}
				}
			})
		}
		if _, err := talk(bad, conf); !errors.Is(err, finding.CertRevoked) {
			t.Error(err)
		}
		known.Store(true)
		wg.Wait()
	}
}

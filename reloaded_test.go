package assay_test

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

// watchedWorld is two CAs with a server each, and a file of anchors.
type watchedWorld struct {
	a, b         *world
	addrA, addrB string
	path         string
	log          *syncBuffer
	v            *assay.Verifier
	told         chan *report.Report
}

func newWatchedWorld(t *testing.T) *watchedWorld {
	w := &watchedWorld{a: newWorld(t), b: newWorld(t), path: filepath.Join(t.TempDir(), "anchors.pem"), log: &syncBuffer{}, told: make(chan *report.Report, 10)}
	w.b.root = forge.NewRoot("Next Root", nil)
	w.addrA = serveEcho(t, &tls.Config{Certificates: []tls.Certificate{w.a.server().TLS()}})
	w.addrB = serveEcho(t, &tls.Config{Certificates: []tls.Certificate{w.b.server().TLS()}})
	w.put(t, pemOf("CERTIFICATE", w.a.root.Raw))
	w.v = newVerifier(t, assay.Config{Anchors: assay.Anchors{Files: []string{w.path}, Watch: true}, PrivateFetch: true,
		Logger: slog.New(slog.NewTextHandler(w.log, nil)), OnRevoked: func(_ context.Context, r *report.Report) { w.told <- r }})
	return w
}

func (w *watchedWorld) put(t *testing.T, b []byte) {
	t.Helper()
	if err := os.WriteFile(w.path+".new", b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(w.path+".new", w.path); err != nil {
		t.Fatal(err)
	}
}

func (w *watchedWorld) dial(t *testing.T, addr string) (*tls.Conn, error) {
	t.Helper()
	c, err := w.v.DialContext(t.Context(), "tcp", addr, &tls.Config{ServerName: "localhost"})
	if err == nil {
		t.Cleanup(func() { c.Close() })
		err = echo(c)
	}
	return c, err
}

// Anchors that are replaced count without a restart: what was added is trusted, what
// was withdrawn is not, in configs, sessions and connections of before either.
func TestAnchorsWatched(t *testing.T) {
	w := newWatchedWorld(t)
	sessions := tls.NewLRUClientSessionCache(10)
	old, err := w.v.ClientConfig(&tls.Config{ServerName: "localhost", ClientSessionCache: sessions})
	if err != nil {
		t.Fatal(err)
	}
	ask := func() error {
		c, err := tls.Dial("tcp", w.addrA, old)
		if err != nil {
			return err
		}
		defer c.Close()
		return echo(c)
	}
	for range 2 { // the second leaves a session of a judgement that holds
		if err := ask(); err != nil {
			t.Fatal(err)
		}
	}
	open, err := w.dial(t, w.addrA)
	if err != nil {
		t.Fatal(err)
	}
	with, err := w.v.With(w.v.Policy())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.dial(t, w.addrB); err == nil {
		t.Fatal("an unknown CA passes")
	}
	both := slices.Concat(pemOf("CERTIFICATE", w.a.root.Raw), pemOf("CERTIFICATE", w.b.root.Raw))
	w.put(t, both)
	eventually(t, "the added anchor is trusted", func() bool { _, err := w.dial(t, w.addrB); return err == nil })
	if err := echo(open); err != nil {
		t.Errorf("a connection whose anchor stays: %v", err)
	}
	if err := ask(); err != nil {
		t.Errorf("a config of before whose anchor stays: %v", err)
	}
	w.put(t, pemOf("CERTIFICATE", w.b.root.Raw))
	eventually(t, "the connection under the withdrawn anchor has ended", func() bool { return echo(open) != nil })
	if _, err := w.dial(t, w.addrA); err == nil {
		t.Error("the withdrawn anchor is trusted")
	}
	for range 2 {
		if err := ask(); err == nil {
			t.Error("the withdrawn anchor is trusted by a config of before")
		}
	}
	if c, err := with.DialContext(t.Context(), "tcp", w.addrA, &tls.Config{ServerName: "localhost"}); err == nil {
		c.Close()
		t.Error("the withdrawn anchor is trusted by With")
	}
	if _, err := w.dial(t, w.addrB); err != nil {
		t.Errorf("the anchor that stays: %v", err)
	}
	select {
	case <-w.told:
	case <-time.After(5 * time.Second):
		t.Error("OnRevoked was not told")
	}
	w.put(t, both)
	eventually(t, "the anchor is trusted again", func() bool { _, err := w.dial(t, w.addrA); return err == nil })
}

// A file that cannot be read, or is cut while it is replaced, changes nothing.
func TestAnchorsWatchedBad(t *testing.T) {
	for name, bad := range map[string]func(b []byte) []byte{
		"missing": nil,
		"empty":   func([]byte) []byte { return nil },
		"cut":     func(b []byte) []byte { return b[:len(b)/2] },
		"html":    func([]byte) []byte { return []byte("<html>") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWatchedWorld(t)
			open, err := w.dial(t, w.addrA)
			if err != nil {
				t.Fatal(err)
			}
			good, err := os.ReadFile(w.path)
			if err != nil {
				t.Fatal(err)
			}
			if bad == nil {
				os.Remove(w.path)
			} else {
				w.put(t, bad(good))
			}
			eventually(t, "the log says so", func() bool { return strings.Contains(w.log.String(), "the trust anchors were not replaced") })
			time.Sleep(1500 * time.Millisecond)
			if n := strings.Count(w.log.String(), "were not replaced"); n != 1 {
				t.Errorf("the log says so %d times", n)
			}
			if err := echo(open); err != nil {
				t.Errorf("the open connection: %v", err)
			}
			if _, err := w.dial(t, w.addrA); err != nil {
				t.Errorf("a new one: %v", err)
			}
		})
	}
	for what, c := range map[string]assay.Config{
		"no files": {Anchors: assay.Anchors{System: true, Watch: true}},
		"nothing":  {Anchors: assay.Anchors{Watch: true}},
	} {
		if v, err := assay.New(c); err == nil {
			v.Close()
			t.Errorf("%s: Watch passes", what)
		}
	}
	w := newWorld(t)
	if _, err := newVerifier(t, w.config(assay.Config{})).WithAnchors(assay.Anchors{PEM: pemOf("CERTIFICATE", w.root.Raw), Watch: true}); err == nil {
		t.Error("WithAnchors watches")
	}
}

// A bundle that is cut between two certificates, as one that is being written may be,
// is no new set of anchors until it has come to rest.
func TestAnchorsWatchedWhileWritten(t *testing.T) {
	t.Parallel()
	w := newWatchedWorld(t)
	first, both := pemOf("CERTIFICATE", w.b.root.Raw), slices.Concat(pemOf("CERTIFICATE", w.b.root.Raw), pemOf("CERTIFICATE", w.a.root.Raw))
	w.put(t, both)
	open, err := w.dial(t, w.addrA)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond) // so that looks do
	for range 2 {
		w.put(t, first)
		time.Sleep(850 * time.Millisecond) // a look may fall into it, two do not
		w.put(t, both)
		time.Sleep(2200 * time.Millisecond)
	}
	if err := echo(open); err != nil {
		t.Errorf("the connection was ended: %v", err)
	}
}

// A server under net/http trusts what was added when its GetConfigForClient returns
// the base.
func TestAnchorsWatchedServer(t *testing.T) {
	w := newWatchedWorld(t)
	base := &tls.Config{Certificates: []tls.Certificate{w.a.server().TLS()}, ClientAuth: tls.RequireAndVerifyClientCert, NextProtos: []string{"h2", "http/1.1"}}
	outer := base.Clone()
	outer.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return base, nil }
	conf, err := w.v.ServerConfig(outer)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", conf)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{ErrorLog: quietLog(), Handler: http.NotFoundHandler()}
	go s.Serve(l)
	defer s.Close()
	get := func(client *forge.CA) error {
		tr := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: w.a.pool(t), ServerName: "localhost", Certificates: []tls.Certificate{client.TLS()}}}
		resp, err := (&http.Client{Transport: tr, Timeout: time.Minute}).Get("https://" + l.Addr().String())
		if err == nil {
			resp.Body.Close()
		}
		return err
	}
	a, b := w.a.client(), w.b.client()
	if err := get(a); err != nil {
		t.Fatal(err)
	}
	if err := get(b); err == nil {
		t.Fatal("a client of an unknown CA passes")
	}
	w.put(t, pemOf("CERTIFICATE", w.b.root.Raw))
	eventually(t, "the added anchor is trusted", func() bool { return get(b) == nil })
	if err := get(a); err == nil {
		t.Error("a client of the withdrawn CA passes")
	}
}

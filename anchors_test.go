package assay_test

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
)

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// Anchors come as PEM, from files and directories, alone and together, and beside
// the system's; crypto/tls and assay trust the same.
func TestAnchors(t *testing.T) {
	w, other := newWorld(t), forge.NewRoot("Another Root", nil)
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	mine, foreign := pemOf("CERTIFICATE", w.root.Raw), pemOf("CERTIFICATE", other.Raw)
	broken := bytes.Clone(w.root.Raw)
	broken[len(broken)/2] ^= 0xff
	system := write("system.pem", foreign)
	t.Setenv("SSL_CERT_FILE", system)
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{w.server().TLS()}})
	dial := func(v *assay.Verifier) error {
		c, err := v.DialContext(t.Context(), "tcp", addr, &tls.Config{ServerName: "localhost"})
		if err == nil {
			c.Close()
		}
		return err
	}
	for what, c := range map[string]struct {
		anchors assay.Anchors
		trusted bool
	}{
		"PEM":                   {assay.Anchors{PEM: append(pemOf("PRIVATE KEY", []byte("x")), mine...)}, true},
		"a file":                {assay.Anchors{Files: []string{write("mine.pem", mine)}}, true},
		"a DER file":            {assay.Anchors{Files: []string{write("mine.der", w.root.Raw)}}, true},
		"a directory":           {assay.Anchors{Dirs: []string{filepath.Dir(write("dir/mine.pem", mine))}}, true},
		"another":               {assay.Anchors{PEM: foreign}, false},
		"the system's":          {assay.Anchors{System: true}, false},
		"the system's and mine": {assay.Anchors{System: true, PEM: mine}, true},
	} {
		v := newVerifier(t, assay.Config{Anchors: c.anchors, PrivateFetch: true})
		if err := dial(v); (err == nil) != c.trusted {
			t.Errorf("%s: %v", what, err)
		} else if err != nil && !errors.Is(err, finding.IssuerNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, c := range map[string]assay.Config{
		"in two places":     {Roots: [][]byte{w.root.Raw}, Anchors: assay.Anchors{PEM: mine}},
		"no PEM":            {Anchors: assay.Anchors{PEM: []byte("none")}},
		"broken PEM":        {Anchors: assay.Anchors{PEM: append(bytes.Clone(mine), pemOf("CERTIFICATE", broken[:40])...)}},
		"no file":           {Anchors: assay.Anchors{Files: []string{filepath.Join(dir, "none")}}},
		"an empty file":     {Anchors: assay.Anchors{System: true, Files: []string{write("empty.pem", nil)}}},
		"an empty list":     {Anchors: assay.Anchors{PEM: []byte{}}},
		"PEM as Roots":      {Roots: [][]byte{mine}},
		"Internal(nil)":     assay.Internal(nil),
		"Internal of empty": assay.Internal([][]byte{}),
	} {
		if v, err := assay.New(c); err == nil {
			v.Close()
			t.Errorf("%s is taken", what)
		}
	}
	own := assay.Internal(nil) // the profile, with anchors from elsewhere
	own.Anchors.PEM = mine
	if err := dial(newVerifier(t, own)); err != nil {
		t.Error(err)
	}

	// What crypto/x509 cannot read is not trusted, said so, and spoils no bundle.
	var log strings.Builder
	odd := write("odd.pem", append(pemOf("CERTIFICATE", broken), mine...))
	v := newVerifier(t, assay.Config{Anchors: assay.Anchors{Files: []string{odd}}, PrivateFetch: true, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if !strings.Contains(log.String(), "is not trusted") {
		t.Errorf("the log says %q", log.String())
	}
	if err := dial(v); err != nil {
		t.Error(err)
	}
}

// Anchors are renewed without a restart: another Verifier over the same caches
// trusts the new ones, nothing that was accepted under the old ones is remembered,
// and what cannot be read changes nothing.
func TestWithAnchors(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{w.server().TLS()}})
	dial := func(v *assay.Verifier) error {
		c, err := v.DialContext(t.Context(), "tcp", addr, &tls.Config{ServerName: "localhost"})
		if err == nil {
			c.Close()
		}
		return err
	}
	v := newVerifier(t, w.config(assay.Config{}))
	if err := dial(v); err != nil {
		t.Fatal(err)
	}
	next, err := v.WithAnchors(assay.Anchors{PEM: pemOf("CERTIFICATE", other.root.Raw)})
	if err != nil {
		t.Fatal(err)
	}
	if dial(next) == nil {
		t.Error("accepted under other anchors")
	}
	if err := dial(v); err != nil {
		t.Errorf("the old Verifier: %v", err)
	}
	again, err := next.WithAnchors(assay.Anchors{PEM: pemOf("CERTIFICATE", w.root.Raw)})
	if err != nil {
		t.Fatal(err)
	}
	hits := w.hits.Load()
	if err := dial(again); err != nil || w.hits.Load() != hits {
		t.Errorf("%v, %d downloads: the caches are not shared", err, w.hits.Load()-hits)
	}
	ruled, err := next.With(next.Policy())
	if err != nil {
		t.Fatal(err)
	}
	if err := dial(ruled); err == nil {
		t.Error("With went back to the old anchors")
	}
	for what, a := range map[string]assay.Anchors{"none": {}, "not there": {Files: []string{filepath.Join(t.TempDir(), "none")}}, "no PEM": {PEM: []byte("x")}} {
		if n, err := v.WithAnchors(a); err == nil || n != nil {
			t.Errorf("%s: taken", what)
		}
	}
	var zero assay.Verifier
	if _, err := zero.WithAnchors(assay.Anchors{System: true}); !errors.Is(err, assay.ErrClosed) {
		t.Error(err)
	}
}

// A TLS session that was made under old anchors is not resumed under others.
func TestWithAnchorsResumption(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{w.server().TLS()}})
	v := newVerifier(t, w.config(assay.Config{}))
	next, err := v.WithAnchors(assay.Anchors{PEM: pemOf("CERTIFICATE", other.root.Raw)})
	if err != nil {
		t.Fatal(err)
	}
	base := &tls.Config{ServerName: "localhost", MaxVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(4)}
	for i, v := range []*assay.Verifier{v, v, next} {
		c, err := v.DialContext(t.Context(), "tcp", addr, base)
		if (err == nil) != (i < 2) {
			t.Fatalf("connection %d: %v", i, err)
		}
		if err == nil {
			if c.ConnectionState().DidResume != (i == 1) {
				t.Errorf("connection %d: resumed %v", i, c.ConnectionState().DidResume)
			}
			c.Close()
		}
	}
}

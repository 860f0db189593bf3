package lab_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"net"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/assaytls/assay/internal/lab"
	"github.com/assaytls/assay/internal/lab/scenarios"
	"github.com/assaytls/assay/internal/tlsclient"
)

// start starts the lab, or a part of it, for the life of the test.
func start(t testing.TB, only ...string) *lab.Lab {
	t.Helper()
	l, err := lab.Start(context.Background(), lab.Options{Only: only})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func TestStarts(t *testing.T) {
	l := start(t)
	if len(l.Scenarios) < 50 {
		t.Errorf("%d scenarios", len(l.Scenarios))
	}
	for _, s := range l.Scenarios {
		if s.Story == "" || s.Want == "" || s.Addr == "" {
			t.Errorf("%s is incomplete: %+v", s.Name, s)
		}
	}
	names := scenarios.Names()
	slices.Sort(names)
	if len(slices.Compact(names)) != len(l.Scenarios) {
		t.Error("names are not unique")
	}
}

func TestCloseStopsEverything(t *testing.T) {
	before := runtime.NumGoroutine()
	l := start(t)
	s, ok := l.Scenario("silent")
	if !ok {
		t.Fatal("no scenario is silent")
	}
	c, err := net.Dial("tcp", s.Addr) // must not keep it open
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	l.Close()
	l.Close()
	for range 100 {
		if runtime.NumGoroutine() <= before+2 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before+2 {
		t.Errorf("%d goroutines before, %d after", before, n)
	}
	if _, err := os.Stat(l.RootFile); err == nil {
		t.Error("the temporary directory is still there")
	}
}

func TestUnknownScenario(t *testing.T) {
	if l, err := lab.Start(t.Context(), lab.Options{Only: []string{"no-such-thing"}}); err == nil {
		l.Close()
		t.Error("an unknown scenario is no error")
	}
}

// Every server says what its scenario promises: the chain, or the failure.
func TestEveryServerServesItsScenario(t *testing.T) {
	l := start(t)
	for _, s := range l.Scenarios {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			ev := tlsclient.Dial(context.Background(), l.Config(s))
			if s.Leaf == nil && ev.Failure == nil {
				t.Fatal("the handshake completed")
			}
			if s.Group == "connection" && ev.Failure != nil && ev.Failure.ID != s.Findings[0] {
				t.Errorf("failure %s, want %s (%s)", ev.Failure.ID, s.Findings[0], ev.Failure.Detail)
			}
			if s.Leaf != nil && (s.Group != "connection" || len(ev.Chain) > 0) {
				if len(ev.Chain) != 1+len(s.Chain) || !bytes.Equal(ev.Chain[0].Cert, s.Leaf) {
					t.Errorf("sent %d certificates, want %d", len(ev.Chain), 1+len(s.Chain))
				}
			}
		})
	}
}

// What the lab calls good is good to crypto/x509 too, and the path scenarios
// that it can detect are bad to it.
func TestStandardLibraryAgrees(t *testing.T) {
	// crypto/x509 does not look at what these are about, or fetches nothing.
	lenient := map[string]string{
		"leaf-key-usage":       "key usage of the leaf is not looked at",
		"missing-intermediate": "no AIA",
		"weak-key":             "the size of the leaf's key is not looked at",
		"ip-range-excluded":    "an excluded range with host bits set is overlooked beside another (golang.org/issue/79833)",

		"critical-must-staple":     "a critical TLS feature extension is unknown",
		"critical-directory-names": "critical constraints on directory names are unknown",
		"equivalent-names":         "names are compared byte for byte",
		"ml-dsa-ca":                "ML-DSA comes with Go 1.27",

		"issuer-weak-key":             "the size of no key is looked at",
		"key-unknown":                 "the leaf's key is not looked at; crypto/tls refuses it",
		"ca-constraints-not-critical": "it is the CA's fault alone, and assay accepts it too",
		"ca-without-key-usage":        "it is the CA's fault alone, and assay accepts it too",
		"path-length-on-leaf":         "it is the CA's fault alone, and assay accepts it too",
		"name-constraints-minimum":    "the bounds of a subtree are not looked at",
		"name-constraints-maximum":    "the bounds of a subtree are not looked at",
		"email-empty":                 "an address that nobody asked for is not looked at",
		"email-null-byte":             "an address that nobody asked for is not looked at",
		"any-eku":                     "any purpose is taken for server authentication too",
		"eku-empty":                   "a list without a purpose is taken for no list",
		"leaf-key-usage-empty":        "key usage of the leaf is not looked at",
	}
	l := start(t, "*")
	roots := x509.NewCertPool()
	for _, r := range l.Roots {
		c, err := x509.ParseCertificate(r)
		if err != nil {
			t.Fatal(err)
		}
		roots.AddCert(c)
	}
	for _, s := range l.Scenarios {
		if s.Leaf == nil || s.NoRoots || s.Group != "good" && s.Group != "path" {
			continue
		}
		err := verify(s, roots)
		if good, odd := s.Group == "good", lenient[s.Name]; (err == nil) != (good != (odd != "")) {
			t.Errorf("%s: crypto/x509 says %v", s.Name, err)
		}
	}
}

func verify(s lab.Scenario, roots *x509.CertPool) error {
	leaf, err := x509.ParseCertificate(s.Leaf)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	for _, raw := range s.Chain {
		c, err := x509.ParseCertificate(raw)
		if err != nil {
			return err
		}
		pool.AddCert(c)
	}
	_, err = leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: pool, DNSName: s.Host})
	return err
}

package assay_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab"
	"github.com/assaytls/assay/report"
)

// labClient returns a client whose connections to the scenario's name lead to
// its server.
func labClient(t *testing.T, l *lab.Lab, name string, c assay.Config) (*http.Client, lab.Scenario) {
	c.PrivateFetch = true // its own dialler goes to loopback, and so do the downloads
	t.Helper()
	s, ok := l.Scenario(name)
	if !ok {
		t.Fatalf("no scenario %s", name)
	}
	c.Roots = l.Roots
	v, err := assay.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	tr := v.Transport()
	tr.Transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, s.Addr)
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 20 * time.Second}, s
}

func startLab(t *testing.T, only ...string) *lab.Lab {
	t.Helper()
	l, err := lab.Start(context.Background(), lab.Options{Only: only, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func get(c *http.Client, s lab.Scenario) error {
	resp, err := c.Get("https://" + s.Target() + "/")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

func TestTransport(t *testing.T) {
	l := startLab(t, "good", "good-staple", "revoked", "revoked-by-crl", "revoked-by-staple", "revoked-intermediate", "must-staple-missing", "expired", "wrong-host", "revoked-intermediate-alternate", "cross-signed")
	for _, c := range []struct {
		name string
		want error // nil: the request passes
	}{
		{"good", nil},
		{"good-staple", nil},
		{"revoked", finding.CertRevoked},
		{"revoked-by-crl", finding.CertRevoked},
		{"revoked-by-staple", finding.CertRevoked},
		{"revoked-intermediate", finding.CertRevoked},
		{"must-staple-missing", finding.MustStapleMissing},
		{"expired", finding.CertExpired},
		{"wrong-host", finding.NameMismatch},
		{"revoked-intermediate-alternate", nil}, // one of crypto/tls's chains is clean
		{"cross-signed", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, s := labClient(t, l, c.name, assay.Config{Network: assay.Inline})
			err := get(client, s)
			switch {
			case c.want == nil && err != nil:
				t.Fatal(err)
			case c.want != nil && !errors.Is(err, c.want):
				t.Fatalf("error %v, want %v", err, c.want)
			}
			var own *assay.Error
			if c.want != nil && (!errors.As(err, &own) || own.Report.Verdict != report.Reject) {
				t.Errorf("%v does not carry a report that rejects", err)
			}
		})
	}
}

// A refusal by the standard library keeps its type.
func TestStandardLibraryErrors(t *testing.T) {
	l := startLab(t, "expired")
	client, s := labClient(t, l, "expired", assay.Config{})
	err := get(client, s)
	var verr *tls.CertificateVerificationError
	if !errors.As(err, &verr) {
		t.Errorf("%v does not wrap a *tls.CertificateVerificationError", err)
	}
}

// What check accepts and crypto/x509 does not, the library refuses too, as
// ARCHITECTURE.md lists it; what crypto/x509 overlooks it refuses itself.
func TestStricterThanCheck(t *testing.T) {
	l := startLab(t, "critical-must-staple", "critical-directory-names", "equivalent-names", "ip-range-excluded")
	for _, s := range l.Scenarios {
		client, _ := labClient(t, l, s.Name, assay.Config{Network: assay.Inline})
		err := get(client, s)
		if s.Want == report.Reject {
			if !errors.Is(err, finding.NameExcluded) {
				t.Errorf("%s: error %v, want %s", s.Name, err, finding.NameExcluded)
			}
			continue
		}
		if o := l.Judge(t.Context(), s); !o.OK {
			t.Errorf("%s: check: %s", s.Name, o.Why)
		}
		var verr *tls.CertificateVerificationError
		if !errors.As(err, &verr) {
			t.Errorf("%s: error %v, want the standard library's refusal", s.Name, err)
		}
	}
}

// In Background mode the first handshake passes with a warning and the answer
// is there for a later one.
func TestBackground(t *testing.T) {
	l := startLab(t, "revoked-by-crl")
	client, s := labClient(t, l, "revoked-by-crl", assay.Config{})
	if err := get(client, s); err != nil {
		t.Fatalf("the first handshake knows nothing yet: %v", err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		client.CloseIdleConnections()
		err := get(client, s)
		if errors.Is(err, finding.CertRevoked) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the revocation was never learnt: %v", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// In Background mode a list that is still good is replaced before it ends,
// beside a handshake that uses it.
func TestBackgroundAhead(t *testing.T) {
	w := newWorld(t)
	w.cacheControl = "no-cache" // it is always time to ask again
	w.age, w.life = 3*time.Hour, time.Minute
	leaf := w.server()
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}})
	v := newVerifier(t, w.config(assay.Config{}))
	conf, err := v.ClientConfig(&tls.Config{ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	reach := func(hits int64) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); w.hits.Load() < hits; time.Sleep(10 * time.Millisecond) {
			if _, err := talk(addr, conf); err != nil {
				t.Fatal(err)
			}
			if time.Now().After(end) {
				t.Fatalf("%d requests, want %d", w.hits.Load(), hits)
			}
		}
	}
	reach(2)
	w.revoke(leaf)
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err = talk(addr, conf); errors.Is(err, finding.CertRevoked) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the revocation was never learnt: %v", err)
		}
	}
}

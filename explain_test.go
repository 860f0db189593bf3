package assay_test

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
)

// With roots in the base config the explanation of a refusal uses them: an
// expired certificate is expired, and nobody says that its issuer is unknown.
func TestRefusalsUnderBaseRoots(t *testing.T) {
	w := newWorld(t)
	issue := func(name string, change func(*forge.Cert)) *forge.CA {
		key := forge.P256()
		c := forge.Cert{Key: key, Extensions: append(w.root.ServerExts(key, forge.DNS(name)), forge.CRLDP(w.crl.URL+"/crl"))}
		change(&c)
		return w.root.Issue(c)
	}
	expired := func(c *forge.Cert) {
		c.NotBefore, c.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
	}
	elsewhere := forge.NewRoot("Elsewhere Root", nil)
	key := forge.P256()
	untrusted := elsewhere.Issue(forge.Cert{Key: key, Extensions: elsewhere.ServerExts(key, forge.DNS("localhost"))})
	v := newVerifier(t, assay.Config{Schemes: policy.Off})
	for _, c := range []struct {
		name string
		leaf *forge.CA
		want finding.ID
		not  []error
	}{
		{"expired", issue("localhost", expired), finding.CertExpired, []error{finding.IssuerNotFound, finding.AnchorsEmpty}},
		{"not yet valid", issue("localhost", func(c *forge.Cert) { c.NotBefore, c.NotAfter = time.Now().Add(time.Hour), time.Now().Add(2*time.Hour) }), finding.CertNotYetValid, []error{finding.IssuerNotFound}},
		{"another name", issue("elsewhere.test", func(*forge.Cert) {}), finding.NameMismatch, []error{finding.IssuerNotFound}},
		{"untrusted", untrusted, finding.IssuerNotFound, []error{finding.AnchorsEmpty, finding.CertExpired}},
	} {
		site := httpServer(t, c.leaf.TLS(), "h2", "localhost")
		addr := site[len("https://") : len(site)-1]
		base := &tls.Config{RootCAs: w.pool(t), ServerName: "localhost"}
		refusals := map[string]error{}
		_, refusals["DialContext"] = v.DialContext(t.Context(), "tcp", addr, base)
		for route, tune := range routes(t) {
			tr := transportFrom(t, v, func(s *http.Transport) { s.TLSClientConfig = base; tune(s) })
			_, _, refusals["Transport, "+route] = fetched(&http.Client{Transport: tr}, site)
		}
		for how, err := range refusals {
			var own *assay.Error
			if !errors.As(err, &own) || own.Report.Headline == nil || own.Report.Headline.Finding.ID != c.want {
				t.Errorf("%s, %s: %v, want %s", c.name, how, err, c.want)
			}
			for _, other := range c.not {
				if errors.Is(err, other) {
					t.Errorf("%s, %s: %v is %v", c.name, how, err, other)
				}
			}
			var refused *tls.CertificateVerificationError
			if !errors.As(err, &refused) {
				t.Errorf("%s, %s: the standard library's error is lost", c.name, how)
			}
		}
		conf, err := v.ClientConfig(base)
		if err != nil {
			t.Fatal(err)
		}
		_, err = talk(addr, conf)
		if r := v.ExplainFor(err, conf); r == nil || r.Headline == nil || r.Headline.Finding.ID != c.want {
			t.Errorf("%s, ExplainFor: %+v", c.name, r)
		}
		if r := v.ExplainFor(err, nil); r == nil {
			t.Errorf("%s, ExplainFor without a config: nothing", c.name)
		}
	}
}

// A refusal that is inconclusive is what refused.
func TestInconclusiveRefusal(t *testing.T) {
	w := newWorld(t)
	w.set(func() { w.age, w.life = 2*time.Hour, -time.Hour })
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{w.server().TLS()}})
	_, err := newVerifier(t, w.config(assay.Config{Network: assay.Inline})).Dial("tcp", addr)
	if !errors.Is(err, finding.CRLStale) || !errors.Is(err, finding.ClassRevocation) || errors.Is(err, finding.CertRevoked) {
		t.Errorf("error %v, want %s", err, finding.CRLStale)
	}
}

// contextual is a log handler that notes what is in the context of a record.
type contextual struct {
	slog.Handler
	mu   sync.Mutex
	seen []any
}

type requestID struct{}

func (*contextual) Enabled(context.Context, slog.Level) bool { return true }
func (h *contextual) Handle(ctx context.Context, _ slog.Record) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seen = append(h.seen, ctx.Value(requestID{}))
	return nil
}

// The Logger gets the context of the dial: a request's, and a server's own.
func TestLoggerGetsTheContext(t *testing.T) {
	w := newWorld(t)
	bad := w.server()
	w.revoke(bad)
	site := httpServer(t, bad.TLS(), "h2", "localhost")
	h := &contextual{}
	v := newVerifier(t, w.config(assay.Config{Network: assay.Inline, Logger: slog.New(h)}))
	ctx := context.WithValue(t.Context(), requestID{}, "r1")
	v.DialContext(ctx, "tcp", site[len("https://"):len(site)-1], nil)
	r, err := http.NewRequestWithContext(ctx, "GET", site, nil)
	if err != nil {
		t.Fatal(err)
	}
	transportFrom(t, v, nil).RoundTrip(r)
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.seen) != 2 || h.seen[0] != "r1" || h.seen[1] != "r1" {
		t.Errorf("the Logger's contexts have %v", h.seen)
	}
}

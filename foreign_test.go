package assay_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/finding"
)

// Where somebody else connected, the peer's address may be a proxy's: it earns
// no downloads from addresses of its class.
func TestForeignConnections(t *testing.T) {
	l := startLab(t, "revoked-by-crl")
	s, _ := l.Scenario("revoked-by-crl")
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, s.Addr)
	}
	headline := func(err error) finding.ID {
		if e := (*assay.Error)(nil); errors.As(err, &e) && e.Report != nil && e.Report.Headline != nil {
			return e.Report.Headline.Finding.ID
		}
		return ""
	}
	for _, private := range []bool{false, true} {
		want := finding.FetchRefusedAddress
		if private {
			want = finding.CertRevoked
		}
		v := newVerifier(t, assay.Config{Roots: l.Roots, Network: assay.Inline, PrivateFetch: private})
		tr := v.Transport()
		tr.Transport.DialContext = dial
		client := &http.Client{Transport: tr, Timeout: 20 * time.Second}
		if err := get(client, s); headline(err) != want {
			t.Errorf("Transport with a dialler of its own, PrivateFetch %v: %v, want %s", private, err, want)
		}
		tr.CloseIdleConnections()
		raw, err := dial(t.Context(), "tcp", "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err = v.Client(t.Context(), raw, &tls.Config{ServerName: s.Host}); headline(err) != want {
			t.Errorf("Client, PrivateFetch %v: %v, want %s", private, err, want)
		}
		raw.Close()
	}
	v := newVerifier(t, assay.Config{Roots: l.Roots, Network: assay.Inline})
	if _, err := v.DialContext(t.Context(), "tcp", s.Addr, &tls.Config{ServerName: s.Host}); headline(err) != finding.CertRevoked {
		t.Errorf("DialContext: %v, want %s", err, finding.CertRevoked)
	}
}

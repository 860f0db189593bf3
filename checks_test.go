package assay_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"strings"
	"testing"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// Addrs stand in for the DNS with the port of a STARTTLS protocol too.
func TestCheckAddrs(t *testing.T) {
	v := newVerifier(t, newWorld(t).config(assay.Config{Network: assay.Offline}))
	for port, target := range map[string]assay.Target{
		"443": {Host: "no.such.host.invalid"}, "5269": {Host: "no.such.host.invalid", StartTLS: "xmpp-server"}, "9": {Host: "no.such.host.invalid", Port: "9"},
	} {
		target.Addrs = []netip.Addr{netip.MustParseAddr("127.77.78.79")}
		r, err := v.Check(t.Context(), target)
		if err != nil {
			t.Fatal(err)
		}
		if r.Connection == nil || len(r.Connection.Attempts) != 1 || r.Connection.Attempts[0].Addr != "127.77.78.79:"+port {
			t.Errorf("%+v: %+v", target, r.Headline)
		}
	}
}

// What a hook hands out stays its own, and a hook that speaks out of turn
// refuses.
func TestHookFindingsAreCopied(t *testing.T) {
	w := newWorld(t)
	shared := make([]finding.Finding, 1, 4)
	shared[0] = finding.Finding{ID: "cert-revoked", Severity: finding.Info}
	c := w.config(assay.Config{Network: assay.Offline})
	c.Verify = func(context.Context, *evidence.Evidence, *report.Report) ([]finding.Finding, error) {
		return shared, nil
	}
	v := newVerifier(t, c)
	r := v.Judge(t.Context(), &evidence.Evidence{Version: evidence.Version, Chain: []evidence.Entry{{Cert: w.server().Raw}}})
	if r.Verdict != report.Reject || r.Findings[len(r.Findings)-1].ID != "x-verify-error" {
		t.Errorf("verdict %s, findings %v", r.Verdict, r.Findings)
	}
	if shared[0].ID != "cert-revoked" || shared[:2][1].ID != "" {
		t.Errorf("the hook's own findings were changed: %v", shared[:2])
	}
}

// An error of the standard library's type that says nothing explains nothing.
func TestExplainWithoutReason(t *testing.T) {
	c, err := x509.ParseCertificate(newWorld(t).root.Raw)
	if err != nil {
		t.Fatal(err)
	}
	if r := assay.Explain(&tls.CertificateVerificationError{UnverifiedCertificates: []*x509.Certificate{c}}, "x.test"); r != nil {
		t.Errorf("%+v", r)
	}
}

// What crypto/tls would refuse is not blamed on the server.
func TestCheckALPN(t *testing.T) {
	v := newVerifier(t, newWorld(t).config(assay.Config{Network: assay.Offline}))
	for _, name := range []string{"", strings.Repeat("a", 256)} {
		if _, err := v.Check(t.Context(), assay.Target{Host: "127.77.78.79", Port: "9", ALPN: []string{name}}); err == nil {
			t.Errorf("%q accepted", name)
		}
	}
}

package assay_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

// Unknown re-grades what cannot be had and nothing else: data that is stale,
// malformed, badly signed or wrongly scoped refuses even under UnknownAllow.
func TestUnknownRegradesOneClass(t *testing.T) {
	names := []string{"crl-unreachable", "ocsp-try-later", "ocsp-down", "ocsp-stale", "ocsp-bad-signature", "ocsp-other-certificate",
		"staple-stale-alone", "crl-truncated", "crl-html", "must-staple-missing", "must-staple-stale", "revoked", "revoked-intermediate", "hostile-http", "many-pointers"}
	l := startLab(t, names...)
	for _, name := range names {
		soft := name == "crl-unreachable" || name == "ocsp-try-later" || name == "ocsp-down" || name == "crl-truncated" // a download cut short is no list
		for _, unknown := range []assay.Unknown{assay.UnknownAllow, assay.UnknownWarn, assay.UnknownDeny} {
			client, s := labClient(t, l, name, assay.Config{Network: assay.Inline, Unknown: unknown, FetchBudget: 2 * time.Second})
			err := get(client, s)
			if want := soft && unknown != assay.UnknownDeny; (err == nil) != want {
				t.Errorf("%s, unknown=%v: error %v, want passing %v", name, unknown, err, want)
			}
			if soft && unknown == assay.UnknownDeny && !errors.Is(err, finding.ClassRevocationUnavailable) {
				t.Errorf("%s: %v is not of class revocation-unavailable", name, err)
			}
		}
	}
}

// Check and Judge hold Config.Unknown too, and fetch or not as they promise.
func TestCheckAndJudge(t *testing.T) {
	l := startLab(t, "good", "revoked", "crl-unreachable")
	for _, c := range []struct {
		name    string
		unknown assay.Unknown
		want    report.Verdict
	}{
		{"good", assay.UnknownWarn, report.Accept},
		{"revoked", assay.UnknownAllow, report.Reject},
		{"crl-unreachable", assay.UnknownWarn, report.Accept},
		{"crl-unreachable", assay.UnknownDeny, report.Reject},
	} {
		var seen *evidence.Evidence
		v := newVerifier(t, assay.Config{Roots: l.Roots, Unknown: c.unknown, Verify: func(_ context.Context, ev *evidence.Evidence, _ *report.Report) ([]finding.Finding, error) {
			seen = ev
			return nil, nil
		}})
		s, _ := l.Scenario(c.name)
		r, err := v.Check(context.Background(), assay.Target{Host: s.Host, Port: s.Port, Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}})
		if err != nil || r.Verdict != c.want {
			t.Errorf("%s, unknown=%v: %v, %v, want %v", c.name, c.unknown, r.Verdict, err, c.want)
		}
		if again := v.Judge(context.Background(), seen); again.Verdict != r.Verdict {
			t.Errorf("%s: judged again: %v, want %v", c.name, again.Verdict, r.Verdict)
		}
	}
	v := newVerifier(t, assay.Config{Roots: l.Roots})
	if _, err := v.Check(context.Background(), assay.Target{}); err == nil {
		t.Error("a target without a host was accepted")
	}
	if r := v.Judge(context.Background(), &evidence.Evidence{Version: evidence.Version}); r.Verdict == report.Accept {
		t.Error("empty evidence was accepted")
	}
}

// A verdict is remembered for what was judged: the use of the key is part.
func TestMemoKnowsTheSuite(t *testing.T) {
	w := newWorld(t)
	key := forge.RSA(2048)
	exts := []forge.Ext{forge.BasicConstraints(false, -1), forge.KeyUsage(forge.DigitalSignature), forge.EKU(forge.ServerAuth),
		forge.SAN(forge.IPRaw(net.IPv4(127, 0, 0, 1).To4())), forge.SKI(key.ID()), forge.AKI(w.root.Key.ID()), forge.CRLDP(w.crl.URL + "/crl")}
	leaf := w.root.Issue(forge.Cert{Key: key, Extensions: exts})
	suites := []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_128_GCM_SHA256}
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}, MaxVersion: tls.VersionTLS12, CipherSuites: suites})
	v := newVerifier(t, w.config(assay.Config{Network: assay.Inline}))
	for i, suite := range suites {
		conf, err := v.ClientConfig(&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := talk(addr, conf); (err == nil) != (i == 0) {
			t.Errorf("suite %s: error %v", tls.CipherSuiteName(suite), err)
		}
	}
}

// In Background mode a list that ends between two handshakes is fetched anew,
// not held against the server.
func TestBackgroundRenews(t *testing.T) {
	w := newWorld(t)
	w.set(func() { w.life = 2 * time.Second })
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{w.server().TLS()}})
	v := newVerifier(t, w.config(assay.Config{Network: assay.Background}))
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		c, err := v.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	if n := w.hits.Load(); n < 2 {
		t.Errorf("the list was downloaded %d times", n)
	}
}

// A handshake that crypto/tls did not verify has no candidate path: refused.
func TestNoVerifiedChain(t *testing.T) {
	w := newWorld(t)
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{w.server().TLS()}})
	conf, err := newVerifier(t, w.config(assay.Config{Network: assay.Inline})).ClientConfig(nil)
	if err != nil {
		t.Fatal(err)
	}
	setSkipVerify(conf) // after the fact
	if _, err := talk(addr, conf); !errors.Is(err, finding.InternalError) {
		t.Errorf("error %v", err)
	}
}

// VerifyPeerCertificate of the base is called before the judgement.
func TestVerifyPeerCertificate(t *testing.T) {
	w := newWorld(t)
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{w.server().TLS()}})
	mine := errors.New("mine")
	conf, err := newVerifier(t, w.config(assay.Config{Network: assay.Inline})).ClientConfig(&tls.Config{
		VerifyPeerCertificate: func([][]byte, [][]*x509.Certificate) error { return mine }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := talk(addr, conf); !errors.Is(err, mine) || w.hits.Load() != 0 {
		t.Errorf("error %v, %d downloads", err, w.hits.Load())
	}
}

// Errors are one line with the root cause, and wrap what crypto/x509 said.
func TestErrorText(t *testing.T) {
	l := startLab(t, "revoked", "expired", "wrong-host", "untrusted-root", "hostile-subject", "crl-unreachable")
	for name, want := range map[string]string{"revoked": "revoked", "expired": "expired", "wrong-host": "name", "untrusted-root": "root"} {
		client, s := labClient(t, l, name, assay.Config{Network: assay.Inline, Unknown: assay.UnknownDeny})
		err := get(client, s)
		if err == nil || strings.ContainsAny(err.Error(), "\n\r\x1b") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
		var own *assay.Error
		if !errors.As(err, &own) || own.Report == nil || own.Report.Headline == nil {
			t.Errorf("%s: no report in %v", name, err)
		}
		switch name {
		case "expired":
			var e x509.CertificateInvalidError
			if !errors.As(err, &e) || e.Reason != x509.Expired {
				t.Errorf("%s: %v", name, err)
			}
		case "wrong-host":
			var e x509.HostnameError
			if !errors.As(err, &e) {
				t.Errorf("%s: %v", name, err)
			}
		case "untrusted-root":
			var e x509.UnknownAuthorityError
			if !errors.As(err, &e) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	client, s := labClient(t, l, "hostile-subject", assay.Config{Network: assay.Inline, Unknown: assay.UnknownDeny})
	if err := get(client, s); err != nil && strings.ContainsAny(err.Error(), "\n\r\x1b") {
		t.Errorf("peer text unquoted in %q", err)
	}
}

// Explain turns crypto/tls's refusal into a report, and other errors into none.
func TestExplain(t *testing.T) {
	w := newWorld(t)
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{w.server().TLS()}})
	v := newVerifier(t, w.config(assay.Config{}))
	conf, err := v.ClientConfig(&tls.Config{ServerName: "elsewhere.test"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = talk(addr, conf)
	for what, r := range map[string]*report.Report{"Verifier": v.Explain(err, "elsewhere.test"), "package": assay.Explain(err, "elsewhere.test")} {
		if r == nil || r.Verdict != report.Reject || r.Headline == nil {
			t.Errorf("%s: %+v", what, r)
		}
	}
	if r := v.Explain(err, "elsewhere.test"); r != nil && r.Headline.Finding.ID != finding.NameMismatch {
		t.Errorf("headline %v", r.Headline.Finding)
	}
	if assay.Explain(os.ErrNotExist, "x") != nil || v.Explain(nil, "x") != nil {
		t.Error("explained what is no refusal")
	}
}

// panicky is a log handler that panics: so does anything else some day.
type panicky struct{ slog.Handler }

func (panicky) Enabled(context.Context, slog.Level) bool  { return true }
func (panicky) Handle(context.Context, slog.Record) error { panic("boo") }

// A panic in a handshake refuses and ends nothing else.
func TestPanicRefuses(t *testing.T) {
	w := newWorld(t)
	leaf := w.server()
	w.revoke(leaf)
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}})
	v := newVerifier(t, w.config(assay.Config{Network: assay.Inline, Logger: slog.New(panicky{})}))
	if _, err := v.Dial("tcp", addr); !errors.Is(err, finding.InternalError) {
		t.Errorf("error %v", err)
	}
}

// A wrapped session cache works for IP targets and for names alike.
func TestResumptionByAddress(t *testing.T) {
	w := newWorld(t)
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{w.server().TLS()}})
	v := newVerifier(t, w.config(assay.Config{Network: assay.Inline}))
	cache := tls.NewLRUClientSessionCache(8)
	for i := range 3 {
		c, err := v.DialContext(context.Background(), "tcp", addr, &tls.Config{ClientSessionCache: cache})
		if err != nil {
			t.Fatal(err)
		}
		c.Read(make([]byte, 1))
		if got := c.ConnectionState().DidResume; got != (i > 0) {
			t.Errorf("connection %d: resumed %v", i, got)
		}
		c.Close()
	}
	// Another policy does not trust the sessions of this one.
	other := newVerifier(t, w.config(assay.Config{Network: assay.Inline, MinRSA: 3072}))
	if c, err := other.DialContext(context.Background(), "tcp", addr, &tls.Config{ClientSessionCache: cache}); err != nil {
		t.Error(err)
	} else {
		if c.ConnectionState().DidResume {
			t.Error("a session judged under another policy was resumed")
		}
		c.Close()
	}
}

// A client revoked between two connections is refused on resumption.
func TestServerResumption(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		w := newWorld(t)
		w.set(func() { w.life = 2 * time.Second })
		srv, cl := w.server(), w.client()
		v := newVerifier(t, w.config(assay.Config{Network: assay.Inline}))
		conf, err := v.ServerConfig(&tls.Config{Certificates: []tls.Certificate{srv.TLS()}, ClientAuth: tls.RequireAndVerifyClientCert, MaxVersion: version})
		if err != nil {
			t.Fatal(err)
		}
		addr := serve(t, conf)
		cc := &tls.Config{RootCAs: w.pool(t), ServerName: "localhost", Certificates: []tls.Certificate{cl.TLS()}, ClientSessionCache: tls.NewLRUClientSessionCache(4)}
		for i := range 2 {
			if cs, err := talk(addr, cc); err != nil || cs.DidResume != (i > 0) {
				t.Fatalf("connection %d: resumed %v, error %v", i, cs.DidResume, err)
			}
		}
		w.revoke(cl)
		time.Sleep(2100 * time.Millisecond)
		if cs, err := talk(addr, cc); err == nil {
			t.Errorf("a revoked client passed, resumed %v", cs.DidResume)
		}
	}
}

// A stalled responder leaves no goroutine behind after Close.
func TestNothingLeaks(t *testing.T) {
	w := newWorld(t)
	stall := make(chan struct{})
	defer close(stall)
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{w.server().TLS()}})
	before := runtime.NumGoroutine()
	w.set(func() { w.stall = stall })
	for _, network := range []assay.Network{assay.FirstContact, assay.Background, assay.Inline} {
		v, err := assay.New(w.config(assay.Config{Network: network, FetchBudget: 50 * time.Millisecond, CloseGrace: 50 * time.Millisecond}))
		if err != nil {
			t.Fatal(err)
		}
		c, err := v.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		begin := time.Now()
		v.Close()
		if took := time.Since(begin); took > 3*time.Second {
			t.Errorf("Close took %v", took)
		}
	}
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			buf := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, %d before\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
	}
}

// A refusal carries the facts of every certificate, though accepted handshakes
// leave them out.
func TestRefusalIsComplete(t *testing.T) {
	w := newWorld(t)
	leaf := w.server()
	w.revoke(leaf)
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}})
	_, err := newVerifier(t, w.config(assay.Config{Network: assay.Inline})).Dial("tcp", addr)
	var own *assay.Error
	if !errors.As(err, &own) {
		t.Fatalf("error %v", err)
	}
	r := own.Report
	if len(r.Certs) != 2 || r.PolicyHash == "" {
		t.Fatalf("%d certificates, policy hash %q", len(r.Certs), r.PolicyHash)
	}
	for _, c := range r.Certs {
		if c.Issuer == "" || c.PEM == "" || c.Serial == "" || len(c.Extensions) == 0 {
			t.Errorf("incomplete: %+v", c)
		}
	}
}

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
	tr := transportFrom(t, v, func(set *http.Transport) {
		set.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, s.Addr)
		}
	})
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

// What keeps a revocation from being taken back holds in handshakes too, whether
// unknown status is warned of or denied.
func TestTransportRevocationRules(t *testing.T) {
	cases := []struct {
		name       string
		warn, deny report.Verdict
		headline   finding.ID // under deny; "" where it passes
	}{
		{"crl-other-key", report.Inconclusive, report.Inconclusive, finding.CRLOtherKey},
		{"crl-key-for-lists", report.Accept, report.Accept, ""},
		{"crl-indirect-good", report.Accept, report.Accept, ""},
		{"crl-signer-revoked-ca", report.Inconclusive, report.Inconclusive, finding.CRLIssuerRevoked},
		{"crl-signer-email-ca", report.Inconclusive, report.Inconclusive, finding.CRLIssuerUntrusted},
		{"crl-signer-unasked", report.Accept, report.Reject, finding.CRLIssuerUnchecked},
		{"crl-signer-fetched", report.Inconclusive, report.Inconclusive, finding.CRLSignatureInvalid}, // handshakes fetch no certificates
		{"must-staple-revoked-responder", report.Reject, report.Reject, finding.MustStapleInvalid},
		{"ocsp-delegate-revoked", report.Inconclusive, report.Inconclusive, finding.OCSPResponderRevoked},
		{"no-pointers", report.Accept, report.Reject, finding.RevocationUnavailable},
		{"good-short-lived", report.Accept, report.Reject, finding.RevocationUnavailable}, // below a private anchor
		{"good-no-rev-avail", report.Accept, report.Accept, ""},
		{"revoked-intermediate-alternate", report.Accept, report.Accept, ""},
		{"unknown-intermediate-alternate", report.Accept, report.Accept, ""},
		{"crl-delta-lifts-hold", report.Accept, report.Accept, ""},
	}
	var names []string
	for _, c := range cases {
		names = append(names, c.name)
	}
	l := startLab(t, names...)
	for _, c := range cases {
		for unknown, want := range map[assay.Unknown]report.Verdict{assay.UnknownWarn: c.warn, assay.UnknownDeny: c.deny} {
			client, s := labClient(t, l, c.name, assay.Config{Network: assay.Inline, Unknown: unknown})
			err := get(client, s)
			var own *assay.Error
			switch {
			case want == report.Accept && err != nil || want != report.Accept && !errors.As(err, &own):
				t.Errorf("%s, %s: %v, want %s", c.name, unknown, err, want)
			case want != report.Accept && (own.Report.Verdict != want || unknown == assay.UnknownDeny && own.Report.Headline.Finding.ID != c.headline):
				t.Errorf("%s, %s: %s %s, want %s %s", c.name, unknown, own.Report.Verdict, own.Report.Headline.Finding.ID, want, c.headline)
			}
		}
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
	l := startLab(t, "critical-must-staple", "critical-directory-names", "equivalent-names", "ml-dsa-ca", "ip-range-excluded")
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

// In Background mode the first handshake passes with a warning, and the answer,
// which comes beside it, ends its connection and refuses the later ones.
func TestBackground(t *testing.T) {
	l := startLab(t, "revoked-by-crl")
	client, s := labClient(t, l, "revoked-by-crl", assay.Config{Network: assay.Background})
	if err := get(client, s); err != nil && !errors.Is(err, finding.CertRevoked) { // the answer may come before the page
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

// A list that is still good is replaced before it ends, beside a handshake that
// uses it, in Background mode and after a first contact.
func TestBackgroundAhead(t *testing.T) {
	t.Run("background", func(t *testing.T) { renewedBeside(t, assay.Background, 2) })
	t.Run("first contact", func(t *testing.T) { renewedBeside(t, assay.FirstContact, 1) })
}

// renewedBeside revokes after so many downloads and wants a refusal.
func renewedBeside(t *testing.T, network assay.Network, downloads int64) {
	w := newWorld(t)
	w.cacheControl = "no-cache" // it is always time to ask again
	w.age, w.life = 3*time.Hour, time.Minute
	leaf := w.server()
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}})
	v := newVerifier(t, w.config(assay.Config{Network: network}))
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
	reach(downloads)
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

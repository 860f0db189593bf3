package assay_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
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

// lines is a log handler that keeps what it is given, as it is given: handlers
// that quote by themselves would hide that nobody else did.
type lines struct {
	slog.Handler
	mu  sync.Mutex
	got []string
}

func (l *lines) Enabled(context.Context, slog.Level) bool { return true }

func (l *lines) Handle(_ context.Context, r slog.Record) error {
	s := r.Level.String() + " " + r.Message
	r.Attrs(func(a slog.Attr) bool { s += " " + a.Key + "=" + a.Value.String(); return true })
	l.mu.Lock()
	defer l.mu.Unlock()
	l.got = append(l.got, s)
	return nil
}

func (l *lines) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.got, "|")
}

// hostile would move a terminal's cursor, end a line, and turn text around.
const hostile = "\x1b]0;pwned\a\r\n\u202eevil<script>"

func quoted(s string) bool { return !strings.ContainsAny(s, "\x1b\a\r\n\u202e") }

// Text of the peer's reaches errors and the log in quotes only: here an issuer's
// name, a subject's name and a revocation address.
func TestPeerTextIsQuoted(t *testing.T) {
	w := newWorld(t)
	rogue := forge.NewRoot(hostile, nil)
	key := forge.P256()
	good := w.server()
	for name, c := range map[string]struct {
		leaf  *forge.CA
		conf  assay.Config
		shown string // a piece of the text that must be there, to know that it was
		log   bool   // crypto/tls's refusals come before there is a report to log
	}{
		"issuer": {rogue.Server("localhost", nil), assay.Config{Network: assay.Inline}, "pwned", false},
		"subject and names": {w.root.Issue(forge.Cert{Key: key, Subject: forge.CN(hostile), Extensions: w.root.ServerExts(key, forge.DNS("\x1b]0;pwned\a\r\nevil"))}),
			assay.Config{Network: assay.Inline}, "", false},
		"address": {w.root.Issue(forge.Cert{Key: key, Subject: forge.CN(hostile), Extensions: append(w.root.ServerExts(key, forge.DNS("localhost")),
			forge.CRLDP("http://127.0.0.1:1/\x1b]0;pwned\a\r\nevil"))}), assay.Config{Network: assay.Inline, Unknown: assay.UnknownDeny}, "", true},
		"nothing wrong": {good, assay.Config{Network: assay.Inline}, "", false},
	} {
		log := &lines{}
		c.conf.Logger = slog.New(log)
		addr := serve(t, &tls.Config{Certificates: []tls.Certificate{c.leaf.TLS()}})
		_, port, _ := strings.Cut(addr, ":")
		_, err := newVerifier(t, w.config(c.conf)).Dial("tcp", "localhost:"+port)
		if c.leaf == good {
			if err != nil || log.all() != "" {
				t.Errorf("%s: error %v, log %q", name, err, log.all())
			}
			continue
		}
		if err == nil || !quoted(err.Error()) || !strings.Contains(err.Error(), c.shown) {
			t.Errorf("%s: error %q", name, err)
		}
		var own *assay.Error
		if errors.As(err, &own) { // every finding's text too
			for _, f := range own.Report.Findings {
				if !quoted(f.Title()) {
					t.Errorf("%s: finding %q", name, f.Title())
				}
			}
		}
		if got := log.all(); !quoted(got) || c.log != strings.Contains(got, "ERROR assay: ") {
			t.Errorf("%s: log %q", name, got)
		}
	}
}

// Acceptances with a warning are logged as warnings, others not at all.
func TestLogLevels(t *testing.T) {
	l := startLab(t, "good", "crl-unreachable", "revoked")
	for name, want := range map[string]string{"good": "", "crl-unreachable": "WARN assay: ", "revoked": "ERROR assay: "} {
		log := &lines{}
		client, s := labClient(t, l, name, assay.Config{Network: assay.Inline, Logger: slog.New(log)})
		err := get(client, s)
		if (err == nil) != (name != "revoked") {
			t.Errorf("%s: %v", name, err)
		}
		got := log.all()
		if want == "" && got != "" || !strings.HasPrefix(got, want) || want != "" && !strings.Contains(got, "name="+s.Host) {
			t.Errorf("%s: log %q", name, got)
		}
		if name == "revoked" && !strings.Contains(got, "id="+string(finding.CertRevoked)) {
			t.Errorf("%s: log %q", name, got)
		}
	}
}

// One piece of evidence may be judged by many at once, and is as it was before.
func TestJudgeLeavesEvidenceAlone(t *testing.T) {
	w := newWorld(t)
	v := newVerifier(t, w.config(assay.Config{Network: assay.Offline}))
	fresh := func() *evidence.Evidence {
		return &evidence.Evidence{Version: evidence.Version, Target: evidence.Target{Host: "localhost"}, Chain: []evidence.Entry{{Cert: []byte{0x30, 0}}},
			Artefacts: []evidence.Artefact{{Kind: "aia", URL: "http://x.test/", Body: []byte("no certificate")}}}
	}
	ev := fresh()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if r := v.Judge(t.Context(), ev); r.Verdict != report.Reject {
				t.Errorf("verdict %s", r.Verdict)
			}
		})
	}
	wg.Wait()
	if !reflect.DeepEqual(ev, fresh()) {
		t.Errorf("the evidence is now %+v", ev)
	}
	for name, ev := range map[string]*evidence.Evidence{"nil": nil, "zero": {}, "empty certificate": {Chain: []evidence.Entry{{}}}} {
		if r := v.Judge(t.Context(), ev); r == nil || r.Verdict == report.Accept {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

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
		tr := transportFrom(t, v, func(s *http.Transport) { s.DialContext = dial })
		client := &http.Client{Transport: tr, Timeout: 20 * time.Second}
		if err := get(client, s); headline(err) != want {
			t.Errorf("Transport with a dialler of its own, PrivateFetch %v: %v, want %s", private, err, want)
		}
		tr.CloseIdleConnections()
		raw, err := dial(t.Context(), "tcp", "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err = v.Handshake(t.Context(), raw, &tls.Config{ServerName: s.Host}); headline(err) != want {
			t.Errorf("Client, PrivateFetch %v: %v, want %s", private, err, want)
		}
		raw.Close()
	}
	v := newVerifier(t, assay.Config{Roots: l.Roots, Network: assay.Inline})
	if _, err := v.DialContext(t.Context(), "tcp", s.Addr, &tls.Config{ServerName: s.Host}); headline(err) != finding.CertRevoked {
		t.Errorf("DialContext: %v, want %s", err, finding.CertRevoked)
	}
}

// Browsers' CT policies bind below public roots: the embedded bundle's and
// Config.PublicRoots. The lab's roots are in no bundle.
func TestBrowserPolicy(t *testing.T) {
	l := startLab(t, "sct-browser", "sct-browser-one", "sct-none")
	for _, c := range []struct {
		name   string
		mode   policy.CTMode
		public [][]byte
		want   error
	}{
		{"sct-browser", policy.CTChrome, l.Roots, nil},
		{"sct-browser-one", policy.CTChrome, l.Roots, finding.CTPolicyUnmet},
		{"sct-browser-one", policy.CTApple, l.Roots, finding.CTPolicyUnmet},
		{"sct-browser-one", policy.CTChrome, nil, nil},
		{"sct-browser-one", policy.CTRequire, nil, nil},
		{"sct-none", policy.CTRequire, nil, finding.CTNoValidSCT},
		{"sct-none", policy.CTReport, l.Roots, nil},
	} {
		client, s := labClient(t, l, c.name, assay.Config{Network: assay.Inline, CT: c.mode, LogList: l.LogList, PublicRoots: c.public})
		if err := get(client, s); c.want == nil && err != nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s by %s, %d public roots: %v, want %v", c.name, c.mode, len(c.public), err, c.want)
		}
	}
}

func TestTransparencyConfig(t *testing.T) {
	for what, c := range map[string]assay.Config{
		"enforcement without a list": {CT: policy.CTRequire},
		"an unknown policy":          {CT: 9},
		"a broken list":              {LogList: []byte("{}")},
		"a broken public root":       {PublicRoots: [][]byte{{1}}},
	} {
		if v, err := assay.New(c); err == nil {
			v.Close()
			t.Errorf("%s is no error", what)
		}
	}
}

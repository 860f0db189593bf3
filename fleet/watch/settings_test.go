package watch

import (
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/peers"
	"github.com/assaytls/assay/report"
)

// tlsAt serves TLS at an address until the test ends. The server answers HTTP too.
func tlsAt(t *testing.T, addr string, conf *tls.Config, h http.Handler) (port string) {
	t.Helper()
	l, err := net.Listen("tcp4", addr)
	if err != nil {
		t.Skipf("%s: %v", addr, err) // not every system has all of 127.0.0.0/8
	}
	s := &http.Server{Handler: h, TLSConfig: conf, ReadHeaderTimeout: 10 * time.Second}
	s.ErrorLog = log.New(io.Discard, "", 0)
	go s.ServeTLS(l, "", "")
	t.Cleanup(func() { s.Close() })
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

func rootFile(t *testing.T, ca *forge.CA) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(name, forge.PEM("CERTIFICATE", ca.Raw), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// What the settings of a group ask to be looked at is looked at: another type of key,
// signature schemes, a path, old versions of TLS.
func TestSettingsMore(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	ec, rsa := root.Server("more.test", forge.P256()).TLS(), root.Server("more.test", forge.RSA(2048)).TLS()
	var asked atomic.Value
	asked.Store("")
	port := tlsAt(t, "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{ec, rsa}, MinVersion: tls.VersionTLS10, NextProtos: []string{"http/1.1"}},
		http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked.Store(r.URL.Path) }))
	common := fmt.Sprintf("roots: %s, revocation: 'off', ct: 'off', resolve: '*:%s:127.0.0.1'", rootFile(t, root), port)
	look := func(more string) *report.Report {
		t.Helper()
		for _, r := range judged(t, fmt.Sprintf("groups:\n  - {name: g, check: {%s%s}, targets: ['more.test:%s']}\n", common, more, port)) {
			return r
		}
		return nil
	}
	key := func(r *report.Report) string {
		if len(r.Sent) == 0 {
			t.Fatalf("it sent nothing: %+v", r.Headline)
		}
		return strings.Fields(r.Certs[r.Sent[0]].Key)[0]
	}
	has := func(r *report.Report, id finding.ID) bool {
		for _, f := range r.Counted() {
			if f.ID == id {
				return true
			}
		}
		return false
	}
	plain := look("")
	if key(plain) == "RSA" || plain.AlsoServes == nil || has(plain, finding.LegacyOffered) || asked.Load() != "" {
		t.Errorf("no settings: %s, %v, %q", key(plain), plain.AlsoServes != nil, asked.Load())
	}
	if r := look(", key-types: rsa"); key(r) != "RSA" || r.AlsoServes != nil {
		t.Errorf("key-types: %s", key(r))
	}
	if r := look(", sigalgs: [rsa_pss_rsae_sha256]"); key(r) != "RSA" {
		t.Errorf("sigalgs: %s", key(r))
	}
	if r := look(", legacy: true"); !has(r, finding.LegacyOffered) {
		t.Errorf("legacy: %+v", r.Findings)
	}
	if look(", path: /here"); asked.Load() != "/here" {
		t.Errorf("path: %q was asked for", asked.Load())
	}
	for text, want := range map[string]string{
		", dane: true":   "--dane needs --resolver",
		", path: here":   "--path",
		", resume: true": `"resume" cannot be set here`,
		", sigalgs: [x]": "not a signature scheme",
		", all-addresses: true, proxy: 'http://127.0.0.1:1'": "the proxy's affair",
		", resolver-roots: r.pem":                            "--resolver tls://HOST",
	} {
		err := ParseConfig("w.yaml", fmt.Appendf(nil, "groups:\n  - {name: g, check: {%s%s}, targets: ['more.test:%s']}\n", common, text, port)).Err()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// Of all addresses of a host the worst one is what is told, whichever stands first, and
// that they differ.
func TestSettingsAllAddresses(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	good, bad := root.Server("all.test", forge.P256()).TLS(), root.Server("other.test", forge.P256()).TLS()
	nothing := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "") })
	port := tlsAt(t, "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{good}}, nothing)
	tlsAt(t, "127.0.0.2:"+port, &tls.Config{Certificates: []tls.Certificate{bad}}, nothing)
	digests := map[Hash]bool{}
	for _, order := range []string{"127.0.0.1,127.0.0.2", "127.0.0.2,127.0.0.1"} {
		for _, r := range judged(t, fmt.Sprintf("groups:\n  - {name: g, check: {roots: %s, revocation: 'off', ct: 'off', resolve: 'all.test:%s:%s', all-addresses: true}, targets: ['all.test:%s']}\n", rootFile(t, root), port, order, port)) {
			f := factsOf(r)
			digests[f.digest()] = true
			differ := false
			for _, g := range f.findings {
				differ = differ || g.ID == finding.AddressesDiffer
			}
			if r.Verdict != report.Reject || !strings.HasPrefix(r.Target.Addr, "127.0.0.2") || !differ {
				t.Errorf("%s: %s at %s, %+v", order, r.Verdict, r.Target.Addr, f.findings)
			}
		}
	}
	if len(digests) != 1 {
		t.Error("the order of the addresses makes a difference")
	}
}

// TLSA records are compared with the certificate, of servers that MX records name too.
func TestSettingsDANE(t *testing.T) {
	peers.Path(t, "named")
	peers.Path(t, "unbound")
	root := forge.NewRoot("Root", nil)
	key := forge.P256()
	leaf := root.Issue(forge.Cert{Subject: forge.CN("all"), Key: key, Extensions: root.ServerExts(key, forge.DNS("web.dane.test"), forge.DNS("dane.test"), forge.IP("127.0.0.1"))})
	port := tlsAt(t, "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}}, http.NotFoundHandler())
	zone := peers.Zone{Name: "dane.test", Signed: true, Records: fmt.Sprintf("web A 127.0.0.1\nbad A 127.0.0.1\n_https._tcp SRV 5 0 %s web\n_%s._tcp.web TLSA 3 1 1 %x\n_%s._tcp.bad TLSA 3 1 1 %x",
		port, port, sha256.Sum256(cert.Parse(leaf.Raw).RawSPKI), port, sha256.Sum256(nil))}
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, b := range map[string][]byte{certFile: forge.PEM("CERTIFICATE", leaf.Raw), keyFile: key.PEM()} {
		if err := os.WriteFile(name, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	server, anchors := peers.Named(t, zone)
	dns, _ := peers.Unbound(t, certFile, keyFile, server, anchors, zone)
	text := fmt.Sprintf("groups:\n  - {name: g, check: {roots: %s, revocation: 'off', ct: 'off', dane: true, resolver: '127.0.0.1:%s'}, targets: ['web.dane.test:%s', 'bad.dane.test:%s', 'srv:_https._tcp.dane.test']}\n", rootFile(t, root), dns, port, port)
	all := judged(t, text)
	if r := all["web.dane.test:"+port]; r.Verdict != report.Accept || r.DANE == nil || r.DANE.Result != report.DANEMatch {
		t.Errorf("a match: %s %+v %+v", r.Verdict, r.DANE, r.Headline)
	}
	if r := all["bad.dane.test:"+port]; r.DANE == nil || r.DANE.Result != report.DANEMismatch {
		t.Errorf("a mismatch: %s %+v", r.Verdict, r.DANE)
	}
	j, c, _ := pair(t, text) // the service, by somebody else
	for _, s := range c.Specs() {
		if s.Kind != Service {
			continue
		}
		o := j.Judge(t.Context(), s)
		if len(o.Servers) != 1 || !o.Resolved {
			t.Fatalf("%+v %+v", o, o.Report)
		}
		member := j.Judge(t.Context(), o.Servers[0])
		if r := member.Report; r == nil || r.DANE == nil || r.DANE.Result != report.DANEMatch || r.Verdict != report.Accept {
			t.Errorf("the service's server: %+v, %v", r, member.Unmade)
		}
	}
}

package watch

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab"
	"github.com/assaytls/assay/internal/lab/peers"
	"github.com/assaytls/assay/report"
)

// judged reads a configuration, checks all that it names, and returns the reports by
// target.
func judged(t *testing.T, text string) map[string]*report.Report {
	t.Helper()
	c := ParseConfig(filepath.Join(t.TempDir(), "watch.yaml"), []byte(text))
	if err := c.Err(); err != nil {
		t.Fatal(err)
	}
	j := &Judges{Stderr: os.Stderr, CacheDir: t.TempDir()}
	if err := j.Use(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	out := map[string]*report.Report{}
	for _, s := range c.Specs() {
		out[s.Target] = j.Judge(t.Context(), s).Report
	}
	return out
}

// TestJudgesLab: what the configuration names comes to the verdicts that the lab
// promises, by its own roots.
func TestJudgesLab(t *testing.T) {
	l, err := lab.Start(t.Context(), lab.Options{Only: []string{"good", "expired", "revoked", "revoked-intermediate", "wildcard*", "must-staple*"}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var b strings.Builder
	b.WriteString("groups:\n")
	want := map[string]report.Verdict{}
	for i, s := range l.Scenarios {
		if s.Local {
			continue
		}
		fmt.Fprintf(&b, "  - name: g%d\n    check: {roots: %s, log-list: %s, resolve: '*:%s:127.0.0.1'", i, l.RootFile, l.LogListFile, s.Port)
		if s.Client.StartTLS != "" {
			fmt.Fprintf(&b, ", starttls: %s", s.Client.StartTLS)
		}
		fmt.Fprintf(&b, "}\n    targets: ['%s']\n", s.Target())
		want[s.Target()] = s.Want
	}
	if len(want) < 4 {
		t.Fatalf("%d scenarios", len(want))
	}
	for target, r := range judged(t, b.String()) {
		if r.Verdict != want[target] {
			t.Errorf("%s: %s, not %s: %+v", target, r.Verdict, want[target], r.Headline)
		}
		if r.Verdict == report.Accept && len(Ends(r)) < 3 {
			t.Errorf("%s ends: %+v", target, Ends(r))
		}
	}
}

// TestJudgesHealth: the CRL and the OCSP responder of a CA of one's own are checked as
// signed for it and within their time, and an address that has nothing is told.
func TestJudgesHealth(t *testing.T) {
	l, err := lab.Start(t.Context(), lab.Options{Only: []string{"good", "crl-stale", "ocsp-*"}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	good, _ := l.Scenario("good")
	leaf, err := x509.ParseCertificate(good.Leaf)
	if err != nil || len(leaf.CRLDistributionPoints)+len(leaf.OCSPServer) == 0 {
		t.Fatal(err, leaf)
	}
	issuer := filepath.Join(t.TempDir(), "issuer.pem")
	if err := os.WriteFile(issuer, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: good.Chain[0]}), 0o600); err != nil {
		t.Fatal(err)
	}
	ca := func(urls ...string) map[string]*report.Report {
		return judged(t, fmt.Sprintf("authorities:\n  - {name: ours, issuer: %s, serial: '%x', urls: ['%s']}\n", issuer, leaf.SerialNumber, strings.Join(urls, "', '")))
	}
	for url, r := range ca(append(leaf.CRLDistributionPoints, leaf.OCSPServer...)...) {
		if r.Verdict != report.Accept {
			t.Errorf("%s: %s %+v", url, r.Verdict, r.Headline)
		}
		list := false
		for _, e := range Ends(r) {
			list = list || e.What != "certificate" && e.At.After(time.Now())
		}
		if !list {
			t.Errorf("%s: its end is not known: %+v", url, Ends(r))
		}
	}
	nowhere := l.BaseURL + "/nowhere.crl"
	if r := ca(nowhere)[nowhere]; r.Verdict == report.Accept || r.Headline == nil || factsOf(r).reached || factsOf(r).findings[0].Cause != nowhere {
		t.Errorf("nothing at the address: %s %+v %+v", r.Verdict, r.Headline, factsOf(r).findings)
	}
	// The root's list is not the issuer's.
	root := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(root, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: l.Roots[0]}), 0o600); err != nil {
		t.Fatal(err)
	}
	for url, r := range judged(t, fmt.Sprintf("authorities:\n  - {name: other, issuer: %s, urls: ['%s']}\n", root, strings.Join(append(leaf.CRLDistributionPoints, leaf.OCSPServer...), "', '"))) {
		if r.Verdict == report.Accept {
			t.Errorf("%s is accepted for another issuer", url)
		}
	}
}

// TestJudgesClientCertificate: the certificate in the group's files is shown, and
// without it the server is out of reach.
func TestJudgesClientCertificate(t *testing.T) {
	certFile, keyFile, pair := selfSigned(t, "own.test")
	shown := make(chan bool, 10)
	ln, err := tls.Listen("tcp4", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequestClientCert})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				tc := c.(*tls.Conn)
				if tc.Handshake() == nil {
					select {
					case shown <- len(tc.ConnectionState().PeerCertificates) > 0:
					default:
					}
				}
			}()
		}
	}()
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	group := fmt.Sprintf("groups:\n  - name: own\n    targets: ['own.test:%s']\n    check:\n      roots: %s\n      unknown: warn\n      resolve: '*:%s:127.0.0.1'\n", port, certFile, port)
	judged(t, group)
	if <-shown {
		t.Error("a certificate was shown that nobody named")
	}
	for len(shown) > 0 {
		<-shown
	}
	judged(t, group+fmt.Sprintf("      cert: %s\n      key: %s\n", certFile, keyFile))
	if !<-shown {
		t.Error("the certificate was not shown")
	}
}

// TestJudgesMail: a mail server is asked for TLS by STARTTLS, as the target or the
// group says.
func TestJudgesMail(t *testing.T) {
	certFile, keyFile, _ := selfSigned(t, "mx.test")
	smtp, imap, _, _ := peers.NginxMail(t, certFile, keyFile)
	reports := judged(t, fmt.Sprintf("groups:\n  - {name: a, targets: ['smtp://mx.test:%s'], check: {roots: %s, resolve: '*:%s:127.0.0.1'}}\n"+
		"  - {name: b, targets: ['mx.test:%s'], check: {roots: %s, resolve: '*:%s:127.0.0.1', starttls: imap}}\n", smtp, certFile, smtp, imap, certFile, imap))
	if len(reports) != 2 {
		t.Fatalf("%d reports", len(reports))
	}
	for target, r := range reports {
		if r.Verdict != report.Accept {
			t.Errorf("%s: %s %+v", target, r.Verdict, r.Headline)
		}
	}
}

// TestJudgesMetadata: the addresses at which clouds hand out credentials are not
// dialled, though the configuration names them.
func TestJudgesMetadata(t *testing.T) {
	for target, r := range judged(t, "groups:\n  - {name: a, targets: ['169.254.169.254', 'x.test:443', '[fd00:ec2::254]:443'], check: {resolve: 'x.test:443:100.100.100.200'}}\n") {
		if r.Verdict != report.Inconclusive || r.Headline == nil || r.Headline.Finding.ID != finding.ConnectionFailed || !strings.Contains(r.Headline.Finding.Param("detail"), "metadata") {
			t.Errorf("%s: %+v", target, r.Headline)
		}
	}
}

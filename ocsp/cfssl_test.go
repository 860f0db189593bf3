package ocsp_test

import (
	"context"
	"crypto"
	"encoding/base64"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/internal/fetch"
	. "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/peers"
	"github.com/assaytls/assay/ocsp"
	"github.com/assaytls/assay/report"
)

var ocspResponse = regexp.MustCompile(`"ocspResponse":"([^"]+)"`)

// cfssl signs answers beforehand and serves them, with ETag and Cache-Control.
func TestCFSSL(t *testing.T) {
	prog := peers.Path(t, "cfssl")
	w := newWorld()
	signer := w.ca.Responder("CFSSL Responder", nil, OCSPNoCheck())
	dir := t.TempDir()
	file := func(name string, b []byte) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	ca, responder := file("ca.pem", PEM("CERTIFICATE", w.ca.Raw)), file("responder.pem", PEM("CERTIFICATE", signer.Raw))
	key := file("key.pem", signer.Key.PEM())
	var lines []byte
	sign := func(c *CA, args ...string) []byte {
		leaf := file("leaf.pem", PEM("CERTIFICATE", c.Raw))
		cmd := exec.Command(prog, append([]string{"ocspsign", "-ca", ca, "-responder", responder, "-responder-key", key, "-cert", leaf, "-loglevel", "5"}, args...)...)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err, string(out))
		}
		m := ocspResponse.FindSubmatch(out)
		if m == nil {
			t.Fatalf("cfssl said %s", out)
		}
		lines = append(append(lines, m[1]...), '\n')
		der, err := base64.StdEncoding.DecodeString(string(m[1]))
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	w.now = time.Now()
	if r := ocsp.Check(w.query(), sign(w.leaf)); r.Status != report.Good {
		t.Errorf("good: %s %v", r.Status, r.Findings)
	}
	sign(w.sibling, "-status", "revoked", "-reason", "1")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	cmd := exec.Command(prog, "ocspserve", "-address", "127.0.0.1", "-port", port, "-responses", file("responses", lines), "-loglevel", "5")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	url := "http://127.0.0.1:" + port + "/"
	for range 200 {
		if r, err := http.Get(url); err == nil {
			r.Body.Close()
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	client := fetch.Client{}
	ask := func(c *CA) (ocsp.Result, *fetch.Response) {
		q := w.query()
		q.Cert = cert.Parse(c.Raw)
		req := ocsp.NewRequest(q.Cert, q.Issuer, crypto.SHA1, nil)
		get, short := ocsp.GETURL(url, req)
		resp, f := client.OCSP(context.Background(), url, get, short, fetch.Request{Body: req, Scope: fetch.Scope{Loopback: true}})
		if f != nil {
			t.Fatal(f)
		}
		return ocsp.Check(q, resp.Body), resp
	}
	r, resp := ask(w.leaf)
	if d, ok := resp.FreshFor(); r.Status != report.Good || resp.ETag == "" || !ok || d <= 0 {
		t.Errorf("good: %s %v, ETag %q, fresh for %v", r.Status, r.Findings, resp.ETag, d)
	}
	if r, _ := ask(w.sibling); r.Status != report.Revoked {
		t.Errorf("revoked: %s %v", r.Status, r.Findings)
	}
	if r, _ := ask(w.ca.Server("third.example", nil)); r.Status == report.Good || len(r.Findings) == 0 {
		t.Errorf("not signed for: %s %v", r.Status, r.Findings)
	}
}

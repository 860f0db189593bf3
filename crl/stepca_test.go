package crl_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/crl"
	f "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/peers"
	"github.com/assaytls/assay/report"
)

// The list that step-ca serves, with a critical issuingDistributionPoint,
// speaks for the certificates that point to it and for no others.
func TestStepCA(t *testing.T) {
	prog := peers.Path(t, "step-ca")
	root := f.NewRoot("Step Root", nil)
	ca := root.Intermediate("Step CA", nil)
	dir := t.TempDir()
	port := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return l.Addr().String()
	}
	plain, secure := port(), port()
	url := "http://" + plain + "/1.0/crl"
	for name, b := range map[string][]byte{
		"root.pem": f.PEM("CERTIFICATE", root.Raw), "ca.pem": f.PEM("CERTIFICATE", ca.Raw), "ca.key": ca.Key.PEM(),
		"ca.json": fmt.Appendf(nil, `{"root":"root.pem","crt":"ca.pem","key":"ca.key","address":%q,"insecureAddress":%q,"dnsNames":["127.0.0.1"],
"db":{"type":"badgerv2","dataSource":"db"},"crl":{"enabled":true,"generateOnRevoke":true,"idpURL":%q},
"authority":{"provisioners":[{"type":"ACME","name":"acme"}]}}`, secure, plain, url),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(prog, "ca.json")
	cmd.Dir = dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	var body []byte
	for end := time.Now().Add(20 * time.Second); len(body) == 0 && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if r, err := http.Get(url); err == nil {
			body, _ = io.ReadAll(r.Body)
			r.Body.Close()
		}
	}
	l, err := crl.Parse(context.Background(), body)
	if err != nil {
		t.Fatal(err)
	}
	for point, want := range map[string]report.Status{url: report.Good, "http://127.0.0.1/other.crl": report.Unknown} {
		leaf := ca.Server("a.test", nil, f.CRLDP(point))
		r := crl.Check(context.Background(), crl.Query{Cert: cert.Parse(leaf.Raw), Issuer: cert.Parse(ca.Raw), Above: []*cert.Certificate{cert.Parse(root.Raw)},
			Time: time.Now(), Skew: time.Minute, Sources: []crl.Source{{List: l, URL: point}}})
		if r.Status != want {
			t.Errorf("%s: %s %v", point, r.Status, r.Findings)
		}
	}
}

package fetch

import (
	"context"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/assaytls/assay/finding"
)

// An https proxy is asked when its certificate is trusted, and its anchors hold
// for no download behind it.
func TestTLSProxy(t *testing.T) {
	asked := 0
	p := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.Write([]byte("proxied"))
	}))
	defer p.Close()
	to, _ := url.Parse(p.URL)
	via := func(*http.Request) (*url.URL, error) { return to, nil }
	pool := x509.NewCertPool()
	pool.AddCert(p.Certificate())
	resp, f := (&Client{Proxy: via, ProxyRootCAs: pool}).Do(context.Background(), Request{URL: "http://crl.example/a.crl"})
	if f != nil || string(resp.Body) != "proxied" || !resp.Proxied || asked != 1 {
		t.Fatalf("%+v %v", resp, f)
	}
	for _, c := range []*Client{{Proxy: via}, {Proxy: via, RootCAs: pool}} {
		_, f := c.Do(context.Background(), Request{URL: "http://crl.example/a.crl"})
		wantFailure(t, f, finding.FetchFailed)
	}
	_, f = (&Client{ProxyRootCAs: pool}).Do(context.Background(), Request{URL: p.URL, Scope: loopback})
	wantFailure(t, f, finding.FetchFailed)
	if asked != 1 {
		t.Errorf("the proxy was asked %d times", asked)
	}
}

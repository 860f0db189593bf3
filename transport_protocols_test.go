package assay_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/assaytls/assay"
)

// Only protocols that the transport speaks are offered, direct and through a
// proxy: it may be tuned before its first use.
func TestTransportProtocols(t *testing.T) {
	w := newWorld(t)
	site := httpServer(t, w.server().TLS(), "h2", "localhost")
	proxy := connectProxy(t)
	v := newVerifier(t, w.config(assay.Config{Network: assay.Inline}))
	for name, c := range map[string]struct {
		tune  func(*http.Transport)
		proto int
	}{
		"as it is":     {func(*http.Transport) {}, 2},
		"TLSNextProto": {func(tr *http.Transport) { tr.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{} }, 1},
		"Protocols":    {func(tr *http.Transport) { tr.Protocols = new(http.Protocols); tr.Protocols.SetHTTP1(true) }, 1},
		"HTTP/2 only":  {func(tr *http.Transport) { tr.Protocols = new(http.Protocols); tr.Protocols.SetHTTP2(true) }, 2},
	} {
		for _, via := range []string{"", "http://" + proxy} {
			tr := v.Transport()
			tr.Proxy = nil
			if via != "" {
				tr.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse(via) }
			}
			c.tune(tr.Transport)
			resp, err := (&http.Client{Transport: tr, Timeout: 20 * time.Second}).Get(site)
			if err != nil {
				t.Errorf("%s, proxy %q: %v", name, via, err)
				continue
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			tr.CloseIdleConnections()
			if resp.ProtoMajor != c.proto {
				t.Errorf("%s, proxy %q: spoke %s", name, via, resp.Proto)
			}
		}
	}
}

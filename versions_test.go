package assay_test

import (
	"crypto/tls"
	"net"
	"net/http"
	"testing"

	"github.com/assaytls/assay"
)

// Nothing older than TLS 1.2 is spoken: a config that asks for it is refused by
// every way in, and one that says nothing speaks TLS 1.2 and newer.
func TestOldVersionsAreRefused(t *testing.T) {
	w := newWorld(t)
	v := newVerifier(t, w.config(assay.Config{Network: assay.Inline}))
	pair := w.server().TLS()
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	for _, version := range []uint16{0x0300, tls.VersionTLS10, tls.VersionTLS11} {
		for field, set := range map[string]func(*tls.Config){
			"MinVersion": func(c *tls.Config) { c.MinVersion = version },
			"MaxVersion": func(c *tls.Config) { c.MaxVersion = version },
		} {
			base := &tls.Config{ServerName: "localhost"}
			set(base)
			name := field + " " + tls.VersionName(version)
			if _, err := v.ClientConfig(base); err == nil {
				t.Error("ClientConfig:", name)
			}
			if c, err := v.DialContext(t.Context(), "tcp", addr, base); err == nil {
				c.Close()
				t.Error("DialContext:", name)
			}
			raw, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := v.Handshake(t.Context(), raw, base); err == nil {
				t.Error("Client:", name)
			}
			raw.Close()
			server := &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert}
			set(server)
			if _, err := v.ServerConfig(server); err == nil {
				t.Error("ServerConfig:", name)
			}
			outer := &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert,
				GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return server, nil }}
			conf, err := v.ServerConfig(outer)
			if err != nil {
				t.Fatal(err)
			}
			mine := &tls.Config{RootCAs: w.pool(t), ServerName: "localhost", MinVersion: tls.VersionTLS10, Certificates: []tls.Certificate{w.client().TLS()}}
			if _, err := talk(serve(t, conf), mine); err == nil {
				t.Error("GetConfigForClient:", name)
			}
		}
	}
	// What is not asked for is TLS 1.2, whatever crypto/tls would choose.
	t.Setenv("GODEBUG", "tls10server=1")
	c, err := v.ClientConfig(nil)
	if err != nil || c.MinVersion != tls.VersionTLS12 {
		t.Error("ClientConfig:", c.MinVersion, err)
	}
	c, err = v.ServerConfig(&tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert})
	if err != nil || c.MinVersion != tls.VersionTLS12 {
		t.Error("ServerConfig:", c.MinVersion, err)
	}
	if resp, err := (&http.Client{Transport: v.Transport()}).Get("https://" + addr); err == nil {
		resp.Body.Close()
		t.Error("a server that speaks TLS 1.1 alone was talked to")
	}
}

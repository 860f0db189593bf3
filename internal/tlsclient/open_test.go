package tlsclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
)

// A server's silence is bounded while a transport records, all its reads
// together; neither the time that judging takes is, nor what comes later.
func TestTransportPatience(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for name, server := range map[string]func(net.Conn){
		"silent": func(c net.Conn) { io.Copy(io.Discard, c) },
		"an octet at a time": func(c net.Conn) {
			hello(c)
			for _, b := range append([]byte{22, 3, 3, 0x40, 0}, make([]byte, 10000)...) {
				if _, err := c.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr, ev := Open(t.Context(), Config{Host: "127.0.0.1", Port: listen(t, server), HandshakeTimeout: 300 * time.Millisecond})
			if tr == nil {
				t.Fatalf("%+v", ev.Failure)
			}
			defer tr.Close()
			conf := tr.TLSConfig()
			conf.ServerName = "dial.test"
			err := tls.Client(tr, conf).HandshakeContext(t.Context())
			tr.Failed(t.Context(), err)
			wantFailure(t, ev, finding.HandshakeTimeout)
			if ev.Failure.Params["timeout"] != "300 ms" {
				t.Errorf("%+v", ev.Failure)
			}
		})
	}

	const patience = 2 * time.Second
	cert := chainFor(t)
	port := listen(t, func(c net.Conn) {
		s := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: tls.VersionTLS12})
		if s.Handshake() == nil {
			time.Sleep(patience + 200*time.Millisecond)
			io.WriteString(s, "late")
			s.Close()
		}
	})
	tr, ev := Open(ctx, Config{Host: "127.0.0.1", Port: port, HandshakeTimeout: patience})
	if tr == nil {
		t.Fatalf("%+v", ev.Failure)
	}
	defer tr.Close()
	conf := tr.TLSConfig()
	conf.ServerName, conf.RootCAs = "dial.test", x509.NewCertPool()
	ca, err := x509.ParseCertificate(cert.Certificate[1])
	check(t, err)
	conf.RootCAs.AddCert(ca)
	conf.VerifyConnection = func(tls.ConnectionState) error {
		time.Sleep(patience + 200*time.Millisecond) // and in TLS 1.2 the server's Finished comes after it
		return nil
	}
	tc := tls.Client(tr, conf)
	check(t, tc.HandshakeContext(ctx))
	tr.Facts()
	if ev.Connection.TLS >= patience || ev.Connection.BytesIn == 0 || ev.Connection.Signature == 0 {
		t.Errorf("%+v", ev.Connection)
	}
	tr.Established()
	if b, err := io.ReadAll(tc); string(b) != "late" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
}

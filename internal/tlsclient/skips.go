package tlsclient

import (
	"context"
	"crypto/tls"
	"net"
)

// SkipsVerification reports whether c turns crypto/tls's own verification off.
// It lives here because no other package may name the field.
func SkipsVerification(c *tls.Config) bool { return c.InsecureSkipVerify }

// Floor completes one TLS handshake, verifies nothing, and hangs up: what
// benchmarks measure a check against. groups are those to offer; none are crypto/tls's.
func Floor(ctx context.Context, addr, serverName string, groups ...tls.CurveID) error {
	d := tls.Dialer{Config: &tls.Config{ServerName: serverName, InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}, CurvePreferences: groups}}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	return c.(*tls.Conn).NetConn().(*net.TCPConn).Close()
}

package assay_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/assaytls/assay"
)

// Shutdown tells a peer that said close_notify from one that was cut off, and
// reports what nobody had read.
func TestShutdown(t *testing.T) {
	w := newWorld(t)
	leaf := w.server()
	v := newVerifier(t, w.config(assay.Config{Network: assay.Inline}))
	for name, version := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
		for _, c := range []struct {
			name string
			end  func(*tls.Conn)
			want error
		}{
			{"both say close_notify", func(c *tls.Conn) { io.Copy(io.Discard, c); c.Close() }, nil},
			{"the peer is cut off", func(c *tls.Conn) { io.Copy(io.Discard, c); c.NetConn().Close() }, assay.ErrTruncated},
			{"data is left", func(c *tls.Conn) { io.WriteString(c, "more"); io.Copy(io.Discard, c); c.Close() }, assay.ErrUnread},
			{"the peer never ends", func(c *tls.Conn) { io.Copy(io.Discard, c); time.Sleep(2 * time.Second) }, context.DeadlineExceeded},
		} {
			t.Run(name+"/"+c.name, func(t *testing.T) {
				l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}, MaxVersion: version})
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				done := make(chan struct{})
				go func() {
					defer close(done)
					conn, err := l.Accept()
					if err != nil {
						return
					}
					defer conn.Close()
					conn.SetDeadline(time.Now().Add(10 * time.Second))
					if tc := conn.(*tls.Conn); tc.Handshake() == nil {
						c.end(tc)
					}
				}()
				_, port, _ := net.SplitHostPort(l.Addr().String())
				conn, err := v.DialContext(t.Context(), "tcp", "localhost:"+port, nil)
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
				defer cancel()
				if err := assay.Shutdown(ctx, conn); !errors.Is(err, c.want) {
					t.Errorf("error %v, want %v", err, c.want)
				}
				if got := assay.Truncated(conn); got != (c.want == assay.ErrTruncated) {
					t.Errorf("truncated %v", got)
				}
				<-done
			})
		}
	}
}

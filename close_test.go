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
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// Close ends a handshake that waits for a download, and the later ones are
// refused.
func TestCloseEndsHandshakes(t *testing.T) {
	w := newWorld(t)
	stall := make(chan struct{})
	defer close(stall)
	w.set(func() { w.stall = stall })
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{w.server().TLS()}})
	v, err := assay.New(w.config(assay.Config{Network: assay.Inline, Unknown: assay.UnknownDeny, FetchBudget: time.Hour, CloseGrace: 10 * time.Millisecond}))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := v.Dial("tcp", addr)
		done <- err
	}()
	for end := time.Now().Add(20 * time.Second); w.hits.Load() == 0 && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
	}
	v.Close()
	select {
	case err := <-done:
		if err == nil {
			t.Error("the handshake passed")
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the handshake goes on")
	}
	if _, err := v.Dial("tcp", addr); err == nil {
		t.Error("a handshake after Close passed")
	}
}

// A hook that heeds nothing does not keep Close for ever.
func TestCloseLeavesStuckHooks(t *testing.T) {
	w := newWorld(t)
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{w.server().TLS()}})
	entered, stuck, left := make(chan struct{}), make(chan struct{}), make(chan struct{})
	v, err := assay.New(w.config(assay.Config{CloseGrace: time.Millisecond,
		Verify: func(context.Context, *evidence.Evidence, *report.Report) ([]finding.Finding, error) {
			close(entered)
			<-stuck
			return nil, nil
		}}))
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(left)
		if c, err := v.Dial("tcp", addr); err == nil {
			c.Close()
		}
	}()
	<-entered
	v.Close() // hangs when it waits for the hook
	close(stuck)
	<-left
}

// Roots in both configs are refused for servers too.
func TestServerRootsTwice(t *testing.T) {
	w := newWorld(t)
	v := newVerifier(t, w.config(assay.Config{}))
	if _, err := v.ServerConfig(&tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: w.pool(t)}); err == nil {
		t.Error("accepted")
	}
}

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

package assay_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/assaytls/assay"
)

// silent accepts connections and says nothing.
func silent(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { io.Copy(io.Discard, c); c.Close() }()
		}
	}()
	return l.Addr().String()
}

// A peer that says nothing is given up after 10 s, with an error like net/http's;
// the caller's own deadline keeps its own error.
func TestSilentPeer(t *testing.T) {
	conf := newWorld(t).config(assay.Config{})
	for _, c := range []struct {
		callers, want time.Duration
		err           error
	}{
		{0, 10 * time.Second, assay.ErrHandshakeTimeout},
		{time.Hour, 10 * time.Second, assay.ErrHandshakeTimeout},
		{3 * time.Second, 3 * time.Second, context.DeadlineExceeded},
	} {
		synctest.Test(t, func(t *testing.T) {
			v, err := assay.New(conf)
			if err != nil {
				t.Fatal(err)
			}
			defer v.Close()
			ours, theirs := net.Pipe()
			go io.Copy(io.Discard, theirs)
			ctx, cancel := context.Background(), context.CancelFunc(func() {})
			if c.callers > 0 {
				ctx, cancel = context.WithTimeout(ctx, c.callers)
			}
			defer cancel()
			begin := time.Now()
			_, err = v.Handshake(ctx, ours, &tls.Config{ServerName: "localhost"})
			var timeout net.Error
			if !errors.Is(err, c.err) || !errors.As(err, &timeout) || !timeout.Timeout() || errors.Is(err, context.DeadlineExceeded) != (c.err == context.DeadlineExceeded) {
				t.Errorf("error %v, want %v", err, c.err)
			}
			if took := time.Since(begin); took != c.want {
				t.Errorf("took %v, want %v", took, c.want)
			}
			ours.Close()
			theirs.Close()
		})
	}
}

// The time for the handshake is a setting of transports, whose errors time out.
func TestTransportHandshakeTimeout(t *testing.T) {
	v := newVerifier(t, newWorld(t).config(assay.Config{}))
	for name, client := range clients(t, v, func(s *http.Transport) { s.TLSHandshakeTimeout = 50 * time.Millisecond }) {
		_, _, err := fetched(client, "https://"+silent(t)+"/")
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() || !strings.Contains(err.Error(), "TLS handshake") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Close ends a dial that hangs, once the grace is over, and waits for its end.
func TestCloseEndsDials(t *testing.T) {
	addr := silent(t)
	for name, dial := range map[string]func(*assay.Verifier) error{
		"Dial": func(v *assay.Verifier) error { _, err := v.Dial("tcp", addr); return err },
		"Client": func(v *assay.Verifier) error {
			raw, err := net.Dial("tcp", addr)
			if err != nil {
				return err
			}
			defer raw.Close()
			_, err = v.Handshake(context.Background(), raw, &tls.Config{ServerName: "localhost"})
			return err
		},
		"Transport": func(v *assay.Verifier) error {
			_, err := v.Transport().RoundTrip(newRequest("https://" + addr + "/"))
			return err
		},
	} {
		v := newVerifier(t, newWorld(t).config(assay.Config{CloseGrace: 10 * time.Millisecond}))
		ended := make(chan error, 1)
		begin := time.Now()
		go func() { ended <- dial(v) }()
		time.Sleep(50 * time.Millisecond)
		v.Close()
		if err := <-ended; !errors.Is(err, assay.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%s: ended after %v", name, took)
		}
	}
}

func newRequest(url string) *http.Request {
	r, err := http.NewRequest("GET", url, nil)
	if err != nil {
		panic(err)
	}
	return r
}

// A VerifyConnection that is set afterwards in what ClientConfig or ServerConfig
// returned refuses. In a clone it takes assay's place, as documented: a change
// there, and a GetConfigForClient that is set afterwards, cannot be seen.
func TestReplacedCallbacks(t *testing.T) {
	w := newWorld(t)
	leaf, cl := w.server(), w.client()
	w.revoke(leaf)
	w.revoke(cl)
	v := newVerifier(t, w.config(assay.Config{Network: assay.Inline}))
	mine := func(tls.ConnectionState) error { return nil }
	setHook := func(f func(tls.ConnectionState) error) func(*tls.Config) *tls.Config {
		return func(c *tls.Config) *tls.Config { c.VerifyConnection = f; return c }
	}
	for _, c := range []struct {
		name   string
		change func(*tls.Config) *tls.Config
		want   error
	}{
		{"in place", setHook(mine), assay.ErrReplaced},
		{"in place, none", setHook(nil), assay.ErrReplaced},
		{"and cloned", func(c *tls.Config) *tls.Config { c.VerifyConnection = mine; return c.Clone() }, assay.ErrReplaced},
		{"in a clone", func(c *tls.Config) *tls.Config { c = c.Clone(); c.VerifyConnection = mine; return c }, nil},
	} {
		conf, err := v.ClientConfig(&tls.Config{ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(4)})
		if err != nil {
			t.Fatal(err)
		}
		conf = c.change(conf)
		addr := serve(t, &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}})
		if _, err := talk(addr, conf); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("client, %s: %v, want %v", c.name, err, c.want)
		}
		server, err := v.ServerConfig(&tls.Config{Certificates: []tls.Certificate{leaf.TLS()}, ClientAuth: tls.RequireAndVerifyClientCert})
		if err != nil {
			t.Fatal(err)
		}
		server = c.change(server)
		_, err = talk(serve(t, server), &tls.Config{RootCAs: w.pool(t), ServerName: "localhost", Certificates: []tls.Certificate{cl.TLS()}})
		if (err == nil) != (c.want == nil) {
			t.Errorf("server, %s: %v, want %v", c.name, err, c.want)
		}
	}
	server, err := v.ServerConfig(&tls.Config{Certificates: []tls.Certificate{leaf.TLS()}, ClientAuth: tls.RequireAndVerifyClientCert})
	if err != nil {
		t.Fatal(err)
	}
	server.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: w.pool(t)}, nil
	}
	if _, err := talk(serve(t, server), &tls.Config{RootCAs: w.pool(t), ServerName: "localhost", Certificates: []tls.Certificate{cl.TLS()}}); err != nil {
		t.Errorf("GetConfigForClient: %v: say so in ServerConfig's documentation", err)
	}
}

// A session that was judged is not resumed past a VerifyConnection that was
// replaced since.
func TestReplacedCallbackDeclinesSessions(t *testing.T) {
	w := newWorld(t)
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{w.server().TLS()}})
	v := newVerifier(t, w.config(assay.Config{Network: assay.Inline}))
	conf, err := v.ClientConfig(&tls.Config{ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(4)})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if cs, err := talk(addr, conf); err != nil || cs.DidResume != (i == 1) {
			t.Fatalf("resumed %v, %v", cs.DidResume, err)
		}
	}
	conf.VerifyConnection = func(tls.ConnectionState) error { return nil }
	if cs, err := talk(addr, conf); !errors.Is(err, assay.ErrReplaced) {
		t.Errorf("resumed %v, %v", cs.DidResume, err)
	}
}

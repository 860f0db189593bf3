package assay_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// A base config that would undo the verification, or says twice whom to
// trust, is refused.
func TestClientConfigRefuses(t *testing.T) {
	w := newWorld(t)
	v := newVerifier(t, w.config(assay.Config{}))
	off := &tls.Config{}
	setSkipVerify(off)
	for name, base := range map[string]*tls.Config{
		"verification off": off,
		"roots twice":      {RootCAs: w.pool(t)},
	} {
		if _, err := v.ClientConfig(base); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for _, auth := range []tls.ClientAuthType{tls.NoClientCert, tls.RequestClientCert, tls.RequireAnyClientCert} {
		if _, err := v.ServerConfig(&tls.Config{ClientAuth: auth}); err == nil {
			t.Errorf("ClientAuth %v accepted", auth)
		}
	}
	if _, err := v.ServerConfig(nil); err == nil {
		t.Error("nil server config accepted")
	}
}

func TestConfigRefuses(t *testing.T) {
	for name, c := range map[string]assay.Config{
		"unknown scheme":     {Schemes: 9},
		"unknown CT policy":  {CT: 9},
		"CT without a list":  {CT: policy.CTRequire},
		"bad log list":       {LogList: []byte("{")},
		"empty roots":        {Roots: [][]byte{}},
		"garbage root":       {Roots: [][]byte{{1, 2, 3}}},
		"PEM root":           {Roots: [][]byte{[]byte("-----BEGIN CERTIFICATE-----\n")}},
		"level out of range": {SecurityLevel: 9},
		"negative budget":    {FetchBudget: -1},
		"no such Unknown":    {Unknown: 7},
		"no such Network":    {Network: 7},
	} {
		if v, err := assay.New(c); err == nil {
			v.Close()
			t.Errorf("%s: accepted", name)
		} else if name == "PEM root" && !strings.Contains(err.Error(), "encoding/pem") {
			t.Errorf("%s: %v does not say what to do", name, err)
		}
	}
}

// The overlay's callbacks: the base's own one is called first and its refusal
// stands.
func TestCallbackOrder(t *testing.T) {
	w := newWorld(t)
	leaf := w.server()
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}})
	v := newVerifier(t, w.config(assay.Config{Network: assay.Inline}))
	called := false
	conf, err := v.ClientConfig(&tls.Config{VerifyConnection: func(cs tls.ConnectionState) error {
		called = true
		if w.hits.Load() != 0 {
			t.Error("assay judged before the base's callback")
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := talk(addr, conf); err != nil || !called {
		t.Errorf("error %v, base's callback called: %v", err, called)
	}
	mine := errors.New("mine")
	conf, err = v.ClientConfig(&tls.Config{VerifyConnection: func(tls.ConnectionState) error { return mine }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := talk(addr, conf); !errors.Is(err, mine) {
		t.Errorf("error %v, want the base's", err)
	}
}

// A config that was cloned judges like the original.
func TestClone(t *testing.T) {
	w := newWorld(t)
	leaf := w.server()
	w.revoke(leaf)
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}})
	conf, err := newVerifier(t, w.config(assay.Config{Network: assay.Inline})).ClientConfig(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := talk(addr, conf.Clone()); !errors.Is(err, finding.CertRevoked) || !errors.Is(err, finding.ClassRevocation) {
		t.Errorf("error %v, want revoked", err)
	}
}

// The revoked server is refused direct and through a CONNECT proxy, over
// HTTP/1.1 and HTTP/2, by name and by address.
func TestTransportRoutes(t *testing.T) {
	w := newWorld(t)
	good, bad := w.server(), w.server()
	w.revoke(bad)
	proxy := connectProxy(t)
	for _, proto := range []string{"http/1.1", "h2"} {
		for _, via := range []string{"direct", "proxy"} {
			for _, host := range []string{"localhost", "127.0.0.1"} {
				t.Run(proto+" "+via+" "+host, func(t *testing.T) {
					v := newVerifier(t, w.config(assay.Config{Network: assay.Inline}))
					tr := transportFrom(t, v, func(s *http.Transport) {
						if via == "proxy" {
							s.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse("http://" + proxy) }
						}
					})
					client := &http.Client{Transport: tr, Timeout: 10 * time.Second}
					resp, err := client.Get(httpServer(t, good.TLS(), proto, host))
					if err != nil {
						t.Fatal(err)
					}
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					if want := map[string]int{"http/1.1": 1, "h2": 2}[proto]; resp.ProtoMajor != want {
						t.Errorf("spoke %s", resp.Proto)
					}
					_, err = client.Get(httpServer(t, bad.TLS(), proto, host))
					var own *assay.Error
					if !errors.Is(err, finding.CertRevoked) || !errors.As(err, &own) {
						t.Errorf("error %v, want revoked", err)
					}
				})
			}
		}
	}
}

func httpServer(t *testing.T, c tls.Certificate, proto, host string) string {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") }))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{c}, NextProtos: []string{proto}}
	s.EnableHTTP2 = proto == "h2"
	s.Config.ErrorLog = quietLog()
	s.StartTLS()
	t.Cleanup(s.Close)
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	return "https://" + net.JoinHostPort(host, port) + "/"
}

// connectProxy serves HTTP CONNECT to loopback.
func connectProxy(t *testing.T) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			http.Error(w, "CONNECT only", http.StatusMethodNotAllowed)
			return
		}
		_, port, _ := net.SplitHostPort(r.Host)
		up, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer up.Close()
		down, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer down.Close()
		io.WriteString(down, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { io.Copy(up, down); up.Close() }()
		io.Copy(down, up)
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// crypto/tls refuses a wrong IP address itself: cs.ServerName is empty for IP
// targets, and nothing here derives the name again.
func TestWrongIP(t *testing.T) {
	w := newWorld(t)
	key := w.root.Server("localhost", nil)
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{key.TLS()}})
	v := newVerifier(t, w.config(assay.Config{}))
	_, err := v.Dial("tcp", addr)
	var host x509.HostnameError
	if !errors.As(err, &host) {
		t.Errorf("error %v, want crypto/x509's HostnameError inside", err)
	}
}

// A stalled responder holds a handshake for the budget, not longer.
func TestFetchBudget(t *testing.T) {
	w := newWorld(t)
	stall := make(chan struct{})
	defer close(stall)
	w.set(func() { w.stall = stall })
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{w.server().TLS()}})
	for _, unknown := range []assay.Unknown{assay.UnknownWarn, assay.UnknownDeny} {
		v := newVerifier(t, w.config(assay.Config{Network: assay.Inline, FetchBudget: 200 * time.Millisecond, Unknown: unknown, CloseGrace: time.Millisecond}))
		begin := time.Now()
		c, err := v.Dial("tcp", addr)
		if took := time.Since(begin); took > 8*time.Second { // not the 10 s of one download; how exact it is: TestStalledResponderHoldsNobodyLonger
			t.Errorf("the handshake took %v", took)
		}
		if (err == nil) != (unknown == assay.UnknownWarn) {
			t.Errorf("unknown=%v: error %v", unknown, err)
		}
		if err == nil {
			c.Close()
		}
	}
}

// The dial's context bounds the judgement too.
func TestDialContext(t *testing.T) {
	w := newWorld(t)
	stall := make(chan struct{})
	defer close(stall)
	w.set(func() { w.stall = stall })
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{w.server().TLS()}})
	v := newVerifier(t, w.config(assay.Config{Network: assay.Inline, FetchBudget: time.Minute, Unknown: assay.UnknownDeny, CloseGrace: time.Millisecond}))
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if _, err := v.DialContext(ctx, "tcp", addr, nil); err == nil {
		t.Error("connected")
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("the dial took %v", took)
	}
}

// The hook sees copies, can add and refuse, and cannot remove; its errors and
// panics refuse.
func TestHook(t *testing.T) {
	w := newWorld(t)
	good, bad := w.server(), w.server()
	w.revoke(bad)
	goodAddr := serve(t, &tls.Config{Certificates: []tls.Certificate{good.TLS()}})
	badAddr := serve(t, &tls.Config{Certificates: []tls.Certificate{bad.TLS()}})
	type hook = func(context.Context, *evidence.Evidence, *report.Report) ([]finding.Finding, error)
	mine := finding.Finding{ID: "x-mine", Severity: finding.Error}
	for name, c := range map[string]struct {
		hook hook
		addr string
		want error
	}{
		"agrees": {func(context.Context, *evidence.Evidence, *report.Report) ([]finding.Finding, error) { return nil, nil }, goodAddr, nil},
		"adds error": {func(context.Context, *evidence.Evidence, *report.Report) ([]finding.Finding, error) {
			return []finding.Finding{mine}, nil
		}, goodAddr, finding.ID("x-mine")},
		"foreign ID": {func(context.Context, *evidence.Evidence, *report.Report) ([]finding.Finding, error) {
			return []finding.Finding{{ID: "cert-expired", Severity: finding.Info}}, nil
		}, goodAddr, finding.ID("x-verify-error")},
		"fails": {func(context.Context, *evidence.Evidence, *report.Report) ([]finding.Finding, error) {
			return nil, errors.New("no")
		}, goodAddr, finding.ID("x-verify-error")},
		"panics": {func(context.Context, *evidence.Evidence, *report.Report) ([]finding.Finding, error) { panic("boo") }, goodAddr, finding.ID("x-verify-error")},
		"cannot remove": {func(_ context.Context, ev *evidence.Evidence, r *report.Report) ([]finding.Finding, error) {
			clear(ev.Chain)
			r.Paths, r.Findings, r.Verdict = nil, nil, report.Accept
			return nil, nil
		}, badAddr, finding.CertRevoked},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVerifier(t, w.config(assay.Config{Network: assay.Inline, Verify: c.hook}))
			for range 2 { // the second from the memo
				conn, err := v.Dial("tcp", c.addr)
				if err == nil {
					conn.Close()
				}
				if c.want == nil && err != nil || c.want != nil && !errors.Is(err, c.want) {
					t.Errorf("error %v, want %v", err, c.want)
				}
			}
		})
	}
}

// Certificates are shared between connections: none is ever changed.
func TestCertificatesUntouched(t *testing.T) {
	w := newWorld(t)
	leaf := w.server()
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}})
	v := newVerifier(t, w.config(assay.Config{Network: assay.Inline, Verify: func(_ context.Context, ev *evidence.Evidence, _ *report.Report) ([]finding.Finding, error) {
		clear(ev.Chain[0].Cert)
		return nil, nil
	}}))
	c, err := v.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := c.ConnectionState().PeerCertificates[0].Raw; !bytes.Equal(got, leaf.Raw) {
		t.Error("the peer's certificate was changed")
	}
}

// Many handshakes at once share one download and one verifier.
func TestConcurrent(t *testing.T) {
	w := newWorld(t)
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{w.server().TLS()}})
	v := newVerifier(t, w.config(assay.Config{Network: assay.Inline}))
	conf, err := v.ClientConfig(nil)
	if err != nil {
		t.Fatal(err)
	}
	conf.ServerName = "localhost"
	var wg sync.WaitGroup
	slots := make(chan struct{}, 64)
	for range 1000 {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if _, err := talk(addr, conf); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := w.hits.Load(); n != 1 {
		t.Errorf("the list was downloaded %d times", n)
	}
}

// After Close nothing is judged, so nothing passes.
func TestClose(t *testing.T) {
	w := newWorld(t)
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{w.server().TLS()}})
	v := newVerifier(t, w.config(assay.Config{}))
	v.Close()
	if _, err := v.Dial("tcp", addr); !errors.Is(err, assay.ErrClosed) {
		t.Errorf("error %v", err)
	}
	if _, err := v.Check(context.Background(), assay.Target{Host: "127.0.0.1"}); !errors.Is(err, assay.ErrClosed) {
		t.Errorf("error %v", err)
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
}

// A target that is an address gets no server name indication, and is judged like
// any other.
func TestNoSNI(t *testing.T) {
	w := newWorld(t)
	bad := w.server()
	w.revoke(bad)
	for name, leaf := range map[string]tls.Certificate{"good": w.server().TLS(), "revoked": bad.TLS()} {
		sni := "nothing came"
		addr := serve(t, &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			sni = hello.ServerName
			return &leaf, nil
		}})
		v := newVerifier(t, w.config(assay.Config{Network: assay.Inline}))
		conf, err := v.ClientConfig(nil)
		if err != nil {
			t.Fatal(err)
		}
		_, plain := talk(addr, conf)
		c, dialled := v.Dial("tcp", addr)
		if dialled == nil {
			c.Close()
		}
		for _, err := range []error{plain, dialled} {
			if name == "good" && err != nil || name == "revoked" && !errors.Is(err, finding.CertRevoked) {
				t.Errorf("%s: error %v", name, err)
			}
		}
		if sni != "" {
			t.Errorf("%s: server name %q", name, sni)
		}
	}
}

// Close waits for a download that ends within CloseGrace, and what it brought is
// judged; handshakes are refused from the start.
func TestCloseWaits(t *testing.T) {
	w := newWorld(t)
	stall := make(chan struct{})
	w.set(func() { w.stall = stall })
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{w.server().TLS()}})
	v, err := assay.NewPatient(w.config(assay.Config{CloseGrace: time.Hour}), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	c, err := v.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	until(t, "the list is asked for", func() bool { return w.hits.Load() > 0 })
	closed := make(chan struct{})
	go func() { v.Close(); close(closed) }()
	until(t, "handshakes are refused", func() bool {
		c, err := v.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return errors.Is(err, assay.ErrClosed)
	})
	select {
	case <-closed:
		t.Error("Close did not wait for the download")
	default:
	}
	close(stall)
	<-closed
	if v.Refreshes() != 0 {
		t.Error("a refresh outlives Close")
	}
}

// In TLS 1.3 the judgement comes before the proof of the key: what a thief of a
// certificate without its key leaves behind must serve nobody.
func TestWrongKey(t *testing.T) {
	w := newWorld(t)
	good := w.server()
	thief := good.TLS()
	thief.PrivateKey = w.server().TLS().PrivateKey
	leaf := good.TLS()
	v := newVerifier(t, w.config(assay.Config{Network: assay.Inline}))
	cache := tls.NewLRUClientSessionCache(4)
	conf, err := v.ClientConfig(&tls.Config{ServerName: "localhost", ClientSessionCache: cache})
	if err != nil {
		t.Fatal(err)
	}
	stolen := func() string { // crypto/tls would not serve a pair that does not fit if it could tell
		return serve(t, &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &thief, nil }})
	}
	fake, real := stolen(), serve(t, &tls.Config{Certificates: []tls.Certificate{leaf}})
	for i, c := range []struct {
		addr string
		ok   bool
	}{{fake, false}, {real, true}, {fake, false}} {
		if _, err := talk(c.addr, conf); (err == nil) != c.ok {
			t.Errorf("connection %d: error %v", i, err)
		}
	}
}

// A hook sees the connection at hand, though the judgement is remembered from
// another one.
func TestHookSeesThisConnection(t *testing.T) {
	w := newWorld(t)
	var seen report.Connection
	c := w.config(assay.Config{Network: assay.Inline})
	c.Verify = func(_ context.Context, ev *evidence.Evidence, r *report.Report) ([]finding.Finding, error) {
		if seen = *r.Connection; seen.ALPN != ev.Connection.ALPN || seen.Resumed != ev.Connection.Resumed || seen.Addr != ev.Connection.Addr {
			t.Errorf("report %+v, evidence %+v", seen, ev.Connection)
		}
		return nil, nil
	}
	v := newVerifier(t, c)
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{w.server().TLS()}, NextProtos: []string{"one", "two"}})
	cache := tls.NewLRUClientSessionCache(4)
	for i, proto := range []string{"one", "two", "two"} {
		conf, err := v.ClientConfig(&tls.Config{ServerName: "localhost", NextProtos: []string{proto}, ClientSessionCache: cache})
		if err != nil {
			t.Fatal(err)
		}
		cs, err := talk(addr, conf)
		if err != nil {
			t.Fatal(err)
		}
		if seen.ALPN != proto || seen.Resumed != cs.DidResume {
			t.Errorf("connection %d: the hook saw %+v, resumed %v", i, seen, cs.DidResume)
		}
	}
}

// Only protocols that the transport speaks are offered, direct and through a
// proxy, as the settings say.
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
			tr := transportFrom(t, v, func(s *http.Transport) {
				if via != "" {
					s.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse(via) }
				}
				c.tune(s)
			})
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

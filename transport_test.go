package assay_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
)

// clients are the ways to an http.Client that assay judges for, with the same
// settings.
func clients(t *testing.T, v *assay.Verifier, tune func(*http.Transport)) map[string]*http.Client {
	configured := settings(tune)
	if err := v.ConfigureTransport(configured); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(configured.CloseIdleConnections)
	return map[string]*http.Client{
		"TransportFrom":      {Transport: transportFrom(t, v, tune), Timeout: 20 * time.Second},
		"ConfigureTransport": {Transport: configured, Timeout: 20 * time.Second},
	}
}

// routes are settings for connections to the server itself and through a proxy.
func routes(t *testing.T) map[string]func(*http.Transport) {
	proxy := &url.URL{Scheme: "http", Host: connectProxy(t)}
	return map[string]func(*http.Transport){
		"direct": func(*http.Transport) {},
		"proxy":  func(s *http.Transport) { s.Proxy = http.ProxyURL(proxy) },
	}
}

// fetched returns the body and the protocol of a GET.
func fetched(client *http.Client, url string) (string, string, error) {
	resp, err := client.Get(url)
	if err != nil {
		return "", "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), resp.Proto, err
}

// mutual serves HTTP/2 to clients that have a certificate of the world, and tells
// them its name.
func (w *world) mutual(t *testing.T, c *forge.CA) string {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		io.WriteString(rw, r.TLS.PeerCertificates[0].Subject.CommonName)
	}))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{c.TLS()}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: w.pool(t)}
	s.EnableHTTP2, s.Config.ErrorLog = true, quietLog()
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

// A client certificate in the base config is shown, direct and through a proxy,
// and the server is judged all the same.
func TestTransportBaseConfig(t *testing.T) {
	w := newWorld(t)
	good, bad := w.server(), w.server()
	w.revoke(bad)
	v := newVerifier(t, w.config(assay.Config{Network: assay.Inline}))
	base := &tls.Config{Certificates: []tls.Certificate{w.client().TLS()}}
	sites := map[*forge.CA]string{good: w.mutual(t, good), bad: w.mutual(t, bad)}
	for route, tune := range routes(t) {
		all := clients(t, v, func(s *http.Transport) { s.TLSClientConfig = base.Clone(); tune(s) })
		if route == "direct" {
			tr, err := v.NewTransport(base)
			if err != nil {
				t.Fatal(err)
			}
			defer tr.CloseIdleConnections()
			all["NewTransport"] = &http.Client{Transport: tr, Timeout: 20 * time.Second}
		}
		for name, client := range all {
			if body, proto, err := fetched(client, sites[good]); err != nil || body != "a client" || proto != "HTTP/2.0" {
				t.Errorf("%s, %s: %q in %s, %v", name, route, body, proto, err)
			}
			if _, _, err := fetched(client, sites[bad]); !errors.Is(err, finding.CertRevoked) {
				t.Errorf("%s, %s, revoked: %v", name, route, err)
			}
		}
	}
}

// What would not be judged is an error of the configuration, and the transport is
// as it was.
func TestConfigureTransportRefuses(t *testing.T) {
	w := newWorld(t)
	v := newVerifier(t, w.config(assay.Config{}))
	off := &tls.Config{}
	setSkipVerify(off)
	for name, tr := range map[string]*http.Transport{
		"none":             nil,
		"DialTLSContext":   {DialTLSContext: func(context.Context, string, string) (net.Conn, error) { return nil, nil }},
		"DialTLS":          {DialTLS: func(string, string) (net.Conn, error) { return nil, nil }},
		"verification off": {TLSClientConfig: off},
		"roots twice":      {TLSClientConfig: &tls.Config{RootCAs: w.pool(t)}},
	} {
		if err := v.ConfigureTransport(tr); err == nil {
			t.Errorf("ConfigureTransport takes %s", name)
		}
		if tr != nil && (tr.Proxy != nil || tr.DialContext != nil || tr.ForceAttemptHTTP2 || tr.TLSClientConfig != nil && tr.TLSClientConfig.VerifyConnection != nil) {
			t.Errorf("%s: the transport was changed", name)
		}
		if got, err := v.TransportFrom(tr); err == nil || got != nil {
			t.Errorf("TransportFrom takes %s", name)
		}
	}
	if _, err := v.NewTransport(off); err == nil {
		t.Error("NewTransport takes a base that turns verification off")
	}
	var zero assay.Verifier
	if err := zero.ConfigureTransport(&http.Transport{}); !errors.Is(err, assay.ErrClosed) {
		t.Errorf("the zero Verifier: %v", err)
	}
	if _, err := zero.NewTransport(nil); !errors.Is(err, assay.ErrClosed) {
		t.Errorf("the zero Verifier: %v", err)
	}
}

// The user's dialer, which may be a guard or lead into another network, makes the
// connections: that of the settings, and one that is set in an http.Transport or
// its clone afterwards.
func TestTransportKeepsDialContext(t *testing.T) {
	w := newWorld(t)
	leaf := w.server()
	w.revoke(leaf)
	site := httpServer(t, leaf.TLS(), "h2", "localhost")
	v := newVerifier(t, w.config(assay.Config{Network: assay.Inline}))
	guard := errors.New("not into this network")
	refuse := func(context.Context, string, string) (net.Conn, error) { return nil, guard }
	for name, client := range clients(t, v, func(s *http.Transport) { s.DialContext = refuse }) {
		if _, _, err := fetched(client, site); !errors.Is(err, guard) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, client := range clients(t, v, func(s *http.Transport) {
		//lint:ignore SA1019 net/http still heeds it
		s.Dial = func(string, string) (net.Conn, error) { return nil, guard }
	}) {
		if _, _, err := fetched(client, site); !errors.Is(err, guard) {
			t.Errorf("%s, Dial: %v", name, err)
		}
	}
	for _, cloned := range []bool{false, true} {
		tr := settings(nil)
		if err := v.ConfigureTransport(tr); err != nil {
			t.Fatal(err)
		}
		if cloned {
			tr = tr.Clone()
		}
		tr.DialContext = refuse
		if _, _, err := fetched(&http.Client{Transport: tr}, site); !errors.Is(err, guard) {
			t.Errorf("set later, in a clone %v: %v", cloned, err)
		}
	}
}

// What becomes of later changes to a transport of somebody else's, as the
// documentation of ConfigureTransport says: judged, refused, and where neither can
// be had, not judged.
func TestConfigureTransportChanges(t *testing.T) {
	w := newWorld(t)
	good, bad := w.server(), w.server()
	w.revoke(bad)
	sites := []string{httpServer(t, good.TLS(), "h2", "localhost"), httpServer(t, bad.TLS(), "h2", "localhost")}
	v := newVerifier(t, w.config(assay.Config{Network: assay.Inline}))
	pool := w.pool(t)
	plain := func() *tls.Config { return &tls.Config{RootCAs: pool} }
	dial := (&net.Dialer{}).DialContext
	const judged, replaced, unseen = "judged", "ErrReplaced", "not judged"
	for _, c := range []struct {
		change string
		apply  func(*http.Transport) *http.Transport
		want   string
	}{
		{"none", func(tr *http.Transport) *http.Transport { return tr }, judged},
		{"Clone", func(tr *http.Transport) *http.Transport { return tr.Clone() }, judged},
		{"DialContext", func(tr *http.Transport) *http.Transport { tr.DialContext = dial; return tr }, judged},
		{"DialContext and Proxy", func(tr *http.Transport) *http.Transport {
			tr.DialContext = dial
			proxy := tr.Proxy
			tr.Proxy = func(r *http.Request) (*url.URL, error) { return proxy(r) }
			return tr
		}, judged},
		{"a Clone with DialContext", func(tr *http.Transport) *http.Transport { tr = tr.Clone(); tr.DialContext = dial; return tr }, judged},
		{"a client certificate", func(tr *http.Transport) *http.Transport {
			tr.TLSClientConfig.Certificates = []tls.Certificate{w.client().TLS()}
			return tr
		}, judged},
		{"TLSClientConfig", func(tr *http.Transport) *http.Transport { tr.TLSClientConfig = plain(); return tr }, replaced},
		{"TLSClientConfig, none", func(tr *http.Transport) *http.Transport { tr.TLSClientConfig = nil; return tr }, replaced},
		{"TLSClientConfig and DialContext", func(tr *http.Transport) *http.Transport {
			tr.TLSClientConfig, tr.DialContext = plain(), dial
			return tr
		}, replaced},
		{"TLSClientConfig and Proxy", func(tr *http.Transport) *http.Transport {
			proxy, err := tr.Proxy(httptest.NewRequest("GET", "/", nil))
			if err != nil {
				t.Error(err)
			}
			tr.TLSClientConfig, tr.Proxy = plain(), http.ProxyURL(proxy)
			return tr
		}, replaced},
		{"VerifyConnection", func(tr *http.Transport) *http.Transport {
			tr.TLSClientConfig.VerifyConnection = func(tls.ConnectionState) error { return nil }
			return tr
		}, replaced},
		{"VerifyConnection, none", func(tr *http.Transport) *http.Transport { tr.TLSClientConfig.VerifyConnection = nil; return tr }, replaced},
		{"DialTLSContext", func(tr *http.Transport) *http.Transport {
			tr.DialTLSContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				return (&tls.Dialer{Config: plain()}).DialContext(ctx, network, addr)
			}
			return tr
		}, replaced},
		{"TLSClientConfig, DialContext and Proxy", func(tr *http.Transport) *http.Transport {
			proxy, _ := tr.Proxy(httptest.NewRequest("GET", "/", nil))
			tr.TLSClientConfig, tr.DialContext, tr.Proxy = plain(), dial, http.ProxyURL(proxy)
			return tr
		}, unseen},
		{"a Clone with TLSClientConfig", func(tr *http.Transport) *http.Transport { tr = tr.Clone(); tr.TLSClientConfig = plain(); return tr }, replaced},
		{"a Clone with TLSClientConfig, TLS 1.2", func(tr *http.Transport) *http.Transport {
			tr = tr.Clone()
			tr.TLSClientConfig = plain()
			tr.TLSClientConfig.MaxVersion = tls.VersionTLS12
			return tr
		}, replaced},
		{"a Clone with VerifyConnection", func(tr *http.Transport) *http.Transport {
			tr = tr.Clone()
			tr.TLSClientConfig.VerifyConnection = func(tls.ConnectionState) error { return nil }
			return tr
		}, replaced},
		{"a Clone with TLSClientConfig and DialContext", func(tr *http.Transport) *http.Transport {
			tr = tr.Clone()
			tr.TLSClientConfig, tr.DialContext = plain(), dial
			return tr
		}, unseen},
	} {
		for route, tune := range routes(t) {
			tr := settings(tune)
			if err := v.ConfigureTransport(tr); err != nil {
				t.Fatal(err)
			}
			tr = c.apply(tr)
			client := &http.Client{Transport: tr, Timeout: 20 * time.Second}
			for revoked, site := range sites {
				_, _, err := fetched(client, site)
				switch {
				case c.want == replaced && !errors.Is(err, assay.ErrReplaced),
					c.want == judged && revoked == 0 && err != nil,
					c.want == judged && revoked == 1 && !errors.Is(err, finding.CertRevoked),
					c.want == unseen && err != nil:
					t.Errorf("%s, %s, server %d: %v, want %s", c.change, route, revoked, err, c.want)
				}
			}
			tr.CloseIdleConnections()
		}
	}
}

// HTTP/2 is offered when the transport would have offered it without assay.
func TestConfigureTransportProtocol(t *testing.T) {
	w := newWorld(t)
	site := httpServer(t, w.server().TLS(), "h2", "localhost")
	v := newVerifier(t, w.config(assay.Config{Network: assay.Inline}))
	used := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: w.pool(t)}, ForceAttemptHTTP2: true}
	if _, _, err := fetched(&http.Client{Transport: used}, site); err != nil {
		t.Fatal(err)
	}
	used.TLSClientConfig.RootCAs = nil
	for name, c := range map[string]struct {
		tr    *http.Transport
		proto string
	}{
		"zero":                   {&http.Transport{}, "HTTP/2.0"},
		"a clone of the default": {http.DefaultTransport.(*http.Transport).Clone(), "HTTP/2.0"},
		"a tls.Config":           {&http.Transport{TLSClientConfig: &tls.Config{}}, "HTTP/1.1"},
		"forced":                 {&http.Transport{TLSClientConfig: &tls.Config{}, ForceAttemptHTTP2: true}, "HTTP/2.0"},
		"TLSNextProto":           {&http.Transport{TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}}, "HTTP/1.1"},
		"used":                   {used, "HTTP/2.0"},
	} {
		from, err := v.TransportFrom(c.tr)
		if err != nil {
			t.Fatal(err)
		}
		defer from.CloseIdleConnections()
		if err := v.ConfigureTransport(c.tr); err != nil {
			t.Fatal(err)
		}
		defer c.tr.CloseIdleConnections()
		for via, tr := range map[string]http.RoundTripper{"TransportFrom": from, "ConfigureTransport": c.tr} {
			if _, proto, err := fetched(&http.Client{Transport: tr, Timeout: 20 * time.Second}, site); err != nil || proto != c.proto {
				t.Errorf("%s, %s: %s, %v, want %s", name, via, proto, err, c.proto)
			}
		}
	}
}

// upgrader is a server that speaks HTTP/2 and, in HTTP/1.1, changes to a protocol
// of its own that echoes a line.
func upgrader(t *testing.T, c tls.Certificate) string {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			io.WriteString(rw, r.Proto)
			return
		}
		hijacker, ok := rw.(http.Hijacker)
		if !ok {
			http.Error(rw, "an upgrade in "+r.Proto, http.StatusBadRequest)
			return
		}
		conn, buf, err := hijacker.Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+r.Header.Get("Upgrade")+"\r\n\r\n")
		line, _ := buf.ReadString('\n')
		io.WriteString(conn, "echo "+line)
	}))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{c}}
	s.EnableHTTP2, s.Config.ErrorLog = true, quietLog()
	s.StartTLS()
	t.Cleanup(s.Close)
	return strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
}

// Requests that upgrade reach servers of HTTP/2 in HTTP/1.1, through a reverse
// proxy, direct and behind a forward proxy, and are judged; the next ordinary
// request speaks HTTP/2.
func TestUpgrade(t *testing.T) {
	w := newWorld(t)
	good, bad := w.server(), w.server()
	w.revoke(bad)
	v := newVerifier(t, w.config(assay.Config{Network: assay.Inline}))
	sites := []string{upgrader(t, good.TLS()), upgrader(t, bad.TLS())}
	for route, tune := range routes(t) {
		for name, client := range clients(t, v, tune) {
			for revoked, site := range sites {
				target, err := url.Parse(site)
				if err != nil {
					t.Fatal(err)
				}
				failed := make(chan error, 8) // nobody waits for those that are not expected
				front := httptest.NewServer(&httputil.ReverseProxy{
					Transport: client.Transport,
					Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
					ErrorHandler: func(rw http.ResponseWriter, _ *http.Request, err error) {
						failed <- err
						rw.WriteHeader(http.StatusBadGateway)
					},
				})
				defer front.Close()
				protocols := []string{"websocket", "chat/1"}
				if name == "ConfigureTransport" { // net/http knows the first alone
					protocols = protocols[:1]
				}
				for _, protocol := range protocols {
					conn, err := net.Dial("tcp", strings.TrimPrefix(front.URL, "http://"))
					if err != nil {
						t.Fatal(err)
					}
					defer conn.Close()
					conn.SetDeadline(time.Now().Add(20 * time.Second))
					io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: "+protocol+"\r\n\r\n")
					r := bufio.NewReader(conn)
					resp, err := http.ReadResponse(r, nil)
					if err != nil {
						t.Fatal(err)
					}
					if revoked == 1 {
						if err := <-failed; resp.StatusCode != http.StatusBadGateway || !errors.Is(err, finding.CertRevoked) {
							t.Errorf("%s, %s, %s, revoked: %s, %v", name, route, protocol, resp.Status, err)
						}
						continue
					}
					if resp.StatusCode != http.StatusSwitchingProtocols {
						t.Errorf("%s, %s, %s: %s", name, route, protocol, resp.Status)
						continue
					}
					io.WriteString(conn, "hello\n")
					if line, err := r.ReadString('\n'); line != "echo hello\n" {
						t.Errorf("%s, %s, %s: %q, %v", name, route, protocol, line, err)
					}
				}
				if revoked == 0 {
					if body, _, err := fetched(client, site); body != "HTTP/2.0" {
						t.Errorf("%s, %s: then %q, %v", name, route, body, err)
					}
				}
			}
		}
	}
}

// The hooks of httptrace are called once for a handshake, before and after it, as
// net/http does by itself: direct, through a proxy, and when it fails.
func TestHandshakeTrace(t *testing.T) {
	w := newWorld(t)
	good, bad := w.server(), w.server()
	w.revoke(bad)
	sites := []string{httpServer(t, good.TLS(), "h2", "localhost"), httpServer(t, bad.TLS(), "h2", "localhost")}
	v := newVerifier(t, w.config(assay.Config{Network: assay.Inline}))
	for route, tune := range routes(t) {
		for name, client := range clients(t, v, tune) {
			for revoked, site := range sites {
				var mu sync.Mutex
				var events []string
				note := func(s string) { mu.Lock(); defer mu.Unlock(); events = append(events, s) }
				trace := &httptrace.ClientTrace{
					ConnectDone:       func(string, string, error) { note("connected") },
					TLSHandshakeStart: func() { note("start") },
					TLSHandshakeDone: func(cs tls.ConnectionState, err error) {
						if (err == nil) != cs.HandshakeComplete || errors.Is(err, finding.CertRevoked) != (revoked == 1) {
							note("complete " + errorText(err))
						}
						note("done")
					},
					GotConn: func(i httptrace.GotConnInfo) { note("got") },
				}
				r, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "GET", site, nil)
				if err != nil {
					t.Fatal(err)
				}
				resp, err := client.Transport.RoundTrip(r)
				want := []string{"connected", "start", "done"}
				if revoked == 0 {
					if err != nil || resp.Request != r {
						t.Fatalf("%s, %s: %v", name, route, err)
					}
					want = append(want, "got")
					resp.Body.Close()
				}
				mu.Lock()
				if got := slices.DeleteFunc(slices.Clone(events), func(s string) bool { return s == "connected" }); !slices.Equal(got, want[1:]) || events[0] != "connected" {
					t.Errorf("%s, %s, server %d: %q, want %q", name, route, revoked, events, want)
				}
				mu.Unlock()
			}
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return "without an error"
	}
	return err.Error()
}

// A request that cannot be sent, and a Transport that is none, are errors.
func TestTransportNothingToSend(t *testing.T) {
	v := newVerifier(t, newWorld(t).config(assay.Config{}))
	var zero assay.Transport
	for _, tr := range []*assay.Transport{v.Transport(), &zero, new(assay.Verifier).Transport()} {
		if _, err := tr.RoundTrip(&http.Request{}); err == nil {
			t.Error("a request without URL was sent")
		}
		if _, err := tr.RoundTrip(&http.Request{Header: http.Header{}, URL: &url.URL{}}); err == nil {
			t.Error("a request to nobody was sent")
		}
		tr.CloseIdleConnections()
	}
}

// A refusal names the server that was asked for, by address too, direct and
// behind a proxy; one by a proxy names the proxy.
func TestRefusalNamesTheHost(t *testing.T) {
	w := newWorld(t)
	bad := w.server()
	w.revoke(bad)
	v := newVerifier(t, w.config(assay.Config{Network: assay.Inline}))
	for route, tune := range routes(t) {
		for _, host := range []string{"localhost", "127.0.0.1"} {
			client := &http.Client{Transport: transportFrom(t, v, tune), Timeout: 20 * time.Second}
			_, _, err := fetched(client, httpServer(t, bad.TLS(), "h2", host))
			var own *assay.Error
			if !errors.As(err, &own) || own.Report.Target.Host != host || !strings.Contains(err.Error(), "assay: "+host+" refused: ") {
				t.Errorf("%s, %s: %v", route, host, err)
			}
		}
	}
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.TLS = &tls.Config{Certificates: []tls.Certificate{bad.TLS()}}
	secure.Config.ErrorLog = quietLog()
	secure.StartTLS()
	defer secure.Close()
	proxy, _ := url.Parse(secure.URL)
	client := &http.Client{Transport: transportFrom(t, v, func(s *http.Transport) { s.Proxy = http.ProxyURL(proxy) })}
	_, _, err := fetched(client, "https://elsewhere.test/")
	var own *assay.Error
	if !errors.As(err, &own) || own.Report.Target.Host != "127.0.0.1" || !errors.Is(err, finding.CertRevoked) {
		t.Errorf("the proxy's own certificate is revoked: %v", err)
	}
}

// Plain HTTP through a transport that assay was added to may carry any bytes, also
// such as look like a handshake and what follows it.
func TestConfigureTransportPlain(t *testing.T) {
	got := make(chan []byte, 1)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got <- b
	}))
	defer s.Close()
	tr := settings(nil)
	if err := newVerifier(t, newWorld(t).config(assay.Config{})).ConfigureTransport(tr); err != nil {
		t.Fatal(err)
	}
	defer tr.CloseIdleConnections()
	client := &http.Client{Transport: tr, Timeout: 20 * time.Second}
	chunks := [][]byte{bytes.Repeat([]byte{22, 3, 3, 1, 0}, 4000), bytes.Repeat([]byte{23, 3, 3, 1, 0}, 4000)}
	body, write := io.Pipe()
	go func() {
		for _, c := range chunks {
			write.Write(c)
		}
		write.Close()
	}()
	r := newRequest(s.URL)
	r.Method, r.Body, r.ContentLength = "PUT", body, 40000
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if b := <-got; !bytes.Equal(b, slices.Concat(chunks...)) {
		t.Errorf("%d bytes came", len(b))
	}
}

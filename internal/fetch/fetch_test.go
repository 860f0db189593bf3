package fetch

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
)

var loopback = Scope{Loopback: true}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func wantFailure(t *testing.T, f *Failure, id finding.ID) {
	t.Helper()
	if f == nil {
		t.Fatalf("no failure, want %s", id)
	}
	if f.ID != id || f.Detail == "" {
		t.Fatalf("failure %q (%s), want %s", f.ID, f.Detail, id)
	}
}

func TestGet(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "" || r.Header.Get("Cookie") != "" || r.Header.Get("Authorization") != "" {
			t.Errorf("sent headers %v", r.Header)
		}
		w.Header().Set("ETag", `"v1"`)
		w.Header().Set("Last-Modified", "Mon, 02 Jan 2023 03:04:05 GMT")
		w.Header().Set("Cache-Control", "public, max-age=3600, no-transform")
		w.Header().Set("Set-Cookie", "a=b")
		w.Header().Set("Content-Type", "application/pkix-crl")
		w.Write([]byte("body"))
	})
	resp, f := (&Client{}).Do(context.Background(), Request{URL: strings.Replace(s.URL, "http://", "http://user:secret@", 1) + "/a.crl#x", Scope: loopback})
	if f != nil {
		t.Fatal(f)
	}
	if string(resp.Body) != "body" || resp.Bytes != 4 || resp.ETag != `"v1"` || resp.LastModified == "" || resp.MaxAge != time.Hour ||
		resp.ContentType != "application/pkix-crl" || resp.Addr != s.Listener.Addr().String() || resp.Date.IsZero() {
		t.Errorf("%+v", resp)
	}
}

func TestConditional(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") == `"v1"` && r.Header.Get("If-Modified-Since") == "then" || r.URL.Path == "/always" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Write([]byte("new"))
	})
	resp, f := (&Client{}).Do(context.Background(), Request{URL: s.URL, ETag: `"v1"`, LastModified: "then", Scope: loopback})
	if f != nil || !resp.NotModified || resp.Body != nil {
		t.Errorf("%+v %v", resp, f)
	}
	_, f = (&Client{}).Do(context.Background(), Request{URL: s.URL + "/always", Scope: loopback})
	wantFailure(t, f, finding.FetchHTTPStatus)
}

func TestInto(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, strings.Repeat("x", 1<<20)) })
	var buf bytes.Buffer
	resp, f := (&Client{}).Do(context.Background(), Request{URL: s.URL, Into: &buf, Scope: loopback})
	if f != nil || buf.Len() != 1<<20 || resp.Body != nil || resp.Bytes != 1<<20 {
		t.Errorf("%d %+v %v", buf.Len(), resp, f)
	}
}

func TestFailures(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write(make([]byte, 1<<20))
	z.Close()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/404":
			http.NotFound(w, r)
		case "/large":
			w.Header().Set("Content-Length", "1000000")
			w.Write(make([]byte, 1000000))
		case "/endless":
			for {
				if _, err := w.Write(make([]byte, 4096)); err != nil {
					return
				}
			}
		case "/drip":
			for {
				if _, err := w.Write([]byte{'.'}); err != nil {
					return
				}
				w.(http.Flusher).Flush()
				select {
				case <-r.Context().Done():
					return
				case <-time.After(20 * time.Millisecond):
				}
			}
		case "/silent":
			<-r.Context().Done()
		case "/truncated":
			w.Header().Set("Content-Length", "100")
			w.Write([]byte("short"))
		case "/gzip":
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(zipped.Bytes())
		case "/nowhere":
			w.WriteHeader(http.StatusFound)
		case "/badurl":
			w.Header()["Location"] = []string{"http://[::bad/"}
			w.WriteHeader(http.StatusFound)
		case "/reset":
			c, _, _ := w.(http.Hijacker).Hijack()
			c.(*net.TCPConn).SetLinger(0)
			c.Close()
		case "/headers":
			c, _, _ := w.(http.Hijacker).Hijack()
			defer c.Close()
			io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			for i := range 100000 {
				if _, err := fmt.Fprintf(c, "X-%d: %s\r\n", i, strings.Repeat("y", 1000)); err != nil {
					return
				}
			}
		}
	})
	c := &Client{Timeout: 300 * time.Millisecond, MaxBytes: 1000}
	for path, id := range map[string]finding.ID{
		"/404": finding.FetchHTTPStatus, "/large": finding.FetchTooLarge, "/endless": finding.FetchTooLarge, "/drip": finding.FetchTimeout, "/silent": finding.FetchTimeout, "/truncated": finding.FetchFailed,
		"/gzip": finding.FetchContentEncoding, "/nowhere": finding.FetchFailed, "/badurl": finding.FetchFailed, "/reset": finding.FetchFailed, "/headers": finding.FetchFailed,
	} {
		start := time.Now()
		_, f := c.Do(context.Background(), Request{URL: s.URL + path, Scope: loopback})
		wantFailure(t, f, id)
		if d := time.Since(start); d > 3*time.Second {
			t.Errorf("%s took %v", path, d)
		}
	}
	for u, id := range map[string]finding.ID{
		"ldap://127.0.0.1/cn=x": finding.FetchSchemeRefused, "file:///etc/passwd": finding.FetchSchemeRefused, "ftp://127.0.0.1/": finding.FetchSchemeRefused, "": finding.FetchSchemeRefused,
		"javascript:alert(1)": finding.FetchSchemeRefused, "http://": finding.FetchFailed, "http:///path": finding.FetchFailed, "http://a b/": finding.FetchFailed, "http://127.0.0.1:1/": finding.FetchFailed,
		"http://no-such-host.invalid/": finding.FetchFailed,
	} {
		if strings.Contains(u, ".invalid") && testing.Short() {
			continue
		}
		c := &Client{Timeout: 2 * time.Second, Resolver: deadResolver}
		_, f := c.Do(context.Background(), Request{URL: u, Scope: loopback})
		wantFailure(t, f, id)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, f := c.Do(ctx, Request{URL: s.URL, Scope: loopback})
	wantFailure(t, f, finding.FetchFailed)
}

// deadResolver never sends anything off this machine.
var deadResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
	return nil, fmt.Errorf("no resolver here")
}}

// Every hop's address is checked: where one may not go directly, no redirect
// leads either.
func TestAddresses(t *testing.T) {
	var target string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/go" {
			http.Redirect(w, r, target, http.StatusFound)
			return
		}
		w.Write([]byte("ok"))
	})
	c := &Client{Timeout: time.Second, Resolver: deadResolver}
	port := s.URL[strings.LastIndexByte(s.URL, ':'):]
	for _, u := range []string{s.URL, "http://127.0.0.1" + port, "http://[::ffff:127.0.0.1]" + port, "http://localhost" + port} {
		_, f := c.Do(context.Background(), Request{URL: u})
		wantFailure(t, f, finding.FetchRefusedAddress)
		_, f = c.Do(context.Background(), Request{URL: u, Scope: Scope{Private: true}})
		wantFailure(t, f, finding.FetchRefusedAddress)
	}
	for _, host := range []string{"169.254.169.254", "10.0.0.1", "0.0.0.0", "[::]", "[fe80::1]", "224.0.0.1", "255.255.255.255", "100.100.100.200",
		"[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::1]", "192.168.0.1", "[fd00:ec2::254]"} {
		_, f := c.Do(context.Background(), Request{URL: "http://" + host + "/", Scope: loopback})
		wantFailure(t, f, finding.FetchRefusedAddress)
		target = "http://" + host + "/"
		_, f = c.Do(context.Background(), Request{URL: s.URL + "/go", Scope: loopback})
		wantFailure(t, f, finding.FetchRefusedAddress)
	}
	target = "/ok"
	if resp, f := c.Do(context.Background(), Request{URL: s.URL + "/go", Scope: loopback}); f != nil || string(resp.Body) != "ok" || resp.Redirects != 1 {
		t.Errorf("%+v %v", resp, f)
	}
	for _, u := range []string{"file:///etc/passwd", "ldap://127.0.0.1/", "gopher://127.0.0.1/"} {
		target = u
		_, f := c.Do(context.Background(), Request{URL: s.URL + "/go", Scope: loopback})
		wantFailure(t, f, finding.FetchSchemeRefused)
	}
}

func TestRedirects(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var n int
		fmt.Sscanf(r.URL.Path, "/%d", &n)
		if n == 0 {
			w.Write([]byte(r.Method))
			return
		}
		code := http.StatusFound
		if r.URL.Query().Get("code") == "303" {
			code = http.StatusSeeOther
		}
		http.Redirect(w, r, fmt.Sprintf("/%d", n-1), code)
	})
	get := func(c *Client, r Request) (*Response, *Failure) {
		r.Scope = loopback
		return c.Do(context.Background(), r)
	}
	if resp, f := get(&Client{}, Request{URL: s.URL + "/5"}); f != nil || resp.Redirects != 5 || resp.URL != s.URL+"/0" {
		t.Errorf("%+v %v", resp, f)
	}
	_, f := get(&Client{}, Request{URL: s.URL + "/6"})
	wantFailure(t, f, finding.FetchRedirectLimit)
	_, f = get(&Client{MaxRedirects: -1}, Request{URL: s.URL + "/1"})
	wantFailure(t, f, finding.FetchRedirectLimit)
	if resp, f := get(&Client{}, Request{Method: "POST", URL: s.URL + "/1", Body: []byte("x")}); f != nil || string(resp.Body) != "POST" {
		t.Errorf("a redirected POST became %+v %v", resp, f)
	}
	_, f = get(&Client{}, Request{Method: "POST", URL: s.URL + "/1?code=303", Body: []byte("x")})
	wantFailure(t, f, finding.FetchHTTPStatus)
	loop := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusMovedPermanently) })
	_, f = get(&Client{}, Request{URL: loop.URL})
	wantFailure(t, f, finding.FetchRedirectLimit)
}

func TestProxy(t *testing.T) {
	var asked []string
	p := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.String())
		if r.URL.Host == "inside.example" {
			http.Redirect(w, r, "http://127.0.0.1/secret", http.StatusFound)
			return
		}
		w.Write([]byte("proxied"))
	})
	pu, _ := url.Parse(p.URL)
	c := &Client{Proxy: func(*http.Request) (*url.URL, error) { return pu, nil }}
	resp, f := c.Do(context.Background(), Request{URL: "http://crl.example/a.crl"})
	if f != nil || string(resp.Body) != "proxied" || !resp.Proxied {
		t.Fatalf("%+v %v", resp, f)
	}
	for _, u := range []string{"http://127.0.0.1/", "http://localhost/", "http://a.localhost./", "http://10.1.2.3/", "http://[::1]/", "http://169.254.169.254/",
		"http://2130706433/", "http://0x7f000001/", "http://127.1/", "http://[::ffff:7f00:1]/", "http://inside.example/"} {
		_, f := c.Do(context.Background(), Request{URL: u, Scope: loopback})
		wantFailure(t, f, finding.FetchRefusedAddress)
	}
	if len(asked) != 2 {
		t.Errorf("the proxy was asked for %v", asked)
	}
	bad := &Client{Proxy: func(*http.Request) (*url.URL, error) { return nil, os.ErrInvalid }}
	_, f = bad.Do(context.Background(), Request{URL: "http://crl.example/"})
	wantFailure(t, f, finding.FetchFailed)
}

func TestHTTPS(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("ok")) }))
	defer s.Close()
	_, f := (&Client{}).Do(context.Background(), Request{URL: s.URL, Scope: loopback})
	wantFailure(t, f, finding.FetchFailed)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	if resp, f := (&Client{RootCAs: pool}).Do(context.Background(), Request{URL: s.URL, Scope: loopback}); f != nil || string(resp.Body) != "ok" {
		t.Errorf("%+v %v", resp, f)
	}
}

func TestOCSPMethods(t *testing.T) {
	var log []string
	refuse := ""
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		log = append(log, r.Method+" "+r.URL.EscapedPath()+" "+r.Header.Get("Content-Type"))
		switch {
		case r.Method == refuse || refuse == "both":
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		case "OCSP "+r.Method == refuse || refuse == "OCSP both" || refuse == "OCSP GET, HTTP POST" && r.Method == "GET":
			w.Write(malformedRequest)
			return
		case refuse == "OCSP GET, HTTP POST":
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.Write([]byte("r"))
	})
	c := &Client{}
	for _, k := range []struct {
		short  bool
		refuse string
		want   string
		ok     bool
	}{
		{true, "", "GET /x%2F ", true},
		{false, "", "POST / application/ocsp-request", true},
		{true, "GET", "GET /x%2F , POST / application/ocsp-request", true},
		{false, "POST", "POST / application/ocsp-request, GET /x%2F ", true},
		{true, "both", "GET /x%2F , POST / application/ocsp-request", false},
		{true, "OCSP GET", "GET /x%2F , POST / application/ocsp-request", true},
		{false, "OCSP POST", "POST / application/ocsp-request, GET /x%2F ", true},
		{true, "OCSP both", "GET /x%2F , POST / application/ocsp-request", true}, // it is for the judge to say what that means
		{true, "OCSP GET, HTTP POST", "GET /x%2F , POST / application/ocsp-request", true},
	} {
		log, refuse = nil, k.refuse
		resp, f := c.OCSP(context.Background(), s.URL+"/", s.URL+"/x%2F", k.short, Request{Body: []byte("q"), Scope: loopback})
		if want := []byte("r"); f == nil && !strings.Contains(k.refuse, "both") && k.refuse != "OCSP GET, HTTP POST" && !bytes.Equal(resp.Body, want) {
			t.Errorf("%+v: the body is %q", k, resp.Body)
		}
		if got := strings.Join(log, ", "); got != k.want || (f == nil) != k.ok {
			t.Errorf("%+v: %s, %v", k, got, f)
		}
	}
}

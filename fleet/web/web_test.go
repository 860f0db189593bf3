package web

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/fleet/alert"
	"github.com/assaytls/assay/fleet/watch"
	"github.com/assaytls/assay/report"
)

const testToken = "0123456789abcdef0123456789abcdef"

// start starts a Server over a database of its own. The configuration names one server
// that nobody runs.
func start(t testing.TB, s Settings, address string, ask Asker) (*Server, error) {
	t.Helper()
	ctx := context.Background()
	store, err := watch.Open(ctx, filepath.Join(t.TempDir(), "watch.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	c, err := watch.Arguments([]string{"127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := store.Sync(ctx, c.Specs(), c.Names(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if ask == nil {
		j := &watch.Judges{CacheDir: t.TempDir()}
		networks, _ := s.Allowed()
		if err := j.Use(ctx, c); err != nil {
			t.Fatal(err)
		}
		if err := j.Reach(ctx, networks); err != nil {
			t.Fatal(err)
		}
		ask = j.Ask
	}
	w := &Server{Store: store, Alerts: &alert.Manager{Store: store}, Ask: ask, Trouble: func(err error) { t.Error(err) }, Version: "test"}
	if err := w.Use(s, address); err != nil {
		return nil, err
	}
	w.Configure(c, c.Specs())
	return w, nil
}

const loopback = "127.0.0.1:8843"

// do sends a request; changes are pairs of headers, or "Host" and "From" (the address).
func do(s *Server, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host, r.RemoteAddr = loopback, "127.0.0.1:4444"
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		switch headers[i] {
		case "Host":
			r.Host = headers[i+1]
		case "From":
			r.RemoteAddr = headers[i+1]
		default:
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func tokenFile(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(name, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestListen: nobody else can connect unless somebody says who may ask and nothing is
// overheard.
func TestListen(t *testing.T) {
	token := tokenFile(t, testToken, 0o600)
	for _, c := range []struct {
		address string
		s       Settings
		want    string // part of the error, "" for none
	}{
		{loopback, Settings{}, ""},
		{"[::1]:1", Settings{}, ""},
		{"0.0.0.0:1", Settings{}, "nothing says who may ask"},
		{":1", Settings{}, "nothing says who may ask"},
		{"localhost.evil.test:1", Settings{}, "nothing says who may ask"},
		{"0.0.0.0:1", Settings{TokenFile: token}, "unencrypted"},
		{"0.0.0.0:1", Settings{TokenFile: token, Proxies: []string{"192.0.2.1/32"}}, ""},
		{"0.0.0.0:1", Settings{UserHeader: "X-User"}, "whose word counts"},
		{"0.0.0.0:1", Settings{UserHeader: "X-User", Proxies: []string{"192.0.2.1/32"}}, ""},
		{"nonsense", Settings{}, "it is like"},
		{loopback, Settings{TokenFile: tokenFile(t, "short", 0o600)}, "24 characters"},
		{loopback, Settings{TokenFile: tokenFile(t, testToken, 0o644)}, "read by others"},
		{loopback, Settings{TokenFile: tokenFile(t, "# none", 0o600)}, "no token"},
		{loopback, Settings{Networks: []string{"10.0.0.1/8"}}, "not a network"},
	} {
		_, err := c.s.open(c.address)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %+v: %v, want %q", c.address, c.s, err, c.want)
		}
	}
}

// TestAdmit: who is answered and who is not.
func TestAdmit(t *testing.T) {
	open, err := start(t, Settings{}, loopback, nil)
	if err != nil {
		t.Fatal(err)
	}
	closed, err := start(t, Settings{TokenFile: tokenFile(t, testToken, 0o600), UserHeader: "X-User", Proxies: []string{"192.0.2.1/32"}}, "0.0.0.0:1", nil)
	if err != nil {
		t.Fatal(err)
	}
	direct, err := start(t, Settings{UserHeader: "X-User", Proxies: []string{"192.0.2.1/32"}}, loopback, nil)
	if err != nil {
		t.Fatal(err)
	}
	const targets = "/api/v1/targets"
	add := `{"target":"a.test"}`
	for _, c := range []struct {
		name    string
		s       *Server
		method  string
		path    string
		body    string
		headers []string
		want    int
	}{
		{"this computer", open, "GET", targets, "", nil, 200},
		{"localhost", open, "GET", targets, "", []string{"Host", "localhost:8843"}, 200},
		{"DNS rebinding", open, "GET", targets, "", []string{"Host", "evil.test:8843"}, 421},
		{"a name that looks local", open, "GET", targets, "", []string{"Host", "127.0.0.1.evil.test"}, 421},
		{"another site's page reads", open, "GET", targets, "", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}, 403},
		{"another site's image probes", open, "GET", "/probe?target=127.0.0.1:1", "", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}, 403},
		{"another site's page changes", open, "POST", targets, add, []string{"Origin", "http://evil.test"}, 403},
		{"an old browser's form", open, "POST", targets, add, []string{"Content-Type", "text/plain"}, 403},
		{"no content type", open, "POST", targets, add, []string{"Content-Type", ""}, 415},
		{"a program", open, "POST", targets, add, nil, 201},
		{"health of a closed one", closed, "GET", "/healthz", "", []string{"From", "192.0.2.1:1"}, 200},
		{"past the proxy", closed, "GET", targets, "", []string{"Authorization", "Bearer " + testToken}, 403},
		{"through the proxy, unknown", closed, "GET", targets, "", []string{"From", "192.0.2.1:1"}, 401},
		{"through the proxy, a user", closed, "GET", targets, "", []string{"From", "192.0.2.1:1", "X-User", "ann"}, 200},
		{"the header from elsewhere", closed, "GET", targets, "", []string{"From", "192.0.2.2:1", "X-User", "ann"}, 403},
		{"the header from this computer, which is no proxy", direct, "GET", targets, "", []string{"X-User", "ann"}, 401},
		{"a token", closed, "GET", targets, "", []string{"From", "192.0.2.1:1", "Authorization", "Bearer " + testToken}, 200},
		{"a wrong token", closed, "GET", targets, "", []string{"From", "192.0.2.1:1", "Authorization", "Bearer x" + testToken}, 401},
		{"metrics are not for all", closed, "GET", "/metrics", "", []string{"From", "192.0.2.1:1"}, 401},
		{"probes neither", closed, "GET", "/probe?target=127.0.0.1:1", "", []string{"From", "192.0.2.1:1"}, 401},
	} {
		if got := do(c.s, c.method, c.path, c.body, c.headers...); got.Code != c.want {
			t.Errorf("%s: %d, want %d: %s", c.name, got.Code, c.want, got.Body)
		}
	}
}

// TestSession: a cookie stands for a token, is its page's alone, and ends with it.
func TestSession(t *testing.T) {
	s, err := start(t, Settings{TokenFile: tokenFile(t, testToken, 0o600)}, loopback, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := do(s, "POST", "/api/v1/session", `{"token":"wrong"}`); got.Code != 401 {
		t.Errorf("a wrong token: %d", got.Code)
	}
	in := do(s, "POST", "/api/v1/session", `{"token":"`+testToken+`"}`)
	cookies := in.Result().Cookies()
	if in.Code != 200 || len(cookies) != 1 || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteStrictMode {
		t.Fatalf("%d %v %s", in.Code, cookies, in.Body)
	}
	var session Session
	if err := json.Unmarshal(in.Body.Bytes(), &session); err != nil || session.CSRF == "" {
		t.Fatal(session, err)
	}
	cookie := cookieName + "=" + cookies[0].Value
	if got := do(s, "GET", "/api/v1/targets", "", "Cookie", cookie); got.Code != 200 {
		t.Errorf("the cookie: %d", got.Code)
	}
	if got := do(s, "GET", "/api/v1/targets", "", "Cookie", cookie+"x"); got.Code != 401 {
		t.Errorf("a forged cookie: %d", got.Code)
	}
	add := `{"target":"a.test"}`
	if got := do(s, "POST", "/api/v1/targets", add, "Cookie", cookie); got.Code != 403 {
		t.Errorf("without the CSRF token: %d", got.Code)
	}
	if got := do(s, "POST", "/api/v1/targets", add, "Cookie", cookie, csrfHeader, session.CSRF); got.Code != 201 {
		t.Errorf("with it: %d %s", got.Code, got.Body)
	}
	a := s.access.Load()
	if _, ok := a.session(cookies[0].Value, time.Now().Add(sessionLasts+time.Second)); ok {
		t.Error("a session does not end")
	}
	if err := s.Use(Settings{TokenFile: tokenFile(t, "another-"+testToken, 0o600)}, loopback); err != nil {
		t.Fatal(err)
	}
	if got := do(s, "GET", "/api/v1/targets", "", "Cookie", cookie); got.Code != 401 {
		t.Errorf("after its token went: %d", got.Code)
	}
}

// TestOwn: only what the configuration names is reached at this computer's addresses,
// and nobody can remove it.
func TestOwn(t *testing.T) {
	s, err := start(t, Settings{}, loopback, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := do(s, "GET", "/probe?target=127.0.0.1:1", ""); got.Code != 200 || !strings.Contains(got.Body.String(), "probe_success 0") || !strings.Contains(got.Body.String(), `assay_headline_info{finding="`) {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if got := do(s, "POST", "/api/v1/check", `{"target":"127.0.0.1:1","policy":{"min-rsa":3072}}`); got.Code != 200 {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	for _, body := range []string{`{"target":"127.0.0.1:1","policy":{"nonsense":1}}`, `{"target":"mx:a.test"}`, `{"target":"a b"}`, `{"target":""}`, `{"target":"a.test","group":"nowhere"}`, `{"target":"a.test","policy":{"time":"2020-01-01T00:00:00Z"}}`} {
		if got := do(s, "POST", "/api/v1/check", body); got.Code != 422 {
			t.Errorf("%s: %d %s", body, got.Code, got.Body)
		}
	}
	if got := do(s, "DELETE", "/api/v1/targets/1", ""); got.Code != 409 {
		t.Errorf("it is removed: %d", got.Code)
	}
	if got := do(s, "POST", "/api/v1/targets", `{"target":"mx:a.test"}`); got.Code != 422 {
		t.Errorf("a domain is added: %d", got.Code)
	}
}

// rebinding is a DNS server that answers with one address after the other.
func rebinding(t *testing.T, addresses ...string) {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int64
	go func() {
		b := make([]byte, 1500)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(b[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			m.Response, m.Additionals = true, nil
			q := m.Questions[0]
			h := dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, Type: q.Type}
			ip := net.ParseIP(addresses[min(int(asked.Load()), len(addresses)-1)])
			switch {
			case q.Type == dnsmessage.TypeA && ip.To4() != nil:
				asked.Add(1)
				m.Answers = []dnsmessage.Resource{{Header: h, Body: &dnsmessage.AResource{A: [4]byte(ip.To4())}}}
			case q.Type == dnsmessage.TypeAAAA && ip.To4() == nil:
				asked.Add(1)
				m.Answers = []dnsmessage.Resource{{Header: h, Body: &dnsmessage.AAAAResource{AAAA: [16]byte(ip)}}}
			}
			out, err := m.Pack()
			if err == nil {
				c.WriteTo(out, from)
			}
		}
	}()
	before := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", c.LocalAddr().String())
	}}
	t.Cleanup(func() { net.DefaultResolver = before; c.Close() })
}

// listening counts the connections to an address.
func listening(t *testing.T, address string) (port string, n *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	n = new(atomic.Int64)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n.Add(1)
			c.Close()
		}
	}()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port, n
}

// TestStrangers: what a stranger names is not reached at addresses that are not public,
// however it is written and wherever the DNS leads, and by none of the ways to ask.
func TestStrangers(t *testing.T) {
	port, n := listening(t, "127.0.0.1:0")
	s, err := start(t, Settings{Checks: 1000}, loopback, nil)
	if err != nil {
		t.Fatal(err)
	}
	rebinding(t, "127.0.0.1")
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::]", "0.0.0.0",
		"2130706433", "0x7f000001", "0177.0.0.1", "127.1", "rebind.test", "169.254.169.254", "[fd00:ec2::254]", "10.0.0.1", "100.100.100.200"} {
		for _, scheme := range []string{"", "smtp://"} {
			body, _ := json.Marshal(Check{Target: scheme + host + ":" + port})
			got := do(s, "POST", "/api/v1/check", string(body))
			if got.Code == 200 && !bytes.Contains(got.Body.Bytes(), []byte(`"verdict":"inconclusive"`)) || got.Code != 200 && got.Code != 422 {
				t.Errorf("%s: %d %s", host, got.Code, got.Body)
			}
		}
		do(s, "GET", "/probe?target="+strings.ReplaceAll(host, "%", "")+":"+port, "")
	}
	if n.Load() != 0 {
		t.Errorf("%d connections to this computer", n.Load())
	}
}

// TestRebinding: an allowed network is reached, and the same name is not when the DNS
// leads it elsewhere the next time.
func TestRebinding(t *testing.T) {
	port, inside := listening(t, "127.0.0.2:0")
	outsidePort, outside := listening(t, "127.0.0.1:"+port)
	if outsidePort != port {
		t.Fatal(outsidePort, port)
	}
	s, err := start(t, Settings{Networks: []string{"127.0.0.2/32"}}, loopback, nil)
	if err != nil {
		t.Fatal(err)
	}
	rebinding(t, "127.0.0.2", "127.0.0.1")
	do(s, "POST", "/api/v1/check", `{"target":"rebind.test:`+port+`"}`)
	if inside.Load() == 0 {
		t.Error("the allowed network was not reached")
	}
	for range 3 {
		do(s, "POST", "/api/v1/check", `{"target":"rebind.test:`+port+`","policy":{"min-rsa":3072}}`)
	}
	if outside.Load() != 0 {
		t.Errorf("%d connections to what is not allowed", outside.Load())
	}
}

// quick answers at once, and counts.
func quick(n *atomic.Int64) Asker {
	return func(context.Context, watch.Question) (watch.Outcome, error) {
		n.Add(1)
		time.Sleep(5 * time.Millisecond)
		r := &report.Report{Version: report.Version, Chosen: -1, Findings: []finding.Finding{}}
		report.Decide(r)
		return watch.Outcome{Report: r}, nil
	}
}

// TestLimits: a target is not checked again and again, nor for one client at will.
func TestLimits(t *testing.T) {
	var n atomic.Int64
	s, err := start(t, Settings{Checks: 20}, loopback, quick(&n))
	if err != nil {
		t.Fatal(err)
	}
	codes := map[int]int{}
	for i := range 10 { // other rules: other questions
		codes[do(s, "GET", "/probe?target=a.test&max-depth="+string(rune('0'+i)), "").Code]++
	}
	if codes[200] != perTarget || codes[429] != 10-perTarget || n.Load() != perTarget {
		t.Errorf("%v, %d checks", codes, n.Load())
	}
	for i := range 20 {
		codes[do(s, "GET", "/probe?target=b"+string(rune('a'+i))+".test", "").Code]++
	}
	if n.Load() > 20 {
		t.Errorf("%d checks for one client", n.Load())
	}
	if got := do(s, "POST", "/api/v1/check", `{"target":"`+strings.Repeat("a", maxBody)+`"}`); got.Code != 413 {
		t.Errorf("a large body: %d", got.Code)
	}
}

// TestCrowd: 1,000 clients at once, of whom each gets an answer, and the same question
// is asked once.
func TestCrowd(t *testing.T) {
	var n atomic.Int64
	s, err := start(t, Settings{Requests: 10_000}, loopback, quick(&n))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1000, MaxIdleConnsPerHost: 1000}}
	var wg sync.WaitGroup
	for i := range 1000 {
		wg.Go(func() {
			path := "/api/v1/targets"
			if i%2 == 0 {
				path = "/probe?target=127.0.0.1:1"
			}
			resp, err := client.Get(server.URL + path)
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			io.Copy(io.Discard, resp.Body)
			if resp.StatusCode != 200 {
				t.Errorf("%s: %d", path, resp.StatusCode)
			}
		})
	}
	wg.Wait()
	if n.Load() > 10 {
		t.Errorf("the same question was asked %d times", n.Load())
	}
}

// FuzzRequest: no request brings a panic, nor an answer of 500.
func FuzzRequest(f *testing.F) {
	f.Add("GET", "/api/v1/targets?limit=1&verdict=accept", "", "")
	f.Add("GET", "/probe?target=a&module=default&min-rsa=1", "", "x")
	f.Add("POST", "/api/v1/check", `{"target":"a.test","policy":{"strict":true,"name":["a"]}}`, "")
	f.Add("POST", "/api/v1/silences", `{"group":"a","until":"2026-01-01T00:00:00Z"}`, "1.a.b")
	f.Add("GET", "/api/v1/certificates?page=e30&spki=00", "", "")
	var n atomic.Int64
	s, err := start(f, Settings{Requests: 1 << 20, Checks: 1 << 20}, loopback, quick(&n))
	if err != nil {
		f.Fatal(err)
	}
	s.Trouble = nil
	f.Fuzz(func(t *testing.T, method, path, body, cookie string) {
		r, err := http.NewRequest(method, "http://127.0.0.1"+path, strings.NewReader(body))
		if err != nil || len(path) == 0 || path[0] != '/' {
			return
		}
		r.RemoteAddr = "127.0.0.1:1"
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Cookie", cookieName+"="+cookie)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
	})
}

// TestSection: the section takes what watch's schema says, and nothing else.
func TestSection(t *testing.T) {
	c := watch.ParseConfig("/etc/w.yaml", []byte("web: {token-file: token, proxies: [192.0.2.0/24], hosts: a.test, allow-networks: 10.0.0.0/8, user-header: X-User, tls-cert: a, tls-key: /b, requests-a-second: 5, checks-a-minute: 6}"))
	s := Read(c.Section("web"), "/etc")
	if err := c.Err(); err != nil || s.TokenFile != "/etc/token" || s.TLSKey != "/b" || s.Checks != 6 || len(s.Networks) != 1 {
		t.Errorf("%+v, %v", s, err)
	}
	for _, text := range []string{"web: {no-such: 1}", "web: {proxies: 1}", "web: {allow-networks: 10.0.0.1/8}", "web: {user-header: 'a b'}"} {
		c := watch.ParseConfig("w.yaml", []byte(text))
		if Read(c.Section("web"), ""); c.Err() == nil {
			t.Errorf("%s is taken", text)
		}
	}
	schema, err := os.ReadFile("../watch/schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var root struct {
		Properties struct {
			Web struct{ Properties map[string]any }
		}
	}
	if err := json.Unmarshal(schema, &root); err != nil {
		t.Fatal(err)
	}
	for name := range root.Properties.Web.Properties {
		c := watch.ParseConfig("w.yaml", []byte("web: {"+name+": 7}"))
		if Read(c.Section("web"), ""); c.Err() != nil && strings.Contains(c.Err().Error(), "there is no") {
			t.Errorf("the schema has %s, which is not taken", name)
		}
	}
}

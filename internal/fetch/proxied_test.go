package fetch

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
)

// proxied notes what a proxy is asked for.
type proxied struct {
	mu    sync.Mutex
	asked []string
}

func (p *proxied) note(host string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, host)
}

func (p *proxied) take() (asked []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	asked, p.asked = p.asked, nil
	return asked
}

// socks is a SOCKS 5 proxy (RFC 1928) that answers every request itself.
func (p *proxied) socks(t *testing.T) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go p.serveSOCKS(c)
		}
	}()
	return ln.Addr().String()
}

func (p *proxied) serveSOCKS(c net.Conn) {
	defer c.Close()
	read := func(n int) []byte {
		b := make([]byte, n)
		if _, err := io.ReadFull(c, b); err != nil {
			return make([]byte, n)
		}
		return b
	}
	read(int(read(2)[1]))
	c.Write([]byte{5, 0})
	host := ""
	switch read(4)[3] {
	case 1:
		host = net.IP(read(4)).String()
	case 3:
		host = string(read(int(read(1)[0])))
	case 4:
		host = net.IP(read(16)).String()
	}
	p.note(net.JoinHostPort(host, strconv.Itoa(int(binary.BigEndian.Uint16(read(2))))))
	c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	if req, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
		p.answer(req, func(status, location string) {
			io.WriteString(c, "HTTP/1.1 "+status+"\r\nLocation: "+location+"\r\nContent-Length: 0\r\n\r\n")
		})
	}
}

// answer redirects where the query says.
func (p *proxied) answer(r *http.Request, reply func(status, location string)) {
	if to := r.URL.Query().Get("to"); to != "" {
		reply("302 Found", to)
		return
	}
	reply("200 OK", "")
}

func (p *proxied) http(t *testing.T) string {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		host := r.URL.Host
		if r.URL.Port() == "" {
			host = net.JoinHostPort(r.URL.Hostname(), "80")
		}
		p.note(host)
		p.answer(r, func(status, location string) {
			if w.Header().Set("Location", location); location != "" {
				w.WriteHeader(http.StatusFound)
			}
		})
	})
	return s.Listener.Addr().String()
}

// Through no proxy is anything asked for that its address rules forbid, however
// the host is spelt and whatever its name leads to here; what may be asked for
// goes out in ASCII.
func TestProxiedHosts(t *testing.T) {
	names := &nameServer{names: map[string][]string{
		"metadata.assay.test": {"169.254.169.254"}, "v6.assay.test": {"fd00:ec2::254"}, "nat64.assay.test": {"64:ff9b::a9fe:a9fe"},
		"private.assay.test": {"10.0.0.7"}, "here.assay.test": {"127.0.0.1"}, "public.assay.test": {"8.8.8.8"}, "xn--bcher-kva.assay.test": {"8.8.4.4"},
	}}
	resolver := names.resolver(t)
	p := &proxied{}
	proxies := map[string]string{"http": p.http(t), "socks5": p.socks(t)}
	proxies["socks5h"] = proxies["socks5"]
	refused := []string{
		"１６９.２５４.１６９.２５４", "169。254。169。254", "169．254．169．254", "１６９｡254｡169｡254", "%EF%BC%91%EF%BC%96%EF%BC%99.254.169.254",
		"①⑥⑨.254.169.254", "𝟏𝟔𝟗.254.169.254", "169.254.169.254。", "２８５２０３９１６６", "０ｘａ９ｆｅａ９ｆｅ", "0xa9fea9fe", "0xffffffffffffa9fea9fe", "169.254.43518", "0251.0376.0251.0376",
		"１２７.1", "10。0。0。7", "ｌｏｃａｌｈｏｓｔ", "Ⓛocalhost", "a。localhost", "[::ffff:a9fe:a9fe]", "[fd00:ec2::254]", "[64:ff9b::a9fe:a9fe]", "169.254.169.254.", ".", "a(b", "a*b",
	}
	for scheme, addr := range proxies {
		via := &url.URL{Scheme: scheme, Host: addr}
		c := &Client{Timeout: 20 * time.Second, Resolver: resolver, Proxy: func(*http.Request) (*url.URL, error) { return via, nil }}
		get := func(u string, s Scope) *Failure {
			_, f := c.Do(context.Background(), Request{URL: u, Scope: s})
			return f
		}
		for _, host := range refused {
			for _, u := range []string{"http://" + host + "/", "http://" + host + ":8080/latest"} {
				wantFailure(t, get(u, Scope{true, true}), finding.FetchRefusedAddress)
				if asked := p.take(); len(asked) > 0 {
					t.Errorf("%s: %s: the proxy was asked for %q", scheme, u, asked)
				}
				wantFailure(t, get("http://public.assay.test/?to="+url.QueryEscape(u), Scope{true, true}), finding.FetchRefusedAddress)
				if asked := p.take(); !slices.Equal(asked, []string{"public.assay.test:80"}) {
					t.Errorf("%s: redirected to %s: the proxy was asked for %q", scheme, u, asked)
				}
			}
		}
		for _, host := range []string{"a。b\u200dc。", "１６９：80"} { // what IDNA does not know, or what would be more than a host
			wantFailure(t, get("http://"+host+"/", Scope{}), finding.FetchFailed)
		}
		everywhere, network := Scope{true, true}, Scope{Private: true}
		for _, test := range []struct {
			name, asked string
			scope       Scope
			here        bool // whether the resolver here can tell
		}{
			{"metadata.assay.test", "", everywhere, true}, {"v6.assay.test", "", everywhere, true}, {"nat64.assay.test", "", everywhere, true},
			{"here.assay.test", "", everywhere, true}, {"private.assay.test", "", Scope{}, true}, {"ｐrivate。assay.test", "", Scope{}, true},
			{"private.assay.test", "private.assay.test:80", network, false}, {"public.assay.test", "public.assay.test:80", Scope{}, false},
			{"unknown.assay.test", "unknown.assay.test:80", Scope{}, false}, {"Bücher。assay.test:81", "xn--bcher-kva.assay.test:81", Scope{}, false},
			{"8.8.8.8", "8.8.8.8:80", Scope{}, false}, {"８.8.8.8", "8.8.8.8:80", Scope{}, false}, {"[2606:4700::1]", "[2606:4700::1]:80", Scope{}, false},
		} {
			p.take()
			f := get("http://"+test.name+"/", test.scope)
			refuse := test.here && scheme != "socks5h"
			switch asked := p.take(); {
			case refuse:
				wantFailure(t, f, finding.FetchRefusedAddress)
				if len(asked) > 0 {
					t.Errorf("%s: %s: the proxy was asked for %q", scheme, test.name, asked)
				}
			case f != nil || len(asked) != 1 || !test.here && asked[0] != test.asked:
				t.Errorf("%s: %s: %v, the proxy was asked for %q", scheme, test.name, f, asked)
			}
		}
	}
}

// For a socks5h proxy no name is looked up here.
func TestSOCKS5hLooksNothingUp(t *testing.T) {
	p := &proxied{}
	via := &url.URL{Scheme: "socks5h", Host: p.socks(t)}
	c := &Client{Proxy: func(*http.Request) (*url.URL, error) { return via, nil },
		Resolver: &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
			t.Error("a name is looked up")
			return nil, io.EOF
		}}}
	if _, f := c.Do(context.Background(), Request{URL: "http://crl.assay.test/"}); f != nil || !slices.Equal(p.take(), []string{"crl.assay.test:80"}) {
		t.Error(f)
	}
}

package fetch

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/assaytls/assay/finding"
)

// nameServer answers with the addresses of a name, one after the other and
// then the last one for ever.
type nameServer struct {
	mu    sync.Mutex
	names map[string][]string
}

func (n *nameServer) next(name string, v6 bool) (a netip.Addr, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := n.names[strings.TrimSuffix(name, ".")]
	if len(list) == 0 {
		return a, false
	}
	if a = netip.MustParseAddr(list[0]); a.Is4() == v6 {
		return a, false
	}
	if len(list) > 1 {
		n.names[strings.TrimSuffix(name, ".")] = list[1:]
	}
	return a, true
}

// resolver is a net.Resolver that asks n, on loopback.
func (n *nameServer) resolver(t *testing.T) *net.Resolver {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	go func() {
		for buf := make([]byte, 1500); ; {
			k, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:k]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
			head := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}
			v6 := q.Type == dnsmessage.TypeAAAA
			if a, ok := n.next(q.Name.String(), v6); ok && v6 {
				m.Answers = []dnsmessage.Resource{{Header: head, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}}}
			} else if ok {
				m.Answers = []dnsmessage.Resource{{Header: head, Body: &dnsmessage.AResource{A: a.As4()}}}
			}
			if out, err := m.Pack(); err == nil {
				pc.WriteTo(out, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", pc.LocalAddr().String())
	}}
}

// A name leads nowhere that its address may not: what counts is the address
// that is connected to, on each hop, whatever the name had a moment ago.
func TestNamesLeadNowhereElse(t *testing.T) {
	n := &nameServer{names: map[string][]string{"here.assay.test": {"127.0.0.1"}, "rebinds.assay.test": {"127.0.0.1", "169.254.169.254"}}}
	refused := map[string]string{"meta": "169.254.169.254", "private": "10.0.0.7", "linklocal": "fe80::1", "mapped": "::ffff:169.254.169.254", "nat64": "64:ff9b::a9fe:a9fe",
		"nat64-private": "64:ff9b::a00:7", "6to4": "2002:a9fe:a9fe::1", "6to4-private": "2002:a00:7::1", "ula": "fd00::1", "any": "0.0.0.0", "aws": "fd00:ec2::254"}
	for name, addr := range refused {
		n.names[name+".assay.test"] = []string{addr}
	}
	var target string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/go" {
			http.Redirect(w, r, target, http.StatusFound)
			return
		}
		w.Write([]byte("ok"))
	})
	port := s.URL[strings.LastIndexByte(s.URL, ':'):]
	c := &Client{Timeout: 20 * time.Second, Resolver: n.resolver(t)}
	get := func(url string, scope Scope) (*Response, *Failure) {
		return c.Do(context.Background(), Request{URL: url, Scope: scope})
	}
	here := "http://here.assay.test" + port
	if resp, f := get(here+"/", loopback); f != nil || string(resp.Body) != "ok" {
		t.Fatal(f)
	}
	_, f := get(here+"/", Scope{}) // as for a public server
	wantFailure(t, f, finding.FetchRefusedAddress)
	for name := range refused {
		target = "http://" + name + ".assay.test" + port + "/"
		_, f := get(target, loopback)
		wantFailure(t, f, finding.FetchRefusedAddress)
		_, f = get(here+"/go", loopback)
		wantFailure(t, f, finding.FetchRefusedAddress)
		if !strings.Contains(f.Detail, "address") {
			t.Errorf("%s: %s", name, f.Detail)
		}
	}
	if _, f := get("http://rebinds.assay.test"+port+"/", loopback); f != nil {
		t.Error(f)
	}
	_, f = get("http://rebinds.assay.test"+port+"/", loopback)
	wantFailure(t, f, finding.FetchRefusedAddress)
}

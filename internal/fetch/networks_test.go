package fetch

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"
)

// TestNetworks: a network that is allowed is reached, and a redirect leads no further.
func TestNetworks(t *testing.T) {
	var inside, outside atomic.Int64
	other := serve(t, func(http.ResponseWriter, *http.Request) { outside.Add(1) })
	l, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if inside.Add(1); r.URL.Path == "/away" {
			http.Redirect(w, r, other.URL, http.StatusFound)
		}
	})}}
	s.Start()
	t.Cleanup(s.Close)
	url := "http://" + l.Addr().String()
	c := &Client{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}}
	if _, f := c.Do(context.Background(), Request{URL: url}); f != nil || inside.Load() != 1 {
		t.Errorf("the allowed network: %v", f)
	}
	if _, f := c.Do(context.Background(), Request{URL: url + "/away"}); f == nil || outside.Load() != 0 {
		t.Errorf("a redirect out of it: %v, %d", f, outside.Load())
	}
	if _, f := (&Client{}).Do(context.Background(), Request{URL: url}); f == nil {
		t.Error("without it the address is reached")
	}
	all := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	for _, a := range []string{"169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254", "0.0.0.0", "64:ff9b::a9fe:a9fe"} {
		if Within(all, netip.MustParseAddr(a)) {
			t.Errorf("%s is within a network", a)
		}
	}
}

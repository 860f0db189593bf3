package tlsclient_test

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/tlsclient"
)

// TestAllow: an address that is not allowed sees no connection, whichever way
// is dialled, and the reason is told.
func TestAllow(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	came := make(chan struct{}, 8)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
			came <- struct{}{}
		}
	}()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	c := tlsclient.Config{Host: "a.test", Port: port, Resolve: map[string][]netip.Addr{"a.test:" + port: {netip.MustParseAddr("127.0.0.1")}},
		Allow: func(a netip.Addr) error {
			if asked++; a != netip.MustParseAddr("127.0.0.1") {
				t.Errorf("asked about %s", a)
			}
			return errors.New("this address is not allowed")
		}}
	for _, lean := range []bool{false, true} {
		c.Lean = lean
		ev := tlsclient.Dial(t.Context(), c)
		if ev.Failure == nil || ev.Failure.ID != finding.ConnectionFailed || !strings.Contains(ev.Failure.Detail, "this address is not allowed") {
			t.Errorf("lean %t: %+v", lean, ev.Failure)
		}
	}
	for _, ev := range tlsclient.DialAll(t.Context(), c) {
		if ev.Failure == nil {
			t.Error("DialAll connected")
		}
	}
	if len(came) > 0 || asked < 3 {
		t.Errorf("%d connections, asked %d times", len(came), asked)
	}
}

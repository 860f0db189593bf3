package tlsclient

import (
	"context"
	"net/netip"
	"slices"
	"testing"

	"github.com/assaytls/assay/finding"
)

// Lookup finds what Dial would, and a failure of it is Dial's without asking again.
func TestLookup(t *testing.T) {
	four, six := netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("::1")
	c := Config{Host: "A.test", Port: "8443", Resolve: map[string][]netip.Addr{"a.test:8443": {four, six, four}}}
	if got, f := Lookup(context.Background(), c); f != nil || !slices.Equal(got, []netip.Addr{six, four}) {
		t.Errorf("%v, %+v", got, f)
	}
	c.Network = "4"
	if got, f := Lookup(context.Background(), c); f != nil || !slices.Equal(got, []netip.Addr{four}) {
		t.Errorf("IPv4: %v, %+v", got, f)
	}
	c.Resolve["a.test:8443"] = []netip.Addr{six}
	_, f := Lookup(context.Background(), c)
	if f == nil || f.ID != finding.DNSNoAddress {
		t.Fatalf("no address of the family: %+v", f)
	}
	c.Failure, c.Resolve = f, nil
	if ev := Dial(context.Background(), c); ev.Failure != f || len(ev.Attempts) != 0 {
		t.Errorf("%+v", ev.Failure)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, f := Lookup(ctx, Config{Host: "b.test"}); f == nil || f.ID != finding.DialCancelled {
		t.Errorf("cancelled: %+v", f)
	}
}

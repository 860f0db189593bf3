package tlsclient

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/assaytls/assay/finding"
)

// fakeDNS answers by the first label of the name.
func fakeDNS(t *testing.T) *net.Resolver {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	check(t, err)
	t.Cleanup(func() { pc.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			kind, _, _ := strings.Cut(q.Name.String(), ".")
			m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
			v6 := q.Type == dnsmessage.TypeAAAA
			switch {
			case kind == "silent", kind == "slow6" && v6, kind == "half6" && v6:
				continue
			case kind == "nx":
				m.RCode = dnsmessage.RCodeNameError
			case kind == "servfail":
				m.RCode = dnsmessage.RCodeServerFailure
			case kind == "half6":
				m.RCode = dnsmessage.RCodeSuccess // no A record
			case v6 && kind != "only4":
				m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, Body: &dnsmessage.AAAAResource{AAAA: netip.IPv6Loopback().As16()}}}
			case !v6:
				m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}}}
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

func TestDNS(t *testing.T) {
	resolver := fakeDNS(t)
	cert := chainFor(t)
	port := serve(t, &tls.Config{Certificates: []tls.Certificate{cert}}) // 127.0.0.1 only
	for _, c := range []struct {
		host, network string
		want          finding.ID
		attempts      string
	}{
		{"both.test", "", "", "[::1] refused, 127.0.0.1 connected"},
		{"both.test", "4", "", "127.0.0.1 connected"},
		{"both.test", "6", finding.ConnectionRefused, "[::1] refused"},
		{"only4.test", "", "", "127.0.0.1 connected"},
		{"only4.test", "6", finding.DNSNoAddress, ""},
		{"slow6.test", "", "", "127.0.0.1 connected"},
		{"nx.test", "", finding.DNSNotFound, ""},
		{"nx.test", "6", finding.DNSNoAddress, ""},
		{"silent.test", "", finding.DNSTimeout, ""},
		{"half6.test", "", finding.DNSTimeout, ""},
		{"servfail.test", "", finding.DNSFailure, ""},
		{"bad..name", "", finding.DNSNotFound, ""},
	} {
		t.Run(c.host+c.network, func(t *testing.T) {
			begin := time.Now()
			ev := dial(t, Config{Host: c.host, Port: port, Network: c.network, DNS: resolver, DNSTimeout: 400 * time.Millisecond})
			if c.want != "" {
				wantFailure(t, ev, c.want)
			} else if ev.Failure != nil {
				t.Fatalf("%+v", ev.Failure)
			}
			var got []string
			for _, a := range ev.Attempts {
				got = append(got, strings.TrimSuffix(a.Addr, ":"+port)+" "+a.Outcome)
			}
			if s := strings.Join(got, ", "); s != c.attempts {
				t.Errorf("attempts %s, want %s", s, c.attempts)
			}
			if took := time.Since(begin); c.host == "slow6.test" && took > 300*time.Millisecond {
				t.Errorf("waited %v for the other family", took)
			}
			roundTrips(t, ev)
		})
	}

	evs := DialAll(context.Background(), Config{Host: "both.test", Port: port, DNS: resolver})
	if len(evs) != 2 || evs[0].Failure == nil || evs[1].Failure != nil || evs[0].Attempts[0].Addr != "[::1]:"+port || evs[1].Target.SNI != "both.test" {
		t.Errorf("every address: %+v", evs)
	}
	if evs := DialAll(context.Background(), Config{Host: "nx.test", Port: port, DNS: resolver}); len(evs) != 1 || evs[0].Failure == nil {
		t.Errorf("no address: %+v", evs)
	}
	var many []netip.Addr
	for i := range 20 {
		many = append(many, netip.AddrFrom4([4]byte{127, 0, 4, byte(i)}))
	}
	evs = DialAll(context.Background(), Config{Host: "many.test", Port: port, Resolve: map[string][]netip.Addr{"many.test:" + port: many}})
	if len(evs) != 16 || len(evs[15].Attempts) != 5 || evs[15].Attempts[4].Outcome != "not-tried" {
		t.Errorf("many addresses: %d", len(evs))
	}
	if evs := DialAll(context.Background(), Config{Host: "127.0.0.1", Port: port}); len(evs) != 1 || evs[0].Failure != nil {
		t.Errorf("a literal: %+v", evs)
	}
}

// A resolver that gives up by itself is told with the time that it took, and not
// with a limit that was never reached.
func TestDNSTimeoutNamesWhatWasWaited(t *testing.T) {
	gives := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		time.Sleep(20 * time.Millisecond)
		return nil, &net.DNSError{Err: "i/o timeout", IsTimeout: true}
	}}
	ev := dial(t, Config{Host: "gives-up.test", DNS: gives, DNSTimeout: time.Minute})
	wantFailure(t, ev, finding.DNSTimeout)
	if limit := ev.Failure.Params["timeout"]; strings.Contains(limit, "min") || limit == "60 s" {
		t.Errorf("within %s", limit)
	}
}

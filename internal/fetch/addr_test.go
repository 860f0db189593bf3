package fetch

import (
	"net/netip"
	"testing"
)

func TestClassify(t *testing.T) {
	for addr, want := range map[string]Class{
		"8.8.8.8": Public, "1.1.1.1": Public, "2606:4700:4700::1111": Public, "172.15.255.255": Public, "172.32.0.0": Public,
		"100.63.255.255": Public, "100.128.0.0": Public, "11.0.0.0": Public, "192.167.0.1": Public,

		"127.0.0.1": Loopback, "127.255.255.254": Loopback, "::1": Loopback,
		"10.0.0.1": Private, "172.16.0.1": Private, "172.31.255.255": Private, "192.168.1.1": Private,
		"fc00::1": Private, "fd12:3456::1": Private, "100.64.0.1": Private, "198.18.0.1": Private, "fec0::1": Private,

		"0.0.0.0": Refused, "::": Refused, "0.1.2.3": Refused, "255.255.255.255": Refused, "240.0.0.1": Refused,
		"169.254.0.1": Refused, "169.254.169.254": Refused, "fe80::1": Refused, "fe80::1%eth0": Refused,
		"224.0.0.1": Refused, "239.255.255.255": Refused, "ff02::1": Refused, "ff0e::1": Refused,
		"100.100.100.200": Refused, "168.63.129.16": Refused, "192.0.0.192": Refused, "fd00:ec2::254": Refused, "fd20:ce::254": Refused, "fd00:42::42": Refused,
		"192.0.2.1": Refused, "198.51.100.1": Refused, "203.0.113.1": Refused, "2001:db8::1": Refused, "3fff::1": Refused, "100::1": Refused,

		// IPv4 inside IPv6 has the class of what is inside.
		"::ffff:8.8.8.8": Public, "::ffff:127.0.0.1": Loopback, "::ffff:10.0.0.1": Private, "::ffff:169.254.169.254": Refused, "::ffff:0.0.0.0": Refused,
		"::127.0.0.1": Loopback, "::10.1.2.3": Private, "::169.254.169.254": Refused,
		"64:ff9b::808:808": Public, "64:ff9b::7f00:1": Loopback, "64:ff9b::a00:1": Private, "64:ff9b::a9fe:a9fe": Refused, "64:ff9b::": Refused,
		"64:ff9b:1::7f00:1": Refused, "64:ff9b:1::808:808": Refused,
		"2002:808:808::1": Public, "2002:7f00:1::1": Loopback, "2002:c0a8:101::1": Private, "2002:a9fe:a9fe::1": Refused,
		"2001:0:808:808::1":    Refused, // Teredo
		"2001:4860:4860::8888": Public,
	} {
		a := netip.MustParseAddr(addr)
		if got := Classify(a); got != want {
			t.Errorf("Classify(%s) = %v, want %v", addr, got, want)
		}
	}
	if got := Classify(netip.Addr{}); got != Refused {
		t.Errorf("the zero address is %v", got)
	}
}

// What a server's own address opens up, and what nothing does.
func TestScope(t *testing.T) {
	for _, c := range []struct {
		target string
		want   map[Class]bool
	}{
		{"8.8.8.8", map[Class]bool{Public: true}},
		{"10.0.0.1", map[Class]bool{Public: true, Private: true}},
		{"127.0.0.1", map[Class]bool{Public: true, Loopback: true}},
		{"::ffff:127.0.0.1", map[Class]bool{Public: true, Loopback: true}},
		{"64:ff9b::a00:1", map[Class]bool{Public: true, Private: true}},
		{"169.254.169.254", map[Class]bool{Public: true}},
		{"fe80::1", map[Class]bool{Public: true}},
	} {
		s := ScopeOf(netip.MustParseAddr(c.target))
		for _, cl := range []Class{Refused, Public, Private, Loopback} {
			if got := s.Allows(cl); got != c.want[cl] {
				t.Errorf("target %s: %v allowed = %v", c.target, cl, got)
			}
		}
	}
	if s := ScopeOf(netip.Addr{}); s != (Scope{}) {
		t.Errorf("no target earns %v", s)
	}
}

func FuzzClassify(f *testing.F) {
	f.Add([]byte{127, 0, 0, 1})
	f.Add([]byte(netip.MustParseAddr("64:ff9b::7f00:1").AsSlice()))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, ok := netip.AddrFromSlice(b)
		if !ok {
			return
		}
		c := Classify(a)
		if c != Classify(a.Unmap()) {
			t.Errorf("%s and its unmapped form differ", a)
		}
		if c == Public && (a.Unmap().IsLoopback() || a.Unmap().IsPrivate() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified()) {
			t.Errorf("%s is called public", a)
		}
	})
}

func TestMetadata(t *testing.T) {
	for text, want := range map[string]bool{
		"169.254.169.254": true, "169.254.170.2": true, "::ffff:169.254.169.254": true, "64:ff9b::a9fe:a9fe": true, "fd00:ec2::254": true, "100.100.100.200": true,
		"fe80::1%eth0": false, "127.0.0.1": false, "10.0.0.1": false, "2001:4860::1": false, "192.0.2.1": false,
	} {
		if got := Metadata(netip.MustParseAddr(text)); got != want {
			t.Errorf("Metadata(%s) = %t", text, got)
		}
	}
}

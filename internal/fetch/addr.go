package fetch

import (
	"net/netip"
	"slices"
)

// Class says who can answer at an address.
type Class uint8

// The classes. Refused addresses are never connected to, whatever is allowed.
const (
	Refused  Class = iota // link-local, unspecified, multicast, broadcast, cloud metadata, invalid
	Public                // everything that is not special
	Private               // RFC 1918, unique local, shared address space (RFC 6598)
	Loopback              // this machine
)

// String returns the class's lower-case name.
func (c Class) String() string {
	return [...]string{"refused", "public", "private", "loopback"}[c&3]
}

// metadata are the addresses at which clouds hand out credentials to whoever
// asks; those outside the link-local block need naming.
var metadata = []netip.Addr{
	netip.MustParseAddr("169.254.169.254"), // most clouds; link-local
	netip.MustParseAddr("100.100.100.200"), // Alibaba
	netip.MustParseAddr("168.63.129.16"),   // Azure's wire server
	netip.MustParseAddr("192.0.0.192"),     // Oracle, classic
	netip.MustParseAddr("fd00:ec2::254"),   // Amazon
	netip.MustParseAddr("fd20:ce::254"),    // Google
	netip.MustParseAddr("fd00:42::42"),     // Scaleway
}

// special are blocks of the IANA special-purpose registries (RFC 6890) that
// the methods of netip.Addr do not know.
var special = []struct {
	prefix netip.Prefix
	class  Class
}{
	{netip.MustParsePrefix("0.0.0.0/8"), Refused},       // this network
	{netip.MustParsePrefix("100.64.0.0/10"), Private},   // shared address space, RFC 6598
	{netip.MustParsePrefix("192.0.0.0/24"), Refused},    // IETF protocol assignments
	{netip.MustParsePrefix("192.0.2.0/24"), Refused},    // documentation
	{netip.MustParsePrefix("198.51.100.0/24"), Refused}, // documentation
	{netip.MustParsePrefix("203.0.113.0/24"), Refused},  // documentation
	{netip.MustParsePrefix("198.18.0.0/15"), Private},   // benchmarking
	{netip.MustParsePrefix("240.0.0.0/4"), Refused},     // reserved, and broadcast
	{netip.MustParsePrefix("100::/64"), Refused},        // discard only
	{netip.MustParsePrefix("2001:db8::/32"), Refused},   // documentation
	{netip.MustParsePrefix("3fff::/20"), Refused},       // documentation
	{netip.MustParsePrefix("2001::/32"), Refused},       // Teredo: the server's address is in the middle, the client's is masked
	{netip.MustParsePrefix("64:ff9b:1::/48"), Refused},  // local-use NAT64: where it leads is not knowable
	{netip.MustParsePrefix("fec0::/10"), Private},       // site-local, deprecated
	{netip.MustParsePrefix("5f00::/16"), Refused},       // segment routing
}

// Classify returns the class of a. Addresses that carry an IPv4 address -
// v4-mapped, v4-translated, v4-compatible, NAT64 (64:ff9b::/96) and 6to4 (2002::/16) - have
// the class of the address inside, and are refused when nested.
func Classify(a netip.Addr) Class {
	if !a.IsValid() {
		return Refused
	}
	if a.Is6() && a.Zone() != "" {
		a = a.WithZone("")
	}
	inner, carries := unmap(a)
	if carries {
		return classifyPlain(inner)
	}
	return classifyPlain(a)
}

// Metadata reports whether a is an address at which clouds hand out credentials, or
// of the block that is theirs (169.254.0.0/16), also where it is carried in an IPv6
// address. Nothing that somebody wants to look at is there.
func Metadata(a netip.Addr) bool {
	a = a.WithZone("")
	if inner, carries := unmap(a); carries {
		a = inner
	}
	return slices.Contains(metadata, a) || a.Is4() && a.IsLinkLocalUnicast()
}

func unmap(a netip.Addr) (netip.Addr, bool) {
	if a.Is4() {
		return a, false
	}
	if a.Is4In6() {
		return a.Unmap(), true
	}
	b := a.As16()
	v4 := func(i int) netip.Addr { return netip.AddrFrom4([4]byte(b[i : i+4])) }
	switch {
	case [12]byte(b[:12]) == [12]byte{0, 0x64, 0xff, 0x9b}:
		return v4(12), true
	case [12]byte(b[:12]) == [12]byte{8: 0xff, 9: 0xff}:
		return v4(12), true // v4-translated, RFC 2765
	case b[0] == 0x20 && b[1] == 0x02:
		return v4(2), true
	case [12]byte(b[:12]) == [12]byte{} && (b[12] != 0 || b[13] != 0):
		return v4(12), true // v4-compatible, deprecated; :: and ::1 are not among them
	}
	return a, false
}

func classifyPlain(a netip.Addr) Class {
	for _, m := range metadata {
		if a == m {
			return Refused
		}
	}
	switch {
	case a.IsUnspecified(), a.IsMulticast(), a.IsLinkLocalUnicast():
		return Refused
	case a.IsLoopback():
		return Loopback
	case a.IsPrivate():
		return Private
	}
	for _, s := range special {
		if s.prefix.Contains(a) {
			return s.class
		}
	}
	return Public
}

// Scope is what may be connected to besides public addresses.
type Scope struct{ Private, Loopback bool }

// ScopeOf returns the scope that a connection to target earns: a server on a
// private or loopback address may point to its own kind, a public one only to
// public addresses.
func ScopeOf(target netip.Addr) Scope {
	switch Classify(target) {
	case Private:
		return Scope{Private: true}
	case Loopback:
		return Scope{Loopback: true}
	}
	return Scope{}
}

// Allows reports whether an address of class c may be connected to.
func (s Scope) Allows(c Class) bool {
	return c == Public || c == Private && s.Private || c == Loopback && s.Loopback
}

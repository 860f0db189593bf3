package certpath

import (
	"net/netip"
	"slices"
)

// ipRange is a range of addresses by its first one and the prefix length.
type ipRange struct {
	addr netip.Addr
	bits int
}

func (t *subtrees) addRange(p netip.Prefix) {
	if t.ranges == nil {
		t.ranges = make(map[ipRange]struct{})
	}
	t.ranges[ipRange{p.Addr(), p.Bits()}] = struct{}{}
	family := addrFamily(p.Addr())
	t.lengths[family] = insert(t.lengths[family], p.Bits())
}

// addrFamily is 0 for IPv4, 1 for IPv6. An IPv4 address inside IPv6 is IPv6:
// constraints compare octets.
func addrFamily(a netip.Addr) int {
	if a.Is4() {
		return 0
	}
	return 1
}

func (t *subtrees) coversIP(a netip.Addr) (string, bool) {
	for _, bits := range t.lengths[addrFamily(a)] {
		p := netip.PrefixFrom(a, bits).Masked()
		if _, ok := t.ranges[ipRange{p.Addr(), bits}]; ok {
			return p.String(), true
		}
	}
	return "", false
}

// insert puts n into a sorted list unless it is there.
func insert(list []int, n int) []int {
	if i, ok := slices.BinarySearch(list, n); !ok {
		return slices.Insert(list, i, n)
	}
	return list
}

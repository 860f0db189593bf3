package summary

import (
	"net/netip"
	"slices"
	"time"
)

// Network is how long the probes of a network took.
type Network struct {
	Prefix  string `json:"prefix"` // "192.0.2.0/24"
	Targets int64  `json:"targets"`
	MeanMS  int64  `json:"mean_ms"`
	MaxMS   int64  `json:"max_ms"`
}

// maxNetworks bounds how many networks are counted apart. Where there are more,
// larger ones are counted: /24 and /48 first, then the next of sizes.
const maxNetworks = 1 << 16

var sizes = []struct{ v4, v6 int }{{24, 48}, {16, 32}, {8, 16}}

type times struct {
	n, sum, most int64 // milliseconds
}

// networks adds up times by network.
type networks struct {
	size int // index in sizes
	all  map[netip.Prefix]times
}

func (ns *networks) add(address string, elapsed time.Duration) {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return
	}
	if ns.all == nil {
		ns.all = map[netip.Prefix]times{}
	}
	ns.put(ns.prefix(at.Addr()), times{1, elapsed.Milliseconds(), elapsed.Milliseconds()})
}

func (ns *networks) prefix(ip netip.Addr) netip.Prefix {
	ip = ip.Unmap().WithZone("")
	bits := sizes[ns.size].v6
	if ip.Is4() {
		bits = sizes[ns.size].v4
	}
	p, _ := ip.Prefix(bits) // bits fit
	return p
}

func (ns *networks) put(p netip.Prefix, t times) {
	have, ok := ns.all[p]
	for !ok && len(ns.all) >= maxNetworks && ns.size < len(sizes)-1 {
		ns.size++
		before := ns.all
		ns.all = make(map[netip.Prefix]times, len(before)/16)
		for q, t := range before {
			q = ns.prefix(q.Addr())
			ns.all[q] = ns.all[q].plus(t)
		}
		p = ns.prefix(p.Addr())
		have, ok = ns.all[p]
	}
	if ok || len(ns.all) < maxNetworks+256 { // 256 networks /8, and as many of IPv6 as there is room for
		ns.all[p] = have.plus(t)
	}
}

func (t times) plus(u times) times { return times{t.n + u.n, t.sum + u.sum, max(t.most, u.most)} }

// slowest are the n networks with the longest mean.
func (ns *networks) slowest(n int) []Network {
	all := make([]Network, 0, len(ns.all))
	for p, t := range ns.all {
		all = append(all, Network{p.String(), t.n, t.sum / t.n, t.most})
	}
	slices.SortFunc(all, func(a, b Network) int { return byTargets(a.MeanMS, b.MeanMS, a.Prefix, b.Prefix) })
	return all[:min(n, len(all))]
}

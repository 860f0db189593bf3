package tlsclient

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
)

// resolutionDelay is how long a first answer waits for the other family's
// (RFC 8305, 3).
const resolutionDelay = 50 * time.Millisecond

// maxAddresses bounds the addresses taken for one host.
const maxAddresses = 64

// answer is the outcome of one family's query.
type answer struct {
	family string // "ip4", "ip6"
	addrs  []netip.Addr
	err    error
}

// lookup says where host:port is: by literal, by override, or by asking the
// DNS for A and AAAA at once. Answers arrive on the channel, which is closed
// after the last.
func (c *Config) lookup(ctx context.Context, host, port string) <-chan answer {
	if addrs, ok := c.known(host, port); ok {
		ch := make(chan answer, 1)
		ch <- answer{addrs: c.wanted(addrs)}
		close(ch)
		return ch
	}
	families := []string{"ip6", "ip4"}
	if c.Network != "" {
		families = []string{"ip" + c.Network}
	}
	ch := make(chan answer, len(families))
	ctx, cancel := context.WithTimeout(ctx, c.DNSTimeout)
	results := make(chan answer, len(families))
	for _, f := range families {
		go func() {
			addrs, err := c.DNS.LookupNetIP(ctx, f, host)
			for i := range addrs {
				addrs[i] = addrs[i].Unmap()
			}
			results <- answer{f, addrs, err}
		}()
	}
	go func() {
		defer cancel()
		defer close(ch)
		for range families {
			ch <- <-results
		}
	}()
	return ch
}

// known returns the addresses that need no DNS.
func (c *Config) known(host, port string) ([]netip.Addr, bool) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap()}, true
	}
	for _, key := range []string{resolveKey(host, port), "*:" + port} {
		if addrs, ok := c.Resolve[key]; ok {
			return addrs, true
		}
	}
	return nil, false
}

// resolveKey is the key of Config.Resolve for a host.
func resolveKey(host, port string) string { return strings.TrimSuffix(host, ".") + ":" + port }

// wanted keeps the addresses of the families asked for.
func (c *Config) wanted(addrs []netip.Addr) []netip.Addr {
	var out []netip.Addr
	for _, a := range addrs {
		if a = a.Unmap(); c.Network == "" || (c.Network == "4") == a.Is4() {
			out = append(out, a)
		}
	}
	return out
}

// interleave orders addresses as RFC 8305, 4, wants: families in turn,
// beginning with the first address's, order within a family kept.
func interleave(addrs []netip.Addr) []netip.Addr {
	var a, b []netip.Addr
	for _, x := range addrs {
		if x.Is4() == addrs[0].Is4() {
			a = append(a, x)
		} else {
			b = append(b, x)
		}
	}
	out := make([]netip.Addr, 0, len(addrs))
	for i := range max(len(a), len(b)) {
		if i < len(a) {
			out = append(out, a[i])
		}
		if i < len(b) {
			out = append(out, b[i])
		}
	}
	return out
}

// dnsFailure explains why a host has no address, from what the queries said in
// the time took: the resolver's own limits may be nearer than the Config's.
// A query that failed for want of an answer outweighs "no such name".
func dnsFailure(c *Config, host string, errs []error, took time.Duration) *evidence.Failure {
	f := &evidence.Failure{ID: finding.DNSNotFound, Stage: "dns", Params: map[string]string{"host": clean(host)}}
	var worst error
	for _, err := range errs {
		var d *net.DNSError
		switch {
		case err == nil:
		case errors.As(err, &d) && d.IsNotFound:
			if worst == nil {
				f.Detail = clean(err.Error())
			}
		case errors.As(err, &d) && d.IsTimeout || errors.Is(err, context.DeadlineExceeded):
			worst, f.ID = err, finding.DNSTimeout
			f.Params["timeout"] = waited(c.DNSTimeout, took)
		case worst == nil:
			worst, f.ID = err, finding.DNSFailure
			f.Params["detail"] = plainError(err)
		}
	}
	if worst != nil {
		f.Detail = clean(worst.Error())
	}
	if len(errs) == 0 || c.Network != "" && f.ID == finding.DNSNotFound {
		f.ID = finding.DNSNoAddress
		f.Params["family"] = map[string]string{"": "IP", "4": "IPv4", "6": "IPv6"}[c.Network]
	}
	return f
}

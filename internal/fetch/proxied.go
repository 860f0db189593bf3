package fetch

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/idna"

	"github.com/assaytls/assay/finding"
)

// mapHost puts the host's ASCII form in its place, so that what is checked is
// what is asked for: digits of full width are digits to whoever maps the name
// next, and an ideographic full stop is a dot (RFC 5895, UTS #46).
func mapHost(u *url.URL) *Failure {
	host := u.Hostname()
	if isASCII(host) {
		return nil
	}
	mapped, err := idna.Lookup.ToASCII(host)
	if err != nil || mapped == "" || !isASCII(mapped) {
		return &Failure{ID: finding.FetchFailed, Detail: "the host is not a name: " + host}
	}
	if port := u.Port(); port != "" {
		mapped += ":" + port
	}
	u.Host = mapped
	return nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// lookupTime bounds looking up a name that the proxy will look up anyway.
const lookupTime = time.Second

// checkProxied looks at what can be known here of a target that a proxy will
// connect to. Literal addresses must be public, whatever the scope: the
// proxy's neighbours are not ours. A name may lead to private ones within the
// scope, for a network of one's own often has a proxy and names alike.
func (c *Client) checkProxied(ctx context.Context, u, proxy *url.URL, scope Scope) *Failure {
	refuse := func(detail string) *Failure { return &Failure{ID: finding.FetchRefusedAddress, Detail: detail} }
	host := strings.TrimRight(strings.ToLower(u.Hostname()), ".")
	if a, err := netip.ParseAddr(host); err == nil {
		if cl := Classify(a); cl != Public {
			return refuse((&errAddress{host, cl}).Error())
		}
		return nil
	}
	if host == "localhost" || strings.HasSuffix(host, ".localhost") || numericHost(host) || strings.Trim(host, nameOctets) != "" {
		return refuse(host + " is not a public name")
	}
	if proxy.Scheme == "socks5h" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	resolver := c.Resolver
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	addrs, err := resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil // the proxy may know it
	}
	scope.Loopback = false // the proxy's, not this machine's
	for _, a := range addrs {
		if cl := Classify(a); !scope.Allows(cl) {
			return refuse(host + " leads to " + a.String() + ", which is " + (&errAddress{a.String(), cl}).what())
		}
	}
	return nil
}

// nameOctets are the octets of names that are asked of a proxy.
const nameOctets = "abcdefghijklmnopqrstuvwxyz0123456789-_."

// numericHost recognises what resolvers take for an IPv4 address though it is
// not in dotted decimal form ("127.1", "0x7f000001", "2130706433").
func numericHost(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	if last == "" {
		return true
	}
	if hex, ok := strings.CutPrefix(last, "0x"); ok && strings.Trim(hex, "0123456789abcdef") == "" {
		return true
	}
	_, err := strconv.ParseUint(last, 0, 64)
	return err == nil || strings.Trim(last, "0123456789") == ""
}

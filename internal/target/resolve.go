package target

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/assaytls/assay/policy"
)

// Resolutions are addresses to use instead of asking the DNS. It is the value of
// a flag that may be given more than once.
type Resolutions struct {
	m     map[string][]netip.Addr // by "host:port"; host may be *
	order []string
}

func (v *Resolutions) String() string { return strings.Join(v.order, " ") }

// Type says what a value looks like.
func (v *Resolutions) Type() string { return "HOST:PORT:ADDR[,ADDR]" }

// Set adds the addresses of one host and port.
func (v *Resolutions) Set(s string) error {
	host, rest, ok := strings.Cut(s, ":")
	if strings.HasPrefix(s, "[") {
		return errors.New("the host must be a name; an address needs no --resolve")
	}
	port, list, ok2 := strings.Cut(rest, ":")
	if !ok || !ok2 || host == "" || list == "" {
		return errors.New("must be HOST:PORT:ADDR, like example.com:443:127.0.0.1")
	}
	if host != "*" {
		if err := policy.CheckHost(host); err != nil {
			return err
		}
	}
	if err := CheckPort(port); err != nil {
		return err
	}
	var addrs []netip.Addr
	for _, w := range strings.Split(list, ",") {
		w = strings.TrimSuffix(strings.TrimPrefix(w, "["), "]")
		addr, err := netip.ParseAddr(w)
		if err != nil {
			return fmt.Errorf("%q is not an IP address", w)
		}
		addrs = append(addrs, addr)
	}
	if v.m == nil {
		v.m = map[string][]netip.Addr{}
	}
	v.m[strings.ToLower(host)+":"+port] = addrs
	v.order = append(v.order, s)
	return nil
}

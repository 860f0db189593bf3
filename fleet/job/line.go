package job

import (
	"fmt"
	"iter"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/internal/target"
	"github.com/assaytls/assay/internal/tlsclient"
	"github.com/assaytls/assay/policy"
)

// Target is one target of a list.
type Target struct {
	target.Target            // Input is the line as the job has it
	Addr          netip.Addr // where the list says that it is; the zero Addr: nowhere
}

// Key is equal for targets that are the same: two spellings of a host, or a
// host with and without the usual port.
func (t *Target) Key() string {
	port := t.Port
	if port == "" {
		var c target.Connection
		c.Proxy = target.NoProxy
		if config, err := c.Config(t.Target); err == nil {
			port = config.Port
		}
	}
	scheme := t.Scheme
	if scheme == "https" {
		scheme = "" // what a bare host means
	}
	host := strings.TrimSuffix(tlsclient.ASCIIName(t.Host), ".")
	if a, err := netip.ParseAddr(host); err == nil {
		host = a.Unmap().String()
	}
	addr := ""
	if t.Addr.IsValid() && t.Addr.String() != host {
		addr = t.Addr.String()
	}
	return scheme + "|" + host + "|" + port + "|" + addr + "|" + strconv.FormatBool(t.Direct)
}

// Literal is the address that the list itself names, the zero Addr when only the
// DNS knows it.
func (t *Target) Literal() netip.Addr {
	if t.Addr.IsValid() {
		return t.Addr
	}
	a, err := netip.ParseAddr(t.Host)
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap()
}

// ParseTarget reads a line of a job's list: a target as `assay check` reads it,
// or the columns ADDRESS,NAME,TAG,PORT of zgrab2, of which all but the first may be
// missing and the first or the second may be empty.
func ParseTarget(line string) (Target, error) {
	if strings.Contains(line, ",") {
		return parseColumns(line)
	}
	t, err := target.Parse(line)
	if err != nil {
		return Target{}, err
	}
	if t.Service != "" {
		return Target{}, fmt.Errorf("%s: a scan takes hosts, not the services that the DNS names", strings.ToLower(t.Service))
	}
	return Target{Target: t}, nil
}

func parseColumns(line string) (Target, error) {
	fields, err := columns(line)
	if err != nil {
		return Target{}, err
	}
	t := Target{Target: target.Target{Input: line, Host: fields[1], Port: fields[3]}}
	if fields[0] != "" {
		a, err := netip.ParseAddr(fields[0])
		if err != nil {
			return Target{}, fmt.Errorf("%q is not an IP address", fields[0])
		}
		if t.Addr = a.Unmap(); t.Host == "" {
			t.Host = t.Addr.String()
		}
	}
	if t.Host == "" {
		return Target{}, fmt.Errorf("neither an address nor a name")
	}
	if err := policy.CheckHost(t.Host); err != nil {
		return Target{}, err
	}
	if t.Port != "" {
		if err := target.CheckPort(t.Port); err != nil {
			return Target{}, err
		}
		t.Port = strings.TrimLeft(t.Port, "0")
	}
	return t, nil
}

// columns splits a line at its commas; quotes around a column are taken off.
func columns(line string) (c [4]string, err error) {
	fields := strings.Split(line, ",")
	if len(fields) > len(c) {
		return c, fmt.Errorf("there are %d columns; ADDRESS,NAME,TAG,PORT are known", len(fields))
	}
	for i, f := range fields {
		f = strings.TrimSpace(f)
		if n := len(f); n >= 2 && f[0] == '"' && f[n-1] == '"' {
			f = f[1 : n-1]
		}
		c[i] = f
	}
	return c, nil
}

// Expand returns the lines of a job that one line of the list stands for: itself;
// one for each port of targets that name none; one for each address of a prefix and
// each port. ports may be empty. The number of lines is told with them.
func Expand(line string, ports []string) (lines iter.Seq[string], n uint64, err error) {
	first := line
	rest := ""
	if head, tail, ok := strings.Cut(line, ","); ok {
		first, rest = strings.TrimSpace(head), tail
	}
	if !strings.Contains(first, "://") && strings.Contains(first, "/") {
		p, err := netip.ParsePrefix(first)
		if err != nil {
			return nil, 0, fmt.Errorf("%q is neither a target nor a prefix like 192.0.2.0/24", first)
		}
		if strings.Trim(rest, " ,") != "" {
			return nil, 0, fmt.Errorf("a prefix has no name and no port in a list; --ports says which")
		}
		return expandPrefix(p, ports)
	}
	t, err := ParseTarget(line)
	if err != nil {
		return nil, 0, err
	}
	if len(ports) == 0 || t.Port != "" || t.Scheme != "" {
		return func(yield func(string) bool) { yield(line) }, 1, nil
	}
	return func(yield func(string) bool) {
		for _, port := range ports {
			if !yield(t.withPort(port)) {
				return
			}
		}
	}, uint64(len(ports)), nil
}

// withPort is the line of t with a port.
func (t *Target) withPort(port string) string {
	if strings.Contains(t.Input, ",") {
		c, _ := columns(t.Input) // it was read before
		c[3] = port
		return strings.Join(c[:], ",")
	}
	return net.JoinHostPort(t.Host, port)
}

func expandPrefix(p netip.Prefix, ports []string) (iter.Seq[string], uint64, error) {
	p = p.Masked()
	bits := p.Addr().BitLen() - p.Bits()
	if bits > 24 {
		return nil, 0, fmt.Errorf("%s has more than %d addresses", p, MaxExpand)
	}
	if len(ports) == 0 {
		ports = []string{"443"}
	}
	return func(yield func(string) bool) {
		for a := p.Addr(); a.IsValid() && p.Contains(a); a = a.Next() {
			for _, port := range ports {
				if !yield(net.JoinHostPort(a.String(), port)) {
					return
				}
			}
		}
	}, uint64(len(ports)) << bits, nil
}

// Reachable reports whether an address may be probed: public ones may, private and
// loopback ones where that is allowed, all others (link-local, multicast, reserved,
// the clouds' metadata services) never.
func Reachable(a netip.Addr, private bool) error {
	switch class := fetch.Classify(a); class {
	case fetch.Public:
		return nil
	case fetch.Private, fetch.Loopback:
		if private {
			return nil
		}
		return fmt.Errorf("%s is a %s address; --private allows them", a, class)
	}
	return fmt.Errorf("%s is in a reserved range", a)
}

// Ports reads a list of ports, like 443,8443.
func Ports(s string) ([]string, error) {
	if s == "" {
		return nil, nil
	}
	var ports []string
	for p := range strings.SplitSeq(s, ",") {
		p = strings.TrimSpace(p)
		if err := target.CheckPort(p); err != nil {
			return nil, err
		}
		ports = append(ports, strings.TrimLeft(p, "0"))
	}
	if len(ports) > MaxPorts {
		return nil, fmt.Errorf("there are %d ports; %d are the most", len(ports), MaxPorts)
	}
	return ports, nil
}

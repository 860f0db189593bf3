package job

import (
	"bufio"
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/assaytls/assay/internal/tlsclient"
	"github.com/assaytls/assay/policy"
)

// Exclusions are what must not be probed. A nil *Exclusions excludes nothing. It is
// safe for concurrent use.
type Exclusions struct {
	names    map[string]bool // in lower case, A-labels
	prefixes map[netip.Prefix]bool
	lengths  [2][]int // of the prefixes, by family: IPv4, IPv6
}

// MaxExclude bounds the octets of a file of exclusions.
const MaxExclude = 16 << 20

// ParseExclusions reads a file of exclusions: one a line, an address, a prefix or a
// name, which excludes itself and every name below it; # begins a comment. A line
// that is none of these is an error: what somebody asked to be left alone is not
// passed over.
func ParseExclusions(b []byte) (*Exclusions, error) {
	if len(b) > MaxExclude {
		return nil, fmt.Errorf("more than %d MB of exclusions", MaxExclude>>20)
	}
	e := &Exclusions{names: map[string]bool{}, prefixes: map[netip.Prefix]bool{}}
	s := bufio.NewScanner(bytes.NewReader(bytes.TrimPrefix(b, []byte("\ufeff"))))
	for n := 1; s.Scan(); n++ {
		text, _, _ := strings.Cut(s.Text(), "#")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		if err := e.add(text); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if err := s.Err(); err != nil {
		return nil, err
	}
	for p := range e.prefixes {
		family := &e.lengths[0]
		if p.Addr().Is6() {
			family = &e.lengths[1]
		}
		if !slices.Contains(*family, p.Bits()) {
			*family = append(*family, p.Bits())
		}
	}
	return e, nil
}

func (e *Exclusions) add(text string) error {
	if a, err := netip.ParseAddr(text); err == nil {
		a = a.Unmap().WithZone("")
		e.prefixes[netip.PrefixFrom(a, a.BitLen())] = true
		return nil
	}
	if p, err := netip.ParsePrefix(text); err == nil {
		if p.Addr().Is4In6() {
			return fmt.Errorf("%q: write it as an IPv4 prefix", text)
		}
		e.prefixes[p.Masked()] = true
		return nil
	}
	name := strings.TrimPrefix(strings.TrimPrefix(text, "*"), ".")
	if err := policy.CheckHost(name); err != nil || strings.Contains(text, "/") {
		return fmt.Errorf("%q is neither an address, a prefix nor a name", text)
	}
	e.names[excludedName(name)] = true
	return nil
}

func excludedName(s string) string {
	return strings.TrimSuffix(strings.ToLower(tlsclient.ASCIIName(s)), ".")
}

// Name reports whether a host name is excluded.
func (e *Exclusions) Name(host string) bool {
	if e == nil || len(e.names) == 0 {
		return false
	}
	for name := excludedName(host); name != ""; {
		if e.names[name] {
			return true
		}
		_, name, _ = strings.Cut(name, ".")
	}
	return false
}

// Addr reports whether an address is excluded.
func (e *Exclusions) Addr(a netip.Addr) bool {
	if e == nil || !a.IsValid() {
		return false
	}
	a = a.Unmap().WithZone("")
	lengths := e.lengths[0]
	if a.Is6() {
		lengths = e.lengths[1]
	}
	for _, bits := range lengths {
		if p, err := a.Prefix(bits); err == nil && e.prefixes[p] {
			return true
		}
	}
	return false
}

// Target reports whether a target is excluded, as far as the list itself tells.
func (e *Exclusions) Target(t *Target) bool { return e.Name(t.Host) || e.Addr(t.Literal()) }

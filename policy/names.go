package policy

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// CheckHost wants an IP address or a host name, in A-labels or U-labels.
func CheckHost(s string) error {
	if s == "" {
		return errors.New("the host is missing")
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return nil
	}
	if strings.ContainsAny(s, " \t\r\n/\\@?#%:[]") {
		return fmt.Errorf("%q is not a host name", s)
	}
	name := strings.TrimSuffix(s, ".")
	for i := range len(name) {
		if name[i] >= 0x80 {
			a, err := idna.Lookup.ToASCII(name)
			if err != nil {
				return fmt.Errorf("%q is not a host name: %v", s, err)
			}
			name = a
			break
		}
	}
	if len(name) > 253 {
		return fmt.Errorf("the host name has %d characters; 253 is the limit", len(name))
	}
	labels := strings.Split(name, ".")
	for _, l := range labels {
		if l == "" {
			return fmt.Errorf("%q is not a host name: it has an empty label", s)
		}
		if len(l) > 63 {
			return fmt.Errorf("%q is not a host name: a label is longer than 63 characters", s)
		}
		if strings.HasPrefix(l, "-") || strings.HasSuffix(l, "-") {
			return fmt.Errorf("%q is not a host name: a label begins or ends with a hyphen", s)
		}
		for i := range len(l) {
			c := l[i]
			if !(c == '-' || c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z') {
				return fmt.Errorf("%q is not a host name", s)
			}
		}
	}
	if _, err := strconv.ParseUint(labels[len(labels)-1], 10, 64); err == nil {
		return fmt.Errorf("%q is neither a host name nor an IP address", s)
	}
	return nil
}

// checkIP wants an IP address.
func checkIP(s string) error {
	if _, err := netip.ParseAddr(s); err != nil {
		return fmt.Errorf("%q is not an IP address", s)
	}
	return nil
}

// checkEmail wants an e-mail address.
func checkEmail(s string) error {
	if local, host, ok := strings.Cut(s, "@"); !ok || local == "" || CheckHost(host) != nil {
		return fmt.Errorf("%q is not an e-mail address", s)
	}
	return nil
}

// CheckOID wants a dotted object identifier without superfluous zeros.
func CheckOID(s string) error {
	arcs := strings.Split(s, ".")
	ok := len(arcs) >= 2
	for i, a := range arcs {
		n, err := strconv.ParseUint(a, 10, 64)
		if err != nil || a != strconv.FormatUint(n, 10) || i == 0 && n > 2 || i == 1 && arcs[0] != "2" && n > 39 {
			ok = false
		}
	}
	if !ok {
		return fmt.Errorf("%q is not an object identifier like 2.23.140.1.2.1", s)
	}
	return nil
}

package cli

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The types of flag values. Each refuses what it does not understand with a
// message that says what it wants; pflag adds the flag's name and the value.

// enum is one of a few words.
type enum struct {
	value   string
	allowed []string
}

func (e *enum) String() string { return e.value }
func (e *enum) Type() string   { return strings.Join(e.allowed, "|") }
func (e *enum) Set(s string) error {
	if !slices.Contains(e.allowed, s) {
		return fmt.Errorf("must be one of %s", strings.Join(e.allowed, ", "))
	}
	e.value = s
	return nil
}

// duration is a positive length of time in Go's notation.
type duration struct{ d time.Duration }

func (v *duration) String() string {
	if v.d == 0 {
		return ""
	}
	s := v.d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
func (v *duration) Type() string { return "DURATION" }
func (v *duration) Set(s string) error {
	d, err := time.ParseDuration(s)
	if err != nil {
		return errors.New("must be a duration like 500ms, 10s, 5m or 24h")
	}
	if d <= 0 {
		return errors.New("must be longer than nothing")
	}
	v.d = d
	return nil
}

// size is a positive number of bytes, with a unit or without.
type size struct{ n int64 }

func (v *size) String() string {
	switch {
	case v.n == 0:
		return ""
	case v.n%(1<<20) == 0:
		return strconv.FormatInt(v.n>>20, 10) + "MiB"
	}
	return strconv.FormatInt(v.n, 10)
}
func (v *size) Type() string { return "SIZE" }
func (v *size) Set(s string) error {
	units := []struct {
		suffix string
		factor int64
	}{
		{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9},
		{"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"B", 1}, {"", 1},
	}
	for _, u := range units {
		digits, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 63)
		if err != nil || n == 0 || int64(n) > math.MaxInt64/u.factor {
			break
		}
		v.n = int64(n) * u.factor
		return nil
	}
	return errors.New("must be a size like 4096, 500kB or 64MiB")
}

// moment is a point in time in RFC 3339's notation.
type moment struct{ t time.Time }

func (v *moment) String() string {
	if v.t.IsZero() {
		return ""
	}
	return v.t.Format(time.RFC3339)
}
func (v *moment) Type() string { return "TIME" }
func (v *moment) Set(s string) error {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return errors.New("must be a time as RFC 3339 writes it, like 2026-12-01T00:00:00Z")
	}
	if v.t = t.UTC(); v.t.Year() < 1950 || v.t.Year() > 9999 { // RFC 5280's earliest; RFC 3339's last
		return errors.New("must be a time from 1950 to 9999")
	}
	return nil
}

// number is a whole number within bounds.
type number struct {
	n, low, high int
	hasDefault   bool
}

func (v *number) String() string {
	if !v.hasDefault {
		return ""
	}
	return strconv.Itoa(v.n)
}
func (v *number) Type() string { return "N" }
func (v *number) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < v.low || n > v.high {
		return fmt.Errorf("must be a number from %d to %d", v.low, v.high)
	}
	v.n, v.hasDefault = n, true
	return nil
}

// words is a flag that may be given more than once; check looks at each value.
type words struct {
	vs       []string
	typ      string
	splitter string // values may also be joined by it; "" = no
	none     bool   // "" alone means none at all: vs is empty and not nil
	check    func(string) error
}

func (v *words) String() string { return strings.Join(v.vs, ",") }
func (v *words) Type() string   { return v.typ }
func (v *words) Set(s string) error {
	if s == "" && v.none {
		v.vs = []string{}
		return nil
	}
	parts := []string{s}
	if v.splitter != "" {
		parts = strings.Split(s, v.splitter)
	}
	for _, p := range parts {
		if p == "" {
			return errors.New("must not be empty")
		}
		if v.check != nil {
			if err := v.check(p); err != nil {
				return err
			}
		}
	}
	v.vs = append(v.vs, parts...)
	return nil
}

// schemes is the value of --revocation.
type schemes struct{ vs []string } // nil = not given, empty = off

var allSchemes = []string{"staple", "crl", "ocsp"}

func (v *schemes) String() string {
	if v.vs != nil && len(v.vs) == 0 {
		return "off"
	}
	return strings.Join(v.vs, ",")
}
func (v *schemes) Type() string { return "off|LIST" }
func (v *schemes) Set(s string) error {
	if s == "off" {
		v.vs = []string{}
		return nil
	}
	var out []string
	for _, w := range strings.Split(s, ",") {
		if !slices.Contains(allSchemes, w) {
			return fmt.Errorf("%q is not a scheme: off, or a list of %s", w, strings.Join(allSchemes, ","))
		}
		if slices.Contains(out, w) {
			return fmt.Errorf("%s is named twice", w)
		}
		out = append(out, w)
	}
	v.vs = out
	return nil
}

// resolutions is the value of --resolve: addresses by "host:port".
type resolutions struct {
	m     map[string][]netip.Addr
	order []string
}

func (v *resolutions) String() string { return strings.Join(v.order, " ") }
func (v *resolutions) Type() string   { return "HOST:PORT:ADDR[,ADDR]" }
func (v *resolutions) Set(s string) error {
	host, rest, ok := strings.Cut(s, ":")
	if strings.HasPrefix(s, "[") {
		return errors.New("the host must be a name; an address needs no --resolve")
	}
	port, list, ok2 := strings.Cut(rest, ":")
	if !ok || !ok2 || host == "" || list == "" {
		return errors.New("must be HOST:PORT:ADDR, like example.com:443:127.0.0.1")
	}
	if host != "*" {
		if err := checkHost(host); err != nil {
			return err
		}
	}
	if err := checkPort(port); err != nil {
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

// checkALPN wants an application protocol's name (RFC 7301, 3.1).
func checkALPN(s string) error {
	if len(s) > 255 {
		return errors.New("the name of a protocol has at most 255 octets")
	}
	return nil
}

// checkOID wants a dotted object identifier.
func checkOID(s string) error {
	arcs := strings.Split(s, ".")
	ok := len(arcs) >= 2
	for i, a := range arcs {
		n, err := strconv.ParseUint(a, 10, 64)
		if err != nil || a != strconv.FormatUint(n, 10) || i == 0 && n > 2 || i == 1 && arcs[0] != "2" && n > 39 {
			ok = false
		}
	}
	if !ok {
		return errors.New("must be an object identifier like 2.23.140.1.2.1")
	}
	return nil
}

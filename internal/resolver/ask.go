package resolver

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/assaytls/assay/evidence"
)

var types = map[string]uint16{"A": uint16(dnsmessage.TypeA), "AAAA": uint16(dnsmessage.TypeAAAA), "MX": uint16(dnsmessage.TypeMX),
	"SRV": uint16(dnsmessage.TypeSRV), "TLSA": typeTLSA}

// ask asks for the records of a type, one of types.
func (r *Resolver) ask(ctx context.Context, name, typ string) evidence.Lookup {
	l, start := evidence.Lookup{Name: name, Type: typ}, time.Now()
	a, err := r.exchange(ctx, name, types[typ])
	l.Took = time.Since(start)
	if err != nil {
		l.Failure = plain(err)
		return l
	}
	l.Code, l.AD, l.Aliases, l.Data = a.code, a.ad, a.aliases, a.data
	if n := len(l.Data); n > maxKept {
		l.Data = l.Data[:maxKept]
	}
	return l
}

// maxKept bounds the records of one answer that go into the evidence.
const maxKept = 64

// TLSA asks for the TLSA records of host and port (RFC 6698, 3): at the name
// that CNAME records lead to, if DNSSEC protects them all the way, and then at
// host itself (RFC 7671, 7).
func (r *Resolver) TLSA(ctx context.Context, host, port string) *evidence.DNS {
	d := &evidence.DNS{Resolver: r.text, Channel: r.channel}
	address := r.ask(ctx, host, "A")
	d.Lookups = append(d.Lookups, address)
	if !address.Failed() && len(address.Data) == 0 {
		address = r.ask(ctx, host, "AAAA")
		d.Lookups = append(d.Lookups, address)
	}
	bases := []string{host}
	if final := address.Final(); final != host && address.AD && r.channel.Private() && !address.Failed() {
		bases = []string{final, host}
	}
	for _, base := range bases {
		l := r.ask(ctx, "_"+port+"._tcp."+base, "TLSA")
		l.Base = base
		d.Lookups = append(d.Lookups, l)
		if l.Failed() || len(l.Data) > 0 && l.AD {
			break
		}
	}
	return d
}

// Named is a server that an MX or SRV record names.
type Named struct {
	Order, Weight int    // preference or priority, the lowest first; of SRV, the highest weight first
	Port          string // of SRV
	Host          string // "" says that there is no such service
}

// MX asks for the exchangers of a domain, in order of preference.
func (r *Resolver) MX(ctx context.Context, domain string) ([]Named, evidence.Lookup) {
	l := r.ask(ctx, domain, "MX")
	return ordered(l.Data, 2), l
}

// SRV asks for the servers of a service, in order of preference.
func (r *Resolver) SRV(ctx context.Context, name string) ([]Named, evidence.Lookup) {
	l := r.ask(ctx, name, "SRV")
	return ordered(l.Data, 6), l
}

// ordered reads records that begin with numbers, size bytes, and end in a name.
func ordered(data [][]byte, size int) (out []Named) {
	for _, b := range data {
		if len(b) < size {
			continue
		}
		n := Named{Order: int(binary.BigEndian.Uint16(b)), Host: string(b[size:])}
		if size == 6 {
			n.Weight = int(binary.BigEndian.Uint16(b[2:]))
			n.Port = itoa(binary.BigEndian.Uint16(b[4:]))
		}
		out = append(out, n)
	}
	Sort(out)
	return out
}

// Sort puts servers in order of preference; among equals the order is that of
// their names, so that it is the same in every run.
func Sort(ns []Named) {
	slices.SortFunc(ns, func(a, b Named) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(b.Weight, a.Weight), cmp.Compare(a.Host, b.Host), cmp.Compare(a.Port, b.Port))
	})
}

func itoa(n uint16) string { return strconv.Itoa(int(n)) }

// plain is an error's text, without the addresses that package net puts before
// it, cut, in valid UTF-8.
func plain(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	var sys *os.SyscallError
	if errors.As(err, &sys) {
		err = sys.Err
	}
	s := strings.ToValidUTF8(err.Error(), "?")
	return s[:min(len(s), 512)]
}

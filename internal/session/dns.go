package session

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/resolver"
	"github.com/assaytls/assay/internal/target"
	"github.com/assaytls/assay/internal/tlsclient"
	"github.com/assaytls/assay/policy"
)

// MaxNamed bounds the servers of one service that are checked.
const MaxNamed = 16

// DNS says whom to ask about names, and whether for TLSA records too.
type DNS struct {
	DANE     bool
	Resolver string
	Roots    []string

	r *resolver.Resolver // nil: the system's
}

// Add adds the flags.
func (f *DNS) Add(c *cobra.Command) {
	g := flags.Under(c, "Connection")
	g.Switch(&f.DANE, "dane", "", "compare the certificate with the server's TLSA records (DANE) as well; needs --resolver")
	g.Text(&f.Resolver, "resolver", "ask the DNS resolver at `ADDR`: 127.0.0.1, tcp://192.0.2.1:53, or tls://HOST for DNS over TLS")
	g.List(&f.Roots, "resolver-roots", "trust the certificates in FILE for a tls:// resolver instead of the system's; repeatable", flags.Kind{Type: "FILE"})
}

// Check wants flags that go together, and reads no file.
func (f *DNS) Check() error {
	switch {
	case f.Resolver == "" && len(f.Roots) > 0:
		return usagef("--resolver-roots goes with --resolver tls://HOST")
	case f.Resolver == "" && f.DANE:
		return usagef("--dane needs --resolver: the DNS resolver that checks DNSSEC").
			Hint("one on this computer: --resolver 127.0.0.1").Hint("over TLS: --resolver tls://HOST")
	case f.Resolver == "":
		return nil
	}
	r, err := resolver.Parse(f.Resolver, nil)
	switch {
	case err != nil:
		return usagef("--resolver: %v", err)
	case len(f.Roots) > 0 && r.Channel() != evidence.ChannelTLS:
		return usagef("--resolver-roots goes with --resolver tls://HOST")
	}
	return nil
}

// Open makes the resolver of flags that Check has passed.
func (f *DNS) Open() error {
	if f.Resolver == "" {
		return nil
	}
	pool, err := target.Pool("--resolver-roots", f.Roots)
	if err != nil {
		return err
	}
	if f.r, err = resolver.Parse(f.Resolver, pool); err != nil {
		return usagef("--resolver: %v", err)
	}
	return nil
}

// Target wants a name where TLSA records are asked for.
func (f *DNS) Target(t target.Target) error {
	if _, err := netip.ParseAddr(t.Host); err == nil && f.DANE {
		return usagef("--dane: %s is an IP address; TLSA records belong to names", t.Host)
	}
	return nil
}

// Judge asks for TLSA records before each dial.
func (f *DNS) Judge(next Judge) Judge {
	if f.r == nil {
		return next
	}
	return func(ctx context.Context, c tlsclient.Config) []Result {
		c.DNS = f.r.Net()
		if f.DANE && c.Failure == nil {
			d := f.r.TLSA(ctx, strings.TrimSuffix(tlsclient.ASCIIName(c.Host), "."), c.Port)
			if c.Known != nil {
				d.Service = c.Known.Service
				d.Lookups = append(c.Known.Lookups[:len(c.Known.Lookups):len(c.Known.Lookups)], d.Lookups...)
			}
			c.Known = d
		}
		return next(ctx, c)
	}
}

// Servers are the connections to the servers that the DNS names for t. Where it
// names none, the one that is returned says why.
func (f *DNS) Servers(ctx context.Context, conn *Connection, t target.Target) (cs []tlsclient.Config, hint string, err error) {
	ns, l, failure := f.ask(ctx, t)
	domain := tlsclient.ASCIIName(t.Domain())
	known := &evidence.DNS{Channel: evidence.ChannelPlain, Resolver: "system", Lookups: []evidence.Lookup{l}}
	if f.r != nil {
		known.Resolver, known.Channel = f.r.String(), f.r.Channel()
	}
	secure := l.AD && known.Channel.Private()
	if failure == nil && len(ns) == 0 && t.Service == "MX" {
		ns = []resolver.Named{{Host: domain}} // RFC 5321, 5.1
		hint = fmt.Sprintf("%s: the domain has no MX record; mail goes to the host of that name", t.Input)
	}
	if failure == nil && len(ns) == 0 {
		failure = f.failed(t, finding.ServiceNotFound)
	}
	if failure == nil && len(ns) == 1 && ns[0].Host == "" {
		failure = f.failed(t, finding.ServiceNotOffered)
	}
	if failure != nil {
		c, err := conn.Config(t.At(t.Host, ""))
		c.Known, c.Failure = known, failure
		return []tlsclient.Config{c}, "", err
	}
	if n := len(ns); n > MaxNamed {
		ns, hint = ns[:MaxNamed], fmt.Sprintf("%s: the DNS names %d servers; assay checks the first %d", t.Input, n, MaxNamed)
	}
	for _, n := range ns {
		host := n.Host
		var bad *evidence.Failure
		if err := policy.CheckHost(host); err != nil || isAddr(host) {
			bad = f.failed(t, finding.ServiceTargetBad)
			bad.Params["target"] = finding.Quote(host)
			host = domain
		}
		port := n.Port
		if conn.Connection.Port != "" || port == "0" {
			port = "" // --port, or the scheme's
		}
		c, err := conn.Config(t.At(host, port))
		if err != nil {
			return nil, "", err
		}
		if t.Service == "SRV" { // the name that the DNS gave is nobody's word (RFC 9525, 6.1)
			c.Names = []string{domain}
			if c.SNI == "" && !c.NoSNI {
				c.SNI = domain
			}
		}
		own := *known
		own.Service = &evidence.Service{Type: t.Service, Name: tlsclient.ASCIIName(t.Host), Domain: domain, Order: n.Order, Port: n.Port, Secure: secure}
		c.Known, c.Failure = &own, bad
		cs = append(cs, c)
	}
	return cs, hint, nil
}

func isAddr(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

func (f *DNS) failed(t target.Target, id finding.ID) *evidence.Failure {
	return &evidence.Failure{ID: id, Stage: "dns", Params: map[string]string{"type": t.Service, "name": t.Host}}
}

// ask asks the resolver, or the system's, for the records of t.
func (f *DNS) ask(ctx context.Context, t target.Target) ([]resolver.Named, evidence.Lookup, *evidence.Failure) {
	name := strings.ToLower(tlsclient.ASCIIName(t.Host))
	var ns []resolver.Named
	var l evidence.Lookup
	switch {
	case f.r == nil:
		return f.askSystem(ctx, t, name)
	case t.Service == "MX":
		ns, l = f.r.MX(ctx, name)
	default:
		ns, l = f.r.SRV(ctx, name)
	}
	switch {
	case l.Failed():
		failure := f.failed(t, finding.DNSFailure)
		if failure.Detail = l.Failure; failure.Detail == "" {
			failure.Detail = "the resolver replied with " + l.Code
		}
		failure.Params = map[string]string{"host": name, "detail": failure.Detail}
		return nil, l, failure
	case l.Code == "NXDOMAIN" && t.Service == "MX":
		failure := f.failed(t, finding.DNSNotFound)
		failure.Params = map[string]string{"host": name}
		return nil, l, failure
	}
	return ns, l, nil
}

// askSystem asks the resolver of this computer, of which nobody knows whether it
// checks DNSSEC.
func (f *DNS) askSystem(ctx context.Context, t target.Target, name string) (ns []resolver.Named, l evidence.Lookup, failure *evidence.Failure) {
	ctx, cancel := context.WithTimeout(ctx, resolver.Timeout)
	defer cancel()
	l = evidence.Lookup{Name: name, Type: t.Service, Code: "NOERROR"}
	start := time.Now()
	var err error
	trim := func(s string) string { return strings.ToLower(strings.TrimSuffix(s, ".")) }
	if t.Service == "MX" {
		var mxs []*net.MX
		mxs, err = net.DefaultResolver.LookupMX(ctx, name+".")
		for _, mx := range mxs {
			ns = append(ns, resolver.Named{Order: int(mx.Pref), Host: trim(mx.Host)})
		}
	} else {
		var srvs []*net.SRV
		_, srvs, err = net.DefaultResolver.LookupSRV(ctx, "", "", name+".")
		for _, s := range srvs {
			ns = append(ns, resolver.Named{Order: int(s.Priority), Weight: int(s.Weight), Host: trim(s.Target), Port: fmt.Sprint(s.Port)})
		}
	}
	l.Took = time.Since(start)
	resolver.Sort(ns)
	var d *net.DNSError
	switch {
	case len(ns) > 0 || err == nil: // some of the records may be no host names; net leaves them out
	case errors.As(err, &d) && d.IsNotFound:
		l.Code = "NXDOMAIN" // net does not tell a name without such records from none
	default:
		l.Code, l.Failure = "", err.Error()
		failure = f.failed(t, finding.DNSFailure)
		failure.Detail, failure.Params = err.Error(), map[string]string{"host": name, "detail": err.Error()}
	}
	return ns, l, failure
}

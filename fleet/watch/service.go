package watch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/resolver"
	"github.com/assaytls/assay/internal/target"
	"github.com/assaytls/assay/internal/tlsclient"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// maxNamed bounds the servers of one service that are watched.
const maxNamed = 16

// named splits the target of a server that records named: the service and the
// server, "mx:example.com mx1.example.com:25".
func named(text string) (service target.Target, host, port string, err error) {
	first, second, _ := strings.Cut(text, " ")
	if service, err = target.Parse(first); err != nil {
		return service, "", "", err
	}
	host, port, err = net.SplitHostPort(second)
	return service, host, port, err
}

// service asks the DNS which servers a service has. They are watched as targets of
// their own; the service's own report says only whether the DNS names any.
func (g *ready) service(ctx context.Context, s Spec) (o Outcome) {
	t, err := target.Parse(s.Target)
	if err != nil {
		return Outcome{Report: failed(s, err.Error())}
	}
	c, err := g.conn.Config(t.At(t.Host, ""))
	if err != nil {
		return Outcome{Report: failed(s, err.Error())}
	}
	ns, failure := lookUp(ctx, t)
	if failure == nil {
		o.Servers, failure = g.servers(s, t, ns)
	}
	if failure != nil {
		c.Failure = failure
		return Outcome{Report: g.dial(ctx, c)}
	}
	o.Resolved = true
	o.Report = &report.Report{Version: report.Version, Time: time.Now().UTC(), Chosen: -1, Target: report.Target{Input: s.Target, Host: t.Host, Source: report.FromCheck},
		Checks: []report.Check{{Name: report.HandshakeCheck, Cert: -1, State: report.CheckNotApplicable, Required: true,
			Detail: fmt.Sprintf("the DNS names %d servers, which are checked by themselves", len(o.Servers))}}}
	report.Decide(o.Report)
	return o
}

// servers are the targets that records name.
func (g *ready) servers(s Spec, t target.Target, ns []resolver.Named) (specs []Spec, failure *evidence.Failure) {
	domain := tlsclient.ASCIIName(t.Domain())
	switch {
	case len(ns) == 0 && t.Service == "MX":
		ns = []resolver.Named{{Host: domain}} // RFC 5321, 5.1
	case len(ns) == 0:
		return nil, broken(t, finding.ServiceNotFound)
	case len(ns) == 1 && ns[0].Host == "":
		return nil, broken(t, finding.ServiceNotOffered)
	}
	for _, n := range ns[:min(len(ns), maxNamed)] {
		if err := policy.CheckHost(n.Host); err != nil || isAddr(n.Host) {
			f := broken(t, finding.ServiceTargetBad)
			f.Params["target"] = finding.Quote(n.Host)
			return nil, f
		}
		port := n.Port
		if port == "0" {
			port = ""
		}
		c, err := g.conn.Config(t.At(n.Host, port))
		if err != nil {
			return nil, broken(t, finding.ServiceTargetBad)
		}
		specs = append(specs, g.serverOf(s, net.JoinHostPort(n.Host, c.Port)))
	}
	return specs, nil
}

// serverOf is the target that a server becomes which the DNS names for s.
func (g *ready) serverOf(s Spec, server string) Spec {
	return Spec{Kind: Server, Target: s.Target + " " + server, Name: server + " (" + s.Name + ")", Group: s.Group, Labels: s.Labels,
		Origin: FromDNS, Interval: s.Interval, Digest: g.digest}
}

// member is the connection to a server that records named.
func (g *ready) member(s Spec) (tlsclient.Config, error) {
	t, host, port, err := named(s.Target)
	if err != nil {
		return tlsclient.Config{}, err
	}
	c, err := g.conn.Config(t.At(host, port))
	if err == nil && t.Service == "SRV" { // the name that the DNS gave is nobody's word (RFC 9525, 6.1)
		domain := tlsclient.ASCIIName(t.Domain())
		c.Names = []string{domain}
		if c.SNI == "" && !c.NoSNI {
			c.SNI = domain
		}
	}
	return c, err
}

func isAddr(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

func broken(t target.Target, id finding.ID) *evidence.Failure {
	return &evidence.Failure{ID: id, Stage: "dns", Params: map[string]string{"type": t.Service, "name": t.Host}}
}

// lookUp asks the resolver of this computer for the records of t.
func lookUp(ctx context.Context, t target.Target) (ns []resolver.Named, failure *evidence.Failure) {
	ctx, cancel := context.WithTimeout(ctx, resolver.Timeout)
	defer cancel()
	name := strings.ToLower(tlsclient.ASCIIName(t.Host))
	trim := func(s string) string { return strings.ToLower(strings.TrimSuffix(s, ".")) }
	var err error
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
	resolver.Sort(ns)
	var d *net.DNSError
	if len(ns) > 0 || err == nil || errors.As(err, &d) && d.IsNotFound {
		return ns, nil
	}
	failure = broken(t, finding.DNSFailure)
	failure.Detail, failure.Params = err.Error(), map[string]string{"host": name, "detail": err.Error()}
	return nil, failure
}

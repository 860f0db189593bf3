package watch

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/assaytls/assay/internal/session"
	"github.com/assaytls/assay/internal/target"
	"github.com/assaytls/assay/internal/tlsclient"
	"github.com/assaytls/assay/report"
)

// maxNamed bounds the servers of one service that are watched.
const maxNamed = session.MaxNamed

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
	all, _, err := g.dns.Servers(ctx, &g.conn, t)
	if err != nil {
		return Outcome{Report: failed(s, err.Error())}
	}
	for _, c := range all {
		if c.Failure != nil { // there is none, or one of them is no host
			return Outcome{Report: g.dial(ctx, c)}
		}
		o.Servers = append(o.Servers, g.serverOf(s, net.JoinHostPort(c.Host, c.Port)))
	}
	o.Resolved = true
	o.Report = &report.Report{Version: report.Version, Time: time.Now().UTC(), Chosen: -1, Target: report.Target{Input: s.Target, Host: t.Host, Source: report.FromCheck},
		Checks: []report.Check{{Name: report.HandshakeCheck, Cert: -1, State: report.CheckNotApplicable, Required: true,
			Detail: fmt.Sprintf("the DNS names %d servers, which are checked by themselves", len(o.Servers))}}}
	report.Decide(o.Report)
	return o
}

// serverOf is the target that a server becomes which the DNS names for s.
func (g *ready) serverOf(s Spec, server string) Spec {
	return Spec{Kind: Server, Target: s.Target + " " + server, Name: server + " (" + s.Name + ")", Group: s.Group, Labels: s.Labels,
		Origin: FromDNS, Interval: s.Interval, Digest: g.digest}
}

// member is the connection to a server that records named. Where TLSA records are
// compared it counts whether the records that name it are secure, so they are asked for
// anew; a server that they name no longer is gone with the next look at its service.
func (g *ready) member(ctx context.Context, s Spec) (tlsclient.Config, error) {
	t, host, port, err := named(s.Target)
	if err != nil {
		return tlsclient.Config{}, err
	}
	if g.dns.DANE {
		all, _, err := g.dns.Servers(ctx, &g.conn, t)
		if err != nil {
			return tlsclient.Config{}, err
		}
		for _, c := range all {
			if c.Failure == nil && c.Host == host && c.Port == port {
				return c, nil
			}
		}
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

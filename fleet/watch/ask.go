package watch

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/session"
	"github.com/assaytls/assay/internal/target"
	"github.com/assaytls/assay/policy"
)

// Question is a check that somebody asks for while the service runs. Unless Spec is
// one of the configuration's it is a stranger's: public addresses are reached, and
// the networks that [Judges.Reach] was told, by the check and by all its
// downloads; no proxy is gone through, and no client certificate is shown.
type Question struct {
	Spec   Spec
	Policy map[string][]string // over the group's policy, by names of [policy.Fields]
}

// strangersLimit bounds a check that a stranger asks for, downloads included.
const strangersLimit = 30 * time.Second

// strangers is what strangers' checks share.
type strangers struct {
	engine   *engine.Engine
	networks []netip.Prefix
	tables   *engine.Trust // of root programs
}

// Reach says which networks strangers may have checked besides public addresses. It is
// called before the first check, and again when the configuration changes. What
// strangers had downloaded is kept apart from all other downloads, and in memory.
func (j *Judges) Reach(ctx context.Context, networks []netip.Prefix) error {
	s, err := newStrangers(ctx, networks)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.strangers != nil && slices.Equal(j.strangers.networks, s.networks) {
		return nil
	}
	j.strangers = s
	return nil
}

func newStrangers(ctx context.Context, networks []netip.Prefix) (*strangers, error) {
	network := session.Network{MaxDownload: fetch.DefaultMaxBytes}
	client := network.Client()
	client.Proxy, client.Networks = nil, networks
	var all policy.Policy
	all.Programs = policy.EveryProgram
	run := command.NewRun("assay", nil, io.Discard, io.Discard)
	_, tables, err := session.Asked{Trust: &flags.Trust{}, Logs: &session.Logs{}, Filters: &session.Filters{}}.Options(ctx, run, all)
	if err != nil {
		return nil, err
	}
	return &strangers{networks: slices.Clone(networks), tables: tables, engine: engine.New(engine.Options{Fetch: client})}, nil
}

// allow refuses what strangers may not reach.
func (s *strangers) allow(a netip.Addr) error {
	c := fetch.Classify(a)
	if c == fetch.Public && !fetch.Metadata(a) || !fetch.Metadata(a) && fetch.Within(s.networks, a) {
		return nil
	}
	return fmt.Errorf("%s is not a public address, and this service checks no others for those who ask it", a)
}

// Ask checks what somebody asks for. The error is a *target.Usage, when the question cannot
// be asked so, or ErrUnmade. Whatever goes wrong with the check itself is in the report.
func (j *Judges) Ask(ctx context.Context, q Question) (Outcome, error) {
	j.mu.RLock()
	t := task{Question: q, group: j.groups[q.Spec.Group], authority: j.cas[q.Spec.Group], strangers: j.strangers}
	j.mu.RUnlock()
	health := q.Spec.Kind == CRL || q.Spec.Kind == OCSP
	switch {
	case health && t.authority == nil, !health && t.group == nil:
		return Outcome{}, target.Usagef("the configuration has no group %q", q.Spec.Group)
	case q.Spec.Kind != Server && (len(q.Policy) > 0 || q.Spec.Origin == FromAPI && health):
		return Outcome{}, target.Usagef("only servers can be asked about in this way")
	}
	if health {
		t.group = nil
	} else {
		t.authority = nil
	}
	if len(q.Policy) > 0 { // what cannot be meant needs nobody elsewhere
		if _, err := over(t.group.rules, q.Policy); err != nil {
			return Outcome{}, err
		}
	}
	if j.Elsewhere != nil {
		return t.elsewhere(ctx, j.Elsewhere)
	}
	return t.run(ctx)
}

// stranger checks a server for somebody who is not the configuration.
func (g *ready) stranger(ctx context.Context, s *strangers, text string, rules policy.Policy) (o Outcome, err error) {
	if s == nil {
		return o, target.Usagef("this service checks nothing but what its configuration names")
	}
	t, err := target.Parse(text)
	if err == nil {
		err = g.dns.Target(t)
	}
	if err != nil {
		return o, err
	}
	if t.Service != "" {
		return o, target.Usagef("%s is a domain whose servers the DNS names; name the server itself", text)
	}
	conn := g.conn // a copy
	conn.Proxy, conn.ProxyHeader, conn.Cert, conn.Key, conn.PassFile = target.NoProxy, "", "", "", ""
	c, err := conn.Config(t)
	if err != nil {
		return o, err
	}
	ctx, cancel := context.WithTimeout(ctx, min(g.limit(), strangersLimit))
	defer cancel()
	if err := g.more.Fits(&c); err != nil {
		return o, err
	}
	c.Certificate, c.Allow = nil, s.allow
	trust := g.trust
	if rules.Programs != 0 || rules.Trust != policy.ProgramSystem {
		trust = &engine.Trust{Anchors: g.trust.Anchors, LogList: g.trust.LogList, Filters: g.trust.Filters, Public: g.trust.Public, Programs: s.tables.Programs, Known: s.tables.Known}
	}
	a := download.Access{Scope: download.ScopePublic, NoAIA: !g.network.AIA, Nonce: g.network.Nonce != "", Run: download.Run{Began: began(time.Now())}}
	o.Report = g.look(ctx, c, s.engine, trust, rules, a)
	return o, nil
}

// began is a time that checks of the same minute share, so that one failure of a list
// answers for all of them.
func began(now time.Time) time.Time { return now.Truncate(time.Minute) }

// over is a policy with what is asked for in its place.
func over(of policy.Policy, asked map[string][]string) (p policy.Policy, err error) {
	b, err := of.MarshalJSON() // a copy that shares no list with the group's
	if err == nil {
		err = p.UnmarshalJSON(b)
	}
	if err != nil {
		return p, err
	}
	for name, values := range asked {
		f, found := policy.Lookup(name)
		if !found || name == "time" {
			return p, target.Usagef("there is no rule %q of a policy that can be asked for", name)
		}
		if len(values) > 1 && !f.Repeats {
			return p, target.Usagef("%s is asked for %d times", name, len(values))
		}
		for _, v := range values {
			if len(v) > maxText {
				return p, target.Usagef("%s: the value is too long", name)
			}
			if err := f.Set(&p, v); err != nil {
				return p, target.Usagef("%s: %s", name, strings.TrimSpace(err.Error()))
			}
		}
	}
	if err := engine.Validate(p); err != nil {
		return p, target.Usagef("%v", err)
	}
	return p, nil
}

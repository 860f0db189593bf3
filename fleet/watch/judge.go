package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/internal/session"
	"github.com/assaytls/assay/internal/target"
	"github.com/assaytls/assay/internal/tlsclient"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// Judges checks what a configuration names. A newer configuration takes the place
// of the older one while checks run; what was downloaded stays.
type Judges struct {
	Stderr   io.Writer // is told what does not change an answer; nil: nobody is
	CacheDir string    // "" is the user's
	// Elsewhere, when not nil, has somebody else make the checks: it carries a question to
	// a [Deputy] and brings the answer. An error says that there was no check; it wraps
	// ErrAway when there can be none at present.
	Elsewhere func(ctx context.Context, question []byte) ([]byte, error)

	engines engines
	mu      sync.RWMutex
	groups  map[string]*ready
	cas     map[string]*ca

	strangers *strangers // nil: nobody else's targets are checked
}

// Use reads every file that a configuration names, and has checks follow it from
// now on. When something cannot be read, nothing changes.
func (j *Judges) Use(ctx context.Context, c *Config) error {
	stderr := j.Stderr
	if stderr == nil {
		stderr = io.Discard
	}
	run := command.NewRun("assay", nil, io.Discard, stderr)
	groups, cas := map[string]*ready{}, map[string]*ca{}
	for _, g := range c.Groups {
		r, err := g.settings.open(ctx, run, &j.engines, j.CacheDir)
		if err != nil {
			return fmt.Errorf("%s: group %q: %s", c.File, g.Name, usageText(err))
		}
		groups[g.Name] = r
	}
	for _, a := range c.Authorities {
		one, err := a.open(ctx, run)
		if err != nil {
			return fmt.Errorf("%s: CA %q: %s", c.File, a.Name, usageText(err))
		}
		cas[a.Name] = one
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.groups, j.cas = groups, cas
	return nil
}

// Judge is the Judge of the configuration in use.
func (j *Judges) Judge(ctx context.Context, s Spec) Outcome {
	began := time.Now()
	o, err := j.Ask(ctx, Question{Spec: s})
	switch {
	case errors.Is(err, ErrUnmade):
		o = Outcome{Unmade: err}
	case err != nil:
		o = Outcome{Report: failed(s, err.Error())}
	}
	o.Took = time.Since(began)
	return o
}

// task is a check with everything that it needs.
type task struct {
	Question
	group     *ready
	authority *ca
	strangers *strangers
}

// run makes the check. An error says that it cannot be asked for so.
func (t task) run(ctx context.Context) (o Outcome, err error) {
	began := time.Now()
	s := t.Spec
	switch {
	case t.authority != nil:
		o.Report = t.authority.health(ctx, s)
	case s.Origin == FromAPI:
		var rules policy.Policy
		if rules, err = over(t.group.rules, t.Policy); err == nil {
			o, err = t.group.stranger(ctx, t.strangers, s.Target, rules)
		}
	case s.Kind == Service:
		o = t.group.service(ctx, s)
	default:
		var rules policy.Policy
		if rules, err = over(t.group.rules, t.Policy); err == nil {
			o.Report = t.group.server(ctx, s, rules)
		}
	}
	o.Took = time.Since(began)
	return o, err
}

// server checks one server.
func (g *ready) server(ctx context.Context, s Spec, rules policy.Policy) *report.Report {
	var c tlsclient.Config
	var err error
	if s.Origin == FromDNS {
		c, err = g.member(ctx, s)
	} else {
		var t target.Target
		if t, err = target.Parse(s.Target); err == nil {
			c, err = g.conn.Config(t)
		}
	}
	if err != nil {
		return failed(s, err.Error())
	}
	return g.dialBy(ctx, c, rules)
}

// dial checks the server of a connection.
func (g *ready) dial(ctx context.Context, c tlsclient.Config) *report.Report {
	return g.dialBy(ctx, c, g.rules)
}

// dialBy checks it by other rules than the group's.
func (g *ready) dialBy(ctx context.Context, c tlsclient.Config, rules policy.Policy) *report.Report {
	ctx, cancel := context.WithTimeout(ctx, g.limit())
	defer cancel()
	c.Certificate, c.Allow = g.own.Certificate, notMetadata
	a := g.network.Access()
	a.Run.Began, a.Audit = began(a.Run.Began), g.logs.Audit
	return g.look(ctx, c, g.engine, g.trust, rules, a)
}

// look has an engine check the server of a connection, all of its addresses where the
// settings say so. Then the report is that of the worst address, and of the lowest one
// among equals: so a server whose addresses change their order stays as it is.
func (g *ready) look(ctx context.Context, c tlsclient.Config, e *engine.Engine, t *engine.Trust, rules policy.Policy, a download.Access) *report.Report {
	g.more.Into(&c)
	all := g.dns.Judge(g.more.Judge(e, t, rules, a, assemble.Full))(ctx, c)
	slices.SortStableFunc(all, func(a, b session.Result) int {
		x, _ := netip.ParseAddr(a.Report.Target.Addr)
		y, _ := netip.ParseAddr(b.Report.Target.Addr)
		return cmp.Or(worse(b.Report.Verdict)-worse(a.Report.Verdict), x.Compare(y))
	})
	r := all[0].Report
	for _, other := range all[1:] {
		i := slices.IndexFunc(other.Report.Findings, func(f finding.Finding) bool { return f.ID == finding.AddressesDiffer })
		if i >= 0 && !slices.ContainsFunc(r.Findings, func(f finding.Finding) bool { return f.ID == finding.AddressesDiffer }) {
			r.Findings = append(r.Findings, other.Report.Findings[i])
			report.Decide(r)
		}
	}
	return r
}

// worse is greater for a worse verdict.
func worse(v report.Verdict) int {
	return slices.Index([]report.Verdict{report.Accept, report.Inconclusive, report.Reject}, v)
}

// notMetadata keeps from the addresses at which clouds hand out credentials, even
// where the configuration names them or the DNS leads there.
func notMetadata(a netip.Addr) error {
	if fetch.Metadata(a) {
		return errors.New("assay does not connect to the metadata service of a cloud")
	}
	return nil
}

// failed is the report about a check that could not begin.
func failed(s Spec, why string) *report.Report {
	r := &report.Report{Version: report.Version, Time: time.Now().UTC(), Target: report.Target{Input: s.Target, Source: report.FromCheck}, Chosen: -1,
		Findings: []finding.Finding{finding.New(finding.InternalError, "what", "the target", "detail", why)},
		Checks:   []report.Check{{Name: report.HandshakeCheck, Cert: -1, State: report.NotDone, Required: true}}}
	report.Decide(r)
	return r
}

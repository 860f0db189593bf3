package assay

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/roots"
	"github.com/assaytls/assay/internal/store"
	"github.com/assaytls/assay/internal/tlsnames"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/programs"
	"github.com/assaytls/assay/report"
)

// configure turns the Config into an engine and a policy, refusing what makes
// no sense.
func (v *Verifier) configure() error {
	c := &v.conf
	if c.Unknown < UnknownWarn || c.Unknown > UnknownDeny {
		return fmt.Errorf("Config.Unknown %d is not one of UnknownWarn, UnknownAllow, UnknownDeny", int(c.Unknown))
	}
	if c.Network < FirstContact || c.Network > Offline {
		return fmt.Errorf("Config.Network %d is not one of FirstContact, Background, Inline, Offline", int(c.Network))
	}
	if c.FetchBudget < 0 || c.CloseGrace < 0 || c.MaxAge < 0 {
		return errors.New("Config has a negative duration")
	}
	if c.PrivateFetch {
		v.access.Scope = download.ScopePrivate
	}
	var err error
	v.trust = &engine.Trust{}
	if v.trust.Anchors, err = v.anchors(); err != nil {
		return err
	}
	if c.LogList != nil {
		if v.trust.LogList, err = ct.ParseLogList(c.LogList); err != nil {
			return fmt.Errorf("Config.LogList: %w", err)
		}
		if v.trust.LogList.FromFuture(time.Now()) {
			return fmt.Errorf("Config.LogList: the list is dated in the future, %s", v.trust.LogList.Timestamp())
		}
	}
	if v.trust.Public, err = c.public(); err != nil {
		return err
	}
	v.trust.Known, v.trust.Programs = roots.Known, programs.Embedded
	if c.RootPrograms != nil {
		tables, err := programs.Parse(c.RootPrograms)
		if err != nil {
			return fmt.Errorf("Config.RootPrograms: %w", err)
		}
		v.trust.Programs = func() *programs.Tables { return tables }
	}
	opt := engine.Options{Warn: v.warn, Context: v.ctx, Learnt: v.learnt, Remote: c.Cache, KnownKeyTables: c.KnownKeyTables}
	if v.shared = c.CacheDir != ""; v.shared {
		if opt.Store, err = store.Open(c.CacheDir); err != nil {
			return fmt.Errorf("Config.CacheDir: %w", err)
		}
	}
	v.engine, v.under = engine.New(opt), trustHash(v.trust, c.PublicRoots)
	v.trust.Filters, v.trust.Lists = v.filters.set.Load, v.crlFiles.given
	if err := v.judgeBy(c.policy()); err != nil {
		return err
	}
	if err := v.openCRLFiles(); err != nil {
		return err
	}
	if err := v.openFilters(); err != nil {
		return err
	}
	if err := v.watchAnchors(); err != nil {
		return err
	}
	if len(c.CRLFiles)+len(c.CRLDirs) > 0 || v.reloaded != nil {
		v.running.Add(1)
		go v.tendFiles()
	}
	return nil
}

// judgeBy sets the rules, which are checked first.
func (v *Verifier) judgeBy(p policy.Policy) error {
	if err := engine.Validate(p); err != nil {
		return err
	}
	switch {
	case !p.Time.IsZero():
		return errors.New("a policy for connections has a time: they are judged for now")
	case p.NoName || len(p.Names) > 0:
		return errors.New("a policy for connections says which name to compare: that is the dial's to say, and RequireDNS, RequireIP and RequireEmail add to it")
	case p.RequireNonce:
		return errors.New("a policy for connections requires a nonce: handshakes share OCSP responses and send none")
	case p.CT.Enforced() && v.trust.LogList == nil:
		return fmt.Errorf("the CT policy %q needs Config.LogList", p.CT)
	}
	rules := p.Hash()
	by := append(rules[:], v.under[:]...)
	if p.Trust != policy.ProgramSystem {
		if _, n := v.trust.Pool(p.Trust); n == 0 {
			return fmt.Errorf("no certificate of a root of %s is at hand: nothing could be trusted", p.Trust.Name())
		}
		by = append(by, v.trust.ProgramsHash()...)
	}
	v.policy, v.clients = p, p
	v.clients.Purpose = policy.PurposeClient
	v.hash = sha256.Sum256(by)
	return nil
}

// policy is the rules that the Config asks for.
func (c *Config) policy() policy.Policy {
	var ips []string
	for _, ip := range c.RequireIP {
		ips = append(ips, ip.Unmap().String())
	}
	return policy.Policy{Trust: c.Trust, RequireDNS: c.RequireDNS, RequireIP: ips, Strict: c.Strict, SecurityLevel: c.SecurityLevel, MinRSA: c.MinRSA, NoWildcards: c.NoWildcards, Schemes: c.Schemes,
		Depth: c.Depth, Unknown: c.Unknown.policy(), MaxAge: c.MaxAge, Skew: c.Skew, CT: c.CT, Allow: c.Allow}
}

// public returns what tells publicly trusted anchors by their key.
func (c *Config) public() (func(spki []byte) bool, error) {
	keys := map[string]bool{}
	for i, der := range c.PublicRoots {
		x, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("Config.PublicRoots[%d]: %w", i, err)
		}
		keys[string(x.RawSubjectPublicKeyInfo)] = true
	}
	return func(spki []byte) bool { return keys[string(spki)] || roots.Public(spki) }, nil
}

// trustHash tells apart the anchors and log lists under which verdicts and TLS
// sessions were judged.
func trustHash(t *engine.Trust, public [][]byte) [32]byte {
	h := t.Anchors.Hash()
	b := append([]byte(nil), h[:]...)
	if t.LogList != nil {
		h = t.LogList.Hash()
		b = append(b, h[:]...)
	}
	for _, der := range public {
		h = sha256.Sum256(der)
		b = append(b, h[:]...)
	}
	return sha256.Sum256(b)
}

// warn logs what changes no verdict.
func (v *Verifier) warn(err error) {
	if l := v.conf.Logger; l != nil {
		l.Warn("assay: cache", "error", finding.Quote(err.Error()))
	}
}

// log writes one line for a refusal or a warning.
func (v *Verifier) log(ctx context.Context, name string, r *report.Report) {
	l := v.conf.Logger
	if l == nil || r.Headline == nil {
		return
	}
	level := slog.LevelWarn
	if r.Verdict != report.Accept {
		level = slog.LevelError
	}
	f := r.Headline.Finding
	l.Log(ctx, level, "assay: "+f.Title(), "name", finding.Quote(name), "verdict", string(r.Verdict), "id", finding.Quote(string(f.ID)))
}

// copyReport returns a copy whose findings may be appended to, since memoised
// reports are shared, and that tells of ev's connection, not of the one that
// was judged.
func copyReport(r *report.Report, ev *evidence.Evidence) *report.Report {
	c := *r
	c.Findings = append([]finding.Finding(nil), r.Findings...)
	if r.Connection != nil {
		conn, at := *r.Connection, ev.Connection
		conn.Addr, conn.ALPN, conn.Resumed, conn.Group = at.Addr, at.ALPN, at.Resumed, tlsnames.Group(at.Group)
		c.Connection = &conn
	}
	return &c
}

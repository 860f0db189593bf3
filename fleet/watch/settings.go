package watch

import (
	"context"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/session"
	"github.com/assaytls/assay/internal/target"
	"github.com/assaytls/assay/internal/tlsclient"
	"github.com/assaytls/assay/policy"
)

// settings say how the targets of a group are checked: what the flags of `assay
// check` say, by their names.
type settings struct {
	conn    session.Connection
	trust   flags.Trust
	rules   policy.Policy
	network session.Network
	logs    session.Logs
	filters session.Filters
	more    session.More
	dns     session.DNS
	digest  Hash
	given   []setting // what was said, in its order: those who check elsewhere are told it
}

// setting is a flag with the values that it was given.
type setting struct {
	Name   string   `json:"name"`
	Values []string `json:"values"`
}

// checkLimit bounds a check, downloads included, unless the settings say otherwise.
const checkLimit = time.Minute

// notForMany are flags of `assay check` that mean nothing for checks that are
// repeated: each with the reason.
var notForMany = map[string]string{
	"time":      "checks are about the time at which they run",
	"offline":   "a watch asks the revocation sources",
	"refresh":   "a watch confirms what is older than ten minutes",
	"cache-dir": "the flag --cache-dir of assay serve says where the cache is",
	"port":      "the targets say it, like example.com:8443",
	"resume":    "each check of a watch is about a connection of its own",
}

// newSettings returns the settings that nothing was said about, and the flags that
// change them.
func newSettings() (*settings, *pflag.FlagSet) {
	s := &settings{}
	c := &cobra.Command{Use: "check"}
	s.conn.Add(c)
	flags.TrustFlags(c, &s.trust)
	flags.Policy(c, &s.rules, policy.Check)
	s.network.Add(c)
	s.logs.Add(c)
	s.filters.Add(c)
	s.more.Add(c)
	s.dns.Add(c)
	return s, c.Flags()
}

// SettingNames lists what a group's settings may have: the names of flags.
func SettingNames() (names []string) {
	_, all := newSettings()
	all.VisitAll(func(f *pflag.Flag) {
		if notForMany[f.Name] == "" {
			names = append(names, f.Name)
		}
	})
	return names
}

// settings reads the settings of a group; nil are the defaults.
func (r *configReader) settings(n *Node) *settings {
	s, all := newSettings()
	sum := sha256.New()
	if n == nil {
		sum.Sum(s.digest[:0])
		return s
	}
	n.Each(func(name string, key, value *Node) {
		f := all.Lookup(name)
		switch {
		case notForMany[name] != "":
			key.Fail("%q cannot be set here: %s", name, notForMany[name])
			return
		case f == nil:
			if near := command.Nearest(name, SettingNames()); near != "" {
				key.Fail("there is no %q; did you mean %q?", name, near)
			} else {
				key.Fail("there is no %q; the names are those of the flags of assay check", name)
			}
			return
		}
		looks, _ := pflag.UnquoteUsage(f)
		values := []string{}
		switch {
		case f.Value.Type() == "bool":
			values = append(values, fmt.Sprint(value.Bool()))
		default:
			values = value.Texts()
		}
		fmt.Fprintf(sum, "%q=%q\n", name, values)
		for i, v := range values {
			if strings.Contains(looks, "FILE") || strings.Contains(looks, "DIR") {
				v = r.path(v)
				values[i] = absolute(v)
			}
			if err := f.Value.Set(v); err != nil {
				value.Fail("%v", err)
			}
		}
		s.given = append(s.given, setting{name, values})
	})
	sum.Sum(s.digest[:0])
	if err := s.valid(); err != nil {
		n.Fail("%s", usageText(err))
	}
	return s
}

// absolute is a file's name that means the same in another process; what cannot be
// made so stays.
func absolute(name string) string {
	if name == "" || strings.Contains(name, "://") {
		return name
	}
	if full, err := filepath.Abs(name); err == nil {
		return full
	}
	return name
}

// settingsOf are settings as somebody elsewhere was given them.
func settingsOf(given []setting) (*settings, error) {
	s, all := newSettings()
	for _, g := range given {
		f := all.Lookup(g.Name)
		if f == nil || notForMany[g.Name] != "" {
			return nil, fmt.Errorf("this version of assay has no setting %.40q", g.Name)
		}
		for _, v := range g.Values {
			if err := f.Value.Set(v); err != nil {
				return nil, fmt.Errorf("%s: %w", g.Name, err)
			}
		}
	}
	s.given = given
	return s, s.valid()
}

// valid wants settings that go together.
func (s *settings) valid() error {
	s.rules.RequireNonce = s.rules.RequireNonce || s.network.Nonce == session.NonceRequire
	if err := engine.Validate(s.rules); err != nil {
		return err
	}
	if err := s.conn.CheckPassFile(&s.trust); err != nil {
		return err
	}
	if err := s.network.Check(); err != nil {
		return err
	}
	if err := s.more.Check(); err != nil {
		return err
	}
	if err := s.dns.Check(); err != nil {
		return err
	}
	_, err := s.conn.Config(target.Target{Input: "example.com", Host: "example.com"})
	return err
}

// check reads a target as the group's settings reach it.
func (s *settings) check(text string) (Kind, error) {
	t, err := target.Parse(text)
	if err != nil {
		return "", err
	}
	if t.Service != "" {
		_, err := s.conn.Config(t.At(t.Host, ""))
		return Service, err
	}
	if err := s.dns.Target(t); err != nil {
		return "", err
	}
	c, err := s.conn.Config(t)
	if err == nil {
		err = s.more.Fits(&c)
	}
	return Server, err
}

// limit bounds one check.
func (s *settings) limit() time.Duration {
	if s.conn.Timeout > 0 {
		return s.conn.Timeout
	}
	return checkLimit
}

// ready is a group's settings with everything that they name read.
type ready struct {
	*settings
	own    tlsclient.Config // what is the same for all of its targets: the client certificate
	engine *engine.Engine
	trust  *engine.Trust
	dns    session.DNS // with its resolver
}

// open reads the files that the settings name.
func (s *settings) open(ctx context.Context, run *command.Run, engines *engines, cacheDir string) (*ready, error) {
	if err := s.network.Through(&s.conn.Connection); err != nil {
		return nil, err
	}
	trust, network := s.trust, s.network
	trust.Open = session.TrustStores(ctx, s.conn.PassFile)
	network.CacheDir = cacheDir
	o, t, err := session.Asked{Trust: &trust, Network: &network, Logs: &s.logs, Filters: &s.filters}.Options(ctx, run, s.rules)
	if err != nil {
		return nil, err
	}
	dns := s.dns
	if err := dns.Open(); err != nil {
		return nil, err
	}
	r := &ready{settings: s, trust: t, engine: engines.of(s, o), dns: dns}
	r.own.Certificate, err = s.conn.ClientCertificate(ctx)
	return r, err
}

// engines are those that groups share: what was downloaded for one serves all that
// download in the same way. Each lives as long as the process.
type engines struct {
	by map[string]*engine.Engine
}

func (e *engines) of(s *settings, o engine.Options) *engine.Engine {
	key := fmt.Sprintf("%d %q %q", s.network.MaxDownload, s.conn.Proxy, slices.Sorted(slices.Values(s.conn.ProxyRoots)))
	if e.by == nil {
		e.by = map[string]*engine.Engine{}
	}
	if e.by[key] == nil {
		e.by[key] = engine.New(o)
	}
	return e.by[key]
}

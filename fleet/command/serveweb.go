package command

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/fleet/watch"
	"github.com/assaytls/assay/fleet/web"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/target"
)

// addWebFlags adds the flags about who may ask, and what.
func addWebFlags(c *cobra.Command, s *web.Settings) {
	g := flags.Under(c, "Access")
	g.Once(&s.TokenFile, "token-file", "whoever asks shows one of the tokens in `FILE`, which has one a line; needed for addresses that others can connect to")
	g.Once(&s.TLSCert, "tls-cert", "answer HTTPS with the certificate in `FILE` (PEM, with its chain)")
	g.Once(&s.TLSKey, "tls-key", "`FILE` with its private key (default: the same)")
	g.Once(&s.UserHeader, "user-header", "`HEADER` in which a reverse proxy says who asks; it counts from --proxies alone")
	g.List(&s.Proxies, "proxies", "network of reverse proxies, like 192.0.2.1/32; repeatable", flags.Kind{Type: "CIDR"})
	g.List(&s.Hosts, "hosts", "name by which the service is asked besides localhost; repeatable", flags.Kind{Type: "HOST"})
	g.List(&s.Networks, "allow-networks", "network whose servers are checked for those who ask, besides public addresses; repeatable", flags.Kind{Type: "CIDR"})
	g.Word(&s.CheckForm, "check-form", "whether the pages have a form to check any server; without this only where nobody but this computer's users can ask", "on", "off")
}

// settings are those of the configuration, with what the flags say in their place.
func (f *serveFlags) settings(c web.Settings) web.Settings {
	w := f.web
	c.TokenFile, c.UserHeader = cmp.Or(w.TokenFile, c.TokenFile), cmp.Or(w.UserHeader, c.UserHeader)
	c.CheckForm = cmp.Or(w.CheckForm, c.CheckForm)
	if w.TLSCert != "" || w.TLSKey != "" {
		c.TLSCert, c.TLSKey = w.TLSCert, w.TLSKey
	}
	for _, list := range []struct{ to, from *[]string }{{&c.Proxies, &w.Proxies}, {&c.Hosts, &w.Hosts}, {&c.Networks, &w.Networks}} {
		if len(*list.from) > 0 {
			*list.to = *list.from
		}
	}
	return c
}

// webSection reads the section about who may ask.
func webSection(c *watch.Config) web.Settings {
	return web.Read(c.Section("web"), filepath.Dir(c.File))
}

// openWeb makes what answers; address is what is listened on.
func (s *service) openWeb(ctx context.Context, address string) error {
	s.web = &web.Server{Store: s.store, Alerts: s.alerts, Ask: s.ask, Counts: s.watch.Counts, Wake: s.watch.Wake, Trouble: s.Warn, Version: command.Version()}
	return s.useWeb(ctx, s.settings, address)
}

// useWeb has it answer by settings from now on.
func (s *service) useWeb(ctx context.Context, settings web.Settings, address string) error {
	settings = s.flags.settings(settings)
	if err := s.web.Use(settings, address); err != nil {
		return err
	}
	networks, err := settings.Allowed()
	if err == nil && s.demo == nil {
		err = s.reach(ctx, networks)
	}
	return err
}

func (s *service) reach(ctx context.Context, networks []netip.Prefix) error {
	if err := s.judges.Reach(ctx, networks); err != nil {
		return target.Usagef("%v", err)
	}
	return nil
}

// papers is another text when the files of HTTPS have changed; "" without any.
func (s *service) papers() (text string) {
	settings := s.flags.settings(s.settings)
	for _, name := range []string{settings.TLSCert, settings.TLSKey} {
		if name == "" {
			continue
		}
		if st, err := os.Stat(name); err == nil {
			text += fmt.Sprint(name, st.ModTime().UnixNano(), st.Size(), ";")
		}
	}
	return text
}

// renew has the files of HTTPS read again. Files that do not fit together, perhaps
// because they are just being written, change nothing.
func (s *service) renew(ctx context.Context, address string) {
	if err := s.useWeb(ctx, s.settings, address); err != nil {
		s.Warn(fmt.Errorf("the certificate that was in use stays: %w", err))
		return
	}
	fmt.Fprintln(s.Stderr, "assay: the certificate of HTTPS was read again")
}

// ask checks what somebody asks for.
func (s *service) ask(ctx context.Context, q watch.Question) (watch.Outcome, error) {
	switch {
	case s.demo == nil:
		return s.judges.Ask(ctx, q)
	case q.Spec.Origin != watch.FromConfig:
		return watch.Outcome{}, target.Usagef("the demonstration checks the lab's servers alone").Hint("name one of them, like expired; /api/v1/targets lists them")
	case len(q.Policy) > 0:
		return watch.Outcome{}, target.Usagef("the lab says how its servers are checked: leave the policy out")
	}
	return s.demo.Judge(ctx, q.Spec), nil
}

// specs are what the configuration names.
func (s *service) specs() []watch.Spec {
	if s.demo != nil {
		return s.demo.Specs()
	}
	return s.config.Specs()
}

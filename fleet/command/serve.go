package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/fleet/alert"
	"github.com/assaytls/assay/fleet/queue"
	"github.com/assaytls/assay/fleet/watch"
	"github.com/assaytls/assay/fleet/web"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/target"
)

// defaultListen is where serve listens unless it is told otherwise.
const defaultListen = "127.0.0.1:8843"

// serveFlags are the flags of serve.
type serveFlags struct {
	config, database, listen, cacheDir string
	demo                               bool
	scenarios                          []string
	web                                web.Settings
	engine                             engineFlags
}

func (a *app) serveCommand() *cobra.Command {
	f := &serveFlags{}
	c := &cobra.Command{
		Use: "serve [TARGET]...", Short: "Watch servers, keep their history and warn before something breaks", GroupID: "many",
		Long: `Check servers again and again, keep what came of it, and answer over HTTP. The
servers are those of the configuration (--config) and the arguments, written as
for assay check. What is known is kept in a database: a file in the XDG state
folder, or PostgreSQL, which several processes may share. A change of certificate,
issuer, key, chain, verdict or finding is an event.

SIGHUP reads the configuration again. One that is wrong changes nothing, and the
reason is told.

With --engine the checks are made by whoever runs assay scan worker at the same NATS
servers. While nobody does, checks wait, and nothing is said about their targets.`,
		Example: `  assay serve example.com smtp://mail.example:587
  assay serve --demo
  assay serve --config watch.yaml
  assay serve check-config watch.yaml
  assay serve --config watch.yaml --engine tls://queue.example:4222 --engine-creds assay.creds
  PGPASSFILE=/etc/assay/pgpass assay serve --config watch.yaml --database postgres://assay@db.example/assay`,
		RunE: func(c *cobra.Command, args []string) error { return a.serve(c.Context(), f, args) },
	}
	g := flags.Under(c, "Input")
	g.Once(&f.config, "config", "read what to watch from `FILE`")
	g.Switch(&f.demo, "demo", "", "watch the servers of the lab, which run in this process and misbehave on purpose; no network is needed")
	g.List(&f.scenarios, "scenario", "with --demo: only the scenarios that PATTERN matches; repeatable", flags.Kind{Type: "PATTERN"})
	addWebFlags(c, &f.web)
	f.engine.addShared(c, "engine-token-file")
	g = flags.Under(c, "Output")
	g.Once(&f.listen, "listen", "answer HTTP at `ADDR:PORT` (default "+defaultListen+")")
	g.Once(&f.database, "database", "keep everything in `FILE`, or in PostgreSQL at postgres://USER@HOST/NAME (default $XDG_STATE_HOME/assay/watch.db)")
	g.Once(&f.cacheDir, "cache-dir", "`DIR` of the cache of downloads (default $XDG_CACHE_HOME/assay)")
	check := &cobra.Command{
		Use: "check-config FILE", Short: "Say what is wrong with a configuration, with line numbers",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return target.Usagef("one configuration is needed, like watch.yaml")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return a.checkConfig(c.Context(), args[0]) },
	}
	c.AddCommand(check)
	return c
}

// checkConfig reads a configuration and everything that it names.
func (a *app) checkConfig(ctx context.Context, name string) error {
	c, _, _, err := readConfig(name)
	if err == nil {
		err = (&watch.Judges{Stderr: a.Stderr}).Use(ctx, c)
	}
	if err != nil {
		return a.complainAll(err)
	}
	_, err = fmt.Fprintf(a.Stdout, "%s: %s in %s\n", name, command.Counted(len(c.Specs()), "target", "targets"), command.Counted(len(c.Names()), "group", "groups"))
	return err
}

// complainAll tells every problem of a configuration but the last, which it returns.
func (a *app) complainAll(err error) error {
	var p *watch.Problems
	if !errors.As(err, &p) {
		return err
	}
	lines := strings.Split(p.Error(), "\n")
	for _, line := range lines[:len(lines)-1] {
		a.Complain(errors.New(line))
	}
	return errors.New(lines[len(lines)-1])
}

// serve watches and answers until it is interrupted.
func (a *app) serve(ctx context.Context, f *serveFlags, args []string) error {
	if f.demo && len(args) > 0 {
		return target.Usagef("--demo watches the lab alone: leave out the targets")
	}
	if f.demo && f.engine.url != "" {
		return target.Usagef("--demo checks the lab in this process: leave out --engine")
	}
	if f.engine.url == "" && (f.engine.creds != "" || len(f.engine.ca) > 0 || f.engine.cert != "" || f.engine.key != "" || f.engine.tokenFile != "") {
		return target.Usagef("--engine-creds, --engine-ca, --engine-cert, --engine-key and --engine-token-file go with --engine")
	}
	if !f.demo && len(f.scenarios) > 0 {
		return target.Usagef("--scenario needs --demo")
	}
	if err := watch.CheckDatabase(f.database); err != nil {
		return target.Usagef("--database: %v", err)
	}
	s := &service{app: a, flags: f, args: args, judges: &watch.Judges{Stderr: a.Stderr, CacheDir: f.cacheDir}}
	if err := s.prepare(ctx); err != nil {
		return err
	}
	defer s.close()
	return s.run(ctx)
}

// service is a running serve.
type service struct {
	*app
	flags  *serveFlags
	args   []string
	config *watch.Config
	judges *watch.Judges
	demo   *watch.Demo
	door   *demoDoor // where the demonstration is changed; nil without it
	where  string    // of the database, for people
	temp   string    // a directory that goes with the process
	store  *watch.Store
	watch  *watch.Watcher
	alerts *alert.Manager
	rules  alert.Config // of the configuration that was read last
	web    *web.Server
	queue  *queue.Engine // where the checks are made; nil: here
	// settings are those of the configuration that was read last.
	settings web.Settings
}

// prepare opens everything; nothing runs yet.
func (s *service) prepare(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.config, err = s.read(); err != nil {
		return s.complainAll(err)
	}
	if s.flags.demo {
		if err = s.demoConfig(); err != nil {
			return err
		}
		if s.demo, err = watch.StartDemo(ctx, s.flags.scenarios); err != nil {
			return target.Usagef("%v", err)
		}
	} else if err := s.judges.Use(ctx, s.config); err != nil {
		return target.Usagef("%v", err)
	}
	database := first(s.flags.database, s.config.Database)
	if database == "" {
		if database, err = s.stateFile(); err != nil {
			return err
		}
	}
	s.where = watch.ShownDatabase(database)
	if s.store, err = watch.Open(ctx, database); err != nil {
		return target.Usagef("%v", err)
	}
	if err = s.openQueue(ctx); err != nil {
		return err
	}
	s.alerts = &alert.Manager{Store: s.store, Trouble: s.Warn}
	s.alerts.Use(s.rules)
	s.watch = &watch.Watcher{Store: s.store, Judge: s.judge, Workers: s.config.Workers, Retain: s.config.Retain, Trouble: s.Warn,
		Told: func([]watch.Event) { s.alerts.Wake() }}
	return s.sync(ctx, s.config)
}

// read reads the configuration: the file's, or one that has what the arguments say.
func (s *service) read() (*watch.Config, error) {
	if s.flags.config == "" {
		return watch.Arguments(s.args)
	}
	c, rules, settings, err := readConfig(s.flags.config)
	if err != nil {
		return nil, err
	}
	s.rules, s.settings = rules, settings
	return c, c.Add(s.args)
}

// readConfig reads a configuration with the sections of its parts.
func readConfig(name string) (*watch.Config, alert.Config, web.Settings, error) {
	c, err := watch.ReadConfig(name)
	if err != nil {
		return nil, alert.Config{}, web.Settings{}, err
	}
	rules, settings := alert.Read(c.Section("alerts")), webSection(c)
	return c, rules, settings, c.Err()
}

func (s *service) judge(ctx context.Context, spec watch.Spec) watch.Outcome {
	if s.demo != nil {
		return s.demo.Judge(ctx, spec)
	}
	return s.judges.Judge(ctx, spec)
}

// sync makes the database's targets those of the configuration.
func (s *service) sync(ctx context.Context, c *watch.Config) error {
	specs, groups := c.Specs(), c.Names()
	if s.demo != nil {
		specs, groups = s.demo.Specs(), nil
	}
	_, _, err := s.store.Sync(ctx, specs, groups, time.Now())
	return err
}

// stateFile is the database's place when nobody named one. The lab's is thrown away.
func (s *service) stateFile() (string, error) {
	if s.demo != nil {
		dir, err := os.MkdirTemp("", "assay-demo-")
		s.temp = dir
		return filepath.Join(dir, "watch.db"), err
	}
	dir := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(dir) {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", target.Usagef("there is no place for the data: %v", err).Hint("set XDG_STATE_HOME, or pass --database FILE")
		}
		dir = filepath.Join(home, ".local", "state")
	}
	dir = filepath.Join(dir, "assay")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", target.Usagef("the folder for the data cannot be made: %v", command.PlainPathError(err)).Hint("set XDG_STATE_HOME, or pass --database FILE")
	}
	return filepath.Join(dir, "watch.db"), nil
}

// close ends what prepare began.
func (s *service) close() {
	if s.queue != nil {
		s.queue.Close()
	}
	if s.store != nil {
		s.store.Close()
	}
	if s.demo != nil {
		s.demo.Close()
	}
	if s.temp != "" {
		os.RemoveAll(s.temp)
	}
}

// run watches and answers until ctx ends.
func (s *service) run(ctx context.Context) error {
	address := first(s.flags.listen, s.config.Listen, defaultListen)
	if err := s.openWeb(ctx, address); err != nil {
		return err
	}
	s.web.Configure(s.config, s.specs())
	l, err := net.Listen("tcp", address)
	if err != nil {
		return target.Usagef("--listen %s: %v", address, err)
	}
	scheme := "http"
	server := &http.Server{Handler: s.web, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
		ErrorLog: log.New(io.Discard, "", 0), TLSConfig: s.web.TLS()}
	server.RegisterOnShutdown(s.web.EndStreams) // they would keep it from ending
	failed := make(chan error, 1)
	if server.TLSConfig != nil {
		scheme = "https"
		go func() { failed <- server.ServeTLS(l, "", "") }()
	} else {
		go func() { failed <- server.Serve(l) }()
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP) // before the greeting says that it may be sent
	defer signal.Stop(hangup)
	if s.demo != nil {
		if s.door, err = s.openDoor(l.Addr()); err != nil {
			server.Close()
			return err
		}
		defer s.door.close()
	}
	if err := s.greet(scheme + "://" + l.Addr().String()); err != nil {
		server.Close()
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		told := make(chan struct{})
		go func() { defer close(told); s.alerts.Run(ctx) }()
		if s.queue != nil {
			go s.queue.Give(ctx)
		}
		s.watch.Run(ctx)
		<-told
	}()
	err = s.attend(ctx, address, hangup, failed)
	cancel()
	stop, late := context.WithTimeout(context.Background(), 5*time.Second)
	defer late()
	if server.Shutdown(stop) != nil {
		server.Close()
	}
	<-done
	return err
}

// reopen is how often the files that the configuration names are read again: trust
// anchors, client certificates, the log list.
const reopen = 24 * time.Hour

// renewEvery is how often the files of HTTPS are looked at: whoever renews a certificate
// need not know who uses it.
const renewEvery = 5 * time.Second

// attend reads the configuration again when it is asked to.
func (s *service) attend(ctx context.Context, address string, hangup <-chan os.Signal, failed <-chan error) error {
	again := time.NewTicker(reopen)
	defer again.Stop()
	renew := time.NewTicker(renewEvery)
	defer renew.Stop()
	seen := s.papers()
	for {
		select {
		case <-renew.C:
			if now := s.papers(); now != seen {
				seen = now
				s.renew(ctx, address)
			}
			continue
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return fmt.Errorf("the HTTP server ended: %w", err)
		case <-hangup:
		case <-again.C:
		}
		if s.demo != nil {
			continue
		}
		if err := s.reload(ctx, address); err != nil {
			s.Warn(fmt.Errorf("the configuration that was in use stays: %w", err))
		}
	}
}

// reload puts the configuration, as it is now, in the place of the one in use.
func (s *service) reload(ctx context.Context, address string) error {
	c, err := s.read()
	if err != nil {
		return err
	}
	before := s.config
	if err := s.judges.Use(ctx, c); err != nil {
		return err
	}
	if err := s.sync(ctx, c); err != nil {
		return errors.Join(err, s.judges.Use(ctx, before))
	}
	if err := s.useWeb(ctx, s.settings, address); err != nil {
		return errors.Join(err, s.judges.Use(ctx, before), s.sync(ctx, before))
	}
	s.config = c
	s.web.Configure(c, c.Specs())
	s.alerts.Use(s.rules)
	s.watch.Wake()
	fmt.Fprintf(s.Stderr, "assay: the configuration was read again: %s\n", command.Counted(len(c.Specs()), "target", "targets"))
	return nil
}

// greet says where everything is and what to do next.
func (s *service) greet(address string) error {
	n := len(s.config.Specs())
	if s.demo != nil {
		n = len(s.demo.Specs())
	}
	var b strings.Builder
	fmt.Fprintf(&b, "assay watches %s\n  address   %s/\n  data      %s\n", command.Counted(n, "target", "targets"), address, s.where)
	if s.demo != nil {
		fmt.Fprintf(&b, "  change    %s\n", s.door.hint())
	} else if s.flags.config != "" {
		fmt.Fprintf(&b, "  config    %s (kill -HUP %d reads it again)\n", s.flags.config, os.Getpid())
	}
	if s.queue != nil {
		fmt.Fprintf(&b, "  checks    by the workers at %s (assay scan worker --engine)\n", queue.Redacted(s.flags.engine.url))
	}
	fmt.Fprintf(&b, "\nNext: open %s/ in a browser, or curl %s/api/v1/targets\n", address, address)
	if n == 0 {
		fmt.Fprintf(&b, "Nothing is watched yet: name servers (assay serve example.com) or write a configuration (--config watch.yaml).\n")
	}
	_, err := fmt.Fprint(s.Stdout, b.String())
	return err
}

func first(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}

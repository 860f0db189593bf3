package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/filters"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/render"
	"github.com/assaytls/assay/internal/session"
	"github.com/assaytls/assay/internal/store"
	"github.com/assaytls/assay/internal/target"
	"github.com/assaytls/assay/internal/tlsclient"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

type connectFlags struct {
	conn    session.Connection
	trust   flags.Trust
	rules   policy.Policy
	network session.Network
	filters session.Filters
	tables  session.Tables
	logList string
	name    string

	crlf     bool
	request  string
	onEOF    string
	truncate bool
	verbose  bool
}

func (a *app) connectCommand() *cobra.Command {
	f := &connectFlags{}
	c := &cobra.Command{
		Use: "connect TARGET", Short: "A verified pipe: standard input to the server and back", GroupID: "judge",
		Long: `Connect to a server, check it, and only then send standard input to it and print
its output, until both ends are closed. crypto/tls's own verification is on and
assay's is added. assay sends nothing to a server that it does not accept; the
report goes to standard error.

Exit status: 0 if both ends closed properly; 1 if the server was rejected; 3 if it
was not reached or could not be checked, if the connection was cut off, or if the
server took no more data before the input ended.

When standard input ends, assay tells the server (close_notify) and still reads
its reply. Some servers then believe that the client has disconnected: programs
behind Go's httputil.ReverseProxy, and nginx unless proxy_ignore_client_abort is
on, reply 502 or nothing, and nginx may cut its reply off. With --on-eof wait
assay does not tell them; the server must then end the connection itself (HTTP:
"Connection: close").`,
		Example: `  printf 'GET / HTTP/1.0\r\nHost: example.com\r\n\r\n' | assay connect --on-eof wait example.com
  assay connect --request request.txt example.com >answer.txt
  assay connect --crlf smtp://mail.example:587
  assay connect --allow must-staple-missing intranet.example`,
		Args: oneTarget,
		RunE: func(c *cobra.Command, args []string) error {
			return a.connect(c.Context(), f, args[0], c.Flags().Changed("on-eof"))
		},
	}
	f.conn.Add(c)
	flags.Hide(c, "servername", "no-servername")
	flags.Reword(c, "alpn", "application protocols to offer (default none)")
	flags.Reword(c, "timeout", "limit for everything before the first byte is relayed (default 1m)")
	flags.Reword(c, "proxy", "go through the proxy at `URL` (http://, https://, socks5://); none ignores the environment's")
	flags.TrustFlags(c, &f.trust)
	f.tables.Add(c)
	flags.Policy(c, &f.rules, policy.Connect)
	flags.Under(c, "Judgement").Text(&f.name, "name", "`NAME` to send and to verify instead of the host")
	f.network.AddCache(c)
	f.filters.Add(c)
	flags.Under(c, "Certificate Transparency").Once(&f.logList, "log-list", "verify SCTs with the logs in `FILE`, JSON of version 3 (default: the one that assay update log-list stored)")
	f.addInput(c)
	return c
}

func oneTarget(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usagef("assay connect needs one server, like example.com or example.com:8443; %d were given", len(args)).
			Hint("assay connect --help shows examples")
	}
	return nil
}

// What --on-eof does when the input ends.
const (
	eofHalfClose = "half-close" // tell the server and read on
	eofWait      = "wait"       // read on without telling
	eofClose     = "close"      // end the connection
)

func (f *connectFlags) addInput(c *cobra.Command) {
	f.onEOF = eofHalfClose
	g := flags.Under(c, "Input")
	g.Text(&f.request, "request", "send `FILE` instead of standard input; implies --on-eof wait")
	g.Word(&f.onEOF, "on-eof", "when the input ends: tell the server and read on, read on without telling, or end the connection", eofHalfClose, eofWait, eofClose)
	g.Switch(&f.crlf, "crlf", "", "end lines with CR LF on the way to the server")
	g.Switch(&f.truncate, "ignore-truncation", "", "accept a server that ends without close_notify")
	flags.Under(c, "Output").Switch(&f.verbose, "verbose", "v", "the report on standard error when the server is accepted, too")
}

// fetchLimit bounds the downloads of one connection's judgement.
const fetchLimit = 15 * time.Second

// verifier is the judge that the flags ask for. seen gets the report of the
// handshake.
func (a *app) verifier(ctx context.Context, f *connectFlags, seen **report.Report) (*assay.Verifier, error) {
	conf, err := a.connectConfig(ctx, f)
	if err != nil {
		return nil, err
	}
	conf.Observe = func(_ context.Context, r *report.Report) { *seen = r }
	v, err := assay.New(conf)
	if err != nil {
		return nil, usagef("%s", strings.TrimPrefix(err.Error(), "assay: "))
	}
	ruled, err := v.With(f.rules)
	if err != nil {
		v.Close()
		return nil, refusedPolicy(err, f.rules.Allow)
	}
	return ruled, nil
}

// connectConfig is the library's configuration that the flags ask for, but for
// the rules.
func (a *app) connectConfig(ctx context.Context, f *connectFlags) (assay.Config, error) {
	c := assay.Config{Network: assay.Inline, FetchBudget: fetchLimit}
	if f.network.Offline {
		c.Network = assay.Offline
	}
	var err error
	if f.trust.Given() {
		f.trust.Open = session.TrustStores(ctx, f.conn.PassFile)
		anchors, err := f.trust.Anchors() // says what is wrong with any of them
		if err != nil {
			return c, err
		}
		c.Roots = anchors.Certificates()
	}
	dir, dirErr := session.CacheDir(f.network.CacheDir)
	if f.network.CacheDir != "" && dirErr != nil {
		return c, usagef("--cache-dir: %v", dirErr)
	}
	if c.Filters.Dir = f.filters.Dir; c.Filters.Dir == "" && dirErr == nil {
		if _, err := filters.ReadInfo(session.StoredFilters(dir)); err == nil {
			c.Filters.Dir = session.StoredFilters(dir)
		}
	}
	if c.LogList, err = f.logListBytes(session.StoredLogList(dir)); err != nil {
		return c, err
	}
	if c.RootPrograms, err = f.tables.Named(a.Run, dir, f.rules); err != nil {
		return c, err
	}
	if dirErr == nil {
		if _, err := store.Open(dir); err == nil {
			c.CacheDir = dir
		} else if f.network.CacheDir != "" {
			return c, usagef("--cache-dir: %v", command.PlainPathError(err))
		} else {
			a.Warn(fmt.Errorf("going on without a cache: %w", err))
		}
	}
	return c, nil
}

// logListBytes reads the log list for the library: the file named, or the stored one.
func (f *connectFlags) logListBytes(stored string) ([]byte, error) {
	name := f.logList
	if strings.Contains(name, "://") {
		return nil, usagef("assay connect reads a log list from a file only").Hint("store one with assay update log-list URL")
	}
	if name == "" {
		if _, err := os.Stat(stored); stored == "" || err != nil {
			if f.rules.CT.Enforced() {
				return nil, usagef("--ct %s needs a log list", f.rules.CT).
					Hint("give --log-list FILE, or store one with assay update log-list URL")
			}
			return nil, nil
		}
		name = stored
	}
	b, err := session.ReadFile(name, nil, session.MaxCertFile)
	if err != nil {
		return nil, usagef("--log-list: %v", err)
	}
	return b, nil
}

func (a *app) connect(ctx context.Context, f *connectFlags, arg string, onEOFGiven bool) error {
	if err := f.conn.CheckPassFile(&f.trust); err != nil {
		return err
	}
	t, dial, err := a.connectTarget(ctx, f, arg)
	if err != nil {
		return err
	}
	var seen *report.Report
	v, err := a.verifier(ctx, f, &seen)
	if err != nil {
		return err
	}
	defer func() {
		if !interrupted(ctx) { // nobody then waits for downloads
			v.Close()
		}
	}()
	r := &relay{in: a.Stdin, out: a.Stdout.Unguarded(), onEOF: f.onEOF, crlf: f.crlf}
	if f.request != "" {
		file, err := os.Open(f.request)
		if err != nil {
			return usagef("--request: %v", command.PlainPathError(err))
		}
		defer file.Close()
		if st, err := file.Stat(); err == nil && st.IsDir() {
			return usagef("--request: %s is a directory", f.request)
		}
		r.in = file
		if !onEOFGiven {
			r.onEOF = eofWait
		}
	}
	limit := f.conn.Timeout
	if limit == 0 {
		limit = session.DefaultTimeout
	}
	shaking, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	transport, ev := tlsclient.Open(shaking, dial)
	if transport == nil {
		return a.notReached(shaking, v, ev, f.verbose)
	}
	defer transport.Close()
	base := transport.TLSConfig()
	base.ServerName = f.name
	if base.ServerName == "" {
		base.ServerName = serverName(dial.Host)
	}
	conn, err := v.Handshake(shaking, transport, base)
	byTLS := seen != nil // accepted by crypto/tls, or nobody would have asked assay
	var refused *assay.Error
	switch {
	case errors.As(err, &refused):
		transport.Facts()
		r := completed(refused.Report, ev, t)
		if byTLS {
			namedByTLS(r, base.ServerName)
		}
		return a.refused(r, f.verbose)
	case err != nil:
		transport.Failed(shaking, err)
		transport.Close()
		return a.notReached(shaking, v, probed(shaking, dial, ev), f.verbose)
	}
	if f.verbose && seen != nil {
		transport.Facts()
		seen = completed(seen, ev, t)
		namedByTLS(seen, base.ServerName)
	}
	transport.Established()
	a.accepted(seen, f.verbose)
	r.conn, r.transport = conn, transport
	return a.relayed(ctx, r, f.truncate, t.Input)
}

// refusedPolicy says in a user's words why a policy cannot be; allow is its list.
func refusedPolicy(err error, allow []finding.ID) error {
	text := strings.TrimPrefix(err.Error(), "assay: ")
	if why, ok := strings.CutPrefix(text, "allow: "); ok {
		u := usagef("--allow: %s", why)
		for _, id := range allow {
			switch _, known := finding.Lookup(id); {
			case known && strings.HasPrefix(why, string(id)+" "):
				return u.Hint("assay explain %s tells more", id)
			case !known:
				return u.Hint("assay explain lists the findings")
			}
		}
		return u
	}
	return usagef("%s", text)
}

// serverName is the form of a host that crypto/tls verifies.
func serverName(host string) string { return strings.TrimSuffix(tlsclient.ASCIIName(host), ".") }

// connectTarget reads the argument and the flags about the connection.
func (a *app) connectTarget(ctx context.Context, f *connectFlags, arg string) (report.Target, tlsclient.Config, error) {
	var none report.Target
	if f.conn.ServerName != "" || f.conn.NoServerName {
		return none, tlsclient.Config{}, usagef("assay connect verifies the name that it sends").Hint("--name NAME sends and verifies another name")
	}
	if f.name != "" {
		if err := policy.CheckHost(f.name); err != nil {
			return none, tlsclient.Config{}, usagef("--name: %v", err)
		}
	}
	if t, err := target.Parse(arg); err == nil && t.Service != "" {
		return none, tlsclient.Config{}, usagef("assay connect connects to one server, and %q may be several", arg).Hint("assay check %s lists them", arg)
	}
	configs, err := a.targets(ctx, &checkFlags{conn: f.conn}, []named{{text: arg}})
	if err != nil {
		return none, tlsclient.Config{}, err
	}
	c := configs[0]
	c.SNI = f.name
	if c.ALPN == nil {
		c.ALPN = []string{} // a web client's offer would have servers speak HTTP/2
	}
	return report.Target{Input: c.Input, Host: c.Host, Port: c.Port}, c, nil
}

// probed is the evidence of check's dial, which offers more and so finds out
// what the server wants, where the handshake failed for want of parameters in
// common.
func probed(ctx context.Context, dial tlsclient.Config, ev *evidence.Evidence) *evidence.Evidence {
	switch ev.Failure.ID {
	case finding.NoCommonParameters, finding.TLSVersionUnsupported:
		if again := tlsclient.Dial(ctx, dial); again.Failure != nil {
			again.Chain, again.TLSSCTs = nil, nil // not what it failed for, and not judged here
			return again
		}
	}
	return ev
}

// notReached prints why there was no handshake.
func (a *app) notReached(ctx context.Context, v *assay.Verifier, ev *evidence.Evidence, verbose bool) error {
	if interrupted(ctx) {
		return nil
	}
	r := v.Judge(ctx, ev)
	r.Target.Source = report.FromConnect
	a.Verdict(r.Verdict)
	return render.Text(a.Stderr, r, render.Options{Width: 80, Verbose: verbose})
}

// refused prints why the server was not accepted.
func (a *app) refused(r *report.Report, verbose bool) error {
	if a.Verdict(r.Verdict); a.Status == command.Accept { // it was refused, whatever the report says
		a.Status = command.Reject
	}
	return render.Text(a.Stderr, r, render.Options{Width: 80, Verbose: verbose})
}

// completed adds to the report of a handshake what only the dial knows: what
// is in the evidence of the connection.
func completed(r *report.Report, ev *evidence.Evidence, t report.Target) *report.Report {
	full := *r
	full.Target.Input, full.Target.Host, full.Target.Port, full.Target.Source = t.Input, t.Host, t.Port, report.FromConnect
	full.Connection, full.Timing = assemble.Connection(ev), assemble.Timing(ev)
	if r.Connection != nil {
		full.Connection.Stapled, full.Connection.TLSSCTs = r.Connection.Stapled, r.Connection.TLSSCTs
	}
	if r.Timing != nil {
		full.Timing.Judge, full.Timing.Total = r.Timing.Judge, assemble.Milliseconds(time.Since(ev.Time))
	}
	return &full
}

// namedByTLS says in the report of a handshake that the name was compared,
// which crypto/tls did.
func namedByTLS(r *report.Report, name string) {
	r.Checks = slices.Clone(r.Checks)
	for i, c := range r.Checks {
		if c.Name == report.NameCheck && c.State == report.NotAsked {
			r.Checks[i].State, r.Checks[i].Detail = report.Done, name
		}
	}
}

// accepted says which findings were waived, and everything when verbose.
func (a *app) accepted(r *report.Report, verbose bool) {
	if r == nil {
		return
	}
	if verbose {
		_ = render.Text(a.Stderr, r, render.Options{Width: 80, Verbose: true})
		return
	}
	for _, f := range r.Counted() {
		if f.Policy == policy.Allowed {
			fmt.Fprintf(a.Stderr, "assay: warning: allowed: %s [%s]\n", f.Title(), f.ID)
		}
	}
}

// relayed runs the relay and says how it ended; target is as the user wrote it.
func (a *app) relayed(ctx context.Context, r *relay, ignoreTruncation bool, target string) error {
	end := r.run(ctx)
	switch {
	case end.stdout != nil && brokenPipe(end.stdout):
		a.Status = exitPipe
		return nil
	case end.stdout != nil:
		return usagef("standard output cannot be written: %v", end.stdout)
	case end.stdin != nil:
		return usagef("the input cannot be read: %v", command.PlainPathError(end.stdin))
	case end.failure == nil, end.failure.ID == finding.Truncated && ignoreTruncation && !end.torn:
		return nil
	}
	a.Status = command.Inconclusive
	f := assemble.Failure(end.failure)
	fmt.Fprintf(a.Stderr, "assay: error: %s [%s]\n", f.Title(), f.ID)
	switch {
	case end.unsent:
		a.Hint("it did not take all of the input; what it said before, or its log, may tell why")
	case end.torn:
		a.Hint("it ended in the middle of a TLS record: data is missing, or was cut off between you and the server")
	case end.told && (f.ID == finding.Truncated || f.ID == finding.ConnectionReset):
		a.Hint("the input had ended, and assay had told the server so (close_notify); some servers, nginx among them, then end like this")
		a.Hint("--on-eof wait does not tell them; a server of HTTP then ends by itself if the request says \"Connection: close\"")
	default:
		a.Hint("%s", f.Expand(f.Kind().Fix))
	}
	if strings.HasPrefix(string(f.ID), "client-certificate-") {
		a.Hint("assay check %s lists the issuers and the algorithms that it accepts", target)
	}
	a.Hint("assay explain %s tells more", f.ID)
	return nil
}

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
	"github.com/spf13/pflag"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/render"
	"github.com/assaytls/assay/internal/store"
	"github.com/assaytls/assay/internal/tlsclient"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

type connectFlags struct {
	conn  connFlags
	trust trustFlags
	ct    ctFlags

	name          string
	strict        bool
	level, minRSA number

	schemes  schemes
	depth    enum
	unknown  enum
	maxAge   duration
	skew     duration
	offline  bool
	cacheDir string

	allow    words
	crlf     bool
	request  string
	onEOF    enum
	truncate bool
	verbose  bool
}

func (a *app) connectCommand() *cobra.Command {
	f := &connectFlags{}
	c := &cobra.Command{
		Use: "connect TARGET", Short: "A verified pipe: standard input to the server and back", GroupID: "judge",
		Long: `Connect to a server, judge it, and only then carry standard input to it and what
it says to standard output, until both have ended. crypto/tls's own verification
is on and assay's is added. A server that is not accepted gets nothing: the
report goes to standard error.

Exit status: 0 when both sides have ended properly; 1 when the server was
rejected; 3 when it was not reached or could not be judged, the connection was
cut off, or the server took no more before the input had ended.

When standard input ends, the server is told so (close_notify) and its answer is
still read. Some servers take that for a client that has gone: programs behind
Go's httputil.ReverseProxy, and nginx unless proxy_ignore_client_abort is on, then
answer 502 or nothing, and nginx may cut its answer off. --on-eof wait does not
tell them; the server must then end the connection itself (HTTP:
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
	f.conn.add(c)
	for _, name := range []string{"servername", "no-servername"} {
		c.Flags().Lookup(name).Hidden = true
	}
	for name, usage := range map[string]string{
		"alpn":    "application protocols to offer (default none)",
		"timeout": "limit for everything before the first byte is relayed (default 1m)",
		"proxy":   "go through the proxy at `URL` (http://, socks5://); none ignores the environment's",
	} {
		c.Flags().Lookup(name).Usage = usage
	}
	f.trust.add(c)
	f.addJudgement(c)
	f.ct.add(c)
	for _, name := range []string{"ct-depth", "ct-audit", "public-root"} {
		c.Flags().Lookup(name).Hidden = true
	}
	f.addInput(c)
	return c
}

func oneTarget(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usagef("assay connect needs one server, like example.com or example.com:8443; %d were given", len(args)).
			hint("assay connect --help shows examples")
	}
	return nil
}

func (f *connectFlags) addJudgement(c *cobra.Command) {
	f.level, f.minRSA = number{high: 5}, number{low: 512, high: 16384}
	f.depth = enum{value: "chain", allowed: []string{"leaf", "chain"}}
	f.unknown = enum{value: "deny", allowed: []string{"allow", "warn", "deny"}}
	f.allow = words{typ: "ID[,ID]", splitter: ","}
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	fs.StringVar(&f.name, "name", "", "`NAME` to send and to verify instead of the host")
	fs.BoolVar(&f.strict, "strict", false, "enforce every rule of RFC 5280's profile")
	fs.Var(&f.level, "security-level", "0 to 5, with OpenSSL's meanings (default: none)")
	fs.Var(&f.minRSA, "min-rsa", "smallest RSA key in bits (default 2048)")
	fs.Var(&f.allow, "allow", "findings that warn instead of refusing; only those that assay explain calls waivable; repeatable")
	group(c, "Judgement", fs)
	fs = pflag.NewFlagSet("", pflag.ContinueOnError)
	fs.Var(&f.schemes, "revocation", "sources to ask, of staple,crl,ocsp (default all)")
	fs.Var(&f.depth, "revocation-depth", "check the leaf only, or the whole chain")
	fs.Var(&f.unknown, "unknown", "when no source can be had")
	fs.Var(&f.maxAge, "max-age", "oldest answer that counts")
	f.skew.d = policy.DefaultSkew
	fs.Var(&f.skew, "skew", "how far clocks may differ around an answer's times")
	fs.BoolVar(&f.offline, "offline", false, "download nothing; use the cache")
	group(c, "Revocation", fs)
	addCacheDir(c, &f.cacheDir)
}

func (f *connectFlags) addInput(c *cobra.Command) {
	f.onEOF = enum{value: "half-close", allowed: []string{"half-close", "wait", "close"}}
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	fs.StringVar(&f.request, "request", "", "send `FILE` instead of standard input; implies --on-eof wait")
	fs.Var(&f.onEOF, "on-eof", "when the input ends: tell the server and read on, read on without telling, or end the connection")
	fs.BoolVar(&f.crlf, "crlf", false, "end lines with CR LF on the way to the server")
	fs.BoolVar(&f.truncate, "ignore-truncation", false, "accept a server that ends without close_notify")
	group(c, "Input", fs)
	fs = pflag.NewFlagSet("", pflag.ContinueOnError)
	fs.BoolVarP(&f.verbose, "verbose", "v", false, "the report on standard error when the server is accepted, too")
	group(c, "Output", fs)
}

// fetchLimit bounds the downloads of one connection's judgement.
const fetchLimit = 15 * time.Second

// config is the library's configuration that the flags ask for. seen gets the
// report of the handshake.
func (a *app) connectConfig(f *connectFlags, seen **report.Report) (assay.Config, error) {
	c := assay.Config{Strict: f.strict, MinRSA: f.minRSA.n, Schemes: f.schemes.vs, LeafOnly: f.depth.value == "leaf",
		MaxAge: f.maxAge.d, Skew: f.skew.d, Network: assay.Inline, FetchBudget: fetchLimit, CT: f.ct.policy.value}
	if c.CT == "permissive" {
		c.CT = "report"
	}
	if f.level.hasDefault {
		c.SecurityLevel = &f.level.n
	}
	if f.offline {
		c.Network = assay.Offline
	}
	c.Unknown = map[string]assay.Unknown{"allow": assay.UnknownAllow, "warn": assay.UnknownWarn, "deny": assay.UnknownDeny}[f.unknown.value]
	for _, id := range f.allow.vs {
		c.Allow = append(c.Allow, finding.ID(id))
	}
	c.Verify = func(_ context.Context, _ *evidence.Evidence, r *report.Report) ([]finding.Finding, error) {
		*seen = r
		return nil, nil
	}
	var err error
	if len(f.trust.files.vs)+len(f.trust.dirs.vs) > 0 {
		if c.Roots, err = f.trust.certificates(); err != nil {
			return c, err
		}
	}
	dir, dirErr := cacheDir(f.cacheDir)
	if f.cacheDir != "" && dirErr != nil {
		return c, usagef("--cache-dir: %v", dirErr)
	}
	if c.LogList, err = f.ct.bytes(storedLogList(dir)); err != nil {
		return c, err
	}
	if dirErr == nil {
		if _, err := store.Open(dir); err == nil {
			c.CacheDir = dir
		} else if f.cacheDir != "" {
			return c, usagef("--cache-dir: %v", plainPathError(err))
		} else {
			a.warn(fmt.Errorf("going on without a cache: %w", err))
		}
	}
	return c, nil
}

// certificates are the trust anchors as bytes.
func (f *trustFlags) certificates() ([][]byte, error) {
	anchors, err := f.anchors() // says what is wrong with any of them
	if err != nil {
		return nil, err
	}
	return anchors.Certificates(), nil
}

// bytes reads the log list for the library: the file named, or the stored one.
func (f *ctFlags) bytes(stored string) ([]byte, error) {
	name := f.logList
	if strings.Contains(name, "://") {
		return nil, usagef("assay connect reads a log list from a file only").hint("store one with assay update log-list URL")
	}
	if f.audit || f.depth.value != "leaf" || len(f.publicRoots.vs) > 0 {
		return nil, usagef("--ct-audit, --ct-depth and --public-root are for assay check")
	}
	if name == "" {
		if _, err := os.Stat(stored); stored == "" || err != nil {
			if f.policy.value == "strict" || f.policy.value == "chrome" || f.policy.value == "apple" {
				return nil, usagef("--ct %s needs a log list", f.policy.value).
					hint("give --log-list FILE, or store one with assay update log-list URL")
			}
			return nil, nil
		}
		name = stored
	}
	b, err := readFile(name, nil, maxCertFile)
	if err != nil {
		return nil, usagef("--log-list: %v", err)
	}
	return b, nil
}

func (a *app) connect(ctx context.Context, f *connectFlags, arg string, onEOFGiven bool) error {
	t, dial, err := a.connectTarget(ctx, f, arg)
	if err != nil {
		return err
	}
	var seen *report.Report
	conf, err := a.connectConfig(f, &seen)
	if err != nil {
		return err
	}
	v, err := assay.New(conf)
	if err != nil {
		return f.refusedConfig(err)
	}
	defer func() {
		if !interrupted(ctx) { // nobody then waits for downloads
			v.Close()
		}
	}()
	r := &relay{in: a.stdin, out: a.stdout.w, onEOF: f.onEOF.value, crlf: f.crlf}
	if f.request != "" {
		file, err := os.Open(f.request)
		if err != nil {
			return usagef("--request: %v", plainPathError(err))
		}
		defer file.Close()
		if st, err := file.Stat(); err == nil && st.IsDir() {
			return usagef("--request: %s is a directory", f.request)
		}
		r.in = file
		if !onEOFGiven {
			r.onEOF = "wait"
		}
	}
	limit := f.conn.timeout.d
	if limit == 0 {
		limit = defaultTimeout
	}
	shaking, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	transport, ev := tlsclient.Open(shaking, dial)
	if transport == nil {
		return a.notReached(shaking, v, ev)
	}
	defer transport.Close()
	base := transport.TLSConfig()
	base.ServerName = f.name
	if base.ServerName == "" {
		base.ServerName = serverName(dial.Host)
	}
	conn, err := v.Client(shaking, transport, base)
	byTLS := seen != nil // accepted by crypto/tls, or nobody would have asked assay
	var refused *assay.Error
	switch {
	case errors.As(err, &refused):
		transport.Facts()
		r := completed(ctx, v, refused.Report, ev, t)
		if byTLS {
			namedByTLS(r, base.ServerName)
		}
		return a.refused(r, f.verbose)
	case err != nil:
		transport.Failed(shaking, err)
		transport.Close()
		return a.notReached(shaking, v, probed(shaking, dial, ev))
	}
	if f.verbose && seen != nil {
		transport.Facts()
		seen = completed(ctx, v, seen, ev, t)
		namedByTLS(seen, base.ServerName)
	}
	transport.Established()
	a.accepted(seen, f.verbose)
	r.conn, r.transport = conn, transport
	return a.relayed(ctx, r, f.truncate, t.Input)
}

// refusedConfig says in a user's words what the library refuses.
func (f *connectFlags) refusedConfig(err error) error {
	text := strings.TrimPrefix(err.Error(), "assay: ")
	if why, ok := strings.CutPrefix(text, "allow: "); ok {
		u := usagef("--allow: %s", why)
		for _, id := range f.allow.vs {
			switch _, known := finding.Lookup(finding.ID(id)); {
			case known && strings.HasPrefix(why, id+" "):
				return u.hint("assay explain %s tells more", id)
			case !known:
				return u.hint("assay explain lists the findings")
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
	if f.conn.servername != "" || f.conn.noServername {
		return none, tlsclient.Config{}, usagef("assay connect verifies the name that it sends").hint("--name NAME sends and verifies another name")
	}
	if f.name != "" {
		if err := checkHost(f.name); err != nil {
			return none, tlsclient.Config{}, usagef("--name: %v", err)
		}
	}
	configs, err := a.targets(ctx, &checkFlags{conn: f.conn}, []string{arg})
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
func (a *app) notReached(ctx context.Context, v *assay.Verifier, ev *evidence.Evidence) error {
	if interrupted(ctx) {
		return nil
	}
	r := v.Judge(ctx, ev)
	r.Target.Source = report.FromConnect
	a.verdict(r.Verdict)
	return render.Text(a.stderr, r, render.Options{Width: 80})
}

// refused prints why the server was not accepted.
func (a *app) refused(r *report.Report, verbose bool) error {
	if a.verdict(r.Verdict); a.status == exitAccept { // it was refused, whatever the report says
		a.status = exitReject
	}
	return render.Text(a.stderr, r, render.Options{Width: 80, Verbose: verbose})
}

// completed adds to the report of a handshake what only the dial knows: what
// is in the evidence of the connection.
func completed(ctx context.Context, v *assay.Verifier, r *report.Report, ev *evidence.Evidence, t report.Target) *report.Report {
	full := *r
	full.Target.Input, full.Target.Host, full.Target.Port, full.Target.Source = t.Input, t.Host, t.Port, "connect"
	dial := v.Judge(ctx, &evidence.Evidence{Version: ev.Version, Source: ev.Source, Target: ev.Target, Time: ev.Time, Connection: ev.Connection, Attempts: ev.Attempts})
	full.Connection, full.Timing = dial.Connection, dial.Timing
	if full.Connection != nil && r.Connection != nil {
		full.Connection.Stapled, full.Connection.TLSSCTs = r.Connection.Stapled, r.Connection.TLSSCTs
	}
	if full.Timing != nil && r.Timing != nil {
		full.Timing.Judge = r.Timing.Judge
		full.Timing.Total = float64(time.Since(ev.Time).Microseconds()) / 1000
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
		_ = render.Text(a.stderr, r, render.Options{Width: 80, Verbose: true})
		return
	}
	for _, f := range r.Counted() {
		if f.Policy == "allow" {
			fmt.Fprintf(a.stderr, "assay: warning: allowed: %s [%s]\n", f.Title(), f.ID)
		}
	}
}

// relayed runs the relay and says how it ended; target is as the user wrote it.
func (a *app) relayed(ctx context.Context, r *relay, ignoreTruncation bool, target string) error {
	end := r.run(ctx)
	switch {
	case end.stdout != nil && brokenPipe(end.stdout):
		a.status = exitPipe
		return nil
	case end.stdout != nil:
		return usagef("standard output cannot be written: %v", end.stdout)
	case end.stdin != nil:
		return usagef("the input cannot be read: %v", plainPathError(end.stdin))
	case end.failure == nil, end.failure.ID == finding.Truncated && ignoreTruncation:
		return nil
	}
	a.status = exitInconclusive
	var kv []string
	for k, v := range end.failure.Params {
		kv = append(kv, k, v)
	}
	f := finding.New(end.failure.ID, kv...)
	fmt.Fprintf(a.stderr, "assay: error: %s [%s]\n", f.Title(), f.ID)
	if end.unsent {
		a.hint("it did not take all of the input; what it said before, or its log, may tell why")
	} else {
		a.hint("%s", f.Expand(f.Kind().Fix))
	}
	if strings.HasPrefix(string(f.ID), "client-certificate-") {
		a.hint("assay check %s lists the issuers and the algorithms that it accepts", target)
	}
	a.hint("assay explain %s tells more", f.ID)
	return nil
}

package cli

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/render"
	"github.com/assaytls/assay/internal/session"
	"github.com/assaytls/assay/internal/target"
	"github.com/assaytls/assay/internal/tlsclient"
	"github.com/assaytls/assay/policy"
)

// concurrent is how many targets are checked at a time.
const concurrent = 8

type checkFlags struct {
	conn    session.Connection
	trust   flags.Trust
	rules   policy.Policy
	network session.Network
	logs    session.Logs
	filters session.Filters
	tables  session.Tables
	out     outputFlags
	more    session.More
	dns     session.DNS

	issuer, serial string // of the CA whose list or responder is checked
}

func (a *app) checkCommand() *cobra.Command {
	f := &checkFlags{}
	c := &cobra.Command{
		Use: "check TARGET...", Short: "Connect to servers, check them and report", GroupID: "judge",
		Long: `Connect to each server, check what it presents, and print the report. A TARGET
is HOST, HOST:PORT, [IPV6]:PORT or a URL: https://, smtps://, imaps://, mqtts://
and so on for TLS from the first byte, smtp://, imap://, sieve://, ldap://,
xmpp://, postgres://, rdp:// and so on for protocols that switch to TLS
(STARTTLS). An unknown scheme lists all of them. mx:DOMAIN is every mail exchanger
of the domain, srv:_imaps._tcp.DOMAIN every server of a service; a server that an
SRV record names must have a certificate for the domain. @FILE names a list of
targets, one a line, and - one on standard input; # begins a comment. assay asks every revocation
source unless you choose some, and it asks now: it tries again what failed for
another process, and confirms a copy in the cache that is older than ten minutes.
--refresh asks past every cache.

With --issuer each TARGET is the http address of a CRL or an OCSP responder. assay checks
for whoever runs the CA that it is there, signed and within its time. It does not ask
whether the certificate of a responder is revoked.`,
		Example: `  assay check example.com
  assay check --ct require --log-list log_list.json example.com
  assay check --roots ca.pem --resolve app.test:443:127.0.0.1 app.test
  assay check smtp://mail.example:587
  assay check http://ca.example/ca.crl --issuer ca.pem
  assay check --dane --resolver 127.0.0.1 mx:example.com
  assay check -q a.example b.example:8443 '[2001:db8::1]:443'
  assay check --format nagios --expires-within 14d @hosts.txt
  assay check --format html -o report.html example.com`,
		Args: command.MinArgs(1, "a server to check, like example.com or example.com:8443"),
		RunE: func(c *cobra.Command, args []string) error {
			f.rules.RequireNonce = f.rules.RequireNonce || f.network.Nonce == session.NonceRequire
			return a.check(c.Context(), f, args)
		},
	}
	f.conn.Add(c)
	flags.TrustFlags(c, &f.trust)
	f.tables.Add(c)
	flags.Policy(c, &f.rules, policy.Check)
	f.network.Add(c)
	f.logs.Add(c)
	f.filters.Add(c)
	f.out.add(c)
	f.out.addEvidence(c)
	f.more.Add(c)
	g := flags.Under(c, "Revocation")
	g.Text(&f.issuer, "issuer", "each TARGET is the http address of a CRL or an OCSP responder: check it for the CA whose certificate is in `FILE`")
	g.Text(&f.serial, "serial", "with --issuer: ask about serial number `HEX`")
	f.dns.Add(c)
	return c
}

// access is what may be downloaded, as the flags say it.
func (f *checkFlags) access() download.Access {
	access := f.network.Access()
	access.Audit = f.logs.Audit
	return access
}

func (a *app) check(ctx context.Context, f *checkFlags, args []string) error {
	if err := engine.Validate(f.rules); err != nil {
		return refusedPolicy(err, f.rules.Allow)
	}
	if err := f.conn.CheckPassFile(&f.trust); err != nil {
		return err
	}
	if err := f.out.check(); err != nil {
		return err
	}
	if err := f.network.Check(); err != nil {
		return err
	}
	if err := f.more.Check(); err != nil {
		return err
	}
	if f.more.All && f.out.evidence != "" {
		return usagef("--save-evidence is for one connection, and --all-addresses makes several")
	}
	return a.answered(ctx, &f.out, func() error { return a.checked(ctx, f, args) })
}

// checked asks the targets and prints the answer.
func (a *app) checked(ctx context.Context, f *checkFlags, args []string) error {
	if f.issuer != "" {
		if f.out.format == formatHTML {
			return usagef("--format html is about servers, and --issuer checks CRLs and responders: leave out one of them")
		}
		if f.rules.Trust != policy.ProgramSystem || f.rules.Programs != 0 {
			return usagef("--issuer checks CRLs and responders, and root programs decide about servers: leave out --trust and --programs")
		}
		return a.health(ctx, f, args)
	} else if f.serial != "" {
		return usagef("--serial needs --issuer")
	}
	if err := f.dns.Check(); err != nil {
		return err
	}
	if err := f.dns.Open(); err != nil {
		return err
	}
	names, lists, err := a.listed(args)
	if err != nil {
		return err
	}
	configs, err := a.targets(ctx, f, names)
	if err != nil {
		return err
	}
	save, err := createEvidence(f.out.evidence, len(configs))
	if err != nil {
		return err
	}
	defer save.discard()
	limit := f.conn.Timeout
	if limit == 0 {
		limit = session.DefaultTimeout * time.Duration((len(configs)+concurrent-1)/concurrent)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := f.network.Through(&f.conn.Connection); err != nil {
		return err
	}
	a.tellDepth(f.rules)
	f.trust.Open = session.TrustStores(ctx, f.conn.PassFile)
	o, trust, err := session.Asked{Trust: &f.trust, Network: &f.network, Logs: &f.logs, Filters: &f.filters, Tables: &f.tables}.Options(ctx, a.Run, f.rules)
	if err != nil {
		return err
	}
	judge := f.dns.Judge(f.more.Judge(engine.New(o), trust, f.rules, f.access(), f.out.detail()))

	prog := a.NewProgress(f.out.quiet)
	defer prog.Done()
	results := a.checkAll(ctx, configs, judge, prog)
	nth := 0
	for i := range configs {
		one := <-results[i]
		if one.cut {
			prog.Done()
			a.tellCut(configs[i], one.results)
			return nil // what was not judged to the end is no answer
		}
		res := one.results
		if err := save.write(res[0].Evidence); err != nil {
			return err
		}
		for _, one := range res {
			if err := a.print(one, &f.out, lists || len(configs)+len(res) > 2, nth); err != nil {
				return err
			}
			nth++
		}
	}
	return nil
}

// targets reads the arguments; nothing is dialled unless all are sound.
func (a *app) targets(ctx context.Context, f *checkFlags, names []named) ([]tlsclient.Config, error) {
	var configs []tlsclient.Config
	var hints []string
	for _, n := range names {
		t, err := target.Parse(n.text)
		if n.where == "" && isFile(n.text) {
			return nil, usagef("%q is a file, and assay check connects to servers", n.text).Hint("to check the certificates in it: assay verify %s", n.text).Hint("to check the servers that it names: assay check @%s", n.text)
		}
		if err != nil {
			return nil, n.at(err)
		}
		if t.Service != "" {
			cs, hint, err := f.dns.Servers(ctx, &f.conn, t)
			if err != nil {
				return nil, n.at(err)
			}
			if configs = append(configs, cs...); hint != "" {
				hints = append(hints, hint)
			}
			continue
		}
		if err := f.dns.Target(t); err != nil {
			return nil, n.at(err)
		}
		c, err := f.conn.Config(t)
		if err != nil {
			return nil, n.at(err)
		}
		if t.Hint != "" {
			hints = append(hints, t.Hint)
		}
		configs = append(configs, c)
	}
	for _, c := range configs {
		if err := f.more.Fits(&c); err != nil {
			return nil, err
		}
	}
	own, err := f.conn.ClientCertificate(ctx)
	if err != nil {
		return nil, err
	}
	log, err := a.keyLog()
	if err != nil {
		return nil, err
	}
	for i := range configs {
		configs[i].Certificate = own
		f.more.Into(&configs[i])
		if log != nil {
			configs[i].KeyLog = log // closed with the program
		}
	}
	for _, h := range hints {
		a.Hint("%s", h)
	}
	return configs, nil
}

// checkAll judges the targets, several at a time. Each channel brings what became
// of its target.
func (a *app) checkAll(ctx context.Context, configs []tlsclient.Config, judge session.Judge, prog *command.Progress) []chan checked {
	results := make([]chan checked, len(configs))
	slots := make(chan struct{}, concurrent)
	for i := range configs {
		results[i] = make(chan checked, 1)
	}
	go func() {
		for i, c := range configs {
			slots <- struct{}{}
			prog.Show("checking %s:%s (%d of %d)", c.Host, c.Port, i+1, len(configs))
			go func() {
				defer func() { <-slots }()
				res := judge(ctx, c)
				prog.Clear()
				results[i] <- checked{res, interrupted(ctx)}
			}()
		}
	}()
	return results
}

// interrupted reports whether the user ended the run; its time limit is no
// interrupt.
func interrupted(ctx context.Context) bool {
	return ctx.Err() != nil && context.Cause(ctx) != context.DeadlineExceeded
}

// print writes one report and counts its verdict. nth is its position among
// several.
func (a *app) print(one session.Result, f *outputFlags, several bool, nth int) error {
	r := one.Report
	a.Verdict(r.Verdict)
	if f.format == formatHTML {
		a.keepSheet(r, one.Evidence, f) // the index of the page comes first, and has them all
		return nil
	}
	if f.format == formatNagios {
		a.plugin = append(a.plugin, r) // what is worst stands first, so all are waited for
		return nil
	}
	if f.format == formatJSON {
		return render.JSON(a.Stdout, r, !several)
	}
	if several && nth > 0 && !f.quiet {
		if _, err := io.WriteString(a.Stdout, "\n"); err != nil {
			return err
		}
	}
	if f.format == formatMarkdown {
		return render.Markdown(a.Stdout, r, f.options(a))
	}
	return render.Text(a.Stdout, r, f.options(a))
}

// evidenceFile is the file of --save-evidence in the making. The zero one does
// nothing.
type evidenceFile struct{ *outFile }

// createEvidence makes the file before anything is dialled.
func createEvidence(name string, targets int) (e evidenceFile, err error) {
	if name == "" {
		return e, nil
	}
	if targets > 1 {
		return e, usagef("--save-evidence is for one target, and %d were given", targets)
	}
	e.outFile, err = createFile("--save-evidence", name)
	return e, err
}

// write fills the file and moves it to its place.
func (e evidenceFile) write(ev *evidence.Evidence) error {
	if e.outFile == nil {
		return nil
	}
	b, err := evidence.Encode(ev)
	if err != nil {
		return err
	}
	_, err = e.f.Write(b)
	return e.finish(err)
}

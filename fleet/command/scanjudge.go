package command

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/assaytls/assay/fleet/job"
	"github.com/assaytls/assay/fleet/worker"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/probe"
	"github.com/assaytls/assay/internal/session"
	"github.com/assaytls/assay/internal/target"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

type flagT = pflag.Flag

// judgeFlags say how the targets of a job are reached and judged. All who work on a
// job have the same.
type judgeFlags struct {
	conn    target.Connection
	trust   flags.Trust
	rules   policy.Policy
	network session.Network
	logs    session.Logs
	filters session.Filters

	private  bool
	names    string
	contact  string
	keepCert bool
	keep     []string // verdicts of which evidence is kept
}

// The words of --names.
const (
	namesNone    = "none"
	namesReverse = "reverse"
)

func (f *judgeFlags) add(c *cobra.Command) {
	f.names = namesNone
	flags.Connection(c, &f.conn)
	flags.TrustFlags(c, &f.trust)
	flags.Policy(c, &f.rules, policy.Check)
	f.network.Add(c)
	f.logs.Add(c)
	f.filters.Add(c)
	g := flags.Under(c, "Input")
	g.Switch(&f.private, "private", "", "probe private and loopback addresses too")
	g.Word(&f.names, "names", "which name an address without one is judged by: none, or the one that the DNS has for it", namesNone, namesReverse)
	flags.Under(c, "Connection").Text(&f.contact, "contact", "tell whose scan this is: `URL` is sent with every download")
	g = flags.Under(c, "Output")
	g.Switch(&f.keepCert, "keep-certificates", "", "store the certificates themselves, not what they say alone")
	g.List(&f.keep, "keep-evidence", "store what servers with these verdicts were judged by, to judge it again offline",
		flags.Kind{Type: "VERDICT[,VERDICT]", Commas: true, Words: verdicts, Check: checkVerdict})
}

// verdicts are the words of --keep-evidence.
var verdicts = []string{string(report.Accept), string(report.Reject), string(report.Inconclusive)}

func checkVerdict(s string) error {
	if !slices.Contains(verdicts, s) {
		return fmt.Errorf("%q is none of %s", s, strings.Join(verdicts, ", "))
	}
	return nil
}

// check wants the flags to make sense together.
func (f *judgeFlags) check() error {
	f.rules.RequireNonce = f.rules.RequireNonce || f.network.Nonce == session.NonceRequire
	if err := engine.Validate(f.rules); err != nil {
		return target.Usagef("%v", err)
	}
	if f.contact != "" {
		if err := session.CheckURL(f.contact); err != nil || strings.ContainsAny(f.contact, "()\r\n \t") {
			return target.Usagef("--contact: %q is not an http or https address", f.contact)
		}
		f.network.UserAgent = "assay/" + command.Version() + " (+" + f.contact + ")"
	}
	return f.network.Check()
}

// judge is what judges, and its names in the manifest.
type judge struct {
	engine *engine.Engine
	trust  *engine.Trust

	policy, anchors, logs string // SHA-256, hex
	access                download.Access
	rules                 policy.Policy
}

// judge makes the judge that the flags ask for.
func (f *judgeFlags) judge(ctx context.Context, run *command.Run) (*judge, error) {
	if err := f.network.Through(&f.conn); err != nil {
		return nil, err
	}
	asked := session.Asked{Trust: &f.trust, Network: &f.network, Logs: &f.logs, Filters: &f.filters}
	o, trust, err := asked.Options(ctx, run, f.rules)
	if err != nil {
		return nil, err
	}
	o.Warn, o.KnownKeyTables = seldom(o.Warn), true
	if o.Fetch != nil {
		o.Fetch.Pace = worker.NewPace().Wait
	}
	j := &judge{engine: engine.New(o), trust: trust, rules: f.rules, access: f.network.Access()}
	j.access.Audit = f.logs.Audit
	j.policy = fmt.Sprintf("%x", f.rules.Hash())
	j.anchors = fmt.Sprintf("%x", trust.Anchors.Hash())
	if trust.LogList != nil {
		j.logs = fmt.Sprintf("%x", trust.LogList.Hash())
	}
	return j, nil
}

// seldom passes on a warning at most once a minute: a thousand judgements meet the
// same trouble at the same time.
func seldom(warn func(error)) func(error) {
	var mu sync.Mutex
	var last time.Time
	return func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if time.Since(last) > time.Minute {
			last = time.Now()
			warn(err)
		}
	}
}

// compare wants the judge to be the one of the job.
func (j *judge) compare(m *job.Manifest) error {
	const hint = "the rows of one job are judged alike; with the same files as the job it goes on"
	switch {
	case j.policy != m.Hash:
		return target.Usagef("the policy is not the one of the job").Hint(hint)
	case j.anchors != m.Anchors:
		return target.Usagef("the trust anchors are not those of the job").Hint(hint)
	case j.logs != m.Logs:
		return target.Usagef("the list of CT logs is not the one of the job").Hint(hint)
	}
	return nil
}

// worker returns the options of a worker that judges so.
func (j *judge) worker(f *judgeFlags, l *limitFlags, exclude *job.Exclusions) worker.Options {
	hash, _ := hex.DecodeString(j.policy)
	return worker.Options{
		Name: workerName(), Limits: l.limits, Config: f.conn.Config, Exclude: exclude, Private: f.private, Reverse: f.names == namesReverse,
		DNS: &net.Resolver{PreferGo: true}, Policy: report.Hash(hash), KeepCertificates: f.keepCert,
		KeepEvidence: func(v report.Verdict) bool { return slices.Contains(f.keep, string(v)) },
		Probe:        (&probe.Prober{Engine: j.engine, Trust: j.trust, Policy: j.rules, Access: j.access, Detail: assemble.Rows}).Probe,
	}
}

func workerName() string {
	host, _ := os.Hostname()
	if len(host) > 40 {
		host = host[:40]
	}
	return fmt.Sprintf("%s/%d", host, os.Getpid())
}

// limitFlags say how much is done at a time.
type limitFlags struct{ limits worker.Limits }

func (f *limitFlags) add(c *cobra.Command) {
	f.limits = worker.Limits{InFlight: 1000, Rate: 2, PerNetwork: 1}
	c.Flags().IntVar(&f.limits.InFlight, "in-flight", 1000, "targets that are probed at a time, here")
	c.Flags().Float64Var(&f.limits.Rate, "rate", 2, "connections a second to one network and to one domain, of all workers together")
	c.Flags().IntVar(&f.limits.PerNetwork, "per-network", 1, "connections to one network at a time, of each worker")
}

// described is what workers and collectors elsewhere are told of a job.
type described struct {
	Manifest json.RawMessage `json:"manifest"`
	Exclude  string          `json:"exclude,omitempty"`
}

func describe(m *job.Manifest, exclude []byte) ([]byte, error) {
	b, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	return json.Marshal(described{Manifest: b, Exclude: string(exclude)})
}

// readDescription reads what describe made.
func readDescription(b []byte) (*job.Manifest, []byte, error) {
	var d described
	if err := json.Unmarshal(b, &d); err != nil {
		return nil, nil, err
	}
	m, err := job.ParseManifest(d.Manifest)
	if err != nil {
		return nil, nil, err
	}
	if sum := hashed([]byte(d.Exclude)); m.Exclude != sum {
		return nil, nil, errors.New("the exclusions are not those of the job")
	}
	return m, []byte(d.Exclude), nil
}

// hashed is the SHA-256 of exclusions in hex, "" of none.
func hashed(exclude []byte) string {
	if len(exclude) == 0 {
		return ""
	}
	return fmt.Sprintf("%x", sha256.Sum256(exclude))
}

// keepExclusions copies the exclusions into the job's folder.
func keepExclusions(dir, name string) (*job.Exclusions, string, error) {
	b, err := session.ReadFile(name, nil, job.MaxExclude)
	if err != nil {
		return nil, "", target.Usagef("--exclude: %v", err)
	}
	e, err := job.ParseExclusions(b)
	if err != nil {
		return nil, "", target.Usagef("--exclude: %s, %v", name, err)
	}
	if err := job.WriteFile(filepath.Join(dir, job.ExcludeFile), b); err != nil {
		return nil, "", target.Usagef("--exclude: %v", command.PlainPathError(err))
	}
	return e, hashed(b), nil
}

// openExclusions reads the exclusions in the job's folder.
func openExclusions(dir string, m *job.Manifest) (*job.Exclusions, []byte, error) {
	if m.Exclude == "" {
		return nil, nil, nil
	}
	b, err := session.ReadFile(filepath.Join(dir, job.ExcludeFile), nil, job.MaxExclude)
	if err == nil && hashed(b) != m.Exclude {
		err = errors.New("they have changed since the job began")
	}
	if err != nil {
		return nil, nil, target.Usagef("the job's exclusions: %v", err)
	}
	e, err := job.ParseExclusions(b)
	return e, b, err
}

// after are the arguments after the word that names the command.
func (a *app) after(word string) []string {
	for i, arg := range a.args {
		if arg == word {
			return a.args[i+1:]
		}
	}
	return nil
}

// isPath reports whether a flag's values are names of files or folders.
func isPath(f *flagT) bool {
	looks, _ := pflag.UnquoteUsage(f)
	return strings.Contains(looks, "FILE") || looks == "DIR"
}

// fullName is a flag's value that means the same in another folder.
func fullName(f *flagT, value string) string {
	if !isPath(f) || strings.Contains(value, "://") {
		return value
	}
	if full, err := filepath.Abs(value); err == nil && value != "" {
		return full
	}
	return value
}

// setFlags sets flags as they were given.
func setFlags(c *cobra.Command, given []string) error {
	for _, g := range given {
		name, value, _ := strings.Cut(g, "=")
		if c.Flags().Lookup(name) == nil {
			return fmt.Errorf("there is no flag --%.40s in this version of assay", name)
		}
		if err := c.Flags().Set(name, value); err != nil {
			return err
		}
	}
	return nil
}

// interruptible is r until ctx ends.
func interruptible(ctx context.Context, r io.Reader) io.Reader {
	return readerFunc(func(b []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return r.Read(b)
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// text is a flag's value that is any text.
type text struct{ to *string }

func newText(to *string) *text     { return &text{to} }
func (t *text) String() string     { return *t.to }
func (t *text) Type() string       { return "text" }
func (t *text) Set(s string) error { *t.to = s; return nil }

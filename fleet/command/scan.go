package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/fleet/job"
	"github.com/assaytls/assay/fleet/queue"
	"github.com/assaytls/assay/fleet/scan"
	"github.com/assaytls/assay/fleet/sink"
	"github.com/assaytls/assay/fleet/summary"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/target"
)

// scanFlags are the flags of scan that are not those of judging.
type scanFlags struct {
	judge  judgeFlags
	engine engineFlags
	limits limitFlags

	dir, resume, exclude, ports string
	batch                       int
	noWorker, noCollect         bool
	metrics                     string
	quiet                       bool
}

func (a *app) scanCommand() *cobra.Command {
	f := &scanFlags{batch: 100}
	c := &cobra.Command{
		Use: "scan FILE|-...", Short: "Judge the servers of a list of any length", GroupID: "many",
		Long: `Judge every server of a list: the whole verdict of assay check, one line a server. A FILE has
one target a line, - is standard input: HOST, HOST:PORT, a URL as in assay check, the columns
ADDRESS,NAME,TAG,PORT, or a prefix like 192.0.2.0/24 (with --ports). What follows # is a comment.
Targets that stand twice are probed once. A line that is no target is counted and written
to bad-lines.txt in the job's folder.

The folder that -o names has the job: its list, its rules, its results. A scan that was
interrupted goes on with --resume DIR, and what was done is not done again.

Two connections a second at most begin to one network (IPv4 /24, IPv6 /48) and to one domain,
one at a time. Tell people who you are: with --contact your URL is sent with every download.
Leave alone who asks for it: --exclude FILE. Loopback and private addresses are refused unless
--private allows them.

With --listen or --engine, assay scan worker on other machines joins the work.`,
		Example: `  assay scan hosts.txt -o today
  assay scan --resume today
  assay scan --ports 443,8443 --exclude optout.txt --contact https://example.com/scan - -o job < list
  assay scan --listen 192.0.2.1:4222 --engine-cert cert.pem --engine-key key.pem hosts.txt -o job`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error { return a.scan(c, f, args) },
	}
	g := flags.Under(c, "Input")
	g.Text(&f.ports, "ports", "`PORT[,PORT]` of targets that name none, and of prefixes")
	g.Text(&f.exclude, "exclude", "probe nothing that `FILE` names: addresses, prefixes, names with all below them")
	g = flags.Under(c, "Output")
	c.Flags().VarP(newText(&f.dir), "output", "o", "`DIR` of the job (default: a name from the time, which is printed first)")
	g.Text(&f.resume, "resume", "go on with the job in `DIR`")
	g.Text(&f.metrics, "metrics", "serve metrics for Prometheus at http://`ADDR`/metrics")
	g.Switch(&f.quiet, "quiet", "q", "no progress, no summary")
	f.judge.add(c)
	f.limits.add(c)
	f.engine.add(c)
	g = flags.Under(c, "Machines")
	g.Text(&f.engine.listen, "listen", "let workers on other machines join at `HOST:PORT`; beyond loopback with --engine-cert and --engine-key")
	g.Switch(&f.noWorker, "no-worker", "", "probe nothing here: workers elsewhere do")
	g.Switch(&f.noCollect, "no-collect", "", "store nothing here: assay scan collect does elsewhere")
	c.AddCommand(a.scanWorkerCommand(), a.scanCollectCommand(), a.scanShowCommand(), a.scanDiffCommand())
	return c
}

// ours are the flags that are of one run and not of the job.
var ours = []string{"output", "resume", "metrics", "quiet", "listen", "engine", "engine-creds", "engine-ca", "engine-cert", "engine-key", "token-file",
	"no-worker", "no-collect", "in-flight", "help"}

func (a *app) scan(c *cobra.Command, f *scanFlags, args []string) error {
	ctx := c.Context()
	given, err := a.given(c)
	if err != nil {
		return err
	}
	var m *job.Manifest
	switch {
	case f.resume != "" && (len(args) > 0 || f.dir != ""):
		return target.Usagef("--resume goes on with the list that the job has; it takes neither a FILE nor -o")
	case f.resume != "":
		f.dir = f.resume
		m, err = a.resumed(c, f, given)
	case len(args) == 0:
		return target.Usagef("no list of servers given").Hint("assay scan FILE reads one, assay scan - reads standard input; assay check HOST is for a few")
	}
	if err != nil {
		return err
	}
	if err := f.judge.check(); err != nil {
		return err
	}
	o, err := f.engine.options()
	if err != nil {
		return err
	}
	j, err := f.judge.judge(ctx, a.Run)
	if err != nil {
		return err
	}
	if m == nil {
		m, err = a.begin(ctx, f, args, given, j)
	} else {
		err = j.compare(m)
	}
	if err != nil {
		return err
	}
	unlock, err := job.Lock(f.dir)
	if err != nil {
		return target.Usagef("%v", err)
	}
	defer unlock()
	return a.runScan(ctx, f, m, j, o)
}

// begin makes the job's folder: the list, the manifest.
func (a *app) begin(ctx context.Context, f *scanFlags, args, given []string, j *judge) (*job.Manifest, error) {
	if f.dir == "" {
		f.dir = "scan-" + time.Now().Format("20060102-150405")
		fmt.Fprintln(a.Stdout, f.dir)
	}
	if _, err := os.Stat(filepath.Join(f.dir, job.ManifestFile)); err == nil {
		return nil, target.Usagef("%s has a job already", f.dir).Hint("assay scan --resume %s goes on with it", f.dir)
	}
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return nil, target.Usagef("the job's folder cannot be made: %v", command.PlainPathError(err))
	}
	o := job.ListOptions{Private: f.judge.private}
	var err error
	if o.Ports, err = job.Ports(f.ports); err != nil {
		return nil, target.Usagef("--ports: %v", err)
	}
	exclude := ""
	if f.exclude != "" {
		if o.Exclude, exclude, err = keepExclusions(f.dir, f.exclude); err != nil {
			return nil, err
		}
	}
	const shown = 5
	bad := 0
	o.Bad = func(b job.BadLine) {
		if bad++; bad <= shown {
			a.Warn(errors.New(b.String()))
		}
	}
	made, err := a.readLists(ctx, f.dir, args, o)
	if err != nil {
		return nil, err
	}
	n := made.Counts
	if bad > 0 {
		a.Warn(fmt.Errorf("%d lines are no targets, or may not be probed; %s has all of them", bad, filepath.Join(f.dir, job.BadFile)))
	}
	if n.Targets == 0 {
		return nil, target.Usagef("the list names no target")
	}
	id, seed := job.NewID()
	m := &job.Manifest{Version: job.ManifestVersion, ID: id, Created: time.Now().UTC().Truncate(time.Second), Assay: command.Build(),
		Sources: made.Sources, Counts: n, SHA256: made.SHA256, Batch: f.batch, Seed: fmt.Sprintf("%x", seed),
		Policy: f.judge.rules, Hash: j.policy, Anchors: j.anchors, Logs: j.logs, Exclude: exclude, Flags: given}
	if err := m.Write(f.dir); err != nil {
		return nil, target.Usagef("the job's folder cannot be written: %v", command.PlainPathError(err))
	}
	return m, nil
}

// readLists reads the lists that the arguments name.
func (a *app) readLists(ctx context.Context, dir string, args []string, o job.ListOptions) (*job.Listed, error) {
	var inputs []job.Input
	stdin := false
	for _, name := range args {
		if name == "-" {
			if stdin {
				return nil, target.Usagef("standard input can be read only once")
			}
			stdin = true
			inputs = append(inputs, job.Input{Name: "-", R: interruptible(ctx, a.Stdin)})
			continue
		}
		file, err := os.Open(strings.TrimPrefix(name, "@"))
		if err != nil {
			u := target.Usagef("the list cannot be read: %v", command.PlainPathError(err))
			if _, parsed := target.Parse(name); parsed == nil {
				u = u.Hint("assay scan takes lists of servers; for the server %s: assay check %s", name, name)
			}
			return nil, u
		}
		defer file.Close()
		if st, err := file.Stat(); err == nil && st.IsDir() {
			return nil, target.Usagef("the list cannot be read: %s is a directory", name)
		}
		full, err := filepath.Abs(file.Name())
		if err != nil {
			full = file.Name()
		}
		inputs = append(inputs, job.Input{Name: full, R: interruptible(ctx, file)})
	}
	made, err := job.CreateList(dir, inputs, o)
	if err != nil {
		return nil, target.Usagef("%v", command.PlainPathError(err))
	}
	return made, nil
}

// resumed reads the manifest of a job that is to go on, and sets the flags that it
// began with.
func (a *app) resumed(c *cobra.Command, f *scanFlags, given []string) (*job.Manifest, error) {
	m, err := job.ReadManifest(f.dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, target.Usagef("%s has no job", f.dir).Hint("assay scan FILE -o %s begins one", f.dir)
	}
	if err != nil {
		return nil, target.Usagef("the job cannot go on: %v", err)
	}
	if len(given) > 0 {
		name, _, _ := strings.Cut(given[0], "=")
		return nil, target.Usagef("--%s: a job goes on by the rules with which it began", name)
	}
	if err := m.CheckLists(f.dir); err != nil {
		return nil, target.Usagef("the job cannot go on: %v", err).Hint("with the list as it was it can; another list is another job: assay scan FILE -o DIR")
	}
	if err := setFlags(c, m.Flags); err != nil {
		return nil, target.Usagef("the job cannot go on: %v", err)
	}
	return m, nil
}

// runScan runs the job until it is done or interrupted.
func (a *app) runScan(ctx context.Context, f *scanFlags, m *job.Manifest, j *judge, o queue.Options) error {
	o.Dir = queue.StoreDir(f.dir)
	follow := a.follow(f.quiet)
	o.Told = follow.told
	e, err := queue.Open(ctx, o)
	if err != nil {
		return engineError(err)
	}
	defer e.Close()
	if addr := e.Addr(); addr != "" {
		a.Hint("workers join with: assay scan worker --engine %s --token-file %s", addressed(addr, o.TLS != nil), f.engine.tokenFile)
	}
	r := scan.Options{Dir: f.dir, Manifest: m, Publish: true, Collect: !f.noCollect, AckWait: ackWait, Started: follow.begin, Told: follow.told}
	exclusions, raw, err := openExclusions(f.dir, m)
	if err != nil {
		return err
	}
	if !e.Inside() || f.engine.listen != "" {
		if r.Description, err = describe(m, raw); err != nil {
			return err
		}
	}
	if !f.noWorker {
		w := j.worker(&f.judge, &f.limits, exclusions)
		r.Worker = &w
	}
	stopMetrics, err := follow.serve(f.metrics)
	if err != nil {
		return err
	}
	defer stopMetrics()
	state, over, err := scan.Elsewhere(f.dir, m)
	if err == nil && !(over && f.noCollect) {
		var progress *scan.Progress
		if progress, err = scan.Run(ctx, e, r); err == nil {
			state = progress.State()
		}
	}
	follow.end()
	switch {
	case errors.Is(err, sink.ErrLocked):
		return target.Usagef("%v", err)
	case err != nil:
		return target.Usagef("the scan has stopped: %v", err).Hint("what was done is kept; assay scan --resume %s goes on", f.dir)
	case state.Done < state.Total:
		a.Hint("what was done is kept; assay scan --resume %s goes on", f.dir)
		return nil
	}
	if f.noCollect {
		if err := scan.MarkElsewhere(f.dir, m, state.Tally); err != nil {
			return target.Usagef("that all is done cannot be noted: %v", command.PlainPathError(err)).Hint("assay scan --resume %s tries again, with the collector", f.dir)
		}
	}
	if err := scan.Finish(ctx, e, m.ID, f.dir); err != nil {
		a.Warn(fmt.Errorf("the job could not be taken out of the queue: %w", err))
	}
	if !f.noCollect {
		a.writePage(f.dir)
	}
	return a.summary(f, m, state)
}

// writePage writes the page into the folder of a job that is done. The results are
// complete without it.
func (a *app) writePage(dir string) {
	if _, err := summary.Write(dir); err != nil {
		a.Warn(target.Usagef("%s cannot be written: %v", summary.PageName, command.PlainPathError(err)).Hint("assay scan show %s tries again", dir))
	}
}

// summary prints what came of the job: of all of it, not of this run alone.
func (a *app) summary(f *scanFlags, m *job.Manifest, s scan.State) error {
	t := s.Tally
	if !f.noCollect && t.Accept+t.Reject+t.Inconclusive+t.Skipped < s.Total {
		all, err := summary.Read(f.dir)
		if err != nil {
			return unreadable(err)
		}
		t = tally(all)
	}
	// What was set aside because assay failed at it was to be judged and is not.
	for v, n := range map[int]uint64{command.Reject: t.Reject, command.Inconclusive: t.Inconclusive + t.Broken} {
		if n > 0 {
			a.Status = command.Worse(a.Status, v)
		}
	}
	if f.quiet {
		return nil
	}
	_, err := fmt.Fprintf(a.Stdout, "%d targets: %d accepted, %d rejected, %d inconclusive, %d skipped\nresults in %s\n",
		s.Total, t.Accept, t.Reject, t.Inconclusive, t.Skipped, f.dir)
	if t.Broken > 0 {
		a.Warn(fmt.Errorf("%d of the skipped targets could not be judged: assay failed at each again and again", t.Broken))
		a.Hint("assay scan show %s lists them; their rows have the failure", f.dir)
	}
	return err
}

// tally are the rows that a summary has counted.
func tally(s *summary.Summary) scan.Tally {
	return scan.Tally{Accept: uint64(s.Accept), Reject: uint64(s.Reject), Inconclusive: uint64(s.Inconclusive), Skipped: uint64(s.Skipped), Broken: s.Why(sink.SkipBroken)}
}

// given are the flags on the command line that are the job's, as they were given:
// "name=value". Files and folders have their full names.
func (a *app) given(c *cobra.Command) (all []string, err error) {
	err = c.Flags().ParseAll(a.after(c.Name()), func(flag *flagT, value string) error {
		if slices.Contains(ours, flag.Name) {
			return nil
		}
		all = append(all, flag.Name+"="+fullName(flag, value))
		return nil
	})
	return all, err
}

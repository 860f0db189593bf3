package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/fleet/job"
	"github.com/assaytls/assay/fleet/queue"
	"github.com/assaytls/assay/fleet/scan"
	"github.com/assaytls/assay/fleet/sink"
	"github.com/assaytls/assay/fleet/summary"
	"github.com/assaytls/assay/fleet/watch"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/target"
)

// joinFlags are the flags of those who join a job elsewhere.
type joinFlags struct {
	judge  judgeFlags
	engine engineFlags
	limits limitFlags

	dir, id, metrics string
	quiet            bool

	complete bool // the folder has all results of the job
}

func (f *joinFlags) add(c *cobra.Command) {
	f.engine.add(c)
	g := flags.Under(c, "Machines")
	g.Text(&f.id, "job", "`ID` of the job, where the queue has several")
	g = flags.Under(c, "Output")
	g.Switch(&f.quiet, "quiet", "q", "no progress")
	g.Text(&f.metrics, "metrics", "serve metrics for Prometheus at http://`ADDR`/metrics")
}

func (a *app) scanWorkerCommand() *cobra.Command {
	f := &joinFlags{}
	c := &cobra.Command{
		Use: "worker [FLAG]... --engine URL", Short: "Join a scan on another machine: probe",
		Long: `Probe targets of a scan that runs elsewhere, until it is done. The rules are the job's; trust anchors
and log lists are this machine's and must be those of the job, or the worker does not begin. Files that
the job names by flags (--roots FILE) are looked for here under the same names, or given anew.

Without --job it makes checks for assay serve --engine too, and once it has heard of one it stays until
it is interrupted.`,
		Example: `  assay scan worker --engine nats://127.0.0.1:4222 --token-file token
  assay scan worker --engine tls://scan.example:4222 --engine-ca ca.pem --token-file token --in-flight 2000`,
		Args: command.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.joinWorker(c, f) },
	}
	f.addWorker(c)
	return c
}

// addWorker adds the flags of a worker.
func (f *joinFlags) addWorker(c *cobra.Command) {
	f.add(c)
	f.judge.add(c)
	f.limits.add(c)
	c.Flags().StringVar(new(string), "ports", "", "")
	c.Flags().StringVar(new(string), "exclude", "", "")
	c.Flags().MarkHidden("ports") // they were heeded when the list was read
	c.Flags().MarkHidden("exclude")
}

func (a *app) scanCollectCommand() *cobra.Command {
	f := &joinFlags{}
	c := &cobra.Command{
		Use: "collect [FLAG]... --engine URL -o DIR", Short: "Join a scan on another machine: store the results",
		Long: `Store the results of a scan that runs elsewhere with --no-collect in a folder here, until all are
there. Interrupted, the same command goes on.`,
		Example: `  assay scan collect --engine tls://scan.example:4222 --engine-ca ca.pem --token-file token -o results`,
		Args:    command.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.joinCollector(c, f) },
	}
	f.add(c)
	c.Flags().VarP(newText(&f.dir), "output", "o", "`DIR` of the results")
	return c
}

// joinQueue joins the queue.
func (a *app) joinQueue(ctx context.Context, f *joinFlags, told func(string)) (*queue.Engine, error) {
	if f.engine.url == "" {
		return nil, target.Usagef("--engine URL is needed: where the scan is")
	}
	o, err := f.engine.options()
	if err != nil {
		return nil, err
	}
	o.Told = told
	e, err := queue.Open(ctx, o)
	if err != nil && f.complete {
		return nil, errComplete
	}
	if err != nil {
		return nil, engineError(err)
	}
	return e, nil
}

// join finds the job that the queue has. It waits for one.
func (a *app) join(ctx context.Context, f *joinFlags, told func(string)) (*queue.Engine, *job.Manifest, []byte, error) {
	e, err := a.joinQueue(ctx, f, told)
	if err != nil {
		return nil, nil, nil, err
	}
	m, exclude, err := a.findJob(ctx, e, f)
	if err != nil {
		e.Close()
		return nil, nil, nil, err
	}
	return e, m, exclude, nil
}

// findJob waits until the queue has the job, or a job.
func (a *app) findJob(ctx context.Context, e *queue.Engine, f *joinFlags) (*job.Manifest, []byte, error) {
	for told := false; ; {
		ids := []string{f.id}
		if f.id == "" {
			var err error
			if ids, err = e.Jobs(ctx); err != nil {
				ids = nil
			}
		}
		if len(ids) > 1 {
			return nil, nil, target.Usagef("the queue has %d jobs; --job says which: %v", len(ids), ids)
		}
		if len(ids) == 1 {
			if err := job.CheckID(ids[0]); err != nil {
				return nil, nil, target.Usagef("--job: %v", err)
			}
			b, err := e.Job(ids[0]).Description(ctx)
			if err == nil {
				m, exclude, err := readDescription(b)
				if err != nil {
					return nil, nil, target.Usagef("the job in the queue cannot be taken part in: %v", err)
				}
				return m, exclude, nil
			}
			if f.complete && errors.Is(err, queue.ErrGone) {
				return nil, nil, errComplete
			}
		}
		if !told {
			told = true
			if !f.quiet {
				a.Hint("the queue has no job yet; waiting for one")
			}
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
}

// joinWorker probes for the job that the queue has, and for those who watch.
func (a *app) joinWorker(c *cobra.Command, f *joinFlags) error {
	ctx := c.Context()
	follow := a.follow(true)
	e, err := a.joinQueue(ctx, f, follow.told)
	if err != nil {
		return err
	}
	defer e.Close()
	watched := func() bool { return false }
	if f.id == "" {
		deputy := &watch.Deputy{Stderr: a.Stderr, CacheDir: f.judge.network.CacheDir}
		runner, err := e.Run(min(f.limits.limits.InFlight, maxErrands), deputy.Answer)
		if err != nil {
			return target.Usagef("the queue cannot be used: %v", err)
		}
		defer runner.Close()
		watched = runner.Watched
	}
	stopMetrics, err := follow.serve(f.metrics)
	if err != nil {
		return err
	}
	defer stopMetrics()
	for {
		m, exclude, err := a.findJob(ctx, e, f)
		if err != nil {
			return err
		}
		if err := a.workOn(ctx, e, m, exclude, follow); err != nil || ctx.Err() != nil || !watched() {
			return err
		}
		a.Hint("the scan is done; this worker stays for assay serve")
	}
}

// maxErrands is how many checks a worker makes at a time for those who watch.
const maxErrands = 256

// workOn probes for one job. Its flags are read anew: what a job says holds for that job
// alone.
func (a *app) workOn(ctx context.Context, e *queue.Engine, m *job.Manifest, raw []byte, follow *follower) error {
	f := &joinFlags{}
	c := &cobra.Command{Use: "worker"}
	f.addWorker(c)
	if err := c.ParseFlags(a.after("worker")); err != nil {
		return target.Usagef("%v", err)
	}
	var inherited []string
	for _, g := range m.Flags {
		if flag := c.Flags().Lookup(before(g, '=')); flag == nil || !flag.Changed {
			inherited = append(inherited, g)
		}
	}
	if err := setFlags(c, inherited); err != nil {
		return target.Usagef("the job in the queue cannot be taken part in: %v", err)
	}
	if err := f.judge.check(); err != nil {
		return err
	}
	j, err := f.judge.judge(ctx, a.Run)
	if err != nil {
		return err
	}
	if err := j.compare(m); err != nil {
		return err
	}
	exclude, err := job.ParseExclusions(raw)
	if err != nil {
		return target.Usagef("the job's exclusions: %v", err)
	}
	w := j.worker(&f.judge, &f.limits, exclude)
	_, err = scan.Run(ctx, e, scan.Options{Manifest: m, Worker: &w, AckWait: ackWait, Started: follow.begin, Told: follow.told})
	return err
}

func (a *app) joinCollector(c *cobra.Command, f *joinFlags) error {
	ctx := c.Context()
	if f.dir == "" {
		return target.Usagef("-o DIR is needed: where the results go")
	}
	var err error
	if f.complete, err = f.collected(); err != nil {
		return err
	}
	follow := a.follow(f.quiet)
	e, m, exclude, err := a.join(ctx, f, follow.told)
	if errors.Is(err, errComplete) {
		return a.tellCollected(f)
	}
	if err != nil {
		return err
	}
	defer e.Close()
	if err := makeFolder(f.dir, m, exclude); err != nil {
		return err
	}
	had, err := summary.Read(f.dir) // the publisher elsewhere is told of all rows
	if errors.Is(err, sink.ErrNoResults) {
		had, err = new(summary.Summary), nil
	}
	if err != nil {
		return unreadable(err)
	}
	stopMetrics, err := follow.serve(f.metrics)
	if err != nil {
		return err
	}
	defer stopMetrics()
	progress, err := scan.Run(ctx, e, scan.Options{Dir: f.dir, Manifest: m, Collect: true, Before: tally(had), AckWait: ackWait, Started: follow.begin, Told: follow.told})
	follow.end()
	switch {
	case errors.Is(err, sink.ErrLocked):
		return target.Usagef("%v", err)
	case err != nil:
		return target.Usagef("the results can no longer be stored: %v", err).Hint("what was stored is kept; the same command goes on")
	}
	if s := progress.State(); s.Done == s.Total {
		return a.tellCollected(f)
	}
	a.Hint("what was stored is kept; the same command goes on")
	return nil
}

// errComplete says that all results are here and the queue has no such job any more.
var errComplete = errors.New("the job is done")

// collected reports whether the folder has a job, and all its results. Then the
// publisher may still have to be told.
func (f *joinFlags) collected() (bool, error) {
	m, err := job.ReadManifest(f.dir)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, target.Usagef("%v", err)
	}
	if f.id != "" && f.id != m.ID {
		return false, target.Usagef("%s has another job", f.dir)
	}
	f.id = m.ID
	complete, err := scan.Complete(f.dir, m)
	if err != nil {
		return false, target.Usagef("%v", err)
	}
	return complete, nil
}

func (a *app) tellCollected(f *joinFlags) error {
	a.writePage(f.dir)
	if f.quiet {
		return nil
	}
	_, err := fmt.Fprintf(a.Stdout, "all results are in %s\n", f.dir)
	return err
}

// before is what stands before the first c in s.
func before(s string, c byte) string {
	for i := range len(s) {
		if s[i] == c {
			return s[:i]
		}
	}
	return s
}

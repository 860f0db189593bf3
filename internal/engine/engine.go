// Package engine is the loop: judge the evidence, fetch what the judges still
// need, judge again. It is the only place where judging and I/O meet.
package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/internal/store"
	"github.com/assaytls/assay/internal/tlsclient"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// The bounds of one judgement.
const (
	maxRounds   = 4  // of judging and fetching
	auditRounds = 8  // more, for a log's tree head and the tiles below it
	maxNeeds    = 64 // downloads
	maxAIA      = 4  // of them, missing intermediates
	maxAIADepth = 3
	memoEntries = 1 << 14 // verified signatures remembered by an engine
	certEntries = 1024    // parsed certificates remembered
	maxSent     = 128     // certificates of a chain that are parsed; more is a finding
	maxPaths    = 3       // alternative paths judged when an intermediate is revoked
)

// Options configure an Engine.
type Options struct {
	Anchors *certpath.Anchors // required; may be empty
	LogList *ct.LogList       // nil: SCTs are shown, not verified
	Store   *store.Store      // nil: downloads are kept in memory only
	// Fetch limits downloads; nil means the defaults.
	Fetch *fetch.Client
	// Context, when not nil, ends every download; [Engine.Wait] returns when
	// they have ended.
	Context context.Context
	// Warn, when not nil, is told what does not change a verdict: a cache that
	// cannot be written.
	Warn func(error)
	// PublicRoots, when not nil, says whether an anchor is publicly trusted,
	// which is what browsers' CT policies apply to.
	PublicRoots func(spki []byte) bool
}

// Engine judges. It is safe for concurrent use and owns its caches.
type Engine struct {
	opt   Options
	memo  *cert.Memo
	certs *cert.Cache
	cache *bodyCache
	fetch *fetch.Client

	anchorsHash, logListHash string
	public                   sync.Map // what Options.PublicRoots said of an anchor, by its SHA-256
}

// New returns an engine.
func New(o Options) (*Engine, error) {
	if o.Anchors == nil {
		return nil, errors.New("engine: Options.Anchors is required")
	}
	e := &Engine{opt: o, memo: cert.NewMemo(memoEntries), certs: cert.NewCache(certEntries), cache: newBodyCache(), fetch: o.Fetch}
	e.anchorsHash = hexHash(o.Anchors.Hash())
	if o.LogList != nil {
		e.logListHash = hexHash(o.LogList.Hash())
	}
	if e.opt.Context == nil {
		e.opt.Context = context.Background()
	}
	if e.fetch == nil {
		e.fetch = &fetch.Client{}
	}
	return e, nil
}

// Wait returns when no download is under way.
func (e *Engine) Wait() { e.cache.running.Wait() }

// Check dials the target, judges what it presents, fetching what the judges
// need, and returns the report and all that was gathered. It never fails:
// whatever went wrong is in the report.
func (e *Engine) Check(ctx context.Context, c tlsclient.Config, p policy.Policy, a Access) (*report.Report, *evidence.Evidence) {
	start := time.Now()
	ev := tlsclient.Dial(ctx, c)
	r := e.Resolve(ctx, ev, p, a)
	r.Target.Source = report.FromCheck
	if r.Timing != nil {
		r.Timing.Total = milliseconds(time.Since(start))
	}
	return r, ev
}

// Resolve judges evidence and fetches what the judges need; what it fetched
// is added to ev.
func (e *Engine) Resolve(ctx context.Context, ev *evidence.Evidence, p policy.Policy, a Access) *report.Report {
	return e.newJudgement(ev, p, a).resolve(ctx)
}

// resolve is the loop. A panic in it refuses, as one in a judge does: it may
// run on a goroutine of its own, where it would end the program.
func (j *judgement) resolve(ctx context.Context) (r *report.Report) {
	defer runtime.KeepAlive(j)
	defer func() {
		if v := recover(); v != nil {
			r = j.panicked(v)
		}
	}()
	r, needs := j.judge(ctx)
	fetching := ctx
	if j.a.Budget > 0 && (len(needs) > 0 || !j.a.Offline) { // a timer costs more than all else that is left to do
		var cancel context.CancelFunc
		fetching, cancel = context.WithTimeout(ctx, j.a.Budget)
		defer cancel()
	}
	rounds := maxRounds
	if j.a.Audit {
		rounds += auditRounds
	}
	for round := 0; round < rounds && len(needs) > 0; round++ {
		if !j.fetchAll(fetching, needs) {
			break
		}
		r, needs = j.judge(ctx)
	}
	renewed := false
	err := shielded(func() error { renewed = j.refresh(fetching); return nil })
	if renewed {
		r, _ = j.judge(ctx)
	}
	if err = errors.Join(err, shielded(j.keep)); err != nil && j.e.opt.Warn != nil {
		j.e.opt.Warn(err)
	}
	return r
}

// shielded runs f, which reads bodies to keep or renew them and changes no
// verdict: the fault of reading a mapped file that somebody has cut becomes an
// error. Any other panic goes on.
func shielded(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch v := recover().(type) {
		case nil:
		case interface { // what SetPanicOnFault makes of a fault
			error
			Addr() uintptr
		}:
			err = fmt.Errorf("the cache changed while it was read: %w", v)
		default:
			panic(v)
		}
	}()
	return f()
}

// Judge judges evidence as it stands and fetches nothing: what is missing is a
// finding. The same evidence under the same policy gives the same report. Of a
// only what says which answers count matters: Nonce, Audit and Background.
func (e *Engine) Judge(ctx context.Context, ev *evidence.Evidence, p policy.Policy, a Access) *report.Report {
	j := e.newJudgement(ev, p, a)
	r, _ := j.judge(ctx)
	return r
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// Package engine is the loop: judge the evidence, fetch what the judges still
// need, judge again. It is the only place where judging and I/O meet.
package engine

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/internal/learnt"
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
	maxPaths    = 3       // paths on which revocation is judged when the best is not clean
)

// Options configure an Engine.
type Options struct {
	Store *store.Store // nil: downloads are kept in memory only
	// Remote is asked for what is not at hand; nil: nobody is. See download.Remote.
	Remote download.Remote
	// Fetch limits downloads; nil means the defaults.
	Fetch *fetch.Client
	// Context, when not nil, ends every download; [Engine.Wait] returns when
	// they have ended.
	Context context.Context
	// Warn, when not nil, is told what does not change a verdict: a cache that
	// cannot be written, what was learnt and is forgotten. It must not use the
	// engine.
	Warn func(error)
	// Learnt, when not nil, is called when a revocation was learnt. It must not
	// wait, nor use the engine.
	Learnt func()
	// KnownKeyTables verifies signatures by ECDSA keys that are seen often with tables
	// of their multiples, 32 MiB of them at most (internal/sig/known). Zero:
	// crypto/ecdsa alone.
	KnownKeyTables bool
}

// Engine judges. It is safe for concurrent use and owns its caches, which all
// that it judges share, whatever is trusted in it.
type Engine struct {
	opt   Options
	memo  *cert.Memo
	certs *cert.Cache
	cache *download.Cache

	learnt  *learnt.Set
	lessons atomic.Int64 // what was learnt here
}

// Counts are numbers that only grow: questions that copies at hand answered,
// requests to the network and those that brought nothing, revocations learnt by
// judgements of this engine; tables made for known keys, signatures that these
// accepted, and those of them that crypto/ecdsa was asked about too.
type Counts struct {
	Cached, Downloads, Failed, Learnt          int64
	TablesBuilt, TablesAccepted, TablesChecked int64
}

// Counts returns the numbers.
func (e *Engine) Counts() (n Counts) {
	n.Cached, n.Downloads, n.Failed = e.cache.Counts()
	n.Learnt = e.lessons.Load()
	tables := e.memo.KeyTables()
	n.TablesBuilt, n.TablesAccepted, n.TablesChecked = tables.Built, tables.Accepted, tables.Checked
	return n
}

// New returns an engine.
func New(o Options) *Engine {
	e := &Engine{opt: o, memo: cert.NewMemo(memoEntries), certs: cert.NewCache(certEntries),
		cache: download.New(download.Options{Store: o.Store, Remote: o.Remote, Fetch: o.Fetch, Context: o.Context, Warn: o.Warn})}
	if o.KnownKeyTables {
		e.memo = cert.NewMemoWithTables(memoEntries, 0)
	}
	e.learnt = learnt.New(learnt.Options{Store: o.Store, Warn: o.Warn, Shown: e.shown, Learnt: o.Learnt})
	return e
}

// Afresh returns an engine that has downloaded nothing and keeps nothing on the
// disk. What was learnt it shares with e.
func (e *Engine) Afresh() *Engine {
	o := e.opt
	o.Store, o.Remote, o.KnownKeyTables = nil, nil, false // for one judgement no table pays
	f := New(o)
	f.learnt = e.learnt
	return f
}

// Wait returns when no download is under way.
func (e *Engine) Wait() { e.cache.Wait() }

// Check dials the target, judges what it presents, fetching what the judges
// need, and returns the report, in detail d, and all that was gathered. It never
// fails: whatever went wrong is in the report.
func (e *Engine) Check(ctx context.Context, c tlsclient.Config, t *Trust, p policy.Policy, a download.Access, d assemble.Detail) (*report.Report, *evidence.Evidence) {
	start := time.Now()
	if t != nil {
		go t.names() // over a tenth of a megabyte, of which nothing depends on the server
	}
	dialled, look := tlsclient.DialAhead(ctx, c)
	r, ev := e.resolved(ctx, dialled, look, t, p, a, d)
	r.Target.Source = report.FromCheck
	if r.Timing != nil {
		r.Timing.Total = assemble.Milliseconds(time.Since(start))
	}
	return r, ev
}

// Resolve judges evidence and fetches what the judges need; the certificate that
// the server also serves is judged by itself, and both decide. It returns the
// report, in detail d, and the evidence with what was fetched; ev is not changed.
func (e *Engine) Resolve(ctx context.Context, ev *evidence.Evidence, t *Trust, p policy.Policy, a download.Access, d assemble.Detail) (*report.Report, *evidence.Evidence) {
	return e.resolved(ctx, ev, func(*evidence.Evidence) {}, t, p, a, d)
}

// resolved is Resolve of evidence to which look, called once between judging and
// report, adds what the server also serves: no judge asks for that.
func (e *Engine) resolved(ctx context.Context, ev *evidence.Evidence, look func(*evidence.Evidence), t *Trust, p policy.Policy, a download.Access, d assemble.Detail) (*report.Report, *evidence.Evidence) {
	j := e.newJudgement(ev, t, p, a, d)
	last := j.resolve(ctx)
	look(j.ev)
	_, r := j.standing(last, func() *round { return j.judge(ctx) })
	gathered := j.gathered()
	if also := j.ev.AlsoServes; also != nil {
		r.AlsoServes, gathered.AlsoServes = e.Resolve(ctx, also, t, p, a, d)
		report.Decide(r)
	}
	return r, gathered
}

// Judge judges evidence as it stands and fetches nothing: what is missing is a
// finding. The same evidence under the same trust and policy gives the same
// report. Of a only what says which answers count matters: Nonce, Audit and
// Background. ev is not changed.
func (e *Engine) Judge(ctx context.Context, ev *evidence.Evidence, t *Trust, p policy.Policy, a download.Access, d assemble.Detail) *report.Report {
	j := e.newJudgement(ev, t, p, a, d)
	j.final = true
	r := j.report(j.judge(ctx))
	if ev.AlsoServes != nil {
		r.AlsoServes = e.Judge(ctx, ev.AlsoServes, t, p, a, d)
		report.Decide(r)
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

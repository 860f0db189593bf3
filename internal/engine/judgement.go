package engine

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/assaytls/assay/crlite"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/secondopinion"
	"github.com/assaytls/assay/internal/sig/known"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// judgement is one report in the making: rounds of judging, and what is kept
// from one to the next.
type judgement struct {
	e       *Engine
	t       *Trust
	p       policy.Policy
	a       download.Access
	detail  assemble.Detail
	now     time.Time
	began   time.Time  // by the real clock
	live    bool       // what earlier judgements learnt is consulted, not the evidence's word for it alone
	tables  bool       // of known keys were believed when it began
	chains  [][][]byte // when not nil, the only candidate paths
	filters *crlite.Set

	ev              *evidence.Evidence // what is judged; a copy, to which artefacts are added
	given, answered []*Given           // lists from files: all of them, and those that gave an answer
	setup           []finding.Finding  // what is wrong with the evidence itself, or with how much it asks for
	spent           time.Duration      // by the rounds
	final           bool               // nothing more will be asked for
	material
	gathering
}

// gathering is what was asked for to judge the evidence. The maps are nil until
// needed.
type gathering struct {
	asked   map[download.Key]bool // needs asked for already, in any round
	got     map[int]*obtained     // by artefact: what came of a need
	aiaAsks int
	dropped int // needs beyond the limit
	fetches []report.Fetch
	aged    bool           // the caches gave what ought to be asked for again
	cut     bool           // the time for downloads ended while some were under way
	nonces  map[int][]byte // by position on the path
}

func (e *Engine) newJudgement(ev *evidence.Evidence, t *Trust, p policy.Policy, a download.Access, d assemble.Detail) *judgement {
	if t == nil {
		t = &Trust{}
	}
	p.Purpose = canonical(p.Purpose)
	own := *ev
	own.Artefacts, own.Learnt, own.Signers = slices.Clone(ev.Artefacts), slices.Clone(ev.Learnt), slices.Clone(ev.Signers)
	j := &judgement{e: e, tables: e.opt.KnownKeyTables && !known.Broken(), t: t, p: p, a: a, detail: d, ev: &own, now: p.Time, began: time.Now()}
	if j.now.IsZero() {
		j.now = ev.Time
	}
	if j.now.IsZero() {
		j.now = time.Now()
	}
	j.now = j.now.UTC()
	if t.Filters != nil && p.Schemes.Has(policy.CRLite) {
		j.filters = t.Filters()
	}
	j.giveLists()
	return j
}

// gathered is the evidence with all that was fetched for the judgement, and
// with the names of what was trusted.
func (j *judgement) gathered() *evidence.Evidence {
	ev := *j.ev
	ev.AnchorsHash, ev.LogListHash = j.t.names()
	ev.FiltersHash, ev.ProgramsHash = j.filtersHash(), j.programsHash()
	j.addGiven(&ev)
	return &ev
}

// resolve is the loop: judge, download what the judges need, judge again. It
// returns the last round. A panic in it refuses, as one in a judge does: it may
// run on a goroutine of its own, where it would end the program.
func (j *judgement) resolve(ctx context.Context) (last *round) {
	defer runtime.KeepAlive(j)
	defer func() {
		if v := recover(); v != nil {
			last = j.broken(v)
		}
	}()
	j.live = true
	last = j.judge(ctx)
	fetching := ctx
	if j.a.Budget > 0 && (len(last.wants) > 0 || !j.a.Offline) { // a timer costs more than all else that is left to do
		var cancel context.CancelFunc
		fetching, cancel = context.WithTimeout(ctx, j.a.Budget)
		defer cancel()
	}
	rounds := maxRounds
	if j.a.Audit {
		rounds += auditRounds
	}
	gather := func() {
		for ; rounds > 0 && len(last.wants) > 0 && j.fetchAll(fetching, last.wants); rounds-- {
			last = j.judge(ctx)
		}
	}
	gather()
	if j.refresh(fetching, last) {
		last = j.judge(ctx)
		gather()
	}
	for j.settled(last) {
		last = j.judge(ctx)
		gather()
	}
	return last
}

// settled is settle; what goes wrong in it changes no verdict.
func (j *judgement) settled(last *round) (more bool) {
	err := shielded(func() (err error) { more, err = j.settle(last); return err })
	if err != nil && j.e.opt.Warn != nil {
		j.e.opt.Warn(err)
	}
	return more
}

// judge is one round: what the judges make of what is known now.
func (j *judgement) judge(ctx context.Context) (r *round) {
	start := time.Now()
	defer func() { j.spent += time.Since(start) }()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // bodies may be mapped files,
	defer runtime.KeepAlive(j)                               // whose owners the evidence has
	defer func() {
		if v := recover(); v != nil {
			r = j.broken(v)
		}
	}()
	r = &round{judgement: j}
	if len(j.ev.Chain) > 0 {
		j.parse()
		r.run(ctx)
	}
	return r
}

// report is the report of the last round. The comparison with crypto/x509 is
// made here, once, where somebody reads it.
func (j *judgement) report(last *round) (r *report.Report) {
	judged := assemble.Judged{Evidence: j.ev, Policy: j.p, Time: j.now, Detail: j.detail}
	judged.AnchorsHash, judged.LogListHash = j.t.names()
	judged.FiltersHash, judged.ProgramsHash = j.filtersHash(), j.programsHash()
	judged.AnchorStore = j.store
	defer func() {
		if v := recover(); v != nil {
			r = assemble.Refusal(judged, *j.broken(v).failure)
		}
	}()
	if last.failure != nil {
		return assemble.Refusal(judged, *last.failure)
	}
	start := time.Now()
	judged.Sent, judged.Paths, judged.Chosen, judged.CT = j.sent, last.paths, last.chosen, last.ct
	judged.Findings, judged.Programs = last.findings, j.programs(context.Background(), last)
	if len(last.paths) > 0 {
		judged.Public = j.public(j.built.Paths[last.chosen])
	}
	if j.chains == nil && len(last.paths) > 0 {
		judged.Findings = append(judged.Findings, j.order()...)
		judged.SecondOpinion = report.OpinionNotAsked
		if j.detail == assemble.Full {
			said, about := secondopinion.Ask(secondopinion.Chain{Leaf: j.sent[0], Pool: j.pool, Paths: j.built.Paths,
				Chosen: &last.paths[last.chosen], Names: assemble.Names(j.p, j.ev.Target), Policy: j.p, Time: j.now})
			judged.SecondOpinion, judged.Findings = said, append(judged.Findings, about...)
		}
	}
	var about []finding.Finding
	judged.DANE, about = j.dane(last)
	judged.Findings = append(judged.Findings, about...)
	judged.Findings = append(judged.Findings, j.setup...)
	judged.Findings = append(judged.Findings, j.tablesFailed()...)
	judged.Fetches, judged.Audit, judged.Audited = j.fetches, j.a.Audit, last.audited
	judged.Judging = j.spent + time.Since(start)
	return assemble.Report(judged)
}

// broken is a round that v ended. It is called while the panic unwinds.
func (j *judgement) broken(v any) *round {
	f := finding.New(finding.InternalError, "what", j.ev.Target.Host, "detail", fmt.Sprint(v), "at", panicSite())
	return &round{judgement: j, failure: &f}
}

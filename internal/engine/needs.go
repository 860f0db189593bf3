package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/internal/revocation"
	"github.com/assaytls/assay/report"
)

// Kinds of artefacts of the evidence, besides those of the revocation judges.
const (
	kindAIA      = string(download.AIA)
	kindCT       = string(download.CT)
	kindCRLFile  = "crl-file"  // given by the user; URL is the file's name
	kindOCSPFile = "ocsp-file" // likewise
	kindSCTFile  = "sct-file"  // likewise: a SignedCertificateTimestampList
)

// obtained is what came of a need, and what it was.
type obtained struct {
	need    download.Need
	got     download.Got
	settled bool // the cache knows what the judges made of it
}

// needOf is a judge's need as a download.
func needOf(n revocation.Need) download.Need {
	return download.Need{Kind: download.Kind(n.Kind), URL: n.URL, Request: n.Request, IssuerKey: n.IssuerKey}
}

// fetchAll gets what is needed, all at once, and adds it to the evidence. It
// reports whether anything new came.
func (j *judgement) fetchAll(ctx context.Context, needs []download.Need) bool {
	var todo []download.Need
	for _, n := range needs {
		switch {
		case j.asked[n.Key()]:
		case len(j.asked) >= maxNeeds:
			j.dropped++
		default:
			j.ask(n)
			todo = append(todo, n)
		}
	}
	if j.dropped > 0 && !slices.ContainsFunc(j.setup, func(f finding.Finding) bool { return f.ID == finding.BudgetNeeds }) {
		j.setup = append(j.setup, finding.New(finding.BudgetNeeds, "count", strconv.Itoa(len(j.asked)+j.dropped), "limit", strconv.Itoa(maxNeeds)))
	}
	got := make([]download.Got, len(todo))
	took := make([]time.Duration, len(todo))
	terms := j.terms()
	var wg sync.WaitGroup
	for i, n := range todo {
		wg.Go(func() {
			start := time.Now()
			got[i] = j.e.cache.Get(ctx, n, terms)
			took[i] = time.Since(start)
		})
	}
	wg.Wait()
	j.cut = j.cut || ctx.Err() != nil && len(todo) > 0
	progress := j.dropped > 0
	for i, n := range todo {
		j.aged = j.aged || got[i].Due
		if got[i].Failure == download.NotCached {
			continue // nothing was asked: the judges say so themselves
		}
		j.add(n, got[i], took[i])
		j.addOthers(n, got[i].Others)
		progress = true
	}
	return progress
}

// ask notes that n is asked for.
func (j *judgement) ask(n download.Need) {
	if j.asked == nil {
		j.asked = map[download.Key]bool{}
	}
	j.asked[n.Key()] = true
}

// handIn adds to the evidence what is needed and at hand, so that the judges can use
// it in this round. It reports whether anything was. What has to be asked for waits
// for fetchAll, and so does what is beyond the limit.
func (j *judgement) handIn(needs []revocation.Need) (more bool) {
	if !j.live {
		return false
	}
	terms := j.terms()
	for _, want := range needs {
		n := needOf(want)
		if len(j.asked) >= maxNeeds || j.asked[n.Key()] {
			continue
		}
		if g, ok := j.e.cache.AtHand(n, terms); ok {
			j.ask(n)
			j.aged = j.aged || g.Due
			j.add(n, g, 0)
			j.addOthers(n, g.Others)
			more = true
		}
	}
	return more
}

// add adds what came of a need to the evidence.
func (j *judgement) add(n download.Need, g download.Got, took time.Duration) {
	if j.got == nil {
		j.got = map[int]*obtained{}
	}
	j.got[len(j.ev.Artefacts)] = &obtained{need: n, got: g}
	j.ev.Artefacts = append(j.ev.Artefacts, j.artefactOf(n, g, took))
	j.fetches = append(j.fetches, j.fetchOf(n, g, took))
}

// addOthers adds what counts beside what came of a need.
func (j *judgement) addOthers(n download.Need, others []*download.Artefact) {
	for _, a := range others {
		j.add(n, a.Standing(), 0)
		j.got[len(j.ev.Artefacts)-1].settled = true
	}
}

// artefactOf is what came of a need, as evidence. A failure is in it.
func (j *judgement) artefactOf(n download.Need, g download.Got, took time.Duration) evidence.Artefact {
	a := evidence.Artefact{Kind: string(n.Kind), URL: n.URL, Request: n.Request, Method: "GET", Fetched: time.Now().UTC(),
		Cached: g.Cached, Failure: g.Failure, Detail: g.Detail, Status: g.Status, Duration: took}
	if n.IssuerKey != [32]byte{} {
		a.IssuerKey = n.IssuerKey[:]
	}
	if j.sendsNonce() && n.Kind == download.OCSP {
		a.Method = "POST"
	}
	if g.Artefact != nil {
		a.Body, a.Owner, a.Fetched = g.Body, g.Owner, g.Fetched.UTC()
	}
	return a
}

// age is for how long a cached copy has been here, or since when it is confirmed,
// as of the time of the evidence; 0 for what is not cached.
func (j *judgement) age(cached bool, fetched time.Time) time.Duration {
	if !cached || j.ev.Time.IsZero() {
		return 0
	}
	return max(0, j.ev.Time.Sub(fetched))
}

func (j *judgement) fetchOf(n download.Need, g download.Got, took time.Duration) report.Fetch {
	f := report.Fetch{Kind: report.FetchKind(n.Kind), URL: n.URL, Outcome: report.Outcome(g.Outcome), MS: assemble.Milliseconds(took), Detail: g.Detail}
	if g.Artefact != nil {
		f.Bytes = int64(len(g.Body))
		f.CachedSeconds = int64(j.age(g.Cached, g.Fetched) / time.Second)
	}
	return f
}

// terms are how bodies may be had for this judgement.
func (j *judgement) terms() download.Terms {
	return download.Terms{Now: time.Now(), Offline: j.a.Offline, MaxAge: j.p.MaxAge, Nonce: j.sendsNonce(), Scope: j.scope(), Run: j.a.Run, Since: j.a.Since}
}

// sendsNonce reports whether OCSP requests have a nonce.
func (j *judgement) sendsNonce() bool { return j.a.Nonce || j.p.RequireNonce }

// nonce returns 32 random octets for the certificate at position i (RFC 9654,
// 2.1), the same each time.
func (j *judgement) nonce(i int) []byte {
	if j.nonces == nil {
		j.nonces = map[int][]byte{}
	}
	if j.nonces[i] == nil {
		j.nonces[i] = make([]byte, 32)
		rand.Read(j.nonces[i])
	}
	return j.nonces[i]
}

// scope is what may be connected to besides public addresses: the class of the
// address that the target answered from.
func (j *judgement) scope() fetch.Scope {
	return j.a.Scope.Reach(j.ev.Connection.Addr, j.ev.Target.Proxy != "")
}

// missingIssuers asks for the issuers that the server did not send, and says
// which could not be had.
func (r *round) missingIssuers() {
	p := &r.paths[r.chosen]
	for _, a := range r.ev.Artefacts {
		if a.Kind == kindAIA && a.Failure != "" && p.End != report.EndAnchor {
			p.Findings = append(p.Findings, finding.New(finding.AIAUnavailable, "url", a.URL, "detail", a.Detail))
		}
	}
	if p.End != report.EndNoIssuer || r.a.NoAIA {
		return
	}
	depth := 0
	for _, c := range p.Certs {
		if _, ok := r.fromAIA[c.SHA256]; ok {
			depth++
		}
	}
	if depth >= maxAIADepth {
		return
	}
	for _, url := range p.Certs[len(p.Certs)-1].CAIssuers {
		r.wantIssuer(url)
	}
}

// wantIssuer wants the certificate at url and reports whether it has not been
// asked for yet and may be.
func (r *round) wantIssuer(url string) bool {
	n := download.Need{Kind: download.AIA, URL: url}
	if r.a.NoAIA || r.aiaAsks >= maxAIA || r.asked[n.Key()] {
		return false
	}
	r.aiaAsks++
	r.wants = append(r.wants, n)
	return true
}

// refresh asks the network again for what the cache had and the judges could
// not use: a list that has gone stale, a body that somebody damaged. It
// reports whether anything was replaced.
func (j *judgement) refresh(ctx context.Context, last *round) (replaced bool) {
	if j.a.Offline {
		return false
	}
	terms := j.terms()
	terms.Refresh = true
	for i, a := range j.ev.Artefacts {
		o := j.got[i]
		if u := last.use(i).Outcome; o == nil || !a.Cached || u == revocation.NotUsed || u >= revocation.Answered {
			continue
		}
		if g := o.got; g.Artefact != nil && j.a.Run.Asked(g.Fetched, terms.Now) {
			continue // for another target, a moment ago
		}
		start := time.Now()
		g := j.e.cache.Get(ctx, o.need, terms)
		if g.Failure != "" || g.Cached {
			continue // what the cache had stays; its findings say what is wrong with it
		}
		j.got[i] = &obtained{need: o.need, got: g}
		j.ev.Artefacts[i] = j.artefactOf(o.need, g, time.Since(start))
		j.fetches = append(j.fetches, j.fetchOf(o.need, g, time.Since(start)))
		j.addOthers(o.need, g.Others)
		delete(j.lists, i)
		replaced = true
	}
	return replaced
}

// use says what the round used artefact i for.
func (r *round) use(i int) (u revocation.Use) {
	if i < len(r.used) {
		u = r.used[i]
	}
	return u
}

// settle tells the cache what the judges made of what it gave, so that it keeps
// what was proved and nothing else. Where that takes the place of nothing that was
// proved before, both count: settle adds what the cache has to the evidence and
// reports that the judges have to look again.
func (j *judgement) settle(last *round) (more bool, err error) {
	terms := j.terms()
	led := j.issuersThatLed()
	for i := range j.ev.Artefacts {
		o := j.got[i]
		if o == nil || o.settled || o.got.Artefact == nil {
			continue
		}
		o.settled = true
		u := last.use(i)
		v := download.Verdict{Answered: u.Outcome >= revocation.Answered, Revoking: u.Outcome == revocation.Revoking,
			Authentic: u.Outcome == revocation.Authentic, Until: u.Until}
		if o.need.Kind == download.AIA {
			v = download.Verdict{Answered: led[i], Authentic: true}
		} else if u.Outcome == revocation.NotUsed {
			continue
		}
		also, e := j.e.cache.Judged(o.need, terms, o.got, v)
		err = errors.Join(err, e)
		j.addOthers(o.need, also)
		more = more || len(also) > 0
	}
	return more, err
}

// issuersThatLed are the indexes of the artefacts that brought a certificate
// which a path to an anchor goes through.
func (j *judgement) issuersThatLed() map[int]bool {
	led := map[int]bool{}
	if j.built == nil || len(j.fromAIA) == 0 {
		return led
	}
	for _, p := range j.built.Paths {
		if p.End != report.EndAnchor || !proven(p) {
			continue
		}
		for _, c := range p.Certs {
			for _, i := range j.fromAIA[c.SHA256] {
				led[i] = true
			}
		}
	}
	return led
}

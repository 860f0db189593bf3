package engine

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"slices"
	"sync"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/internal/revocation"
	"github.com/assaytls/assay/report"
)

// Kinds of artefacts. The first three are the revocation judges' own words.
const (
	kindCRL      = "crl"
	kindDelta    = "delta-crl"
	kindOCSP     = "ocsp"
	kindAIA      = "aia"
	kindCT       = "ct"        // a log's tree head, proof or tile
	kindCRLFile  = "crl-file"  // given by the user; URL is the file's name
	kindOCSPFile = "ocsp-file" // likewise
	kindSCTFile  = "sct-file"  // likewise: a SignedCertificateTimestampList
)

// notCached stands for a download that Offline forbids.
const notCached = "not-cached"

// need is one download that a judge wants.
type need struct {
	revocation.Need
	maxBytes int64 // 0 = the fetcher's limit
}

// key tells needs apart: one request per key, however many ask.
func (n need) key() string {
	h := sha256.Sum256(n.Request)
	return n.Kind + "\x00" + n.URL + "\x00" + string(n.IssuerKey[:]) + "\x00" + string(h[:])
}

// fetchAll gets what is needed, all at once, and adds it to the evidence. It
// reports whether anything new came.
func (j *judgement) fetchAll(ctx context.Context, needs []need) bool {
	var todo []need
	for _, n := range needs {
		k := n.key()
		if j.asked[k] {
			continue
		}
		if len(j.asked) >= maxNeeds {
			j.dropped++
			continue
		}
		if j.asked == nil {
			j.asked, j.needs = map[string]bool{}, map[int]need{}
		}
		j.asked[k] = true
		todo = append(todo, n)
	}
	if j.dropped > 0 && !slices.ContainsFunc(j.setup, func(f finding.Finding) bool { return f.ID == finding.BudgetNeeds }) {
		j.setup = append(j.setup, finding.New(finding.BudgetNeeds, "count", itoa(len(j.asked)+j.dropped), "limit", itoa(maxNeeds)))
	}
	got := make([]evidence.Artefact, len(todo))
	facts := make([]report.Fetch, len(todo))
	var wg sync.WaitGroup
	for i, n := range todo {
		wg.Go(func() { got[i], facts[i] = j.obtain(ctx, n) })
	}
	wg.Wait()
	progress := j.dropped > 0
	for i, n := range todo {
		if got[i].Failure == notCached {
			continue // nothing was asked: the judges say so themselves
		}
		j.needs[len(j.ev.Artefacts)] = n
		j.ev.Artefacts = append(j.ev.Artefacts, got[i])
		j.fetches = append(j.fetches, facts[i])
		progress = true
	}
	return progress
}

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

// obtain gets one need from the caches or the network. A failure is in the
// artefact.
func (j *judgement) obtain(ctx context.Context, n need) (evidence.Artefact, report.Fetch) {
	start := time.Now()
	a := evidence.Artefact{Kind: n.Kind, URL: n.URL, Request: n.Request, Method: "GET", Fetched: start.UTC()}
	if n.IssuerKey != [32]byte{} {
		a.IssuerKey = n.IssuerKey[:]
	}
	if j.a.Nonce && n.Kind == kindOCSP {
		a.Method = "POST"
	}
	b := j.e.guarded(ctx, n, j.bodyOptions(false))
	a.Body, a.Owner, a.Failure, a.Detail, a.Cached, a.Status = b.body, b.owner, b.failure, b.detail, b.cached, b.status
	if !b.fetched.IsZero() {
		a.Fetched = b.fetched.UTC()
	}
	if b.aged {
		j.aged.Store(true)
	}
	a.Duration = time.Since(start)
	f := report.Fetch{Kind: report.FetchKind(n.Kind), URL: n.URL, Outcome: report.Outcome(b.outcome), Bytes: int64(len(b.body)), MS: assemble.Milliseconds(a.Duration), Detail: b.detail}
	return a, f
}

func (j *judgement) bodyOptions(refresh bool) bodyOptions {
	return bodyOptions{now: time.Now(), offline: j.a.Offline, current: j.a.Background, refresh: refresh, maxAge: j.p.MaxAge, nonce: j.a.Nonce, scope: j.scope()}
}

// scope is what may be connected to besides public addresses: the class of the
// address that the target answered from.
func (j *judgement) scope() fetch.Scope {
	return j.a.Scope.fetchScope(j.ev.Connection.Addr, j.ev.Target.Proxy != "")
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
		n := need{Need: revocation.Need{Kind: kindAIA, URL: url}}
		if r.aiaAsks >= maxAIA || r.asked[n.key()] {
			continue
		}
		r.aiaAsks++
		r.wants = append(r.wants, n)
	}
}

// refresh asks the network again for what the cache had and the judges could
// not use: a list that has gone stale, a body that somebody damaged. It
// reports whether anything was replaced.
func (j *judgement) refresh(ctx context.Context, last *round) (replaced bool) {
	if j.a.Offline {
		return false
	}
	for i, a := range j.ev.Artefacts {
		if !a.Cached || last.use(i).Outcome != revocation.Useless {
			continue
		}
		n, ok := j.needs[i]
		if !ok {
			continue
		}
		b := j.e.body(ctx, n, j.bodyOptions(true))
		if b.failure != "" || b.cached {
			continue // what the cache had stays; its findings say what is wrong with it
		}
		j.ev.Artefacts[i].Body, j.ev.Artefacts[i].Owner = b.body, b.owner
		j.ev.Artefacts[i].Fetched, j.ev.Artefacts[i].Cached = b.fetched.UTC(), false
		delete(j.lists, i)
		j.fetches = append(j.fetches, report.Fetch{Kind: report.FetchKind(n.Kind), URL: n.URL, Outcome: report.Outcome(b.outcome), Bytes: int64(len(b.body))})
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

// keep writes what proved authentic to the disk cache: bodies that gave an
// answer, and issuers on a path to an anchor. Nothing else is worth
// remembering, and garbage must not outlive the network that served it.
func (j *judgement) keep(last *round) (err error) {
	if len(j.needs) == 0 {
		return nil
	}
	led := j.issuersThatLed()
	for i, a := range j.ev.Artefacts {
		n, asked := j.needs[i]
		if asked && a.Cached && a.Failure == "" && j.e.cache.unindexed(a.Body) {
			j.e.rememberIndex(n, a) // if it cannot be written the next one reads the list through, too
			continue
		}
		if !asked || a.Cached || a.Failure != "" || n.Kind == kindOCSP && j.a.Nonce {
			continue
		}
		if u := last.use(i); led[i] || u.Outcome >= revocation.Answered {
			if e := j.e.remember(n, a, u.Until); e != nil && err == nil {
				err = e
			}
		}
	}
	return err
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

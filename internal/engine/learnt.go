package engine

import (
	"slices"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/learnt"
	"github.com/assaytls/assay/internal/revocation"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// recent is how long ago the evidence of a judgement may be gathered that teaches
// the next ones. What is judged for another time proves nothing about now.
const recent = 10 * time.Minute

// maxConsulted bounds the entries of one judgement's evidence: as many as can be
// saved and read again. The judgement itself heeds all that is known.
const maxConsulted = 1024

// past is what the judges are told of earlier judgements. It goes into the
// evidence: what is judged again consults that and nothing else.
func (j *judgement) past() revocation.Past {
	return revocation.Past{About: j.about, Signer: j.learntSigner, Anchored: j.anchored}
}

func (j *judgement) about(c, issuer *cert.Certificate) (out []evidence.Learnt) {
	id := learnt.Of(c, issuer)
	if j.live {
		out = j.e.learnt.About(id)
		for _, l := range out {
			j.consult(l)
		}
	}
	for i := range j.ev.Learnt {
		l := &j.ev.Learnt[i]
		if learnt.IDOf(l) == id && !slices.ContainsFunc(out, func(o evidence.Learnt) bool { return o.SameSource(l) }) {
			out = append(out, *l)
		}
	}
	return out
}

// consult adds an entry to the evidence, and the certificates that it names.
func (j *judgement) consult(l evidence.Learnt) {
	same := func(o evidence.Learnt) bool { return o.SameSource(&l) && learnt.IDOf(&o) == learnt.IDOf(&l) }
	if i := slices.IndexFunc(j.ev.Learnt, same); i >= 0 {
		j.ev.Learnt[i] = l
		return
	}
	if len(j.ev.Learnt) >= maxConsulted {
		return
	}
	j.ev.Learnt = append(j.ev.Learnt, l)
	for _, h := range l.Signer {
		known := slices.ContainsFunc(j.ev.Signers, func(der []byte) bool { return evidence.HashOf(der) == h })
		if der := j.e.learnt.Signer(h); der != nil && !known && len(j.ev.Signers) < maxConsulted {
			j.ev.Signers = append(j.ev.Signers, der)
		}
	}
}

// learntSigner finds a certificate that an entry names.
func (j *judgement) learntSigner(h evidence.Hash) *cert.Certificate {
	for _, der := range j.ev.Signers {
		if evidence.HashOf(der) == h {
			return j.e.certs.Parse(der)
		}
	}
	return nil
}

// learn remembers what the judges saw on a path. What is judged for another time
// than now teaches nothing, nor does a path on which somebody issued who may not:
// anybody could fill the memory by way of it.
func (j *judgement) learn(path certpath.Path, lessons revocation.Lessons) {
	if j.p.Time.IsZero() && j.began.Sub(j.now) < recent && j.now.Sub(j.began) < recent && issuersMay(path) {
		j.e.lessons.Add(int64(j.e.learnt.Add(j.began, lessons.Learnt, lessons.Signers)))
		j.e.learnt.End(j.began, lessons.Ended)
	}
}

// issuersMay reports whether nothing is wrong with those who issued.
func issuersMay(path certpath.Path) bool {
	for _, fs := range path.CertFindings[min(1, len(path.CertFindings)):] {
		if report.Worst(fs) >= finding.Error {
			return false
		}
	}
	return true
}

// path is the [learnt.Path] of the round's chosen path.
func (r *round) path() (p learnt.Path) {
	if r.built == nil || r.chosen < 0 || r.chosen >= len(r.built.Paths) {
		return p
	}
	certs := r.built.Paths[r.chosen].Certs
	for i := range len(certs) - 1 {
		if i == 0 || r.p.Depth != policy.DepthLeaf {
			p.Certs = append(p.Certs, learnt.Of(certs[i], certs[i+1]))
		}
	}
	p.Anchor = evidence.HashOf(certs[len(certs)-1].RawSPKI)
	return p
}

// Stands runs f and returns true, unless by now a revocation has been learnt of a
// certificate of the path. None is learnt while f runs, which must not use the
// engine: so no acceptance is stored that a revocation has overtaken.
func (e *Engine) Stands(path learnt.Path, t *Trust, p policy.Policy, f func()) bool {
	now := time.Now()
	return e.learnt.Unless(path.Certs, func(l *evidence.Learnt) bool {
		return revocation.Speaks(l, p, now, func(key evidence.Hash) bool { return key == path.Anchor || t.anchoredBy(p.Trust, key) })
	}, f)
}

// Lessons is how often a revocation was learnt: as long as it stays the same, what
// Stands said holds.
func (e *Engine) Lessons() uint64 { return e.learnt.Lessons() }

// LearnFromOthers learns what other processes have learnt that share the directory.
func (e *Engine) LearnFromOthers() { e.learnt.Sync() }

// standing judges again while an acceptance has been overtaken by what other
// judgements learnt meanwhile.
func (j *judgement) standing(last *round, judge func() *round) (*round, *report.Report) {
	r := j.report(last)
	for n := 0; n < maxRounds && r.Verdict == report.Accept && !j.e.Stands(last.path(), j.t, j.p, func() {}); n++ {
		last = judge()
		r = j.report(last)
	}
	return last, r
}

// Learnt returns the revocations that are remembered, the latest first.
func (e *Engine) Learnt() []evidence.Learnt { return e.learnt.List() }

// Forget lifts what is remembered about the certificates with a serial number or
// a SHA-256, in hex (see learnt.Set.Forget), and returns how many entries that
// were.
func (e *Engine) Forget(what string) (int, error) { return e.learnt.Forget(what) }

// shown reports whether a proved list that is at hand shows an entry.
func (e *Engine) shown(l evidence.Learnt) bool {
	return l.Scheme == policy.CRL && l.URL != "" &&
		e.cache.Shows(download.Need{Kind: download.CRL, URL: l.URL, IssuerKey: l.IssuerKey}, time.Now())
}
